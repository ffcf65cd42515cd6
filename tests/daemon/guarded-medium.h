/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A page guard over a chip of tests/lib/chip.h, as a medium for what is tested there.
 */
#pragma once

#include "../lib/medium.h"

struct guarded;

/* @cells is the chip; the guarded one outlives the medium that it is given as. */
struct guarded *guarded_new(struct medium cells, u32 page_size);
struct medium guarded_medium(struct guarded *g);
void guarded_free(struct guarded *g);
