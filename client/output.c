/* SPDX-License-Identifier: BSD-3-Clause */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "output.h"

#define DUMP_WIDTH 16u

static void print_dump_line(size_t offset, const unsigned char *bytes, size_t count)
{
	printf("%08zx ", offset);
	for (size_t i = 0; i < DUMP_WIDTH; i++) {
		if (i == DUMP_WIDTH / 2)
			putchar(' ');
		if (i < count)
			printf(" %02x", bytes[i]);
		else
			fputs("   ", stdout);
	}
	fputs("  |", stdout);
	for (size_t i = 0; i < count; i++)
		putchar(isascii(bytes[i]) && isprint(bytes[i]) ? bytes[i] : '.');
	puts("|");
}

void print_content(const void *data, size_t size)
{
	const unsigned char *bytes = data;

	if (!isatty(STDOUT_FILENO)) {
		fwrite(data, 1, size, stdout);
		return;
	}
	for (size_t offset = 0; offset < size; offset += DUMP_WIDTH)
		print_dump_line(offset, bytes + offset,
				size - offset < DUMP_WIDTH ? size - offset : DUMP_WIDTH);
}

const char *format_size(uint64_t bytes, char text[SIZE_TEXT])
{
	if (bytes < 1024)
		snprintf(text, SIZE_TEXT, "%" PRIu64 " bytes", bytes);
	else if (bytes < 1024 * 1024)
		snprintf(text, SIZE_TEXT, "%.4g KiB", (double)bytes / 1024);
	else
		snprintf(text, SIZE_TEXT, "%.4g MiB", (double)bytes / (1024 * 1024));
	return text;
}

const char *format_mode(uint32_t mode, char text[MODE_TEXT])
{
	static const char letters[] = "rwxrwxrwx";

	for (unsigned int i = 0; i < MODE_TEXT - 1; i++)
		text[i] = mode & 0400u >> i ? letters[i] : '-';
	text[MODE_TEXT - 1] = '\0';
	return text;
}
