/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device of spidev: the wires to one chip, how fast they may be, and messages, which nothing else
 * on the bus comes between.
 *
 * A message consists of frames, for each of which the chip is selected anew, and a frame of
 * transfers.
 */
#pragma once

#include <linux/spi/spidev.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "chip.h"

/* A frame begins with one of these. */
enum spi_opcode {
	SPI_WRSR = 0x01, /* write the status register; of a 23LCV, its mode register */
	SPI_WRITE = 0x02,
	SPI_READ = 0x03,
	SPI_WRDI = 0x04, /* disable writes */
	SPI_RDSR = 0x05, /* read that register */
	SPI_WREN = 0x06, /* enable one write */
	SPI_RDID = 0x9f,
	SPI_WAKE = 0xab,
};

struct spi_bus {
	const char *node;
	int fd;
	uint32_t max_speed; /* Hz, of the device tree */
	uint32_t max_bytes; /* that may be data in a message, beside opcodes and addresses */
	struct chip_counters *counters;

	/* For the user of the bus to set. */
	uint32_t speed;    /* Hz, of transfers that do not say one */
	uint32_t retry_us; /* so long the chip may need before it listens to the next attempt */
};

static inline struct spi_ioc_transfer spi_send(const void *bytes, uint32_t size)
{
	return (struct spi_ioc_transfer){ .tx_buf = (uintptr_t)bytes, .len = size };
}

static inline struct spi_ioc_transfer spi_receive(void *bytes, uint32_t size)
{
	return (struct spi_ioc_transfer){ .rx_buf = (uintptr_t)bytes, .len = size };
}

/*
 * End a frame behind a transfer. Not for the last one of a message: there the kernel does it by
 * itself, and takes the same flag for a wish to go on.
 */
static inline struct spi_ioc_transfer spi_end(struct spi_ioc_transfer transfer)
{
	transfer.cs_change = 1;
	return transfer;
}

/**
 * spi_bus_open() - take up a device, for this descriptor alone.
 * @bus: with its node and counters; what the device tells is filled in
 *
 * It gets the mode 0, or keeps the mode 3.
 *
 * Return: 0; -EBUSY if a driver of the kernel or another process has it; or what device_open()
 * returns; with one sentence in @error.
 */
int spi_bus_open(struct spi_bus *bus, sd_bus_error *error);
void spi_bus_close(struct spi_bus *bus);

/**
 * spi_bus_transfer() - one message, repeated a few times if the controller was disturbed.
 *
 * Return: 0 or a negative errno: -EMSGSIZE if it is too long; -ENODEV if the device is gone;
 * -ETIMEDOUT at once, since each more of them would take as long again.
 */
int spi_bus_transfer(struct spi_bus *bus, struct spi_ioc_transfer *transfers, uint32_t n);

/* A message that asks for an opcode's answer. */
int spi_bus_ask(struct spi_bus *bus, uint8_t opcode, void *answer, uint32_t size);
