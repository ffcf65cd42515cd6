/* SPDX-License-Identifier: BSD-3-Clause */
#include "request.h"

#include <errno.h>

#include "authority.h"
#include "errors.h"
#include "log.h"
#include "util.h"

/* Bytes that each user may have waiting, however small the chip is. */
#define SHARE_MIN 262144u

static void request_free(struct request *request)
{
	question_drop(request->question);
	sd_bus_message_unref(request->message);
	creds_unref(request->creds);
	sd_bus_error_free(&request->error);
	free(request->content);
	for (size_t i = 0; i < request->n_parts; i++)
		free(request->parts[i].content);
	free(request->parts);
	free(request);
}
DEFINE_CLEANUP(struct request *, request_free);

/* Bytes of RAM that the contents of a request take while it waits, or is answered; any thread. */
static uint64_t burden(const struct request *request)
{
	struct volume *volume = request->memory->volume;
	uint64_t bytes = request->data_size;

	if (request->call->reads)
		bytes += volume_length(volume, &request->caller, request->id, request->name,
				       request->size);
	for (size_t i = 0; i < request->n_parts; i++) {
		const struct volume_part *p = &request->parts[i];

		if (!p->data)
			bytes += volume_length(volume, &request->caller, p->id, NULL,
					       (uint32_t)p->size);
	}
	return bytes;
}

/* A block may have grown while the request waited. */
static int check_growth(struct request *request)
{
	uint64_t bytes = burden(request);

	if (bytes <= request->burden || bytes <= request->share)
		return 0;
	return sd_bus_error_setf(&request->error, ERROR_BUSY,
				 "what is to be read has grown to %ju bytes while the call waited; "
				 "ask for less at a time",
				 (uintmax_t)bytes);
}

/* On the worker's thread. */
static void run(struct task *task)
{
	struct request *q = (struct request *)task;

	if (q->finds_group)
		creds_find_primary(&q->caller);
	q->result = check_growth(q);
	if (q->result >= 0)
		q->result = q->call->run(q, q->memory->volume, &q->caller);
	task->again = q->result > 0;
}

/* On the worker's thread, too. */
static bool fits(struct task *task)
{
	struct request *q = (struct request *)task;

	return volume_fits_between(q->memory->volume, q->id, q->name,
				   q->name ? UINT32_MAX : q->size);
}

static int send_result(const struct request *request)
{
	_cleanup_message_ sd_bus_message *m = NULL;
	int r;

	r = sd_bus_message_new_method_return(request->message, &m);
	if (r < 0)
		return r;
	if (request->call->reply) {
		r = request->call->reply(request, m);
		if (r < 0)
			return r;
	}
	return sd_bus_send(NULL, m, NULL);
}

/* The end of a request that is not in the memory's list any more. */
static void answer(struct request *q, int r)
{
	_cleanup_(request_freep) struct request *request = q;

	if (r >= 0)
		r = send_result(request);
	if (r < 0)
		r = sd_bus_reply_method_errno(request->message, r, &request->error);
	if (r < 0)
		log_full(LOG_DEBUG, r, "Cannot answer %s of uid %u: %m",
			 sd_bus_message_get_member(request->message), request->caller.uid);
}

static int set_closed(struct request *request)
{
	const struct memory *memory = request->memory;

	if (memory->manager->stopping)
		return sd_bus_error_set(&request->error, ERROR_BUSY, "smmd is stopping");
	return sd_bus_error_setf(&request->error, ERROR_BUSY,
				 "memory %s is being closed; its configuration is gone, or another",
				 memory->name);
}

static void leave(struct request *request)
{
	STAILQ_REMOVE(&request->memory->requests, request, request, link);
	request->memory->n_requests--;
}

/* Back on the main thread. */
static void finish(struct task *task, bool ran)
{
	struct request *request = (struct request *)task;

	if (ran && request->finds_group)
		creds_keep_primary(request->creds, request->caller.gid);
	if (!ran || task->again)
		request->result = set_closed(request);
	leave(request);
	answer(request, request->result);
}

/* The block that is meant: the first argument, or the object that is called. */
static int read_id(struct request *request, sd_bus_message *m)
{
	if (!strcmp(sd_bus_message_get_path(m), request->memory->path))
		return sd_bus_message_read(m, "u", &request->id);
	request->id = request->memory->block.id;
	return 0;
}

static int read_call(struct request *request, sd_bus_message *m)
{
	sd_bus *bus = sd_bus_message_get_bus(m);
	struct creds *creds;
	int r;

	r = creds_of_sender(request->memory->manager->creds, m, &creds, &request->error);
	if (r < 0)
		return r;
	request->creds = creds_ref(creds);
	request->caller = creds->caller;
	request->finds_group = request->call->makes && !creds->knows_primary;
	request->task.connection = bus == request->memory->manager->bus ? (void *)creds : bus;
	request->task.user = creds->user;

	if (request->call->of_block) {
		r = read_id(request, m);
		if (r < 0)
			return r;
	}
	return request->call->read ? request->call->read(request, m) : 0;
}

static bool needs_question(const struct request *request)
{
	return request->admin && !request->caller.admin;
}

/*
 * What waits leaves room in the queue for other users, and room in RAM: a user gets as much as the
 * chip has, for one request or for several, and all together four times that.
 */
