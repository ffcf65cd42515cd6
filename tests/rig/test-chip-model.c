/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The chips' own traps, at the level of the wire: what a driver is tested against has to be right.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "chip-model.h"

#define MS 1000000u /* ns */
#define US 1000u

static uint64_t time_ns;
static struct rig_clock test_clock;
static uint8_t memory[256 * 1024];
static struct model chip;

static int setup(void **state)
{
	(void)state;
	time_ns = 1;
	test_clock = rig_stepped_clock(&time_ns);
	memset(memory, 0, sizeof(memory));
	return 0;
}

static void make(struct model_config config)
{
	model_init(&chip, &config, memory, &test_clock);
}

#define MAKE(...) make((struct model_config){ __VA_ARGS__ })

/* I2C, byte by byte */

static bool i2c_write(uint8_t address, const void *bytes, size_t size)
{
	const uint8_t *p = bytes;
	bool acknowledged = model_i2c_start(&chip, address, false);

	while (acknowledged && size--)
		acknowledged = model_i2c_write(&chip, *p++);
	return acknowledged;
}

static bool i2c_store(uint8_t address, uint16_t cell, const char *text)
{
	uint8_t bytes[300] = { (uint8_t)(cell >> 8), (uint8_t)cell };
	size_t size = strlen(text);
	bool acknowledged;

	memcpy(&bytes[2], text, size);
	acknowledged = i2c_write(address, bytes, 2 + size);
	model_i2c_stop(&chip);
	return acknowledged;
}

static void i2c_fetch(uint8_t address, uint16_t cell, uint8_t *bytes, size_t size)
{
	uint8_t where[] = { (uint8_t)(cell >> 8), (uint8_t)cell };

	assert_true(i2c_write(address, where, 2));
	assert_true(model_i2c_start(&chip, address, true));
	while (size--)
		*bytes++ = model_i2c_read(&chip);
	model_i2c_stop(&chip);
}

static void assert_i2c(uint8_t address, uint16_t cell, const char *expected)
{
	uint8_t bytes[300];

	i2c_fetch(address, cell, bytes, strlen(expected));
	assert_memory_equal(bytes, expected, strlen(expected));
}

#define FRAM_I2C                                                                            \
	.bus = MODEL_I2C, .size = 32768, .address_bytes = 2, .address = 0x50, .id_size = 3, \
	.id = { 0x00, 0xa5, 0x10 }, .wake_us = 400
#define EEPROM_I2C                                                                             \
	.bus = MODEL_I2C, .size = 32768, .address_bytes = 2, .address = 0x50, .page_size = 64, \
	.write_us = 5000

static void i2c_keeps_what_is_written(void **state)
{
	(void)state;
	MAKE(FRAM_I2C);
	assert_true(i2c_store(0x50, 0x1234, "hello"));
	assert_i2c(0x50, 0x1234, "hello");
	assert_memory_equal(&memory[0x1234], "hello", 5);
	assert_int_equal(chip.stored, 5);
}

static void i2c_answers_to_its_address_alone(void **state)
{
	(void)state;
	MAKE(FRAM_I2C);
	assert_false(i2c_store(0x51, 0, "x"));
	assert_int_equal(memory[0], 0);
}

static void i2c_fram_goes_on_at_0_behind_its_end(void **state)
{
	(void)state;
	MAKE(FRAM_I2C);
	assert_true(i2c_store(0x50, 0x7fff, "ab"));
	assert_int_equal(memory[0x7fff], 'a');
	assert_int_equal(memory[0], 'b');
	assert_i2c(0x50, 0x7fff, "ab");
}

static void i2c_current_address_is_undefined_at_first(void **state)
{
	uint8_t first[8], second[8];

	(void)state;
	MAKE(FRAM_I2C, .seed = 1);
	assert_true(model_i2c_start(&chip, 0x50, true));
	for (int i = 0; i < 8; i++)
		first[i] = model_i2c_read(&chip);
	memset(second, 0, sizeof(second));
	assert_memory_not_equal(first, second, 8);
	model_i2c_stop(&chip);
	i2c_fetch(0x50, 0, first, 8);
	assert_memory_equal(first, second, 8);
}

