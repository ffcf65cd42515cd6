/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Chips that somebody prepared: garbage, stores with mutated bytes, headers and log records whose
 * checksums are right and whose fields are not. Never a crash, a hang, an access outside the chip,
 * a write before the mount succeeded, or a read that leaves its block.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "store-layout.h"
#include "store-trial.h"

#define SIZE 1020u

#define LOOP 1000000u /* calls of a callback that no honest work on such a small chip needs */

/* What was read since the last look. */
static u32 lowest, highest;

static int watched_read(void *context, u32 offset, void *buffer, u32 size)
{
	if (offset < lowest)
		lowest = offset;
	if (offset + size > highest)
		highest = offset + size;
	return chip_read(context, offset, buffer, size);
}

/* A superblock may also ask for granules that no chip of this size can have. */
static bool nothing_mounted(int result)
{
	return result == SMM_CORRUPT || result == SMM_NOT_FORMATTED || result == SMM_UNFINISHED ||
	       result == SMM_NEWER_FORMAT || result == SMM_WRONG_SIZE ||
	       result == SMM_PARAMETER_INVALID;
}

/* Whatever its header says, @b stays in its allocation, and reading it in it too. */
static void check_bounds(struct rig *r, const struct smm_block *b)
{
	u8 bytes[SIZE];
	int result;

	check(r, b->kind <= SMM_KIND_COUNTER && b->mode <= 0777);
	check(r, b->offset >= r->store.smm.data && b->room <= SIZE - b->offset);
	check(r, b->length <= b->room && memchr(b->name, 0, sizeof(b->name)));
	if (b->kind != SMM_KIND_FOREIGN)
		check(r, layout_room(1, b) <= b->room);
	lowest = SIZE;
	highest = 0;
	result = smm_store_read(&r->store, b, 0, bytes, b->length);
	check(r, result == SMM_OK || result == SMM_CHECKSUM);
	result = smm_store_verify(&r->store, b);
	check(r, result == SMM_OK || result == SMM_CHECKSUM || result == SMM_CORRUPT);
	check(r, highest <= b->offset + b->room && (!highest || lowest >= b->offset));
	check(r, smm_store_read(&r->store, b, 0, bytes, b->length + 1) == SMM_OUT_OF_RANGE);
}

static u32 check_all_bounds(struct rig *r)
{
	struct smm_block b = { 0 };
	u32 after = 0, count = 0;

	r->store.smm.read = watched_read;
	for (;;) {
		check(r, smm_store_next(&r->store, after, &b) == SMM_OK);
		if (!b.offset)
			break;
		check(r, b.offset > after);
		check_bounds(r, &b);
		after = b.offset + b.room - 1;
		check(r, ++count < SIZE);
	}
	r->store.smm.read = chip_read;
	return count;
}

/* A random change: it has its reasons to refuse, but never that the chip failed. */
static void change_something(struct rig *r, struct dice *dice, u32 count, bool corrupt)
{
	struct stock one = { 0 };
	struct smm_block b = { 0 };
	struct change c;
	u32 i = count ? dice_below(dice, count) + 1 : 0;
	int64_t value;
	int result;

	while (i--)
		check(r, smm_store_next(&r->store, b.offset, &b) == SMM_OK);
	if (b.offset)
		stock_add(&one, &b, r->chip.bytes + b.offset);
	c = change_random(&one, dice, SIZE / 8);
	if (change_is_new(&c))
		b = c.block;
	chip_count(&r->chip);
	result = change_do(r, &one, &c, &b, &value);
	check(r, result != SMM_IO_ERR && result != SMM_NOT_FORMATTED);
	if (corrupt)
		check(r, result == SMM_CORRUPT && !r->chip.writes);
	stock_destroy(&one);
}