static int check_share(struct request *request)
{
	const struct memory *memory = request->memory;
	const struct request *other;
	struct volume_status status;
	unsigned int tasks = 0, questions = 0;
	uint64_t bytes = 0, own = 0, size, share;

	volume_status(memory->volume, &status);
	size = status.size ? status.size : SMM_SIZE_MAX;
	share = size < SHARE_MIN ? SHARE_MIN : size;
	if (request->data_size > size)
		return sd_bus_error_setf(&request->error, ERROR_NO_SPACE,
					 "memory %s has no room for %zu bytes; it has %ju in all",
					 memory->name, request->data_size, (uintmax_t)size);
	request->burden = burden(request);
	request->share = share;
	STAILQ_FOREACH (other, &memory->requests, link) {
		bytes += other->burden;
		if (other->creds->user == request->creds->user) {
			own += other->burden;
			questions += other->question != NULL;
			tasks++;
		}
	}
	if (needs_question(request) && questions >= USER_QUESTIONS_MAX)
		return sd_bus_error_setf(&request->error, ERROR_BUSY,
					 "polkit is asked about %u requests of uid %u for memory "
					 "%s already",
					 questions, request->caller.uid, memory->name);
	if (tasks >= USER_REQUESTS_MAX)
		return sd_bus_error_setf(&request->error, ERROR_BUSY,
					 "%u requests of uid %u for memory %s are waiting already",
					 tasks, request->caller.uid, memory->name);
	if (memory->n_requests >= REQUESTS_MAX)
		return sd_bus_error_setf(&request->error, ERROR_BUSY,
					 "%u requests for memory %s are waiting already",
					 memory->n_requests, memory->name);
	if (request->burden > 4 * share)
		return sd_bus_error_setf(&request->error, ERROR_TOO_LARGE,
					 "this call is for %ju bytes of memory %s; one may be for "
					 "%ju",
					 (uintmax_t)request->burden, memory->name,
					 (uintmax_t)(4 * share));
	if ((own && own + request->burden > share) || bytes + request->burden > 4 * share)
		return sd_bus_error_setf(&request->error, ERROR_BUSY,
					 "%ju bytes of memory %s are waiting already, of which %ju "
					 "are for uid %u",
					 (uintmax_t)bytes, memory->name, (uintmax_t)own,
					 request->caller.uid);
	return 0;
}

/* It is certain that the caller may ask for this. Return: 1 if the request is over, 0 if not. */
static int submit(struct request *request)
{
	int r;

	if (request->call->begin)
		return request->call->begin(request);
	r = worker_submit(request->memory->worker, &request->task);
	if (r == -ESHUTDOWN)
		return set_closed(request);
	return r;
}

/* polkit has answered. */
static void on_confirmed(void *userdata, int r, const sd_bus_error *error)
{
	struct request *request = userdata;

	request->question = NULL;
	if (r < 0) {
		sd_bus_error_copy(&request->error, error);
	} else {
		request->caller.admin = true;
		r = submit(request);
		if (r == 0)
			return;
	}
	leave(request);
	if (r > 0)
		request_free(request);
	else
		answer(request, r);
}

/* Return: 1 if the answer is sent. */
static int try_at_once(struct request *request)
{
	_cleanup_message_ sd_bus_message *m = NULL;
	int r;

	if (!request->call->at_once || !worker_hold(request->memory->worker))
		return 0;
	r = sd_bus_message_new_method_return(request->message, &m);
	if (r >= 0)
		r = request->call->at_once(request, m);
	worker_release(request->memory->worker);
	return r > 0 ? sd_bus_send(NULL, m, NULL) : r;
}

/* Return: 1 if the request is over, 0 if others have it now. */
static int take_up(struct request *request)
{
	struct memory *memory = request->memory;
	int r;

	if (memory->manager->stopping)
		return set_closed(request);
	r = check_share(request);
	if (r >= 0)
		r = try_at_once(request);
	if (r != 0)
		return r;
	if (needs_question(request))
		r = authority_ask(memory->manager->bus, request->creds, request->message,
				  on_confirmed, request, &request->question, &request->error);
	else
		r = submit(request);
	if (r != 0)
		return r;
	STAILQ_INSERT_TAIL(&memory->requests, request, link);
	memory->n_requests++;
	return 0;
}

void request_drop_unconfirmed(struct request_list *requests)
{
	struct request *request, *next;

	for (request = STAILQ_FIRST(requests); request; request = next) {
		next = STAILQ_NEXT(request, link);
		if (!request->question)
			continue;
		leave(request);
		answer(request, set_closed(request));
	}
}

int request_start(const struct call *call, sd_bus_message *m, struct memory *memory,
		  sd_bus_error *error)
{
	_cleanup_(request_freep) struct request *request = calloc(1, sizeof(*request));
	int r;

	if (!request)
		return -ENOMEM;
	request->task.run = run;
	request->task.fits = call->reads ? fits : NULL;
	request->task.finish = finish;
	request->call = call;
	request->memory = memory;
	request->message = sd_bus_message_ref(m);
	request->fd = -1;

	r = read_call(request, m);
	if (r >= 0)
		r = take_up(request);
	if (r < 0) {
		sd_bus_error_move(error, &request->error);
		return r;
	}
	if (r == 0)
		request = NULL; /* others' now */
	return 1;
}