static void i2c_a16_is_in_the_device_address(void **state)
{
	(void)state;
	MAKE(.bus = MODEL_I2C, .size = 131072, .address_bytes = 2, .address = 0x50,
	     .device_bits = 1);
	assert_true(i2c_store(0x51, 0x0010, "up"));
	assert_memory_equal(&memory[0x10010], "up", 2);
	assert_true(i2c_store(0x50, 0xffff, "xy"));
	assert_memory_equal(&memory[0xffff], "xy", 2);
	assert_false(i2c_store(0x52, 0, "x"));
}

/* The device address of the read counts, not that of the write before it. */
static void i2c_reads_the_block_that_the_read_names(void **state)
{
	uint8_t where[] = { 0, 0x10 };

	(void)state;
	MAKE(.bus = MODEL_I2C, .size = 131072, .address_bytes = 2, .address = 0x50,
	     .device_bits = 1);
	memory[0x00010] = 1;
	memory[0x10010] = 2;
	assert_true(i2c_write(0x51, where, 2));
	assert_true(model_i2c_start(&chip, 0x50, true));
	assert_int_equal(model_i2c_read(&chip), 1);
}

static void i2c_24lc1025_has_its_block_in_bit_2(void **state)
{
	(void)state;
	MAKE(.bus = MODEL_I2C, .size = 131072, .address_bytes = 2, .address = 0x50,
	     .device_bits = 1, .device_shift = 2, .block_rollover = true);
	assert_true(i2c_store(0x54, 0xffff, "ab"));
	assert_int_equal(memory[0x1ffff], 'a');
	assert_int_equal(memory[0x10000], 'b');
	assert_false(i2c_store(0x51, 0, "x"));
}

static void i2c_16_kbit_chips_take_eight_addresses(void **state)
{
	uint8_t bytes[] = { 0x42, 7 };

	(void)state;
	MAKE(.bus = MODEL_I2C, .size = 2048, .address_bytes = 1, .address = 0x50, .device_bits = 3);
	assert_true(i2c_write(0x55, bytes, 2));
	assert_int_equal(memory[0x542], 7);
}

static void i2c_gives_its_id(void **state)
{
	uint8_t device = 0x50 << 1, other = 0x51 << 1;

	(void)state;
	MAKE(FRAM_I2C);
	assert_true(i2c_write(0x7c, &device, 1));
	assert_true(model_i2c_start(&chip, 0x7c, true));
	assert_int_equal(model_i2c_read(&chip), 0x00);
	assert_int_equal(model_i2c_read(&chip), 0xa5);
	assert_int_equal(model_i2c_read(&chip), 0x10);
	model_i2c_stop(&chip);
	assert_false(i2c_write(0x7c, &other, 1));
	model_i2c_stop(&chip);
	/* Without the repeated start there is no id. */
	assert_true(i2c_write(0x7c, &device, 1));
	model_i2c_stop(&chip);
	assert_false(model_i2c_start(&chip, 0x7c, true));
	MAKE(EEPROM_I2C);
	assert_false(i2c_write(0x7c, &device, 1));
}

static void i2c_sleeps_and_wakes(void **state)
{
	uint8_t device = 0x50 << 1;

	(void)state;
	MAKE(FRAM_I2C);
	assert_true(i2c_write(0x7c, &device, 1));
	assert_true(model_i2c_start(&chip, 0x43, false));
	model_i2c_stop(&chip);
	time_ns += MS;
	assert_false(i2c_store(0x50, 0, "a"));
	time_ns += 399 * US;
	assert_false(i2c_store(0x50, 0, "b"));
	time_ns += 1 * US;
	assert_true(i2c_store(0x50, 0, "c"));
	assert_int_equal(memory[0], 'c');
}

