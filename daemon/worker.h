/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker: one thread that runs tasks, one after the other, and has work of its own for when there
 * are none. Those who wait for it take turns, so that no one of them has to wait for all that
 * another asks for.
 *
 * It lets the thread of the event loop hand over what takes its time and go on. Everything below is
 * called on the loop's thread, but for what says that it is called on the worker's.
 */
#pragma once

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct turn;

/* One thing to do; part of what it is about. */
struct task {
	/*
	 * Whose it is; nothing is behind these pointers for a worker. Of the users that wait, the
	 * one is next that was served the longest time ago, of its connections likewise, and of
	 * their tasks the first.
	 */
	const void *user, *connection;
	void (*run)(struct task *task); /* on the worker's thread */
	bool again; /* set by run(): it is to run once more, when others had their turn */
	/* Whether it may run now, in the middle of another task; on the worker's thread. NULL: it
	 * may not. */
	bool (*fits)(struct task *task);
	/* Afterwards, on the loop's thread; @ran is false if the worker was stopped before its
	 * turn, and @again is still set if before its end. */
	void (*finish)(struct task *task, bool ran);
	/* The worker's. */
	struct turn *user_turn, *connection_turn;
	STAILQ_ENTRY(task) link;
};

struct worker;

#define WORKER_NEVER UINT32_MAX

struct worker_ops {
	/* A little of the work that nobody waits for, on the worker's thread, when no task does.
	 * Return: milliseconds until it wants the next turn, or WORKER_NEVER. */
	uint32_t (*idle)(void *userdata);
	void (*notified)(void *userdata); /* after worker_notify() */
	void (*stopped)(void *userdata);  /* when the last task ran after worker_stop() */
};

/**
 * worker_new() - start a worker.
 * @loop: the event loop that finished tasks come back to
 * @ops: what it calls with @userdata; has to outlive it
 * @worker: receives it; free it with worker_free()
 *
 * Return: 0 or a negative errno.
 */
int worker_new(struct ev_loop *loop, const struct worker_ops *ops, void *userdata,
	       struct worker **worker);

/**
 * worker_submit() - hand over a task.
 *
 * Return: 0; -ESHUTDOWN after worker_stop(), -ENOMEM; @task remains the caller's then.
 */
int worker_submit(struct worker *worker, struct task *task);

/**
 * worker_hold() - keep the worker from its work, if it has none: what it works on is the caller's
 * until worker_release(), which has to come soon.
 *
 * Return: whether it has none, and is held.
 */
bool worker_hold(struct worker *worker);
void worker_release(struct worker *worker);

/**
 * worker_wake() - let it look at once whether there is work of its own; for any thread.
 */
void worker_wake(struct worker *worker);

/**
 * worker_between() - run the tasks that wait and fit in the middle of the one in hand; none of
 * those of its connection.
 * worker_notify() - have notified() called on the loop's thread, before the task in hand is
 * finished.
 *
 * Both on the worker's thread.
 */
void worker_between(struct worker *worker);
void worker_notify(struct worker *worker);

/* A number that is another whenever it begins something; and whether it is in the middle of that.
 */
uint64_t worker_begun(struct worker *worker, bool *working);

/**
 * worker_stop() - let the task in hand run to its end, finish the others without running them.
 */
void worker_stop(struct worker *worker);

/**
 * worker_free() - worker_stop(), wait for the task in hand, finish it, and free @worker.
 */
void worker_free(struct worker *worker);
