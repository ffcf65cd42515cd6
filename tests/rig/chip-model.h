/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A memory chip as its data sheet describes it, at the level of the bytes on its wire: FRAM,
 * EEPROM, MRAM and SRAM, on I2C and SPI, with what they do to a driver that does not read the data
 * sheet.
 *
 * The model is on the chip's side of the wire. i2c-dev.h and spidev.h are the controllers that
 * drive it; a test may as well drive it directly.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "clock.h"

#define MODEL_PAGE_MAX  512u
#define MODEL_ID_MAX    9u
#define MODEL_UNLIMITED INT64_MAX

/* Bits of the SPI status register. */
#define MODEL_WIP  0x01u /* a write cycle is in progress */
#define MODEL_WEL  0x02u /* writes are enabled */
#define MODEL_BP   0x0cu /* protects nothing, the upper quarter, the upper half, everything */
#define MODEL_WPEN 0x80u /* the WP pin protects the status register */

enum model_bus {
	MODEL_I2C,
	MODEL_SPI,
};

struct model_config {
	enum model_bus bus;
	uint32_t size;         /* bytes */
	uint8_t address_bytes; /* of a cell, on the wire */

	/* Address bits above those bytes: I2C in the device address from bit @device_shift on, SPI
	 * one in bit 3 of READ and WRITE. */
	uint8_t device_bits, device_shift, opcode_bits;
	bool block_rollover; /* I2C: counting on does not carry into those bits (24LC1025) */

	uint8_t address; /* I2C, 7 bits, those of the cell 0 */

	uint16_t page_size; /* of a write cycle; 0: none, bytes are stored as they arrive */
	uint32_t write_us;  /* of a write cycle */

	uint8_t id_size; /* 0: it has none. I2C: 3, SPI: as many as come before the last bit stays
			  */
	uint8_t id[MODEL_ID_MAX]; /* in the order of the wire */

	uint32_t wake_us;     /* from sleep; 0: does not know sleep */
	uint32_t power_up_us; /* from the supply to the first answer */

	/* SPI */
	uint8_t status;       /* WPEN and BP as the chip comes */
	bool no_write_enable; /* takes WRITE without WREN */
	bool no_fast_read;    /* does not know FSTRD */
	bool wake_opcode;     /* wakes up by the opcode AB alone (Everspin), not by its select */
	bool mode_register; /* 23LCV: in the place of the status register; comes up in page mode */

	uint32_t seed; /* of what is undefined: it is random */
};

enum model_i2c_phase {
	MODEL_IDLE,      /* not addressed */
	MODEL_ADDRESS,   /* takes the address of a cell */
	MODEL_DATA,      /* takes bytes for cells */
	MODEL_READ,      /* gives cells */
	MODEL_ID_TARGET, /* addressed by 0x7C: takes the device address that is asked */
	MODEL_ID_CHOSEN, /* it is this one */
	MODEL_ID_READ,   /* gives its id */
	MODEL_TO_SLEEP,  /* sleeps after STOP */
};

struct model {
	struct model_config config;
	const struct rig_clock *clock;
	uint8_t *memory;

	/* For tests to read and to set. */
	bool write_protect; /* the level of the WP pin: I2C chips acknowledge and drop data */
	int64_t budget; /* bytes that are stored until the power goes; see model_spend_power() */
	void (*on_cut)(void *userdata); /* when the budget is spent */
	void *on_cut_userdata;
	uint8_t status; /* WPEN and BP; with a mode register: that */

	/* What it did. */
	uint64_t frames;  /* times it was addressed or selected */
	uint64_t fetched; /* bytes of cells that were read */
	uint64_t stored;  /* bytes of cells that were written */
	uint64_t cycles;  /* write cycles */

	/* Its inside. */
	bool powered, asleep, waking, write_enabled;
	uint64_t ready_at; /* ns: from its supply, or from sleep */
	uint64_t busy_until;
	uint32_t cycle_page; /* of the last write cycle */
	uint32_t random;
	uint32_t pointer;
	bool pointer_known;

	uint8_t latch[MODEL_PAGE_MAX];
	bool latched[MODEL_PAGE_MAX];
	uint32_t latch_page, latch_count;

	enum model_i2c_phase phase;
	uint32_t block;   /* what the device address said */
	uint32_t cell;    /* address bytes so far */
	uint32_t arrived; /* how many; SPI: all bytes of this frame */
	bool deaf;        /* SPI: to this frame */
	uint8_t opcode;
	uint8_t new_status;
};

/* @memory: config->size bytes that outlive the model; @clock as well. It comes up powered and
 * ready. */
void model_init(struct model *model, const struct model_config *config, uint8_t *memory,
		const struct rig_clock *clock);

/*
 * The supply. When it goes during a write cycle, the page becomes undefined. What is volatile is
 * lost; the level of the WP pin and the budget stay.
 */
void model_power(struct model *model, bool on);

/**
 * model_spend_power() - have the power go after so many bytes.
 * @bytes: that are still stored; a write cycle counts for the bytes of its page that it writes and
 *         one more, without which it is not complete
 *
 * The chip is dead from then on, until model_power().
 */
void model_spend_power(struct model *model, int64_t bytes);

/* I2C. The first two say whether the chip acknowledges; @address has 7 bits. */
bool model_i2c_start(struct model *model, uint8_t address, bool read);
bool model_i2c_write(struct model *model, uint8_t byte);
uint8_t model_i2c_read(struct model *model); /* FF if it has nothing to say */
void model_i2c_stop(struct model *model);

/* SPI: chip select, a byte each way (FF while the chip drives nothing), chip select again. */
void model_spi_select(struct model *model);
uint8_t model_spi_exchange(struct model *model, uint8_t byte);
void model_spi_deselect(struct model *model);
