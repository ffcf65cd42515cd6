/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What smm_store.h says of each call, one by one: what it does, at the edges too, and what it
 * refuses, with nothing written then. Every test runs without and with a RAM copy of the map.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "store-layout.h"
#include "store-model.h"

#define SIZE RIG_SIZE

static struct smm_block create_counter(struct rig *r)
{
	struct smm_block b = { .kind = SMM_KIND_COUNTER, .length = 8 };

	check(r, smm_store_create(&r->store, &b, NULL, 0) == SMM_OK);
	return b;
}

static void checksum_of_the_rfc(void **state)
{
	u8 bytes[32] = { 0 };
	u32 i;

	assert_int_equal(smm_crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(smm_crc32c(0, "", 0), 0);
	for (i = 0; i <= 9; i++)
		assert_int_equal(smm_crc32c(smm_crc32c(0, "123456789", i), &"123456789"[i], 9 - i),
				 0xe3069283);
	assert_int_equal(smm_crc32c(0, bytes, 32), 0x8a9136aa);
	memset(bytes, 0xff, 32);
	assert_int_equal(smm_crc32c(0, bytes, 32), 0x62a8ab43);
	for (i = 0; i < 32; i++)
		bytes[i] = (u8)i;
	assert_int_equal(smm_crc32c(0, bytes, 32), 0x46dd794e);
	for (i = 0; i < 32; i++)
		bytes[i] = (u8)(31 - i);
	assert_int_equal(smm_crc32c(0, bytes, 32), 0x113fdb5c);
	(void)state;
}

/* Create */

static void create_fills(void **state)
{
	struct rig *r = *state;
	struct smm_block b = { .kind = SMM_KIND_DATA, .mode = 0751, .uid = 5, .gid = UINT32_MAX };
	u8 bytes[100] = { 0 };
	u32 id;

	b.length = sizeof(bytes);
	strcpy(b.name, "zeros"); /* the chip is full of other bytes */
	check(r, smm_store_create(&r->store, &b, NULL, 0) == SMM_OK);
	check(r, b.offset && b.id == 1 && b.generation == 1 && b.checksummed);
	check(r, b.mode == 0751 && b.uid == 5 && b.gid == UINT32_MAX && b.kind == SMM_KIND_DATA);
	rig_check_block(r, &b, bytes);
	memset(bytes, 0xe1, sizeof(bytes));
	check(r, smm_store_create(&r->store, &b, NULL, 0xe1) == SMM_OK && b.id == 2);
	rig_check_block(r, &b, bytes);
	bytes[50] = 3;
	check(r, smm_store_create(&r->store, &b, bytes, 0xe1) == SMM_OK && b.id == 3);
	rig_check_block(r, &b, bytes);
	b.length = 0;
	check(r, smm_store_create(&r->store, &b, NULL, 1) == SMM_OK && b.id == 4);
	rig_check_block(r, &b, bytes);
	/* What is behind the NUL of a caller's name does not matter. */
	memset(b.name, 'x', sizeof(b.name));
	b.name[2] = '\0';
	check(r, smm_store_create(&r->store, &b, NULL, 1) == SMM_OK);
	check(r, smm_store_verify(&r->store, &b) == SMM_OK);
	check(r, smm_store_find(&r->store, "xx", &b) == SMM_OK);

	/* Every id was given once, also after a mount and after a free. */
	id = b.id;
	check(r, rig_mount(r) == SMM_OK);
	b = rig_create(r, "", 0);
	check(r, b.id > id);
	id = b.id;
	check(r, smm_store_free(&r->store, &b) == SMM_OK);
	check(r, rig_mount(r) == SMM_OK);
	check(r, rig_create(r, "", 0).id > id);
}

static void create_refuses(void **state)
{
	struct rig *r = *state;
	struct smm_block good = { .kind = SMM_KIND_DATA }, b;
	struct stock nothing = { 0 };
	struct smm_stats stats;

	b = good;
	b.kind = SMM_KIND_FOREIGN;
	refuses(r, SMM_PARAMETER_INVALID, smm_store_create(&r->store, &b, NULL, 0));
	b.kind = SMM_KIND_SYSTEM;
	refuses(r, SMM_PARAMETER_INVALID, smm_store_create(&r->store, &b, NULL, 0));
	b.kind = 17;
	refuses(r, SMM_PARAMETER_INVALID, smm_store_create(&r->store, &b, NULL, 0));
	b.kind = SMM_KIND_COUNTER;
	b.length = 7;
	refuses(r, SMM_PARAMETER_INVALID, smm_store_create(&r->store, &b, NULL, 0));
	b = good;
	b.mode = 01000;
	refuses(r, SMM_PARAMETER_INVALID, smm_store_create(&r->store, &b, NULL, 0));
	b = good;
	b.length = UINT32_MAX;
	check(r, smm_store_create(&r->store, &b, NULL, 0) == SMM_NO_FREE_SPACE);
	check(r, smm_measure(&r->store.smm, &stats) == SMM_OK);
	b.length = stats.largest_free - LAYOUT_HEADER - LAYOUT_CHECKSUM + 1;
	check(r, smm_store_create(&r->store, &b, NULL, 0) == SMM_NO_FREE_SPACE);
	check_none(r, stock_is(r, &nothing));
	b = good;
	b.length = stats.largest_free - LAYOUT_HEADER - LAYOUT_CHECKSUM;
	check(r, smm_store_create(&r->store, &b, NULL, 0) == SMM_OK);
	b = good;
	check(r, smm_store_create(&r->store, &b, NULL, 0) == SMM_NO_FREE_SPACE);
	check(r, !memcmp(&b, &good, sizeof(b)));
}

/* The last ids there are: each is given once, then no more. */
static void create_until_the_last_id(void **state)
{
	struct rig *r = *state;
	u8 *mark = r->chip.bytes + layout_id_mark(&r->store);
	u32 last = UINT32_MAX - 200, given = 0;
	struct smm_block b;
	int result;

	layout_put32(mark, last + 1);
	layout_protect_id_mark(mark);
	check(r, rig_mount(r) == SMM_OK);
	for (;; given++) {
		b = (struct smm_block){ .kind = SMM_KIND_DATA };
		result = smm_store_create(&r->store, &b, NULL, 0);
		if (result)
			break;
		check(r, b.id > last);
		last = b.id;
		check(r, smm_store_free(&r->store, &b) == SMM_OK);
	}
	check(r, given > 60);
	refuses(r, SMM_OVERFLOW, smm_store_create(&r->store, &b, NULL, 0));
	check(r, rig_mount(r) == SMM_OK);
	refuses(r, SMM_OVERFLOW, smm_store_create(&r->store, &b, NULL, 0));
}

/* A block as it was in another store; whatever its id is, it is not given again. */
static void adopt(void **state)
{
	static const u32 ids[] = { 1, 5, 3, 64, 65, 70, 1000, 4, UINT32_MAX - 66, UINT32_MAX - 2 };
	struct smm_block b = { .kind = SMM_KIND_DATA, .mode = 0604, .uid = 7, .length = 6 };
	u8 bytes[6] = { 0 };
	struct rig *r = *state;
	u32 i, highest = 0;

	strcpy(b.name, "as it was");
	for (i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
		r->step = i;
		b.id = ids[i];
		b.generation = i ? i : UINT32_MAX;
		b.checksummed = 0;
		memset(bytes, (int)i, sizeof(bytes));
		check(r, smm_store_adopt(&r->store, &b, i ? bytes : NULL) == SMM_OK);
		check(r, b.offset && b.id == ids[i] && b.generation == (i ? i : UINT32_MAX));
		check(r, b.mode == 0604 && b.uid == 7 && b.checksummed);
		rig_check_block(r, &b, bytes);
		highest = b.id > highest ? b.id : highest;
		check(r, r->store.next_id == highest + 1);
		if (i % 2) {
			check(r, rig_mount(r) == SMM_OK);
			check(r, r->store.next_id > highest);
			rig_check_block(r, &b, bytes);
			highest = r->store.next_id - 1;
		}
	}
	check(r, r->store.next_id == UINT32_MAX);
}

/* Between adopted blocks, created ones: on the chip as it is, and after a mount. */
static void create_after_adopt(void **state)
{
	struct rig *r = *state;
	struct smm_block b = { .kind = SMM_KIND_COUNTER, .length = 8, .id = 40, .generation = 3 };
	int64_t value;

	check(r, smm_store_adopt(&r->store, &b, NULL) == SMM_OK);
	check(r, smm_store_add(&r->store, &b, 5, &value) == SMM_OK && value == 5);
	check(r, rig_create(r, "", 0).id == 41);
	b.id = 39;
	check(r, smm_store_adopt(&r->store, &b, NULL) == SMM_OK);
	check(r, rig_create(r, "", 0).id == 42);
	b.id = 200;
	check(r, smm_store_adopt(&r->store, &b, NULL) == SMM_OK);
	check(r, rig_create(r, "", 0).id == 201);
	check(r, rig_mount(r) == SMM_OK);
	check(r, rig_create(r, "", 0).id > 201);
	b.id = UINT32_MAX - 1;
	check(r, smm_store_adopt(&r->store, &b, NULL) == SMM_OK);
	refuses(r, SMM_OVERFLOW, smm_store_create(&r->store, &b, NULL, 0));
	b.id = 38;
	check(r, smm_store_adopt(&r->store, &b, NULL) == SMM_OK && b.id == 38);
}

static void adopt_refuses(void **state)
{
	struct rig *r = *state;
	struct smm_block good = { .kind = SMM_KIND_DATA, .id = 9, .generation = 1 }, b;
	struct stock nothing = { 0 };

	b = good;
	b.id = 0;
	refuses(r, SMM_PARAMETER_INVALID, smm_store_adopt(&r->store, &b, NULL));
	b.id = UINT32_MAX;
	refuses(r, SMM_OVERFLOW, smm_store_adopt(&r->store, &b, NULL));
	b = good;
	b.generation = 0;
	refuses(r, SMM_PARAMETER_INVALID, smm_store_adopt(&r->store, &b, NULL));
	b = good;
	b.kind = SMM_KIND_SYSTEM;
	refuses(r, SMM_PARAMETER_INVALID, smm_store_adopt(&r->store, &b, NULL));
	b = good;
	strcpy(b.name, "a/b");
	refuses(r, SMM_BAD_NAME, smm_store_adopt(&r->store, &b, NULL));
	/* Where there is no room, no ids are used up either. */
	b = good;
	b.id = 1000000;
	b.length = SIZE;
	refuses(r, SMM_NO_FREE_SPACE, smm_store_adopt(&r->store, &b, NULL));
	check(r, b.id == 1000000 && !b.offset);
	check_none(r, stock_is(r, &nothing));
	check(r, rig_create(r, "", 0).id == 1);
}

/* Content */

static void replace(void **state)
{
	struct rig *r = *state;
	struct smm_block b = rig_create(r, "b", 10), counter = create_counter(r), old = b;
	u8 bytes[SIZE];

	memset(bytes, 0x77, sizeof(bytes));
	check(r, smm_store_replace(&r->store, &b, bytes, 300) == SMM_OK);
	check(r, b.id == old.id && b.generation == 2 && b.length == 300 && b.checksummed);
	rig_check_block(r, &b, bytes);
	check(r, smm_store_replace(&r->store, &b, NULL, 0) == SMM_OK);
	check(r, b.generation == 3 && b.length == 0);
	rig_check_block(r, &b, bytes);
	check(r, smm_store_replace(&r->store, &b, bytes, 1) == SMM_OK);
	rig_check_block(r, &b, bytes);
	refuses(r, SMM_NO_FREE_SPACE, smm_store_replace(&r->store, &b, bytes, SIZE));
	refuses(r, SMM_NO_FREE_SPACE, smm_store_replace(&r->store, &b, bytes, UINT32_MAX));
	rig_check_block(r, &b, bytes);
	refuses(r, SMM_PARAMETER_INVALID, smm_store_replace(&r->store, &counter, bytes, 9));
	check(r, smm_store_replace(&r->store, &counter, bytes, 8) == SMM_OK);
	check(r, counter.kind == SMM_KIND_COUNTER);
	rig_check_block(r, &counter, bytes);
}

static void ranges(void **state)
{
	static const u32 beyond[][2] = {
		{ 0, 11 },
		{ 10, 1 },
		{ 11, 0 },
		{ 5, 6 },
		{ 1, UINT32_MAX },
		{ UINT32_MAX, 1 },
		{ UINT32_MAX, UINT32_MAX },
		{ UINT32_MAX - 4, 10 },
		{ 0x80000000, 0x80000001 },
	};
	struct rig *r = *state;
	struct smm_block b = rig_create(r, "b", 10);
	const u8 *is = (const u8 *)"\1\2\3\4\5\6\7\10\11\12";
	u8 bytes[10];
	u32 i, j;

	for (i = 0; i < sizeof(beyond) / sizeof(*beyond); i++) {
		r->step = i;
		refuses(r, SMM_OUT_OF_RANGE,
			smm_store_read(&r->store, &b, beyond[i][0], bytes, beyond[i][1]));
		refuses(r, SMM_OUT_OF_RANGE,
			smm_store_write(&r->store, &b, beyond[i][0], bytes, beyond[i][1]));
		refuses(r, SMM_OUT_OF_RANGE,
			smm_store_write_in_place(&r->store, &b, beyond[i][0], bytes, beyond[i][1]));
	}
	for (i = 0; i <= 10; i++)
		for (j = 0; i + j <= 10; j++) {
			memset(bytes, 0xee, sizeof(bytes));
			check(r, smm_store_read(&r->store, &b, i, bytes, j) == SMM_OK);
			check(r, !memcmp(bytes, is + i, j));
			check(r, j == 10 || bytes[j] == 0xee);
		}
	refuses(r, SMM_OK, smm_store_write(&r->store, &b, 10, NULL, 0));
	refuses(r, SMM_OK, smm_store_write_in_place(&r->store, &b, 0, NULL, 0));
	rig_check_block(r, &b, is);
}

/* Every part of a block, with a checksum and without one. */
static void write_parts(void **state)
{
	struct rig *r = *state;
	struct smm_block b = rig_create(r, "b", 40);
	u8 is[40], bytes[40];
	u32 i, j, round = 0;

	for (i = 0; i < 40; i++)
		is[i] = (u8)(i + 1);
	for (; round < 2; round++) {
		for (i = 0; i <= 40; i++)
			for (j = 0; i + j <= 40; j++) {
				memset(bytes, (int)(i + j + round), j);
				memcpy(is + i, bytes, j);
				check(r, smm_store_write(&r->store, &b, i, bytes, j) == SMM_OK);
				check(r, b.generation == 1 && b.checksummed == !round);
				rig_check_block(r, &b, is);
			}
		check(r, smm_store_write_in_place(&r->store, &b, 0, is, 40) == SMM_OK);
	}
}

/* A part that no log can take: the block is copied, if there is room. */
static void write_large(void **state)
{
	struct rig *r = *state;
	struct smm_block b = rig_create(r, "large", 600), before = b;
	u8 is[600], bytes[598];
	u32 i;

	for (i = 0; i < 600; i++)
		is[i] = (u8)(i + 1);
	memset(bytes, 0xab, sizeof(bytes));
	memcpy(is + 1, bytes, sizeof(bytes));
	check(r, smm_store_write(&r->store, &b, 1, bytes, sizeof(bytes)) == SMM_OK);
	check(r, b.offset != before.offset && b.generation == 2 && b.id == before.id);
	rig_check_block(r, &b, is);

	rig_create(r, "in the way", 500);
	refuses(r, SMM_NO_FREE_SPACE, smm_store_write(&r->store, &b, 0, bytes, sizeof(bytes)));
	rig_check_block(r, &b, is);
	chip_count(&r->chip);
	check(r, smm_store_write_in_place(&r->store, &b, 0, bytes, sizeof(bytes)) == SMM_OK);
	check(r, r->chip.bytes_written < sizeof(bytes) + 100);
	memcpy(is, bytes, sizeof(bytes));
	check(r, b.generation == 2 && !b.checksummed);
	rig_check_block(r, &b, is);
	chip_count(&r->chip);
	check(r, smm_store_write(&r->store, &b, 3, "!", 1) == SMM_OK);
	check(r, r->chip.writes == 1 && r->chip.bytes_written == 1);
}

static void counter(void **state)
{
	static const struct {
		int64_t delta, value;
		int result;
	} steps[] = {
		{ 0, 0, SMM_OK },
		{ 1, 1, SMM_OK },
		{ -2, -1, SMM_OK },
		{ INT64_MIN, -1, SMM_OVERFLOW },
		{ INT64_MAX, INT64_MAX - 1, SMM_OK },
		{ 2, 0, SMM_OVERFLOW },
		{ 1, INT64_MAX, SMM_OK },
		{ 1, 0, SMM_OVERFLOW },
		{ 0, INT64_MAX, SMM_OK },
		{ INT64_MIN, -1, SMM_OK },
		{ -INT64_MAX, INT64_MIN, SMM_OK },
		{ -1, 0, SMM_OVERFLOW },
		{ 0, INT64_MIN, SMM_OK },
		{ INT64_MIN, 0, SMM_OVERFLOW },
	};
	struct rig *r = *state;
	struct smm_block b = create_counter(r), data = rig_create(r, "eight", 8);
	int64_t value;
	u8 bytes[8];
	u32 i, j;

	for (i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		r->step = i;
		value = 4711;
		if (steps[i].result)
			refuses(r, steps[i].result,
				smm_store_add(&r->store, &b, steps[i].delta, &value));
		else
			check(r, smm_store_add(&r->store, &b, steps[i].delta, &value) == SMM_OK);
		check(r, steps[i].result || value == steps[i].value);
		check(r, smm_store_read(&r->store, &b, 0, bytes, 8) == SMM_OK);
		for (j = 0; !steps[i].result && j < 8; j++)
			check(r, bytes[j] == (u8)((u64)value >> 8 * j));
	}
	refuses(r, SMM_OK, smm_store_add(&r->store, &b, 0, &value));
	refuses(r, SMM_NOT_COUNTER, smm_store_add(&r->store, &data, 1, &value));
	check(r, b.generation == 1);
}

/* Header */

static void header_changes(void **state)
{
	struct rig *r = *state;
	struct smm_block b = rig_create(r, "name", 5), before = b;

	check(r, smm_store_rename(&r->store, &b, "mane") == SMM_OK);
	check(r, b.offset == before.offset && b.generation == 1);
	check(r, smm_store_set_owner(&r->store, &b, 1000, 0xfffffffe) == SMM_OK);
	check(r, b.uid == 1000 && b.gid == 0xfffffffe);
	check(r, smm_store_set_mode(&r->store, &b, 0777) == SMM_OK && b.mode == 0777);
	check(r, smm_store_set_mode(&r->store, &b, 0) == SMM_OK && b.mode == 0);
	rig_check_block(r, &b, "\1\2\3\4\5");
	refuses(r, SMM_PARAMETER_INVALID, smm_store_set_mode(&r->store, &b, 01000));
	refuses(r, SMM_PARAMETER_INVALID, smm_store_set_mode(&r->store, &b, 0xffff));
	check(r, smm_store_rename(&r->store, &b, "as/if") == SMM_BAD_NAME);
	check(r, smm_store_rename(&r->store, &b, "longer") == SMM_OK);
	check(r, b.id == before.id && b.generation == 2 && b.uid == 1000 && b.mode == 0);
	rig_check_block(r, &b, "\1\2\3\4\5");
	rig_create(r, "", SIZE - b.offset - b.room - 40 - LAYOUT_HEADER - LAYOUT_CHECKSUM);
	refuses(r, SMM_NO_FREE_SPACE, smm_store_rename(&r->store, &b, "a good deal longer"));
	rig_check_block(r, &b, "\1\2\3\4\5");
}

/* From every length to every length, with free space behind the block or another block. */
static void resize(void **state)
{
	struct rig *r = *state;
	struct smm_block b, behind = { 0 };
	u8 is[24];
	u32 from, to, i, free_behind;

	for (from = 0; from <= 20; from++)
		for (to = 0; to <= 20; to++)
			for (free_behind = 0; free_behind < 2; free_behind++) {
				r->step = from * 100 + to;
				b = rig_create(r, "b", from);
				if (!free_behind)
					behind = rig_create(r, "behind", 3);
				for (i = 0; i < sizeof(is); i++)
					is[i] = (u8)(i < from ? i + 1 : 0);
				check(r, smm_store_resize(&r->store, &b, to) == SMM_OK);
				check(r, b.length == to && b.room == layout_room(4, &b));
				rig_check_block(r, &b, is);
				/* Nothing of what was cut off comes back. */
				memset(is + to, 0, sizeof(is) - to);
				check(r, smm_store_resize(&r->store, &b, 24) == SMM_OK);
				rig_check_block(r, &b, is);
				check(r, smm_store_free(&r->store, &b) == SMM_OK);
				if (!free_behind)
					check(r, smm_store_free(&r->store, &behind) == SMM_OK);
			}
}

static void resize_refuses(void **state)
{
	struct rig *r = *state;
	struct smm_block b = rig_create(r, "b", 4), counter = create_counter(r);

	refuses(r, SMM_NO_FREE_SPACE, smm_store_resize(&r->store, &b, SIZE));
	refuses(r, SMM_NO_FREE_SPACE, smm_store_resize(&r->store, &b, UINT32_MAX));
	refuses(r, SMM_NO_FREE_SPACE, smm_store_resize(&r->store, &b, UINT32_MAX - 40));
	refuses(r, SMM_PARAMETER_INVALID, smm_store_resize(&r->store, &counter, 9));
	refuses(r, SMM_OK, smm_store_resize(&r->store, &b, 4));
	rig_check_block(r, &b, "\1\2\3\4");
}

/* Free, find, verify, foreign */

static void free_blocks(void **state)
{
	struct rig *r = *state;
	struct smm_block a = rig_create(r, "a", 4), b = rig_create(r, "b", 4), old = a;
	struct smm_stats before, after;
	int64_t value;
	u8 bytes[8];

	check(r, smm_measure(&r->store.smm, &before) == SMM_OK);
	check(r, smm_store_free(&r->store, &a) == SMM_OK && !a.offset);
	check(r, smm_measure(&r->store.smm, &after) == SMM_OK);
	check(r, after.free == before.free + old.room && after.blocks == before.blocks - 1);
	check(r, smm_store_find(&r->store, "a", &a) == SMM_NOT_FOUND);
	refuses(r, SMM_FREE_FAILED, smm_store_free(&r->store, &old));
	a = (struct smm_block){ 0 };
	refuses(r, SMM_FREE_FAILED, smm_store_free(&r->store, &a));
	/* A block that was freed through this handle is none for any call. */
	a = create_counter(r);
	check(r, smm_store_free(&r->store, &a) == SMM_OK);
	refuses(r, SMM_OUT_OF_RANGE, smm_store_read(&r->store, &a, 0, bytes, sizeof(bytes)));
	refuses(r, SMM_OUT_OF_RANGE, smm_store_add(&r->store, &a, 0, &value));
	refuses(r, SMM_PARAMETER_INVALID, smm_store_write(&r->store, &a, 0, bytes, 1));
	refuses(r, SMM_PARAMETER_INVALID, smm_store_resize(&r->store, &a, 1));
	rig_check_block(r, &b, "\1\2\3\4");
}

static void find(void **state)
{
	struct rig *r = *state;
	struct smm_block b, blocks[5];
	char name[2] = "a";
	u32 i, offset = 0;

	for (i = 0; i < 5; i++, name[0]++)
		blocks[i] = rig_create(r, name, i);
	for (i = 0, name[0] = 'a'; i < 5; i++, name[0]++) {
		check(r, smm_store_find(&r->store, name, &b) == SMM_OK);
		check(r, !memcmp(&b, &blocks[i], sizeof(b)));
		check(r, smm_store_find_id(&r->store, blocks[i].id, &b) == SMM_OK);
		check(r, !memcmp(&b, &blocks[i], sizeof(b)));
		check(r, smm_store_next(&r->store, offset, &b) == SMM_OK);
		check(r, !memcmp(&b, &blocks[i], sizeof(b)));
		offset = b.offset;
	}
	check(r, smm_store_next(&r->store, offset, &b) == SMM_OK && !b.offset);
	check(r, smm_store_find(&r->store, "ab", &b) == SMM_NOT_FOUND);
	check(r, smm_store_find(&r->store, "A", &b) == SMM_NOT_FOUND);
	check(r, smm_store_find(&r->store, "", &b) == SMM_NOT_FOUND);
	rig_create(r, "longer", 0);
	check(r, smm_store_find(&r->store, "long", &b) == SMM_NOT_FOUND);
	check(r, smm_store_find_id(&r->store, 7, &b) == SMM_NOT_FOUND);
	check(r, smm_store_find_id(&r->store, 0, &b) == SMM_NOT_FOUND);
}

/* What firmware allocated is shown, can be read and freed, and nothing else. */
static void foreign(void **state)
{
	struct rig *r = *state;
	struct stock stock = { 0 };
	struct smm_block b;
	u8 bytes[40], ours[40];
	int64_t value;

	check(r, stock_add_foreign(&stock, r, 37));
	check_none(r, stock_is(r, &stock));
	check(r, smm_store_next(&r->store, 0, &b) == SMM_OK);
	check(r, b.kind == SMM_KIND_FOREIGN && b.room == 40 && b.length == 40);
	check(r, !b.id && !b.generation && !b.checksummed && !b.name[0]);
	memset(ours, 0xf0, 40);
	check(r, smm_store_read(&r->store, &b, 0, bytes, 40) == SMM_OK);
	check(r, !memcmp(bytes, ours, 40));
	check(r, smm_store_verify(&r->store, &b) == SMM_OK);
	refuses(r, SMM_OUT_OF_RANGE, smm_store_read(&r->store, &b, 1, bytes, 40));
	check(r, smm_store_find_id(&r->store, 0, &b) == SMM_NOT_FOUND);
	check(r, smm_store_find(&r->store, "", &b) == SMM_NOT_FOUND);

	b = stock.entries[0].b;
	refuses(r, SMM_PARAMETER_INVALID, smm_store_replace(&r->store, &b, bytes, 4));
	refuses(r, SMM_PARAMETER_INVALID, smm_store_write(&r->store, &b, 0, bytes, 4));
	refuses(r, SMM_PARAMETER_INVALID, smm_store_write_in_place(&r->store, &b, 0, bytes, 4));
	refuses(r, SMM_PARAMETER_INVALID, smm_store_resize(&r->store, &b, 4));
	refuses(r, SMM_PARAMETER_INVALID, smm_store_rename(&r->store, &b, "mine"));
	refuses(r, SMM_PARAMETER_INVALID, smm_store_set_owner(&r->store, &b, 0, 0));
	refuses(r, SMM_PARAMETER_INVALID, smm_store_set_mode(&r->store, &b, 0));
	refuses(r, SMM_NOT_COUNTER, smm_store_add(&r->store, &b, 1, &value));
	check_none(r, stock_is(r, &stock));
	check(r, smm_store_free(&r->store, &b) == SMM_OK);
	check(r, smm_store_next(&r->store, 0, &b) == SMM_OK && !b.offset);
	stock_destroy(&stock);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checksum_of_the_rfc),
		BOTH(create_fills),
		BOTH(create_refuses),
		BOTH(create_until_the_last_id),
		BOTH(adopt),
		BOTH(create_after_adopt),
		BOTH(adopt_refuses),
		BOTH(replace),
		BOTH(ranges),
		BOTH(write_parts),
		BOTH(write_large),
		BOTH(counter),
		BOTH(header_changes),
		BOTH(resize),
		BOTH(resize_refuses),
		BOTH(free_blocks),
		BOTH(find),
		BOTH(foreign),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
