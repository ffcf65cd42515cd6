/* SPDX-License-Identifier: BSD-3-Clause */
#include "log.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/stat.h>

static const char *const level_names[] = { "emerg",   "alert",  "crit", "err",
					   "warning", "notice", "info", "debug" };

static atomic_int max_level = LOG_INFO;

void log_set_max_level(int level)
{
	max_level = level;
}

int log_get_max_level(void)
{
	return max_level;
}

int log_level_from_string(const char *name)
{
	for (size_t level = 0; level < ARRAY_SIZE(level_names); level++) {
		const char digit[] = { (char)('0' + level), '\0' };

		if (!strcmp(name, level_names[level]) || !strcmp(name, digit))
			return (int)level;
	}
	return -EINVAL;
}

const char *log_level_to_string(int level)
{
	return level_names[level];
}

/* systemd puts device and inode of the journal's socket into JOURNAL_STREAM. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char own[64];
	struct stat st;

	if (!stream || fstat(STDERR_FILENO, &st) < 0)
		return false;
	snprintf(own, sizeof(own), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return !strcmp(stream, own);
}

int log_full(int level, int error, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list arguments;

	if (level > max_level)
		return error;

	va_start(arguments, format);
	errno = -error;
	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	va_end(arguments);

	if (stderr_is_journal())
		fprintf(stderr, "<%d>%s\n", level, text ? text : format);
	else
		fprintf(stderr, "%s\n", text ? text : format);
	return error;
}
