/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who has to wait for whom, where the chip is slow; and that one who asks for much keeps neither
 * others waiting nor the RAM of smmd.
 */
#include "service-fixture.h"

#define LARGE 60000u /* bytes; on the wire 1.35 s */

enum {
	BIG = 1,
	MEDIUM
}; /* blocks */

static sd_bus *other; /* of another user, where the test may be several */

static uid_t some_uid(void)
{
	return geteuid() ? 0 : 1;
}

static uid_t other_uid(void)
{
	return geteuid() ? 0 : 2;
}

/* A memory with something on it, and from now on as slow as on a bus of 400 kHz. */
static void start_slow(void)
{
	sd_bus *bus;

	configure_fram0("size = 256K\ngranule = 64");
	start_smmd();
	bus = connect_bus(some_uid());
	assert_int_equal(store(bus, "big", LARGE, 1), BIG);
	assert_int_equal(store(bus, "medium", 5000, 1), MEDIUM);
	disconnect(bus);
	stop_smmd();
	configure("wire-speed = 400k\n");
	start_smmd();
	other = connect_bus(other_uid());
}

static int setup_slow(void **state)
{
	if (service_setup(state) < 0)
		return -1;
	start_slow();
	return 0;
}

/* Write @size bytes of @fill, and do not wait. */
static void send_write(sd_bus *bus, const char *member, uint32_t id, size_t size, uint8_t fill)
{
	sd_bus_message *m = new_call(bus, MEMORY, member, "uu", id, 0);

	append_bytes(m, size, fill);
	send_message(bus, m);
}

/* Order */

static void test_write_then_read(void **state)
{
	sd_bus *bus = connect_bus(some_uid());

	(void)state;
	act(bus, MEMORY, "Read", "uuu", MEDIUM, 0, 5000); /* from now on, reading takes no time */
	send_call(other, MEMORY, "Check", "a{sv}", 0);    /* is in hand all the while */
	sleep_ms(50);
	send_write(bus, "WriteInPlace", MEDIUM, 5000, 2);
	send_call(bus, MEMORY, "Read", "uuu", MEDIUM, 0, 5000);
	send_write(bus, "Write", MEDIUM, 3000, 3);
	send_call(bus, MEMORY, "Read", "uuu", MEDIUM, 0, 3000);
	sd_bus_message_unref(next_answer(bus));
	assert_bytes(next_answer(bus), 5000, 2);
	sd_bus_message_unref(next_answer(bus));
	assert_bytes(next_answer(bus), 3000, 3);
}

static void test_read_then_write(void **state)
{
	sd_bus *bus = connect_bus(some_uid());

	(void)state;
	send_call(bus, MEMORY, "Read", "uuu", BIG, 0, LARGE); /* goes in steps */
	send_write(bus, "Write", BIG, 10, 2);
	assert_bytes(next_answer(bus), LARGE, 1);
	sd_bus_message_unref(next_answer(bus));
}

static void test_store_then_load(void **state)
{
	sd_bus *bus = connect_bus(some_uid());
	sd_bus_message *m = new_call(bus, MEMORY, "Store", "s", "new");

	(void)state;
	append_bytes(m, 3000, 7);
	send_message(bus, m);
	send_call(bus, MEMORY, "Load", "s", "new");
	sd_bus_message_unref(next_answer(bus));
	assert_bytes(next_answer(bus), 3000, 7);
}

/* Turns: another one floods the memory with what would take it five seconds at least. */

/* Keeps @n calls on their way, each by send(). */
static void flood(sd_bus *bus, unsigned int n, void (*send)(sd_bus *bus, unsigned int number))
{
	unsigned int sent = 0, answered = 0;
	sd_bus_message *m;

	for (;;) {
		while (sent < answered + n)
			send(bus, sent++);
		m = next_message(bus, 10000);
		if (!m)
			return;
		answered += sd_bus_message_is_signal(m, NULL, NULL) == 0;
		sd_bus_message_unref(m);
	}
}

static void send_in_place(sd_bus *bus, unsigned int number)
{
	send_write(bus, "WriteInPlace", BIG, LARGE, (uint8_t)number);
}

static void flood_in_place(void *userdata)
{
	(void)userdata;
	flood(connect_bus(some_uid()), 4, send_in_place);
}

static void send_medium(sd_bus *bus, unsigned int number)
{
	send_write(bus, "Write", MEDIUM, 500, (uint8_t)number);
}

static void flood_writes(void *userdata)
{
	(void)userdata;
	flood(connect_bus(some_uid()), 100, send_medium);
}

/* From one connection of a client to another of it. */
static void flood_in_session(void *userdata)
{
	flood(start_session(*(int *)userdata), 4, send_in_place);
}

static int64_t longest;

/* What one call takes, in milliseconds. */
#define MEASURE(call)                                        \
	do {                                                 \
		int64_t start_ = now_ms(), took_;            \
		call;                                        \
		took_ = now_ms() - start_;                   \
		longest = took_ > longest ? took_ : longest; \
	} while (0)

/* For a while, small calls while another one does what it can. */
static void endure(sd_bus *bus, void (*flooder)(void *userdata), void *userdata)
{
	uint32_t id = store(bus, "small", 8, 1);
	pid_t process = start_process(flooder, userdata);
	int64_t end, n = 1;

	longest = 0;
	sleep_ms(300);
	for (end = now_ms() + 1500; now_ms() < end;) {
		MEASURE(act(bus, MEMORY, "Read", "uuu", id, 0, 8));
		MEASURE(act(bus, MEMORY, "Write", "uuay", id, 0, 2, n, n >> 8));
		MEASURE(n = (int64_t)call_number(bus, MEMORY, "Add", "sx", "rounds", (int64_t)1));
	}
	print_message("# %jd rounds, the longest call took %jd ms\n", (intmax_t)n,
		      (intmax_t)longest);
	kill_process(process);
	assert_in_range(longest, 0, 1000);
	assert_in_range(n, 10, 10000);
}

static void test_long_writes_of_another(void **state)
{
	(void)state;
	endure(other, flood_in_place, NULL);
}

static void test_many_writes_of_another(void **state)
{
	(void)state;
	endure(other, flood_writes, NULL);
}

static void test_long_writes_in_a_session_of_the_same(void **state)
{
	sd_bus *bus = connect_bus(some_uid());
	int fd = session_socket(bus);

	(void)state;
	endure(bus, flood_in_session, &fd);
	close(fd);
}

static void test_busy(void **state)
{
	sd_bus *bus = connect_bus(some_uid());
	sd_bus_message *m;

	(void)state;
	for (unsigned int i = 0; i < 8; i++)
		send_write(bus, "WriteInPlace", BIG, LARGE, (uint8_t)i);
	/* As much as the chip has may wait: four of them. The others are told so at once. */
	for (unsigned int busy = 0; busy < 4;) {
		m = next_message(bus, 5000);
		assert_non_null(m);
		if (sd_bus_message_is_method_error(m, NULL)) {
			assert_true(sd_bus_message_is_method_error(m, ERROR("Busy")));
			busy++;
		}
		sd_bus_message_unref(m);
	}
	assert_int_equal(call_number(other, MEMORY, "Add", "sx", "count", (int64_t)1), 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup_slow, service_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_write_then_read),
		TEST(test_read_then_write),
		TEST(test_store_then_load),
		TEST(test_busy),
		TEST(test_long_writes_of_another),
		TEST(test_many_writes_of_another),
		TEST(test_long_writes_in_a_session_of_the_same),
	};

	choose_tests();
	return cmocka_run_group_tests_name("fairness", tests, NULL, NULL);
}
