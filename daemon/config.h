/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The configuration of smmd: INI files, one section a memory.
 *
 * Everything is checked while it is read, so that what config_load() returns can be used as it is.
 * A mistake is reported with its file, line and key and what is allowed there.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Where smmd looks unless told otherwise. */
#define CONFIG_PATH "/etc/smm/smmd.conf"

enum bus_kind {
	BUS_NONE,
	BUS_FILE,
	BUS_I2C,
	BUS_SPI,
};

enum format_policy {
	FORMAT_NEVER,
	FORMAT_BLANK,
};

/* What is read back after it was written. */
enum verify_policy {
	VERIFY_NONE,
	VERIFY_METADATA,
	VERIFY_ALL,
};

/* One [memory NAME] section. */
struct memory_config {
	char *name;
	enum bus_kind bus;
	char *path;             /* file: the image */
	char *device;           /* i2c, spi: the node */
	uint8_t address;        /* i2c: 7 bits */
	uint32_t speed;         /* spi: Hz; 0 for what the chip can do */
	char *model;            /* "auto", "custom" or a name of the chip table */
	bool check_id;          /* a chip that says it is another model is refused */
	uint32_t size;          /* bytes; of i2c and spi only with "custom" */
	uint8_t address_bytes;  /* custom: 1 to 3 */
	uint16_t page_size;     /* custom: bytes, 0 for no pages */
	uint32_t write_time_us; /* custom: of a write cycle */
	uint32_t granule;       /* bytes, used when formatting */
	enum format_policy format;
	bool mirror;
	enum verify_policy verify;
	uint32_t scrub_interval;                                        /* seconds; 0 for never */
	char *write_protect_gpio, *power_fail_gpio, *power_enable_gpio; /* NULL: none; see gpio.h */
	uint32_t quota;             /* bytes a uid may hold; 0 for no limit */
	unsigned int quota_percent; /* the same as a share of the chip; 0 if @quota says it */
	mode_t default_mode;
	uint32_t wire_speed; /* file: Hz of the I2C bus that it behaves like; 0 for no delay */
	char *text;          /* its keys and values as they are written: the same is the same */
	struct memory_config *next;
};

struct config {
	struct memory_config *memories; /* in the order of the files */
	char *mistake;                  /* the first one, or NULL */
};

/**
 * config_load() - read a configuration file and its drop-ins.
 * @path: the file; @path + ".d" is searched for *.conf, in the order of their names
 * @config: receives the configuration, to be freed with config_free(); without memories on an error
 *
 * What is wrong is logged, one line each, with file, line, key and what is allowed; the first of
 * these lines is in @config->mistake then.
 *
 * Return: 0, -EINVAL if anything is wrong, or another negative errno.
 */
int config_load(const char *path, struct config *config);

void config_free(struct config *config);

/* The first of its memories, the caller's from now on. */
struct memory_config *config_take(struct config *config);

void memory_config_free(struct memory_config *memory);
