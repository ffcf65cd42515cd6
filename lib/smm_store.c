/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The store of smm_store.h; FORMAT.md describes what it writes.
 *
 * From the bottom up: CRC-32C, text, numbers on the medium, a writer that gathers small pieces,
 * headers, the intent log, blocks built anew, then the public calls. What changes an existing block
 * is an intent: a list of changes that is on the medium as a whole before the first of them is
 * made, and is made again by a mount that finds it.
 */
#include "smm_store.h"

#include <string.h>

#define VERSION 1u

/* The fixed part of a header; the name follows, then the payload, then its checksum. */
#define HEADER    28u
#define CHECKSUM  (SMM_OVERHEAD - HEADER)
#define LOOK      40u /* bytes read at first, for a header with a name of usual length */
#define KIND_MASK 0x0fu
#define CHECKED   0x80u
#define MODE_MAX  0777u
#define COUNTER   8u /* bytes of payload */

/* Payload of the store's own block: fixed fields, id mark, intent log. */
#define SYSTEM_FIELDS 60u /* CRC, version, log size, identity, label */
#define ID_MARK       8u  /* a number and its CRC */
#define ID_STEP       64u
#define LOG_MIN       128u /* holds every change of one header, of its name and of two checksums */
#define LOG_MAX       1024u

/*
 * The log: a byte n and a seal, then a record of n times 4 bytes, which is changes, zeros and a
 * CRC. The record counts if the seal is the inverse of n.
 */
#define LOG_HEAD    2u
#define RECORD_UNIT 4u
#define RECORD_CRC  4u
#define CHANGE_HEAD 4u
#define OFFSET_BITS 21u
#define OFFSET_MASK ((1u << OFFSET_BITS) - 1)

#define CHUNK 64u /* bytes of stack for what passes through */

/* CRC-32C, four bits a step. */
static u32 crc_update(u32 state, const void *data, u32 size)
{
	static const u32 table[16] = {
		0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
		0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
		0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
	};
	const u8 *byte = data;

	while (size--) {
		state ^= *byte++;
		state = state >> 4 ^ table[state & 15];
		state = state >> 4 ^ table[state & 15];
	}
	return state;
}

u32 smm_crc32c(u32 crc, const void *data, u32 size)
{
	return ~crc_update(~crc, data, size);
}

/* The product of two polynomials modulo that of the CRC; bit 31 is the coefficient of 1. */
static u32 crc_multiply(u32 a, u32 b)
{
	u32 product = 0, bit;

	for (bit = 1u << 31; bit; bit >>= 1) {
		if (a & bit)
			product ^= b;
		b = b & 1 ? b >> 1 ^ 0x82f63b78 : b >> 1;
	}
	return product;
}

/* The state after @count zero bytes more: times x to the power 8 * count. */
static u32 crc_zeros(u32 state, u32 count)
{
	u32 power = 1u << 23;

	for (; count; count >>= 1) {
		if (count & 1)
			state = crc_multiply(power, state);
		power = crc_multiply(power, power);
	}
	return state;
}

/* Bytes of the UTF-8 sequence (RFC 3629) at @text; 0 if it is none, '/' or a control character. */
static u32 character(const u8 *text, u32 size)
{
	static const u32 least[] = { 0x20, 0xa0, 0x800, 0x10000 };
	u32 more = text[0] < 0x80 ? 0 : text[0] < 0xe0 ? 1 : text[0] < 0xf0 ? 2 : 3;
	u32 code = more ? text[0] & (0x3fu >> more) : text[0], i;

	if (text[0] >= 0xf8 || (text[0] & 0xc0) == 0x80 || more >= size)
		return 0;
	for (i = 1; i <= more; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (text[i] & 0x3fu);
	}
	if (code < least[more] || code == '/' || code == 0x7f || code > 0x10ffff)
		return 0;
	return code >> 11 == 0xd800 >> 11 ? 0 : more + 1;
}

/* Whether @text, up to its NUL if that comes before @size, can be a name of at most @max bytes. */
static int is_name(const char *text, u32 size, u32 max)
{
	u32 i, n;

	for (i = 0; i < size && text[i]; i += n) {
		n = character((const u8 *)text + i, size - i);
		if (!n)
			return 0;
	}
	return i <= max;
}

static u32 name_length(const struct smm_block *b)
{
	return (u32)strlen(b->name);
}

static u8 *put16(u8 *p, u32 v)
{
	p[0] = (u8)v;
	p[1] = (u8)(v >> 8);
	return p + 2;
}

static u8 *put32(u8 *p, u32 v)
{
	return put16(put16(p, v), v >> 16);
}

static u32 get16(const u8 *p)
{
	return p[0] | (u32)p[1] << 8;
}

static u32 get32(const u8 *p)
{
	return get16(p) | get16(p + 2) << 16;
}

/* Medium */

static int readable(const struct smm_store *st)
{
	if (st->trouble == SMM_IO_ERR)
		return SMM_IO_ERR;
	return st->log ? SMM_OK : SMM_NOT_FORMATTED;
}

static int changeable(const struct smm_store *st)
{
	return st->log ? st->trouble : readable(st);
}

/* The result of a call that may have changed something: after a failure nothing is certain. */
static int settle(struct smm_store *st, int r)
{
	if (r == SMM_IO_ERR)
		st->trouble = SMM_IO_ERR;
	return r;
}

static int get(const struct smm_store *st, u32 offset, void *buffer, u32 size)
{
	return size && st->smm.read(st->smm.context, offset, buffer, size) ? SMM_IO_ERR : SMM_OK;
}

