/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The allocator of smm.h; FORMAT.md describes what it writes.
 *
 * From the bottom up: the code that protects a line of the map, the geometry of a memory, one line
 * at a time in and one bit at a time out, the summary that makes a search logarithmic, heads and
 * runs, then the public calls. Every change of the map but a correction is a call of flip().
 *
 * A place in the map is a slot: 64 a line, of which the first 60 are granules and the last four the
 * check byte. So a slot's line, byte and bits need no division.
 */
#include "smm.h"

#include <string.h>

#define NONE 0xffffffffu /* no line, no byte, no length */

/* The two bits of a granule. */
#define HEAD 0u /* a run starts here */
#define USED 1u /* and it is allocated */

#define LINE_BITS  6u /* of a slot's place in its line */
#define LINE_SLOTS (1u << LINE_BITS)
#define LINE_MASK  (LINE_SLOTS - 1)
#define DATA_BYTES (SMM_LINE - 1) /* of a whole line; the check byte follows */

/* The summary: eight lines, or groups of the level below, make a group. */
#define FAN_OUT 8u

/* What a line or group may have: a head, or a free run of a class of lengths. */
#define ANY_HEAD      0u
#define EXACT_CLASSES 32u
#define CLASSES       48u

/* The superblock. */
#define MAGIC_FORMATTED  0x6d6d73u /* "smm" */
#define MAGIC_UNFINISHED 0x706d73u /* "smp" */
#define MAGIC_LAST       2u        /* index of the byte in which they differ */
#define CHECK_AT         7u
#define VERSION          1u

enum state {
	STATE_NONE, /* neither formatted nor mounted */
	STATE_READY,
	STATE_DAMAGED, /* lines beyond correction: read-only */
	STATE_STALE    /* a callback failed: mount again */
};

struct head {
	u32 at; /* slot; the end if there is none */
	u32 used;
};

/*
 * Hsiao's code (M. Y. Hsiao, "A class of optimal minimum odd-weight-column SEC-DED codes", IBM J.
 * Res. Dev. 14, 1970): the column of each data bit is an odd number of check bits, at least three.
 * So one flipped bit gives an odd syndrome, and two an even one.
 */
static u8 column(u32 bit)
{
	u32 low = bit + 8, even;

	if (!(low & (low - 1))) /* 8, 16, 32, 64: 7, 6, 5, 3 stand in for them */
		low = 7 - (low >> 4);
	even = ~(0x6996u >> ((low ^ low >> 4) & 15)) & 1; /* 0x6996: the parities of 0 to 15 */
	return (u8)(low | even << 7);
}

/* What the check byte, @bytes[@last], differs by from what it should be. */
static u32 syndrome(const u8 *bytes, u32 last)
{
	u32 bit, sum = bytes[last];

	for (bit = 0; bit < 8 * last; bit++)
		if (bytes[bit / 8] >> bit % 8 & 1)
			sum ^= column(bit);
	return sum;
}

/*
 * Correct @bytes, of which the last is the check byte; returns the index of the byte, or NONE if it
 * cannot.
 */
static u32 correct(u8 *bytes, u32 last, u32 wrong)
{
	u32 bit;

	for (bit = 0; bit < 8 * last; bit++) {
		if (column(bit) == wrong) {
			last = bit / 8;
			wrong = 1u << bit % 8;
			break;
		}
	}
	if (wrong & (wrong - 1))
		return NONE;
	bytes[last] ^= (u8)wrong;
	return last;
}

/* Geometry */

static u32 to_slot(u32 granule)
{
	return granule + granule / SMM_LINE_GRANULES * (LINE_SLOTS - SMM_LINE_GRANULES);
}

/* Granules from one slot up to another. */
static u32 distance(u32 from, u32 to)
{
	return to - from -
	       ((to >> LINE_BITS) - (from >> LINE_BITS)) * (LINE_SLOTS - SMM_LINE_GRANULES);
}

/* Fill in the geometry of @s, a function of its size and @granule alone. */
static int lay_out(struct smm *s, u32 granule)
{
	u32 line = SMM_LINE + SMM_LINE_GRANULES * granule, count, rest;

	if (s->size < SMM_SIZE_MIN || s->size > SMM_SIZE_MAX || s->size % 4)
		return SMM_PARAMETER_INVALID;
	for (s->shift = 2; 1u << s->shift != granule; s->shift++)
		if (1u << s->shift == SMM_GRANULE_MAX)
			return SMM_PARAMETER_INVALID;
	/* Whole lines, and of a last one: check byte, and a byte for every four granules begun. */
	count = (s->size - SMM_SUPERBLOCK) / line * SMM_LINE_GRANULES;
	rest = (s->size - SMM_SUPERBLOCK) % line;
	if (rest)
		count += (rest - 1) * 4 / (4 * granule + 1);
	if (!count)
		return SMM_PARAMETER_INVALID;
	s->data = s->size - (count << s->shift);
	s->end = to_slot(count);
	count = s->lines = ((s->end - 1) >> LINE_BITS) + 1;
	s->level[0] = s->levels = 0;
	while (SMM_SUMMARY && (!s->levels || count > 1)) {
		count = (count + FAN_OUT - 1) / FAN_OUT;
		s->level[s->levels + 1] = s->level[s->levels] + count;
		s->levels++;
	}
	return SMM_OK;
}

