/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An image on a chip of another size: the blocks are taken from a store in RAM, the image's, to
 * another, which is then the content of the chip.
 */
#include "image.h"

#include <errno.h>

#include "errors.h"
#include "ram-store.h"
#include "util.h"

/* The image's store, and its blocks by id. */
struct source {
	struct ram_store ram;
	struct smm_block *blocks;
	uint32_t n_blocks, n_foreign;
};

static void source_destroy(struct source *from)
{
	free(from->blocks);
	ram_store_destroy(&from->ram);
}

static int by_id(const void *a, const void *b)
{
	const struct smm_block *first = a, *second = b;

	return first->id < second->id ? -1 : first->id > second->id;
}

/* What smm does not make, and somebody else did. */
static int bad_store(sd_bus_error *error)
{
	return sd_bus_error_setf(error, ERROR_CORRUPT,
				 "what the image holds can be restored only as it is, to a chip of "
				 "the same size: smm did not make it");
}

/* Take up all blocks of the image. */
static int list_blocks(struct source *from, sd_bus_error *error)
{
	struct smm_store *st = &from->ram.store;
	struct smm_block b = { 0 };
	struct smm_stats stats;

	if (smm_measure(&st->smm, &stats))
		return bad_store(error);
	from->blocks = calloc(stats.blocks, sizeof(b));
	if (!from->blocks)
		return sd_bus_error_set_errno(error, -ENOMEM);
	do {
		if (smm_store_next(st, b.offset, &b))
			return bad_store(error);
		if (b.offset && b.kind == SMM_KIND_FOREIGN)
			from->n_foreign++;
		else if (b.offset)
			from->blocks[from->n_blocks++] = b;
	} while (b.offset);
	qsort(from->blocks, from->n_blocks, sizeof(b), by_id);
	return 0;
}

/* That the blocks can be those of another store, where addresses are others. */
static int check_blocks(const struct image *image, const struct source *from, sd_bus_error *error)
{
	if (from->n_foreign)
		return sd_bus_error_setf(
			error, SD_BUS_ERROR_INVALID_ARGS,
			"the image has allocations that are no blocks (%u): those of firmware, "
			"which knows their addresses, or damaged ones; so it fits a chip of %u "
			"bytes only",
			from->n_foreign, image->length);
	for (uint32_t i = 1; i < from->n_blocks; i++)
		if (from->blocks[i].id == from->blocks[i - 1].id)
			return bad_store(error);
	return 0;
}

static uint64_t room_of(uint64_t bytes, uint32_t granule)
{
	return (SMM_OVERHEAD + bytes + granule - 1) / granule * granule;
}

/* Bytes that the blocks take with this granule; at least those that reserve_ids() needs. */
static uint64_t needed(const struct source *from, uint32_t granule)
{
	uint64_t sum = 0, least = room_of(0, granule);

	for (uint32_t i = 0; i < from->n_blocks; i++)
		sum += room_of(strlen(from->blocks[i].name) + from->blocks[i].length, granule);
	return sum > least ? sum : least;
}

/* Make @to an empty store with this granule, and measure it. */
static int make_empty(const struct source *from, struct ram_store *to, uint32_t granule,
		      struct smm_stats *stats)
{
	const struct smm_store *like = &from->ram.store;
	int r;

	memset(to->bytes, 0, to->store.smm.size);
	to->store.smm.granule = granule;
	*stats = (struct smm_stats){ 0 };
	r = smm_store_format(&to->store, like->identity, like->label);
	return r ? r : smm_measure(&to->store.smm, stats);
}

/* The same, and all blocks have room: one after the other, in its one free run. */
static bool make_room(const struct source *from, struct ram_store *to, uint32_t granule)
{
	struct smm_stats stats;

	return !make_empty(from, to, granule, &stats) && needed(from, granule) <= stats.free;
}

/* The same with the granule of the image, or else the smallest one that will do. */
static int find_room(const struct source *from, struct ram_store *to, sd_bus_error *error)
{
	struct smm_stats stats;

	if (make_room(from, to, from->ram.store.smm.granule))
		return 0;
	for (uint32_t granule = SMM_GRANULE; granule <= SMM_GRANULE_MAX; granule *= 2)
		if (make_room(from, to, granule))
			return 0;
	if (make_empty(from, to, SMM_GRANULE, &stats) == SMM_BAD_NAME) /* the label */
		return bad_store(error);
	return sd_bus_error_setf(error, ERROR_NO_SPACE,
				 "the blocks of the image take %ju bytes, headers included, and a "
				 "chip of %u bytes has %u for them",
				 (uintmax_t)needed(from, SMM_GRANULE), to->store.smm.size,
				 stats.free);
}

/* See to it that no id is given again: a block had the highest of them, and is freed. */
static int reserve_ids(const struct source *from, struct ram_store *to)
{
	struct smm_block b = {
		.kind = SMM_KIND_DATA,
		.id = from->ram.store.id_limit - 1,
		.generation = 1,
	};
	int r;

	if (!b.id) /* none was given yet */
		return SMM_OK;
	r = smm_store_adopt(&to->store, &b, NULL);
	return r ? r : smm_store_free(&to->store, &b);
}

/* Put a block of @from, which passes through @buffer, into @to. */
static int copy_block(struct source *from, struct smm_block b, struct ram_store *to, void *buffer,
		      sd_bus_error *error)
{
	int r = smm_store_read(&from->ram.store, &b, 0, buffer, b.length);

	if (r == SMM_CHECKSUM)
		return sd_bus_error_setf(
			error, ERROR_CHECKSUM_MISMATCH,
			"block %u of the image does not match its checksum; it was "
			"damaged already when the image was made, and can be "
			"restored only as it is, to a chip of the same size",
			b.id);
	if (!r)
		r = smm_store_adopt(&to->store, &b, buffer);
	return r ? bad_store(error) : 0;
}

static int copy_blocks(struct source *from, struct ram_store *to, sd_bus_error *error)
{
	_cleanup_free_ void *buffer = malloc(from->ram.store.smm.size);
	int r = 0;

	if (!buffer)
		return sd_bus_error_set_errno(error, -ENOMEM);
	for (uint32_t i = 0; !r && i < from->n_blocks; i++)
		r = copy_block(from, from->blocks[i], to, buffer, error);
	return r;
}

/* The blocks of the image in a new store of @size bytes. */
static int build(struct source *from, uint32_t size, void **content, sd_bus_error *error)
{
	_cleanup_ram_store_ struct ram_store to;
	int r = ram_store_init(&to, NULL, size);

	if (r == -EINVAL)
		return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS, "no memory has %u bytes",
					 size);
	if (r < 0)
		return sd_bus_error_set_errno(error, r);
	r = find_room(from, &to, error);
	if (!r && reserve_ids(from, &to))
		r = bad_store(error);
	if (!r)
		r = copy_blocks(from, &to, error);
	if (!r)
		*content = TAKE(to.bytes);
	return r;
}

static int copy_whole(const struct image *image, void **content, sd_bus_error *error)
{
	*content = malloc(image->length);
	if (!*content)
		return sd_bus_error_set_errno(error, -ENOMEM);
	memcpy(*content, image->content, image->length);
	return 0;
}

int image_fit(const struct image *image, uint32_t size, void **content, sd_bus_error *error)
{
	_cleanup_(source_destroy) struct source from = { 0 };
	int r;

	if (size == image->length)
		return copy_whole(image, content, error);
	r = image_mount(image, &from.ram, error);
	if (!r)
		r = list_blocks(&from, error);
	if (!r)
		r = check_blocks(image, &from, error);
	return r < 0 ? r : build(&from, size, content, error);
}
