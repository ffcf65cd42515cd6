/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is not the program's fault: every single flipped bit of a chip, and a callback that fails at
 * every call of everything. Damage is corrected or reported, never passed on as if all were well.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "store-layout.h"
#include "store-trial.h"

#define SIZE 1020u

/* Flipped bits */

static void flip(struct rig *r, u32 bit)
{
	r->chip.bytes[bit / 8] ^= (u8)(1u << bit % 8);
}

/* The entry whose allocation has the byte at @offset, or NULL. */
static const struct entry *entry_at(const struct stock *s, u32 offset)
{
	u32 i;

	for (i = 0; i < s->count; i++)
		if (offset - s->entries[i].b.offset < s->entries[i].b.room)
			return &s->entries[i];
	return NULL;
}

static u32 count_blocks(struct rig *r)
{
	struct smm_block b = { 0 };
	u32 count = 0;

	while (smm_store_next(&r->store, b.offset, &b) == SMM_OK && b.offset)
		count++;
	return count;
}

/* The block at @e's place, as the store finds it. */
static void find_at(struct rig *r, const struct entry *e, struct smm_block *b)
{
	u32 after = 0;

	do {
		check(r, smm_store_next(&r->store, after, b) == SMM_OK);
		after = b->offset;
	} while (b->offset && b->offset != e->b.offset);
	check(r, b->offset);
}

/* @e is there and whole. */
static void check_intact(struct rig *r, const struct entry *e)
{
	struct smm_block b;
	u8 bytes[SIZE];

	find_at(r, e, &b);
	check(r, !memcmp(&b, &e->b, sizeof(b)));
	check(r, smm_store_verify(&r->store, &b) == SMM_OK);
	check(r, smm_store_read(&r->store, &b, 0, bytes, b.length) == SMM_OK);
	check(r, !memcmp(bytes, e->bytes, b.length));
}

/* All entries but @damaged are there and whole, and no others. */
static void check_others(struct rig *r, const struct stock *s, const struct entry *damaged)
{
	u32 i;

	check(r, count_blocks(r) == s->count);
	for (i = 0; i < s->count; i++)
		if (&s->entries[i] != damaged)
			check_intact(r, &s->entries[i]);
}

static void check_foreign_now(struct rig *r, const struct entry *e)
{
	struct smm_block b;

	check(r, smm_store_verify(&r->store, &e->b) == SMM_CORRUPT);
	check(r, smm_store_find_id(&r->store, e->b.id, &b) == SMM_NOT_FOUND);
	find_at(r, e, &b);
	check(r, b.kind == SMM_KIND_FOREIGN && b.room == e->b.room && b.length == b.room);
}

static void check_content_damaged(struct rig *r, const struct entry *e)
{
	u32 payload = layout_payload(&e->b);
	struct smm_block b;
	u8 bytes[SIZE];

	check(r, smm_store_find_id(&r->store, e->b.id, &b) == SMM_OK);
	check(r, !memcmp(&b, &e->b, sizeof(b)));
	check(r, smm_store_verify(&r->store, &b) == SMM_CHECKSUM);
	check(r, smm_store_read(&r->store, &b, 0, bytes, b.length) == SMM_CHECKSUM);
	check(r, !memcmp(bytes, r->chip.bytes + payload, b.length));
}

/* The bit at @offset of the entry's allocation is flipped. */
static void check_entry(struct rig *r, const struct entry *e, u32 offset)
{
	u32 payload = layout_payload(&e->b), end = payload + e->b.length;
	struct smm_block b;
	u8 bytes[SIZE];

	if (e->b.kind == SMM_KIND_FOREIGN)
		end = e->b.offset;
	else if (offset < payload)
		check_foreign_now(r, e);
	else if (e->b.checksummed && offset < end + LAYOUT_CHECKSUM)
		check_content_damaged(r, e);
	else if (offset >= end)
		check_intact(r, e);
	if (offset < payload || offset >= end || e->b.checksummed)
		return;
	/* Nothing watches over this content: the rest of it is what it was. */
	check(r, smm_store_find_id(&r->store, e->b.id, &b) == SMM_OK);
	check(r, smm_store_read(&r->store, &b, 0, bytes, b.length) == SMM_OK);
	bytes[offset - payload] = e->bytes[offset - payload];
	check(r, !memcmp(bytes, e->bytes, b.length));
}

