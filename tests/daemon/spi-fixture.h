/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The SPI driver over a device and a chip that behave as data sheets and the kernel do. The time of
 * the chip is stepped by the driver's pauses, so that nothing here waits.
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
#include "spidev.h"
#include "util.h"

#define NODE        "/dev/spidev0.0"
#define NUMBER      makedev(153, 0)
#define BUFSIZ_FILE "/sys/module/spidev/parameters/bufsiz"
#define DRIVER      "/sys/bus/spi/devices/spi0.0/driver"

#define RDID_OPCODE  0x9f
#define WRITE_OPCODE 0x02
#define READ_OPCODE  0x03
#define FSTRD_OPCODE 0x0b

struct fixture {
	uint64_t now; /* ns */
	struct rig_clock clock;
	struct spidev dev;
	bool pulled_down; /* MISO, when nobody drives it: it reads 00 then, and not FF */
	uint32_t held_us; /* so long the chip stayed selected behind a transfer, at most */
	bool unsteady;    /* the chip has another id after every message */
	int disturbed;    /* errno of the next @n_disturbed messages, */
	unsigned int n_disturbed;
	unsigned int fail_behind; /* or of all behind so many; 0: of none */
	unsigned int calls;       /* messages */
	struct model model;
	uint8_t *memory; /* of the chip */
	struct memory_config config;
	struct chip *chip;
	sd_bus_error error;
};

/* As MB85RS64V, 8 KiB. */
extern const struct model_config fram;

/* A device with that chip, as fast as it likes; nothing is open. */
int spi_setup(void **state);
int spi_teardown(void **state);

/* What is asked of the node, for fake_node_add() with the fixture. */
int device_ioctl(void *userdata, unsigned long request, void *argument);

/* Put a chip behind the device, all FF, in the place of the one that was there. */
void plug(struct fixture *f, const struct model_config *config);

/* A chip like that row of the table. */
struct model_config like(const struct chip_model *row);

/* Plug and open such a chip, of that name. */
void plug_and_open(struct fixture *f, const char *model);

void set_id(struct fixture *f, const void *id, uint8_t size);
void set_bufsiz(struct fixture *f, uint32_t size);

/* Open the chip as that model, or again as another one. The second also wants it to succeed. */
int open_model(struct fixture *f, const char *model);
void must_open(struct fixture *f, const char *model);

int reopen(struct fixture *f);

/* What is logged while the chip is opened; to be freed. */
char *log_of(struct fixture *f, const char *model);

/* The sentence has to have each of these in it; NULL ends them. */
void expect_words(const struct fixture *f, ...);

#define SPI_TEST(function) cmocka_unit_test_setup_teardown(function, spi_setup, spi_teardown)
