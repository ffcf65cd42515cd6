/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A read or write function that fails: at every call of every operation, of the mount and of the
 * format. Never a success that is none, and never a memory that a rebuild does not accept.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "trial.h"

static u64 cases;

/* True if the call that had to fail was reached, which it then did. */
static bool failed(struct memory *m)
{
	bool reached = m->chip.calls_left == CHIP_NEVER;

	m->chip.calls_left = CHIP_NEVER;
	cases += reached;
	return reached;
}

/* The same process goes on: the malloc face takes the memory up again by itself. */
static void fail_and_go_on(struct memory *m, const struct trial *t)
{
	u32 result;

	for (m->chip.calls_left = m->step = 0;; m->chip.calls_left = ++m->step) {
		result = memory_do(m, &t->op);
		if (!failed(m))
			break;
		trial_check_result(t, m, result);
		trial_check_memory(t, m);
		trial_restart(t, m);
	}
	check(m, result == t->result);
	trial_restart(t, m);
}

/* A new process takes over. */
static void fail_and_rebuild(struct memory *m, const struct trial *t)
{
	u32 result;

	for (m->chip.calls_left = m->step = 0;; m->chip.calls_left = ++m->step) {
		result = memory_do(m, &t->op);
		if (!failed(m))
			break;
		trial_check_result(t, m, result);
		check(m, memory_rebuild(m) == SMM_OK);
		trial_check_memory(t, m);
		trial_restart(t, m);
	}
	trial_restart(t, m);
}

/*
 * The calls that take offsets do not take the memory up again: they either know that nothing
 * happened, or refuse to go on until a mount.
 */
static void fail_with_offsets(struct memory *m, const struct trial *t)
{
	struct smm *core = &m->info.core;
	struct smm_stats stats;
	u32 offset;
	int r;

	for (m->chip.calls_left = m->step = 0;; m->chip.calls_left = ++m->step) {
		if (t->op.kind == OPERATION_ALLOC)
			r = smm_alloc(core, t->op.size, &offset);
		else if (t->op.kind == OPERATION_FREE)
			r = smm_release(core, t->op.offset);
		else
			r = smm_resize(core, t->op.offset, t->op.size);
		if (!failed(m))
			break;
		check(m, r == SMM_IO_ERR);
		r = smm_measure(core, &stats);
		if (r == SMM_OK) {
			check(m, !memcmp(m->chip.bytes, t->image, m->chip.size));
			check_same(m, &t->before);
		} else {
			check(m, r == SMM_IO_ERR);
			check(m, smm_alloc(core, 1, &offset) == SMM_IO_ERR);
			check(m, smm_release(core, t->op.offset) == SMM_IO_ERR);
			check(m, smm_walk(core, 0, &offset, &offset) == SMM_IO_ERR);
			check(m, smm_verify(core) == SMM_IO_ERR);
			check(m, smm_mount(core) == SMM_OK);
		}
		trial_check_memory(t, m);
		trial_restart(t, m);
	}
	trial_restart(t, m);
}

static void fail_everywhere(struct memory *m, struct model *model, struct operation op)
{
	struct trial t;

	trial_init(&t, m, model, op);
	fail_and_go_on(m, &t);
	fail_and_rebuild(m, &t);
	if (op.kind != OPERATION_REALLOC)
		fail_with_offsets(m, &t);
	check(m, memory_do(m, &op) == model_do(model, &op));
	check_same(m, model);
	trial_destroy(&t);
}

static void fail_history(u32 size, u32 granule, bool copy, u32 steps, u64 seed)
{
	struct dice dice = { seed * 0x10001 + size + granule + copy };
	struct memory m;
	struct model model;
	u32 i;

	memory_init(&m, size, granule, copy);
	m.seed = seed;
	memory_create(&m, &model);
	dice_fill(&dice, m.chip.bytes + model.data, size - model.data);
	for (i = 0; i < steps; i++)
		fail_everywhere(&m, &model, model_operation(&model, &dice, size / 4));
	model_destroy(&model);
	memory_destroy(&m);
}

