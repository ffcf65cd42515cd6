/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The volume: what its users can do with blocks, and what each refusal says.
 */
#include "volume-fixture.h"

static const struct allocate_options no_options;

/* Blocks */

static void test_allocate_makes_a_zeroed_block(void **state)
{
	static const uint8_t zeros[100];
	struct fixture *f = *state;
	struct smm_block b;
	uint32_t id = 0, found = 0;

	fixture_open(f);
	assert_int_equal(
		volume_allocate(f->volume, &alice, "a", 100, &no_options, &id, fresh_error(f)), 0);
	assert_int_equal(id, 1);
	b = block_of(f, id);
	assert_string_equal(b.name, "a");
	assert_int_equal(b.length, 100);
	assert_int_equal(b.uid, 1000);
	assert_int_equal(b.gid, 1000);
	assert_int_equal(b.mode, 0600);
	assert_int_equal(b.kind, SMM_KIND_DATA);
	assert_int_equal(volume_find(f->volume, &alice, "a", &found, fresh_error(f)), 0);
	assert_int_equal(found, id);
	expect_content(f, id, zeros, sizeof(zeros));
}

static void test_allocate_options(void **state)
{
	struct allocate_options options = {
		.has_mode = true, .mode = 0640, .has_gid = true, .gid = 50, .fill = 0xaa
	};
	struct fixture *f = *state;
	struct smm_block b;
	uint8_t filled[10];
	uint32_t id = 0;

	fixture_open(f);
	assert_int_equal(volume_allocate(f->volume, &alice, "", 10, &options, &id, fresh_error(f)),
			 0);
	b = block_of(f, id);
	assert_int_equal(b.mode, 0640);
	assert_int_equal(b.gid, 50);
	assert_string_equal(b.name, "");
	memset(filled, 0xaa, sizeof(filled));
	expect_content(f, id, filled, sizeof(filled));

	options.mode = 01000;
	expect_error(f, volume_allocate(f->volume, &alice, "", 10, &options, &id, fresh_error(f)),
		     SD_BUS_ERROR_INVALID_ARGS,
		     "1000 is no mode of a block; modes are 0000 to 0777");
	options.mode = 0600;
	options.gid = 1001;
	expect_error(f, volume_allocate(f->volume, &alice, "", 10, &options, &id, fresh_error(f)),
		     SD_BUS_ERROR_ACCESS_DENIED, "gid 1001 is not one of uid 1000");
	assert_int_equal(volume_allocate(f->volume, &root, "", 10, &options, &id, fresh_error(f)),
			 0);
}

static void test_empty_block(void **state)
{
	struct fixture *f = *state;
	uint32_t id;

	fixture_open(f);
	id = allocate(f, &alice, "empty", 0, 0600);
	expect_content(f, id, "", 0);
	assert_int_equal(volume_write(f->volume, &alice, id, 0, NULL, 0, fresh_error(f)), 0);
	assert_int_equal(volume_store(f->volume, &alice, "empty", NULL, 0, &id, fresh_error(f)), 0);
	assert_int_equal(volume_resize(f->volume, &alice, id, 3, fresh_error(f)), 0);
	expect_content(f, id, "\0\0", 3);
}

static void test_write_read(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ void *data = NULL;
	size_t size;
	uint32_t id;

	fixture_open(f);
	id = allocate(f, &alice, "", 8, 0600);
	assert_int_equal(volume_write(f->volume, &alice, id, 2, "abc", 3, fresh_error(f)), 0);
	expect_content(f, id, "\0\0abc\0\0\0", 8);
	assert_int_equal(write_in_place(f, &alice, id, 7, "z", 1), 0);
	expect_content(f, id, "\0\0abc\0\0z", 8);
	assert_int_equal(volume_read(f->volume, &alice, id, 3, 2, &data, &size, fresh_error(f)), 0);
	assert_int_equal(size, 2);
	assert_memory_equal(data, "bc", 2);
	free(TAKE(data));
	assert_int_equal(
		volume_read(f->volume, &alice, id, 8, UINT32_MAX, &data, &size, fresh_error(f)), 0);
	assert_int_equal(size, 0);
}

