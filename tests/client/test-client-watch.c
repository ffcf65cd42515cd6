/* SPDX-License-Identifier: BSD-3-Clause */
/* Watches, through a session and through the bus alone, and variables. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "service.h"

#define SESSIONS_MAX 16u /* smmd's, of one user */

/* The changes that a watch was told of, since they were looked at last. */
struct seen {
	int count;
	struct smm_client_change last;
};

static void on_change(smm_watch *watch, const struct smm_client_change *change, void *userdata)
{
	struct seen *seen = userdata;

	assert_int_equal(change->id, smm_watch_id(watch));
	seen->count++;
	seen->last = *change;
}

/* Exactly one comes. */
static void expect(smm_client *c, struct seen *seen, enum smm_client_event event, uint32_t id,
		   uint32_t offset, uint32_t length)
{
	process_until(c, &seen->count);
	process_for(c, 20);
	assert_int_equal(seen->count, 1);
	assert_int_equal(seen->last.event, event);
	assert_int_equal(seen->last.id, id);
	assert_int_equal(seen->last.offset, offset);
	assert_int_equal(seen->last.length, length);
	*seen = (struct seen){ 0 };
}

static void expect_all(smm_client *c, struct seen *seen, enum smm_client_event event, uint32_t id)
{
	expect(c, seen, event, id, 0, SMM_CLIENT_TO_END);
}

static void expect_nothing(smm_client *c, const struct seen *seen)
{
	process_for(c, 150);
	assert_int_equal(seen->count, 0);
}

/* What changes a block is another client, so that the session of the watching one brings it. */
static smm_client *open_other(void)
{
	smm_client *c;

	assert_int_equal(smm_client_open(&c, NULL, "fram0"), 0);
	return c;
}

static void test_changes(void **state)
{
	smm_client *c = *state, *other = open_other();
	struct seen seen = { 0 };
	smm_watch *watch;
	uint32_t id;

	assert_ok(c, smm_client_store(c, "neighbour", "x", 1, NULL));
	assert_ok(c, smm_client_watch(c, "x", on_change, &seen, &watch));
	assert_string_equal(smm_watch_name(watch), "x");
	assert_int_equal(smm_watch_id(watch), 0);
	expect_nothing(c, &seen);
	assert_ok(other, smm_client_allocate(other, "x", 10, NULL, &id));
	expect_all(c, &seen, SMM_CLIENT_CAME, id);
	assert_int_equal(smm_watch_id(watch), id);
	assert_ok(other, smm_client_write(other, id, 2, "abc", 3));
	expect(c, &seen, SMM_CLIENT_CHANGED, id, 2, 3);
	assert_ok(c, smm_client_write_in_place(c, id, 1, "a", 1)); /* one's own */
	expect(c, &seen, SMM_CLIENT_CHANGED, id, 1, 1);
	assert_ok(other, smm_client_write(other, 1, 0, "y", 1));
	expect_nothing(c, &seen);
	assert_ok(other, smm_client_resize(other, id, 5));
	expect_all(c, &seen, SMM_CLIENT_CHANGED, id);
	assert_ok(other, smm_client_rename(other, id, "z"));
	expect_all(c, &seen, SMM_CLIENT_WENT, 0);
	assert_ok(other, smm_client_write(other, id, 0, "a", 1));
	expect_nothing(c, &seen);
	assert_ok(other, smm_client_rename(other, 1, "x"));
	expect_all(c, &seen, SMM_CLIENT_CAME, 1);
	assert_ok(other, smm_client_free(other, 1));
	expect_all(c, &seen, SMM_CLIENT_WENT, 0);
	smm_watch_close(watch);
	assert_ok(other, smm_client_store(other, "x", "1", 1, NULL));
	expect_nothing(c, &seen);
	smm_client_close(other);
}

/* All signals of what was done are there, and read, but nobody was told. */
static void let_come(smm_client *c)
{
	usleep(150000);
	assert_ok(c, smm_client_find(c, "x", NULL));
}

/* What was not taken yet is one. */
static void test_changes_are_gathered(void **state)
{
	smm_client *c = *state;
	struct seen seen = { 0 }, another = { 0 };
	smm_watch *watch, *second;
	uint32_t id;

	assert_ok(c, smm_client_allocate(c, "x", 100, NULL, &id));
	assert_ok(c, smm_client_watch(c, "x", on_change, &seen, &watch));
	assert_ok(c, smm_client_watch(c, "x", on_change, &another, &second));
	assert_ok(c, smm_client_write(c, id, 10, "abc", 3));
	assert_ok(c, smm_client_write(c, id, 40, "abc", 3));
	assert_ok(c, smm_client_write(c, id, 20, "abc", 3));
	let_come(c);
	assert_int_equal(seen.count, 0);
	expect(c, &seen, SMM_CLIENT_CHANGED, id, 10, 33);
	assert_int_equal(another.count, 1);
	assert_ok(c, smm_client_write(c, id, 10, "abc", 3));
	assert_ok(c, smm_client_free(c, id));
	assert_ok(c, smm_client_store(c, "x", "new", 3, &id));
	let_come(c);
	expect_all(c, &seen, SMM_CLIENT_CAME, id);
	/* The client closes those that are left. */
	assert_int_equal(smm_client_set_memory(c, "slow"), -EBUSY);
}

