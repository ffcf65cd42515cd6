/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Power loss at every byte of changes of a store, and then at every byte of the mount. After both,
 * the store must be as before the change or as after it, with nothing lost and nothing leaked, and
 * usable.
 */
#ifndef STORE_CUTS_H
#define STORE_CUTS_H

#include "store-trial.h"

extern u64 cuts_cases; /* power cuts that happened, each followed by a mount and the checks */

/* Cut the power at every byte of @c; then it is done, in the store and in @now. For
 * trial_every_change(). */
void cuts_everywhere(struct rig *r, struct stock *now, const struct change *c);

/* Format, and do the same along a random history. */
void cuts_history(struct rig *r, u32 steps, u64 seed);

/* Cut @c at a random byte, and some mounts after it; go on from what is left, in @stock too. */
void cuts_survive(struct rig *r, struct stock *stock, const struct change *c, struct dice *dice);

/* Format, and live through a long random history of cuts, each of which is survived as it is. */
void cuts_life(struct rig *r, u32 steps, u64 seed);

/* Cut a format at every byte, and the format after it. @old: what the chip held, or NULL. */
void cuts_format(struct rig *r, const struct stock *old);

#endif
