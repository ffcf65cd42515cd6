/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The page guard on a chip that keeps its power: where its journal is, what it costs, what it makes
 * of a journal that it did not write. test-page-guard-power.c has the rest.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <endian.h>

#include "../lib/dice.h"
#include "chip-table.h"
#include "fake-chip.h"
#include "smm_store.h"
#include "util.h"

#define SIZE  1024u
#define PAGE  16u
#define SLOTS 8u
#define SLOT  (2 * PAGE)
#define ROOM  (SIZE - SLOTS * SLOT)

struct guarded {
	struct fake_chip fake;
	struct chip *chip;
};

static void begin_anew(struct guarded *g)
{
	chip_close(g->chip);
	assert_int_equal(page_guard_open(&g->fake.chip, &g->chip, NULL), 0);
}

static void guarded_init(struct guarded *g, uint32_t size, uint32_t page)
{
	fake_chip_init(&g->fake, size, 0xff);
	g->fake.chip.page_size = page;
	g->chip = NULL;
	begin_anew(g);
}

static void guarded_destroy(struct guarded *g)
{
	chip_close(g->chip);
	fake_chip_destroy(&g->fake);
}

static int set_up(void **state)
{
	struct guarded *g = malloc(sizeof(*g));

	assert_non_null(g);
	guarded_init(g, SIZE, PAGE);
	assert_int_equal(g->chip->size, ROOM);
	*state = g;
	return 0;
}

static int tear_down(void **state)
{
	guarded_destroy(*state);
	free(*state);
	return 0;
}

static void write_byte(struct guarded *g, uint32_t offset, uint8_t byte)
{
	assert_int_equal(chip_write(g->chip, offset, &byte, 1), 0);
}

static uint8_t read_byte(struct guarded *g, uint32_t offset)
{
	uint8_t byte;

	assert_int_equal(chip_read(g->chip, offset, &byte, 1), 0);
	return byte;
}

static uint8_t *slot(struct guarded *g, uint32_t i)
{
	return g->fake.bytes + ROOM + i * SLOT;
}

/* A record as the guard writes it: a page of @byte for @target. */
static void forge(struct guarded *g, uint32_t i, uint8_t byte, uint32_t target, uint32_t sequence)
{
	uint8_t *record = slot(g, i);
	uint32_t seal[3] = { htole32(target), htole32(sequence) };

	memset(record, byte, PAGE);
	memcpy(record + PAGE, seal, 8);
	seal[2] = htole32(smm_crc32c(0, record, PAGE + 8));
	memcpy(record + PAGE + 8, seal + 2, 4);
}

static void restart(struct guarded *g)
{
	begin_anew(g);
	fake_chip_watch(&g->fake);
}

static uint32_t count_writes(const struct guarded *g)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < g->fake.n_transfers; i++)
		n += g->fake.transfers[i].write;
	return n;
}

/* What it takes of a chip. */

static void takes_little(void **state)
{
	static const struct {
		const char *name;
		uint32_t room;
	} known[] = {
		{ "AT24C08", 1024 - 8 * 32 },     { "AT24C32", 4096 - 8 * 64 },
		{ "AT24C256", 32768 - 8 * 128 },  { "AT24C512", 65536 - 8 * 256 },
		{ "AT24CM02", 262144 - 8 * 512 },
	};
	struct guarded g;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		const struct chip_model *m = chip_model_find(known[i].name);

		guarded_init(&g, m->size, m->page_size);
		assert_int_equal(g.chip->size, known[i].room);
		assert_int_equal(g.chip->page_size, 0);
		guarded_destroy(&g);
	}
}

static void refuse_small(const struct chip_model *m)
{
	_cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
	struct fake_chip fake;
	struct chip *chip;
	char size[32];

	fake_chip_init(&fake, m->size, 0xff);
	fake.chip.page_size = m->page_size;
	assert_int_equal(page_guard_open(&fake.chip, &chip, &error), -ENOSPC);
	snprintf(size, sizeof(size), " %u bytes", m->size);
	assert_non_null(strstr(error.message, size));
	assert_non_null(strstr(error.message, "larger"));
	assert_int_equal(fake.n_transfers, 0);
	fake_chip_destroy(&fake);
}

