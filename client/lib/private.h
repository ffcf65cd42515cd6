/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of libsmm-client share: the objects, and who may touch them. Functions that
 * several files have are called smmc_, so that a program which links the library in does not have
 * them too.
 *
 * A client's lock guards all of it, and nobody but the functions of smm-client.h takes it, so every
 * function here wants it held. It is given up while a thread polls and while a callback of the
 * program runs. sd-bus never calls the program: what it brings is put into the objects, those that
 * have something to tell are queued as events, and smm_client_process() calls the program when
 * sd-bus has returned.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <stdbool.h>
#include <sys/queue.h>
#include <systemd/sd-bus.h>

#include "errors.h"
#include "smm-client.h"
#include "util.h"

#define SMM_BUS_NAME          "org.smm1"
#define SMM_MANAGER_PATH      "/org/smm1"
#define SMM_MANAGER_INTERFACE "org.smm1.Manager"
#define SMM_MEMORY_INTERFACE  "org.smm1.Memory"
#define SMM_BLOCK_INTERFACE   "org.smm1.Block"
#define SMM_JOB_INTERFACE     "org.smm1.Job"
#define PROPERTIES_INTERFACE  "org.freedesktop.DBus.Properties"

/* Something that a callback is to be told of. Queued, it is a reference to what it is part of. */
struct event {
	void (*run)(smm_client *client, struct event *event);
	bool queued;
	STAILQ_ENTRY(event) link;
};

/* A connection, and what it is polled for. */
struct link {
	sd_bus *bus; /* NULL: there is none */
	uint32_t events;
};

/* What went wrong last in one thread. */
struct complaint {
	pthread_t thread;
	char name[128], message[512];
	SLIST_ENTRY(complaint) link;
};

SLIST_HEAD(complaint_list, complaint);
STAILQ_HEAD(event_list, event);
TAILQ_HEAD(call_list, smm_call);
LIST_HEAD(watch_list, smm_watch);

struct smm_client {
	atomic_uint references; /* the program's, and one a call */
	unsigned int n_complaints;
	pthread_mutex_t lock;
	pthread_cond_t stepped; /* a thread that polled has looked what came */
	struct complaint_list complaints;

	char *where, *memory, *path; /* the latter two of the memory in use, or NULL */
	uint64_t timeout;
	smm_client_state_callback state_callback;
	void *state_userdata;

	/* connection.c. Its descriptors: fd is the program's, and has io and pending in it; a
	 * thread of the library polls io and wake. */
	struct link main, session;
	int fd, io, pending, wake;
	sd_bus_slot *opening;               /* of a session */
	uint64_t session_after, main_after; /* times before which they are not tried again */

	bool closed;
	bool interactive;
	bool polling;    /* there is a thread that does */
	bool processing; /* sd-bus is at work further up the stack */
	bool is_pending; /* the descriptor of that name is ready */
	bool listening;  /* to the signals on the bus */
	bool connected;
	bool lost;       /* it was, and the watches do not know yet that it is back */
	bool went, came; /* that the program is to be told of, in this order */

	struct event state_event;
	struct event_list events;
	struct call_list calls; /* under way */
	unsigned int n_on_main; /* of them, those over the bus */
	struct watch_list watches;
};

/* A value of a{sv}. */
struct property {
	char *name;
	char *text; /* NULL: a number */
	uint64_t number;
};

struct part {
	void *data;
	size_t size;
};

/* Which results a call has. */
enum has {
	HAS_ID = 1 << 0,
	HAS_VALUE = 1 << 1,
	HAS_DATA = 1 << 2,
	HAS_PARTS = 1 << 3,
	HAS_BLOCKS = 1 << 4,
	HAS_MEMORIES = 1 << 5,
	HAS_PROPERTIES = 1 << 6,
};

struct call_kind {
	const char *interface, *member;
	/* Takes the answer into the call. Return: a negative errno if it is not what it should be.
	 */
	int (*take)(smm_call *call, sd_bus_message *answer);
	const char *absent; /* the error if the object is not there; NULL: NoSuchMemory */
	bool of_manager;
	bool is_job; /* the answer is a job's path, and the call ends with the job */
};

struct smm_call {
	atomic_uint references;
	smm_client *client;
	const struct call_kind *kind;
	sd_bus *bus;    /* that it goes over, only to be compared */
	bool over_main; /* which is that of the message bus */
	sd_bus_slot *slot;
	uint64_t deadline;
	bool sync; /* a thread waits for it, and runs its progress callback */
	bool ended;
	int result;
	char *error_name, *error_message;
	struct event event;
	TAILQ_ENTRY(smm_call) link;

	smm_call_callback done;
	void *userdata;
	smm_progress_callback progress;
	void (*hook)(smm_call *call); /* the library's own, called as it ends */
	void *hook_data;

	/* A job. */
	char *job;      /* its path */
	uint64_t token; /* which it is known by until then; 0: the answer has its path */
	uint64_t bytes_done, bytes_total;
	bool progressed, cancelled;

	enum has has;
	uint32_t id;
	int64_t value;
	void *data;
	size_t size;
	struct part *parts;
	struct smm_client_block *blocks;
	struct property *properties; /* also memories: the name and the state */
	size_t count;                /* of parts, blocks or properties */
};

