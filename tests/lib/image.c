/* SPDX-License-Identifier: BSD-3-Clause */
#include "image.h"

#include <string.h>

#define SUPERBLOCK_CHECK 7u

/* Bytes of map and check bytes for @granules. */
static u64 map_bytes(u64 granules)
{
	u64 rest = granules % 60;

	return granules / 60 * 16 + (rest ? (rest + 3) / 4 + 1 : 0);
}

bool image_geometry(u32 size, u32 granule, struct image_geometry *g)
{
	u32 n = 0, step;

	if (size < 16 || size > 2 * 1024 * 1024 || size % 4)
		return false;
	if (granule < 4 || granule > 4u << 15 || granule & (granule - 1))
		return false;
	for (step = 1u << 20; step; step /= 2)
		if (8 + map_bytes(n + step) + (u64)(n + step) * granule <= size)
			n += step;
	g->granules = n;
	g->data = size - n * granule;
	g->lines = (n + 59) / 60;
	return n > 0;
}

u32 image_line_bytes(const struct image_geometry *g, u32 line)
{
	u32 granules = g->granules - line * 60;

	return granules < 60 ? (granules + 3) / 4 : 15;
}

u32 image_line_offset(u32 line)
{
	return 8 + line * 16;
}

static u32 count_bits(u32 value)
{
	u32 count = 0;

	for (; value; value >>= 1)
		count += value & 1;
	return count;
}

/*
 * The check bits that each data bit takes part in: the numbers from 8 to 127 in ascending order,
 * with 7, 6, 5 and 3 in the places of 8, 16, 32 and 64, and bit 7 set where that makes their number
 * odd.
 */
static const u8 *columns(void)
{
	static const u8 instead[] = { 7, 6, 5, 3 };
	static u8 table[120];
	u32 i, low, replaced = 0;

	if (table[0])
		return table;
	for (i = 0; i < 120; i++) {
		low = i + 8;
		if (count_bits(low) == 1)
			low = instead[replaced++];
		table[i] = (u8)(low | (count_bits(low) % 2 ? 0 : 0x80));
	}
	return table;
}

u8 image_check(const u8 *bytes, u32 count)
{
	const u8 *column = columns();
	u8 check = 0;
	u32 i;

	for (i = 0; i < 8 * count; i++)
		if (bytes[i / 8] >> i % 8 & 1)
			check ^= column[i];
	return check;
}

void image_protect(u8 *bytes, u32 size, u32 granule)
{
	struct image_geometry g;
	u32 line, count;
	u8 *at;

	bytes[SUPERBLOCK_CHECK] = image_check(bytes, SUPERBLOCK_CHECK);
	if (!image_geometry(size, granule, &g))
		return;
	for (line = 0; line < g.lines; line++) {
		at = bytes + image_line_offset(line);
		count = image_line_bytes(&g, line);
		at[count] = image_check(at, count);
	}
}

/* Try every single flipped bit of @count bytes and the check byte behind them. */
static bool correct(u8 *bytes, u32 count)
{
	u32 i;

	if (image_check(bytes, count) == bytes[count])
		return true;
	for (i = 0; i < 8 * (count + 1); i++) {
		bytes[i / 8] ^= (u8)(1u << i % 8);
		if (image_check(bytes, count) == bytes[count])
			return true;
		bytes[i / 8] ^= (u8)(1u << i % 8);
	}
	return false;
}

static int mount_superblock(u8 *bytes, u32 size, u32 *granule, struct image_geometry *g)
{
	u8 b[8];
	bool whole;

	memcpy(b, bytes, sizeof(b));
	if (!memcmp(b, "smp", 3))
		return SMM_UNFINISHED;
	whole = correct(b, SUPERBLOCK_CHECK);
	if (memcmp(b, "smm", 3))
		return SMM_NOT_FORMATTED;
	if (!whole || !(b[3] >> 4))
		return SMM_CORRUPT;
	if (b[3] >> 4 > 1)
		return SMM_NEWER_FORMAT;
	if ((u32)(b[4] | b[5] << 8 | b[6] << 16) * 4 != size)
		return SMM_WRONG_SIZE;
	*granule = 4u << (b[3] & 15);
	if (!image_geometry(size, *granule, g))
		return SMM_CORRUPT;
	memcpy(bytes, b, sizeof(b));
	return SMM_OK;
}

/* The two bits of @granule. */
static u32 get(const u8 *bytes, u32 granule)
{
	u32 i = granule % 60;

	return bytes[image_line_offset(granule / 60) + i / 4] >> i % 4 * 2 & 3;
}

static bool mount_line(u8 *bytes, const struct image_geometry *g, u32 line)
{
	u32 count = image_line_bytes(g, line), i, granules = g->granules - line * 60;
	u8 fixed[16], *at = bytes + image_line_offset(line);

	memcpy(fixed, at, count + 1);
	if (!correct(fixed, count))
		return false;
	for (i = 0; i < 4 * count; i++) {
		u32 bits = fixed[i / 4] >> i % 4 * 2 & 3;

		if (bits == 2 || (i >= granules && bits) || (i + line == 0 && !bits))
			return false;
	}
	memcpy(at, fixed, count + 1);
	return true;
}

int image_mount(u8 *bytes, u32 size, struct model *m)
{
	struct image_geometry g;
	u32 granule, line, i, start = 0;
	int r = mount_superblock(bytes, size, &granule, &g);
	bool used = false;

	if (r)
		return r;
	for (line = 0; line < g.lines; line++)
		if (!mount_line(bytes, &g, line))
			r = SMM_CORRUPT;
	if (r)
		return r;
	model_init(m, g.data, granule, g.granules);
	for (i = 0; i < g.granules; i++) {
		u32 bits = get(bytes, i);

		if (bits) {
			if (bits == 1 && i && !used)
				bytes[image_line_offset(i / 60) + i % 60 / 4] ^=
					(u8)(1u << i % 4 * 2);
			used = bits == 3;
			start = i;
		}
		m->owner[i] = used ? start + 1 : 0;
	}
	image_protect(bytes, size, granule);
	return SMM_OK;
}
