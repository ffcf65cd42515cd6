/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Transfers over SPI: what goes over the wire, in which pieces, how fast, and what goes wrong.
 */
#include <errno.h>

#include "../lib/dice.h"
#include "spi-fixture.h"

static void fill(uint8_t *data, uint32_t size, uint32_t seed)
{
	for (uint32_t i = 0; i < size; i++)
		data[i] = (uint8_t)((i + seed) * 167 + (i >> 8));
}

/* Write there, and see that it is in the chip, and is read. */
static void write_and_read(struct fixture *f, uint32_t offset, uint32_t size, uint32_t seed)
{
	_cleanup_free_ uint8_t *data = malloc(size), *back = malloc(size);

	assert_true(data && back);
	fill(data, size, seed);
	assert_int_equal(chip_write(f->chip, offset, data, size), 0);
	assert_memory_equal(f->memory + offset, data, size);
	assert_int_equal(chip_read(f->chip, offset, back, size), 0);
	assert_memory_equal(back, data, size);
}

/* --- frames --- */

static void test_small_write_and_read_are_one_call_each(void **state)
{
	struct fixture *f = *state;
	uint8_t back[4];
	unsigned int calls;
	uint64_t frames;

	must_open(f, "auto");
	calls = f->calls;
	frames = f->model.frames;
	assert_int_equal(chip_write(f->chip, 0x123, "FRAM", 4), 0);
	assert_int_equal(f->calls, calls + 1);
	assert_int_equal(f->model.frames, frames + 2);
	assert_int_equal(chip_read(f->chip, 0x123, back, 4), 0);
	assert_int_equal(f->calls, calls + 2);
	assert_int_equal(f->model.frames, frames + 3);
	assert_memory_equal(back, "FRAM", 4);
	assert_memory_equal(f->memory + 0x123, "FRAM", 4);
	assert_int_equal(f->model.stored, 4);
	assert_int_equal(f->model.fetched, 4);
}

static void test_wire_is_counted(void **state)
{
	struct fixture *f = *state;
	struct chip_counters before;
	uint64_t wire;
	uint8_t back[10];

	must_open(f, "auto");
	assert_int_equal(f->chip->read_overhead, 3);
	assert_int_equal(f->chip->write_overhead, 4);
	before = f->chip->counters;
	wire = f->dev.wire.bytes_out;
	assert_int_equal(chip_write(f->chip, 0, "0123456789", 10), 0);
	assert_int_equal(f->chip->counters.bytes_written - before.bytes_written, 4 + 10);
	assert_int_equal(f->chip->counters.writes - before.writes, 1);
	assert_int_equal(f->dev.wire.bytes_out - wire, 4 + 10);
	assert_int_equal(chip_read(f->chip, 0, back, 10), 0);
	assert_int_equal(f->chip->counters.bytes_read - before.bytes_read, 3 + 10);
	assert_int_equal(f->chip->counters.reads - before.reads, 1);
	assert_int_equal(f->dev.wire.bytes_out - wire, 4 + 10 + 3 + 10);
	assert_int_equal(f->chip->counters.errors, 0);
	assert_int_equal(f->chip->counters.retries, 0);
}

/* WEL is gone after every WRITE; only the first page of such a write was ever stored somewhere. */
static void test_every_write_is_enabled_for_itself(void **state)
{
	struct fixture *f = *state;
	uint64_t frames;
	unsigned int calls;

	plug_and_open(f, "MB85RS256B");
	frames = f->model.frames;
	calls = f->calls;
	write_and_read(f, 1, 20000, 3);
	assert_true(f->calls - calls > 8);
	assert_true(f->model.frames - frames > f->calls - calls);
	assert_false(f->model.write_enabled);
}

static void test_chip_without_write_enable(void **state)
{
	struct fixture *f = *state;
	uint64_t frames;

	plug_and_open(f, "23LCV1024");
	assert_int_equal(f->chip->write_overhead, 4);
	frames = f->model.frames;
	assert_int_equal(chip_write(f->chip, 5, "x", 1), 0);
	assert_int_equal(f->model.frames, frames + 1);
	assert_int_equal(f->memory[5], 'x');
}

static void test_address_in_the_opcode(void **state)
{
	static const char *const chips[] = { "FM25L04B", "FM25040B", "AT25040B" };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(chips); i++) {
		plug_and_open(f, chips[i]);
		assert_int_equal(f->chip->read_overhead, 2);
		write_and_read(f, 0x0f1, 30, 1);
		write_and_read(f, 0x1ff, 1, 2);
		write_and_read(f, 0x0ff, 1, 3);
		write_and_read(f, 0, 512, 4);
		assert_true(f->dev.fastest[WRITE_OPCODE | 8] > 0);
		assert_true(f->dev.fastest[READ_OPCODE | 8] > 0);
	}
}

