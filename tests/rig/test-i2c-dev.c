/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The adapter: what the kernel refuses, what adapters refuse, and what goes wrong on the bus.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <errno.h>

#include <cmocka.h>
#include <linux/i2c-dev.h>

#include "i2c-dev.h"

static uint64_t time_ns;
static struct rig_clock test_clock;
static uint8_t memory[32768];
static struct model chip;
static struct i2c_dev dev;

static const struct model_config fram = {
	.bus = MODEL_I2C,
	.size = 32768,
	.address_bytes = 2,
	.address = 0x50,
};

static void make(struct i2c_dev_config config)
{
	time_ns = 1;
	test_clock = rig_stepped_clock(&time_ns);
	memset(memory, 0, sizeof(memory));
	model_init(&chip, &fram, memory, &test_clock);
	i2c_dev_init(&dev, &config, &test_clock);
	i2c_dev_attach(&dev, &chip);
}

#define MAKE(...) make((struct i2c_dev_config){ __VA_ARGS__ })

static int write_cells(uint16_t address, uint16_t cell, const char *text)
{
	uint8_t bytes[64] = { (uint8_t)(cell >> 8), (uint8_t)cell };
	struct i2c_msg message = {
		.addr = address,
		.len = (uint16_t)(2 + strlen(text)),
		.buf = bytes,
	};

	memcpy(&bytes[2], text, strlen(text));
	return i2c_dev_rdwr(&dev, &message, 1);
}

static int read_cells(uint16_t address, uint16_t cell, void *buffer, uint16_t size)
{
	uint8_t where[] = { (uint8_t)(cell >> 8), (uint8_t)cell };
	struct i2c_msg messages[] = {
		{ .addr = address, .len = 2, .buf = where },
		{ .addr = address, .flags = I2C_M_RD, .len = size, .buf = buffer },
	};

	return i2c_dev_rdwr(&dev, messages, 2);
}

static void writes_and_reads(void **state)
{
	uint8_t bytes[5];

	(void)state;
	MAKE(0);
	assert_int_equal(write_cells(0x50, 0x100, "hello"), 1);
	assert_int_equal(read_cells(0x50, 0x100, bytes, 5), 2);
	assert_memory_equal(bytes, "hello", 5);
}

static void counts_the_wire(void **state)
{
	uint8_t bytes[5];

	(void)state;
	MAKE(.clock_hz = 400000);
	write_cells(0x50, 0, "hello");
	read_cells(0x50, 0, bytes, 5);
	assert_int_equal(dev.wire.transfers, 2);
	assert_int_equal(dev.messages, 3);
	assert_int_equal(dev.wire.bytes_out, (1 + 2 + 5) + (1 + 2) + 1);
	assert_int_equal(dev.wire.bytes_in, 5);
	assert_int_equal(dev.wire.ns, 8 * 9 * 2500 + 9 * 9 * 2500);
	assert_int_equal(time_ns, 1);
	dev.wire.pace = true;
	write_cells(0x50, 0, "hello");
	assert_int_equal(time_ns, 1 + 8 * 9 * 2500);
}

static void refuses_what_the_kernel_refuses(void **state)
{
	static uint8_t big[I2C_DEV_MESSAGE_MAX + 1];
	struct i2c_msg message = { .addr = 0x50, .len = I2C_DEV_MESSAGE_MAX + 1, .buf = big };
	struct i2c_msg many[I2C_RDWR_IOCTL_MAX_MSGS + 1];

	(void)state;
	MAKE(0);
	assert_int_equal(i2c_dev_rdwr(&dev, &message, 1), -EINVAL);
	message.len--;
	assert_int_equal(i2c_dev_rdwr(&dev, &message, 1), 1);
	message.len = 3;
	for (unsigned int i = 0; i <= I2C_RDWR_IOCTL_MAX_MSGS; i++)
		many[i] = message;
	assert_int_equal(i2c_dev_rdwr(&dev, many, I2C_RDWR_IOCTL_MAX_MSGS + 1), -EINVAL);
	assert_int_equal(i2c_dev_rdwr(&dev, many, I2C_RDWR_IOCTL_MAX_MSGS), 42);
	assert_int_equal(i2c_dev_rdwr(&dev, many, 0), -EINVAL);
}

