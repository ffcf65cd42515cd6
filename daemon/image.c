/* SPDX-License-Identifier: BSD-3-Clause */
#include "image.h"

#include <endian.h>
#include <errno.h>

#include "errors.h"
#include "ram-store.h"
#include "util.h"

#define MAGIC   "smmimage"
#define VERSION 1u

/*
 * What the file begins with, in little-endian order; a table of checksums and the content follow.
 * In RAM it is in the order of the machine.
 */
struct header {
	char magic[8];
	uint32_t version;
	uint32_t begin; /* where the content does */
	uint64_t time;
	uint32_t length; /* of the content */
	uint32_t crc;    /* of all before the content but this */
	uint8_t identity[SMM_ID_BYTES];
	char model[IMAGE_MODEL_MAX + 1];
};

_Static_assert(sizeof(struct header) == IMAGE_HEADER, "a header has no gaps");

static void swap_header(struct header *h)
{
	h->version = htole32(h->version);
	h->begin = htole32(h->begin);
	h->time = htole64(h->time);
	h->length = htole32(h->length);
	h->crc = htole32(h->crc);
}

static uint32_t get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

static void put32(uint8_t *p, uint32_t v)
{
	v = htole32(v);
	memcpy(p, &v, sizeof(v));
}

static bool is_chip_size(uint32_t size)
{
	return smm_map_bytes(size, SMM_GRANULE) != 0;
}

static uint32_t piece_count(uint32_t length)
{
	return (length + IMAGE_PIECE - 1) / IMAGE_PIECE;
}

/* Where a content of @length bytes, which a chip has, begins. */
static uint32_t content_begin(uint32_t length)
{
	return IMAGE_HEADER + piece_count(length) * 4;
}

static uint32_t header_crc(const uint8_t *file, uint32_t begin)
{
	uint32_t at = offsetof(struct header, crc), behind = at + 4;

	return smm_crc32c(smm_crc32c(0, file, at), file + behind, begin - behind);
}

/* Of the piece @i of a content; the last piece is shorter. */
static uint32_t piece_crc(const uint8_t *content, uint32_t length, uint32_t i)
{
	uint32_t at = i * IMAGE_PIECE;

	return smm_crc32c(0, content + at, length - at < IMAGE_PIECE ? length - at : IMAGE_PIECE);
}

/* Whether @model, of IMAGE_MODEL_MAX + 1 bytes, is text that people and D-Bus can be given. */
static bool is_model(const char *model)
{
	for (size_t i = 0; i <= IMAGE_MODEL_MAX; i++) {
		if (!model[i])
			return true;
		if (model[i] < ' ' || model[i] > '~')
			return false;
	}
	return false;
}

/* Pack */

/* What can be learned of the store in a content: zeros if there is none. */
static int find_identity(const void *content, uint32_t length, uint8_t identity[SMM_ID_BYTES])
{
	_cleanup_ram_store_ struct ram_store ram;
	int r = ram_store_init(&ram, content, length);

	if (r < 0)
		return r;
	(void)smm_store_mount(&ram.store);
	memcpy(identity, ram.store.identity, SMM_ID_BYTES);
	return 0;
}

static void put_header(uint8_t *file, struct header h)
{
	swap_header(&h);
	memcpy(file, &h, sizeof(h));
}

/* Fill @file, which has the content already, up to there. */
static void seal(uint8_t *file, struct header *h)
{
	put_header(file, *h);
	for (uint32_t i = 0; i < piece_count(h->length); i++)
		put32(file + IMAGE_HEADER + i * 4, piece_crc(file + h->begin, h->length, i));
	h->crc = header_crc(file, h->begin);
	put_header(file, *h);
}

int image_pack(const void *content, uint32_t length, const char *model, uint64_t time, void **file,
	       size_t *size)
{
	struct header h = { .version = VERSION, .time = time, .length = length };
	uint8_t *bytes;
	int r;

	if (!is_model(model))
		return -EINVAL;
	r = find_identity(content, length, h.identity);
	if (r < 0)
		return r;
	memcpy(h.magic, MAGIC, sizeof(h.magic));
	memcpy(h.model, model, strlen(model));
	h.begin = content_begin(length);
	*size = (size_t)h.begin + length;
	*file = bytes = malloc(*size);
	if (!bytes)
		return -ENOMEM;
	memcpy(bytes + h.begin, content, length);
	seal(bytes, &h);
	return 0;
}

/* Unpack */

static int bad_header(sd_bus_error *error)
{
	return sd_bus_error_setf(error, ERROR_CHECKSUM_MISMATCH,
				 "the header of the image is damaged");
}

