/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How the names of GPIO lines are read. The lines themselves: see gpio.bats.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "gpio.h"
#include "gpio-name.h"

#define LONGEST "a-name-that-is-31-characters-on"

static void test_chip_and_offset(void **state)
{
	static const struct {
		const char *text, *chip;
		uint32_t offset;
		bool active_low;
	} names[] = {
		{ "gpiochip0:17", "gpiochip0", 17, false },
		{ "gpiochip0:0:active-low", "gpiochip0", 0, true },
		{ "4:4294967295", "4", 4294967295, false },
		{ "pinctrl-rp1:22:active-low", "pinctrl-rp1", 22, true },
		{ "0000:00:02.0:3", "0000:00:02.0", 3, false },
		{ LONGEST ":1", LONGEST, 1, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct gpio_name name;

		assert_true(gpio_name_parse(names[i].text, &name));
		assert_string_equal(name.chip, names[i].chip);
		assert_string_equal(name.line, "");
		assert_int_equal(name.offset, names[i].offset);
		assert_int_equal(name.active_low, names[i].active_low);
	}
}

static void test_line_by_name(void **state)
{
	static const struct {
		const char *text, *line;
		bool active_low;
	} names[] = {
		{ "POWER_GOOD", "POWER_GOOD", false },
		{ "POWER_GOOD:active-low", "POWER_GOOD", true },
		{ "17", "17", false },
		{ "active-low", "active-low", false },
		{ "USB 2 power", "USB 2 power", false },
		{ LONGEST ":active-low", LONGEST, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct gpio_name name;

		assert_true(gpio_name_parse(names[i].text, &name));
		assert_string_equal(name.chip, "");
		assert_string_equal(name.line, names[i].line);
		assert_int_equal(name.active_low, names[i].active_low);
	}
}

static void test_no_name(void **state)
{
	static const char *const texts[] = {
		"",
		":",
		":17",
		":active-low",
		"gpiochip0:",
		"gpiochip0:17:",
		"gpiochip0:x",
		"gpiochip0:-1",
		"gpiochip0: 1",
		"gpiochip0:1K",
		"gpiochip0:0x11",
		"gpiochip0:4294967296",
		"gpiochip0:000000000000000000000000000000000000000017",
		"gpiochip0::active-low",
		"gpiochip0:17:active-high",
		"gpiochip0:17:ACTIVE-LOW",
		"gpiochip0:17:active-low:active-low",
		"POWER_GOOD:active-low ",
		"a-name-that-is-32-characters-one",
		"a-name-that-is-32-characters-one:1",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_false(gpio_name_valid(texts[i]));
	assert_true(gpio_name_valid("gpiochip0:17:active-low"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chip_and_offset),
		cmocka_unit_test(test_line_by_name),
		cmocka_unit_test(test_no_name),
	};

	return cmocka_run_group_tests_name("gpio", tests, NULL, NULL);
}
