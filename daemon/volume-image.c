/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is done to a chip as a whole: check it, make it empty, copy it, replace what is on it.
 */
#include "volume-internal.h"

#include <errno.h>

#include "errors.h"
#include "image.h"
#include "log.h"
#include "messages.h"
#include "util.h"

/* Bytes of blocks that are checked in one step, where they are in RAM already. */
#define CHECK_STEP 65536u

/* What the medium begins with while a restoration is not finished; see FORMAT.md. */
static const uint8_t begun[3] = VOLUME_RESTORING;

static int check_admin(struct volume *v, const struct caller *caller, const char *what,
		       sd_bus_error *error)
{
	if (caller->admin)
		return 0;
	return sd_bus_error_setf(error, SD_BUS_ERROR_ACCESS_DENIED,
				 "memory %s may be %s by administrators only; uid %u is none",
				 volume_name(v), what, caller->uid);
}

static int check_writable(struct volume *v, const char *what, sd_bus_error *error)
{
	if (!v->chip->read_only)
		return 0;
	return sd_bus_error_setf(
		error, ERROR_WRITE_PROTECTED, "memory %s cannot be %s: %s", volume_name(v), what,
		v->chip->why_read_only ? v->chip->why_read_only : "it cannot be written");
}

/* Whether there is a chip, and what is on it is no store that serves. */
static bool has_no_store(const struct volume *v)
{
	return !v->power_failing && !v->wrong_model &&
	       (v->state == VOLUME_BLANK || v->state == VOLUME_FOREIGN ||
		v->state == VOLUME_CORRUPT);
}

/* Whether the chip answers, whatever is on it. */
static int check_reachable(struct volume *v, sd_bus_error *error)
{
	int r = has_no_store(v) ? 0 : volume_ready(v, false, error);

	if (r >= 0 || !has_no_store(v))
		return r;
	sd_bus_error_free(error); /* it has just come back */
	return 0;
}

/* Whether the chip is still as it was when something was begun that goes on step by step. */
static int check_unchanged(struct volume *v, uint32_t mounts, const char *what, sd_bus_error *error)
{
	int r = check_reachable(v, error);

	if (r < 0 || v->mounts == mounts)
		return r;
	return sd_bus_error_setf(error, ERROR_BUSY,
				 "memory %s was taken up anew while it was %s; try again",
				 volume_name(v), what);
}

static int unreadable(struct volume *v, const char *what, sd_bus_error *error)
{
	int failure = -v->chip_error;

	volume_recover(v);
	if (v->power_failing)
		return volume_ready(v, false, error);
	return sd_bus_error_setf(error, ERROR_IO, "memory %s could not be %s: %s; it is %s now",
				 volume_name(v), what, strerror(failure), volume_state_name(v));
}

/* Check */

/* Read a slice of the chip again. Return: 1 if there is more, 0, or a negative errno. */
static int look_again(struct volume *v, struct volume_check *check)
{
	uint32_t n = v->chip->size - check->at;
	int r;

	if (n > volume_slice(v))
		n = volume_slice(v);
	mirror_forget_range(v->mirror, check->at, n);
	r = mirror_load_range(v->mirror, check->at, n, n);
	if (r < 0)
		v->chip_error = r;
	check->at += n;
	return r < 0 ? r : 1;
}

/* What a mount finds: the map, and the block that the store has for itself. */
static int mount_beside(struct volume *v, struct check_result *result)
{
	_cleanup_free_ void *map = malloc(v->store.smm.map_size);
	struct smm_store store = {
		.smm = {
			.read = volume_on_read,
			.write = volume_on_write,
			.context = v,
			.size = v->chip->size,
			.map = map,
			.map_size = v->store.smm.map_size,
		},
	};
	int r;

	if (!map) {
		v->chip_error = -ENOMEM;
		return SMM_IO_ERR;
	}
	r = smm_store_mount(&store);
	result->corrected += store.smm.corrected;
	result->uncorrectable += store.smm.uncorrectable;
	return r;
}

/* Hold the map against what it has to be; nothing is written. Return: 0 or -EIO. */
static int verify_map(struct volume *v, struct check_result *result)
{
	struct smm *s = &v->store.smm;
	uint32_t corrected = s->corrected;
	int r, mounted;

	v->looking = true;
	volume_begin(v, 0);
	r = smm_verify(s);
	mounted = r == SMM_IO_ERR ? r : mount_beside(v, result);
	v->busy_id = NO_BLOCK;
	v->looking = false;
	s->corrected = corrected;
	if ((r || mounted) && !result->uncorrectable)
		result->uncorrectable = 1;
	return r == SMM_IO_ERR || mounted == SMM_IO_ERR ? -EIO : 0;
}

