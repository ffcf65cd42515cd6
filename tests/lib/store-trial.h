/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One change of a store that is interrupted, by a power cut or a callback that fails, and what may
 * be left of it: the store as before the change or as after it, and usable. A write in place may
 * also be a first part of itself.
 */
#ifndef STORE_TRIAL_H
#define STORE_TRIAL_H

#include "store-model.h"

struct trial {
	struct change change;
	struct smm_block block; /* the handle to start with */
	struct stock before, after;
	struct moment start, end;
	u64 bytes; /* what the change writes */
};

/*
 * Do @c in the store and in @now, with nothing to interrupt it, and be ready to try it again; free
 * it with trial_destroy(). True if it changed something.
 */
bool trial_init(struct trial *t, struct rig *r, struct stock *now, const struct change *c);
void trial_destroy(struct trial *t);

/* Go back to before the change and do it anew, with the faults given: bytes and calls until one. */
int trial_run(const struct trial *t, struct rig *r, u64 power, u64 calls);

/* Every call answers SMM_IO_ERR, and asks nothing of the chip. */
void trial_check_refused(const struct trial *t, struct rig *r);

/* What is wrong with what the mounted store holds, or NULL if it may be left. @now is zeroed and
 * receives what it is. */
const char *trial_store_wrong(const struct trial *t, struct rig *r, struct stock *now);

/* Nothing is wrong, nor with the room of the blocks. */
void trial_check_store(const struct trial *t, struct rig *r, struct stock *now);

/* The store that is @now can be changed, and gives an id that was never given. */
void trial_use(struct rig *r, struct stock *now);

/*
 * Format, and make one block of each sort: entry 0 has a checksum, 1 is foreign, 2 has no checksum,
 * 3 is a counter, 4 is empty. Behind the first is room to grow, behind the others none.
 */
void trial_lay_out(struct rig *r, struct stock *s);

/*
 * Call @try with every kind of change, in many sizes, of each of those blocks, and with new ones;
 * each time from the same store. It has to do the change, in the store and in @now.
 */
void trial_every_change(struct rig *r,
			void (*try)(struct rig *r, struct stock *now, const struct change *c));

#endif
