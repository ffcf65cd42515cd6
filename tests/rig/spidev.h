/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An SPI device as spidev shows it, with a chip model behind its chip select: limits and errnos of
 * the kernel, cs_change as linux/spi/spi.h has it, and the bytes on the wire.
 */
#pragma once

#include <linux/spi/spidev.h>
#include <stdbool.h>
#include <stdint.h>

#include "chip-model.h"
#include "wire.h"

#define SPIDEV_TRANSFERS_MAX 511u

struct spidev_config {
	uint32_t max_hz;    /* of the controller, which goes no faster; 0: 125 MHz */
	uint32_t bufsiz;    /* 0: 4096 */
	uint32_t alignment; /* where transfers begin in its buffer, for DMA; 0: 128, as arm64 has it
			     */
	bool pace;          /* transfers take the time that they take on the wire */
	bool miso_low; /* nobody pulls MISO up: a chip that is not there reads 00 instead of FF */
};

struct spidev {
	struct spidev_config config;
	struct wire wire;
	struct model *chip; /* NULL: none answers */
	bool unplugged;

	/* What the other ioctls read and write. */
	uint32_t mode; /* only SPI_CPHA and SPI_CPOL are known */
	uint8_t bits_per_word;
	uint32_t max_speed_hz; /* 500 kHz until somebody sets it */

	uint64_t messages;
	uint32_t fastest[256]; /* Hz that each opcode was sent or carried on with */

	bool selected;
	bool begun; /* an opcode is there */
	uint8_t opcode;
};

/* @clock outlives the device; its chip is to go by the same one. */
void spidev_init(struct spidev *dev, const struct spidev_config *config,
		 const struct rig_clock *clock);

/* SPI_IOC_MESSAGE: bytes, or a negative errno. */
int spidev_message(struct spidev *dev, const struct spi_ioc_transfer *transfers,
		   unsigned int count);

/* SPI_IOC_WR_MODE32, _WR_BITS_PER_WORD, _WR_MAX_SPEED_HZ: 0 or a negative errno. */
int spidev_set_mode(struct spidev *dev, uint32_t mode);
int spidev_set_bits_per_word(struct spidev *dev, uint8_t bits);
int spidev_set_max_speed(struct spidev *dev, uint32_t hz);