static int put(const struct smm_store *st, u32 offset, const void *data, u32 size)
{
	return size && st->smm.write(st->smm.context, offset, data, size) ? SMM_IO_ERR : SMM_OK;
}

/* What is to be written from one offset on: small pieces are gathered, large ones pass. */
struct writer {
	const struct smm_store *st;
	u32 offset; /* where the gathered bytes go */
	u32 crc;    /* of all bytes since it was set to 0 */
	u32 used;
	int result;
	u8 buffer[CHUNK];
};

static void start(struct writer *w, const struct smm_store *st, u32 offset)
{
	w->st = st;
	w->offset = offset;
	w->crc = w->used = 0;
	w->result = SMM_OK;
}

static void pass(struct writer *w, const void *data, u32 size)
{
	if (!w->result)
		w->result = put(w->st, w->offset, data, size);
	w->offset += size;
}

static int finish(struct writer *w)
{
	pass(w, w->buffer, w->used);
	w->used = 0;
	return w->result;
}

static void append(struct writer *w, const void *data, u32 size)
{
	w->crc = smm_crc32c(w->crc, data, size);
	if (size > CHUNK - w->used)
		(void)finish(w);
	if (size > CHUNK) {
		pass(w, data, size);
		return;
	}
	memcpy(w->buffer + w->used, data, size);
	w->used += size;
}

static void append32(struct writer *w, u32 v)
{
	u8 bytes[4];

	put32(bytes, v);
	append(w, bytes, sizeof(bytes));
}

/* Headers */

static u32 payload(const struct smm_block *b)
{
	return b->kind == SMM_KIND_FOREIGN ? b->offset : b->offset + HEADER + name_length(b);
}

/* Bytes of the allocation that @b needs. */
static u32 block_size(const struct smm_block *b)
{
	return SMM_OVERHEAD + name_length(b) + b->length;
}

/* The header and name of @b, to @bytes with room for HEADER + SMM_NAME_MAX; returns its size. */
static u32 pack(const struct smm_block *b, u8 *bytes)
{
	u32 name = name_length(b);
	u8 *p = bytes + 4;

	*p++ = (u8)(b->kind | (b->checksummed ? CHECKED : 0));
	*p++ = (u8)name;
	p = put16(p, b->mode);
	p = put32(p, b->id);
	p = put32(p, b->generation);
	p = put32(p, b->length);
	p = put32(p, b->uid);
	p = put32(p, b->gid);
	memcpy(p, b->name, name);
	put32(bytes, smm_crc32c(0, bytes + 4, HEADER - 4 + name));
	return HEADER + name;
}

/* Fill @b from a header whose CRC is right; 0 if it says what cannot be. */
static int unpack(struct smm_block *b, const u8 *bytes)
{
	u32 name = bytes[5];

	b->kind = bytes[4] & KIND_MASK;
	b->checksummed = !!(bytes[4] & CHECKED);
	b->mode = (u16)get16(bytes + 6);
	b->id = get32(bytes + 8);
	b->generation = get32(bytes + 12);
	b->length = get32(bytes + 16);
	b->uid = get32(bytes + 20);
	b->gid = get32(bytes + 24);
	memcpy(b->name, bytes + HEADER, name);
	if (b->kind == SMM_KIND_FOREIGN || b->kind > SMM_KIND_SYSTEM || b->mode > MODE_MAX)
		return 0;
	if (strlen(b->name) != name || !is_name(b->name, name, SMM_NAME_MAX))
		return 0;
	if (b->kind == SMM_KIND_COUNTER && b->length != COUNTER)
		return 0;
	return b->length <= b->room - HEADER - name - CHECKSUM;
}

static void set_foreign(struct smm_block *b, u32 offset, u32 room)
{
	memset(b, 0, sizeof(*b));
	b->offset = offset;
	b->length = b->room = room;
}

/* Fill @b from the allocation of @room bytes at @offset: a block, or somebody else's. */
static int read_block(const struct smm_store *st, u32 offset, u32 room, struct smm_block *b)
{
	u8 bytes[HEADER + SMM_NAME_MAX];
	u32 size = room < LOOK ? room : LOOK, all;
	int r = get(st, offset, bytes, size);

	set_foreign(b, offset, room);
	if (r || size < HEADER || bytes[5] > SMM_NAME_MAX)
		return r;
	all = HEADER + bytes[5];
	if (all + CHECKSUM > room)
		return SMM_OK;
	if (all > size)
		r = get(st, offset + size, bytes + size, all - size);
	if (r)
		return r;
	if (smm_crc32c(0, bytes + 4, all - 4) != get32(bytes) || !unpack(b, bytes) ||
	    (b->kind == SMM_KIND_SYSTEM) != (offset == st->smm.data))
		set_foreign(b, offset, room);
	return SMM_OK;
}

/* Add @size bytes at @offset to *crc. */
static int sum(const struct smm_store *st, u32 offset, u32 size, u32 *crc)
{
	u8 chunk[CHUNK];
	u32 at, n;
	int r;

	for (at = 0; at < size; at += n) {
		n = size - at < CHUNK ? size - at : CHUNK;
		r = get(st, offset + at, chunk, n);
		if (r)
			return r;
		*crc = smm_crc32c(*crc, chunk, n);
	}
	return SMM_OK;
}

