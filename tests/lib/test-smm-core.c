/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The calls that take offsets, where they offer more than malloc and free do: a format in two
 * halves, a run that is filled before it is an allocation, resizing in place, and memories beside
 * each other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "chip.h"
#include "model.h"

#define SIZE 1024u

static struct smm memory_on(struct chip *chip)
{
	return (struct smm){
		.read = chip_read,
		.write = chip_write,
		.context = chip,
		.size = chip->size,
	};
}

static void no_memory(void **state)
{
	struct smm_stats stats;
	u32 offset = 7, size;

	(void)state;
	assert_int_equal(smm_format(NULL), SMM_PTR_ERR);
	assert_int_equal(smm_format_begin(NULL), SMM_PTR_ERR);
	assert_int_equal(smm_format_end(NULL), SMM_PTR_ERR);
	assert_int_equal(smm_mount(NULL), SMM_PTR_ERR);
	assert_int_equal(smm_reserve(NULL, 4, &offset), SMM_PTR_ERR);
	assert_int_equal(smm_commit(NULL, 0, 4), SMM_PTR_ERR);
	assert_int_equal(smm_alloc(NULL, 4, &offset), SMM_PTR_ERR);
	assert_int_equal(smm_release(NULL, 0), SMM_PTR_ERR);
	assert_int_equal(smm_resize(NULL, 0, 4), SMM_PTR_ERR);
	assert_int_equal(smm_usable(NULL, 0, &size), SMM_PTR_ERR);
	assert_int_equal(smm_walk(NULL, 0, &offset, &size), SMM_PTR_ERR);
	assert_int_equal(smm_measure(NULL, &stats), SMM_PTR_ERR);
	assert_int_equal(smm_verify(NULL), SMM_PTR_ERR);
}

static void not_yet_formatted(void **state)
{
	struct smm_stats stats;
	struct chip chip;
	struct smm s;
	u32 offset, size;

	(void)state;
	chip_init(&chip, SIZE, 0);
	s = memory_on(&chip);
	assert_int_equal(smm_mount(&s), SMM_NOT_FORMATTED);
	assert_int_equal(smm_format_end(&s), SMM_NOT_FORMATTED);
	assert_int_equal(smm_reserve(&s, 4, &offset), SMM_NOT_FORMATTED);
	assert_int_equal(smm_commit(&s, 80, 4), SMM_NOT_FORMATTED);
	assert_int_equal(smm_alloc(&s, 4, &offset), SMM_NOT_FORMATTED);
	assert_int_equal(smm_release(&s, 80), SMM_NOT_FORMATTED);
	assert_int_equal(smm_resize(&s, 80, 4), SMM_NOT_FORMATTED);
	assert_int_equal(smm_usable(&s, 80, &size), SMM_NOT_FORMATTED);
	assert_int_equal(smm_walk(&s, 0, &offset, &size), SMM_NOT_FORMATTED);
	assert_int_equal(smm_measure(&s, &stats), SMM_NOT_FORMATTED);
	assert_int_equal(smm_verify(&s), SMM_NOT_FORMATTED);
	assert_int_equal(chip.writes, 0);
	chip_destroy(&chip);
}

static void format_in_two_halves(void **state)
{
	struct chip chip;
	struct smm s, other;
	u32 offset, found, size;

	(void)state;
	chip_init(&chip, SIZE, 0xff);
	s = memory_on(&chip);
	assert_int_equal(smm_format_begin(&s), SMM_OK);
	assert_int_equal(smm_alloc(&s, 100, &offset), SMM_OK);
	other = memory_on(&chip);
	assert_int_equal(smm_mount(&other), SMM_UNFINISHED);
	assert_int_equal(smm_format_end(&s), SMM_OK);
	other = memory_on(&chip);
	assert_int_equal(smm_mount(&other), SMM_OK);
	assert_int_equal(smm_walk(&other, 0, &found, &size), SMM_OK);
	assert_int_equal(found, offset);
	assert_int_equal(size, 100);
	chip_destroy(&chip);
}

