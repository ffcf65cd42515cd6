/* SPDX-License-Identifier: BSD-3-Clause */
#include "store-model.h"

#include <stdio.h>
#include <string.h>

#include "store-layout.h"

/* Any part of it is bytes to write. */
static u8 noise[256 * 1024];

const char *const change_names[CHANGE_KINDS] = {
	"create", "adopt",  "replace",   "write",    "write many", "write in place",
	"add",    "rename", "set owner", "set mode", "resize",     "free",
};

bool change_is_new(const struct change *c)
{
	return c->kind == CHANGE_CREATE || c->kind == CHANGE_ADOPT;
}

static u8 *duplicate(const void *bytes, u32 size)
{
	u8 *copy = malloc(size ? size : 1);

	if (!copy)
		abort();
	if (size)
		memcpy(copy, bytes, size);
	return copy;
}

struct entry *stock_add(struct stock *s, const struct smm_block *b, const void *bytes)
{
	struct entry *e;

	/* Room for 16 at the start, twice as much each time that is full. */
	if (!s->count || (s->count >= 16 && !(s->count & (s->count - 1)))) {
		s->entries = realloc(s->entries, (s->count ? 2 * s->count : 16) * sizeof(*e));
		if (!s->entries)
			abort();
	}
	e = &s->entries[s->count++];
	*e = (struct entry){ *b, duplicate(bytes, b->length) };
	if (b->id > s->highest)
		s->highest = b->id;
	return e;
}

bool stock_add_foreign(struct stock *s, struct rig *r, u32 size)
{
	struct smm_block b = { .kind = SMM_KIND_FOREIGN };
	u8 *bytes;

	size = (size + 3) & ~3u; /* all that could be the checksum of an old header */
	if (smm_reserve(&r->store.smm, size, &b.offset) != SMM_OK)
		return false;
	bytes = malloc(size);
	if (!bytes)
		abort();
	memset(bytes, 0xf0, size);
	check(r, r->medium.write(r->medium.context, b.offset, bytes, size) == 0);
	free(bytes);
	check(r, smm_commit(&r->store.smm, b.offset, size) == SMM_OK);
	check(r, smm_usable(&r->store.smm, b.offset, &b.room) == SMM_OK);
	b.length = b.room;
	stock_add(s, &b, r->chip.bytes + b.offset);
	return true;
}

void stock_copy(struct stock *s, const struct stock *from)
{
	u32 i;

	*s = (struct stock){ .highest = from->highest };
	for (i = 0; i < from->count; i++)
		stock_add(s, &from->entries[i].b, from->entries[i].bytes);
}

void stock_destroy(struct stock *s)
{
	while (s->count)
		free(s->entries[--s->count].bytes);
	free(s->entries);
	*s = (struct stock){ 0 };
}

struct entry *stock_find(const struct stock *s, const struct smm_block *b)
{
	u32 i;

	for (i = 0; i < s->count; i++) {
		const struct smm_block *is = &s->entries[i].b;

		if (b->kind == SMM_KIND_FOREIGN ? is->offset == b->offset : is->id == b->id)
			return &s->entries[i];
	}
	return NULL;
}

/* All that a header says; a foreign block has none, its place is what it is known by. */
static bool same_header(const struct smm_block *a, const struct smm_block *b)
{
	return a->kind == b->kind && a->checksummed == b->checksummed && a->mode == b->mode &&
	       a->id == b->id && a->generation == b->generation && a->length == b->length &&
	       a->uid == b->uid && a->gid == b->gid && !strcmp(a->name, b->name);
}

const char *stock_differs(const struct stock *is, const struct stock *should)
{
	const struct entry *other;
	u32 i;

	for (i = 0; i < is->count; i++) {
		other = stock_find(should, &is->entries[i].b);
		if (!other)
			return "a block too many";
		if (!same_header(&is->entries[i].b, &other->b))
			return "a block has another header";
		if (memcmp(is->entries[i].bytes, other->bytes, other->b.length))
			return "a block has another content";
	}
	return is->count < should->count ? "a block is missing" : NULL;
}

