/* SPDX-License-Identifier: BSD-3-Clause */
#include "store-trial.h"

#include <string.h>

#include "store-layout.h"

bool trial_init(struct trial *t, struct rig *r, struct stock *now, const struct change *c)
{
	*t = (struct trial){ .change = *c };
	t->block = change_is_new(c) ? c->block : now->entries[c->target].b;
	stock_copy(&t->before, now);
	rig_save(r, &t->start);
	check_none(r, step_both(r, now, c));
	t->bytes = r->chip.bytes_written;
	stock_copy(&t->after, now);
	rig_save(r, &t->end);
	return t->bytes > 0;
}

void trial_destroy(struct trial *t)
{
	stock_destroy(&t->before);
	stock_destroy(&t->after);
	moment_destroy(&t->start);
	moment_destroy(&t->end);
}

int trial_run(const struct trial *t, struct rig *r, u64 power, u64 calls)
{
	struct smm_block b = t->block;
	int64_t value;

	rig_restore(r, &t->start);
	r->chip.power = power;
	r->chip.calls_left = calls;
	return change_do(r, &t->before, &t->change, &b, &value);
}

void trial_check_refused(const struct trial *t, struct rig *r)
{
	struct smm_store *st = &r->store;
	struct smm_block b = t->block;
	struct smm_write w = { .block = &b, .size = 1, .data = &b };
	int64_t value;
	u8 byte = 0;

	chip_power_on(&r->chip);
	chip_count(&r->chip);
	b.kind = SMM_KIND_COUNTER;
	b.length = 8;
	check(r, smm_store_add(st, &b, 1, &value) == SMM_IO_ERR);
	b.kind = SMM_KIND_DATA;
	check(r, smm_store_next(st, 0, &b) == SMM_IO_ERR);
	check(r, smm_store_find(st, "x", &b) == SMM_IO_ERR);
	check(r, smm_store_find_id(st, 1, &b) == SMM_IO_ERR);
	b = t->block;
	check(r, smm_store_create(st, &b, NULL, 0) == SMM_IO_ERR);
	check(r, smm_store_adopt(st, &b, NULL) == SMM_IO_ERR);
	check(r, smm_store_replace(st, &b, &byte, 1) == SMM_IO_ERR);
	check(r, smm_store_read(st, &b, 0, &byte, 1) == SMM_IO_ERR);
	check(r, smm_store_write(st, &b, 0, &byte, 1) == SMM_IO_ERR);
	check(r, smm_store_write_many(st, &w, 1) == SMM_IO_ERR);
	check(r, smm_store_write_many(st, NULL, 0) == SMM_IO_ERR);
	check(r, smm_store_write_in_place(st, &b, 0, &byte, 1) == SMM_IO_ERR);
	check(r, smm_store_rename(st, &b, "x") == SMM_IO_ERR);
	check(r, smm_store_set_owner(st, &b, 1, 1) == SMM_IO_ERR);
	check(r, smm_store_set_mode(st, &b, 0) == SMM_IO_ERR);
	check(r, smm_store_resize(st, &b, 1) == SMM_IO_ERR);
	check(r, smm_store_free(st, &b) == SMM_IO_ERR);
	check(r, smm_store_verify(st, &b) == SMM_IO_ERR);
	check(r, !r->chip.reads && !r->chip.writes);
}

/* A first part of @new before a rest of @old: greedy, as where the two agree it does not matter. */
static bool torn(const u8 *is, const u8 *old, const u8 *new, u32 size)
{
	u32 i = 0;

	while (i < size && is[i] == new[i])
		i++;
	return !memcmp(is + i, old + i, size - i);
}

/* Make @s the state after the write in place, but for the bytes that @now has for it, if it may. */
static bool tear(const struct trial *t, const struct stock *now, struct stock *s)
{
	struct entry *is = stock_find(now, &t->block), *old = stock_find(&t->before, &t->block);
	struct entry *new;

	stock_copy(s, &t->after);
	new = stock_find(s, &t->block);
	if (!is || is->b.length != new->b.length ||
	    !torn(is->bytes, old->bytes, new->bytes, new->b.length))
		return false;
	memcpy(new->bytes, is->bytes, new->b.length);
	return true;
}

/* What tells @now from every state that may be left. */
static const char *differs(const struct trial *t, const struct stock *now)
{
	const char *difference = stock_differs(now, &t->before);
	struct stock s;

	if (difference)
		difference = stock_differs(now, &t->after);
	if (!difference || t->change.kind != CHANGE_WRITE_IN_PLACE)
		return difference;
	if (tear(t, now, &s))
		difference = stock_differs(now, &s);
	stock_destroy(&s);
	return difference;
}

/*
 * A block has the room that it needs, or what it had. Only a resize that was cut between its two
 * halves, the allocation and the length, may leave more.
 */
