/* SPDX-License-Identifier: BSD-3-Clause */
/* The connection: how it is made, what becomes of it when smmd or the bus goes away, sessions and
 * what there is without them, and several threads. */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "service.h"

#define SESSIONS_MAX 16u /* smmd's, of one user */

static unsigned int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* Whether smmd would give this user one more session: it says so to busctl. */
static bool one_more_session(void)
{
	return system("busctl call org.smm1 /org/smm1/memory/fram0 org.smm1.Memory OpenSession "
		      ">/dev/null 2>&1") == 0;
}

/* Opening */

static void expect_open(const char *where, const char *memory, int expected, const char *words)
{
	smm_client *c;

	assert_int_equal(smm_client_open(&c, where, memory), -expected);
	if (expected && !strstr(smm_client_error_message(c), words))
		fail_msg("%s: %s", smm_client_error_name(c), smm_client_error_message(c));
	smm_client_close(c);
}

static void test_open(void **state)
{
	const char *address = getenv("DBUS_SYSTEM_BUS_ADDRESS");

	(void)state;
	expect_open("nonsense", NULL, EINVAL, "nonsense");
	expect_open("unix:path=/nowhere/at/all", NULL, ECONNREFUSED, "/nowhere/at/all");
	expect_open("unix:path=/dev/null/bus", NULL, ENOTDIR, "/dev/null/bus");
	expect_open(NULL, "nothing", ENXIO, "nothing");
	expect_open(NULL, NULL, ENOTUNIQ, "2 memories");
	expect_open(NULL, "not a path", ENXIO, "not a path");
	setenv("SMM_MEMORY", "slow", 1);
	expect_open(NULL, NULL, 0, "");
	unsetenv("SMM_MEMORY");
	expect_open("system", "fram0", 0, "");
	expect_open(address, "fram0", 0, "");
	setenv("DBUS_SESSION_BUS_ADDRESS", address, 1);
	expect_open("user", "fram0", 0, "");
	unsetenv("DBUS_SESSION_BUS_ADDRESS");
}

static void test_no_memory_chosen(void **state)
{
	smm_client *c;
	smm_call *call;

	(void)state;
	assert_int_equal(smm_client_open(&c, NULL, ""), 0);
	assert_null(smm_client_get_memory(c));
	assert_int_equal(smm_client_add(c, "n", 1, NULL), -ENXIO);
	assert_ok(c, smm_client_memories(c, &call));
	smm_call_unref(call);
	assert_ok(c, smm_client_set_memory(c, "slow"));
	assert_ok(c, smm_client_add(c, "n", 1, NULL));
	assert_int_equal(smm_client_set_memory(c, "nothing"), -ENXIO);
	assert_string_equal(smm_client_get_memory(c), "slow");
	assert_ok(c, smm_client_add(c, "n", 1, NULL));
	smm_client_close(c);
}

static void test_open_without_smmd(void **state)
{
	smm_client *c;

	(void)state;
	smmd_stop();
	assert_int_equal(smm_client_open(&c, NULL, "fram0"), -EHOSTDOWN);
	assert_non_null(strstr(smm_client_error_message(c), "does not run"));
	assert_int_equal(smm_client_is_connected(c), 0);
	smmd_start();
	assert_ok(c, smm_client_set_memory(c, "fram0"));
	assert_ok(c, smm_client_add(c, "n", 1, NULL));
	smm_client_close(c);
}

static void test_nothing_is_left(void **state)
{
	unsigned int before = count_fds();
	smm_client *c;

	(void)state;
	for (unsigned int i = 0; i < 40; i++) {
		assert_int_equal(smm_client_open(&c, NULL, "fram0"), 0);
		smm_client_close(c);
	}
	assert_int_equal(count_fds(), before);
}

/* smmd goes away */

