/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the two files of the volume share: volume.c is the life of a memory as a whole,
 * volume-block.c what its users do with blocks.
 */
#pragma once

#include <pthread.h>

#include "chip.h"
#include "mirror.h"
#include "volume-index.h"
#include "volume.h"

enum volume_state {
	VOLUME_ONLINE,
	VOLUME_READ_ONLY,
	VOLUME_BLANK,
	VOLUME_FOREIGN,
	VOLUME_CORRUPT,
	VOLUME_OFFLINE,
};

struct volume {
	const struct memory_config *config;

	/* The worker's. */
	struct chip *chip;
	struct mirror *mirror;
	struct smm_store store;
	enum volume_state state;
	int chip_error;   /* of the transfer that failed last, a negative errno */
	bool looking;     /* a check that repairs nothing: what the library writes goes nowhere */
	bool map_changed; /* since free space was last measured */
	struct smm_stats before; /* corrected and merged, before the last mount */
	uint64_t replays;

	/* For any thread. */
	struct index index;
	pthread_mutex_t lock; /* for the status */
	struct volume_status status;
};

/* Whether blocks can be read or, with @change, changed; an offline chip is tried again. */
int volume_ready(struct volume *volume, bool change, sd_bus_error *error);

/* Find out what is on the chip now, after a failure. */
void volume_recover(struct volume *volume);

/* Bring the status up to date, at the end of every call of the worker's. */
void volume_publish(struct volume *volume);