static int read_checksum(const struct smm_store *st, const struct smm_block *b, u32 *crc)
{
	u8 bytes[CHECKSUM];
	int r = get(st, payload(b) + b->length, bytes, sizeof(bytes));

	if (!r)
		*crc = get32(bytes);
	return r;
}

/* The CRC of the first @size bytes of the payload of @b, all of which is what its checksum says. */
static int sum_payload(const struct smm_store *st, const struct smm_block *b, u32 size, u32 *crc)
{
	u32 all, kept;
	int r;

	*crc = 0;
	r = sum(st, payload(b), size, crc);
	if (r || !b->checksummed)
		return r;
	all = *crc;
	r = sum(st, payload(b) + size, b->length - size, &all);
	if (!r)
		r = read_checksum(st, b, &kept);
	return !r && all != kept ? SMM_CHECKSUM : r;
}

/* Whether the payload of @b is what its checksum says, where it has one. */
static int verify_payload(const struct smm_store *st, const struct smm_block *b)
{
	u32 crc;

	return b->checksummed ? sum_payload(st, b, b->length, &crc) : SMM_OK;
}

/* Intent log */

/* The head of a change in a record; bit 0 tells apart what is done to an allocation. */
static u32 change_head(const struct smm_change *c, u32 size)
{
	if (c->data)
		return c->offset | size << OFFSET_BITS;
	return c->offset | (c->size ? 1 : 0);
}

/* Make an allocation of @size bytes, unless that was done; or free one, unless that was. */
static int change_allocation(struct smm_store *st, u32 offset, u32 size)
{
	u32 room;
	int r = smm_usable(&st->smm, offset, &room);

	if (r && r != SMM_FREE_FAILED)
		return r;
	if (size)
		return r ? smm_commit(&st->smm, offset, size) : SMM_OK;
	return r ? SMM_OK : smm_release(&st->smm, offset);
}

/* The end of the run from @c on that is bytes for consecutive offsets, and the size of these. */
static const struct smm_change *run_of(const struct smm_change *c, u32 *size)
{
	const struct smm_change *end = c->next;

	*size = c->data ? c->size : 0;
	for (; c->data && end && end->data && end->offset == c->offset + *size; end = end->next)
		*size += end->size;
	return end;
}

/* Bytes of the record that says @c; or of its beginning, where that is too large for any chip. */
static u32 record_size(const struct smm_change *c)
{
	u32 size = RECORD_CRC, run;

	while (c && size <= SMM_SIZE_MAX) {
		c = run_of(c, &run);
		size += CHANGE_HEAD + run;
	}
	return (size + RECORD_UNIT - 1) / RECORD_UNIT * RECORD_UNIT;
}

/*
 * Write the record of an intent, then the seal of its n bytes, which decides it. A cut in between
 * leaves the log without a seal, whatever the bytes of two records make up together.
 */
static int decide(struct smm_store *st, const struct smm_change *c, u8 n)
{
	static const u8 zeros[RECORD_UNIT];
	u8 head[LOG_HEAD] = { n, (u8)~n };
	u32 end = st->log + LOG_HEAD + n * RECORD_UNIT - RECORD_CRC, run;
	const struct smm_change *behind;
	struct writer w;

	start(&w, st, st->log + LOG_HEAD);
	while (c) {
		behind = run_of(c, &run);
		append32(&w, change_head(c, run));
		for (; c != behind; c = c->next)
			if (c->data)
				append(&w, c->data, c->size);
	}
	append(&w, zeros, end - w.offset - w.used);
	append32(&w, w.crc);
	return finish(&w) ? w.result : put(st, st->log, head, sizeof(head));
}

/* Break the seal of the record of @n units. */
static int retire(const struct smm_store *st, u8 n)
{
	return put(st, st->log + LOG_HEAD - 1, &n, 1);
}

static int perform(struct smm_store *st, const struct smm_change *c)
{
	const struct smm_change *behind;
	struct writer w;
	u32 run;
	int r = SMM_OK;

	for (; !r && c; c = behind) {
		behind = run_of(c, &run);
		if (!c->data) {
			r = change_allocation(st, c->offset, c->size);
			continue;
		}
		start(&w, st, c->offset);
		for (; c != behind; c = c->next)
			append(&w, c->data, c->size);
		r = finish(&w);
	}
	return r;
}

/* All of @c, or nothing. The record has to fit the log. */
static int carry_out(struct smm_store *st, const struct smm_change *c)
{
	u8 n = (u8)(record_size(c) / RECORD_UNIT);
	int r = decide(st, c, n);

	if (!r)
		r = perform(st, c);
	if (!r)
		r = retire(st, n);
	if (r) /* decided, perhaps, and not done: nothing may come over the record but a mount */
		st->trouble = r;
	return r;
}

/* With @make, make the allocation of the block whose header is at @offset, unless that was done. */
static int remake(struct smm_store *st, u32 offset, int make)
{
	struct smm_block b;
	int r = read_block(st, offset, st->smm.size - offset, &b);

	if (!r && b.kind == SMM_KIND_FOREIGN)
		r = SMM_CORRUPT;
	if (!r && make)
		r = change_allocation(st, offset, block_size(&b));
	return r == SMM_PARAMETER_INVALID ? SMM_CORRUPT : r; /* in the middle of another */
}