static void an_absent_chip_is_an_errno_of_the_adapter(void **state)
{
	(void)state;
	MAKE(0);
	assert_int_equal(write_cells(0x51, 0, "x"), -ENXIO);
	MAKE(.absent_errno = EREMOTEIO);
	assert_int_equal(write_cells(0x51, 0, "x"), -EREMOTEIO);
	assert_int_equal(dev.wire.refused, 1);
}

static void a_read_is_the_last_message_of_bcm2835(void **state)
{
	uint8_t where[2] = { 0 }, bytes[4];
	struct i2c_msg messages[] = {
		{ .addr = 0x50, .len = 2, .buf = where },
		{ .addr = 0x50, .flags = I2C_M_RD, .len = 4, .buf = bytes },
		{ .addr = 0x50, .len = 2, .buf = where },
	};

	(void)state;
	MAKE(.one_read_last = true);
	assert_int_equal(i2c_dev_rdwr(&dev, messages, 3), -EOPNOTSUPP);
	assert_int_equal(dev.wire.bytes_out, 0);
	assert_int_equal(i2c_dev_rdwr(&dev, messages, 2), 2);
	MAKE(0);
	assert_int_equal(i2c_dev_rdwr(&dev, messages, 3), 3);
}

static void adapters_limit_messages(void **state)
{
	uint8_t bytes[17];

	(void)state;
	MAKE(.max_read = 16, .max_write = 7);
	assert_int_equal(read_cells(0x50, 0, bytes, 17), -EOPNOTSUPP);
	assert_int_equal(read_cells(0x50, 0, bytes, 16), 2);
	assert_int_equal(write_cells(0x50, 0, "123456"), -EOPNOTSUPP);
	assert_int_equal(write_cells(0x50, 0, "12345"), 1);
	MAKE(.max_read = 16, .limit_errno = EINVAL);
	assert_int_equal(read_cells(0x50, 0, bytes, 17), -EINVAL);
}

static void cp2112_takes_a_write_and_a_read(void **state)
{
	uint8_t where[2] = { 0 }, bytes[4];
	struct i2c_msg messages[] = {
		{ .addr = 0x50, .len = 2, .buf = where },
		{ .addr = 0x50, .flags = I2C_M_RD, .len = 4, .buf = bytes },
		{ .addr = 0x50, .flags = I2C_M_RD, .len = 4, .buf = bytes },
	};

	(void)state;
	MAKE(.write_then_read = true);
	assert_int_equal(i2c_dev_rdwr(&dev, messages, 1), 1);
	assert_int_equal(i2c_dev_rdwr(&dev, messages, 2), 2);
	assert_int_equal(i2c_dev_rdwr(&dev, &messages[1], 2), -EOPNOTSUPP);
	assert_int_equal(i2c_dev_rdwr(&dev, messages, 3), -EOPNOTSUPP);
	messages[1].addr = 0x51;
	assert_int_equal(i2c_dev_rdwr(&dev, messages, 2), -EOPNOTSUPP);
}

static void zero_length_messages(void **state)
{
	struct i2c_msg message = { .addr = 0x50 };

	(void)state;
	MAKE(0);
	assert_int_equal(i2c_dev_rdwr(&dev, &message, 1), 1);
	MAKE(.no_zero_length = true);
	assert_int_equal(i2c_dev_rdwr(&dev, &message, 1), -EOPNOTSUPP);
	assert_false(i2c_dev_functions(&dev) & I2C_FUNC_SMBUS_QUICK);
}

