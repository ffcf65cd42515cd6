/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A chip of 2 MiB with 10,000 blocks: all of them at once, one of them, and others meanwhile.
 */
#include "service-fixture.h"

#include <stdio.h>

#define MANY 10000u
#define FEW  100u

static sd_bus *bus, *session;

/* Have so many blocks. */
static void fill_up(unsigned int from, unsigned int to)
{
	char name[32];

	for (unsigned int sent = from, answered = from; answered < to; answered++) {
		for (; sent < to && sent < answered + 100; sent++) {
			snprintf(name, sizeof(name), "block-%u", sent);
			send_call(session, MEMORY, "Allocate", "sua{sv}", name, 8, 1, "mode", "u",
				  sent % 2 ? 0600 : 0644);
		}
		sd_bus_message_unref(next_answer(session));
	}
}

static int compare_times(const void *a, const void *b)
{
	const int64_t *first = a, *second = b;

	return *first < *second ? -1 : *first > *second;
}

/* What it takes to look at one block: the median, in microseconds. */
static int64_t introspect_one(void)
{
	int64_t times[101], start;

	for (size_t i = 0; i < 101; i++) {
		start = now_us();
		act(bus, BLOCKS "50", "org.freedesktop.DBus.Introspectable.Introspect", NULL);
		times[i] = now_us() - start;
	}
	qsort(times, 101, sizeof(*times), compare_times);
	return times[50];
}

static int64_t with_few;

static int setup(void **state)
{
	if (service_setup(state) < 0)
		return -1;
	configure_fram0("size = 2M\ngranule = 64");
	start_smmd();
	bus = connect_bus(0);
	session = connect_session(bus);
	fill_up(0, FEW);
	with_few = introspect_one();
	fill_up(FEW, MANY);
	return 0;
}

static void test_one_takes_what_it_takes(void **state)
{
	int64_t with_many = introspect_one();

	(void)state;
	print_message("# %jd us with %u blocks, %jd us with %u\n", (intmax_t)with_few, FEW,
		      (intmax_t)with_many, MANY);
	assert_true(with_many < 3 * with_few);
}

static unsigned int count_elements(sd_bus_message *m, const char *contents)
{
	unsigned int n = 0;

	assert_true(sd_bus_message_enter_container(m, 'a', contents) > 0);
	for (; sd_bus_message_at_end(m, false) == 0; n++)
		assert_true(sd_bus_message_skip(m, contents) > 0);
	sd_bus_message_unref(m);
	return n;
}

static void test_all(void **state)
{
	sd_bus *both[] = { bus, session };

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(count_elements(call(both[i], MEMORY, "List", NULL), "(usuuuuut)"),
				 MANY);
		/* The memory, too. */
		assert_int_equal(
			count_elements(call(both[i], MANAGER,
					    "org.freedesktop.DBus.ObjectManager.GetManagedObjects",
					    NULL),
				       "{oa{sa{sv}}}"),
			MANY + 1);
	}
}

static void test_tree(void **state)
{
	char command[256], line[256];
	unsigned int n = 0;
	FILE *tree;

	(void)state;
	snprintf(command, sizeof(command), "busctl --address=%s --list tree org.smm1", bus_address);
	tree = popen(command, "r");
	assert_non_null(tree);
	while (fgets(line, sizeof(line), tree))
		n += strstr(line, "/block/") != NULL;
	assert_int_equal(pclose(tree), 0);
	assert_int_equal(n, MANY);
}

/* Others are served */

static void get_all(void *userdata)
{
	sd_bus *own = connect_bus(0);

	(void)userdata;
	for (;;)
		sd_bus_message_unref(call(own, MANAGER,
					  "org.freedesktop.DBus.ObjectManager.GetManagedObjects",
					  NULL));
}

static void test_others_are_served(void **state)
{
	pid_t process = start_process(get_all, NULL);
	int64_t start, took, longest = 0, n = 0;

	(void)state;
	for (int64_t end = now_ms() + 1500; now_ms() < end;) {
		start = now_ms();
		n = (int64_t)call_number(session, MEMORY, "Add", "sx", "rounds", (int64_t)1);
		took = now_ms() - start;
		longest = took > longest ? took : longest;
	}
	print_message("# %jd calls, the longest took %jd ms\n", (intmax_t)n, (intmax_t)longest);
	kill_process(process);
	assert_in_range(longest, 0, 2000);
}

/* Nobody reads the answers; each has some megabytes. */
static void test_answers_that_nobody_reads(void **state)
{
	unsigned long before = smmd_peak();
	sd_bus *sleepers[4];

	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		sleepers[i] = connect_session(bus);
		for (unsigned int k = 0; k < 20; k++)
			send_call(sleepers[i], MANAGER,
				  "org.freedesktop.DBus.ObjectManager.GetManagedObjects", NULL);
	}
	for (int64_t end = now_ms() + 1000; now_ms() < end;)
		assert_true(call_number(session, MEMORY, "Find", "s", "block-7") > 0);
	print_message("# %lu kB more\n", smmd_peak() - before);
	assert_in_range(smmd_peak() - before, 0, 64 * 1024);
	for (unsigned int i = 0; i < 4; i++)
		disconnect(sleepers[i]);
}

/* For a while, none of these takes long. */
static void ping(void *userdata)
{
	sd_bus *own = connect_bus(0);
	int64_t end = now_ms() + 2000, start, longest = 0;

	(void)userdata;
	for (start = now_ms(); start < end; start = now_ms()) {
		act(own, MANAGER, "org.freedesktop.DBus.Peer.Ping", NULL);
		longest = now_ms() - start > longest ? now_ms() - start : longest;
	}
	print_message("# the longest ping took %jd ms\n", (intmax_t)longest);
	_exit(longest > 1500);
}

/* All blocks go: who reads hears of each, and others are served. */
static void test_format(void **state)
{
	unsigned int removed = 0;
	sd_bus_message *m;
	pid_t pings;

	(void)state;
	NEED_ROOT();
	pings = start_process(ping, NULL);
	sleep_ms(200);
	send_call(session, MEMORY, "Format", "a{sv}", 1, "force", "b", true);
	do {
		m = next_message(session, 10000);
		assert_non_null(m);
		removed += sd_bus_message_is_signal(m, NULL, "InterfacesRemoved") > 0;
		assert_false(sd_bus_message_is_method_error(m, NULL));
		sd_bus_message_unref(m);
	} while (removed < MANY + 1); /* the job, too */
	end_process(pings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_takes_what_it_takes),
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_tree),
		cmocka_unit_test(test_others_are_served),
		cmocka_unit_test(test_answers_that_nobody_reads),
		cmocka_unit_test(test_format),
	};

	choose_tests();
	return cmocka_run_group_tests_name("many", tests, setup, service_teardown);
}
