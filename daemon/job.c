/* SPDX-License-Identifier: BSD-3-Clause */
#include "job.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stddef.h>

#include "announce.h"
#include "errors.h"
#include "image.h"
#include "log.h"
#include "objects.h"
#include "path-list.h"
#include "stream.h"
#include "util.h"

#define TICK 0.1 /* seconds between two announcements of how far it is */

#define CHECKS_MAX 4u /* of one memory, by users who are no administrators */

struct job;

struct job_kind {
	const char *name;
	int level;        /* of the line that says how it ended */
	bool reads_first; /* an image from a descriptor */
	bool writes;      /* to the chip, and cannot be stopped then */
	/* A step, on the worker's thread. Return: 1 if there are more, 0, or a negative errno. */
	int (*step)(struct job *job, struct volume *volume);
	/* How far it is, of its total. */
	uint64_t (*done)(struct job *job);
	/* The answer, if that waits for the end. */
	int (*reply)(struct job *job, sd_bus_message *m);
	void (*release)(struct job *job);
};

struct job {
	struct task task; /* comes first: a step is its job */
	const struct job_kind *kind;
	struct manager *manager;
	struct memory *memory;
	uint32_t number;
	char *path;
	const char *name, *memory_name; /* as properties */
	uint64_t done, total, token;
	struct creds *creds; /* of who asked for it */
	struct caller caller;
	sd_bus_message *request;
	ev_timer tick;
	bool working; /* a step of it is with the worker */
	_Atomic bool cancelled;
	_Atomic bool certain; /* it writes to the chip, or was kept from that */

	uint32_t granule;
	bool force;
	struct volume_check check;
	struct volume_dump dump;
	struct stream *stream;
	void *file; /* to be restored */
	size_t file_size;

	int result;
	sd_bus_error error;
	STAILQ_ENTRY(job) link;
};

static void job_free(struct job *job)
{
	ev_timer_stop(job->manager->loop, &job->tick);
	if (job->kind->release)
		job->kind->release(job);
	stream_free(job->stream);
	free(job->file);
	sd_bus_message_unref(job->request);
	creds_unref(job->creds);
	sd_bus_error_free(&job->error);
	free(job->path);
	free(job);
}
DEFINE_CLEANUP(struct job *, job_free);

/* The end */

static void answer(struct job *job)
{
	_cleanup_message_ sd_bus_message *m = NULL;
	int r = job->result;

	if (r >= 0)
		r = sd_bus_message_new_method_return(job->request, &m);
	if (r >= 0)
		r = job->kind->reply(job, m);
	if (r >= 0)
		r = sd_bus_send(NULL, m, NULL);
	if (r < 0)
		(void)sd_bus_reply_method_errno(job->request, r, &job->error);
}

static void take_back(struct job *job)
{
	STAILQ_REMOVE(&job->manager->jobs, job, job, link);
	if (job->memory->job == job)
		job->memory->job = NULL;
}

/* Say how far it is, if that is another place than before. */
static void progress(struct job *job, uint64_t done)
{
	if (done > job->total)
		done = job->total;
	if (done == job->done)
		return;
	job->done = done;
	announce_job_progress(job->manager, job->path);
}

static void end(struct job *job, int r)
{
	_cleanup_free_ char *text = NULL;
	const char *result = "done";

	job->result = r;
	if (r == -ECANCELED && !sd_bus_error_is_set(&job->error)) {
		sd_bus_error_set(&job->error, ERROR_CANCELED, "the job was canceled");
		result = "canceled";
	} else if (r < 0) {
		if (!sd_bus_error_is_set(&job->error))
			sd_bus_error_set_errno(&job->error, r);
		if (asprintf(&text, "%s: %s", job->error.name, job->error.message) < 0)
			text = NULL;
		result = text ? text : job->error.name;
	}
	if (r >= 0)
		progress(job, job->total);
	log_full(job->kind->level, 0, "memory %s: %s of uid %u: %s", job->memory_name, job->name,
		 job->caller.uid, result);
	announce_job_finished(job->manager, job->path, result);
	take_back(job);
	if (job->kind->reply)
		answer(job);
	job_free(job);
}

/* Steps */

static void run(struct task *task)
{
	struct job *job = (struct job *)task;

	job->result = job->cancelled ? -ECANCELED : job->kind->step(job, job->memory->volume);
}

