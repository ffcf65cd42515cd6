/* SPDX-License-Identifier: BSD-3-Clause */
#include "map.h"

#include <inttypes.h>

#include "util.h"

/* lib/FORMAT.md: what a block has beside its name and its content; and of the store's own, the
 * fields before the log, and the log, of a 64th of the chip. */
#define BLOCK_OVERHEAD 32u
#define STORE_FIELDS   68u
#define LOG_MIN        128u
#define LOG_MAX        1024u

const char *map_kind_name(enum map_kind kind)
{
	static const char *const names[] = {
		[MAP_BLOCK] = "block",     [MAP_FOREIGN] = "foreign", [MAP_OTHERS] = "others",
		[MAP_UNKNOWN] = "unknown", [MAP_STORE] = "store",     [MAP_FORMAT] = "format",
		[MAP_FREE] = "free",
	};

	return names[kind];
}

/* Runs */

static uint64_t round_up(uint64_t bytes, uint32_t granule)
{
	return (bytes + granule - 1) / granule * granule;
}

static uint64_t room_of_store(const struct map_chip *chip)
{
	uint32_t log = chip->size / 64 & ~3u;

	log = log < LOG_MIN ? LOG_MIN : log > LOG_MAX ? LOG_MAX : log;
	return round_up(BLOCK_OVERHEAD + STORE_FIELDS + log, chip->granule);
}

static uint64_t room_of_block(const struct map_chip *chip, const struct smm_client_block *block)
{
	if (!block->id)
		return block->size;
	return round_up((uint64_t)BLOCK_OVERHEAD + strlen(block->name) + block->size,
			chip->granule);
}

static int compare_runs(const void *a, const void *b)
{
	const struct map_run *x = a, *y = b;

	return x->address < y->address ? -1 : x->address > y->address;
}

static void add_run(struct map *map, enum map_kind kind, uint64_t from, uint64_t to,
		    const struct smm_client_block *block)
{
	if (to > from)
		map->runs[map->n_runs++] = (struct map_run){ .address = (uint32_t)from,
							     .length = (uint32_t)(to - from),
							     .kind = kind,
							     .block = block };
}

/* The parts of the chip that are known. */
static void add_known(struct map *map, const struct smm_client_block *blocks, size_t n)
{
	uint64_t data = map->chip.size - map->chip.usable_size;

	add_run(map, MAP_FORMAT, 0, data, NULL);
	add_run(map, MAP_STORE, data, data + room_of_store(&map->chip), NULL);
	for (size_t i = 0; i < n; i++)
		add_run(map, blocks[i].id ? MAP_BLOCK : MAP_FOREIGN, blocks[i].address,
			blocks[i].address + room_of_block(&map->chip, &blocks[i]), &blocks[i]);
	qsort(map->runs, map->n_runs, sizeof(map->runs[0]), compare_runs);
}

/* What is between them. Return: its bytes, or -ESTALE if two of them have the same byte. */
static int64_t add_gaps(struct map *map)
{
	size_t n = map->n_runs;
	uint64_t at = 0;
	int64_t gaps = 0;

	for (size_t i = 0; i <= n; i++) {
		uint64_t next = i < n ? map->runs[i].address : map->chip.size;

		if (next < at)
			return -ESTALE;
		add_run(map, MAP_UNKNOWN, at, next, NULL);
		gaps += (int64_t)(next - at);
		at = i < n ? next + map->runs[i].length : next;
	}
	qsort(map->runs, map->n_runs, sizeof(map->runs[0]), compare_runs);
	return gaps;
}

/* How much of the gaps is free says what they are, if it is all of them or nothing. */
static void judge_gaps(struct map *map)
{
	enum map_kind kind = !map->hidden           ? MAP_FREE
			     : !map->chip.free_size ? MAP_OTHERS
						    : MAP_UNKNOWN;

	for (size_t i = 0; i < map->n_runs; i++) {
		if (map->runs[i].kind != MAP_UNKNOWN)
			continue;
		map->runs[i].kind = kind;
		map->n_free_runs += kind == MAP_FREE;
	}
}

/* Keys */

static int compare_keys(const void *a, const void *b)
{
	const struct map_key *x = a, *y = b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->bytes != y->bytes)
		return x->bytes > y->bytes ? -1 : 1;
	return x->who < y->who ? -1 : x->who > y->who;
}

static uint32_t who(const struct map *map, const struct map_run *run)
{
	if (run->kind != MAP_BLOCK)
		return 0;
	return map->by == MAP_BY_OWNER ? run->block->uid : run->block->id;
}

