/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The image of a memory: the file that Dump writes and Restore reads. It is the bytes of the chip
 * behind a header that says what they are and has a checksum of every 4 KiB, so that what was cut,
 * damaged or is something else is refused before a chip is touched. FORMAT.md has the bytes.
 *
 * All of it is work on buffers: no chip, no file, no thread. What is unpacked may come from
 * anybody.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "smm_store.h"

struct ram_store;

#define IMAGE_HEADER    80u   /* bytes; they say how many the whole file has */
#define IMAGE_PIECE     4096u /* bytes of content that have one checksum */
#define IMAGE_MODEL_MAX 31u   /* bytes of the name of a chip */
#define IMAGE_SIZE_MAX  (IMAGE_HEADER + SMM_SIZE_MAX / IMAGE_PIECE * 4 + SMM_SIZE_MAX)

/* Bytes of the file for a chip of @length bytes. */
static inline uint32_t image_file_size(uint32_t length)
{
	return IMAGE_HEADER + (length + IMAGE_PIECE - 1) / IMAGE_PIECE * 4 + length;
}

struct image {
	const void *content; /* what the chip held: a part of the file that was unpacked */
	uint32_t length;     /* bytes of it, the size of that chip */
	uint64_t time;       /* when it was made: seconds since 1970, UTC */
	uint8_t identity[SMM_ID_BYTES];  /* of the store on it */
	char model[IMAGE_MODEL_MAX + 1]; /* of the chip; "" if that was not known */
};

/**
 * image_pack() - make the file.
 * @content: all that the chip holds, @length bytes; the store on it, if there is one, gives the
 *           identity
 * @model: a name as in the table of chips, or ""
 * @time: now, in seconds since 1970
 * @file: receives @size bytes, to be freed with free()
 *
 * Return: 0; -EINVAL for a length that no chip has and for a model that is not at most 31 bytes of
 * printable ASCII; -ENOMEM.
 */
int image_pack(const void *content, uint32_t length, const char *model, uint64_t time, void **file,
	       size_t *size);

/**
 * image_size() - how long a file is that begins like this.
 * @first: the first @n bytes of it
 * @size: receives the bytes of the whole file, at most IMAGE_SIZE_MAX; or IMAGE_HEADER, as long as
 *        there are fewer: ask again with so many
 *
 * So a reader goes on until it has as many bytes as this says, or there are no more, and never
 * takes in more than an image can have. The checksums are up to image_unpack().
 *
 * Return: 0; -EINVAL (InvalidArgs: no image, or of another version; ChecksumMismatch: a size that
 * cannot be).
 */
int image_size(const void *first, size_t n, size_t *size, sd_bus_error *error);

/**
 * image_unpack() - check a whole file, and what it holds: a store that can be mounted.
 * @file: has to outlive @image
 *
 * Return: 0, or a negative errno: InvalidArgs if it is no image; ChecksumMismatch if it is damaged,
 * too short or too long; Corrupt if the content cannot be mounted.
 */
int image_unpack(const void *file, size_t size, struct image *image, sd_bus_error *error);

/* Mount a copy of the content; @ram is to be destroyed, also after a failure. Errors: Corrupt. */
int image_mount(const struct image *image, struct ram_store *ram, sd_bus_error *error);

/**
 * image_fit() - the content for a chip of another size, or of the same.
 * @image: as it was unpacked
 * @size: bytes of the chip
 * @content: receives @size bytes, to be freed with free()
 *
 * For a chip of the same size it is a copy. For another, a new store with the same identity, label
 * and blocks is built in RAM, with the same granule if they have room then, else with the smallest
 * one that does. A block keeps its id, generation, name, owner, mode, kind and payload (and has a
 * checksum then, if it had none); no id is given again, not even of a block that was freed.
 *
 * Return: 0, or a negative errno: NoSpace if the blocks do not fit; ChecksumMismatch for a block
 * that is damaged, whose damage a new checksum would hide; InvalidArgs for a size that no chip has,
 * and for allocations of others, which have to stay at their addresses; Corrupt if the content
 * cannot be mounted or has two blocks with one id.
 */
int image_fit(const struct image *image, uint32_t size, void **content, sd_bus_error *error);
