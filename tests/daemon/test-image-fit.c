/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Images on chips of other sizes: every block arrives as it was, or nothing does.
 */
#include "image-fixture.h"

/* The content for another chip, as a chip. */
struct fitted {
	struct ram_store ram;
	struct smm_block *blocks; /* in the order of addresses */
	uint32_t n_blocks;
};

static struct smm_block *list(struct ram_store *ram, uint32_t *n)
{
	struct smm_block *blocks, b = { 0 };
	struct smm_stats stats;

	assert_int_equal(smm_measure(&ram->store.smm, &stats), SMM_OK);
	blocks = calloc(stats.blocks, sizeof(*blocks));
	assert_non_null(blocks);
	for (*n = 0;; blocks[(*n)++] = b) {
		assert_int_equal(smm_store_next(&ram->store, b.offset, &b), SMM_OK);
		if (!b.offset)
			return blocks;
	}
}

static void fitted_destroy(struct fitted *to)
{
	ram_store_destroy(&to->ram);
	free(to->blocks);
}

#define _cleanup_fitted_ _cleanup_(fitted_destroy)

static int by_id(const void *a, const void *b)
{
	const struct smm_block *first = a, *second = b;

	return first->id < second->id ? -1 : first->id > second->id;
}

static int fit(struct fixture *f, uint32_t size, struct fitted *to)
{
	void *content = NULL;
	int r = image_fit(&f->image, size, &content, fresh_error(f));

	*to = (struct fitted){ 0 };
	if (r < 0) {
		assert_null(content);
		return r;
	}
	assert_int_equal(ram_store_init(&to->ram, content, size), 0);
	free(content);
	assert_int_equal(smm_store_mount(&to->ram.store), SMM_OK);
	assert_int_equal(smm_verify(&to->ram.store.smm), SMM_OK);
	to->blocks = list(&to->ram, &to->n_blocks);
	return 0;
}

static void expect_equal(struct ram_store *from, const struct smm_block *a, struct ram_store *to,
			 const struct smm_block *b)
{
	uint8_t *first = malloc(a->length + 1), *second = malloc(b->length + 1);

	assert_true(first && second);
	assert_int_equal(a->id, b->id);
	assert_int_equal(a->generation, b->generation);
	assert_int_equal(a->length, b->length);
	assert_int_equal(a->uid, b->uid);
	assert_int_equal(a->gid, b->gid);
	assert_int_equal(a->mode, b->mode);
	assert_int_equal(a->kind, b->kind);
	assert_string_equal(a->name, b->name);
	assert_int_equal(smm_store_read(&from->store, a, 0, first, a->length), SMM_OK);
	assert_int_equal(smm_store_read(&to->store, b, 0, second, b->length), SMM_OK);
	assert_memory_equal(first, second, a->length);
	assert_true(b->checksummed);
	assert_int_equal(smm_store_verify(&to->store, b), SMM_OK);
	free(first);
	free(second);
}

/* All that is on the chip arrived, and nothing else; in the order of ids. */
static void expect_all(struct fixture *f, struct fitted *to)
{
	uint32_t n;
	_cleanup_free_ struct smm_block *blocks = list(&f->ram, &n);

	assert_int_equal(to->n_blocks, n);
	assert_memory_equal(to->ram.store.identity, identity, sizeof(identity));
	assert_string_equal(to->ram.store.label, "demo");
	qsort(blocks, n, sizeof(*blocks), by_id);
	for (uint32_t i = 0; i < n; i++)
		expect_equal(&f->ram, &blocks[i], &to->ram, &to->blocks[i]);
}

/* The next block gets an id that none of the old chip ever had. */
static void expect_new_ids(struct fixture *f, struct fitted *to)
{
	struct smm_block b = { .kind = SMM_KIND_DATA };

	assert_true(to->ram.store.next_id >= f->ram.store.next_id);
	assert_int_equal(smm_store_create(&to->ram.store, &b, NULL, 0), SMM_OK);
	assert_true(b.id >= f->ram.store.next_id);
}

/* The same size */

static void test_same_size_is_a_copy(void **state)
{
	struct fixture *f = *state;
	void *content = NULL;
	struct smm_block b;
	uint32_t offset;

	make_store(f, 4096, 8);
	live(f, 10, 100);
	b = make_block(f, "gain", 4);
	f->ram.bytes[b.offset + 28 + 4] ^= 1;                                 /* damaged */
	assert_int_equal(smm_alloc(&f->ram.store.smm, 100, &offset), SMM_OK); /* somebody else's */
	f->ram.bytes[8] ^= 1; /* what a mount corrects */
	pack_and_unpack(f);
	assert_int_equal(image_fit(&f->image, 4096, &content, fresh_error(f)), 0);
	assert_memory_equal(content, f->ram.bytes, 4096);
	free(content);
}

