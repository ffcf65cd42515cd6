/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A file that is to be restored: whatever it is, it is refused with an error, or a chip of any size
 * can have what it holds, all of it.
 *
 * Of an input, byte 0 says how the file is made of the bytes behind the third: as it is (0), with
 * right checksums (1), or as the image of a chip with these bytes (2); byte 1 which checksums on
 * that chip are not made right (mend.h), byte 2 the size of the chip.
 */
#include "errors.h"
#include "fuzz.h"
#include "image.h"
#include "mend.h"
#include "ram-store.h"

#define CHIP_MAX 65536u

static sd_bus_error *fresh_error(void)
{
	static sd_bus_error error;

	sd_bus_error_free(&error);
	return &error;
}

static void put32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

/* A file of that size has a content of so many bytes; 0: there is none. */
static uint32_t content_size(size_t size)
{
	for (uint32_t pieces = 1; pieces < CHIP_MAX / IMAGE_PIECE; pieces++) {
		size_t begin = IMAGE_HEADER + 4 * pieces;

		if (size > begin && size - begin <= pieces * IMAGE_PIECE)
			return (uint32_t)(size - begin);
	}
	return 0;
}

/* The identity that the header has to have. */
static void copy_identity(uint8_t *file, const uint8_t *content, uint32_t length)
{
	_cleanup_ram_store_ struct ram_store ram;

	if (ram_store_init(&ram, content, length) < 0)
		return;
	(void)smm_store_mount(&ram.store);
	memcpy(file + 32, ram.store.identity, SMM_ID_BYTES);
}

/* The checksums of a file whose content begins there; FORMAT.md, part 4. */
static void sum(uint8_t *file, size_t size, uint32_t begin)
{
	uint32_t length = (uint32_t)size - begin, crc;

	for (uint32_t at = 0; at < length; at += IMAGE_PIECE)
		put32(file + IMAGE_HEADER + at / IMAGE_PIECE * 4,
		      smm_crc32c(0, file + begin + at,
				 length - at < IMAGE_PIECE ? length - at : IMAGE_PIECE));
	crc = smm_crc32c(0, file, 28);
	put32(file + 28, smm_crc32c(crc, file + 32, begin - 32));
}

/* Make all that the header says of the content right. */
static void seal(uint8_t *file, size_t size, unsigned int which)
{
	uint32_t length = content_size(size), begin = (uint32_t)(size - length);

	if (length % 4 || length < SMM_SIZE_MIN)
		return;
	mend(file + begin, length, which);
	put32(file + 12, begin);
	put32(file + 24, length);
	copy_identity(file, file + begin, length);
	sum(file, size, begin);
}

static void expect_sums(const uint8_t *file, size_t size, const struct image *image)
{
	_cleanup_free_ uint8_t *copy = malloc(size);

	REQUIRE(copy);
	memcpy(copy, file, size);
	sum(copy, size, (uint32_t)size - image->length);
	REQUIRE(!memcmp(copy, file, size));
}

/* What a block was, it is. */
static void expect_block(struct ram_store *was, struct ram_store *is, const struct smm_block *b)
{
	_cleanup_free_ uint8_t *before = malloc(b->length + 1u), *now = malloc(b->length + 1u);
	struct smm_block found;

	REQUIRE(before && now);
	REQUIRE(smm_store_find_id(&is->store, b->id, &found) == SMM_OK);
	REQUIRE(!strcmp(found.name, b->name) && found.length == b->length);
	REQUIRE(found.generation == b->generation && found.kind == b->kind);
	REQUIRE(found.uid == b->uid && found.gid == b->gid && found.mode == b->mode);
	REQUIRE(smm_store_read(&was->store, b, 0, before, b->length) == SMM_OK);
	REQUIRE(smm_store_read(&is->store, &found, 0, now, b->length) == SMM_OK);
	REQUIRE(!memcmp(before, now, b->length));
}

static uint32_t count_blocks(struct smm_store *st)
{
	struct smm_block b = { 0 };
	uint32_t n = 0;

	while (smm_store_next(st, b.offset, &b) == SMM_OK && b.offset)
		n++;
	return n;
}

/* The store in @content, of @size bytes, is the one in @image. */
static void expect_same(const struct image *image, const void *content, uint32_t size)
{
	_cleanup_ram_store_ struct ram_store was, is;
	struct smm_block b = { 0 };

	REQUIRE(ram_store_init(&was, image->content, image->length) == 0);
	REQUIRE(ram_store_init(&is, content, size) == 0);
	REQUIRE(smm_store_mount(&was.store) == SMM_OK);
	REQUIRE(smm_store_mount(&is.store) == SMM_OK);
	REQUIRE(!is.store.replayed && !is.store.smm.corrected && !is.store.smm.merged);
	REQUIRE(!memcmp(was.store.identity, is.store.identity, SMM_ID_BYTES));
	REQUIRE(!strcmp(was.store.label, is.store.label));
	REQUIRE(was.store.id_limit <= is.store.id_limit);
	REQUIRE(count_blocks(&was.store) == count_blocks(&is.store));
	while (smm_store_next(&was.store, b.offset, &b) == SMM_OK && b.offset)
		expect_block(&was, &is, &b);
}

static void fit(const struct image *image, uint32_t size)
{
	_cleanup_free_ void *content = NULL;

	if (image_fit(image, size, &content, fresh_error()) < 0)
		return;
	if (size == image->length)
		REQUIRE(!memcmp(content, image->content, size));
	else
		expect_same(image, content, size);
}

static void unpack(const uint8_t *file, size_t size, uint32_t chip)
{
	struct image image;
	size_t whole;

	if (image_size(file, size, &whole, fresh_error()) == 0)
		REQUIRE(whole <= IMAGE_SIZE_MAX);
	if (image_unpack(file, size, &image, fresh_error()) < 0)
		return;
	REQUIRE(whole == size && image_file_size(image.length) == size);
	REQUIRE(memchr(image.model, '\0', sizeof(image.model)));
	expect_sums(file, size, &image);
	fit(&image, image.length);
	fit(&image, chip);
	fit(&image, 2 * image.length);
	fit(&image, image.length / 2 & ~3u);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t chips[] = { 0, 16, 256, 300, 511, 512, 1024, 2048, 4096, 65536 };
	struct input in = { data, size };
	unsigned int how = input_below(&in, 3), which = ~(unsigned int)input_byte(&in);
	uint32_t chip = chips[input_below(&in, ARRAY_SIZE(chips))];
	_cleanup_free_ uint8_t *bytes = malloc(in.left + 1);
	_cleanup_free_ void *packed = NULL;

	size = in.left;
	REQUIRE(bytes);
	memcpy(bytes, in.at, size);
	if (how == 2) {
		size &= ~(size_t)3;
		mend(bytes, (uint32_t)size, size >= SMM_SIZE_MIN ? which : 0);
		if (image_pack(bytes, (uint32_t)size, "FM24C16B", 0, &packed, &size) < 0)
			return 0;
		unpack(packed, size, chip);
	} else {
		if (how == 1)
			seal(bytes, size, which);
		unpack(bytes, size, chip);
	}
	sd_bus_error_free(fresh_error());
	return 0;
}
