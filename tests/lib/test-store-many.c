/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * smm_store_write_many(): which parts it makes of blocks, alone and together, what it refuses, with
 * nothing written then, and how much of the log it takes. The histories and the power cuts of the
 * other tests have it among their changes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "store-layout.h"
#include "store-model.h"

#define PART(b, at, length, bytes)                                              \
	{                                                                       \
		.block = (b), .offset = (at), .size = (length), .data = (bytes) \
	}

static void several_blocks(void **state)
{
	struct rig *r = *state;
	struct smm_block a = rig_create(r, "a", 10), b = rig_create(r, "b", 3), other = a;
	struct smm_block counter = { .kind = SMM_KIND_COUNTER, .length = 8 };
	struct smm_write writes[] = {
		PART(&a, 1, 2, "xy"),
		PART(&counter, 0, 8, "\5\0\0\0\0\0\0\0"),
		PART(&b, 3, 0, NULL),
		PART(&other, 8, 2, "zz"),
	};
	int64_t value;

	check(r, smm_store_create(&r->store, &counter, NULL, 0) == SMM_OK);
	check(r, smm_store_write_many(&r->store, writes, 4) == SMM_OK);
	check(r, !memcmp(&a, &other, sizeof(a)) && a.generation == 1);
	rig_check_block(r, &a, "\1xy\4\5\6\7\10zz");
	rig_check_block(r, &b, "\1\2\3");
	check(r, smm_store_add(&r->store, &counter, 1, &value) == SMM_OK && value == 6);
	check(r, rig_mount(r) == SMM_OK && !r->store.replayed);
	rig_check_block(r, &a, "\1xy\4\5\6\7\10zz");
}

/* Parts that begin and end anywhere in a block, the second before, beside, over, in the first. */
static void two_parts(void **state)
{
	struct rig *r = *state;
	struct smm_block b = rig_create(r, "b", 7), same = b;
	u8 is[7] = { 1, 2, 3, 4, 5, 6, 7 }, first[7], second[7];
	struct smm_write parts[36], writes[2];
	u32 i, j, count = 0, round;

	for (i = 0; i <= 7; i++)
		for (j = 0; i + j <= 7; j++)
			parts[count++] = (struct smm_write)PART(&b, i, j, first);
	for (round = 0; round < 2; round++) {
		for (i = 0; i < count; i++)
			for (j = 0; j < count; j++) {
				r->step = i * 100 + j;
				memset(first, (int)r->step, 7);
				memset(second, (int)r->step + 50, 7);
				writes[0] = parts[i];
				writes[1] = parts[j];
				writes[1].block = &same;
				writes[1].data = second;
				memcpy(is + parts[i].offset, first, parts[i].size);
				memcpy(is + parts[j].offset, second, parts[j].size);
				check(r, smm_store_write_many(&r->store, writes, 2) == SMM_OK);
				rig_check_block(r, &b, is);
			}
		check(r, smm_store_write_in_place(&r->store, &b, 0, is, 7) == SMM_OK);
		same = b;
	}
}

/* What the library reads in pieces, with parts over it; then many over one place. */
static void parts_over_parts(void **state)
{
	struct rig *r = *state;
	struct smm_block b = rig_create(r, "b", 80);
	struct smm_write writes[20] = {
		PART(&b, 1, 70,
		     "a part of which only the beginning is left, and something between others"),
		PART(&b, 60, 8, "eight by"),
		PART(&b, 66, 10, "ten bytes."),
		PART(&b, 63, 2, "//"),
	};
	u8 is[80], bytes[20];
	u32 i;

	for (i = 0; i < 80; i++)
		is[i] = (u8)(i + 1);
	for (i = 0; i < 4; i++)
		memcpy(is + writes[i].offset, writes[i].data, writes[i].size);
	check(r, smm_store_write_many(&r->store, writes, 4) == SMM_OK);
	rig_check_block(r, &b, is);
	for (i = 0; i < 20; i++) {
		bytes[i] = (u8)(200 - i);
		writes[i] = (struct smm_write)PART(&b, 60 + i % 3, 1, bytes + i);
		is[60 + i % 3] = bytes[i];
	}
	check(r, smm_store_write_many(&r->store, writes, 20) == SMM_OK);
	rig_check_block(r, &b, is);
}