/* Take up whatever is on the chip, look at all of it, change something, and come back. */
static void live_with(struct rig *r, struct dice *dice)
{
	struct smm_block b;
	u8 before[SIZE];
	u32 again, data, count;
	int result;

	for (again = 0; again < 3; again++) {
		memcpy(before, r->chip.bytes, SIZE);
		chip_count(&r->chip);
		result = rig_mount(r);
		check(r, !r->chip.outside);
		if (smm_store_next(&r->store, 0, &b) == SMM_NOT_FORMATTED) {
			/* Not a byte was touched, unless of the map, which may have been corrected.
			 */
			data = r->store.smm.data;
			check(r, nothing_mounted(result));
			check(r, !memcmp(before + data, r->chip.bytes + data, SIZE - data));
			break;
		}
		check(r, result == SMM_OK || result == SMM_CORRUPT);
		check(r, memchr(r->store.label, 0, sizeof(r->store.label)));
		count = check_all_bounds(r);
		change_something(r, dice, count, result == SMM_CORRUPT);
		check_all_bounds(r);
		check(r, r->chip.reads < LOOP && r->chip.writes < LOOP);
		check(r, !r->chip.outside);
	}
}

/* Make every checksum right that is where the laid-out store has one. */
static void protect(struct rig *r, const struct stock *s, struct dice *dice)
{
	u8 *bytes = r->chip.bytes, *log = bytes + layout_log(&r->store);
	struct layout_record record;
	u32 i;

	for (i = 0; i < s->count; i++)
		if (s->entries[i].b.kind != SMM_KIND_FOREIGN)
			layout_protect_header(bytes + s->entries[i].b.offset);
	layout_protect_header(bytes + r->store.smm.data);
	layout_protect_system(bytes + layout_system(&r->store));
	layout_protect_id_mark(bytes + layout_id_mark(&r->store));
	layout_record_begin(&record, log);
	record.used += dice_below(dice, r->store.log_size - 10);
	layout_record_end(&record);
}

/* Random bytes on top of @whole, a store, and then @checked: with the checksums made right. */
static void mutate(struct rig *r, struct dice *dice, const struct stock *s,
		   const struct moment *whole, bool checked)
{
	u32 count = 1 + dice_below(dice, 8), at, i;

	rig_restore(r, whole);
	for (; count; count--) {
		at = dice_below(dice, SIZE);
		i = dice_below(dice, s->count);
		if (checked) /* where it matters: in a header, in the log, in the store's own block
			      */
			at = dice_below(dice, 2) ? s->entries[i].b.offset + dice_below(dice, 34)
						 : r->store.smm.data + dice_below(dice, 230);
		if (dice_below(dice, 2))
			r->chip.bytes[at] = (u8)dice_next(dice);
		else
			r->chip.bytes[at] ^= (u8)(1u << dice_below(dice, 8));
	}
	if (checked)
		protect(r, s, dice);
}

static void garbage(void **state)
{
	struct dice dice = { dice_seed() };
	struct rig r;
	u32 i;

	(void)state;
	for (i = 0; i < 2; i++) {
		rig_init(&r, SIZE, 4, i);
		r.seed = dice_seed();
		memset(r.chip.bytes, 0, SIZE);
		live_with(&r, &dice);
		memset(r.chip.bytes, 0xff, SIZE);
		live_with(&r, &dice);
		for (r.step = 0; r.step < 5000 * dice_rounds(); r.step++) {
			dice_fill(&dice, r.chip.bytes, SIZE);
			live_with(&r, &dice);
		}
		rig_destroy(&r);
	}
}

/* Anything but the map and the superblock is random: it was formatted, and had some allocations. */
static void garbage_in_a_formatted_memory(void **state)
{
	struct dice dice = { dice_seed() };
	struct smm *s;
	struct rig r;
	u32 i, offset;

	(void)state;
	rig_init(&r, SIZE, 4, false);
	r.seed = dice_seed();
	s = &r.store.smm;
	for (r.step = 0; r.step < 2000 * dice_rounds(); r.step++) {
		rig_forget(&r);
		check(&r, smm_format(s) == SMM_OK);
		for (i = 0; i < 8; i++)
			(void)smm_alloc(s, 1 + dice_below(&dice, 300), &offset);
		dice_fill(&dice, r.chip.bytes + s->data, SIZE - s->data);
		live_with(&r, &dice);
	}
	rig_destroy(&r);
}

