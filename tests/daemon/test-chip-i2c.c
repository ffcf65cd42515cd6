/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Transfers to an I2C chip: that they arrive, in which pieces, and what a disturbance makes of
 * them.
 */
#include <errno.h>

#include "../lib/dice.h"
#include "i2c-fixture.h"

/* --- what arrives --- */

static void write_both(struct fixture *f, uint8_t *reference, uint32_t offset, const uint8_t *data,
		       uint32_t size)
{
	assert_int_equal(chip_write(f->chip, offset, data, size), 0);
	memcpy(reference + offset, data, size);
	assert_memory_equal(f->memory, reference, f->model.config.size);
}

static void read_both(struct fixture *f, const uint8_t *reference, uint32_t offset, uint32_t size)
{
	_cleanup_free_ uint8_t *bytes = malloc(size);

	assert_non_null(bytes);
	assert_int_equal(chip_read(f->chip, offset, bytes, size), 0);
	assert_memory_equal(bytes, reference + offset, size);
}

/* Across every place where something changes: pages, windows, the end. */
static void cross_borders(struct fixture *f, uint8_t *reference, struct dice *dice)
{
	uint32_t size = f->model.config.size;

	for (uint32_t border = 256; border <= size; border *= 2) {
		uint32_t before = 1 + dice_below(dice, 200);
		uint32_t room = border < size ? dice_below(dice, 200) : 0;
		uint8_t data[400];

		dice_fill(dice, data, sizeof(data));
		write_both(f, reference, border - before, data, before + room);
		read_both(f, reference, border - before, before + room);
	}
}

static void go_anywhere(struct fixture *f, uint8_t *reference, struct dice *dice)
{
	static uint8_t data[20000];
	uint32_t size = f->model.config.size;

	for (unsigned int i = 0; i < 60; i++) {
		uint32_t most = 1 + dice_below(dice, i % 10 ? 300 : sizeof(data));
		uint32_t offset = dice_below(dice, size);
		uint32_t n = size - offset < most ? size - offset : most;

		dice_fill(dice, data, n);
		write_both(f, reference, offset, data, n);
		read_both(f, reference, dice_below(dice, size - n + 1), n);
	}
	read_both(f, reference, 0, size);
}

static void try_model(struct fixture *f, const struct chip_model *row, struct dice *dice)
{
	struct model_config config = like(row);
	_cleanup_free_ uint8_t *reference = malloc(config.size);

	assert_non_null(reference);
	memset(reference, 0xff, config.size);
	plug(f, &config);
	must_open(f, row->name);
	assert_int_equal(f->chip->size, row->size);
	assert_int_equal(f->chip->page_size, row->page_size);
	assert_string_equal(f->chip->model, row->name);
	assert_string_equal(f->chip->technology, row->technology);
	assert_int_equal(f->model.stored, 0);
	cross_borders(f, reference, dice);
	go_anywhere(f, reference, dice);
	assert_int_equal(f->chip->counters.errors, 0);
	assert_int_equal(f->chip->counters.retries, 0);
}

static void test_every_model_keeps_what_is_written(void **state)
{
	struct fixture *f = *state;
	const struct chip_model *row;
	unsigned int n = 0;

	for (uint64_t round = 0; round < dice_rounds(); round++) {
		struct dice dice = { dice_seed() + round };

		for (size_t i = 0; (row = chip_model_row(i)); i++) {
			if (row->bus != CHIP_I2C)
				continue;
			try_model(f, row, &dice);
			n++;
		}
	}
	assert_true(n >= 30);
}

