/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The system calls of the program that concern the board's devices: open, stat and ioctl.
 *
 * An open node is a memfd, an open request of GPIO lines is a pipe. Both are recognized by their
 * inode, whatever happens to the descriptors: dup(), fork(), close().
 */
#pragma once

#include "board.h"
#include "supervisor.h"

/* The handler for supervisor_start(); @userdata is the board. */
enum answer calls_answer(void *userdata, const struct caller *caller, int64_t *result);

/*
 * The ioctls of a device, with the board's lock held: what the argument leads to is taken from the
 * caller and given to it. All return what the ioctl returns.
 */
int64_t ioctl_i2c(struct i2c_dev *dev, const struct caller *caller);
int64_t ioctl_spi(struct spidev *dev, const struct caller *caller);
int64_t ioctl_gpio_chip(struct gpio_chip *chip, const struct caller *caller);
int64_t ioctl_gpio_request(struct gpio_chip *chip, struct gpio_request *request,
			   const struct caller *caller);

/* Gives lines back as soon as no program has the descriptor of their request. To be called from
 * time to time, with the lock held. */
void calls_release_lines(struct board *board);
