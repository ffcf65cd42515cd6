/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The volume and its chip: what is made of what is found there, and what becomes of it when the
 * chip fails.
 */
#include "volume-fixture.h"

static const struct allocate_options no_options;

static int try_allocate(struct fixture *f, const char *name)
{
	uint32_t id;

	return volume_allocate(f->volume, &alice, name, 10, &no_options, &id, fresh_error(f));
}

/* What is found */

static void test_blank_chip_is_formatted(void **state)
{
	struct fixture *f = *state;
	struct volume_status status;

	for (int fill = 0; fill <= 0xff; fill += 0xff) {
		memset(f->fake.bytes, fill, CHIP_SIZE);
		fixture_open(f);
		volume_status(f->volume, &status);
		assert_string_equal(status.state, "online");
		assert_int_equal(status.size, CHIP_SIZE);
		assert_int_equal(status.granule, 4);
		assert_int_equal(status.blocks, 0);
		assert_true(status.free > 3000);
		assert_int_equal(status.largest_free, status.free);
		assert_string_equal(status.model, "custom");
		assert_string_equal(status.bus, "file");
		assert_string_equal(status.device, "/fram0.img");
		assert_int_equal(allocate(f, &alice, "a", 10, 0600), 1);
	}
}

static void expect_untouched(struct fixture *f, const char *expected_state)
{
	uint8_t before[CHIP_SIZE];

	memcpy(before, f->fake.bytes, f->fake.chip.size);
	fixture_open(f);
	assert_string_equal(state_of(f), expected_state);
	expect_error(f, try_allocate(f, "a"), ERROR_NOT_FORMATTED, NULL);
	assert_memory_equal(f->fake.bytes, before, f->fake.chip.size);
}

static void test_blank_chip_is_left_alone_if_so_configured(void **state)
{
	struct fixture *f = *state;

	f->config.format = FORMAT_NEVER;
	expect_untouched(f, "blank");
	expect_error(f, try_allocate(f, "a"), ERROR_NOT_FORMATTED,
		     "memory fram0 is blank: the chip is empty; Format makes it usable");
	assert_int_equal(volume_format(f->volume, &root, 0, false, fresh_error(f)), 0);
	assert_string_equal(state_of(f), "online");
	allocate(f, &alice, "a", 10, 0600);
}

static void test_foreign_chip_is_left_alone(void **state)
{
	struct fixture *f = *state;
	unsigned int seed = 1;

	memset(f->fake.bytes, 0x55, CHIP_SIZE);
	expect_untouched(f, "foreign");
	expect_error(f, try_allocate(f, "a"), ERROR_NOT_FORMATTED,
		     "memory fram0 is foreign: it holds something else; Format with force gives "
		     "that up");
	for (uint32_t i = 0; i < CHIP_SIZE; i++)
		f->fake.bytes[i] = (uint8_t)rand_r(&seed);
	expect_untouched(f, "foreign");
	/* One byte is enough, wherever it is, be it a counter that somebody keeps at the beginning.
	 */
	for (uint32_t i = 0; i < CHIP_SIZE; i += i < 32 ? 1 : 31) {
		memset(f->fake.bytes, i & 1 ? 0xff : 0, CHIP_SIZE);
		f->fake.bytes[i] ^= 0x20;
		expect_untouched(f, "foreign");
	}
}

static void test_chip_of_another_size_is_foreign(void **state)
{
	struct fixture *f = *state;

	fixture_open(f);
	f->fake.chip.size = f->config.size = CHIP_SIZE / 2;
	expect_untouched(f, "foreign");
}

/* Cut the first format at every message, with every number of bytes of it that land. */
static void test_interrupted_format_is_repeated(void **state)
{
	struct fixture *f = *state;
	uint32_t left = 0, cuts = 0;

	for (uint32_t good = 0; left == 0; good++) {
		for (uint32_t landing = 0; landing <= 64; landing++, cuts++) {
			memset(f->fake.bytes, landing & 1 ? 0xff : 0, CHIP_SIZE);
			f->fake.landing = landing;
			f->fake.good = good;
			fixture_open(f);
			left = f->fake.good;
			f->fake.good = FAKE_NEVER;
			fixture_open(f);
			assert_string_equal(state_of(f), "online");
			allocate(f, &alice, "a", 10, 0600);
		}
	}
	assert_true(cuts > 500);
}