/* Reads and writes of @size at @offset as wire bytes: @reads and @writes transactions. */
static void expect_transactions(struct fixture *f, uint32_t offset, uint32_t size, uint64_t reads,
				uint64_t writes)
{
	struct chip_counters *n = &f->chip->counters;
	uint8_t *data = calloc(1, size);

	*n = (struct chip_counters){ 0 };
	assert_int_equal(chip_read(f->chip, offset, data, size), 0);
	assert_int_equal(chip_write(f->chip, offset, data, size), 0);
	free(data);
	assert_int_equal(n->reads, reads);
	assert_int_equal(n->writes, writes);
	assert_int_equal(n->bytes_read, size + reads * f->chip->read_overhead);
	assert_int_equal(n->bytes_written, size + writes * f->chip->write_overhead);
}

static void test_no_transaction_more_than_needed(void **state)
{
	struct fixture *f = *state;
	struct model_config config = like(chip_model_find("MB85RC1MT"));

	must_open(f, "MB85RC256V");
	assert_int_equal(f->chip->read_overhead, 4);
	assert_int_equal(f->chip->write_overhead, 3);
	expect_transactions(f, 100, 4, 1, 1);
	expect_transactions(f, FRAM_SIZE - 1, 1, 1, 1);
	expect_transactions(f, 0, 8190, 1, 1);
	expect_transactions(f, 0, 8192, 1, 2);
	expect_transactions(f, 0, FRAM_SIZE, 4, 5);
	plug(f, &config);
	must_open(f, "MB85RC1MT");
	expect_transactions(f, 0xfffe, 2, 1, 1);
	expect_transactions(f, 0x10000, 2, 1, 1);
	expect_transactions(f, 0xffff, 2, 2, 2);
}

/* --- the adapter --- */

static void test_messages_shrink_to_what_the_adapter_takes(void **state)
{
	static const int refusals[] = { EOPNOTSUPP, EINVAL, EMSGSIZE };
	struct fixture *f = *state;
	uint8_t data[4096], back[4096];
	unsigned int calls;

	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		/* As the CP2112. */
		f->adapter.config.write_then_read = true;
		f->adapter.config.max_read = 512;
		f->adapter.config.max_write = 61;
		f->adapter.config.limit_errno = refusals[i];
		must_open(f, "auto");
		memset(data, (int)i, sizeof(data));
		assert_int_equal(chip_write(f->chip, 1000, data, sizeof(data)), 0);
		assert_int_equal(chip_read(f->chip, 1000, back, sizeof(back)), 0);
		assert_memory_equal(back, data, sizeof(data));
		assert_int_equal(f->chip->counters.retries, 0);

		/* What was learnt is not asked again. */
		calls = f->calls;
		assert_int_equal(chip_read(f->chip, 0, back, 4096), 0);
		assert_int_equal(f->calls - calls, 4096 / 512);
		calls = f->calls;
		assert_int_equal(chip_write(f->chip, 0, back, 310), 0);
		assert_int_equal(f->calls - calls, 10);
	}
}

static void test_adapter_that_refuses_everything(void **state)
{
	struct fixture *f = *state;
	unsigned int calls;
	uint8_t data[4096] = { 0 };

	must_open(f, "auto");
	f->adapter.config.smbus_only = true;
	calls = f->calls;
	assert_int_equal(chip_write(f->chip, 0, data, sizeof(data)), -EOPNOTSUPP);
	assert_int_equal(chip_read(f->chip, 0, data, sizeof(data)), -EOPNOTSUPP);
	assert_true(f->calls - calls <= 2 * 13);
	assert_int_equal(f->chip->counters.errors, 2);

	/* A failure is nothing to remember. */
	f->adapter.config.smbus_only = false;
	expect_transactions(f, 0, 4096, 1, 1);
}

static void test_smbus_serves_chips_with_one_address_byte(void **state)
{
	struct fixture *f = *state;
	struct dice dice = { dice_seed() };

	f->adapter.config.smbus_only = true;
	try_model(f, chip_model_find("MB85RC04V"), &dice);
	assert_string_equal(f->chip->identified, "id 00a010");
	try_model(f, chip_model_find("FM24CL16B"), &dice);
	try_model(f, chip_model_find("AT24C08"), &dice);
}

