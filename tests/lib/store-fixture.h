/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A store of smm_store.h on a chip in RAM, with or without a RAM copy of its map, for cmocka tests.
 */
#ifndef STORE_FIXTURE_H
#define STORE_FIXTURE_H

#include "chip.h"
#include "medium.h"
#include "smm_store.h"

struct rig {
	struct chip chip;
	struct medium medium; /* the chip, unless somebody else sets it */
	struct smm_store store;
	u32 granule;
	u8 *map; /* room for the copy, exactly as large as it has to be, or NULL */
	u32 own; /* allocations of the store itself */
	u32 own_bytes;
	/* What a failing check prints, beside the geometry. */
	const char *trying;
	u64 seed;
	u32 step;
	u64 cut, recut;
};

extern const u8 rig_identity[SMM_ID_BYTES];
#define RIG_LABEL "a chip of the tests"

/* An unformatted chip of old bytes; free it with rig_destroy(). It stays where it is. */
void rig_init(struct rig *r, u32 size, u32 granule, bool copy);
void rig_destroy(struct rig *r);

/* The chip as it is, everything in RAM forgotten, no faults: a new process, before its first call.
 */
void rig_forget(struct rig *r);

/* rig_forget() and smm_store_mount(), with @power bytes until the next cut, or without a cut. */
int rig_mount_until(struct rig *r, u64 power);
int rig_mount(struct rig *r);

/* rig_forget() and smm_store_format(), with @power bytes until the next cut. */
int rig_format_until(struct rig *r, u64 power);

/* The same without a cut, and it has to succeed; the rig then knows what the store keeps for
 * itself. */
void rig_format(struct rig *r);

/* Chip and RAM at one moment. */
struct moment {
	u8 *bytes, *map;
	struct smm_store store;
};

void rig_save(const struct rig *r, struct moment *moment);
void rig_restore(struct rig *r, const struct moment *moment);
void moment_destroy(struct moment *moment);

/* For tests that need no more: a formatted rig of RIG_SIZE as the state, with granules of 4 bytes.
 */
#define RIG_SIZE 2048u
int rig_set_up(void **state);
int rig_tear_down(void **state);

/* The initializers of two such tests: the same function without and with a RAM copy of the map. */
#define BOTH(test)                                                             \
	{ #test, test, rig_set_up, rig_tear_down, NULL },                      \
	{                                                                      \
#test "_with_copy", test, rig_set_up, rig_tear_down, (void *)1 \
	}

/* Make a block of @length bytes that count up from 1. */
struct smm_block rig_create(struct rig *r, const char *name, u32 length);

/* The handle is the block as the chip has it, and its content is @bytes. */
void rig_check_block(struct rig *r, const struct smm_block *b, const void *bytes);

void rig_fail(const struct rig *r, const char *what, const char *file, int line);

/* A check that says of a failing one which store, step and cut it was. */
#define check(r, condition)                                          \
	do {                                                         \
		if (!(condition))                                    \
			rig_fail(r, #condition, __FILE__, __LINE__); \
	} while (0)

/* @call has to return @code, and may write nothing. */
#define refuses(r, code, call)               \
	do {                                 \
		chip_count(&(r)->chip);      \
		check(r, (call) == (code));  \
		check(r, !(r)->chip.writes); \
	} while (0)

/* A description of what is wrong, which has to be NULL. */
#define check_none(r, wrong)                                    \
	do {                                                    \
		const char *found = (wrong);                    \
		if (found)                                      \
			rig_fail(r, found, __FILE__, __LINE__); \
	} while (0)

#endif