static u32 copy_bytes(const struct smm *s)
{
	return s->lines * SMM_LINE + s->level[s->levels] * CLASSES;
}

/* Granules of @line. */
static u32 line_granules(const struct smm *s, u32 line)
{
	u32 rest = s->end - (line << LINE_BITS);

	return rest < SMM_LINE_GRANULES ? rest : SMM_LINE_GRANULES;
}

/* Index of the check byte of @line: the last line has only the bytes that it needs. */
static u32 last_byte(const struct smm *s, u32 line)
{
	return (line_granules(s, line) + 3) / 4;
}

static u32 line_offset(u32 line)
{
	return SMM_SUPERBLOCK + line * SMM_LINE;
}

/* Medium */

/* Whatever a callback failed at, the state on the medium may now be half way between two. */
static int settle(struct smm *s, int failed)
{
	if (!failed)
		return SMM_OK;
	s->state = STATE_STALE;
	return SMM_IO_ERR;
}

static int get(struct smm *s, u32 offset, void *bytes, u32 size)
{
	return settle(s, s->read(s->context, offset, bytes, size));
}

static int put(struct smm *s, u32 offset, const u8 *bytes, u32 size)
{
	return settle(s, s->write(s->context, offset, bytes, size));
}

/* Check the bytes of @line, correct what can be corrected, there and on the medium. */
static int heal(struct smm *s, u32 line, u8 *bytes)
{
	u32 last = last_byte(s, line), wrong = syndrome(bytes, last), fixed = 0, i;
	u32 bad = 0;

	if (wrong)
		fixed = correct(bytes, last, wrong);
	if (!line)
		bad = ~bytes[0] & 1; /* the first granule is always a head */
	for (i = 0; i < last; i++)
		bad |= bytes[i] >> 1 & ~bytes[i] & 0x55; /* used, and no head */
	if (line_granules(s, line) % 4)
		bad |= (u32)bytes[last - 1] >>
		       line_granules(s, line) % 4 * 2; /* behind the last one */
	if (bad || fixed == NONE)
		return SMM_CORRUPT;
	if (!wrong)
		return SMM_OK;
	s->corrected++;
	return put(s, line_offset(line) + fixed, bytes + fixed, 1);
}

static int read_line(struct smm *s, u32 line, u8 *bytes)
{
	return get(s, line_offset(line), bytes, last_byte(s, line) + 1);
}

/* Whether the RAM copy and its summary can be relied on. */
static int indexed(const struct smm *s)
{
	return SMM_SUMMARY && s->map && s->state == STATE_READY;
}

/* Point s->bytes at @line: in the RAM copy, or read over the wire. */
static int load(struct smm *s, u32 line)
{
	int r = SMM_OK;

	if (indexed(s)) {
		s->bytes = (u8 *)s->map + line * SMM_LINE;
		s->line = line;
		return SMM_OK;
	}
	s->bytes = s->map ? (u8 *)s->map + line * SMM_LINE : s->window;
	if (line == s->line)
		return SMM_OK;
	s->line = NONE;
	s->bad_line = line;
	if (!s->map)
		r = read_line(s, line, s->bytes);
	if (!r && (!s->map || s->state == STATE_DAMAGED))
		r = heal(s, line, s->bytes);
	if (r == SMM_CORRUPT)
		s->state = STATE_DAMAGED;
	if (!r)
		s->line = line;
	return r;
}

/*
 * Flip one bit of the map. A cut between the two bytes is a single-bit error, which the next mount
 * corrects to what was before; one write serves both where that is shorter on the wire.
 */
static int flip(struct smm *s, u32 slot, u32 bit)
{
	u32 line = slot >> LINE_BITS, last = last_byte(s, line), i = (slot & LINE_MASK) * 2 + bit;
	u8 *bytes;
	int r = load(s, line);

	if (r)
		return r;
	bytes = s->bytes + i / 8;
	*bytes ^= (u8)(1u << i % 8);
	s->bytes[last] ^= column(i);
	last -= i / 8;
	line = line_offset(line) + i / 8;
	if (last < 5)
		return put(s, line, bytes, last + 1);
	r = put(s, line, bytes, 1);
	return r ? r : put(s, line + last, bytes + last, 1);
}

/*
 * Where bits are searched: with the instructions and the long words of a 64-bit host, or in little
 * code. lowest_bit() and highest_bit() take a byte that is not 0. scan() finds the first head of
 * the loaded line from @slot on, or with @only_free the first of a free run; or @end. scan_back()
 * finds the last head up to @slot, or NONE.
 */
#if defined(__GNUC__) && defined(__LP64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__

static u32 lowest_bit(u32 byte)
{
	return (u32)__builtin_ctz(byte);
}

