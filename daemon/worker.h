/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker: one thread that runs tasks, one after the other, in the order they came, and has work
 * of its own for when there are none.
 *
 * It lets the thread of the event loop hand over what takes its time and go on. Everything below is
 * called on the loop's thread, but for what says that it is called on the worker's.
 */
#pragma once

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

/* Tasks that a worker holds at most, the one that it runs included. */
#define WORKER_TASKS_MAX 128u

/* One thing to do; part of what it is about. */
struct task {
	void (*run)(struct task *task); /* on the worker's thread */
	/* Whether it may run now, in the middle of another task; on the worker's thread. NULL: it
	 * may not. */
	bool (*fits)(struct task *task);
	/* Afterwards, on the loop's thread; @ran is false if the worker was stopped before its
	 * turn. */
	void (*finish)(struct task *task, bool ran);
	STAILQ_ENTRY(task) link; /* the worker's */
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
 * Return: 0; -EBUSY if the worker holds as many as it may; -ESHUTDOWN after worker_stop(). On an
 * error
 * @task remains the caller's.
 */
int worker_submit(struct worker *worker, struct task *task);

/**
 * worker_wake() - let it look at once whether there is work of its own; for any thread.
 */
void worker_wake(struct worker *worker);

/**
 * worker_between() - run the tasks that wait and fit in the middle of the one in hand.
 * worker_notify() - have notified() called on the loop's thread.
 *
 * Both on the worker's thread.
 */
void worker_between(struct worker *worker);
void worker_notify(struct worker *worker);

/**
 * worker_stop() - let the task in hand run to its end, finish the others without running them.
 */
void worker_stop(struct worker *worker);

/**
 * worker_free() - worker_stop(), wait for the task in hand, finish it, and free @worker.
 */
void worker_free(struct worker *worker);
