/* SPDX-License-Identifier: BSD-3-Clause */
#include "store-cuts.h"

#include <stdlib.h>
#include <string.h>

u64 cuts_cases;

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
		cuts_cases++;
	}
	r->recut = CHIP_NEVER;
}

void cuts_everywhere(struct rig *r, struct stock *now, const struct change *c)
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

void cuts_history(struct rig *r, u32 steps, u64 seed)
{
	struct dice dice = { seed * 0x10001 + r->chip.size + r->granule + !!r->map };
	struct stock stock = { 0 };
	struct change change;

	r->seed = seed;
	rig_format(r);
	for (r->step = 1; r->step <= steps; r->step++) {
		if (!dice_below(&dice, 4))
			check(r, rig_mount(r) == SMM_OK);
		change = change_random(&stock, &dice, r->medium.size / 8);
		cuts_everywhere(r, &stock, &change);
	}
	stock_destroy(&stock);
}

void cuts_survive(struct rig *r, struct stock *stock, const struct change *c, struct dice *dice)
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
			cuts_cases++;
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

void cuts_life(struct rig *r, u32 steps, u64 seed)
{
	struct dice dice = { seed * 0x10001 + r->chip.size + r->granule + !!r->map };
	struct stock stock = { 0 };
	struct change change;

	r->seed = seed;
	rig_format(r);
	for (r->step = 1; r->step <= steps; r->step++) {
		change = change_random(&stock, &dice, r->medium.size / 8);
		if (dice_below(&dice, 4))
			cuts_survive(r, &stock, &change, &dice);
		else
			check_none(r, step_both(r, &stock, &change));
	}
	stock_destroy(&stock);
}

/* What a store would read. */
static u8 *contents(struct rig *r)
{
	u8 *bytes = malloc(r->medium.size);

	if (!bytes)
		abort();
	check(r, r->medium.read(r->medium.context, 0, bytes, r->medium.size) == 0);
	return bytes;
}

/* Not a store yet; or, where nothing was changed yet, what was @old before. */
static void check_unfinished(struct rig *r, const struct stock *old, const u8 *before)
{
	int result = rig_mount(r);
	struct smm_block b = { .kind = SMM_KIND_DATA };
	struct stock empty = { 0 };
	u8 *bytes = contents(r), *after;

	if (old && !memcmp(bytes, before, r->medium.size)) {
		check(r, result == SMM_OK);
		check_none(r, stock_is(r, old));
	} else if (r->chip.page_size && result == SMM_OK) {
		check_none(r, stock_is(r, &empty)); /* the last cycle had come to its end */
	} else {
		check(r, result == SMM_UNFINISHED || (!old && result == SMM_NOT_FORMATTED));
		check(r, smm_store_create(&r->store, &b, NULL, 0) == SMM_NOT_FORMATTED);
	}
	after = contents(r);
	check(r, !memcmp(bytes, after, r->medium.size));
	free(bytes);
	free(after);
	cuts_cases++;
}

void cuts_format(struct rig *r, const struct stock *old)
{
	struct stock empty = { 0 };
	struct moment before, torn;
	bool cut = true, again;
	u8 *bytes = contents(r);

	rig_save(r, &before);
	for (r->cut = 0; cut; r->cut++) {
		memcpy(r->chip.bytes, before.bytes, r->chip.size);
		cut = rig_format_until(r, r->cut) != SMM_OK;
		check(r, cut == r->chip.dead);
		if (!cut)
			break;
		rig_save(r, &torn);
		check_unfinished(r, old, bytes);
		for (r->recut = 1, again = true; again; r->recut++) {
			memcpy(r->chip.bytes, torn.bytes, r->chip.size);
			again = rig_format_until(r, r->recut) != SMM_OK;
			check(r, again == r->chip.dead);
			if (again)
				check_unfinished(r, old, bytes);
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
	free(bytes);
}
