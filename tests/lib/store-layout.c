/* SPDX-License-Identifier: BSD-3-Clause */
#include "store-layout.h"

#include <string.h>

#define LOG_HEAD    2u
#define RECORD_UNIT 4u
#define CHANGE_HEAD 4u
#define RECORD_CRC  4u
#define OFFSET_BITS 21u

u32 layout_system(const struct smm_store *st)
{
	return st->smm.data + LAYOUT_HEADER;
}

u32 layout_id_mark(const struct smm_store *st)
{
	return layout_system(st) + LAYOUT_SYSTEM_FIELDS;
}

u32 layout_log(const struct smm_store *st)
{
	return layout_id_mark(st) + LAYOUT_ID_MARK;
}

u32 layout_payload(const struct smm_block *b)
{
	return b->offset + LAYOUT_HEADER + (u32)strlen(b->name);
}

u32 layout_room(u32 granule, const struct smm_block *b)
{
	u32 size = LAYOUT_HEADER + (u32)strlen(b->name) + b->length + LAYOUT_CHECKSUM;

	return (size + granule - 1) / granule * granule;
}

u32 layout_log_bytes(const struct layout_run *runs, u32 count)
{
	u32 record = RECORD_CRC, end = 0, i;

	for (i = 0; i < count; i++) {
		record += runs[i].size + (runs[i].offset == end ? 0 : CHANGE_HEAD);
		end = runs[i].offset + runs[i].size;
	}
	return LOG_HEAD + (record + RECORD_UNIT - 1) / RECORD_UNIT * RECORD_UNIT;
}

bool layout_logs(const struct smm_store *st, const struct smm_block *b, u32 offset, u32 size)
{
	struct layout_run runs[] = {
		{ layout_payload(b) + offset, size },
		{ layout_payload(b) + b->length, LAYOUT_CHECKSUM },
	};

	return layout_log_bytes(runs, b->checksummed ? 2 : 1) <= st->log_size;
}

u32 layout_get32(const u8 *at)
{
	return at[0] | (u32)at[1] << 8 | (u32)at[2] << 16 | (u32)at[3] << 24;
}

void layout_put32(u8 *at, u32 value)
{
	at[0] = (u8)value;
	at[1] = (u8)(value >> 8);
	at[2] = (u8)(value >> 16);
	at[3] = (u8)(value >> 24);
}

void layout_protect_header(u8 *header)
{
	u32 size = LAYOUT_HEADER - AT_KIND + header[AT_NAME_LENGTH];

	layout_put32(header + AT_HEADER_CRC, smm_crc32c(0, header + AT_KIND, size));
}

void layout_protect_system(u8 *system)
{
	u32 size = LAYOUT_SYSTEM_FIELDS - AT_VERSION;

	layout_put32(system + AT_SYSTEM_CRC, smm_crc32c(0, system + AT_VERSION, size));
}

void layout_protect_id_mark(u8 *mark)
{
	layout_put32(mark + 4, smm_crc32c(0, mark, 4));
}

void layout_record_begin(struct layout_record *record, u8 *log)
{
	*record = (struct layout_record){ log, LOG_HEAD };
}

void layout_record_add(struct layout_record *record, u32 head, const void *data, u32 size)
{
	layout_put32(record->log + record->used, head);
	record->used += CHANGE_HEAD;
	if (size)
		memcpy(record->log + record->used, data, size);
	record->used += size;
}

void layout_record_end(struct layout_record *record)
{
	u32 size;
	u8 n;

	while ((record->used - LOG_HEAD) % RECORD_UNIT)
		record->log[record->used++] = 0;
	size = record->used - LOG_HEAD;
	layout_put32(record->log + record->used, smm_crc32c(0, record->log + LOG_HEAD, size));
	n = (u8)((size + RECORD_CRC) / RECORD_UNIT);
	record->log[0] = n;
	record->log[1] = (u8)~n;
}

u32 layout_bytes(u32 offset, u32 size)
{
	return offset | size << OFFSET_BITS;
}

u32 layout_commit(u32 offset)
{
	return offset | 1;
}

u32 layout_release(u32 offset)
{
	return offset;
}
