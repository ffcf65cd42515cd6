/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Dump and Check go step by step, and others change the memory between two steps: an image is of
 * one moment all the same, and a check finds what is damaged and nothing else.
 */
#include "../lib/dice.h"
#include "image.h"
#include "volume-fixture.h"
#include "volume-internal.h"

#define NS_PER_BYTE 90000u /* a step has 111 bytes */

#define NAMES 6u

/* Open the volume on a fresh chip, whose steps are small. */
static void begin(struct fixture *f, bool mirror)
{
	f->config.mirror = mirror;
	f->fake.chip.ns_per_byte = NS_PER_BYTE;
	begin_change(f);
}

/* What others do between two steps. It may be refused; it may not fail. */
static void disturb(struct fixture *f, struct dice *dice, uint32_t which)
{
	static const char names[NAMES][2] = { "a", "b", "c", "d", "e", "f" };
	const char *name = names[dice_below(dice, NAMES)];
	sd_bus_error *error = fresh_error(f);
	uint8_t data[300];
	uint32_t id = 0, length = 1 + dice_below(dice, sizeof(data));
	struct smm_block b = { 0 };
	int64_t value;
	int r;

	dice_fill(dice, data, sizeof(data));
	if (volume_find(f->volume, &root, name, &id, NULL) == 0)
		b = block_of(f, id);
	if (length > b.length && which >= 4 && which <= 6)
		length = b.length;
	switch (which) {
	case 0:
		r = volume_store(f->volume, &root, name, data, length, &id, error);
		break;
	case 1:
		r = volume_allocate(f->volume, &root, name, length,
				    &(struct allocate_options){ .fill = data[0] }, &id, error);
		break;
	case 2:
		r = volume_free(f->volume, &root, id, error);
		break;
	case 3:
		r = volume_resize(f->volume, &root, id, length, error);
		break;
	case 4:
		r = volume_write(f->volume, &root, id, 0, data, length, error);
		break;
	case 5:
		r = write_in_place(f, &root, id, b.length - length, data, length);
		break;
	case 6:
		r = volume_write_many(
			f->volume, &root,
			(struct volume_part[]){ { .id = id, .size = length / 8, .data = data } }, 1,
			error);
		break;
	case 7:
		r = volume_add(f->volume, &root, "counter", 1, &value, error);
		break;
	case 8:
		r = volume_rename(f->volume, &root, id, names[dice_below(dice, NAMES)], error);
		break;
	case 9:
		r = volume_set_mode(f->volume, &root, id, dice_below(dice, 01000), error);
		break;
	default:
		r = volume_set_owner(f->volume, &root, id, dice_below(dice, 9), 0, error);
	}
	if (r < 0)
		assert_true(!strcmp(error->name, ERROR_NO_SUCH_BLOCK) ||
			    !strcmp(error->name, ERROR_NO_SPACE) ||
			    !strcmp(error->name, ERROR_NAME_TAKEN));
}

#define DISTURBANCES 11u

/* Dump */

/* The image of a file, which has to be one. */
static struct image image_in(struct fixture *f, const struct image_file *file)
{
	struct image image;

	assert_int_equal(image_unpack(file->bytes, file->size, &image, fresh_error(f)), 0);
	return image;
}

/* That the content of an image, which need not be a store, is what the chip holds. */
static void expect_chip(struct fixture *f, const struct image_file *file)
{
	assert_int_equal(file->size, image_file_size(CHIP_SIZE));
	assert_memory_equal((uint8_t *)file->bytes + file->size - CHIP_SIZE, f->fake.bytes,
			    CHIP_SIZE);
}

static void test_image_is_what_the_chip_holds(void **state)
{
	struct fixture *f = *state;
	struct image_file file;
	struct image image;

	for (int mirror = 0; mirror < 2; mirror++) {
		begin(f, mirror);
		fake_chip_watch(&f->fake);
		assert_int_equal(dump(f, &root, &file), 0);
		assert_int_equal(f->fake.chip.counters.writes, 0);
		image = image_in(f, &file);
		assert_int_equal(image.length, CHIP_SIZE);
		assert_memory_equal(image.content, f->fake.bytes, CHIP_SIZE);
		assert_string_equal(image.model, "custom");
		assert_non_null(memmem(f->fake.bytes, CHIP_SIZE, image.identity, SMM_ID_BYTES));
		free(file.bytes);
	}
}

