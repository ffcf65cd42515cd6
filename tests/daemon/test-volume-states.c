/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How a memory gets from one state to another while it is in use: the power fails, the chip takes
 * writes and drops them, goes away and comes back, is exchanged, or loses a bit.
 */
#include "volume-fixture.h"
#include "volume-internal.h"

#include "errors.h"
#include "util.h"
#include "worker.h"

static const char *why_of(struct fixture *f)
{
	static struct volume_status status;

	volume_status(f->volume, &status);
	return status.why;
}

/* Work that nobody waits for, until there is no more at once. */
static void idle_until_done(struct fixture *f)
{
	for (int i = 0; i < 10000 && volume_idle(f->volume) == 0; i++)
		;
	assert_true(volume_idle(f->volume) > 0);
}

/* A whole round, now. */
static void scrub(struct fixture *f)
{
	f->volume->scrub_at = 0;
	idle_until_done(f);
}

/* The power fails at once: nothing is done until it is back. */
static void test_power_fail(void **state)
{
	struct fixture *f = *state;
	void *data;
	size_t n;

	begin_change(f);
	volume_power_fail(f->volume, true);
	assert_string_equal(state_of(f), "power-fail");
	for (int which = 0; which < 7; which++)
		expect_error(f, change(f, which), ERROR_POWER_FAIL,
			     "memory fram0 is power-fail: its supply fails; it serves again when "
			     "that is back");
	expect_error(f, volume_read(f->volume, &alice, 1, 0, 1, &data, &n, fresh_error(f)),
		     ERROR_POWER_FAIL, NULL);
	assert_int_equal(volume_idle(f->volume), WORKER_NEVER);
	volume_power_fail(f->volume, false);
	assert_int_equal(volume_idle(f->volume), 0);
	assert_string_equal(state_of(f), "online");
	expect_content(f, 1, "0123456789", 10);
}

/* A call finds it back without the worker's own work. */
static void test_power_that_is_back_for_a_call(void **state)
{
	struct fixture *f = *state;

	begin_change(f);
	volume_power_fail(f->volume, true);
	expect_error(f, change(f, 0), ERROR_POWER_FAIL, NULL);
	volume_power_fail(f->volume, false);
	assert_int_equal(change(f, 0), 0);
	assert_string_equal(state_of(f), "online");
}

static unsigned int writes_to_go;

static void fail_power(void *userdata)
{
	struct fixture *f = userdata;

	if (writes_to_go-- == 0)
		volume_power_fail(f->volume, true);
}

/* A change that the power failure meets is on the chip as a whole or not at all. */
static void test_power_fails_in_a_change(void **state)
{
	struct fixture *f = *state;
	unsigned int at, failed = 0, succeeded = 0;
	void *content;
	size_t n;
	int r;

	f->config.power_fail_gpio = (char *)"PF";
	f->fake.chip.ns_per_byte = 90000; /* 22 bytes in 2 ms */
	f->fake.userdata = f;
	for (at = 0; at < 5; at++) {
		begin_change(f);
		writes_to_go = at;
		f->fake.on_write = fail_power;
		r = change(f, 0);
		f->fake.on_write = NULL;
		if (r < 0)
			assert_string_equal(f->error.name, ERROR_POWER_FAIL);
		failed += r < 0;
		succeeded += r >= 0;
		volume_power_fail(f->volume, false);
		volume_idle(f->volume);
		assert_string_equal(state_of(f), "online");
		assert_int_equal(
			volume_read(f->volume, &root, 1, 0, 10, &content, &n, fresh_error(f)), 0);
		assert_true(!memcmp(content, "new3456789", 10) ||
			    (r < 0 && !memcmp(content, "0123456789", 10)));
		free(content);
	}
	assert_true(failed && succeeded);
}

