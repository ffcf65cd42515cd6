/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Makes the checksums of a chip right, whatever they are of: bytes that were changed at random get
 * past the first check, and to the code behind it.
 */
#ifndef MEND_H
#define MEND_H

#include <stdint.h>

enum {
	MEND_SUPERBLOCK = 1, /* and what it begins with, and the size */
	MEND_MAP = 2,
	MEND_SYSTEM = 4, /* header, fields and id mark of the store's own block */
	MEND_RECORD = 8, /* the intent log has one */
	MEND_HEADERS = 16,
	MEND_CONTENTS = 32
};

/* @bytes, @size of them, a multiple of 4, are a chip; @which are bits of the above. */
void mend(uint8_t *bytes, uint32_t size, unsigned int which);

/*
 * The same for the records in the journal of an EEPROM with pages of @page bytes. Return: how many
 * bytes are before the journal; 0 if the chip is too small for one.
 */
uint32_t mend_journal(uint8_t *bytes, uint32_t size, uint32_t page);

#endif
