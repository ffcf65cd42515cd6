/* SPDX-License-Identifier: BSD-3-Clause */
#include "volume-internal.h"

#include <endian.h>
#include <errno.h>

#include "errors.h"
#include "util.h"

#define BETWEEN_MAX 1024u /* bytes: a longer read waits for its turn */

/*
 * Who may do what. Mode bits are those of a file, and as for a file the first class decides that
 * fits the caller. Who may not read a block does not see it, whatever else the bits say; its owner
 * always does.
 */

enum right {
	MAY_WRITE = 2,
	MAY_READ = 4,
	MAY_MANAGE, /* free, resize, rename, change the mode: the owner */
	MAY_GIVE,   /* to another owner: uid 0 */
};

static bool is_member(const struct caller *caller, uint32_t gid)
{
	for (size_t i = 0; i < caller->n_gids; i++)
		if (caller->gids[i] == gid)
			return true;
	return false;
}

static bool has_right(const struct caller *caller, const struct smm_block *b, enum right right)
{
	if (caller->uid == 0)
		return true;
	if (right == MAY_GIVE)
		return false;
	if (right == MAY_MANAGE)
		return caller->uid == b->uid;
	if (caller->uid == b->uid)
		return b->mode >> 6 & right;
	return (is_member(caller, b->gid) ? b->mode >> 3 : b->mode) & right;
}

static bool may_see(const struct caller *caller, const struct smm_block *b)
{
	return has_right(caller, b, MAY_READ) || has_right(caller, b, MAY_MANAGE);
}

/* Sentences */

static int no_block(struct volume *v, const struct caller *caller, uint32_t id, sd_bus_error *error)
{
	sd_bus_error_setf(error, ERROR_NO_SUCH_BLOCK,
			  "memory %s has no block %u that uid %u may read", volume_name(v), id,
			  caller->uid);
	return -ENOENT;
}

static int no_name(struct volume *v, const struct caller *caller, const char *name,
		   sd_bus_error *error)
{
	sd_bus_error_setf(error, ERROR_NO_SUCH_BLOCK,
			  "memory %s has no block named '%s' that uid %u may read", volume_name(v),
			  name, caller->uid);
	return -ENOENT;
}

static int denied(const struct caller *caller, const struct smm_block *b, const char *verb,
		  sd_bus_error *error)
{
	return sd_bus_error_setf(error, SD_BUS_ERROR_ACCESS_DENIED,
				 "block %u belongs to uid %u and gid %u and has mode %04o; uid %u "
				 "may not %s it",
				 b->id, b->uid, b->gid, b->mode, caller->uid, verb);
}

static int bad_name(sd_bus_error *error)
{
	return sd_bus_error_setf(error, ERROR_BAD_NAME,
				 "a name has 1 to %u bytes of UTF-8 without '/' and control "
				 "characters; this one has not",
				 SMM_NAME_MAX);
}

static int bad_mode(uint32_t mode, sd_bus_error *error)
{
	return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
				 "%04o is no mode of a block; modes are 0000 to 0777", mode);
}

static int no_space(struct volume *v, uint64_t need, sd_bus_error *error)
{
	return sd_bus_error_setf(error, ERROR_NO_SPACE,
				 "memory %s has no %ju bytes, header included, in one piece; its "
				 "longest free run has %ju",
				 volume_name(v), (uintmax_t)need,
				 (uintmax_t)v->status.largest_free);
}

/* In the middle of another call, that one finds out by itself. */
static void recover(struct volume *v)
{
	if (!v->in_between)
		volume_recover(v);
}

/* What became of a call that was to @verb @b, for which it needed @need bytes in one piece. */
static int fail(struct volume *v, int result, const struct smm_block *b, const char *verb,
		uint64_t need, sd_bus_error *error)
{
	switch (result) {
	case SMM_NO_FREE_SPACE:
		return no_space(v, need, error);
	case SMM_BAD_NAME:
		return bad_name(error);
	case SMM_CHECKSUM:
		return sd_bus_error_setf(error, ERROR_CHECKSUM_MISMATCH,
					 "the content of block %u does not match its checksum",
					 b->id);
	case SMM_PARAMETER_INVALID:
		return sd_bus_error_setf(
			error, SD_BUS_ERROR_INVALID_ARGS,
			"block %u is a counter; it has 8 bytes, no more and no less", b->id);
	case SMM_OVERFLOW:
		return sd_bus_error_setf(error, ERROR_NO_SPACE,
					 "memory %s has given away all numbers of blocks",
					 volume_name(v));
	case SMM_IO_ERR:
		recover(v);
		if (v->power_failing)
			return volume_ready(v, true, error);
		return sd_bus_error_setf(error, ERROR_IO, "memory %s could not %s the block: %s%s",
					 volume_name(v), verb, strerror(-v->chip_error),
					 strcmp(verb, "read") ? "; it is as it was or wholly "
								"changed, look again"
							      : "");
	default:
		recover(v);
		return sd_bus_error_setf(error, ERROR_CORRUPT,
					 "memory %s could not %s the block: it is damaged",
					 volume_name(v), verb);
	}
}

