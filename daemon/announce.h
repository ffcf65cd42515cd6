/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Signals: what users are told without having asked. On the bus, where everybody hears them, only
 * what everybody may know; on a session what its user may.
 *
 * No property is announced more than ten times a second, however often it changes.
 */
#pragma once

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "smm_store.h"
#include "volume.h"

struct manager;
struct memory;
struct hot_block;

/* What was announced of a memory a moment ago, and has to wait if it changes again. */
struct announcer {
	ev_timer tick;
	struct hot_block *blocks;
	struct volume_status status; /* as it was announced last */
	bool hot, changed;           /* its status was announced just now; and is another since */
};

void announcer_init(struct memory *memory);
void announcer_release(struct memory *memory);

/* A block came (no @before), went (no @now), or has another header. */
void announce_block(struct memory *memory, const struct smm_block *before,
		    const struct smm_block *now);
/* Whether there can be anybody who may hear of a block's content; any thread. */
bool announce_is_heard(struct manager *manager, const struct smm_block *block);

/* So many bytes of it were written. */
void announce_content(struct memory *memory, const struct smm_block *block, uint32_t offset,
		      uint32_t length);
/* Properties of the memory may have changed. */
void announce_status(struct memory *memory);

/* An object came, or goes. */
void announce_added(struct manager *manager, const char *path, const char *interface);
void announce_removed(struct manager *manager, const char *path, const char *interface);

void announce_job_progress(struct manager *manager, const char *path);
void announce_job_finished(struct manager *manager, const char *path, const char *result);
