/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Power loss at every byte of every operation, and then at every byte of the rebuild. After both,
 * the memory must be as before the operation or as after it, and usable.
 *
 * Every state of small memories is tried exhaustively; larger ones along random histories.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "image.h"
#include "trial.h"

static u64 cases; /* power cuts that happened, each followed by a rebuild and the checks */

/* The chip is torn: rebuild it, with a second cut at every byte of that. */
static void rebuild_everywhere(struct memory *m, const struct trial *t)
{
	u8 *torn = chip_copy(&m->chip);
	bool again = true;
	int r;

	for (m->recut = 0; again; m->recut++) {
		memcpy(m->chip.bytes, torn, m->chip.size);
		r = memory_rebuild_until(m, m->recut);
		again = m->chip.dead;
		if (again) {
			check(m, r == SMM_IO_ERR);
			r = memory_rebuild(m);
		}
		check(m, r == SMM_OK);
		chip_power_on(&m->chip);
		trial_check_memory(t, m);
		cases++;
	}
	m->recut = CHIP_NEVER;
	free(torn);
}

/* Cut the power at every byte of @op on a memory that is @model; then do it for good. */
static void cut_everywhere(struct memory *m, struct model *model, struct operation op)
{
	struct trial t;
	u32 result;

	trial_init(&t, m, model, op);
	for (m->cut = 0;; m->cut++) {
		m->chip.power = m->cut;
		result = memory_do(m, &op);
		if (!m->chip.dead)
			break;
		trial_check_result(&t, m, result);
		rebuild_everywhere(m, &t);
		trial_restart(&t, m);
	}
	m->cut = CHIP_NEVER;
	chip_power_on(&m->chip);
	check(m, result == t.result);
	check(m, model_do(model, &op) == result);
	check_same(m, model);
	trial_destroy(&t);
}

/* Part 1: every state of a window of granules. */

struct window {
	struct memory m;
	struct model empty;
	u32 first, count; /* the granules that vary; those before it are one block */
};

static void cut_from(struct window *w, const struct model *state, struct operation op)
{
	struct model model;

	model_destroy(&w->empty);
	memory_create(&w->m, &w->empty);
	memory_adopt(&w->m, state);
	model_copy(&model, state);
	cut_everywhere(&w->m, &model, op);
	model_destroy(&model);
	w->m.step++;
}

/* Every operation on one state. */
static void cut_state(struct window *w, const struct model *state)
{
	struct operation op = { .kind = OPERATION_ALLOC };
	u32 i, size, granule = state->granule;

	for (size = 1; size <= w->count; size++) {
		op.size = size * granule;
		cut_from(w, state, op);
	}
	for (i = model_block(state, w->first); i < state->granules; i = model_block(state, i + 1)) {
		op = (struct operation){ OPERATION_FREE, state->data + i * granule, 0 };
		cut_from(w, state, op);
		op.kind = OPERATION_REALLOC;
		for (size = 1; size <= w->count; size++) {
			op.size = size * granule;
			cut_from(w, state, op);
		}
	}
}

/* Every state: runs of every length from @granule on, no two free ones side by side. */
static void cut_states(struct window *w, struct model *state, u32 granule)
{
	u32 end = w->first + w->count, length;

	if (granule == end) {
		cut_state(w, state);
		return;
	}
	for (length = 1; granule + length <= end; length++) {
		model_mark(state, granule, length, true);
		cut_states(w, state, granule + length);
		model_mark(state, granule, length, false);
		if (granule == w->first || state->owner[granule - 1])
			cut_states(w, state, granule + length);
	}
}

static void cut_window(u32 size, u32 granule, bool copy, u32 first)
{
	struct window w = { .first = first };
	struct model state;

	memory_init(&w.m, size, granule, copy);
	memory_create(&w.m, &w.empty);
	w.count = w.empty.granules - first;
	model_copy(&state, &w.empty);
	model_mark(&state, 0, first, true);
	dice_fill(&(struct dice){ size }, w.m.chip.bytes + state.data, size - state.data);
	cut_states(&w, &state, first);
	model_destroy(&state);
	model_destroy(&w.empty);
	memory_destroy(&w.m);
}

static void every_state_of_a_small_memory(void **state)
{
	(void)state;
	cut_window(44, 4, false, 0);
	cut_window(44, 4, true, 0);
}

/* Line 0 ends in the middle of the granules that vary. */
static void every_state_across_two_lines(void **state)
{
	(void)state;
	cut_window(284, 4, false, 57);
	cut_window(284, 4, true, 57);
}

/* Part 2: histories. */

static void cut_history(u32 size, u32 granule, bool copy, u32 steps, u64 seed)
{
	struct dice dice = { seed * 0x10001 + size + granule + copy };
	struct memory m;
	struct model model;

	memory_init(&m, size, granule, copy);
	m.seed = seed;
	memory_create(&m, &model);
	dice_fill(&dice, m.chip.bytes + model.data, size - model.data);
	for (m.step = 0; m.step < steps; m.step++)
		cut_everywhere(&m, &model, model_operation(&model, &dice, size / 4));
	model_destroy(&model);
	memory_destroy(&m);
}

