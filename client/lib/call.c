/* SPDX-License-Identifier: BSD-3-Clause */
/* A call: sent, under way, ended; all kinds alike. */
#include "private.h"

smm_call *smm_call_ref(smm_call *call)
{
	atomic_fetch_add(&call->references, 1);
	return call;
}

void smm_call_unref(smm_call *call)
{
	if (!call || atomic_fetch_sub(&call->references, 1) > 1)
		return;
	smmc_answer_release(call);
	free(call->error_name);
	free(call->error_message);
	free(call->job);
	smmc_client_unref(call->client);
	free(call);
}

/* What the program is to know */

static void tell_progress(smm_client *c, smm_call *call)
{
	uint64_t done = call->bytes_done, total = call->bytes_total;
	int r;

	call->progressed = false;
	if (!call->progress || call->cancelled)
		return;
	pthread_mutex_unlock(&c->lock);
	r = call->progress(done, total, call->userdata);
	pthread_mutex_lock(&c->lock);
	if (r)
		smmc_call_cancel(call);
}

static void tell_end(smm_client *c, smm_call *call)
{
	smm_call_callback done = TAKE(call->done);

	pthread_mutex_unlock(&c->lock);
	done(call, call->userdata);
	pthread_mutex_lock(&c->lock);
}

static void run_event(smm_client *c, struct event *event)
{
	smm_call *call = (smm_call *)((char *)event - offsetof(smm_call, event));

	if (!c->closed && call->progressed)
		tell_progress(c, call);
	if (!c->closed && call->ended && call->done)
		tell_end(c, call);
	smm_call_unref(call);
}

/* A new event holds a reference. */
static void queue(smm_call *call)
{
	if (call->event.queued || call->sync)
		return;
	smm_call_ref(call);
	smmc_client_queue(call->client, &call->event);
}

void smmc_call_progressed(smm_call *call, uint64_t done, uint64_t total)
{
	call->bytes_done = done;
	call->bytes_total = total;
	call->progressed = true;
	if (call->progress)
		queue(call);
}

/* The end */

static void leave(smm_call *call)
{
	smm_client *c = call->client;

	call->slot = sd_bus_slot_unref(call->slot);
	TAILQ_REMOVE(&c->calls, call, link);
	c->n_on_main -= call->over_main;
}

void smmc_call_end(smm_call *call, int r, const char *name, const char *message)
{
	smm_client *c = call->client;

	if (call->ended)
		return;
	call->ended = true;
	call->result = r;
	if (r < 0) {
		call->error_name = strdup(name);
		call->error_message = strdup(message);
	}
	leave(call);
	if (call->hook)
		call->hook(call);
	if (call->done && !c->closed)
		queue(call);
	pthread_cond_broadcast(&c->stepped);
	smm_call_unref(call);
}

/* Answers */

static void end_with(smm_call *call, const sd_bus_error *error)
{
	const char *where = call->client->where ? call->client->where : "system";
	int r = smmc_error_number(error->name);
	char text[256];

	if (r == -ECONNRESET && smmc_now_us() >= call->deadline) {
		r = -ETIMEDOUT;
		snprintf(text, sizeof(text), "smmd has not answered %s in time",
			 call->kind->member);
	} else if (r == -ECONNRESET) {
		snprintf(text, sizeof(text), "smmd went away before it answered %s",
			 call->kind->member);
	} else if (r == -EHOSTDOWN) {
		snprintf(text, sizeof(text), "smmd does not run on the bus '%s'", where);
	} else if (sd_bus_error_has_name(error, SD_BUS_ERROR_UNKNOWN_OBJECT)) {
		smmc_call_end(call,
			      call->kind->absent ? smmc_error_number(call->kind->absent) : -ENXIO,
			      call->kind->absent ? call->kind->absent : ERROR_NO_SUCH_MEMORY,
			      "smmd has no such object");
		return;
	} else {
		smmc_call_end(call, r, error->name, error->message);
		return;
	}
	smmc_call_end(call, r, error->name, text);
}

static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *unused)
{
	smm_call *call = userdata;
	const sd_bus_error *error = sd_bus_message_get_error(m);
	int r;

	(void)unused;
	call->slot = sd_bus_slot_unref(call->slot);
	if (error) {
		end_with(call, error);
		return 0;
	}
	smmc_client_set_connected(call->client, true);
	r = call->kind->take(call, m);
	if (r < 0)
		smmc_call_end(call, r, SD_BUS_ERROR_INCONSISTENT_MESSAGE,
			      r == -ENOMEM
				      ? "there is no memory for the answer"
				      : "smmd answers in a way that this library does not know");
	else if (!call->kind->is_job)
		smmc_call_end(call, 0, NULL, NULL);
	return 0;
}

void smmc_calls_lose(smm_client *c, const sd_bus *bus, bool only_jobs)
{
	smm_call *call, *next;

	for (call = TAILQ_FIRST(&c->calls); call; call = next) {
		next = TAILQ_NEXT(call, link);
		if (call->bus == bus && (call->job || !only_jobs))
			smmc_call_end(call, -ECONNRESET, SD_BUS_ERROR_DISCONNECTED,
				      "smmd went away before it answered");
	}
}

