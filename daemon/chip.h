/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A chip: bytes that keep their contents, behind a wire that costs time.
 *
 * Every kind of chip keeps the promise that the library needs: a write of one byte is atomic, the
 * bytes of a write land in the order of their addresses, and a write returns 0 only when all of
 * them have landed. One thread at a time uses a chip, and never reaches outside [0, size).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

struct chip;

/* All return 0 or a negative errno. */
struct chip_ops {
	int (*read)(struct chip *chip, uint32_t offset, void *buffer, uint32_t size);
	int (*write)(struct chip *chip, uint32_t offset, const void *buffer, uint32_t size);
	void (*close)(struct chip *chip);
};

/* What went over the wire, addresses and opcodes included. */
struct chip_counters {
	uint64_t bytes_read, bytes_written;
	uint64_t reads, writes; /* transactions */
	uint64_t errors;
};

struct chip {
	const struct chip_ops *ops;
	uint32_t size;  /* bytes */
	bool read_only; /* it cannot be written at all */
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

static inline void chip_close(struct chip *chip)
{
	if (chip)
		chip->ops->close(chip);
}

/**
 * chip_file_open() - a file that stands for a chip: an image, or an eeprom or nvmem file of sysfs.
 * @path: its directory has to exist; a file that is missing or empty becomes @size zero bytes
 * @size: bytes; a file of another size is refused
 * @wire_speed: Hz of the I2C bus as slow as which it is, or 0 for as fast as the file
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
int chip_file_open(const char *path, uint32_t size, uint32_t wire_speed, struct chip **chip,
		   sd_bus_error *error);