/* The call in hand goes to the wire; it changes the block @id. Others may be read in between. */
static void begin(struct volume *v, uint32_t id)
{
	v->busy_id = id;
}

/* The end of a call that changes blocks: @b is what it has made of one. */
static int finish(struct volume *v, int result, const struct smm_block *b, const char *verb,
		  uint64_t need, sd_bus_error *error)
{
	int r;

	v->busy_id = NO_BLOCK;
	if (result != SMM_OK)
		return fail(v, result, b, verb, need, error);
	r = index_put(&v->index, b);
	volume_publish(v);
	return r < 0 ? sd_bus_error_set_errno(error, r) : 0;
}

/* Look-ups */

/* The block @id for a call that is to @verb it. */
static int open_block(struct volume *v, const struct caller *caller, uint32_t id, enum right right,
		      const char *verb, struct smm_block *b, sd_bus_error *error)
{
	int r = volume_ready(v, right != MAY_READ, error);

	if (r < 0)
		return r;
	if (!index_get(&v->index, id, b) || !may_see(caller, b))
		return no_block(v, caller, id, error);
	return has_right(caller, b, right) ? 0 : denied(caller, b, verb, error);
}

/* The block called @name. Return: 1, 0 if @caller sees none, or a negative errno with @error. */
static int open_name(struct volume *v, const struct caller *caller, const char *name,
		     enum right right, const char *verb, struct smm_block *b, sd_bus_error *error)
{
	int r = volume_ready(v, right != MAY_READ, error);

	if (r < 0)
		return r;
	if (!*name || strlen(name) > SMM_NAME_MAX)
		return bad_name(error);
	if (!index_find(&v->index, name, b) || !may_see(caller, b))
		return 0;
	return has_right(caller, b, right) ? 1 : denied(caller, b, verb, error);
}

static int check_range(const struct smm_block *b, uint32_t offset, size_t size, sd_bus_error *error)
{
	uint64_t end = (uint64_t)offset + size;

	if (end <= b->length)
		return 0;
	return sd_bus_error_setf(error, ERROR_OUT_OF_RANGE,
				 "block %u has %u bytes; offset %u and length %zu reach %ju bytes "
				 "past its end",
				 b->id, b->length, offset, size, (uintmax_t)(end - b->length));
}

/* Room */

/* Bytes of the medium that a block takes up. */
static uint64_t room(const struct volume *v, const char *name, uint64_t length)
{
	uint64_t granule = v->store.smm.granule;

	return (SMM_OVERHEAD + strlen(name) + length + granule - 1) & ~(granule - 1);
}

/* Whether a block of @owner may take up @need bytes instead of @have. */
static int check_room(struct volume *v, const struct caller *caller, uint32_t owner, uint32_t have,
		      uint64_t need, sd_bus_error *error)
{
	const struct memory_config *config = v->config;
	uint64_t held, quota = config->quota;

	if (config->quota_percent)
		quota = (uint64_t)v->chip->size * config->quota_percent / 100;
	if (need > v->status.usable)
		return no_space(v, need, error);
	if (!quota || !caller->uid || !owner || need <= have)
		return 0;
	held = index_held(&v->index, owner);
	if (held + need - have <= quota)
		return 0;
	return sd_bus_error_setf(error, ERROR_QUOTA_EXCEEDED,
				 "uid %u holds %ju bytes of memory %s, headers included, and may "
				 "hold %ju; this takes %ju more",
				 owner, (uintmax_t)held, volume_name(v), (uintmax_t)quota,
				 (uintmax_t)(need - have));
}

