/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Restore: what is refused leaves the chip as it was, and what is begun ends with the image, or
 * says that it did not, wherever the power goes.
 */
#include "../lib/dice.h"
#include "image.h"
#include "volume-fixture.h"

/* Another chip in the fixture, of zeros; not opened yet. */
static void new_chip(struct fixture *f, uint32_t size)
{
	volume_close(f->volume);
	f->volume = NULL;
	fake_chip_destroy(&f->fake);
	fake_chip_init(&f->fake, size, 0);
	f->config.size = size;
}

/* A store on a new chip, with blocks of several kinds and owners. */
static void new_store(struct fixture *f, uint32_t size, uint32_t page_size, uint64_t seed)
{
	const struct caller *callers[] = { &root, &alice, &bob };
	struct dice dice = { seed };
	uint8_t data[200];
	char name[8];
	int64_t value;
	uint32_t id;

	new_chip(f, size);
	f->fake.chip.page_size = page_size;
	fixture_open(f);
	for (uint32_t i = 0; i < 8; i++) {
		uint32_t length = dice_below(&dice, sizeof(data));

		snprintf(name, sizeof(name), "b%u", i);
		dice_fill(&dice, data, sizeof(data));
		assert_int_equal(volume_store(f->volume, callers[i % 3], name, data, length, &id,
					      fresh_error(f)),
				 0);
		if (i % 4 == 1)
			assert_int_equal(
				volume_set_mode(f->volume, &root, id, 0640, fresh_error(f)), 0);
		if (i % 4 == 2)
			assert_int_equal(volume_free(f->volume, &root, id, fresh_error(f)), 0);
		if (i % 4 == 3)
			assert_int_equal(write_in_place(f, &root, id, 0, data, length / 2), 0);
	}
	assert_int_equal(
		volume_add(f->volume, &alice, "count", (int64_t)seed, &value, fresh_error(f)), 0);
}

static struct image_file image_of(struct fixture *f)
{
	struct image_file file;

	assert_int_equal(dump(f, &root, &file), 0);
	return file;
}

/* The content in an image of the same size. */
static const uint8_t *content_of(struct fixture *f, const struct image_file *file)
{
	return (uint8_t *)file->bytes + file->size - f->fake.chip.size;
}

#define TEXT 4096u

/* Every block of the memory, a line each. */
static void describe(struct fixture *f, char text[TEXT])
{
	struct smm_block *blocks;
	size_t n, size, used = 0;
	void *data;

	*text = '\0';
	assert_int_equal(volume_list(f->volume, &root, &blocks, &n, fresh_error(f)), 0);
	for (const struct smm_block *b = blocks; b < blocks + n; b++) {
		assert_int_equal(volume_read(f->volume, &root, b->id, 0, UINT32_MAX, &data, &size,
					     fresh_error(f)),
				 0);
		used += (size_t)snprintf(text + used, TEXT - used,
					 "%u %s kind %u of %u:%u %04o, version %u: %zu %08x\n",
					 b->id, b->name, b->kind, b->uid, b->gid, b->mode,
					 b->generation, size, smm_crc32c(0, data, (u32)size));
		assert_true(used < TEXT);
		free(data);
	}
	free(blocks);
}

static void expect_same(struct fixture *f, const char *expected)
{
	char text[TEXT];

	assert_string_equal(state_of(f), "online");
	describe(f, text);
	assert_string_equal(text, expected);
}

/* What is restored */

static void test_restore_brings_everything_back(void **state)
{
	struct fixture *f = *state;
	struct image_file file;
	char text[TEXT];

	for (int mirror = 0; mirror < 2; mirror++) {
		f->config.mirror = mirror;
		new_store(f, CHIP_SIZE, 0, 1);
		describe(f, text);
		file = image_of(f);
		for (int which = 0; which < N_CHANGES; which++)
			change(f, which);
		assert_int_equal(volume_free(f->volume, &root, 5, fresh_error(f)), 0);
		assert_int_equal(restore(f, &root, &file), 0);
		expect_same(f, text);
		assert_memory_equal(f->fake.bytes, content_of(f, &file), CHIP_SIZE);
		fixture_open(f);
		expect_same(f, text);
		assert_true(allocate(f, &alice, "", 10, 0600) > 9);
		free(file.bytes);
	}
}

