/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who may do what with whose blocks, and how many one may have.
 */
#include "volume-fixture.h"

static const struct allocate_options no_options;

enum call {
	READ,
	LOAD,
	WRITE,
	WRITE_IN_PLACE,
	STORE,
	ADD_NOTHING,
	ADD,
	RESIZE,
	RENAME,
	SET_MODE,
	SET_OWNER,
	FREE,
	N_CALLS
};

/* Call it for the block @id of alice's, a counter called "x", such that it would change nothing
 * that matters. */
static int call(struct fixture *f, enum call which, const struct caller *caller, uint32_t id)
{
	static const uint8_t zeros[8];
	struct smm_block b = block_of(f, id);
	sd_bus_error *error = fresh_error(f);
	void *data = NULL;
	uint32_t other;
	int64_t value;
	size_t size;
	int r = -1;

	switch (which) {
	case READ:
		r = volume_read(f->volume, caller, id, 0, 4, &data, &size, error);
		break;
	case LOAD:
		r = volume_load(f->volume, caller, "x", &data, &size, error);
		break;
	case WRITE:
		r = volume_write(f->volume, caller, id, 0, zeros, 8, error);
		break;
	case WRITE_IN_PLACE:
		r = write_in_place(f, caller, id, 0, zeros, 8);
		break;
	case STORE:
		r = volume_store(f->volume, caller, "x", zeros, 8, &other, error);
		break;
	case ADD_NOTHING:
		r = volume_add(f->volume, caller, "x", 0, &value, error);
		break;
	case ADD:
		r = volume_add(f->volume, caller, "x", 1, &value, error);
		break;
	case RESIZE: /* a counter cannot be */
		r = volume_resize(f->volume, caller, id, 8, error);
		if (r < 0 && sd_bus_error_has_name(error, SD_BUS_ERROR_INVALID_ARGS))
			r = 0;
		break;
	case RENAME:
		r = volume_rename(f->volume, caller, id, "x", error);
		break;
	case SET_MODE:
		r = volume_set_mode(f->volume, caller, id, b.mode, error);
		break;
	case SET_OWNER:
		r = volume_set_owner(f->volume, caller, id, b.uid, b.gid, error);
		break;
	case FREE:
		r = volume_free(f->volume, caller, id, error);
		break;
	case N_CALLS:
		break;
	}
	free(data);
	return r;
}

/* What the call should answer, written down apart from the code: NULL is success. */
static const char *expected_answer(enum call which, const struct caller *caller, unsigned int bits)
{
	bool owner = caller == &alice,
	     by_name = which == STORE || which == ADD || which == ADD_NOTHING;

	if (caller == &root)
		return NULL;
	if (!owner && !(bits & 4))
		return by_name ? ERROR_NAME_TAKEN : ERROR_NO_SUCH_BLOCK;
	switch (which) {
	case READ:
	case LOAD:
	case ADD_NOTHING:
		return bits & 4 ? NULL : SD_BUS_ERROR_ACCESS_DENIED;
	case WRITE:
	case WRITE_IN_PLACE:
	case STORE:
	case ADD:
		return bits & 2 ? NULL : SD_BUS_ERROR_ACCESS_DENIED;
	case SET_OWNER:
		return SD_BUS_ERROR_ACCESS_DENIED;
	default:
		return owner ? NULL : SD_BUS_ERROR_ACCESS_DENIED;
	}
}

/* A counter "x" of alice's and the group 50, with that mode. */
static uint32_t make_subject(struct fixture *f, uint32_t mode)
{
	int64_t value;
	uint32_t id;

	assert_int_equal(volume_add(f->volume, &alice, "x", 0, &value, fresh_error(f)), 0);
	assert_int_equal(volume_find(f->volume, &alice, "x", &id, fresh_error(f)), 0);
	assert_int_equal(volume_set_owner(f->volume, &root, id, alice.uid, 50, fresh_error(f)), 0);
	assert_int_equal(volume_set_mode(f->volume, &alice, id, mode, fresh_error(f)), 0);
	return id;
}

