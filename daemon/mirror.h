/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A mirror: the image of a chip in RAM, so that what was read once costs no wire again, and of a
 * write only the bytes that differ travel.
 *
 * The daemon is the only writer of its chip, so the image of a sector stays true from the moment it
 * was loaded. What fails on the way to the chip is forgotten, and read again when it is asked for.
 *
 * The library relies on three promises of the medium, and leaving bytes out keeps them:
 *
 *  - One byte is atomic: bytes are left out or travel as a whole.
 *  - The bytes of a write land in the order of their addresses: those that travel do, in ascending
 * messages. One that is left out has its value already, so after every byte that lands the chip is
 * in a state in which the whole write could have left it, too.
 *  - A write is on the chip when it returns 0: the bytes left out are there, the others were
 * acknowledged.
 *
 * What the chip holds may still change under a true image, when a cell loses its bit. So whoever
 * wants to see the chip itself calls mirror_forget() first.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "chip.h"

struct mirror;

struct mirror_counters {
	uint64_t hits;        /* reads that needed no wire */
	uint64_t bytes_saved; /* of writes, because the chip held them already */
	uint64_t repaired;    /* bytes that a scrub found changed on the chip, and put right */
};

/* A mirror of @chip, which has to outlive it; without @image everything goes straight to the chip.
 */
int mirror_new(struct chip *chip, bool image, struct mirror **mirror);
void mirror_free(struct mirror *mirror);

/* As chip_read() and chip_write(). */
int mirror_read(struct mirror *mirror, uint32_t offset, void *buffer, uint32_t size);
int mirror_write(struct mirror *mirror, uint32_t offset, const void *buffer, uint32_t size);

/* Write to the image alone: for a chip that cannot be written, as if it had been. From then on, the
 * image is not held against the chip, until mirror_forget(). */
int mirror_pretend(struct mirror *mirror, uint32_t offset, const void *buffer, uint32_t size);

/* Read from the chip what is asked for next; of these bytes, or all. */
void mirror_forget(struct mirror *mirror);
void mirror_forget_range(struct mirror *mirror, uint32_t offset, uint32_t size);

/* Load up to @size bytes that nobody asked for yet. Return: 1, 0 if there are none, or an errno. */
int mirror_load(struct mirror *mirror, uint32_t size);

/* The same of what lies at @offset; at most @limit bytes. */
int mirror_load_range(struct mirror *mirror, uint32_t offset, uint32_t size, uint32_t limit);

/* Whether the image has these bytes, so that reading them needs no wire. */
bool mirror_holds(const struct mirror *mirror, uint32_t offset, uint32_t size);

/**
 * mirror_scrub() - hold some of the image against the chip.
 * @offset: where to begin; receives where to go on, the size of the chip at the end
 * @size: bytes
 *
 * A byte or two that have changed are cells that lost their bits, and written again. More is
 * another chip, or another writer, and left alone.
 *
 * Return: the number of bytes that differed, or a negative errno.
 */
int mirror_scrub(struct mirror *mirror, uint32_t *offset, uint32_t size);

const struct mirror_counters *mirror_counters(const struct mirror *mirror);