static void test_everything_is_there_after_a_restart(void **state)
{
	struct fixture *f = *state;
	struct smm_block before, after;
	uint32_t id, gone;
	int64_t value;

	for (int mirror = 0; mirror < 2; mirror++) {
		f->config.mirror = mirror;
		memset(f->fake.bytes, 0, CHIP_SIZE);
		fixture_open(f);
		gone = allocate(f, &alice, "gone", 10, 0600);
		assert_int_equal(
			volume_store(f->volume, &bob, "kept", "hello", 5, &id, fresh_error(f)), 0);
		assert_int_equal(volume_set_mode(f->volume, &bob, id, 0640, fresh_error(f)), 0);
		assert_int_equal(volume_set_owner(f->volume, &root, id, 1002, 50, fresh_error(f)),
				 0);
		assert_int_equal(volume_rename(f->volume, &eve, id, "renamed", fresh_error(f)), 0);
		assert_int_equal(volume_add(f->volume, &eve, "n", 41, &value, fresh_error(f)), 0);
		assert_int_equal(volume_free(f->volume, &alice, gone, fresh_error(f)), 0);
		before = block_of(f, id);
		fixture_open(f);
		after = block_of(f, id);
		assert_memory_equal(&before, &after, sizeof(before));
		assert_string_equal(after.name, "renamed");
		assert_int_equal(after.uid, 1002);
		expect_content(f, id, "hello", 5);
		assert_int_equal(volume_add(f->volume, &eve, "n", 1, &value, fresh_error(f)), 0);
		assert_int_equal(value, 42);
		assert_true(allocate(f, &alice, "gone", 10, 0600) > id);
	}
}

/* Blocks of a program that uses the allocator alone. */

static int image_read(void *context, u32 offset, void *buffer, u32 size)
{
	memcpy(buffer, (uint8_t *)context + offset, size);
	return 0;
}

static int image_write(void *context, u32 offset, const void *buffer, u32 size)
{
	memcpy((uint8_t *)context + offset, buffer, size);
	return 0;
}

static void allocate_foreign(struct fixture *f, u32 size)
{
	struct smm smm = { .read = image_read,
			   .write = image_write,
			   .context = f->fake.bytes,
			   .size = CHIP_SIZE };
	u32 offset;

	assert_int_equal(smm_mount(&smm), SMM_OK);
	assert_int_equal(smm_alloc(&smm, size, &offset), SMM_OK);
}

static void test_foreign_blocks_are_uid_0s_to_see(void **state)
{
	struct fixture *f = *state;
	struct smm_block *blocks;
	struct check_result result;
	size_t n;

	fixture_open(f);
	allocate(f, &alice, "a", 10, 0666);
	allocate_foreign(f, 40);
	allocate_foreign(f, 80);
	fixture_open(f);
	assert_int_equal(volume_list(f->volume, &alice, &blocks, &n, fresh_error(f)), 0);
	assert_int_equal(n, 1);
	free(blocks);
	assert_int_equal(volume_list(f->volume, &root, &blocks, &n, fresh_error(f)), 0);
	assert_int_equal(n, 3);
	assert_int_equal(blocks[0].kind, SMM_KIND_FOREIGN);
	assert_int_equal(blocks[0].id, 0);
	assert_int_equal(blocks[0].length, 40);
	assert_int_equal(blocks[1].length, 80);
	assert_int_equal(blocks[2].id, 1);
	free(blocks);
	expect_error(f, volume_free(f->volume, &root, 0, fresh_error(f)), ERROR_NO_SUCH_BLOCK,
		     NULL);
	assert_int_equal(check(f, &eve, false, &result), 0);
	assert_int_equal(result.blocks, 1);
	assert_int_equal(result.foreign, 2);
	assert_int_equal(result.damaged, 0);
	expect_error(f, volume_format(f->volume, &root, 0, false, fresh_error(f)),
		     SD_BUS_ERROR_INVALID_ARGS, NULL);
}