static void reserve_then_commit(void **state)
{
	struct chip chip;
	struct smm s;
	u32 first, again, offset, size;

	(void)state;
	chip_init(&chip, SIZE, 0);
	s = memory_on(&chip);
	assert_int_equal(smm_format(&s), SMM_OK);
	chip_count(&chip);
	assert_int_equal(smm_reserve(&s, 0, &offset), SMM_PARAMETER_INVALID);
	assert_int_equal(smm_reserve(&s, SIZE, &offset), SMM_NO_FREE_SPACE);
	assert_int_equal(smm_reserve(&s, 0xffffffff, &offset), SMM_NO_FREE_SPACE);
	assert_int_equal(smm_reserve(&s, 50, &first), SMM_OK);
	assert_int_equal(smm_reserve(&s, 50, &again), SMM_OK);
	assert_int_equal(first, again);
	assert_int_equal(chip.writes, 0);
	assert_int_equal(smm_walk(&s, 0, &offset, &size), SMM_OK);
	assert_int_equal(offset, 0);
	assert_int_equal(smm_commit(&s, first, 50), SMM_OK);
	assert_int_equal(smm_usable(&s, first, &size), SMM_OK);
	assert_int_equal(size, 52);
	assert_int_equal(smm_reserve(&s, 50, &again), SMM_OK);
	assert_int_equal(again, first + 52);
	chip_destroy(&chip);
}

static void commit_of_what_is_not_free(void **state)
{
	struct chip chip;
	struct smm s;
	u32 data, i;
	u8 *image;

	(void)state;
	chip_init(&chip, SIZE, 0);
	s = memory_on(&chip);
	assert_int_equal(smm_format(&s), SMM_OK);
	assert_int_equal(smm_reserve(&s, 1, &data), SMM_OK);
	assert_int_equal(smm_commit(&s, data + 40, 40), SMM_OK);
	image = chip_copy(&chip);
	for (i = 0; i < 40; i += 4) {
		assert_int_equal(smm_commit(&s, data + 40 + i, 4), SMM_PARAMETER_INVALID);
		assert_int_equal(smm_commit(&s, data + i, 41 - i), SMM_PARAMETER_INVALID);
		assert_int_equal(smm_commit(&s, data + i + 1, 4), SMM_PARAMETER_INVALID);
	}
	assert_int_equal(smm_commit(&s, data, 0), SMM_PARAMETER_INVALID);
	assert_int_equal(smm_commit(&s, data + 80, SIZE - data - 79), SMM_PARAMETER_INVALID);
	assert_int_equal(smm_commit(&s, data + 80, 0xffffffff), SMM_PARAMETER_INVALID);
	assert_int_equal(smm_commit(&s, 0, 4), SMM_PARAMETER_INVALID);
	assert_int_equal(smm_commit(&s, data - 4, 4), SMM_PARAMETER_INVALID);
	assert_int_equal(smm_commit(&s, SIZE, 4), SMM_PARAMETER_INVALID);
	assert_int_equal(smm_commit(&s, 0xfffffffc, 4), SMM_PARAMETER_INVALID);
	assert_memory_equal(chip.bytes, image, SIZE);
	assert_int_equal(smm_commit(&s, data, 40), SMM_OK);
	assert_int_equal(smm_commit(&s, data + 80, SIZE - data - 80), SMM_OK);
	assert_int_equal(smm_alloc(&s, 1, &data), SMM_NO_FREE_SPACE);
	free(image);
	chip_destroy(&chip);
}

static void resize_in_place(void **state)
{
	struct chip chip;
	struct smm s;
	u32 a, b, size;
	u8 *image;

	(void)state;
	chip_init(&chip, SIZE, 0);
	s = memory_on(&chip);
	assert_int_equal(smm_format(&s), SMM_OK);
	assert_int_equal(smm_alloc(&s, 400, &a), SMM_OK);
	assert_int_equal(smm_alloc(&s, 20, &b), SMM_OK);
	image = chip_copy(&chip);
	assert_int_equal(smm_resize(&s, a, 0), SMM_PARAMETER_INVALID);
	assert_int_equal(smm_resize(&s, a, 401), SMM_NO_FREE_SPACE);
	assert_int_equal(smm_resize(&s, a, 0xffffffff), SMM_NO_FREE_SPACE);
	assert_int_equal(smm_resize(&s, b, SIZE - b + 1), SMM_NO_FREE_SPACE);
	assert_int_equal(smm_resize(&s, a + 4, 8), SMM_FREE_FAILED);
	assert_int_equal(smm_resize(&s, a + 1, 8), SMM_FREE_FAILED);
	assert_int_equal(smm_resize(&s, b + 20, 8), SMM_FREE_FAILED);
	assert_int_equal(smm_resize(&s, SIZE, 8), SMM_FREE_FAILED);
	assert_int_equal(smm_resize(&s, a, 397), SMM_OK);
	assert_memory_equal(chip.bytes, image, SIZE);
	assert_int_equal(smm_resize(&s, a, 4), SMM_OK);
	assert_int_equal(smm_resize(&s, a, 400), SMM_OK);
	assert_memory_equal(chip.bytes, image, SIZE);
	assert_int_equal(smm_resize(&s, b, SIZE - b), SMM_OK);
	assert_int_equal(smm_usable(&s, b, &size), SMM_OK);
	assert_int_equal(size, SIZE - b);
	assert_int_equal(smm_usable(&s, b + 4, &size), SMM_FREE_FAILED);
	free(image);
	chip_destroy(&chip);
}

