/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Transfers of any length, in pieces that the bus and the chip take.
 */
#pragma once

#include "chip.h"

/* Reading, or writing. */
struct direction {
	int (*transfer)(struct chip *chip, uint32_t offset, uint8_t *data, uint32_t size);
	uint32_t boundary; /* no piece crosses a multiple of it */
	uint32_t limit;    /* bytes of a piece that the bus takes, as far as is known */
};

/**
 * chip_transfer() - @size bytes at @offset, piece by piece.
 * @refused: whether a result of @direction's transfer() says that a piece is too long
 *
 * Buses do not tell their limits: one that refuses a piece gets half, and what it takes is
 * remembered.
 *
 * Return: 0 or a negative errno, which counts as an error of the chip.
 */
int chip_transfer(struct chip *chip, struct direction *direction, bool (*refused)(int result),
		  uint32_t offset, uint8_t *data, uint32_t size);
