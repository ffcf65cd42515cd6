/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The mirror: what it says is what the chip holds, and it costs exactly the wire it has to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake-chip.h"
#include "mirror.h"

#define SIZE 1000u /* not a multiple of a sector */

struct fixture {
	struct fake_chip fake;
	struct mirror *mirror;
};

static int setup_with(void **state, bool image)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	fake_chip_init(&f->fake, SIZE, 0);
	for (uint32_t i = 0; i < SIZE; i++)
		f->fake.bytes[i] = (uint8_t)(i * 7);
	*state = f;
	return mirror_new(&f->fake.chip, image, &f->mirror);
}

static int setup(void **state)
{
	return setup_with(state, true);
}

static int setup_without_image(void **state)
{
	return setup_with(state, false);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	mirror_free(f->mirror);
	fake_chip_destroy(&f->fake);
	free(f);
	return 0;
}

static void expect_transfer(const struct fixture *f, uint32_t i, bool write, uint32_t offset,
			    uint32_t size)
{
	assert_true(i < f->fake.n_transfers);
	assert_int_equal(f->fake.transfers[i].write, write);
	assert_int_equal(f->fake.transfers[i].offset, offset);
	assert_int_equal(f->fake.transfers[i].size, size);
}

static void read_and_compare(struct fixture *f, uint32_t offset, uint32_t size)
{
	uint8_t buffer[SIZE];

	assert_int_equal(mirror_read(f->mirror, offset, buffer, size), 0);
	assert_memory_equal(buffer, f->fake.bytes + offset, size);
}

static void load_all(struct fixture *f)
{
	read_and_compare(f, 0, SIZE);
	fake_chip_watch(&f->fake);
}

static void test_read_loads_whole_sectors_once(void **state)
{
	struct fixture *f = *state;

	read_and_compare(f, 17, 1);
	assert_int_equal(f->fake.n_transfers, 1);
	expect_transfer(f, 0, false, 16, 16);
	read_and_compare(f, 16, 16);
	read_and_compare(f, 31, 1);
	assert_int_equal(f->fake.n_transfers, 1);
	assert_int_equal(mirror_counters(f->mirror)->hits, 2);
}

static void test_read_loads_only_what_is_missing(void **state)
{
	struct fixture *f = *state;

	read_and_compare(f, 32, 16);
	read_and_compare(f, 96, 16);
	fake_chip_watch(&f->fake);
	read_and_compare(f, 10, 120);
	assert_int_equal(f->fake.n_transfers, 3);
	expect_transfer(f, 0, false, 0, 32);
	expect_transfer(f, 1, false, 48, 48);
	expect_transfer(f, 2, false, 112, 32);
}

static void test_read_stops_at_the_end(void **state)
{
	struct fixture *f = *state;

	read_and_compare(f, SIZE - 1, 1);
	assert_int_equal(f->fake.n_transfers, 1);
	expect_transfer(f, 0, false, 992, 8);
	read_and_compare(f, 0, SIZE);
	expect_transfer(f, 1, false, 0, 992);
}

static void test_write_of_what_is_there_costs_nothing(void **state)
{
	struct fixture *f = *state;

	load_all(f);
	assert_int_equal(mirror_write(f->mirror, 100, f->fake.bytes + 100, 300), 0);
	assert_int_equal(f->fake.n_transfers, 0);
	assert_int_equal(mirror_counters(f->mirror)->bytes_saved, 300);
}

static void test_write_sends_what_differs_in_order(void **state)
{
	struct fixture *f = *state;
	uint8_t data[100];

	load_all(f);
	memcpy(data, f->fake.bytes + 200, sizeof(data));
	data[10] ^= 1;
	data[14] ^= 1; /* three bytes between them: cheaper sent than skipped */
	data[19] ^= 1; /* four bytes: a message of its own */
	data[99] ^= 1;
	assert_int_equal(mirror_write(f->mirror, 200, data, sizeof(data)), 0);
	assert_int_equal(f->fake.n_transfers, 3);
	expect_transfer(f, 0, true, 210, 5);
	expect_transfer(f, 1, true, 219, 1);
	expect_transfer(f, 2, true, 299, 1);
	assert_int_equal(f->fake.chip.counters.bytes_written, 7 + 3 * 3);
	assert_int_equal(mirror_counters(f->mirror)->bytes_saved, 93);
	assert_memory_equal(f->fake.bytes + 200, data, sizeof(data));
	read_and_compare(f, 0, SIZE);
	assert_int_equal(f->fake.n_transfers, 3);
}

/* Behind a page guard, two writes to a page cost more than all that is between them. */
static void test_gap_of_a_chip_with_pages(void **state)
{
	struct fixture *f = *state;
	uint8_t data[40];

	f->fake.chip.gap = 16;
	load_all(f);
	memcpy(data, f->fake.bytes + 200, sizeof(data));
	data[0] ^= 1;
	data[17] ^= 1;
	data[35] ^= 1;
	assert_int_equal(mirror_write(f->mirror, 200, data, sizeof(data)), 0);
	assert_int_equal(f->fake.n_transfers, 2);
	expect_transfer(f, 0, true, 200, 18);
	expect_transfer(f, 1, true, 235, 1);
}