static void test_out_of_range(void **state)
{
	struct fixture *f = *state;
	uint8_t buffer[32] = { 0 };
	void *data;
	size_t size;
	uint32_t id;

	fixture_open(f);
	id = allocate(f, &alice, "", 16, 0600);
	expect_error(f, volume_write(f->volume, &alice, id, 12, buffer, 8, fresh_error(f)),
		     ERROR_OUT_OF_RANGE,
		     "block 1 has 16 bytes; offset 12 and length 8 reach 4 bytes past its end");
	expect_error(f, write_in_place(f, &alice, id, 17, buffer, 0), ERROR_OUT_OF_RANGE,
		     "block 1 has 16 bytes; offset 17 and length 0 reach 1 bytes past its end");
	expect_error(f,
		     volume_read(f->volume, &alice, id, UINT32_MAX, UINT32_MAX - 1, &data, &size,
				 fresh_error(f)),
		     ERROR_OUT_OF_RANGE,
		     "block 1 has 16 bytes; offset 4294967295 and length 4294967294 reach "
		     "8589934573 bytes past its end");
	expect_error(
		f, volume_read(f->volume, &alice, id, 20, UINT32_MAX, &data, &size, fresh_error(f)),
		ERROR_OUT_OF_RANGE,
		"block 1 has 16 bytes; offset 20 and length 0 reach 4 bytes past its end");
}

static void test_resize_keeps_content(void **state)
{
	struct fixture *f = *state;
	uint32_t id, behind;

	fixture_open(f);
	id = allocate(f, &alice, "a", 4, 0600);
	behind = allocate(f, &alice, "b", 4, 0600);
	assert_int_equal(volume_write(f->volume, &alice, id, 0, "abcd", 4, fresh_error(f)), 0);
	assert_int_equal(volume_resize(f->volume, &alice, id, 6, fresh_error(f)), 0);
	expect_content(f, id, "abcd\0", 6);
	assert_int_equal(volume_resize(f->volume, &alice, id, 2, fresh_error(f)), 0);
	expect_content(f, id, "ab", 2);
	expect_content(f, behind, "\0\0\0", 4);
}

static void test_free_gives_back(void **state)
{
	struct fixture *f = *state;
	struct volume_status before, after;
	uint32_t id, found;

	fixture_open(f);
	volume_status(f->volume, &before);
	id = allocate(f, &alice, "a", 100, 0600);
	volume_status(f->volume, &after);
	assert_int_equal(after.blocks, before.blocks + 1);
	assert_int_equal(after.free, before.free - 136); /* 32 + name + 100, in granules of 4 */
	assert_int_equal(after.largest_free, before.largest_free - 136);
	assert_int_equal(block_of(f, id).room, 136);
	assert_int_equal(volume_free(f->volume, &alice, id, fresh_error(f)), 0);
	volume_status(f->volume, &after);
	assert_int_equal(after.blocks, before.blocks);
	assert_int_equal(after.free, before.free);
	assert_int_equal(after.largest_free, before.largest_free);
	expect_error(f, volume_free(f->volume, &alice, id, fresh_error(f)), ERROR_NO_SUCH_BLOCK,
		     "memory fram0 has no block 1 that uid 1000 may read");
	expect_error(f, volume_find(f->volume, &alice, "a", &found, fresh_error(f)),
		     ERROR_NO_SUCH_BLOCK,
		     "memory fram0 has no block named 'a' that uid 1000 may read");
	/* Its number is not given again. */
	assert_int_equal(allocate(f, &alice, "a", 100, 0600), 2);
}

static void test_no_space(void **state)
{
	struct fixture *f = *state;
	struct volume_status status;
	uint32_t id;

	fixture_open(f);
	volume_status(f->volume, &status);
	expect_error(
		f, volume_allocate(f->volume, &alice, "", 5000, &no_options, &id, fresh_error(f)),
		ERROR_NO_SPACE, "memory fram0 has no 5032 bytes, header included, in one piece");
	expect_error(f,
		     volume_allocate(f->volume, &alice, "", UINT32_MAX, &no_options, &id,
				     fresh_error(f)),
		     ERROR_NO_SPACE, NULL);
	/* All of it, and not a byte more. */
	id = allocate(f, &alice, "", (uint32_t)status.largest_free - 32, 0600);
	expect_error(f, volume_allocate(f->volume, &alice, "", 0, &no_options, &id, fresh_error(f)),
		     ERROR_NO_SPACE, "memory fram0 has no 32 bytes, header included, in one piece");
	id = 1;
	expect_error(f,
		     volume_resize(f->volume, &alice, id, (uint32_t)status.largest_free - 31,
				   fresh_error(f)),
		     ERROR_NO_SPACE, NULL);
	/* A replacement is built beside what it replaces. */
	expect_error(f, volume_rename(f->volume, &alice, id, "longer", fresh_error(f)),
		     ERROR_NO_SPACE, NULL);
}

/* Names */