/* The beginning */

static int new_message(smm_client *c, const struct call_kind *kind, const char *path, sd_bus *bus,
		       sd_bus_message **message)
{
	int r;

	if (!path)
		path = kind->of_manager ? SMM_MANAGER_PATH : c->path;
	if (!path)
		return smmc_error_set(c, -ENXIO, ERROR_NO_SUCH_MEMORY, "no memory was chosen");
	r = sd_bus_message_new_method_call(bus, message, SMM_BUS_NAME, path, kind->interface,
					   kind->member);
	if (r >= 0)
		r = sd_bus_message_set_allow_interactive_authorization(*message, c->interactive);
	return r < 0 ? smmc_error_set_errno(c, r, "a call cannot be made") : 0;
}

int smmc_call_new(smm_client *c, const struct call_kind *kind, const char *path, smm_call **call,
		  sd_bus_message **message)
{
	_cleanup_message_ sd_bus_message *m = NULL;
	smm_call *new;
	sd_bus *bus;
	int r = -ECANCELED;

	bus = c->closed ? NULL : smmc_connection_for_call(c, &r);
	if (!bus)
		return r;
	r = new_message(c, kind, path, bus, &m);
	if (r < 0)
		return r;
	new = calloc(1, sizeof(*new));
	if (!new)
		return smmc_error_set_errno(c, -ENOMEM, "a call cannot be made");
	new->references = 1;
	new->client = c;
	atomic_fetch_add(&c->references, 1);
	new->kind = kind;
	new->bus = bus;
	new->over_main = bus == c->main.bus;
	new->event.run = run_event;
	*call = new;
	*message = TAKE(m);
	return 0;
}

/* What is under way holds a reference of its own. */
static int send_off(smm_call *call, sd_bus_message *message)
{
	smm_client *c = call->client;
	uint64_t now = smmc_now_us();
	int r;

	r = sd_bus_call_async(sd_bus_message_get_bus(message), &call->slot, message, on_answer,
			      call, c->timeout ? c->timeout : 1);
	if (r < 0)
		return r;
	call->deadline = c->timeout < UINT64_MAX - now ? now + c->timeout : UINT64_MAX;
	smm_call_ref(call);
	TAILQ_INSERT_TAIL(&c->calls, call, link);
	c->n_on_main += call->over_main;
	return 0;
}

int smmc_call_send(smm_call *call, sd_bus_message *message, int r, smm_call **out)
{
	smm_client *c = call->client;
	char what[128];

	if (r >= 0)
		r = send_off(call, message);
	sd_bus_message_unref(message);
	if (r >= 0) {
		*out = call;
		return 0;
	}
	snprintf(what, sizeof(what), "%s cannot be sent", call->kind->member);
	smm_call_unref(call);
	return smmc_error_set_errno(c, r, what);
}

void smmc_call_attach(smm_call *call, smm_call_callback done, void *userdata)
{
	call->done = done;
	call->userdata = userdata;
}

/* Waiting, or not */

int smmc_call_note(const smm_call *call)
{
	return smmc_error_set(call->client, call->result,
			      call->error_name ? call->error_name : SD_BUS_ERROR_NO_MEMORY, "%s",
			      call->error_message ? call->error_message : "there is no memory");
}

int smmc_call_wait(smm_call *call)
{
	while (!call->ended) {
		(void)smmc_connection_step(call->client, UINT64_MAX);
		if (call->sync && call->progressed)
			tell_progress(call->client, call);
	}
	return call->result;
}

int smmc_call_finish(smm_call *call)
{
	smm_client *c = call->client;
	int r;

	smmc_client_lock(c);
	call->sync = true;
	r = smmc_call_wait(call);
	if (r < 0)
		smmc_call_note(call);
	smmc_client_unlock(c);
	return r;
}

int smm_call_wait(smm_call *call)
{
	int r;

	smmc_client_lock(call->client);
	r = smmc_call_wait(call);
	smmc_client_unlock(call->client);
	return r;
}

void smmc_call_cancel(smm_call *call)
{
	if (call->ended)
		return;
	call->cancelled = true;
	if (call->job)
		smmc_job_cancel(call);
	else if (!call->kind->is_job && !call->token)
		smmc_call_end(call, -ECANCELED, ERROR_CANCELED, "the call was canceled");
}

void smm_call_cancel(smm_call *call)
{
	smmc_client_lock(call->client);
	smmc_call_cancel(call);
	smmc_client_unlock(call->client);
}

int smm_call_result(smm_call *call)
{
	int r;

	smmc_client_lock(call->client);
	r = call->ended ? call->result : -EINPROGRESS;
	smmc_client_unlock(call->client);
	return r;
}

static const char *text_of(smm_call *call, char *const *text)
{
	const char *found;

	smmc_client_lock(call->client);
	found = call->ended && *text ? *text : "";
	smmc_client_unlock(call->client);
	return found;
}

const char *smm_call_error_name(smm_call *call)
{
	return text_of(call, &call->error_name);
}

const char *smm_call_error_message(smm_call *call)
{
	return text_of(call, &call->error_message);
}
