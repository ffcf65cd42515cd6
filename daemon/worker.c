/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <uthash.h>

#include "util.h"

/* Tasks that run between two slices of another, so that it comes to an end, too. */
#define BETWEEN_MAX 16u

STAILQ_HEAD(task_queue, task);

/* Of one of those who wait, a user or a connection: when it was served last. */
struct turn {
	const void *of;
	uint64_t served; /* who is new came last */
	unsigned int n_tasks;
	UT_hash_handle hh;
};

struct worker {
	struct ev_loop *loop;
	ev_async wake; /* the thread finished a task, or ended */
	pthread_t thread;
	const struct worker_ops *ops;
	void *userdata;

	pthread_mutex_t lock; /* for what follows */
	pthread_cond_t changed;
	struct task_queue waiting, done;
	uint32_t idle_ms; /* until it is that by itself */
	struct turn *turns;
	const struct turn *in_hand; /* of the connection that the thread works for */
	uint64_t clock;             /* tasks begun */
	uint64_t idled;             /* turns of work of its own, begun */
	bool working;               /* the thread is, and does not hold the lock */
	bool woken;                 /* it is time for work of its own */
	bool notified;              /* the loop's thread has not heard of it yet */
	bool stopping;
	bool ended;
};

static struct turn *take_part(struct worker *worker, const void *of)
{
	struct turn *turn;

	HASH_FIND_PTR(worker->turns, &of, turn);
	if (!turn) {
		turn = calloc(1, sizeof(*turn));
		if (!turn)
			return NULL;
		turn->of = of;
		turn->served = worker->clock;
		HASH_ADD_PTR(worker->turns, of, turn);
	}
	turn->n_tasks++;
	return turn;
}

static void leave(struct worker *worker, struct turn *turn)
{
	if (!turn || --turn->n_tasks)
		return;
	HASH_DEL(worker->turns, turn);
	free(turn);
}

/* The task has no part in the turns any more. */
static void leave_turns(struct worker *worker, struct task *task)
{
	leave(worker, task->user_turn);
	leave(worker, task->connection_turn);
	task->user_turn = task->connection_turn = NULL;
}

/* Whether @a is to be run before @b, which came first. */
static bool is_before(const struct task *a, const struct task *b)
{
	if (a->user_turn != b->user_turn)
		return a->user_turn->served < b->user_turn->served;
	return a->connection_turn->served < b->connection_turn->served;
}

/* Whether no other task of its connection has to be run before it. */
static bool is_first(const struct worker *worker, const struct task *task)
{
	const struct task *other;

	STAILQ_FOREACH (other, &worker->waiting, link) {
		if (other->connection_turn == task->connection_turn)
			break;
	}
	return other == task;
}

static bool fits_between(const struct worker *worker, struct task *task)
{
	return task->fits && task->connection_turn != worker->in_hand && is_first(worker, task) &&
	       task->fits(task);
}

/* Takes the task that is next out of the queue; with @between, of those that fit now. */
static struct task *take_next(struct worker *worker, bool between)
{
	struct task *task, *next = NULL;

	STAILQ_FOREACH (task, &worker->waiting, link) {
		if ((!next || is_before(task, next)) && (!between || fits_between(worker, task)))
			next = task;
	}
	if (next)
		STAILQ_REMOVE(&worker->waiting, next, task, link);
	return next;
}

/* Behind those of other connections, before those of its own: they wait for it to end. */
static void put_back(struct worker *worker, struct task *task)
{
	struct task *other, *before = NULL;

	STAILQ_FOREACH (other, &worker->waiting, link) {
		if (other->connection_turn == task->connection_turn)
			break;
		before = other;
	}
	if (before)
		STAILQ_INSERT_AFTER(&worker->waiting, before, task, link);
	else
		STAILQ_INSERT_HEAD(&worker->waiting, task, link);
}

