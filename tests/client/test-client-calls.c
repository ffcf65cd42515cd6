/* SPDX-License-Identifier: BSD-3-Clause */
/* Every call, waited for and not, against smmd; and what its errors become. */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "service.h"

/* Errors: the number, the name and that there is a sentence. */
static void expect_error(smm_client *c, int found, int expected, const char *name)
{
	assert_int_equal(found, -expected);
	assert_string_equal(smm_client_error_name(c), name);
	assert_true(strlen(smm_client_error_message(c)) > 10);
}
#define ERROR(name) "org.smm1.Error." name

static void test_blocks(void **state)
{
	const struct smm_client_allocate_options options = {
		.flags = SMM_CLIENT_MODE | SMM_CLIENT_GID | SMM_CLIENT_FILL | SMM_CLIENT_EXCLUSIVE,
		.mode = 0640,
		.gid = getgid(),
		.fill = 7,
	};
	smm_client *c = *state;
	uint32_t id, other;
	uint8_t bytes[16];

	assert_ok(c, smm_client_allocate(c, "first", 16, &options, &id));
	assert_int_equal(id, 1);
	expect_error(c, smm_client_allocate(c, "first", 16, &options, NULL), EEXIST,
		     ERROR("NameTaken"));
	assert_ok(c, smm_client_read(c, id, 0, bytes, 16));
	for (size_t i = 0; i < 16; i++)
		assert_int_equal(bytes[i], 7);
	assert_ok(c, smm_client_allocate(c, NULL, 8, NULL, &other));
	assert_ok(c, smm_client_rename(c, other, "second"));
	assert_ok(c, smm_client_find(c, "second", &id));
	assert_int_equal(id, other);
	assert_ok(c, smm_client_resize(c, other, 20));
	assert_ok(c, smm_client_set_mode(c, other, 0644));
	assert_ok(c, smm_client_free(c, 1));
	expect_error(c, smm_client_find(c, "first", &id), ENOENT, ERROR("NoSuchBlock"));
}

