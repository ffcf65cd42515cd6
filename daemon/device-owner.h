/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One owner for a chip behind a device node: no second process, and no driver of the kernel.
 *
 * The lock is a byte range of the node itself (an open file description lock): it needs no place to
 * write, holds between users, goes with the descriptor, and lets chips share a bus, since every
 * chip has its own bytes. Other programs that use the node without asking are not kept out.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <systemd/sd-bus.h>

#include "chip-table.h"

/**
 * device_open() - open a node, or what a link to one leads to.
 * @bus: what it has to be: an adapter of i2c-dev or a device of spidev
 * @number: receives its device number
 *
 * Return: a descriptor; -ENODEV if there is nothing; -ENOTTY if it is something else; -EACCES; or
 * another negative errno, with one sentence in @error.
 */
int device_open(enum chip_bus bus, const char *node, dev_t *number, sd_bus_error *error);

/* Whether that is a node of it. */
bool device_is_of(enum chip_bus bus, const struct stat *st);

/**
 * device_lock() - keep a place of a device for this descriptor, until it is closed.
 * @place: the address of an I2C chip, each that it answers to for itself; 0 for SPI
 *
 * Return: 0; -EBUSY if another descriptor has it; or another negative errno, with one sentence in
 * @error.
 */
int device_lock(int fd, const char *node, uint8_t place, sd_bus_error *error);

/**
 * device_driver() - whether a driver of the kernel has a device; spidev, which makes the nodes of
 * SPI, does not count.
 * @name: as sysfs calls it: "1-0050", "spi0.0"
 * @driver: receives its name
 */
bool device_driver(enum chip_bus bus, const char *name, char driver[NAME_MAX + 1]);

/**
 * device_check_driver() - the same, as a refusal.
 *
 * Return: 0, or -EBUSY with one sentence in @error: the driver, and the command that unbinds it.
 */
int device_check_driver(enum chip_bus bus, const char *name, sd_bus_error *error);
