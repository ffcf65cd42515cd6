/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a store of smm_store.h has to hold, as a plain list of blocks with their bytes, and the
 * changes that the tests make to it and to the store side by side.
 */
#ifndef STORE_MODEL_H
#define STORE_MODEL_H

#include "dice.h"
#include "store-fixture.h"

/* @b.offset and @b.room are where the store has put it: only a foreign block is known by them. */
struct entry {
	struct smm_block b;
	u8 *bytes; /* b.length */
};

struct stock {
	struct entry *entries;
	u32 count;
	u32 highest; /* the highest id that was ever given */
};

/* A zeroed stock is an empty one; free it with stock_destroy(). */
void stock_copy(struct stock *s, const struct stock *from);
void stock_destroy(struct stock *s);
struct entry *stock_add(struct stock *s, const struct smm_block *b, const void *bytes);

/*
 * An allocation of @size bytes as firmware makes it that knows smm.h alone: its bytes first, then
 * the commit. False if there is no room.
 */
bool stock_add_foreign(struct stock *s, struct rig *r, u32 size);

/* The entry that is the same block as @b, or NULL. */
struct entry *stock_find(const struct stock *s, const struct smm_block *b);

/* What tells the two apart, or NULL. */
const char *stock_differs(const struct stock *is, const struct stock *should);

/*
 * Read all of a store into the zeroed @s. What is wrong with the store itself, or NULL: two blocks
 * of one id, a content that cannot be read or does not verify, bytes allocated that no block
 * accounts for.
 */
const char *stock_read(struct rig *r, struct stock *s);

/* The store holds exactly @s, in allocations that are no larger than they have to be. */
const char *stock_is(struct rig *r, const struct stock *s);

enum change_kind {
	CHANGE_CREATE,
	CHANGE_ADOPT,
	CHANGE_REPLACE,
	CHANGE_WRITE,
	CHANGE_WRITE_MANY,
	CHANGE_WRITE_IN_PLACE,
	CHANGE_ADD,
	CHANGE_RENAME,
	CHANGE_SET_OWNER,
	CHANGE_SET_MODE,
	CHANGE_RESIZE,
	CHANGE_FREE,
	CHANGE_KINDS
};

/* Of CHANGE_WRITE_MANY: @size bytes from @from on of the change's data. */
struct part {
	u32 target, offset, size, from;
};
#define PARTS_MAX 8u

struct change {
	enum change_kind kind;
	u32 target; /* index of the entry, but for a new block */
	struct smm_block
		block; /* what is new of the header; an adopted block's id and generation */
	u32 offset, size;
	const u8 *data; /* @size bytes; NULL fills a new block with @fill */
	u8 fill;
	int64_t delta;
	u32 parts;
	struct part part[PARTS_MAX];
};

extern const char *const change_names[CHANGE_KINDS];

/* Whether it makes a block: that of @c->block. */
bool change_is_new(const struct change *c);

/* What decides whether a change finds its room. */
struct space {
	u32 granule, largest; /* bytes of the longest free run */
	u32 behind;           /* free bytes behind the target */
	const struct smm_store *store;
};
void space_of(struct rig *r, const struct stock *s, const struct change *c, struct space *space);

/* What @c has to return. With SMM_OK it is done in @s, but for the id and the place of a new block.
 */
int stock_do(struct stock *s, const struct change *c, const struct space *space);

/* Do it in the store. @s has the handles of parts, @b is the target, or the new block. */
int change_do(struct rig *r, const struct stock *s, const struct change *c, struct smm_block *b,
	      int64_t *value);

/* A random change, with sizes up to @size; now and then one that has to be refused. */
struct change change_random(const struct stock *s, struct dice *dice, u32 size);

/* Do @c in both, with the handle kept in @s. What the two disagree about, or NULL. */
const char *step_both(struct rig *r, struct stock *s, const struct change *c);

#endif