static u32 highest_bit(u32 byte)
{
	return 31 - (u32)__builtin_clz(byte);
}

/* Without branches that depend on the map: they could not be foretold. */

#define HEADS 0x5555555555555555u /* the head bits of half a line */

static u32 scan(const struct smm *s, u32 slot, u32 end, int only_free)
{
	u32 i = slot & LINE_MASK;
	u64 half[2], from = ~(u64)0 << i % 32 * 2;

	memcpy(half, s->bytes, sizeof(half));
	if (only_free) {
		half[0] &= ~(half[0] >> 1);
		half[1] &= ~(half[1] >> 1);
	}
	half[0] &= HEADS & (i < 32 ? from : 0);
	half[1] &= HEADS & (i < 32 ? ~(u64)0 : from);
	half[1] |= (u64)1 << 63;
	i = half[0] ? (u32)__builtin_ctzll(half[0]) / 2 : 32 + (u32)__builtin_ctzll(half[1]) / 2;
	i += slot & ~LINE_MASK;
	return slot < end && i < end ? i : end;
}

static u32 scan_back(const struct smm *s, u32 slot)
{
	u32 i = slot & LINE_MASK;
	u64 half[2], to = ~(u64)0 >> (31 - i % 32) * 2;

	memcpy(half, s->bytes, sizeof(half));
	half[0] &= HEADS & (i < 32 ? to : ~(u64)0);
	half[1] &= HEADS & (i < 32 ? 0 : to);
	if (!(half[0] | half[1]))
		return NONE;
	i = half[1] ? 63 - (u32)__builtin_clzll(half[1]) / 2
		    : 31 - (u32)__builtin_clzll(half[0]) / 2;
	return (slot & ~LINE_MASK) + i;
}

#else

static u32 lowest_bit(u32 byte)
{
	u32 bit = 0;

	while (!(byte >> bit & 1))
		bit++;
	return bit;
}

static u32 highest_bit(u32 byte)
{
	u32 bit = 7;

	while (!(byte >> bit & 1))
		bit--;
	return bit;
}

static u32 scan(const struct smm *s, u32 slot, u32 end, int only_free)
{
	u32 bits;

	for (; slot < end; slot++) {
		bits = (u32)s->bytes[(slot & LINE_MASK) / 4] >> slot % 4 * 2;
		if (bits & 1 && !(only_free && bits & 2))
			break;
	}
	return slot;
}

static u32 scan_back(const struct smm *s, u32 slot)
{
	while (!(s->bytes[(slot & LINE_MASK) / 4] >> slot % 4 * 2 & 1))
		if (!(slot-- & LINE_MASK))
			return NONE;
	return slot;
}

#endif

/*
 * Summary: a tree behind the RAM copy of the map. A group has a byte a class, and in it a bit for
 * each of its eight lines or groups. No bit that should be set is missing; a bit too many is found
 * out when it leads to a line in vain, and is cleared then. The tree is used while the memory is
 * ready; before that, without a RAM copy, and where SMM_SUMMARY leaves it out, every line may hold
 * anything.
 */
/* The byte of @class of the first group; that of the next group is CLASSES bytes behind it. */
static u8 *first_group(const struct smm *s, u32 class)
{
	return (u8 *)s->map + s->lines * SMM_LINE + class;
}

/* Lengths below 32 have a class each, longer ones a quarter of an octave, the longest share one. */
static u32 class_of(u32 length)
{
	u32 class = EXACT_CLASSES;

	if (length < EXACT_CLASSES)
		return length;
	for (; length >= 2 * EXACT_CLASSES && class < CLASSES; length >>= 1)
		class += 4;
	class += (length - EXACT_CLASSES) / 8;
	return class < CLASSES ? class : CLASSES - 1;
}

/* The nearest line from @line on, in the direction of @step, that may have @class; or NONE. */
static u32 seek(const struct smm *s, u32 line, int step, u32 class)
{
	u32 level = 0, i = line, bits;
	const u8 *groups;

	if (line >= s->lines)
		return NONE;
	if (!indexed(s))
		return line;
	groups = first_group(s, class);
	if (!line && step > 0)
		level = s->levels - 1; /* the root, which has line 0 below its first bit */
	for (;;) {
		bits = groups[(s->level[level] + i / FAN_OUT) * CLASSES];
		bits &= step > 0 ? 0xffu << i % FAN_OUT : 0xffu >> (FAN_OUT - 1 - i % FAN_OUT);
		i /= FAN_OUT;
		if (bits)
			break;
		i += (u32)step;
		level++;
		if (level == s->levels || i >= s->level[level] - s->level[level - 1])
			return NONE;
	}
	for (;;) {
		i = i * FAN_OUT + (step > 0 ? lowest_bit(bits) : highest_bit(bits));
		if (!level--)
			return i;
		bits = groups[(s->level[level] + i) * CLASSES];
	}
}