/* It is the chip of the image from now on, also when its device comes back. */
static void test_restore_gives_the_chip_another_identity(void **state)
{
	struct fixture *f = *state;
	struct image_file file;
	char text[TEXT];

	new_store(f, CHIP_SIZE, 0, 1);
	describe(f, text);
	file = image_of(f);
	new_store(f, CHIP_SIZE, 0, 2);
	assert_int_equal(restore(f, &root, &file), 0);
	expect_same(f, text);
	volume_device_changed(f->volume);
	volume_idle(f->volume);
	expect_same(f, text);
	free(file.bytes);
}

/* Whatever is on the chip. */
static void test_restore_to_a_chip_without_a_store(void **state)
{
	struct fixture *f = *state;
	struct image_file file;
	char text[TEXT];

	new_store(f, CHIP_SIZE, 0, 1);
	describe(f, text);
	file = image_of(f);
	f->config.format = FORMAT_NEVER;
	for (int fill = 0; fill < 3; fill++) {
		new_chip(f, CHIP_SIZE);
		memset(f->fake.bytes, (const int[]){ 0, 0xff, 0x55 }[fill], CHIP_SIZE);
		fixture_open(f);
		assert_string_not_equal(state_of(f), "online");
		assert_int_equal(restore(f, &root, &file), 0);
		expect_same(f, text);
	}
	f->config.format = FORMAT_BLANK;
	new_store(f, CHIP_SIZE, 0, 2);
	f->fake.bytes[100] ^= 1;
	f->fake.bytes[103] ^= 1;
	fixture_open(f);
	assert_string_equal(state_of(f), "corrupt");
	assert_int_equal(restore(f, &root, &file), 0);
	expect_same(f, text);
	free(file.bytes);
}

static void test_restore_to_a_chip_of_another_size(void **state)
{
	static const uint32_t sizes[] = { 2 * CHIP_SIZE, CHIP_SIZE / 2, 16 * CHIP_SIZE };
	struct fixture *f = *state;
	struct image_file file;
	char text[TEXT];

	new_store(f, CHIP_SIZE, 0, 1);
	describe(f, text);
	file = image_of(f);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		new_store(f, sizes[i], 0, 2);
		assert_int_equal(restore(f, &root, &file), 0);
		expect_same(f, text);
		fixture_open(f);
		expect_same(f, text);
		assert_true(allocate(f, &alice, "", 10, 0600) > 9);
	}
	free(file.bytes);
}

/* What is refused */

/* An image, or a caller, or a chip, that is refused: not a byte is written. */
static void expect_refusal(struct fixture *f, const struct caller *caller,
			   const struct image_file *file, const char *name)
{
	uint8_t *before = malloc(f->fake.chip.size);

	assert_non_null(before);
	memcpy(before, f->fake.bytes, f->fake.chip.size);
	fake_chip_watch(&f->fake);
	expect_error(f, restore(f, caller, file), name, NULL);
	assert_int_equal(f->fake.chip.counters.writes, 0);
	assert_memory_equal(f->fake.bytes, before, f->fake.chip.size);
	free(before);
}

static void test_damaged_image_is_refused(void **state)
{
	struct fixture *f = *state;
	struct image_file file, less;
	char text[TEXT];

	new_store(f, CHIP_SIZE, 0, 2);
	file = image_of(f);
	new_store(f, CHIP_SIZE, 0, 1);
	describe(f, text);
	for (size_t at = 0; at < file.size; at++) {
		uint8_t *byte = (uint8_t *)file.bytes + at;

		*byte ^= 0x10;
		expect_refusal(f, &root, &file,
			       at < 12 ? SD_BUS_ERROR_INVALID_ARGS : ERROR_CHECKSUM_MISMATCH);
		*byte ^= 0x10;
	}
	for (size_t size = 1; size < file.size; size += 7) {
		less = (struct image_file){ malloc(size), size };
		assert_non_null(less.bytes);
		memcpy(less.bytes, file.bytes, size);
		expect_refusal(f, &root, &less, ERROR_CHECKSUM_MISMATCH);
		free(less.bytes);
	}
	expect_same(f, text);
	assert_int_equal(restore(f, &root, &file), 0);
	free(file.bytes);
}

