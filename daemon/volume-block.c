/* SPDX-License-Identifier: BSD-3-Clause */
#include "volume-internal.h"

#include <endian.h>
#include <errno.h>

#include "errors.h"
#include "util.h"

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
		return volume_no_space(v, need, error);
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

	if (!smm_store_is_name(name))
		return volume_bad_name(error);
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
	volume_begin(v, 0);
	return volume_finish(v, smm_store_create(&v->store, b, data, fill), b, "make", need, error);
}

static int apply_options(struct smm_block *b, const struct caller *caller,
			 const struct allocate_options *options, sd_bus_error *error)
{
	if (options->has_mode && options->mode > 0777)
		return volume_bad_mode(options->mode, error);
	if (options->has_gid && options->gid == UINT32_MAX)
		return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS, "%u is not a gid",
					 options->gid);
	if (options->has_gid && caller->uid != 0 && !volume_is_member(caller, options->gid))
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
	       found->length == asked->length && volume_has_right(caller, found, MAY_READ) &&
	       volume_has_right(caller, found, MAY_WRITE);
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
	struct smm_block b, before;
	int r = volume_open_block(v, caller, id, MAY_MANAGE, "free", &b, error);

	if (r < 0)
		return r;
	before = b;
	r = smm_store_free(&v->store, &b);
	if (r != SMM_OK)
		return volume_failed(v, r, &b, "free", 0, error);
	index_remove(&v->index, id);
	volume_publish(v);
	v->ops->block_changed(v->userdata, &before, NULL);
	return 0;
}

int volume_resize(struct volume *v, const struct caller *caller, uint32_t id, uint32_t size,
		  sd_bus_error *error)
{
	struct smm_block b;
	uint64_t need;
	int r = volume_open_block(v, caller, id, MAY_MANAGE, "resize", &b, error);

	if (r < 0)
		return r;
	need = room(v, b.name, size);
	r = check_room(v, caller, b.uid, b.room, need, error);
	if (r < 0)
		return r;
	volume_begin(v, id);
	return volume_finish(v, smm_store_resize(&v->store, &b, size), &b, "resize", need, error);
}

static int replace(struct volume *v, const struct caller *caller, struct smm_block *b,
		   const void *data, uint32_t size, sd_bus_error *error)
{
	uint64_t need = room(v, b->name, size);
	int r = check_room(v, caller, b->uid, b->room, need, error);

	if (r < 0)
		return r;
	volume_begin(v, b->id);
	r = smm_store_replace(&v->store, b, data, size);
	r = volume_finish(v, r, b, "replace", need, error);
	if (r >= 0)
		v->ops->content_changed(v->userdata, b, 0, size);
	return r;
}

int volume_store(struct volume *v, const struct caller *caller, const char *name, const void *data,
		 size_t size, uint32_t *id, sd_bus_error *error)
{
	struct smm_block b;
	int r = volume_open_name(v, caller, name, MAY_WRITE, "replace", &b, error);

	if (r < 0)
		return r;
	if (size > SMM_SIZE_MAX)
		return volume_no_space(v, size, error);
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
	int r = volume_open_name(v, caller, name, delta ? MAY_WRITE : MAY_READ, "add to", &b,
				 error);

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
	r = volume_finish(v, r, &b, "add to", 0, error);
	if (r >= 0 && delta)
		v->ops->content_changed(v->userdata, &b, 0, b.length);
	return r;
}

/* Headers */

int volume_set_mode(struct volume *v, const struct caller *caller, uint32_t id, uint32_t mode,
		    sd_bus_error *error)
{
	struct smm_block b;
	int r = volume_open_block(v, caller, id, MAY_MANAGE, "change the mode of", &b, error);

	if (r < 0)
		return r;
	if (mode > 0777)
		return volume_bad_mode(mode, error);
	r = smm_store_set_mode(&v->store, &b, (u16)mode);
	return volume_finish(v, r, &b, "change the mode of", 0, error);
}

int volume_set_owner(struct volume *v, const struct caller *caller, uint32_t id, uint32_t uid,
		     uint32_t gid, sd_bus_error *error)
{
	struct smm_block b;
	int r = volume_open_block(v, caller, id, MAY_GIVE, "change the owner of", &b, error);

	if (r < 0)
		return r;
	if (uid == UINT32_MAX || gid == UINT32_MAX)
		return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
					 "%u is neither a uid nor a gid", UINT32_MAX);
	r = smm_store_set_owner(&v->store, &b, uid, gid);
	return volume_finish(v, r, &b, "change the owner of", 0, error);
}

int volume_rename(struct volume *v, const struct caller *caller, uint32_t id, const char *name,
		  sd_bus_error *error)
{
	struct smm_block b;
	uint64_t need;
	int r = volume_open_block(v, caller, id, MAY_MANAGE, "rename", &b, error);

	if (r < 0 || !strcmp(b.name, name))
		return r;
	need = room(v, name, b.length);
	r = check_new_name(v, name, error);
	if (r >= 0)
		r = check_room(v, caller, b.uid, b.room, need, error);
	if (r < 0)
		return r;
	volume_begin(v, id);
	return volume_finish(v, smm_store_rename(&v->store, &b, name), &b, "rename", need, error);
}