/* Every call, by everybody, with each of the eight values of each class; the other classes have the
 * opposite. */
static void test_matrix_of_rights(void **state)
{
	static const struct {
		const struct caller *caller;
		unsigned int shift;
	} people[] = { { &root, 0 }, { &alice, 6 }, { &bob, 3 }, { &eve, 0 } };
	struct fixture *f = *state;

	fixture_open(f);
	for (size_t p = 0; p < ARRAY_SIZE(people); p++) {
		for (unsigned int bits = 0; bits < 8; bits++) {
			uint32_t others = (7 - bits) * 0111u & ~(7u << people[p].shift);
			uint32_t mode = others | bits << people[p].shift;

			for (enum call which = 0; which < N_CALLS; which++) {
				const char *expected =
					expected_answer(which, people[p].caller, bits);
				uint32_t id = make_subject(f, mode);
				int r = call(f, which, people[p].caller, id);

				if (expected)
					expect_error(f, r, expected, NULL);
				else
					assert_int_equal(r, 0);
				if (which != FREE || expected)
					assert_int_equal(
						volume_free(f->volume, &root, id, fresh_error(f)),
						0);
			}
		}
	}
}

static void test_denial_says_why(void **state)
{
	struct fixture *f = *state;
	uint32_t id;

	fixture_open(f);
	id = allocate(f, &alice, "a", 10, 0644);
	expect_error(f, volume_write(f->volume, &eve, id, 0, "x", 1, fresh_error(f)),
		     SD_BUS_ERROR_ACCESS_DENIED,
		     "block 1 belongs to uid 1000 and gid 1000 and has mode 0644; uid 1002 may not "
		     "write it");
	expect_error(f, volume_set_owner(f->volume, &alice, id, 1001, 1001, fresh_error(f)),
		     SD_BUS_ERROR_ACCESS_DENIED,
		     "block 1 belongs to uid 1000 and gid 1000 and has mode 0644; uid 1000 may not "
		     "change the owner of it");
}

/* By nothing can one tell what one may not read, and here even write, from what is not there. */
static void test_invisible_is_as_if_missing(void **state)
{
	static const char sentence[] = "memory fram0 has no block 1 that uid 1002 may read";
	struct fixture *f = *state;
	struct smm_block block;
	uint32_t id;

	fixture_open(f);
	id = make_subject(f, 0622);
	assert_int_equal(id, 1);
	expect_error(f, call(f, READ, &eve, id), ERROR_NO_SUCH_BLOCK, sentence);
	expect_error(f, call(f, WRITE, &eve, id), ERROR_NO_SUCH_BLOCK, sentence);
	expect_error(f, call(f, SET_OWNER, &eve, id), ERROR_NO_SUCH_BLOCK, sentence);
	expect_error(f, call(f, FREE, &eve, id), ERROR_NO_SUCH_BLOCK, sentence);
	expect_error(f, volume_stat(f->volume, &eve, id, &block, fresh_error(f)),
		     ERROR_NO_SUCH_BLOCK, sentence);
	expect_error(f, volume_find(f->volume, &eve, "x", &id, fresh_error(f)), ERROR_NO_SUCH_BLOCK,
		     "memory fram0 has no block named 'x' that uid 1002 may read");

	assert_int_equal(volume_free(f->volume, &alice, id, fresh_error(f)), 0);
	expect_error(f, volume_write(f->volume, &eve, id, 0, "x", 1, fresh_error(f)),
		     ERROR_NO_SUCH_BLOCK, sentence);
	expect_error(f, volume_stat(f->volume, &eve, id, &block, fresh_error(f)),
		     ERROR_NO_SUCH_BLOCK, sentence);
	expect_error(f, volume_find(f->volume, &eve, "x", &id, fresh_error(f)), ERROR_NO_SUCH_BLOCK,
		     "memory fram0 has no block named 'x' that uid 1002 may read");
}