/* One change of the record at @at: checked against the memory, and with @make made. */
static int replay_change(struct smm_store *st, u32 at, u32 head, int make)
{
	u32 offset = head & OFFSET_MASK, size = head >> OFFSET_BITS, n, done;
	const struct smm *s = &st->smm;
	struct writer w;
	u8 chunk[CHUNK];
	int r;

	if (offset <= s->data + (size == 0) || offset >= s->size || size > s->size - offset)
		return SMM_CORRUPT;
	if (!size && offset & 2)
		return SMM_CORRUPT;
	if (!size && offset & 1)
		return remake(st, offset - 1, make);
	if (!make)
		return SMM_OK;
	if (!size)
		return change_allocation(st, offset, 0);
	start(&w, st, offset);
	for (done = 0; done < size; done += n) {
		n = size - done < CHUNK ? size - done : CHUNK;
		r = get(st, at + done, chunk, n);
		if (r)
			return r;
		append(&w, chunk, n);
	}
	return finish(&w);
}

/* The changes of the record, @size bytes of them; less than a head behind the last are zeros. */
static int replay_changes(struct smm_store *st, u32 size, int make)
{
	u32 at = st->log + LOG_HEAD, end = at + size, head;
	u8 bytes[CHANGE_HEAD];
	int r;

	while (end - at >= CHANGE_HEAD) {
		r = get(st, at, bytes, sizeof(bytes));
		if (r)
			return r;
		head = get32(bytes);
		at += CHANGE_HEAD;
		if (head >> OFFSET_BITS > end - at)
			return SMM_CORRUPT;
		r = replay_change(st, at, head, make);
		if (r)
			return r;
		at += head >> OFFSET_BITS;
	}
	return SMM_OK;
}

/* Finish the intent that the log holds, if it holds one. */
static int replay(struct smm_store *st)
{
	u8 head[LOG_HEAD], kept[RECORD_CRC];
	u32 size, crc = 0;
	int r = get(st, st->log, head, sizeof(head));

	if (r || (head[0] ^ head[1]) != 0xff)
		return r;
	size = head[0] * RECORD_UNIT;
	if (size <= RECORD_CRC || LOG_HEAD + size > st->log_size)
		return SMM_OK;
	size -= RECORD_CRC;
	r = sum(st, st->log + LOG_HEAD, size, &crc);
	if (!r)
		r = get(st, st->log + LOG_HEAD + size, kept, sizeof(kept));
	if (r || get32(kept) != crc)
		return r;
	r = replay_changes(st, size, 0);
	if (!r)
		r = replay_changes(st, size, 1);
	if (r)
		return r;
	st->replayed = 1;
	return retire(st, head[0]);
}

/* Blocks built anew */

/* A new payload: @size bytes of @data at @at, elsewhere @old as far as it reaches, then @fill. */
struct content {
	const void *data;
	u32 at, size;
	const struct smm_block *old;
	u8 fill;
};

static void append_content(struct writer *w, const struct content *c, u32 length)
{
	u32 old = c->old ? c->old->length : 0, at, n, limit;
	u8 chunk[CHUNK];

	for (at = 0; at < length && !w->result; at += n) {
		if (c->size && at == c->at) {
			n = c->size;
			append(w, c->data, n);
			continue;
		}
		limit = c->size && at < c->at ? c->at : length;
		if (at < old && old < limit)
			limit = old;
		n = limit - at < CHUNK ? limit - at : CHUNK;
		memset(chunk, c->fill, n);
		if (at < old)
			w->result = get(w->st, payload(c->old) + at, chunk, n);
		append(w, chunk, n);
	}
}

/* Write @b, all but its place given, into a free run: nothing yet says that it is there. */
static int build(struct smm_store *st, struct smm_block *b, const struct content *content)
{
	u8 header[HEADER + SMM_NAME_MAX];
	struct writer w;
	int r;

	if (b->length > st->smm.size)
		return SMM_NO_FREE_SPACE;
	r = smm_reserve(&st->smm, block_size(b), &b->offset);
	if (r)
		return r;
	start(&w, st, b->offset);
	append(&w, header, pack(b, header));
	w.crc = 0;
	append_content(&w, content, b->length);
	append32(&w, w.crc);
	b->room = (block_size(b) + st->smm.granule - 1) & ~(st->smm.granule - 1);
	return finish(&w);
}

/* Build @b anew as @next says, with the content given, and switch over. */
static int rebuild(struct smm_store *st, struct smm_block *b, struct smm_block *next,
		   const struct content *content)
{
	struct smm_change release = { b->offset, 0, NULL, NULL }, make = { 0, 0, NULL, &release };
	int r = content->old ? verify_payload(st, b) : SMM_OK;

	next->generation = b->generation + 1;
	next->checksummed = 1;
	if (!r)
		r = build(st, next, content);
	if (r)
		return r;
	make.offset = next->offset;
	make.size = block_size(next);
	r = carry_out(st, &make);
	if (!r)
		*b = *next;
	return r;
}

/* Raise the mark below which ids may be given above @id, if it is not: ID_STEP, where it can be. */
static int provide_id(struct smm_store *st, u32 id)
{
	u32 limit = id < UINT32_MAX - ID_STEP ? id + ID_STEP : UINT32_MAX;
	u8 mark[ID_MARK];
	struct smm_change change = { st->id_mark, sizeof(mark), mark, NULL };
	int r;

	if (id < st->id_limit)
		return SMM_OK;
	put32(mark, limit);
	put32(mark + 4, smm_crc32c(0, mark, 4));
	r = carry_out(st, &change);
	if (!r)
		st->id_limit = limit;
	return r;
}

