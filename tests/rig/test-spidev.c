/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * spidev: what frames the chip sees, what is refused, and what goes wrong on the wire.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <errno.h>

#include <cmocka.h>

#include "spidev.h"

#define WREN  0x06
#define WRITE 0x02
#define READ  0x03
#define RDSR  0x05
#define SLEEP 0xb9

static uint64_t time_ns;
static struct rig_clock test_clock;
static uint8_t memory[8192];
static struct model chip;
static struct spidev dev;

static int setup(void **state)
{
	static const struct model_config fram = {
		.bus = MODEL_SPI,
		.size = sizeof(memory),
		.address_bytes = 2,
		.wake_us = 400,
	};
	static const struct spidev_config config = { .max_hz = 40000000 };

	(void)state;
	time_ns = 1;
	test_clock = rig_stepped_clock(&time_ns);
	memset(memory, 0, sizeof(memory));
	model_init(&chip, &fram, memory, &test_clock);
	spidev_init(&dev, &config, &test_clock);
	dev.chip = &chip;
	return 0;
}

static struct spi_ioc_transfer sends(const void *bytes, uint32_t size)
{
	return (struct spi_ioc_transfer){ .tx_buf = (uintptr_t)bytes, .len = size };
}

static struct spi_ioc_transfer receives(void *bytes, uint32_t size)
{
	return (struct spi_ioc_transfer){ .rx_buf = (uintptr_t)bytes, .len = size };
}

static const uint8_t wren[] = { WREN };
static const uint8_t hello[] = { WRITE, 0, 0, 'h', 'e', 'l', 'l', 'o' };

/* Write-enable and write in one message. */
static int write_hello(void)
{
	struct spi_ioc_transfer message[] = { sends(wren, 1), sends(hello, 8) };

	message[0].cs_change = 1;
	return spidev_message(&dev, message, 2);
}

static int read_cells(void *bytes, uint32_t size)
{
	static const uint8_t read[] = { READ, 0, 0 };
	struct spi_ioc_transfer message[] = { sends(read, 3), receives(bytes, size) };

	return spidev_message(&dev, message, 2);
}

static void writes_and_reads(void **state)
{
	uint8_t bytes[5];

	(void)state;
	assert_int_equal(write_hello(), 9);
	assert_memory_equal(memory, "hello", 5);
	assert_int_equal(read_cells(bytes, 5), 8);
	assert_memory_equal(bytes, "hello", 5);
	assert_int_equal(dev.wire.transfers, 2);
	assert_int_equal(dev.messages, 4);
	assert_int_equal(dev.wire.bytes_out, 17);
	assert_int_equal(dev.wire.bytes_in, 17);
}

static void without_cs_change_it_is_one_frame(void **state)
{
	struct spi_ioc_transfer message[] = { sends(wren, 1), sends(hello, 8) };

	(void)state;
	assert_int_equal(spidev_message(&dev, message, 2), 9);
	assert_int_equal(memory[0], 0);
	assert_int_equal(chip.frames, 1);
}

static void cs_change_on_the_last_transfer_stays_selected(void **state)
{
	struct spi_ioc_transfer transfer = sends(wren, 1);

	(void)state;
	transfer.cs_change = 1;
	assert_int_equal(spidev_message(&dev, &transfer, 1), 1);
	transfer = sends(hello, 8);
	assert_int_equal(spidev_message(&dev, &transfer, 1), 8);
	assert_int_equal(chip.frames, 1);
	assert_int_equal(memory[0], 0);
}

static void is_full_duplex(void **state)
{
	uint8_t out[] = { READ, 0, 0, 0, 0 }, in[5];
	struct spi_ioc_transfer transfer = sends(out, 5);

	(void)state;
	memcpy(memory, "xy", 2);
	transfer.rx_buf = (uintptr_t)in;
	assert_int_equal(spidev_message(&dev, &transfer, 1), 5);
	assert_memory_equal(in, "\xff\xff\xffxy", 5);
}

static void refuses_more_than_its_buffer(void **state)
{
	static uint8_t big[4097];
	struct spi_ioc_transfer message[] = { sends(big, 4096), receives(big, 4096) };

	(void)state;
	assert_int_equal(spidev_message(&dev, message, 2), 8192);
	message[1].len = 4097;
	assert_int_equal(spidev_message(&dev, message, 2), -EMSGSIZE);
	message[0].len = 4097;
	assert_int_equal(spidev_message(&dev, message, 1), -EMSGSIZE);
	message[0].len = 3968;
	message[1] = sends(big, 128);
	assert_int_equal(spidev_message(&dev, message, 2), 4096);
	message[0].len = 3969;
	message[1].len = 1;
	assert_int_equal(spidev_message(&dev, message, 2), -EMSGSIZE);
}