static void histories(void **state)
{
	static const u32 sizes[] = { 16, 64, 200, 512, 1024, 2048 };
	u64 round;
	u32 i, granule;

	(void)state;
	for (round = 0; round < dice_rounds(); round++)
		for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
			for (granule = 4; granule <= 64; granule *= 4) {
				if (!smm_map_bytes(sizes[i], granule))
					continue;
				cut_history(sizes[i], granule, false, 500, dice_seed() + round);
				cut_history(sizes[i], granule, true, 500, dice_seed() + round);
			}
}

/* Part 3: format, and the rebuild of a chip with a flipped bit. */

/*
 * What a format leaves that was cut after @written bytes: an unfinished memory, or if those were
 * only the first bytes of the magic, what was there before, @old or nothing.
 */
static void check_unfinished(struct memory *m, const struct model *old, u64 written)
{
	int r = memory_rebuild(m);

	if (written < 3 && old) {
		check(m, r == SMM_OK);
		check_same(m, old);
		return;
	}
	check(m, r == (written < 3 ? SMM_NOT_FORMATTED : SMM_UNFINISHED));
	check(m, !smm_malloc(&m->info, 1));
}

/* Cut a format at every byte, and the one after it; @old is what the chip held, or NULL. */
static void cut_format(struct memory *m, const struct model *old)
{
	u8 *image = chip_copy(&m->chip), *torn = chip_copy(&m->chip);
	struct model empty;
	bool cut = true, again;

	for (m->cut = 0; cut; m->cut++) {
		memcpy(m->chip.bytes, image, m->chip.size);
		memory_forget(m);
		m->info.granule = m->granule;
		m->chip.power = m->cut;
		check(m, (smm_memory_create(&m->info) == SMM_OK) == !m->chip.dead);
		cut = m->chip.dead;
		if (!cut)
			break;
		memcpy(torn, m->chip.bytes, m->chip.size);
		check_unfinished(m, old, m->cut);
		cases++;
		for (m->recut = 0, again = true; again; m->recut++) {
			memcpy(m->chip.bytes, torn, m->chip.size);
			memory_forget(m);
			m->info.granule = m->granule;
			m->chip.power = m->recut;
			smm_memory_create(&m->info);
			again = m->chip.dead;
			if (again)
				check_unfinished(m, old, m->cut > m->recut ? m->cut : m->recut);
			cases += again;
		}
		m->recut = CHIP_NEVER;
		memory_create(m, &empty);
		check_same(m, &empty);
		trial_use(m, &empty);
		model_destroy(&empty);
	}
	m->cut = CHIP_NEVER;
	free(image);
	free(torn);
}

static void format(void **state)
{
	static const u32 sizes[] = { 16, 20, 64, 280, 512 };
	struct memory m;
	struct model model;
	u32 i, copy;

	(void)state;
	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		for (copy = 0; copy < 2; copy++) {
			memory_init(&m, sizes[i], 4, copy);
			cut_format(&m, NULL);
			memory_create(&m, &model);
			model_mark(&model, 0, 1, true);
			memory_adopt(&m, &model);
			cut_format(&m, &model);
			model_destroy(&model);
			memory_destroy(&m);
		}
}

/* Make a head of @granule, as a cut allocation or free does. */
static void split_run(struct memory *m, u32 granule)
{
	m->chip.bytes[image_line_offset(granule / 60) + granule % 60 / 4] ^=
		(u8)(1u << granule % 4 * 2);
}

/*
 * The most that a rebuild can have to do: a flipped bit in each line and free runs apart. Flip
 * every pair of bits of two lines, and cut the rebuild at every byte.
 */
static void rebuild_of_flipped_bits(void **state)
{
	struct image_geometry g;
	struct memory m;
	struct model model;
	struct trial t;
	u32 i, j, copy, line = image_line_offset(1) * 8;

	(void)state;
	for (copy = 0; copy < 2; copy++) {
		memory_init(&m, 300, 4, copy);
		memory_create(&m, &model);
		assert_true(image_geometry(300, 4, &g));
		model_mark(&model, 0, 50, true);
		model_mark(&model, 58, 4, true);
		memory_adopt(&m, &model);
		split_run(&m, 54);
		split_run(&m, 64);
		image_protect(m.chip.bytes, 300, 4);
		trial_init(&t, &m, &model, (struct operation){ .kind = OPERATION_RESIZE });
		for (i = 8 * SMM_SUPERBLOCK; i < line; i++)
			for (j = line; j < line + 8 * (image_line_bytes(&g, 1) + 1); j++) {
				memcpy(m.chip.bytes, t.image, m.chip.size);
				m.chip.bytes[i / 8] ^= (u8)(1u << i % 8);
				m.chip.bytes[j / 8] ^= (u8)(1u << j % 8);
				m.step++;
				rebuild_everywhere(&m, &t);
				cases--; /* the last one of each had no cut */
			}
		trial_destroy(&t);
		model_destroy(&model);
		memory_destroy(&m);
	}
}

static int report(void **state)
{
	(void)state;
	print_message("# power cuts: %llu cases\n", (unsigned long long)cases);
	return cases < 200000;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_state_of_a_small_memory),
		cmocka_unit_test(every_state_across_two_lines),
		cmocka_unit_test(histories),
		cmocka_unit_test(format),
		cmocka_unit_test(rebuild_of_flipped_bits),
	};

	return cmocka_run_group_tests(tests, NULL, report);
}