static bool room_right(const struct trial *t, const struct rig *r, const struct smm_block *b)
{
	const struct entry *before = stock_find(&t->before, b), *after = stock_find(&t->after, b);
	u32 most = layout_room(r->granule, b);

	if (before && before->b.room > most)
		most = before->b.room;
	if (t->change.kind == CHANGE_RESIZE && after && after->b.room > most)
		most = after->b.room;
	return b->room <= most;
}

const char *trial_store_wrong(const struct trial *t, struct rig *r, struct stock *now)
{
	const char *wrong = stock_read(r, now);

	return wrong ? wrong : differs(t, now);
}

void trial_check_store(const struct trial *t, struct rig *r, struct stock *now)
{
	u32 i;

	check_none(r, trial_store_wrong(t, r, now));
	for (i = 0; i < now->count; i++)
		check(r, room_right(t, r, &now->entries[i].b));
	if (now->highest < t->before.highest)
		now->highest = t->before.highest;
}

/* The first block that is not foreign. */
static bool own_block(const struct stock *s, struct smm_block *b)
{
	u32 i;

	for (i = 0; i < s->count; i++) {
		*b = s->entries[i].b;
		if (b->kind != SMM_KIND_FOREIGN)
			return true;
	}
	return false;
}

void trial_use(struct rig *r, struct stock *now)
{
	struct smm_block b = { .kind = SMM_KIND_DATA }, old;
	int result = smm_store_create(&r->store, &b, NULL, 0);

	if (result == SMM_NO_FREE_SPACE && own_block(now, &old)) {
		check(r, smm_store_free(&r->store, &old) == SMM_OK);
		result = smm_store_create(&r->store, &b, NULL, 0);
	}
	check(r, result == SMM_OK);
	check(r, b.id > now->highest);
	check(r, smm_store_set_mode(&r->store, &b, 0644) == SMM_OK);
	check(r, smm_store_verify(&r->store, &b) == SMM_OK);
}

static u8 old_bytes[600], new_bytes[600];

static struct change creation(u8 kind, const char *name, u32 length)
{
	struct change c = { .kind = CHANGE_CREATE, .size = length, .data = old_bytes };

	c.block = (struct smm_block){ .kind = kind, .mode = 0640, .uid = 1000, .length = length };
	strcpy(c.block.name, name);
	return c;
}

static void must(struct rig *r, struct stock *s, struct change c)
{
	check_none(r, step_both(r, s, &c));
}

void trial_lay_out(struct rig *r, struct stock *s)
{
	u32 i;

	for (i = 0; i < sizeof(old_bytes); i++) {
		old_bytes[i] = (u8)(i * 7 + 1);
		new_bytes[i] = (u8)(i * 11 + 2);
	}
	rig_format(r);
	must(r, s, creation(SMM_KIND_DATA, "checked", 24));
	must(r, s, creation(SMM_KIND_DATA, "to make room", 30));
	must(r, s, creation(SMM_KIND_DATA, "unchecked", 150));
	must(r, s, creation(SMM_KIND_COUNTER, "counter", 8));
	must(r, s, creation(SMM_KIND_DATA, "", 0));
	check(r, stock_add_foreign(s, r, 20));
	must(r, s,
	     (struct change){ .kind = CHANGE_WRITE_IN_PLACE,
			      .target = 2,
			      .offset = 3,
			      .size = 40,
			      .data = new_bytes });
	must(r, s, (struct change){ .kind = CHANGE_FREE, .target = 1 });
}

typedef void try_change(struct rig *r, struct stock *now, const struct change *c);

static void try_once(struct rig *r, const struct stock *s, struct change c, try_change *try)
{
	struct moment moment;
	struct stock now;

	r->step++;
	rig_save(r, &moment);
	stock_copy(&now, s);
	try(r, &now, &c);
	check_none(r, stock_is(r, &now));
	rig_restore(r, &moment);
	moment_destroy(&moment);
	stock_destroy(&now);
}

/* One kind of change to one entry: from its start, and with the same size at its end. */
static void try_sizes(struct rig *r, const struct stock *s, struct change c, try_change *try)
{
	static const u32 sizes[] = { 0, 1, 2, 5, 8, 23, 24, 25, 40, 115, 121, 149, 150, 151, 200 };
	u32 i, length = s->entries[c.target].b.length;

	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		c.size = sizes[i];
		c.offset = 0;
		try_once(r, s, c, try);
		if (c.kind == CHANGE_REPLACE || c.kind == CHANGE_RESIZE || sizes[i] >= length)
			continue;
		c.offset = length - sizes[i];
		try_once(r, s, c, try);
	}
}

static void try_names(struct rig *r, const struct stock *s, struct change c, try_change *try)
{
	static const char *const names[] = { "",        "x",         "counteR",
					     "Checked", "unCheckeD", "a name of many letters" };
	u32 i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		strcpy(c.block.name, names[i]);
		try_once(r, s, c, try);
	}
}

