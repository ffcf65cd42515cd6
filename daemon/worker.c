/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>

#include "util.h"

STAILQ_HEAD(task_queue, task);

struct worker {
	struct ev_loop *loop;
	ev_async wake; /* the thread finished a task, or ended */
	pthread_t thread;
	unsigned int n_tasks; /* submitted and not yet finished; the loop's thread alone counts */
	void (*stopped)(void *userdata);
	void *userdata;

	pthread_mutex_t lock; /* for what follows */
	pthread_cond_t changed;
	struct task_queue waiting, done;
	bool stopping;
	bool ended;
};

static void *run_tasks(void *userdata)
{
	struct worker *worker = userdata;
	struct task *task;

	pthread_mutex_lock(&worker->lock);
	for (;;) {
		while (!worker->stopping && STAILQ_EMPTY(&worker->waiting))
			pthread_cond_wait(&worker->changed, &worker->lock);
		if (worker->stopping)
			break;

		task = STAILQ_FIRST(&worker->waiting);
		STAILQ_REMOVE_HEAD(&worker->waiting, link);
		pthread_mutex_unlock(&worker->lock);

		task->run(task);

		pthread_mutex_lock(&worker->lock);
		STAILQ_INSERT_TAIL(&worker->done, task, link);
		ev_async_send(worker->loop, &worker->wake);
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
	bool ended;

	(void)revents;
	pthread_mutex_lock(&worker->lock);
	STAILQ_CONCAT(&done, &worker->done);
	ended = worker->ended;
	pthread_mutex_unlock(&worker->lock);

	finish_tasks(worker, &done, true);
	if (ended) {
		ev_async_stop(loop, wake);
		worker->stopped(worker->userdata);
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

int worker_new(struct ev_loop *loop, void (*stopped)(void *userdata), void *userdata,
	       struct worker **worker)
{
	_cleanup_free_ struct worker *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;

	w->loop = loop;
	w->stopped = stopped;
	w->userdata = userdata;
	STAILQ_INIT(&w->waiting);
	STAILQ_INIT(&w->done);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->changed, NULL);
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