/* Whether @name can become the name of a block. */
static int check_new_name(struct volume *v, const char *name, sd_bus_error *error)
{
	struct smm_block other;

	if (strlen(name) > SMM_NAME_MAX)
		return bad_name(error);
	if (index_find(&v->index, name, &other))
		return sd_bus_error_setf(error, ERROR_NAME_TAKEN,
					 "memory %s has a block named '%s' already", volume_name(v),
					 name);
	return 0;
}

/* Blocks come and go */

/* A block as @caller makes it. */
static struct smm_block new_block(struct volume *v, const struct caller *caller, enum smm_kind kind,
				  uint32_t length)
{
	return (struct smm_block){
		.kind = (u8)kind,
		.length = length,
		.uid = caller->uid,
		.gid = caller->gid,
		.mode = (u16)v->config->default_mode,
	};
}

static int create(struct volume *v, const struct caller *caller, const char *name,
		  struct smm_block *b, const void *data, uint8_t fill, sd_bus_error *error)
{
	uint64_t need;
	int r = volume_ready(v, true, error);

	if (r >= 0)
		r = check_new_name(v, name, error);
	if (r < 0)
		return r;
	need = room(v, name, b->length);
	r = check_room(v, caller, b->uid, 0, need, error);
	if (r < 0)
		return r;
	memcpy(b->name, name, strlen(name) + 1);
	begin(v, 0);
	return finish(v, smm_store_create(&v->store, b, data, fill), b, "make", need, error);
}

static int apply_options(struct smm_block *b, const struct caller *caller,
			 const struct allocate_options *options, sd_bus_error *error)
{
	if (options->has_mode && options->mode > 0777)
		return bad_mode(options->mode, error);
	if (options->has_gid && options->gid == UINT32_MAX)
		return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS, "%u is not a gid",
					 options->gid);
	if (options->has_gid && caller->uid != 0 && !is_member(caller, options->gid))
		return sd_bus_error_setf(error, SD_BUS_ERROR_ACCESS_DENIED,
					 "gid %u is not one of uid %u", options->gid, caller->uid);
	if (options->has_mode)
		b->mode = (u16)options->mode;
	if (options->has_gid)
		b->gid = options->gid;
	return 0;
}

/* Whether a block is there that can be taken instead of a new one, as a file without O_EXCL. */
static bool is_as_asked(struct volume *v, const struct caller *caller, const char *name,
			const struct smm_block *asked, struct smm_block *found)
{
	return index_find(&v->index, name, found) && found->kind == asked->kind &&
	       found->length == asked->length && has_right(caller, found, MAY_READ) &&
	       has_right(caller, found, MAY_WRITE);
}

int volume_allocate(struct volume *v, const struct caller *caller, const char *name, uint32_t size,
		    const struct allocate_options *options, uint32_t *id, sd_bus_error *error)
{
	struct smm_block b = new_block(v, caller, SMM_KIND_DATA, size), found;
	int r = volume_ready(v, true, error);

	if (r >= 0)
		r = apply_options(&b, caller, options, error);
	if (r < 0)
		return r;
	if (!options->exclusive && is_as_asked(v, caller, name, &b, &found)) {
		*id = found.id;
		return 0;
	}
	r = create(v, caller, name, &b, NULL, options->fill, error);
	*id = b.id;
	return r;
}

int volume_free(struct volume *v, const struct caller *caller, uint32_t id, sd_bus_error *error)
{
	struct smm_block b;
	int r = open_block(v, caller, id, MAY_MANAGE, "free", &b, error);

	if (r < 0)
		return r;
	r = smm_store_free(&v->store, &b);
	if (r != SMM_OK)
		return fail(v, r, &b, "free", 0, error);
	index_remove(&v->index, id);
	volume_publish(v);
	return 0;
}

int volume_resize(struct volume *v, const struct caller *caller, uint32_t id, uint32_t size,
		  sd_bus_error *error)
{
	struct smm_block b;
	uint64_t need;
	int r = open_block(v, caller, id, MAY_MANAGE, "resize", &b, error);

	if (r < 0)
		return r;
	need = room(v, b.name, size);
	r = check_room(v, caller, b.uid, b.room, need, error);
	if (r < 0)
		return r;
	begin(v, id);
	return finish(v, smm_store_resize(&v->store, &b, size), &b, "resize", need, error);
}

/* Contents */