/* Damage */

static void test_read_only_chip(void **state)
{
	struct fixture *f = *state;
	struct volume_status status;
	int64_t value;
	uint8_t before[CHIP_SIZE];

	begin_change(f);
	memcpy(before, f->fake.bytes, CHIP_SIZE);
	f->fake.chip.read_only = true;
	f->fake.chip.why_read_only = "its file cannot be written";
	fixture_open(f);
	volume_status(f->volume, &status);
	assert_string_equal(status.state, "read-only");
	assert_true(status.write_protected);
	expect_content(f, 1, "0123456789", 10);
	for (int which = 0; which < N_CHANGES; which++)
		expect_error(f, change(f, which), ERROR_WRITE_PROTECTED,
			     "memory fram0 is read-only: its file cannot be written");
	expect_error(f, volume_add(f->volume, &alice, "n", 0, &value, fresh_error(f)),
		     ERROR_WRITE_PROTECTED, NULL);
	expect_error(f, volume_format(f->volume, &root, 0, true, fresh_error(f)),
		     ERROR_WRITE_PROTECTED, NULL);
	assert_memory_equal(f->fake.bytes, before, CHIP_SIZE);
}

#define MAP 8u /* the superblock is before it */

static void test_corrupt_map_can_be_read(void **state)
{
	struct fixture *f = *state;
	struct check_result result;

	begin_change(f);
	/* Two flipped bits in the last line of the map, which has no block in it. */
	f->fake.bytes[MAP + 16 * 15] ^= 1;
	f->fake.bytes[MAP + 16 * 15 + 3] ^= 1;
	fixture_open(f);
	assert_string_equal(state_of(f), "corrupt");
	expect_content(f, 1, "0123456789", 10);
	for (int which = 0; which < N_CHANGES; which++)
		expect_error(
			f, change(f, which), ERROR_CORRUPT,
			"memory fram0 is corrupt: its map is beyond correction; what is intact can "
			"be read, and nothing changed");
	assert_int_equal(check(f, &eve, false, &result), 0);
	assert_int_equal(result.uncorrectable, 1);
	assert_int_equal(check(f, &root, true, &result), 0);
	assert_int_equal(result.uncorrectable, 1);
	assert_int_equal(statistic(f, "UncorrectableLines"), 1);
	expect_error(f, volume_format(f->volume, &root, 0, false, fresh_error(f)),
		     SD_BUS_ERROR_INVALID_ARGS, NULL);
	assert_int_equal(volume_format(f->volume, &root, 0, true, fresh_error(f)), 0);
	assert_string_equal(state_of(f), "online");
}

static void test_check_finds_and_repair_mends_a_flipped_bit(void **state)
{
	struct fixture *f = *state;
	struct check_result result;
	uint8_t before[CHIP_SIZE];

	begin_change(f);
	memcpy(before, f->fake.bytes, CHIP_SIZE);
	assert_int_equal(check(f, &eve, false, &result), 0);
	assert_int_equal(result.blocks, 1);
	assert_int_equal(result.corrected + result.damaged + result.uncorrectable, 0);

	f->fake.bytes[MAP + 20] ^= 8;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(check(f, &eve, false, &result), 0);
		assert_int_equal(result.corrected, 1);
		assert_int_equal(f->fake.bytes[MAP + 20], before[MAP + 20] ^ 8);
		assert_int_equal(statistic(f, "CorrectedBits"), 0);
	}
	expect_error(f, check(f, &eve, true, &result), SD_BUS_ERROR_ACCESS_DENIED,
		     "memory fram0 may be repaired by administrators only; uid 1002 is none");
	assert_int_equal(check(f, &root, true, &result), 0);
	assert_int_equal(result.corrected, 1);
	assert_int_equal(result.blocks, 1);
	assert_int_equal(statistic(f, "CorrectedBits"), 1);
	assert_memory_equal(f->fake.bytes, before, CHIP_SIZE);
	assert_int_equal(check(f, &root, true, &result), 0);
	assert_int_equal(result.corrected, 0);
}