static void close_watch(smm_watch *watch, const struct smm_client_change *change, void *userdata)
{
	(void)change;
	++*(int *)userdata;
	smm_watch_close(watch);
}

static void test_close_in_callback(void **state)
{
	smm_client *c = *state;
	smm_watch *watch;
	int count = 0;

	assert_ok(c, smm_client_watch(c, "x", close_watch, &count, &watch));
	assert_ok(c, smm_client_store(c, "x", "1", 1, NULL));
	process_until(c, &count);
	assert_ok(c, smm_client_store(c, "x", "2", 1, NULL));
	process_for(c, 50);
	assert_int_equal(count, 1);
	assert_ok(c, smm_client_watch(c, "x", close_watch, &count, &watch));
	assert_ok(c, smm_client_store(c, "x", "3", 1, NULL));
	let_come(c);
	smm_watch_close(watch); /* and it has something to tell */
	process_for(c, 50);
	assert_int_equal(count, 1);
}

static void test_restart(void **state)
{
	smm_client *c = *state;
	struct seen seen = { 0 };
	smm_watch *watch;
	uint32_t id;

	assert_ok(c, smm_client_store(c, "x", "1", 1, &id));
	assert_ok(c, smm_client_watch(c, "x", on_change, &seen, &watch));
	for (int i = 0; i < 3; i++) {
		smmd_kill();
		process_for(c, 30);
		assert_int_equal(seen.count, 0);
		smmd_start();
		expect_all(c, &seen, SMM_CLIENT_MISSED, id);
		assert_ok(c, smm_client_write(c, id, 0, "2", 1));
		expect(c, &seen, SMM_CLIENT_CHANGED, id, 0, 1);
	}
	assert_ok(c, smm_client_free(c, id));
	expect_all(c, &seen, SMM_CLIENT_WENT, 0);
	smmd_kill();
	smmd_start();
	expect_all(c, &seen, SMM_CLIENT_MISSED, 0);
}

static void test_bus_restart(void **state)
{
	smm_client *c = *state;
	struct seen seen = { 0 };
	smm_watch *watch;
	uint32_t id;

	assert_ok(c, smm_client_store(c, "x", "1", 1, &id));
	assert_ok(c, smm_client_watch(c, "x", on_change, &seen, &watch));
	bus_stop();
	process_for(c, 30);
	bus_start();
	smmd_start();
	expect_all(c, &seen, SMM_CLIENT_MISSED, id);
}

/* Without a session */

struct crowd {
	smm_client *clients[SESSIONS_MAX];
};

static void take_all_sessions(struct crowd *crowd)
{
	for (size_t i = 0; i < SESSIONS_MAX; i++)
		crowd->clients[i] = open_other();
}

static void give_sessions_back(const struct crowd *crowd)
{
	for (size_t i = 0; i < SESSIONS_MAX; i++)
		smm_client_close(crowd->clients[i]);
}

static void test_through_the_bus(void **state)
{
	const struct smm_client_allocate_options everybody = {
		.flags = SMM_CLIENT_MODE,
		.mode = 0644,
	};
	struct crowd crowd;
	smm_client *c, *other;
	struct seen seen = { 0 }, secret = { 0 };
	smm_watch *watch, *blind;
	uint32_t id;

	smm_client_close(*state);
	*state = NULL;
	take_all_sessions(&crowd);
	c = open_other();
	other = crowd.clients[0];
	assert_ok(c, smm_client_watch(c, "x", on_change, &seen, &watch));
	assert_ok(c, smm_client_watch(c, "secret", on_change, &secret, &blind));
	assert_ok(other, smm_client_allocate(other, "x", 10, &everybody, &id));
	expect_all(c, &seen, SMM_CLIENT_CAME, id);
	assert_ok(other, smm_client_write(other, id, 2, "abc", 3));
	expect(c, &seen, SMM_CLIENT_CHANGED, id, 2, 3);
	assert_ok(other, smm_client_store(other, "secret", "abc", 3, NULL));
	expect_nothing(c, &secret);
	smmd_kill();
	smmd_start();
	process_until(c, &seen.count);
	assert_int_equal(seen.last.event, SMM_CLIENT_MISSED);
	seen = (struct seen){ 0 };
	assert_ok(other, smm_client_free(other, id));
	expect_all(c, &seen, SMM_CLIENT_WENT, 0);
	smm_client_close(c);
	give_sessions_back(&crowd);
}

/* Variables */

struct settings {
	uint32_t speed, mode, hours[20];
};

