/* SPDX-License-Identifier: BSD-3-Clause */
#include "authority.h"

#include <errno.h>

#include "util.h"

#define ACTION "org.smm1.manage"

#define PATIENCE_US (5 * 60 * UINT64_C(1000000)) /* that a user has for a password */

struct question {
	sd_bus_slot *call;
	uid_t uid;
	bool interactive;
	void (*answer)(void *userdata, int result, const sd_bus_error *error);
	void *userdata;
};

DEFINE_CLEANUP(struct question *, question_drop);

void question_drop(struct question *question)
{
	if (!question)
		return;
	sd_bus_slot_unref(question->call);
	free(question);
}

static int is_none(const struct question *q, const char *why, sd_bus_error *error)
{
	return sd_bus_error_setf(error, SD_BUS_ERROR_ACCESS_DENIED,
				 "only uid 0 may do this where polkit does not answer; the caller "
				 "is uid %u (polkit: %s)",
				 q->uid, why);
}

/* What polkit says. Return: 0, or a negative errno with @error set. */
static int read_answer(const struct question *q, sd_bus_message *m, sd_bus_error *error)
{
	const sd_bus_error *failure = sd_bus_message_get_error(m);
	int authorized, challenge, r;

	if (failure)
		return is_none(q, failure->message, error);
	r = sd_bus_message_enter_container(m, 'r', "bba{ss}");
	if (r >= 0)
		r = sd_bus_message_read(m, "bb", &authorized, &challenge);
	if (r < 0)
		return is_none(q, "what it says is no answer", error);
	if (authorized)
		return 0;
	if (challenge && !q->interactive)
		return sd_bus_error_setf(error, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED,
					 "uid %u may do this (" ACTION ") after a password only, "
					 "and the call does not allow to ask for it",
					 q->uid);
	return sd_bus_error_setf(error, SD_BUS_ERROR_ACCESS_DENIED,
				 "polkit does not let uid %u do this (" ACTION ")", q->uid);
}

static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *unused)
{
	_cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
	_cleanup_(question_dropp) struct question *question = userdata;
	int r;

	(void)unused;
	r = read_answer(question, m, &error);
	question->answer(question->userdata, r, &error);
	return 1;
}

int authority_ask(sd_bus *bus, const struct creds *creds, sd_bus_message *message,
		  void (*answer)(void *userdata, int result, const sd_bus_error *error),
		  void *userdata, struct question **question, sd_bus_error *error)
{
	_cleanup_(question_dropp) struct question *q = calloc(1, sizeof(*q));
	_cleanup_message_ sd_bus_message *m = NULL;
	int r;

	if (!q)
		return -ENOMEM;
	q->uid = creds->caller.uid;
	q->interactive = sd_bus_message_get_allow_interactive_authorization(message) > 0;
	q->answer = answer;
	q->userdata = userdata;

	r = sd_bus_message_new_method_call(
		bus, &m, "org.freedesktop.PolicyKit1", "/org/freedesktop/PolicyKit1/Authority",
		"org.freedesktop.PolicyKit1.Authority", "CheckAuthorization");
	if (r >= 0)
		r = sd_bus_message_append(m, "(sa{sv})sa{ss}us", "system-bus-name", 1, "name", "s",
					  creds->name, ACTION, 0, (uint32_t)q->interactive, "");
	if (r >= 0)
		r = sd_bus_call_async(bus, &q->call, m, on_answer, q, PATIENCE_US);
	if (r < 0)
		return sd_bus_error_set_errno(error, r);
	*question = TAKE(q);
	return 0;
}