/* Add the block to @s, with its content. */
static const char *read_entry(struct rig *r, struct stock *s, const struct smm_block *b)
{
	struct entry *e;

	if (b->kind == SMM_KIND_SYSTEM)
		return "the store's own block is handed out";
	if (stock_find(s, b))
		return "two blocks of one id";
	if (b->kind != SMM_KIND_FOREIGN && b->room < layout_room(r->granule, b))
		return "a block reaches past its allocation";
	e = stock_add(s, b, r->chip.bytes);
	if (smm_store_read(&r->store, b, 0, e->bytes, b->length) != SMM_OK)
		return "a content cannot be read";
	return smm_store_verify(&r->store, b) != SMM_OK ? "a block does not verify" : NULL;
}

const char *stock_read(struct rig *r, struct stock *s)
{
	struct smm_stats stats;
	struct smm_block b = { 0 };
	u32 after = 0, room = 0;
	const char *wrong;

	while (smm_store_next(&r->store, after, &b) == SMM_OK && b.offset) {
		if (b.offset <= after)
			return "the blocks are not in the order of addresses";
		wrong = read_entry(r, s, &b);
		if (wrong)
			return wrong;
		after = b.offset;
		room += b.room;
	}
	if (b.offset || smm_measure(&r->store.smm, &stats) != SMM_OK)
		return "the store cannot be read";
	if (stats.blocks != r->own + s->count || stats.usable - stats.free != r->own_bytes + room)
		return "something is allocated that no block accounts for";
	return r->chip.outside ? "an access outside the chip" : NULL;
}

const char *stock_is(struct rig *r, const struct stock *s)
{
	struct stock is = { 0 };
	const char *wrong = stock_read(r, &is);
	u32 i;

	for (i = 0; !wrong && i < is.count; i++)
		if (is.entries[i].b.kind != SMM_KIND_FOREIGN &&
		    is.entries[i].b.room != layout_room(r->granule, &is.entries[i].b))
			wrong = "a block has more room than it needs";
	if (!wrong)
		wrong = stock_differs(&is, s);
	stock_destroy(&is);
	return wrong;
}

void space_of(struct rig *r, const struct stock *s, const struct change *c, struct space *space)
{
	struct smm_stats stats;
	u32 next, size;

	check(r, smm_measure(&r->store.smm, &stats) == SMM_OK);
	*space = (struct space){ stats.granule, stats.largest_free, 0, &r->store };
	if (c->kind != CHANGE_RESIZE)
		return;
	check(r, smm_walk(&r->store.smm, s->entries[c->target].b.offset, &next, &size) == SMM_OK);
	space->behind = (next ? next : stats.size) - s->entries[c->target].b.offset -
			s->entries[c->target].b.room;
}

static int room_for(const struct space *space, const struct smm_block *b)
{
	if (b->length > SMM_SIZE_MAX || layout_room(space->granule, b) > space->largest)
		return SMM_NO_FREE_SPACE;
	return SMM_OK;
}

static bool good_name(const char *name)
{
	return !strpbrk(name, "/\n"); /* of those that change_random() makes */
}

static int do_create(struct stock *s, const struct change *c, const struct space *space)
{
	struct smm_block b = c->block;
	struct entry *e;
	int r;

	if (!good_name(b.name))
		return SMM_BAD_NAME;
	if ((b.kind != SMM_KIND_DATA && b.kind != SMM_KIND_COUNTER) || b.mode > 0777 ||
	    (b.kind == SMM_KIND_COUNTER && b.length != 8) ||
	    (c->kind == CHANGE_ADOPT && (!b.id || !b.generation)))
		return SMM_PARAMETER_INVALID;
	if (c->kind == CHANGE_ADOPT && b.id == UINT32_MAX)
		return SMM_OVERFLOW;
	r = room_for(space, &b);
	if (r)
		return r;
	if (c->kind == CHANGE_CREATE) {
		b.id = 0;
		b.generation = 1;
	}
	b.checksummed = 1;
	e = stock_add(s, &b, c->data ? c->data : noise);
	if (!c->data)
		memset(e->bytes, c->kind == CHANGE_CREATE ? c->fill : 0, b.length);
	return SMM_OK;
}