/* Without an image in RAM, one block is looked at in each step. */
static void test_check_without_an_image_comes_to_its_end(void **state)
{
	struct fixture *f = *state;
	struct check_result result;

	f->config.mirror = false;
	begin_change(f);
	allocate(f, &alice, "b", 100, 0600);
	f->fake.bytes[block_of(f, 2).offset + 40] ^= 1;
	assert_int_equal(check(f, &eve, false, &result), 0);
	assert_int_equal(result.blocks, 2);
	assert_int_equal(result.damaged, 1);
}

static void test_damaged_content_is_not_handed_out(void **state)
{
	struct fixture *f = *state;
	struct check_result result;
	uint8_t *content;
	void *data;
	size_t n;

	begin_change(f);
	content = memmem(f->fake.bytes, CHIP_SIZE, "0123456789", 10);
	assert_non_null(content);
	content[4] ^= 1;
	assert_int_equal(check(f, &eve, false, &result), 0);
	assert_int_equal(result.damaged, 1);
	expect_error(f, volume_read(f->volume, &alice, 1, 0, UINT32_MAX, &data, &n, fresh_error(f)),
		     ERROR_CHECKSUM_MISMATCH, "the content of block 1 does not match its checksum");
	expect_error(f, volume_load(f->volume, &alice, "a", &data, &n, fresh_error(f)),
		     ERROR_CHECKSUM_MISMATCH, NULL);
	/* A part is not checked, and a new content is sound. */
	assert_int_equal(volume_read(f->volume, &alice, 1, 0, 4, &data, &n, fresh_error(f)), 0);
	free(data);
	assert_int_equal(change(f, 1), 0);
	assert_int_equal(check(f, &eve, false, &result), 0);
	assert_int_equal(result.damaged, 0);
}

/* A header that is gone while the daemon runs is damage; after a restart, it is a block of somebody
 * else's. */
static void test_damaged_header(void **state)
{
	struct fixture *f = *state;
	struct check_result result;

	begin_change(f);
	f->fake.bytes[block_of(f, 1).offset + 9] ^= 1;
	assert_int_equal(check(f, &eve, false, &result), 0);
	assert_int_equal(result.damaged, 1);
	fixture_open(f);
	assert_int_equal(check(f, &eve, false, &result), 0);
	assert_int_equal(result.blocks, 0);
	assert_int_equal(result.foreign, 1);
}

/* Format */

static void test_format_is_for_uid_0(void **state)
{
	struct fixture *f = *state;

	begin_change(f);
	expect_error(f, volume_format(f->volume, &alice, 0, true, fresh_error(f)),
		     SD_BUS_ERROR_ACCESS_DENIED,
		     "memory fram0 may be formatted by administrators only; uid 1000 is none");
	expect_error(
		f, volume_format(f->volume, &root, 0, false, fresh_error(f)),
		SD_BUS_ERROR_INVALID_ARGS,
		"memory fram0 is online and holds 1 blocks; without force it is not formatted");
	expect_error(f, volume_format(f->volume, &root, 12, true, fresh_error(f)),
		     SD_BUS_ERROR_INVALID_ARGS,
		     "a granule of 12 bytes is not a power of two from 4 that leaves room in the "
		     "4096 bytes of memory fram0");
	expect_error(f, volume_format(f->volume, &root, 4096, true, fresh_error(f)),
		     SD_BUS_ERROR_INVALID_ARGS, NULL);
	expect_content(f, 1, "0123456789", 10);
}

