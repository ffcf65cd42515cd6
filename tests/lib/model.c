/* SPDX-License-Identifier: BSD-3-Clause */
#include "model.h"

#include <string.h>

void model_init(struct model *m, u32 data, u32 granule, u32 granules)
{
	*m = (struct model){ .data = data, .granule = granule, .granules = granules };
	m->owner = calloc(granules, sizeof(*m->owner));
	if (!m->owner)
		abort();
}

void model_copy(struct model *m, const struct model *from)
{
	model_init(m, from->data, from->granule, from->granules);
	memcpy(m->owner, from->owner, from->granules * sizeof(*m->owner));
}

void model_destroy(struct model *m)
{
	free(m->owner);
	m->owner = NULL;
}

bool model_same(const struct model *a, const struct model *b)
{
	return a->data == b->data && a->granule == b->granule && a->granules == b->granules &&
	       !memcmp(a->owner, b->owner, a->granules * sizeof(*a->owner));
}

void model_mark(struct model *m, u32 start, u32 length, bool used)
{
	u32 i;

	for (i = start; i < start + length; i++)
		m->owner[i] = used ? start + 1 : 0;
}

u32 model_run(const struct model *m, u32 granule)
{
	u32 end = granule;

	while (end < m->granules && m->owner[end] == m->owner[granule])
		end++;
	return end - granule;
}

u32 model_block(const struct model *m, u32 granule)
{
	while (granule < m->granules && m->owner[granule] != granule + 1)
		granule++;
	return granule;
}

/* The granule at which a block starts at @offset, or the number of granules. */
static u32 find(const struct model *m, u32 offset)
{
	u32 i = (offset - m->data) / m->granule;

	if (offset < m->data || (offset - m->data) % m->granule || i >= m->granules ||
	    m->owner[i] != i + 1)
		return m->granules;
	return i;
}

u32 model_usable(const struct model *m, u32 offset)
{
	u32 i = find(m, offset);

	return i < m->granules ? model_run(m, i) * m->granule : 0;
}

void model_measure(const struct model *m, struct smm_stats *stats)
{
	u32 i, run;

	*stats = (struct smm_stats){
		.size = m->data + m->granules * m->granule,
		.granule = m->granule,
		.usable = m->granules * m->granule,
	};
	for (i = 0; i < m->granules; i += run) {
		run = model_run(m, i);
		if (m->owner[i]) {
			stats->blocks++;
			continue;
		}
		stats->free_runs++;
		stats->free += run * m->granule;
		if (run * m->granule > stats->largest_free)
			stats->largest_free = run * m->granule;
	}
}

static u32 to_granules(const struct model *m, u32 size)
{
	return (u32)(((u64)size + m->granule - 1) / m->granule);
}

static u32 alloc(struct model *m, u32 size)
{
	u32 length = to_granules(m, size), i, run, at = 0, best = 0;

	for (i = 0; i < m->granules; i += run) {
		run = model_run(m, i);
		if (m->owner[i] || run < length || (best && run >= best))
			continue;
		at = i;
		best = run;
	}
	if (!best || !length)
		return 0;
	model_mark(m, at, length, true);
	return m->data + at * m->granule;
}

static u32 resize(struct model *m, u32 start, u32 size)
{
	u32 length = to_granules(m, size), old = model_run(m, start), room = old;

	if (start + old < m->granules && !m->owner[start + old])
		room += model_run(m, start + old);
	if (!length || length > room)
		return 0;
	model_mark(m, start, length < old ? old : length, false);
	model_mark(m, start, length, true);
	return m->data + start * m->granule;
}

u32 model_do(struct model *m, const struct operation *op)
{
	u32 start = 0, moved;

	if (op->kind == OPERATION_ALLOC)
		return alloc(m, op->size);
	start = find(m, op->offset);
	if (start == m->granules)
		return 0;
	switch (op->kind) {
	case OPERATION_RESIZE:
		return resize(m, start, op->size);
	case OPERATION_REALLOC:
		moved = resize(m, start, op->size);
		if (moved)
			return moved;
		moved = alloc(m, op->size);
		if (moved)
			model_mark(m, start, model_run(m, start), false);
		return moved;
	default:
		model_mark(m, start, model_run(m, start), false);
		return 1;
	}
}

static u32 random_size(struct dice *dice, u32 size)
{
	u32 most = size;

	if (!dice_below(dice, 64))
		return dice_below(dice, 2) ? 0 : size + dice_below(dice, 0x7fffffff);
	while (most > 8 && dice_below(dice, 3))
		most /= 2;
	return 1 + dice_below(dice, most);
}

struct operation model_operation(const struct model *m, struct dice *dice, u32 size)
{
	struct operation op = { .kind = OPERATION_ALLOC };
	u32 at = model_block(m, dice_below(dice, m->granules));

	if (dice_below(dice, 2) && at < m->granules)
		op.kind = OPERATION_FREE + dice_below(dice, 3);
	op.offset = m->data + at * m->granule;
	if (!dice_below(dice, 64))
		op.offset = dice_below(dice, m->data + (m->granules + 2) * m->granule);
	op.size = random_size(dice, size);
	return op;
}
