/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Lines of a GPIO chip, whatever version of libgpiod is there.
 *
 * A line is named CHIP:LINE (gpiochip0:17; the number or the label of a chip works, too) or by its
 * name in the device tree (POWER_GOOD), with :active-low behind it where low means yes. The kernel
 * lets chips share a label, and lines a name: use one that is unique. Values here are logical: true
 * is active.
 *
 * The kernel keeps an output as it was set while its descriptor is open, and no longer: the
 * descriptor closes with the process, in a crash as well. What becomes of the line then is up to
 * the driver of its chip: it may make it an input, so that its pull decides, or leave it as it was.
 * So a write-protect line needs a pull towards "protected", and a driver that lets go of it.
 */
#pragma once

#include <stdbool.h>
#include <systemd/sd-bus.h>

struct gpio_line;

/* Whether a line can have this name, be it there or not. */
bool gpio_name_valid(const char *name);

/**
 * gpio_open_output() - take a line and drive it.
 * gpio_open_input() - take a line and watch both of its edges.
 * @name: as above
 * @value: what to drive first
 * @line: receives it; give it back with gpio_close()
 *
 * Return: 0; -ENODEV if there is no such line; -EBUSY if somebody has it; -EINVAL if the name is
 * none; or another negative errno, with one sentence in @error.
 */
int gpio_open_output(const char *name, bool value, struct gpio_line **line, sd_bus_error *error);
int gpio_open_input(const char *name, struct gpio_line **line, sd_bus_error *error);

int gpio_set(struct gpio_line *line, bool value); /* of an output; 0 or a negative errno */
int gpio_get(struct gpio_line *line);             /* 1, 0 or a negative errno */

/*
 * Becomes readable at an edge of an input; gpio_drain() takes all edges that are waiting, and
 * returns 0 or a negative errno. When its chip has gone, the descriptor may stay readable, and
 * gpio_drain() fails.
 */
int gpio_fd(struct gpio_line *line);
int gpio_drain(struct gpio_line *line);

void gpio_close(struct gpio_line *line); /* NULL: nothing */
