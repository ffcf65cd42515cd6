/* SPDX-License-Identifier: BSD-3-Clause */
#include "volume-index.h"

#include <errno.h>
#include <uthash.h>

#include "util.h"

struct index_entry {
	struct smm_block block;
	UT_hash_handle by_id, by_name;
	struct index_entry *next; /* of the foreign ones */
};

void index_init(struct index *index)
{
	*index = (struct index){ .lock = PTHREAD_MUTEX_INITIALIZER };
}

void index_destroy(struct index *index)
{
	struct index_entry *entry, *next;

	HASH_CLEAR(by_name, index->has.by_name);
	HASH_ITER (by_id, index->has.by_id, entry, next) {
		HASH_DELETE(by_id, index->has.by_id, entry);
		free(entry);
	}
	for (entry = index->has.foreign; entry; entry = next) {
		next = entry->next;
		free(entry);
	}
	pthread_mutex_destroy(&index->lock);
}

static struct index_entry *find_id(const struct index_contents *has, uint32_t id)
{
	struct index_entry *entry;

	HASH_FIND(by_id, has->by_id, &id, sizeof(id), entry);
	return entry;
}

/* Names of one memory are unique, unless another program made them; then, one of them is found. */
static void add(struct index *index, struct index_entry *entry)
{
	const struct smm_block *block = &entry->block;

	if (block->kind == SMM_KIND_FOREIGN) {
		entry->next = index->has.foreign;
		index->has.foreign = entry;
		index->has.n_foreign++;
		return;
	}
	HASH_ADD(by_id, index->has.by_id, block.id, sizeof(block->id), entry);
	if (*block->name)
		HASH_ADD_KEYPTR(by_name, index->has.by_name, block->name, strlen(block->name),
				entry);
	index->has.n_blocks++;
}

/* Takes the entry of @id, if there is one, out of the index. */
static struct index_entry *take(struct index *index, uint32_t id)
{
	struct index_entry *entry = find_id(&index->has, id);

	if (!entry)
		return NULL;
	HASH_DELETE(by_id, index->has.by_id, entry);
	if (*entry->block.name)
		HASH_DELETE(by_name, index->has.by_name, entry);
	index->has.n_blocks--;
	return entry;
}

int index_put(struct index *index, const struct smm_block *block)
{
	struct index_entry *entry = calloc(1, sizeof(*entry)), *before;

	if (!entry)
		return -ENOMEM;
	entry->block = *block;
	pthread_mutex_lock(&index->lock);
	before = take(index, block->id);
	add(index, entry);
	pthread_mutex_unlock(&index->lock);
	free(before);
	return 0;
}

void index_remove(struct index *index, uint32_t id)
{
	struct index_entry *entry;

	pthread_mutex_lock(&index->lock);
	entry = take(index, id);
	pthread_mutex_unlock(&index->lock);
	free(entry);
}

void index_swap(struct index *index, struct index *other)
{
	struct index_contents contents = other->has;

	pthread_mutex_lock(&index->lock);
	other->has = index->has;
	index->has = contents;
	pthread_mutex_unlock(&index->lock);
}

void index_compare(const struct index_contents *before, const struct index_contents *now,
		   void (*changed)(void *userdata, const struct smm_block *before,
				   const struct smm_block *now),
		   void *userdata)
{
	const struct index_entry *entry, *other;

	for (entry = before->by_id; entry; entry = entry->by_id.next)
		if (!find_id(now, entry->block.id))
			changed(userdata, &entry->block, NULL);
	for (entry = now->by_id; entry; entry = entry->by_id.next) {
		other = find_id(before, entry->block.id);
		if (!other || memcmp(&entry->block, &other->block, sizeof(entry->block)) != 0)
			changed(userdata, other ? &other->block : NULL, &entry->block);
	}
}

static bool copy_block(const struct index_entry *entry, struct smm_block *block)
{
	if (entry)
		*block = entry->block;
	return entry;
}

bool index_get(struct index *index, uint32_t id, struct smm_block *block)
{
	bool found;

	pthread_mutex_lock(&index->lock);
	found = copy_block(find_id(&index->has, id), block);
	pthread_mutex_unlock(&index->lock);
	return found;
}

bool index_find(struct index *index, const char *name, struct smm_block *block)
{
	struct index_entry *entry;
	bool found;

	pthread_mutex_lock(&index->lock);
	HASH_FIND(by_name, index->has.by_name, name, strlen(name), entry);
	found = copy_block(entry, block);
	pthread_mutex_unlock(&index->lock);
	return found;
}

static int compare_blocks(const void *a, const void *b)
{
	const struct smm_block *first = a, *second = b;

	if (first->id != second->id)
		return first->id < second->id ? -1 : 1;
	return first->offset < second->offset ? -1 : first->offset > second->offset;
}

static struct smm_block *copy_all(const struct index_contents *has)
{
	size_t i = 0;
	struct smm_block *blocks = calloc(has->n_blocks + has->n_foreign + 1u, sizeof(*blocks));
	struct index_entry *entry;

	if (!blocks)
		return NULL;
	for (entry = has->foreign; entry; entry = entry->next)
		blocks[i++] = entry->block;
	for (entry = has->by_id; entry; entry = entry->by_id.next)
		blocks[i++] = entry->block;
	return blocks;
}

int index_copy(struct index *index, struct smm_block **blocks, size_t *n_blocks)
{
	pthread_mutex_lock(&index->lock);
	*blocks = copy_all(&index->has);
	*n_blocks = index->has.n_blocks + index->has.n_foreign;
	pthread_mutex_unlock(&index->lock);
	if (!*blocks)
		return -ENOMEM;
	qsort(*blocks, *n_blocks, sizeof(**blocks), compare_blocks);
	return 0;
}

uint64_t index_held(struct index *index, uint32_t uid)
{
	struct index_entry *entry;
	uint64_t bytes = 0;

	pthread_mutex_lock(&index->lock);
	for (entry = index->has.by_id; entry; entry = entry->by_id.next)
		if (entry->block.uid == uid)
			bytes += entry->block.room;
	pthread_mutex_unlock(&index->lock);
	return bytes;
}
