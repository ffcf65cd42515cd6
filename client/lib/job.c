/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Calls that are jobs of smmd. The answers to Dump and Restore have the path of theirs, and the
 * calls end when the jobs do. Check and Format are answered at their end, and have a token by which
 * their jobs are found meanwhile.
 */
#include "private.h"

static int set_job(smm_call *call, const char *path)
{
	call->job = strdup(path);
	if (!call->job)
		return -ENOMEM;
	if (call->cancelled) /* before there was one */
		smmc_job_cancel(call);
	return 0;
}

int smmc_job_begin(smm_call *call, sd_bus_message *answer)
{
	const char *path;
	int r = sd_bus_message_read(answer, "o", &path);

	return r < 0 ? r : set_job(call, path);
}

/* smmd says what became of it by the signal that it is finished, and an answer has no news. */
void smmc_job_cancel(smm_call *call)
{
	_cleanup_message_ sd_bus_message *m = NULL;
	smm_client *c = call->client;
	sd_bus *bus = call->over_main ? c->main.bus : c->session.bus;

	if (sd_bus_message_new_method_call(bus, &m, SMM_BUS_NAME, call->job, SMM_JOB_INTERFACE,
					   "Cancel") < 0)
		return;
	(void)sd_bus_message_set_expect_reply(m, false);
	(void)sd_bus_send(bus, m, NULL);
}

static smm_call *find(smm_client *c, const char *path)
{
	smm_call *call;

	TAILQ_FOREACH (call, &c->calls, link) {
		if (call->job && !strcmp(call->job, path))
			return call;
	}
	return NULL;
}

static smm_call *find_by_token(smm_client *c, uint64_t token)
{
	smm_call *call;

	TAILQ_FOREACH (call, &c->calls, link) {
		if (token && call->token == token && !call->job)
			return call;
	}
	return NULL;
}

/* "done", "canceled", or the name of an error and its message */
static void finish(smm_call *call, const char *result)
{
	_cleanup_free_ char *name = NULL;
	const char *colon = strstr(result, ": ");
	bool done = strcmp(result, "done") == 0;

	if (done && call->bytes_total)
		smmc_call_progressed(call, call->bytes_total, call->bytes_total);
	if (call->token) /* the answer comes */
		return;
	if (done)
		return smmc_call_end(call, 0, NULL, NULL);
	if (!strcmp(result, "canceled"))
		return smmc_call_end(call, -ECANCELED, ERROR_CANCELED, "the job was canceled");
	name = colon ? strndup(result, (size_t)(colon - result)) : strdup(result);
	smmc_call_end(call, name ? smmc_error_number(name) : -ENOMEM,
		      name ? name : SD_BUS_ERROR_NO_MEMORY, colon ? colon + 2 : result);
}

/* What is said of a job. */
struct numbers {
	uint64_t done, total, token;
};

/* Reads those of a{sv}; what is not in it stays as it is. */
static void read_numbers(sd_bus_message *m, struct numbers *n)
{
	const char *name, *type;
	uint64_t number;

	if (sd_bus_message_enter_container(m, 'a', "{sv}") < 0)
		return;
	while (sd_bus_message_enter_container(m, 'e', "sv") > 0) {
		if (sd_bus_message_read(m, "s", &name) < 0 ||
		    sd_bus_message_peek_type(m, NULL, &type) < 0)
			return;
		if (strcmp(type, "t") != 0) {
			if (sd_bus_message_skip(m, "v") < 0)
				return;
		} else {
			if (sd_bus_message_read(m, "v", "t", &number) < 0)
				return;
			if (!strcmp(name, "BytesDone"))
				n->done = number;
			else if (!strcmp(name, "BytesTotal"))
				n->total = number;
			else if (!strcmp(name, "Token"))
				n->token = number;
		}
		if (sd_bus_message_exit_container(m) < 0)
			return;
	}
}

static void take_numbers(smm_call *call, const struct numbers *n)
{
	if (n->done >= call->bytes_done)
		smmc_call_progressed(call, n->done, n->total);
}

/* A job is there, with all its properties. */
static void take_job(smm_client *c, const char *path, sd_bus_message *m)
{
	smm_call *call = find(c, path);
	struct numbers n = { 0 };

	read_numbers(m, &n);
	if (!call) {
		call = find_by_token(c, n.token);
		if (!call || set_job(call, path) < 0)
			return;
	}
	take_numbers(call, &n);
}

static void take_added(smm_client *c, sd_bus_message *m)
{
	const char *path, *interface;

	if (sd_bus_message_read(m, "o", &path) < 0 ||
	    sd_bus_message_enter_container(m, 'a', "{sa{sv}}") < 0)
		return;
	while (sd_bus_message_enter_container(m, 'e', "sa{sv}") > 0) {
		if (sd_bus_message_read(m, "s", &interface) < 0)
			return;
		if (!strcmp(interface, SMM_JOB_INTERFACE))
			return take_job(c, path, m);
		if (sd_bus_message_skip(m, "a{sv}") < 0 || sd_bus_message_exit_container(m) < 0)
			return;
	}
}

void smmc_job_signal(smm_client *c, sd_bus_message *m)
{
	const char *result;
	smm_call *call;

	if (sd_bus_message_is_signal(m, NULL, "InterfacesAdded") > 0)
		return take_added(c, m);
	call = find(c, sd_bus_message_get_path(m));
	if (!call)
		return;
	if (sd_bus_message_is_signal(m, SMM_JOB_INTERFACE, "Finished") > 0) {
		if (sd_bus_message_read(m, "s", &result) >= 0)
			finish(call, result);
	} else if (sd_bus_message_is_signal(m, PROPERTIES_INTERFACE, "PropertiesChanged") > 0) {
		struct numbers n = { call->bytes_done, call->bytes_total, 0 };

		if (sd_bus_message_read(m, "s", NULL) < 0)
			return;
		read_numbers(m, &n);
		take_numbers(call, &n);
	}
}
