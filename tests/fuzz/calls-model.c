/* SPDX-License-Identifier: BSD-3-Clause */
#include "calls-model.h"

#include "errors.h"
#include "fuzz.h"

#define LOG_BYTES(chip) ((chip) / 64 < 128 ? 128 : (chip) / 64) /* FORMAT.md, part 2 */
#define SYSTEM_BYTES    68u /* of the store's own block, beside header and log */
#define COUNTER_BYTES   8u

/* Space */

static uint32_t round_up(const struct model *m, uint64_t bytes)
{
	return (uint32_t)((bytes + m->granule - 1) / m->granule * m->granule);
}

static uint64_t need(const struct model *m, const char *name, uint64_t length)
{
	uint64_t bytes = SMM_OVERHEAD + strlen(name) + length;

	return (bytes + m->granule - 1) / m->granule * m->granule;
}

static uint32_t room(const struct model *m, const struct model_block *b)
{
	return (uint32_t)need(m, b->name, b->length);
}

uint32_t model_usable(const struct model *m)
{
	return smm_data_bytes(m->chip, m->granule);
}

static uint32_t system_room(const struct model *m)
{
	return round_up(m, SMM_OVERHEAD + SYSTEM_BYTES + LOG_BYTES(m->chip));
}

bool model_format(struct model *m, uint32_t granule)
{
	struct model empty = { .granule = granule };

	if (granule < SMM_GRANULE || granule & (granule - 1) || granule > SMM_GRANULE_MAX)
		return false;
	empty.chip = m->chip;
	if (model_usable(&empty) < system_room(&empty))
		return false;
	m->granule = granule;
	m->highest = 0;
	m->n = 0;
	return true;
}

/* Which granules are taken, from the first one of the data area on. */
static void draw_map(const struct model *m, bool *taken)
{
	uint32_t begin = m->chip - model_usable(m);

	memset(taken, 0, model_usable(m) / m->granule);
	memset(taken, 1, system_room(m) / m->granule);
	for (const struct model_block *b = m->blocks; b < m->blocks + m->n; b++) {
		uint32_t first = (b->offset - begin) / m->granule;

		REQUIRE(b->offset >= begin && (b->offset - begin) % m->granule == 0);
		REQUIRE(b->offset + room(m, b) <= m->chip);
		for (uint32_t i = 0; i < room(m, b) / m->granule; i++) {
			REQUIRE(!taken[first + i]);
			taken[first + i] = true;
		}
	}
}

struct model_space model_space(const struct model *m)
{
	bool taken[MODEL_CHIP_MAX / SMM_GRANULE];
	struct model_space space = { 0 };
	uint32_t run = 0;

	draw_map(m, taken);
	for (uint32_t i = 0; i < model_usable(m) / m->granule; i++) {
		run = taken[i] ? 0 : run + m->granule;
		space.free += taken[i] ? 0 : m->granule;
		if (run > space.largest)
			space.largest = run;
	}
	return space;
}

/* Bytes up to the next block, or to the end of the chip, from the beginning of @b on. */
static uint32_t reach(const struct model *m, const struct model_block *b)
{
	uint32_t end = m->chip;

	for (const struct model_block *o = m->blocks; o < m->blocks + m->n; o++)
		if (o->offset > b->offset && o->offset < end)
			end = o->offset;
	return end - b->offset;
}

static const char *find_space(const struct model *m, uint64_t bytes)
{
	return bytes > model_space(m).largest ? ERROR_NO_SPACE : NULL;
}

static uint64_t held(const struct model *m, uint32_t uid)
{
	uint64_t bytes = 0;

	for (const struct model_block *b = m->blocks; b < m->blocks + m->n; b++)
		if (b->uid == uid)
			bytes += room(m, b);
	return bytes;
}

