/* SPDX-License-Identifier: BSD-3-Clause */
/* The store: what its updates and its mount put on an I2C bus. */
#include <stdio.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "chip.h"
#include "dice.h"
#include "smm_store.h"

#define SIZE   (32 * 1024u)
#define VALUES 50u
#define UPDATE 4u

enum {
	ROUNDS = 2000
};

/* Reads are answered from a RAM image, as the daemon has one: only writes travel. */
static int read_image(void *context, u32 offset, void *buffer, u32 size)
{
	struct chip *chip = context;

	memcpy(buffer, chip->bytes + offset, size);
	return 0;
}

struct bed {
	struct chip chip;
	struct smm_store store;
	u8 *map;
	struct smm_block block[VALUES];
};

static void check(int r, const char *what)
{
	if (!r)
		return;
	fprintf(stderr, "bench-lib: %s: %d\n", what, r);
	exit(1);
}

/* The chip and nothing in RAM. */
static void restart(struct bed *b, int (*read)(void *, u32, void *, u32))
{
	u32 map_size = smm_map_bytes(SIZE, 0);

	b->store = (struct smm_store){
		.smm = { .read = read,
			 .write = chip_write,
			 .context = &b->chip,
			 .size = SIZE,
			 .map = b->map,
			 .map_size = map_size },
	};
}

/* A store with 50 values of @length bytes each; their names are @name and two digits. */
static void set_up(struct bed *b, const char *name, u32 length,
		   int (*read)(void *, u32, void *, u32))
{
	static const u8 identity[SMM_ID_BYTES] = { 1, 2, 3 };
	u32 i;

	chip_init(&b->chip, SIZE, 0);
	b->map = calloc(1, smm_map_bytes(SIZE, 0));
	if (!b->map)
		abort();
	restart(b, read);
	check(smm_store_format(&b->store, identity, "bench"), "format");
	for (i = 0; i < VALUES; i++) {
		b->block[i] = (struct smm_block){
			.kind = SMM_KIND_DATA,
			.length = length,
			.uid = 1000,
			.gid = 1000,
			.mode = 0600,
		};
		snprintf(b->block[i].name, sizeof(b->block[i].name), "%s%02u", name, i);
		check(smm_store_create(&b->store, &b->block[i], NULL, 0), "create");
	}
}

static void tear_down(struct bed *b)
{
	free(b->map);
	chip_destroy(&b->chip);
}

/* Atomic updates of 4 bytes of one of 50 values of @length bytes, which were looked up before. */
static double update(u32 length, int (*read)(void *, u32, void *, u32))
{
	struct dice dice = { 1 };
	struct bed b;
	u64 bytes = 0;
	u32 i, value;
	u8 data[UPDATE];

	set_up(&b, "value-", length, read);
	for (i = 0; i < ROUNDS; i++) {
		value = dice_below(&dice, VALUES);
		dice_fill(&dice, data, UPDATE);
		chip_count(&b.chip);
		check(smm_store_write(&b.store, &b.block[value],
				      dice_below(&dice, length - UPDATE + 1), data, UPDATE),
		      "write");
		bytes += chip_i2c_bytes(&b.chip);
	}
	tear_down(&b);
	return (double)bytes / ROUNDS;
}

/* A mount; with @walk, and a look at every block: what a program reads before it knows them all. */
static double mount(const char *name, bool walk)
{
	struct smm_block block = { 0 };
	struct bed b;
	u32 blocks = 0;
	double bytes;

	set_up(&b, name, UPDATE, chip_read);
	restart(&b, chip_read);
	chip_count(&b.chip);
	check(smm_store_mount(&b.store), "mount");
	do {
		check(walk ? smm_store_next(&b.store, block.offset, &block) : SMM_OK, "next");
		blocks += block.offset != 0;
	} while (block.offset);
	if (walk && blocks != VALUES)
		check(-1, "blocks after the mount");
	bytes = (double)chip_i2c_bytes(&b.chip);
	tear_down(&b);
	return bytes;
}

void bench_store(void)
{
	bench_heading("Store, 50 named values in 32 KiB, RAM copy of the map: bytes on an I2C bus");
	bench_at_most("4-byte value, reads from a RAM image (daemon)", update(4, read_image), 48,
		      "bytes");
	bench_at_most("4 of 64 bytes, reads from a RAM image (daemon)", update(64, read_image), 48,
		      "bytes");
	bench_at_most("4-byte value, reads on the bus too", update(4, chip_read), 48, "bytes");
	bench_note("4 of 64 bytes, reads on the bus too (firmware)", update(64, chip_read),
		   "bytes");
	bench_at_most("mount", mount("value-", false), 4500, "bytes");
	bench_at_most("mount and a look at every block, names of 8 bytes", mount("value-", true),
		      4500, "bytes");
	bench_note("mount and a look at every block, names of 16 bytes",
		   mount("a-longer-name-", true), "bytes");
}
