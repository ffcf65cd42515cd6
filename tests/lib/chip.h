/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A chip in RAM for the tests of lib/: counts what travels on the wire, loses power at a chosen
 * byte, fails at a chosen call, and notices accesses outside itself.
 *
 * With pages it is an EEPROM: each page that a write touches is programmed as a whole, in one
 * cycle, and undefined if the power goes before its end. A cycle counts as @outcomes bytes of
 * power, so that whoever cuts it at each of them sees so many outcomes: of all, that nothing was
 * done, that all was, and what lies in between or far off; of fewer, those that chance picks.
 */
#ifndef CHIP_H
#define CHIP_H

#include <stdbool.h>
#include <stdint.h>

#include "dice.h"
#include "smm.h"

#define CHIP_NEVER    UINT64_MAX
#define CHIP_PAGE_MAX 256u
#define CHIP_OUTCOMES 8u

struct chip {
	u8 *bytes;
	u32 size;
	u32 page_size; /* of an EEPROM; 0: every byte is for itself */
	u32 outcomes;  /* of a cycle that is cut: up to CHIP_OUTCOMES */
	struct dice dice;
	/* Faults: set them, run, look at @dead. */
	u64 power;      /* bytes that can still be written before the power goes; of an EEPROM,
			 * @outcomes for each cycle, as in @bytes_written */
	u64 calls_left; /* callbacks that succeed before one fails (once; then all succeed again) */
	bool dead;      /* the power is gone: everything fails until chip_power_on() */
	bool outside;   /* somebody reached outside the chip */
	/* Counts since chip_count(). */
	u64 reads, writes, bytes_read, bytes_written;
};

/* A chip of @size bytes, each @fill; free it with chip_destroy(). */
void chip_init(struct chip *chip, u32 size, u8 fill);
void chip_destroy(struct chip *chip);

/* The contents, in memory of their own; free() it. */
u8 *chip_copy(const struct chip *chip);

/* Power back on, no faults; contents stay. */
void chip_power_on(struct chip *chip);

/* Start counting anew. */
void chip_count(struct chip *chip);

/* Bytes on an I2C bus with 2-byte addresses since chip_count(): n + 4 a read, n + 3 a write. */
u64 chip_i2c_bytes(const struct chip *chip);

/* Bytes on an SPI bus with 3-byte addresses since chip_count(): n + 4 a read, n + 5 a write. */
u64 chip_spi_bytes(const struct chip *chip);

/* The callbacks of struct smm; @context is the struct chip. */
int chip_read(void *context, u32 offset, void *buffer, u32 size);
int chip_write(void *context, u32 offset, const void *buffer, u32 size);

#endif