/* Say whether @line may have @class. */
static void set_class(const struct smm *s, u32 line, u32 class, int has)
{
	u32 level, i = line, bit, old;
	u8 *groups, *group;

	if (!SMM_SUMMARY || !s->map)
		return;
	groups = first_group(s, class);
	for (level = 0; level < s->levels; level++) {
		bit = 1u << i % FAN_OUT;
		i /= FAN_OUT;
		group = groups + (s->level[level] + i) * CLASSES;
		old = *group;
		*group = (u8)(has ? old | bit : old & ~bit);
		if (has ? old & bit : *group)
			return;
	}
}

/* Add a head to the summary. */
static void note_head(const struct smm *s, u32 slot)
{
	set_class(s, slot >> LINE_BITS, ANY_HEAD, 1);
}

/* Add the free run from @slot to @end to the summary. */
static void note_free(const struct smm *s, u32 slot, u32 end)
{
	set_class(s, slot >> LINE_BITS, class_of(distance(slot, end)), 1);
}

/* Heads and runs */

/* Slot behind the last granule of @line. */
static u32 line_end(const struct smm *s, u32 line)
{
	return (line << LINE_BITS) + line_granules(s, line);
}

/* The first head from @slot on. */
static int find(struct smm *s, u32 slot, struct head *h)
{
	u32 line = slot >> LINE_BITS, end;
	int r;

	for (; line < s->lines; slot = line << LINE_BITS) {
		r = load(s, line);
		if (r)
			return r;
		end = line_end(s, line);
		h->at = scan(s, slot, end, 0);
		if (h->at < end) {
			h->used = s->bytes[(h->at & LINE_MASK) / 4] >> (h->at % 4 * 2 + USED) & 1;
			return SMM_OK;
		}
		if (!(slot & LINE_MASK))
			set_class(s, line, ANY_HEAD, 0);
		line = seek(s, line + 1, 1, ANY_HEAD);
	}
	h->at = s->end;
	h->used = 0;
	return SMM_OK;
}

/* The last head up to @slot; there is one, as slot 0 always is. */
static int find_back(struct smm *s, u32 slot, struct head *h)
{
	u32 line = slot >> LINE_BITS, at;
	int r;

	for (; line < s->lines; line = seek(s, line - 1, -1, ANY_HEAD)) {
		r = load(s, line);
		if (r)
			return r;
		at = line_end(s, line) - 1;
		at = scan_back(s, slot < at ? slot : at);
		if (at != NONE) {
			h->at = at;
			h->used = s->bytes[(at & LINE_MASK) / 4] >> (at % 4 * 2 + USED) & 1;
			return SMM_OK;
		}
	}
	return SMM_CORRUPT;
}

/* Whether @s can be used at all, and @change: changed. */
static int ready(const struct smm *s, int change)
{
	if (!s)
		return SMM_PTR_ERR;
	if (s->state == STATE_STALE)
		return SMM_IO_ERR;
	if (s->state == STATE_DAMAGED && change)
		return SMM_CORRUPT;
	return s->state == STATE_NONE ? SMM_NOT_FORMATTED : SMM_OK;
}

/* Granules for @size bytes, which are not 0. */
static u32 to_granules(const struct smm *s, u32 size)
{
	return ((size - 1) >> s->shift) + 1;
}

static u32 to_offset(const struct smm *s, u32 slot)
{
	return s->data + (distance(0, slot) << s->shift);
}

/* The slot @length granules behind @slot, or NONE if that is not in the memory. */
static u32 behind(const struct smm *s, u32 slot, u32 length)
{
	u32 place = distance(0, slot);

	return length > distance(slot, s->end) ? NONE : to_slot(place + length);
}

/* The slot of the granule that begins at @offset, or NONE. */
static u32 from_offset(const struct smm *s, u32 offset)
{
	if (offset < s->data || offset >= s->size || (offset - s->data) & (s->granule - 1))
		return NONE;
	return to_slot((offset - s->data) >> s->shift);
}

/* The run of the live allocation that starts at @offset: its slot and the head behind it. */
static int find_live(struct smm *s, u32 offset, u32 *slot, struct head *next)
{
	int r;

	*slot = from_offset(s, offset);
	if (*slot == NONE)
		return SMM_FREE_FAILED;
	r = load(s, *slot >> LINE_BITS);
	if (r)
		return r;
	if ((s->bytes[(*slot & LINE_MASK) / 4] >> *slot % 4 * 2 & 3) != (1 << HEAD | 1 << USED))
		return SMM_FREE_FAILED;
	return find(s, *slot + 1, next);
}

/* The first free run of @class from @slot on, or of any with class 0: from *at to *end. */
static int find_free(struct smm *s, u32 slot, u32 class, u32 *at, u32 *end)
{
	u32 line = slot >> LINE_BITS, behind;
	struct head next;
	int r;

	if (!(slot & LINE_MASK))
		line = seek(s, line, 1, class);
	while (line < s->lines) {
		r = load(s, line);
		behind = line_end(s, line);
		*at = slot > line << LINE_BITS ? slot : line << LINE_BITS;
		while (!r && (*at = scan(s, *at, behind, 1)) < behind) {
			r = find(s, *at + 1, &next);
			*end = next.at;
			if (!r && (!class || class_of(distance(*at, *end)) == class))
				return SMM_OK;
			*at = *end;
		}
		if (r)
			return r;
		if (slot <= line << LINE_BITS)
			set_class(s, line, class, 0);
		/* From the start, the first line that is left is the next one. */
		line = seek(s, slot || !indexed(s) ? line + 1 : 0, 1, class);
	}
	*at = s->end;
	return SMM_OK;
}