/* A program that only waits for its calls does not see that smmd was away in between. */
static void test_restart_while_idle(void **state)
{
	smm_client *c = *state;
	int64_t value;

	for (int i = 0; i < 3; i++) {
		assert_ok(c, smm_client_add(c, "n", 1, NULL));
		smmd_kill();
		smmd_start();
		assert_ok(c, smm_client_add(c, "n", 1, &value));
		assert_int_equal(value, 2 * i + 2);
	}
	smmd_stop();
	assert_int_equal(smm_client_add(c, "n", 1, &value), -EHOSTDOWN);
	assert_int_equal(smm_client_is_connected(c), 0);
	smmd_start();
	assert_ok(c, smm_client_add(c, "n", 1, &value));
	assert_int_equal(value, 7);
	assert_int_equal(smm_client_is_connected(c), 1);
}

struct ended {
	int count, results[4];
};

static void on_done(smm_call *call, void *userdata)
{
	struct ended *ended = userdata;

	ended->results[ended->count++] = smm_call_result(call);
}

static void test_killed_under_way(void **state)
{
	static uint8_t much[12000], kept[500];
	smm_client *c = *state;
	struct ended ended = { 0 };
	smm_call *call;
	void *data;
	size_t size;

	assert_ok(c, smm_client_set_memory(c, "slow"));
	memset(kept, 1, sizeof(kept));
	memset(much, 2, sizeof(much));
	assert_ok(c, smm_client_store(c, "kept", kept, sizeof(kept), NULL));
	assert_ok(c, smm_client_store_async(c, "kept", much, sizeof(much), on_done, &ended, &call));
	process_for(c, 50);
	smmd_kill();
	process_until(c, &ended.count);
	assert_int_equal(ended.results[0], -ECONNRESET);
	assert_int_equal(smm_call_result(call), -ECONNRESET);
	assert_non_null(strstr(smm_call_error_message(call), "before it answered Store"));
	smm_call_unref(call);

	smmd_start();
	assert_ok(c, smm_client_load(c, "kept", &data, &size));
	assert_int_equal(size, sizeof(kept));
	assert_memory_equal(data, kept, size);
	free(data);
}

/* Counts up over kills at moments of all kinds; what was acknowledged stays. */
static void test_no_acknowledged_write_is_lost(void **state)
{
	smm_client *c = *state;
	int64_t value, known = 0;
	smm_call *calls[8];
	int sent;

	for (unsigned int round = 0; round < 6; round++) {
		sent = 0;
		for (size_t i = 0; i < 8; i++) {
			assert_ok(c, smm_client_add_async(c, "n", 1, NULL, NULL, &calls[i]));
			sent++;
		}
		usleep(200 * round);
		smmd_kill();
		for (size_t i = 0; i < 8; i++) {
			int r = smm_call_wait(calls[i]);

			assert_true(r == 0 || r == -ECONNRESET);
			if (smm_call_get_value(calls[i], &value) == 0 && value > known)
				known = value;
			smm_call_unref(calls[i]);
		}
		smmd_start();
		assert_ok(c, smm_client_add(c, "n", 0, &value));
		assert_true(value >= known && value <= known + sent);
		known = value;
	}
}

struct states {
	int count, came;
	char text[16];
};

static void on_state(smm_client *client, int connected, void *userdata)
{
	struct states *states = userdata;

	(void)client;
	assert_true(states->count < 15);
	states->text[states->count++] = connected ? '+' : '-';
	states->came |= connected;
}

static void test_state(void **state)
{
	struct states states = { 0 };
	smm_client *c = *state;

	assert_int_equal(smm_client_is_connected(c), 1);
	smm_client_set_state_callback(c, on_state, &states);
	process_for(c, 20);
	assert_string_equal(states.text, "");
	smmd_kill();
	process_until(c, &states.count);
	assert_string_equal(states.text, "-");
	states.count = 0;
	smmd_start();
	process_until(c, &states.count);
	assert_string_equal(states.text, "+");
	assert_false(smm_client_get_timeout(c) == 0);

	/* It went by unseen. */
	states = (struct states){ 0 };
	smmd_kill();
	smmd_start();
	process_until(c, &states.came);
	assert_string_equal(states.text, "-+");
	states = (struct states){ 0 };
	smmd_kill();
	smmd_start();
	assert_ok(c, smm_client_add(c, "n", 1, NULL)); /* which connects again */
	assert_string_equal(states.text, "");
	process_until(c, &states.came);
	assert_string_equal(states.text, "-+");
}

