/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An I2C adapter as i2c-dev shows it, with chip models on its bus: the limits and errnos of the
 * kernel and of some adapters, and the bytes on the wire.
 */
#pragma once

#include <linux/i2c.h>
#include <stdbool.h>
#include <stdint.h>

#include "chip-model.h"
#include "wire.h"

#define I2C_DEV_CHIPS_MAX   8u
#define I2C_DEV_MESSAGE_MAX 8192u /* bytes */

struct i2c_dev_config {
	uint32_t clock_hz; /* 0: 100000 */
	bool pace;         /* transfers take the time that they take on the wire */
	int absent_errno;  /* when nobody acknowledges; 0: ENXIO, others say EREMOTEIO */

	/* What adapters cannot do; they refuse with EOPNOTSUPP. */
	bool smbus_only;      /* no messages at all */
	bool one_read_last;   /* i2c-bcm2835: a read that is not the last message */
	bool no_zero_length;  /* DesignWare */
	bool write_then_read; /* CP2112: other than one message, or a write and a read of one
				 address */
	uint16_t max_read, max_write; /* bytes of a message; 0: those of the kernel */
	int limit_errno;              /* with which it refuses longer ones; 0: EOPNOTSUPP */
};

struct i2c_dev {
	struct i2c_dev_config config;
	struct wire wire;
	struct model *chips[I2C_DEV_CHIPS_MAX];
	unsigned int chip_count;
	bool bound[128]; /* addresses that a driver of the kernel has */
	bool unplugged;

	uint64_t messages;
};

/* @clock outlives the device; its chips are to go by the same one. */
void i2c_dev_init(struct i2c_dev *dev, const struct i2c_dev_config *config,
		  const struct rig_clock *clock);
void i2c_dev_attach(struct i2c_dev *dev, struct model *chip);

/* The ioctls. All return what the kernel returns, a negative errno on failure. */
unsigned long i2c_dev_functions(const struct i2c_dev *dev); /* I2C_FUNCS */
int i2c_dev_rdwr(struct i2c_dev *dev, struct i2c_msg *messages, unsigned int count);

/* I2C_SLAVE and I2C_SLAVE_FORCE: whether the address may be taken; the caller keeps it. */
int i2c_dev_slave(const struct i2c_dev *dev, unsigned long address, bool force);

/**
 * i2c_dev_smbus() - I2C_SMBUS at the address that was taken.
 * @read: the direction, I2C_SMBUS_READ or I2C_SMBUS_WRITE
 * @size: I2C_SMBUS_QUICK, _BYTE, _BYTE_DATA, _WORD_DATA or _I2C_BLOCK_DATA; others are refused with
 *        EOPNOTSUPP
 */
int i2c_dev_smbus(struct i2c_dev *dev, uint16_t address, uint8_t read, uint8_t command,
		  uint32_t size, union i2c_smbus_data *data);