static void submit(struct job *job)
{
	int r = worker_submit(job->memory->worker, &job->task);

	if (r < 0)
		return end(job, r == -ESHUTDOWN ? -ECANCELED : r);
	job->working = true;
}

static void write_file(struct job *job);

static void finish(struct task *task, bool ran)
{
	struct job *job = (struct job *)task;

	job->working = false;
	if (!ran || (job->cancelled && job->result >= 0 && !job->kind->writes))
		return end(job, -ECANCELED);
	if (job->result > 0)
		return submit(job);
	if (job->result == 0 && job->dump.file)
		return job->cancelled ? end(job, -ECANCELED) : write_file(job);
	end(job, job->result);
}

/* Files */

static void on_written(void *userdata, int r)
{
	struct job *job = userdata;

	if (r < 0)
		sd_bus_error_setf(&job->error, ERROR_IO, "the image could not be written: %s",
				  strerror(-r));
	end(job, r);
}

static void write_file(struct job *job)
{
	int fd, r;

	r = sd_bus_message_rewind(job->request, true);
	if (r >= 0)
		r = sd_bus_message_read(job->request, "h", &fd);
	if (r >= 0)
		r = stream_start(job->manager->loop, fd, true, job->dump.file, job->dump.size,
				 on_written, job, &job->stream);
	if (r < 0)
		return end(job, r);
	job->dump.file = NULL;
}

static void on_read(void *userdata, int r)
{
	struct job *job = userdata;

	if (r < 0) {
		sd_bus_error_setf(&job->error, ERROR_IO, "the image could not be read: %s",
				  strerror(-r));
		return end(job, r);
	}
	job->file_size = stream_done(job->stream);
	job->file = stream_take(job->stream);
	submit(job);
}

/* A byte more than an image can have shows that it is none. */
static int read_file(struct job *job, int fd)
{
	void *buffer = malloc(IMAGE_SIZE_MAX + 1);
	int r;

	if (!buffer)
		return -ENOMEM;
	r = stream_start(job->manager->loop, fd, false, buffer, IMAGE_SIZE_MAX + 1, on_read, job,
			 &job->stream);
	if (r < 0)
		free(buffer);
	return r;
}

/* Progress */

static void on_tick(struct ev_loop *loop, ev_timer *tick, int revents)
{
	struct job *job = tick->data;

	(void)loop;
	(void)revents;
	progress(job, job->kind->done(job));
}

/* The kinds */

static int step_check(struct job *job, struct volume *volume)
{
	return volume_check(volume, &job->caller, &job->check, &job->error);
}

static uint64_t done_check(struct job *job)
{
	return job->check.at;
}

static int reply_check(struct job *job, sd_bus_message *m)
{
	const struct check_result *c = &job->check.result;

	return sd_bus_message_append(m, "a{sv}", 5, "blocks", "u", c->blocks, "foreign", "u",
				     c->foreign, "damaged", "u", c->damaged, "corrected", "u",
				     c->corrected, "uncorrectable", "u", c->uncorrectable);
}

static void release_check(struct job *job)
{
	volume_check_done(&job->check);
}

static const struct job_kind kind_check = {
	.name = "check",
	.level = LOG_DEBUG,
	.step = step_check,
	.done = done_check,
	.reply = reply_check,
	.release = release_check,
};

static int step_format(struct job *job, struct volume *volume)
{
	if (atomic_exchange(&job->certain, true))
		return -ECANCELED;
	return volume_format(volume, &job->caller, job->granule, job->force, &job->error);
}

static uint64_t done_written(struct job *job)
{
	return job->file_size + (job->certain ? volume_written(job->memory->volume) : 0);
}

static int reply_format(struct job *job, sd_bus_message *m)
{
	(void)job;
	(void)m;
	return 0;
}

static const struct job_kind kind_format = {
	.name = "format",
	.level = LOG_INFO,
	.writes = true,
	.step = step_format,
	.done = done_written,
	.reply = reply_format,
};

static int step_dump(struct job *job, struct volume *volume)
{
	return volume_dump(volume, &job->caller, &job->dump, &job->error);
}

static uint64_t done_dump(struct job *job)
{
	return job->dump.shadow.upto + (job->stream ? stream_done(job->stream) : 0);
}