static void test_bus_goes_away(void **state)
{
	struct states states = { 0 };
	smm_client *c = *state;
	int fd = smm_client_get_fd(c);
	int64_t value;

	assert_ok(c, smm_client_add(c, "n", 1, NULL));
	bus_stop();
	assert_int_equal(smm_client_add(c, "n", 1, NULL), -ECONNREFUSED);
	smm_client_set_state_callback(c, on_state, &states);
	process_for(c, 50);
	bus_start();
	assert_int_equal(smm_client_add(c, "n", 1, NULL), -EHOSTDOWN);
	smmd_start();
	assert_ok(c, smm_client_add(c, "n", 1, &value));
	assert_int_equal(value, 2);
	states = (struct states){ 0 };
	bus_stop();
	process_until(c, &states.count);
	bus_start();
	smmd_start();
	process_until(c, &states.came); /* and nobody calls */
	assert_string_equal(states.text, "-+");
	assert_ok(c, smm_client_add(c, "n", 1, &value));
	assert_int_equal(value, 3);
	assert_int_equal(smm_client_get_fd(c), fd);
}

/* Sessions */

static void test_session_is_taken_and_given_back(void **state)
{
	smm_client *clients[SESSIONS_MAX] = { *state };
	int64_t value;

	for (size_t i = 1; i < SESSIONS_MAX - 1; i++)
		assert_int_equal(smm_client_open(&clients[i], NULL, "fram0"), 0);
	assert_true(one_more_session());
	assert_int_equal(smm_client_open(&clients[SESSIONS_MAX - 1], NULL, "fram0"), 0);
	assert_false(one_more_session());
	for (size_t i = 0; i < SESSIONS_MAX; i++)
		assert_ok(clients[i], smm_client_add(clients[i], "n", 1, &value));
	assert_int_equal(value, SESSIONS_MAX);
	for (size_t i = 1; i < SESSIONS_MAX; i++)
		smm_client_close(clients[i]);
	usleep(50000);
	assert_true(one_more_session());
}

static void test_without_session(void **state)
{
	smm_client *clients[SESSIONS_MAX] = { *state }, *c;
	struct ended ended = { 0 };
	void *data;
	size_t size;

	for (size_t i = 1; i < SESSIONS_MAX; i++)
		assert_int_equal(smm_client_open(&clients[i], NULL, "fram0"), 0);
	assert_int_equal(smm_client_open(&c, NULL, "fram0"), 0);
	assert_ok(c, smm_client_store(c, "x", "abc", 3, NULL));
	assert_ok(c, smm_client_load(c, "x", &data, &size));
	assert_int_equal(size, 3);
	free(data);
	assert_ok(c, smm_client_add_async(c, "n", 1, on_done, &ended, NULL));
	process_until(c, &ended.count);
	assert_int_equal(ended.results[0], 0);

	/* There is one later. */
	smm_client_close(clients[1]);
	usleep(1100000);
	assert_ok(c, smm_client_add(c, "n", 1, NULL));
	assert_ok(c, smm_client_add(c, "n", 1, NULL));
	assert_false(one_more_session());
	assert_ok(c, smm_client_load(c, "x", &data, &size));
	free(data);
	for (size_t i = 2; i < SESSIONS_MAX; i++)
		smm_client_close(clients[i]);
	smm_client_close(c);
}

static void test_killed_without_session(void **state)
{
	static uint8_t much[12000];
	smm_client *clients[SESSIONS_MAX] = { *state }, *c;
	int64_t value;
	smm_call *call;

	for (size_t i = 1; i < SESSIONS_MAX; i++)
		assert_int_equal(smm_client_open(&clients[i], NULL, "fram0"), 0);
	assert_int_equal(smm_client_open(&c, NULL, "slow"), 0);
	memset(much, 2, sizeof(much));
	assert_ok(c, smm_client_store_async(c, "x", much, sizeof(much), NULL, NULL, &call));
	usleep(50000);
	smmd_kill();
	assert_int_equal(smm_call_wait(call), -ECONNRESET);
	smm_call_unref(call);
	smmd_start();
	assert_ok(c, smm_client_add(c, "n", 1, &value));
	for (size_t i = 1; i < SESSIONS_MAX; i++)
		smm_client_close(clients[i]);
	smm_client_close(c);
}