/* Each is refused, or holds at its first, its last and some other page what was written. */
static void every_eeprom(void **state)
{
	const struct chip_model *m;
	unsigned int small = 0, used = 0;
	struct guarded g;

	(void)state;
	for (size_t i = 0; (m = chip_model_row(i)); i++) {
		if (!m->page_size)
			continue;
		if (m->size <= 512) {
			refuse_small(m);
			small++;
			continue;
		}
		guarded_init(&g, m->size, m->page_size);
		assert_int_equal(g.chip->size % m->page_size, 0);
		assert_in_range(g.chip->size, m->size - m->size / 4, m->size - 1);
		write_byte(&g, 0, 1);
		write_byte(&g, g.chip->size - 1, 2);
		write_byte(&g, g.chip->size / 2, 3);
		begin_anew(&g);
		assert_int_equal(read_byte(&g, 0), 1);
		assert_int_equal(read_byte(&g, g.chip->size - 1), 2);
		assert_int_equal(read_byte(&g, g.chip->size / 2), 3);
		guarded_destroy(&g);
		used++;
	}
	assert_int_equal(small, 4);
	assert_true(used >= 20);
}

/* What is behind the last whole page is not used. */
static void odd_size(void **state)
{
	struct guarded g;

	(void)state;
	guarded_init(&g, 1020, 8);
	assert_int_equal(g.chip->size, 1016 - 8 * 24);
	guarded_destroy(&g);
}

/* What it costs. */

static void counts_cycles(void **state)
{
	struct guarded *g = *state;
	uint8_t bytes[3 * PAGE];

	memset(bytes, 7, sizeof(bytes));
	assert_int_equal(chip_write(g->chip, PAGE - 1, bytes, PAGE + 2), 0);
	assert_int_equal(g->chip->counters.page_programs, 3 * 3);
	assert_int_equal(g->chip->counters.journal_programs, 3 * 2);
	assert_int_equal(g->chip->counters.writes, g->fake.chip.counters.writes);
	assert_int_equal(g->chip->counters.bytes_read, g->fake.chip.counters.bytes_read);
}

static void leaves_alone_what_stays(void **state)
{
	struct guarded *g = *state;
	uint8_t bytes[3 * PAGE];

	memset(bytes, 0xff, sizeof(bytes));
	assert_int_equal(chip_write(g->chip, 5, bytes, sizeof(bytes)), 0);
	assert_int_equal(count_writes(g), 0);
	bytes[2 * PAGE] = 0;
	assert_int_equal(chip_write(g->chip, 0, bytes, sizeof(bytes)), 0);
	assert_int_equal(g->chip->counters.page_programs, 3);
}

static uint32_t max_difference(const uint32_t *counts, uint32_t n)
{
	uint32_t least = counts[0], most = counts[0];

	for (uint32_t i = 1; i < n; i++) {
		least = counts[i] < least ? counts[i] : least;
		most = counts[i] > most ? counts[i] : most;
	}
	return most - least;
}

/* Restarts included. */
static void wears_evenly(void **state)
{
	struct guarded *g = *state;
	struct dice dice = { 1 };
	uint32_t counts[SLOTS] = { 0 }, total = 0;

	for (uint32_t n = 0; n < 10000; n++) {
		uint32_t offset = dice_below(&dice, ROOM);

		if (!dice_below(&dice, 50))
			begin_anew(g);
		fake_chip_watch(&g->fake);
		write_byte(g, offset, (uint8_t)(read_byte(g, offset) + 1));
		for (uint32_t i = 0; i < g->fake.n_transfers; i++) {
			const struct transfer *t = &g->fake.transfers[i];

			if (t->write && t->offset >= ROOM)
				counts[(t->offset - ROOM) / SLOT]++;
		}
	}
	for (uint32_t i = 0; i < SLOTS; i++)
		total += counts[i];
	assert_int_equal(total, 10000);
	assert_in_range(max_difference(counts, SLOTS), 0, 1);
}

/* What it does with a journal. */

/* Two records that are in their pages, and one that is not yet. */
static void pend(struct guarded *g)
{
	write_byte(g, 0, 1);
	write_byte(g, PAGE, 2);
	forge(g, 2, 0x33, 2 * PAGE, 3);
}

static void reading_writes_nothing(void **state)
{
	struct guarded *g = *state;
	uint8_t *was = malloc(SIZE), all[ROOM], some[PAGE];

	assert_non_null(was);
	pend(g);
	memcpy(was, g->fake.bytes, SIZE);
	restart(g);
	assert_int_equal(chip_reopen(g->chip, NULL), 0);
	assert_int_equal(chip_read(g->chip, 0, all, ROOM), 0);
	assert_int_equal(count_writes(g), 0);
	assert_memory_equal(was, g->fake.bytes, SIZE);
	memset(was + 2 * PAGE, 0x33, PAGE);
	assert_memory_equal(all, was, ROOM);
	for (uint32_t offset = 0; offset < 4 * PAGE; offset++)
		for (uint32_t size = 1; size <= PAGE; size++) {
			assert_int_equal(chip_read(g->chip, offset, some, size), 0);
			assert_memory_equal(some, was + offset, size);
		}
	free(was);
}

