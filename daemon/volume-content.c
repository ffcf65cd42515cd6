/* SPDX-License-Identifier: BSD-3-Clause */
#include "volume-internal.h"

#include <errno.h>

#include "errors.h"
#include "util.h"

#define BETWEEN_MAX 1024u /* bytes: a longer read waits for its turn */

static bool find(struct volume *v, uint32_t id, const char *name, struct smm_block *b)
{
	return name ? index_find(&v->index, name, b) : index_get(&v->index, id, b);
}

/* Reading */

static int read_content(struct volume *v, const struct smm_block *b, uint32_t offset,
			uint32_t length, void **data, size_t *size, sd_bus_error *error)
{
	_cleanup_free_ void *content = malloc(length + 1u);
	int r;

	if (!content)
		return sd_bus_error_set_errno(error, ENOMEM);
	volume_begin(v, v->in_between ? v->busy_id : 0);
	r = smm_store_read(&v->store, b, offset, content, length);
	if (r == SMM_CHECKSUM) { /* the chip, or the wire? */
		mirror_forget_range(v->mirror, b->offset, b->room);
		r = smm_store_read(&v->store, b, offset, content, length);
	}
	if (!v->in_between)
		v->busy_id = NO_BLOCK;
	if (r != SMM_OK)
		return volume_failed(v, r, b, "read", 0, error);
	volume_publish(v);
	*data = TAKE(content);
	*size = length;
	return 0;
}

/* The bytes from @offset to the end, if @length asks for that. */
static uint32_t to_end(const struct smm_block *b, uint32_t offset, uint32_t length)
{
	if (length != UINT32_MAX)
		return length;
	return offset < b->length ? b->length - offset : 0;
}

int volume_read(struct volume *v, const struct caller *caller, uint32_t id, uint32_t offset,
		uint32_t length, void **data, size_t *size, sd_bus_error *error)
{
	struct smm_block b;
	int r = volume_open_block(v, caller, id, MAY_READ, "read", &b, error);

	if (r < 0)
		return r;
	length = to_end(&b, offset, length);
	r = volume_check_range(&b, offset, length, error);
	return r < 0 ? r : read_content(v, &b, offset, length, data, size, error);
}

int volume_load(struct volume *v, const struct caller *caller, const char *name, void **data,
		size_t *size, sd_bus_error *error)
{
	struct smm_block b;
	int r = volume_open_name(v, caller, name, MAY_READ, "read", &b, error);

	if (r == 0)
		return volume_no_name(v, caller, name, error);
	return r < 0 ? r : read_content(v, &b, 0, b.length, data, size, error);
}

bool volume_fits_between(struct volume *v, uint32_t id, const char *name, uint32_t length)
{
	struct smm_block b;

	if (v->busy_id == NO_BLOCK)
		return false;
	if (!find(v, id, name, &b))
		return true; /* and be told that there is none */
	return b.id != v->busy_id && (length < b.length ? length : b.length) <= BETWEEN_MAX;
}

/* Without the wire */

/* Whether @caller may read @length bytes from @offset on of a block, clipped at its end. */
static bool can_read(struct volume *v, const struct caller *caller, uint32_t id, const char *name,
		     uint32_t offset, uint32_t *length, struct smm_block *b)
{
	if (v->power_failing || v->replugged ||
	    (v->state != VOLUME_ONLINE && v->state != VOLUME_READ_ONLY))
		return false;
	if (!find(v, id, name, b) || !volume_has_right(caller, b, MAY_READ))
		return false;
	*length = to_end(b, offset, *length);
	return offset <= b->length && *length <= b->length - offset;
}

int volume_prefetch(struct volume *v, const struct caller *caller, uint32_t id, const char *name,
		    uint32_t offset, uint32_t length)
{
	struct smm_block b;

	if (v->in_between || !can_read(v, caller, id, name, offset, &length, &b))
		return 0;
	return mirror_load_range(v->mirror, b.offset, b.room, volume_slice(v)) > 0;
}

bool volume_holds(struct volume *v, const struct caller *caller, uint32_t id, const char *name,
		  uint32_t offset, uint32_t *length, struct smm_block *b)
{
	return can_read(v, caller, id, name, offset, length, b) &&
	       mirror_holds(v->mirror, b->offset, b->room);
}

