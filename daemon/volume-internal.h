/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of the volume share: volume.c opens a memory and reports on it, volume-state.c has
 * the states that it can be in, volume-rights.c who may do what, volume-block.c how blocks come, go
 * and change their headers, volume-content.c what is read and written, volume-image.c what happens
 * to a chip as a whole.
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

/* What a chip begins with while a restoration is not finished. */
#define VOLUME_RESTORING      \
	{                     \
		's', 'm', 'r' \
	}

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
	bool wrong_model; /* another is there than is configured: nothing is sent to it */
	bool looking;     /* a check that repairs nothing: what the library writes goes nowhere */
	bool map_changed; /* since free space was last measured */
	struct smm_stats before; /* corrected and merged, before the last mount */
	uint64_t replays;
	char why[VOLUME_WHY_MAX]; /* it is in this state; "" for the usual reason */
	const char *message;      /* by which the journal knows that */
	const char *logged;       /* that of the state that was logged last */
	uint32_t damaged;         /* the block that was last found to be, and that was logged */
	bool known;               /* which chip it is: */
	uint8_t identity[SMM_ID_BYTES];
	uint64_t retry_at, scrub_at; /* milliseconds of CLOCK_MONOTONIC */
	uint32_t retry_ms;
	uint32_t scrubbed; /* bytes of the chip, in this round */
	uint32_t mounts;   /* so often it was found out what is on the chip */
	uint32_t busy_id;  /* the block that the call in hand changes, 0 none or a new one, or
			    * NO_BLOCK: nothing may be done in between */
	bool in_between;   /* two slices of it */

	/* Set by the loop's thread. */
	_Atomic bool power_failing, replugged, stopping;

	_Atomic uint64_t written; /* bytes of the format or restoration in hand */

	_Atomic uint64_t slices; /* of transfers, that came to an end */

	_Atomic bool seen; /* the index is that of the chip, as it was last seen */

	/* For any thread. */
	struct index index;
	pthread_mutex_t lock; /* for what follows */
	struct volume_status status;
	struct shadow *shadow; /* of a dump that is under way, or NULL */
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
void volume_log_state(struct volume *volume);

/* Whether it was ever seen what is on the chip; any thread. */
int volume_seen(struct volume *volume, sd_bus_error *error);

/* Bring the status up to date, at the end of every call of the worker's. */
void volume_publish(struct volume *volume);

/* These bytes went to the chip. */
void volume_wrote(struct volume *volume, uint32_t offset, const void *buffer, uint32_t size);

/* Bytes that are read in one go by what others wait behind: a slice of the wire's time. */
uint32_t volume_slice(const struct volume *volume);

/* Who may do what with a block. */
enum right {
	MAY_WRITE = 2,
	MAY_READ = 4,
	MAY_MANAGE, /* free, resize, rename, change the mode: the owner */
	MAY_GIVE,   /* to another owner: uid 0 */
};

bool volume_is_member(const struct caller *caller, uint32_t gid);
bool volume_has_right(const struct caller *caller, const struct smm_block *block, enum right right);

/* The block @id for a call that is to @verb it; who may not see it is told that there is none. */
int volume_open_block(struct volume *volume, const struct caller *caller, uint32_t id,
		      enum right right, const char *verb, struct smm_block *block,
		      sd_bus_error *error);

/* The block called @name. Return: 1, 0 if @caller sees none, or a negative errno with @error. */
int volume_open_name(struct volume *volume, const struct caller *caller, const char *name,
		     enum right right, const char *verb, struct smm_block *block,
		     sd_bus_error *error);

int volume_check_range(const struct smm_block *block, uint32_t offset, size_t size,
		       sd_bus_error *error);

/* The call in hand goes to the wire; it changes the block @id. Others may be read in between. */
void volume_begin(struct volume *volume, uint32_t id);

/*
 * The end of a call that changes blocks. @block is what it has made of one, by @result of the
 * library; it was to @verb it, for which it needed @need bytes in one piece.
 */
int volume_finish(struct volume *volume, int result, const struct smm_block *block,
		  const char *verb, uint64_t need, sd_bus_error *error);

/* What @result, which is not SMM_OK, means to the user. */
int volume_failed(struct volume *volume, int result, const struct smm_block *block,
		  const char *verb, uint64_t need, sd_bus_error *error);

/* Sentences that several need. */
int volume_no_name(struct volume *volume, const struct caller *caller, const char *name,
		   sd_bus_error *error);
int volume_bad_mode(uint32_t mode, sd_bus_error *error);
int volume_no_space(struct volume *volume, uint64_t need, sd_bus_error *error);