static void test_owner_is_never_locked_out(void **state)
{
	struct fixture *f = *state;
	void *data;
	size_t size;
	uint32_t id;

	fixture_open(f);
	id = allocate(f, &alice, "a", 10, 0);
	expect_error(f, volume_read(f->volume, &alice, id, 0, 1, &data, &size, fresh_error(f)),
		     SD_BUS_ERROR_ACCESS_DENIED, NULL);
	assert_int_equal(volume_set_mode(f->volume, &alice, id, 0400, fresh_error(f)), 0);
	assert_int_equal(volume_read(f->volume, &alice, id, 0, 1, &data, &size, fresh_error(f)), 0);
	free(data);
}

static void test_list_shows_what_one_may_see(void **state)
{
	static const struct {
		const struct caller *caller;
		size_t n;
		uint32_t ids[5];
	} views[] = { { &root, 5, { 1, 2, 3, 4, 5 } },
		      { &alice, 4, { 1, 2, 3, 5 } },
		      { &bob, 4, { 2, 3, 4, 5 } },
		      { &eve, 1, { 3 } } };
	struct allocate_options shared = {
		.has_mode = true, .mode = 0640, .has_gid = true, .gid = 50
	};
	struct fixture *f = *state;
	struct smm_block *blocks;
	uint32_t id;
	size_t n;

	fixture_open(f);
	allocate(f, &alice, "mine", 1, 0622);
	assert_int_equal(
		volume_allocate(f->volume, &alice, "ours", 1, &shared, &id, fresh_error(f)), 0);
	allocate(f, &alice, "all's", 1, 0604);
	allocate(f, &bob, "", 1, 0600);
	assert_int_equal(volume_allocate(f->volume, &bob, "bob's", 1, &shared, &id, fresh_error(f)),
			 0);
	/* The third is others' to read, and bob is of the group that is not. */
	assert_int_equal(volume_set_owner(f->volume, &root, 3, 1000, 1000, fresh_error(f)), 0);
	for (size_t i = 0; i < ARRAY_SIZE(views); i++) {
		assert_int_equal(
			volume_list(f->volume, views[i].caller, &blocks, &n, fresh_error(f)), 0);
		assert_int_equal(n, views[i].n);
		for (size_t k = 0; k < n; k++)
			assert_int_equal(blocks[k].id, views[i].ids[k]);
		free(blocks);
	}
}

/* What waits for somebody is counted by it: what it may not read has no length for it. */
static void test_length_is_for_readers(void **state)
{
	struct fixture *f = *state;
	uint32_t id;

	fixture_open(f);
	id = allocate(f, &alice, "secret", 100, 0600);
	assert_int_equal(volume_length(f->volume, &alice, id, NULL, UINT32_MAX), 100);
	assert_int_equal(volume_length(f->volume, &alice, 0, "secret", 40), 40);
	assert_int_equal(volume_length(f->volume, &eve, id, NULL, UINT32_MAX), 0);
	assert_int_equal(volume_length(f->volume, &eve, 0, "secret", 40), 0);
	assert_int_equal(volume_set_mode(f->volume, &alice, id, 0200, fresh_error(f)), 0);
	assert_int_equal(volume_length(f->volume, &alice, id, NULL, 40), 0);
}

static void test_caller_without_groups(void **state)
{
	const struct caller lonely = { 1003, (gid_t)-1, 0, NULL, false };
	struct fixture *f = *state;

	fixture_open(f);
	assert_int_equal(block_of(f, allocate(f, &lonely, "", 1, 0600)).gid, (gid_t)-1);
}

static void test_nobody_is_no_owner(void **state)
{
	struct fixture *f = *state;
	uint32_t id;

	fixture_open(f);
	id = allocate(f, &alice, "", 1, 0600);
	expect_error(f, volume_set_owner(f->volume, &root, id, UINT32_MAX, 0, fresh_error(f)),
		     SD_BUS_ERROR_INVALID_ARGS, "4294967295 is neither a uid nor a gid");
	expect_error(f, volume_set_mode(f->volume, &root, id, 07777, fresh_error(f)),
		     SD_BUS_ERROR_INVALID_ARGS,
		     "7777 is no mode of a block; modes are 0000 to 0777");
}

