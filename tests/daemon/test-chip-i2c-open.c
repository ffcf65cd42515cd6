/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Taking up an I2C chip: which one it is, whose it is, and that it comes back.
 */
#include <errno.h>
#include <sys/wait.h>

#include "i2c-fixture.h"

/* --- who it is --- */

static void test_chip_says_who_it_is(void **state)
{
	struct fixture *f = *state;

	must_open(f, "auto");
	assert_string_equal(f->chip->model, "MB85RC256V");
	assert_string_equal(f->chip->identified, "id 00a510");
	assert_string_equal(f->chip->bus, "i2c");
	assert_string_equal(f->chip->device, NODE);
	assert_int_equal(f->chip->size, FRAM_SIZE);
	assert_int_equal(f->chip->page_size, 0);
	assert_false(f->chip->read_only);
	assert_int_equal(f->model.stored, 0);
}

static void test_new_id_is_sized_by_rule(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *log = NULL;

	set_id(f, 0x00, 0xa5, 0x77);
	log = log_of(f, "auto");
	assert_int_equal(f->chip->size, FRAM_SIZE);
	assert_string_equal(f->chip->model, "unknown");
	assert_string_equal(f->chip->identified, "id 00a577");
	assert_non_null(strstr(log, "the id 00a577 is new"));
}

/* The clone of an FM24V05 that somebody bought. */
static void test_garbage_id_is_refused(void **state)
{
	struct fixture *f = *state;

	set_id(f, 0xd5, 0xac, 0x69);
	assert_int_equal(open_model(f, "auto"), -ENOENT);
	expect_words(f, "0x50", NODE, "d5ac69", "--list-models", "model = custom");
	assert_int_equal(open_model(f, "FM24V05"), -EMEDIUMTYPE);
	expect_words(f, "0x50", NODE, "d5ac69", "unknown", "FM24V05 gives 0043", "check-id = no");
	f->config.check_id = false;
	must_open(f, "FM24V05");
	assert_string_equal(f->chip->identified, "as configured, id not checked");
	assert_int_equal(f->chip->size, 65536);
	assert_int_equal(reopen(f), 0);
	assert_int_equal(f->model.stored, 0);
}

static void test_id_without_a_chip_behind_it(void **state)
{
	struct fixture *f = *state;

	set_id(f, 0xff, 0xff, 0xff);
	assert_int_equal(open_model(f, "auto"), -ENOENT);
	set_id(f, 0, 0, 0);
	assert_int_equal(open_model(f, "auto"), -ENOENT);
}

static void test_no_id_needs_a_name(void **state)
{
	struct fixture *f = *state;

	f->model.config.id_size = 0;
	assert_int_equal(open_model(f, "auto"), -ENOENT);
	expect_words(f, "cannot be identified", "none", "--list-models");
	assert_int_equal(open_model(f, "MB85RC256V"), -EMEDIUMTYPE);
	expect_words(f, "gives no id", "00a510", "check-id = no");
	must_open(f, "FM24W256");
	assert_string_equal(f->chip->identified, "as configured, no id");
	assert_int_equal(f->model.stored, 0);
}

static void test_other_chip_than_configured(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(open_model(f, "MB85RC512T"), -EMEDIUMTYPE);
	expect_words(f, "00a510", "MB85RC256V", "MB85RC512T", "00a658");
	must_open(f, "MB85RC256V");
	assert_string_equal(f->chip->identified, "id 00a510");
}

static void test_doubtful_geometry_is_named(void **state)
{
	struct fixture *f = *state;
	struct model_config config = like(chip_model_find("MR44V064B"));
	_cleanup_free_ char *doubtful = NULL, *known = NULL;

	plug(f, &config);
	doubtful = log_of(f, "MR44V064B");
	assert_non_null(strstr(doubtful, "no source confirms the geometry of MR44V064B"));
	known = log_of(f, "FM24CL64B");
	assert_string_equal(known, "");
}

static void test_custom_chip(void **state)
{
	struct fixture *f = *state;
	struct model_config config = like(chip_model_find("AT24CM02"));
	uint8_t data[600], back[600];

	config.page_size = 32;
	config.write_us = 500;
	plug(f, &config);
	f->config.size = 262144;
	f->config.address_bytes = 2;
	f->config.page_size = 32;
	f->config.write_time_us = 500;
	must_open(f, "custom");
	assert_string_equal(f->chip->identified, "as configured");
	assert_int_equal(f->chip->size, 262144);
	assert_int_equal(f->chip->page_size, 32);
	memset(data, 0x5a, sizeof(data));
	for (uint32_t window = 1; window < 4; window++) {
		assert_int_equal(chip_write(f->chip, window * 65536 - 300, data, 600), 0);
		assert_int_equal(chip_read(f->chip, window * 65536 - 300, back, 600), 0);
		assert_memory_equal(back, data, 600);
		assert_memory_equal(f->memory + window * 65536 - 300, data, 600);
	}
}

