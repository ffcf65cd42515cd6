/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random histories of a store, in step with the reference model: every call must have the model's
 * result, every block the model's header and content, now and after a mount; also where the store
 * is nearly full all the time. SMM_TEST_SCALE and SMM_TEST_SEED as in dice.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "store-model.h"

/* The store as it is, and as a new process finds it. */
static void check_all(struct rig *r, struct stock *s)
{
	struct smm_block b;
	u32 i;

	check_none(r, stock_is(r, s));
	chip_count(&r->chip);
	check(r, rig_mount(r) == SMM_OK);
	check(r, !r->chip.bytes_written && !r->store.replayed);
	check_none(r, stock_is(r, s));
	for (i = 0; i < s->count && i < 16; i++) {
		if (s->entries[i].b.kind == SMM_KIND_FOREIGN)
			continue;
		check(r, smm_store_find_id(&r->store, s->entries[i].b.id, &b) == SMM_OK);
		check(r, !memcmp(&b, &s->entries[i].b, sizeof(b)));
	}
}

static void history(u32 size, u32 granule, bool copy, u32 steps, u32 block, u64 seed)
{
	struct dice dice = { seed * 0x10001 + size + granule + copy };
	struct stock stock = { 0 };
	struct change change;
	struct rig rig;

	rig_init(&rig, size, granule, copy);
	rig.seed = seed;
	rig_format(&rig);
	for (rig.step = 1; rig.step <= steps; rig.step++) {
		change = change_random(&stock, &dice, block);
		check_none(&rig, step_both(&rig, &stock, &change));
		if (!dice_below(&dice, 50))
			stock_add_foreign(&stock, &rig, 1 + dice_below(&dice, block / 4));
		if (rig.step % (steps / 20) == 0)
			check_all(&rig, &stock);
	}
	stock_destroy(&stock);
	rig_destroy(&rig);
}

/* Bytes of chips, and the steps that each gets. */
static const struct {
	u32 size, steps;
} chips[] = {
	{ 512, 1500 },      { 768, 1500 },      { 1024, 1500 },     { 2 * 1024, 1500 },
	{ 8 * 1024, 1000 }, { 32 * 1024, 500 }, { 64 * 1024, 300 }, { 128 * 1024, 200 },
};

static void histories(bool copy, u32 share)
{
	u32 i, granule;
	u64 round;

	for (round = 0; round < dice_rounds(); round++)
		for (i = 0; i < sizeof(chips) / sizeof(*chips); i++)
			for (granule = 4; granule <= 64; granule *= 4)
				history(chips[i].size, granule, copy, chips[i].steps,
					chips[i].size / share, dice_seed() + round);
}

static void without_copy(void **state)
{
	(void)state;
	histories(false, 16);
}

static void with_copy(void **state)
{
	(void)state;
	histories(true, 16);
}

/* With a few blocks of up to a third of the chip, most changes that need room do not find it. */
static void nearly_full(void **state)
{
	(void)state;
	histories(false, 3);
	histories(true, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_copy),
		cmocka_unit_test(with_copy),
		cmocka_unit_test(nearly_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
