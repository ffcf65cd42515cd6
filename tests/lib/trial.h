/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One operation that is interrupted, by a power cut or a callback that fails, and what may be left
 * of it: the memory as before or as after it, with the contents of every block, and usable.
 */
#ifndef TRIAL_H
#define TRIAL_H

#include "memory.h"

struct trial {
	struct operation op;
	struct model before, after;
	struct model
		both; /* a block that moved: the new one is committed, the old one not yet freed */
	u8 *image;    /* the chip before the operation */
	u32 result;   /* what the operation returns if nothing interrupts it */
};

/* For a memory that is @before now; free it with trial_destroy(). */
void trial_init(struct trial *t, const struct memory *m, const struct model *before,
		struct operation op);
void trial_destroy(struct trial *t);

/* Put the chip back to what it was, in a new process. */
void trial_restart(const struct trial *t, struct memory *m);

/* @result is what the interrupted operation returned: no success, unless a block had moved. */
void trial_check_result(const struct trial *t, const struct memory *m, u32 result);

/* The memory, rebuilt or about to rebuild itself, is one of those that may be left; then use it. */
void trial_check_memory(const struct trial *t, struct memory *m);

/* Allocate the longest free run of a memory that is @now, or free the first block, and undo it. */
void trial_use(struct memory *m, const struct model *now);

#endif