/* The shortest free run of at least @length, of equal ones the first; from *at to *end. */
static int best_fit(struct smm *s, u32 length, u32 *at, u32 *end)
{
	u32 class = indexed(s) ? class_of(length) : 0, best = NONE, run, from, to;
	int r;

	do {
		to = 0;
		while (!(r = find_free(s, to, class, &from, &to)) && from < s->end) {
			run = distance(from, to);
			if (run < length || run >= best)
				continue;
			*at = from;
			*end = to;
			best = run;
			if (run == length || (class && class < EXACT_CLASSES))
				return SMM_OK;
		}
		if (r)
			return r;
	} while (best == NONE && class && ++class < CLASSES);
	return best == NONE ? SMM_NO_FREE_SPACE : SMM_OK;
}

/* Allocate from @slot to @behind, in the free run from @start to @end. */
static int take(struct smm *s, u32 slot, u32 behind, u32 start, u32 end)
{
	int r = SMM_OK;

	if (slot != start)
		r = flip(s, slot, HEAD);
	if (!r && behind != end)
		r = flip(s, behind, HEAD);
	if (!r)
		r = flip(s, slot, USED);
	if (r)
		return r;
	if (slot != start) {
		note_free(s, start, slot);
		note_head(s, slot);
	}
	if (behind != end) {
		note_head(s, behind);
		note_free(s, behind, end);
	}
	return SMM_OK;
}

/* The end of the free run at @next; of a run that is not free, where it starts. */
static int free_end(struct smm *s, const struct head *next, u32 *end)
{
	struct head after;
	int r;

	*end = next->at;
	if (next->used || next->at == s->end)
		return SMM_OK;
	r = find(s, next->at + 1, &after);
	if (!r)
		*end = after.at;
	return r;
}

/* Give back what lies between @slot and the end of its run, in front of @next. */
static int shrink(struct smm *s, u32 slot, const struct head *next)
{
	u32 end;
	int r = free_end(s, next, &end);

	if (!r)
		r = flip(s, slot, HEAD);
	if (!r && end != next->at)
		r = flip(s, next->at, HEAD);
	if (r)
		return r;
	note_head(s, slot);
	note_free(s, slot, end);
	return SMM_OK;
}

/* Take what lies between @next and @slot from the free run at @next. */
static int grow(struct smm *s, u32 slot, const struct head *next)
{
	u32 end;
	int r = free_end(s, next, &end);

	if (r)
		return r;
	if (slot > end)
		return SMM_NO_FREE_SPACE;
	if (slot < end)
		r = flip(s, slot, HEAD);
	if (!r)
		r = flip(s, next->at, HEAD);
	if (r || slot == end)
		return r;
	note_head(s, slot);
	note_free(s, slot, end);
	return SMM_OK;
}

/* The next run from @slot on that touches no line beyond correction, and its end. */
static int next_run(struct smm *s, u32 slot, struct head *h, u32 *end)
{
	struct head next;
	int r;

	for (;;) {
		r = find(s, slot, h);
		if (!r && h->at == s->end)
			return SMM_OK;
		if (!r)
			r = find(s, h->at + 1, &next);
		if (!r) {
			*end = next.at;
			return SMM_OK;
		}
		if (r != SMM_CORRUPT)
			return r;
		slot = (s->bad_line + 1) << LINE_BITS;
	}
}

/* Format and mount */

static u32 get24(const u8 *bytes)
{
	return bytes[0] | (u32)bytes[1] << 8 | (u32)bytes[2] << 16;
}

static void put24(u8 *bytes, u32 v)
{
	bytes[0] = (u8)v;
	bytes[1] = (u8)(v >> 8);
	bytes[2] = (u8)(v >> 16);
}

/*
 * Read and judge the superblock, and correct it if @mend says so. The mark of an interrupted format
 * is looked for first: it is one byte, and what follows it may not have been written yet.
 */
static int read_superblock(struct smm *s, u32 *granule, int mend)
{
	u8 b[SMM_SUPERBLOCK];
	u32 wrong, fixed = 0;

	if (get(s, 0, b, sizeof(b)))
		return SMM_IO_ERR;
	if (get24(b) == MAGIC_UNFINISHED)
		return SMM_UNFINISHED;
	wrong = syndrome(b, CHECK_AT);
	if (wrong)
		fixed = correct(b, CHECK_AT, wrong);
	if (get24(b) != MAGIC_FORMATTED)
		return SMM_NOT_FORMATTED;
	if (fixed == NONE || b[3] < VERSION << 4)
		return SMM_CORRUPT;
	if (b[3] >> 4 > VERSION)
		return SMM_NEWER_FORMAT;
	if (get24(b + 4) != s->size / 4)
		return SMM_WRONG_SIZE;
	*granule = SMM_GRANULE << (b[3] & 15);
	if (!wrong || !mend)
		return SMM_OK;
	s->corrected++;
	return put(s, fixed, b + fixed, 1);
}

