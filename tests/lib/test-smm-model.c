/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random histories, in step with the reference model: every call must have the model's result,
 * every block its place, on memories of every small size and of the common chips. With a RAM copy
 * of the map, allocating and freeing must read nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "image.h"
#include "memory.h"

static u64 operations, refused;

/* The chip's bytes as a second implementation of the format reads them. */
static void check_image(struct memory *m, const struct model *model)
{
	u8 *bytes = chip_copy(&m->chip);
	struct model decoded;

	check(m, image_mount(bytes, m->chip.size, &decoded) == SMM_OK);
	check(m, model_same(&decoded, model));
	check(m, !memcmp(bytes, m->chip.bytes, m->chip.size)); /* nothing was left to correct */
	model_destroy(&decoded);
	free(bytes);
}

/* Everything that can be seen of @m agrees with @model, now and after a rebuild. */
static void check_all(struct memory *m, const struct model *model)
{
	struct smm_stats stats;

	check_same(m, model);
	check(m, smm_check(&m->info) == SMM_OK);
	check_image(m, model);
	check(m, memory_rebuild(m) == SMM_OK);
	check(m, m->info.granule == model->granule);
	check_same(m, model);
	check(m, smm_get_stats(&m->info, &stats) == SMM_OK);
	check(m, !stats.merged && !stats.corrected);
}

/* One operation, here and there. */
static void step(struct memory *m, struct model *model, const struct operation *op)
{
	u32 result;

	chip_count(&m->chip);
	result = model_do(model, op);
	check(m, memory_do(m, op) == result);
	operations++;
	refused += !result;
	if (m->map && op->kind != OPERATION_REALLOC)
		check(m, !m->chip.reads);
	if (result && op->kind != OPERATION_FREE)
		check(m, smm_usable_size(&m->info, MEMORY_BASE + result) ==
				 model_usable(model, result));
	check(m, !m->chip.outside);
}

static void history(u32 size, u32 granule, bool copy, u32 steps, u32 block, u64 seed)
{
	struct dice dice = { seed * 0x10001 + size + granule + copy };
	struct operation op;
	struct memory m;
	struct model model;

	memory_init(&m, size, granule, copy);
	m.seed = seed;
	dice_fill(&dice, m.chip.bytes, size);
	memory_create(&m, &model);
	check_all(&m, &model);
	for (m.step = 1; m.step <= steps; m.step++) {
		op = model_operation(&model, &dice, block);
		step(&m, &model, &op);
		if (m.step % (steps / 4) == 0)
			check_all(&m, &model);
	}
	model_destroy(&model);
	memory_destroy(&m);
}

static void every_size(void **state)
{
	struct image_geometry g;
	u32 size, granule, copy;
	u64 round;

	(void)state;
	for (round = 0; round < dice_rounds(); round++)
		for (size = 16; size <= 512; size += 4)
			for (granule = 4; granule <= 64; granule *= 2)
				for (copy = 0; copy < 2; copy++)
					if (image_geometry(size, granule, &g))
						history(size, granule, copy, 300, size / 4,
							dice_seed() + round);
}

/* Bytes of chips that are sold, and how many operations they get without a RAM copy. */
static const struct {
	u32 size, steps;
} chips[] = {
	{ 512, 4000 },       { 2 * 1024, 4000 },  { 8 * 1024, 4000 },
	{ 32 * 1024, 2000 }, { 64 * 1024, 1500 }, { 128 * 1024, 800 },
	{ 256 * 1024, 400 }, { 512 * 1024, 200 }, { 2 * 1024 * 1024, 100 },
};

static void common_chips_without_copy(void **state)
{
	u64 round;
	u32 i;

	(void)state;
	for (round = 0; round < dice_rounds(); round++)
		for (i = 0; i < sizeof(chips) / sizeof(*chips); i++) {
			history(chips[i].size, 4, false, chips[i].steps, chips[i].size / 8,
				dice_seed() + round);
			history(chips[i].size, 64, false, chips[i].steps, chips[i].size / 8,
				dice_seed() + round);
		}
}

static void common_chips_with_copy(void **state)
{
	u32 i, granule;
	u64 round;

	(void)state;
	for (round = 0; round < dice_rounds(); round++)
		for (i = 0; i < sizeof(chips) / sizeof(*chips); i++)
			for (granule = 4; granule <= 64; granule *= 2)
				history(chips[i].size, granule, true, chips[i].steps + 1000,
					chips[i].size / 8, dice_seed() + round);
}

/* More and smaller blocks than in the histories above: long searches, many lines, all levels. */
static void full_of_small_blocks(u32 size, u32 steps, u64 seed)
{
	struct dice dice = { seed };
	struct operation op = { .kind = OPERATION_ALLOC };
	struct memory m;
	struct model model;
	u32 i, length;

	memory_init(&m, size, 4, true);
	m.seed = seed;
	memory_create(&m, &model);
	for (i = 0; i < model.granules; i += length) {
		length = 1 + dice_below(&dice, 16);
		if (length > model.granules - i)
			length = model.granules - i;
		model_mark(&model, i, length, dice_below(&dice, 10) || (i && !model.owner[i - 1]));
	}
	memory_adopt(&m, &model);
	check_all(&m, &model);
	for (m.step = 1; m.step <= steps; m.step++) {
		op = model_operation(&model, &dice, 128);
		step(&m, &model, &op);
	}
	check_all(&m, &model);
	model_destroy(&model);
	memory_destroy(&m);
}

static void full_memories(void **state)
{
	u64 round;

	(void)state;
	for (round = 0; round < dice_rounds(); round++) {
		full_of_small_blocks(8 * 1024, 20000, dice_seed() + round);
		full_of_small_blocks(128 * 1024, 8000, dice_seed() + round);
		full_of_small_blocks(2 * 1024 * 1024, 1500, dice_seed() + round);
	}
}

static int report(void **state)
{
	(void)state;
	print_message("# operations: %llu, %llu of them refused by model and library alike\n",
		      (unsigned long long)operations, (unsigned long long)refused);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_size),
		cmocka_unit_test(common_chips_without_copy),
		cmocka_unit_test(common_chips_with_copy),
		cmocka_unit_test(full_memories),
	};

	return cmocka_run_group_tests(tests, NULL, report);
}