static void test_dump_is_for_administrators(void **state)
{
	struct fixture *f = *state;
	struct image_file file;

	begin(f, true);
	expect_error(f, dump(f, &alice, &file), SD_BUS_ERROR_ACCESS_DENIED,
		     "memory fram0 may be dumped by administrators only; uid 1000 is none");
	assert_null(file.bytes);
}

/* A dump in whose course disturb() is called once, before step @at. Return: whether it was. */
static bool dump_disturbed_at(struct fixture *f, struct dice *dice, uint32_t which, uint32_t at)
{
	struct volume_dump state = { 0 };
	uint32_t step = 0;
	int r;

	do {
		if (step == at)
			disturb(f, dice, which);
		r = volume_dump(f->volume, &root, &state, fresh_error(f));
		step++;
	} while (r > 0);
	assert_int_equal(r, 0);
	expect_chip(f, &(struct image_file){ state.file, state.size });
	free(state.file);
	return at < step;
}

static void test_every_change_before_every_step(void **state)
{
	struct fixture *f = *state;
	struct dice dice = { dice_seed() };
	uint32_t at, i;

	for (int mirror = 0; mirror < 2; mirror++) {
		for (uint32_t which = 0; which < DISTURBANCES; which++) {
			begin(f, mirror);
			for (i = 0; i < 10; i++)
				disturb(f, &dice, 0);
			for (at = 0; dump_disturbed_at(f, &dice, which, at); at++)
				for (i = 0; i < 3; i++)
					disturb(f, &dice, dice_below(&dice, 2));
			assert_true(at > 30);
		}
	}
}

static void test_many_changes_between_steps(void **state)
{
	struct fixture *f = *state;
	struct dice dice;
	struct image image;

	for (uint64_t round = 0; round < 40 * dice_rounds(); round++) {
		struct volume_dump dump = { 0 };
		int r;

		dice.state = dice_seed() + round;
		begin(f, round & 1);
		while ((r = volume_dump(f->volume, &root, &dump, fresh_error(f))) > 0)
			for (uint32_t n = dice_below(&dice, 4); n; n--)
				disturb(f, &dice, dice_below(&dice, DISTURBANCES));
		if (r < 0 ||
		    memcmp((uint8_t *)dump.file + dump.size - CHIP_SIZE, f->fake.bytes, CHIP_SIZE))
			fail_msg("SMM_TEST_SEED=%llu", (unsigned long long)(dice_seed() + round));
		image = image_in(f, &(struct image_file){ dump.file, dump.size });
		assert_int_equal(image.length, CHIP_SIZE);
		free(dump.file);
	}
}

/* Whatever is on it: an image of it can be looked at, though not restored. */
static void test_dump_of_a_chip_without_a_store(void **state)
{
	struct fixture *f = *state;
	struct image_file file;
	struct image image;

	f->config.format = FORMAT_NEVER;
	for (int fill = 0; fill < 3; fill++) {
		memset(f->fake.bytes, (const int[]){ 0, 0xff, 0x55 }[fill], CHIP_SIZE);
		fixture_open(f);
		assert_string_equal(state_of(f), fill < 2 ? "blank" : "foreign");
		assert_int_equal(dump(f, &root, &file), 0);
		expect_chip(f, &file);
		expect_error(f, image_unpack(file.bytes, file.size, &image, fresh_error(f)),
			     ERROR_CORRUPT, NULL);
		free(file.bytes);
	}
}

static void test_dump_of_a_corrupt_chip(void **state)
{
	struct fixture *f = *state;
	struct image_file file;

	begin(f, true);
	f->fake.bytes[100] ^= 1; /* in a line of the map without blocks */
	f->fake.bytes[103] ^= 1;
	fixture_open(f);
	assert_string_equal(state_of(f), "corrupt");
	assert_int_equal(dump(f, &root, &file), 0);
	expect_chip(f, &file);
	free(file.bytes);
}

static void test_dump_of_a_chip_that_is_not_there(void **state)
{
	struct fixture *f = *state;
	struct image_file file;

	begin(f, true);
	f->fake.good = 0;
	expect_error(f, change(f, 0), ERROR_IO, NULL);
	expect_error(f, dump(f, &root, &file), ERROR_OFFLINE,
		     "memory fram0 is offline: the chip does not answer: Remote I/O error");
	assert_null(file.bytes);
}

