/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Power loss in every write cycle of an EEPROM behind a page guard, with every outcome that
 * tests/lib/chip.h knows of a cycle that was cut.
 *
 * First of writes alone, held against an array; then of all that a store does, as on FRAM. And the
 * same without the guard, which has to fail: else these tests would show nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/store-cuts.h"
#include "guarded-medium.h"

static const u32 pages[] = { 8, 16, 64, 128 };
#define PAGES (sizeof(pages) / sizeof(*pages))

static u32 round_up(u32 size, u32 page)
{
	return (size + page - 1) / page * page;
}

/* A chip of old bytes that becomes an EEPROM. */
struct eeprom {
	struct rig rig;
	struct guarded *guarded;
};

/* Its user has @size bytes, or a little more. */
static void eeprom_init(struct eeprom *e, u32 size, u32 page, bool guarded, u64 seed)
{
	u32 whole = round_up(size, page), journal = 8 * round_up(page + 12, page);
	struct rig *r = &e->rig;

	rig_init(r, guarded ? whole + journal : whole, 4, true);
	r->chip.page_size = page;
	r->chip.outcomes = CHIP_OUTCOMES;
	r->chip.dice.state = r->seed = seed;
	e->guarded = NULL;
	if (!guarded)
		return;
	e->guarded = guarded_new(r->medium, page);
	r->medium = guarded_medium(e->guarded);
	check(r, r->medium.size == whole);
	rig_forget(r);
}

static void eeprom_destroy(struct eeprom *e)
{
	if (e->guarded)
		guarded_free(e->guarded);
	rig_destroy(&e->rig);
}

static u8 *allocate(u32 size)
{
	u8 *bytes = malloc(size);

	if (!bytes)
		abort();
	return bytes;
}

/* Part 1: writes. */

#define WRITES 16u

static u64 write_cases; /* power cuts, each followed by a look at all that the chip holds */

struct write {
	u32 offset, size;
	u8 data[400];
};

/* It crosses several pages, or begins or ends with one, or changes nothing, or is anywhere. */
static struct write random_write(struct dice *dice, u32 size, u32 page, const u8 *bytes)
{
	struct write w = { .size = 1 + dice_below(dice, 2 * page + 4) };

	w.offset = dice_below(dice, size - w.size + 1);
	if (!dice_below(dice, 4) && w.offset - w.offset % page + w.size <= size)
		w.offset -= w.offset % page;
	dice_fill(dice, w.data, w.size);
	if (!dice_below(dice, 4))
		memcpy(w.data, bytes + w.offset, w.size / 2);
	if (!dice_below(dice, 8))
		memcpy(w.data, bytes + w.offset, w.size);
	return w;
}

static int do_write(struct rig *r, const struct write *w)
{
	return r->medium.write(r->medium.context, w->offset, w->data, w->size);
}

static u8 *contents(struct rig *r)
{
	u8 *bytes = allocate(r->medium.size);

	check(r, r->medium.read(r->medium.context, 0, bytes, r->medium.size) == 0);
	return bytes;
}

/* The chip holds @was, and of @w the first pages. */
static bool is_part(const struct rig *r, const u8 *is, const u8 *was, const struct write *w)
{
	u32 page = r->chip.page_size, landed = 0, end, size = r->medium.size;

	if (memcmp(is, was, w->offset))
		return false;
	for (;;) {
		end = w->offset + landed;
		if (!memcmp(is + w->offset, w->data, landed) &&
		    !memcmp(is + end, was + end, size - end))
			return true;
		if (landed == w->size)
			return false;
		landed += page - end % page;
		if (landed > w->size)
			landed = w->size;
	}
}

static void check_part(struct rig *r, const u8 *was, const struct write *w)
{
	u8 *is = contents(r);

	check(r, is_part(r, is, was, w));
	write_cases++;
	free(is);
}

