/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Repeatable chance for the tests, and the two variables that steer it:
 *
 *  - SMM_TEST_SCALE=N runs N rounds of every random test, each with a seed of its own;
 *  - SMM_TEST_SEED=S, from 1, is the seed of the first round; a failing check prints its own.
 */
#ifndef DICE_H
#define DICE_H

#include <stdlib.h>

#include "smm.h"

struct dice {
	u64 state;
};

/* SplitMix64 (G. L. Steele, D. Lea, C. H. Flood, OOPSLA 2014): any seed is a good one. */
static inline u64 dice_next(struct dice *dice)
{
	u64 z = dice->state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* A number from 0 to @count - 1. */
static inline u32 dice_below(struct dice *dice, u32 count)
{
	return (u32)((dice_next(dice) >> 32) * count >> 32);
}

static inline void dice_fill(struct dice *dice, u8 *bytes, u32 size)
{
	while (size--)
		*bytes++ = (u8)dice_next(dice);
}

static inline u64 dice_environment(const char *name, u64 otherwise)
{
	const char *value = getenv(name);

	return value ? strtoull(value, NULL, 0) : otherwise;
}

static inline u64 dice_rounds(void)
{
	return dice_environment("SMM_TEST_SCALE", 1);
}

static inline u64 dice_seed(void)
{
	return dice_environment("SMM_TEST_SEED", 1);
}

#endif