static void i2c_drops_data_under_write_protect(void **state)
{
	(void)state;
	MAKE(FRAM_I2C);
	chip.write_protect = true;
	assert_true(i2c_store(0x50, 0, "x"));
	assert_int_equal(memory[0], 0);
	chip.write_protect = false;
	assert_true(i2c_store(0x50, 0, "x"));
	assert_int_equal(memory[0], 'x');
}

static void i2c_eeprom_wraps_inside_its_page(void **state)
{
	(void)state;
	MAKE(EEPROM_I2C);
	assert_true(i2c_store(0x50, 0x7e, "abcd"));
	assert_memory_equal(&memory[0x7e], "ab", 2);
	assert_memory_equal(&memory[0x40], "cd", 2);
	assert_int_equal(memory[0x80], 0);
	assert_int_equal(chip.cycles, 1);
}

static void i2c_eeprom_is_deaf_while_it_writes(void **state)
{
	(void)state;
	MAKE(EEPROM_I2C);
	assert_true(i2c_store(0x50, 0, "a"));
	time_ns += 5 * MS - 1;
	assert_false(i2c_store(0x50, 0, "b"));
	time_ns += 1;
	assert_i2c(0x50, 0, "a");
}

static void i2c_eeprom_writes_at_stop_alone(void **state)
{
	uint8_t bytes[] = { 0, 0, 7 };

	(void)state;
	MAKE(EEPROM_I2C);
	assert_true(i2c_write(0x50, bytes, 3));
	assert_true(model_i2c_start(&chip, 0x50, true));
	model_i2c_stop(&chip);
	assert_int_equal(memory[0], 0);
	assert_true(i2c_store(0x50, 1, "x"));
	assert_int_equal(memory[0], 0);
	assert_int_equal(memory[1], 'x');
}

static void i2c_power_goes_after_so_many_bytes(void **state)
{
	(void)state;
	MAKE(FRAM_I2C, .power_up_us = 500);
	model_spend_power(&chip, 2);
	assert_false(i2c_store(0x50, 0, "abc"));
	assert_memory_equal(memory, "ab", 3);
	assert_false(i2c_store(0x50, 0, "x"));
	model_power(&chip, true);
	assert_false(i2c_store(0x50, 0, "x"));
	time_ns += 500 * US;
	assert_true(i2c_store(0x50, 0, "x"));
}

/* A page of ones, and one byte of it is written: whether any of the others is not 1 any more. */
static bool page_is_hurt_by_cut(int64_t budget, uint8_t *byte)
{
	bool hurt = false;

	MAKE(EEPROM_I2C);
	memset(memory, 1, 256);
	model_spend_power(&chip, budget);
	i2c_store(0x50, 0x45, "x");
	for (uint32_t i = 0; i < 256; i++) {
		bool same_page = i / 64 == 1;

		if (i != 0x45 && memory[i] != 1) {
			assert_true(same_page);
			hurt = true;
		}
	}
	*byte = memory[0x45];
	return hurt;
}

static void eeprom_page_is_undefined_after_a_cut_write(void **state)
{
	uint8_t byte;

	(void)state;
	assert_false(page_is_hurt_by_cut(0, &byte));
	assert_int_equal(byte, 1);
	assert_true(page_is_hurt_by_cut(1, &byte));
	assert_false(page_is_hurt_by_cut(2, &byte));
	assert_int_equal(byte, 'x');
	/* The supply goes while the cycle lasts. */
	model_power(&chip, false);
	assert_int_not_equal(memory[0x46], 1);
}

static void eeprom_page_is_safe_after_its_cycle(void **state)
{
	(void)state;
	MAKE(EEPROM_I2C);
	assert_true(i2c_store(0x50, 0, "abc"));
	time_ns += 5 * MS;
	model_power(&chip, false);
	assert_memory_equal(memory, "abc", 4);
}