/* What format and mount begin with; forgets what @s knew. */
static int begin(struct smm *s)
{
	if (!s || !s->read || !s->write)
		return SMM_PTR_ERR;
	s->state = STATE_NONE;
	s->corrected = s->uncorrectable = s->merged = 0;
	s->line = NONE;
	return lay_out(s, SMM_GRANULE); /* whether it can be managed at all */
}

static int lay_out_with_copy(struct smm *s, u32 granule)
{
	int r = lay_out(s, granule);

	s->granule = granule;
	if (r || !s->map)
		return r;
	if (s->map_size < copy_bytes(s))
		return SMM_PARAMETER_INVALID;
	memset(s->map, 0, copy_bytes(s));
	return SMM_OK;
}

/* Fill the RAM copy, if there is one, and correct every line; counts those beyond correction. */
static int heal_map(struct smm *s)
{
	u32 line, last = s->lines - 1;
	int r;

	if (s->map && get(s, SMM_SUPERBLOCK, s->map, last * SMM_LINE + last_byte(s, last) + 1))
		return SMM_IO_ERR;
	s->state = STATE_DAMAGED; /* until it is known better: load() looks at each line */
	for (line = 0; line <= last; line++) {
		r = load(s, line);
		if (r == SMM_CORRUPT)
			s->uncorrectable++;
		else if (r)
			return r;
	}
	if (s->uncorrectable)
		return SMM_CORRUPT;
	s->state = STATE_NONE;
	return SMM_OK;
}

/*
 * Join free runs that an interrupted call left apart, and fill the summary: then the memory is
 * ready.
 */
static int take_up(struct smm *s)
{
	struct head h, next;
	u32 slot = 1;
	int r = find(s, 0, &h);

	while (!r && h.at < s->end) {
		r = find(s, slot, &next);
		slot = next.at + 1;
		if (!r && !h.used && !next.used && next.at < s->end) {
			s->merged++;
			r = flip(s, next.at, HEAD);
			continue;
		}
		note_head(s, h.at);
		if (!h.used)
			note_free(s, h.at, next.at);
		h = next;
	}
	if (!r)
		s->state = STATE_READY;
	return r;
}

int smm_mount_begin(struct smm *s)
{
	u32 granule = 0;
	int r = begin(s);

	if (!r)
		r = read_superblock(s, &granule, 0);
	if (!r && !smm_data_bytes(s->size, granule))
		r = SMM_CORRUPT;
	return r ? r : lay_out_with_copy(s, granule);
}

int smm_mount_end(struct smm *s)
{
	u32 granule;
	int r = read_superblock(s, &granule, 1);

	if (!r)
		r = heal_map(s);
	return r ? r : take_up(s);
}

int smm_mount(struct smm *s)
{
	int r = smm_mount_begin(s);

	return r ? r : smm_mount_end(s);
}

int smm_format_begin(struct smm *s)
{
	u8 b[SMM_SUPERBLOCK];
	u32 line;
	int r = begin(s);

	if (!r)
		r = lay_out_with_copy(s, s->granule ? s->granule : SMM_GRANULE);
	if (r)
		return r;
	put24(b, MAGIC_FORMATTED);
	b[3] = (u8)(VERSION << 4 | (s->shift - 2));
	put24(b + 4, s->size / 4);
	b[CHECK_AT] = 0;
	b[CHECK_AT] = (u8)syndrome(b, CHECK_AT);
	put24(b, MAGIC_UNFINISHED);
	r = put(s, 0, b, sizeof(b));
	memset(s->window, 0, SMM_LINE);
	for (line = 0; !r && line < s->lines; line++)
		r = put(s, line_offset(line), s->window, last_byte(s, line) + 1);
	s->bytes = s->map ? s->map : s->window;
	s->line = 0;
	if (!r)
		r = flip(s, 0, HEAD);
	return r ? r : take_up(s);
}

int smm_format_end(struct smm *s)
{
	u8 last = MAGIC_FORMATTED >> 8 * MAGIC_LAST;
	int r = ready(s, 1);

	return r ? r : put(s, MAGIC_LAST, &last, 1);
}

int smm_format(struct smm *s)
{
	int r = smm_format_begin(s);

	return r ? r : smm_format_end(s);
}

/* Public calls */

u32 smm_map_bytes(u32 size, u32 granule)
{
	struct smm s;

	s.size = size;
	return lay_out(&s, granule ? granule : SMM_GRANULE) ? 0 : copy_bytes(&s);
}

u32 smm_data_bytes(u32 size, u32 granule)
{
	struct smm s;

	s.size = size;
	return lay_out(&s, granule ? granule : SMM_GRANULE) ? 0 : size - s.data;
}