static void test_custom_chip_that_cannot_be(void **state)
{
	struct fixture *f = *state;

	f->config.size = 4096;
	f->config.address_bytes = 1;
	assert_int_equal(open_model(f, "custom"), -EINVAL);
	expect_words(f, "4096 bytes", "address-bytes = 1", "16 addresses");
}

static void test_address_has_to_be_the_first(void **state)
{
	struct fixture *f = *state;
	struct model_config config = like(chip_model_find("24LC1025"));

	plug(f, &config);
	f->config.address = 0x54;
	assert_int_equal(open_model(f, "24LC1025"), -EINVAL);
	expect_words(f, "0x54", "2 addresses", "write address = 0x50");
	f->config.address = 0x51;
	f->model.config.address = 0x51;
	must_open(f, "24LC1025");
}

static void test_half_of_a_chip_is_another_chip(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(open_model(f, "FM24CL16B"), -EMEDIUMTYPE);
	expect_words(f, "0x51", "FM24CL16B at 0x50");
	assert_int_equal(f->model.stored, 0);
}

static void test_nobody_answers(void **state)
{
	static const int errnos[] = { ENXIO, EREMOTEIO };
	struct fixture *f = *state;

	f->config.address = 0x53;
	for (size_t i = 0; i < ARRAY_SIZE(errnos); i++) {
		f->adapter.config.absent_errno = errnos[i];
		assert_int_equal(open_model(f, "auto"), -ENODEV);
		expect_words(f, "0x53", NODE, "wires", "i2cdetect -y 7");
	}
}

/* --- one owner --- */

static void test_no_such_node(void **state)
{
	struct fixture *f = *state;

	fake_node_remove(NODE);
	assert_int_equal(open_model(f, "auto"), -ENODEV);
	expect_words(f, NODE " is not there", "i2c-dev", "dtparam=i2c_arm=on");
}

static void test_node_of_another_kind(void **state)
{
	struct fixture *f = *state;

	fake_node_remove(NODE);
	fake_node_add(NODE, makedev(153, 7), adapter_ioctl, f);
	assert_int_equal(open_model(f, "auto"), -ENOTTY);
	expect_words(f, NODE, "i2c-dev");
	fake_node_remove(NODE);
	fake_file_add(NODE, "", 0);
	assert_int_equal(open_model(f, "auto"), -ENOTTY);
	assert_int_equal(f->calls, 0);
}