/* Threads */

#define THREADS 4
#define ROUNDS  200

struct adder {
	smm_client *client;
	uint32_t missing; /* an id that no other asks for */
};

static void *add_in_thread(void *userdata)
{
	const struct adder *adder = userdata;
	smm_client *c = adder->client;
	char words[32];

	snprintf(words, sizeof(words), "block %u", (unsigned int)adder->missing);
	for (int i = 0; i < ROUNDS; i++) {
		if (smm_client_add(c, "n", 1, NULL) < 0)
			return (void *)1;
		/* Each thread has its own last error. */
		if (smm_client_free(c, adder->missing) != -ENOENT)
			return (void *)2;
		usleep(50); /* others' errors */
		if (!strstr(smm_client_error_message(c), words))
			return (void *)3;
	}
	return NULL;
}

struct loop {
	smm_client *client;
	atomic_int stop;
	atomic_int done;
};

static void count_done(smm_call *call, void *userdata)
{
	struct loop *loop = userdata;

	if (smm_call_result(call) == 0)
		loop->done++;
}

static void *process_in_thread(void *userdata)
{
	struct loop *loop = userdata;

	while (!loop->stop) {
		smm_client_wait(loop->client, 100000);
		smm_client_process(loop->client);
	}
	return NULL;
}

static void test_threads(void **state)
{
	struct loop loop = { .client = *state };
	smm_client *c = *state;
	pthread_t threads[THREADS], processor;
	struct adder adders[THREADS];
	int64_t value;
	void *result;

	assert_ok(c, smm_client_add(c, "n", 0, NULL));
	pthread_create(&processor, NULL, process_in_thread, &loop);
	for (size_t i = 0; i < THREADS; i++) {
		adders[i] = (struct adder){ c, 1000 + (uint32_t)i };
		pthread_create(&threads[i], NULL, add_in_thread, &adders[i]);
	}
	for (int i = 0; i < ROUNDS; i++) {
		/* As many as one user may have waiting are more than this. */
		assert_ok(c, smm_client_add_async(c, "m", 1, count_done, &loop, NULL));
		while (loop.done < i - 5)
			usleep(100);
	}
	for (size_t i = 0; i < THREADS; i++) {
		pthread_join(threads[i], &result);
		assert_null(result);
	}
	assert_ok(c, smm_client_add(c, "n", 0, &value));
	assert_int_equal(value, THREADS * ROUNDS);
	while (loop.done < ROUNDS)
		usleep(1000);
	loop.stop = 1;
	pthread_join(processor, NULL);
}

static void *store_much(void *userdata)
{
	static uint8_t much[14000];

	memset(much, 5, sizeof(much));
	return smm_client_store(userdata, "x", much, sizeof(much), NULL) < 0 ? userdata : NULL;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* One thread waits for a slow write; another's calls are answered meanwhile. */
static void test_waiting_keeps_nobody(void **state)
{
	smm_client *c = *state;
	pthread_t thread;
	smm_call *call;
	void *result;
	int64_t begin, between;

	assert_ok(c, smm_client_set_memory(c, "slow"));
	begin = now_ms();
	pthread_create(&thread, NULL, store_much, c);
	usleep(20000);
	for (int i = 0; i < 5; i++) {
		assert_ok(c, smm_client_status(c, &call));
		smm_call_unref(call);
	}
	between = now_ms() - begin;
	pthread_join(thread, &result);
	assert_null(result);
	assert_true(now_ms() - begin >= 300);
	assert_true(between < (now_ms() - begin) / 2);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, client_begin, client_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_open),
		TEST(test_no_memory_chosen),
		TEST(test_open_without_smmd),
		TEST(test_nothing_is_left),
		TEST(test_restart_while_idle),
		TEST(test_killed_under_way),
		TEST(test_no_acknowledged_write_is_lost),
		TEST(test_state),
		TEST(test_bus_goes_away),
		TEST(test_session_is_taken_and_given_back),
		TEST(test_without_session),
		TEST(test_killed_without_session),
		TEST(test_threads),
		TEST(test_waiting_keeps_nobody),
	};

	return cmocka_run_group_tests(tests, service_begin, service_end);
}