/* Where 0B would be FSTRD, and A8 is in the address. */
static void test_no_fast_read(void **state)
{
	static const char *const chips[] = { "MR25H40", "MB85RS64T", "25LC256", "FM25V10" };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(chips); i++) {
		plug_and_open(f, chips[i]);
		write_and_read(f, 0x1f0, 0x30, 1);
		assert_int_equal(f->dev.fastest[FSTRD_OPCODE], 0);
		assert_int_equal(f->dev.fastest[WRITE_OPCODE | 8], 0);
	}
}

static void test_across_64_kib_and_at_the_end(void **state)
{
	struct fixture *f = *state;

	plug_and_open(f, "MB85RS1MT");
	assert_int_equal(f->chip->read_overhead, 4);
	write_and_read(f, 0xffff, 2, 1);
	write_and_read(f, 0xff00, 0x200, 2);
	write_and_read(f, 0x10000 - 9000, 18000, 3);
	write_and_read(f, 0x20000 - 1, 1, 4);
	write_and_read(f, 0x20000 - 9000, 9000, 5);
	assert_int_equal(f->memory[0], 0xff);
	write_and_read(f, 0, 0x20000, 6);
}

/* --- pieces --- */

static void test_messages_fit_in_spidev(void **state)
{
	static const uint32_t sizes[] = { 4096, 512, 1024, 8192, 65536 };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		set_bufsiz(f, sizes[i]);
		for (f->dev.config.alignment = 1; f->dev.config.alignment <= 128;
		     f->dev.config.alignment *= 2) {
			unsigned int calls = f->calls;
			uint64_t carried = f->dev.wire.transfers;

			plug_and_open(f, "MB85RS256B");
			write_and_read(f, 0, 32768, f->dev.config.alignment);
			assert_int_equal(f->calls - calls, f->dev.wire.transfers - carried);
		}
		f->dev.config.alignment = 128;
	}
}

/* Of 4 KiB, 98 % of the wire bytes and more are those that nobody can do without. */
static void test_wire_is_not_wasted(void **state)
{
	struct fixture *f = *state;
	uint64_t wire;

	plug_and_open(f, "MB85RS256B");
	wire = f->dev.wire.bytes_out;
	write_and_read(f, 0, 4096, 1);
	assert_true((f->dev.wire.bytes_out - wire) * 98 <= 100 * (4 + 4096 + 3 + 4096));
}

/* A controller that takes less, or a spidev that says more than it has. */
static void test_refused_message_is_halved(void **state)
{
	struct fixture *f = *state;
	unsigned int calls;
	uint64_t carried;

	must_open(f, "auto");
	f->dev.config.bufsiz = 384;
	write_and_read(f, 0, 8192, 1);
	calls = f->calls;
	carried = f->dev.wire.transfers;
	write_and_read(f, 0, 8192, 2);
	assert_int_equal(f->calls - calls, f->dev.wire.transfers - carried);
	assert_int_equal(f->chip->counters.errors, 0);
}

static void test_nothing_fits(void **state)
{
	struct fixture *f = *state;
	uint8_t byte = 1;

	must_open(f, "auto");
	f->dev.config.bufsiz = 1;
	f->dev.config.alignment = 1;
	assert_int_equal(chip_write(f->chip, 0, &byte, 1), -EMSGSIZE);
	assert_int_equal(f->chip->counters.errors, 1);
	assert_int_equal(f->model.stored, 0);
}

static void test_write_does_not_cross_a_page(void **state)
{
	struct fixture *f = *state;

	plug_and_open(f, "25LC256");
	assert_int_equal(f->chip->page_size, 64);
	write_and_read(f, 60, 8, 1);
	assert_int_equal(f->model.cycles, 2);
	write_and_read(f, 64, 64, 2);
	assert_int_equal(f->model.cycles, 3);
	write_and_read(f, 1, 190, 3);
	assert_int_equal(f->model.cycles, 6);
	write_and_read(f, 32768 - 65, 65, 4);
	assert_int_equal(f->model.cycles, 8);
}

/* --- write cycles --- */