static uint64_t bytes_written(smm_client *c)
{
	uint64_t number;
	smm_call *call;

	assert_ok(c, smm_client_status(c, &call));
	assert_int_equal(smm_call_get_number(call, "Statistics.BytesWritten", &number), 0);
	smm_call_unref(call);
	return number;
}

static void test_variable(void **state)
{
	smm_client *c = *state;
	struct settings settings = { .speed = 9600 }, other = { 0 };
	smm_var *var, *same;
	struct seen seen = { 0 };
	smm_watch *watch;
	uint64_t before;

	assert_int_equal(smm_var_open(&var, c, "settings", &settings, sizeof(settings)), 0);
	assert_int_equal(settings.speed, 9600);
	assert_int_equal(smm_var_store(var), 1);
	assert_ok(c, smm_client_watch(c, "settings", on_change, &seen, &watch));
	before = bytes_written(c);
	assert_int_equal(smm_var_store(var), 0);
	expect_nothing(c, &seen);
	assert_true(bytes_written(c) == before);
	settings.hours[3] = 0x01020304;
	settings.hours[5] = 1;
	assert_int_equal(smm_var_store(var), 1);
	expect(c, &seen, SMM_CLIENT_CHANGED, 1, 20, 9); /* from hours[3] to the 1 of hours[5] */
	assert_true(bytes_written(c) - before < 100);
	assert_int_equal(smm_var_store(var), 0);

	assert_int_equal(smm_var_open(&same, c, "settings", &other, sizeof(other)), 1);
	assert_memory_equal(&other, &settings, sizeof(other));
	other.mode = 3;
	assert_int_equal(smm_var_store(same), 1);
	assert_int_equal(smm_var_reload(var), 1);
	assert_int_equal(settings.mode, 3);
	settings.mode = 4;
	assert_int_equal(smm_var_reload(var), 1);
	assert_int_equal(settings.mode, 3);
	smm_var_close(var);
	smm_var_close(same);
	smm_var_close(NULL);
}

static void test_variable_of_another_size(void **state)
{
	smm_client *c = *state;
	struct settings settings = { .hours = { [19] = 7 } }, found;
	const uint32_t speed = 300;
	smm_var *var;

	assert_ok(c, smm_client_store(c, "settings", &speed, sizeof(speed), NULL));
	assert_int_equal(smm_var_open(&var, c, "settings", &settings, sizeof(settings)), 1);
	assert_int_equal(settings.speed, 300);
	assert_int_equal(settings.hours[19], 7);
	assert_int_equal(smm_var_store(var), 1); /* as long as it is now */
	assert_int_equal(smm_var_store(var), 0);
	smm_var_close(var);
	assert_ok(c, smm_client_read(c, 1, 0, &found, sizeof(found)));
	assert_memory_equal(&found, &settings, sizeof(found));

	settings.mode = 99;
	assert_int_equal(smm_var_open(&var, c, "settings", &settings, sizeof(settings) - 1),
			 -EMSGSIZE);
	assert_null(var);
	assert_non_null(strstr(smm_client_error_message(c), "'settings' has 88 bytes"));
	assert_int_equal(settings.mode, 99);
	assert_int_equal(smm_var_open(&var, c, "settings", &settings, 0), -EINVAL);
}

/* The block is not what the variable knows any more. */
static void test_variable_and_others(void **state)
{
	smm_client *c = *state;
	uint32_t value = 1, found;
	smm_var *var;
	void *data;
	size_t size;

	assert_int_equal(smm_var_open(&var, c, "v", &value, sizeof(value)), 0);
	assert_int_equal(smm_var_store(var), 1);
	assert_ok(c, smm_client_free(c, 1));
	value = 2;
	assert_int_equal(smm_var_store(var), 1);
	assert_ok(c, smm_client_resize(c, 2, 2));
	value = 0x03000000;
	assert_int_equal(smm_var_store(var), 1);
	assert_ok(c, smm_client_load(c, "v", &data, &size));
	assert_int_equal(size, sizeof(value));
	memcpy(&found, data, sizeof(found));
	assert_int_equal(found, value);
	free(data);

	/* What failed is tried again, also if it is as it was. */
	smmd_stop();
	value = 4;
	assert_int_equal(smm_var_store(var), -EHOSTDOWN);
	value = 0x03000000;
	smmd_start();
	assert_int_equal(smm_var_store(var), 1);
	assert_int_equal(smm_var_store(var), 0);
	smm_var_close(var);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, client_begin, client_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_changes),
		TEST(test_changes_are_gathered),
		TEST(test_close_in_callback),
		TEST(test_restart),
		TEST(test_bus_restart),
		TEST(test_through_the_bus),
		TEST(test_variable),
		TEST(test_variable_of_another_size),
		TEST(test_variable_and_others),
	};

	return cmocka_run_group_tests(tests, service_begin, service_end);
}
