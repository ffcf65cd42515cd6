/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker: one thread that runs tasks, one after the other, in the order they came.
 *
 * It lets the thread of the event loop hand over what takes its time and go on. Everything below is
 * called on the loop's thread; a task's run() alone is called on the worker's.
 */
#pragma once

#include <ev.h>
#include <stdbool.h>
#include <sys/queue.h>

/* Tasks that a worker holds at most, the one that it runs included. */
#define WORKER_TASKS_MAX 128u

/* One thing to do; part of what it is about. */
struct task {
	void (*run)(struct task *task);
	/* Afterwards, on the loop's thread; @ran is false if the worker was stopped before its
	 * turn. */
	void (*finish)(struct task *task, bool ran);
	STAILQ_ENTRY(task) link; /* the worker's */
};

struct worker;

/**
 * worker_new() - start a worker.
 * @loop: the event loop that finished tasks come back to
 * @stopped: called with @userdata when the last task ran after worker_stop()
 * @worker: receives it; free it with worker_free()
 *
 * Return: 0 or a negative errno.
 */
int worker_new(struct ev_loop *loop, void (*stopped)(void *userdata), void *userdata,
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
 * worker_stop() - let the task in hand run to its end, finish the others without running them.
 */
void worker_stop(struct worker *worker);

/**
 * worker_free() - worker_stop(), wait for the task in hand, finish it, and free @worker.
 */
void worker_free(struct worker *worker);