/* Begin a dump that has come half the way. */
static void begin_dump(struct fixture *f, struct volume_dump *dump)
{
	*dump = (struct volume_dump){ 0 };
	for (int i = 0; i < 20; i++)
		assert_int_equal(volume_dump(f->volume, &root, dump, fresh_error(f)), 1);
}

static void test_chip_that_fails_in_a_dump(void **state)
{
	struct fixture *f = *state;
	struct volume_dump dump;

	begin(f, false);
	begin_dump(f, &dump);
	f->fake.good = 0;
	expect_error(f, volume_dump(f->volume, &root, &dump, fresh_error(f)), ERROR_IO,
		     "memory fram0 could not be read: Remote I/O error; it is offline now");
	assert_null(dump.file);
	f->fake.good = FAKE_NEVER;
	wait_until_online(f);
	assert_int_equal(change(f, 0), 0);
}

/* A write of which nobody knows how far it came is in no image. */
static void test_write_that_fails_in_a_dump(void **state)
{
	struct fixture *f = *state;
	struct volume_dump dump;

	for (int mirror = 0; mirror < 2; mirror++) {
		begin(f, mirror);
		begin_dump(f, &dump);
		f->fake.fail_once = true;
		f->fake.good = 0;
		f->fake.landing = 1;
		expect_error(f, change(f, 1), ERROR_IO, NULL);
		expect_error(f, volume_dump(f->volume, &root, &dump, fresh_error(f)), ERROR_BUSY,
			     "memory fram0 was taken up anew while it was dumped; try again");
	}
}

/* The same, and it was the supply that failed. */
static void test_power_that_fails_in_a_dump(void **state)
{
	struct fixture *f = *state;
	struct volume_dump dump;

	begin(f, false);
	begin_dump(f, &dump);
	volume_power_fail(f->volume, true);
	expect_error(f, change(f, 1), ERROR_POWER_FAIL, NULL);
	expect_error(f, volume_dump(f->volume, &root, &dump, fresh_error(f)), ERROR_POWER_FAIL,
		     NULL);
	volume_power_fail(f->volume, false);
	begin_dump(f, &dump);
	volume_power_fail(f->volume, true);
	expect_error(f, change(f, 1), ERROR_POWER_FAIL, NULL);
	volume_power_fail(f->volume, false);
	expect_error(f, volume_dump(f->volume, &root, &dump, fresh_error(f)), ERROR_BUSY, NULL);
}

static void test_power_that_fails_before_a_dump(void **state)
{
	static const uint8_t zeros[CHIP_SIZE];
	struct fixture *f = *state;
	struct image_file file;

	f->config.format = FORMAT_NEVER;
	fixture_open(f);
	assert_string_equal(state_of(f), "blank");
	volume_power_fail(f->volume, true);
	expect_error(f, dump(f, &root, &file), ERROR_POWER_FAIL, NULL);
	expect_error(f, volume_format(f->volume, &root, 0, true, fresh_error(f)), ERROR_POWER_FAIL,
		     NULL);
	assert_memory_equal(f->fake.bytes, zeros, CHIP_SIZE);
	/* And is back before the worker has looked. */
	volume_power_fail(f->volume, false);
	assert_int_equal(dump(f, &root, &file), 0);
	free(file.bytes);
}

/* The device came back with another chip, or another came to its address. */
static void test_chip_of_another_model_is_left_alone(void **state)
{
	struct fixture *f = *state;
	struct image_file image, none;

	begin(f, true);
	assert_int_equal(dump(f, &root, &image), 0);
	f->fake.reopening = -EMEDIUMTYPE;
	volume_device_changed(f->volume);
	volume_idle(f->volume);
	assert_string_equal(state_of(f), "foreign");
	fake_chip_watch(&f->fake);
	expect_error(f, dump(f, &root, &none), ERROR_NOT_FORMATTED, NULL);
	expect_error(f, restore(f, &root, &image), ERROR_NOT_FORMATTED, NULL);
	expect_error(f, volume_format(f->volume, &root, 0, true, fresh_error(f)),
		     ERROR_NOT_FORMATTED, NULL);
	assert_int_equal(f->fake.n_transfers, 0);
	f->fake.reopening = 0;
	volume_device_changed(f->volume);
	volume_idle(f->volume);
	assert_string_equal(state_of(f), "online");
	assert_int_equal(restore(f, &root, &image), 0);
	free(image.bytes);
}

