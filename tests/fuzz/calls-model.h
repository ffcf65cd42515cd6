/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a memory of smmd has to hold, as a plain array of blocks, and what each method of
 * org.smm1.Memory has to answer.
 *
 * A function of a method does what the method does and returns NULL, or changes nothing and returns
 * the name of the error. Of what the daemon is free to choose, the model takes its word: the id of
 * a new block and the place of one that was built anew.
 */
#ifndef CALLS_MODEL_H
#define CALLS_MODEL_H

#include <stdbool.h>

#include "volume.h"

#define MODEL_CHIP_MAX   4096u
#define MODEL_BLOCKS_MAX (MODEL_CHIP_MAX / SMM_OVERHEAD)

struct model_block {
	uint32_t id, length, uid, gid, mode, generation;
	uint32_t offset; /* 0: the daemon has not said where it is yet */
	bool counter, checksummed;
	char name[SMM_NAME_MAX + 1];
	uint8_t content[MODEL_CHIP_MAX]; /* of which @length bytes count */
};

struct model {
	uint32_t chip, granule;       /* bytes */
	uint32_t quota, default_mode; /* of the configuration */
	uint32_t highest;             /* id that was given */
	size_t n;
	struct model_block blocks[MODEL_BLOCKS_MAX]; /* by id */
};

/* How the chip is divided. */
struct model_space {
	uint32_t free, largest; /* bytes; of the longest run */
};

/* An empty store. False if there is none with this granule. */
bool model_format(struct model *m, uint32_t granule);

/* Also makes sure that no two blocks share a byte. */
struct model_space model_space(const struct model *m);
uint32_t model_usable(const struct model *m);

bool model_sees(const struct caller *who, const struct model_block *b);
bool model_reads(const struct caller *who, const struct model_block *b);
const char *model_check_name(const char *name);
struct model_block *model_find(struct model *m, uint32_t id);
int64_t model_counter(struct model *m, const char *name); /* 0 for what is none */

/* @id is what the daemon answered; it becomes what it should have answered. */
const char *model_allocate(struct model *m, const struct caller *who, const char *name,
			   uint32_t size, const struct allocate_options *options, uint32_t *id);
const char *model_store(struct model *m, const struct caller *who, const char *name,
			const uint8_t *data, uint32_t size, uint32_t *id);

/* @value receives the answer; @id is that of the block if it is a new one. */
const char *model_add(struct model *m, const struct caller *who, const char *name, int64_t delta,
		      uint32_t id, int64_t *value);

const char *model_lookup(struct model *m, const struct caller *who, const char *name, uint32_t *id);
const char *model_load(struct model *m, const struct caller *who, const char *name,
		       const uint8_t **data, uint32_t *size);

/* @length becomes the number of bytes that are read. */
const char *model_read(struct model *m, const struct caller *who, uint32_t id, uint32_t offset,
		       uint32_t *length, const uint8_t **data);
const char *model_write(struct model *m, const struct caller *who, uint32_t id, uint32_t offset,
			const uint8_t *data, uint32_t size);
const char *model_write_in_place(struct model *m, const struct caller *who, uint32_t id,
				 uint32_t offset, const uint8_t *data, uint32_t size);
const char *model_write_many(struct model *m, const struct caller *who,
			     const struct volume_part *parts, size_t n);

const char *model_free(struct model *m, const struct caller *who, uint32_t id);
const char *model_resize(struct model *m, const struct caller *who, uint32_t id, uint32_t size);
const char *model_rename(struct model *m, const struct caller *who, uint32_t id, const char *name);
const char *model_set_mode(struct model *m, const struct caller *who, uint32_t id, uint32_t mode);
const char *model_set_owner(struct model *m, const struct caller *who, uint32_t id, uint32_t uid,
			    uint32_t gid);

#endif