/* Quota */

static void test_quota(void **state)
{
	struct fixture *f = *state;
	uint32_t id, named, other;
	int64_t value;

	f->config.quota = 200;
	fixture_open(f);
	id = allocate(f, &alice, "", 68, 0622); /* 100 bytes */
	expect_error(
		f, volume_allocate(f->volume, &alice, "", 69, &no_options, &other, fresh_error(f)),
		ERROR_QUOTA_EXCEEDED,
		"uid 1000 holds 100 bytes of memory fram0, headers included, and may hold 200; "
		"this takes 104 more");
	assert_int_equal(volume_store(f->volume, &alice, "abcd", "", 0, &named, fresh_error(f)), 0);
	expect_error(f,
		     volume_store(f->volume, &alice, "abcd", (char[100]){ 0 }, 65, &named,
				  fresh_error(f)),
		     ERROR_QUOTA_EXCEEDED, NULL);
	assert_int_equal(volume_store(f->volume, &alice, "abcd", (char[100]){ 0 }, 64, &named,
				      fresh_error(f)),
			 0);
	/* Now all is used. */
	expect_error(f, volume_add(f->volume, &alice, "n", 1, &value, fresh_error(f)),
		     ERROR_QUOTA_EXCEEDED, NULL);
	expect_error(f, volume_rename(f->volume, &alice, id, "abc", fresh_error(f)),
		     ERROR_QUOTA_EXCEEDED, NULL);
	expect_error(f, volume_resize(f->volume, &alice, id, 69, fresh_error(f)),
		     ERROR_QUOTA_EXCEEDED, NULL);
	/* Others have theirs; what one writes into somebody's block is his who owns it. */
	assert_int_equal(volume_set_mode(f->volume, &alice, named, 0666, fresh_error(f)), 0);
	expect_error(
		f,
		volume_store(f->volume, &eve, "abcd", (char[100]){ 0 }, 65, &other, fresh_error(f)),
		ERROR_QUOTA_EXCEEDED, NULL);
	allocate(f, &eve, "", 160, 0600);
	/* uid 0 is not bound. */
	allocate(f, &root, "", 500, 0600);
	assert_int_equal(volume_resize(f->volume, &root, id, 80, fresh_error(f)), 0);
	/* Less is always possible, and what is freed can be had again. */
	assert_int_equal(volume_resize(f->volume, &alice, id, 72, fresh_error(f)), 0);
	assert_int_equal(volume_free(f->volume, &alice, id, fresh_error(f)), 0);
	allocate(f, &alice, "", 68, 0600);
}

static void test_quota_as_a_share(void **state)
{
	struct fixture *f = *state;
	uint32_t id;

	f->config.quota_percent = 10; /* of 4,096 bytes: 409 */
	fixture_open(f);
	allocate(f, &alice, "", 376, 0600);
	expect_error(
		f, volume_allocate(f->volume, &alice, "", 0, &no_options, &id, fresh_error(f)),
		ERROR_QUOTA_EXCEEDED,
		"uid 1000 holds 408 bytes of memory fram0, headers included, and may hold 409; "
		"this takes 32 more");
	allocate(f, &bob, "", 376, 0600);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(test_matrix_of_rights),
		FIXTURE_TEST(test_denial_says_why),
		FIXTURE_TEST(test_invisible_is_as_if_missing),
		FIXTURE_TEST(test_owner_is_never_locked_out),
		FIXTURE_TEST(test_list_shows_what_one_may_see),
		FIXTURE_TEST(test_length_is_for_readers),
		FIXTURE_TEST(test_caller_without_groups),
		FIXTURE_TEST(test_nobody_is_no_owner),
		FIXTURE_TEST(test_quota),
		FIXTURE_TEST(test_quota_as_a_share),
	};

	return cmocka_run_group_tests_name("volume-rights", tests, NULL, NULL);
}