static void test_dropped_writes_make_it_read_only(void **state)
{
	struct fixture *f = *state;

	f->config.verify = VERIFY_METADATA;
	begin_change(f);
	f->fake.drops = FAKE_NEVER;
	expect_error(f, change(f, 0), ERROR_IO, NULL);
	assert_string_equal(state_of(f), "read-only");
	assert_string_equal(why_of(f),
			    "it takes writes and drops them; look at its write-protect pin");
	expect_content(f, 1, "0123456789", 10);
	expect_error(f, change(f, 5), ERROR_WRITE_PROTECTED, NULL);
	expect_content(f, 1, "0123456789", 10);
}

/* A chip that cannot be written, and holds a change that was cut: it is served as if finished. */
static void test_read_only_with_a_cut_change(void **state)
{
	struct fixture *f = *state;
	uint8_t *cut = malloc(CHIP_SIZE);
	uint32_t good = 0;
	bool replayed = false;
	int r;

	assert_non_null(cut);
	do {
		begin_change(f);
		f->fake.good = good++;
		f->fake.landing = 2;
		r = change(f, 0);
		f->fake.good = FAKE_NEVER;
		memcpy(cut, f->fake.bytes, CHIP_SIZE);
		f->fake.chip.read_only = true;
		fixture_open(f);
		assert_string_equal(state_of(f), "read-only");
		if (statistic(f, "Replays")) {
			replayed = true;
			expect_content(f, 1, "new3456789", 10);
		}
		assert_memory_equal(f->fake.bytes, cut, CHIP_SIZE);
		f->fake.chip.read_only = false;
	} while (r < 0);
	assert_true(replayed);
	free(cut);
}

static void test_loads_and_scrubs(void **state)
{
	struct fixture *f = *state;
	uint64_t read;

	f->config.scrub_interval = 3600;
	begin_change(f);
	idle_until_done(f);
	read = statistic(f, "BytesRead");
	assert_true(read >= CHIP_SIZE);
	expect_content(f, 1, "0123456789", 10);
	assert_int_equal(statistic(f, "BytesRead"), read);
	assert_true(volume_idle(f->volume) > 3590000);
	assert_int_equal(statistic(f, "BytesRead"), read);
}

/* A cell loses its bit: the image knows better. */
static void test_scrub_mends_a_bit(void **state)
{
	struct fixture *f = *state;
	uint8_t whole[CHIP_SIZE];
	uint32_t at;

	f->config.scrub_interval = 3600;
	begin_change(f);
	idle_until_done(f);
	memcpy(whole, f->fake.bytes, CHIP_SIZE);
	for (at = 0; at < CHIP_SIZE; at += 97) {
		f->fake.bytes[at] ^= 0x10;
		scrub(f);
		assert_memory_equal(f->fake.bytes, whole, CHIP_SIZE);
		assert_string_equal(state_of(f), "online");
	}
	assert_int_equal(statistic(f, "BytesRepaired"), (CHIP_SIZE + 96) / 97);
}

/* Somebody else writes to the chip: nothing is put over that. */
static void test_scrub_leaves_a_stranger_alone(void **state)
{
	struct fixture *f = *state;
	struct smm_block b;

	f->config.scrub_interval = 3600;
	begin_change(f);
	idle_until_done(f);
	b = block_of(f, 1);
	memcpy(f->fake.bytes + b.offset + 29, "stranger!", 9);
	scrub(f);
	assert_memory_equal(f->fake.bytes + b.offset + 29, "stranger!", 9);
	assert_int_equal(statistic(f, "BytesRepaired"), 0);
}

/* Another chip in its place is not written, and the first one is known when it is back. */
static void test_another_chip(void **state)
{
	struct fixture *f = *state;
	uint8_t first[CHIP_SIZE], second[CHIP_SIZE];

	begin_change(f);
	memcpy(second, f->fake.bytes, CHIP_SIZE);
	begin_change(f);
	memcpy(first, f->fake.bytes, CHIP_SIZE);
	assert_memory_not_equal(first, second, CHIP_SIZE);

	second[8] ^= 0x80; /* a bit of the map, which a mount would correct */
	memcpy(f->fake.bytes, second, CHIP_SIZE);
	volume_device_changed(f->volume);
	volume_idle(f->volume);
	assert_string_equal(state_of(f), "foreign");
	assert_string_equal(why_of(f),
			    "another chip is in its place; put the first one back, or restart smmd "
			    "to take this one");
	expect_error(f, change(f, 0), ERROR_NOT_FORMATTED, NULL);
	assert_memory_equal(f->fake.bytes, second, CHIP_SIZE);

	memcpy(f->fake.bytes, first, CHIP_SIZE);
	volume_device_changed(f->volume);
	volume_idle(f->volume);
	assert_string_equal(state_of(f), "online");
	expect_content(f, 1, "0123456789", 10);
}