static void test_smbus_is_not_enough_for_two_address_bytes(void **state)
{
	struct fixture *f = *state;

	f->adapter.config.smbus_only = true;
	assert_int_equal(open_model(f, "auto"), -EOPNOTSUPP);
	expect_words(f, NODE, "SMBus", "I2C_FUNC_I2C", "MB85RC256V has 2");
	assert_int_equal(f->model.stored, 0);
}

static void test_adapter_that_can_do_nothing_of_use(void **state)
{
	struct fixture *f = *state;

	f->functions = I2C_FUNC_SMBUS_BYTE | I2C_FUNC_SMBUS_BYTE_DATA;
	assert_int_equal(open_model(f, "auto"), -EOPNOTSUPP);
	expect_words(f, NODE, "I2C_FUNC_I2C");
	assert_int_equal(f->calls, 0);
}

static void test_transfer_that_ends_early(void **state)
{
	struct fixture *f = *state;
	struct model_config config = like(chip_model_find("FM24CL04B"));
	uint8_t data[4];

	must_open(f, "auto");
	f->short_results = true;
	assert_int_equal(chip_read(f->chip, 0, data, 4), -EIO);
	f->short_results = false;
	plug(f, &config);
	f->adapter.config.smbus_only = true;
	must_open(f, "FM24CL04B");
	f->short_results = true;
	assert_int_equal(chip_read(f->chip, 0, data, 4), -EIO);
}

static void test_clock_of_the_device_tree(void **state)
{
	struct fixture *f = *state;

	must_open(f, "auto");
	assert_int_equal(f->chip->ns_per_byte, 0);
	fake_file_add(CLOCK, "\x00\x06\x1a\x80", 4);
	must_open(f, "auto");
	assert_int_equal(f->chip->ns_per_byte, 22500);
}

static void test_slow_bus_is_reported_once(void **state)
{
	static const char line[] = "the bus of " NODE " runs at 100 kHz, and the MB85RC256V can do "
				   "1000 kHz";
	struct fixture *f = *state;
	_cleanup_free_ char *slow = NULL, *fast = NULL;

	fake_file_add(CLOCK, "\x00\x01\x86\xa0", 4);
	slow = log_of(f, "auto");
	assert_non_null(strstr(slow, line));
	assert_null(strstr(strstr(slow, line) + 1, "the bus of"));
	fake_file_add(CLOCK, "\x00\x0f\x42\x40", 4);
	fast = log_of(f, "auto");
	assert_null(strstr(fast, "the bus of"));
}

/* --- what goes wrong --- */

static void test_nack_is_retried(void **state)
{
	struct fixture *f = *state;
	uint8_t data[4] = { 1, 2, 3, 4 }, back[4];

	must_open(f, "auto");
	f->adapter.wire.nack_next = 3;
	assert_int_equal(chip_write(f->chip, 0, data, 4), 0);
	f->adapter.wire.nack_next = 2;
	assert_int_equal(chip_read(f->chip, 0, back, 4), 0);
	assert_memory_equal(back, data, 4);
	assert_int_equal(f->chip->counters.retries, 5);
	assert_int_equal(f->chip->counters.errors, 0);
}

static void test_chip_that_went_away(void **state)
{
	struct fixture *f = *state;
	uint64_t start;
	unsigned int calls;
	uint8_t data[4] = { 0 };

	must_open(f, "auto");
	model_power(&f->model, false);
	calls = f->calls;
	start = f->now;
	assert_int_equal(chip_write(f->chip, 0, data, 4), -ENXIO);
	assert_int_equal(f->calls - calls, 6);
	assert_true(f->now - start >= 10000000 && f->now - start < 20000000);
	assert_int_equal(f->chip->counters.errors, 1);
	model_power(&f->model, true);
	assert_int_equal(chip_write(f->chip, 0, data, 4), 0);
}