static void name_key(const struct map *map, const struct map_run *run, struct map_key *key)
{
	static const char *const labels[] = {
		[MAP_FOREIGN] = "other software",    [MAP_OTHERS] = "others",
		[MAP_UNKNOWN] = "free or others'",   [MAP_STORE] = "the store's own",
		[MAP_FORMAT] = "superblock and map", [MAP_FREE] = "free",
	};

	if (run->kind != MAP_BLOCK)
		snprintf(key->label, sizeof(key->label), "%s", labels[run->kind]);
	else if (map->by == MAP_BY_OWNER)
		snprintf(key->label, sizeof(key->label), "%" PRIu32, run->block->uid);
	else if (*run->block->name)
		snprintf(key->label, sizeof(key->label), "%s", run->block->name);
	else
		snprintf(key->label, sizeof(key->label), "block %" PRIu32, run->block->id);
}

static size_t find_key(struct map *map, const struct map_run *run)
{
	bool new = map->by == MAP_BY_BLOCK && run->kind == MAP_BLOCK;
	struct map_key *key;

	for (size_t i = 0; !new &&i < map->n_keys; i++)
		if (map->keys[i].kind == run->kind && map->keys[i].who == who(map, run))
			return i;
	key = &map->keys[map->n_keys];
	*key = (struct map_key){ .kind = run->kind, .who = who(map, run) };
	name_key(map, run, key);
	return map->n_keys++;
}

/* Where the key with that number goes, as more than there are colours for become one. */
static size_t place_of(size_t i, size_t n_blocks)
{
	if (n_blocks <= MAP_COLOURS + 1 || i < MAP_COLOURS)
		return i;
	return i < n_blocks ? MAP_COLOURS : i - n_blocks + MAP_COLOURS + 1;
}

static void put_key(struct map *map, size_t i, size_t place)
{
	struct map_key *to = &map->keys[place];

	if (i > place && place == MAP_COLOURS) {
		to->bytes += map->keys[i].bytes;
		to->n += 1;
		snprintf(to->label, sizeof(to->label), "%zu %s", to->n,
			 map->by == MAP_BY_OWNER ? "other owners" : "other blocks");
		return;
	}
	*to = map->keys[i];
	to->colour = place;
}

/* The largest first, and the runs along with them. */
static int sort_keys(struct map *map)
{
	_cleanup_free_ size_t *places = calloc(map->n_keys, sizeof(*places));
	size_t n = map->n_keys, n_blocks = 0;

	if (!places)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		map->keys[i].colour = i; /* by which its runs know it so far */
		n_blocks += map->keys[i].kind == MAP_BLOCK;
	}
	qsort(map->keys, n, sizeof(map->keys[0]), compare_keys);
	for (size_t i = 0; i < n; i++) {
		size_t place = place_of(i, n_blocks);

		places[map->keys[i].colour] = place;
		if (n_blocks > MAP_COLOURS + 1 && i == MAP_COLOURS)
			map->keys[i].n = 1; /* from here on they are counted */
		put_key(map, i, place);
		map->n_keys = place + 1;
	}
	for (size_t i = 0; i < map->n_runs; i++)
		map->runs[i].key = places[map->runs[i].key];
	return 0;
}

static int make_keys(struct map *map)
{
	map->keys = calloc(map->n_runs, sizeof(map->keys[0]));
	if (!map->keys)
		return -ENOMEM;
	for (size_t i = 0; i < map->n_runs; i++) {
		struct map_run *run = &map->runs[i];

		run->key = find_key(map, run);
		map->keys[run->key].bytes += run->length;
		map->keys[run->key].n++;
	}
	return sort_keys(map);
}

/* The whole */

int map_make(struct map *map, const struct map_chip *chip, enum map_by by,
	     const struct smm_client_block *blocks, size_t n_blocks)
{
	int64_t gaps;
	size_t n_seen = 0;

	*map = (struct map){ .chip = *chip, .by = by };
	map->runs = calloc(2 * n_blocks + 5, sizeof(map->runs[0]));
	if (!map->runs)
		return -ENOMEM;
	if (!chip->granule || !chip->usable_size || chip->usable_size > chip->size)
		return -ESTALE;
	add_known(map, blocks, n_blocks);
	gaps = add_gaps(map);
	for (size_t i = 0; i < n_blocks; i++)
		n_seen += blocks[i].id != 0;
	if (gaps < (int64_t)chip->free_size || n_seen > chip->blocks)
		return -ESTALE;
	map->hidden = (uint64_t)gaps - chip->free_size;
	map->n_hidden = chip->blocks - (uint32_t)n_seen;
	judge_gaps(map);
	return make_keys(map);
}

void map_done(struct map *map)
{
	free(map->runs);
	free(map->keys);
}

uint32_t map_fragmentation(const struct map *map)
{
	uint64_t free = map->chip.free_size;

	return free ? (uint32_t)(1000000 - map->chip.largest_free * UINT64_C(1000000) / free) : 0;
}
