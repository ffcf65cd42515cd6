/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The cells of a chip model behind its two wires: what is stored when, and what a power cut leaves.
 */
#pragma once

#include "chip-model.h"

/* Whether it can answer at all: it has power, and has had it for long enough. */
bool model_awake(const struct model *model);
bool model_busy(const struct model *model);

void model_fall_asleep(struct model *model);
void model_wake_up(struct model *model);

/* The cell at the pointer, which goes on to the next one. */
uint8_t model_fetch(struct model *model);
void model_put(struct model *model, uint8_t byte);
void model_skip(struct model *model); /* instead of a put that is not allowed */

/* What was put in a page is written now, or is forgotten. */
void model_begin_cycle(struct model *model);
void model_forget_latch(struct model *model);
