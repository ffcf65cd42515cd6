/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The I2C driver over an adapter and a chip that behave as data sheets and kernel drivers do. The
 * time of the chip is stepped by the driver's pauses, so that nothing here waits.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include <cmocka.h>

#include "chip-model.h"
#include "chip-table.h"
#include "chip.h"
#include "fake-nodes.h"
#include "i2c-dev.h"
#include "util.h"

#define NODE   "/dev/i2c-7"
#define NUMBER makedev(89, 7)
#define CLOCK  "/sys/class/i2c-dev/i2c-7/device/of_node/clock-frequency"

#define FRAM_SIZE 32768u

struct fixture {
	uint64_t now; /* ns */
	struct rig_clock clock;
	struct i2c_dev adapter;
	unsigned long functions; /* 0: what the adapter says */
	bool short_results;      /* transfers end before they are through */
	unsigned int calls;      /* of I2C_RDWR and I2C_SMBUS */
	struct model model;
	uint8_t *memory; /* of the chip */
	struct memory_config config;
	struct chip *chip;
	sd_bus_error error;
};

/* As MB85RC256V. */
extern const struct model_config fram;

/* An adapter as a Raspberry Pi has it, with that chip; nothing is open. */
int i2c_setup(void **state);
int i2c_teardown(void **state);

/* What is asked of the node, for fake_node_add() with the fixture. */
int adapter_ioctl(void *userdata, unsigned long request, void *argument);

/* Put a chip on the bus, blank, in the place of the one that was there. */
void plug(struct fixture *f, const struct model_config *config);

/*
 * A chip like that row of the table. Those that have more than one window do not count from one
 * into the next, as the 24LC1025 does not.
 */
struct model_config like(const struct chip_model *row);

void set_id(struct fixture *f, uint8_t a, uint8_t b, uint8_t c);

/* Open the chip as that model, or again as another one. The second also wants it to succeed. */
int open_model(struct fixture *f, const char *model);
void must_open(struct fixture *f, const char *model);

int reopen(struct fixture *f);

/* What is logged while the chip is opened, and opened again; to be freed. */
char *log_of(struct fixture *f, const char *model);

/* The sentence of the error has to have each of these words in it. */
#define expect_words(f, ...) expect_all(f, (const char *const[]){ __VA_ARGS__, NULL })
void expect_all(const struct fixture *f, const char *const *words);

#define I2C_TEST(function) cmocka_unit_test_setup_teardown(function, i2c_setup, i2c_teardown)