static void test_write_cycle_is_waited_for(void **state)
{
	struct fixture *f = *state;
	uint64_t began;

	plug_and_open(f, "25LC256");
	began = f->now;
	write_and_read(f, 0, 64, 1);
	assert_true(f->now - began >= 5000000);
	assert_true(f->now - began < 7000000);
	f->model.config.write_us = 20000; /* four times what it is said to take */
	write_and_read(f, 0, 200, 2);
	assert_int_equal(f->chip->counters.errors, 0);
}

static void test_write_cycle_that_does_not_end(void **state)
{
	struct fixture *f = *state;
	unsigned int calls;

	plug_and_open(f, "25LC256");
	f->model.config.write_us = 10000000;
	calls = f->calls;
	assert_int_equal(chip_write(f->chip, 0, "x", 1), -EIO);
	assert_true(f->calls - calls < 100);
	assert_int_equal(f->chip->counters.errors, 1);
}

/* --- speed --- */

static void test_reads_may_have_to_be_slower(void **state)
{
	struct fixture *f = *state;

	plug_and_open(f, "MB85RS128B");
	write_and_read(f, 0, 5000, 1);
	assert_int_equal(f->dev.fastest[WRITE_OPCODE], 33000000);
	assert_int_equal(f->dev.fastest[READ_OPCODE], 25000000);
	assert_int_equal(f->chip->ns_per_byte, 320);
}

static void test_speed_of_the_model_the_device_and_the_configuration(void **state)
{
	struct fixture *f = *state;

	plug_and_open(f, "MB85RS256TY");
	assert_int_equal(f->chip->ns_per_byte, 200);
	f->dev.max_speed_hz = 500000;
	plug_and_open(f, "MB85RS256TY");
	write_and_read(f, 0, 10, 1);
	assert_int_equal(f->dev.fastest[WRITE_OPCODE], 500000);
	assert_int_equal(f->dev.fastest[READ_OPCODE], 500000);
	assert_int_equal(f->dev.fastest[RDID_OPCODE], 500000);
	f->config.speed = 8000000;
	plug_and_open(f, "MB85RS256TY");
	write_and_read(f, 0, 10, 2);
	assert_int_equal(f->dev.fastest[WRITE_OPCODE], 8000000);
	assert_int_equal(f->dev.fastest[READ_OPCODE], 8000000);
	assert_int_equal(f->chip->ns_per_byte, 1000);
	f->config.speed = 100000;
	plug_and_open(f, "MB85RS256TY");
	for (unsigned int opcode = 0; opcode < 256; opcode++)
		assert_true(f->dev.fastest[opcode] <= 100000);
}

/* Until it is known what is there, and where no source says it. */
static void test_unknown_speed_is_a_safe_one(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *log = NULL;

	plug_and_open(f, "MB85RS256TY");
	assert_int_equal(f->dev.fastest[RDID_OPCODE], 1000000);
	plug_and_open(f, "MB85RS64V");
	assert_int_equal(f->chip->ns_per_byte, 8000);
	f->config.size = 8192;
	f->config.address_bytes = 2;
	log = log_of(f, "custom");
	write_and_read(f, 0, 10, 1);
	assert_int_equal(f->chip->ns_per_byte, 8000);
	assert_int_equal(f->dev.fastest[READ_OPCODE], 1000000);
	assert_non_null(strstr(log, "runs at 1000 kHz"));
}

/* --- what goes wrong --- */

static void test_disturbance_is_repeated(void **state)
{
	static const int errnos[] = { EAGAIN, EIO };
	struct fixture *f = *state;

	must_open(f, "auto");
	for (size_t i = 0; i < ARRAY_SIZE(errnos); i++) {
		uint64_t retries = f->chip->counters.retries;

		f->disturbed = errnos[i];
		f->n_disturbed = 3;
		write_and_read(f, 0, 100, 1);
		assert_int_equal(f->chip->counters.retries, retries + 3);
		assert_int_equal(f->chip->counters.errors, 0);
	}
}

/* A write that ends early is one for an EEPROM, which is deaf then for a while. */
static void test_write_is_cut_short(void **state)
{
	struct fixture *f = *state;

	plug_and_open(f, "25LC256");
	for (uint32_t byte = 0; byte < 4 + 64; byte++) {
		wire_arm(&f->dev.wire, &f->dev.wire.halt, 0, byte);
		write_and_read(f, 128, 64, byte);
	}
	assert_int_equal(f->chip->counters.retries, 4 + 64);
}

static void test_disturbance_that_stays(void **state)
{
	struct fixture *f = *state;
	unsigned int calls;
	uint8_t byte;

	must_open(f, "auto");
	calls = f->calls;
	f->disturbed = EAGAIN;
	f->n_disturbed = 1000;
	assert_int_equal(chip_read(f->chip, 0, &byte, 1), -EAGAIN);
	assert_int_equal(f->calls - calls, 4);
	assert_int_equal(f->chip->counters.errors, 1);
}