static void test_format_in_a_dump(void **state)
{
	struct fixture *f = *state;
	struct volume_dump dump;

	begin(f, true);
	begin_dump(f, &dump);
	assert_int_equal(volume_format(f->volume, &root, 0, true, fresh_error(f)), 0);
	expect_error(f, volume_dump(f->volume, &root, &dump, fresh_error(f)), ERROR_BUSY, NULL);
	assert_null(dump.file);
	allocate(f, &alice, "and it works", 10, 0600);
}

static void test_dump_that_is_given_up(void **state)
{
	struct fixture *f = *state;
	struct volume_dump dump;

	begin(f, true);
	begin_dump(f, &dump);
	volume_dump_stop(f->volume, &dump);
	assert_null(dump.file);
	assert_int_equal(change(f, 1), 0);
}

/* Check */

static uint32_t damage(const struct check_result *result)
{
	return result->damaged + result->corrected + result->uncorrectable;
}

/* What a check finds, which writes nothing. */
static uint32_t checked_damage(struct fixture *f)
{
	uint8_t *before = malloc(CHIP_SIZE);
	struct check_result result;

	assert_non_null(before);
	memcpy(before, f->fake.bytes, CHIP_SIZE);
	fake_chip_watch(&f->fake);
	assert_int_equal(check(f, &eve, false, &result), 0);
	assert_int_equal(f->fake.chip.counters.writes, 0);
	assert_memory_equal(f->fake.bytes, before, CHIP_SIZE);
	free(before);
	return damage(&result);
}

static void test_changes_between_steps_are_no_damage(void **state)
{
	struct fixture *f = *state;
	struct dice dice;

	for (uint64_t round = 0; round < 40 * dice_rounds(); round++) {
		struct volume_check check = { 0 };
		int r;

		dice.state = dice_seed() + round;
		begin(f, round & 1);
		for (int i = 0; i < 10; i++)
			disturb(f, &dice, dice_below(&dice, 2));
		while ((r = volume_check(f->volume, &eve, &check, fresh_error(f))) > 0)
			for (uint32_t n = dice_below(&dice, 4); n; n--)
				disturb(f, &dice, dice_below(&dice, DISTURBANCES));
		if (r < 0 || damage(&check.result))
			fail_msg("SMM_TEST_SEED=%llu", (unsigned long long)(dice_seed() + round));
		volume_check_done(&check);
	}
}

/* Whether a byte of the chip is one on which something depends. */
static bool is_in_use(struct fixture *f, uint32_t at, const struct smm_block *blocks, size_t n)
{
	const struct smm_store *st = &f->volume->store;

	if (at < st->log)
		return true; /* superblock, map, and what the store has for itself */
	for (const struct smm_block *b = blocks; b < blocks + n; b++)
		if (at >= b->offset && at < b->offset + SMM_OVERHEAD + strlen(b->name) + b->length)
			return true;
	return false;
}

static void test_damage_is_found_wherever_it_is(void **state)
{
	struct fixture *f = *state;
	struct dice dice = { dice_seed() };
	struct smm_block *blocks;
	size_t n;

	begin(f, true);
	for (int i = 0; i < 10; i++)
		disturb(f, &dice, 0);
	assert_int_equal(volume_list(f->volume, &root, &blocks, &n, fresh_error(f)), 0);
	for (uint32_t at = 0; at < CHIP_SIZE; at++) {
		uint8_t bit = (uint8_t)(1 << dice_below(&dice, 8));
		bool found;

		f->fake.bytes[at] ^= bit;
		found = checked_damage(f);
		f->fake.bytes[at] ^= bit;
		if (found != is_in_use(f, at, blocks, n))
			fail_msg("damage at 0x%x is %s", at, found ? "found" : "not found");
		if (!strcmp(state_of(f), "corrupt"))
			fixture_open(f);
		if (found)
			assert_int_equal(checked_damage(f), 0);
		assert_string_equal(state_of(f), "online");
	}
	free(blocks);
}