static void mutated_stores(void **state)
{
	struct dice dice = { dice_seed() };
	struct stock stock = { 0 };
	struct moment whole;
	struct rig r;
	u32 i;

	(void)state;
	for (i = 0; i < 4; i++) {
		rig_init(&r, SIZE, 4, i & 1);
		trial_lay_out(&r, &stock);
		rig_save(&r, &whole);
		r.seed = dice_seed();
		r.trying = i & 2 ? "a mutated store with right checksums" : "a mutated store";
		for (r.step = 0; r.step < 10000 * dice_rounds(); r.step++) {
			mutate(&r, &dice, &stock, &whole, i & 2);
			live_with(&r, &dice);
		}
		moment_destroy(&whole);
		stock_destroy(&stock);
		rig_destroy(&r);
	}
}

/* Headers that say what cannot be */

struct lie {
	const char *what;
	u32 at, size; /* the field, and its bytes */
	u32 value;
};

static void check_lie(struct rig *r, const struct smm_block *b, const struct moment *whole,
		      const struct lie *lie)
{
	u8 *header = r->chip.bytes + b->offset;
	struct smm_block now;
	u32 i;

	rig_restore(r, whole);
	r->trying = lie->what;
	for (i = 0; i < lie->size; i++)
		header[lie->at + i] = (u8)(lie->value >> 8 * i);
	layout_protect_header(header);
	check(r, rig_mount(r) == SMM_OK);
	check_all_bounds(r);
	check(r, smm_store_next(&r->store, 0, &now) == SMM_OK && now.offset == b->offset);
	check(r, now.kind == SMM_KIND_FOREIGN && now.length == now.room && !now.id);
	check(r, smm_store_verify(&r->store, b) == SMM_CORRUPT);
}

static void lying_headers(void **state)
{
	static const struct lie lies[] = {
		{ "a length past the allocation", AT_LENGTH, 4, 43 },
		{ "a length of 4 GiB", AT_LENGTH, 4, UINT32_MAX },
		{ "a length that wraps around", AT_LENGTH, 4, UINT32_MAX - 37 },
		{ "a name of 64 bytes", AT_NAME_LENGTH, 1, 64 },
		{ "a name of 255 bytes", AT_NAME_LENGTH, 1, 255 },
		{ "a name past the allocation", AT_NAME_LENGTH, 1, 63 },
		{ "a name that takes the place of the checksum", AT_NAME_LENGTH, 1, 46 },
		{ "a NUL in the name", AT_NAME + 1, 1, 0 },
		{ "a slash in the name", AT_NAME + 1, 1, '/' },
		{ "a control character in the name", AT_NAME, 1, '\n' },
		{ "a stray byte in the name", AT_NAME + 5, 1, 0x80 },
		{ "an overlong sequence in the name", AT_NAME, 2, 0xafc0 },
		{ "a surrogate in the name", AT_NAME, 3, 0x80a0ed },
		{ "a truncated sequence in the name", AT_NAME + 5, 1, 0xe2 },
		{ "kind 0", AT_KIND, 1, LAYOUT_CHECKED | 0 },
		{ "the store's own kind", AT_KIND, 1, LAYOUT_CHECKED | SMM_KIND_SYSTEM },
		{ "an unknown kind", AT_KIND, 1, LAYOUT_CHECKED | 4 },
		{ "a counter of 40 bytes", AT_KIND, 1, LAYOUT_CHECKED | SMM_KIND_COUNTER },
		{ "a mode over 0777", AT_MODE, 2, 01600 },
	};
	struct rig *r = *state;
	struct smm_block b = rig_create(r, "honest", 40);
	struct moment whole;
	u32 i;

	rig_create(r, "neighbour", 100);
	rig_save(r, &whole);
	for (i = 0; i < sizeof(lies) / sizeof(*lies); i++)
		check_lie(r, &b, &whole, &lies[i]);
	moment_destroy(&whole);
}

