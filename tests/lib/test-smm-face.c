/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The face of malloc and free, call by call: what each returns, what it refuses, and that a refusal
 * changes nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "memory.h"

/* The first codes are known to programs that exist. */
_Static_assert(SMM_OK == 0 && SMM_PARAMETER_INVALID == 1 && SMM_PTR_ERR == 2 &&
		       SMM_NO_FREE_SPACE == 3 && SMM_FREE_FAILED == 4,
	       "the codes keep their values");

#define SIZE 512u

/* Each test gets a formatted memory, once without and once with a RAM copy. */
struct fixture {
	struct memory m;
	struct model model; /* of the empty memory */
	u8 *image;          /* for unchanged() */
};

static int setup(void **state, bool copy)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	memory_init(&f->m, SIZE, 4, copy);
	memory_create(&f->m, &f->model);
	*state = f;
	return 0;
}

static int setup_without_copy(void **state)
{
	return setup(state, false);
}

static int setup_with_copy(void **state)
{
	return setup(state, true);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	free(f->image);
	model_destroy(&f->model);
	memory_destroy(&f->m);
	free(f);
	return 0;
}

/* From here on the chip must not change. */
static void remember(struct fixture *f)
{
	free(f->image);
	f->image = chip_copy(&f->m.chip);
}

static bool unchanged(const struct fixture *f)
{
	return !memcmp(f->m.chip.bytes, f->image, f->m.chip.size) && !f->m.chip.outside;
}

static void a_callback_or_address_that_is_missing(void **state)
{
	struct fixture *f = *state;
	struct smm_mem_info good = f->m.info, bad;

	remember(f);
	assert_int_equal(smm_memory_create(NULL), SMM_PTR_ERR);
	assert_int_equal(smm_memory_rebuild(NULL), SMM_PTR_ERR);
	bad = good;
	bad.base_addr = NULL;
	assert_int_equal(smm_memory_create(&bad), SMM_PTR_ERR);
	assert_int_equal(smm_memory_rebuild(&bad), SMM_PTR_ERR);
	bad = good;
	bad.read = NULL;
	assert_int_equal(smm_memory_create(&bad), SMM_PTR_ERR);
	assert_int_equal(smm_memory_rebuild(&bad), SMM_PTR_ERR);
	bad = good;
	bad.write = NULL;
	assert_int_equal(smm_memory_create(&bad), SMM_PTR_ERR);
	assert_int_equal(smm_memory_rebuild(&bad), SMM_PTR_ERR);
	assert_null(smm_malloc(NULL, 1));
	assert_int_equal(smm_free(NULL, MEMORY_BASE), SMM_PTR_ERR);
	assert_null(smm_realloc(NULL, NULL, 1));
	assert_null(smm_realloc(NULL, MEMORY_BASE, 1));
	assert_int_equal(smm_usable_size(NULL, MEMORY_BASE), 0);
	assert_null(smm_next(NULL, NULL));
	assert_int_equal(smm_get_stats(NULL, &(struct smm_stats){ 0 }), SMM_PTR_ERR);
	assert_int_equal(smm_get_stats(&f->m.info, NULL), SMM_PTR_ERR);
	assert_int_equal(smm_check(NULL), SMM_PTR_ERR);
	assert_true(unchanged(f));
}

static void sizes_that_are_none(void **state)
{
	static const u32 sizes[] = { 0,  1,  4,   7,   8,        12,       15,
				     17, 18, 510, 513, 0x200001, 0x200004, 0xfffffffc };
	struct fixture *f = *state;
	u32 i;

	remember(f);
	chip_count(&f->m.chip);
	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		memory_forget(&f->m);
		f->m.info.size = sizes[i];
		assert_int_equal(smm_memory_create(&f->m.info), SMM_PARAMETER_INVALID);
		assert_int_equal(smm_memory_rebuild(&f->m.info), SMM_PARAMETER_INVALID);
		assert_null(smm_malloc(&f->m.info, 1));
		assert_int_equal(smm_map_bytes(sizes[i], 4), 0);
	}
	assert_int_equal(f->m.chip.reads + f->m.chip.writes, 0);
	assert_true(unchanged(f));
}

static void granules_that_are_none(void **state)
{
	static const u32 granules[] = { 1, 2, 3, 5, 6, 12, 63, 512, 1024, 262144, 0x80000000 };
	struct fixture *f = *state;
	u32 i;

	remember(f);
	for (i = 0; i < sizeof(granules) / sizeof(*granules); i++) {
		memory_forget(&f->m);
		f->m.info.granule = granules[i];
		assert_int_equal(smm_memory_create(&f->m.info), SMM_PARAMETER_INVALID);
		assert_int_equal(smm_map_bytes(SIZE, granules[i]), 0);
	}
	assert_true(unchanged(f));
}

