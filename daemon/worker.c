/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>

#include "util.h"

/* Tasks that run between two slices of another, so that it comes to an end, too. */
#define BETWEEN_MAX 16u

STAILQ_HEAD(task_queue, task);

struct worker {
	struct ev_loop *loop;
	ev_async wake; /* the thread finished a task, or ended */
	pthread_t thread;
	unsigned int n_tasks; /* submitted and not yet finished; the loop's thread alone counts */
	const struct worker_ops *ops;
	void *userdata;

	pthread_mutex_t lock; /* for what follows */
	pthread_cond_t changed;
	struct task_queue waiting, done;
	uint32_t idle_ms; /* until it is that by itself */
	bool woken;       /* it is time for work of its own */
	bool notified;    /* the loop's thread has not heard of it yet */
	bool stopping;
	bool ended;
};

/* Run a task that is in no queue any more. The lock is held before and after. */
static void run_task(struct worker *worker, struct task *task)
{
	pthread_mutex_unlock(&worker->lock);
	task->run(task);
	pthread_mutex_lock(&worker->lock);
	STAILQ_INSERT_TAIL(&worker->done, task, link);
	ev_async_send(worker->loop, &worker->wake);
}

/* Wait until there is a task, or @ms are over. */
static void wait_for_task(struct worker *worker, uint32_t ms)
{
	struct timespec until;

	if (ms == WORKER_NEVER) {
		pthread_cond_wait(&worker->changed, &worker->lock);
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += ms % 1000 * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_nsec -= 1000000000L;
		until.tv_sec++;
	}
	if (pthread_cond_timedwait(&worker->changed, &worker->lock, &until) == ETIMEDOUT)
		worker->woken = true;
}

/* Nothing waits: work of its own, one turn of it, or wait. */
static void idle(struct worker *worker)
{
	uint32_t ms = worker->idle_ms;

	if (!worker->woken) {
		wait_for_task(worker, ms);
		return;
	}
	worker->woken = false;
	pthread_mutex_unlock(&worker->lock);
	ms = worker->ops->idle(worker->userdata);
	pthread_mutex_lock(&worker->lock);
	worker->woken |= !ms;
	worker->idle_ms = ms;
}

static void *run_tasks(void *userdata)
{
	struct worker *worker = userdata;
	struct task *task;

	pthread_mutex_lock(&worker->lock);
	while (!worker->stopping) {
		task = STAILQ_FIRST(&worker->waiting);
		if (!task) {
			idle(worker);
			continue;
		}
		STAILQ_REMOVE_HEAD(&worker->waiting, link);
		run_task(worker, task);
		worker->woken = true; /* it may have made some */
	}
	worker->ended = true;
	ev_async_send(worker->loop, &worker->wake);
	pthread_mutex_unlock(&worker->lock);
	return NULL;
}

static void finish_tasks(struct worker *worker, struct task_queue *tasks, bool ran)
{
	struct task *task;

	while ((task = STAILQ_FIRST(tasks))) {
		STAILQ_REMOVE_HEAD(tasks, link);
		worker->n_tasks--;
		task->finish(task, ran);
	}
}

static void on_wake(struct ev_loop *loop, ev_async *wake, int revents)
{
	struct worker *worker = wake->data;
	struct task_queue done = STAILQ_HEAD_INITIALIZER(done);
	bool ended, notified;

	(void)revents;
	pthread_mutex_lock(&worker->lock);
	STAILQ_CONCAT(&done, &worker->done);
	ended = worker->ended;
	notified = worker->notified;
	worker->notified = false;
	pthread_mutex_unlock(&worker->lock);

	finish_tasks(worker, &done, true);
	if (notified)
		worker->ops->notified(worker->userdata);
	if (ended) {
		ev_async_stop(loop, wake);
		worker->ops->stopped(worker->userdata);
	}
}

/* Signals are the loop's: they must not interrupt a transfer. */
static int start_thread(struct worker *worker)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&worker->thread, NULL, run_tasks, worker);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -r;
}

/* Time-outs count in a time that nobody sets. */
static void init_condition(pthread_cond_t *condition)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(condition, &attributes);
	pthread_condattr_destroy(&attributes);
}

int worker_new(struct ev_loop *loop, const struct worker_ops *ops, void *userdata,
	       struct worker **worker)
{
	_cleanup_free_ struct worker *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;

	w->loop = loop;
	w->ops = ops;
	w->userdata = userdata;
	STAILQ_INIT(&w->waiting);
	STAILQ_INIT(&w->done);
	pthread_mutex_init(&w->lock, NULL);
	init_condition(&w->changed);
	w->woken = true;
	ev_async_init(&w->wake, on_wake);
	w->wake.data = w;
	ev_async_start(loop, &w->wake);

	r = start_thread(w);
	if (r < 0) {
		ev_async_stop(loop, &w->wake);
		return r;
	}
	*worker = TAKE(w);
	return 0;
}

int worker_submit(struct worker *worker, struct task *task)
{
	int r = 0;

	if (worker->n_tasks >= WORKER_TASKS_MAX)
		return -EBUSY;

	pthread_mutex_lock(&worker->lock);
	if (worker->stopping) {
		r = -ESHUTDOWN;
	} else {
		STAILQ_INSERT_TAIL(&worker->waiting, task, link);
		worker->n_tasks++;
		pthread_cond_signal(&worker->changed);
	}
	pthread_mutex_unlock(&worker->lock);
	return r;
}

void worker_wake(struct worker *worker)
{
	pthread_mutex_lock(&worker->lock);
	worker->woken = true;
	pthread_cond_signal(&worker->changed);
	pthread_mutex_unlock(&worker->lock);
}

void worker_notify(struct worker *worker)
{
	pthread_mutex_lock(&worker->lock);
	worker->notified = true;
	ev_async_send(worker->loop, &worker->wake);
	pthread_mutex_unlock(&worker->lock);
}

/* Takes the first task that fits out of the queue. */
static struct task *take_fitting(struct worker *worker)
{
	struct task *task;

	STAILQ_FOREACH (task, &worker->waiting, link) {
		if (!task->fits || !task->fits(task))
			continue;
		STAILQ_REMOVE(&worker->waiting, task, task, link);
		return task;
	}
	return NULL;
}

void worker_between(struct worker *worker)
{
	struct task *task;

	pthread_mutex_lock(&worker->lock);
	for (unsigned int i = 0; i < BETWEEN_MAX && (task = take_fitting(worker)); i++)
		run_task(worker, task);
	pthread_mutex_unlock(&worker->lock);
}

void worker_stop(struct worker *worker)
{
	struct task_queue left = STAILQ_HEAD_INITIALIZER(left);

	pthread_mutex_lock(&worker->lock);
	worker->stopping = true;
	STAILQ_CONCAT(&left, &worker->waiting);
	pthread_cond_signal(&worker->changed);
	pthread_mutex_unlock(&worker->lock);

	finish_tasks(worker, &left, false);
}

void worker_free(struct worker *worker)
{
	if (!worker)
		return;

	worker_stop(worker);
	pthread_join(worker->thread, NULL);
	finish_tasks(worker, &worker->done, true);
	ev_async_stop(worker->loop, &worker->wake);
	pthread_cond_destroy(&worker->changed);
	pthread_mutex_destroy(&worker->lock);
	free(worker);
}
