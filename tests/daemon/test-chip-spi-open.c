/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Taking up an SPI chip: which one it is, whether it listens, whose it is, and that it comes back.
 */
#include <errno.h>
#include <sys/wait.h>

#include "spi-fixture.h"

/* --- who it is --- */

static void test_chip_says_who_it_is(void **state)
{
	struct fixture *f = *state;

	must_open(f, "auto");
	assert_string_equal(f->chip->model, "MB85RS64V");
	assert_string_equal(f->chip->identified, "id 047f0302");
	assert_string_equal(f->chip->bus, "spi");
	assert_string_equal(f->chip->device, NODE);
	assert_string_equal(f->chip->technology, "FRAM");
	assert_int_equal(f->chip->size, 8192);
	assert_int_equal(f->chip->page_size, 0);
	assert_false(f->chip->read_only);
	assert_int_equal(f->model.stored, 0);
}

/* The id of a CY15B108QN, as some of them send it. */
static void test_reversed_id(void **state)
{
	static const uint8_t id[] = { 0x03, 0x2e, 0xc2, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f };
	struct fixture *f = *state;
	struct model_config config = like(chip_model_find("CY15B108QN"));

	config.id_size = sizeof(id);
	memcpy(config.id, id, sizeof(id));
	plug(f, &config);
	must_open(f, "auto");
	assert_string_equal(f->chip->model, "CY15B108QN");
	assert_int_equal(f->chip->size, 1048576);
	must_open(f, "CY15B108QN");
	assert_int_equal(reopen(f), 0);
	assert_int_equal(open_model(f, "CY15B104QN"), -EMEDIUMTYPE);
	expect_words(f, "032ec27f", "CY15B108QN", "CY15B104QN", NULL);
}

static void test_new_id_is_sized_by_rule(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *log = NULL;

	set_id(f, "\x04\x7f\x63\x11", 4);
	log = log_of(f, "auto");
	assert_string_equal(f->chip->model, "unknown");
	assert_int_equal(f->chip->size, 8192);
	assert_non_null(strstr(f->chip->identified, "id 047f6311"));
	assert_non_null(strstr(log, "the id 047f6311"));
	assert_non_null(strstr(log, "is new"));
	assert_int_equal(reopen(f), 0);
}

static void test_garbage_id_is_refused(void **state)
{
	struct fixture *f = *state;

	set_id(f, "\xd5\xac\x69\x00", 4);
	assert_int_equal(open_model(f, "auto"), -ENOENT);
	expect_words(f, NODE, "d5ac69", "--list-models", "model = custom", NULL);
	assert_int_equal(open_model(f, "MB85RS64V"), -EMEDIUMTYPE);
	expect_words(f, NODE, "d5ac69", "unknown", "047f0302", "check-id = no", NULL);
	f->config.check_id = false;
	f->dev.fastest[RDID_OPCODE] = 0;
	must_open(f, "MB85RS64V");
	assert_string_equal(f->chip->identified, "as configured, id not checked");
	assert_int_equal(f->dev.fastest[RDID_OPCODE], 0);
	assert_int_equal(reopen(f), 0);
	assert_int_equal(f->model.stored, 0);
}

static void test_other_chip_than_configured(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(open_model(f, "MB85RS256B"), -EMEDIUMTYPE);
	expect_words(f, "047f0302", "MB85RS64V", "MB85RS256B", "047f0509", NULL);
	must_open(f, "MB85RS64V");
	assert_string_equal(f->chip->identified, "id 047f0302");
}

/* A chip without an id gives its status all the same. */
static void test_no_id_needs_a_name(void **state)
{
	struct fixture *f = *state;
	struct model_config config = like(chip_model_find("FM25CL64B"));

	plug(f, &config);
	assert_int_equal(open_model(f, "auto"), -ENOENT);
	expect_words(f, "cannot be identified", "ffffff", "--list-models", NULL);
	assert_int_equal(open_model(f, "MB85RS64V"), -EMEDIUMTYPE);
	expect_words(f, "ffffff", "047f0302", "check-id = no", NULL);
	assert_int_equal(f->model.stored, 0);
}