/* Two bits of a line of the map are too many. */
static void test_damage_beyond_correction(void **state)
{
	struct fixture *f = *state;
	struct check_result result;

	for (int mirror = 0; mirror < 2; mirror++) {
		for (uint32_t line = 0; line < 16; line++) {
			begin(f, mirror);
			f->fake.bytes[8 + 16 * line] ^= 0x11;
			assert_int_equal(check(f, &eve, false, &result), 0);
			assert_int_equal(result.uncorrectable, 1);
			assert_string_equal(state_of(f), "corrupt");
		}
	}
}

/* A chip that cannot be written, and that holds a change that was cut, is served as if it were
 * finished; a check does not take that for damage, nor does it undo it. */
static void test_check_of_a_read_only_chip_with_a_cut_change(void **state)
{
	struct fixture *f = *state;
	unsigned int replayed = 0;
	int r = -1;

	f->config.scrub_interval = 3600;
	for (uint32_t good = 0; r < 0; good++) {
		begin(f, true);
		f->fake.good = good;
		f->fake.landing = 2;
		r = change(f, 0);
		f->fake.good = FAKE_NEVER;
		f->fake.chip.read_only = true;
		fixture_open(f);
		assert_string_equal(state_of(f), "read-only");
		assert_int_equal(checked_damage(f), 0);
		f->volume->scrub_at = 0;
		while (volume_idle(f->volume) == 0)
			;
		if (statistic(f, "Replays")) {
			assert_int_equal(statistic(f, "Replays"), 1);
			replayed++;
			expect_content(f, 1, "new3456789", 10);
		}
		f->fake.chip.read_only = false;
	}
	assert_true(replayed);
}

/* Begin a check that has come half the way. */
static void begin_check(struct fixture *f, struct volume_check *check)
{
	begin(f, true);
	*check = (struct volume_check){ 0 };
	for (int i = 0; i < 20; i++)
		assert_int_equal(volume_check(f->volume, &eve, check, fresh_error(f)), 1);
}

static void test_what_ends_a_check(void **state)
{
	struct fixture *f = *state;
	struct volume_check check;

	begin_check(f, &check);
	f->fake.good = 0;
	expect_error(f, volume_check(f->volume, &eve, &check, fresh_error(f)), ERROR_IO,
		     "memory fram0 could not be checked: Remote I/O error; it is offline now");
	f->fake.good = FAKE_NEVER;
	wait_until_online(f);

	begin_check(f, &check);
	assert_int_equal(volume_format(f->volume, &root, 0, true, fresh_error(f)), 0);
	expect_error(f, volume_check(f->volume, &eve, &check, fresh_error(f)), ERROR_BUSY,
		     "memory fram0 was taken up anew while it was checked; try again");

	begin_check(f, &check);
	volume_power_fail(f->volume, true);
	expect_error(f, volume_check(f->volume, &eve, &check, fresh_error(f)), ERROR_POWER_FAIL,
		     NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(test_image_is_what_the_chip_holds),
		FIXTURE_TEST(test_dump_is_for_administrators),
		FIXTURE_TEST(test_every_change_before_every_step),
		FIXTURE_TEST(test_many_changes_between_steps),
		FIXTURE_TEST(test_dump_of_a_chip_without_a_store),
		FIXTURE_TEST(test_dump_of_a_corrupt_chip),
		FIXTURE_TEST(test_dump_of_a_chip_that_is_not_there),
		FIXTURE_TEST(test_chip_that_fails_in_a_dump),
		FIXTURE_TEST(test_write_that_fails_in_a_dump),
		FIXTURE_TEST(test_power_that_fails_in_a_dump),
		FIXTURE_TEST(test_power_that_fails_before_a_dump),
		FIXTURE_TEST(test_chip_of_another_model_is_left_alone),
		FIXTURE_TEST(test_format_in_a_dump),
		FIXTURE_TEST(test_dump_that_is_given_up),
		FIXTURE_TEST(test_changes_between_steps_are_no_damage),
		FIXTURE_TEST(test_damage_is_found_wherever_it_is),
		FIXTURE_TEST(test_damage_beyond_correction),
		FIXTURE_TEST(test_check_of_a_read_only_chip_with_a_cut_change),
		FIXTURE_TEST(test_what_ends_a_check),
	};

	return cmocka_run_group_tests_name("volume-image", tests, NULL, NULL);
}
