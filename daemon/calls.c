/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The way of a call: start() reads what is asked and hands the request to the memory's worker;
 * run() does it there; finish() answers, back on the main thread.
 */
#include "calls.h"

#include <errno.h>
#include <stddef.h>

#include "creds.h"
#include "errors.h"
#include "log.h"
#include "memory.h"
#include "options.h"
#include "util.h"

struct request;

/* Of the tasks that a worker holds, those of one user: there is a place left for others. */
#define USER_TASKS_MAX (WORKER_TASKS_MAX - 16)

/* What a kind of call does at the stations of its way. */
struct call {
	bool of_block;                                           /* about one block, by its id */
	int (*read)(struct request *request, sd_bus_message *m); /* or NULL */
	int (*run)(struct request *request, struct volume *volume, const struct caller *caller);
	bool reads; /* and changes nothing: it may run in the middle of another */
	int (*reply)(const struct request *request, sd_bus_message *m); /* NULL: an empty one */
};

/* One call on its way. Strings and arrays that are asked for stay in the message. */
struct request {
	struct task task; /* comes first: a task is its request */
	const struct call *call;
	struct memory *memory;
	sd_bus_message *message;
	struct creds *creds;        /* of the sender */
	STAILQ_ENTRY(request) link; /* in the memory's list */

	/* What is asked. */
	uint32_t id, offset, size;
	uint32_t mode, uid, gid, granule;
	const char *name;
	const void *data;
	size_t data_size;
	int64_t delta;
	struct allocate_options allocate;
	bool repair, force;

	/* What came of it; @id too. */
	int result;
	sd_bus_error error;
	void *content;
	size_t content_size;
	int64_t value;
	struct check_result check;
};

static void request_free(struct request *request)
{
	sd_bus_message_unref(request->message);
	creds_unref(request->creds);
	sd_bus_error_free(&request->error);
	free(request->content);
	free(request);
}
DEFINE_CLEANUP(struct request *, request_free);

