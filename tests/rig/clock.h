/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The time that the emulated hardware goes by: the machine's, or one that a test steps.
 */
#pragma once

#include <stdint.h>

struct rig_clock {
	uint64_t (*now)(void *userdata); /* ns */
	void (*sleep)(void *userdata, uint64_t ns);
	void *userdata;
};

/* CLOCK_MONOTONIC. */
extern const struct rig_clock rig_real_clock;

/* Stands still at *@ns; to sleep moves it on. */
struct rig_clock rig_stepped_clock(uint64_t *ns);
