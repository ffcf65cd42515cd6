/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A memory of smm.h on a chip in RAM, with or without a RAM copy of its map, for cmocka tests. It
 * is used through the malloc face; &m->info.core is the same memory for the calls that take
 * offsets. There is one at a time, as the callbacks of the malloc face have no context.
 */
#ifndef MEMORY_H
#define MEMORY_H

#include "chip.h"
#include "model.h"

#define MEMORY_BASE ((u8 *)0x10000) /* not an address that can be dereferenced */

struct memory {
	struct chip chip;
	struct smm_mem_info info;
	u32 granule;
	u8 *map; /* exactly as large as it has to be, or NULL */
	/* What a failing check prints, beside the geometry. */
	u64 seed;
	u32 step;
	u64 cut, recut;
};

/* An unformatted memory; free it with memory_destroy(). */
void memory_init(struct memory *m, u32 size, u32 granule, bool copy);
void memory_destroy(struct memory *m);

/* The chip as it is, no faults, nothing left in RAM: a new process before its first call. */
void memory_forget(struct memory *m);

/* memory_forget() and smm_memory_rebuild(). */
int memory_rebuild(struct memory *m);

/* The same with @power bytes until the next cut. */
int memory_rebuild_until(struct memory *m, u64 power);

/* memory_forget() and smm_memory_create(); @model becomes the empty memory that it has to be. */
void memory_create(struct memory *m, struct model *model);

/* Make the chip and @model the same blocks, each with its own bytes; for an empty memory. */
void memory_adopt(struct memory *m, const struct model *model);

/* Do it; the same result as model_do(). */
u32 memory_do(struct memory *m, const struct operation *op);

/* What tells the memory, seen through its public calls, from @model; NULL if nothing does. */
const char *memory_differs(struct memory *m, const struct model *model);

void memory_fail(const struct memory *m, const char *what, const char *file, int line);

/* A check that says of a failing one which memory, seed, step and cut it was. */
#define check(m, condition)                                             \
	do {                                                            \
		if (!(condition))                                       \
			memory_fail(m, #condition, __FILE__, __LINE__); \
	} while (0)

/* memory_differs() has to find nothing. */
#define check_same(m, model)                                            \
	do {                                                            \
		const char *difference = memory_differs(m, model);      \
		if (difference)                                         \
			memory_fail(m, difference, __FILE__, __LINE__); \
	} while (0)

#endif