static int find_room(struct smm *s, u32 size, u32 *at, u32 *end)
{
	int r = ready(s, 1);

	if (!r && !size)
		r = SMM_PARAMETER_INVALID;
	return r ? r : best_fit(s, to_granules(s, size), at, end);
}

int smm_reserve(struct smm *s, u32 size, u32 *offset)
{
	u32 at, end;
	int r = find_room(s, size, &at, &end);

	if (!r)
		*offset = to_offset(s, at);
	return r;
}

int smm_alloc(struct smm *s, u32 size, u32 *offset)
{
	u32 at, end;
	int r = find_room(s, size, &at, &end);

	if (r)
		return r;
	*offset = to_offset(s, at);
	return take(s, at, behind(s, at, to_granules(s, size)), at, end);
}

int smm_commit(struct smm *s, u32 offset, u32 size)
{
	struct head h, next;
	u32 slot, end;
	int r = ready(s, 1);

	if (r)
		return r;
	slot = from_offset(s, offset);
	if (slot == NONE || !size)
		return SMM_PARAMETER_INVALID;
	end = behind(s, slot, to_granules(s, size));
	r = find_back(s, slot, &h);
	if (!r)
		r = find(s, slot + 1, &next);
	if (r)
		return r;
	return h.used || end > next.at ? SMM_PARAMETER_INVALID : take(s, slot, end, h.at, next.at);
}

int smm_release(struct smm *s, u32 offset)
{
	struct head next, before;
	u32 slot, end;
	int r = ready(s, 1);

	if (!r)
		r = find_live(s, offset, &slot, &next);
	if (!r)
		r = free_end(s, &next, &end);
	if (r)
		return r;
	before.at = slot;
	before.used = 1;
	if (slot)
		r = find_back(s, slot - 1, &before);
	if (!r)
		r = flip(s, slot, USED);
	if (!r && end != next.at)
		r = flip(s, next.at, HEAD);
	if (before.used)
		before.at = slot;
	else if (!r)
		r = flip(s, slot, HEAD);
	if (!r)
		note_free(s, before.at, end);
	return r;
}

int smm_resize(struct smm *s, u32 offset, u32 size)
{
	struct head next;
	u32 slot, end;
	int r = ready(s, 1);

	if (!r && !size)
		r = SMM_PARAMETER_INVALID;
	if (!r)
		r = find_live(s, offset, &slot, &next);
	if (r)
		return r;
	end = behind(s, slot, to_granules(s, size));
	if (end == next.at)
		return SMM_OK;
	return end < next.at ? shrink(s, end, &next) : grow(s, end, &next);
}

int smm_usable(struct smm *s, u32 offset, u32 *size)
{
	struct head next;
	u32 slot;
	int r = ready(s, 0);

	if (!r)
		r = find_live(s, offset, &slot, &next);
	if (!r)
		*size = distance(slot, next.at) << s->shift;
	return r;
}

int smm_walk(struct smm *s, u32 after, u32 *offset, u32 *size)
{
	u32 slot = 0, end;
	struct head h;
	int r = ready(s, 0);

	*offset = *size = 0;
	if (!r && after >= s->data)
		slot = to_slot((after - s->data) >> s->shift) + 1;
	for (; !r; slot = end) {
		r = next_run(s, slot, &h, &end);
		if (r || h.at == s->end)
			break;
		if (!h.used)
			continue;
		*offset = to_offset(s, h.at);
		*size = distance(h.at, end) << s->shift;
		break;
	}
	return r;
}

int smm_measure(struct smm *s, struct smm_stats *stats)
{
	u32 slot = 0, end, run;
	struct head h;
	int r = ready(s, 0);

	if (!stats)
		return SMM_PTR_ERR;
	memset(stats, 0, sizeof(*stats));
	for (; !r; slot = end) {
		r = next_run(s, slot, &h, &end);
		if (r || h.at == s->end)
			break;
		run = distance(h.at, end) << s->shift;
		if (h.used) {
			stats->blocks++;
			continue;
		}
		stats->free += run;
		stats->free_runs++;
		if (run > stats->largest_free)
			stats->largest_free = run;
	}
	if (r)
		return r;
	stats->size = s->size;
	stats->granule = s->granule;
	stats->usable = s->size - s->data;
	stats->corrected = s->corrected;
	stats->uncorrectable = s->uncorrectable;
	stats->merged = s->merged;
	return s->state == STATE_DAMAGED ? SMM_CORRUPT : SMM_OK;
}

int smm_verify(struct smm *s)
{
	u32 line, granule = 0;
	int r = ready(s, 0), damage = SMM_OK;

	if (r)
		return r;
	r = read_superblock(s, &granule, 1);
	s->line = NONE;
	for (line = 0; r != SMM_IO_ERR; line++) {
		if (r || granule != s->granule)
			damage = SMM_CORRUPT;
		if (line == s->lines)
			return damage;
		r = read_line(s, line, s->window);
		if (!r)
			r = heal(s, line, s->window);
		if (!r && s->map)
			r = memcmp(s->window, (u8 *)s->map + line * SMM_LINE,
				   last_byte(s, line) + 1)
				    ? SMM_CORRUPT
				    : SMM_OK;
	}
	return r;
}

