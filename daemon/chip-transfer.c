/* SPDX-License-Identifier: BSD-3-Clause */
#include "chip-transfer.h"

static uint32_t min(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* As much of @size as one piece may be. Return: how much it was, or a negative errno. */
static int transfer_piece(struct chip *chip, struct direction *d, bool (*refused)(int result),
			  uint32_t offset, uint8_t *data, uint32_t size)
{
	uint32_t n = min(min(size, d->limit), d->boundary - offset % d->boundary);
	int r = d->transfer(chip, offset, data, n);

	while (refused(r) && n > 1) {
		n /= 2;
		r = d->transfer(chip, offset, data, n);
		if (r == 0)
			d->limit = n;
	}
	return r < 0 ? r : (int)n;
}

int chip_transfer(struct chip *chip, struct direction *direction, bool (*refused)(int result),
		  uint32_t offset, uint8_t *data, uint32_t size)
{
	for (uint32_t done = 0; done < size;) {
		int r = transfer_piece(chip, direction, refused, offset + done, data + done,
				       size - done);

		if (r < 0) {
			chip->counters.errors++;
			return r;
		}
		done += (uint32_t)r;
	}
	return 0;
}