static void release_dump(struct job *job)
{
	volume_dump_stop(job->memory->volume, &job->dump);
	free(job->dump.file);
}

static const struct job_kind kind_dump = {
	.name = "dump",
	.level = LOG_INFO,
	.step = step_dump,
	.done = done_dump,
	.release = release_dump,
};

static int step_restore(struct job *job, struct volume *volume)
{
	return volume_restore(volume, &job->caller, job->file, job->file_size, &job->certain,
			      &job->error);
}

static uint64_t done_restore(struct job *job)
{
	return job->file ? done_written(job) : stream_done(job->stream);
}

static const struct job_kind kind_restore = {
	.name = "restore",
	.level = LOG_INFO,
	.reads_first = true,
	.writes = true,
	.step = step_restore,
	.done = done_restore,
};

/* Their beginning */

static int check_free(struct request *q, struct job *other)
{
	if (q->memory->manager->stopping)
		return sd_bus_error_set(&q->error, ERROR_BUSY, "smmd is stopping");
	if (!other)
		return 0;
	return sd_bus_error_setf(&q->error, ERROR_BUSY,
				 "memory %s has a job already, %s, a %s; wait for it or cancel it",
				 q->memory->name, other->path, other->name);
}

static int job_new(struct request *q, const struct job_kind *kind, uint64_t total, struct job **job)
{
	_cleanup_(job_freep) struct job *j = calloc(1, sizeof(*j));

	if (!j)
		return -ENOMEM;
	j->kind = kind;
	j->manager = q->memory->manager;
	j->memory = q->memory;
	j->number = ++j->manager->last_job;
	ev_timer_init(&j->tick, on_tick, TICK, TICK);
	j->tick.data = j;
	if (asprintf(&j->path, JOBS_PATH "/%" PRIu32, j->number) < 0) {
		j->path = NULL;
		return -ENOMEM;
	}
	j->task = (struct task){
		.user = q->task.user,
		.connection = q->task.connection,
		.run = run,
		.finish = finish,
	};
	j->name = kind->name;
	j->memory_name = q->memory->name;
	j->total = total;
	j->token = q->token;
	j->creds = creds_ref(q->creds);
	j->caller = q->caller;
	j->request = sd_bus_message_ref(q->message);
	j->granule = q->granule;
	j->force = q->force;
	j->check.repair = q->repair;
	*job = TAKE(j);
	return 0;
}

/* The job is known from now on, and goes on by itself. */
static void publish(struct job *job)
{
	STAILQ_INSERT_TAIL(&job->manager->jobs, job, link);
	ev_timer_start(job->manager->loop, &job->tick);
	announce_added(job->manager, job->path, "org.smm1.Job");
}

/* A check that changes nothing keeps neither administrators from their work nor others from theirs.
 */
static int check_others(struct request *q)
{
	unsigned int n = 0;
	struct job *job;

	if (q->repair)
		return check_free(q, q->memory->job);
	STAILQ_FOREACH (job, &q->memory->manager->jobs, link) {
		if (job->memory != q->memory || job->kind != &kind_check || job->check.repair)
			continue;
		if (job->creds->user == q->creds->user)
			return check_free(q, job);
		n++;
	}
	if (n < CHECKS_MAX || q->caller.admin)
		return 0;
	return sd_bus_error_setf(&q->error, ERROR_BUSY,
				 "memory %s is being checked by %u users already; try again",
				 q->memory->name, n);
}

int job_check(struct request *q)
{
	struct volume_status status;
	struct job *job;
	int r = check_others(q);

	volume_status(q->memory->volume, &status);
	if (r >= 0)
		r = job_new(q, &kind_check, status.size, &job);
	if (r < 0)
		return r;
	if (q->repair)
		q->memory->job = job;
	publish(job);
	submit(job);
	return 1;
}

int job_format(struct request *q)
{
	struct volume_status status;
	int r = check_free(q, q->memory->job);

	volume_status(q->memory->volume, &status);
	if (r >= 0)
		r = job_new(q, &kind_format, status.size - status.usable, &q->memory->job);
	if (r < 0)
		return r;
	publish(q->memory->job);
	submit(q->memory->job);
	return 1;
}

