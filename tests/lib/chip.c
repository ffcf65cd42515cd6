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

/* What a cycle that is cut leaves of @page, which was to become @new. */
static void tear(struct chip *chip, u8 *page, const u8 *new, u32 outcome)
{
	u32 i, size = chip->page_size, half = size / 2;

	switch (outcome) {
	case 0: /* what was there */
		break;
	case 1:
		memcpy(page, new, half);
		break;
	case 2:
		memcpy(page + half, new + half, size - half);
		break;
	case 3:
		for (i = 0; i < size; i++)
			page[i] = (u8) ~new[i];
		break;
	case 4: /* erased */
		memset(page, 0xff, size);
		break;
	case CHIP_OUTCOMES - 1:
		memcpy(page, new, size);
		break;
	default:
		dice_fill(&chip->dice, page, size);
	}
}

static u32 outcome(struct chip *chip)
{
	return chip->outcomes < CHIP_OUTCOMES ? dice_below(&chip->dice, CHIP_OUTCOMES)
					      : (u32)chip->power;
}

/* One cycle, for bytes of one page. */
static void program(struct chip *chip, u32 offset, const u8 *bytes, u32 size)
{
	u32 in_page = offset % chip->page_size;
	u8 new[CHIP_PAGE_MAX], *page = chip->bytes + offset - in_page;

	memcpy(new, page, chip->page_size);
	memcpy(new + in_page, bytes, size);
	if (chip->power < chip->outcomes) {
		tear(chip, page, new, outcome(chip));
		chip->dead = true;
		return;
	}
	if (chip->power != CHIP_NEVER)
		chip->power -= chip->outcomes;
	memcpy(page, new, chip->page_size);
	chip->bytes_written += chip->outcomes;
}

static void program_pages(struct chip *chip, u32 offset, const u8 *bytes, u32 size)
{
	u32 n;

	for (; size && !chip->dead; offset += n, bytes += n, size -= n) {
		n = chip->page_size - offset % chip->page_size;
		if (n > size)
			n = size;
		program(chip, offset, bytes, n);
	}
}

static void store_bytes(struct chip *chip, u32 offset, const u8 *bytes, u32 size)
{
	u32 lands = size;

	if (chip->power != CHIP_NEVER) {
		lands = chip->power < size ? (u32)chip->power : size;
		chip->power -= lands;
	}
	memcpy(chip->bytes + offset, bytes, lands);
	chip->bytes_written += lands;
	chip->dead = lands < size;
}

int chip_write(void *context, u32 offset, const void *buffer, u32 size)
{
	struct chip *chip = context;

	if (!admit(chip, offset, size))
		return -1;
	chip->writes++;
	if (chip->page_size)
		program_pages(chip, offset, buffer, size);
	else
		store_bytes(chip, offset, buffer, size);
	return chip->dead ? -1 : 0;
}