static void check_whole(struct rig *r, const u8 *was, const struct write *w)
{
	u8 *is = contents(r), *should = allocate(r->medium.size);

	memcpy(should, was, r->medium.size);
	memcpy(should + w->offset, w->data, w->size);
	check(r, !memcmp(is, should, r->medium.size));
	free(is);
	free(should);
}

/* A new process finds @cells on the chip. */
static void start(struct rig *r, const u8 *cells)
{
	memcpy(r->chip.bytes, cells, r->chip.size);
	rig_forget(r);
}

/* The chip is torn, and shows @left: write @w, with a second cut in every cycle of that. */
static void write_everywhere(struct rig *r, const u8 *torn, const u8 *left, const struct write *w)
{
	bool again = true;

	for (r->recut = 0; again; r->recut++) {
		start(r, torn);
		r->chip.power = r->recut;
		check(r, (do_write(r, w) != 0) == r->chip.dead);
		again = r->chip.dead;
		rig_forget(r);
		if (again)
			check_part(r, left, w);
		check(r, do_write(r, w) == 0);
		check_whole(r, left, w);
	}
	r->recut = CHIP_NEVER;
}

/* Only the chip lost its power: what the guard believes to know may be wrong now. */
static void go_on(struct rig *r, const u8 *left, const struct write *w)
{
	u8 *is;

	chip_power_on(&r->chip);
	is = contents(r);
	check(r, !memcmp(is, left, r->medium.size));
	check(r, do_write(r, w) == 0);
	check_whole(r, left, w);
	free(is);
}

/* Cut @w at every cycle; then the same again, and @next. */
static void cut_write(struct rig *r, const u8 *was, const struct write *w, const struct write *next)
{
	u8 *cells = chip_copy(&r->chip), *torn, *left;
	u64 bytes;

	start(r, cells);
	chip_count(&r->chip);
	check(r, do_write(r, w) == 0);
	bytes = r->chip.bytes_written;
	for (r->cut = 0; r->cut < bytes; r->cut++) {
		start(r, cells);
		r->chip.power = r->cut;
		check(r, do_write(r, w) != 0);
		check(r, r->chip.dead);
		torn = chip_copy(&r->chip);
		rig_forget(r);
		left = contents(r);
		check_part(r, was, w);
		check(r, !memcmp(r->chip.bytes, torn, r->chip.size));
		write_everywhere(r, torn, left, w);
		write_everywhere(r, torn, left, next);
		start(r, cells);
		r->chip.power = r->cut;
		check(r, do_write(r, w) != 0);
		go_on(r, left, next);
		free(torn);
		free(left);
	}
	r->cut = CHIP_NEVER;
	start(r, cells);
	check(r, do_write(r, w) == 0);
	check_whole(r, was, w);
	free(cells);
}

/* A call of the chip fails, once, and nothing else. */
static void fail_write(struct rig *r, const u8 *was, const struct write *w)
{
	u8 *cells = chip_copy(&r->chip), *left, *is;
	bool failed = true;
	u64 calls;

	for (calls = 0; failed; calls++) {
		start(r, cells);
		r->chip.calls_left = calls;
		failed = do_write(r, w) != 0;
		r->chip.calls_left = CHIP_NEVER;
		check_part(r, was, w);
		left = contents(r);
		rig_forget(r);
		is = contents(r);
		check(r, !memcmp(is, left, r->medium.size));
		free(left);
		free(is);
	}
	start(r, cells);
	free(cells);
}

static void write_history(u32 page, u64 seed)
{
	struct dice dice = { seed * 0x10001 + page };
	struct write w, next;
	struct eeprom e;
	struct rig *r = &e.rig;
	u8 *bytes;

	eeprom_init(&e, 512, page, true, seed);
	bytes = contents(r);
	next = random_write(&dice, r->medium.size, page, bytes);
	for (r->step = 1; r->step <= WRITES; r->step++) {
		w = next;
		next = random_write(&dice, r->medium.size, page, bytes);
		fail_write(r, bytes, &w);
		cut_write(r, bytes, &w, &next);
		memcpy(bytes + w.offset, w.data, w.size);
	}
	free(bytes);
	eeprom_destroy(&e);
}

