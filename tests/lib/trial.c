/* SPDX-License-Identifier: BSD-3-Clause */
#include "trial.h"

#include <string.h>

void trial_init(struct trial *t, const struct memory *m, const struct model *before,
		struct operation op)
{
	*t = (struct trial){ .op = op, .image = chip_copy(&m->chip) };
	model_copy(&t->before, before);
	model_copy(&t->after, before);
	model_copy(&t->both, before);
	t->result = model_do(&t->after, &op);
	if (op.kind == OPERATION_REALLOC && t->result && t->result != op.offset)
		model_do(&t->both, &(struct operation){ .kind = OPERATION_ALLOC, .size = op.size });
}

void trial_destroy(struct trial *t)
{
	model_destroy(&t->before);
	model_destroy(&t->after);
	model_destroy(&t->both);
	free(t->image);
}

void trial_restart(const struct trial *t, struct memory *m)
{
	memcpy(m->chip.bytes, t->image, m->chip.size);
	check(m, memory_rebuild(m) == SMM_OK);
}

void trial_check_result(const struct trial *t, const struct memory *m, u32 result)
{
	bool moves = !model_same(&t->both, &t->before);

	check(m, !result || (moves && result == t->result));
}

/* The bytes at @offset are those that the block at @from began with. */
static bool kept(const struct trial *t, const struct memory *m, u32 offset, u32 from)
{
	u32 is = model_usable(&t->after, offset), was = model_usable(&t->before, from);

	return !memcmp(m->chip.bytes + offset, t->image + from, is && is < was ? is : was);
}

static bool contents_kept(const struct trial *t, const struct memory *m, const struct model *now)
{
	u32 i, offset;

	for (i = model_block(now, 0); i < now->granules; i = model_block(now, i + 1)) {
		offset = now->data + i * now->granule;
		if (model_usable(&t->before, offset)) {
			if (!kept(t, m, offset, offset))
				return false;
		} else if (t->op.kind == OPERATION_REALLOC) {
			if (!kept(t, m, offset, t->op.offset))
				return false;
		}
	}
	return true;
}

void trial_use(struct memory *m, const struct model *now)
{
	struct operation op = { .kind = OPERATION_ALLOC };
	struct smm_stats stats;
	struct model model;

	model_copy(&model, now);
	model_measure(&model, &stats);
	op.size = stats.largest_free;
	if (!op.size) {
		op.offset = model.data;
		op.size = model_usable(&model, op.offset);
		op.kind = OPERATION_FREE;
		check(m, memory_do(m, &op) == model_do(&model, &op));
		check_same(m, &model);
		op.kind = OPERATION_ALLOC;
	}
	check(m, memory_do(m, &op) == model_do(&model, &op));
	check_same(m, &model);
	check(m, smm_check(&m->info) == SMM_OK);
	model_destroy(&model);
}

void trial_check_memory(const struct trial *t, struct memory *m)
{
	const struct model *now = &t->both;

	if (!memory_differs(m, &t->before))
		now = &t->before;
	else if (!memory_differs(m, &t->after))
		now = &t->after;
	else
		check_same(m, now);
	check(m, contents_kept(t, m, now));
	trial_use(m, now);
}
