/* SPDX-License-Identifier: BSD-3-Clause */
#include "mirror.h"

#include <errno.h>

#include "util.h"

#define SECTOR 16u /* bytes: what is loaded at once */

/* So many bytes of a slice are cells that lost their bits; more is something else. */
#define LOST_MAX 2

struct mirror {
	struct chip *chip;
	uint8_t *image; /* NULL: none is kept */
	bool *loaded;   /* one a sector: the image is that of the chip */
	bool pretended; /* but for what was written to the image alone */
	struct mirror_counters counters;
};

static uint32_t min(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t max(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/* The first sector that lies behind @offset, or begins there. */
static uint32_t sector_from(uint32_t offset)
{
	return (offset + SECTOR - 1) / SECTOR;
}

int mirror_new(struct chip *chip, bool image, struct mirror **mirror)
{
	struct mirror *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->chip = chip;
	if (image) {
		m->image = malloc(chip->size);
		m->loaded = calloc(sector_from(chip->size), sizeof(*m->loaded));
		if (!m->image || !m->loaded) {
			mirror_free(m);
			return -ENOMEM;
		}
	}
	*mirror = m;
	return 0;
}

void mirror_free(struct mirror *m)
{
	if (!m)
		return;
	free(m->image);
	free(m->loaded);
	free(m);
}

/* Load what is missing of the sectors [sector, last). */
static int load(struct mirror *m, uint32_t sector, uint32_t last)
{
	uint32_t end, offset;
	int r;

	for (; sector < last; sector = end) {
		for (end = sector; end < last && !m->loaded[end]; end++)
			;
		if (end == sector) {
			end++;
			continue;
		}
		offset = sector * SECTOR;
		r = chip_read(m->chip, offset, m->image + offset,
			      min(end * SECTOR, m->chip->size) - offset);
		if (r < 0)
			return r;
		memset(m->loaded + sector, true, end - sector);
	}
	return 0;
}

static bool differs(const struct mirror *m, uint32_t offset, uint8_t byte)
{
	return !m->loaded[offset / SECTOR] || m->image[offset] != byte;
}

bool mirror_holds(const struct mirror *m, uint32_t offset, uint32_t size)
{
	uint32_t first = offset / SECTOR;

	return m->image && !memchr(m->loaded + first, 0, sector_from(offset + size) - first);
}

int mirror_read(struct mirror *m, uint32_t offset, void *buffer, uint32_t size)
{
	int r;

	if (!m->image)
		return chip_read(m->chip, offset, buffer, size);
	if (!mirror_holds(m, offset, size)) {
		r = load(m, offset / SECTOR, sector_from(offset + size));
		if (r < 0)
			return r;
	} else {
		m->counters.hits++;
	}
	memcpy(buffer, m->image + offset, size);
	return 0;
}

/* The next bytes of a write, from @*start on, that travel together; false after the last. */
static bool next_message(const struct mirror *m, uint32_t offset, const uint8_t *data,
			 uint32_t size, uint32_t *start, uint32_t *end)
{
	uint32_t gap = max(m->chip->write_overhead, m->chip->gap), i = *start;

	while (i < size && !differs(m, offset + i, data[i]))
		i++;
	*start = *end = i;
	/* Unchanged bytes that cost no more to send than the address of another message. */
	for (; i < size && i - *end <= gap; i++)
		if (differs(m, offset + i, data[i]))
			*end = i + 1;
	return *start < size;
}

static int send(struct mirror *m, uint32_t offset, const uint8_t *data, uint32_t size)
{
	uint32_t first = offset / SECTOR, end = offset + size, whole;
	int r = chip_write(m->chip, offset, data, size);

	if (r < 0) {
		memset(m->loaded + first, false, sector_from(end) - first);
		return r;
	}
	memcpy(m->image + offset, data, size);
	whole = end == m->chip->size ? sector_from(end) : end / SECTOR;
	for (uint32_t s = sector_from(offset); s < whole; s++)
		m->loaded[s] = true;
	return 0;
}

int mirror_pretend(struct mirror *m, uint32_t offset, const void *buffer, uint32_t size)
{
	int r;

	if (!m->image)
		return -EROFS;
	r = load(m, offset / SECTOR, sector_from(offset + size));
	if (r < 0)
		return r;
	memcpy(m->image + offset, buffer, size);
	m->pretended = true;
	return 0;
}

/* Load up to @limit bytes of what is missing in the sectors [sector, last). */
static int load_some(struct mirror *m, uint32_t sector, uint32_t last, uint32_t limit)
{
	const bool *missing = m->image ? memchr(m->loaded + sector, 0, last - sector) : NULL;
	uint32_t first;
	int r;

	if (!missing)
		return 0;
	first = (uint32_t)(missing - m->loaded);
	r = load(m, first, min(first + sector_from(limit), last));
	return r < 0 ? r : 1;
}

int mirror_load(struct mirror *m, uint32_t size)
{
	return load_some(m, 0, sector_from(m->chip->size), size);
}

int mirror_load_range(struct mirror *m, uint32_t offset, uint32_t size, uint32_t limit)
{
	return load_some(m, offset / SECTOR, sector_from(offset + size), limit);
}

/* Bytes of a slice of the chip that are not what the image says. */
struct difference {
	uint32_t bytes;
	uint32_t first, end; /* offsets: they are in between */
};

static int compare(struct mirror *m, uint32_t offset, uint32_t end, struct difference *d)
{
	uint8_t bytes[8 * SECTOR];
	int r;

	*d = (struct difference){ .first = end };
	for (uint32_t n; offset < end; offset += n) {
		n = min(sizeof(bytes), end - offset);
		r = chip_read(m->chip, offset, bytes, n);
		if (r < 0)
			return r;
		for (uint32_t i = 0; i < n; i++) {
			if (differs(m, offset + i, bytes[i]) && m->loaded[(offset + i) / SECTOR]) {
				d->bytes++;
				d->first = min(d->first, offset + i);
				d->end = offset + i + 1;
			}
		}
	}
	return 0;
}

/* Write again what differs, up to @limit bytes. Return: how many differ, or a negative errno. */
static int restore(struct mirror *m, uint32_t offset, uint32_t end, uint32_t limit)
{
	struct difference d;
	int r = compare(m, offset, end, &d);

	if (r >= 0 && d.bytes) /* was it the chip, or the wire? */
		r = compare(m, d.first, d.end, &d);
	if (r < 0 || !d.bytes || d.bytes > limit || m->chip->read_only)
		return r < 0 ? r : (int)d.bytes;
	r = chip_write(m->chip, d.first, m->image + d.first, d.end - d.first);
	if (r < 0)
		return r;
	m->counters.repaired += d.bytes;
	return (int)d.bytes;
}

int mirror_scrub(struct mirror *m, uint32_t *offset, uint32_t size)
{
	uint32_t start = *offset;

	*offset = min(start + size, m->chip->size);
	return m->image && !m->pretended ? restore(m, start, *offset, LOST_MAX) : 0;
}

/* Put right what a write may have hit that did not land where it was meant to. */
static int find_astray(struct mirror *m)
{
	uint32_t bytes = m->chip->astray;
	int r;

	m->chip->astray = 0;
	r = restore(m, 0, m->chip->size, bytes);
	return r < 0 ? r : 0;
}

int mirror_write(struct mirror *m, uint32_t offset, const void *buffer, uint32_t size)
{
	uint32_t start = 0, end, sent = 0;
	int r;

	if (!m->image)
		return chip_write(m->chip, offset, buffer, size);
	for (; next_message(m, offset, buffer, size, &start, &end); start = end) {
		r = send(m, offset + start, (const uint8_t *)buffer + start, end - start);
		if (r >= 0 && m->chip->astray)
			r = find_astray(m);
		if (r < 0)
			return r;
		sent += end - start;
	}
	m->counters.bytes_saved += size - sent;
	return 0;
}

void mirror_forget_range(struct mirror *m, uint32_t offset, uint32_t size)
{
	uint32_t first = offset / SECTOR;

	if (m->image && !m->pretended)
		memset(m->loaded + first, false, sector_from(offset + size) - first);
}

void mirror_forget(struct mirror *m)
{
	m->pretended = false;
	mirror_forget_range(m, 0, m->chip->size);
}

const struct mirror_counters *mirror_counters(const struct mirror *m)
{
	return &m->counters;
}
