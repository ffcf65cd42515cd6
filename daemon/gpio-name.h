/* SPDX-License-Identifier: BSD-3-Clause */
/* How the name of a GPIO line is written; gpio.h says what it means. */
#pragma once

#include <linux/gpio.h>
#include <stdbool.h>
#include <stdint.h>

struct gpio_name {
	char line[GPIO_MAX_NAME_SIZE]; /* its name; "" where it is named by chip and offset */
	char chip[GPIO_MAX_NAME_SIZE];
	uint32_t offset;
	bool active_low;
};

bool gpio_name_parse(const char *text, struct gpio_name *name);
