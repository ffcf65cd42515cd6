/* SPDX-License-Identifier: BSD-3-Clause */
#include "chip.h"

#include <stdlib.h>
#include <string.h>

void chip_init(struct chip *chip, u32 size, u8 fill)
{
	*chip = (struct chip){ .bytes = malloc(size), .size = size };
	if (!chip->bytes)
		abort();
	memset(chip->bytes, fill, size);
	chip_power_on(chip);
}

void chip_destroy(struct chip *chip)
{
	free(chip->bytes);
	chip->bytes = NULL;
}

u8 *chip_copy(const struct chip *chip)
{
	u8 *copy = malloc(chip->size);

	if (!copy)
		abort();
	return memcpy(copy, chip->bytes, chip->size);
}

void chip_power_on(struct chip *chip)
{
	chip->power = CHIP_NEVER;
	chip->calls_left = CHIP_NEVER;
	chip->dead = false;
}

void chip_count(struct chip *chip)
{
	chip->reads = chip->writes = chip->bytes_read = chip->bytes_written = 0;
}

u64 chip_i2c_bytes(const struct chip *chip)
{
	return chip->bytes_read + 4 * chip->reads + chip->bytes_written + 3 * chip->writes;
}

u64 chip_spi_bytes(const struct chip *chip)
{
	return chip->bytes_read + 4 * chip->reads + chip->bytes_written + 5 * chip->writes;
}

/* Whether this call goes through: inside the chip, powered, and not the one that has to fail. */
static bool admit(struct chip *chip, u32 offset, u32 size)
{
	if (chip->dead)
		return false;
	if (offset > chip->size || size > chip->size - offset) {
		chip->outside = true;
		return false;
	}
	if (chip->calls_left == 0) {
		chip->calls_left = CHIP_NEVER;
		return false;
	}
	if (chip->calls_left != CHIP_NEVER)
		chip->calls_left--;
	return true;
}

int chip_read(void *context, u32 offset, void *buffer, u32 size)
{
	struct chip *chip = context;

	if (!admit(chip, offset, size))
		return -1;
	memcpy(buffer, chip->bytes + offset, size);
	chip->reads++;
	chip->bytes_read += size;
	return 0;
}

int chip_write(void *context, u32 offset, const void *buffer, u32 size)
{
	struct chip *chip = context;
	u32 lands = size;

	if (!admit(chip, offset, size))
		return -1;
	if (chip->power != CHIP_NEVER) {
		lands = chip->power < size ? (u32)chip->power : size;
		chip->power -= lands;
	}
	memcpy(chip->bytes + offset, buffer, lands);
	chip->writes++;
	chip->bytes_written += lands;
	chip->dead = lands < size;
	return chip->dead ? -1 : 0;
}
