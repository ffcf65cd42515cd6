/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What goes with every transfer to a chip: slices, the write-protect line, reading back, and the
 * end of writing when the power fails. The chip is a fake, and so are the lines.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "chip.h"
#include "fake-chip.h"
#include "gpio.h"
#include "log.h"
#include "util.h"

#define SIZE 65536u

struct fixture {
	struct fake_chip fake;
	struct memory_config config;
	struct chip *chip;
	unsigned int slices; /* between() was called */
};

static struct fixture *now;

/* Lines: in the place of those of gpio-1.c and gpio-2.c. */
struct gpio_line {
	bool value;
	unsigned int changes;
};
static struct gpio_line protect, enable;

int gpio_open_output(const char *name, bool value, struct gpio_line **line, sd_bus_error *error)
{
	(void)error;
	*line = !strcmp(name, "WP") ? &protect : &enable;
	(*line)->value = value;
	(*line)->changes = 0;
	return 0;
}

int gpio_set(struct gpio_line *line, bool value)
{
	line->value = value;
	line->changes++;
	return 0;
}

void gpio_close(struct gpio_line *line)
{
	if (line)
		line->value = false;
}

/* The fake, which takes writes only while its pin allows them. */
static const struct chip_ops *plain;
static unsigned int drops; /* writes that are acknowledged and do not land */

static int write_unless_protected(struct chip *chip, uint32_t offset, const void *buffer,
				  uint32_t size)
{
	if (protect.value || drops) {
		drops -= !!drops;
		return 0;
	}
	return plain->write(chip, offset, buffer, size);
}

int chip_file_open(const struct memory_config *config, struct chip **chip, sd_bus_error *error)
{
	static struct chip_ops ops;

	(void)config;
	(void)error;
	plain = now->fake.chip.ops;
	ops = *plain;
	ops.write = write_unless_protected;
	now->fake.chip.ops = &ops;
	*chip = &now->fake.chip;
	return 0;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	log_set_max_level(LOG_CRIT);
	fake_chip_init(&f->fake, SIZE, 0);
	f->config = (struct memory_config){
		.name = (char *)"fram0",
		.bus = BUS_FILE,
		.verify = VERIFY_METADATA,
	};
	protect.value = false;
	drops = 0;
	now = f;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	chip_close(f->chip);
	fake_chip_destroy(&f->fake);
	free(f);
	return 0;
}

static void between(void *userdata)
{
	struct fixture *f = userdata;

	f->slices++;
}

static void open_chip(struct fixture *f, uint32_t ns_per_byte)
{
	_cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;

	f->fake.chip.ns_per_byte = ns_per_byte;
	assert_int_equal(chip_open(&f->config, &f->chip, &error), 0);
	chip_on_slice(f->chip, between, f);
	fake_chip_watch(&f->fake);
}

/* Every transaction takes at most the time of a slice, and all bytes arrive in order. */
static void test_slices(void **state)
{
	static const uint32_t speeds[] = { 90000, 22500, 9000, 400, 1, 0 };
	struct fixture *f = *state;
	uint8_t data[8192], back[8192];
	uint32_t end, longest;

	for (size_t i = 0; i < ARRAY_SIZE(speeds); i++) {
		open_chip(f, speeds[i]);
		for (uint32_t j = 0; j < sizeof(data); j++)
			data[j] = (uint8_t)(j * 7 + i);
		f->slices = 0;
		assert_int_equal(chip_write(f->chip, 100, data, sizeof(data)), 0);
		longest = CHIP_SLICE_NS / (speeds[i] ? speeds[i] : 90000);
		end = 100;
		for (size_t j = 0; j < f->fake.n_transfers; j++) {
			assert_int_equal(f->fake.transfers[j].offset, end);
			assert_true(f->fake.transfers[j].size + 3 <= longest);
			end += f->fake.transfers[j].size;
		}
		assert_int_equal(end, 100 + sizeof(data));
		assert_int_equal(f->slices, f->fake.n_transfers - 1);
		assert_int_equal(chip_read(f->chip, 100, back, sizeof(back)), 0);
		assert_memory_equal(back, data, sizeof(data));
		chip_close(f->chip);
		f->chip = NULL;
		f->fake.chip.ops = plain;
	}
}

/* Of 256 bytes, the largest page there is, and where a page ends. */
static void test_slices_end_with_pages(void **state)
{
	struct fixture *f = *state;
	uint8_t data[2000] = { 1 };
	uint32_t end;

	open_chip(f, 22500); /* 444 bytes in a slice */
	assert_int_equal(chip_write(f->chip, 1000, data, sizeof(data)), 0);
	for (size_t i = 0; i + 1 < f->fake.n_transfers; i++) {
		end = f->fake.transfers[i].offset + f->fake.transfers[i].size;
		assert_int_equal(end % 256, 0);
	}
}

/* Of a chip with pages, each is a slice of its own: its write cycles take longer than the wire. */
static void test_slices_of_a_chip_with_pages(void **state)
{
	struct fixture *f = *state;
	uint8_t data[200] = { 1 };
	uint32_t end = 1000;

	f->fake.chip.gap = 64;
	open_chip(f, 22500);
	assert_int_equal(chip_write(f->chip, 1000, data, sizeof(data)), 0);
	assert_int_equal(f->fake.n_transfers, 4);
	for (size_t i = 0; i < f->fake.n_transfers; i++) {
		assert_int_equal(f->fake.transfers[i].offset, end);
		end += f->fake.transfers[i].size;
		assert_true(end % 64 == 0 || end == 1200);
	}
}