/* The block is built anew, as @next says. */
static int do_anew(struct entry *e, struct smm_block *next, const struct space *space)
{
	int r = room_for(space, next);

	if (r)
		return r;
	e->bytes = realloc(e->bytes, next->length ? next->length : 1);
	if (!e->bytes)
		abort();
	if (next->length > e->b.length)
		memset(e->bytes + e->b.length, 0, next->length - e->b.length);
	next->generation++;
	next->checksummed = 1;
	e->b = *next;
	return SMM_OK;
}

static int do_write(struct entry *e, const struct change *c, const struct space *space)
{
	struct smm_block next = e->b;
	int r = SMM_OK;

	if (c->offset > next.length || c->size > next.length - c->offset)
		return SMM_OUT_OF_RANGE;
	if (!c->size)
		return SMM_OK;
	if (c->kind == CHANGE_WRITE_IN_PLACE)
		e->b.checksummed = 0;
	else if (!layout_logs(space->store, &next, c->offset, c->size))
		r = do_anew(e, &next, space);
	if (!r)
		memcpy(e->bytes + c->offset, c->data, c->size);
	return r;
}

/* What is logged for part @i: its bytes, and behind the last part of a block its checksum. */
static u32 log_part(const struct stock *s, const struct change *c, u32 i, struct layout_run *runs)
{
	const struct part *p = &c->part[i];
	const struct smm_block *b = &s->entries[p->target].b;

	if (!p->size)
		return 0;
	runs[0] = (struct layout_run){ layout_payload(b) + p->offset, p->size };
	runs[1] = (struct layout_run){ layout_payload(b) + b->length, LAYOUT_CHECKSUM };
	while (++i < c->parts)
		if (c->part[i].target == p->target && c->part[i].size)
			return 1;
	return b->checksummed ? 2 : 1;
}

static int do_write_many(struct stock *s, const struct change *c, const struct space *space)
{
	struct layout_run runs[2 * PARTS_MAX];
	const struct smm_block *b;
	const struct part *p;
	u32 i, count = 0;

	for (i = 0; i < c->parts; i++) {
		p = &c->part[i];
		b = &s->entries[p->target].b;
		if (b->kind == SMM_KIND_FOREIGN)
			return SMM_PARAMETER_INVALID;
		if (p->offset > b->length || p->size > b->length - p->offset)
			return SMM_OUT_OF_RANGE;
		count += log_part(s, c, i, runs + count);
	}
	if (count && layout_log_bytes(runs, count) > space->store->log_size)
		return SMM_TOO_LARGE;
	for (p = c->part; p < c->part + c->parts; p++)
		memcpy(s->entries[p->target].bytes + p->offset, c->data + p->from, p->size);
	return SMM_OK;
}

static int64_t value_of(const struct entry *e)
{
	return (int64_t)((u64)layout_get32(e->bytes) | (u64)layout_get32(e->bytes + 4) << 32);
}

static int do_add(struct entry *e, const struct change *c)
{
	int64_t value = value_of(e);

	if (__builtin_add_overflow(value, c->delta, &value))
		return SMM_OVERFLOW;
	layout_put32(e->bytes, (u32)(u64)value);
	layout_put32(e->bytes + 4, (u32)((u64)value >> 32));
	return SMM_OK;
}