static void smbus_only(void **state)
{
	(void)state;
	MAKE(0);
	assert_true(i2c_dev_functions(&dev) & I2C_FUNC_I2C);
	MAKE(.smbus_only = true);
	assert_false(i2c_dev_functions(&dev) & I2C_FUNC_I2C);
	assert_true(i2c_dev_functions(&dev) & I2C_FUNC_SMBUS_BYTE_DATA);
	assert_int_equal(write_cells(0x50, 0, "x"), -EOPNOTSUPP);
}

static void smbus_reaches_chips_of_one_address_byte(void **state)
{
	static const struct model_config small = {
		.bus = MODEL_I2C,
		.size = 256,
		.address_bytes = 1,
		.address = 0x50,
	};
	union i2c_smbus_data data = { .byte = 7 };

	(void)state;
	MAKE(.smbus_only = true);
	model_init(&chip, &small, memory, &test_clock);
	assert_int_equal(
		i2c_dev_smbus(&dev, 0x50, I2C_SMBUS_WRITE, 0x10, I2C_SMBUS_BYTE_DATA, &data), 0);
	assert_int_equal(memory[0x10], 7);
	data.word = 0x0201;
	assert_int_equal(
		i2c_dev_smbus(&dev, 0x50, I2C_SMBUS_WRITE, 0x11, I2C_SMBUS_WORD_DATA, &data), 0);
	assert_memory_equal(&memory[0x10], "\x07\x01\x02", 3);
	data.block[0] = 3;
	assert_int_equal(
		i2c_dev_smbus(&dev, 0x50, I2C_SMBUS_READ, 0x10, I2C_SMBUS_I2C_BLOCK_DATA, &data),
		0);
	assert_memory_equal(&data.block[1], "\x07\x01\x02", 3);
	assert_int_equal(i2c_dev_smbus(&dev, 0x50, I2C_SMBUS_WRITE, 0x11, I2C_SMBUS_BYTE, NULL), 0);
	assert_int_equal(i2c_dev_smbus(&dev, 0x50, I2C_SMBUS_READ, 0, I2C_SMBUS_BYTE, &data), 0);
	assert_int_equal(data.byte, 1);
	assert_int_equal(i2c_dev_smbus(&dev, 0x50, I2C_SMBUS_WRITE, 0, I2C_SMBUS_QUICK, NULL), 0);
	assert_int_equal(i2c_dev_smbus(&dev, 0x51, I2C_SMBUS_WRITE, 0, I2C_SMBUS_QUICK, NULL),
			 -ENXIO);
	data.block[0] = 33;
	assert_int_equal(
		i2c_dev_smbus(&dev, 0x50, I2C_SMBUS_READ, 0, I2C_SMBUS_I2C_BLOCK_DATA, &data),
		-EINVAL);
	assert_int_equal(i2c_dev_smbus(&dev, 0x50, I2C_SMBUS_READ, 0, I2C_SMBUS_PROC_CALL, &data),
			 -EOPNOTSUPP);
}

static void a_bound_address_is_busy(void **state)
{
	(void)state;
	MAKE(0);
	dev.bound[0x50] = true;
	assert_int_equal(i2c_dev_slave(&dev, 0x50, false), -EBUSY);
	assert_int_equal(i2c_dev_slave(&dev, 0x50, true), 0);
	assert_int_equal(i2c_dev_slave(&dev, 0x51, false), 0);
	assert_int_equal(i2c_dev_slave(&dev, 0x80, true), -EINVAL);
	/* I2C_RDWR does not ask. */
	assert_int_equal(write_cells(0x50, 0, "x"), 1);
}

static void faults_of_the_bus(void **state)
{
	(void)state;
	MAKE(0);
	dev.wire.lost_next = 1;
	assert_int_equal(write_cells(0x50, 0, "x"), -EAGAIN);
	assert_int_equal(write_cells(0x50, 0, "x"), 1);
	dev.wire.nack_next = 2;
	assert_int_equal(write_cells(0x50, 0, "x"), -ENXIO);
	assert_int_equal(write_cells(0x50, 0, "x"), -ENXIO);
	assert_int_equal(write_cells(0x50, 0, "x"), 1);
	dev.wire.stuck = ETIMEDOUT;
	dev.wire.stuck_ns = 1000000000;
	assert_int_equal(write_cells(0x50, 0, "x"), -ETIMEDOUT);
	assert_int_equal(time_ns, 1 + 1000000000);
	dev.wire.stuck = 0;
	dev.unplugged = true;
	assert_int_equal(write_cells(0x50, 0, "x"), -ENODEV);
}