/* What a chip without an id does with RDID is nowhere said, so it is not sent. */
static void test_named_chip_without_an_id_is_not_asked(void **state)
{
	static const char *const chips[] = { "FM25CL64B", "MR25H256", "25LC256", "23LCV512" };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(chips); i++) {
		plug_and_open(f, chips[i]);
		assert_string_equal(f->chip->identified, "as configured, no id");
		assert_int_equal(reopen(f), 0);
		assert_int_equal(f->dev.fastest[RDID_OPCODE], 0);
		assert_int_equal(f->dev.fastest[FSTRD_OPCODE], 0);
		assert_int_equal(f->model.stored, 0);
	}
}

static void test_custom_chip(void **state)
{
	struct fixture *f = *state;
	struct model_config config = like(chip_model_find("25LC512"));
	uint8_t data[600], back[600];

	config.page_size = 32;
	config.write_us = 500;
	plug(f, &config);
	f->config.size = 65536;
	f->config.address_bytes = 2;
	f->config.page_size = 32;
	f->config.write_time_us = 500;
	must_open(f, "custom");
	assert_string_equal(f->chip->identified, "as configured");
	assert_int_equal(f->chip->size, 65536);
	assert_int_equal(f->chip->page_size, 32);
	assert_int_equal(f->dev.fastest[RDID_OPCODE], 0);
	memset(data, 0x5a, sizeof(data));
	assert_int_equal(chip_write(f->chip, 1000, data, 600), 0);
	assert_int_equal(chip_read(f->chip, 1000, back, 600), 0);
	assert_memory_equal(back, data, 600);
	assert_memory_equal(f->memory + 1000, data, 600);
}

static void test_custom_chip_of_4_kbit(void **state)
{
	struct fixture *f = *state;
	struct model_config config = like(chip_model_find("FM25L04B"));

	plug(f, &config);
	f->config.size = 512;
	f->config.address_bytes = 1;
	must_open(f, "custom");
	assert_int_equal(chip_write(f->chip, 255, "ab", 2), 0);
	assert_int_equal(chip_write(f->chip, 300, "c", 1), 0);
	assert_memory_equal(f->memory + 255, "ab", 2);
	assert_int_equal(f->memory[300], 'c');
	assert_int_equal(f->memory[44], 0xff);
}

static void test_custom_chip_that_cannot_be(void **state)
{
	struct fixture *f = *state;

	f->config.size = 131072;
	f->config.address_bytes = 2;
	assert_int_equal(open_model(f, "custom"), -EINVAL);
	expect_words(f, "131072 bytes", "address-bytes = 2", "65536", NULL);
}

/* --- whether it listens --- */

static void test_nobody_answers(void **state)
{
	static const char *const chips[] = { "auto",     "MB85RS64V", "FM25CL64B",
					     "MR25H256", "25LC256",   "23LCV512" };
	struct fixture *f = *state;

	f->dev.chip = NULL;
	for (unsigned int low = 0; low < 2; low++) {
		f->pulled_down = low;
		for (size_t i = 0; i < ARRAY_SIZE(chips); i++) {
			assert_int_equal(open_model(f, chips[i]), -ENODEV);
			expect_words(f, NODE, low ? "00" : "ff", "power", "MISO", NULL);
		}
	}
	f->config.size = 8192;
	f->config.address_bytes = 2;
	assert_int_equal(open_model(f, "custom"), -ENODEV);
}

static void put_to_sleep(struct fixture *f)
{
	model_spi_select(&f->model);
	model_spi_exchange(&f->model, 0xb9);
	model_spi_deselect(&f->model);
	assert_true(f->model.asleep);
}

static void test_sleeping_chip_is_woken(void **state)
{
	static const char *const chips[] = { "MB85RS64T", "MB85RS4MTY", "MR25H256", "FM25V10" };
	struct fixture *f = *state;

	for (size_t i = 0; i < 2 * ARRAY_SIZE(chips); i++) {
		const char *chip = chips[i / 2];

		f->pulled_down = i % 2;
		plug_and_open(f, chip);
		put_to_sleep(f);
		must_open(f, chip);
		assert_int_equal(chip_write(f->chip, 0, "up", 2), 0);
		assert_memory_equal(f->memory, "up", 2);
		put_to_sleep(f);
		assert_int_equal(reopen(f), 0);
		assert_true(f->held_us >= 450);
	}
}