static void test_write_protect_line(void **state)
{
	struct fixture *f = *state;
	uint8_t byte = 0;

	f->config.write_protect_gpio = (char *)"WP";
	open_chip(f, 1);
	assert_true(protect.value);
	assert_int_equal(chip_write(f->chip, 7, "abc", 3), 0);
	assert_memory_equal(f->fake.bytes + 7, "abc", 3);
	assert_true(protect.value);
	assert_int_equal(protect.changes, 2);
	assert_int_equal(chip_read(f->chip, 8, &byte, 1), 0);
	assert_int_equal(byte, 'b');
	assert_int_equal(protect.changes, 2);
	f->fake.good = 0;
	assert_int_equal(chip_write(f->chip, 7, "xyz", 3), -EREMOTEIO);
	assert_true(protect.value);
}

static void test_power_enable_line(void **state)
{
	struct fixture *f = *state;

	f->config.power_enable_gpio = (char *)"EN";
	open_chip(f, 1);
	assert_true(enable.value);
	chip_close(f->chip);
	f->chip = NULL;
	assert_false(enable.value);
}

/* Writes that were taken and are not there. */
static void test_dropped_writes(void **state)
{
	struct fixture *f = *state;

	open_chip(f, 1);
	drops = 1;
	assert_int_equal(chip_write(f->chip, 7, "abc", 3), 0);
	assert_memory_equal(f->fake.bytes + 7, "abc", 3);
	assert_int_equal(f->chip->counters.retries, 1);
	assert_false(f->chip->read_only);
	drops = 2;
	assert_int_equal(chip_write(f->chip, 7, "xyz", 3), -EIO);
	assert_memory_equal(f->fake.bytes + 7, "abc", 3);
	assert_true(f->chip->read_only);
	assert_non_null(f->chip->why_read_only);
	assert_int_equal(f->chip->counters.errors, 1);
	assert_int_equal(f->chip->counters.retries, 2);
}

/* How much is read back. */
static void test_verify_policies(void **state)
{
	static const struct {
		enum verify_policy policy;
		uint32_t size;
		bool noticed;
	} tries[] = {
		{ VERIFY_NONE, 1, false },      { VERIFY_NONE, 64, false },
		{ VERIFY_METADATA, 1, true },   { VERIFY_METADATA, 64, true },
		{ VERIFY_METADATA, 65, false }, { VERIFY_ALL, 65, true },
		{ VERIFY_ALL, 5000, true },
	};
	struct fixture *f = *state;
	uint8_t data[5000];

	memset(data, 0x5a, sizeof(data));
	for (size_t i = 0; i < ARRAY_SIZE(tries); i++) {
		f->config.verify = tries[i].policy;
		open_chip(f, 1);
		memset(f->fake.bytes, 0, SIZE);
		drops = 2;
		assert_int_equal(chip_write(f->chip, 7, data, tries[i].size),
				 tries[i].noticed ? -EIO : 0);
		drops = 0;
		chip_close(f->chip);
		f->chip = NULL;
		f->fake.chip.ops = plain;
		f->fake.chip.read_only = false;
	}
}

/* From the edge on, 2 ms of the wire; afterwards all is as before. */
static void test_power_fail(void **state)
{
	struct fixture *f = *state;
	uint8_t data[600];
	uint64_t wire;

	memset(data, 0x5a, sizeof(data));
	f->config.power_fail_gpio = (char *)"PF";
	open_chip(f, 22500); /* 88 bytes in 2 ms */
	assert_int_equal(chip_write(f->chip, 0, data, sizeof(data)), 0);
	for (size_t i = 0; i < f->fake.n_transfers; i++)
		assert_true(f->fake.transfers[i].size + 3 <= 88);

	fake_chip_watch(&f->fake);
	chip_power_fail(f->chip, true);
	assert_int_equal(chip_write(f->chip, 1000, data, 40), 0);
	assert_int_equal(chip_write(f->chip, 2000, data, 40), 0);
	assert_int_equal(chip_write(f->chip, 3000, data, 1), -EHOSTDOWN);
	wire = 0;
	for (size_t i = 0; i < f->fake.n_transfers; i++)
		if (f->fake.transfers[i].write)
			wire += f->fake.transfers[i].size + 3;
	assert_true(wire <= 88);
	assert_int_equal(f->fake.bytes[3000], 0);

	chip_power_fail(f->chip, false);
	assert_int_equal(chip_write(f->chip, 3000, data, 600), 0);
	chip_power_fail(f->chip, true);
	assert_int_equal(chip_write(f->chip, 4000, data, 600), -EHOSTDOWN);
	assert_int_equal(chip_write(f->chip, 4000, data, 80), -EHOSTDOWN);
	chip_power_fail(f->chip, false);
	assert_int_equal(chip_write(f->chip, 4000, data, 80), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_slices),
		TEST(test_slices_end_with_pages),
		TEST(test_slices_of_a_chip_with_pages),
		TEST(test_write_protect_line),
		TEST(test_power_enable_line),
		TEST(test_dropped_writes),
		TEST(test_verify_policies),
		TEST(test_power_fail),
	};

	return cmocka_run_group_tests_name("chip-front", tests, NULL, NULL);
}