static int verify_block(struct volume *v, const struct smm_block *b, struct check_result *result)
{
	int r = smm_store_verify(&v->store, b);

	if (r == SMM_IO_ERR)
		return r;
	result->blocks += b->kind != SMM_KIND_FOREIGN;
	result->foreign += b->kind == SMM_KIND_FOREIGN;
	result->damaged += r != SMM_OK;
	return r;
}

/* Some of the blocks, as they are by now. Return: 1 if there are more, 0, or SMM_IO_ERR as -EIO. */
static int verify_blocks(struct volume *v, struct volume_check *check)
{
	uint32_t bytes = 0,
		 limit = v->config->mirror ? CHECK_STEP : 1; /* one block, from the chip */
	struct smm_block b;
	int r;

	for (; check->next < check->n_blocks && bytes < limit; check->next++) {
		b = check->blocks[check->next];
		if (b.id && !index_get(&v->index, b.id, &b))
			continue; /* it was freed */
		v->looking = true;
		volume_begin(v, 0);
		r = verify_block(v, &b, &check->result);
		v->busy_id = NO_BLOCK;
		v->looking = false;
		if (r == SMM_IO_ERR)
			return -EIO;
		bytes += b.room;
	}
	return check->next < check->n_blocks;
}

static int list_blocks(struct volume *v, struct volume_check *check)
{
	return index_copy(&v->index, &check->blocks, &check->n_blocks);
}

static int begin_check(struct volume *v, const struct caller *caller, struct volume_check *check,
		       sd_bus_error *error)
{
	uint32_t corrected = v->before.corrected + v->store.smm.corrected;
	int r = check->repair ? check_admin(v, caller, "repaired", error) : 0;

	if (r >= 0)
		r = volume_ready(v, check->repair && v->state != VOLUME_CORRUPT, error);
	if (r < 0)
		return r;
	if (check->repair) { /* a mount does */
		volume_recover(v);
		check->result.corrected = v->before.corrected + v->store.smm.corrected - corrected;
	}
	check->mounts = v->mounts;
	check->begun = true;
	return check->repair ? volume_ready(v, false, error) : 0;
}

/* The end of a check: what was found. */
static int end_check(struct volume *v, struct volume_check *check)
{
	const struct check_result *result = &check->result;

	if (result->uncorrectable && !check->repair)
		volume_recover(v); /* what is known of the chip is no longer so */
	if (result->damaged || result->uncorrectable)
		log_event(LOG_WARNING,
			  &(struct log_about){ .message = MESSAGE_DAMAGED,
					       .memory = volume_name(v),
					       .error = ERROR_CORRUPT },
			  "memory %s: %u blocks are damaged, %u lines of the map", volume_name(v),
			  result->damaged, result->uncorrectable);
	volume_publish(v);
	return 0;
}

int volume_check(struct volume *v, const struct caller *caller, struct volume_check *check,
		 sd_bus_error *error)
{
	int r = check->begun ? check_unchanged(v, check->mounts, "checked", error)
			     : begin_check(v, caller, check, error);

	if (r < 0)
		return r;
	if (v->config->mirror && check->at < v->chip->size) {
		r = look_again(v, check);
	} else if (!check->blocks) {
		r = verify_map(v, &check->result);
		if (r >= 0)
			r = list_blocks(v, check);
		if (r == -ENOMEM)
			return sd_bus_error_set_errno(error, r);
		if (r >= 0)
			r = 1;
	} else {
		r = verify_blocks(v, check);
	}
	if (r < 0)
		return unreadable(v, "checked", error);
	return r ? 1 : end_check(v, check);
}

void volume_check_done(struct volume_check *check)
{
	free(check->blocks);
}

/* Format */

/* Whether there is nothing that a format would lose. */
static bool is_empty(struct volume *v)
{
	return v->state == VOLUME_BLANK ||
	       (v->state == VOLUME_ONLINE && !v->index.has.n_blocks && !v->index.has.n_foreign);
}

int volume_format(struct volume *v, const struct caller *caller, uint32_t granule, bool force,
		  sd_bus_error *error)
{
	int r = check_admin(v, caller, "formatted", error);

	v->written = 0;
	if (r >= 0)
		r = check_reachable(v, error);
	if (r >= 0)
		r = check_writable(v, "formatted", error);
	if (r < 0)
		return r;
	if (!force && !is_empty(v))
		return sd_bus_error_setf(
			error, SD_BUS_ERROR_INVALID_ARGS,
			"memory %s is %s and holds %u blocks; without force it is not formatted",
			volume_name(v), volume_state_name(v), v->index.has.n_blocks);
	if (!granule)
		granule = v->config->granule;
	switch (volume_make(v, granule)) {
	case SMM_OK:
		log_info("memory %s was formatted", volume_name(v));
		return 0;
	case SMM_PARAMETER_INVALID:
	case SMM_NO_FREE_SPACE:
		return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
					 "a granule of %u bytes is not a power of two from %u that "
					 "leaves room in the %u bytes of memory %s",
					 granule, SMM_GRANULE, v->chip->size, volume_name(v));
	default:
		return sd_bus_error_setf(error, ERROR_IO, "memory %s could not be formatted: %s",
					 volume_name(v), strerror(-v->chip_error));
	}
}