static void test_write_to_what_is_not_loaded_is_sent_whole(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(mirror_write(f->mirror, 20, f->fake.bytes + 20, 60), 0);
	assert_int_equal(f->fake.n_transfers, 1);
	expect_transfer(f, 0, true, 20, 60);
	/* The three sectors it covers are known now, those it touches are not. */
	read_and_compare(f, 32, 48);
	assert_int_equal(f->fake.n_transfers, 1);
	read_and_compare(f, 16, 16);
	expect_transfer(f, 1, false, 16, 16);
}

static void test_write_up_to_the_end_is_known(void **state)
{
	struct fixture *f = *state;
	uint8_t data[24] = { 1, 2, 3 };

	assert_int_equal(mirror_write(f->mirror, SIZE - 24, data, 24), 0);
	read_and_compare(f, SIZE - 24, 24);
	assert_int_equal(f->fake.n_transfers, 1);
}

static void test_failed_read_is_not_remembered(void **state)
{
	struct fixture *f = *state;
	uint8_t buffer[64];

	f->fake.good = 0;
	assert_true(mirror_read(f->mirror, 0, buffer, sizeof(buffer)) < 0);
	f->fake.good = FAKE_NEVER;
	read_and_compare(f, 0, 64);
}

/* Cut a write of several messages at every one of them, with every number of bytes that land. */
static void test_failed_write_is_forgotten(void **state)
{
	struct fixture *f = *state;
	uint8_t data[200];

	for (uint32_t good = 0; good < 5; good++) {
		for (uint32_t landing = 0; landing <= 21; landing++) {
			read_and_compare(f, 0, SIZE);
			memcpy(data, f->fake.bytes + 300, sizeof(data));
			for (uint32_t i = 0; i < 5; i++)
				for (uint32_t k = 0; k < 21; k++)
					data[i * 40 + k] ^= (uint8_t)(1 + landing);
			f->fake.good = good;
			f->fake.landing = landing;
			assert_true(mirror_write(f->mirror, 300, data, sizeof(data)) < 0);
			f->fake.good = FAKE_NEVER;
			read_and_compare(f, 0, SIZE);
		}
	}
}

static void test_forget_shows_the_chip(void **state)
{
	struct fixture *f = *state;

	load_all(f);
	f->fake.bytes[500] ^= 0x10;
	mirror_forget(f->mirror);
	read_and_compare(f, 0, SIZE);
}

static void test_without_image_everything_travels(void **state)
{
	struct fixture *f = *state;
	uint8_t buffer[5];

	assert_int_equal(mirror_read(f->mirror, 17, buffer, 5), 0);
	assert_int_equal(mirror_read(f->mirror, 17, buffer, 5), 0);
	assert_int_equal(mirror_write(f->mirror, 17, buffer, 5), 0);
	mirror_forget(f->mirror);
	assert_int_equal(f->fake.n_transfers, 3);
	expect_transfer(f, 1, false, 17, 5);
	expect_transfer(f, 2, true, 17, 5);
}

/* Random reads, writes, failures and forgetting beside a plain buffer. */
static void test_random_history(void **state)
{
	struct fixture *f = *state;
	uint8_t reference[SIZE], data[SIZE];
	unsigned int seed = 1;

	memcpy(reference, f->fake.bytes, SIZE);
	for (uint32_t step = 0; step < 100000; step++) {
		uint32_t offset = (uint32_t)rand_r(&seed) % SIZE;
		uint32_t most = SIZE - offset < 90 ? SIZE - offset : 90;
		uint32_t size = 1 + (uint32_t)rand_r(&seed) % most;

		switch (rand_r(&seed) % 8) {
		case 0:
			if (rand_r(&seed) % 50 == 0)
				mirror_forget(f->mirror);
			break;
		case 1:
			f->fake.good = (uint32_t)rand_r(&seed) % 3;
			f->fake.landing = (uint32_t)rand_r(&seed) % 8;
			memset(data, rand_r(&seed) & 0xff, size);
			mirror_write(f->mirror, offset, data, size);
			f->fake.good = FAKE_NEVER;
			memcpy(reference, f->fake.bytes, SIZE);
			break;
		case 2:
		case 3:
		case 4:
			memcpy(data, reference + offset, size);
			for (int i = rand_r(&seed) % 6; i > 0; i--)
				data[(uint32_t)rand_r(&seed) % size] ^= (uint8_t)rand_r(&seed);
			assert_int_equal(mirror_write(f->mirror, offset, data, size), 0);
			memcpy(reference + offset, data, size);
			break;
		default:
			assert_int_equal(mirror_read(f->mirror, offset, data, size), 0);
			assert_memory_equal(data, reference + offset, size);
		}
		assert_memory_equal(f->fake.bytes, reference, SIZE);
	}
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_read_loads_whole_sectors_once),
		TEST(test_read_loads_only_what_is_missing),
		TEST(test_read_stops_at_the_end),
		TEST(test_write_of_what_is_there_costs_nothing),
		TEST(test_write_sends_what_differs_in_order),
		TEST(test_gap_of_a_chip_with_pages),
		TEST(test_write_to_what_is_not_loaded_is_sent_whole),
		TEST(test_write_up_to_the_end_is_known),
		TEST(test_failed_read_is_not_remembered),
		TEST(test_failed_write_is_forgotten),
		TEST(test_forget_shows_the_chip),
		cmocka_unit_test_setup_teardown(test_without_image_everything_travels,
						setup_without_image, teardown),
		TEST(test_random_history),
	};

	return cmocka_run_group_tests_name("mirror", tests, NULL, NULL);
}