static void test_list_and_info(void **state)
{
	smm_client *c = *state;
	const struct smm_client_block *blocks;
	smm_call *call;
	const char *text;
	uint64_t number;
	size_t n;

	assert_ok(c, smm_client_store(c, "a", "xyz", 3, NULL));
	assert_ok(c, smm_client_add(c, "n", 5, NULL));
	assert_ok(c, smm_client_list(c, &call));
	assert_int_equal(smm_call_get_blocks(call, &blocks, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(blocks[0].id, 1);
	assert_string_equal(blocks[0].name, "a");
	assert_int_equal(blocks[0].size, 3);
	assert_int_equal(blocks[0].uid, getuid());
	assert_int_equal(blocks[0].gid, getgid());
	assert_int_equal(blocks[0].mode, 0600);
	assert_true(blocks[0].address > 0);
	assert_int_equal(blocks[0].generation, 1);
	assert_int_equal(smm_call_get_number(call, "Size", &number), -EINVAL);
	smm_call_unref(call);

	assert_ok(c, smm_client_block_info(c, 2, &call));
	assert_int_equal(smm_call_get_text(call, "Kind", &text), 0);
	assert_string_equal(text, "counter");
	assert_int_equal(smm_call_get_number(call, "Size", &number), 0);
	assert_int_equal(number, 8);
	assert_int_equal(smm_call_get_number(call, "Kind", &number), -ENOENT);
	assert_int_equal(smm_call_get_text(call, "Nonsense", &text), -ENOENT);
	smm_call_unref(call);
	expect_error(c, smm_client_block_info(c, 99, &call), ENOENT, ERROR("NoSuchBlock"));
	assert_null(call);
}

static void test_contents(void **state)
{
	smm_client *c = *state;
	uint32_t id;
	size_t size;
	void *data;
	char bytes[8];
	int64_t value;

	assert_ok(c, smm_client_store(c, "text", "hello, world", 12, &id));
	assert_ok(c, smm_client_write(c, id, 7, "W", 1));
	assert_ok(c, smm_client_write_in_place(c, id, 0, "H", 1));
	assert_ok(c, smm_client_load(c, "text", &data, &size));
	assert_int_equal(size, 12);
	assert_memory_equal(data, "Hello, World", 12);
	free(data);
	assert_ok(c, smm_client_read(c, id, 7, bytes, 5));
	assert_memory_equal(bytes, "World", 5);
	assert_ok(c, smm_client_store(c, "text", NULL, 0, NULL));
	assert_ok(c, smm_client_load(c, "text", &data, &size));
	assert_int_equal(size, 0);
	assert_non_null(data);
	free(data);

	assert_ok(c, smm_client_add(c, "count", 40, &value));
	assert_ok(c, smm_client_add(c, "count", INT64_C(-5000000000), &value));
	assert_true(value == INT64_C(-4999999960));
}

static void test_many(void **state)
{
	const struct smm_client_part writes[] = { { 1, 0, 2, "AB" }, { 2, 3, 1, "Z" } };
	const struct smm_client_part reads[] = {
		{ 2, 1, SMM_CLIENT_TO_END, NULL },
		{ 1, 0, 4, NULL },
		{ 1, 0, 0, NULL },
	};
	smm_client *c = *state;
	const void *data;
	smm_call *call;
	size_t size;

	assert_ok(c, smm_client_store(c, "a", "....", 4, NULL));
	assert_ok(c, smm_client_store(c, "b", "----", 4, NULL));
	assert_ok(c, smm_client_write_many(c, writes, 2));
	assert_ok(c, smm_client_read_many(c, reads, 3, &call));
	assert_int_equal(smm_call_get_part(call, 0, &data, &size), 0);
	assert_int_equal(size, 3);
	assert_memory_equal(data, "--Z", 3);
	assert_int_equal(smm_call_get_part(call, 1, &data, &size), 0);
	assert_int_equal(size, 4);
	assert_memory_equal(data, "AB..", 4);
	assert_int_equal(smm_call_get_part(call, 2, &data, &size), 0);
	assert_int_equal(size, 0);
	assert_int_equal(smm_call_get_part(call, 3, &data, &size), -ENOENT);
	smm_call_unref(call);
}

static void test_memory(void **state)
{
	smm_client *c = *state;
	const char *name, *memory_state;
	uint64_t number, written;
	bool seen = false;
	smm_call *call;
	const char *text;

	assert_string_equal(smm_client_get_memory(c), "fram0");
	assert_ok(c, smm_client_memories(c, &call));
	assert_int_equal(smm_call_get_memory(call, 1, &name, &memory_state), 0);
	assert_string_equal(name, "slow");
	assert_string_equal(memory_state, "online");
	assert_int_equal(smm_call_get_memory(call, 2, &name, NULL), -ENOENT);
	smm_call_unref(call);

	assert_ok(c, smm_client_status(c, &call));
	assert_int_equal(smm_call_get_text(call, "State", &text), 0);
	assert_string_equal(text, "online");
	assert_int_equal(smm_call_get_number(call, "Size", &number), 0);
	assert_int_equal(number, 32768);
	assert_int_equal(smm_call_get_number(call, "WriteProtected", &number), 0);
	assert_int_equal(number, 0);
	assert_int_equal(smm_call_get_number(call, "Statistics.BytesWritten", &written), 0);
	for (size_t i = 0; smm_call_get_property(call, i, &name, &text, &number) == 0; i++)
		seen |= !strcmp(name, "Statistics.BytesWritten") && !text && number == written;
	assert_true(seen);
	smm_call_unref(call);
}

static void test_administration(void **state)
{
	smm_client *c = *state;
	const struct smm_client_block *blocks;
	uint64_t number;
	smm_call *call;
	size_t n;

	if (geteuid() != 0)
		skip();
	assert_ok(c, smm_client_store(c, "a", "x", 1, NULL));
	assert_ok(c, smm_client_set_owner(c, 1, 1, 2));
	assert_ok(c, smm_client_list(c, &call));
	assert_int_equal(smm_call_get_blocks(call, &blocks, &n), 0);
	assert_int_equal(blocks[0].uid, 1);
	assert_int_equal(blocks[0].gid, 2);
	smm_call_unref(call);
	assert_ok(c, smm_client_check(c, 1, NULL, NULL, NULL));
	assert_ok(c, smm_client_check(c, 0, NULL, NULL, &call));
	assert_int_equal(smm_call_get_number(call, "blocks", &number), 0);
	assert_int_equal(number, 1);
	smm_call_unref(call);
	assert_true(smm_client_format(c, 8, 0, NULL, NULL) < 0);
	assert_ok(c, smm_client_format(c, 8, 1, NULL, NULL));
	assert_ok(c, smm_client_status(c, &call));
	assert_int_equal(smm_call_get_number(call, "Granule", &number), 0);
	assert_int_equal(number, 8);
	smm_call_unref(call);
	assert_ok(c, smm_client_format(c, 0, 1, NULL, NULL));
	assert_ok(c, smm_client_reload(c));
}

static void test_version(void **state)
{
	smm_client *c = *state;
	const char *version;
	smm_call *call;

	assert_ok(c, smm_client_version(c, &call));
	assert_int_equal(smm_call_get_text(call, "Version", &version), 0);
	assert_string_equal(version, SMM_VERSION);
	smm_call_unref(call);
}

static void test_errors(void **state)
{
	struct smm_client_part parts[300] = { { 0 } };
	smm_client *c = *state;
	char byte = 0;

	assert_string_equal(smm_client_error_name(c), "");
	assert_string_equal(smm_client_error_message(c), "");
	expect_error(c, smm_client_allocate(c, "x", 100000, NULL, NULL), ENOSPC, ERROR("NoSpace"));
	expect_error(c, smm_client_allocate(c, "a/b", 1, NULL, NULL), EINVAL, ERROR("BadName"));
	assert_ok(c, smm_client_store(c, "three", "abc", 3, NULL));
	expect_error(c, smm_client_read(c, 1, 3, &byte, 1), ERANGE, ERROR("OutOfRange"));
	expect_error(c, smm_client_add(c, "three", 1, NULL), EPROTOTYPE, ERROR("NotACounter"));
	expect_error(c, smm_client_write(c, 9, 0, &byte, 1), ENOENT, ERROR("NoSuchBlock"));
	expect_error(c, smm_client_write_many(c, parts, 300), EINVAL,
		     "org.freedesktop.DBus.Error.InvalidArgs");
	/* It is still that of the last one that failed. */
	assert_ok(c, smm_client_add(c, "n", 1, NULL));
	assert_string_equal(smm_client_error_name(c), "org.freedesktop.DBus.Error.InvalidArgs");
	assert_true(smm_client_find(c, "not \xff utf-8", NULL) < 0);
	assert_true(strlen(smm_client_error_message(c)) > 10);
}

/* Not waited for */

struct ended {
	int count, result;
	uint32_t id;
	int64_t value;
	size_t size;
	char data[64];
	char error[64];
};

static void on_done(smm_call *call, void *userdata)
{
	struct ended *ended = userdata;
	const void *data;

	ended->count++;
	ended->result = smm_call_result(call);
	(void)smm_call_get_id(call, &ended->id);
	(void)smm_call_get_value(call, &ended->value);
	if (smm_call_get_data(call, &data, &ended->size) == 0)
		memcpy(ended->data, data, ended->size);
	strncpy(ended->error, smm_call_error_name(call), sizeof(ended->error) - 1);
}

/* Lets a call that was begun with (on_done, &ended, NULL) come to its end. */
static struct ended take_end(smm_client *c, struct ended *ended, int r)
{
	struct ended copy;

	assert_ok(c, r);
	assert_int_equal(ended->count, 0);
	process_until(c, &ended->count);
	assert_int_equal(ended->count, 1);
	copy = *ended;
	*ended = (struct ended){ 0 };
	return copy;
}
#define AWAIT(name, ...) take_end(c, &e, smm_client_##name##_async(__VA_ARGS__, on_done, &e, NULL))

static void test_async(void **state)
{
	const struct smm_client_part part = { 1, 0, 1, "Q" };
	smm_client *c = *state;
	struct ended e = { 0 }, got;

	assert_int_equal(AWAIT(allocate, c, "a", 4, NULL).id, 1);
	assert_int_equal(AWAIT(store, c, "b", "text", 4).id, 2);
	assert_int_equal(AWAIT(find, c, "b").id, 2);
	got = AWAIT(load, c, "b");
	assert_int_equal(got.size, 4);
	assert_memory_equal(got.data, "text", 4);
	assert_int_equal(AWAIT(write, c, 1, 0, "12", 2).result, 0);
	assert_int_equal(AWAIT(write_in_place, c, 1, 2, "34", 2).result, 0);
	assert_int_equal(AWAIT(write_many, c, &part, 1).result, 0);
	assert_int_equal(AWAIT(read_many, c, &part, 1).result, 0);
	got = AWAIT(read, c, 1, 0, SMM_CLIENT_TO_END);
	assert_int_equal(got.size, 4);
	assert_memory_equal(got.data, "Q234", 4);
	assert_int_equal(AWAIT(add, c, "n", 3).value, 3);
	assert_int_equal(AWAIT(resize, c, 1, 9).result, 0);
	assert_int_equal(AWAIT(set_mode, c, 1, 0644).result, 0);
	assert_int_equal(AWAIT(rename, c, 1, "c").result, 0);
	assert_int_equal(AWAIT(list, c).result, 0);
	assert_int_equal(AWAIT(block_info, c, 1).result, 0);
	assert_int_equal(AWAIT(memories, c).result, 0);
	assert_int_equal(AWAIT(status, c).result, 0);
	assert_int_equal(AWAIT(free, c, 1).result, 0);
	got = AWAIT(free, c, 1);
	assert_int_equal(got.result, -ENOENT);
	assert_string_equal(got.error, ERROR("NoSuchBlock"));
	assert_string_equal(smm_client_error_name(c), ""); /* it is the call's */
	if (geteuid() != 0)
		return;
	assert_int_equal(AWAIT(set_owner, c, 2, 5, 5).result, 0);
	assert_int_equal(AWAIT(check, c, 0, NULL).result, 0);
	assert_int_equal(AWAIT(format, c, 0, 1, NULL).result, 0);
	assert_int_equal(AWAIT(reload, c).result, 0);
	assert_int_equal(AWAIT(version, c).result, 0);
}

static void test_many_under_way(void **state)
{
	smm_client *c = *state;
	smm_call *calls[100];
	int64_t value, highest = 0;

	for (size_t i = 0; i < 100; i++)
		assert_ok(c, smm_client_add_async(c, "n", 1, NULL, NULL, &calls[i]));
	for (size_t i = 0; i < 100; i++) {
		assert_int_equal(smm_call_wait(calls[i]), 0);
		assert_int_equal(smm_call_get_value(calls[i], &value), 0);
		highest = value > highest ? value : highest;
		smm_call_unref(calls[i]);
	}
	assert_int_equal(highest, 100);
}

static void test_nobody_listens(void **state)
{
	smm_client *c = *state;
	int64_t value;

	assert_ok(c, smm_client_add_async(c, "n", 1, NULL, NULL, NULL));
	assert_ok(c, smm_client_add(c, "n", 1, &value));
	assert_int_equal(value, 2);
}

/* What ends while something else is waited for is told by smm_client_process() alone. */
static void test_waiting_calls_nobody(void **state)
{
	smm_client *c = *state;
	struct pollfd fd = { .fd = smm_client_get_fd(c), .events = POLLIN };
	struct ended e = { 0 };

	assert_int_equal(smm_client_get_events(c), POLLIN);
	process_for(c, 50); /* what the bus has to say to a new connection */
	assert_int_equal(poll(&fd, 1, 0), 0);
	assert_ok(c, smm_client_add_async(c, "n", 1, on_done, &e, NULL));
	assert_ok(c, smm_client_add(c, "n", 1, NULL));
	assert_ok(c, smm_client_add(c, "n", 1, NULL));
	assert_int_equal(e.count, 0);
	assert_int_equal(poll(&fd, 1, 0), 1); /* who sleeps on it wakes up */
	assert_true(smm_client_get_timeout(c) == 0);
	assert_int_equal(smm_client_wait(c, UINT64_MAX), 1);
	assert_int_equal(smm_client_process(c), 1);
	assert_int_equal(e.count, 1);
	process_for(c, 150); /* signals */
	assert_int_equal(smm_client_process(c), 0);
	assert_int_equal(smm_client_wait(c, 0), 0);
	assert_int_equal(poll(&fd, 1, 0), 0);
}

static void test_cancel(void **state)
{
	static uint8_t much[8000];
	smm_client *c = *state;
	struct ended e = { 0 };
	smm_call *call;

	assert_ok(c, smm_client_set_memory(c, "slow"));
	memset(much, 3, sizeof(much));
	assert_ok(c, smm_client_store_async(c, "x", much, sizeof(much), on_done, &e, &call));
	assert_int_equal(smm_call_result(call), -EINPROGRESS);
	smm_call_cancel(call);
	assert_int_equal(smm_call_result(call), -ECANCELED);
	assert_int_equal(e.count, 0);
	process_until(c, &e.count);
	smm_call_cancel(call);
	assert_int_equal(e.result, -ECANCELED);
	assert_string_equal(smm_call_error_name(call), ERROR("Canceled"));
	smm_call_unref(call);
	process_for(c, 50);
	assert_int_equal(e.count, 1);
}

static void test_timeout(void **state)
{
	static uint8_t much[16000];
	smm_client *c = *state;
	int64_t value;

	assert_ok(c, smm_client_set_memory(c, "slow"));
	memset(much, 3, sizeof(much));
	smm_client_set_timeout(c, 50000);
	expect_error(c, smm_client_store(c, "x", much, sizeof(much), NULL), ETIMEDOUT,
		     "org.freedesktop.DBus.Error.NoReply");
	smm_client_set_timeout(c, UINT64_MAX);
	assert_ok(c, smm_client_add(c, "n", 1, &value));
}

/* A call outlives its client; those that wait behind a second of writing are under way for sure. */
static void test_close(void **state)
{
	static const uint8_t much[12000];
	smm_client *c = *state;
	struct ended e = { 0 };
	smm_call *over, *call;
	uint32_t id;

	assert_ok(c, smm_client_set_memory(c, "slow"));
	assert_ok(c, smm_client_allocate_async(c, "a", 4, NULL, NULL, NULL, &over));
	assert_int_equal(smm_call_wait(over), 0);
	for (int i = 0; i < 3; i++)
		assert_ok(c, smm_client_store_async(c, "x", much, sizeof(much), NULL, NULL, NULL));
	assert_ok(c, smm_client_add_async(c, "n", 1, on_done, &e, &call));
	assert_ok(c, smm_client_add_async(c, "n", 1, on_done, &e, NULL));
	smm_client_close(c);
	*state = NULL;
	assert_int_equal(smm_call_get_id(over, &id), 0);
	assert_int_equal(id, 1);
	assert_int_equal(smm_call_result(call), -ECANCELED);
	smm_call_cancel(call);
	assert_int_equal(smm_call_wait(call), -ECANCELED);
	smm_call_unref(call);
	smm_call_unref(over);
	assert_int_equal(e.count, 0);
}

static void close_client(smm_call *call, void *userdata)
{
	smm_client **c = userdata;

	assert_int_equal(smm_call_result(call), 0);
	smm_client_close(*c);
	*c = NULL;
}

static void test_close_in_callback(void **state)
{
	smm_client *c = *state;
	struct ended e = { 0 };

	assert_ok(c, smm_client_add_async(c, "n", 1, close_client, state, NULL));
	assert_ok(c, smm_client_add_async(c, "n", 1, on_done, &e, NULL));
	while (*state) {
		smm_client_wait(c, UINT64_MAX);
		smm_client_process(c);
	}
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, client_begin, client_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_blocks),         TEST(test_list_and_info),
		TEST(test_contents),       TEST(test_many),
		TEST(test_memory),         TEST(test_administration),
		TEST(test_version),        TEST(test_errors),
		TEST(test_async),          TEST(test_many_under_way),
		TEST(test_nobody_listens), TEST(test_waiting_calls_nobody),
		TEST(test_cancel),         TEST(test_timeout),
		TEST(test_close),          TEST(test_close_in_callback),
	};

	return cmocka_run_group_tests(tests, service_begin, service_end);
}
