/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stores in RAM with all that a store can have, and images of them.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/dice.h"
#include "errors.h"
#include "image.h"
#include "ram-store.h"
#include "util.h"

#define CONTENT 96u /* where that of an image begins, 80 + 4 * 4: for 12 to 16 KiB */

extern const uint8_t identity[SMM_ID_BYTES];

/* A file, its size, and what it says. */
struct fixture {
	struct dice dice;
	struct ram_store ram; /* what is on the chip */
	uint8_t *file;
	size_t size;
	struct image image;
	sd_bus_error error; /* of the last call */
};

int fixture_setup(void **state);
int fixture_teardown(void **state);

/* To be given to a call as its error. */
sd_bus_error *fresh_error(struct fixture *f);

/* The last call returned @r, which is an error called @name that says @sentence (NULL: anything).
 */
void expect_error(struct fixture *f, int r, const char *name, const char *sentence);

/* An empty store on a new chip. */
void make_store(struct fixture *f, uint32_t size, uint32_t granule);

/* A block of @length random bytes. */
struct smm_block make_block(struct fixture *f, const char *name, uint32_t length);

/* @n random blocks of all kinds, and a life of theirs: replaced, written in place, freed. */
void live(struct fixture *f, uint32_t n, uint32_t longest);

/* Pack what is on the chip; and unpack it, which has to succeed. */
void pack(struct fixture *f);
void pack_and_unpack(struct fixture *f);
int unpack(struct fixture *f);

/* Make the checksums of @file those of what it has, as a stranger can. */
void seal(uint8_t *file);

uint32_t get32(const uint8_t *p);
void put32(uint8_t *p, uint32_t v);

#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)