/* Other sizes */

static void test_bigger_chips(void **state)
{
	static const uint32_t sizes[] = { 8192 + 4, 10000, 32768, 131072, SMM_SIZE_MAX };
	struct fixture *f = *state;

	for (size_t i = 0; i < 5 * ARRAY_SIZE(sizes) * dice_rounds(); i++) {
		_cleanup_fitted_ struct fitted to = { 0 };

		make_store(f, 8192, 4u << dice_below(&f->dice, 4));
		live(f, 40, 60);
		pack_and_unpack(f);
		assert_int_equal(fit(f, sizes[i % ARRAY_SIZE(sizes)], &to), 0);
		assert_int_equal(to.ram.store.smm.granule, f->ram.store.smm.granule);
		expect_all(f, &to);
		expect_new_ids(f, &to);
	}
}

static void test_smaller_chips(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < 25 * dice_rounds(); i++) {
		_cleanup_fitted_ struct fitted to = { 0 };

		make_store(f, 131072, 4u << dice_below(&f->dice, 4));
		live(f, 40, 60);
		pack_and_unpack(f);
		assert_int_equal(fit(f, 8192, &to), 0);
		expect_all(f, &to);
		expect_new_ids(f, &to);
	}
}

static void test_many_blocks(void **state)
{
	_cleanup_fitted_ struct fitted to = { 0 }, back = { 0 }, none;
	struct fixture *f = *state;

	make_store(f, SMM_SIZE_MAX, 4);
	live(f, 10000, 32);
	pack_and_unpack(f);
	assert_int_equal(fit(f, SMM_SIZE_MAX / 2, &to), 0);
	expect_all(f, &to);
	expect_error(f, fit(f, 65536, &none), ERROR_NO_SPACE, NULL);
	assert_int_equal(fit(f, SMM_SIZE_MAX - 4, &back), 0);
	expect_all(f, &back);
}

static uint32_t round_up(uint32_t bytes, uint32_t granule)
{
	return (bytes + granule - 1) / granule * granule;
}

/* What a chip with this granule has for blocks, beside the store's own. */
static uint32_t room(uint32_t size, uint32_t granule)
{
	uint32_t log = size / 64 & ~3u, own;

	log = log < 128 ? 128 : log > 1024 ? 1024 : log;
	own = round_up(100 + log, granule);
	return smm_data_bytes(size, granule) < own ? 0 : smm_data_bytes(size, granule) - own;
}

/* The granule that @n blocks of so many bytes are to have, from another chip with @from; or 0. */
static uint32_t expected_granule(uint32_t size, uint32_t from, uint32_t n, uint32_t bytes)
{
	uint32_t granule;

	if (n * round_up(bytes, from) <= room(size, from))
		return from;
	for (granule = 4; granule <= SMM_GRANULE_MAX; granule *= 2)
		if (n * round_up(bytes, granule) <= room(size, granule))
			return granule;
	return 0;
}

static void expect_no_space(struct fixture *f, int r, uint32_t size)
{
	char sentence[200];

	if (size < 16 || size % 4) {
		snprintf(sentence, sizeof(sentence), "no memory has %u bytes", size);
		expect_error(f, r, SD_BUS_ERROR_INVALID_ARGS, sentence);
		return;
	}
	assert_true(room(size, 4) < 280);
	snprintf(sentence, sizeof(sentence),
		 "the blocks of the image take 280 bytes, headers included, and a chip of %u bytes "
		 "has %u for them",
		 size, room(size, 4));
	expect_error(f, r, ERROR_NO_SPACE, sentence);
}

static void test_as_small_as_can_be(void **state)
{
	struct fixture *f = *state;
	uint32_t fits = 0;

	make_store(f, 4096, 4);
	for (int i = 0; i < 5; i++)
		make_block(f, "gain", 20); /* 56 bytes */
	pack_and_unpack(f);
	for (uint32_t size = 0; size < 1000; size++) {
		_cleanup_fitted_ struct fitted to = { 0 };
		uint32_t granule = expected_granule(size, 4, 5, 56);
		int r = fit(f, size, &to);

		if (!granule) {
			expect_no_space(f, r, size);
			continue;
		}
		fits++;
		assert_int_equal(r, 0);
		assert_int_equal(to.ram.store.smm.granule, granule);
		expect_all(f, &to);
	}
	assert_in_range(fits, 100, 120);
}

