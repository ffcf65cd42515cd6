/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * GPIO through both versions of the kernel's interface: lines that are taken, levels, edges.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "gpio-chip.h"

static uint64_t time_ns;
static struct rig_clock test_clock;
static struct gpio_chip chip;
static bool wired_level;

static void wired(void *userdata, bool level)
{
	(void)userdata;
	wired_level = level;
}

static int setup(void **state)
{
	(void)state;
	time_ns = 5000;
	test_clock = rig_stepped_clock(&time_ns);
	gpio_chip_init(&chip, &test_clock);
	chip.line_count = 8;
	strcpy(chip.name, "gpiochip0");
	strcpy(chip.lines[3].name, "WP");
	chip.lines[3].pull = true;
	chip.lines[3].wired = wired;
	gpio_chip_settle(&chip);
	return 0;
}

static int take_v1(uint32_t offset, uint32_t flags, uint8_t value)
{
	struct gpiohandle_request request = {
		.lineoffsets = { offset },
		.flags = flags,
		.default_values = { value },
		.consumer_label = "test",
		.lines = 1,
	};
	int r = gpio_chip_ioctl(&chip, GPIO_GET_LINEHANDLE_IOCTL, &request);

	return r < 0 ? r : request.fd;
}

static int take_v2(uint32_t offset, uint64_t flags, bool value)
{
	struct gpio_v2_line_request request = {
		.offsets = { offset },
		.num_lines = 1,
		.config = {
			.flags = flags,
			.num_attrs = 1,
			.attrs = { {
				.attr = {
					.id = GPIO_V2_LINE_ATTR_ID_OUTPUT_VALUES,
					.values = value,
				},
				.mask = 1,
			} },
		},
	};
	int r = gpio_chip_ioctl(&chip, GPIO_V2_GET_LINE_IOCTL, &request);

	return r < 0 ? r : request.fd;
}

static void give_back(int fd)
{
	close(fd);
	gpio_request_release(&chip, &chip.requests[0]);
}

static int request_ioctl(unsigned long code, void *argument)
{
	return gpio_request_ioctl(&chip, &chip.requests[0], code, argument);
}

static bool is_readable(int fd)
{
	struct pollfd events = { .fd = fd, .events = POLLIN };

	return poll(&events, 1, 0) == 1;
}

static void says_what_it_is(void **state)
{
	struct gpiochip_info info;
	struct gpioline_info line1 = { .line_offset = 3 };
	struct gpio_v2_line_info line2 = { .offset = 3 };

	(void)state;
	assert_int_equal(gpio_chip_ioctl(&chip, GPIO_GET_CHIPINFO_IOCTL, &info), 0);
	assert_string_equal(info.name, "gpiochip0");
	assert_int_equal(info.lines, 8);
	assert_int_equal(gpio_chip_ioctl(&chip, GPIO_GET_LINEINFO_IOCTL, &line1), 0);
	assert_string_equal(line1.name, "WP");
	assert_int_equal(line1.flags, 0);
	assert_int_equal(gpio_chip_ioctl(&chip, GPIO_V2_GET_LINEINFO_IOCTL, &line2), 0);
	assert_string_equal(line2.name, "WP");
	assert_int_equal(line2.flags, GPIO_V2_LINE_FLAG_INPUT);
	line1.line_offset = 8;
	line2.offset = 8;
	assert_int_equal(gpio_chip_ioctl(&chip, GPIO_GET_LINEINFO_IOCTL, &line1), -EINVAL);
	assert_int_equal(gpio_chip_ioctl(&chip, GPIO_V2_GET_LINEINFO_IOCTL, &line2), -EINVAL);
}

static void an_output_drives_and_falls_back(void **state)
{
	int fd = take_v1(3, GPIOHANDLE_REQUEST_OUTPUT, 0);
	struct gpiohandle_data values = { { 1 } };
	struct gpioline_info line = { .line_offset = 3 };

	(void)state;
	assert_true(fd >= 0);
	assert_false(wired_level);
	assert_int_equal(request_ioctl(GPIOHANDLE_SET_LINE_VALUES_IOCTL, &values), 0);
	assert_true(wired_level);
	values.values[0] = 0;
	assert_int_equal(request_ioctl(GPIOHANDLE_GET_LINE_VALUES_IOCTL, &values), 0);
	assert_int_equal(values.values[0], 1);
	values.values[0] = 0;
	assert_int_equal(request_ioctl(GPIOHANDLE_SET_LINE_VALUES_IOCTL, &values), 0);
	gpio_chip_ioctl(&chip, GPIO_GET_LINEINFO_IOCTL, &line);
	assert_string_equal(line.consumer, "test");
	assert_int_equal(line.flags, GPIOLINE_FLAG_KERNEL | GPIOLINE_FLAG_IS_OUT);
	give_back(fd);
	assert_true(wired_level);
	gpio_chip_ioctl(&chip, GPIO_GET_LINEINFO_IOCTL, &line);
	assert_int_equal(line.flags, 0);
}