/* What a mount has to answer to a flipped bit at @offset of the store's own. */
static int expected_mount(const struct smm_store *st, u32 offset)
{
	return offset < layout_system(st) || offset >= layout_log(st) ? SMM_OK : SMM_CORRUPT;
}

static void check_flip(struct rig *r, const struct stock *s, u32 offset, const u8 *whole)
{
	struct smm_block b = { .kind = SMM_KIND_DATA };
	const struct entry *damaged = entry_at(s, offset);
	int expected = expected_mount(&r->store, offset);

	check(r, rig_mount(r) == expected);
	if (offset < layout_system(&r->store))
		check(r, !memcmp(r->chip.bytes, whole, SIZE)); /* healed */
	else
		check(r, !r->chip.writes);
	if (expected != SMM_OK)
		refuses(r, expected, smm_store_create(&r->store, &b, NULL, 0));
	check_others(r, s, damaged);
	if (damaged)
		check_entry(r, damaged, offset);
}

static void every_flipped_bit(void **state)
{
	struct stock stock = { 0 };
	struct moment whole;
	struct rig r;
	u32 copy;

	(void)state;
	for (copy = 0; copy < 2; copy++) {
		rig_init(&r, SIZE, 4, copy);
		trial_lay_out(&r, &stock);
		r.trying = "a flipped bit";
		rig_save(&r, &whole);
		for (r.step = 0; r.step < 8 * SIZE; r.step++) {
			rig_restore(&r, &whole);
			chip_count(&r.chip);
			flip(&r, r.step);
			check_flip(&r, &stock, r.step / 8, whole.bytes);
			check(&r, !r.chip.outside);
		}
		moment_destroy(&whole);
		stock_destroy(&stock);
		rig_destroy(&r);
	}
}

#define MANY(...)                                                              \
	{                                                                      \
		.kind = CHANGE_WRITE_MANY, .parts = 2, .part = { __VA_ARGS__ } \
	}

/* No change of a block with a damaged content makes it look whole, but one that replaces all of it.
 */
static void damage_stays_damage(void **state)
{
	static const struct {
		struct change change;
		bool cures;
	} tries[] = {
		{ { .kind = CHANGE_RENAME, .block.name = "another length" }, false },
		{ { .kind = CHANGE_RENAME, .block.name = "CHECKED" }, false },
		{ { .kind = CHANGE_SET_MODE, .block.mode = 0400 }, false },
		{ { .kind = CHANGE_SET_OWNER, .block.uid = 1 }, false },
		{ { .kind = CHANGE_RESIZE, .size = 13 }, false },
		{ { .kind = CHANGE_RESIZE, .size = 25 }, false },
		{ { .kind = CHANGE_RESIZE, .size = 60 }, false },
		{ { .kind = CHANGE_RESIZE, .size = 180 }, false },
		{ { .kind = CHANGE_WRITE, .offset = 13, .size = 1 }, false },
		{ { .kind = CHANGE_WRITE, .offset = 13, .size = 11 }, false },
		{ { .kind = CHANGE_WRITE, .offset = 0, .size = 24 }, true },
		{ MANY({ 0, 0, 12, 0 }, { 0, 13, 11, 0 }), false },
		{ MANY({ 0, 0, 13, 0 }, { 0, 13, 11, 0 }), false },
		{ MANY({ 0, 0, 24, 0 }, { 0, 3, 4, 0 }), true },
		{ MANY({ 0, 3, 4, 0 }, { 0, 0, 24, 0 }), true },
		{ { .kind = CHANGE_REPLACE, .size = 24 }, true },
	};
	struct stock stock = { 0 };
	struct change change;
	struct moment whole;
	struct smm_block b;
	struct rig r;
	u8 data[24] = { 0 };
	int result;

	(void)state;
	rig_init(&r, SIZE, 4, false);
	trial_lay_out(&r, &stock);
	rig_save(&r, &whole);
	for (r.step = 0; r.step < sizeof(tries) / sizeof(*tries); r.step++) {
		rig_restore(&r, &whole);
		b = stock.entries[0].b;
		change = tries[r.step].change;
		change.data = data;
		r.trying = change_names[change.kind];
		flip(&r, 8 * (layout_payload(&b) + 12));
		result = change_do(&r, &stock, &change, &b, NULL);
		if (tries[r.step].cures) {
			check(&r, result == SMM_OK);
			check(&r, smm_store_verify(&r.store, &b) == SMM_OK);
		} else {
			check(&r, result == SMM_OK || result == SMM_CHECKSUM);
			check(&r, smm_store_verify(&r.store, &b) == SMM_CHECKSUM);
		}
	}
	moment_destroy(&whole);
	stock_destroy(&stock);
	rig_destroy(&r);
}

