/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which chip it is that answers: what the configuration says, what the chip's id says, and whether
 * they agree. Reading an id is all that is done to find out, and not even that with a named chip
 * that has none.
 */
#pragma once

#include <systemd/sd-bus.h>

#include "chip-table.h"
#include "config.h"

/* Where the chip is, and how it is asked for its id. */
struct chip_id_source {
	enum chip_bus bus;
	const char *where; /* for people: "0x50 on /dev/i2c-1" */

	/* Return: 0; -ENOENT if it gives none; or another negative errno, with one sentence in
	 * @error. */
	int (*read)(void *userdata, uint8_t id[CHIP_ID_MAX], sd_bus_error *error);
	void *userdata;
};

struct chip_identity {
	struct chip_model model;
	uint8_t id_size; /* 0: it was not asked; else so many bytes of what it said are its id */
	uint8_t id[CHIP_ID_MAX];
	char text[64]; /* how it is known, as struct chip has it */
};

/**
 * chip_identify() - find out what is there.
 * @identity: receives it
 *
 * Return: 0; -EMEDIUMTYPE if it is not what the configuration says; -ENOENT if the configuration
 * leaves it to the chip, and the chip has no id that is known; or another negative errno, with one
 * sentence in @error.
 */
int chip_identify(const struct chip_id_source *source, const struct memory_config *config,
		  struct chip_identity *identity, sd_bus_error *error);

/* Whether the chip still gives the id that it gave. Return: 0; -EMEDIUMTYPE; as above. */
int chip_identify_again(const struct chip_id_source *source, const struct chip_identity *identity,
			sd_bus_error *error);
