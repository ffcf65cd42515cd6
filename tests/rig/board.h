/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The board that smm-rig stands for, as its file describes it: buses, chips, GPIO; see README.md.
 *
 * Everything in it is under one lock, which sleeping gives up for the time. What a bus does one
 * after the other is under the turn of that bus, taken before the lock.
 */
#pragma once

#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "chip-model.h"
#include "gpio-chip.h"
#include "i2c-dev.h"
#include "spidev.h"

#define BOARD_DEVICES_MAX 8u
#define BOARD_CHIPS_MAX   16u
#define BOARD_NAME_MAX    32u

enum device_kind {
	DEVICE_I2C,
	DEVICE_SPI,
	DEVICE_GPIO,
};

struct board_device {
	enum device_kind kind;
	char name[BOARD_NAME_MAX]; /* of its node: "i2c-1", "spidev0.0", "gpiochip0" */
	unsigned int bus, select;  /* the numbers in it */
	dev_t number;
	bool no_node; /* a driver of the kernel has it instead of spidev */
	pthread_mutex_t turn;
	int backing; /* what its open files are: all have the inode of this one */
	uint64_t ioctls;
	union {
		struct i2c_dev i2c;
		struct spidev spi;
		struct gpio_chip gpio;
	};
};

struct board_chip {
	char name[BOARD_NAME_MAX];
	char bus[BOARD_NAME_MAX];    /* the device that it is on */
	char driver[BOARD_NAME_MAX]; /* of the kernel, that has it; "": none */
	char image[PATH_MAX];        /* "": its contents are forgotten */
	uint8_t *memory;
	struct model model;
};

struct board {
	pthread_mutex_t lock;
	struct rig_clock clock;
	struct board_device devices[BOARD_DEVICES_MAX];
	unsigned int device_count;
	struct board_chip chips[BOARD_CHIPS_MAX];
	unsigned int chip_count;

	char control[PATH_MAX];  /* a socket for smm-rig-control; "": none */
	char counters[PATH_MAX]; /* receives the counters at the end; "": they are not kept */
};

/* Reads the file and powers the board up. Says on stderr what is wrong with it; 0 or -1. */
int board_load(struct board *board, const char *path);

struct board_device *board_device(struct board *board, const char *name); /* NULL: there is none */
struct board_chip *board_chip(struct board *board, const char *name);
struct wire *board_wire(struct board_device *device); /* NULL for GPIO */

/* Another chip of the same kind, with what that file has, is in the place of this one. 0 or -errno.
 */
int board_swap_image(struct board_chip *chip, const char *path);

/* An errno by its name; 0: no such one. */
int board_errno(const char *name);