static void enable_writes(struct fixture *f)
{
	model_spi_select(&f->model);
	model_spi_exchange(&f->model, 0x06);
	model_spi_deselect(&f->model);
	assert_true(f->model.write_enabled);
}

static void test_writes_are_disabled_at_start(void **state)
{
	struct fixture *f = *state;

	enable_writes(f);
	must_open(f, "auto");
	assert_false(f->model.write_enabled);
	enable_writes(f);
	assert_int_equal(reopen(f), 0);
	assert_false(f->model.write_enabled);
}

/* The program that had the chip before was killed behind its last write. */
static void test_chip_in_its_write_cycle(void **state)
{
	struct fixture *f = *state;
	static const uint8_t write[] = { 0x02, 0, 0, 'x' };

	plug_and_open(f, "25LC256");
	enable_writes(f);
	model_spi_select(&f->model);
	for (size_t i = 0; i < sizeof(write); i++)
		model_spi_exchange(&f->model, write[i]);
	model_spi_deselect(&f->model);
	must_open(f, "25LC256");
	assert_int_equal(chip_write(f->chip, 1, "y", 1), 0);
	assert_memory_equal(f->memory, "xy", 2);
}

static void test_protected_blocks(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *log = NULL;
	uint8_t byte;

	for (uint8_t bits = 0x04; bits <= 0x0c; bits += 4) {
		f->model.status = bits;
		must_open(f, "auto");
		assert_true(f->chip->read_only);
		assert_non_null(strstr(f->chip->why_read_only, "block-protect"));
	}
	f->model.status = 0x88;
	log = log_of(f, "auto");
	assert_non_null(strstr(log, "0x88"));
	assert_non_null(strstr(f->chip->why_read_only, "0x88"));
	assert_int_equal(chip_read(f->chip, 0, &byte, 1), 0);
	f->model.status = 0;
	assert_int_equal(reopen(f), 0);
	assert_false(f->chip->read_only);
	assert_null(f->chip->why_read_only);
	f->model.status = 0x04;
	assert_int_equal(reopen(f), 0);
	assert_true(f->chip->read_only);
}

/* WPEN alone guards the status register, and no byte of the chip. */
static void test_protected_status_is_no_protected_block(void **state)
{
	struct fixture *f = *state;

	f->model.status = 0x80;
	must_open(f, "auto");
	assert_false(f->chip->read_only);
	assert_int_equal(chip_write(f->chip, 0, "x", 1), 0);
	assert_int_equal(f->memory[0], 'x');
}

static void across_pages_of_32(struct fixture *f)
{
	uint8_t data[100], back[100];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)i;
	assert_int_equal(chip_write(f->chip, 20, data, sizeof(data)), 0);
	assert_memory_equal(f->memory + 20, data, sizeof(data));
	assert_int_equal(chip_read(f->chip, 20, back, sizeof(back)), 0);
	assert_memory_equal(back, data, sizeof(data));
}

/* 23LCV: comes up in page mode, each time its power was away. */
static void test_mode_register(void **state)
{
	struct fixture *f = *state;

	plug_and_open(f, "23LCV1024");
	across_pages_of_32(f);
	model_power(&f->model, false);
	model_power(&f->model, true);
	memset(f->memory, 0xff, f->model.config.size);
	assert_int_equal(reopen(f), 0);
	across_pages_of_32(f);
	assert_int_equal(open_model(f, "FM25CL64B"), -ENODEV);
	expect_words(f, "0x40", "its model", NULL);
}

/* --- the device --- */

static void test_modes(void **state)
{
	static const struct {
		uint32_t before, after;
	} modes[] = {
		{ SPI_MODE_0, SPI_MODE_0 },
		{ SPI_MODE_1, SPI_MODE_0 },
		{ SPI_MODE_2, SPI_MODE_0 },
		{ SPI_MODE_3, SPI_MODE_3 },
		{ SPI_MODE_3 | SPI_LSB_FIRST | SPI_LOOP, SPI_MODE_3 },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		f->dev.mode = modes[i].before;
		must_open(f, "auto");
		assert_int_equal(f->dev.mode, modes[i].after);
		assert_int_equal(f->dev.bits_per_word, 8);
	}
}

static void test_no_such_node(void **state)
{
	struct fixture *f = *state;

	fake_node_remove(NODE);
	assert_int_equal(open_model(f, "auto"), -ENODEV);
	expect_words(f, NODE " is not there", "spidev", "dtparam=spi=on", NULL);
}

