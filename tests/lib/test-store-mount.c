/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What smm_store.h says of format, mount and names: what they do, at the edges too, and what they
 * refuse, with nothing written then. Most tests run without and with a RAM copy of the map.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "store-layout.h"
#include "store-model.h"

#define SIZE RIG_SIZE

/* 63 bytes. */
static const char long_name[] = "sixty-three bytes, the most that a name of a block may have: ..";

/* Names */

static const char *const good_names[] = {
	"",       "a",      "~",      " ",          "two words",  ".",
	"..",     "\\",     "ä",      "\u00a0",     "\u07ff",     "\u0800",
	"\ud7ff", "\ue000", "\uffff", "\U00010000", "\U0010ffff", "naïve \u2026 \U0001d11e",
};

static const char *const bad_names[] = {
	"/",
	"a/b",
	"\t",
	"\n",
	"\x1f",
	"\x7f",
	"a\x01",
	"\xc2\x80",
	"\xc2\x9f", /* control characters */
	"\x80",
	"\xbf",
	"a\x80",
	"\xfe",
	"\xff",
	"\xf8\x88\x80\x80\x80", /* not the start of one */
	"\xc3",
	"a\xe2\x80",
	"\xf0\x9d\x84",
	"\xc3(",
	"\xe2\x80(",
	"\xe2(\x80", /* truncated */
	"\xc0\x80",
	"\xc1\xbf",
	"\xc0\xaf",
	"\xe0\x80\xaf",
	"\xe0\x9f\xbf",
	"\xf0\x8f\xbf\xbf", /* overlong */
	"\xed\xa0\x80",
	"\xed\xbf\xbf", /* surrogates */
	"\xf4\x90\x80\x80",
	"\xf7\xbf\xbf\xbf", /* past the last */
};

static void names(void **state)
{
	struct rig *r = *state;
	struct smm_block b = rig_create(r, "old", 3), other;
	u32 i;

	for (i = 0; i < sizeof(good_names) / sizeof(*good_names); i++) {
		r->step = i;
		check(r, smm_store_is_name(good_names[i]));
		check(r, smm_store_rename(&r->store, &b, good_names[i]) == SMM_OK);
		check(r, !strcmp(b.name, good_names[i]));
		rig_check_block(r, &b, "\1\2\3");
		check(r, smm_store_free(&r->store, &b) == SMM_OK);
		b = rig_create(r, good_names[i], 3);
		rig_check_block(r, &b, "\1\2\3");
		check(r, rig_format_until(r, CHIP_NEVER) == SMM_OK);
		check(r, smm_store_format(&r->store, rig_identity, good_names[i]) == SMM_OK);
		check(r, rig_mount(r) == SMM_OK);
		check(r, !strcmp(r->store.label, good_names[i]));
		b = rig_create(r, "old", 3);
	}
	for (i = 0; i < sizeof(bad_names) / sizeof(*bad_names); i++) {
		r->step = i;
		check(r, !smm_store_is_name(bad_names[i]));
		refuses(r, SMM_BAD_NAME, smm_store_rename(&r->store, &b, bad_names[i]));
		rig_check_block(r, &b, "\1\2\3");
		other = (struct smm_block){ .kind = SMM_KIND_DATA };
		strcpy(other.name, bad_names[i]);
		refuses(r, SMM_BAD_NAME, smm_store_create(&r->store, &other, NULL, 0));
	}
	for (i = 0; i < sizeof(bad_names) / sizeof(*bad_names); i++)
		refuses(r, SMM_BAD_NAME, smm_store_format(&r->store, rig_identity, bad_names[i]));
}