/* SPI, frame by frame */

static void spi(const uint8_t *out, uint8_t *in, size_t size)
{
	model_spi_select(&chip);
	for (size_t i = 0; i < size; i++) {
		uint8_t byte = model_spi_exchange(&chip, out[i]);

		if (in)
			in[i] = byte;
	}
	model_spi_deselect(&chip);
}

#define SPI(...)                                          \
	do {                                              \
		const uint8_t bytes_[] = { __VA_ARGS__ }; \
		spi(bytes_, NULL, sizeof(bytes_));        \
	} while (0)

/* The last byte that comes back. */
#define SPI_LAST(...)                                     \
	({                                                \
		const uint8_t bytes_[] = { __VA_ARGS__ }; \
		uint8_t in_[sizeof(bytes_)];              \
		spi(bytes_, in_, sizeof(bytes_));         \
		in_[sizeof(bytes_) - 1];                  \
	})

#define WREN  0x06
#define WRDI  0x04
#define WRITE 0x02
#define READ  0x03
#define FSTRD 0x0b
#define RDSR  0x05
#define WRSR  0x01
#define RDID  0x9f
#define SLEEP 0xb9

#define FRAM_SPI                                                          \
	.bus = MODEL_SPI, .size = 8192, .address_bytes = 2, .id_size = 4, \
	.id = { 0x04, 0x7f, 0x03, 0x02 }, .wake_us = 400

static void spi_write_needs_a_write_enable_each(void **state)
{
	(void)state;
	MAKE(FRAM_SPI);
	SPI(WRITE, 0, 0, 1);
	assert_int_equal(memory[0], 0);
	SPI(WREN);
	assert_int_equal(SPI_LAST(RDSR, 0), MODEL_WEL);
	SPI(WRITE, 0, 0, 1);
	assert_int_equal(memory[0], 1);
	assert_int_equal(SPI_LAST(RDSR, 0), 0);
	SPI(WRITE, 0, 1, 2);
	assert_int_equal(memory[1], 0);
	SPI(WREN, WRITE, 0, 1, 2);
	assert_int_equal(memory[1], 0);
	SPI(WRDI);
	assert_int_equal(SPI_LAST(RDSR, 0), 0);
}

static void spi_reads(void **state)
{
	(void)state;
	MAKE(FRAM_SPI);
	memory[0x1234] = 7;
	memory[0x1235] = 8;
	assert_int_equal(SPI_LAST(READ, 0x12, 0x34, 0, 0), 8);
	assert_int_equal(SPI_LAST(FSTRD, 0x12, 0x34, 0, 0), 7);
	MAKE(FRAM_SPI, .no_fast_read = true);
	assert_int_equal(SPI_LAST(FSTRD, 0x12, 0x34, 0, 0), 0xff);
	assert_int_equal(SPI_LAST(READ, 0x1f, 0xff, 0, 0), memory[0]);
}

static void spi_without_enable(void **state)
{
	(void)state;
	MAKE(FRAM_SPI, .no_write_enable = true);
	SPI(WRITE, 0, 0, 1);
	assert_int_equal(memory[0], 1);
}

static void spi_gives_its_id(void **state)
{
	(void)state;
	MAKE(FRAM_SPI);
	assert_int_equal(SPI_LAST(RDID, 0), 0x04);
	assert_int_equal(SPI_LAST(RDID, 0, 0, 0, 0), 0x02);
	assert_int_equal(SPI_LAST(RDID, 0, 0, 0, 0, 0, 0, 0, 0, 0), 0x00);
	MAKE(.bus = MODEL_SPI, .size = 8192, .address_bytes = 2);
	assert_int_equal(SPI_LAST(RDID, 0), 0xff);
}

