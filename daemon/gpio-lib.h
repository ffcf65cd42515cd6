/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What gpio.c needs of libgpiod and its versions do differently: gpio-1.c is for 1.6, gpio-2.c for
 * 2.x, and Meson compiles the one that fits. They also have what gpio.h offers for a line that is
 * taken.
 */
#pragma once

#include <gpiod.h>
#include <linux/gpio.h>
#include <stdbool.h>
#include <stdint.h>

#include "gpio.h"
#include "util.h"

#define GPIO_CONSUMER "smmd"
#define GPIO_EDGES    16 /* to take at a time */

struct gpio_wish {
	uint32_t offset;
	bool active_low;
	bool output;
	bool value; /* of an output */
};

DEFINE_CLEANUP(struct gpiod_chip *, gpiod_chip_close);

bool gpio_chip_has_label(struct gpiod_chip *chip, const char *label);
uint32_t gpio_chip_count_lines(struct gpiod_chip *chip);

/* Whether a line of this name is on the chip, and where. */
bool gpio_chip_find_line(struct gpiod_chip *chip, const char *name, uint32_t *offset);

/* Who has a line, or "" where the kernel does not say. */
void gpio_chip_get_consumer(struct gpiod_chip *chip, uint32_t offset,
			    char consumer[GPIO_MAX_NAME_SIZE]);

/* Takes a line. On success the chip belongs to it. Return: 0 or a negative errno. */
int gpio_chip_take_line(struct gpiod_chip *chip, const struct gpio_wish *wish,
			struct gpio_line **line);