static void test_lost_arbitration_is_retried(void **state)
{
	struct fixture *f = *state;
	uint64_t start;
	uint8_t data[4] = { 0 };

	must_open(f, "auto");
	f->adapter.wire.lost_next = 4;
	start = f->now;
	assert_int_equal(chip_write(f->chip, 0, data, 4), 0);
	assert_true(f->now > start);
	assert_int_equal(f->chip->counters.retries, 4);
	f->adapter.wire.lost_next = 100;
	assert_int_equal(chip_write(f->chip, 0, data, 4), -EAGAIN);
	assert_int_equal(f->adapter.wire.lost_next, 94);
	assert_int_equal(f->chip->counters.errors, 1);
}

/* A write that breaks off has landed in part; it is repeated as a whole. */
static void test_broken_write_is_repeated(void **state)
{
	struct fixture *f = *state;
	uint8_t data[100];

	must_open(f, "auto");
	memset(data, 0x5a, sizeof(data));
	wire_arm(&f->adapter.wire, &f->adapter.wire.halt, 0, 40);
	assert_int_equal(chip_write(f->chip, 1000, data, sizeof(data)), 0);
	assert_memory_equal(f->memory + 1000, data, sizeof(data));
	assert_int_equal(f->chip->counters.retries, 1);
}

/* Whatever happens to a bus that is bad but not broken, nothing is lost. */
static void test_bad_bus(void **state)
{
	static const char *const models[] = { "MB85RC1MT", "AT24C16", "24LC1025" };
	struct fixture *f = *state;
	struct dice dice = { dice_seed() };
	uint8_t data[300], back[300];

	for (size_t i = 0; i < ARRAY_SIZE(models); i++) {
		struct model_config config = like(chip_model_find(models[i]));

		plug(f, &config);
		must_open(f, models[i]);
		for (unsigned int round = 0; round < 300; round++) {
			uint32_t n = 1 + dice_below(&dice, sizeof(data));
			uint32_t offset = dice_below(&dice, config.size - n + 1);

			dice_fill(&dice, data, n);
			f->adapter.wire.nack_next = dice_below(&dice, 3);
			f->adapter.wire.lost_next = dice_below(&dice, 3);
			wire_arm(&f->adapter.wire, &f->adapter.wire.halt, dice_below(&dice, 5),
				 dice_below(&dice, 300));
			assert_int_equal(chip_write(f->chip, offset, data, n), 0);
			f->adapter.wire.nack_next = dice_below(&dice, 3);
			f->adapter.wire.lost_next = dice_below(&dice, 3);
			assert_int_equal(chip_read(f->chip, offset, back, n), 0);
			assert_memory_equal(back, data, n);
			assert_memory_equal(f->memory + offset, data, n);
		}
		assert_true(f->chip->counters.retries > 300);
	}
}

static void test_time_out_is_passed_up_at_once(void **state)
{
	struct fixture *f = *state;
	unsigned int calls;
	uint8_t data[9000] = { 0 };

	must_open(f, "auto");
	f->adapter.wire.stuck = ETIMEDOUT;
	calls = f->calls;
	assert_int_equal(chip_write(f->chip, 0, data, sizeof(data)), -ETIMEDOUT);
	assert_int_equal(f->calls - calls, 1);
	assert_int_equal(chip_read(f->chip, 0, data, sizeof(data)), -ETIMEDOUT);
	assert_int_equal(f->calls - calls, 2);
	assert_int_equal(f->chip->counters.errors, 2);
	assert_int_equal(f->chip->counters.retries, 0);
	assert_int_equal(open_model(f, "auto"), -ETIMEDOUT);
	expect_words(f, NODE, "SDA or SCL");
}

/* A write returns when the chip has done its write cycle, and not much later. */
static void test_write_cycle_is_waited_for(void **state)
{
	struct fixture *f = *state;
	struct model_config config = like(chip_model_find("AT24C256"));
	uint8_t data[64] = { 0 };
	uint64_t start;

	config.write_us = 4000;
	plug(f, &config);
	must_open(f, "AT24C256");
	start = f->now;
	assert_int_equal(chip_write(f->chip, 64, data, 64), 0);
	assert_true(f->now - start >= 4000000);
	assert_true(f->now - start <= 5000000);
	assert_int_equal(f->model.cycles, 1);
	assert_int_equal(chip_write(f->chip, 63, data, 2), 0);
	assert_int_equal(f->model.cycles, 3);
	assert_int_equal(f->chip->counters.retries, 0);
}