static int do_resize(struct entry *e, const struct change *c, const struct space *space)
{
	struct smm_block next = e->b;
	u32 room;

	if (e->b.kind == SMM_KIND_COUNTER)
		return SMM_PARAMETER_INVALID;
	next.length = c->size;
	room = c->size > SMM_SIZE_MAX ? c->size : layout_room(space->granule, &next);
	if (room > e->b.room && room - e->b.room > space->behind)
		return do_anew(e, &next, space);
	e->bytes = realloc(e->bytes, c->size ? c->size : 1);
	if (!e->bytes)
		abort();
	if (c->size > e->b.length)
		memset(e->bytes + e->b.length, 0, c->size - e->b.length);
	e->b.length = c->size;
	return SMM_OK;
}

static int do_rename(struct entry *e, const struct change *c, const struct space *space)
{
	struct smm_block next = e->b;
	bool moves = strlen(next.name) != strlen(c->block.name);

	if (!good_name(c->block.name))
		return SMM_BAD_NAME;
	memcpy(next.name, c->block.name, sizeof(next.name));
	if (moves)
		return do_anew(e, &next, space);
	e->b = next;
	return SMM_OK;
}

static int do_replace(struct entry *e, const struct change *c, const struct space *space)
{
	struct smm_block next = e->b;
	int r;

	if (next.kind == SMM_KIND_COUNTER && c->size != 8)
		return SMM_PARAMETER_INVALID;
	next.length = c->size;
	r = do_anew(e, &next, space);
	if (!r && c->size)
		memcpy(e->bytes, c->data, c->size);
	return r;
}

static int do_free(struct stock *s, u32 target)
{
	free(s->entries[target].bytes);
	s->entries[target] = s->entries[--s->count];
	return SMM_OK;
}

static int do_set_mode(struct entry *e, u16 mode)
{
	if (mode > 0777)
		return SMM_PARAMETER_INVALID;
	e->b.mode = mode;
	return SMM_OK;
}

int stock_do(struct stock *s, const struct change *c, const struct space *space)
{
	struct entry *e;

	if (change_is_new(c))
		return do_create(s, c, space);
	e = &s->entries[c->target];
	if (c->kind == CHANGE_FREE)
		return do_free(s, c->target);
	if (c->kind == CHANGE_ADD)
		return e->b.kind == SMM_KIND_COUNTER ? do_add(e, c) : SMM_NOT_COUNTER;
	if (c->kind == CHANGE_WRITE_MANY)
		return do_write_many(s, c, space);
	if (e->b.kind == SMM_KIND_FOREIGN)
		return SMM_PARAMETER_INVALID;
	switch (c->kind) {
	case CHANGE_REPLACE:
		return do_replace(e, c, space);
	case CHANGE_RENAME:
		return do_rename(e, c, space);
	case CHANGE_RESIZE:
		return do_resize(e, c, space);
	case CHANGE_SET_MODE:
		return do_set_mode(e, c->block.mode);
	case CHANGE_SET_OWNER:
		e->b.uid = c->block.uid;
		e->b.gid = c->block.gid;
		return SMM_OK;
	default:
		return do_write(e, c, space);
	}
}

/* Every part has a handle of its own. */
static int write_many(struct rig *r, const struct stock *s, const struct change *c)
{
	struct smm_block blocks[PARTS_MAX];
	struct smm_write writes[PARTS_MAX];
	u32 i;

	for (i = 0; i < c->parts; i++) {
		blocks[i] = s->entries[c->part[i].target].b;
		writes[i] = (struct smm_write){
			.block = &blocks[i],
			.offset = c->part[i].offset,
			.size = c->part[i].size,
			.data = c->data + c->part[i].from,
		};
	}
	return smm_store_write_many(&r->store, writes, c->parts);
}