static void test_what_is_no_image_is_refused(void **state)
{
	struct fixture *f = *state;
	struct image_file file, stranger;
	uint8_t longer[8192] = { 0 };

	new_store(f, CHIP_SIZE, 0, 2);
	file = image_of(f);
	f->config.format = FORMAT_NEVER;
	new_chip(f, CHIP_SIZE);
	memset(f->fake.bytes, 0x55, CHIP_SIZE);
	fixture_open(f);
	stranger = image_of(f);
	f->config.format = FORMAT_BLANK;
	new_store(f, CHIP_SIZE, 0, 1);
	expect_refusal(f, &root, &(struct image_file){ longer, 0 }, ERROR_CHECKSUM_MISMATCH);
	expect_refusal(f, &root, &(struct image_file){ longer, sizeof(longer) },
		       SD_BUS_ERROR_INVALID_ARGS);
	memcpy(longer, file.bytes, file.size);
	expect_refusal(f, &root, &(struct image_file){ longer, file.size + 1 },
		       ERROR_CHECKSUM_MISMATCH);
	expect_refusal(f, &root, &stranger, ERROR_CORRUPT);
	free(file.bytes);
	free(stranger.bytes);
}

static void test_image_that_is_too_large_is_refused(void **state)
{
	struct fixture *f = *state;
	struct image_file file;
	char text[TEXT];

	new_store(f, CHIP_SIZE, 0, 2);
	allocate(f, &alice, "large", 1500, 0600);
	file = image_of(f);
	new_store(f, CHIP_SIZE / 2, 0, 1);
	describe(f, text);
	expect_refusal(f, &root, &file, ERROR_NO_SPACE);
	expect_same(f, text);
	free(file.bytes);
}

static void test_who_and_what_is_refused(void **state)
{
	_Atomic bool certain = true;
	struct fixture *f = *state;
	struct image_file file;
	char text[TEXT];

	new_store(f, CHIP_SIZE, 0, 2);
	file = image_of(f);
	new_store(f, CHIP_SIZE, 0, 1);
	describe(f, text);
	expect_refusal(f, &alice, &file, SD_BUS_ERROR_ACCESS_DENIED);
	fake_chip_watch(&f->fake);
	assert_int_equal(
		volume_restore(f->volume, &root, file.bytes, file.size, &certain, fresh_error(f)),
		-ECANCELED);
	assert_int_equal(f->fake.n_transfers, 0);
	expect_same(f, text);

	f->fake.chip.read_only = true;
	fixture_open(f);
	expect_refusal(f, &root, &file, ERROR_WRITE_PROTECTED);
	f->fake.chip.read_only = false;
	fixture_open(f);
	volume_power_fail(f->volume, true);
	expect_refusal(f, &root, &file, ERROR_POWER_FAIL);
	volume_power_fail(f->volume, false);
	f->fake.good = 0;
	volume_device_changed(f->volume);
	volume_idle(f->volume);
	expect_refusal(f, &root, &file, ERROR_OFFLINE);
	f->fake.good = FAKE_NEVER;
	wait_until_online(f);
	expect_same(f, text);
	free(file.bytes);
}

static void test_power_that_fails_before_a_restoration(void **state)
{
	struct fixture *f = *state;
	struct image_file file;

	new_store(f, CHIP_SIZE, 0, 2);
	file = image_of(f);
	f->config.format = FORMAT_NEVER;
	new_chip(f, CHIP_SIZE);
	fixture_open(f);
	assert_string_equal(state_of(f), "blank");
	volume_power_fail(f->volume, true);
	expect_refusal(f, &root, &file, ERROR_POWER_FAIL);
	volume_power_fail(f->volume, false);
	assert_int_equal(restore(f, &root, &file), 0);
	free(file.bytes);
}

/* What is interrupted */

/* A chip before an image is restored to it. */
struct before {
	uint32_t page_size;
	bool mirror;
	int fill;     /* every byte of it; -1: a store */
	bool is_done; /* the image is there already */
	/* Filled by prepare(). */
	struct image_file file;
	char text[TEXT], was[TEXT]; /* what the image has, and what is lost then */
	const char *state;
	uint8_t bytes[CHIP_SIZE];
};

static void prepare(struct fixture *f, struct before *before)
{
	f->config.mirror = before->mirror;
	f->config.format = FORMAT_BLANK;
	new_store(f, CHIP_SIZE, before->page_size, 2);
	describe(f, before->text);
	before->file = image_of(f);
	if (before->fill >= 0) {
		f->config.format = FORMAT_NEVER;
		memset(f->fake.bytes, before->fill, CHIP_SIZE);
		fixture_open(f);
	} else if (!before->is_done) {
		new_store(f, CHIP_SIZE, before->page_size, 1);
	}
	before->state = state_of(f);
	describe(f, before->was);
	memcpy(before->bytes, f->fake.bytes, CHIP_SIZE);
	f->config.format = FORMAT_BLANK;
}

