/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mock-polkit: is in the place of polkit, and answers as it is told.
 *
 * Each question is a line on standard output: the subject, the action, the flags. Say(s) of
 * org.smm1.MockPolkit at /mock takes the answer to all questions that are open and to all that
 * come: a key of answers[], or "nothing", as it is to begin with.
 */
#include <string.h>

#include "util.h"

#define OPEN_MAX 256u

static const struct answer {
	const char *name;
	const char *types;
	int first, second;
} answers[] = {
	{ "yes", "(bba{ss})", 1, 0 },
	{ "no", "(bba{ss})", 0, 0 },
	{ "challenge", "(bba{ss})", 0, 1 },
	/* What is none. */
	{ "error", NULL, 0, 0 },
	{ "empty", "", 0, 0 },
	{ "pair", "(bb)", 1, 1 },
	{ "numbers", "(uua{ss})", 1, 1 },
};

static const struct answer *said;
static sd_bus_message *open_questions[OPEN_MAX];
static unsigned int n_open;

static void check(int r, const char *what)
{
	if (r >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, strerror(-r));
	exit(EXIT_FAILURE);
}

static int answer(sd_bus_message *question)
{
	if (!said->types)
		return sd_bus_reply_method_errorf(
			question, "org.freedesktop.PolicyKit1.Error.Failed", "it is broken");
	return sd_bus_reply_method_return(question, said->types, said->first, said->second, 0);
}

/* Not as a vtable has it: sd-bus would see to it that the answer has the right types. */
static int check_authorization(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	const char *kind, *key, *name, *action;
	uint32_t flags;

	(void)userdata;
	(void)error;
	if (!sd_bus_message_is_method_call(m, "org.freedesktop.PolicyKit1.Authority",
					   "CheckAuthorization"))
		return 0;
	check(sd_bus_message_read(m, "(sa{sv})s", &kind, 1, &key, "s", &name, &action), "question");
	check(sd_bus_message_skip(m, "a{ss}"), "question");
	check(sd_bus_message_read(m, "u", &flags), "question");
	printf("%s %s=%s %s %u\n", kind, key, name, action, flags);

	if (said)
		return answer(m);
	if (n_open == OPEN_MAX)
		return -ENOBUFS;
	open_questions[n_open++] = sd_bus_message_ref(m);
	return 1;
}

static int say(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	const char *name;

	(void)userdata;
	(void)error;
	check(sd_bus_message_read(m, "s", &name), "answer");
	said = NULL;
	for (const struct answer *a = answers; a < answers + ARRAY_SIZE(answers); a++)
		if (!strcmp(a->name, name))
			said = a;
	if (!said && strcmp(name, "nothing") != 0)
		return -EINVAL;
	while (said && n_open) {
		check(answer(open_questions[--n_open]), "answer");
		sd_bus_message_unref(open_questions[n_open]);
	}
	return sd_bus_reply_method_return(m, NULL);
}

static const sd_bus_vtable mock[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("Say", "s", "", say, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};

int main(void)
{
	_cleanup_bus_unref_ sd_bus *bus = NULL;
	int r;

	setlinebuf(stdout);
	check(sd_bus_open_system(&bus), "bus");
	check(sd_bus_add_object(bus, NULL, "/org/freedesktop/PolicyKit1/Authority",
				check_authorization, NULL),
	      "object");
	check(sd_bus_add_object_vtable(bus, NULL, "/mock", "org.smm1.MockPolkit", mock, NULL),
	      "object");
	check(sd_bus_request_name(bus, "org.freedesktop.PolicyKit1", 0), "name");
	while ((r = sd_bus_process(bus, NULL)) >= 0)
		if (r == 0)
			check(sd_bus_wait(bus, UINT64_MAX), "bus");
	return EXIT_SUCCESS; /* the bus is gone */
}
