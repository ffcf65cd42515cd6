/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Power loss at every byte of what a store does; store-cuts.h says what must be left.
 *
 * Every change is tried on a store that was laid out for it, then along random histories, which in
 * the last part go on from what the cuts left.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "dice.h"
#include "store-cuts.h"

/* Part 1: every change of every kind of block, from one state. */

static void try_all(u32 size, u32 granule, bool copy)
{
	struct rig rig;

	rig_init(&rig, size, granule, copy);
	trial_every_change(&rig, cuts_everywhere);
	rig_destroy(&rig);
}

static void every_change(void **state)
{
	(void)state;
	try_all(1020, 4, false);
	try_all(1020, 4, true);
	try_all(1280, 16, true);
}

/* Part 2: histories. */

static void cut_history(u32 size, u32 granule, bool copy, u32 steps, u64 seed)
{
	struct rig rig;

	rig_init(&rig, size, granule, copy);
	cuts_history(&rig, steps, seed);
	rig_destroy(&rig);
}

static void histories(void **state)
{
	static const u32 sizes[] = { 396, 512, 640, 1024 };
	u64 round;
	u32 i, copy;

	(void)state;
	for (round = 0; round < dice_rounds(); round++)
		for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
			for (copy = 0; copy < 2; copy++)
				cut_history(sizes[i], 4, copy, 60, dice_seed() + round);
}

/* Part 3: long histories of cuts, each of which the store survives as it is. */

static void long_life(u32 size, u32 granule, bool copy, u32 steps, u64 seed)
{
	struct rig rig;

	rig_init(&rig, size, granule, copy);
	cuts_life(&rig, steps, seed);
	rig_destroy(&rig);
}

static void long_lives(void **state)
{
	u64 round;
	u32 copy;

	(void)state;
	for (round = 0; round < dice_rounds(); round++)
		for (copy = 0; copy < 2; copy++) {
			long_life(512, 4, copy, 2000, dice_seed() + round);
			long_life(1536, 4, copy, 2000, dice_seed() + round);
			long_life(4096, 16, copy, 1000, dice_seed() + round);
		}
}

/* The largest chip, but for its last 2 KiB one foreign block: all offsets are as long as they can
 * be. */
static void end_of_the_largest_chip(void **state)
{
	struct dice dice = { dice_seed() };
	struct stock stock = { 0 };
	struct smm_stats stats;
	struct change change;
	struct rig rig;

	(void)state;
	rig_init(&rig, SMM_SIZE_MAX, 4, true);
	rig.seed = dice_seed();
	rig_format(&rig);
	check(&rig, smm_measure(&rig.store.smm, &stats) == SMM_OK);
	check(&rig, stock_add_foreign(&stock, &rig, stats.largest_free - 2048));
	for (rig.step = 1; rig.step <= 100; rig.step++) {
		do {
			change = change_random(&stock, &dice, 400);
		} while (!change.target && !change_is_new(&change));
		cuts_survive(&rig, &stock, &change, &dice);
	}
	stock_destroy(&stock);
	rig_destroy(&rig);
}

/* Part 4: format. */

static void format(void **state)
{
	struct stock stock = { 0 };
	struct rig rig;
	u32 copy;

	(void)state;
	for (copy = 0; copy < 2; copy++) {
		rig_init(&rig, 512, 4, copy);
		cuts_format(&rig, NULL);
		rig_destroy(&rig);
		rig_init(&rig, 1020, 4, copy);
		trial_lay_out(&rig, &stock);
		cuts_format(&rig, &stock);
		stock_destroy(&stock);
		rig_destroy(&rig);
	}
}

static int report(void **state)
{
	(void)state;
	print_message("# power cuts: %llu cases\n", (unsigned long long)cuts_cases);
	return cuts_cases < dice_environment("SMM_TEST_CASES", 200000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_change), cmocka_unit_test(histories),
		cmocka_unit_test(long_lives),   cmocka_unit_test(end_of_the_largest_chip),
		cmocka_unit_test(format),
	};

	return cmocka_run_group_tests(tests, NULL, report);
}