/* Whether @b, which may have been freed, has @size bytes of payload at @offset. */
static int check_range(const struct smm_block *b, u32 offset, u32 size)
{
	if (!b->offset || offset > b->length || size > b->length - offset)
		return SMM_OUT_OF_RANGE;
	return SMM_OK;
}

/* Whether @b can be changed. */
static int check_block(const struct smm_store *st, const struct smm_block *b)
{
	int r = changeable(st);

	if (!r && (!b->offset || b->kind == SMM_KIND_FOREIGN))
		r = SMM_PARAMETER_INVALID;
	return r;
}

/* Change the header of @b to that of @next, which has as long a name. */
static int change_header(struct smm_store *st, struct smm_block *b, const struct smm_block *next)
{
	u8 header[HEADER + SMM_NAME_MAX];
	struct smm_change change = { b->offset, pack(next, header), header, NULL };
	int r = carry_out(st, &change);

	if (!r)
		*b = *next;
	return r;
}

/* Format and mount */

static u32 log_size(u32 size)
{
	u32 log = size / 64 & ~3u;

	return log < LOG_MIN ? LOG_MIN : log > LOG_MAX ? LOG_MAX : log;
}

/* The store's own block, as it always is. */
static void own_block(const struct smm_store *st, struct smm_block *b)
{
	memset(b, 0, sizeof(*b));
	b->offset = st->smm.data;
	b->kind = SMM_KIND_SYSTEM;
	b->length = SYSTEM_FIELDS + ID_MARK + st->log_size;
}

/* Note where in it everything is. */
static void locate(struct smm_store *st)
{
	st->id_mark = st->smm.data + HEADER + SYSTEM_FIELDS;
	st->log = st->id_mark + ID_MARK;
}

int smm_store_format(struct smm_store *st, const u8 identity[SMM_ID_BYTES], const char *label)
{
	u8 system[SYSTEM_FIELDS + ID_MARK] = { 0 };
	struct content content = { system, 0, sizeof(system), NULL, 0 };
	struct smm_block b;
	u32 room;
	int r;

	st->log = 0;
	st->trouble = SMM_OK;
	st->replayed = 0;
	if (!is_name(label, SMM_LABEL_MAX + 1, SMM_LABEL_MAX))
		return SMM_BAD_NAME;
	st->log_size = log_size(st->smm.size);
	own_block(st, &b);
	room = smm_data_bytes(st->smm.size, st->smm.granule);
	if (room && room < block_size(&b))
		return SMM_NO_FREE_SPACE;
	r = smm_format_begin(&st->smm);
	if (r)
		return settle(st, r);
	memset(st->label, 0, sizeof(st->label));
	memcpy(st->label, label, strlen(label));
	memcpy(st->identity, identity, SMM_ID_BYTES);
	st->next_id = st->id_limit = 1;

	put32(put32(system + 4, VERSION), st->log_size);
	memcpy(system + 12, identity, SMM_ID_BYTES);
	memcpy(system + 28, st->label, sizeof(st->label));
	put32(system, smm_crc32c(0, system + 4, SYSTEM_FIELDS - 4));
	put32(system + SYSTEM_FIELDS, st->id_limit);
	put32(system + SYSTEM_FIELDS + 4, smm_crc32c(0, system + SYSTEM_FIELDS, 4));

	r = build(st, &b, &content);
	if (!r)
		r = smm_commit(&st->smm, b.offset, block_size(&b));
	if (!r)
		r = smm_format_end(&st->smm);
	if (!r)
		locate(st);
	return settle(st, r);
}

static int has_fields(const u8 *system)
{
	return get32(system) == smm_crc32c(0, system + 4, SYSTEM_FIELDS - 4);
}

/*
 * Find the store's own block, the first of all, and take up what it says. Its header and its fields
 * have a CRC each: one that is right makes the medium a store. With SMM_CORRUPT it is known
 * where the other blocks are, and nothing else.
 */
static int read_system(struct smm_store *st, struct smm_block *b)
{
	u8 system[SYSTEM_FIELDS + ID_MARK];
	u32 offset = st->smm.data, room;
	int r = smm_usable(&st->smm, offset, &room);

	if (r == SMM_CORRUPT) /* it reaches into a line beyond correction */
		room = st->smm.size - offset;
	else if (r)
		return r == SMM_FREE_FAILED ? SMM_NOT_FORMATTED : r;
	if (room < SMM_OVERHEAD + sizeof(system))
		return SMM_NOT_FORMATTED;
	r = read_block(st, offset, room, b);
	if (!r)
		r = get(st, offset + HEADER, system, sizeof(system));
	if (r)
		return r;
	if (!has_fields(system)) {
		if (b->kind != SMM_KIND_SYSTEM)
			return SMM_NOT_FORMATTED;
		locate(st);
		return SMM_CORRUPT;
	}
	locate(st);
	st->log_size = get32(system + 8);
	if (get32(system + 4) != VERSION || st->log_size < LOG_MIN || st->log_size > LOG_MAX ||
	    st->log_size > room - SMM_OVERHEAD - sizeof(system))
		return SMM_CORRUPT;
	memcpy(st->identity, system + 12, SMM_ID_BYTES);
	memcpy(st->label, system + 28, SMM_LABEL_MAX);
	st->label[SMM_LABEL_MAX] = '\0';
	return SMM_OK;
}

/* Write the header of the store's own block again if @b, what it says, is not what it always is. */
static int heal_header(struct smm_store *st, const struct smm_block *b)
{
	u8 header[HEADER];
	struct smm_block own;

	own_block(st, &own);
	own.room = b->room;
	if (!memcmp(b, &own, sizeof(own)))
		return SMM_OK;
	st->smm.corrected++;
	return put(st, own.offset, header, pack(&own, header));
}

