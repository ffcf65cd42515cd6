/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of the volume share: volume.c opens a memory and reports on it, volume-state.c has
 * the states that it can be in, volume-block.c what its users do with blocks.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "chip.h"
#include "mirror.h"
#include "volume-index.h"
#include "volume.h"

enum volume_state {
	VOLUME_LOADING,
	VOLUME_ONLINE,
	VOLUME_READ_ONLY,
	VOLUME_BLANK,
	VOLUME_FOREIGN,
	VOLUME_CORRUPT,
	VOLUME_OFFLINE,
	VOLUME_POWER_FAIL,
};

#define NO_BLOCK UINT32_MAX

struct volume {
	const struct memory_config *config;
	const struct volume_ops *ops;
	void *userdata;

	/* The worker's. */
	struct chip *chip; /* NULL while it cannot be had; set under the lock */
	struct mirror *mirror;
	struct smm_store store;
	enum volume_state state;
	int chip_error;   /* of the transfer that failed last, a negative errno */
	bool looking;     /* a check that repairs nothing: what the library writes goes nowhere */
	bool map_changed; /* since free space was last measured */
	struct smm_stats before; /* corrected and merged, before the last mount */
	uint64_t replays;
	char why[VOLUME_WHY_MAX]; /* it is in this state; "" for the usual reason */
	bool known;               /* which chip it is: */
	uint8_t identity[SMM_ID_BYTES];
	uint64_t retry_at, scrub_at; /* milliseconds of CLOCK_MONOTONIC */
	uint32_t retry_ms;
	uint32_t scrubbed; /* bytes of the chip, in this round */
	uint32_t busy_id;  /* the block that the call in hand changes, 0 none or a new one, or
			    * NO_BLOCK: nothing may be done in between */
	bool in_between;   /* two slices of it */

	/* Set by the loop's thread. */
	_Atomic bool power_failing, replugged, stopping;

	_Atomic bool seen; /* the index is that of the chip, as it was last seen */

	/* For any thread. */
	struct index index;
	pthread_mutex_t lock; /* for the status */
	struct volume_status status;
};

/* The library's way to the chip. */
int volume_on_read(void *volume, u32 offset, void *buffer, u32 size);
int volume_on_write(void *volume, u32 offset, const void *buffer, u32 size);

/* Get the chip, or take it up again after it was away. Return: 0 or a negative errno. */
int volume_reach(struct volume *volume, sd_bus_error *error);

/* It could not be reached, as @error says. */
void volume_lost(struct volume *volume, int r, const sd_bus_error *error);

/* Find out what is on the chip; one that is blank and was never known is formatted, if it may be.
 */
void volume_welcome(struct volume *volume);

/* Make an empty store, and take up what has become of it. Return: an enum smm_result. */
int volume_make(struct volume *volume, uint32_t granule);

/* Whether blocks can be read or, with @change, changed; an offline chip is tried again. */
int volume_ready(struct volume *volume, bool change, sd_bus_error *error);

/* Find out what is on the chip now, after a failure. */
void volume_recover(struct volume *volume);

const char *volume_state_name(const struct volume *volume);
const char *volume_why(const struct volume *volume); /* it is not online, and what to do */
void volume_log_state(const struct volume *volume);

/* Whether it was ever seen what is on the chip; any thread. */
int volume_seen(struct volume *volume, sd_bus_error *error);

/* Bring the status up to date, at the end of every call of the worker's. */
void volume_publish(struct volume *volume);