int change_do(struct rig *r, const struct stock *s, const struct change *c, struct smm_block *b,
	      int64_t *value)
{
	struct smm_store *st = &r->store;

	switch (c->kind) {
	case CHANGE_CREATE:
		return smm_store_create(st, b, c->data, c->fill);
	case CHANGE_ADOPT:
		return smm_store_adopt(st, b, c->data);
	case CHANGE_REPLACE:
		return smm_store_replace(st, b, c->data, c->size);
	case CHANGE_WRITE:
		return smm_store_write(st, b, c->offset, c->data, c->size);
	case CHANGE_WRITE_MANY:
		return write_many(r, s, c);
	case CHANGE_WRITE_IN_PLACE:
		return smm_store_write_in_place(st, b, c->offset, c->data, c->size);
	case CHANGE_ADD:
		return smm_store_add(st, b, c->delta, value);
	case CHANGE_RENAME:
		return smm_store_rename(st, b, c->block.name);
	case CHANGE_SET_OWNER:
		return smm_store_set_owner(st, b, c->block.uid, c->block.gid);
	case CHANGE_SET_MODE:
		return smm_store_set_mode(st, b, c->block.mode);
	case CHANGE_RESIZE:
		return smm_store_resize(st, b, c->size);
	default:
		return smm_store_free(st, b);
	}
}

static void random_name(struct dice *dice, char *name)
{
	static const char *const letters[] = { "a", "Z", "0", ".", " ", "~", "é", "…", "𝄞" };
	u32 size = dice_below(dice, dice_below(dice, 8) ? 12 : SMM_NAME_MAX + 1);
	const char *letter;

	memset(name, 0, SMM_NAME_MAX + 1);
	for (;;) {
		letter = letters[dice_below(dice, 9)];
		if (strlen(letter) > size)
			break;
		size -= (u32)strlen(letter);
		strcat(name, letter);
	}
}

static u32 random_size(struct dice *dice, u32 size)
{
	while (size > 8 && dice_below(dice, 2))
		size /= 2;
	return dice_below(dice, size + 1);
}

/* Make @c one that has to be refused, if that is in its nature. */
static void spoil(struct change *c, struct dice *dice)
{
	switch (c->kind) {
	case CHANGE_ADOPT:
		if (dice_below(dice, 2)) {
			c->block.id = UINT32_MAX * dice_below(dice, 2);
			c->block.generation = dice_below(dice, 2);
			return;
		}
		/* fall through */
	case CHANGE_CREATE:
	case CHANGE_RENAME:
	case CHANGE_SET_MODE:
		if (!change_is_new(c) || dice_below(dice, 2))
			c->block.mode = (u16)(0x200 << dice_below(dice, 7));
		else
			c->block.kind = (u8)(dice_below(dice, 2) * SMM_KIND_SYSTEM);
		if (c->kind == CHANGE_RENAME)
			strcpy(c->block.name, dice_below(dice, 2) ? "a/b" : "two\nlines");
		return;
	case CHANGE_WRITE:
	case CHANGE_WRITE_IN_PLACE:
		c->offset = (u32)dice_next(dice);
		return;
	case CHANGE_WRITE_MANY:
		c->part[c->parts / 2].offset = (u32)dice_next(dice);
		return;
	case CHANGE_RESIZE:
		c->size = (u32)dice_next(dice);
		return;
	case CHANGE_ADD:
		c->delta = dice_below(dice, 2) ? INT64_MAX : INT64_MIN;
		return;
	default:
		return;
	}
}

/* An id that no block has: one of a block that was freed, if there is one, or one not given yet. */
static u32 random_id(const struct stock *s, struct dice *dice)
{
	struct smm_block b = { .kind = SMM_KIND_DATA };

	b.id = 1 + dice_below(dice, s->highest + 1);
	if (dice_below(dice, 2) || stock_find(s, &b))
		b.id = s->highest + 1 + random_size(dice, 1000);
	return b.id;
}

/* Parts of @c->target and of others, now and then too many for the log. */
static void random_parts(struct change *c, const struct stock *s, struct dice *dice)
{
	struct part *p;
	u32 length;

	c->parts = dice_below(dice, PARTS_MAX + 1);
	for (p = c->part; p < c->part + c->parts; p++) {
		p->target = dice_below(dice, 2) ? c->target : dice_below(dice, s->count);
		length = s->entries[p->target].b.length;
		p->size = random_size(dice, length < 100 ? length : 100);
		p->offset = dice_below(dice, length - p->size + 1);
		p->from = dice_below(dice, 1000);
	}
	c->size = 1100;
}

