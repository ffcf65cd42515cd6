/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the tests of the store know of its bytes on the chip; FORMAT.md is the source. Only the
 * tests that foresee how much room something takes, or that put wrong bytes there, need it.
 */
#ifndef STORE_LAYOUT_H
#define STORE_LAYOUT_H

#include <stdbool.h>

#include "smm_store.h"

/* A block: header, name, payload, checksum of the payload. Offsets of the header's fields. */
#define LAYOUT_HEADER   28u
#define LAYOUT_CHECKSUM 4u
enum {
	AT_HEADER_CRC = 0,
	AT_KIND = 4, /* and LAYOUT_CHECKED */
	AT_NAME_LENGTH = 5,
	AT_MODE = 6,
	AT_ID = 8,
	AT_GENERATION = 12,
	AT_LENGTH = 16,
	AT_UID = 20,
	AT_GID = 24,
	AT_NAME = 28
};
#define LAYOUT_CHECKED 0x80u

/* The store's own block: fields with a CRC, the id mark with another, the intent log. */
#define LAYOUT_SYSTEM_FIELDS 60u
#define LAYOUT_ID_MARK       8u
enum {
	AT_SYSTEM_CRC = 0,
	AT_VERSION = 4,
	AT_LOG_SIZE = 8,
	AT_IDENTITY = 12,
	AT_LABEL = 28
};

/* Of a formatted or mounted store. */
u32 layout_system(const struct smm_store *st); /* offset of the fields */
u32 layout_id_mark(const struct smm_store *st);
u32 layout_log(const struct smm_store *st);

u32 layout_payload(const struct smm_block *b); /* offset */

/* Bytes of the allocation that @b has to have. */
u32 layout_room(u32 granule, const struct smm_block *b);

/* Bytes of the log that a record of these bytes takes: bytes for consecutive offsets are one
 * change.
 */
struct layout_run {
	u32 offset, size;
};
u32 layout_log_bytes(const struct layout_run *runs, u32 count);

/* Whether an atomic write goes through the log (or is a single byte in place), not by a copy. */
bool layout_logs(const struct smm_store *st, const struct smm_block *b, u32 offset, u32 size);

u32 layout_get32(const u8 *at);
void layout_put32(u8 *at, u32 value);

/* Make the checksum right: of the header at @header, the fields at @system, the id mark at @mark.
 */
void layout_protect_header(u8 *header);
void layout_protect_system(u8 *system);
void layout_protect_id_mark(u8 *mark);

/* A record of the log. Begin it, add changes, end it: then it waits for a mount. */
struct layout_record {
	u8 *log;
	u32 used;
};
void layout_record_begin(struct layout_record *record, u8 *log);
/* @head with @size bytes behind it, whatever @head says. */
void layout_record_add(struct layout_record *record, u32 head, const void *data, u32 size);
void layout_record_end(struct layout_record *record);

/* Heads of changes: @size bytes for @offset; an allocation to make or to free. */
u32 layout_bytes(u32 offset, u32 size);
u32 layout_commit(u32 offset);
u32 layout_release(u32 offset);

#endif