static void map_bytes(void **state)
{
	u32 size;

	(void)state;
	for (size = 16; size <= SMM_SIZE_MAX; size *= 2) {
		assert_in_range(smm_map_bytes(size, 4), 1, size * 6 / 64 + 64);
		assert_int_equal(smm_map_bytes(size, 0), smm_map_bytes(size, 4));
	}
	assert_int_equal(smm_map_bytes(SMM_SIZE_MAX, 131072), smm_map_bytes(16, 4));
	assert_int_equal(smm_map_bytes(16, 8), 0);
	assert_int_equal(smm_map_bytes(20, 8), smm_map_bytes(16, 4));
}

/* A memory with a chip and a RAM copy of its own, at an odd address, in step with its model. */
struct neighbour {
	struct chip chip;
	struct smm s;
	struct model model;
	u8 *room;
};

static void neighbour_init(struct neighbour *n, u32 size)
{
	u32 map_size = smm_map_bytes(size, 4);
	struct smm_stats stats;

	chip_init(&n->chip, size, 0xff);
	n->room = malloc(map_size + 1);
	assert_non_null(n->room);
	n->s = memory_on(&n->chip);
	n->s.map = n->room + 1;
	n->s.map_size = map_size;
	assert_int_equal(smm_format(&n->s), SMM_OK);
	assert_int_equal(smm_measure(&n->s, &stats), SMM_OK);
	model_init(&n->model, size - stats.usable, 4, stats.usable / 4);
}

static void neighbour_step(struct neighbour *n, struct dice *dice)
{
	struct operation op = model_operation(&n->model, dice, 200);
	u32 offset = op.offset, expected;
	bool done;

	if (op.kind == OPERATION_REALLOC)
		op.kind = OPERATION_RESIZE;
	expected = model_do(&n->model, &op);
	if (op.kind == OPERATION_ALLOC)
		done = !smm_alloc(&n->s, op.size, &offset);
	else if (op.kind == OPERATION_FREE)
		done = !smm_release(&n->s, offset);
	else
		done = !smm_resize(&n->s, offset, op.size);
	assert_int_equal(done, expected != 0);
	if (done && op.kind != OPERATION_FREE)
		assert_int_equal(offset, expected);
}

static void memories_are_independent(void **state)
{
	struct neighbour a, b;
	struct dice dice = { dice_seed() };
	u32 i;

	(void)state;
	neighbour_init(&a, 4096);
	neighbour_init(&b, 3000);
	for (i = 0; i < 2000; i++)
		neighbour_step(dice_below(&dice, 2) ? &a : &b, &dice);
	assert_int_equal(smm_verify(&a.s), SMM_OK);
	assert_int_equal(smm_verify(&b.s), SMM_OK);
	assert_false(a.chip.outside || b.chip.outside);
	model_destroy(&a.model);
	model_destroy(&b.model);
	chip_destroy(&a.chip);
	chip_destroy(&b.chip);
	free(a.room);
	free(b.room);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_memory),
		cmocka_unit_test(not_yet_formatted),
		cmocka_unit_test(format_in_two_halves),
		cmocka_unit_test(reserve_then_commit),
		cmocka_unit_test(commit_of_what_is_not_free),
		cmocka_unit_test(resize_in_place),
		cmocka_unit_test(map_bytes),
		cmocka_unit_test(memories_are_independent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
