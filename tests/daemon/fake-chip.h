/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A chip in RAM for the tests of what lies above it: it notes each transfer, and fails when it is
 * told to. One with pages leaves a page undefined that is being programmed when the power goes.
 */
#pragma once

#include "chip.h"

#define FAKE_NEVER     UINT32_MAX
#define FAKE_TRANSFERS 256u

struct fake_chip {
	struct chip chip;
	uint8_t *bytes;
	uint32_t good;      /* transfers that succeed before the others fail; FAKE_NEVER */
	uint32_t landing;   /* bytes of a failing write that land all the same */
	uint32_t until_cut; /* bytes that land before the power goes, and all fail; FAKE_NEVER */
	uint32_t drops;     /* writes that are acknowledged and do not land */
	void (*on_write)(void *userdata); /* called before each, if it is set */
	void *userdata;
	int reopening;  /* what reopen() returns */
	bool fail_once; /* only the next one fails, then all succeed again */
	struct transfer {
		bool write;
		uint32_t offset, size;
	} transfers[FAKE_TRANSFERS]; /* the first since fake_chip_watch() */
	uint32_t n_transfers;
};

/* A chip of @size bytes, each @fill; free it with fake_chip_destroy(). chip_close() leaves it as it
 * is. */
void fake_chip_init(struct fake_chip *fake, uint32_t size, uint8_t fill);
void fake_chip_destroy(struct fake_chip *fake);

/* The power is back. */
void fake_chip_feed(struct fake_chip *fake);

/* Forget what was transferred. */
void fake_chip_watch(struct fake_chip *fake);