static void an_output_of_version_2(void **state)
{
	int fd = take_v2(3, GPIO_V2_LINE_FLAG_OUTPUT | GPIO_V2_LINE_FLAG_ACTIVE_LOW, true);
	struct gpio_v2_line_values values = { .bits = 0, .mask = 1 };

	(void)state;
	assert_true(fd >= 0);
	assert_false(wired_level);
	assert_int_equal(request_ioctl(GPIO_V2_LINE_SET_VALUES_IOCTL, &values), 0);
	assert_true(wired_level);
	values.bits = 1;
	assert_int_equal(request_ioctl(GPIO_V2_LINE_GET_VALUES_IOCTL, &values), 0);
	assert_int_equal(values.bits, 0);
	give_back(fd);
}

static void a_line_has_one_owner(void **state)
{
	int fd = take_v2(3, GPIO_V2_LINE_FLAG_INPUT, false);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(take_v1(3, GPIOHANDLE_REQUEST_INPUT, 0), -EBUSY);
	assert_int_equal(take_v2(8, GPIO_V2_LINE_FLAG_INPUT, false), -EINVAL);
	give_back(fd);
	fd = take_v1(3, GPIOHANDLE_REQUEST_INPUT, 0);
	assert_true(fd >= 0);
	give_back(fd);
}

static void an_input_is_not_set(void **state)
{
	int fd = take_v2(3, GPIO_V2_LINE_FLAG_INPUT, false);
	struct gpio_v2_line_values values = { .bits = 1, .mask = 1 };

	(void)state;
	assert_int_equal(request_ioctl(GPIO_V2_LINE_SET_VALUES_IOCTL, &values), -EPERM);
	give_back(fd);
}

static void edges_of_version_1(void **state)
{
	struct gpioevent_request request = {
		.lineoffset = 5,
		.handleflags = GPIOHANDLE_REQUEST_INPUT,
		.eventflags = GPIOEVENT_REQUEST_RISING_EDGE,
	};
	struct gpioevent_data event;

	(void)state;
	assert_int_equal(gpio_chip_ioctl(&chip, GPIO_GET_LINEEVENT_IOCTL, &request), 0);
	assert_false(fcntl(request.fd, F_GETFL) & O_NONBLOCK);
	gpio_chip_drive(&chip, 5, true);
	gpio_chip_drive(&chip, 5, false);
	assert_int_equal(read(request.fd, &event, sizeof(event)), sizeof(event));
	assert_int_equal(event.id, GPIOEVENT_EVENT_RISING_EDGE);
	assert_int_equal(event.timestamp, 5000);
	assert_false(is_readable(request.fd));
	give_back(request.fd);
}

static void edges_of_version_2_are_those_of_values(void **state)
{
	int fd = take_v2(5,
			 GPIO_V2_LINE_FLAG_INPUT | GPIO_V2_LINE_FLAG_ACTIVE_LOW |
				 GPIO_V2_LINE_FLAG_EDGE_FALLING | GPIO_V2_LINE_FLAG_EDGE_RISING,
			 false);
	struct gpio_v2_line_event events[3];

	(void)state;
	gpio_chip_drive(&chip, 5, true);
	gpio_chip_drive(&chip, 5, true);
	gpio_chip_drive(&chip, 5, false);
	assert_int_equal(read(fd, events, sizeof(events)), 2 * sizeof(events[0]));
	assert_int_equal(events[0].id, GPIO_V2_LINE_EVENT_FALLING_EDGE);
	assert_int_equal(events[0].offset, 5);
	assert_int_equal(events[0].seqno, 1);
	assert_int_equal(events[1].id, GPIO_V2_LINE_EVENT_RISING_EDGE);
	assert_int_equal(events[1].line_seqno, 2);
	give_back(fd);
}

static void an_output_has_no_edges(void **state)
{
	(void)state;
	assert_int_equal(
		take_v2(3, GPIO_V2_LINE_FLAG_OUTPUT | GPIO_V2_LINE_FLAG_EDGE_RISING, false),
		-EINVAL);
	assert_false(chip.lines[3].used);
}

static void is_gone_when_unplugged(void **state)
{
	struct gpiochip_info info;

	(void)state;
	chip.unplugged = true;
	assert_int_equal(gpio_chip_ioctl(&chip, GPIO_GET_CHIPINFO_IOCTL, &info), -ENODEV);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(says_what_it_is, setup),
		cmocka_unit_test_setup(an_output_drives_and_falls_back, setup),
		cmocka_unit_test_setup(an_output_of_version_2, setup),
		cmocka_unit_test_setup(a_line_has_one_owner, setup),
		cmocka_unit_test_setup(an_input_is_not_set, setup),
		cmocka_unit_test_setup(edges_of_version_1, setup),
		cmocka_unit_test_setup(edges_of_version_2_are_those_of_values, setup),
		cmocka_unit_test_setup(an_output_has_no_edges, setup),
		cmocka_unit_test_setup(is_gone_when_unplugged, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
