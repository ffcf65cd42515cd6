/* SPDX-License-Identifier: BSD-3-Clause */
/* What went wrong, as one sentence that ends with what to do about it. */
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "errors.h"
#include "smmctl.h"

static void set_complaint(struct smmctl *ctl, const char *format, va_list arguments)
{
	free(TAKE(ctl->error_name));
	free(ctl->complaint);
	if (vasprintf(&ctl->complaint, format, arguments) < 0)
		ctl->complaint = NULL;
}

int usage_error(struct smmctl *ctl, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	set_complaint(ctl, format, arguments);
	va_end(arguments);
	ctl->status = STATUS_USAGE;
	return -EINVAL;
}

int failure(struct smmctl *ctl, int r, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	set_complaint(ctl, format, arguments);
	va_end(arguments);
	return r;
}

int call_failure(struct smmctl *ctl, smm_call *call, int r)
{
	failure(ctl, r, "%s", smm_call_error_message(call));
	ctl->error_name = strdup(smm_call_error_name(call));
	return r;
}

/* Where smmd is not */

/* The machine that ssh is to reach, or NULL. */
static const char *host_of(const struct smmctl *ctl)
{
	return ctl->where && !strncmp(ctl->where, "host:", strlen("host:"))
		       ? ctl->where + strlen("host:")
		       : NULL;
}

bool is_elsewhere(const struct smmctl *ctl)
{
	return host_of(ctl) || (ctl->where && !strncmp(ctl->where, "machine:", strlen("machine:")));
}

const char *where_words(const struct smmctl *ctl)
{
	if (!ctl->where)
		return "the system bus";
	if (is_elsewhere(ctl))
		return strchr(ctl->where, ':') + 1;
	return strcmp(ctl->where, "user") == 0 ? "the user bus" : ctl->where;
}

static void print_absence(const struct smmctl *ctl)
{
	if (!ctl->where)
		fputs("smmd does not run on the system bus; start it as root with 'smmd', or "
		      "choose another bus with --user or --address=ADDRESS",
		      stderr);
	else if (!strcmp(ctl->where, "user"))
		fputs("smmd does not run on the user bus; start it with 'smmd --user "
		      "--config=PATH'",
		      stderr);
	else if (is_elsewhere(ctl))
		fprintf(stderr,
			"smmd does not run on the system bus of %s; start it there as root with "
			"'smmd'",
			where_words(ctl));
	else
		fprintf(stderr,
			"smmd does not run on this bus; start it with 'smmd --address=%s "
			"--config=PATH'",
			ctl->where);
}

static const char *user_name(void)
{
	const struct passwd *user = getpwuid(geteuid());

	return user ? user->pw_name : "$USER";
}

/* The library's words for a bus that is not to be had are "cannot reach the bus '...': why". */
static const char *reason(const char *message, int r)
{
	const char *why = strstr(message, "': ");

	return why ? why + strlen("': ") : strerror(-r);
}

/* Whether there is no way to smmd at all, which then was said. */
static bool print_no_way(const struct smmctl *ctl, const char *name, const char *message, int r)
{
	if (!strcmp(name, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
	    !strcmp(name, SD_BUS_ERROR_NAME_HAS_NO_OWNER))
		print_absence(ctl);
	else if (ctl->opening && r == -EACCES)
		fprintf(stderr,
			"the message bus does not let you talk to smmd; 'sudo usermod -a -G smm "
			"%s' "
			"makes you a member of the group smm, from your next login on",
			user_name());
	else if (ctl->opening && host_of(ctl) && strcmp(name, ERROR_NO_SUCH_MEMORY) != 0)
		fprintf(stderr,
			"cannot reach %s: %s; ssh has to get there without a question, and to find "
			"systemd and the system bus",
			host_of(ctl), reason(message, r));
	else if (ctl->opening && strcmp(name, ERROR_NO_SUCH_MEMORY) != 0)
		fprintf(stderr,
			"cannot reach %s: %s; choose another with --system, --user, --host=HOST, "
			"--machine=NAME or --address=ADDRESS",
			where_words(ctl), reason(message, r));
	else if (r == -ECONNRESET)
		fputs("smmd went away before it answered; a change is now done in full or not at "
		      "all; look again when smmd is back",
		      stderr);
	else
		return false;
	return true;
}

/* Advice, where the daemon cannot know how it was asked. */

static const struct {
	const char *name;
	const char *word; /* of the message, where there are several of the name */
	const char *advice;
} advice[] = {
	{ ERROR_NO_SUCH_BLOCK, NULL, "'smmctl list' shows the blocks" },
	{ ERROR_NO_SUCH_MEMORY, "none was chosen",
	  "choose one with --memory=NAME or SMM_MEMORY=NAME" },
	{ ERROR_NO_SUCH_MEMORY, NULL, "'smmctl status' shows the memories" },
	{ ERROR_NO_SPACE, NULL, "'smmctl list' shows what could be freed" },
	{ ERROR_QUOTA_EXCEEDED, NULL, "'smmctl list' shows what could be freed" },
	{ ERROR_NAME_TAKEN, NULL, "take another name, or 'smmctl store' for a block of your own" },
	{ ERROR_NOT_FORMATTED, "force", "that is 'smmctl format --force'" },
	{ ERROR_NOT_FORMATTED, "Format", "that is 'smmctl format'" },
	{ ERROR_CORRUPT, "beyond correction", "'smmctl dump FILE' saves what is there" },
	{ ERROR_CHECKSUM_MISMATCH, NULL, "'smmctl store' gives it a new content" },
	{ ERROR_NOT_A_COUNTER, NULL, "'smmctl show' says what it is" },
	{ ERROR_OFFLINE, NULL, "'smmctl status' says more" },
	{ ERROR_BUSY, NULL, "try again in a moment" },
	{ SD_BUS_ERROR_ACCESS_DENIED, "block", "'smmctl list' shows owners and modes" },
	{ SD_BUS_ERROR_ACCESS_DENIED, NULL, "try it with sudo" },
	{ SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED, NULL, "try it with sudo" },
	{ SD_BUS_ERROR_UNKNOWN_METHOD, NULL, "smmd is older than smmctl; update it" },
};

static const char *find_advice(const char *name, const char *message)
{
	for (size_t i = 0; i < ARRAY_SIZE(advice); i++)
		if (!strcmp(advice[i].name, name) &&
		    (!advice[i].word || strstr(message, advice[i].word)))
			return advice[i].advice;
	return NULL;
}

void complain(const struct smmctl *ctl, int r)
{
	const char *name = ctl->complaint ? ctl->error_name : smm_client_error_name(ctl->client);
	const char *message =
		ctl->complaint ? ctl->complaint : smm_client_error_message(ctl->client);
	const char *hint;

	fputs("smmctl: ", stderr);
	if (!name || !*name || !print_no_way(ctl, name, message, r)) {
		hint = name ? find_advice(name, message) : NULL;
		fputs(*message ? message : strerror(-r), stderr);
		if (hint)
			fprintf(stderr, "; %s", hint);
	}
	fputc('\n', stderr);
}