static void damaged_counter(void **state)
{
	struct rig *r = *state;
	struct smm_block b = { .kind = SMM_KIND_COUNTER, .length = 8 };
	int64_t value;

	value = 4711;
	check(r, smm_store_create(&r->store, &b, NULL, 0) == SMM_OK);
	flip(r, 8 * layout_payload(&b));
	refuses(r, SMM_CHECKSUM, smm_store_add(&r->store, &b, 1, &value));
	refuses(r, SMM_CHECKSUM, smm_store_add(&r->store, &b, 0, &value));
	check(r, value == 4711);
	flip(r, 8 * layout_payload(&b));
	r->chip.power = 3;
	check(r, smm_store_add(&r->store, &b, 1, &value) == SMM_IO_ERR);
	check(r, value == 4711);
}

/*
 * A record that waits for the mount, with a flipped bit: it counts for nothing, and as none of its
 * changes was begun, the store is as it was before.
 */
static void flip_record(struct rig *r, struct stock *now, const struct change *c)
{
	u32 log = layout_log(&r->store), end = log + r->store.log_size, bit;
	struct stock is = { 0 };
	struct moment torn;
	struct trial t;
	u64 cut;

	trial_init(&t, r, now, c);
	for (cut = 0; cut < t.bytes; cut++) {
		check(r, trial_run(&t, r, cut, CHIP_NEVER) == SMM_IO_ERR);
		rig_save(r, &torn);
		check(r, rig_mount(r) == SMM_OK);
		if (r->store.replayed)
			break;
		moment_destroy(&torn);
	}
	for (bit = 8 * log; cut < t.bytes && bit < 8 * end; bit++) {
		r->cut = bit;
		memcpy(r->chip.bytes, torn.bytes, r->chip.size);
		flip(r, bit);
		check(r, rig_mount(r) == SMM_OK);
		trial_check_store(&t, r, &is);
		check_none(r, r->store.replayed ? NULL : stock_differs(&is, &t.before));
		stock_destroy(&is);
	}
	r->cut = CHIP_NEVER;
	if (cut < t.bytes)
		moment_destroy(&torn);
	rig_restore(r, &t.end);
	trial_destroy(&t);
}

static void flipped_bits_of_a_waiting_record(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, SIZE, 4, true);
	trial_every_change(&r, flip_record);
	rig_destroy(&r);
}

/* Callbacks that fail */

/* Fail at every call of @c; then it is done. */
static void fail_everywhere(struct rig *r, struct stock *now, const struct change *c)
{
	struct stock is = { 0 };
	struct trial t;
	int result;

	trial_init(&t, r, now, c);
	for (r->cut = 0;; r->cut++) {
		result = trial_run(&t, r, CHIP_NEVER, r->cut);
		if (r->chip.calls_left != CHIP_NEVER)
			break; /* it was done before that call */
		check(r, result == SMM_IO_ERR);
		trial_check_refused(&t, r);
		check(r, rig_mount(r) == SMM_OK);
		trial_check_store(&t, r, &is);
		trial_use(r, &is);
		stock_destroy(&is);
	}
	check(r, result != SMM_IO_ERR);
	r->cut = CHIP_NEVER;
	rig_restore(r, &t.end);
	trial_destroy(&t);
}

static void failing_changes(void **state)
{
	struct rig r;
	u32 copy;

	(void)state;
	for (copy = 0; copy < 2; copy++) {
		rig_init(&r, SIZE, 4, copy);
		trial_every_change(&r, fail_everywhere);
		rig_destroy(&r);
	}
}

