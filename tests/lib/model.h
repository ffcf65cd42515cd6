/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an allocator of smm.h has to do, in the plainest way: an array that says of every granule to
 * which block it belongs, and a search for the best fit from one end to the other. Also the
 * operations that the tests try on it and on the library side by side.
 */
#ifndef MODEL_H
#define MODEL_H

#include <stdbool.h>

#include "dice.h"
#include "smm.h"

struct model {
	u32 data;    /* offset of granule 0 */
	u32 granule; /* bytes */
	u32 granules;
	u32 *owner; /* of each granule: 1 + the first granule of its block, or 0 if it is free */
};

/* An empty memory; free it with model_destroy(). */
void model_init(struct model *m, u32 data, u32 granule, u32 granules);
void model_copy(struct model *m, const struct model *from);
void model_destroy(struct model *m);
bool model_same(const struct model *a, const struct model *b);

/* Make [@start, @start + @length) one block, or free. */
void model_mark(struct model *m, u32 start, u32 length, bool used);

/* The run, used or free, that starts at @granule: its length. */
u32 model_run(const struct model *m, u32 granule);

/* The first block that starts at or behind @granule; the number of granules if there is none. */
u32 model_block(const struct model *m, u32 granule);

/* Bytes that the block at @offset has room for, or 0 if none starts there. */
u32 model_usable(const struct model *m, u32 offset);

/* Blocks, free runs and bytes as smm_measure() has to report them. */
void model_measure(const struct model *m, struct smm_stats *stats);

enum operation_kind {
	OPERATION_ALLOC,
	OPERATION_FREE,
	OPERATION_RESIZE,
	OPERATION_REALLOC
};

struct operation {
	enum operation_kind kind;
	u32 offset; /* the block, where the operation needs one */
	u32 size;   /* bytes, where it needs one */
};

/* What an operation came to: where the block is now, or for a free 1; 0 if it was refused. */
u32 model_do(struct model *m, const struct operation *op);

/*
 * A random operation for @m, with sizes up to @size bytes and mostly far below. Rarely one that has
 * to be refused: a block that is none, a size of 0 or too large.
 */
struct operation model_operation(const struct model *m, struct dice *dice, u32 size);

#endif
