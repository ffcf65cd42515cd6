/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writes the images of this folder, into another that is named: what every version has to read of
 * those before it, and every machine of others.
 *
 * The images of a version that was released stay as they are. A new version gets new ones here, and
 * new names.
 */
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/image.h"
#include "../lib/store-layout.h"
#include "golden.h"

static const char *folder;

static void write_file(const char *name, const void *bytes, size_t size)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "wb");
	if (!file || fwrite(bytes, size, 1, file) != 1 || fclose(file))
		err(EXIT_FAILURE, "%s", path);
}

static void succeeds(int result)
{
	if (result != SMM_OK)
		errx(EXIT_FAILURE, "a call returns %d", result);
}

/* A superblock of the version behind this one's. */
static void make_newer(u8 *superblock)
{
	superblock[3] += 0x10;
	superblock[7] = image_check(superblock, 7);
}

static void write_allocator(void)
{
	struct golden g;
	u32 first, second, third;

	golden_init(&g, GOLDEN_ALLOCATOR);
	g.store.smm.granule = 8;
	succeeds(smm_format(&g.store.smm));
	succeeds(smm_alloc(&g.store.smm, 20, &first));
	succeeds(smm_alloc(&g.store.smm, 8, &second));
	succeeds(smm_alloc(&g.store.smm, 40, &third));
	memset(g.bytes + first, 0xa1, 20);
	memset(g.bytes + third, 0xa3, 40);
	succeeds(smm_release(&g.store.smm, second));
	write_file("allocator-1.bin", g.bytes, g.store.smm.size);
	make_newer(g.bytes);
	write_file("newer-allocator.bin", g.bytes, g.store.smm.size);
}

static struct smm_block create(struct golden *g, const char *name, enum smm_kind kind, u32 length)
{
	struct smm_block b = { .kind = (u8)kind, .length = length, .uid = 1000, .gid = 100 };

	b.mode = 0644;
	memcpy(b.name, name, strlen(name));
	succeeds(smm_store_create(&g->store, &b, NULL, 0x55));
	return b;
}

/* Its last update of gain was cut when the record had its seal, and a part was carried out. */
static void write_cut(const struct golden *whole, const struct smm_block *gain)
{
	static struct golden g, after;
	struct smm_block b;
	u32 power = 0;

	do {
		golden_copy(&g, whole);
		g.power = power++;
		b = *gain;
		if (smm_store_write(&g.store, &b, 0, "\5\6\7\10", 4) == SMM_OK)
			errx(EXIT_FAILURE, "no cut leaves an update to be finished");
		golden_copy(&after, &g);
		succeeds(smm_store_mount(&after.store));
	} while (!after.store.replayed || g.bytes[layout_payload(gain)] != 5);
	write_file("store-1-cut.bin", g.bytes, GOLDEN_STORE);
}

/* Part 4 of FORMAT.md. */
static void write_image(const u8 *content)
{
	u8 file[GOLDEN_IMAGE_BEGIN + GOLDEN_STORE] = "smmimage";

	layout_put32(file + 8, 1);
	layout_put32(file + 12, GOLDEN_IMAGE_BEGIN);
	layout_put32(file + 16, GOLDEN_TIME);
	layout_put32(file + 24, GOLDEN_STORE);
	memcpy(file + 32, golden_identity, sizeof(golden_identity));
	memcpy(file + 48, GOLDEN_MODEL, strlen(GOLDEN_MODEL));
	layout_put32(file + 80, smm_crc32c(0, content, GOLDEN_STORE));
	memcpy(file + GOLDEN_IMAGE_BEGIN, content, GOLDEN_STORE);
	layout_put32(file + 28,
		     smm_crc32c(smm_crc32c(0, file, 28), file + 32, GOLDEN_IMAGE_BEGIN - 32));
	write_file("image-1.smm", file, sizeof(file));
	layout_put32(file + 8, 2);
	layout_put32(file + 28,
		     smm_crc32c(smm_crc32c(0, file, 28), file + 32, GOLDEN_IMAGE_BEGIN - 32));
	write_file("newer-image.smm", file, sizeof(file));
}

static void write_store(void)
{
	static struct golden g, newer;
	struct smm_block gain, boots, loose, log, gone;
	int64_t value;
	u8 *system;

	golden_init(&g, GOLDEN_STORE);
	succeeds(smm_store_format(&g.store, golden_identity, "golden"));
	gain = create(&g, "gain", SMM_KIND_DATA, 4);
	succeeds(smm_store_set_mode(&g.store, &gain, 0640));
	succeeds(smm_store_write(&g.store, &gain, 0, "\1\2\3\4", 4));
	boots = create(&g, "boots", SMM_KIND_COUNTER, 8);
	succeeds(smm_store_write(&g.store, &boots, 0, "\0\0\0\0\0\0\0\0", 8));
	succeeds(smm_store_add(&g.store, &boots, -41, &value));
	gone = create(&g, "gone", SMM_KIND_DATA, 30);
	loose = create(&g, "Größe", SMM_KIND_DATA, 12);
	succeeds(smm_store_write_in_place(&g.store, &loose, 0, "hello, world", 12));
	succeeds(smm_store_set_owner(&g.store, &loose, 4000000000u, 65534));
	log = create(&g, GOLDEN_LONG_NAME, SMM_KIND_DATA, 100);
	succeeds(smm_store_resize(&g.store, &log, 120));
	succeeds(smm_store_free(&g.store, &gone));
	write_file("store-1.bin", g.bytes, GOLDEN_STORE);
	write_cut(&g, &gain);
	write_image(g.bytes);

	golden_copy(&newer, &g);
	system = newer.bytes + layout_system(&g.store);
	layout_put32(system + AT_VERSION, 2);
	layout_protect_system(system);
	write_file("newer-store.bin", newer.bytes, GOLDEN_STORE);
	golden_copy(&newer, &g);
	make_newer(newer.bytes);
	write_file("newer-superblock.bin", newer.bytes, GOLDEN_STORE);
}

int main(int argc, char **argv)
{
	if (argc != 2)
		errx(EXIT_FAILURE, "usage: write-golden FOLDER");
	folder = argv[1];
	write_allocator();
	write_store();
	return EXIT_SUCCESS;
}