static void test_disturbance_while_waiting(void **state)
{
	struct fixture *f = *state;
	struct model_config config = like(chip_model_find("AT24C256"));
	uint8_t data[64] = { 0 };

	config.write_us = 1;
	plug(f, &config);
	must_open(f, "AT24C256");
	/* The first question finds it busy, the second is disturbed. */
	wire_arm(&f->adapter.wire, &f->adapter.wire.halt, 2, 0);
	assert_int_equal(chip_write(f->chip, 0, data, 64), 0);
	assert_int_equal(f->model.cycles, 1);
	f->adapter.wire.stuck = ETIMEDOUT;
	assert_int_equal(chip_write(f->chip, 0, data, 64), -ETIMEDOUT);
}

static void test_write_cycle_without_an_end(void **state)
{
	struct fixture *f = *state;
	struct model_config config = like(chip_model_find("AT24C256"));
	uint8_t data[64] = { 0 };
	uint64_t start;

	config.write_us = 10000000;
	plug(f, &config);
	must_open(f, "AT24C256");
	start = f->now;
	assert_int_equal(chip_write(f->chip, 0, data, 64), -ENXIO);
	assert_true(f->now - start >= 20000000 && f->now - start < 100000000);
	assert_int_equal(f->chip->counters.errors, 1);
}

/* The one before this one wrote, and was killed. */
static void test_write_cycle_from_before(void **state)
{
	struct fixture *f = *state;
	struct model_config config = like(chip_model_find("AT24C256"));

	plug(f, &config);
	f->model.busy_until = f->now + 10000000;
	must_open(f, "AT24C256");
}

static void test_sleeping_chip_wakes_up(void **state)
{
	struct fixture *f = *state;
	struct model_config config = fram;
	uint8_t byte;

	config.wake_us = 400;
	plug(f, &config);
	f->model.asleep = true;
	must_open(f, "auto");
	assert_int_equal(f->chip->counters.retries, 1);
	f->model.asleep = true;
	assert_int_equal(chip_read(f->chip, 0, &byte, 1), 0);
	assert_int_equal(f->chip->counters.retries, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		I2C_TEST(test_every_model_keeps_what_is_written),
		I2C_TEST(test_no_transaction_more_than_needed),
		I2C_TEST(test_messages_shrink_to_what_the_adapter_takes),
		I2C_TEST(test_adapter_that_refuses_everything),
		I2C_TEST(test_smbus_serves_chips_with_one_address_byte),
		I2C_TEST(test_smbus_is_not_enough_for_two_address_bytes),
		I2C_TEST(test_adapter_that_can_do_nothing_of_use),
		I2C_TEST(test_transfer_that_ends_early),
		I2C_TEST(test_clock_of_the_device_tree),
		I2C_TEST(test_slow_bus_is_reported_once),
		I2C_TEST(test_nack_is_retried),
		I2C_TEST(test_chip_that_went_away),
		I2C_TEST(test_lost_arbitration_is_retried),
		I2C_TEST(test_broken_write_is_repeated),
		I2C_TEST(test_bad_bus),
		I2C_TEST(test_time_out_is_passed_up_at_once),
		I2C_TEST(test_write_cycle_is_waited_for),
		I2C_TEST(test_disturbance_while_waiting),
		I2C_TEST(test_write_cycle_without_an_end),
		I2C_TEST(test_write_cycle_from_before),
		I2C_TEST(test_sleeping_chip_wakes_up),
	};

	return cmocka_run_group_tests_name("chip-i2c", tests, NULL, NULL);
}