/* Whether a block of @owner may take @bytes instead of @have; root's blocks count nowhere. */
static const char *check_quota(const struct model *m, const struct caller *who, uint32_t owner,
			       uint64_t bytes, uint32_t have)
{
	if (bytes > model_usable(m))
		return ERROR_NO_SPACE;
	if (!m->quota || who->uid == 0 || owner == 0 || bytes <= have)
		return NULL;
	return held(m, owner) - have + bytes > m->quota ? ERROR_QUOTA_EXCEEDED : NULL;
}

/* Rights */

enum {
	WRITE = 2,
	READ = 4
};

static bool in_group(const struct caller *who, uint32_t gid)
{
	for (size_t i = 0; i < who->n_gids; i++)
		if (who->gids[i] == gid)
			return true;
	return false;
}

static bool may(const struct caller *who, const struct model_block *b, unsigned int bit)
{
	if (who->uid == 0)
		return true;
	if (who->uid == b->uid)
		return b->mode >> 6 & bit;
	return (in_group(who, b->gid) ? b->mode >> 3 : b->mode) & bit;
}

static bool owns(const struct caller *who, const struct model_block *b)
{
	return who->uid == 0 || who->uid == b->uid;
}

bool model_sees(const struct caller *who, const struct model_block *b)
{
	return owns(who, b) || may(who, b, READ);
}

bool model_reads(const struct caller *who, const struct model_block *b)
{
	return may(who, b, READ);
}

/* Blocks */

struct model_block *model_find(struct model *m, uint32_t id)
{
	for (struct model_block *b = m->blocks; b < m->blocks + m->n; b++)
		if (b->id == id)
			return b;
	return NULL;
}

/* Blocks without a name are found by their ids alone. */
static struct model_block *find_name(struct model *m, const char *name)
{
	for (struct model_block *b = m->blocks; b < m->blocks + m->n; b++)
		if (*name && !strcmp(b->name, name))
			return b;
	return NULL;
}

static int64_t get_counter(const struct model_block *b)
{
	uint64_t value = 0;

	for (unsigned int i = COUNTER_BYTES; i--;)
		value = value << 8 | b->content[i];
	return (int64_t)value;
}

int64_t model_counter(struct model *m, const char *name)
{
	const struct model_block *b = find_name(m, name);

	return b && b->counter ? get_counter(b) : 0;
}

/* The block @id, to be read or written (@bit), or with 0 to be managed. */
static const char *open_block(struct model *m, const struct caller *who, uint32_t id,
			      unsigned int bit, struct model_block **b)
{
	*b = model_find(m, id);
	if (!*b || !model_sees(who, *b))
		return ERROR_NO_SUCH_BLOCK;
	return (bit ? may(who, *b, bit) : owns(who, *b)) ? NULL : SD_BUS_ERROR_ACCESS_DENIED;
}

/* Whether it is short, and there is no '/' and no control character in it; the bus sees to the
 * UTF-8.
 */
const char *model_check_name(const char *name)
{
	for (const uint8_t *c = (const uint8_t *)name; *c; c++)
		if (*c < 0x20 || *c == 0x7f || *c == '/' || (c[0] == 0xc2 && c[1] < 0xa0))
			return ERROR_BAD_NAME;
	return strlen(name) <= SMM_NAME_MAX ? NULL : ERROR_BAD_NAME;
}

/* The block @name; with NULL in @b there is none that @who sees. */
static const char *open_name(struct model *m, const struct caller *who, const char *name,
			     unsigned int bit, struct model_block **b)
{
	if (!*name || model_check_name(name))
		return ERROR_BAD_NAME;
	*b = find_name(m, name);
	if (*b && !model_sees(who, *b))
		*b = NULL;
	return !*b || may(who, *b, bit) ? NULL : SD_BUS_ERROR_ACCESS_DENIED;
}

static const char *check_range(const struct model_block *b, uint64_t offset, uint64_t size)
{
	return offset + size > b->length ? ERROR_OUT_OF_RANGE : NULL;
}