/* The mark below which ids have been given; after the log was replayed. */
static int read_id_mark(struct smm_store *st)
{
	u8 mark[ID_MARK];
	int r = get(st, st->id_mark, mark, sizeof(mark));

	if (r)
		return r;
	st->next_id = st->id_limit = get32(mark);
	return !st->next_id || get32(mark + 4) != smm_crc32c(0, mark, 4) ? SMM_CORRUPT : SMM_OK;
}

/* To be left alone if a newer version made it, which is found out before anything is corrected. */
static int mount_memory(struct smm_store *st)
{
	u8 system[SYSTEM_FIELDS];
	int r = smm_mount_begin(&st->smm);

	if (!r && smm_data_bytes(st->smm.size, st->smm.granule) > HEADER + sizeof(system)) {
		r = get(st, st->smm.data + HEADER, system, sizeof(system));
		if (!r && has_fields(system) && get32(system + 4) > VERSION)
			r = SMM_NEWER_FORMAT;
	}
	return r ? r : smm_mount_end(&st->smm);
}

int smm_store_mount(struct smm_store *st)
{
	struct smm_block own;
	int r;

	st->log = 0;
	st->replayed = 0;
	st->trouble = mount_memory(st);
	if (st->trouble && st->trouble != SMM_CORRUPT)
		return st->trouble;
	r = read_system(st, &own);
	if (!r)
		r = replay(st);
	if (!r && !st->trouble)
		r = heal_header(st, &own);
	if (!r)
		r = read_id_mark(st);
	if (!r || r == SMM_NOT_FORMATTED)
		r = st->trouble ? st->trouble : r;
	st->trouble = r;
	return r;
}

/* Public calls */

int smm_store_next(struct smm_store *st, u32 after, struct smm_block *b)
{
	u32 offset, room;
	int r = readable(st);

	b->offset = 0;
	if (r)
		return r;
	do {
		r = smm_walk(&st->smm, after, &offset, &room);
		after = offset;
	} while (!r && offset == st->smm.data);
	return r || !offset ? r : read_block(st, offset, room, b);
}

/* The first block with @name, or with @name NULL that of @id. */
static int look_up(struct smm_store *st, const char *name, u32 id, struct smm_block *b)
{
	u32 after = 0;
	int r;

	while (!(r = smm_store_next(st, after, b)) && b->offset) {
		after = b->offset;
		if (b->kind == SMM_KIND_FOREIGN)
			continue;
		if (name ? !strcmp(b->name, name) : b->id == id)
			return SMM_OK;
	}
	return r ? r : SMM_NOT_FOUND;
}

int smm_store_find(struct smm_store *st, const char *name, struct smm_block *b)
{
	return look_up(st, name, 0, b);
}

int smm_store_find_id(struct smm_store *st, u32 id, struct smm_block *b)
{
	return look_up(st, NULL, id, b);
}

/* Make the block that @b says, with this id and generation. */
static int create(struct smm_store *st, struct smm_block *b, u32 id, u32 generation,
		  const void *data, u8 fill)
{
	struct content content = { data, 0, data ? b->length : 0, NULL, fill };
	struct smm_block next = *b;
	int r = changeable(st);

	if (r)
		return r;
	if (!is_name(b->name, sizeof(b->name), SMM_NAME_MAX))
		return SMM_BAD_NAME;
	if ((b->kind != SMM_KIND_DATA && b->kind != SMM_KIND_COUNTER) || b->mode > MODE_MAX ||
	    (b->kind == SMM_KIND_COUNTER && b->length != COUNTER) || !id || !generation)
		return SMM_PARAMETER_INVALID;
	if (id == UINT32_MAX) /* the mark cannot be above it */
		return SMM_OVERFLOW;
	next.id = id;
	next.generation = generation;
	next.checksummed = 1;
	r = build(st, &next, &content);
	if (!r)
		r = provide_id(st, id);
	if (!r)
		r = smm_commit(&st->smm, next.offset, block_size(&next));
	if (r)
		return settle(st, r);
	if (id >= st->next_id)
		st->next_id = id + 1;
	*b = next;
	return SMM_OK;
}

int smm_store_create(struct smm_store *st, struct smm_block *b, const void *data, u8 fill)
{
	return create(st, b, st->next_id, 1, data, fill);
}

int smm_store_adopt(struct smm_store *st, struct smm_block *b, const void *data)
{
	return create(st, b, b->id, b->generation, data, 0);
}

int smm_store_replace(struct smm_store *st, struct smm_block *b, const void *data, u32 length)
{
	struct content content = { data, 0, length, NULL, 0 };
	struct smm_block next = *b;
	int r = check_block(st, b);

	if (r)
		return r;
	if (b->kind == SMM_KIND_COUNTER && length != COUNTER)
		return SMM_PARAMETER_INVALID;
	next.length = length;
	return settle(st, rebuild(st, b, &next, &content));
}

int smm_store_read(struct smm_store *st, const struct smm_block *b, u32 offset, void *buffer,
		   u32 size)
{
	u32 crc;
	int r = readable(st);

	if (!r)
		r = check_range(b, offset, size);
	if (!r)
		r = get(st, payload(b) + offset, buffer, size);
	if (r || !b->checksummed || size != b->length)
		return r;
	r = read_checksum(st, b, &crc);
	return !r && crc != smm_crc32c(0, buffer, size) ? SMM_CHECKSUM : r;
}

