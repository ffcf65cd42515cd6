/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Clients that ask for more than they should, and a bus that stands still: others are served all
 * the while, and the RAM of smmd has a bound.
 */
#include "service-fixture.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define LARGE 2000000u

enum {
	BIG = 1,
	SMALL
}; /* blocks */

static uid_t some_uid(void)
{
	return geteuid() ? 0 : 1;
}

static uid_t other_uid(void)
{
	return geteuid() ? 0 : 2;
}

static int setup(void **state)
{
	sd_bus *bus;

	if (service_setup(state) < 0)
		return -1;
	configure_fram0("size = 2M\ngranule = 64");
	start_smmd();
	bus = connect_bus(some_uid());
	assert_int_equal(store(bus, "big", LARGE, 1), BIG);
	disconnect(bus);
	bus = connect_bus(other_uid());
	assert_int_equal(store(bus, "small", 8, 1), SMALL);
	disconnect(bus);
	return 0;
}

/* Others, while the hostile ones are at work */

static int64_t longest;

#define MEASURE(call)                                        \
	do {                                                 \
		int64_t start_ = now_ms(), took_;            \
		call;                                        \
		took_ = now_ms() - start_;                   \
		longest = took_ > longest ? took_ : longest; \
	} while (0)

/* What others want of smmd: for @ms. */
static void serve_others(sd_bus *bus, int ms)
{
	int64_t end = now_ms() + ms, n = 0;

	longest = 0;
	while (now_ms() < end) {
		MEASURE(act(bus, MEMORY, "Read", "uuu", SMALL, 0, 8));
		MEASURE(act(bus, MEMORY, "Write", "uuay", SMALL, 0, 1, n));
		MEASURE(n = (int64_t)call_number(bus, MEMORY, "Add", "sx", "rounds", (int64_t)1));
		MEASURE(get_number(bus, MEMORY, "Blocks"));
	}
	print_message("# %jd rounds, the longest call took %jd ms\n", (intmax_t)n,
		      (intmax_t)longest);
	assert_in_range(longest, 0, 1000);
}

/* Others on the bus and on a session, while @body does its worst; smmd may grow by 32 MB. */
static void endure(void (*body)(void *userdata))
{
	sd_bus *bus = connect_bus(other_uid()), *session = connect_session(bus);
	unsigned long before = smmd_peak();
	pid_t process = start_process(body, NULL);

	sleep_ms(200);
	serve_others(bus, 600);
	serve_others(session, 600);
	print_message("# %lu kB more\n", smmd_peak() - before);
	assert_in_range(smmd_peak() - before, 0, 32 * 1024);
	kill_process(process);
	serve_others(bus, 100);
}

/* Sends calls until smmd takes no more at the moment. */
static void press(sd_bus *bus, void (*send)(sd_bus *bus))
{
	struct pollfd fd = { .fd = sd_bus_get_fd(bus), .events = POLLOUT };
	uint64_t unsent = 0;

	for (unsigned int i = 0; i < 10 && unsent == 0; i++) {
		send(bus);
		sd_bus_get_n_queued_write(bus, &unsent);
	}
	if (unsent && poll(&fd, 1, 1) > 0)
		sd_bus_flush(bus);
}

static void send_read(sd_bus *bus)
{
	send_call(bus, MEMORY, "Read", "uuu", BIG, 0, LARGE);
}

static void read_on_sessions(void *userdata)
{
	sd_bus *bus = connect_bus(some_uid()), *sessions[4];

	(void)userdata;
	for (unsigned int i = 0; i < 4; i++)
		sessions[i] = connect_session(bus);
	for (unsigned int i = 0;; i++)
		press(sessions[i % 4], send_read);
}

static void test_reads_whose_answers_nobody_reads_on_sessions(void **state)
{
	(void)state;
	NEED_ROOT(); /* what one user has is not for another */
	endure(read_on_sessions);
}

/* Slow enough for the daemon of the bus, which queues all that is not read. */
static void read_on_the_bus(void *userdata)
{
	sd_bus *bus = connect_bus(some_uid());

	(void)userdata;
	for (;;) {
		press(bus, send_read);
		sleep_ms(20);
	}
}

static void test_reads_whose_answers_nobody_reads_on_the_bus(void **state)
{
	(void)state;
	NEED_ROOT(); /* what one user has is not for another */
	endure(read_on_the_bus);
}

/* Small calls, as many as may be; the answers are read. */

