/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The volume when its chip fails, and when another thread looks on.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "volume-fixture.h"

/* One line for everything that can be seen of the memory. */
static void describe(struct fixture *f, char *text)
{
	struct smm_block *blocks;
	size_t n, size;
	void *data;

	*text = '\0';
	assert_int_equal(volume_list(f->volume, &root, &blocks, &n, fresh_error(f)), 0);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(volume_read(f->volume, &root, blocks[i].id, 0, UINT32_MAX, &data,
					     &size, fresh_error(f)),
				 0);
		text += sprintf(text, "%u %s %04o %zu %.*s;", blocks[i].id, blocks[i].name,
				blocks[i].mode, size, size < 10 ? (int)size : 10,
				size ? (char *)data : "");
		free(data);
	}
	free(blocks);
}

/* A transfer fails once, in every change at every one: the memory takes itself up again, with all
 * of it or nothing. */
static void test_failed_transfer_leaves_all_or_nothing(void **state)
{
	char before[200], after[200], now[200], restarted[200];
	struct fixture *f = *state;
	uint32_t failures = 0;

	for (int which = 0; which < N_CHANGES; which++) {
		begin_change(f);
		describe(f, before);
		assert_int_equal(change(f, which), 0);
		describe(f, after);
		for (uint32_t good = 0;; good++) {
			begin_change(f);
			f->fake.fail_once = true;
			f->fake.good = good;
			f->fake.landing = good % 7;
			if (change(f, which) == 0)
				break;
			failures++;
			assert_string_equal(f->error.name, ERROR_IO);
			assert_string_equal(state_of(f), "online");
			describe(f, now);
			assert_true(!strcmp(now, before) || !strcmp(now, after));
			fixture_open(f);
			describe(f, restarted);
			assert_string_equal(now, restarted);
			allocate(f, &bob, "and it works", 10, 0600);
		}
		f->fake.good = FAKE_NEVER;
		f->fake.fail_once = false;
	}
	assert_true(failures > 30);
}

static void test_io_error_says_what_failed(void **state)
{
	struct fixture *f = *state;

	begin_change(f);
	f->fake.fail_once = true;
	f->fake.good = 0;
	expect_error(f, change(f, 0), ERROR_IO,
		     "memory fram0 could not write the block: Remote I/O error; it is as "
		     "it was or wholly changed, look again");
	assert_int_equal(statistic(f, "Errors"), 1);
}

static void test_dead_chip_is_offline_until_it_answers(void **state)
{
	struct fixture *f = *state;
	struct volume_status status;
	struct smm_block *blocks;
	void *data;
	uint32_t id;
	size_t n;

	begin_change(f);
	f->fake.good = 0;
	expect_error(f, change(f, 0), ERROR_IO, NULL);
	assert_string_equal(state_of(f), "offline");
	expect_error(f, change(f, 1), ERROR_OFFLINE,
		     "memory fram0 is offline: the chip does not answer: Remote I/O error");
	expect_error(f, volume_read(f->volume, &alice, 1, 0, 1, &data, &n, fresh_error(f)),
		     ERROR_OFFLINE, NULL);
	expect_error(f, volume_format(f->volume, &root, 0, true, fresh_error(f)), ERROR_OFFLINE,
		     NULL);
	/* What is known of it can still be asked. */
	assert_int_equal(volume_find(f->volume, &alice, "a", &id, fresh_error(f)), 0);
	assert_int_equal(volume_list(f->volume, &alice, &blocks, &n, fresh_error(f)), 0);
	assert_int_equal(n, 1);
	free(blocks);
	volume_status(f->volume, &status);
	assert_int_equal(status.blocks, 1);

	f->fake.good = FAKE_NEVER;
	wait_until_online(f);
	expect_content(f, 1, "0123456789", 10);
}