static void test_names_are_unique(void **state)
{
	struct allocate_options exclusive = { .exclusive = true };
	struct fixture *f = *state;
	uint32_t id, other, again;

	fixture_open(f);
	id = allocate(f, &alice, "a", 10, 0600);
	other = allocate(f, &alice, "b", 10, 0600);
	expect_error(
		f, volume_allocate(f->volume, &alice, "a", 10, &exclusive, &again, fresh_error(f)),
		ERROR_NAME_TAKEN, "memory fram0 has a block named 'a' already");
	expect_error(f, volume_rename(f->volume, &alice, other, "a", fresh_error(f)),
		     ERROR_NAME_TAKEN, "memory fram0 has a block named 'a' already");
	assert_int_equal(volume_rename(f->volume, &alice, other, "b", fresh_error(f)), 0);
	assert_int_equal(volume_rename(f->volume, &alice, other, "longer", fresh_error(f)), 0);
	assert_int_equal(volume_find(f->volume, &alice, "longer", &again, fresh_error(f)), 0);
	assert_int_equal(again, other);
	assert_int_equal(volume_rename(f->volume, &alice, id, "b", fresh_error(f)), 0);
	assert_int_equal(volume_find(f->volume, &alice, "b", &again, fresh_error(f)), 0);
	assert_int_equal(again, id);
	expect_error(f, volume_find(f->volume, &alice, "a", &again, fresh_error(f)),
		     ERROR_NO_SUCH_BLOCK, NULL);
	/* A name can be given up; blocks without one do not get in each other's way. */
	assert_int_equal(volume_rename(f->volume, &alice, id, "", fresh_error(f)), 0);
	assert_int_equal(volume_rename(f->volume, &alice, other, "", fresh_error(f)), 0);
}

/* Without exclusive, a block that would do is taken, as a file is by O_CREAT without O_EXCL. */
static void test_allocate_takes_what_is_there(void **state)
{
	struct fixture *f = *state;
	uint32_t id, again;
	int64_t value;

	fixture_open(f);
	id = allocate(f, &alice, "a", 10, 0660);
	assert_int_equal(allocate(f, &alice, "a", 10, 0600), id);
	assert_int_equal(block_of(f, id).mode, 0660);
	expect_error(
		f, volume_allocate(f->volume, &alice, "a", 11, &no_options, &again, fresh_error(f)),
		ERROR_NAME_TAKEN, NULL);
	expect_error(f,
		     volume_allocate(f->volume, &eve, "a", 10, &no_options, &again, fresh_error(f)),
		     ERROR_NAME_TAKEN, NULL);
	assert_int_equal(volume_set_mode(f->volume, &alice, id, 0644, fresh_error(f)), 0);
	expect_error(f,
		     volume_allocate(f->volume, &eve, "a", 10, &no_options, &again, fresh_error(f)),
		     ERROR_NAME_TAKEN, NULL);
	assert_int_equal(volume_add(f->volume, &alice, "n", 1, &value, fresh_error(f)), 0);
	expect_error(
		f, volume_allocate(f->volume, &alice, "n", 8, &no_options, &again, fresh_error(f)),
		ERROR_NAME_TAKEN, NULL);
}

static void test_bad_names(void **state)
{
	static const char *const names[] = {
		"a/b",
		"a\nb",
		"\177",
		"\300\200",
		"\355\240\200",
		"\377",
		"0123456789012345678901234567890123456789012345678901234567890123"
	};
	static const char sentence[] = "a name has 1 to 63 bytes of UTF-8 without '/' and control "
				       "characters; this one has not";
	struct fixture *f = *state;
	uint32_t id, block;
	int64_t value;
	size_t size;
	void *data;

	fixture_open(f);
	block = allocate(f, &alice, "a", 10, 0600);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		expect_error(f,
			     volume_allocate(f->volume, &alice, names[i], 10, &no_options, &id,
					     fresh_error(f)),
			     ERROR_BAD_NAME, sentence);
		expect_error(f,
			     volume_store(f->volume, &alice, names[i], "x", 1, &id, fresh_error(f)),
			     ERROR_BAD_NAME, sentence);
		expect_error(f, volume_add(f->volume, &alice, names[i], 1, &value, fresh_error(f)),
			     ERROR_BAD_NAME, sentence);
		expect_error(f, volume_rename(f->volume, &alice, block, names[i], fresh_error(f)),
			     ERROR_BAD_NAME, sentence);
	}
	expect_error(f, volume_store(f->volume, &alice, "", "x", 1, &id, fresh_error(f)),
		     ERROR_BAD_NAME, sentence);
	expect_error(f, volume_load(f->volume, &alice, "", &data, &size, fresh_error(f)),
		     ERROR_BAD_NAME, sentence);
	expect_error(f, volume_add(f->volume, &alice, "", 1, &value, fresh_error(f)),
		     ERROR_BAD_NAME, sentence);
	expect_error(f, volume_find(f->volume, &alice, "", &id, fresh_error(f)), ERROR_BAD_NAME,
		     sentence);
	expect_error(f, volume_find(f->volume, &alice, names[6], &id, fresh_error(f)),
		     ERROR_BAD_NAME, sentence);
	allocate(f, &alice,
		 "012345678901234567890123456789012345678901234567890123456789\342\202\254", 10,
		 0600);
}

