/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A volume over a chip in RAM, and the people who use it.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "errors.h"
#include "fake-chip.h"
#include "util.h"
#include "volume.h"

#define CHIP_SIZE 4096u

/* alice and bob share a group; eve is in none of theirs. */
extern const struct caller root, alice, bob, eve;

struct fixture {
	struct fake_chip fake;
	struct memory_config config;
	struct volume *volume;              /* NULL until fixture_open() */
	sd_bus_error error;                 /* of the last call */
	void (*between)(struct fixture *f); /* two slices; or NULL */
};

int fixture_setup(void **state);
int fixture_teardown(void **state);

/* Open the volume, or close and open it, as a restart does. */
void fixture_open(struct fixture *f);

/* To be given to a call as its error. */
sd_bus_error *fresh_error(struct fixture *f);

/* The last call returned @r, which is an error called @name that says @sentence (NULL: anything).
 */
void expect_error(struct fixture *f, int r, const char *name, const char *sentence);

const char *state_of(struct fixture *f);

/* Do what its worker does when nothing waits; it has to be online within a second. */
void wait_until_online(struct fixture *f);
uint64_t statistic(struct fixture *f, const char *name);

/* Calls that have to succeed. */
uint32_t allocate(struct fixture *f, const struct caller *caller, const char *name, uint32_t size,
		  uint32_t mode);
void expect_content(struct fixture *f, uint32_t id, const void *data, size_t size);
struct smm_block block_of(struct fixture *f, uint32_t id);

/* Open the volume on a fresh chip, with block 1 of alice's: "a", ten digits. */
void begin_change(struct fixture *f);

/* What alice then does to it, in N_CHANGES ways. */
#define N_CHANGES 7
int change(struct fixture *f, int which);

#define FIXTURE_TEST(function) \
	cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)

/* All steps of a call that has several. */
int check(struct fixture *f, const struct caller *caller, bool repair, struct check_result *result);
int write_in_place(struct fixture *f, const struct caller *caller, uint32_t id, uint32_t offset,
		   const void *data, size_t size);

/* An image in a file, the caller's to free(). */
struct image_file {
	void *bytes;
	size_t size;
};

/* All steps of a dump; and the only one of a restoration. */
int dump(struct fixture *f, const struct caller *caller, struct image_file *file);
int restore(struct fixture *f, const struct caller *caller, const struct image_file *file);
