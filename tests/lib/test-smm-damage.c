/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Flipped bits: one is healed wherever it is, two in a line are noticed, and what they leave intact
 * can still be read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "image.h"
#include "trial.h"

static u64 singles, pairs;

/* A memory with blocks, and its chip as it was before the damage. */
struct patient {
	struct memory m;
	struct model model;
	struct image_geometry g;
	u8 *image;
	u32 metadata; /* bytes of superblock and map */
};

static void patient_init(struct patient *p, u32 size, u32 granule, bool copy)
{
	struct dice dice = { size + granule };
	u32 i, length;

	memory_init(&p->m, size, granule, copy);
	memory_create(&p->m, &p->model);
	assert_true(image_geometry(size, granule, &p->g));
	for (i = 0; i < p->model.granules; i += length) {
		length = 1 + dice_below(&dice, 9);
		if (length > p->model.granules - i)
			length = p->model.granules - i;
		model_mark(&p->model, i, length,
			   dice_below(&dice, 4) || (i && !p->model.owner[i - 1]));
	}
	memory_adopt(&p->m, &p->model);
	p->image = chip_copy(&p->m.chip);
	p->metadata =
		image_line_offset(p->g.lines - 1) + image_line_bytes(&p->g, p->g.lines - 1) + 1;
}

static void patient_destroy(struct patient *p)
{
	free(p->image);
	model_destroy(&p->model);
	memory_destroy(&p->m);
}

static void flip(struct patient *p, u32 bit)
{
	p->m.chip.bytes[bit / 8] ^= (u8)(1u << bit % 8);
}

static bool as_before(const struct patient *p)
{
	return !memcmp(p->m.chip.bytes, p->image, p->m.chip.size);
}

/* A mount heals @bit, or if the memory was mounted before, the check does. */
static void heal(struct patient *p, u32 bit)
{
	struct smm_stats stats;

	p->m.step = bit;
	flip(p, bit);
	check(&p->m, memory_rebuild(&p->m) == SMM_OK);
	check(&p->m, as_before(p));
	check(&p->m, smm_get_stats(&p->m.info, &stats) == SMM_OK);
	check(&p->m, stats.corrected == 1 && !stats.merged);
	check(&p->m, smm_check(&p->m.info) == SMM_OK);
	flip(p, bit);
	check(&p->m, smm_check(&p->m.info) == SMM_OK);
	check(&p->m, as_before(p));
	check(&p->m, smm_get_stats(&p->m.info, &stats) == SMM_OK);
	check(&p->m, stats.corrected == 2);
	singles++;
}

/* Blocks, and calls that change them, are right while the bit is flipped under a mounted memory. */
static void work_with_flipped_bit(struct patient *p, u32 bit)
{
	flip(p, bit);
	check_same(&p->m, &p->model);
	trial_use(&p->m, &p->model);
	memcpy(p->m.chip.bytes, p->image, p->m.chip.size);
	check(&p->m, memory_rebuild(&p->m) == SMM_OK);
}

static void every_flipped_bit(void **state)
{
	static const struct {
		u32 size, granule;
	} shapes[] = {
		{ 16, 4 },  { 20, 4 },   { 64, 4 },   { 64, 16 },   { 268, 4 },
		{ 512, 4 }, { 512, 32 }, { 2048, 8 }, { 8192, 64 }, { 32768, 4 },
	};
	struct patient p;
	u32 i, copy, bit;

	(void)state;
	for (i = 0; i < sizeof(shapes) / sizeof(*shapes); i++)
		for (copy = 0; copy < 2; copy++) {
			patient_init(&p, shapes[i].size, shapes[i].granule, copy);
			for (bit = 0; bit < 8 * p.metadata; bit++) {
				heal(&p, bit);
				if (shapes[i].size <= 2048)
					work_with_flipped_bit(&p, bit);
			}
			check_same(&p.m, &p.model);
			patient_destroy(&p);
		}
}