static int read_content(struct volume *v, const struct smm_block *b, uint32_t offset,
			uint32_t length, void **data, size_t *size, sd_bus_error *error)
{
	_cleanup_free_ void *content = malloc(length + 1u);
	int r;

	if (!content)
		return sd_bus_error_set_errno(error, ENOMEM);
	begin(v, v->in_between ? v->busy_id : 0);
	r = smm_store_read(&v->store, b, offset, content, length);
	if (r == SMM_CHECKSUM) { /* the chip, or the wire? */
		mirror_forget_range(v->mirror, b->offset, b->room);
		r = smm_store_read(&v->store, b, offset, content, length);
	}
	if (!v->in_between)
		v->busy_id = NO_BLOCK;
	if (r != SMM_OK)
		return fail(v, r, b, "read", 0, error);
	volume_publish(v);
	*data = TAKE(content);
	*size = length;
	return 0;
}

int volume_read(struct volume *v, const struct caller *caller, uint32_t id, uint32_t offset,
		uint32_t length, void **data, size_t *size, sd_bus_error *error)
{
	struct smm_block b;
	int r = open_block(v, caller, id, MAY_READ, "read", &b, error);

	if (r < 0)
		return r;
	if (length == UINT32_MAX)
		length = offset < b.length ? b.length - offset : 0;
	r = check_range(&b, offset, length, error);
	return r < 0 ? r : read_content(v, &b, offset, length, data, size, error);
}

bool volume_fits_between(struct volume *v, uint32_t id, const char *name, uint32_t length)
{
	struct smm_block b;

	if (v->busy_id == NO_BLOCK)
		return false;
	if (!(name ? index_find(&v->index, name, &b) : index_get(&v->index, id, &b)))
		return true; /* and be told that there is none */
	return b.id != v->busy_id && (length < b.length ? length : b.length) <= BETWEEN_MAX;
}

int volume_load(struct volume *v, const struct caller *caller, const char *name, void **data,
		size_t *size, sd_bus_error *error)
{
	struct smm_block b;
	int r = open_name(v, caller, name, MAY_READ, "read", &b, error);

	if (r == 0)
		return no_name(v, caller, name, error);
	return r < 0 ? r : read_content(v, &b, 0, b.length, data, size, error);
}

static int write_content(struct volume *v, const struct caller *caller, uint32_t id,
			 uint32_t offset, const void *data, size_t size,
			 int (*write)(struct smm_store *st, struct smm_block *b, u32 offset,
				      const void *data, u32 size),
			 sd_bus_error *error)
{
	struct smm_block b;
	int r = open_block(v, caller, id, MAY_WRITE, "write", &b, error);

	if (r >= 0)
		r = check_range(&b, offset, size, error);
	if (r < 0)
		return r;
	begin(v, id);
	r = write(&v->store, &b, offset, data, (u32)size);
	return finish(v, r, &b, "write", b.room, error);
}

int volume_write(struct volume *v, const struct caller *caller, uint32_t id, uint32_t offset,
		 const void *data, size_t size, sd_bus_error *error)
{
	return write_content(v, caller, id, offset, data, size, smm_store_write, error);
}

int volume_write_in_place(struct volume *v, const struct caller *caller, uint32_t id,
			  uint32_t offset, const void *data, size_t size, sd_bus_error *error)
{
	return write_content(v, caller, id, offset, data, size, smm_store_write_in_place, error);
}

static int replace(struct volume *v, const struct caller *caller, struct smm_block *b,
		   const void *data, uint32_t size, sd_bus_error *error)
{
	uint64_t need = room(v, b->name, size);
	int r = check_room(v, caller, b->uid, b->room, need, error);

	if (r < 0)
		return r;
	begin(v, b->id);
	return finish(v, smm_store_replace(&v->store, b, data, size), b, "replace", need, error);
}

int volume_store(struct volume *v, const struct caller *caller, const char *name, const void *data,
		 size_t size, uint32_t *id, sd_bus_error *error)
{
	struct smm_block b;
	int r = open_name(v, caller, name, MAY_WRITE, "replace", &b, error);

	if (r < 0)
		return r;
	if (size > SMM_SIZE_MAX)
		return no_space(v, size, error);
	if (r > 0) {
		r = replace(v, caller, &b, data, (uint32_t)size, error);
	} else {
		b = new_block(v, caller, SMM_KIND_DATA, (uint32_t)size);
		r = create(v, caller, name, &b, data, 0, error);
	}
	*id = b.id;
	return r;
}