static void spi_a8_is_in_the_opcode(void **state)
{
	(void)state;
	MAKE(.bus = MODEL_SPI, .size = 512, .address_bytes = 1, .opcode_bits = 1);
	SPI(WREN);
	SPI(WRITE | 8, 0x10, 7);
	assert_int_equal(memory[0x110], 7);
	assert_int_equal(SPI_LAST(READ | 8, 0x10, 0), 7);
	assert_int_equal(SPI_LAST(READ, 0x10, 0), 0);
	SPI(WREN);
	SPI(WRITE, 0xff, 1, 2);
	assert_int_equal(memory[0x100], 2);
}

static void spi_block_protect_is_silent(void **state)
{
	(void)state;
	MAKE(FRAM_SPI, .status = 0x04);
	SPI(WREN);
	SPI(WRITE, 0x17, 0xff, 1, 2);
	assert_int_equal(memory[0x17ff], 1);
	assert_int_equal(memory[0x1800], 0);
	SPI(WREN);
	SPI(WRSR, 0x0c);
	assert_int_equal(SPI_LAST(RDSR, 0), 0x0c);
	SPI(WREN);
	SPI(WRITE, 0, 0, 1);
	assert_int_equal(memory[0], 0);
}

static void spi_wp_pin_protects_the_status(void **state)
{
	(void)state;
	MAKE(FRAM_SPI, .status = MODEL_WPEN);
	chip.write_protect = true;
	SPI(WREN);
	SPI(WRSR, 0x0c);
	assert_int_equal(SPI_LAST(RDSR, 0), MODEL_WPEN);
	chip.write_protect = false;
	SPI(WREN);
	SPI(WRSR, 0x0c);
	assert_int_equal(SPI_LAST(RDSR, 0), 0x0c);
}

static void spi_sleeps_and_wakes(void **state)
{
	(void)state;
	MAKE(FRAM_SPI);
	memory[0] = 7;
	SPI(WREN);
	SPI(SLEEP);
	assert_int_equal(SPI_LAST(READ, 0, 0, 0), 0xff);
	time_ns += 300 * US;
	/* Too early: the time begins anew. */
	assert_int_equal(SPI_LAST(READ, 0, 0, 0), 0xff);
	time_ns += 300 * US;
	assert_int_equal(SPI_LAST(READ, 0, 0, 0), 0xff);
	time_ns += 400 * US;
	assert_int_equal(SPI_LAST(READ, 0, 0, 0), 7);
	assert_int_equal(SPI_LAST(RDSR, 0), 0);
}

static void spi_everspin_wakes_by_its_opcode(void **state)
{
	(void)state;
	MAKE(.bus = MODEL_SPI, .size = 131072, .address_bytes = 3, .wake_us = 400,
	     .wake_opcode = true, .no_fast_read = true);
	memory[0x10000] = 7;
	SPI(SLEEP);
	assert_int_equal(SPI_LAST(READ, 1, 0, 0, 0), 0xff);
	time_ns += MS;
	assert_int_equal(SPI_LAST(READ, 1, 0, 0, 0), 0xff);
	SPI(0xab);
	time_ns += 400 * US;
	assert_int_equal(SPI_LAST(READ, 1, 0, 0, 0), 7);
}

static void spi_eeprom_is_busy(void **state)
{
	(void)state;
	MAKE(.bus = MODEL_SPI, .size = 32768, .address_bytes = 2, .page_size = 64,
	     .write_us = 5000);
	SPI(WREN);
	SPI(WRITE, 0, 0x3f, 1, 2);
	assert_int_equal(memory[0x3f], 1);
	assert_int_equal(memory[0x00], 2);
	assert_int_equal(SPI_LAST(RDSR, 0) & MODEL_WIP, MODEL_WIP);
	SPI(WREN);
	SPI(WRITE, 0, 0x40, 1);
	assert_int_equal(SPI_LAST(READ, 0, 0x3f, 0), 0xff);
	assert_int_equal(memory[0x40], 0);
	time_ns += 5 * MS;
	assert_int_equal(SPI_LAST(RDSR, 0), 0);
	assert_int_equal(SPI_LAST(READ, 0, 0x3f, 0), 1);
}