static int same_block(const struct smm_write *a, const struct smm_write *b)
{
	return a->block->offset == b->block->offset;
}

/* Whether the checksum of its block goes with part @i: the last one of that block. */
static int has_checksum(const struct smm_write *writes, u32 i, u32 count)
{
	const struct smm_write *w = &writes[i];

	if (!w->size || !w->block->checksummed)
		return 0;
	while (++i < count)
		if (writes[i].size && same_block(&writes[i], w))
			return 0;
	return 1;
}

/* What the parts change, in their order; the checksums are not known yet. */
static const struct smm_change *link_parts(struct smm_write *writes, u32 count)
{
	const struct smm_change *first = NULL;
	struct smm_write *w;
	u32 i = count, at;

	while (i--) {
		w = &writes[i];
		at = payload(w->block);
		w->sum = (struct smm_change){ at + w->block->length, CHECKSUM, w->checksum, first };
		if (has_checksum(writes, i, count))
			first = &w->sum;
		w->bytes = (struct smm_change){ at + w->offset, w->size, w->data, first };
		if (w->size)
			first = &w->bytes;
	}
	return first;
}

/* Turn @crc, the checksum of a payload before part @w, into that after it. */
static int add_part(const struct smm_store *st, const struct smm_write *writes,
		    const struct smm_write *w, u32 *crc)
{
	u32 at, n, i, end = w->offset + w->size, difference = 0;
	const struct smm_write *p;
	u8 chunk[CHUNK];
	int r;

	if (w->size == w->block->length) {
		*crc = smm_crc32c(0, w->data, w->size);
		return SMM_OK;
	}
	/* A CRC is linear: that of the difference is the difference of the CRCs. */
	for (at = w->offset; at < end; at += n) {
		n = end - at < CHUNK ? end - at : CHUNK;
		r = get(st, payload(w->block) + at, chunk, n);
		if (r)
			return r;
		for (i = 0; i < n; i++) {
			for (p = writes; p < w; p++)
				if (same_block(p, w) && at + i - p->offset < p->size)
					chunk[i] = ((const u8 *)p->data)[at + i - p->offset];
			chunk[i] ^= ((const u8 *)w->data)[at + i - w->offset];
		}
		difference = crc_update(difference, chunk, n);
	}
	*crc ^= crc_zeros(difference, w->block->length - end);
	return SMM_OK;
}

/* Fill in the checksum of a payload once all its parts are made, of which @last is the last. */
static int sum_parts(const struct smm_store *st, const struct smm_write *writes,
		     struct smm_write *last)
{
	const struct smm_write *w;
	u32 crc = 0;
	int r = SMM_OK;

	if (last->size != last->block->length)
		r = read_checksum(st, last->block, &crc);
	for (w = writes; !r && w <= last; w++)
		if (w->size && same_block(w, last))
			r = add_part(st, writes, w, &crc);
	put32(last->checksum, crc);
	return r;
}

static int check_part(const struct smm_store *st, const struct smm_write *w)
{
	int r = check_block(st, w->block);

	if (!r)
		r = check_range(w->block, w->offset, w->size);
	return !r && w->size && !w->data ? SMM_PTR_ERR : r;
}

u32 smm_store_log_bytes(struct smm_write *writes, u32 count)
{
	return LOG_HEAD + record_size(link_parts(writes, count));
}

int smm_store_write_many(struct smm_store *st, struct smm_write *writes, u32 count)
{
	const struct smm_change *changes;
	int r = changeable(st);
	u32 i;

	for (i = 0; !r && i < count; i++)
		r = check_part(st, &writes[i]);
	changes = r ? NULL : link_parts(writes, count);
	if (!changes)
		return r;
	if (LOG_HEAD + record_size(changes) > st->log_size)
		return SMM_TOO_LARGE;
	if (!changes->next && changes->size == 1)
		return settle(st, perform(st, changes));
	for (i = 0; !r && i < count; i++)
		if (has_checksum(writes, i, count))
			r = sum_parts(st, writes, &writes[i]);
	if (!r)
		r = carry_out(st, changes);
	return settle(st, r);
}

int smm_store_write(struct smm_store *st, struct smm_block *b, u32 offset, const void *data,
		    u32 size)
{
	struct smm_write w = { .block = b, .offset = offset, .size = size, .data = data };
	struct content content = { data, offset, size, size == b->length ? NULL : b, 0 };
	struct smm_block next = *b;
	int r = smm_store_write_many(st, &w, 1);

	return r == SMM_TOO_LARGE ? settle(st, rebuild(st, b, &next, &content)) : r;
}

int smm_store_write_in_place(struct smm_store *st, struct smm_block *b, u32 offset,
			     const void *data, u32 size)
{
	struct smm_block next = *b;
	int r = check_block(st, b);

	if (!r)
		r = check_range(b, offset, size);
	if (r || !size)
		return r;
	next.checksummed = 0;
	if (b->checksummed)
		r = change_header(st, b, &next);
	if (!r)
		r = put(st, payload(b) + offset, data, size);
	return settle(st, r);
}