static void test_node_of_another_group(void **state)
{
	struct fixture *f = *state;
	int status;
	pid_t pid;

	fake_node_protect(NODE);
	pid = fork();
	if (pid == 0) {
		bool ok = (getuid() != 0 || setuid(65534) == 0) &&
			  open_model(f, "auto") == -EACCES &&
			  strstr(f->error.message, "group that 'ls -lL " NODE "' shows");

		_exit(ok ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_link_to_a_node(void **state)
{
	struct fixture *f = *state;

	fake_link_add("/dev/fram", "i2c-7");
	f->config.device = (char *)"/dev/fram";
	must_open(f, "auto");
	assert_string_equal(f->chip->device, "/dev/fram");
}

static void test_driver_of_the_kernel(void **state)
{
	struct fixture *f = *state;

	fake_link_add("/sys/bus/i2c/devices/7-0050/driver", "../../../bus/i2c/drivers/at24");
	assert_int_equal(open_model(f, "auto"), -EBUSY);
	expect_words(f, "driver at24", "echo 7-0050 > /sys/bus/i2c/drivers/at24/unbind");
	assert_int_equal(f->calls, 0);
}

static void test_driver_at_any_address_of_the_chip(void **state)
{
	struct fixture *f = *state;
	struct model_config config = like(chip_model_find("FM24CL16B"));

	plug(f, &config);
	must_open(f, "FM24CL16B");
	fake_link_add("/sys/bus/i2c/devices/7-0057/driver", "../../../bus/i2c/drivers/ds1307");
	assert_int_equal(open_model(f, "FM24CL16B"), -EBUSY);
	expect_words(f, "ds1307", "7-0057");
	config = like(chip_model_find("24LC1025"));
	plug(f, &config);
	fake_link_add("/sys/bus/i2c/devices/7-0051/driver", "../../../bus/i2c/drivers/other");
	must_open(f, "24LC1025");
	fake_link_add("/sys/bus/i2c/devices/7-0054/driver", "../../../bus/i2c/drivers/dummy");
	assert_int_equal(open_model(f, "24LC1025"), -EBUSY);
	expect_words(f, "7-0054", "another address", "/sys/bus/i2c/devices/*/driver");
}

/* A driver is bound while the chip is away. */
static void test_driver_that_came_first(void **state)
{
	struct fixture *f = *state;

	must_open(f, "auto");
	fake_link_add("/sys/bus/i2c/devices/7-0050/driver", "../../../bus/i2c/drivers/at24");
	assert_int_equal(reopen(f), -EBUSY);
}

static void test_chip_has_one_owner(void **state)
{
	struct fixture *f = *state;
	struct chip *other = NULL;
	int status;
	pid_t pid;

	must_open(f, "auto");
	assert_int_equal(chip_i2c_open(&f->config, &other, &f->error), -EBUSY);
	expect_words(f, "0x50", NODE, "in use already", "fuser -v " NODE);
	pid = fork();
	if (pid == 0) {
		sd_bus_error error = SD_BUS_ERROR_NULL;

		_exit(chip_i2c_open(&f->config, &other, &error) == -EBUSY ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	must_open(f, "auto");
}

/* The lock is on all addresses, and on no other. */
static void test_chips_share_a_bus(void **state)
{
	struct fixture *f = *state;
	struct model_config config = like(chip_model_find("24LC1025"));
	struct memory_config second = f->config;
	struct chip *other = NULL;
	struct model neighbour;

	plug(f, &config);
	config = fram;
	config.address = 0x51;
	model_init(&neighbour, &config, f->memory, &f->clock);
	i2c_dev_attach(&f->adapter, &neighbour);
	must_open(f, "24LC1025");
	second.address = 0x51;
	assert_int_equal(chip_i2c_open(&second, &other, &f->error), 0);
	chip_close(other);
	second.address = 0x54;
	second.model = (char *)"FM24W256";
	assert_int_equal(chip_i2c_open(&second, &other, &f->error), -EBUSY);
	expect_words(f, "0x54");
}

/* --- away and back --- */

static void test_adapter_comes_back(void **state)
{
	struct fixture *f = *state;
	uint8_t byte = 7;

	must_open(f, "auto");
	f->adapter.unplugged = true;
	assert_int_equal(chip_write(f->chip, 9, &byte, 1), -ENODEV);
	fake_node_remove(NODE);
	assert_int_equal(reopen(f), -ENODEV);
	expect_words(f, NODE " is not there");
	f->adapter.unplugged = false;
	fake_node_add(NODE, NUMBER, adapter_ioctl, f);
	f->adapter.config.max_write = 61;
	assert_int_equal(reopen(f), 0);
	assert_int_equal(chip_write(f->chip, 9, &byte, 1), 0);
	assert_int_equal(f->memory[9], 7);
}

static void test_other_chip_came_back(void **state)
{
	struct fixture *f = *state;
	uint8_t byte = 7;

	must_open(f, "auto");
	set_id(f, 0x00, 0xa6, 0x58);
	assert_int_equal(reopen(f), -EMEDIUMTYPE);
	expect_words(f, "another chip", "00a658", "MB85RC512T", "00a510", "MB85RC256V");
	assert_true(chip_write(f->chip, 0, &byte, 1) < 0);
	assert_int_equal(f->model.stored, 0);
	f->model.config.id_size = 0;
	assert_int_equal(reopen(f), -EMEDIUMTYPE);
	set_id(f, 0x00, 0xa5, 0x10);
	assert_int_equal(reopen(f), 0);
	assert_int_equal(chip_write(f->chip, 0, &byte, 1), 0);
}

static void test_chip_did_not_come_back(void **state)
{
	struct fixture *f = *state;

	must_open(f, "auto");
	model_power(&f->model, false);
	assert_int_equal(reopen(f), -ENODEV);
	expect_words(f, "nothing answers at 0x50");
	model_power(&f->model, true);
	assert_int_equal(reopen(f), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		I2C_TEST(test_chip_says_who_it_is),
		I2C_TEST(test_new_id_is_sized_by_rule),
		I2C_TEST(test_garbage_id_is_refused),
		I2C_TEST(test_id_without_a_chip_behind_it),
		I2C_TEST(test_no_id_needs_a_name),
		I2C_TEST(test_other_chip_than_configured),
		I2C_TEST(test_doubtful_geometry_is_named),
		I2C_TEST(test_custom_chip),
		I2C_TEST(test_custom_chip_that_cannot_be),
		I2C_TEST(test_address_has_to_be_the_first),
		I2C_TEST(test_half_of_a_chip_is_another_chip),
		I2C_TEST(test_nobody_answers),
		I2C_TEST(test_no_such_node),
		I2C_TEST(test_node_of_another_kind),
		I2C_TEST(test_node_of_another_group),
		I2C_TEST(test_link_to_a_node),
		I2C_TEST(test_driver_of_the_kernel),
		I2C_TEST(test_driver_at_any_address_of_the_chip),
		I2C_TEST(test_driver_that_came_first),
		I2C_TEST(test_chip_has_one_owner),
		I2C_TEST(test_chips_share_a_bus),
		I2C_TEST(test_adapter_comes_back),
		I2C_TEST(test_other_chip_came_back),
		I2C_TEST(test_chip_did_not_come_back),
	};

	return cmocka_run_group_tests_name("chip-i2c-open", tests, NULL, NULL);
}