static void lying_store_blocks(void **state)
{
	static const struct lie lies[] = {
		{ "no log", AT_LOG_SIZE, 4, 0 },
		{ "a short log", AT_LOG_SIZE, 4, 100 },
		{ "a log past the store's own block", AT_LOG_SIZE, 4, 132 },
		{ "a log of 4 GiB", AT_LOG_SIZE, 4, UINT32_MAX },
		{ "a log past the memory", AT_LOG_SIZE, 4, 1024 },
	};
	struct rig *r = *state;
	u32 system = layout_system(&r->store), i;
	struct moment whole;

	rig_create(r, "neighbour", 100);
	rig_save(r, &whole);
	for (i = 0; i < sizeof(lies) / sizeof(*lies); i++) {
		rig_restore(r, &whole);
		r->trying = lies[i].what;
		layout_put32(r->chip.bytes + system + lies[i].at, lies[i].value);
		layout_protect_system(r->chip.bytes + system);
		refuses(r, SMM_CORRUPT, rig_mount(r));
		check(r, check_all_bounds(r) == 1);
	}
	rig_restore(r, &whole);
	r->trying = "no version";
	layout_put32(r->chip.bytes + system + AT_VERSION, 0);
	layout_protect_system(r->chip.bytes + system);
	refuses(r, SMM_CORRUPT, rig_mount(r));
	rig_restore(r, &whole);
	r->trying = "no first id";
	memset(r->chip.bytes + layout_id_mark(&r->store), 0, LAYOUT_ID_MARK);
	layout_protect_id_mark(r->chip.bytes + layout_id_mark(&r->store));
	refuses(r, SMM_CORRUPT, rig_mount(r));
	/* The header says nothing that the fields do not say. */
	rig_restore(r, &whole);
	r->trying = "a block that is too short";
	layout_put32(r->chip.bytes + system - LAYOUT_HEADER + AT_LENGTH, 60);
	layout_protect_header(r->chip.bytes + system - LAYOUT_HEADER);
	check(r, rig_mount(r) == SMM_OK);
	check(r, !memcmp(r->chip.bytes, whole.bytes, RIG_SIZE));
	r->trying = "neither header nor fields";
	r->chip.bytes[system - 1]++;
	r->chip.bytes[system]++;
	refuses(r, SMM_NOT_FORMATTED, rig_mount(r));
	moment_destroy(&whole);
}

/* Records that say what cannot be */

/*
 * A record with one change that is fine, and the one in @lie: nothing of it may happen. Bytes are
 * looked at before the first change is made, allocations when it is their turn.
 */
static void check_record(struct rig *r, const struct lie *lie)
{
	struct layout_record record;
	struct smm_block b;
	struct moment whole;
	u8 data[64] = { 0 };

	rig_save(r, &whole);
	r->trying = lie->what;
	check(r, smm_store_find(&r->store, "honest", &b) == SMM_OK);
	layout_record_begin(&record, r->chip.bytes + layout_log(&r->store));
	if (!lie->size)
		layout_record_add(&record, lie->value, NULL, 0);
	layout_record_add(&record, layout_bytes(layout_payload(&b), 4), data, 4);
	if (lie->size)
		layout_record_add(&record, lie->value, data, lie->size);
	layout_record_end(&record);
	refuses(r, SMM_CORRUPT, rig_mount(r));
	check(r, !r->chip.outside);
	rig_check_block(r, &b, whole.bytes + layout_payload(&b));
	b = (struct smm_block){ .kind = SMM_KIND_DATA };
	refuses(r, SMM_CORRUPT, smm_store_create(&r->store, &b, NULL, 0));
	rig_restore(r, &whole);
	moment_destroy(&whole);
}

static void lying_records(void **state)
{
	struct rig *r = *state;
	struct smm_block b = rig_create(r, "honest", 80);
	u32 data = r->store.smm.data, inside = (layout_payload(&b) + 7) & ~3u, i;
	const struct lie lies[] = {
		{ "bytes for the superblock", 0, 8, layout_bytes(0, 8) },
		{ "bytes for the map", 0, 1, layout_bytes(data - 1, 1) },
		{ "bytes for the map and on", 0, 8, layout_bytes(data - 4, 8) },
		{ "bytes at the end and past it", 0, 8, layout_bytes(RIG_SIZE - 4, 8) },
		{ "bytes past the end", 0, 8, layout_bytes(RIG_SIZE, 8) },
		{ "bytes far past the end", 0, 8, layout_bytes(0x1ffff0, 8) },
		{ "more bytes than the record has", 0, 8, layout_bytes(data + 400, 9) },
		{ "2,047 bytes of a short record", 0, 8, layout_bytes(data, 2047) },
		{ "a release past the end", 0, 0, layout_release(0x1ffffc) },
		{ "a release in the map", 0, 0, layout_release(12) },
		{ "a release off the granules", 0, 0, layout_release(data + 402) },
		{ "a release of the store's own block", 0, 0, layout_release(data) },
		{ "the store's own block made anew", 0, 0, layout_commit(data) },
		{ "an allocation past the end", 0, 0, layout_commit(0x1ffffc) },
		{ "an allocation in the map", 0, 0, layout_commit(12) },
		{ "an allocation without a header", 0, 0, layout_commit(data + 600) },
		{ "an allocation off the granules", 0, 0, layout_commit(data + 602) },
		{ "an allocation in a block", 0, 0, layout_commit(inside) },
	};
	u8 header[LAYOUT_HEADER] = { 0 };

	/* The last one finds a header there. */
	header[AT_KIND] = SMM_KIND_DATA;
	layout_protect_header(header);
	check(r, smm_store_write(&r->store, &b, inside - layout_payload(&b), header,
				 sizeof(header)) == SMM_OK);
	for (i = 0; i < sizeof(lies) / sizeof(*lies); i++)
		check_record(r, &lies[i]);
}