static void room_for_the_map_that_is_too_small(void **state)
{
	struct fixture *f = *state;

	remember(f);
	if (!f->m.map)
		return;
	memory_forget(&f->m);
	f->m.info.map_size--;
	assert_int_equal(smm_memory_create(&f->m.info), SMM_PARAMETER_INVALID);
	assert_int_equal(smm_memory_rebuild(&f->m.info), SMM_PARAMETER_INVALID);
	assert_true(unchanged(f));
}

static void calls_before_the_memory_is_there(void **state)
{
	struct fixture *f = *state;
	struct smm_stats stats;

	remember(f);
	memory_forget(&f->m);
	assert_null(smm_malloc(&f->m.info, 1));
	assert_int_equal(smm_free(&f->m.info, MEMORY_BASE + f->model.data), SMM_NOT_FORMATTED);
	assert_null(smm_realloc(&f->m.info, NULL, 1));
	assert_int_equal(smm_usable_size(&f->m.info, MEMORY_BASE + f->model.data), 0);
	assert_null(smm_next(&f->m.info, NULL));
	assert_int_equal(smm_get_stats(&f->m.info, &stats), SMM_NOT_FORMATTED);
	assert_int_equal(smm_check(&f->m.info), SMM_NOT_FORMATTED);
	assert_true(unchanged(f));
}

static void malloc_rounds_up(void **state)
{
	struct fixture *f = *state;
	u8 *last = NULL, *block;
	u32 size;

	for (size = 1; size <= 16; size++) {
		block = smm_malloc(&f->m.info, size);
		assert_non_null(block);
		assert_int_equal(smm_usable_size(&f->m.info, block), (size + 3) / 4 * 4);
		assert_true(block > last);
		assert_int_equal((uintptr_t)(block - MEMORY_BASE - f->model.data) % 4, 0);
		last = block;
	}
}

static void malloc_of_nothing_and_of_too_much(void **state)
{
	struct fixture *f = *state;
	u32 usable = f->model.granules * 4;

	remember(f);
	assert_null(smm_malloc(&f->m.info, 0));
	assert_null(smm_malloc(&f->m.info, usable + 1));
	assert_null(smm_malloc(&f->m.info, SIZE));
	assert_null(smm_malloc(&f->m.info, 0x80000000));
	assert_null(smm_malloc(&f->m.info, 0xfffffffd));
	assert_null(smm_malloc(&f->m.info, 0xffffffff));
	assert_true(unchanged(f));
	assert_ptr_equal(smm_malloc(&f->m.info, usable), MEMORY_BASE + f->model.data);
	assert_null(smm_malloc(&f->m.info, 1));
}

static void malloc_takes_the_best_fit(void **state)
{
	struct fixture *f = *state;
	u8 *data = MEMORY_BASE + f->model.data;

	/* Free runs of 20, 12, 12 and 8 bytes, then the rest. */
	model_mark(&f->model, 5, 1, true);
	model_mark(&f->model, 9, 1, true);
	model_mark(&f->model, 13, 1, true);
	model_mark(&f->model, 16, 1, true);
	memory_adopt(&f->m, &f->model);
	assert_ptr_equal(smm_malloc(&f->m.info, 9), data + 6 * 4);
	assert_ptr_equal(smm_malloc(&f->m.info, 12), data + 10 * 4);
	assert_ptr_equal(smm_malloc(&f->m.info, 4), data + 14 * 4);
	assert_ptr_equal(smm_malloc(&f->m.info, 12), data);
	assert_ptr_equal(smm_malloc(&f->m.info, 12), data + 17 * 4);
}