/* Wherever it dies on the way to being taken up again. */
static void test_what_is_known_survives_the_chip(void **state)
{
	struct fixture *f = *state;
	struct check_result result;
	uint32_t good = 0, id;
	int r;

	do {
		begin_change(f);
		f->fake.good = good++;
		r = check(f, &root, true, &result);
		assert_string_equal(state_of(f), r < 0 ? "offline" : "online");
		assert_int_equal(volume_find(f->volume, &alice, "a", &id, fresh_error(f)), 0);
		f->fake.good = FAKE_NEVER;
	} while (r < 0);
	assert_true(good > 4);
}

/* A chip that comes back empty is not formatted: somebody may have taken the wrong one. */
static void test_chip_that_comes_back_blank_is_left_alone(void **state)
{
	static const uint8_t zeros[CHIP_SIZE];
	struct fixture *f = *state;

	begin_change(f);
	f->fake.good = 0;
	expect_error(f, change(f, 0), ERROR_IO, NULL);
	memset(f->fake.bytes, 0, CHIP_SIZE);
	f->fake.good = FAKE_NEVER;
	expect_error(f, change(f, 0), ERROR_NOT_FORMATTED, NULL);
	assert_string_equal(state_of(f), "blank");
	assert_memory_equal(f->fake.bytes, zeros, CHIP_SIZE);
}

static void test_chip_that_is_dead_from_the_beginning(void **state)
{
	struct fixture *f = *state;

	f->fake.good = 0;
	fixture_open(f);
	assert_string_equal(state_of(f), "offline");
	expect_error(f, change(f, 0), ERROR_OFFLINE, NULL);
}

/* Threads */

struct onlooker {
	struct volume *volume;
	atomic_bool stop;
	unsigned int rounds;
};

/* What the main thread does while the worker works: never a block half changed. */
static void *look_on(void *userdata)
{
	struct onlooker *o = userdata;

	for (; !o->stop; o->rounds++) {
		_cleanup_free_ struct smm_block *blocks = NULL;
		struct volume_status status;
		size_t n = 0;
		uint32_t id;

		volume_status(o->volume, &status);
		volume_find(o->volume, &alice, "a", &id, NULL);
		if (volume_list(o->volume, &root, &blocks, &n, NULL) < 0)
			abort();
		for (size_t i = 0; i < n; i++)
			if (blocks[i].length % 111 ||
			    strlen(blocks[i].name) != blocks[i].length / 111)
				abort();
	}
	return NULL;
}

static void test_onlookers_see_whole_blocks(void **state)
{
	static const char names[5][5] = { "", "a", "aa", "aaa", "aaaa" };
	struct allocate_options exclusive = { .exclusive = true };
	struct fixture *f = *state;
	struct onlooker onlooker = { 0 };
	unsigned int seed = 1;
	pthread_t thread;
	uint32_t id;

	fixture_open(f);
	onlooker.volume = f->volume;
	assert_int_equal(pthread_create(&thread, NULL, look_on, &onlooker), 0);
	for (int i = 0; i < 20000; i++) {
		uint32_t size = (uint32_t)rand_r(&seed) % 5;

		if (rand_r(&seed) & 1)
			volume_allocate(f->volume, &alice, names[size], size * 111, &exclusive, &id,
					fresh_error(f));
		else if (volume_find(f->volume, &alice, names[size], &id, fresh_error(f)) == 0)
			assert_int_equal(volume_free(f->volume, &alice, id, fresh_error(f)), 0);
	}
	onlooker.stop = true;
	pthread_join(thread, NULL);
	assert_true(onlooker.rounds > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(test_failed_transfer_leaves_all_or_nothing),
		FIXTURE_TEST(test_io_error_says_what_failed),
		FIXTURE_TEST(test_dead_chip_is_offline_until_it_answers),
		FIXTURE_TEST(test_what_is_known_survives_the_chip),
		FIXTURE_TEST(test_chip_that_comes_back_blank_is_left_alone),
		FIXTURE_TEST(test_chip_that_is_dead_from_the_beginning),
		FIXTURE_TEST(test_onlookers_see_whole_blocks),
	};

	return cmocka_run_group_tests_name("volume-failure", tests, NULL, NULL);
}