static void a_byte_flips_on_its_way(void **state)
{
	uint8_t bytes[5];

	(void)state;
	MAKE(0);
	dev.wire.flip_mask = 0x01;
	wire_arm(&dev.wire, &dev.wire.flip, 1, 2 + 4);
	assert_int_equal(write_cells(0x50, 0, "hello"), 1);
	assert_memory_equal(memory, "hello", 5);
	assert_int_equal(write_cells(0x50, 0, "hello"), 1);
	assert_memory_equal(memory, "helln", 5);
	assert_int_equal(write_cells(0x50, 0, "hello"), 1);
	wire_arm(&dev.wire, &dev.wire.flip, 0, 2 + 0);
	assert_int_equal(read_cells(0x50, 0, bytes, 5), 2);
	assert_memory_equal(bytes, "iello", 5);
}

static void note(void *userdata)
{
	*(bool *)userdata = true;
}

static void the_machine_stops_at_a_byte(void **state)
{
	bool stopped = false;

	(void)state;
	MAKE(0);
	dev.wire.halted = note;
	dev.wire.halted_userdata = &stopped;
	wire_arm(&dev.wire, &dev.wire.halt, 1, 2 + 1);
	assert_int_equal(write_cells(0x50, 0, "....."), 1);
	assert_false(stopped);
	assert_int_equal(write_cells(0x50, 0, "hello"), -EIO);
	assert_true(stopped);
	assert_memory_equal(memory, "he...", 5);
	assert_int_equal(write_cells(0x50, 0, "again"), 1);
	assert_memory_equal(memory, "again", 5);
}

/* There is no STOP any more, for which an EEPROM waits. */
static void the_machine_stops_without_a_stop(void **state)
{
	static const struct model_config eeprom = {
		.bus = MODEL_I2C,
		.size = 32768,
		.address_bytes = 2,
		.address = 0x50,
		.page_size = 64,
		.write_us = 5000,
	};

	(void)state;
	MAKE(0);
	model_init(&chip, &eeprom, memory, &test_clock);
	wire_arm(&dev.wire, &dev.wire.halt, 0, 2 + 1);
	assert_int_equal(write_cells(0x50, 0, "hello"), -EIO);
	assert_int_equal(memory[0], 0);
	assert_int_equal(write_cells(0x50, 0, "hello"), 1);
	assert_memory_equal(memory, "hello", 5);
}

static void the_power_goes_in_a_message(void **state)
{
	(void)state;
	MAKE(0);
	model_spend_power(&chip, 3);
	assert_int_equal(write_cells(0x50, 0, "hello"), -ENXIO);
	assert_memory_equal(memory, "hel\0", 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_and_reads),
		cmocka_unit_test(counts_the_wire),
		cmocka_unit_test(refuses_what_the_kernel_refuses),
		cmocka_unit_test(an_absent_chip_is_an_errno_of_the_adapter),
		cmocka_unit_test(a_read_is_the_last_message_of_bcm2835),
		cmocka_unit_test(adapters_limit_messages),
		cmocka_unit_test(cp2112_takes_a_write_and_a_read),
		cmocka_unit_test(zero_length_messages),
		cmocka_unit_test(smbus_only),
		cmocka_unit_test(smbus_reaches_chips_of_one_address_byte),
		cmocka_unit_test(a_bound_address_is_busy),
		cmocka_unit_test(faults_of_the_bus),
		cmocka_unit_test(a_byte_flips_on_its_way),
		cmocka_unit_test(the_machine_stops_at_a_byte),
		cmocka_unit_test(the_machine_stops_without_a_stop),
		cmocka_unit_test(the_power_goes_in_a_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