/* A flipped bit in every line at once. */
static void one_flipped_bit_in_each_line(void **state)
{
	struct dice dice = { dice_seed() };
	struct smm_stats stats;
	struct patient p;
	u32 i, line, copy;

	(void)state;
	for (copy = 0; copy < 2; copy++) {
		patient_init(&p, 8192, 4, copy);
		for (i = 0; i < 100; i++) {
			flip(&p, dice_below(&dice, 8 * SMM_SUPERBLOCK));
			for (line = 0; line < p.g.lines; line++)
				flip(&p,
				     8 * image_line_offset(line) +
					     dice_below(&dice,
							8 * (image_line_bytes(&p.g, line) + 1)));
			check(&p.m, memory_rebuild(&p.m) == SMM_OK);
			check(&p.m, as_before(&p));
			check(&p.m, smm_get_stats(&p.m.info, &stats) == SMM_OK);
			check(&p.m, stats.corrected == p.g.lines + 1);
		}
		check_same(&p.m, &p.model);
		patient_destroy(&p);
	}
}

/* Whether the block at @granule, and the head behind it, can be told without @line. */
static bool tellable(const struct patient *p, u32 granule, u32 line)
{
	u32 end = granule + model_run(&p->model, granule);

	if (end == p->model.granules)
		end--;
	return end / 60 < line || granule / 60 > line;
}

/* All blocks that do not touch @line are there, and no others. */
static void check_intact(struct patient *p, u32 line)
{
	struct memory *m = &p->m;
	struct smm_stats stats;
	u8 *address = NULL;
	u32 i, blocks = 0;

	for (i = model_block(&p->model, 0); i < p->model.granules;
	     i = model_block(&p->model, i + 1)) {
		if (!tellable(p, i, line))
			continue;
		address = smm_next(&m->info, address);
		check(m, address == MEMORY_BASE + p->model.data + i * p->model.granule);
		check(m, smm_usable_size(&m->info, address) ==
				 model_usable(&p->model, p->model.data + i * p->model.granule));
		blocks++;
	}
	check(m, !smm_next(&m->info, address));
	check(m, smm_get_stats(&m->info, &stats) == SMM_CORRUPT);
	check(m, stats.uncorrectable == 1 && stats.blocks == blocks);
	check(m, stats.size == m->chip.size && stats.granule == p->model.granule);
}

static void check_refused(struct patient *p)
{
	u32 offset = p->model.data, room;
	struct smm_mem_info *info = &p->m.info;
	struct smm *core = &info->core;

	check(&p->m, !smm_malloc(info, 1));
	check(&p->m, smm_free(info, MEMORY_BASE + offset) == SMM_CORRUPT);
	check(&p->m, !smm_realloc(info, MEMORY_BASE + offset, 1));
	check(&p->m, smm_reserve(core, 1, &room) == SMM_CORRUPT);
	check(&p->m, smm_commit(core, offset, 1) == SMM_CORRUPT);
	check(&p->m, smm_resize(core, offset, 1) == SMM_CORRUPT);
	check(&p->m, smm_check(info) == SMM_CORRUPT);
}

/* Two flipped bits of @line: always noticed, whether at the mount or after it. */
static void damage(struct patient *p, u32 line, u32 a, u32 b)
{
	u8 *damaged;

	p->m.step = a;
	flip(p, a);
	flip(p, b);
	damaged = chip_copy(&p->m.chip);
	check(&p->m, smm_check(&p->m.info) == SMM_CORRUPT);
	check(&p->m, memory_rebuild(&p->m) == SMM_CORRUPT);
	check_intact(p, line);
	check_refused(p);
	check(&p->m, !memcmp(p->m.chip.bytes, damaged, p->m.chip.size));
	free(damaged);
	flip(p, a);
	flip(p, b);
	check(&p->m, memory_rebuild(&p->m) == SMM_OK);
	pairs++;
}

static void every_two_flipped_bits_of_a_line(void **state)
{
	struct patient p;
	u32 copy, line, a, b, start, end;

	(void)state;
	for (copy = 0; copy < 2; copy++) {
		patient_init(&p, 640, 4, copy);
		assert_int_equal(p.g.lines, 3);
		for (line = 0; line < p.g.lines; line++) {
			start = 8 * image_line_offset(line);
			end = start + 8 * (image_line_bytes(&p.g, line) + 1);
			for (a = start; a < end; a++)
				for (b = a + 1; b < end; b++)
					damage(&p, line, a, b);
		}
		check_same(&p.m, &p.model);
		patient_destroy(&p);
	}
}