static void try_entry(struct rig *r, const struct stock *s, u32 target, try_change *try)
{
	struct change c = { .target = target, .data = new_bytes, .delta = -3 };

	c.block.uid = 0x01020304;
	c.block.gid = 0xfffefdfc;
	c.block.mode = 0777;
	for (c.kind = CHANGE_REPLACE; c.kind < CHANGE_KINDS; c.kind++)
		switch (c.kind) {
		case CHANGE_WRITE_MANY:
			break; /* several entries at once: try_many() */
		case CHANGE_REPLACE:
		case CHANGE_WRITE:
		case CHANGE_WRITE_IN_PLACE:
		case CHANGE_RESIZE:
			try_sizes(r, s, c, try);
			break;
		case CHANGE_RENAME:
			try_names(r, s, c, try);
			break;
		default:
			try_once(r, s, c, try);
		}
}

/* Parts of the blocks of trial_lay_out(): apart, side by side, one over the other; as many bytes as
 * the log holds, and one more. */
static void try_many(struct rig *r, const struct stock *s, try_change *try)
{
	static const struct part lists[][4] = {
		{ { 0, 3, 5, 1 } },
		{ { 2, 3, 5, 1 } },
		{ { 2, 7, 1, 1 } },
		{ { 3, 0, 8, 1 }, { 0, 0, 24, 20 } },
		{ { 0, 1, 2, 9 }, { 3, 0, 8, 50 }, { 2, 60, 30, 1 } },
		{ { 0, 15, 5, 9 }, { 3, 7, 1, 50 }, { 0, 2, 4, 7 } },
		{ { 0, 0, 12, 1 }, { 0, 12, 12, 30 } },
		{ { 2, 0, 12, 1 }, { 2, 12, 12, 30 }, { 2, 24, 1, 9 } },
		{ { 0, 2, 10, 1 }, { 2, 0, 9, 5 }, { 0, 9, 10, 70 }, { 0, 0, 4, 9 } },
		{ { 0, 0, 24, 1 }, { 0, 9, 10, 70 } },
		{ { 0, 9, 10, 70 }, { 0, 0, 24, 1 } },
		{ { 2, 9, 10, 70 }, { 2, 5, 20, 1 }, { 2, 15, 3, 2 } },
		{ { 4, 0, 0, 1 }, { 2, 9, 1, 70 }, { 0, 24, 0, 1 } },
		{ { 4, 0, 0, 1 }, { 0, 0, 0, 70 } },
		{ { 0, 0, 24, 1 }, { 2, 82, 68, 90 }, { 3, 0, 8, 7 } },
		{ { 0, 0, 24, 1 }, { 2, 82, 68, 90 }, { 3, 0, 8, 7 }, { 2, 7, 1, 1 } },
		{ { 3, 0, 8, 9 }, { 0, 20, 5, 1 } },
		{ { 3, 0, 8, 9 }, { 1, 0, 1, 1 } },
	};
	struct change c = { .kind = CHANGE_WRITE_MANY, .data = new_bytes };
	u32 i;

	for (i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		memcpy(c.part, lists[i], sizeof(lists[i]));
		for (c.parts = 4; !c.part[c.parts - 1].from; c.parts--)
			;
		try_once(r, s, c, try);
	}
}

/* Ids that need no higher mark, and that need one; above the last, one is left for trial_use(). */
static void try_adoptions(struct rig *r, const struct stock *s, try_change *try)
{
	static const u32 ids[] = { 2, 6, 63, 64, 65, 1000, UINT32_MAX - 65 };
	struct change c = creation(SMM_KIND_DATA, "adopted", 20);
	u32 i;

	c.kind = CHANGE_ADOPT;
	c.block.generation = 7;
	for (i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
		c.block.id = ids[i];
		try_once(r, s, c, try);
	}
}

void trial_every_change(struct rig *r, try_change *try)
{
	struct stock s = { 0 };
	u32 i;

	trial_lay_out(r, &s);
	for (i = 0; i < s.count; i++)
		try_entry(r, &s, i, try);
	try_once(r, &s, creation(SMM_KIND_DATA, "new", 0), try);
	try_once(r, &s,
		 creation(SMM_KIND_DATA, "a name of two reads, as long as a name can be", 30), try);
	try_once(r, &s, creation(SMM_KIND_DATA, "large", 100), try);
	try_once(r, &s, creation(SMM_KIND_COUNTER, "another", 8), try);
	try_many(r, &s, try);
	try_adoptions(r, &s, try);
	/* And where the supply of ids has to be raised, in a new process. */
	check(r, rig_mount(r) == SMM_OK);
	try_once(r, &s, creation(SMM_KIND_DATA, "new", 10), try);
	stock_destroy(&s);
}
