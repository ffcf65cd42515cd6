/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A page guard: pages that change as a whole or not at all, over a chip that leaves a page
 * undefined when the power goes while it is programmed.
 *
 * The last pages of the chip are a journal, slots that are used in turn. What a page is to hold
 * goes into the next slot first, with the page's address, a number that counts up and a checksum
 * of all three; then into the page. So at any moment at most one page is undefined:
 *
 *  - one of the next slot. Its checksum is wrong, and no page has been touched for it yet; if it is
 *    right all the same, the record is complete, and as good as one that never was in danger.
 *  - the page of the newest record, which has what it is to hold.
 *
 * Only the newest record is ever carried out, and it was carried out already where the slot behind
 * it has been begun. So a record that went bad with the years cannot bring back what the one before
 * it held.
 *
 * Until somebody writes, a page that waits for its record is only read as if it had been written:
 * nothing is written to a chip before it is known to be the right one, or while it is protected.
 */
#include "chip.h"

#include <endian.h>
#include <stddef.h>

#include "config-keys.h"
#include "smm_store.h"
#include "util.h"

/* Of the pages that a store writes, every fifth or more is the one with its intent log: so the
 * pages of the journal wear more slowly than that one. */
#define SLOTS 8u

/* What a record has behind the bytes for its page; little-endian. */
struct seal {
	uint32_t target;   /* address of the page */
	uint32_t sequence; /* counts up, from 1 */
	uint32_t crc;      /* CRC-32C of the bytes and the two numbers */
};

struct guard {
	struct chip chip;
	struct chip *below;
	uint32_t page, record_size, slot_size; /* bytes */

	bool known;                      /* what follows is what the journal on the chip says */
	bool pending;                    /* the newest record is still to be carried out */
	uint32_t slot, sequence, target; /* of the newest record */
	uint8_t *record;                 /* the newest record */
	uint8_t *found;                  /* what was read to be compared */
};

static struct guard *guard(struct chip *chip)
{
	return (struct guard *)chip;
}

static uint32_t round_up(uint32_t size, uint32_t page)
{
	return (size + page - 1) / page * page;
}

static uint32_t slot_offset(const struct guard *g, uint32_t slot)
{
	return g->chip.size + slot * g->slot_size;
}

static uint32_t next_slot(const struct guard *g)
{
	return (g->slot + 1) % SLOTS;
}

/* The numbers begin anew behind the last one; those of a journal lie close together. */
static bool newer(uint32_t sequence, uint32_t than)
{
	return (int32_t)(sequence - than) > 0;
}

/* As it stands in the seal. */
static uint32_t checksum(const struct guard *g, const uint8_t *record)
{
	return htole32(smm_crc32c(0, record, g->page + (uint32_t)offsetof(struct seal, crc)));
}

/* Whether @record is one; *@seal receives what it says. */
static bool is_record(const struct guard *g, const uint8_t *record, struct seal *seal)
{
	memcpy(seal, record + g->page, sizeof(*seal));
	seal->target = le32toh(seal->target);
	seal->sequence = le32toh(seal->sequence);
	return seal->crc == checksum(g, record) && seal->target % g->page == 0 &&
	       seal->target < g->chip.size;
}

/* Read what @slot holds into g->found. Return: 1 if that is a record, 0, or a negative errno. */
static int read_slot(struct guard *g, uint32_t slot, struct seal *seal)
{
	int r = chip_read(g->below, slot_offset(g, slot), g->found, g->record_size);

	return r < 0 ? r : is_record(g, g->found, seal);
}

/* Return: 1, 0 if there is no record at all, or a negative errno. */
static int find_newest(struct guard *g)
{
	struct seal seal;
	bool any = false;
	int r;

	g->slot = SLOTS - 1;
	g->sequence = 0;
	for (uint32_t slot = 0; slot < SLOTS; slot++) {
		r = read_slot(g, slot, &seal);
		if (r < 0)
			return r;
		if (!r || (any && !newer(seal.sequence, g->sequence)))
			continue;
		any = true;
		g->slot = slot;
		g->sequence = seal.sequence;
		g->target = seal.target;
		memcpy(g->record, g->found, g->record_size);
	}
	return any;
}

/* Whether the slot behind the newest record was begun; else it has the oldest, or never had one. */
static int next_begun(struct guard *g)
{
	struct seal seal;
	int r;

	if (g->sequence < SLOTS)
		return false;
	r = read_slot(g, next_slot(g), &seal);
	return r < 0 ? r : !r || seal.sequence != g->sequence - SLOTS + 1;
}

/* Whether the newest record is still to be carried out. */
static int is_pending(struct guard *g)
{
	int r = next_begun(g);

	if (r)
		return r < 0 ? r : false;
	r = chip_read(g->below, g->target, g->found, g->page);
	return r < 0 ? r : memcmp(g->found, g->record, g->page) != 0;
}

/* Learn from the journal where it stands. */
static int take_up(struct guard *g)
{
	int r;

	if (g->known)
		return 0;
	r = find_newest(g);
	if (r > 0)
		r = is_pending(g);
	if (r < 0)
		return r;
	g->pending = r;
	g->known = true;
	return 0;
}

/* How many pages so many bytes at the start of a page take, each of which is programmed once. */
static uint32_t programs(const struct guard *g, uint32_t size)
{
	return round_up(size, g->page) / g->page;
}

static int program(struct guard *g, uint32_t offset, const uint8_t *bytes, uint32_t size)
{
	g->below->counters.page_programs += programs(g, size);
	return chip_write(g->below, offset, bytes, size);
}

