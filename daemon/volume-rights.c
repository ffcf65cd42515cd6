/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who may do what. Mode bits are those of a file, and as for a file the first class decides that
 * fits the caller. Who may not read a block does not see it, whatever else the bits say; its owner
 * always does.
 */
#include "volume-internal.h"

#include <errno.h>

#include "errors.h"
#include "log.h"
#include "messages.h"
#include "util.h"

bool volume_is_member(const struct caller *caller, uint32_t gid)
{
	for (size_t i = 0; i < caller->n_gids; i++)
		if (caller->gids[i] == gid)
			return true;
	return false;
}

bool volume_has_right(const struct caller *caller, const struct smm_block *b, enum right right)
{
	if (caller->uid == 0)
		return true;
	if (right == MAY_GIVE)
		return false;
	if (right == MAY_MANAGE)
		return caller->uid == b->uid;
	if (caller->uid == b->uid)
		return b->mode >> 6 & right;
	return (volume_is_member(caller, b->gid) ? b->mode >> 3 : b->mode) & right;
}

bool volume_may_see(const struct caller *caller, const struct smm_block *b)
{
	return volume_has_right(caller, b, MAY_READ) || volume_has_right(caller, b, MAY_MANAGE);
}

bool volume_may_read(const struct caller *caller, const struct smm_block *b)
{
	return volume_has_right(caller, b, MAY_READ);
}

/* Sentences */

static int no_block(struct volume *v, const struct caller *caller, uint32_t id, sd_bus_error *error)
{
	sd_bus_error_setf(error, ERROR_NO_SUCH_BLOCK,
			  "memory %s has no block %u that uid %u may read", volume_name(v), id,
			  caller->uid);
	return -ENOENT;
}

int volume_no_name(struct volume *v, const struct caller *caller, const char *name,
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

int volume_bad_name(sd_bus_error *error)
{
	return sd_bus_error_setf(error, ERROR_BAD_NAME,
				 "a name has 1 to %u bytes of UTF-8 without '/' and control "
				 "characters; this one has not",
				 SMM_NAME_MAX);
}

int volume_bad_mode(uint32_t mode, sd_bus_error *error)
{
	return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
				 "%04o is no mode of a block; modes are 0000 to 0777", mode);
}

int volume_no_space(struct volume *v, uint64_t need, sd_bus_error *error)
{
	return sd_bus_error_setf(error, ERROR_NO_SPACE,
				 "memory %s has no %ju bytes, header included, in one piece",
				 volume_name(v), (uintmax_t)need);
}

/* In the middle of another call, that one finds out by itself. */
static void recover(struct volume *v)
{
	if (!v->in_between)
		volume_recover(v);
}

/* Once, and not as often as somebody reads it. */
static void log_damage(struct volume *v, const struct smm_block *b, const char *error)
{
	char id[16];

	if (v->damaged == b->id)
		return;
	v->damaged = b->id;
	snprintf(id, sizeof(id), "%u", b->id);
	log_event(LOG_WARNING, &(struct log_about){ MESSAGE_DAMAGED, volume_name(v), id, error },
		  "memory %s: block %s (%s) is damaged", volume_name(v), id, b->name);
}

int volume_failed(struct volume *v, int result, const struct smm_block *b, const char *verb,
		  uint64_t need, sd_bus_error *error)
{
	switch (result) {
	case SMM_NO_FREE_SPACE:
		return volume_no_space(v, need, error);
	case SMM_BAD_NAME:
		return volume_bad_name(error);
	case SMM_CHECKSUM:
		log_damage(v, b, ERROR_CHECKSUM_MISMATCH);
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

void volume_begin(struct volume *v, uint32_t id)
{
	v->busy_id = id;
}

int volume_finish(struct volume *v, int result, const struct smm_block *b, const char *verb,
		  uint64_t need, sd_bus_error *error)
{
	struct smm_block before;
	bool is_new;
	int r = 0;

	v->busy_id = NO_BLOCK;
	if (result != SMM_OK)
		return volume_failed(v, result, b, verb, need, error);
	is_new = !index_get(&v->index, b->id, &before);
	if (is_new || memcmp(&before, b, sizeof(*b)) != 0) {
		r = index_put(&v->index, b);
		v->ops->block_changed(v->userdata, is_new ? NULL : &before, b);
	}
	volume_publish(v);
	return r < 0 ? sd_bus_error_set_errno(error, r) : 0;
}

/* Look-ups */

int volume_open_block(struct volume *v, const struct caller *caller, uint32_t id, enum right right,
		      const char *verb, struct smm_block *b, sd_bus_error *error)
{
	int r = volume_ready(v, right != MAY_READ, error);

	if (r < 0)
		return r;
	if (!index_get(&v->index, id, b) || !volume_may_see(caller, b))
		return no_block(v, caller, id, error);
	return volume_has_right(caller, b, right) ? 0 : denied(caller, b, verb, error);
}

int volume_open_name(struct volume *v, const struct caller *caller, const char *name,
		     enum right right, const char *verb, struct smm_block *b, sd_bus_error *error)
{
	int r = volume_ready(v, right != MAY_READ, error);

	if (r < 0)
		return r;
	if (!*name || !smm_store_is_name(name))
		return volume_bad_name(error);
	if (!index_find(&v->index, name, b) || !volume_may_see(caller, b))
		return 0;
	return volume_has_right(caller, b, right) ? 1 : denied(caller, b, verb, error);
}

int volume_check_range(const struct smm_block *b, uint32_t offset, size_t size, sd_bus_error *error)
{
	uint64_t end = (uint64_t)offset + size;

	if (end <= b->length)
		return 0;
	return sd_bus_error_setf(error, ERROR_OUT_OF_RANGE,
				 "block %u has %u bytes; offset %u and length %zu reach %ju bytes "
				 "past its end",
				 b->id, b->length, offset, size, (uintmax_t)(end - b->length));
}

/* Any thread */

uint32_t volume_length(struct volume *v, const struct caller *caller, uint32_t id, const char *name,
		       uint32_t length)
{
	struct smm_block b;

	if (!(name ? index_find(&v->index, name, &b) : index_get(&v->index, id, &b)) ||
	    !volume_may_read(caller, &b))
		return 0;
	return length < b.length ? length : b.length;
}

int volume_stat(struct volume *v, const struct caller *caller, uint32_t id, struct smm_block *block,
		sd_bus_error *error)
{
	int r = volume_seen(v, error);

	if (r < 0)
		return r;
	if (!index_get(&v->index, id, block) || !volume_may_see(caller, block))
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
	if (!*name || !smm_store_is_name(name))
		return volume_bad_name(error);
	if (!index_find(&v->index, name, &b) || !volume_may_see(caller, &b))
		return volume_no_name(v, caller, name, error);
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
		if (volume_may_see(caller, &(*blocks)[i]))
			(*blocks)[seen++] = (*blocks)[i];
	*n_blocks = seen;
	return 0;
}