static void send_add(sd_bus *bus)
{
	send_call(bus, MEMORY, "Add", "sx", "hostile", (int64_t)1);
}

static void send_get(sd_bus *bus)
{
	send_call(bus, MEMORY, "org.freedesktop.DBus.Properties.GetAll", "s", "org.smm1.Memory");
}

/* Keeps @n calls on their way. */
static void flood(sd_bus *bus, unsigned int n, void (*send)(sd_bus *bus))
{
	unsigned int sent = 0, answered = 0;
	sd_bus_message *m;

	for (;;) {
		for (; sent < answered + n; sent++)
			send(bus);
		m = next_message(bus, 10000);
		if (!m)
			return;
		answered += sd_bus_message_is_signal(m, NULL, NULL) == 0;
		sd_bus_message_unref(m);
	}
}

static void add_on_the_bus(void *userdata)
{
	(void)userdata;
	flood(connect_bus(some_uid()), 500, send_add);
}

static void test_flood_on_the_bus(void **state)
{
	(void)state;
	NEED_ROOT(); /* what one user has is not for another */
	endure(add_on_the_bus);
}

static void add_on_a_session(void *userdata)
{
	(void)userdata;
	flood(connect_session(connect_bus(some_uid())), 500, send_add);
}

static void get_on_a_session(void *userdata)
{
	(void)userdata;
	flood(connect_session(connect_bus(some_uid())), 500, send_get);
}

static void test_flood_on_a_session(void **state)
{
	(void)state;
	NEED_ROOT(); /* what one user has is not for another */
	endure(add_on_a_session);
}

#define STRANGERS 10

/* Each new connection makes smmd ask the bus who it is; meanwhile others call. */
static void test_strangers_are_heard_during_a_flood(void **state)
{
	sd_bus *strangers[STRANGERS];
	pid_t process = start_process(get_on_a_session, NULL);
	int64_t start;

	(void)state;
	sleep_ms(200);
	for (unsigned int round = 0; round < 30; round++) {
		for (unsigned int i = 0; i < STRANGERS; i++)
			strangers[i] = connect_bus(other_uid());
		start = now_ms();
		for (unsigned int i = 0; i < STRANGERS; i++)
			send_call(strangers[i], MEMORY, "Find", "s", "small");
		for (unsigned int i = 0; i < STRANGERS; i++)
			sd_bus_message_unref(next_answer(strangers[i]));
		assert_in_range(now_ms() - start, 0, 2000);
		for (unsigned int i = 0; i < STRANGERS; i++)
			disconnect(strangers[i]);
	}
	kill_process(process);
}

/* A bus that stands still */

/* Signals for everybody, @n times 200. */
static void make_signals(sd_bus *session, unsigned int n)
{
	uint32_t id = (uint32_t)call_number(session, MEMORY, "Allocate", "sua{sv}", "public", 1, 1,
					    "mode", "u", 0644);

	for (unsigned int i = 0; i < n; i++)
		write_parts(session, id, 200);
}

static void test_sessions_go_on_when_the_bus_stands_still(void **state)
{
	sd_bus *bus = connect_bus(0), *session = connect_session(bus);
	unsigned long before = smmd_peak();

	(void)state;
	stop_bus();
	make_signals(session, 250);
	continue_bus();
	print_message("# %lu kB more\n", smmd_peak() - before);
	assert_in_range(smmd_peak() - before, 0, 48 * 1024);
	assert_int_equal(get_number(bus, MEMORY, "Blocks"), 3);
	make_signals(session, 1);
}

static void test_sigterm_when_the_bus_stands_still(void **state)
{
	sd_bus *session = connect_session(connect_bus(0));
	int64_t start;

	(void)state;
	stop_bus();
	make_signals(session, 150);
	start = now_ms();
	stop_smmd();
	assert_in_range(now_ms() - start, 0, 4000);
	continue_bus();
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, service_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_reads_whose_answers_nobody_reads_on_sessions),
		TEST(test_reads_whose_answers_nobody_reads_on_the_bus),
		TEST(test_flood_on_the_bus),
		TEST(test_flood_on_a_session),
		TEST(test_strangers_are_heard_during_a_flood),
		TEST(test_sessions_go_on_when_the_bus_stands_still),
		TEST(test_sigterm_when_the_bus_stands_still),
	};

	choose_tests();
	return cmocka_run_group_tests_name("hostile", tests, NULL, NULL);
}