static void refused(void **state)
{
	static const u32 beyond[][2] = {
		{ 0, 11 },         { 10, 1 },         { 11, 0 },
		{ 1, UINT32_MAX }, { UINT32_MAX, 1 }, { UINT32_MAX - 4, 10 },
	};
	struct rig *r = *state;
	struct smm_block b = rig_create(r, "b", 10), freed = rig_create(r, "freed", 4);
	struct smm_block large = rig_create(r, "large", 300), foreign;
	struct stock stock = { 0 };
	u8 bytes[300] = { 0 };
	struct smm_write writes[] = { PART(&b, 0, 4, bytes), PART(&b, 5, 2, bytes) };
	u32 i;

	check(r, stock_add_foreign(&stock, r, 20));
	foreign = stock.entries[0].b;
	stock_destroy(&stock);
	check(r, smm_store_free(&r->store, &freed) == SMM_OK);
	refuses(r, SMM_OK, smm_store_write_many(&r->store, NULL, 0));
	for (i = 0; i < sizeof(beyond) / sizeof(*beyond); i++) {
		r->step = i;
		writes[1].offset = beyond[i][0];
		writes[1].size = beyond[i][1];
		refuses(r, SMM_OUT_OF_RANGE, smm_store_write_many(&r->store, writes, 2));
	}
	writes[1] = (struct smm_write)PART(&foreign, 0, 1, bytes);
	refuses(r, SMM_PARAMETER_INVALID, smm_store_write_many(&r->store, writes, 2));
	writes[1] = (struct smm_write)PART(&freed, 0, 1, bytes);
	refuses(r, SMM_PARAMETER_INVALID, smm_store_write_many(&r->store, writes, 2));
	writes[1] = (struct smm_write)PART(&b, 5, 2, NULL);
	refuses(r, SMM_PTR_ERR, smm_store_write_many(&r->store, writes, 2));
	refuses(r, SMM_PTR_ERR, smm_store_write(&r->store, &b, 5, NULL, 2));
	writes[1] = (struct smm_write)PART(&large, 0, 300, bytes);
	refuses(r, SMM_TOO_LARGE, smm_store_write_many(&r->store, writes, 2));
	rig_check_block(r, &b, "\1\2\3\4\5\6\7\10\11\12");
	writes[0].size = writes[1].size = 0;
	refuses(r, SMM_OK, smm_store_write_many(&r->store, writes, 2));
}

/* Up to its last byte the log is used, and not beyond it. */
static void as_much_as_the_log_holds(void **state)
{
	struct rig *r = *state;
	struct smm_block a = rig_create(r, "a", 200), b = rig_create(r, "b", 200);
	u8 bytes[200], is[200];
	u32 size, need, last = 0;

	memset(bytes, 0x5a, sizeof(bytes));
	for (size = 1; size < 120; size++) {
		struct smm_write writes[] = {
			PART(&a, 0, size, bytes),
			PART(&b, 199 - size % 2, 1 + size % 2, bytes),
			PART(&a, size, 1, bytes),
		};
		const struct layout_run runs[] = {
			{ layout_payload(&a), size },
			{ layout_payload(&b) + 199 - size % 2, 5 + size % 2 },
			{ layout_payload(&a) + size, 1 },
			{ layout_payload(&a) + 200, 4 },
		};

		r->step = size;
		need = smm_store_log_bytes(writes, 3);
		check(r, need == layout_log_bytes(runs, 4));
		if (need > r->store.log_size) {
			refuses(r, SMM_TOO_LARGE, smm_store_write_many(&r->store, writes, 3));
			continue;
		}
		last = need;
		check(r, smm_store_write_many(&r->store, writes, 3) == SMM_OK);
		check(r, smm_store_verify(&r->store, &a) == SMM_OK);
		check(r, smm_store_verify(&r->store, &b) == SMM_OK);
	}
	check(r, last == r->store.log_size - 2 && r->store.log_size == 128);
	memset(is, 0x5a, sizeof(is));
	check(r, smm_store_read(&r->store, &a, 0, bytes, 80) == SMM_OK);
	check(r, !memcmp(bytes, is, 80));
}

/* A sum of sizes that 32 bits do not hold. */
static void more_than_can_be_counted(void **state)
{
	static struct smm_write writes[2048];
	struct rig *r = *state;
	struct smm_block b = rig_create(r, "b", 10);
	u32 i;

	b.length = 0x200000; /* only the sizes are looked at */
	b.checksummed = 0;
	for (i = 0; i < 2048; i++)
		writes[i] = (struct smm_write)PART(&b, 0, 0x200000 - 4, writes);
	check(r, smm_store_log_bytes(writes, 2048) > r->store.log_size);
	refuses(r, SMM_TOO_LARGE, smm_store_write_many(&r->store, writes, 2048));
}

/* A byte of a block without a checksum needs no record, whatever is nothing beside it. */
static void one_byte(void **state)
{
	struct rig *r = *state;
	struct smm_block a = rig_create(r, "a", 3), b = rig_create(r, "b", 3);
	struct smm_write writes[] = {
		PART(&b, 1, 0, "?"),
		PART(&a, 1, 1, "!"),
		PART(&a, 2, 0, "?"),
		PART(&a, 2, 1, "."),
	};

	check(r, smm_store_write_in_place(&r->store, &a, 0, "abc", 3) == SMM_OK);
	chip_count(&r->chip);
	check(r, smm_store_write_many(&r->store, writes, 3) == SMM_OK);
	check(r, r->chip.writes == 1 && r->chip.bytes_written == 1 && !r->chip.reads);
	rig_check_block(r, &a, "a!c");
	chip_count(&r->chip);
	check(r, smm_store_write_many(&r->store, writes, 4) == SMM_OK);
	check(r, r->chip.bytes_written > 10);
	rig_check_block(r, &a, "a!.");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(several_blocks),
		BOTH(two_parts),
		BOTH(parts_over_parts),
		BOTH(refused),
		BOTH(as_much_as_the_log_holds),
		BOTH(more_than_can_be_counted),
		BOTH(one_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
