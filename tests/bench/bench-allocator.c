/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The allocator on one workload: blocks of 16 to 124 bytes, a number of them live; over and over a
 * random one is freed and another allocated.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"
#include "chip.h"
#include "model.h"

#define SMALLEST 16u
#define LARGEST  124u

static const struct load {
	const char *name;
	u32 size, live;
} loads[] = {
	{ "32 KiB, 10 live blocks", 32 * 1024, 10 },
	{ "32 KiB, 100 live blocks", 32 * 1024, 100 },
	{ "32 KiB, 300 live blocks", 32 * 1024, 300 },
	{ "128 KiB, 1,000 live blocks", 128 * 1024, 1000 },
	{ "2 MiB, 10,000 live blocks", 2 * 1024 * 1024, 10000 },
};

#define LOADS (sizeof(loads) / sizeof(*loads))

static void *take(size_t count, size_t size)
{
	void *room = calloc(count, size);

	if (!room)
		abort();
	return room;
}

static u32 random_size(struct dice *dice)
{
	return SMALLEST + dice_below(dice, LARGEST - SMALLEST + 1);
}

/* A formatted memory on @chip with a RAM copy of its map. */
static void set_up(struct smm *s, struct chip *chip, u32 size)
{
	u32 map_size = smm_map_bytes(size, 0);

	chip_init(chip, size, 0);
	*s = (struct smm){
		.read = chip_read,
		.write = chip_write,
		.context = chip,
		.size = size,
		.map = take(1, map_size),
		.map_size = map_size,
	};
	if (smm_format(s))
		abort();
}

static void tear_down(struct smm *s, struct chip *chip)
{
	free(s->map);
	chip_destroy(chip);
}

static void measure_wire(const struct load *load)
{
	enum {
		ROUNDS = 20000
	};
	u32 *block = take(load->live, sizeof(*block)), i, victim;
	u64 freeing = 0, allocating = 0;
	struct dice dice = { load->live };
	struct chip chip;
	struct smm s;
	char what[80];

	set_up(&s, &chip, load->size);
	for (i = 0; i < load->live; i++)
		if (smm_alloc(&s, random_size(&dice), &block[i]))
			abort();
	for (i = 0; i < ROUNDS; i++) {
		victim = dice_below(&dice, load->live);
		chip_count(&chip);
		if (smm_release(&s, block[victim]))
			abort();
		freeing += chip_i2c_bytes(&chip);
		chip_count(&chip);
		if (smm_alloc(&s, random_size(&dice), &block[victim]))
			abort();
		allocating += chip_i2c_bytes(&chip);
	}
	snprintf(what, sizeof(what), "malloc, %s", load->name);
	bench_at_most(what, (double)allocating / ROUNDS, 16, "bytes");
	snprintf(what, sizeof(what), "free, %s", load->name);
	bench_at_most(what, (double)freeing / ROUNDS, 16, "bytes");
	tear_down(&s, &chip);
	free(block);
}

void bench_allocator_wire(void)
{
	u32 i;

	bench_heading("Bytes on an I2C bus, on average, with a RAM copy of the map");
	for (i = 0; i < LOADS; i++)
		measure_wire(&loads[i]);
}

/* Time. The chip is RAM, so what is left is the allocator's work; both run one trace, in turns. */

static u8 *ram;

static int ram_read(u8 *dst_addr, u8 *src_addr, u32 size)
{
	memcpy(dst_addr, src_addr, size);
	return 0;
}

static int ram_write(u8 *dst_addr, u8 *src_addr, u32 size)
{
	memcpy(dst_addr, src_addr, size);
	return 0;
}

struct step {
	u32 victim, size;
};

