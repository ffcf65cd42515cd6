/* SPDX-License-Identifier: BSD-3-Clause */
#include "mirror.h"

#include <errno.h>

#include "util.h"

#define SECTOR 16u /* bytes: what is loaded at once */

/* So many unchanged bytes cost no more to send than the address of another message. */
#define GAP_MAX 3u

struct mirror {
	struct chip *chip;
	uint8_t *image; /* NULL: none is kept */
	bool *loaded;   /* one a sector: the image is that of the chip */
	struct mirror_counters counters;
};

static uint32_t min(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
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

int mirror_read(struct mirror *m, uint32_t offset, void *buffer, uint32_t size)
{
	uint32_t sector = offset / SECTOR, last = sector_from(offset + size);
	int r;

	if (!m->image)
		return chip_read(m->chip, offset, buffer, size);
	if (memchr(m->loaded + sector, 0, last - sector)) {
		r = load(m, sector, last);
		if (r < 0)
			return r;
	} else {
		m->counters.hits++;
	}
	memcpy(buffer, m->image + offset, size);
	return 0;
}

static bool differs(const struct mirror *m, uint32_t offset, uint8_t byte)
{
	return !m->loaded[offset / SECTOR] || m->image[offset] != byte;
}

/* The next bytes of a write, from @*start on, that travel together; false after the last. */
static bool next_message(const struct mirror *m, uint32_t offset, const uint8_t *data,
			 uint32_t size, uint32_t *start, uint32_t *end)
{
	uint32_t i = *start;

	while (i < size && !differs(m, offset + i, data[i]))
		i++;
	*start = *end = i;
	for (; i < size && i - *end <= GAP_MAX; i++)
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

int mirror_write(struct mirror *m, uint32_t offset, const void *buffer, uint32_t size)
{
	uint32_t start = 0, end, sent = 0;
	int r;

	if (!m->image)
		return chip_write(m->chip, offset, buffer, size);
	for (; next_message(m, offset, buffer, size, &start, &end); start = end) {
		r = send(m, offset + start, (const uint8_t *)buffer + start, end - start);
		if (r < 0)
			return r;
		sent += end - start;
	}
	m->counters.bytes_saved += size - sent;
	return 0;
}

void mirror_forget(struct mirror *m)
{
	if (m->image)
		memset(m->loaded, false, sector_from(m->chip->size));
}

const struct mirror_counters *mirror_counters(const struct mirror *m)
{
	return &m->counters;
}