static void test_granule(void **state)
{
	struct fixture *f = *state;
	uint32_t as_before = 0;

	make_store(f, 32768, 256);
	for (int i = 0; i < 50; i++)
		make_block(f, "gain", 28); /* 64 bytes, or 256 with this granule */
	pack_and_unpack(f);
	for (uint32_t size = 3600; size < 16384; size += 52) {
		_cleanup_fitted_ struct fitted to = { 0 };

		assert_int_equal(fit(f, size, &to), 0);
		assert_int_equal(to.ram.store.smm.granule, expected_granule(size, 256, 50, 64));
		expect_all(f, &to);
		as_before += to.ram.store.smm.granule == 256;
	}
	assert_in_range(as_before, 40, 80);
}

/* A granule of 4 needs a map of a 16th of the chip; where that is too much, it is a larger one. */
static void test_granule_that_has_to_be_larger(void **state)
{
	_cleanup_fitted_ struct fitted to = { 0 };
	struct fixture *f = *state;

	make_store(f, 16384, 4);
	make_block(f, "gain", 7680 - 36);
	pack_and_unpack(f);
	assert_int_equal(fit(f, 8192, &to), 0);
	assert_int_equal(to.ram.store.smm.granule, 8);
	expect_all(f, &to);
}

/* Ids */

static void test_id_of_a_freed_block_is_not_given_again(void **state)
{
	struct fixture *f = *state;
	struct smm_block b = { 0 };

	make_store(f, 16384, 4);
	for (int i = 0; i < 200; i++) {
		_cleanup_fitted_ struct fitted to = { 0 };

		b = make_block(f, "gain", 4);
		assert_int_equal(smm_store_free(&f->ram.store, &b), SMM_OK);
		if (i % 10)
			continue;
		pack_and_unpack(f);
		assert_int_equal(fit(f, i % 20 ? 512 : 32768, &to), 0);
		assert_int_equal(to.n_blocks, 0);
		assert_int_equal(smm_store_create(&to.ram.store, &b, NULL, 0), SMM_OK);
		assert_true(b.id > (uint32_t)i + 1);
	}
}

/* A chip that has no room for any block has none for what says which ids were given. */
static void test_ids_on_the_smallest_chips(void **state)
{
	struct fixture *f = *state;
	struct smm_block b;
	uint32_t fits = 0;

	make_store(f, 512, 4);
	b = make_block(f, "gain", 4);
	assert_int_equal(smm_store_free(&f->ram.store, &b), SMM_OK);
	pack_and_unpack(f);
	for (uint32_t size = 200; size < 400; size += 4) {
		_cleanup_fitted_ struct fitted to = { 0 };
		int r = fit(f, size, &to);

		if (!expected_granule(size, 4, 1, 32)) {
			expect_error(f, r, ERROR_NO_SPACE, NULL);
			continue;
		}
		fits++;
		assert_int_equal(r, 0);
		expect_new_ids(f, &to);
	}
	assert_in_range(fits, 20, 40);
}

static void test_ids_of_an_empty_store_begin_at_1(void **state)
{
	_cleanup_fitted_ struct fitted to = { 0 };
	struct smm_block b = { .kind = SMM_KIND_DATA };
	struct fixture *f = *state;

	make_store(f, 512, 4);
	pack_and_unpack(f);
	assert_int_equal(fit(f, 1024, &to), 0);
	assert_int_equal(smm_store_create(&to.ram.store, &b, NULL, 0), SMM_OK);
	assert_int_equal(b.id, 1);
}

/* What cannot be taken over */

static void test_allocations_of_others(void **state)
{
	struct fixture *f = *state;
	struct fitted to;
	uint32_t offset;

	make_store(f, 4096, 4);
	make_block(f, "gain", 4);
	assert_int_equal(smm_alloc(&f->ram.store.smm, 100, &offset), SMM_OK);
	pack_and_unpack(f);
	expect_error(f, fit(f, 8192, &to), SD_BUS_ERROR_INVALID_ARGS,
		     "the image has allocations that are no blocks (1): those of firmware, which "
		     "knows their addresses, or damaged ones; so it fits a chip of 4096 bytes "
		     "only");
}

static void test_damaged_block(void **state)
{
	struct fixture *f = *state;
	struct smm_block b;
	struct fitted to;

	make_store(f, 4096, 4);
	make_block(f, "first", 4);
	b = make_block(f, "gain", 4);
	make_block(f, "last", 4);
	f->ram.bytes[b.offset + 28 + 4] ^= 1;
	pack_and_unpack(f);
	expect_error(f, fit(f, 8192, &to), ERROR_CHECKSUM_MISMATCH,
		     "block 2 of the image does not match its checksum; it was damaged already "
		     "when the image was made, and can be restored only as it is, to a chip of "
		     "the same size");
}