static void every_operation(void **state)
{
	static const u32 sizes[] = { 16, 64, 200, 512, 1024, 2048 };
	u64 round;
	u32 i, copy;

	(void)state;
	for (round = 0; round < dice_rounds(); round++)
		for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
			for (copy = 0; copy < 2; copy++)
				fail_history(sizes[i], 4, copy, 200, dice_seed() + round);
}

static void mount_and_format(void **state)
{
	struct memory m;
	struct model model;
	u32 copy, i;
	int r;

	(void)state;
	for (copy = 0; copy < 2; copy++) {
		memory_init(&m, 1024, 4, copy);
		for (i = 0;; i++) {
			memory_forget(&m);
			m.chip.calls_left = i;
			if (smm_memory_create(&m.info) == SMM_OK)
				break;
			assert_true(failed(&m));
			r = memory_rebuild(&m);
			assert_true(r == SMM_NOT_FORMATTED || r == SMM_UNFINISHED);
		}
		assert_false(failed(&m));
		memory_create(&m, &model);
		model_mark(&model, 3, 150, true);
		memory_adopt(&m, &model);
		for (i = 0;; i++) {
			m.chip.bytes[12] ^= 0x40; /* something to write for the mount, too */
			memory_forget(&m);
			m.chip.calls_left = i;
			if (smm_memory_rebuild(&m.info) == SMM_OK)
				break;
			assert_true(failed(&m));
			assert_int_equal(memory_rebuild(&m), SMM_OK);
			check_same(&m, &model);
		}
		assert_false(failed(&m));
		check_same(&m, &model);
		model_destroy(&model);
		memory_destroy(&m);
	}
}

/* Reports of a failing read: an error, and the truth again as soon as the reads work. */
static void questions(void **state)
{
	struct memory m;
	struct model model;
	struct smm_stats stats;
	u32 i;

	(void)state;
	memory_init(&m, 1024, 4, false);
	memory_create(&m, &model);
	model_mark(&model, 0, 70, true);
	model_mark(&model, 130, 10, true);
	memory_adopt(&m, &model);
	for (i = 0;; i++) {
		memory_rebuild(&m);
		m.chip.calls_left = i;
		if (smm_get_stats(&m.info, &stats) == SMM_OK)
			break;
		assert_true(failed(&m));
		check_same(&m, &model);
	}
	assert_false(failed(&m));
	for (i = 0;; i++) {
		memory_rebuild(&m);
		m.chip.calls_left = i;
		if (smm_check(&m.info) == SMM_OK)
			break;
		assert_true(failed(&m));
		check_same(&m, &model);
	}
	assert_false(failed(&m));
	model_destroy(&model);
	memory_destroy(&m);
}

/* A bus that is away for a while: nothing works, then everything does, without a new mount. */
static void bus_that_comes_back(void **state)
{
	struct memory m;
	struct model model;
	u32 copy;
	u8 *block;

	(void)state;
	for (copy = 0; copy < 2; copy++) {
		memory_init(&m, 1024, 4, copy);
		memory_create(&m, &model);
		model_mark(&model, 0, 70, true);
		memory_adopt(&m, &model);
		block = smm_next(&m.info, NULL);
		assert_non_null(block);
		m.chip.dead = true;
		assert_null(smm_malloc(&m.info, 8));
		assert_int_equal(smm_free(&m.info, block), SMM_IO_ERR);
		assert_null(smm_malloc(&m.info, 8));
		assert_null(smm_realloc(&m.info, block, 8));
		assert_int_equal(smm_check(&m.info), SMM_IO_ERR);
		chip_power_on(&m.chip);
		check_same(&m, &model);
		trial_use(&m, &model);
		model_destroy(&model);
		memory_destroy(&m);
	}
}

static int report(void **state)
{
	(void)state;
	print_message("# failing callbacks: %llu cases\n", (unsigned long long)cases);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_operation),
		cmocka_unit_test(mount_and_format),
		cmocka_unit_test(questions),
		cmocka_unit_test(bus_that_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, report);
}