static void test_store_load(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ void *data = NULL;
	uint32_t id = 0, again = 0;
	size_t size;

	fixture_open(f);
	expect_error(f, volume_load(f->volume, &alice, "a", &data, &size, fresh_error(f)),
		     ERROR_NO_SUCH_BLOCK,
		     "memory fram0 has no block named 'a' that uid 1000 may read");
	assert_int_equal(volume_store(f->volume, &alice, "a", "hello", 5, &id, fresh_error(f)), 0);
	assert_int_equal(block_of(f, id).mode, 0600);
	assert_int_equal(block_of(f, id).generation, 1);
	assert_int_equal(
		volume_store(f->volume, &alice, "a", "hello, world", 12, &again, fresh_error(f)),
		0);
	assert_int_equal(again, id);
	assert_int_equal(block_of(f, id).generation, 2);
	assert_int_equal(volume_load(f->volume, &alice, "a", &data, &size, fresh_error(f)), 0);
	assert_int_equal(size, 12);
	assert_memory_equal(data, "hello, world", 12);
}

static void test_counter(void **state)
{
	struct fixture *f = *state;
	uint32_t id, data;
	int64_t value;

	fixture_open(f);
	assert_int_equal(volume_add(f->volume, &alice, "n", 5, &value, fresh_error(f)), 0);
	assert_int_equal(value, 5);
	assert_int_equal(volume_add(f->volume, &alice, "n", -7, &value, fresh_error(f)), 0);
	assert_int_equal(value, -2);
	assert_int_equal(volume_add(f->volume, &alice, "n", INT64_MIN + 2, &value, fresh_error(f)),
			 0);
	expect_error(f, volume_add(f->volume, &alice, "n", -1, &value, fresh_error(f)),
		     ERROR_OUT_OF_RANGE,
		     "counter 'n' cannot count -1: its value would not fit 64 bits");
	assert_int_equal(volume_add(f->volume, &alice, "n", 0, &value, fresh_error(f)), 0);
	assert_true(value == INT64_MIN);

	assert_int_equal(volume_find(f->volume, &alice, "n", &id, fresh_error(f)), 0);
	expect_error(f, volume_resize(f->volume, &alice, id, 9, fresh_error(f)),
		     SD_BUS_ERROR_INVALID_ARGS,
		     "block 1 is a counter; it has 8 bytes, no more and no less");
	expect_error(f, volume_store(f->volume, &alice, "n", "x", 1, &id, fresh_error(f)),
		     SD_BUS_ERROR_INVALID_ARGS,
		     "block 1 is a counter; it has 8 bytes, no more and no less");
	assert_int_equal(
		volume_store(f->volume, &alice, "n", "\3\0\0\0\0\0\0\0", 8, &id, fresh_error(f)),
		0);
	assert_int_equal(volume_add(f->volume, &alice, "n", 1, &value, fresh_error(f)), 0);
	assert_int_equal(value, 4);

	data = allocate(f, &alice, "data", 8, 0600);
	expect_error(f, volume_add(f->volume, &alice, "data", 1, &value, fresh_error(f)),
		     ERROR_NOT_A_COUNTER, "block 2, 'data', is not a counter");
	expect_content(f, data, "\0\0\0\0\0\0\0", 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(test_allocate_makes_a_zeroed_block),
		FIXTURE_TEST(test_allocate_options),
		FIXTURE_TEST(test_empty_block),
		FIXTURE_TEST(test_write_read),
		FIXTURE_TEST(test_out_of_range),
		FIXTURE_TEST(test_resize_keeps_content),
		FIXTURE_TEST(test_free_gives_back),
		FIXTURE_TEST(test_no_space),
		FIXTURE_TEST(test_names_are_unique),
		FIXTURE_TEST(test_allocate_takes_what_is_there),
		FIXTURE_TEST(test_bad_names),
		FIXTURE_TEST(test_store_load),
		FIXTURE_TEST(test_counter),
	};

	return cmocka_run_group_tests_name("volume", tests, NULL, NULL);
}