static void free_of_what_is_no_block(void **state)
{
	struct fixture *f = *state;
	u8 *block, *other, *past = MEMORY_BASE + SIZE;
	u32 i;

	block = smm_malloc(&f->m.info, 40);
	other = smm_malloc(&f->m.info, 12);
	assert_int_equal(smm_free(&f->m.info, other), SMM_OK);
	remember(f);
	assert_int_equal(smm_free(&f->m.info, NULL), SMM_PARAMETER_INVALID);
	assert_int_equal(smm_free(&f->m.info, other), SMM_FREE_FAILED);
	for (i = 0; i < SIZE; i++)
		if (MEMORY_BASE + i != block)
			assert_int_equal(smm_free(&f->m.info, MEMORY_BASE + i), SMM_FREE_FAILED);
	assert_int_equal(smm_free(&f->m.info, past), SMM_FREE_FAILED);
	assert_int_equal(smm_free(&f->m.info, past + 4), SMM_FREE_FAILED);
	assert_int_equal(smm_free(&f->m.info, past + 0x10000000), SMM_FREE_FAILED);
	assert_int_equal(smm_free(&f->m.info, MEMORY_BASE - 1), SMM_FREE_FAILED);
	assert_int_equal(smm_free(&f->m.info, MEMORY_BASE - 4), SMM_FREE_FAILED);
	assert_int_equal(smm_free(&f->m.info, (void *)1), SMM_FREE_FAILED);
	assert_int_equal(smm_free(&f->m.info, (void *)UINTPTR_MAX), SMM_FREE_FAILED);
#if UINTPTR_MAX > 0xffffffff
	assert_int_equal(smm_free(&f->m.info, block + 0x100000000), SMM_FREE_FAILED);
#endif
	assert_true(unchanged(f));
	model_mark(&f->model, 0, 10, true);
	check_same(&f->m, &f->model);
	assert_int_equal(smm_free(&f->m.info, block), SMM_OK);
	remember(f);
	assert_int_equal(smm_free(&f->m.info, block), SMM_FREE_FAILED);
	assert_true(unchanged(f));
}

static void realloc_stays_or_moves(void **state)
{
	struct fixture *f = *state;
	u32 usable = f->model.granules * 4, i;
	u8 *a, *b, *moved;

	a = smm_realloc(&f->m.info, NULL, 100);
	assert_ptr_equal(a, MEMORY_BASE + f->model.data);
	for (i = 0; i < 100; i++)
		f->m.chip.bytes[a - MEMORY_BASE + i] = (u8)i;
	assert_ptr_equal(smm_realloc(&f->m.info, a, 60), a);
	assert_int_equal(smm_usable_size(&f->m.info, a), 60);
	assert_ptr_equal(smm_realloc(&f->m.info, a, 100), a);
	assert_int_equal(smm_usable_size(&f->m.info, a), 100);
	assert_ptr_equal(smm_realloc(&f->m.info, a, 99), a);
	b = smm_malloc(&f->m.info, 4);
	assert_ptr_equal(b, a + 100);
	moved = smm_realloc(&f->m.info, a, 120);
	assert_ptr_equal(moved, b + 4);
	for (i = 0; i < 100; i++)
		assert_int_equal(f->m.chip.bytes[moved - MEMORY_BASE + i], i);
	assert_int_equal(smm_usable_size(&f->m.info, a), 0);
	assert_int_equal(smm_usable_size(&f->m.info, moved), 120);
	remember(f);
	assert_null(smm_realloc(&f->m.info, moved, usable));
	assert_null(smm_realloc(&f->m.info, moved, 0xffffffff));
	assert_null(smm_realloc(&f->m.info, moved, 0));
	assert_null(smm_realloc(&f->m.info, a, 8));
	assert_null(smm_realloc(&f->m.info, moved + 4, 8));
	assert_null(smm_realloc(&f->m.info, MEMORY_BASE + SIZE, 8));
	assert_true(unchanged(f));
	assert_int_equal(smm_usable_size(&f->m.info, moved), 120);
}

static void next_goes_through_all_blocks(void **state)
{
	struct fixture *f = *state;
	u8 *data = MEMORY_BASE + f->model.data;
	u32 length = 0;

	assert_null(smm_next(&f->m.info, NULL));
	model_mark(&f->model, 2, 3, true);
	model_mark(&f->model, 5, 1, true);
	length = f->model.granules - 70;
	model_mark(&f->model, 70, length, true);
	memory_adopt(&f->m, &f->model);
	remember(f);
	assert_ptr_equal(smm_next(&f->m.info, NULL), data + 2 * 4);
	assert_ptr_equal(smm_next(&f->m.info, data + 2 * 4), data + 5 * 4);
	assert_ptr_equal(smm_next(&f->m.info, data + 5 * 4), data + 70 * 4);
	assert_null(smm_next(&f->m.info, data + 70 * 4));
	assert_null(smm_next(&f->m.info, MEMORY_BASE + SIZE));
	assert_null(smm_next(&f->m.info, MEMORY_BASE - 4));
	assert_int_equal(smm_usable_size(&f->m.info, data + 70 * 4), length * 4);
	assert_int_equal(smm_usable_size(&f->m.info, data + 3 * 4), 0);
	assert_int_equal(smm_usable_size(&f->m.info, NULL), 0);
	assert_int_equal(smm_check(&f->m.info), SMM_OK);
	assert_true(unchanged(f));
}