static void spi_23lcv_comes_up_in_page_mode(void **state)
{
	(void)state;
	MAKE(.bus = MODEL_SPI, .size = 65536, .address_bytes = 2, .no_write_enable = true,
	     .mode_register = true);
	SPI(WRITE, 0, 31, 1, 2);
	assert_int_equal(memory[31], 1);
	assert_int_equal(memory[0], 2);
	SPI(WRSR, 0x40);
	assert_int_equal(SPI_LAST(RDSR, 0), 0x40);
	SPI(WRITE, 0, 31, 1, 2);
	assert_int_equal(memory[32], 2);
	model_power(&chip, false);
	model_power(&chip, true);
	assert_int_equal(SPI_LAST(RDSR, 0), 0x80);
}

static void spi_power_goes_after_so_many_bytes(void **state)
{
	(void)state;
	MAKE(FRAM_SPI);
	SPI(WREN);
	model_spend_power(&chip, 1);
	SPI(WRITE, 0, 0, 1, 2);
	assert_int_equal(memory[0], 1);
	assert_int_equal(memory[1], 0);
	assert_int_equal(SPI_LAST(READ, 0, 0, 0), 0xff);
	model_power(&chip, true);
	assert_int_equal(SPI_LAST(READ, 0, 0, 0), 1);
	assert_int_equal(SPI_LAST(RDSR, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(i2c_keeps_what_is_written, setup),
		cmocka_unit_test_setup(i2c_answers_to_its_address_alone, setup),
		cmocka_unit_test_setup(i2c_fram_goes_on_at_0_behind_its_end, setup),
		cmocka_unit_test_setup(i2c_current_address_is_undefined_at_first, setup),
		cmocka_unit_test_setup(i2c_a16_is_in_the_device_address, setup),
		cmocka_unit_test_setup(i2c_reads_the_block_that_the_read_names, setup),
		cmocka_unit_test_setup(i2c_24lc1025_has_its_block_in_bit_2, setup),
		cmocka_unit_test_setup(i2c_16_kbit_chips_take_eight_addresses, setup),
		cmocka_unit_test_setup(i2c_gives_its_id, setup),
		cmocka_unit_test_setup(i2c_sleeps_and_wakes, setup),
		cmocka_unit_test_setup(i2c_drops_data_under_write_protect, setup),
		cmocka_unit_test_setup(i2c_eeprom_wraps_inside_its_page, setup),
		cmocka_unit_test_setup(i2c_eeprom_is_deaf_while_it_writes, setup),
		cmocka_unit_test_setup(i2c_eeprom_writes_at_stop_alone, setup),
		cmocka_unit_test_setup(i2c_power_goes_after_so_many_bytes, setup),
		cmocka_unit_test_setup(eeprom_page_is_undefined_after_a_cut_write, setup),
		cmocka_unit_test_setup(eeprom_page_is_safe_after_its_cycle, setup),
		cmocka_unit_test_setup(spi_write_needs_a_write_enable_each, setup),
		cmocka_unit_test_setup(spi_reads, setup),
		cmocka_unit_test_setup(spi_without_enable, setup),
		cmocka_unit_test_setup(spi_gives_its_id, setup),
		cmocka_unit_test_setup(spi_a8_is_in_the_opcode, setup),
		cmocka_unit_test_setup(spi_block_protect_is_silent, setup),
		cmocka_unit_test_setup(spi_wp_pin_protects_the_status, setup),
		cmocka_unit_test_setup(spi_sleeps_and_wakes, setup),
		cmocka_unit_test_setup(spi_everspin_wakes_by_its_opcode, setup),
		cmocka_unit_test_setup(spi_eeprom_is_busy, setup),
		cmocka_unit_test_setup(spi_23lcv_comes_up_in_page_mode, setup),
		cmocka_unit_test_setup(spi_power_goes_after_so_many_bytes, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