/* Whether a block of @owner can get this name and @length bytes, instead of the @have that it has.
 */
static const char *check_new(struct model *m, const struct caller *who, uint32_t owner,
			     const char *name, uint64_t length, uint32_t have)
{
	if (find_name(m, name))
		return ERROR_NAME_TAKEN;
	return check_quota(m, who, owner, need(m, name, length), have);
}

/* Make @b, all but its id given; @id as the calls have it. */
static const char *create(struct model *m, const struct caller *who, struct model_block *b,
			  uint32_t *id)
{
	const char *error = check_new(m, who, b->uid, b->name, b->length, 0);

	if (!error)
		error = find_space(m, need(m, b->name, b->length));
	if (error)
		return error;
	if (*id <= m->highest)
		*id = m->highest + 1;
	m->highest = b->id = *id;
	b->generation = 1;
	b->checksummed = true;
	REQUIRE(m->n < MODEL_BLOCKS_MAX);
	m->blocks[m->n++] = *b;
	return NULL;
}

static struct model_block new_block(const struct model *m, const struct caller *who,
				    const char *name, uint32_t length)
{
	struct model_block b = {
		.length = length,
		.uid = who->uid,
		.gid = who->gid,
		.mode = m->default_mode,
	};

	snprintf(b.name, sizeof(b.name), "%s", name);
	return b;
}

/* The block was built anew, somewhere else. */
static void move(struct model_block *b)
{
	b->generation++;
	b->checksummed = true;
	b->offset = 0;
}

/* Calls */

const char *model_allocate(struct model *m, const struct caller *who, const char *name,
			   uint32_t size, const struct allocate_options *options, uint32_t *id)
{
	struct model_block b = new_block(m, who, name, size), *same = find_name(m, name);

	if (model_check_name(name))
		return ERROR_BAD_NAME;
	if (options->has_mode && options->mode > 0777)
		return SD_BUS_ERROR_INVALID_ARGS;
	if (options->has_gid && options->gid == UINT32_MAX)
		return SD_BUS_ERROR_INVALID_ARGS;
	if (options->has_gid && who->uid != 0 && !in_group(who, options->gid))
		return SD_BUS_ERROR_ACCESS_DENIED;
	if (same && !options->exclusive && !same->counter && same->length == size &&
	    may(who, same, READ) && may(who, same, WRITE)) {
		*id = same->id;
		return NULL;
	}
	if (size > m->chip)
		return same ? ERROR_NAME_TAKEN : ERROR_NO_SPACE;
	if (options->has_mode)
		b.mode = options->mode;
	if (options->has_gid)
		b.gid = options->gid;
	memset(b.content, options->fill, size);
	return create(m, who, &b, id);
}

const char *model_store(struct model *m, const struct caller *who, const char *name,
			const uint8_t *data, uint32_t size, uint32_t *id)
{
	struct model_block *b, new;
	const char *error;

	if (!*name || model_check_name(name))
		return ERROR_BAD_NAME;
	if (size > m->chip)
		return ERROR_NO_SPACE;
	error = open_name(m, who, name, WRITE, &b);
	if (error)
		return error;
	if (!b) {
		new = new_block(m, who, name, size);
		memcpy(new.content, data, size);
		return create(m, who, &new, id);
	}
	error = check_quota(m, who, b->uid, need(m, name, size), room(m, b));
	if (!error && b->counter && size != COUNTER_BYTES)
		error = SD_BUS_ERROR_INVALID_ARGS;
	if (!error)
		error = find_space(m, need(m, name, size));
	if (error)
		return error;
	memcpy(b->content, data, size);
	b->length = size;
	move(b);
	*id = b->id;
	return NULL;
}

static void set_counter(struct model_block *b, int64_t value)
{
	for (unsigned int i = 0; i < COUNTER_BYTES; i++)
		b->content[i] = (uint8_t)((uint64_t)value >> 8 * i);
}