int volume_add(struct volume *v, const struct caller *caller, const char *name, int64_t delta,
	       int64_t *value, sd_bus_error *error)
{
	struct smm_block b;
	uint64_t first;
	int r = open_name(v, caller, name, delta ? MAY_WRITE : MAY_READ, "add to", &b, error);

	if (r == 0) { /* made with its first value, all at once */
		first = htole64((uint64_t)delta);
		b = new_block(v, caller, SMM_KIND_COUNTER, sizeof(first));
		*value = delta;
		return create(v, caller, name, &b, &first, 0, error);
	}
	if (r < 0)
		return r;
	r = smm_store_add(&v->store, &b, delta, value);
	if (r == SMM_NOT_COUNTER)
		return sd_bus_error_setf(error, ERROR_NOT_A_COUNTER,
					 "block %u, '%s', is not a counter", b.id, name);
	if (r == SMM_OVERFLOW)
		return sd_bus_error_setf(
			error, ERROR_OUT_OF_RANGE,
			"counter '%s' cannot count %jd: its value would not fit 64 "
			"bits",
			name, (intmax_t)delta);
	return finish(v, r, &b, "add to", 0, error);
}

/* Headers */

int volume_set_mode(struct volume *v, const struct caller *caller, uint32_t id, uint32_t mode,
		    sd_bus_error *error)
{
	struct smm_block b;
	int r = open_block(v, caller, id, MAY_MANAGE, "change the mode of", &b, error);

	if (r < 0)
		return r;
	if (mode > 0777)
		return bad_mode(mode, error);
	r = smm_store_set_mode(&v->store, &b, (u16)mode);
	return finish(v, r, &b, "change the mode of", 0, error);
}

int volume_set_owner(struct volume *v, const struct caller *caller, uint32_t id, uint32_t uid,
		     uint32_t gid, sd_bus_error *error)
{
	struct smm_block b;
	int r = open_block(v, caller, id, MAY_GIVE, "change the owner of", &b, error);

	if (r < 0)
		return r;
	if (uid == UINT32_MAX || gid == UINT32_MAX)
		return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
					 "%u is neither a uid nor a gid", UINT32_MAX);
	r = smm_store_set_owner(&v->store, &b, uid, gid);
	return finish(v, r, &b, "change the owner of", 0, error);
}

int volume_rename(struct volume *v, const struct caller *caller, uint32_t id, const char *name,
		  sd_bus_error *error)
{
	struct smm_block b;
	uint64_t need;
	int r = open_block(v, caller, id, MAY_MANAGE, "rename", &b, error);

	if (r < 0 || !strcmp(b.name, name))
		return r;
	need = room(v, name, b.length);
	r = check_new_name(v, name, error);
	if (r >= 0)
		r = check_room(v, caller, b.uid, b.room, need, error);
	if (r < 0)
		return r;
	begin(v, id);
	return finish(v, smm_store_rename(&v->store, &b, name), &b, "rename", need, error);
}

/* Any thread */

int volume_stat(struct volume *v, const struct caller *caller, uint32_t id, struct smm_block *block,
		sd_bus_error *error)
{
	int r = volume_seen(v, error);

	if (r < 0)
		return r;
	if (!index_get(&v->index, id, block) || !may_see(caller, block))
		return no_block(v, caller, id, error);
	return 0;
}

int volume_find(struct volume *v, const struct caller *caller, const char *name, uint32_t *id,
		sd_bus_error *error)
{
	struct smm_block b;
	int r = volume_seen(v, error);

	if (r < 0)
		return r;
	if (!*name || strlen(name) > SMM_NAME_MAX)
		return bad_name(error);
	if (!index_find(&v->index, name, &b) || !may_see(caller, &b))
		return no_name(v, caller, name, error);
	*id = b.id;
	return 0;
}

int volume_list(struct volume *v, const struct caller *caller, struct smm_block **blocks,
		size_t *n_blocks, sd_bus_error *error)
{
	size_t n, seen = 0;
	int r = volume_seen(v, error);

	if (r < 0)
		return r;
	r = index_copy(&v->index, blocks, &n);
	if (r < 0)
		return sd_bus_error_set_errno(error, r);
	for (size_t i = 0; i < n; i++)
		if (may_see(caller, &(*blocks)[i]))
			(*blocks)[seen++] = (*blocks)[i];
	*n_blocks = seen;
	return 0;
}