static void names_of_every_length(void **state)
{
	struct rig *r = *state;
	struct smm_block b = rig_create(r, "", 5), other = { .kind = SMM_KIND_DATA };
	char name[SMM_NAME_MAX + 2];
	u32 i;

	for (i = 0; i <= SMM_NAME_MAX; i++) {
		memcpy(name, long_name, i);
		name[i] = '\0';
		check(r, smm_store_rename(&r->store, &b, name) == SMM_OK);
		rig_check_block(r, &b, "\1\2\3\4\5");
		check(r, smm_store_find(&r->store, name, &other) == SMM_OK);
		check(r, other.id == b.id && strlen(other.name) == i);
	}
	memset(name, 'n', sizeof(name));
	name[SMM_NAME_MAX + 1] = '\0';
	refuses(r, SMM_BAD_NAME, smm_store_rename(&r->store, &b, name));
	/* A name that fills its array has no NUL. */
	memset(other.name, 'n', sizeof(other.name));
	refuses(r, SMM_BAD_NAME, smm_store_create(&r->store, &other, NULL, 0));
	/* 62 bytes, and a character of two of which only one would fit. */
	memcpy(other.name + 62, "ä", 2);
	refuses(r, SMM_BAD_NAME, smm_store_create(&r->store, &other, NULL, 0));
	rig_check_block(r, &b, "\1\2\3\4\5");

	name[SMM_LABEL_MAX + 1] = '\0';
	refuses(r, SMM_BAD_NAME, smm_store_format(&r->store, rig_identity, name));
	name[SMM_LABEL_MAX] = '\0';
	check(r, rig_mount(r) == SMM_OK);
	check(r, smm_store_format(&r->store, rig_identity, name) == SMM_OK);
	check(r, rig_mount(r) == SMM_OK && !strcmp(r->store.label, name));
}

/* Format and mount */

static void format_and_mount(void **state)
{
	struct rig *r = *state;
	struct smm_block b;
	u32 log_size = r->store.log_size;
	int again;

	for (again = 0; again < 2; again++) {
		check(r, !memcmp(r->store.identity, rig_identity, SMM_ID_BYTES));
		check(r, !strcmp(r->store.label, RIG_LABEL));
		check(r, log_size && r->store.log_size == log_size && !r->store.replayed);
		check(r, smm_store_next(&r->store, 0, &b) == SMM_OK && !b.offset);
		chip_count(&r->chip);
		check(r, rig_mount(r) == SMM_OK && !r->chip.writes);
	}
	b = rig_create(r, "one", 9);
	rig_format(r);
	check(r, rig_mount(r) == SMM_OK);
	check(r, smm_store_find(&r->store, "one", &b) == SMM_NOT_FOUND);
	check(r, rig_create(r, "two", 2).id == 1);
}

/* A store, or SMM_NO_FREE_SPACE with the chip as it was. */
static bool format_small(u32 size, u32 granule, bool copy)
{
	struct smm_block b = { .kind = SMM_KIND_DATA };
	struct moment before;
	struct rig r;
	int result;

	rig_init(&r, size, granule, copy);
	rig_save(&r, &before);
	result = rig_format_until(&r, CHIP_NEVER);
	if (result == SMM_OK) {
		check(&r, rig_mount(&r) == SMM_OK);
		check(&r, !strcmp(r.store.label, RIG_LABEL));
		check(&r, smm_store_next(&r.store, 0, &b) == SMM_OK && !b.offset);
	} else {
		check(&r, result == SMM_NO_FREE_SPACE);
		check(&r, !memcmp(r.chip.bytes, before.bytes, size));
		check(&r, smm_store_create(&r.store, &b, NULL, 0) == SMM_NOT_FORMATTED);
	}
	moment_destroy(&before);
	rig_destroy(&r);
	return result == SMM_OK;
}

static void format_of_every_small_size(void **state)
{
	u32 size, granule;
	bool was, is;

	for (granule = 4; granule <= 16; granule *= 2)
		for (size = 20 + granule, is = false; size <= 600; size += 4) {
			was = is;
			is = format_small(size, granule, size % 8);
			assert_true(is || !was); /* what a smaller chip can, a larger one can */
			assert_true(is || size < 400);
		}
	(void)state;
}

static void format_refuses(void **state)
{
	struct rig *r = *state;
	struct smm_store *st = &r->store;

	rig_forget(r);
	st->smm.read = NULL;
	refuses(r, SMM_PTR_ERR, smm_store_format(st, rig_identity, ""));
	refuses(r, SMM_PTR_ERR, smm_store_mount(st));
	rig_forget(r);
	st->smm.write = NULL;
	refuses(r, SMM_PTR_ERR, smm_store_format(st, rig_identity, ""));
	rig_forget(r);
	st->smm.size = SIZE - 2;
	refuses(r, SMM_PARAMETER_INVALID, smm_store_format(st, rig_identity, ""));
	rig_forget(r);
	st->smm.granule = 12;
	refuses(r, SMM_PARAMETER_INVALID, smm_store_format(st, rig_identity, ""));
	check(r, rig_mount(r) == SMM_OK);
}