const char *model_add(struct model *m, const struct caller *who, const char *name, int64_t delta,
		      uint32_t id, int64_t *value)
{
	struct model_block *b, new;
	const char *error = open_name(m, who, name, delta ? WRITE : READ, &b);

	*value = delta;
	if (error)
		return error;
	if (!b) {
		new = new_block(m, who, name, COUNTER_BYTES);
		new.counter = true;
		set_counter(&new, delta);
		return create(m, who, &new, &id);
	}
	if (!b->counter)
		return ERROR_NOT_A_COUNTER;
	if (__builtin_add_overflow(get_counter(b), delta, value))
		return ERROR_OUT_OF_RANGE;
	set_counter(b, *value);
	return NULL;
}

const char *model_lookup(struct model *m, const struct caller *who, const char *name, uint32_t *id)
{
	struct model_block *b = find_name(m, name);

	if (!*name || model_check_name(name))
		return ERROR_BAD_NAME;
	if (!b || !model_sees(who, b))
		return ERROR_NO_SUCH_BLOCK;
	*id = b->id;
	return NULL;
}

const char *model_load(struct model *m, const struct caller *who, const char *name,
		       const uint8_t **data, uint32_t *size)
{
	struct model_block *b;
	const char *error = open_name(m, who, name, READ, &b);

	if (error)
		return error;
	if (!b)
		return ERROR_NO_SUCH_BLOCK;
	*data = b->content;
	*size = b->length;
	return NULL;
}

const char *model_read(struct model *m, const struct caller *who, uint32_t id, uint32_t offset,
		       uint32_t *length, const uint8_t **data)
{
	struct model_block *b;
	const char *error = open_block(m, who, id, READ, &b);

	if (error)
		return error;
	if (*length == UINT32_MAX)
		*length = offset < b->length ? b->length - offset : 0;
	error = check_range(b, offset, *length);
	if (!error)
		*data = b->content + offset;
	return error;
}

/* Bytes of the intent log; FORMAT.md, part 2. What is consecutive in a block is one change. */
static uint32_t log_bytes(struct model *m, const struct volume_part *parts, size_t n)
{
	const struct volume_part *before = NULL, *p, *later;
	uint32_t bytes = 4;

	for (p = parts; p < parts + n; p++) {
		const struct model_block *b = model_find(m, p->id);

		if (!p->size)
			continue;
		if (!before || before->id != p->id || before->offset + before->size != p->offset)
			bytes += 4;
		bytes += (uint32_t)p->size;
		before = p;
		for (later = p + 1; later < parts + n; later++)
			if (later->id == p->id && later->size)
				break;
		if (!b->checksummed || later < parts + n)
			continue;
		bytes += p->offset + p->size == b->length ? 4 : 8; /* the checksum is behind it */
		before = NULL;
	}
	return 2 + (bytes + 3) / 4 * 4;
}

static const char *open_to_write(struct model *m, const struct caller *who, uint32_t id,
				 uint32_t offset, size_t size, struct model_block **b)
{
	const char *error = open_block(m, who, id, WRITE, b);

	return error ? error : check_range(*b, offset, size);
}

/* Nothing that is sent is larger than the chip; that is looked at first. */
static const char *check_sent(const struct model *m, uint64_t bytes)
{
	return bytes > m->chip ? ERROR_NO_SPACE : NULL;
}

const char *model_write(struct model *m, const struct caller *who, uint32_t id, uint32_t offset,
			const uint8_t *data, uint32_t size)
{
	const struct volume_part part = { .id = id, .offset = offset, .size = size };
	struct model_block *b;
	const char *error = check_sent(m, size);

	if (!error)
		error = open_to_write(m, who, id, offset, size, &b);
	if (error)
		return error;
	if (log_bytes(m, &part, 1) > LOG_BYTES(m->chip)) {
		error = find_space(m, room(m, b));
		if (error)
			return error;
		move(b);
	}
	memcpy(b->content + offset, data, size);
	return NULL;
}

