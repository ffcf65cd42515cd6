/* SPDX-License-Identifier: BSD-3-Clause */
#include "log.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/uio.h>

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

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
bool log_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char own[64];
	struct stat st;

	if (!stream || fstat(STDERR_FILENO, &st) < 0)
		return false;
	snprintf(own, sizeof(own), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return !strcmp(stream, own);
}

/* Return: whether the journal has taken it. Where its socket is not there, sd_journal_sendv() drops
 * it and calls that a success. */
static bool send_to_journal(int level, const struct log_about *about, const char *text)
{
	const char *const fields[][2] = {
		{ "MESSAGE", text },
		{ "MESSAGE_ID", about->message },
		{ "SMM_MEMORY", about->memory },
		{ "SMM_BLOCK", about->block },
		{ "SMM_ERROR", about->error },
	};
	char priority[] = "PRIORITY=0", *lines[ARRAY_SIZE(fields)] = { 0 };
	struct iovec parts[ARRAY_SIZE(fields) + 1];
	int n = 0, r = -ENOMEM;

	priority[sizeof(priority) - 2] = (char)('0' + level);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		if (!fields[i][1])
			continue;
		if (asprintf(&lines[n], "%s=%s", fields[i][0], fields[i][1]) < 0) {
			lines[n] = NULL;
			break;
		}
		parts[n] = (struct iovec){ lines[n], strlen(lines[n]) };
		n++;
	}
	if (n) {
		parts[n] = (struct iovec){ priority, strlen(priority) };
		r = sd_journal_sendv(parts, n + 1);
	}
	while (n)
		free(lines[--n]);
	return r >= 0;
}

static void put(int level, const struct log_about *about, const char *text)
{
	bool journal = log_is_journal();

	if (journal && access(JOURNAL_SOCKET, W_OK) == 0 && send_to_journal(level, about, text))
		return;
	if (journal)
		fprintf(stderr, "<%d>", level);
	fprintf(stderr, "%s\n", text);
}

void log_event(int level, const struct log_about *about, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list arguments;

	if (level > max_level)
		return;
	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	va_end(arguments);
	put(level, about, text ? text : format);
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

	put(level, &(struct log_about){ 0 }, text ? text : format);
	return error;
}
