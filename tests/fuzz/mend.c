/* SPDX-License-Identifier: BSD-3-Clause */
#include "mend.h"

#include "../lib/store-layout.h"
#include "ram-store.h"

#define SYSTEM_BYTES (LAYOUT_HEADER + LAYOUT_SYSTEM_FIELDS + LAYOUT_ID_MARK)

static void mend_superblock(uint8_t *bytes, uint32_t size)
{
	memcpy(bytes, "smm", 3);
	bytes[3] = 0x10 | (bytes[3] & 15);
	bytes[4] = (uint8_t)(size / 4);
	bytes[5] = (uint8_t)(size / 4 >> 8);
	bytes[6] = (uint8_t)(size / 4 >> 16);
}

/* The check byte of @n bytes: FORMAT.md, part 1. */
static uint8_t check_byte(const uint8_t *bytes, uint32_t n)
{
	uint8_t check = 0;

	for (uint32_t i = 0; i < 8 * n; i++) {
		uint32_t column = i + 8;

		if (!(bytes[i / 8] >> i % 8 & 1))
			continue;
		if (__builtin_popcount(column) == 1) /* 7, 6, 5, 3 instead of 8, 16, 32, 64 */
			column = 7 - column / 16;
		check ^= (uint8_t)(column | (__builtin_popcount(column) % 2 ? 0 : 0x80));
	}
	return check;
}

static void mend_map(uint8_t *bytes, uint32_t size)
{
	uint32_t granule = 4u << (bytes[3] & 15),
		 granules = smm_data_bytes(size, granule) / granule;

	bytes[7] = check_byte(bytes, 7);
	for (uint8_t *line = bytes + SMM_SUPERBLOCK; granules; line += SMM_LINE) {
		uint32_t n = granules < SMM_LINE_GRANULES ? granules : SMM_LINE_GRANULES;

		line[(n + 3) / 4] = check_byte(line, (n + 3) / 4);
		granules -= n;
	}
}

/* The record that byte 0 of the log says the length of. */
static void mend_record(uint8_t *log, uint32_t room)
{
	uint32_t changes = log[0] * 4u - 4;

	if (log[0] < 2 || 2 + changes + 4 > room)
		return;
	log[1] = (uint8_t)~log[0];
	layout_put32(log + 2 + changes, smm_crc32c(0, log + 2, changes));
}

static void mend_system(uint8_t *system, uint32_t room, unsigned int which)
{
	uint8_t *fields = system + LAYOUT_HEADER, *mark = fields + LAYOUT_SYSTEM_FIELDS;

	if (room < SYSTEM_BYTES + 2)
		return;
	if (which & MEND_RECORD)
		mend_record(system + SYSTEM_BYTES, room - SYSTEM_BYTES);
	if (!(which & MEND_SYSTEM))
		return;
	system[AT_NAME_LENGTH] = 0;
	layout_protect_header(system);
	layout_protect_system(fields);
	layout_protect_id_mark(mark);
}

static void mend_block(uint8_t *header, uint32_t room, unsigned int which)
{
	uint32_t before, length;

	if (room < SMM_OVERHEAD || header[AT_NAME_LENGTH] > room - SMM_OVERHEAD)
		return;
	before = LAYOUT_HEADER + header[AT_NAME_LENGTH];
	length = layout_get32(header + AT_LENGTH);
	if (which & MEND_CONTENTS && length <= room - before - LAYOUT_CHECKSUM)
		layout_put32(header + before + length, smm_crc32c(0, header + before, length));
	if (which & MEND_HEADERS)
		layout_protect_header(header);
}

/* What the map, as it is by now, says that there is. */
static void mend_blocks(uint8_t *bytes, uint32_t size, unsigned int which)
{
	_cleanup_ram_store_ struct ram_store ram;
	struct smm *s = &ram.store.smm;
	uint32_t offset = 0, room;

	if (ram_store_init(&ram, bytes, size) < 0)
		return;
	(void)smm_mount(s);
	while (smm_walk(s, offset, &offset, &room) == SMM_OK && offset) {
		if (offset == s->data)
			mend_system(bytes + offset, room, which);
		else
			mend_block(bytes + offset, room, which);
	}
}

void mend(uint8_t *bytes, uint32_t size, unsigned int which)
{
	if (which & MEND_SUPERBLOCK)
		mend_superblock(bytes, size);
	if (which & MEND_MAP)
		mend_map(bytes, size);
	if (which & ~(unsigned int)(MEND_SUPERBLOCK | MEND_MAP))
		mend_blocks(bytes, size, which);
}

uint32_t mend_journal(uint8_t *bytes, uint32_t size, uint32_t page)
{
	uint32_t record = page + 12, slot = (record + page - 1) / page * page;
	uint32_t journal = 8 * slot, begin = size / page * page - journal;

	if (size / page * page < journal)
		return 0;
	for (uint8_t *at = bytes + begin; at < bytes + begin + journal; at += slot)
		layout_put32(at + page + 8, smm_crc32c(0, at, page + 8));
	return begin;
}