static void writes(void **state)
{
	u64 round;
	u32 i;

	(void)state;
	for (round = 0; round < dice_rounds(); round++)
		for (i = 0; i < PAGES; i++)
			write_history(pages[i], dice_seed() + round);
}

/* Part 2: what a store does. Of each cut of two in a row, chance picks the outcome. */

static void every_page_size(u32 size, void (*try)(struct rig *r, u64 seed))
{
	struct eeprom e;
	u64 round;
	u32 i;

	for (round = 0; round < dice_rounds(); round++)
		for (i = 0; i < PAGES; i++) {
			eeprom_init(&e, size, pages[i], true, dice_seed() + round);
			e.rig.chip.outcomes = 1;
			try(&e.rig, e.rig.seed);
			eeprom_destroy(&e);
		}
}

static void change_store(struct rig *r, u64 seed)
{
	(void)seed;
	trial_every_change(r, cuts_everywhere);
}

static void every_change(void **state)
{
	(void)state;
	every_page_size(1020, change_store);
}

static void use_store(struct rig *r, u64 seed)
{
	cuts_history(r, 60, seed);
}

static void histories(void **state)
{
	(void)state;
	every_page_size(640, use_store);
}

static void live(struct rig *r, u64 seed)
{
	cuts_life(r, 2000, seed);
}

static void long_lives(void **state)
{
	(void)state;
	every_page_size(1536, live);
}

static void format_store(struct rig *r, u64 seed)
{
	struct stock stock = { 0 };

	(void)seed;
	trial_lay_out(r, &stock);
	cuts_format(r, &stock);
	stock_destroy(&stock);
}

static void format(void **state)
{
	(void)state;
	every_page_size(1020, format_store);
}

/* Part 3: of one cut, every outcome; and it is the guard that makes the difference. */

static u64 tried, broken; /* cuts, and those after which the store was not what it may be */

static void count_broken(struct rig *r, struct stock *now, const struct change *c)
{
	struct stock left = { 0 };
	struct trial t;

	trial_init(&t, r, now, c);
	for (r->cut = 0; r->cut < t.bytes; r->cut++) {
		trial_run(&t, r, r->cut, CHIP_NEVER);
		broken += rig_mount(r) != SMM_OK || trial_store_wrong(&t, r, &left);
		tried++;
		stock_destroy(&left);
	}
	r->cut = CHIP_NEVER;
	rig_restore(r, &t.end);
	trial_destroy(&t);
}

static void without_guard(void **state)
{
	struct eeprom e;
	u32 i, guarded;

	(void)state;
	for (i = 0; i < PAGES; i++)
		for (guarded = 0; guarded < 2; guarded++) {
			eeprom_init(&e, 1020, pages[i], guarded, dice_seed());
			tried = broken = 0;
			trial_every_change(&e.rig, count_broken);
			print_message(
				"# pages of %u, %s guard: %llu of %llu cuts break the store\n",
				pages[i], guarded ? "with" : "without", (unsigned long long)broken,
				(unsigned long long)tried);
			check(&e.rig, guarded ? !broken : broken > tried / 10);
			eeprom_destroy(&e);
		}
}

static int report(void **state)
{
	(void)state;
	print_message("# power cuts: %llu cases of writes, %llu of a store\n",
		      (unsigned long long)write_cases, (unsigned long long)cuts_cases);
	return write_cases < 100000 || cuts_cases < 100000;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes),    cmocka_unit_test(every_change),
		cmocka_unit_test(histories), cmocka_unit_test(long_lives),
		cmocka_unit_test(format),    cmocka_unit_test(without_guard),
	};

	cmocka_set_test_filter(getenv("ONLY"));
	return cmocka_run_group_tests(tests, NULL, report);
}