/* Have the newest record in its page. */
static int carry_out(struct guard *g)
{
	int r = g->pending ? program(g, g->target, g->record, g->page) : 0;

	if (r >= 0)
		g->pending = false;
	return r;
}

/* Make the bytes in g->record a record for the page at @target, in the next slot; if the chip does
 * not keep it, because its pages are worn or protected, the page must not be touched. */
static int put_record(struct guard *g, uint32_t target)
{
	struct seal seal = { .target = htole32(target), .sequence = htole32(g->sequence + 1) };
	uint32_t slot = next_slot(g), offset = slot_offset(g, slot);
	int r;

	memcpy(g->record + g->page, &seal, sizeof(seal));
	seal.crc = checksum(g, g->record);
	memcpy(g->record + g->page, &seal, sizeof(seal));
	g->below->counters.journal_programs += programs(g, g->record_size);
	r = program(g, offset, g->record, g->record_size);
	if (r >= 0)
		r = chip_read(g->below, offset, g->found, g->record_size);
	if (r >= 0 && memcmp(g->found, g->record, g->record_size))
		r = -EIO;
	if (r < 0)
		return r;
	g->slot = slot;
	g->sequence++;
	g->target = target;
	g->pending = true;
	return 0;
}

/* Write bytes that lie in one page. */
static int write_page(struct guard *g, uint32_t offset, const uint8_t *bytes, uint32_t size)
{
	uint32_t in_page = offset % g->page, target = offset - in_page;
	int r = carry_out(g);

	if (r >= 0)
		r = chip_read(g->below, target, g->record, g->page);
	if (r < 0 || !memcmp(g->record + in_page, bytes, size))
		return r;
	memcpy(g->record + in_page, bytes, size);
	r = put_record(g, target);
	return r < 0 ? r : carry_out(g);
}

static int guard_write(struct chip *chip, uint32_t offset, const void *buffer, uint32_t size)
{
	struct guard *g = guard(chip);
	const uint8_t *bytes = buffer;
	int r = take_up(g);

	for (uint32_t n, left; r >= 0 && size; offset += n, bytes += n, size -= n) {
		left = g->page - offset % g->page;
		n = size < left ? size : left;
		r = write_page(g, offset, bytes, n);
	}
	if (r < 0)
		g->known = false;
	chip->counters = g->below->counters;
	return r;
}

/* Put what the pending record says over what was read, where the two meet. */
static void overlay(const struct guard *g, uint32_t offset, uint8_t *bytes, uint32_t size)
{
	uint32_t first = g->target > offset ? g->target : offset, end = g->target + g->page;

	if (end > offset + size)
		end = offset + size;
	if (first < end)
		memcpy(bytes + (first - offset), g->record + (first - g->target), end - first);
}

static int guard_read(struct chip *chip, uint32_t offset, void *buffer, uint32_t size)
{
	struct guard *g = guard(chip);
	int r = take_up(g);

	if (r >= 0)
		r = chip_read(g->below, offset, buffer, size);
	if (r >= 0 && g->pending)
		overlay(g, offset, buffer, size);
	chip->counters = g->below->counters;
	return r;
}

/* What the guard shows of the chip below. */
static void take_over(struct guard *g)
{
	struct chip chip = *g->below;

	chip.ops = g->chip.ops;
	chip.size = g->chip.size;
	chip.gap = g->below->page_size; /* a page is programmed as a whole anyway */
	chip.page_size = 0;
	g->chip = chip;
}

static int guard_reopen(struct chip *chip, sd_bus_error *error)
{
	struct guard *g = guard(chip);
	int r = chip_reopen(g->below, error);

	g->known = false;
	take_over(g);
	return r;
}

static void guard_close(struct chip *chip)
{
	struct guard *g = guard(chip);

	chip_close(g->below);
	free(g->record);
	free(g->found);
	free(g);
}

static const struct chip_ops guard_ops = {
	.read = guard_read,
	.write = guard_write,
	.reopen = guard_reopen,
	.close = guard_close,
};

/* Divide the chip; its size and the size of its pages alone decide how. */
static int lay_out(struct guard *g, sd_bus_error *error)
{
	uint32_t whole, journal;

	g->page = g->below->page_size;
	g->record_size = g->page + sizeof(struct seal);
	g->slot_size = round_up(g->record_size, g->page);
	whole = g->below->size / g->page * g->page;
	journal = SLOTS * g->slot_size;
	if (whole < journal + SIZE_MIN)
		return sd_bus_error_set_errnof(
			error, ENOSPC,
			"%s has %u bytes in pages of %u, and of an EEPROM smm needs %u for a "
			"journal and %u for blocks; take a larger one",
			g->below->device, g->below->size, g->page, journal, SIZE_MIN);
	g->chip.size = whole - journal;
	return 0;
}

DEFINE_CLEANUP(struct chip *, chip_close);

int page_guard_open(struct chip *below, struct chip **chip, sd_bus_error *error)
{
	_cleanup_(chip_closep) struct chip *owned = below;
	struct guard *g = calloc(1, sizeof(*g));
	int r;

	if (!g)
		return sd_bus_error_set_errno(error, ENOMEM);
	g->chip.ops = &guard_ops;
	g->below = below;
	owned = &g->chip;
	r = lay_out(g, error);
	if (r < 0)
		return r;
	g->record = malloc(g->record_size);
	g->found = malloc(g->record_size);
	if (!g->record || !g->found)
		return sd_bus_error_set_errno(error, ENOMEM);
	take_over(g);
	*chip = TAKE(owned);
	return 0;
}