/* The face of malloc and free */

#define COPY_BYTES 32u /* of stack, for a block that moves */

static u8 *to_address(const struct smm_mem_info *mem, u32 offset)
{
	return (u8 *)((uintptr_t)mem->base_addr + offset);
}

/* The offset of @addr, or 0, where no allocation is. */
static u32 from_address(const struct smm_mem_info *mem, const void *addr)
{
	uintptr_t offset = (uintptr_t)addr - (uintptr_t)mem->base_addr;

	return offset < mem->size ? (u32)offset : 0;
}

static int face_read(void *context, u32 offset, void *buffer, u32 size)
{
	const struct smm_mem_info *mem = context;

	return mem->read(buffer, to_address(mem, offset), size);
}

/* smm_mem_opt has no const, but a write does not change what it writes. */
static int face_write(void *context, u32 offset, const void *buffer, u32 size)
{
	const struct smm_mem_info *mem = context;

	return mem->write(to_address(mem, offset), (u8 *)(uintptr_t)buffer, size);
}

/* Hand the caller's fields to the core. */
static int face_begin(struct smm_mem_info *mem)
{
	if (!mem || !mem->base_addr || !mem->read || !mem->write)
		return SMM_PTR_ERR;
	mem->core.read = face_read;
	mem->core.write = face_write;
	mem->core.context = mem;
	mem->core.size = mem->size;
	mem->core.granule = mem->granule;
	mem->core.map = mem->map;
	mem->core.map_size = mem->map_size;
	return SMM_OK;
}

/* The core to work with, mounted again if a write failed before; or NULL. */
static struct smm *face_core(struct smm_mem_info *mem)
{
	if (!mem)
		return NULL;
	mem->core.context = mem;
	if (mem->core.state == STATE_STALE)
		(void)smm_memory_rebuild(mem);
	return &mem->core;
}

int smm_memory_create(struct smm_mem_info *mem)
{
	int r = face_begin(mem);

	return r ? r : smm_format(&mem->core);
}

int smm_memory_rebuild(struct smm_mem_info *mem)
{
	int r = face_begin(mem);

	if (r)
		return r;
	r = smm_mount(&mem->core);
	mem->granule = mem->core.granule;
	return r;
}

u8 *smm_malloc(struct smm_mem_info *mem, u32 size)
{
	u32 offset;

	return smm_alloc(face_core(mem), size, &offset) ? NULL : to_address(mem, offset);
}

int smm_free(struct smm_mem_info *mem, void *addr)
{
	struct smm *s = face_core(mem);

	if (!s)
		return SMM_PTR_ERR;
	return addr ? smm_release(s, from_address(mem, addr)) : SMM_PARAMETER_INVALID;
}

/* A new block of @size bytes that begins with @count bytes of the one at @from. */
static int copy_block(struct smm *s, u32 from, u32 count, u32 size, u32 *to)
{
	u8 buffer[COPY_BYTES];
	u32 done, n;
	int r = smm_reserve(s, size, to);

	for (done = 0; !r && done < count; done += n) {
		n = count - done < COPY_BYTES ? count - done : COPY_BYTES;
		r = get(s, from + done, buffer, n);
		if (!r)
			r = put(s, *to + done, buffer, n);
	}
	return r ? r : smm_commit(s, *to, size);
}

u8 *smm_realloc(struct smm_mem_info *mem, void *addr, u32 size)
{
	struct smm *s = face_core(mem);
	u32 from, to, old;
	int r;

	if (!addr)
		return smm_malloc(mem, size);
	if (!s)
		return NULL;
	from = from_address(mem, addr);
	r = smm_resize(s, from, size);
	if (!r)
		return addr;
	if (r != SMM_NO_FREE_SPACE || smm_usable(s, from, &old))
		return NULL;
	if (copy_block(s, from, old < size ? old : size, size, &to))
		return NULL;
	(void)smm_release(s, from); /* the new block is valid, whatever becomes of the old */
	return to_address(mem, to);
}

u32 smm_usable_size(struct smm_mem_info *mem, const void *addr)
{
	struct smm *s = face_core(mem);
	u32 size;

	return !s || smm_usable(s, from_address(mem, addr), &size) ? 0 : size;
}

u8 *smm_next(struct smm_mem_info *mem, const void *prev)
{
	struct smm *s = face_core(mem);
	u32 after = 0, offset, size;

	if (!s)
		return NULL;
	if (prev) {
		after = from_address(mem, prev);
		if (!after)
			return NULL;
	}
	return smm_walk(s, after, &offset, &size) || !offset ? NULL : to_address(mem, offset);
}

int smm_get_stats(struct smm_mem_info *mem, struct smm_stats *stats)
{
	struct smm *s = face_core(mem);

	return s ? smm_measure(s, stats) : SMM_PTR_ERR;
}

int smm_check(struct smm_mem_info *mem)
{
	return smm_verify(face_core(mem));
}