/* Another try; a chip that was blank stays so until it is known. */
static void begin_again(struct fixture *f, const struct before *before)
{
	memcpy(f->fake.bytes, before->bytes, CHIP_SIZE);
	f->fake.chip.ns_per_byte = 90000;
	f->config.format = FORMAT_NEVER;
	fixture_open(f);
	assert_string_equal(state_of(f), before->state);
	f->config.format = FORMAT_BLANK;
}

static void expect_interrupted(struct fixture *f)
{
	struct volume_status status;

	volume_status(f->volume, &status);
	assert_string_equal(status.state, "foreign");
	assert_string_equal(status.why, "the restoration of an image was interrupted; restore it "
					"again, or Format with force gives it up");
}

/* The memory is what it was, or says that it was interrupted; or it is whole. */
static void expect_decided(struct fixture *f, const struct before *before)
{
	char found[TEXT];

	if (!strcmp(state_of(f), "online")) {
		describe(f, found);
		assert_true(!strcmp(found, before->text) || !strcmp(found, before->was));
	} else if (memcmp(f->fake.bytes, before->bytes, CHIP_SIZE) != 0) {
		expect_interrupted(f);
	}
}

static void expect_second_try(struct fixture *f, const struct before *before)
{
	assert_int_equal(restore(f, &root, &before->file), 0);
	expect_same(f, before->text);
}

/* Cut the power after @n bytes, and have it back. Return: whether there were so many. */
static bool cut_after(struct fixture *f, const struct before *before, uint32_t n)
{
	begin_again(f, before);
	f->fake.until_cut = n;
	if (restore(f, &root, &before->file) == 0)
		return false;
	assert_string_equal(f->error.name, ERROR_IO);
	assert_string_equal(state_of(f), "offline");
	fake_chip_feed(&f->fake);
	if (n % 2) { /* in the same process, or the next one */
		volume_device_changed(f->volume);
		volume_idle(f->volume);
	} else {
		fixture_open(f);
	}
	return true;
}

/* All cells for themselves: of a chip without pages, it is known what n bytes make of it. */
static void test_power_cut_at_any_byte(void **state)
{
	static struct before befores[] = {
		{ .fill = -1, .mirror = true },
		{ .fill = -1 },
		{ .fill = -1, .mirror = true, .is_done = true },
		{ .fill = 0x00, .mirror = true },
		{ .fill = 0xff },
		{ .fill = 0x55, .mirror = true },
	};
	struct fixture *f = *state;
	uint32_t n;

	for (struct before *b = befores; b < befores + ARRAY_SIZE(befores); b++) {
		prepare(f, b);
		for (n = 0; cut_after(f, b, n); n += n < 8 || n > CHIP_SIZE - 9 ? 1 : 53) {
			if (n >= 3)
				expect_interrupted(f);
			else if (b->fill < 0)
				expect_same(f, b->was);
			else if (b->fill == 0x55)
				assert_string_equal(state_of(f), "foreign");
			expect_second_try(f, b);
		}
		assert_int_equal(n, CHIP_SIZE + 3); /* all, and what it begins with twice */
		expect_same(f, b->text);
		free(b->file.bytes);
	}
}

/* The other way out, for who has no image any more. */
static void test_format_of_what_was_interrupted(void **state)
{
	static struct before before = { .fill = -1, .mirror = true };
	struct fixture *f = *state;

	prepare(f, &before);
	assert_true(cut_after(f, &before, 1000));
	expect_interrupted(f);
	expect_error(f, volume_format(f->volume, &root, 0, false, fresh_error(f)),
		     SD_BUS_ERROR_INVALID_ARGS, NULL);
	expect_interrupted(f);
	assert_int_equal(volume_format(f->volume, &root, 0, true, fresh_error(f)), 0);
	expect_same(f, "");
	free(before.file.bytes);
}

static void test_power_cut_of_an_eeprom(void **state)
{
	static struct before befores[] = {
		{ .page_size = 32, .fill = -1, .mirror = true },
		{ .page_size = 16, .fill = -1 },
		{ .page_size = 64, .fill = 0xff, .mirror = true },
	};
	struct fixture *f = *state;
	uint32_t n, cuts;

	for (struct before *b = befores; b < befores + ARRAY_SIZE(befores); b++) {
		prepare(f, b);
		for (n = cuts = 0; cut_after(f, b, n); n += n < 200 ? 3 : 29, cuts++) {
			expect_decided(f, b);
			expect_second_try(f, b);
		}
		assert_true(cuts > 100);
		expect_same(f, b->text);
		free(b->file.bytes);
	}
}