/* What only reads reports the failure, and has changed nothing. */
static void failing_reads(void **state)
{
	struct stock stock = { 0 };
	struct smm_block b;
	struct smm_store *st;
	struct rig r;
	u8 bytes[24];
	u64 calls;
	u32 kind;
	int result = SMM_IO_ERR;

	(void)state;
	rig_init(&r, SIZE, 4, false);
	trial_lay_out(&r, &stock);
	st = &r.store;
	for (kind = 0; kind < 5; kind++, result = SMM_IO_ERR)
		for (calls = 0; result == SMM_IO_ERR; calls++) {
			check(&r, rig_mount(&r) == SMM_OK);
			b = stock.entries[0].b;
			r.step = kind;
			r.cut = r.chip.calls_left = calls;
			chip_count(&r.chip);
			if (kind == 0)
				result = smm_store_next(st, b.offset, &b);
			else if (kind == 1)
				result = smm_store_find(st, "unchecked", &b);
			else if (kind == 2)
				result = smm_store_find_id(st, stock.entries[4].b.id, &b);
			else if (kind == 3)
				result = smm_store_read(st, &b, 0, bytes, 24);
			else
				result = smm_store_verify(st, &b);
			check(&r,
			      result == (r.chip.calls_left == CHIP_NEVER ? SMM_IO_ERR : SMM_OK));
			check(&r, !r.chip.writes);
			check(&r, rig_mount(&r) == SMM_OK);
			check_none(&r, stock_is(&r, &stock));
		}
	stock_destroy(&stock);
	rig_destroy(&r);
}

/* A mount that fails at any call, also with work to do, leaves all of it to the next. */
static void failing_mounts(void **state)
{
	struct smm_block b = { 0 };
	struct change change = { .kind = CHANGE_REPLACE,
				 .size = 24,
				 .data = (const u8 *)"two dozen bytes of data" };
	struct stock stock = { 0 }, is = { 0 };
	struct moment torn;
	struct trial t;
	struct rig r;
	u64 calls;
	int result;

	(void)state;
	rig_init(&r, SIZE, 4, false);
	trial_lay_out(&r, &stock);
	trial_init(&t, &r, &stock, &change);
	for (r.cut = 0; r.cut < t.bytes; r.cut++) {
		trial_run(&t, &r, r.cut, CHIP_NEVER);
		rig_save(&r, &torn);
		for (calls = 0, result = SMM_IO_ERR; result == SMM_IO_ERR; calls++) {
			r.recut = calls;
			memcpy(r.chip.bytes, torn.bytes, SIZE);
			rig_forget(&r);
			r.chip.calls_left = calls;
			result = smm_store_mount(&r.store);
			if (r.chip.calls_left != CHIP_NEVER)
				break;
			check(&r, result == SMM_IO_ERR);
			check(&r, smm_store_next(&r.store, 0, &b) == SMM_IO_ERR);
			check(&r, smm_store_create(&r.store, &b, NULL, 0) == SMM_IO_ERR);
			check(&r, rig_mount(&r) == SMM_OK);
			trial_check_store(&t, &r, &is);
			stock_destroy(&is);
		}
		check(&r, result == SMM_OK);
		moment_destroy(&torn);
	}
	trial_destroy(&t);
	stock_destroy(&stock);
	rig_destroy(&r);
}

static void failing_formats(void **state)
{
	struct smm_block b;
	struct rig r;
	u64 calls;
	int result = SMM_IO_ERR, mounted;

	(void)state;
	rig_init(&r, SIZE, 4, false);
	for (calls = 0; result == SMM_IO_ERR; calls++) {
		r.cut = calls;
		memset(r.chip.bytes, 0xff, SIZE);
		rig_forget(&r);
		r.chip.calls_left = calls;
		result = smm_store_format(&r.store, rig_identity, RIG_LABEL);
		check(&r, (result == SMM_IO_ERR) == (r.chip.calls_left == CHIP_NEVER));
		chip_power_on(&r.chip);
		check(&r, smm_store_next(&r.store, 0, &b) == result);
		mounted = rig_mount(&r);
		if (result == SMM_IO_ERR)
			check(&r, mounted == SMM_NOT_FORMATTED || mounted == SMM_UNFINISHED);
		else
			check(&r, mounted == SMM_OK);
	}
	check(&r, result == SMM_OK && calls > 5);
	rig_destroy(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_flipped_bit),
		cmocka_unit_test(damage_stays_damage),
		BOTH(damaged_counter),
		cmocka_unit_test(flipped_bits_of_a_waiting_record),
		cmocka_unit_test(failing_changes),
		cmocka_unit_test(failing_reads),
		cmocka_unit_test(failing_mounts),
		cmocka_unit_test(failing_formats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