bool volume_copy(struct volume *v, const struct smm_block *b, uint32_t offset, uint32_t length,
		 void *buffer)
{
	return smm_store_read(&v->store, b, offset, buffer, length) == SMM_OK;
}

/* Writing */

typedef int write_function(struct smm_store *st, struct smm_block *b, u32 offset, const void *data,
			   u32 size);

static int write_content(struct volume *v, struct smm_block *b, uint32_t offset, const void *data,
			 uint32_t size, write_function *write, sd_bus_error *error)
{
	int r;

	volume_begin(v, b->id);
	r = write(&v->store, b, offset, data, size);
	r = volume_finish(v, r, b, "write", b->room, error);
	if (r >= 0)
		v->ops->content_changed(v->userdata, b, offset, size);
	return r;
}

/* The block @id, to write @size bytes of it. */
static int open_to_write(struct volume *v, const struct caller *caller, uint32_t id,
			 uint32_t offset, size_t size, struct smm_block *b, sd_bus_error *error)
{
	int r = volume_open_block(v, caller, id, MAY_WRITE, "write", b, error);

	return r < 0 ? r : volume_check_range(b, offset, size, error);
}

int volume_write(struct volume *v, const struct caller *caller, uint32_t id, uint32_t offset,
		 const void *data, size_t size, sd_bus_error *error)
{
	struct smm_block b;
	int r = open_to_write(v, caller, id, offset, size, &b, error);

	return r < 0 ? r
		     : write_content(v, &b, offset, data, (uint32_t)size, smm_store_write, error);
}

int volume_write_in_place(struct volume *v, const struct caller *caller, uint32_t id,
			  uint32_t offset, const void *data, size_t size, uint32_t *done,
			  sd_bus_error *error)
{
	struct smm_block b;
	uint32_t n;
	int r = open_to_write(v, caller, id, offset, size, &b, error);

	if (r < 0)
		return r;
	n = (uint32_t)size - *done < volume_slice(v) ? (uint32_t)size - *done : volume_slice(v);
	r = write_content(v, &b, offset + *done, (const uint8_t *)data + *done, n,
			  smm_store_write_in_place, error);
	if (r < 0)
		return r;
	*done += n;
	return *done < size;
}

/* What is written by one call, as the library takes it. */
struct writes {
	struct smm_block *blocks; /* one a part */
	struct smm_write *parts;
	size_t n;
};

static void writes_release(struct writes *w)
{
	free(w->blocks);
	free(w->parts);
}

static int open_parts(struct volume *v, const struct caller *caller,
		      const struct volume_part *parts, struct writes *w, sd_bus_error *error)
{
	int r = 0;

	w->blocks = calloc(w->n + 1, sizeof(*w->blocks));
	w->parts = calloc(w->n + 1, sizeof(*w->parts));
	if (!w->blocks || !w->parts)
		return sd_bus_error_set_errno(error, ENOMEM);
	for (size_t i = 0; r >= 0 && i < w->n; i++) {
		r = open_to_write(v, caller, parts[i].id, parts[i].offset, parts[i].size,
				  &w->blocks[i], error);
		w->parts[i] = (struct smm_write){
			.block = &w->blocks[i],
			.offset = parts[i].offset,
			.size = (u32)parts[i].size,
			.data = parts[i].data,
		};
	}
	return r;
}

int volume_write_many(struct volume *v, const struct caller *caller,
		      const struct volume_part *parts, size_t n_parts, sd_bus_error *error)
{
	_cleanup_(writes_release) struct writes w = { .n = n_parts };
	int r = volume_ready(v, true, error);

	if (r >= 0)
		r = open_parts(v, caller, parts, &w, error);
	if (r < 0 || !n_parts)
		return r;
	r = smm_store_write_many(&v->store, w.parts, (u32)n_parts);
	if (r == SMM_TOO_LARGE)
		return sd_bus_error_setf(
			error, ERROR_TOO_LARGE,
			"these %zu parts take %u bytes of the intent log of memory "
			"%s, which has %u; write them in several calls",
			n_parts, smm_store_log_bytes(w.parts, (u32)n_parts), volume_name(v),
			v->store.log_size);
	if (r != SMM_OK)
		return volume_failed(v, r, &w.blocks[0], "write", 0, error);
	for (size_t i = 0; i < n_parts; i++)
		v->ops->content_changed(v->userdata, &w.blocks[i], parts[i].offset,
					(uint32_t)parts[i].size);
	volume_publish(v);
	return 0;
}