/* Change a field of the header of @b, as a stranger can. */
static void forge(struct fixture *f, const struct smm_block *b, uint32_t field, uint32_t value)
{
	uint8_t *header = f->ram.bytes + b->offset;

	put32(header + field, value);
	put32(header, smm_crc32c(0, header + 4, 24 + header[5]));
}

static void expect_unlike_smm(struct fixture *f)
{
	struct fitted to;

	pack_and_unpack(f);
	expect_error(f, fit(f, 8192, &to), ERROR_CORRUPT,
		     "what the image holds can be restored only as it is, to a chip of the same "
		     "size: smm did not make it");
}

static void test_what_smm_does_not_make(void **state)
{
	static const struct {
		uint32_t field, value;
	} cases[] = { { 8, 1 }, { 8, 0 }, { 8, UINT32_MAX }, { 12, 0 } };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct smm_block b;

		make_store(f, 4096, 4);
		make_block(f, "first", 4);
		b = make_block(f, "gain", 4);
		forge(f, &b, cases[i].field, cases[i].value);
		expect_unlike_smm(f);
	}
	make_store(f, 512, 4);
	f->ram.bytes[0x60] = '/'; /* in the label */
	put32(f->ram.bytes + 0x44, smm_crc32c(0, f->ram.bytes + 0x48, 56));
	expect_unlike_smm(f);
}

/* Ids up to the last one there is. */
static void test_ids_at_the_end(void **state)
{
	static const uint32_t ids[] = { UINT32_MAX - 1, UINT32_MAX - 2, UINT32_MAX - 100 };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		_cleanup_fitted_ struct fitted to = { 0 };
		struct smm_block b;

		make_store(f, 4096, 4);
		b = make_block(f, "gain", 4);
		forge(f, &b, 8, ids[i]);
		pack_and_unpack(f);
		assert_int_equal(fit(f, 8192, &to), 0);
		assert_int_equal(to.blocks[0].id, ids[i]);
		assert_true(to.ram.store.next_id > ids[i]);
	}
}

/* Content with some bits flipped, whose image has right checksums: refused, or (true) taken over
 * whole. */
static bool fit_a_mutant(struct fixture *f, const uint8_t *content)
{
	_cleanup_fitted_ struct fitted to = { 0 };
	uint32_t size = f->ram.store.smm.size, other = 4 * (4 + dice_below(&f->dice, 1024));

	memcpy(f->ram.bytes, content, size);
	for (uint32_t i = dice_below(&f->dice, 4); i < 4; i++)
		f->ram.bytes[dice_below(&f->dice, size)] ^= (uint8_t)(1 << dice_below(&f->dice, 8));
	pack(f);
	if (unpack(f) < 0) {
		assert_non_null(f->error.message);
		return false;
	}
	if (fit(f, other == size ? other + 4 : other, &to) < 0) {
		assert_non_null(f->error.message);
		return false;
	}
	assert_int_equal(smm_store_mount(&f->ram.store), SMM_OK);
	expect_all(f, &to);
	return true;
}

static void test_mutants_do_no_harm(void **state)
{
	struct fixture *f = *state;
	uint64_t rounds = 5000 * dice_rounds(), taken = 0;
	uint8_t *content;

	make_store(f, 2048, 4);
	live(f, 10, 60);
	content = malloc(2048);
	assert_non_null(content);
	memcpy(content, f->ram.bytes, 2048);
	for (uint64_t i = 0; i < rounds; i++)
		taken += fit_a_mutant(f, content);
	assert_in_range(taken, rounds / 10, rounds - rounds / 10);
	free(content);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_same_size_is_a_copy),
		TEST(test_bigger_chips),
		TEST(test_smaller_chips),
		TEST(test_many_blocks),
		TEST(test_as_small_as_can_be),
		TEST(test_granule),
		TEST(test_granule_that_has_to_be_larger),
		TEST(test_id_of_a_freed_block_is_not_given_again),
		TEST(test_ids_on_the_smallest_chips),
		TEST(test_ids_of_an_empty_store_begin_at_1),
		TEST(test_allocations_of_others),
		TEST(test_damaged_block),
		TEST(test_what_smm_does_not_make),
		TEST(test_ids_at_the_end),
		TEST(test_mutants_do_no_harm),
	};

	return cmocka_run_group_tests_name("image-fit", tests, NULL, NULL);
}