struct change change_random(const struct stock *s, struct dice *dice, u32 size)
{
	struct change c = { .kind = CHANGE_CREATE };
	const struct smm_block *b;

	if (!noise[0])
		dice_fill(&(struct dice){ 3 }, noise, sizeof(noise));
	if (s->count && dice_below(dice, 8))
		c.kind = (enum change_kind)dice_below(dice, CHANGE_KINDS);
	c.target = s->count ? dice_below(dice, s->count) : 0;
	b = s->count ? &s->entries[c.target].b : &c.block;

	c.size = random_size(dice, size);
	if (c.kind == CHANGE_WRITE || c.kind == CHANGE_WRITE_IN_PLACE) {
		c.size = random_size(dice, b->length);
		c.offset = dice_below(dice, b->length - c.size + 1);
	}
	c.block.mode = (u16)dice_below(dice, 01000);
	c.block.uid = (u32)dice_next(dice);
	c.block.gid = (u32)dice_next(dice);
	c.block.kind = (u8)(dice_below(dice, 4) ? SMM_KIND_DATA : SMM_KIND_COUNTER);
	c.block.id = random_id(s, dice);
	c.block.generation = 1 + dice_below(dice, UINT32_MAX - 1);
	if ((change_is_new(&c) ? c.block.kind : b->kind) == SMM_KIND_COUNTER &&
	    (change_is_new(&c) || c.kind == CHANGE_REPLACE) && dice_below(dice, 16))
		c.size = 8;
	c.block.length = c.size;
	random_name(dice, c.block.name);
	if (c.kind == CHANGE_RENAME && dice_below(dice, 2)) {
		memset(c.block.name, 0, sizeof(c.block.name));
		memset(c.block.name, 'x', strlen(b->name));
	}
	if (c.kind == CHANGE_WRITE_MANY)
		random_parts(&c, s, dice);
	c.data = noise + dice_below(dice, (u32)sizeof(noise) - c.size);
	if (change_is_new(&c) && dice_below(dice, 2))
		c.data = NULL;
	c.fill = (u8)dice_next(dice);
	c.delta = (int64_t)dice_next(dice) >> dice_below(dice, 64);
	if (!dice_below(dice, 32))
		spoil(&c, dice);
	return c;
}

/* The handle says what the entry says; a created block's id was never given before. */
static const char *take_handle(struct stock *s, const struct change *c, const struct smm_block *b)
{
	struct entry *e = &s->entries[change_is_new(c) ? s->count - 1 : c->target];

	if (c->kind == CHANGE_FREE)
		return b->offset ? "a freed block has an offset" : NULL;
	if (c->kind == CHANGE_CREATE) {
		if (b->id <= s->highest)
			return "an id was given a second time";
		e->b.id = s->highest = b->id;
	}
	if (!same_header(b, &e->b))
		return "the handle differs from what the change has to make of it";
	e->b = *b;
	return NULL;
}

const char *step_both(struct rig *r, struct stock *s, const struct change *c)
{
	struct smm_block b = change_is_new(c) ? c->block : s->entries[c->target].b;
	static char text[100];
	int64_t value = 0;
	struct space space;
	int expected, result;

	r->trying = change_names[c->kind];
	space_of(r, s, c, &space);
	expected = stock_do(s, c, &space);
	chip_count(&r->chip);
	result = change_do(r, s, c, &b, &value);
	if (result != expected) {
		snprintf(text, sizeof(text), "it returned %d, not %d", result, expected);
		return text;
	}
	if (!result && c->kind == CHANGE_ADD && value != value_of(&s->entries[c->target]))
		return "another value of the counter";
	if (!result)
		return take_handle(s, c, &b);
	if (r->chip.bytes_written)
		return "it was refused, and wrote";
	return NULL;
}