static void test_timeout_is_passed_up_at_once(void **state)
{
	struct fixture *f = *state;
	unsigned int calls;
	uint8_t byte = 0;

	must_open(f, "auto");
	calls = f->calls;
	f->dev.wire.stuck = ETIMEDOUT;
	assert_int_equal(chip_read(f->chip, 0, &byte, 1), -ETIMEDOUT);
	assert_int_equal(chip_write(f->chip, 0, &byte, 1), -ETIMEDOUT);
	assert_int_equal(f->calls - calls, 2);
	assert_int_equal(f->chip->counters.errors, 2);
	assert_int_equal(f->chip->counters.retries, 0);
}

static void test_device_goes_away(void **state)
{
	struct fixture *f = *state;
	uint8_t byte = 0;

	must_open(f, "auto");
	f->dev.unplugged = true;
	assert_int_equal(chip_read(f->chip, 0, &byte, 1), -ENODEV);
	assert_int_equal(chip_write(f->chip, 0, &byte, 1), -ENODEV);
}

/* --- all of it --- */

static void trial(struct fixture *f, struct dice *dice)
{
	uint32_t size = f->chip->size, longest = size < 12000 ? size : 12000;
	_cleanup_free_ uint8_t *image = malloc(size), *data = malloc(longest);

	assert_true(image && data);
	memcpy(image, f->memory, size);
	for (unsigned int i = 0; i < 60; i++) {
		uint32_t n = 1 + dice_below(dice, dice_below(dice, 2) ? 16 : longest);
		uint32_t at = dice_below(dice, size - n + 1);

		if (dice_below(dice, 2)) {
			for (uint32_t k = 0; k < n; k++)
				data[k] = (uint8_t)dice_below(dice, 256);
			memcpy(image + at, data, n);
			assert_int_equal(chip_write(f->chip, at, data, n), 0);
		} else {
			assert_int_equal(chip_read(f->chip, at, data, n), 0);
			assert_memory_equal(data, image + at, n);
		}
	}
	assert_memory_equal(image, f->memory, size);
}

static void try_every_model(struct fixture *f, struct dice *dice)
{
	unsigned int tried = 0;

	for (size_t i = 0; chip_model_row(i); i++) {
		const struct chip_model *row = chip_model_row(i);

		if (row->bus != CHIP_SPI)
			continue;
		set_bufsiz(f, 512u << dice_below(dice, 6));
		plug_and_open(f, row->name);
		assert_int_equal(f->chip->size, row->size);
		trial(f, dice);
		assert_int_equal(f->chip->counters.errors, 0);
		assert_int_equal(f->chip->counters.retries, 0);
		tried++;
	}
	assert_true(tried > 40);
}

static void test_random_transfers_on_every_model(void **state)
{
	for (uint64_t round = 0; round < dice_rounds(); round++) {
		struct dice dice = { dice_seed() + round };

		try_every_model(*state, &dice);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SPI_TEST(test_small_write_and_read_are_one_call_each),
		SPI_TEST(test_wire_is_counted),
		SPI_TEST(test_every_write_is_enabled_for_itself),
		SPI_TEST(test_chip_without_write_enable),
		SPI_TEST(test_address_in_the_opcode),
		SPI_TEST(test_no_fast_read),
		SPI_TEST(test_across_64_kib_and_at_the_end),
		SPI_TEST(test_messages_fit_in_spidev),
		SPI_TEST(test_wire_is_not_wasted),
		SPI_TEST(test_refused_message_is_halved),
		SPI_TEST(test_nothing_fits),
		SPI_TEST(test_write_does_not_cross_a_page),
		SPI_TEST(test_write_cycle_is_waited_for),
		SPI_TEST(test_write_cycle_that_does_not_end),
		SPI_TEST(test_reads_may_have_to_be_slower),
		SPI_TEST(test_speed_of_the_model_the_device_and_the_configuration),
		SPI_TEST(test_unknown_speed_is_a_safe_one),
		SPI_TEST(test_disturbance_is_repeated),
		SPI_TEST(test_write_is_cut_short),
		SPI_TEST(test_disturbance_that_stays),
		SPI_TEST(test_timeout_is_passed_up_at_once),
		SPI_TEST(test_device_goes_away),
		SPI_TEST(test_random_transfers_on_every_model),
	};

	return cmocka_run_group_tests_name("chip-spi", tests, NULL, NULL);
}
