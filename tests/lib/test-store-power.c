/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Power loss at every byte of every change of a store, and then at every byte of the mount. After
 * both, the store must be as before the change or as after it, with nothing lost and nothing
 * leaked, and usable.
 *
 * Every change is tried on a store that was laid out for it, then along random histories, which in
 * the last part go on from what the cuts left.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "store-trial.h"

static u64 cases; /* power cuts that happened, each followed by a mount and the checks */

/* The chip is torn: mount it, with a second cut at every byte of that. */
static void mount_everywhere(struct rig *r, const struct trial *t, u8 *torn)
{
	struct stock now = { 0 };
	bool again = true;
	int result;

	memcpy(torn, r->chip.bytes, r->chip.size);
	for (r->recut = 0; again; r->recut++) {
		memcpy(r->chip.bytes, torn, r->chip.size);
		result = rig_mount_until(r, r->recut);
		again = r->chip.dead;
		if (again) {
			check(r, result == SMM_IO_ERR);
			result = rig_mount(r);
		}
		check(r, result == SMM_OK);
		chip_power_on(&r->chip);
		trial_check_store(t, r, &now);
		trial_use(r, &now);
		stock_destroy(&now);
		cases++;
	}
	r->recut = CHIP_NEVER;
}

/* Cut the power at every byte of @c; then it is done, in the store and in @now. */
static void cut_everywhere(struct rig *r, struct stock *now, const struct change *c)
{
	u8 *torn = malloc(r->chip.size);
	struct trial t;

	if (!torn)
		abort();
	trial_init(&t, r, now, c);
	for (r->cut = 0; r->cut < t.bytes; r->cut++) {
		check(r, trial_run(&t, r, r->cut, CHIP_NEVER) == SMM_IO_ERR);
		check(r, r->chip.dead);
		trial_check_refused(&t, r);
		mount_everywhere(r, &t, torn);
	}
	r->cut = CHIP_NEVER;
	rig_restore(r, &t.end);
	trial_destroy(&t);
	free(torn);
}

/* Part 1: every change of every kind of block, from one state. */

static void try_all(u32 size, u32 granule, bool copy)
{
	struct rig rig;

	rig_init(&rig, size, granule, copy);
	trial_every_change(&rig, cut_everywhere);
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
	struct dice dice = { seed * 0x10001 + size + granule + copy };
	struct stock stock = { 0 };
	struct change change;
	struct rig rig;

	rig_init(&rig, size, granule, copy);
	rig.seed = seed;
	rig_format(&rig);
	for (rig.step = 1; rig.step <= steps; rig.step++) {
		if (!dice_below(&dice, 4))
			check(&rig, rig_mount(&rig) == SMM_OK);
		change = change_random(&stock, &dice, size / 8);
		cut_everywhere(&rig, &stock, &change);
	}
	stock_destroy(&stock);
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

/* Cut @c at a random byte, and some mounts after it; go on from what is left, in @stock too. */
static void survive(struct rig *r, struct stock *stock, const struct change *c, struct dice *dice)
{
	struct stock now = { 0 };
	struct trial t;
	int result;

	if (trial_init(&t, r, stock, c)) {
		r->cut = dice_below(dice, (u32)t.bytes);
		check(r, trial_run(&t, r, r->cut, CHIP_NEVER) == SMM_IO_ERR);
		r->recut = 0;
		do {
			r->recut += dice_below(dice, 20);
			result = rig_mount_until(r, r->recut);
			cases++;
		} while (r->chip.dead);
		chip_power_on(&r->chip);
		check(r, result == SMM_OK);
		trial_check_store(&t, r, &now);
		stock_destroy(stock);
		*stock = now;
		r->cut = r->recut = CHIP_NEVER;
	}
	trial_destroy(&t);
}

static void long_life(u32 size, u32 granule, bool copy, u32 steps, u64 seed)
{
	struct dice dice = { seed * 0x10001 + size + granule + copy };
	struct stock stock = { 0 };
	struct change change;
	struct rig rig;

	rig_init(&rig, size, granule, copy);
	rig.seed = seed;
	rig_format(&rig);
	for (rig.step = 1; rig.step <= steps; rig.step++) {
		change = change_random(&stock, &dice, size / 8);
		if (dice_below(&dice, 4))
			survive(&rig, &stock, &change, &dice);
		else
			check_none(&rig, step_both(&rig, &stock, &change));
	}
	stock_destroy(&stock);
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
		} while (!change.target && change.kind != CHANGE_CREATE);
		survive(&rig, &stock, &change, &dice);
	}
	stock_destroy(&stock);
	rig_destroy(&rig);
}

/* Part 4: format. */

/* Not a store yet; or, where nothing was changed yet, what was @old before. */
static void check_unfinished(struct rig *r, const struct stock *old, const struct moment *before)
{
	u8 *bytes = malloc(r->chip.size);
	int result = rig_mount(r);
	struct smm_block b = { .kind = SMM_KIND_DATA };

	if (!bytes)
		abort();
	memcpy(bytes, r->chip.bytes, r->chip.size);
	if (old && !memcmp(bytes, before->bytes, r->chip.size)) {
		check(r, result == SMM_OK);
		check_none(r, stock_is(r, old));
	} else {
		check(r, result == SMM_UNFINISHED || (!old && result == SMM_NOT_FORMATTED));
		check(r, smm_store_create(&r->store, &b, NULL, 0) == SMM_NOT_FORMATTED);
	}
	check(r, !memcmp(bytes, r->chip.bytes, r->chip.size));
	free(bytes);
	cases++;
}

/* Cut a format at every byte, and the format after it. @old: what the chip held, or NULL. */
static void cut_format(struct rig *r, const struct stock *old)
{
	struct stock empty = { 0 };
	struct moment before, torn;
	bool cut = true, again;

	rig_save(r, &before);
	for (r->cut = 0; cut; r->cut++) {
		memcpy(r->chip.bytes, before.bytes, r->chip.size);
		cut = rig_format_until(r, r->cut) != SMM_OK;
		check(r, cut == r->chip.dead);
		if (!cut)
			break;
		rig_save(r, &torn);
		check_unfinished(r, old, &before);
		for (r->recut = 1, again = true; again; r->recut++) {
			memcpy(r->chip.bytes, torn.bytes, r->chip.size);
			again = rig_format_until(r, r->recut) != SMM_OK;
			check(r, again == r->chip.dead);
			if (again)
				check_unfinished(r, old, &before);
		}
		r->recut = CHIP_NEVER;
		moment_destroy(&torn);
		rig_format(r);
		check(r, rig_mount(r) == SMM_OK);
		check_none(r, stock_is(r, &empty));
		trial_use(r, &empty);
	}
	r->cut = CHIP_NEVER;
	moment_destroy(&before);
}

static void format(void **state)
{
	struct stock stock = { 0 };
	struct rig rig;
	u32 copy;

	(void)state;
	for (copy = 0; copy < 2; copy++) {
		rig_init(&rig, 512, 4, copy);
		cut_format(&rig, NULL);
		rig_destroy(&rig);
		rig_init(&rig, 1020, 4, copy);
		trial_lay_out(&rig, &stock);
		cut_format(&rig, &stock);
		stock_destroy(&stock);
		rig_destroy(&rig);
	}
}

static int report(void **state)
{
	(void)state;
	print_message("# power cuts: %llu cases\n", (unsigned long long)cases);
	return cases < 200000;
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
