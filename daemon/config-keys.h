/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The keys of a [memory NAME] section: how each is spelled, what it takes, and where it goes.
 */
#pragma once

#include "config.h"

#define SIZE_MIN 512u /* bytes: in less, a store has no room for blocks */

enum key_id {
	KEY_BUS,
	KEY_DEVICE,
	KEY_ADDRESS,
	KEY_SPEED,
	KEY_PATH,
	KEY_MODEL,
	KEY_CHECK_ID,
	KEY_SIZE,
	KEY_ADDRESS_BYTES,
	KEY_PAGE_SIZE,
	KEY_WRITE_TIME,
	KEY_GRANULE,
	KEY_FORMAT,
	KEY_MIRROR,
	KEY_VERIFY,
	KEY_SCRUB_INTERVAL,
	KEY_QUOTA,
	KEY_DEFAULT_MODE,
	KEY_WRITE_PROTECT_GPIO,
	KEY_POWER_FAIL_GPIO,
	KEY_POWER_ENABLE_GPIO,
	KEY_WIRE_SPEED,
	N_KEYS
};

struct key {
	const char *name;
	/* Takes a value into @m, or says what is wrong with it. */
	const char *(*parse)(struct memory_config *m, const char *value);
	const char *allowed;
	unsigned int buses; /* of enum bus_kind, one bit each, for which it means something */
};

extern const struct key config_keys[N_KEYS];
