/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The image file: what was packed comes out again, and nothing else passes for it.
 */
#include "image-fixture.h"

#define NOT_AN_IMAGE   "this is not an image of smm"
#define DAMAGED_HEADER "the header of the image is damaged"

/* Round trips */

static void round_trip(struct fixture *f)
{
	uint32_t size = f->ram.store.smm.size;

	pack_and_unpack(f);
	assert_int_equal(f->image.length, size);
	assert_int_equal(f->image.time, 1700000000);
	assert_string_equal(f->image.model, "MB85RC256V");
	assert_memory_equal(f->image.identity, identity, SMM_ID_BYTES);
	assert_ptr_equal(f->image.content, f->file + f->size - size);
	assert_memory_equal(f->image.content, f->ram.bytes, size);
}

static void test_what_was_packed_is_unpacked(void **state)
{
	static const uint32_t sizes[] = { 512, 2048, 4096, 4100, 8188, 32768, SMM_SIZE_MAX };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		make_store(f, sizes[i], 4);
		round_trip(f);
		live(f, sizes[i] / 600 + 1, 60);
		round_trip(f);
	}
	assert_int_equal(f->size, IMAGE_SIZE_MAX);
}

/* FORMAT.md, with a checksum of its own. */
static uint32_t slow_crc(const uint8_t *bytes, size_t size, uint32_t state)
{
	while (size--) {
		state ^= *bytes++;
		for (int i = 0; i < 8; i++)
			state = state >> 1 ^ (state & 1 ? 0x82f63b78 : 0);
	}
	return state;
}

static void test_bytes(void **state)
{
	static const uint8_t head[] = { 's', 'm', 'm', 'i', 'm', 'a',  'g', 'e',  1,    0,
					0,   0,   88,  0,   0,   0,    0,   0xf1, 0x53, 0x65,
					0,   0,   0,   0,   0,   0x12, 0,   0 };
	static const char model[32] = "MB85RC256V";
	struct fixture *f = *state;
	uint32_t crc;

	make_store(f, 4608, 4);
	pack(f);
	assert_int_equal(f->size, 88 + 4608);
	assert_memory_equal(f->file, head, sizeof(head));
	crc = slow_crc(f->file, 28, UINT32_MAX);
	assert_int_equal(get32(f->file + 28), ~slow_crc(f->file + 32, 56, crc));
	assert_memory_equal(f->file + 32, identity, sizeof(identity));
	assert_memory_equal(f->file + 48, model, sizeof(model));
	assert_int_equal(get32(f->file + 80), ~slow_crc(f->ram.bytes, 4096, UINT32_MAX));
	assert_int_equal(get32(f->file + 84), ~slow_crc(f->ram.bytes + 4096, 512, UINT32_MAX));
	assert_memory_equal(f->file + 88, f->ram.bytes, 4608);
}

/* Whatever a chip holds can be dumped: a mount that finds something to correct corrects a copy. */
static void test_content_is_as_it_was(void **state)
{
	struct fixture *f = *state;

	make_store(f, 512, 4);
	make_block(f, "gain", 4);
	f->ram.bytes[8] ^= 1;
	round_trip(f);
}

static void test_chip_without_a_store(void **state)
{
	static const uint8_t zeros[SMM_ID_BYTES];
	struct fixture *f = *state;

	assert_int_equal(ram_store_init(&f->ram, NULL, SMM_SIZE_MIN), 0);
	pack(f);
	assert_memory_equal(f->file + 32, zeros, sizeof(zeros));
	expect_error(f, unpack(f), ERROR_CORRUPT,
		     "what the image holds cannot be restored: it is not formatted as a store");
}

static void test_what_cannot_be_packed(void **state)
{
	static const uint32_t sizes[] = { 0, 12, 510, SMM_SIZE_MAX + 4, UINT32_MAX };
	struct fixture *f = *state;
	void *file;
	size_t size;

	make_store(f, 512, 4);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		assert_int_equal(image_pack(f->ram.bytes, sizes[i], "", 0, &file, &size), -EINVAL);
	assert_int_equal(
		image_pack(f->ram.bytes, 512, "a model of a chip of 32 letters.", 0, &file, &size),
		-EINVAL);
	assert_int_equal(image_pack(f->ram.bytes, 512, "\xc3\xa9", 0, &file, &size), -EINVAL);
	assert_int_equal(
		image_pack(f->ram.bytes, 512, "one of 31 letters, as it may be", 0, &file, &size),
		0);
	assert_int_equal(image_unpack(file, size, &f->image, fresh_error(f)), 0);
	assert_string_equal(f->image.model, "one of 31 letters, as it may be");
	free(file);
}

