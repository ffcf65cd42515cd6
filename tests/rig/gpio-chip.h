/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A GPIO chip as its character device shows it: both versions of the kernel's interface, as far as
 * libgpiod 1.6 and 2.x use them for lines, values and edges.
 *
 * A level is that of the wire; a value, which is what programs read and set, is the opposite where
 * the line is active-low.
 */
#pragma once

#include <linux/gpio.h>
#include <stdbool.h>
#include <stdint.h>

#include "clock.h"

#define GPIO_CHIP_LINES_MAX    64u
#define GPIO_CHIP_REQUESTS_MAX 32u

struct gpio_line {
	char name[GPIO_MAX_NAME_SIZE];
	char consumer[GPIO_MAX_NAME_SIZE];
	bool used;
	uint64_t flags; /* GPIO_V2_LINE_FLAG_... */
	bool level;
	bool pull;                                 /* its level when nobody drives it */
	void (*wired)(void *userdata, bool level); /* to what the line leads; NULL: nothing */
	void *wired_userdata;
};

/* Lines that a program has, behind a descriptor of their own: the read end of a pipe for edges. */
struct gpio_request {
	int events; /* the write end; -1: the request is free */
	int version;
	uint32_t count;
	uint32_t offsets[GPIO_V2_LINES_MAX];
	uint32_t sequence;
	uint32_t line_sequence[GPIO_V2_LINES_MAX];
};

struct gpio_chip {
	char name[GPIO_MAX_NAME_SIZE];
	char label[GPIO_MAX_NAME_SIZE];
	uint32_t line_count;
	struct gpio_line lines[GPIO_CHIP_LINES_MAX];
	struct gpio_request requests[GPIO_CHIP_REQUESTS_MAX];
	const struct rig_clock *clock;
	bool unplugged;
};

/* The names of chip and lines, their pulls and where they lead are the caller's to set. */
void gpio_chip_init(struct gpio_chip *chip, const struct rig_clock *clock);

/* Every line has the level of its pull, and what it leads to knows. */
void gpio_chip_settle(struct gpio_chip *chip);

/**
 * gpio_chip_ioctl() - an ioctl on the chip's descriptor.
 * @argument: what it points to, taken and given; the fd of a new request is the read end of a pipe,
 *            for the caller to pass on and to close
 *
 * Return: 0 or a negative errno.
 */
int gpio_chip_ioctl(struct gpio_chip *chip, unsigned long request, void *argument);

/* An ioctl on the descriptor of a request. */
int gpio_request_ioctl(struct gpio_chip *chip, struct gpio_request *request, unsigned long code,
		       void *argument);

/* The descriptor of a request is closed: its lines are as nobody drives them. */
void gpio_request_release(struct gpio_chip *chip, struct gpio_request *request);

/* Somebody drives an input from outside: its program sees an edge, if that is one. */
void gpio_chip_drive(struct gpio_chip *chip, uint32_t offset, bool level);