static void refuses_odd_words(void **state)
{
	struct spi_ioc_transfer transfer = sends(wren, 1);

	(void)state;
	transfer.bits_per_word = 16;
	assert_int_equal(spidev_message(&dev, &transfer, 1), -EINVAL);
	assert_int_equal(spidev_set_bits_per_word(&dev, 16), -EINVAL);
	assert_int_equal(spidev_set_bits_per_word(&dev, 0), 0);
	assert_int_equal(dev.bits_per_word, 8);
}

static void hears_in_modes_0_and_3(void **state)
{
	uint8_t bytes[5];

	(void)state;
	assert_int_equal(spidev_set_mode(&dev, SPI_MODE_3), 0);
	write_hello();
	assert_memory_equal(memory, "hello", 5);
	assert_int_equal(spidev_set_mode(&dev, SPI_MODE_1), 0);
	read_cells(bytes, 5);
	assert_memory_equal(bytes, "\xff\xff\xff\xff\xff", 5);
	assert_int_equal(spidev_set_mode(&dev, SPI_LSB_FIRST), -EINVAL);
}

static void notes_the_speed_of_each_opcode(void **state)
{
	uint8_t bytes[5];
	struct spi_ioc_transfer transfer = sends(wren, 1);

	(void)state;
	assert_int_equal(spidev_set_max_speed(&dev, 0), -EINVAL);
	assert_int_equal(spidev_set_max_speed(&dev, 20000000), 0);
	read_cells(bytes, 5);
	assert_int_equal(dev.fastest[READ], 20000000);
	assert_int_equal(dev.wire.ns, 8 * 8 * 50);
	transfer.speed_hz = 50000000;
	spidev_message(&dev, &transfer, 1);
	assert_int_equal(dev.fastest[WREN], 40000000);
	assert_int_equal(dev.fastest[WRITE], 0);
}

/* The wake-up of a sleeping chip: its select, and some time before the select ends. */
static void a_delay_is_before_the_end_of_the_select(void **state)
{
	static const uint8_t sleep[] = { SLEEP }, nothing[] = { 0 };
	struct spi_ioc_transfer transfer = sends(sleep, 1);
	uint8_t bytes[1] = { 0 };

	(void)state;
	memory[0] = 7;
	spidev_message(&dev, &transfer, 1);
	transfer = sends(nothing, 1);
	transfer.delay_usecs = 400;
	spidev_message(&dev, &transfer, 1);
	assert_int_equal(time_ns, 1 + 400000);
	read_cells(bytes, 1);
	assert_int_equal(bytes[0], 7);
}

static void note(void *userdata)
{
	*(bool *)userdata = true;
}

static void faults_of_the_wire(void **state)
{
	uint8_t bytes[5];
	bool stopped = false;

	(void)state;
	write_hello();
	dev.wire.flip_mask = 0x01;
	wire_arm(&dev.wire, &dev.wire.flip, 0, 3 + 4);
	read_cells(bytes, 5);
	assert_memory_equal(bytes, "helln", 5);
	wire_arm(&dev.wire, &dev.wire.flip, 0, 1 + 3);
	write_hello();
	assert_memory_equal(memory, "iello", 5);
	memset(memory, '.', 5);
	dev.wire.halted = note;
	dev.wire.halted_userdata = &stopped;
	wire_arm(&dev.wire, &dev.wire.halt, 0, 1 + 3 + 1);
	assert_int_equal(write_hello(), -EIO);
	assert_true(stopped);
	assert_memory_equal(memory, "he...", 5);
	dev.wire.stuck = ETIMEDOUT;
	assert_int_equal(write_hello(), -ETIMEDOUT);
	dev.wire.stuck = 0;
	assert_int_equal(write_hello(), 9);
	dev.unplugged = true;
	assert_int_equal(write_hello(), -ESHUTDOWN);
	assert_int_equal(dev.wire.refused, 2);
}

static void nobody_answers(void **state)
{
	uint8_t bytes[5];

	(void)state;
	dev.chip = NULL;
	assert_int_equal(read_cells(bytes, 5), 8);
	assert_memory_equal(bytes, "\xff\xff\xff\xff\xff", 5);
	dev.config.miso_low = true;
	assert_int_equal(read_cells(bytes, 5), 8);
	assert_memory_equal(bytes, "\0\0\0\0\0", 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(writes_and_reads, setup),
		cmocka_unit_test_setup(without_cs_change_it_is_one_frame, setup),
		cmocka_unit_test_setup(cs_change_on_the_last_transfer_stays_selected, setup),
		cmocka_unit_test_setup(is_full_duplex, setup),
		cmocka_unit_test_setup(refuses_more_than_its_buffer, setup),
		cmocka_unit_test_setup(refuses_odd_words, setup),
		cmocka_unit_test_setup(hears_in_modes_0_and_3, setup),
		cmocka_unit_test_setup(notes_the_speed_of_each_opcode, setup),
		cmocka_unit_test_setup(a_delay_is_before_the_end_of_the_select, setup),
		cmocka_unit_test_setup(faults_of_the_wire, setup),
		cmocka_unit_test_setup(nobody_answers, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