/* What is no image */

static void expect_foreign(struct fixture *f, const void *bytes, size_t n)
{
	size_t size;

	expect_error(f, image_size(bytes, n, &size, fresh_error(f)), SD_BUS_ERROR_INVALID_ARGS,
		     NOT_AN_IMAGE);
	expect_error(f, image_unpack(bytes, n, &f->image, fresh_error(f)),
		     SD_BUS_ERROR_INVALID_ARGS, NOT_AN_IMAGE);
}

static void test_other_files(void **state)
{
	struct fixture *f = *state;

	make_store(f, 512, 4);
	expect_foreign(f, f->ram.bytes, 512);
	expect_foreign(f, "x", 1);
	expect_foreign(f, "smmimagE", 8);
}

static void test_other_version(void **state)
{
	struct fixture *f = *state;
	size_t size;

	make_store(f, 512, 4);
	pack(f);
	f->file[8] = 2;
	seal(f->file);
	expect_error(f, unpack(f), SD_BUS_ERROR_INVALID_ARGS,
		     "the image has version 2 of its format; this smmd knows version 1");
	expect_error(f, image_size(f->file, IMAGE_HEADER, &size, fresh_error(f)),
		     SD_BUS_ERROR_INVALID_ARGS, NULL);
}

/* How a reader is to go on: it takes in what is asked for, and no more. */
static void test_size_is_known_from_the_header(void **state)
{
	struct fixture *f = *state;
	size_t size;

	make_store(f, 4608, 4);
	pack(f);
	for (size_t n = 0; n <= f->size; n++) {
		uint8_t *part = malloc(n + !n);

		assert_non_null(part);
		memcpy(part, f->file, n);
		assert_int_equal(image_size(part, n, &size, fresh_error(f)), 0);
		assert_int_equal(size, n < IMAGE_HEADER ? IMAGE_HEADER : f->size);
		free(part);
	}
}

/* Damage */

static bool is_refusal_of_damage(const struct fixture *f)
{
	return sd_bus_error_has_name(&f->error, SD_BUS_ERROR_INVALID_ARGS) ||
	       sd_bus_error_has_name(&f->error, ERROR_CHECKSUM_MISMATCH);
}