/* Take in the header of a file of at least so many bytes, as far as it makes sense. */
static int read_header(const void *file, struct header *h, sd_bus_error *error)
{
	memcpy(h, file, sizeof(*h));
	swap_header(h);
	if (h->version != VERSION)
		return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
					 "the image has version %u of its format; this smmd knows "
					 "version %u",
					 h->version, VERSION);
	if (!is_chip_size(h->length) || h->begin != content_begin(h->length))
		return bad_header(error);
	return 0;
}

int image_size(const void *first, size_t n, size_t *size, sd_bus_error *error)
{
	struct header h;
	int r;

	*size = IMAGE_HEADER;
	if (memcmp(first, MAGIC, n < sizeof(h.magic) ? n : sizeof(h.magic)))
		return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
					 "this is not an image of smm");
	if (n < IMAGE_HEADER)
		return 0;
	r = read_header(first, &h, error);
	if (!r)
		*size = (size_t)h.begin + h.length;
	return r;
}

static int check_size(size_t have, size_t whole, sd_bus_error *error)
{
	if (have < whole)
		return sd_bus_error_setf(error, ERROR_CHECKSUM_MISMATCH,
					 "the image is cut short: %s%zu bytes of it are missing",
					 have < IMAGE_HEADER ? "at least " : "", whole - have);
	if (have > whole)
		return sd_bus_error_setf(error, ERROR_CHECKSUM_MISMATCH,
					 "behind the image are %zu bytes that are no part of it",
					 have - whole);
	return 0;
}

static int check_content(const uint8_t *file, const struct header *h, sd_bus_error *error)
{
	for (uint32_t i = 0; i < piece_count(h->length); i++) {
		uint32_t end = (i + 1) * IMAGE_PIECE;

		if (piece_crc(file + h->begin, h->length, i) == get32(file + IMAGE_HEADER + i * 4))
			continue;
		return sd_bus_error_setf(error, ERROR_CHECKSUM_MISMATCH,
					 "bytes %u to %u of the chip are damaged in the image",
					 i * IMAGE_PIECE, (end < h->length ? end : h->length) - 1);
	}
	return 0;
}

/* Every byte of @file is what was packed. */
static int check_file(const uint8_t *file, size_t size, struct header *h, sd_bus_error *error)
{
	size_t whole;
	int r = image_size(file, size, &whole, error);

	if (!r && size < IMAGE_HEADER)
		r = check_size(size, whole, error);
	if (!r)
		r = read_header(file, h, error);
	if (r < 0)
		return r;
	/* First this, for what a damaged header says is missing is not. */
	if (size >= h->begin && header_crc(file, h->begin) != h->crc)
		return bad_header(error);
	r = check_size(size, whole, error);
	return r < 0 ? r : check_content(file, h, error);
}

static const char *why_not(int mount_result)
{
	switch (mount_result) {
	case SMM_NOT_FORMATTED:
		return "it is not formatted as a store";
	case SMM_UNFINISHED:
		return "its format was not finished";
	case SMM_NEWER_FORMAT:
		return "it has a newer format than this smmd knows";
	case SMM_WRONG_SIZE:
		return "it was formatted as a chip of another size";
	default:
		return "it was damaged already when the image was made";
	}
}

int image_mount(const struct image *image, struct ram_store *ram, sd_bus_error *error)
{
	int r = ram_store_init(ram, image->content, image->length);

	if (r < 0)
		return sd_bus_error_set_errno(error, r);
	r = smm_store_mount(&ram->store);
	if (r == SMM_OK)
		return 0;
	return sd_bus_error_setf(error, ERROR_CORRUPT,
				 "what the image holds cannot be restored: %s", why_not(r));
}

/* That the content is a store, and the one that the header says. */
static int check_store(const struct image *image, sd_bus_error *error)
{
	_cleanup_ram_store_ struct ram_store ram;
	int r = image_mount(image, &ram, error);

	if (r < 0)
		return r;
	if (memcmp(image->identity, ram.store.identity, SMM_ID_BYTES))
		return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
					 "the image has the header of another one");
	return 0;
}

int image_unpack(const void *file, size_t size, struct image *image, sd_bus_error *error)
{
	struct header h;
	int r = check_file(file, size, &h, error);

	if (r < 0)
		return r;
	if (!is_model(h.model))
		return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
					 "the image names a model of chip that is not text");
	*image = (struct image){
		.content = (const uint8_t *)file + h.begin,
		.length = h.length,
		.time = h.time,
	};
	memcpy(image->identity, h.identity, sizeof(h.identity));
	memcpy(image->model, h.model, sizeof(h.model));
	return check_store(image, error);
}