static void test_node_of_another_kind(void **state)
{
	struct fixture *f = *state;

	fake_node_remove(NODE);
	fake_node_add(NODE, makedev(89, 0), device_ioctl, f);
	assert_int_equal(open_model(f, "auto"), -ENOTTY);
	expect_words(f, NODE, "spidev", NULL);
	assert_int_equal(f->calls, 0);
}

static void test_driver_of_the_kernel(void **state)
{
	struct fixture *f = *state;

	fake_node_remove(NODE);
	fake_link_add(DRIVER, "../../../../bus/spi/drivers/at25");
	assert_int_equal(open_model(f, "auto"), -EBUSY);
	expect_words(f, "driver at25", "echo spi0.0 > /sys/bus/spi/drivers/at25/unbind",
		     "echo spidev > /sys/bus/spi/devices/spi0.0/driver_override",
		     "echo spi0.0 > /sys/bus/spi/drivers/spidev/bind", NULL);
}

static void test_driver_of_the_node(void **state)
{
	struct fixture *f = *state;

	fake_link_add(DRIVER, "../../../../bus/spi/drivers/spidev");
	must_open(f, "auto");
	chip_close(f->chip);
	f->chip = NULL;
	fake_node_remove(NODE);
	assert_int_equal(open_model(f, "auto"), -ENODEV);
	expect_words(f, NODE " is not there", NULL);
}

static void test_link_to_a_node(void **state)
{
	struct fixture *f = *state;

	fake_link_add("/dev/fram", "spidev0.0");
	f->config.device = (char *)"/dev/fram";
	must_open(f, "auto");
	assert_string_equal(f->chip->device, "/dev/fram");
}