static void writing_comes_behind_it(void **state)
{
	struct guarded *g = *state;

	pend(g);
	restart(g);
	write_byte(g, 5, 9);
	assert_int_equal(g->fake.bytes[2 * PAGE], 0x33);
	assert_int_equal(g->fake.bytes[3 * PAGE - 1], 0x33);
	assert_int_equal(g->fake.bytes[5], 9);
	assert_int_equal(g->fake.chip.counters.page_programs, 1 + 3);
	restart(g);
	assert_int_equal(read_byte(g, 2 * PAGE), 0x33);
	write_byte(g, 5, 9);
	assert_int_equal(count_writes(g), 0);
}

/* Of the newest record a bit is lost, years after. */
static void lost_record_brings_nothing_back(void **state)
{
	struct guarded *g = *state;
	uint8_t was[SIZE];

	for (uint32_t n = 1; n <= SLOTS + 2; n++)
		write_byte(g, 0, (uint8_t)n);
	memcpy(was, g->fake.bytes, SIZE);
	for (uint32_t bit = 0; bit < 8 * (PAGE + 12); bit++) {
		memcpy(g->fake.bytes, was, SIZE);
		slot(g, 1)[bit / 8] ^= (uint8_t)(1 << bit % 8);
		restart(g);
		assert_int_equal(read_byte(g, 0), SLOTS + 2);
		write_byte(g, ROOM - 1, 0);
		assert_int_equal(g->fake.bytes[0], SLOTS + 2);
	}
}

static void numbers_begin_anew(void **state)
{
	struct guarded *g = *state;

	for (uint32_t i = 0; i < SLOTS; i++)
		forge(g, i, 0xff, 0, UINT32_MAX - SLOTS + i);
	for (uint32_t n = 0; n < 3 * SLOTS; n++) {
		write_byte(g, 0, (uint8_t)n);
		memset(g->fake.bytes, 0xee, PAGE);
		restart(g);
		assert_int_equal(read_byte(g, 0), n);
	}
}

static void record_that_does_not_stay(void **state)
{
	struct guarded *g = *state;
	uint8_t byte = 1;

	write_byte(g, 0, 5);
	g->fake.drops = 1;
	assert_int_equal(chip_write(g->chip, 0, &byte, 1), -EIO);
	assert_int_equal(g->fake.bytes[0], 5);
	write_byte(g, 0, 1);
	assert_int_equal(g->fake.bytes[0], 1);
}

static void nothing_in_blank_chips(void **state)
{
	struct guarded g;
	uint8_t *bytes;

	(void)state;
	for (uint32_t page = 8; page <= 1024; page *= 2)
		for (uint32_t fill = 0; fill < 256; fill++) {
			guarded_init(&g, 128 * page, page);
			memset(g.fake.bytes, (int)fill, 128 * page);
			memset(g.fake.bytes, (int)fill + 1, g.chip->size);
			bytes = malloc(g.chip->size);
			assert_non_null(bytes);
			assert_int_equal(chip_read(g.chip, 0, bytes, g.chip->size), 0);
			assert_memory_equal(bytes, g.fake.bytes, g.chip->size);
			free(bytes);
			guarded_destroy(&g);
		}
}

static void targets_that_are_none(void **state)
{
	static const uint32_t targets[] = { ROOM,     ROOM + PAGE,     SIZE,      1,
					    PAGE - 1, UINT32_MAX - 15, UINT32_MAX };
	struct guarded *g = *state;

	for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
		memset(g->fake.bytes, 0, SIZE);
		forge(g, 0, 0x66, targets[i], 1);
		restart(g);
		write_byte(g, 0, 1);
		assert_int_equal(count_writes(g), 2); /* a record and its page */
		assert_int_equal(g->fake.bytes[1], 0);
		for (uint32_t at = PAGE; at < ROOM; at++)
			assert_int_equal(g->fake.bytes[at], 0);
	}
}