struct smm_watch {
	unsigned int references; /* the program's, and that of the queue */
	smm_client *client;
	char *name;
	uint32_t id; /* 0: there is no block */
	bool closed;
	smm_watch_callback callback;
	void *userdata;
	struct event event;
	struct smm_client_change change; /* to be told */
	LIST_ENTRY(smm_watch) link;
};

/* client.c */

void smmc_client_lock(smm_client *c);
/* Has smmc_connection_arm() done, as all functions of the header have to when they leave. */
void smmc_client_unlock(smm_client *c);
void smmc_client_unref(smm_client *c);
void smmc_client_queue(smm_client *c, struct event *event);
/* @now or not at all: smmd is there or is not. */
void smmc_client_set_connected(smm_client *c, bool connected);

/* error.c */

/* The negative errno that stands for an error's name. */
int smmc_error_number(const char *name);

/* Takes note of what went wrong, for the thread that asks. Return: @r. */
int smmc_error_set(smm_client *c, int r, const char *name, const char *format, ...) _printf_(4, 5);
/* The words for the errno of something that the library itself did. */
int smmc_error_set_errno(smm_client *c, int r, const char *what);
void smmc_error_free_all(smm_client *c);

/* connection.c */

int smmc_connection_init(smm_client *c);
void smmc_connection_release(smm_client *c);

/* Connects to the bus if need be. Return: 0 or a negative errno that was noted. */
int smmc_connection_open(smm_client *c);
/* The connection that a call takes now, or NULL with @r set to a negative errno that was noted. */
sd_bus *smmc_connection_for_call(smm_client *c, int *r);
/* The one that signals are taken from. */
sd_bus *smmc_connection_for_signals(const smm_client *c);
/* Be sent signals on the bus; a session has them anyway. */
void smmc_connection_listen(smm_client *c);
/* Ask for a session. Return: whether there is going to be an answer. */
bool smmc_connection_begin_session(smm_client *c);

/* Reads, writes and lets sd-bus dispatch, without waiting. Return: whether there was anything. */
bool smmc_connection_io(smm_client *c);
/* Waits until something came, and does that; also if another thread did it. @until: microseconds of
 * CLOCK_MONOTONIC. */
int smmc_connection_step(smm_client *c, uint64_t until);
/* Sets the descriptors to what is waited for. */
void smmc_connection_arm(smm_client *c);
uint64_t smmc_connection_timeout(const smm_client *c);

uint64_t smmc_now_us(void);

/* call.c */

/* Sets what the program wants to know of a call that was begun under the lock that is still held.
 */
void smmc_call_attach(smm_call *call, smm_call_callback done, void *userdata);

/**
 * smmc_call_new() - begin a call.
 * @path: the object, or NULL for the memory in use, or the manager if it is of that
 * @message: receives the message, to append to; give it back with smmc_call_send()
 */
int smmc_call_new(smm_client *c, const struct call_kind *kind, const char *path, smm_call **call,
		  sd_bus_message **message);

/**
 * smmc_call_send() - send it, unless something went wrong before.
 * @r: what became of the message up to now; a negative errno is noted
 * @out: receives a reference, or NULL
 */
int smmc_call_send(smm_call *call, sd_bus_message *message, int r, smm_call **out);

/* A job is so far. */
void smmc_call_progressed(smm_call *call, uint64_t done, uint64_t total);
void smmc_call_end(smm_call *call, int r, const char *name, const char *message);
int smmc_call_wait(smm_call *call);
/* A call's error becomes the last one of this thread. Return: its result. */
int smmc_call_note(const smm_call *call);
/* Both, for who has not got the lock; and progress is told in this thread from now on. */
int smmc_call_finish(smm_call *call);
void smmc_call_cancel(smm_call *call);

/* All that are under way over @bus, or only their jobs, end with -ECONNRESET. */
void smmc_calls_lose(smm_client *c, const sd_bus *bus, bool only_jobs);

/* job.c */

int smmc_job_begin(smm_call *call, sd_bus_message *answer);
void smmc_job_signal(smm_client *c, sd_bus_message *m);
void smmc_job_cancel(smm_call *call);

/* answer.c */

/* What struct call_kind has as take. */
int smmc_take_nothing(smm_call *call, sd_bus_message *m);
int smmc_take_id(smm_call *call, sd_bus_message *m);
int smmc_take_value(smm_call *call, sd_bus_message *m);
int smmc_take_data(smm_call *call, sd_bus_message *m);
int smmc_take_parts(smm_call *call, sd_bus_message *m);
int smmc_take_blocks(smm_call *call, sd_bus_message *m);
int smmc_take_memories(smm_call *call, sd_bus_message *m);
int smmc_take_properties(smm_call *call, sd_bus_message *m);
void smmc_answer_release(smm_call *call);

/* request.c */

/* Begins and sends a call with arguments of these basic @types. */
int smmc_call_start(smm_client *c, const struct call_kind *kind, smm_call **out, const char *types,
		    ...);

extern const struct call_kind smmc_kind_find, smmc_kind_get_memory, smmc_kind_memories;

/* watch.c */

void smmc_watch_signal(smm_client *c, sd_bus_message *m);
/* smmd is back: they have missed something. */
void smmc_watches_resume(smm_client *c);
void smmc_watches_release(smm_client *c);