int smm_store_add(struct smm_store *st, struct smm_block *b, int64_t delta, int64_t *value)
{
	u8 bytes[COUNTER];
	int64_t total;
	int r = changeable(st);

	if (!r && b->kind != SMM_KIND_COUNTER)
		r = SMM_NOT_COUNTER;
	if (!r)
		r = smm_store_read(st, b, 0, bytes, sizeof(bytes));
	if (r)
		return settle(st, r);
	total = (int64_t)((u64)get32(bytes) | (u64)get32(bytes + 4) << 32);
	if (delta > 0 ? total > INT64_MAX - delta : total < INT64_MIN - delta)
		return SMM_OVERFLOW;
	total += delta;
	put32(put32(bytes, (u32)(u64)total), (u32)((u64)total >> 32));
	if (delta)
		r = smm_store_write(st, b, 0, bytes, sizeof(bytes));
	if (!r)
		*value = total;
	return r;
}

int smm_store_is_name(const char *name)
{
	return is_name(name, SMM_NAME_MAX + 1, SMM_NAME_MAX);
}

int smm_store_rename(struct smm_store *st, struct smm_block *b, const char *name)
{
	struct content content = { NULL, 0, 0, b, 0 };
	struct smm_block next = *b;
	int r = check_block(st, b);

	if (r)
		return r;
	if (!smm_store_is_name(name))
		return SMM_BAD_NAME;
	memset(next.name, 0, sizeof(next.name));
	memcpy(next.name, name, strlen(name));
	if (name_length(&next) == name_length(b))
		return settle(st, change_header(st, b, &next));
	return settle(st, rebuild(st, b, &next, &content));
}

int smm_store_set_owner(struct smm_store *st, struct smm_block *b, u32 uid, u32 gid)
{
	struct smm_block next = *b;
	int r = check_block(st, b);

	next.uid = uid;
	next.gid = gid;
	return r ? r : settle(st, change_header(st, b, &next));
}

int smm_store_set_mode(struct smm_store *st, struct smm_block *b, u16 mode)
{
	struct smm_block next = *b;
	int r = check_block(st, b);

	if (!r && mode > MODE_MAX)
		r = SMM_PARAMETER_INVALID;
	next.mode = mode;
	return r ? r : settle(st, change_header(st, b, &next));
}

/* Zeros from behind the old checksum of @b to the end of the new payload: no block's yet. */
static int clear_behind(const struct smm_store *st, const struct smm_block *b, u32 length)
{
	static const u8 zeros[CHUNK];
	u32 at, n;
	struct writer w;

	start(&w, st, payload(b) + b->length + CHECKSUM);
	for (at = b->length + CHECKSUM; at < length; at += n) {
		n = length - at < CHUNK ? length - at : CHUNK;
		append(&w, zeros, n);
	}
	return finish(&w);
}

/* Change the length of @b in its allocation; @crc is that of the payload that stays. */
static int change_length(struct smm_store *st, struct smm_block *b, u32 length, u32 crc)
{
	static const u8 zeros[CHECKSUM];
	u8 header[HEADER + SMM_NAME_MAX], checksum[CHECKSUM];
	u32 grown = length > b->length ? length - b->length : 0;
	struct smm_change sum = { payload(b) + length, CHECKSUM, checksum, NULL };
	struct smm_change clear = { payload(b) + b->length, CHECKSUM, zeros, &sum };
	struct smm_change change = { b->offset, 0, header, grown ? &clear : &sum };
	struct smm_block next = *b;
	int r = grown ? clear_behind(st, b, length) : SMM_OK;

	if (r)
		return r;
	next.length = length;
	change.size = pack(&next, header);
	if (grown < CHECKSUM)
		clear.size = grown;
	put32(checksum, ~crc_zeros(~crc, grown));
	r = carry_out(st, &change);
	if (!r)
		*b = next;
	return r;
}

int smm_store_resize(struct smm_store *st, struct smm_block *b, u32 length)
{
	struct content content = { NULL, 0, 0, b, 0 };
	struct smm_block next = *b;
	u32 crc;
	int r = check_block(st, b);

	if (!r && b->kind == SMM_KIND_COUNTER)
		r = SMM_PARAMETER_INVALID;
	if (r || length == b->length)
		return r;
	if (length > st->smm.size)
		return SMM_NO_FREE_SPACE;
	next.length = length;
	r = sum_payload(st, b, length < b->length ? length : b->length, &crc);
	if (!r && block_size(&next) > b->room)
		r = smm_resize(&st->smm, b->offset, block_size(&next));
	if (r == SMM_NO_FREE_SPACE)
		return settle(st, rebuild(st, b, &next, &content));
	if (!r)
		r = change_length(st, b, length, crc);
	if (!r)
		r = smm_resize(&st->smm, b->offset, block_size(b));
	if (!r)
		r = smm_usable(&st->smm, b->offset, &b->room);
	return settle(st, r);
}

int smm_store_free(struct smm_store *st, struct smm_block *b)
{
	int r = changeable(st);

	if (!r)
		r = smm_release(&st->smm, b->offset);
	if (!r)
		b->offset = 0;
	return settle(st, r);
}

int smm_store_verify(struct smm_store *st, const struct smm_block *b)
{
	u8 header[HEADER + SMM_NAME_MAX], header_now[HEADER + SMM_NAME_MAX];
	struct smm_block now;
	u32 size;
	int r = readable(st);

	if (!r)
		r = read_block(st, b->offset, b->room, &now);
	if (r)
		return r;
	if (now.kind != b->kind)
		return SMM_CORRUPT;
	if (b->kind == SMM_KIND_FOREIGN)
		return SMM_OK;
	size = pack(b, header);
	if (pack(&now, header_now) != size || memcmp(header, header_now, size))
		return SMM_CORRUPT;
	return verify_payload(st, b);
}