/* The supply flickers, and somebody reads: the write in hand keeps its store. */
static void flicker_between(struct fixture *f)
{
	uint32_t mounts = f->volume->mounts;
	void *content;
	size_t n;

	f->between = NULL;
	for (int failing = 1; failing >= 0; failing--) {
		volume_power_fail(f->volume, failing);
		expect_error(f,
			     volume_read(f->volume, &root, 1, 0, 4, &content, &n, fresh_error(f)),
			     ERROR_POWER_FAIL, NULL);
	}
	assert_int_equal(f->volume->mounts, mounts);
}

static void test_supply_flickers_between_slices(void **state)
{
	struct fixture *f = *state;
	uint8_t large[1500];
	uint32_t id;

	memset(large, 0x5a, sizeof(large));
	f->fake.chip.ns_per_byte = 90000;
	begin_change(f);
	f->between = flicker_between;
	assert_int_equal(volume_store(f->volume, &alice, "other", large, 1500, &id, fresh_error(f)),
			 0);
	assert_null(f->between);
	expect_content(f, id, large, 1500);
	assert_string_equal(state_of(f), "online");
}

static uint32_t wanted; /* the block that somebody wants to read */
static unsigned int fits, misfits;

static void read_between(struct fixture *f)
{
	void *content;
	size_t n;

	if (!volume_fits_between(f->volume, wanted, NULL, 4)) {
		misfits++;
		return;
	}
	fits++;
	assert_int_equal(volume_read(f->volume, &root, wanted, 0, 4, &content, &n, fresh_error(f)),
			 0);
	assert_memory_equal(content, "0123", 4);
	free(content);
}

/* While a long write is on its way, others read, but not the block that is written. */
static void test_reads_between_slices(void **state)
{
	struct fixture *f = *state;
	uint8_t large[1500];
	uint32_t id;

	memset(large, 0x5a, sizeof(large));
	f->fake.chip.ns_per_byte = 90000;
	begin_change(f);
	f->between = read_between;
	wanted = 1;
	fits = misfits = 0;
	assert_int_equal(volume_store(f->volume, &alice, "other", large, 1500, &id, fresh_error(f)),
			 0);
	assert_int_equal(misfits, 0);
	assert_true(fits >= 13);
	expect_content(f, id, large, 1500);
	wanted = id;
	fits = misfits = 0;
	memset(large, 0xa5, sizeof(large));
	assert_int_equal(volume_store(f->volume, &alice, "other", large, 1400, &id, fresh_error(f)),
			 0);
	assert_true(misfits >= 1 && !fits);
	assert_false(volume_fits_between(f->volume, 1, NULL, 4)); /* nothing is in hand */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(test_power_fail),
		FIXTURE_TEST(test_power_that_is_back_for_a_call),
		FIXTURE_TEST(test_power_fails_in_a_change),
		FIXTURE_TEST(test_dropped_writes_make_it_read_only),
		FIXTURE_TEST(test_read_only_with_a_cut_change),
		FIXTURE_TEST(test_loads_and_scrubs),
		FIXTURE_TEST(test_scrub_mends_a_bit),
		FIXTURE_TEST(test_scrub_leaves_a_stranger_alone),
		FIXTURE_TEST(test_another_chip),
		FIXTURE_TEST(test_reads_between_slices),
		FIXTURE_TEST(test_supply_flickers_between_slices),
	};

	return cmocka_run_group_tests_name("volume-states", tests, NULL, NULL);
}
