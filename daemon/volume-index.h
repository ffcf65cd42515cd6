/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The index of a volume: a copy in RAM of every block's header, by id and by name.
 *
 * The worker keeps it up to date; any thread may look. Its lock is held for a look-up or a copy and
 * never while something waits for the wire. Foreign allocations have neither id nor name and are
 * only copied and counted.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "smm_store.h"

struct index_entry;

struct index {
	pthread_mutex_t lock;
	struct index_contents {
		struct index_entry *by_id, *by_name, *foreign;
		uint32_t n_blocks, n_foreign;
	} has;
};

void index_init(struct index *index);
void index_destroy(struct index *index);

/* Adds @block, or takes it as what the block of its id is now. Return: 0 or -ENOMEM. */
int index_put(struct index *index, const struct smm_block *block);
void index_remove(struct index *index, uint32_t id);

/* Exchanges the contents of @index with those of @other, which no other thread knows. */
void index_swap(struct index *index, struct index *other);

/* Calls @changed for each block that is not the same in both; NULL is for one that is not there. */
void index_compare(const struct index_contents *before, const struct index_contents *now,
		   void (*changed)(void *userdata, const struct smm_block *before,
				   const struct smm_block *now),
		   void *userdata);

/* Look-ups copy the block; false if there is none. */
bool index_get(struct index *index, uint32_t id, struct smm_block *block);
bool index_find(struct index *index, const char *name, struct smm_block *block);

/* All blocks by id, foreign ones first; @blocks is the caller's to free(). Return: 0 or -ENOMEM. */
int index_copy(struct index *index, struct smm_block **blocks, size_t *n_blocks);

/* Bytes of the medium that the blocks of @uid take up. */
uint64_t index_held(struct index *index, uint32_t uid);
