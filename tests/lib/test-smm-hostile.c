/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Chips that hold anything: blank ones, noise, good images with changed bytes, and such whose check
 * bytes were made right again. What the mount answers must be what the second implementation of the
 * format (image.h) says, and what it accepts must then work as any other memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "image.h"
#include "trial.h"

static u64 images, accepted;

/*
 * A memory that was not accepted: what can be walked, if anything, is inside the data area and one
 * behind the other, and there is an end to it.
 */
static void check_walk(struct memory *m)
{
	u32 offset = 0, size = 0, end = SMM_SUPERBLOCK;

	while (!smm_walk(&m->info.core, offset, &offset, &size) && offset) {
		check(m, offset >= end && size && size <= m->chip.size - offset);
		end = offset + size;
	}
	check(m, !smm_malloc(&m->info, 1));
}

/* A memory that was accepted works as the model says. */
static void check_history(struct memory *m, struct model *model, struct dice *dice)
{
	struct operation op;
	u32 i;

	check_same(m, model);
	for (i = 0; i < 10; i++) {
		op = model_operation(model, dice, m->chip.size / 4);
		check(m, memory_do(m, &op) == model_do(model, &op));
	}
	check_same(m, model);
	trial_use(m, model);
}

/* Mount whatever the chip holds. */
static void face(struct memory *m, struct dice *dice)
{
	u8 *expected = chip_copy(&m->chip);
	struct model model;
	int r = image_mount(expected, m->chip.size, &model);

	check(m, memory_rebuild(m) == r);
	check(m, !m->chip.outside);
	check(m, !memcmp(m->chip.bytes, expected, m->chip.size));
	images++;
	if (r == SMM_OK) {
		accepted++;
		check_history(m, &model, dice);
		model_destroy(&model);
	} else {
		check_walk(m);
	}
	check(m, !m->chip.outside);
	free(expected);
}

static void blank_chips_and_noise(void **state)
{
	struct dice dice = { dice_seed() };
	struct memory m;
	u32 size, i;

	(void)state;
	for (size = 16; size <= 512; size += 4) {
		memory_init(&m, size, 4, size & 4);
		m.seed = dice_seed();
		for (i = 0; i < 256; i++) {
			memset(m.chip.bytes, (int)i, size);
			face(&m, &dice);
			memset(m.chip.bytes, (int)i, size);
			memcpy(m.chip.bytes, "smm\x10", 4);
			image_protect(m.chip.bytes, size, 4);
			face(&m, &dice);
			dice_fill(&dice, m.chip.bytes, size);
			face(&m, &dice);
		}
		memory_destroy(&m);
	}
}

/* Every map of a memory with two bytes of map, and its check byte right but for one bit. */
static void every_map_of_a_tiny_memory(void **state)
{
	struct dice dice = { 1 };
	struct memory m;
	struct model model;
	u8 *image;
	u32 copy, map, flipped;

	(void)state;
	for (copy = 0; copy < 2; copy++) {
		memory_init(&m, 36, 4, copy);
		memory_create(&m, &model);
		image = chip_copy(&m.chip);
		for (map = 0; map < 0x10000; map++) {
			memcpy(m.chip.bytes, image, m.chip.size);
			m.chip.bytes[SMM_SUPERBLOCK] = (u8)map;
			m.chip.bytes[SMM_SUPERBLOCK + 1] = (u8)(map >> 8);
			image_protect(m.chip.bytes, m.chip.size, 4);
			flipped = dice_below(&dice, 8 * 3);
			m.chip.bytes[SMM_SUPERBLOCK + flipped / 8] ^= (u8)(1u << flipped % 8);
			m.step = map;
			face(&m, &dice);
		}
		free(image);
		model_destroy(&model);
		memory_destroy(&m);
	}
}

/* Every version, granule and size that a superblock can state. */
static void every_superblock(void **state)
{
	struct dice dice = { 1 };
	struct memory m;
	struct model model;
	u8 *image;
	u32 i;

	(void)state;
	memory_init(&m, 2048, 4, true);
	memory_create(&m, &model);
	image = chip_copy(&m.chip);
	for (i = 0; i < 0x100; i++) {
		memcpy(m.chip.bytes, image, m.chip.size);
		m.chip.bytes[3] = (u8)i;
		image_protect(m.chip.bytes, m.chip.size, 4);
		m.step = i;
		face(&m, &dice);
	}
	for (i = 0; i < 0x10000; i++) {
		memcpy(m.chip.bytes, image, m.chip.size);
		m.chip.bytes[4] = (u8)i;
		m.chip.bytes[5] = (u8)(i >> 8);
		image_protect(m.chip.bytes, m.chip.size, 4);
		m.step = i;
		face(&m, &dice);
	}
	free(image);
	model_destroy(&model);
	memory_destroy(&m);
}

/* Change a few bytes of superblock and map, and in one of two images the check bytes with them. */
static void mutate(struct memory *m, struct dice *dice, u32 granule)
{
	struct image_geometry g;
	u32 count = 1 + dice_below(dice, 6), at;

	assert_true(image_geometry(m->chip.size, granule, &g));
	while (count--) {
		at = dice_below(dice, 16)
			     ? SMM_SUPERBLOCK + dice_below(dice, g.data - SMM_SUPERBLOCK)
			     : dice_below(dice, SMM_SUPERBLOCK);
		m->chip.bytes[at] ^= (u8)dice_next(dice);
		if (dice_below(dice, 2)) /* most bytes with a used bit alone are turned down */
			m->chip.bytes[at] |= m->chip.bytes[at] >> 1 & 0x55;
	}
	if (dice_below(dice, 2))
		image_protect(m->chip.bytes, m->chip.size, granule);
}

/* Good images after a random history, then changed. */
static void mutated(u32 size, u32 granule, bool copy, u32 count, u64 seed)
{
	struct dice dice = { seed * 0x10001 + size + granule + copy };
	struct memory m;
	struct model model;
	struct operation op;
	u32 i;
	u8 *image;

	memory_init(&m, size, 4, copy);
	m.seed = seed;
	m.granule = granule;
	memory_create(&m, &model);
	for (i = 0; i < 40; i++) {
		op = model_operation(&model, &dice, size / 4);
		check(&m, memory_do(&m, &op) == model_do(&model, &op));
	}
	m.granule = 4; /* the largest RAM copy, for whatever the image says */
	image = chip_copy(&m.chip);
	for (m.step = 0; m.step < count; m.step++) {
		memcpy(m.chip.bytes, image, size);
		mutate(&m, &dice, granule);
		face(&m, &dice);
	}
	free(image);
	model_destroy(&model);
	memory_destroy(&m);
}

static void mutated_images(void **state)
{
	static const u32 sizes[] = { 16, 36, 64, 200, 512, 1024, 8192 };
	u32 i, granule, copy;
	u64 round;

	(void)state;
	for (round = 0; round < dice_rounds(); round++)
		for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
			for (granule = 4; granule <= 64; granule *= 4)
				for (copy = 0; copy < 2; copy++)
					if (smm_map_bytes(sizes[i], granule))
						mutated(sizes[i], granule, copy, 3000,
							dice_seed() + round);
}

static int report(void **state)
{
	(void)state;
	print_message("# images: %llu, %llu of them accepted\n", (unsigned long long)images,
		      (unsigned long long)accepted);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blank_chips_and_noise),
		cmocka_unit_test(every_map_of_a_tiny_memory),
		cmocka_unit_test(every_superblock),
		cmocka_unit_test(mutated_images),
	};

	return cmocka_run_group_tests(tests, NULL, report);
}