/* Run a task that is in no queue any more. The lock is held before and after. */
static void run_task(struct worker *worker, struct task *task)
{
	task->user_turn->served = task->connection_turn->served = ++worker->clock;
	task->again = false;
	pthread_mutex_unlock(&worker->lock);
	task->run(task);
	pthread_mutex_lock(&worker->lock);
	if (task->again && !worker->stopping) {
		put_back(worker, task);
		return;
	}
	leave_turns(worker, task);
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
	worker->working = true;
	worker->idled++;
	pthread_mutex_unlock(&worker->lock);
	ms = worker->ops->idle(worker->userdata);
	pthread_mutex_lock(&worker->lock);
	worker->working = false;
	worker->woken |= !ms;
	worker->idle_ms = ms;
}

static void *run_tasks(void *userdata)
{
	struct worker *worker = userdata;
	struct task *task;

	pthread_mutex_lock(&worker->lock);
	while (!worker->stopping) {
		task = take_next(worker, false);
		if (!task) {
			idle(worker);
			continue;
		}
		worker->working = true;
		worker->in_hand = task->connection_turn;
		run_task(worker, task);
		worker->in_hand = NULL;
		worker->working = false;
		worker->woken = true; /* it may have made some */
	}
	worker->ended = true;
	ev_async_send(worker->loop, &worker->wake);
	pthread_mutex_unlock(&worker->lock);
	return NULL;
}

static void finish_tasks(struct task_queue *tasks, bool ran)
{
	struct task *task;

	while ((task = STAILQ_FIRST(tasks))) {
		STAILQ_REMOVE_HEAD(tasks, link);
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

	if (notified)
		worker->ops->notified(worker->userdata);
	finish_tasks(&done, true);
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

static int enqueue(struct worker *worker, struct task *task)
{
	if (worker->stopping)
		return -ESHUTDOWN;
	task->user_turn = take_part(worker, task->user);
	task->connection_turn = take_part(worker, task->connection);
	if (!task->user_turn || !task->connection_turn) {
		leave_turns(worker, task);
		return -ENOMEM;
	}
	STAILQ_INSERT_TAIL(&worker->waiting, task, link);
	return 0;
}

int worker_submit(struct worker *worker, struct task *task)
{
	int r;

	pthread_mutex_lock(&worker->lock);
	r = enqueue(worker, task);
	pthread_mutex_unlock(&worker->lock);
	pthread_cond_signal(&worker->changed);
	return r;
}

bool worker_hold(struct worker *worker)
{
	pthread_mutex_lock(&worker->lock);
	if (!worker->working && !worker->stopping && STAILQ_EMPTY(&worker->waiting))
		return true;
	pthread_mutex_unlock(&worker->lock);
	return false;
}

void worker_release(struct worker *worker)
{
	pthread_mutex_unlock(&worker->lock);
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

void worker_between(struct worker *worker)
{
	struct task *task;

	pthread_mutex_lock(&worker->lock);
	for (unsigned int i = 0; i < BETWEEN_MAX && (task = take_next(worker, true)); i++)
		run_task(worker, task);
	pthread_mutex_unlock(&worker->lock);
}

uint64_t worker_begun(struct worker *worker, bool *working)
{
	uint64_t n;

	pthread_mutex_lock(&worker->lock);
	n = worker->clock + worker->idled;
	*working = worker->working;
	pthread_mutex_unlock(&worker->lock);
	return n;
}

void worker_stop(struct worker *worker)
{
	struct task_queue left = STAILQ_HEAD_INITIALIZER(left);
	struct task *task;

	pthread_mutex_lock(&worker->lock);
	worker->stopping = true;
	STAILQ_CONCAT(&left, &worker->waiting);
	STAILQ_FOREACH (task, &left, link) {
		leave_turns(worker, task);
	}
	pthread_cond_signal(&worker->changed);
	pthread_mutex_unlock(&worker->lock);

	finish_tasks(&left, false);
}

void worker_free(struct worker *worker)
{
	if (!worker)
		return;

	worker_stop(worker);
	pthread_join(worker->thread, NULL);
	finish_tasks(&worker->done, true);
	ev_async_stop(worker->loop, &worker->wake);
	pthread_cond_destroy(&worker->changed);
	pthread_mutex_destroy(&worker->lock);
	free(worker);
}