/* Nothing is mounted: every call says so, and asks nothing of the chip. */
static void check_unmounted(struct rig *r)
{
	struct smm_store *st = &r->store;
	struct smm_block b = { .offset = 200, .room = 40, .id = 1, .length = 4, .kind = 1 };
	int64_t value;
	u8 byte = 0;

	chip_count(&r->chip);
	check(r, smm_store_create(st, &b, NULL, 0) == SMM_NOT_FORMATTED);
	check(r, smm_store_replace(st, &b, &byte, 1) == SMM_NOT_FORMATTED);
	check(r, smm_store_read(st, &b, 0, &byte, 1) == SMM_NOT_FORMATTED);
	check(r, smm_store_write(st, &b, 0, &byte, 1) == SMM_NOT_FORMATTED);
	check(r, smm_store_write_in_place(st, &b, 0, &byte, 1) == SMM_NOT_FORMATTED);
	check(r, smm_store_add(st, &b, 1, &value) == SMM_NOT_FORMATTED);
	check(r, smm_store_rename(st, &b, "x") == SMM_NOT_FORMATTED);
	check(r, smm_store_set_owner(st, &b, 1, 1) == SMM_NOT_FORMATTED);
	check(r, smm_store_set_mode(st, &b, 1) == SMM_NOT_FORMATTED);
	check(r, smm_store_resize(st, &b, 1) == SMM_NOT_FORMATTED);
	check(r, smm_store_verify(st, &b) == SMM_NOT_FORMATTED);
	check(r, smm_store_free(st, &b) == SMM_NOT_FORMATTED);
	check(r, smm_store_next(st, 0, &b) == SMM_NOT_FORMATTED);
	check(r, smm_store_find(st, "x", &b) == SMM_NOT_FORMATTED);
	check(r, smm_store_find_id(st, 1, &b) == SMM_NOT_FORMATTED);
	check(r, !r->chip.reads && !r->chip.writes);
}

static void mount_refuses(void **state)
{
	struct rig *r = *state;
	struct smm_store *st = &r->store;
	u8 *system = r->chip.bytes + layout_system(st);
	struct stock stock = { 0 };
	u32 at;

	layout_put32(system + AT_VERSION, 2);
	layout_protect_system(system);
	refuses(r, SMM_NEWER_FORMAT, rig_mount(r));
	check_unmounted(r);
	/* Not even what could be corrected is touched. */
	for (at = 0; at <= SMM_SUPERBLOCK; at++) {
		r->chip.bytes[at] ^= 4;
		refuses(r, SMM_NEWER_FORMAT, rig_mount(r));
		r->chip.bytes[at] ^= 4;
	}

	rig_format(r);
	rig_forget(r);
	st->smm.size = SIZE / 2;
	refuses(r, SMM_WRONG_SIZE, smm_store_mount(st));
	if (r->map) {
		rig_forget(r);
		st->smm.map_size--;
		refuses(r, SMM_PARAMETER_INVALID, smm_store_mount(st));
	}

	rig_forget(r);
	check(r, smm_format(&st->smm) == SMM_OK);
	refuses(r, SMM_NOT_FORMATTED, rig_mount(r));
	rig_forget(r);
	check(r, smm_mount(&st->smm) == SMM_OK && stock_add_foreign(&stock, r, 600));
	refuses(r, SMM_NOT_FORMATTED, rig_mount(r));
	check_unmounted(r);

	stock_destroy(&stock);
	memset(r->chip.bytes, 0, SIZE);
	refuses(r, SMM_NOT_FORMATTED, rig_mount(r));
	memset(r->chip.bytes, 0xff, SIZE);
	refuses(r, SMM_NOT_FORMATTED, rig_mount(r));
	rig_forget(r);
	check_unmounted(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(format_of_every_small_size),
		BOTH(names),
		BOTH(names_of_every_length),
		BOTH(format_and_mount),
		BOTH(format_refuses),
		BOTH(mount_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