enum {
	PAIRS = 20000,
	TURNS = 31
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double run_smm(struct smm_mem_info *mem, void **block, const struct step *step)
{
	double start = now();
	u32 i;

	for (i = 0; i < PAIRS; i++) {
		smm_free(mem, block[step[i].victim]);
		block[step[i].victim] = smm_malloc(mem, step[i].size);
	}
	return (now() - start) / PAIRS;
}

static double run_libc(void **block, const struct step *step)
{
	double start = now();
	u32 i;

	for (i = 0; i < PAIRS; i++) {
		free(block[step[i].victim]);
		block[step[i].victim] = malloc(step[i].size);
	}
	return (now() - start) / PAIRS;
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double median(double *values)
{
	qsort(values, TURNS, sizeof(*values), compare);
	return values[TURNS / 2];
}

void bench_allocator_time(void)
{
	const struct load *load = &loads[LOADS - 1];
	struct dice dice = { 1 };
	struct step *step = take(PAIRS, sizeof(*step));
	void **ours = take(load->live, sizeof(*ours)), **theirs = take(load->live, sizeof(*theirs));
	double smm[TURNS], libc[TURNS], ratio[TURNS];
	struct smm_mem_info mem = {
		.size = load->size,
		.read = ram_read,
		.write = ram_write,
		.map_size = smm_map_bytes(load->size, 0),
	};
	u32 i, turn, size;

	mem.base_addr = ram = take(1, load->size);
	mem.map = take(1, mem.map_size);
	if (smm_memory_create(&mem))
		abort();
	for (i = 0; i < load->live; i++) {
		size = random_size(&dice);
		ours[i] = smm_malloc(&mem, size);
		theirs[i] = malloc(size);
	}
	for (turn = 0; turn < TURNS; turn++) {
		for (i = 0; i < PAIRS; i++)
			step[i] =
				(struct step){ dice_below(&dice, load->live), random_size(&dice) };
		smm[turn] = run_smm(&mem, ours, step);
		libc[turn] = run_libc(theirs, step);
		ratio[turn] = smm[turn] / libc[turn];
	}
	for (i = 0; i < load->live; i++) {
		if (!ours[i] || smm_free(&mem, ours[i]))
			abort();
		free(theirs[i]);
	}
	bench_heading("Time of free + malloc, 2 MiB, 10,000 live blocks, with a RAM copy; medians");
	bench_note("smm", median(smm), "ns");
	bench_note("the C library", median(libc), "ns");
	bench_at_most("ratio", median(ratio), 10, "");
	free(ram);
	free(mem.map);
	free(step);
	free(ours);
	free(theirs);
}

/*
 * Fragmentation, beside a search for the best fit from one end of the memory to the other, on the
 * same sequence of sizes and victims.
 */

struct tally {
	double largest; /* sum of the longest free run */
	u32 samples, failures;
};

/* Two ways to do the same: the library, and the model. */
struct way {
	struct smm s;
	struct chip chip;
	struct model model;
	bool plain; /* the model */
	struct tally tally;
	u32 *block, *room; /* offset and bytes of each live block; offset 0 where there is none */
	u32 used;
};

static void way_init(struct way *w, u32 size, u32 live, bool plain)
{
	struct smm_stats stats;

	*w = (struct way){ .plain = plain };
	w->block = take(live, sizeof(*w->block));
	w->room = take(live, sizeof(*w->room));
	set_up(&w->s, &w->chip, size);
	if (smm_measure(&w->s, &stats))
		abort();
	model_init(&w->model, size - stats.usable, stats.granule, stats.usable / stats.granule);
}

static void way_destroy(struct way *w)
{
	tear_down(&w->s, &w->chip);
	model_destroy(&w->model);
	free(w->block);
	free(w->room);
}

static void way_free(struct way *w, u32 i)
{
	struct operation op = { .kind = OPERATION_FREE, .offset = w->block[i] };

	if (!op.offset)
		return;
	if (w->plain ? !model_do(&w->model, &op) : smm_release(&w->s, op.offset))
		abort();
	w->block[i] = 0;
	w->used -= w->room[i];
}

static void way_malloc(struct way *w, u32 i, u32 size)
{
	struct operation op = { .kind = OPERATION_ALLOC, .size = size };
	u32 offset = 0;

	if (w->plain)
		offset = model_do(&w->model, &op);
	else if (smm_alloc(&w->s, size, &offset))
		offset = 0;
	w->tally.failures += !offset;
	w->block[i] = offset;
	w->room[i] = (size + 3) / 4 * 4;
	if (offset)
		w->used += w->room[i];
}

static void way_sample(struct way *w)
{
	struct smm_stats stats;

	if (w->plain)
		model_measure(&w->model, &stats);
	else if (smm_measure(&w->s, &stats))
		abort();
	w->tally.largest += stats.largest_free;
	w->tally.samples++;
}

/* A number of live blocks that stays the same. */
static struct tally churn(const struct load *load, u32 steps, bool plain)
{
	struct dice dice = { load->live };
	struct way w;
	u32 i, victim;

	way_init(&w, load->size, load->live, plain);
	for (i = 0; i < load->live; i++)
		way_malloc(&w, i, random_size(&dice));
	for (i = 0; i < steps; i++) {
		victim = dice_below(&dice, load->live);
		way_free(&w, victim);
		way_malloc(&w, victim, random_size(&dice));
		if (i % 8 == 0)
			way_sample(&w);
	}
	way_destroy(&w);
	return w.tally;
}

/* As many blocks as make 90 % of the memory; a failed allocation leaves its slot empty. */
static struct tally churn_full(u32 size, u32 steps, bool plain)
{
	u32 live = size / 10 * 9 / ((SMALLEST + LARGEST) / 2 + 2), i, victim;
	struct dice dice = { size };
	struct way w;
	u32 usable, limit;

	way_init(&w, size, live, plain);
	usable = w.model.granules * w.model.granule;
	limit = usable / 10 * 9;
	for (i = 0; i < live && w.used < limit; i++)
		way_malloc(&w, i, random_size(&dice));
	live = i;
	w.tally.failures = 0;
	for (i = 0; i < steps; i++) {
		victim = dice_below(&dice, live);
		way_free(&w, victim);
		way_malloc(&w, victim, random_size(&dice));
		if (i % 8 == 0)
			way_sample(&w);
	}
	way_destroy(&w);
	return w.tally;
}

static void compare_largest(const char *name, struct tally ours, struct tally plain)
{
	char what[80];

	snprintf(what, sizeof(what), "longest free run, %s", name);
	bench_at_least(what, ours.largest / ours.samples, plain.largest / plain.samples, "bytes");
}

void bench_allocator_fragmentation(void)
{
	static const struct load full[] = {
		{ "32 KiB, 90 % full", 32 * 1024, 0 },
		{ "128 KiB, 90 % full", 128 * 1024, 0 },
		{ "2 MiB, 90 % full", 2 * 1024 * 1024, 0 },
	};
	struct tally ours, plain;
	char what[80];
	u32 i, steps;

	bench_heading("Fragmentation; the goal is what a plain search for the best fit reaches");
	for (i = 0; i < LOADS; i++) {
		steps = loads[i].size > 1024 * 1024 ? 2000 : 10000;
		ours = churn(&loads[i], steps, false);
		plain = churn(&loads[i], steps, true);
		compare_largest(loads[i].name, ours, plain);
	}
	for (i = 0; i < sizeof(full) / sizeof(*full); i++) {
		steps = full[i].size > 1024 * 1024 ? 4000 : 20000;
		ours = churn_full(full[i].size, steps, false);
		plain = churn_full(full[i].size, steps, true);
		compare_largest(full[i].name, ours, plain);
		snprintf(what, sizeof(what), "failed allocations of %u, %s", steps, full[i].name);
		bench_at_most(what, ours.failures, plain.failures, "");
	}
}