/* No more pages changed than that of @offset and that of a record. */
static void check_harmless(struct guarded *g, const uint8_t *was, uint32_t offset)
{
	uint32_t others = 0;

	for (uint32_t page = 0; page < ROOM; page += PAGE)
		if (offset / PAGE != page / PAGE)
			others += memcmp(was + page, g->fake.bytes + page, PAGE) != 0;
	assert_in_range(others, 0, 1);
}

/* A record for any page, half of them with a byte that is wrong. */
static void forge_any(struct guarded *g, uint32_t i, struct dice *dice)
{
	uint8_t byte = (uint8_t)dice_next(dice);
	uint32_t target = PAGE * dice_below(dice, SIZE / PAGE);
	uint32_t bits = dice_below(dice, 32);

	forge(g, i, byte, target, dice_below(dice, UINT32_MAX) >> bits);
	if (byte % 2)
		slot(g, i)[dice_below(dice, SLOT)] ^= byte;
}

/* Whatever is there, it is read, and stays inside; fake-chip looks after that. */
static void hostile_journals(void **state)
{
	struct guarded *g = *state;
	uint8_t was[SIZE], all[ROOM];
	uint64_t rounds = 20000 * dice_rounds();
	struct dice dice = { dice_seed() };

	for (uint64_t n = 0; n < rounds; n++) {
		uint32_t offset = dice_below(&dice, ROOM);

		dice_fill(&dice, g->fake.bytes, SIZE);
		for (uint32_t i = 0; i < SLOTS; i++)
			forge_any(g, i, &dice);
		memcpy(was, g->fake.bytes, SIZE);
		restart(g);
		assert_int_equal(chip_read(g->chip, 0, all, ROOM), 0);
		assert_memory_equal(was, g->fake.bytes, SIZE);
		write_byte(g, offset, (uint8_t)~all[offset]);
		check_harmless(g, was, offset);
		all[offset] = (uint8_t)~all[offset];
		assert_memory_equal(all, g->fake.bytes, ROOM);
	}
}

/* The chip below. */

static struct chip_ops other_ops;
static int closed, reopened;

static int other_reopen(struct chip *chip, sd_bus_error *error)
{
	struct fake_chip *fake = (struct fake_chip *)chip;

	(void)error;
	memset(fake->bytes, 0x77, SIZE);
	chip->read_only = true;
	return reopened;
}

static void other_close(struct chip *chip)
{
	(void)chip;
	closed++;
}

static void be_other(struct fake_chip *fake)
{
	other_ops = *fake->chip.ops;
	other_ops.reopen = other_reopen;
	other_ops.close = other_close;
	fake->chip.ops = &other_ops;
}

/* Another chip is there: what the guard knew of the one before is of no use for it. */
static void forgets_on_reopen(void **state)
{
	struct guarded *g = *state;

	pend(g);
	restart(g);
	assert_int_equal(read_byte(g, 2 * PAGE), 0x33);
	be_other(&g->fake);
	for (reopened = 0; reopened >= -ENXIO; reopened -= ENXIO) {
		assert_int_equal(chip_reopen(g->chip, NULL), reopened);
		assert_int_equal(read_byte(g, 2 * PAGE), 0x77);
		assert_true(g->chip->read_only);
		assert_int_equal(g->chip->size, ROOM);
	}
}

static void closes_below(void **state)
{
	struct guarded g;
	struct chip *none = NULL;

	(void)state;
	guarded_init(&g, SIZE, PAGE);
	be_other(&g.fake);
	closed = 0;
	guarded_destroy(&g);
	assert_int_equal(closed, 1);
	fake_chip_init(&g.fake, 256, 0);
	g.fake.chip.page_size = 64;
	be_other(&g.fake);
	assert_int_equal(page_guard_open(&g.fake.chip, &none, NULL), -ENOSPC);
	assert_int_equal(closed, 2);
	assert_null(none);
	fake_chip_destroy(&g.fake);
}

#define GUARDED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_little),
		cmocka_unit_test(every_eeprom),
		cmocka_unit_test(odd_size),
		GUARDED(counts_cycles),
		GUARDED(leaves_alone_what_stays),
		GUARDED(wears_evenly),
		GUARDED(reading_writes_nothing),
		GUARDED(writing_comes_behind_it),
		GUARDED(lost_record_brings_nothing_back),
		GUARDED(numbers_begin_anew),
		GUARDED(record_that_does_not_stay),
		cmocka_unit_test(nothing_in_blank_chips),
		GUARDED(targets_that_are_none),
		GUARDED(hostile_journals),
		GUARDED(forgets_on_reopen),
		cmocka_unit_test(closes_below),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
