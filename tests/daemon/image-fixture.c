/* SPDX-License-Identifier: BSD-3-Clause */
#include "image-fixture.h"

const uint8_t identity[SMM_ID_BYTES] = "0123456789abcdef";

int fixture_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	*state = f;
	if (!f)
		return -1;
	f->dice.state = dice_seed();
	return 0;
}

int fixture_teardown(void **state)
{
	struct fixture *f = *state;

	ram_store_destroy(&f->ram);
	sd_bus_error_free(&f->error);
	free(f->file);
	free(f);
	return 0;
}

sd_bus_error *fresh_error(struct fixture *f)
{
	sd_bus_error_free(&f->error);
	return &f->error;
}

void expect_error(struct fixture *f, int r, const char *name, const char *sentence)
{
	assert_true(r < 0);
	assert_non_null(f->error.name);
	assert_string_equal(f->error.name, name);
	assert_non_null(f->error.message);
	if (sentence)
		assert_string_equal(f->error.message, sentence);
}

void make_store(struct fixture *f, uint32_t size, uint32_t granule)
{
	ram_store_destroy(&f->ram);
	assert_int_equal(ram_store_init(&f->ram, NULL, size), 0);
	f->ram.store.smm.granule = granule;
	assert_int_equal(smm_store_format(&f->ram.store, identity, "demo"), SMM_OK);
}

struct smm_block make_block(struct fixture *f, const char *name, uint32_t length)
{
	struct smm_block b = { .kind = SMM_KIND_DATA, .length = length, .mode = 0600 };
	uint8_t *data = malloc(length + 1);

	assert_non_null(data);
	dice_fill(&f->dice, data, length);
	memcpy(b.name, name, strlen(name));
	assert_int_equal(smm_store_create(&f->ram.store, &b, data, 0), SMM_OK);
	free(data);
	return b;
}

/* Names are of all lengths, and not all are unique. */
static struct smm_block random_block(struct fixture *f, uint32_t longest)
{
	struct smm_block b = {
		.kind = dice_below(&f->dice, 4) ? SMM_KIND_DATA : SMM_KIND_COUNTER,
		.length = 8,
		.uid = (uint32_t)dice_next(&f->dice),
		.gid = (uint32_t)dice_next(&f->dice),
		.mode = (uint16_t)dice_below(&f->dice, 01000),
	};

	if (b.kind == SMM_KIND_DATA)
		b.length = dice_below(&f->dice, longest + 1);
	memset(b.name, 'a' + (int)dice_below(&f->dice, 26), dice_below(&f->dice, SMM_NAME_MAX + 1));
	return b;
}

static void live_on(struct fixture *f, struct smm_block *b, const uint8_t *data)
{
	struct smm_store *st = &f->ram.store;
	int r = SMM_OK;

	switch (dice_below(&f->dice, 6)) {
	case 0:
		r = smm_store_free(st, b);
		break;
	case 1:
		r = smm_store_replace(st, b, data, b->length);
		break;
	case 2:
		r = smm_store_write_in_place(st, b, 0, data, b->length);
		break;
	case 3:
		r = smm_store_write(st, b, 0, data, b->length ? 1 : 0);
		break;
	}
	assert_true(r == SMM_OK || r == SMM_NO_FREE_SPACE);
}

void live(struct fixture *f, uint32_t n, uint32_t longest)
{
	uint8_t *data = malloc(longest + 8);
	struct smm_block b;

	assert_non_null(data);
	for (; n; n--) {
		b = random_block(f, longest);
		dice_fill(&f->dice, data, b.length);
		assert_int_equal(smm_store_create(&f->ram.store, &b, data, 0), SMM_OK);
		dice_fill(&f->dice, data, b.length);
		live_on(f, &b, data);
	}
	free(data);
}

void pack(struct fixture *f)
{
	void *file = NULL;

	free(f->file);
	f->file = NULL;
	assert_int_equal(image_pack(f->ram.bytes, f->ram.store.smm.size, "MB85RC256V", 1700000000,
				    &file, &f->size),
			 0);
	f->file = file;
}

int unpack(struct fixture *f)
{
	return image_unpack(f->file, f->size, &f->image, fresh_error(f));
}

void pack_and_unpack(struct fixture *f)
{
	pack(f);
	assert_int_equal(unpack(f), 0);
}

uint32_t get32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

void put32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

void seal(uint8_t *file)
{
	uint32_t begin = get32(file + 12), length = get32(file + 24), crc;

	for (uint32_t at = 0; at < length; at += 4096)
		put32(file + 80 + at / 1024,
		      smm_crc32c(0, file + begin + at, length - at < 4096 ? length - at : 4096));
	crc = smm_crc32c(0, file, 28);
	put32(file + 28, smm_crc32c(crc, file + 32, begin - 32));
}