/* Dump */

/* What goes to the chip while it is copied goes to the copy, too, where that is made already. */
void volume_wrote(struct volume *v, uint32_t offset, const void *buffer, uint32_t size)
{
	struct shadow *shadow;

	v->written += size;
	pthread_mutex_lock(&v->lock);
	shadow = v->shadow;
	if (shadow && offset < shadow->upto)
		memcpy(shadow->bytes + offset, buffer,
		       size < shadow->upto - offset ? size : shadow->upto - offset);
	pthread_mutex_unlock(&v->lock);
}

static int begin_dump(struct volume *v, const struct caller *caller, struct volume_dump *dump,
		      sd_bus_error *error)
{
	int r = check_admin(v, caller, "dumped", error);

	if (r >= 0)
		r = check_reachable(v, error);
	if (r < 0)
		return r;
	dump->shadow.bytes = malloc(v->chip->size);
	if (!dump->shadow.bytes)
		return sd_bus_error_set_errno(error, ENOMEM);
	dump->mounts = v->mounts;
	pthread_mutex_lock(&v->lock);
	v->shadow = &dump->shadow;
	pthread_mutex_unlock(&v->lock);
	return 0;
}

static int end_dump(struct volume *v, struct volume_dump *dump, sd_bus_error *error)
{
	int r = image_pack(dump->shadow.bytes, v->chip->size, v->status.model, (uint64_t)time(NULL),
			   &dump->file, &dump->size);

	return r < 0 ? sd_bus_error_set_errno(error, r) : 0;
}

static int dump_slice(struct volume *v, struct volume_dump *dump, sd_bus_error *error)
{
	struct shadow *shadow = &dump->shadow;
	uint32_t n = v->chip->size - shadow->upto;

	if (n > volume_slice(v))
		n = volume_slice(v);
	if (volume_on_read(v, shadow->upto, shadow->bytes + shadow->upto, n) < 0)
		return unreadable(v, "read", error);
	shadow->upto += n;
	return shadow->upto < v->chip->size ? 1 : end_dump(v, dump, error);
}

int volume_dump(struct volume *v, const struct caller *caller, struct volume_dump *dump,
		sd_bus_error *error)
{
	int r = dump->shadow.bytes ? check_unchanged(v, dump->mounts, "dumped", error)
				   : begin_dump(v, caller, dump, error);

	if (r >= 0)
		r = dump_slice(v, dump, error);
	if (r <= 0)
		volume_dump_stop(v, dump);
	return r;
}

void volume_dump_stop(struct volume *v, struct volume_dump *dump)
{
	pthread_mutex_lock(&v->lock);
	if (v->shadow == &dump->shadow)
		v->shadow = NULL;
	pthread_mutex_unlock(&v->lock);
	free(dump->shadow.bytes);
	dump->shadow.bytes = NULL;
}

/* Restore */

/*
 * The first bytes say that it is not finished until all others are there: they are written first,
 * and what belongs there last.
 */
static int write_all(struct volume *v, const uint8_t *content)
{
	uint32_t size = v->chip->size, n;
	int r;

	mirror_forget(v->mirror);
	r = volume_on_write(v, 0, begun, sizeof(begun));
	for (uint32_t at = sizeof(begun); r >= 0 && at < size; at += n) {
		n = size - at < volume_slice(v) ? size - at : volume_slice(v);
		r = volume_on_write(v, at, content + at, n);
	}
	return r < 0 ? r : volume_on_write(v, 0, content, sizeof(begun));
}

int volume_restore(struct volume *v, const struct caller *caller, const void *file, size_t size,
		   _Atomic bool *certain, sd_bus_error *error)
{
	_cleanup_free_ void *content = NULL;
	struct image image;
	int r = check_admin(v, caller, "restored", error);

	v->written = 0;
	if (r >= 0)
		r = check_reachable(v, error);
	if (r >= 0)
		r = check_writable(v, "restored", error);
	if (r >= 0)
		r = image_unpack(file, size, &image, error);
	if (r >= 0)
		r = image_fit(&image, v->chip->size, &content, error);
	if (r < 0)
		return r;
	if (atomic_exchange(certain, true))
		return -ECANCELED;
	r = write_all(v, content); /* and nobody reads in between */
	v->known = false;          /* it is another one now */
	if (r < 0)
		return unreadable(v, "restored", error);
	volume_recover(v);
	log_info("memory %s was restored from an image", volume_name(v));
	return 0;
}
