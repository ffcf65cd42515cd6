/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A map with lines beyond correction below a store: found by a mount, beside a record that waits in
 * the log, or met by a call in the middle of its work.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "store-layout.h"
#include "store-trial.h"

/* Two wrong bits in @line of the map; a second call puts them right. */
static void damage(struct rig *r, u32 line)
{
	r->chip.bytes[SMM_SUPERBLOCK + line * SMM_LINE] ^= 0x30;
}

static u32 line_of(const struct rig *r, const struct smm_block *b)
{
	return (b->offset - r->store.smm.data) / r->granule / SMM_LINE_GRANULES;
}

/* With the line of the store's own block, the blocks of the other lines are there all the same. */
static void line_of_the_own_block(void **state)
{
	struct rig *r = *state;
	struct smm_block near = rig_create(r, "near", 100), far = rig_create(r, "far", 300), b;

	near = rig_create(r, "next", 60);
	check(r, line_of(r, &near) > 1);
	damage(r, 0);
	refuses(r, SMM_CORRUPT, rig_mount(r));
	check(r, !memcmp(r->store.identity, rig_identity, SMM_ID_BYTES));
	check(r, smm_store_find(&r->store, "next", &b) == SMM_OK);
	check(r, !memcmp(&b, &near, sizeof(b)));
	check(r, smm_store_verify(&r->store, &b) == SMM_OK);
	refuses(r, SMM_CORRUPT, smm_store_set_mode(&r->store, &b, 0));
	refuses(r, SMM_CORRUPT, smm_store_free(&r->store, &far));
	damage(r, 0);
	check(r, rig_mount(r) == SMM_OK);
	check(r, smm_store_find(&r->store, "far", &b) == SMM_OK && !memcmp(&b, &far, sizeof(b)));
}

/* A chip that holds no store is none with a damaged map, either; it is not said to be blank. */
static void no_store(void **state)
{
	struct rig *r = *state;
	struct smm_block b;

	memset(r->chip.bytes + r->store.smm.data, 0xff, 200);
	refuses(r, SMM_NOT_FORMATTED, rig_mount(r));
	damage(r, 0);
	refuses(r, SMM_CORRUPT, rig_mount(r));
	check(r, smm_store_next(&r->store, 0, &b) == SMM_NOT_FORMATTED);
}

/*
 * A write that was cut between its bytes: it is finished though another line of the map is damaged,
 * as nothing else could tell that a block without a checksum is half old and half new.
 */
static void write_cut_beside_a_damaged_line(void **state)
{
	static const u8 ones[40] = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
				     1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 };
	struct rig *r = *state;
	struct smm_block b = rig_create(r, "b", 40), far;
	struct moment whole;
	u8 before[40], bytes[40];
	u32 replayed = 0;
	bool is_new;
	int result = SMM_IO_ERR;

	check(r, smm_store_write_in_place(&r->store, &b, 0, "\2", 1) == SMM_OK);
	check(r, smm_store_read(&r->store, &b, 0, before, sizeof(before)) == SMM_OK);
	rig_create(r, "filler", 400);
	far = rig_create(r, "far", 8);
	check(r, line_of(r, &far) > line_of(r, &b));
	rig_save(r, &whole);
	for (r->cut = 0; result != SMM_OK; r->cut++) {
		rig_restore(r, &whole);
		r->chip.power = r->cut;
		result = smm_store_write(&r->store, &b, 0, ones, sizeof(ones));
		damage(r, line_of(r, &far));
		check(r, rig_mount(r) == SMM_CORRUPT);
		replayed += r->store.replayed;
		check(r, smm_store_read(&r->store, &b, 0, bytes, sizeof(bytes)) == SMM_OK);
		is_new = r->store.replayed || result == SMM_OK;
		check(r, !memcmp(bytes, is_new ? ones : before, sizeof(bytes)));
		check(r, rig_mount(r) == SMM_CORRUPT && !r->store.replayed);
	}
	check(r, replayed >= sizeof(ones));
	rig_restore(r, &whole);
	moment_destroy(&whole);
}

/*
 * Without a RAM copy: the line of the old block goes bad, which a replacement notices only when it
 * frees that, with the new one in place. It is decided, and the next sound mount finishes it.
 */
static void line_that_a_replacement_meets(void **state)
{
	struct rig *r = *state;
	struct smm_block room = rig_create(r, "room", 24), b, old;
	u8 bytes[24];

	rig_create(r, "filler", 500);
	b = old = rig_create(r, "gone", 24);
	rig_create(r, "behind", 4);
	check(r, line_of(r, &b) > line_of(r, &room));
	check(r, smm_store_free(&r->store, &room) == SMM_OK);
	damage(r, line_of(r, &b));
	memset(bytes, 0x5a, sizeof(bytes));
	if (r->map) { /* never looked at again */
		check(r, smm_store_replace(&r->store, &b, bytes, sizeof(bytes)) == SMM_OK);
		return;
	}
	check(r, smm_store_replace(&r->store, &b, bytes, sizeof(bytes)) == SMM_CORRUPT);
	check(r, !memcmp(&b, &old, sizeof(b)));
	refuses(r, SMM_CORRUPT, smm_store_set_mode(&r->store, &b, 0));
	refuses(r, SMM_CORRUPT, smm_store_write(&r->store, &b, 0, bytes, 1));
	refuses(r, SMM_CORRUPT, rig_mount(r));
	damage(r, line_of(r, &old));
	check(r, rig_mount(r) == SMM_OK && r->store.replayed);
	check(r, smm_store_find_id(&r->store, old.id, &b) == SMM_OK);
	check(r, b.generation == old.generation + 1);
	rig_check_block(r, &b, bytes);
}

/* A content that is damaged: a resize says so, and has not begun. */
static void resize_of_a_damaged_content(void **state)
{
	static const u32 lengths[] = { 0, 30, 50, 300, 3000 };
	struct rig *r = *state;
	struct smm_block b = rig_create(r, "b", 40), old = b;
	u32 i;

	r->chip.bytes[layout_payload(&b) + 39] ^= 1;
	for (i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		refuses(r, lengths[i] < RIG_SIZE ? SMM_CHECKSUM : SMM_NO_FREE_SPACE,
			smm_store_resize(&r->store, &b, lengths[i]));
		check(r, !memcmp(&b, &old, sizeof(b)));
	}
}

/* It does not matter what the content was, where all of it is written, of large blocks too. */
static void overwrite_of_a_damaged_content(void **state)
{
	struct rig *r = *state;
	struct smm_block b = rig_create(r, "large", 300);
	u8 bytes[300];

	memset(bytes, 0x5a, sizeof(bytes));
	r->chip.bytes[layout_payload(&b) + 7] ^= 1;
	check(r, smm_store_write(&r->store, &b, 1, bytes, 299) == SMM_CHECKSUM);
	check(r, smm_store_write(&r->store, &b, 0, bytes, 300) == SMM_OK);
	check(r, b.generation == 2);
	rig_check_block(r, &b, bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(line_of_the_own_block),           BOTH(no_store),
		BOTH(write_cut_beside_a_damaged_line), BOTH(line_that_a_replacement_meets),
		BOTH(resize_of_a_damaged_content),     BOTH(overwrite_of_a_damaged_content),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
