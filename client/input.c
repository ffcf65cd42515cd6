/* SPDX-License-Identifier: BSD-3-Clause */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "input.h"
#include "smmctl.h"
#include "util.h"

/* No chip holds more. */
#define INPUT_MAX (2u * 1024 * 1024)

static int read_stdin(char **text, size_t *size, sd_bus_error *error)
{
	_cleanup_free_ char *buffer = malloc(INPUT_MAX + 1);

	if (!buffer)
		return -ENOMEM;
	*size = fread(buffer, 1, INPUT_MAX + 1, stdin);
	if (ferror(stdin))
		return sd_bus_error_set(error, SD_BUS_ERROR_IO_ERROR, "cannot read standard input");
	if (*size > INPUT_MAX)
		return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
					 "standard input holds more than %u bytes, which no "
					 "memory can take",
					 INPUT_MAX);
	*text = TAKE(buffer);
	return 0;
}

static int join(char *const *words, char **text, size_t *size)
{
	FILE *stream = open_memstream(text, size);

	if (!stream)
		return -ENOMEM;
	for (size_t i = 0; words[i]; i++)
		fprintf(stream, "%s%s", i ? " " : "", words[i]);
	return fclose(stream) ? -ENOMEM : 0;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Turns pairs of digits into bytes, in place. */
static int decode_hex(char *text, size_t *size, sd_bus_error *error)
{
	size_t out = 0;

	for (size_t in = 0; in < *size; in++) {
		if (isspace((unsigned char)text[in]))
			continue;
		int high = digit(text[in]);
		int low = ++in < *size ? digit(text[in]) : -1;
		if (high < 0 || low < 0)
			return usage_error(error,
					   "--hex takes pairs of hex digits, as in: 00 ff a1");
		text[out++] = (char)(high << 4 | low);
	}
	*size = out;
	return 0;
}

int input_data(char *const *words, bool hex, void **data, size_t *size, sd_bus_error *error)
{
	_cleanup_free_ char *text = NULL;
	int r;

	if (!words[0] || (strcmp(words[0], "-") == 0 && !words[1]))
		r = read_stdin(&text, size, error);
	else
		r = join(words, &text, size);
	if (r < 0)
		return r;

	if (hex) {
		r = decode_hex(text, size, error);
		if (r < 0)
			return r;
	}
	*data = TAKE(text);
	return 0;
}