static int begin_with_file(struct request *q, const struct job_kind *kind, uint64_t total)
{
	struct job *job;
	int r = check_free(q, q->memory->job);

	if (r >= 0)
		r = job_new(q, kind, total, &job);
	if (r < 0)
		return r;
	r = kind->reads_first ? read_file(job, q->fd) : 0;
	if (r >= 0)
		r = sd_bus_reply_method_return(q->message, "o", job->path);
	if (r < 0) {
		job_free(job);
		return r;
	}
	q->memory->job = job;
	publish(job);
	if (!kind->reads_first)
		submit(job);
	return 1;
}

int job_dump(struct request *q)
{
	struct volume_status status;

	volume_status(q->memory->volume, &status);
	return begin_with_file(q, &kind_dump,
			       status.size ? status.size + image_file_size((uint32_t)status.size)
					   : 0);
}

int job_restore(struct request *q)
{
	struct volume_status status;

	volume_status(q->memory->volume, &status);
	return begin_with_file(q, &kind_restore, 2 * status.size);
}

/* Cancel */

static void cancel(struct job *job)
{
	job->cancelled = true;
	if (!job->working)
		end(job, -ECANCELED);
}

static int on_cancel(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct job *job = userdata;
	struct creds *creds;
	int r;

	r = creds_of_sender(job->manager->creds, m, &creds, error);
	if (r < 0)
		return r;
	if (!creds->caller.admin && creds->user != job->creds->user)
		return sd_bus_error_setf(error, SD_BUS_ERROR_ACCESS_DENIED,
					 "job %u is of uid %u; uid %u may not cancel it",
					 job->number, job->caller.uid, creds->caller.uid);
	if (job->kind->writes && job->working && !job->cancelled &&
	    atomic_exchange(&job->certain, true))
		return sd_bus_error_setf(error, ERROR_BUSY,
					 "job %u writes to the chip already, and has to go on to "
					 "its end",
					 job->number);
	r = sd_bus_reply_method_return(m, NULL);
	cancel(job);
	return r;
}

void jobs_cancel(struct manager *manager, const struct memory *memory)
{
	struct job *job, *next;

	for (job = STAILQ_FIRST(&manager->jobs); job; job = next) {
		next = STAILQ_NEXT(job, link);
		if (job->memory == memory)
			cancel(job);
	}
}

/* On the bus */

static const sd_bus_vtable vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD_WITH_ARGS("Cancel", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, on_cancel,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_PROPERTY("Kind", "s", NULL, offsetof(struct job, name),
			SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("Memory", "s", NULL, offsetof(struct job, memory_name),
			SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("Token", "t", NULL, offsetof(struct job, token),
			SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("BytesDone", "t", NULL, offsetof(struct job, done),
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("BytesTotal", "t", NULL, offsetof(struct job, total),
			SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_SIGNAL_WITH_ARGS("Finished", SD_BUS_ARGS("s", result), 0),
	SD_BUS_VTABLE_END,
};

static int find_job(sd_bus *bus, const char *path, const char *interface, void *userdata,
		    void **found, sd_bus_error *error)
{
	struct manager *manager = userdata;
	struct job *job;

	(void)bus;
	(void)interface;
	(void)error;
	STAILQ_FOREACH (job, &manager->jobs, link) {
		if (!strcmp(job->path, path)) {
			*found = job;
			return 1;
		}
	}
	return 0;
}

static int list_jobs(sd_bus *bus, const char *path, void *userdata, char ***paths,
		     sd_bus_error *error)
{
	struct manager *manager = userdata;
	_cleanup_(path_list_free) struct path_list list = { 0 };
	struct job *job;
	int r;

	(void)bus;
	(void)path;
	(void)error;
	STAILQ_FOREACH (job, &manager->jobs, link) {
		r = path_list_add(&list, "%s", job->path);
		if (r < 0)
			return r;
	}
	*paths = path_list_take(&list);
	return 0;
}

int jobs_publish(struct manager *manager, sd_bus *bus)
{
	int r = sd_bus_add_fallback_vtable(bus, NULL, JOBS_PATH, "org.smm1.Job", vtable, find_job,
					   manager);

	return r < 0 ? r : sd_bus_add_node_enumerator(bus, NULL, JOBS_PATH, list_jobs, manager);
}