/* A transfer fails, once: it is known at once what has become of the memory. */
static void test_failure_of_any_transfer(void **state)
{
	static struct before befores[] = {
		{ .fill = -1, .mirror = true },
		{ .fill = -1, .page_size = 32 },
		{ .fill = 0x55 },
	};
	struct fixture *f = *state;
	char sentence[100];
	uint32_t good;
	int r = -1;

	for (struct before *b = befores; b < befores + ARRAY_SIZE(befores); b++) {
		prepare(f, b);
		for (good = 0, r = -1; r < 0; good++) {
			begin_again(f, b);
			f->fake.fail_once = true;
			f->fake.good = good;
			f->fake.landing = good % 7;
			r = restore(f, &root, &b->file);
			if (r < 0) {
				snprintf(sentence, sizeof(sentence),
					 "memory fram0 could not be restored: Remote I/O error; it "
					 "is %s now",
					 state_of(f));
				expect_error(f, r, ERROR_IO, sentence);
				expect_decided(f, b);
			}
			fake_chip_feed(&f->fake);
			expect_second_try(f, b);
		}
		assert_true(good > CHIP_SIZE / 111);
		free(b->file.bytes);
	}
}

static unsigned int writes_to_go;

static void fail_power(void *userdata)
{
	struct fixture *f = userdata;

	if (writes_to_go-- == 0)
		volume_power_fail(f->volume, true);
}

/* The supply says that it fails: there are 22 bytes left. */
static void test_power_that_fails_at_any_write(void **state)
{
	static struct before before = { .fill = -1, .mirror = true };
	struct fixture *f = *state;
	unsigned int at;
	int r = -1;

	f->config.power_fail_gpio = (char *)"PF";
	prepare(f, &before);
	for (at = 0; r < 0; at += at < 3 || at > 200 ? 1 : 7) {
		begin_again(f, &before);
		f->fake.userdata = f;
		f->fake.on_write = fail_power;
		writes_to_go = at;
		r = restore(f, &root, &before.file);
		f->fake.on_write = NULL;
		if (r < 0)
			assert_string_equal(f->error.name, ERROR_POWER_FAIL);
		volume_power_fail(f->volume, false);
		volume_idle(f->volume);
		expect_decided(f, &before);
		expect_second_try(f, &before);
	}
	assert_true(at > 200);
	free(before.file.bytes);
}

static unsigned int times_between;

static void count_between(struct fixture *f)
{
	(void)f;
	times_between++;
}

/* What is read in the middle would be neither of the one nor of the other. */
static void test_nobody_reads_in_a_restoration(void **state)
{
	static struct before before = { .fill = -1 };
	struct fixture *f = *state;

	prepare(f, &before);
	begin_again(f, &before);
	f->between = count_between;
	times_between = 0;
	assert_int_equal(restore(f, &root, &before.file), 0);
	assert_int_equal(times_between, 0);
	assert_int_equal(change(f, 1), 0); /* as they do in the middle of a large write */
	assert_true(times_between > 0);
	free(before.file.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(test_restore_brings_everything_back),
		FIXTURE_TEST(test_restore_gives_the_chip_another_identity),
		FIXTURE_TEST(test_restore_to_a_chip_without_a_store),
		FIXTURE_TEST(test_restore_to_a_chip_of_another_size),
		FIXTURE_TEST(test_damaged_image_is_refused),
		FIXTURE_TEST(test_what_is_no_image_is_refused),
		FIXTURE_TEST(test_image_that_is_too_large_is_refused),
		FIXTURE_TEST(test_who_and_what_is_refused),
		FIXTURE_TEST(test_power_that_fails_before_a_restoration),
		FIXTURE_TEST(test_power_cut_at_any_byte),
		FIXTURE_TEST(test_format_of_what_was_interrupted),
		FIXTURE_TEST(test_power_cut_of_an_eeprom),
		FIXTURE_TEST(test_failure_of_any_transfer),
		FIXTURE_TEST(test_power_that_fails_at_any_write),
		FIXTURE_TEST(test_nobody_reads_in_a_restoration),
	};

	return cmocka_run_group_tests_name("volume-restore", tests, NULL, NULL);
}