const char *model_write_in_place(struct model *m, const struct caller *who, uint32_t id,
				 uint32_t offset, const uint8_t *data, uint32_t size)
{
	struct model_block *b;
	const char *error = check_sent(m, size);

	if (!error)
		error = open_to_write(m, who, id, offset, size, &b);
	if (error)
		return error;
	memcpy(b->content + offset, data, size);
	if (size)
		b->checksummed = false;
	return NULL;
}

const char *model_write_many(struct model *m, const struct caller *who,
			     const struct volume_part *parts, size_t n)
{
	const struct volume_part *p;
	const char *error = NULL;
	struct model_block *b;
	uint64_t sent = 0;

	for (p = parts; p < parts + n; p++)
		sent += p->size;
	error = check_sent(m, sent);
	for (p = parts; !error && p < parts + n; p++)
		error = open_to_write(m, who, p->id, p->offset, p->size, &b);
	if (!error && log_bytes(m, parts, n) > LOG_BYTES(m->chip))
		error = ERROR_TOO_LARGE;
	for (p = parts; !error && p < parts + n; p++)
		memcpy(model_find(m, p->id)->content + p->offset, p->data, p->size);
	return error;
}

const char *model_free(struct model *m, const struct caller *who, uint32_t id)
{
	struct model_block *b;
	const char *error = open_block(m, who, id, 0, &b);

	if (error)
		return error;
	m->n--;
	memmove(b, b + 1, (size_t)(m->blocks + m->n - b) * sizeof(*b));
	return NULL;
}

const char *model_resize(struct model *m, const struct caller *who, uint32_t id, uint32_t size)
{
	struct model_block *b;
	const char *error = open_block(m, who, id, 0, &b);
	uint64_t bytes;

	if (error)
		return error;
	bytes = need(m, b->name, size);
	error = check_quota(m, who, b->uid, bytes, room(m, b));
	if (!error && b->counter)
		error = SD_BUS_ERROR_INVALID_ARGS;
	if (!error && bytes > reach(m, b)) {
		error = find_space(m, bytes);
		if (!error)
			move(b);
	}
	if (error)
		return error;
	if (size > b->length)
		memset(b->content + b->length, 0, size - b->length);
	b->length = size;
	return NULL;
}

const char *model_rename(struct model *m, const struct caller *who, uint32_t id, const char *name)
{
	struct model_block *b;
	const char *error = model_check_name(name);

	if (!error)
		error = open_block(m, who, id, 0, &b);
	if (error || !strcmp(b->name, name))
		return error;
	error = check_new(m, who, b->uid, name, b->length, room(m, b));
	if (!error && strlen(name) != strlen(b->name)) {
		error = find_space(m, need(m, name, b->length));
		if (!error)
			move(b);
	}
	if (!error)
		snprintf(b->name, sizeof(b->name), "%s", name);
	return error;
}

const char *model_set_mode(struct model *m, const struct caller *who, uint32_t id, uint32_t mode)
{
	struct model_block *b;
	const char *error = open_block(m, who, id, 0, &b);

	if (!error && mode > 0777)
		error = SD_BUS_ERROR_INVALID_ARGS;
	if (!error)
		b->mode = mode;
	return error;
}

const char *model_set_owner(struct model *m, const struct caller *who, uint32_t id, uint32_t uid,
			    uint32_t gid)
{
	struct model_block *b = model_find(m, id);

	if (!b || !model_sees(who, b))
		return ERROR_NO_SUCH_BLOCK;
	if (who->uid != 0)
		return SD_BUS_ERROR_ACCESS_DENIED;
	if (uid == UINT32_MAX || gid == UINT32_MAX)
		return SD_BUS_ERROR_INVALID_ARGS;
	b->uid = uid;
	b->gid = gid;
	return NULL;
}
