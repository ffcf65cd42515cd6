/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The library reads what every released version wrote, and leaves alone what a newer one did. The
 * folder of the images is the program's argument: the one of this file, or what write-golden wrote,
 * on this machine or another.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "golden.h"

static const char *folder;

static void load(struct golden *g, const char *name, u32 size)
{
	char path[4096];
	FILE *file;

	golden_init(g, size);
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "rb");
	assert_non_null(file);
	assert_int_equal(fread(g->bytes, 1, size, file), size);
	assert_int_equal(fgetc(file), EOF);
	fclose(file);
}

static void expect_fill(const struct golden *g, u32 offset, u32 size, u8 byte)
{
	for (u32 i = 0; i < size; i++)
		assert_int_equal(g->bytes[offset + i], byte);
}

static void allocator(void **state)
{
	struct golden g;
	struct smm *s = &g.store.smm;
	u32 offset, size;

	(void)state;
	load(&g, "allocator-1.bin", GOLDEN_ALLOCATOR);
	assert_int_equal(smm_mount(s), SMM_OK);
	assert_int_equal(s->granule, 8);
	assert_int_equal(smm_walk(s, 0, &offset, &size), SMM_OK);
	assert_int_equal(size, 24);
	expect_fill(&g, offset, 20, 0xa1);
	assert_int_equal(smm_walk(s, offset, &offset, &size), SMM_OK);
	assert_int_equal(size, 40);
	expect_fill(&g, offset, 40, 0xa3);
	assert_int_equal(smm_walk(s, offset, &offset, &size), SMM_OK);
	assert_int_equal(offset, 0);
	assert_int_equal(g.writes, 0);
	assert_int_equal(smm_verify(s), SMM_OK);
}

static struct smm_block expect_block(struct golden *g, const char *name, u32 id, u16 mode, u32 uid,
				     u32 gid, const void *content, u32 size)
{
	struct smm_block b;
	u8 found[128];

	assert_int_equal(smm_store_find(&g->store, name, &b), SMM_OK);
	assert_int_equal(b.id, id);
	assert_int_equal(b.mode, mode);
	assert_int_equal(b.uid, uid);
	assert_int_equal(b.gid, gid);
	assert_int_equal(b.length, size);
	assert_int_equal(smm_store_read(&g->store, &b, 0, found, size), SMM_OK);
	assert_memory_equal(found, content, size);
	return b;
}

static void expect_store(struct golden *g, const char *gain)
{
	struct smm_block b;
	int64_t value;
	u8 log[120];
	u32 n = 0, after = 0;

	assert_memory_equal(g->store.identity, golden_identity, SMM_ID_BYTES);
	assert_string_equal(g->store.label, "golden");
	expect_block(g, "gain", 1, 0640, 1000, 100, gain, 4);
	b = expect_block(g, "boots", 2, 0644, 1000, 100, "\xd7\xff\xff\xff\xff\xff\xff\xff", 8);
	assert_int_equal(smm_store_add(&g->store, &b, 0, &value), SMM_OK);
	assert_int_equal(value, -41);
	b = expect_block(g, "Größe", 4, 0644, 4000000000u, 65534, "hello, world", 12);
	assert_false(b.checksummed);
	memset(log, 0x55, 100);
	memset(log + 100, 0, 20);
	b = expect_block(g, GOLDEN_LONG_NAME, 5, 0644, 1000, 100, log, 120);
	assert_true(b.checksummed);
	for (; assert_int_equal(smm_store_next(&g->store, after, &b), SMM_OK), b.offset; n++)
		after = b.offset;
	assert_int_equal(n, 4);

	/* It goes on, and gives no id again. */
	b = (struct smm_block){ .kind = SMM_KIND_DATA, .length = 4, .name = "new" };
	assert_int_equal(smm_store_create(&g->store, &b, NULL, 0), SMM_OK);
	assert_true(b.id > 5);
}

static void store(void **state)
{
	struct golden g;

	(void)state;
	load(&g, "store-1.bin", GOLDEN_STORE);
	assert_int_equal(smm_store_mount(&g.store), SMM_OK);
	assert_int_equal(g.writes, 0);
	expect_store(&g, "\1\2\3\4");
}

static void store_with_a_change_that_was_cut(void **state)
{
	struct golden g;

	(void)state;
	load(&g, "store-1-cut.bin", GOLDEN_STORE);
	assert_int_equal(smm_store_mount(&g.store), SMM_OK);
	assert_true(g.store.replayed);
	expect_store(&g, "\5\6\7\10");
}

/* Not one byte is written, not even of what could be corrected: every bit that can be wrong of the
 * superblock and of the first granules of the map.
 */
static void newer(const char *name, u32 size, int (*mount)(struct golden *g))
{
	struct golden g;
	u32 bit;

	load(&g, name, size);
	assert_int_equal(mount(&g), SMM_NEWER_FORMAT);
	assert_int_equal(g.writes, 0);
	for (bit = 0; bit < 8 * (SMM_SUPERBLOCK + 2); bit++) {
		load(&g, name, size);
		g.bytes[bit / 8] ^= (u8)(1u << bit % 8);
		assert_int_equal(mount(&g), SMM_NEWER_FORMAT);
		assert_int_equal(g.writes, 0);
	}
}

static int mount_allocator(struct golden *g)
{
	return smm_mount(&g->store.smm);
}

static int mount_store(struct golden *g)
{
	return smm_store_mount(&g->store);
}

static void newer_is_left_alone(void **state)
{
	(void)state;
	newer("newer-allocator.bin", GOLDEN_ALLOCATOR, mount_allocator);
	newer("newer-allocator.bin", GOLDEN_ALLOCATOR, mount_store);
	newer("newer-superblock.bin", GOLDEN_STORE, mount_store);
	newer("newer-store.bin", GOLDEN_STORE, mount_store);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(allocator),
		cmocka_unit_test(store),
		cmocka_unit_test(store_with_a_change_that_was_cut),
		cmocka_unit_test(newer_is_left_alone),
	};

	if (argc != 2)
		return EXIT_FAILURE;
	folder = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