/* What ends before its change does, or is longer than the log: no record at all, or a corrupt one.
 */
static void record_of_every_size(void **state)
{
	struct rig *r = *state;
	struct smm_block b = rig_create(r, "honest", 40);
	u8 *log = r->chip.bytes + layout_log(&r->store);
	struct layout_record record;
	struct moment whole;
	u32 size;
	int result;

	rig_save(r, &whole);
	for (size = 0; size < 1016; size++) { /* what the byte n can say */
		rig_restore(r, &whole);
		r->step = size;
		memset(log, 0xff, r->store.log_size);
		layout_record_begin(&record, log);
		record.used += size;
		layout_record_end(&record);
		chip_count(&r->chip);
		result = rig_mount(r);
		check(r, result == SMM_OK || result == SMM_CORRUPT);
		check(r, (result == SMM_OK) ==
				 (size == 0 || (size + 3) / 4 * 4 > r->store.log_size - 6));
		check(r, !r->chip.writes && !r->chip.outside);
		if (layout_log(&r->store) + size + 9 < b.offset)
			rig_check_block(r, &b, whole.bytes + layout_payload(&b));
	}
	moment_destroy(&whole);
}

/* Content for @b at offset 0 that begins, in the log, with all of a record of @size bytes of
 * changes. */
static void imitate_record(const struct smm_block *b, u32 size, u8 *content, u32 count)
{
	u32 head = layout_bytes(layout_payload(b), count);
	struct layout_record record;
	u8 log[200];

	memset(content, 0, count);
	layout_record_begin(&record, log);
	layout_record_add(&record, head, content, size - 4);
	layout_record_end(&record);
	memcpy(content + size - 4, log + record.used, 4);
}

/*
 * Somebody writes into his block what would be a record, if only the log began as that of a shorter
 * one does; then the power goes while a shorter one is written.
 */
static void content_that_looks_like_a_record(void **state)
{
	struct rig *r = *state;
	struct smm_block his = rig_create(r, "his", 90), other = rig_create(r, "other", 10), b;
	struct moment whole;
	u8 content[80];
	u32 size;

	for (size = 8; size <= sizeof(content); size += 4) {
		imitate_record(&his, size, content, sizeof(content));
		check(r, smm_store_write(&r->store, &his, 0, content, sizeof(content)) == SMM_OK);
		r->step = size;
		rig_save(r, &whole);
		for (r->cut = 0;; r->cut++) {
			rig_restore(r, &whole);
			r->chip.power = r->cut;
			b = other;
			if (smm_store_set_mode(&r->store, &b, 0777) == SMM_OK)
				break;
			check(r, rig_mount(r) == SMM_OK);
			check(r, smm_store_verify(&r->store, &his) == SMM_OK);
			check(r, smm_store_find_id(&r->store, other.id, &b) == SMM_OK);
			check(r, b.mode == 0600 || b.mode == 0777);
			check(r, smm_store_verify(&r->store, &b) == SMM_OK);
		}
		rig_restore(r, &whole);
		moment_destroy(&whole);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(garbage),        cmocka_unit_test(garbage_in_a_formatted_memory),
		cmocka_unit_test(mutated_stores), BOTH(lying_headers),
		BOTH(lying_store_blocks),         BOTH(lying_records),
		BOTH(record_of_every_size),       BOTH(content_that_looks_like_a_record),
	};

	alarm(300); /* a hang fails too */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
