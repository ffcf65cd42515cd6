/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The worker: tasks in their order, those that fit in the middle of another, and work of its own
 * when there are none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "worker.h"

#define N_TASKS 8

struct fixture {
	struct ev_loop *loop;
	struct worker *worker;
	struct note {
		struct task task; /* comes first */
		struct fixture *fixture;
		char name;
		bool between; /* lets others run in its middle */
		int steps;
	} tasks[N_TASKS];
	char ran[64], finished[64];
	unsigned int unfinished, idles, notified;
	_Atomic bool go; /* the first task waits for it, so that the others have been submitted */
	uint32_t idle_ms;
	bool stopped;
};

static void add(char *text, char c)
{
	size_t length = strlen(text);

	assert_true(length < 63);
	text[length] = c;
	text[length + 1] = '\0';
}

static void run(struct task *task)
{
	struct note *note = (struct note *)task;

	while (!atomic_load(&note->fixture->go))
		;
	add(note->fixture->ran, note->name);
	if (note->between)
		worker_between(note->fixture->worker);
	add(note->fixture->ran, '.');
	task->again = --note->steps > 0;
}

static void finish(struct task *task, bool ran)
{
	struct note *note = (struct note *)task;

	add(note->fixture->finished, ran ? note->name : '-');
	if (--note->fixture->unfinished == 0)
		ev_break(note->fixture->loop, EVBREAK_ALL);
}

static bool does_fit(struct task *task)
{
	(void)task;
	return true;
}

static uint32_t idle(void *userdata)
{
	struct fixture *f = userdata;

	if (++f->idles == 3)
		worker_notify(f->worker);
	return f->idles < 3 ? f->idle_ms : WORKER_NEVER;
}

static void notified(void *userdata)
{
	struct fixture *f = userdata;

	f->notified++;
	ev_break(f->loop, EVBREAK_ALL);
}

static void stopped(void *userdata)
{
	struct fixture *f = userdata;

	f->stopped = true;
	ev_break(f->loop, EVBREAK_ALL);
}

static const struct worker_ops ops = { idle, notified, stopped };

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	f->loop = ev_loop_new(EVFLAG_AUTO);
	f->idles = 3; /* no work of its own */
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	worker_free(f->worker);
	ev_loop_destroy(f->loop);
	free(f);
	return 0;
}

/* One task a character: an upper case one fits between others, '*' lets others in, a digit is the
 * number of its steps. The digits of @connections say whose each is. */
static void submit_for(struct fixture *f, const char *names, const char *connections)
{
	for (size_t i = 0; names[i]; i++) {
		f->tasks[i] = (struct note){
			.task = { .user = f,
				  .connection = &f->tasks[connections[i] - '0'],
				  .run = run,
				  .fits = names[i] >= 'A' && names[i] < 'a' ? does_fit : NULL,
				  .finish = finish },
			.fixture = f,
			.name = names[i],
			.between = names[i] == '*',
			.steps = names[i] >= '0' && names[i] <= '9' ? names[i] - '0' : 1,
		};
		f->unfinished++;
		assert_int_equal(worker_submit(f->worker, &f->tasks[i].task), 0);
	}
	atomic_store(&f->go, true);
	ev_run(f->loop, 0);
}

/* Each of a connection of its own. */
static void submit(struct fixture *f, const char *names)
{
	submit_for(f, names, "01234567");
}

static void test_order(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(worker_new(f->loop, &ops, f, &f->worker), 0);
	submit(f, "aBcD");
	assert_string_equal(f->ran, "a.B.c.D.");
	assert_string_equal(f->finished, "aBcD");
}

static void test_between(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(worker_new(f->loop, &ops, f, &f->worker), 0);
	submit(f, "*aBcD");
	assert_string_equal(f->ran, "*B.D..a.c.");
	assert_string_equal(f->finished, "BD*ac");
}

static void test_between_only_of_other_connections(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(worker_new(f->loop, &ops, f, &f->worker), 0);
	submit_for(f, "*ABbC", "00111");
	assert_string_equal(f->ran, "*B..A.b.C.");
}

static void test_steps(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(worker_new(f->loop, &ops, f, &f->worker), 0);
	submit_for(f, "3abc", "0012");
	assert_string_equal(f->ran, "3.b.c.3.3.a.");
	assert_string_equal(f->finished, "bc3a");
}

static void test_idle_comes_back_in_its_time(void **state)
{
	struct fixture *f = *state;

	f->idles = 0;
	f->idle_ms = 5;
	assert_int_equal(worker_new(f->loop, &ops, f, &f->worker), 0);
	ev_run(f->loop, 0);
	assert_int_equal(f->notified, 1);
	assert_int_equal(f->idles, 3);
}

static void test_wake(void **state)
{
	struct fixture *f = *state;

	f->idles = 1;
	f->idle_ms = 3600000;
	assert_int_equal(worker_new(f->loop, &ops, f, &f->worker), 0);
	worker_wake(f->worker);
	while (f->notified == 0) {
		worker_wake(f->worker);
		ev_run(f->loop, EVRUN_NOWAIT);
	}
	assert_int_equal(f->notified, 1);
}

static void test_stop(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(worker_new(f->loop, &ops, f, &f->worker), 0);
	worker_stop(f->worker);
	while (!f->stopped)
		ev_run(f->loop, EVRUN_ONCE);
	assert_int_equal(worker_submit(f->worker, &f->tasks[0].task), -ESHUTDOWN);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_order),
		TEST(test_between),
		TEST(test_between_only_of_other_connections),
		TEST(test_steps),
		TEST(test_idle_comes_back_in_its_time),
		TEST(test_wake),
		TEST(test_stop),
	};

	return cmocka_run_group_tests_name("worker", tests, NULL, NULL);
}