static void test_chip_has_one_owner(void **state)
{
	struct fixture *f = *state;
	struct chip *other = NULL;
	unsigned int calls;
	int status;
	pid_t pid;

	must_open(f, "auto");
	calls = f->calls;
	assert_int_equal(chip_spi_open(&f->config, &other, &f->error), -EBUSY);
	expect_words(f, NODE, "in use already", "fuser -v " NODE, NULL);
	assert_int_equal(f->calls, calls);
	pid = fork();
	if (pid == 0) {
		sd_bus_error error = SD_BUS_ERROR_NULL;

		_exit(chip_spi_open(&f->config, &other, &error) == -EBUSY ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	must_open(f, "auto");
}

static void test_transfers_that_fail_at_start(void **state)
{
	struct fixture *f = *state;
	unsigned int messages;

	f->disturbed = ETIMEDOUT;
	f->n_disturbed = 1;
	assert_int_equal(open_model(f, "auto"), -ETIMEDOUT);
	expect_words(f, NODE, NULL);
	f->disturbed = EIO;
	must_open(f, "auto");
	messages = f->calls - 1;
	for (unsigned int good = 0; good < messages; good++) {
		f->fail_behind = f->calls + good;
		assert_int_equal(open_model(f, "auto"), -EIO);
		expect_words(f, NODE, NULL);
	}
}

/* Whichever byte on the wire is disturbed at start: it is the right chip, as it is. */
static void open_disturbed(struct fixture *f, const char *name)
{
	static const uint8_t masks[] = { 0x01, 0x02, 0x04, 0x08, 0x80, 0xff };
	uint32_t transfers;

	plug_and_open(f, name);
	transfers = (uint32_t)f->dev.wire.transfers;
	must_open(f, name);
	transfers = (uint32_t)f->dev.wire.transfers - transfers;
	for (uint32_t i = 0; i < transfers * 12 * ARRAY_SIZE(masks); i++) {
		f->dev.wire.flip_mask = masks[i % ARRAY_SIZE(masks)];
		wire_arm(&f->dev.wire, &f->dev.wire.flip, i / ARRAY_SIZE(masks) / 12,
			 i / ARRAY_SIZE(masks) % 12);
		must_open(f, f->model.config.id_size ? "auto" : name);
		assert_string_equal(f->chip->model, name);
		assert_int_equal(f->chip->size, f->model.config.size);
		assert_false(f->chip->read_only);
		assert_int_equal(f->model.stored, 0);
	}
}

static void test_disturbed_bytes_at_start(void **state)
{
	open_disturbed(*state, "MB85RS64V");
	open_disturbed(*state, "FM25V10");
	open_disturbed(*state, "25LC256");
	open_disturbed(*state, "MR25H10");
	open_disturbed(*state, "23LCV1024");
}

static void test_id_that_is_never_the_same(void **state)
{
	struct fixture *f = *state;

	f->unsteady = true;
	assert_int_equal(open_model(f, "auto"), -EAGAIN);
	expect_words(f, NODE, "another id each time", NULL);
}

/* --- away and back --- */

static void test_device_comes_back(void **state)
{
	struct fixture *f = *state;
	uint8_t byte = 7;

	must_open(f, "auto");
	f->dev.unplugged = true;
	assert_int_equal(chip_write(f->chip, 9, &byte, 1), -ENODEV);
	fake_node_remove(NODE);
	assert_int_equal(reopen(f), -ENODEV);
	expect_words(f, NODE " is not there", NULL);
	assert_true(chip_write(f->chip, 9, &byte, 1) < 0);
	f->dev.unplugged = false;
	fake_node_add(NODE, NUMBER, device_ioctl, f);
	assert_int_equal(reopen(f), 0);
	assert_int_equal(chip_write(f->chip, 9, &byte, 1), 0);
	assert_int_equal(f->memory[9], 7);
}

static void test_other_chip_came_back(void **state)
{
	struct fixture *f = *state;
	uint8_t byte = 7;

	must_open(f, "auto");
	set_id(f, "\x04\x7f\x05\x09", 4);
	assert_int_equal(reopen(f), -EMEDIUMTYPE);
	expect_words(f, "another chip", "047f0509", "MB85RS256B", "047f0302", "MB85RS64V", NULL);
	assert_true(chip_write(f->chip, 0, &byte, 1) < 0);
	assert_int_equal(f->model.stored, 0);
	set_id(f, "\x04\x7f\x03\x02", 4);
	assert_int_equal(reopen(f), 0);
	assert_int_equal(chip_write(f->chip, 0, &byte, 1), 0);
}

static void test_chip_did_not_come_back(void **state)
{
	static const char *const chips[] = { "MB85RS64V", "25LC256", "23LCV512" };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(chips); i++) {
		plug_and_open(f, chips[i]);
		model_power(&f->model, false);
		assert_int_equal(reopen(f), -ENODEV);
		expect_words(f, NODE, "power", NULL);
		model_power(&f->model, true);
		assert_int_equal(reopen(f), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SPI_TEST(test_chip_says_who_it_is),
		SPI_TEST(test_reversed_id),
		SPI_TEST(test_new_id_is_sized_by_rule),
		SPI_TEST(test_garbage_id_is_refused),
		SPI_TEST(test_other_chip_than_configured),
		SPI_TEST(test_no_id_needs_a_name),
		SPI_TEST(test_named_chip_without_an_id_is_not_asked),
		SPI_TEST(test_custom_chip),
		SPI_TEST(test_custom_chip_of_4_kbit),
		SPI_TEST(test_custom_chip_that_cannot_be),
		SPI_TEST(test_nobody_answers),
		SPI_TEST(test_sleeping_chip_is_woken),
		SPI_TEST(test_writes_are_disabled_at_start),
		SPI_TEST(test_chip_in_its_write_cycle),
		SPI_TEST(test_protected_blocks),
		SPI_TEST(test_protected_status_is_no_protected_block),
		SPI_TEST(test_mode_register),
		SPI_TEST(test_modes),
		SPI_TEST(test_no_such_node),
		SPI_TEST(test_node_of_another_kind),
		SPI_TEST(test_driver_of_the_kernel),
		SPI_TEST(test_driver_of_the_node),
		SPI_TEST(test_link_to_a_node),
		SPI_TEST(test_chip_has_one_owner),
		SPI_TEST(test_transfers_that_fail_at_start),
		SPI_TEST(test_disturbed_bytes_at_start),
		SPI_TEST(test_id_that_is_never_the_same),
		SPI_TEST(test_device_comes_back),
		SPI_TEST(test_other_chip_came_back),
		SPI_TEST(test_chip_did_not_come_back),
	};

	return cmocka_run_group_tests_name("chip-spi-open", tests, NULL, NULL);
}
