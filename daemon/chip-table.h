/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The chips that are known: by name, so that a configuration can say `model = MB85RC256V` and no
 * more, and by the identification that some of them give.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHIP_ID_MAX 9u /* bytes */

/* Facts that a row has from memory alone: shown as such, and not relied on. */
enum chip_fact {
	FACT_SIZE = 1 << 0,
	FACT_CLOCK = 1 << 1,
	FACT_ID = 1 << 2,
	FACT_WAKE = 1 << 3,
	FACT_WRITE_TIME = 1 << 4,
	FACT_PAGE = 1 << 5,
	FACT_ADDRESS = 1 << 6,
	FACT_OPCODES = 1 << 7,
};

enum chip_bus {
	CHIP_I2C,
	CHIP_SPI,
};

/* One part number, or what a rule says of a chip that identifies itself and has no row. */
struct chip_model {
	const char *name;
	const char *technology; /* "FRAM", "EEPROM", "MRAM", "NVSRAM", "SRAM", "ReRAM" */
	enum chip_bus bus;
	uint32_t size; /* bytes */
	uint8_t address_bytes;

	/* Address bits above those bytes: I2C in the device address, from bit @device_shift on; SPI
	 * one, A8, in bit 3 of the opcode. */
	uint8_t device_bits, device_shift, opcode_bits;

	uint16_t page_size;      /* bytes; 0 has none */
	uint16_t write_ms;       /* of a write cycle; 0 has none, or with pages: unknown */
	uint32_t max_clock;      /* Hz; 0 is unknown */
	uint32_t max_read_clock; /* Hz of READ (SPI 03), where it is less */
	uint16_t wake_us;        /* from sleep; 0 does not sleep, or nobody knows */
	bool no_write_enable;    /* SPI: takes WRITE without WREN */
	bool mode_register; /* SPI: 23LCV, has to be told that it is to be addressed as a whole */

	/* Device id (I2C, 3 bytes) or answer to RDID (SPI): @id_size bytes of it are known; 0: it
	 * has none, or it is not known. */
	uint8_t id_size;
	uint8_t id[CHIP_ID_MAX];

	unsigned int from_memory; /* enum chip_fact */
	const char *source;       /* of the others */
};

/* The model of that name, or NULL; upper and lower case are one. */
const struct chip_model *chip_model_find(const char *name);

/* Row @i of the table, or NULL behind the last. */
const struct chip_model *chip_model_row(size_t i);

/**
 * chip_identify_i2c() - what a device id says.
 * chip_identify_spi() - what an answer to RDID says.
 * @id: 3 bytes, or the 9 bytes that were clocked out
 * @model: receives the row of the table that has this id; else, where a rule of its maker's ids
 *         gives the size, a model by that rule, with the name "unknown"
 *
 * The rules: FRAM of Fujitsu and Cypress gives its density. SPI parts of Cypress may answer
 * backwards, as some Excelon parts do.
 *
 * Return: 0; -ENODEV if the bytes are all 00 or all FF, no chip; -ENOENT if neither the table nor a
 * rule knows them.
 */
int chip_identify_i2c(const uint8_t id[3], struct chip_model *model);
int chip_identify_spi(const uint8_t id[CHIP_ID_MAX], struct chip_model *model);

/* Whether @id, so many bytes as were read, is what @model has; a model without a known id says no.
 */
bool chip_id_matches(const struct chip_model *model, const uint8_t *id, size_t size);

/* Print the table for people: smmd --list-models. */
int chip_table_print(void);
