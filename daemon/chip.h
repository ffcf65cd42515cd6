/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A chip: bytes that keep their contents, behind a wire that costs time.
 *
 * Every kind of chip keeps the promise that the library needs: a write of one byte is atomic, the
 * bytes of a write land in the order of their addresses, and a write returns 0 only when all of
 * them have landed. A chip with pages (EEPROM) keeps it only behind a page guard, which
 * chip_open() puts in front of it. One thread at a time uses a chip, and never reaches outside
 * [0, size).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "config.h"

struct chip;

/* All return 0 or a negative errno. */
struct chip_ops {
	int (*read)(struct chip *chip, uint32_t offset, void *buffer, uint32_t size);
	int (*write)(struct chip *chip, uint32_t offset, const void *buffer, uint32_t size);

	/* Take the device up again, which may have been away: open it, and look whether a chip of
	 * the same model is there. NULL: it cannot go away. */
	int (*reopen)(struct chip *chip, sd_bus_error *error);
	void (*close)(struct chip *chip);
};

/* What went over the wire, addresses and opcodes included. */
struct chip_counters {
	uint64_t bytes_read, bytes_written;
	uint64_t reads, writes; /* transactions */
	uint64_t errors;        /* transfers that failed for good */
	uint64_t retries;       /* of transfers that were refused or did not arrive */
	/* Behind a page guard: write cycles, and how many of them were its journal's. */
	uint64_t page_programs, journal_programs;
};

struct chip {
	const struct chip_ops *ops;
	uint32_t size; /* bytes */

	/* A write cycle programs a page of so many bytes, and a power cut leaves all of them
	 * undefined; 0 where every byte is for itself. */
	uint32_t page_size;

	/* The wire: bytes of a transaction beside its data, nanoseconds a byte (0: unknown). */
	uint32_t read_overhead, write_overhead;
	uint32_t gap; /* bytes sent in vain that cost less than another write, if they are more */
	uint32_t ns_per_byte;

	/* Bytes of a write that were not there when they were read back: what was meant may have
	 * landed elsewhere. Whoever looks after that sets it to 0. */
	uint32_t astray;

	bool faithful; /* what was written is there: it need not be read back */

	bool read_only;            /* it cannot be written at all, */
	const char *why_read_only; /* because ... */

	/* What it is, for people; they live as long as the chip. */
	const char *bus, *device, *model, *technology;
	char identified[64]; /* "id 00a510", "as configured, no id" */

	struct chip_counters counters;
};

static inline int chip_read(struct chip *chip, uint32_t offset, void *buffer, uint32_t size)
{
	return chip->ops->read(chip, offset, buffer, size);
}

static inline int chip_write(struct chip *chip, uint32_t offset, const void *buffer, uint32_t size)
{
	return chip->ops->write(chip, offset, buffer, size);
}

static inline int chip_reopen(struct chip *chip, sd_bus_error *error)
{
	return chip->ops->reopen ? chip->ops->reopen(chip, error) : 0;
}

static inline void chip_close(struct chip *chip)
{
	if (chip)
		chip->ops->close(chip);
}

/* A transfer is cut in slices of so much time on the wire. */
#define CHIP_SLICE_NS 10000000u

/**
 * chip_open() - the chip of a memory, whatever its bus, with all that goes with a transfer.
 *
 * Its supply is switched on, its write-protect line is released only around writes, a chip with
 * pages gets a guard. What is written is read back as the configuration says: what does not
 * arrive is written once more, then the write fails with -EIO and the chip is read-only from
 * then on. With VERIFY_ALL, what is read is read until it is twice the same. Parameters and errors
 * as those of the three that follow.
 */
int chip_open(const struct memory_config *config, struct chip **chip, sd_bus_error *error);

/**
 * chip_on_slice() - have @between called after every slice of a transfer but the last.
 * @chip: of chip_open(), like those of the two calls that follow
 *
 * It may read from the chip.
 */
void chip_on_slice(struct chip *chip, void (*between)(void *userdata), void *userdata);

/**
 * chip_power_fail() - say that the power fails, or is back; for any thread.
 *
 * From then on, writes get 2 ms of the wire to come to an end, and -EHOSTDOWN behind that.
 */
void chip_power_fail(struct chip *chip, bool failing);

/**
 * chip_file_open() - a file that stands for a chip: an image, or an eeprom or nvmem file of sysfs.
 * @config: its path, the directory of which has to exist; a file that is missing or empty becomes
 *          as many zero bytes as its size says, a file of another size is refused
 * @chip: receives the chip, for this process alone until chip_close()
 * @error: receives one sentence on failure
 *
 * What was written outlives this process. Whether it outlives the machine is up to the file system:
 * nothing here waits for its disk. A file that can be read and not written is a chip that is
 * read-only.
 *
 * Return: 0; -EBUSY if another process has it; -EINVAL if it is no such file; or another negative
 * errno.
 */
int chip_file_open(const struct memory_config *config, struct chip **chip, sd_bus_error *error);

/**
 * chip_i2c_open() - a chip behind an adapter of i2c-dev.
 * chip_spi_open() - a chip behind a device of spidev.
 * @config: its device, and its address or speed; its model, and with "custom" its geometry
 * @chip: receives the chip, for this process alone until chip_close()
 * @error: receives one sentence on failure: what was asked, what is the case, what to do
 *
 * Nothing is ever written to find something out.
 *
 * Return: 0; -EBUSY if a kernel driver or another process has the chip; -ENODEV if there is no
 * such device or nothing answers; -EOPNOTSUPP if the adapter cannot do what the chip needs;
 * -EMEDIUMTYPE if another chip is there; -ENOMEM and other negative errnos.
 */
int chip_i2c_open(const struct memory_config *config, struct chip **chip, sd_bus_error *error);
int chip_spi_open(const struct memory_config *config, struct chip **chip, sd_bus_error *error);

/**
 * page_guard_open() - put a guard in front of a chip with pages, so that it keeps the promise
 * above.
 * @below: the chip; it belongs to the guard from now on, also on failure
 * @chip: receives the guarded chip, which is smaller by its journal in the last pages: by how much,
 *        follows from the size of the chip and of its pages alone
 * @error: receives one sentence on failure
 *
 * Opening, reopening and reading write nothing: an update that a power cut interrupted is read as
 * done, and is done by the next write.
 *
 * Return: 0; -ENOSPC if the chip is too small for a journal and a store; -ENOMEM.
 */
int page_guard_open(struct chip *below, struct chip **chip, sd_bus_error *error);