static void test_every_flipped_bit_is_found(void **state)
{
	struct fixture *f = *state;

	make_store(f, 512, 4);
	make_block(f, "gain", 4);
	pack(f);
	for (size_t bit = 0; bit < 8 * f->size; bit++) {
		f->file[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_true(unpack(f) < 0);
		assert_true(is_refusal_of_damage(f));
		f->file[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_int_equal(unpack(f), 0);
}

static void test_damage_says_where_it_is(void **state)
{
	struct fixture *f = *state;
	char sentence[100];

	make_store(f, 12300, 4);
	pack(f);
	for (uint32_t at = 0; at < 12300; at += 7) {
		uint32_t first = at / 4096 * 4096;

		f->file[CONTENT + at] ^= (uint8_t)(1 + dice_below(&f->dice, 255));
		f->file[CONTENT + 12299] ^= 0x80; /* the first one is named */
		snprintf(sentence, sizeof(sentence),
			 "bytes %u to %u of the chip are damaged in the image", first,
			 first == 12288 ? 12299 : first + 4095);
		expect_error(f, unpack(f), ERROR_CHECKSUM_MISMATCH, sentence);
		memcpy(f->file + CONTENT, f->ram.bytes, 12300);
	}
	assert_int_equal(unpack(f), 0);
	f->file[50] ^= 1;
	expect_error(f, unpack(f), ERROR_CHECKSUM_MISMATCH, DAMAGED_HEADER);
}

/* In buffers of just that size, so that a read behind their end is noticed. */
static void unpack_a_part(struct fixture *f, size_t n)
{
	uint8_t *part = malloc(n + !n);
	int r;

	assert_non_null(part);
	memcpy(part, f->file, n);
	r = image_unpack(part, n, &f->image, fresh_error(f));
	free(part);
	assert_true(r < 0);
	assert_true(is_refusal_of_damage(f));
}

static void test_what_was_cut_is_refused(void **state)
{
	struct fixture *f = *state;
	char sentence[100];

	make_store(f, 4608, 4);
	pack(f);
	for (size_t n = 0; n < f->size; n++) {
		unpack_a_part(f, n);
		if (n < IMAGE_HEADER)
			snprintf(sentence, sizeof(sentence),
				 "the image is cut short: at least %zu bytes of it are missing",
				 IMAGE_HEADER - n);
		else
			snprintf(sentence, sizeof(sentence),
				 "the image is cut short: %zu bytes of it are missing",
				 f->size - n);
		assert_string_equal(f->error.message, sentence);
	}
	f->file[24] ^= 4; /* the length: what it says is missing is not */
	expect_error(f, unpack(f), ERROR_CHECKSUM_MISMATCH, DAMAGED_HEADER);
}

static void test_what_goes_on_is_refused(void **state)
{
	struct fixture *f = *state;

	make_store(f, 512, 4);
	pack(f);
	f->file = realloc(f->file, f->size + 3);
	assert_non_null(f->file);
	memset(f->file + f->size, 0, 3);
	f->size += 3;
	expect_error(f, unpack(f), ERROR_CHECKSUM_MISMATCH,
		     "behind the image are 3 bytes that are no part of it");
}

/* Images of strangers, whose checksums are right */

static void test_sizes_that_cannot_be(void **state)
{
	static const struct {
		uint32_t begin, length;
	} cases[] = {
		{ 84, 0 },
		{ 84, 12 },
		{ 84, 511 },
		{ 80, 512 },
		{ 83, 512 },
		{ 85, 512 },
		{ 88, 512 },
		{ 2132, SMM_SIZE_MAX + 4 },
		{ 80, UINT32_MAX },
		{ 80, UINT32_MAX - 3 },
		{ UINT32_MAX, 512 },
		{ 0x80000000, 0x80000000 },
		{ 0, 0 },
	};
	struct fixture *f = *state;
	size_t size;

	make_store(f, 512, 4);
	pack(f);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		put32(f->file + 12, cases[i].begin);
		put32(f->file + 24, cases[i].length);
		expect_error(f, image_size(f->file, IMAGE_HEADER, &size, fresh_error(f)),
			     ERROR_CHECKSUM_MISMATCH, DAMAGED_HEADER);
		expect_error(f, unpack(f), ERROR_CHECKSUM_MISMATCH, DAMAGED_HEADER);
	}
}

static void test_text_that_is_none(void **state)
{
	struct fixture *f = *state;

	make_store(f, 512, 4);
	for (uint32_t at = 48; at <= 79; at++) {
		pack(f);
		memset(f->file + 48, 'x', at - 48);
		f->file[at] = at == 79 ? 'x' : 0xff;
		seal(f->file);
		expect_error(f, unpack(f), SD_BUS_ERROR_INVALID_ARGS,
			     "the image names a model of chip that is not text");
	}
}

static void test_header_of_another_image(void **state)
{
	struct fixture *f = *state;

	make_store(f, 512, 4);
	pack(f);
	f->file[32]++;
	seal(f->file);
	expect_error(f, unpack(f), SD_BUS_ERROR_INVALID_ARGS,
		     "the image has the header of another one");
}

static void expect_unrestorable(struct fixture *f, const char *why)
{
	char sentence[200];

	pack(f);
	snprintf(sentence, sizeof(sentence), "what the image holds cannot be restored: %s", why);
	expect_error(f, unpack(f), ERROR_CORRUPT, sentence);
}

static void test_content_that_cannot_be_mounted(void **state)
{
	struct fixture *f = *state;

	make_store(f, 512, 4);
	memcpy(f->ram.bytes, "smp", 3);
	expect_unrestorable(f, "its format was not finished");

	make_store(f, 512, 4);
	f->ram.bytes[8] ^= 3; /* two bits of a line */
	expect_unrestorable(f, "it was damaged already when the image was made");

	make_store(f, 512, 4);
	memcpy(f->ram.bytes, "abcd", 4);
	expect_unrestorable(f, "it is not formatted as a store");

	make_store(f, 1024, 4);
	f->ram.store.smm.size = 512;
	expect_unrestorable(f, "it was formatted as a chip of another size");

	make_store(f, 512, 4);
	put32(f->ram.bytes + 0x48, 2);
	put32(f->ram.bytes + 0x44, smm_crc32c(0, f->ram.bytes + 0x48, 56));
	expect_unrestorable(f, "it has a newer format than this smmd knows");
}

/* Chance */

static uint32_t interesting_number(struct fixture *f)
{
	static const uint32_t numbers[] = {
		0,
		1,
		4,
		16,
		79,
		80,
		84,
		88,
		508,
		512,
		516,
		4096,
		SMM_SIZE_MAX,
		IMAGE_SIZE_MAX,
		0x7fffffff,
		0x80000000,
		UINT32_MAX - 79,
		UINT32_MAX,
	};

	if (dice_below(&f->dice, 4) == 0)
		return (uint32_t)dice_next(&f->dice);
	return numbers[dice_below(&f->dice, ARRAY_SIZE(numbers))] +
	       (dice_below(&f->dice, 4) ? 0 : dice_below(&f->dice, 9) - 4);
}

/* Change the copy @file of an image, @size bytes of it. */
static void mutate(struct fixture *f, uint8_t *file, size_t size)
{
	for (uint32_t i = dice_below(&f->dice, 4); i < 4; i++) {
		uint32_t at = dice_below(&f->dice, (uint32_t)size);

		if (dice_below(&f->dice, 2))
			at = dice_below(&f->dice, 84);
		if (dice_below(&f->dice, 2) && at / 4 * 4 + 4 <= size)
			put32(file + at / 4 * 4, interesting_number(f));
		else if (at < size)
			file[at] = (uint8_t)dice_next(&f->dice);
	}
	/* As it is damaged, or as a stranger makes it. */
	if (size == f->size && get32(file + 12) == 84 && get32(file + 24) == 512 &&
	    dice_below(&f->dice, 2))
		seal(file);
}

static void unpack_mutant(struct fixture *f)
{
	size_t n = f->size, whole = 0;
	uint8_t *file;
	int r;

	if (dice_below(&f->dice, 4) == 0)
		n = 1 + dice_below(&f->dice, 2 * (uint32_t)f->size);
	file = calloc(1, n);
	assert_non_null(file);
	memcpy(file, f->file, n < f->size ? n : f->size);
	mutate(f, file, n);
	r = image_size(file, n, &whole, fresh_error(f));
	assert_true(r < 0 || (whole >= IMAGE_HEADER && whole <= IMAGE_SIZE_MAX));
	r = image_unpack(file, n, &f->image, fresh_error(f));
	assert_true(r == 0 ? whole == n : f->error.message != NULL);
	if (!r)
		assert_ptr_equal((const uint8_t *)f->image.content + f->image.length, file + n);
	free(file);
}

static void test_mutants_do_no_harm(void **state)
{
	struct fixture *f = *state;
	uint64_t rounds = 50000 * dice_rounds();

	make_store(f, 512, 4);
	make_block(f, "gain", 4);
	pack(f);
	while (rounds--)
		unpack_mutant(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_what_was_packed_is_unpacked),
		TEST(test_bytes),
		TEST(test_content_is_as_it_was),
		TEST(test_chip_without_a_store),
		TEST(test_what_cannot_be_packed),
		TEST(test_other_files),
		TEST(test_other_version),
		TEST(test_size_is_known_from_the_header),
		TEST(test_every_flipped_bit_is_found),
		TEST(test_damage_says_where_it_is),
		TEST(test_what_was_cut_is_refused),
		TEST(test_what_goes_on_is_refused),
		TEST(test_sizes_that_cannot_be),
		TEST(test_text_that_is_none),
		TEST(test_header_of_another_image),
		TEST(test_content_that_cannot_be_mounted),
		TEST(test_mutants_do_no_harm),
	};

	return cmocka_run_group_tests_name("image", tests, NULL, NULL);
}