/* On the worker's thread. */
static void run(struct task *task)
{
	struct request *request = (struct request *)task;

	request->result =
		request->call->run(request, request->memory->volume, &request->creds->caller);
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

static void finish(struct task *task, bool ran)
{
	_cleanup_(request_freep) struct request *request = (struct request *)task;
	int r;

	STAILQ_REMOVE(&request->memory->requests, request, request, link);
	if (!ran)
		request->result = sd_bus_error_set(&request->error, ERROR_BUSY, "smmd is stopping");

	r = request->result;
	if (r >= 0)
		r = send_result(request);
	if (r < 0)
		r = sd_bus_reply_method_errno(request->message, r, &request->error);
	if (r < 0)
		log_full(LOG_DEBUG, r, "Cannot answer %s of %s: %m",
			 sd_bus_message_get_member(request->message),
			 sd_bus_message_get_sender(request->message));
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
	struct creds *creds;
	int r;

	r = creds_of_sender(request->memory->manager->creds, m, &creds, &request->error);
	if (r < 0)
		return r;
	request->creds = creds_ref(creds);

	if (request->call->of_block) {
		r = read_id(request, m);
		if (r < 0)
			return r;
	}
	return request->call->read ? request->call->read(request, m) : 0;
}

/*
 * One user leaves room in the queue for the others, and what waits leaves room in RAM: two chips
 * full of data, beside what a single request may carry.
 */
static int check_share(struct request *request)
{
	const struct request *other;
	uint32_t uid = request->creds->caller.uid;
	struct volume_status status;
	unsigned int tasks = 0;
	uint64_t bytes = 0, room;

	volume_status(request->memory->volume, &status);
	room = status.size ? status.size : SMM_SIZE_MAX;
	if (request->data_size > room)
		return sd_bus_error_setf(&request->error, ERROR_NO_SPACE,
					 "memory %s has no room for %zu bytes; it has %ju in all",
					 request->memory->name, request->data_size,
					 (uintmax_t)room);
	STAILQ_FOREACH (other, &request->memory->requests, link) {
		tasks += other->creds->caller.uid == uid;
		bytes += other->data_size;
	}
	if (tasks >= USER_TASKS_MAX)
		return sd_bus_error_setf(&request->error, ERROR_BUSY,
					 "%u requests of uid %u for memory %s are waiting already",
					 tasks, uid, request->memory->name);
	if (request->data_size && bytes + request->data_size > 2 * room)
		return sd_bus_error_setf(&request->error, ERROR_BUSY,
					 "%ju bytes for memory %s are waiting already",
					 (uintmax_t)bytes, request->memory->name);
	return 0;
}

static int submit(struct request *request)
{
	int r = check_share(request);

	if (r < 0)
		return r;
	r = worker_submit(request->memory->worker, &request->task);
	if (r >= 0)
		STAILQ_INSERT_TAIL(&request->memory->requests, request, link);

	if (r == -EBUSY)
		return sd_bus_error_setf(&request->error, ERROR_BUSY,
					 "%u requests for memory %s are waiting already",
					 WORKER_TASKS_MAX, volume_name(request->memory->volume));
	if (r == -ESHUTDOWN)
		return sd_bus_error_set(&request->error, ERROR_BUSY, "smmd is stopping");
	return r;
}

static int start(const struct call *call, sd_bus_message *m, struct memory *memory,
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

	r = read_call(request, m);
	if (r >= 0)
		r = submit(request);
	if (r < 0) {
		sd_bus_error_move(error, &request->error);
		return r;
	}
	request = NULL; /* the worker's now */
	return 1;
}

/* What several of them read and answer. */

static int read_name(struct request *q, sd_bus_message *m)
{
	return sd_bus_message_read(m, "s", &q->name);
}

static int read_size(struct request *q, sd_bus_message *m)
{
	return sd_bus_message_read(m, "u", &q->size);
}

static int read_offset_and_data(struct request *q, sd_bus_message *m)
{
	int r;

	r = sd_bus_message_read(m, "u", &q->offset);
	if (r < 0)
		return r;
	return sd_bus_message_read_array(m, 'y', &q->data, &q->data_size);
}

static int reply_id(const struct request *q, sd_bus_message *m)
{
	return sd_bus_message_append(m, "u", q->id);
}

static int reply_content(const struct request *q, sd_bus_message *m)
{
	return sd_bus_message_append_array(m, 'y', q->content, q->content_size);
}

/* Allocate: name, size, options → id */

static int read_allocate(struct request *q, sd_bus_message *m)
{
	const struct option_spec options[] = {
		{ "mode", 'u', &q->allocate.mode, &q->allocate.has_mode },
		{ "gid", 'u', &q->allocate.gid, &q->allocate.has_gid },
		{ "fill", 'y', &q->allocate.fill, NULL },
		{ "exclusive", 'b', &q->allocate.exclusive, NULL },
	};
	int r;

	r = sd_bus_message_read(m, "su", &q->name, &q->size);
	if (r < 0)
		return r;
	return options_read(m, options, ARRAY_SIZE(options), &q->error);
}

static int run_allocate(struct request *q, struct volume *volume, const struct caller *caller)
{
	return volume_allocate(volume, caller, q->name, q->size, &q->allocate, &q->id, &q->error);
}

int call_allocate(sd_bus_message *m, void *memory, sd_bus_error *error)
{
	static const struct call call = {
		.read = read_allocate,
		.run = run_allocate,
		.reply = reply_id,
	};

	return start(&call, m, memory, error);
}

/* Free: block */

static int run_free(struct request *q, struct volume *volume, const struct caller *caller)
{
	return volume_free(volume, caller, q->id, &q->error);
}

int call_free(sd_bus_message *m, void *memory, sd_bus_error *error)
{
	static const struct call call = { .of_block = true, .run = run_free };

	return start(&call, m, memory, error);
}

/* Resize: block, size */

static int run_resize(struct request *q, struct volume *volume, const struct caller *caller)
{
	return volume_resize(volume, caller, q->id, q->size, &q->error);
}

int call_resize(sd_bus_message *m, void *memory, sd_bus_error *error)
{
	static const struct call call = { .of_block = true, .read = read_size, .run = run_resize };

	return start(&call, m, memory, error);
}

/* Read: block, offset, length → content */

static int read_read(struct request *q, sd_bus_message *m)
{
	return sd_bus_message_read(m, "uu", &q->offset, &q->size);
}

static int run_read(struct request *q, struct volume *volume, const struct caller *caller)
{
	return volume_read(volume, caller, q->id, q->offset, q->size, &q->content, &q->content_size,
			   &q->error);
}

int call_read(sd_bus_message *m, void *memory, sd_bus_error *error)
{
	static const struct call call = {
		.of_block = true,
		.read = read_read,
		.run = run_read,
		.reads = true,
		.reply = reply_content,
	};

	return start(&call, m, memory, error);
}

/* Write: block, offset, data */

static int run_write(struct request *q, struct volume *volume, const struct caller *caller)
{
	return volume_write(volume, caller, q->id, q->offset, q->data, q->data_size, &q->error);
}

int call_write(sd_bus_message *m, void *memory, sd_bus_error *error)
{
	static const struct call call = {
		.of_block = true,
		.read = read_offset_and_data,
		.run = run_write,
	};

	return start(&call, m, memory, error);
}

/* WriteInPlace: block, offset, data */

static int run_write_in_place(struct request *q, struct volume *volume, const struct caller *caller)
{
	return volume_write_in_place(volume, caller, q->id, q->offset, q->data, q->data_size,
				     &q->error);
}

int call_write_in_place(sd_bus_message *m, void *memory, sd_bus_error *error)
{
	static const struct call call = {
		.of_block = true,
		.read = read_offset_and_data,
		.run = run_write_in_place,
	};

	return start(&call, m, memory, error);
}

/* Store: name, data → id */

static int read_store(struct request *q, sd_bus_message *m)
{
	int r;

	r = sd_bus_message_read(m, "s", &q->name);
	if (r < 0)
		return r;
	return sd_bus_message_read_array(m, 'y', &q->data, &q->data_size);
}

static int run_store(struct request *q, struct volume *volume, const struct caller *caller)
{
	return volume_store(volume, caller, q->name, q->data, q->data_size, &q->id, &q->error);
}

int call_store(sd_bus_message *m, void *memory, sd_bus_error *error)
{
	static const struct call call = { .read = read_store, .run = run_store, .reply = reply_id };

	return start(&call, m, memory, error);
}

/* Load: name → content */

static int run_load(struct request *q, struct volume *volume, const struct caller *caller)
{
	return volume_load(volume, caller, q->name, &q->content, &q->content_size, &q->error);
}

int call_load(sd_bus_message *m, void *memory, sd_bus_error *error)
{
	static const struct call call = {
		.read = read_name,
		.run = run_load,
		.reads = true,
		.reply = reply_content,
	};

	return start(&call, m, memory, error);
}

/* Add: name, delta → value */

static int read_add(struct request *q, sd_bus_message *m)
{
	return sd_bus_message_read(m, "sx", &q->name, &q->delta);
}

static int run_add(struct request *q, struct volume *volume, const struct caller *caller)
{
	return volume_add(volume, caller, q->name, q->delta, &q->value, &q->error);
}

static int reply_value(const struct request *q, sd_bus_message *m)
{
	return sd_bus_message_append(m, "x", q->value);
}

int call_add(sd_bus_message *m, void *memory, sd_bus_error *error)
{
	static const struct call call = { .read = read_add, .run = run_add, .reply = reply_value };

	return start(&call, m, memory, error);
}

/* SetMode: block, mode */

static int read_set_mode(struct request *q, sd_bus_message *m)
{
	return sd_bus_message_read(m, "u", &q->mode);
}

static int run_set_mode(struct request *q, struct volume *volume, const struct caller *caller)
{
	return volume_set_mode(volume, caller, q->id, q->mode, &q->error);
}

int call_set_mode(sd_bus_message *m, void *memory, sd_bus_error *error)
{
	static const struct call call = {
		.of_block = true,
		.read = read_set_mode,
		.run = run_set_mode,
	};

	return start(&call, m, memory, error);
}

/* SetOwner: block, uid, gid */

static int read_set_owner(struct request *q, sd_bus_message *m)
{
	return sd_bus_message_read(m, "uu", &q->uid, &q->gid);
}

static int run_set_owner(struct request *q, struct volume *volume, const struct caller *caller)
{
	return volume_set_owner(volume, caller, q->id, q->uid, q->gid, &q->error);
}

int call_set_owner(sd_bus_message *m, void *memory, sd_bus_error *error)
{
	static const struct call call = {
		.of_block = true,
		.read = read_set_owner,
		.run = run_set_owner,
	};

	return start(&call, m, memory, error);
}

/* Rename: block, name */

static int run_rename(struct request *q, struct volume *volume, const struct caller *caller)
{
	return volume_rename(volume, caller, q->id, q->name, &q->error);
}

int call_rename(sd_bus_message *m, void *memory, sd_bus_error *error)
{
	static const struct call call = { .of_block = true, .read = read_name, .run = run_rename };

	return start(&call, m, memory, error);
}

/* Check: options → what was found */

static int read_check(struct request *q, sd_bus_message *m)
{
	const struct option_spec options[] = { { "repair", 'b', &q->repair, NULL } };

	return options_read(m, options, ARRAY_SIZE(options), &q->error);
}

static int run_check(struct request *q, struct volume *volume, const struct caller *caller)
{
	return volume_check(volume, caller, q->repair, &q->check, &q->error);
}

static int reply_check(const struct request *q, sd_bus_message *m)
{
	return sd_bus_message_append(m, "a{sv}", 5, "blocks", "u", q->check.blocks, "foreign", "u",
				     q->check.foreign, "damaged", "u", q->check.damaged,
				     "corrected", "u", q->check.corrected, "uncorrectable", "u",
				     q->check.uncorrectable);
}

int call_check(sd_bus_message *m, void *memory, sd_bus_error *error)
{
	static const struct call call = {
		.read = read_check,
		.run = run_check,
		.reply = reply_check,
	};

	return start(&call, m, memory, error);
}

/* Format: options */

static int read_format(struct request *q, sd_bus_message *m)
{
	const struct option_spec options[] = {
		{ "granule", 'u', &q->granule, NULL },
		{ "force", 'b', &q->force, NULL },
	};

	return options_read(m, options, ARRAY_SIZE(options), &q->error);
}

static int run_format(struct request *q, struct volume *volume, const struct caller *caller)
{
	return volume_format(volume, caller, q->granule, q->force, &q->error);
}

int call_format(sd_bus_message *m, void *memory, sd_bus_error *error)
{
	static const struct call call = { .read = read_format, .run = run_format };

	return start(&call, m, memory, error);
}