static void test_format_forgets_everything(void **state)
{
	struct fixture *f = *state;
	struct volume_status status;
	struct smm_block *blocks;
	size_t n;

	begin_change(f);
	assert_int_equal(volume_format(f->volume, &root, 64, true, fresh_error(f)), 0);
	volume_status(f->volume, &status);
	assert_int_equal(status.granule, 64);
	assert_int_equal(status.blocks, 0);
	assert_int_equal(volume_list(f->volume, &root, &blocks, &n, fresh_error(f)), 0);
	assert_int_equal(n, 0);
	free(blocks);
	assert_int_equal(block_of(f, allocate(f, &alice, "a", 31, 0600)).room, 64);
	fixture_open(f);
	assert_string_equal(state_of(f), "online");
	assert_int_equal(volume_free(f->volume, &root, 1, fresh_error(f)), 0);
	/* An empty memory loses nothing. */
	assert_int_equal(volume_format(f->volume, &root, 0, false, fresh_error(f)), 0);
	volume_status(f->volume, &status);
	assert_int_equal(status.granule, 4);
}

static void test_chips_have_identities(void **state)
{
	struct fixture *f = *state;
	uint8_t before[CHIP_SIZE];

	fixture_open(f);
	memcpy(before, f->fake.bytes, CHIP_SIZE);
	assert_non_null(memmem(before, CHIP_SIZE, "fram0", 5));
	assert_int_equal(volume_format(f->volume, &root, 0, false, fresh_error(f)), 0);
	assert_memory_not_equal(f->fake.bytes, before, CHIP_SIZE);
}

/* Wire */

static void test_known_bytes_are_not_read_again(void **state)
{
	struct fixture *f = *state;

	begin_change(f);
	fixture_open(f);
	expect_content(f, 1, "0123456789", 10);
	fake_chip_watch(&f->fake);
	expect_content(f, 1, "0123456789", 10);
	allocate(f, &alice, "b", 10, 0600);
	assert_int_equal(change(f, 0), 0);
	assert_int_equal(f->fake.chip.counters.reads, 0);
	assert_true(statistic(f, "CacheHits") > 0);
	assert_int_equal(statistic(f, "ReadTransactions"), 0);
	assert_int_equal(statistic(f, "WriteTransactions"), f->fake.chip.counters.writes);
	assert_int_equal(statistic(f, "BytesWritten"), f->fake.chip.counters.bytes_written);
}

static void test_list_and_status_touch_no_wire(void **state)
{
	struct fixture *f = *state;
	struct volume_status status;
	struct smm_block *blocks;
	uint32_t id;
	size_t n;

	f->config.mirror = false;
	begin_change(f);
	fake_chip_watch(&f->fake);
	volume_status(f->volume, &status);
	assert_int_equal(volume_list(f->volume, &alice, &blocks, &n, fresh_error(f)), 0);
	free(blocks);
	assert_int_equal(volume_find(f->volume, &alice, "a", &id, fresh_error(f)), 0);
	block_of(f, id);
	assert_int_equal(f->fake.n_transfers, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(test_blank_chip_is_formatted),
		FIXTURE_TEST(test_blank_chip_is_left_alone_if_so_configured),
		FIXTURE_TEST(test_foreign_chip_is_left_alone),
		FIXTURE_TEST(test_chip_of_another_size_is_foreign),
		FIXTURE_TEST(test_interrupted_format_is_repeated),
		FIXTURE_TEST(test_everything_is_there_after_a_restart),
		FIXTURE_TEST(test_foreign_blocks_are_uid_0s_to_see),
		FIXTURE_TEST(test_read_only_chip),
		FIXTURE_TEST(test_corrupt_map_can_be_read),
		FIXTURE_TEST(test_check_finds_and_repair_mends_a_flipped_bit),
		FIXTURE_TEST(test_check_without_an_image_comes_to_its_end),
		FIXTURE_TEST(test_damaged_content_is_not_handed_out),
		FIXTURE_TEST(test_damaged_header),
		FIXTURE_TEST(test_format_is_for_uid_0),
		FIXTURE_TEST(test_format_forgets_everything),
		FIXTURE_TEST(test_chips_have_identities),
		FIXTURE_TEST(test_known_bytes_are_not_read_again),
		FIXTURE_TEST(test_list_and_status_touch_no_wire),
	};

	return cmocka_run_group_tests_name("volume-chip", tests, NULL, NULL);
}
