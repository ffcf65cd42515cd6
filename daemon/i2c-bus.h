/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An I2C bus behind an adapter of i2c-dev: who has which address on it, how fast it is, and
 * transfers that are repeated where that can help.
 *
 * An adapter that knows only SMBus serves as far as its block transfers reach, which are random
 * reads and writes with an address of one byte.
 */
#pragma once

#include <linux/i2c.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "chip.h"

#define I2C_MESSAGE_MAX 8192u /* i2c-dev takes no longer message */

struct i2c_bus {
	const char *node;
	int fd;
	unsigned int number;
	bool smbus;     /* it knows nothing else */
	uint32_t clock; /* Hz; 0 where no device tree says it */
	struct chip_counters *counters;
};

/**
 * i2c_bus_open() - take up an adapter.
 * @bus: with its node and counters; the rest is filled in
 *
 * Return: 0; -EOPNOTSUPP if the adapter cannot do what is needed here; or what device_open()
 * returns; with one sentence in @error.
 */
int i2c_bus_open(struct i2c_bus *bus, sd_bus_error *error);
void i2c_bus_close(struct i2c_bus *bus);

/* The clock that the device tree wants this adapter to have, in Hz; 0 where it does not say. */
uint32_t i2c_bus_clock(unsigned int number);

/* Take an address until the bus is closed. Return: 0, or -EBUSY with one sentence in @error. */
int i2c_bus_claim(struct i2c_bus *bus, uint8_t address, sd_bus_error *error);

/**
 * i2c_bus_transfer() - one transaction, repeated with growing pauses if it met a NACK, a lost
 * arbitration or a disturbance.
 * i2c_bus_try() - the same once.
 * @messages: write, read, or write and then read; none is empty
 *
 * Return: 0 or a negative errno; -ETIMEDOUT at once, since each more of them would take as long
 * again.
 */
int i2c_bus_transfer(struct i2c_bus *bus, struct i2c_msg *messages, uint32_t n);
int i2c_bus_try(struct i2c_bus *bus, struct i2c_msg *messages, uint32_t n);

/* What a negative result says: nobody answered; it may go well another time; the adapter does not
 * do such a transfer. */
bool i2c_unanswered(int result);
bool i2c_may_pass(int result);
bool i2c_refused(int result);