static void rebuild_of_what_is_no_such_memory(void **state)
{
	struct fixture *f = *state;
	u8 *superblock = f->m.chip.bytes;
	struct memory other;

	remember(f);
	memory_init(&other, SIZE - 4, 4, f->m.map);
	memcpy(other.chip.bytes, f->m.chip.bytes, SIZE - 4);
	assert_int_equal(memory_rebuild(&other), SMM_WRONG_SIZE);
	assert_null(smm_malloc(&other.info, 1));
	assert_memory_equal(other.chip.bytes, f->m.chip.bytes, SIZE - 4);
	memset(other.chip.bytes, 0, SIZE - 4);
	assert_int_equal(memory_rebuild(&other), SMM_NOT_FORMATTED);
	memset(other.chip.bytes, 0xff, SIZE - 4);
	assert_int_equal(memory_rebuild(&other), SMM_NOT_FORMATTED);
	memory_destroy(&other);

	memory_forget(&f->m);
	superblock[2] = 'p';
	assert_int_equal(memory_rebuild(&f->m), SMM_UNFINISHED);
	assert_null(smm_malloc(&f->m.info, 1));
	superblock[2] = 'm';
	assert_true(unchanged(f));
	assert_int_equal(memory_rebuild(&f->m), SMM_OK);
}

static void granule_is_reported_by_a_rebuild(void **state)
{
	struct fixture *f = *state;
	u32 granule;

	for (granule = 4; granule <= 64; granule *= 2) {
		memory_forget(&f->m);
		f->m.info.granule = granule;
		assert_int_equal(smm_memory_create(&f->m.info), SMM_OK);
		assert_non_null(smm_malloc(&f->m.info, granule + 1));
		assert_int_equal(memory_rebuild(&f->m), SMM_OK);
		assert_int_equal(f->m.info.granule, granule);
		assert_int_equal(smm_usable_size(&f->m.info, smm_next(&f->m.info, NULL)),
				 2 * granule);
	}
}

/* A memory is a value: a copy of the struct works, and the first may be gone. */
static void a_copy_of_the_struct(void **state)
{
	struct fixture *f = *state;
	struct smm_mem_info copy;
	u8 *first = smm_malloc(&f->m.info, 8), *second;

	assert_non_null(first);
	copy = f->m.info;
	memset(&f->m.info, 0xee, sizeof(f->m.info));
	second = smm_malloc(&copy, 8);
	assert_ptr_equal(second, first + 8);
	assert_int_equal(smm_free(&copy, first), SMM_OK);
	f->m.info = copy;
	memset(&copy, 0xee, sizeof(copy));
	assert_ptr_equal(smm_next(&f->m.info, NULL), second);
	assert_int_equal(smm_free(&f->m.info, second), SMM_OK);
	assert_int_equal(smm_check(&f->m.info), SMM_OK);
	assert_int_equal(memory_rebuild(&f->m), SMM_OK);
	assert_null(smm_next(&f->m.info, NULL));
}

/* Damage in the map does not hide how the memory is laid out. */
static void granule_of_a_damaged_memory(void **state)
{
	struct fixture *f = *state;

	memory_forget(&f->m);
	f->m.info.granule = 16;
	assert_int_equal(smm_memory_create(&f->m.info), SMM_OK);
	f->m.chip.bytes[SMM_SUPERBLOCK] ^= 3;
	assert_int_equal(memory_rebuild(&f->m), SMM_CORRUPT);
	assert_int_equal(f->m.info.granule, 16);
}

#define face_test(function)                                                       \
	cmocka_unit_test_setup_teardown(function, setup_without_copy, teardown),  \
	{                                                                         \
#function "_with_copy", function, setup_with_copy, teardown, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		face_test(a_callback_or_address_that_is_missing),
		face_test(sizes_that_are_none),
		face_test(granules_that_are_none),
		face_test(room_for_the_map_that_is_too_small),
		face_test(calls_before_the_memory_is_there),
		face_test(malloc_rounds_up),
		face_test(malloc_of_nothing_and_of_too_much),
		face_test(malloc_takes_the_best_fit),
		face_test(free_of_what_is_no_block),
		face_test(realloc_stays_or_moves),
		face_test(next_goes_through_all_blocks),
		face_test(rebuild_of_what_is_no_such_memory),
		face_test(granule_is_reported_by_a_rebuild),
		face_test(a_copy_of_the_struct),
		face_test(granule_of_a_damaged_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