/* A superblock with two flipped bits is never taken for a good one, and left as it is. */
static void every_two_flipped_bits_of_the_superblock(void **state)
{
	struct patient p;
	u32 a, b;
	int r;

	(void)state;
	patient_init(&p, 512, 4, true);
	for (a = 0; a < 64; a++)
		for (b = a + 1; b < 64; b++) {
			flip(&p, a);
			flip(&p, b);
			check(&p.m, smm_check(&p.m.info) == SMM_CORRUPT);
			r = memory_rebuild(&p.m);
			check(&p.m, r == (a < 24 ? SMM_NOT_FORMATTED : SMM_CORRUPT));
			check(&p.m, !smm_next(&p.m.info, NULL) && !smm_malloc(&p.m.info, 1));
			flip(&p, a);
			flip(&p, b);
			check(&p.m, as_before(&p));
			check(&p.m, memory_rebuild(&p.m) == SMM_OK);
			pairs++;
		}
	patient_destroy(&p);
}

/* Damage in one line does not keep a flipped bit in another from being healed. */
static void flipped_bits_beside_damage(void **state)
{
	struct patient p;
	u32 copy, bit;

	(void)state;
	for (copy = 0; copy < 2; copy++) {
		patient_init(&p, 640, 4, copy);
		flip(&p, 8 * image_line_offset(1) + 3);
		flip(&p, 8 * image_line_offset(1) + 55);
		free(p.image);
		p.image = chip_copy(&p.m.chip);
		for (bit = 0; bit < 8 * p.metadata; bit++) {
			if (bit / 8 >= image_line_offset(1) && bit / 8 < image_line_offset(2))
				continue;
			flip(&p, bit);
			check(&p.m, memory_rebuild(&p.m) == SMM_CORRUPT);
			check(&p.m, as_before(&p));
			check_intact(&p, 1);
		}
		patient_destroy(&p);
	}
}

/*
 * Without a RAM copy, a line that goes bad under a mounted memory may be met by any call: it says
 * so before it has changed something, never after.
 */
static void damage_met_by_a_call(void **state)
{
	struct patient p;
	struct smm *core;
	u32 line, i, offset, met = 0;
	u8 *damaged;
	int r;

	(void)state;
	patient_init(&p, 640, 4, false);
	core = &p.m.info.core;
	for (line = 0; line < p.g.lines; line++)
		for (i = 0; i < 3 * p.g.granules; i++) {
			offset = p.g.data + i / 3 * 4;
			memcpy(p.m.chip.bytes, p.image, p.m.chip.size);
			check(&p.m, memory_rebuild(&p.m) == SMM_OK);
			p.m.step = i;
			flip(&p, 8 * image_line_offset(line) + 3);
			flip(&p, 8 * image_line_offset(line) + 9);
			damaged = chip_copy(&p.m.chip);
			if (i % 3 == 0)
				r = smm_release(core, offset);
			else
				r = smm_resize(core, offset, i % 3 == 1 ? 4 : 100);
			if (r != SMM_OK)
				check(&p.m, !memcmp(p.m.chip.bytes, damaged, p.m.chip.size));
			met += r == SMM_CORRUPT;
			free(damaged);
		}
	assert_true(met > 10);
	patient_destroy(&p);
}

/* A mounted memory whose chip and RAM copy have come apart. */
static void chip_that_changes_behind_the_copy(void **state)
{
	struct patient p;
	u32 line;

	(void)state;
	patient_init(&p, 640, 4, true);
	for (line = 0; line < p.g.lines; line++) {
		memset(p.m.chip.bytes + image_line_offset(line), 0, 4);
		image_protect(p.m.chip.bytes, 640, 4);
		check(&p.m, smm_check(&p.m.info) == SMM_CORRUPT);
		memcpy(p.m.chip.bytes, p.image, p.m.chip.size);
		check(&p.m, smm_check(&p.m.info) == SMM_OK);
	}
	patient_destroy(&p);
}

static int report(void **state)
{
	(void)state;
	print_message("# flipped bits: %llu healed, %llu pairs noticed\n",
		      (unsigned long long)singles, (unsigned long long)pairs);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_flipped_bit),
		cmocka_unit_test(one_flipped_bit_in_each_line),
		cmocka_unit_test(every_two_flipped_bits_of_a_line),
		cmocka_unit_test(every_two_flipped_bits_of_the_superblock),
		cmocka_unit_test(flipped_bits_beside_damage),
		cmocka_unit_test(damage_met_by_a_call),
		cmocka_unit_test(chip_that_changes_behind_the_copy),
	};

	return cmocka_run_group_tests(tests, NULL, report);
}
