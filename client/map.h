/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The map of a memory: which bytes of the chip are whose, as far as the caller may know, and
 * pictures of it for terminals and for viewers of SVG.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "smm-client.h"

/* What a run of bytes is, in the order of legends. */
enum map_kind {
	MAP_BLOCK,
	MAP_FOREIGN, /* an allocation of other software */
	MAP_OTHERS,  /* blocks that the caller may not see */
	MAP_UNKNOWN, /* what lies between the blocks: it is free, or such a block */
	MAP_STORE,   /* the store's own block */
	MAP_FORMAT,  /* superblock and map */
	MAP_FREE,
};

/* For programs: "block", "free" ... */
const char *map_kind_name(enum map_kind kind);

struct map_run {
	uint32_t address, length; /* bytes */
	enum map_kind kind;
	const struct smm_client_block *block; /* or NULL */
	size_t key;
};

/* One of the legend's. */
#define MAP_COLOURS 12u /* that can be told apart; what is more is one key together */
struct map_key {
	enum map_kind kind;
	size_t colour;  /* of a MAP_BLOCK: from 0; MAP_COLOURS is that of many together */
	uint64_t bytes; /* of the chip */
	size_t n;       /* runs; of many together, owners or blocks */
	uint32_t who;   /* of a MAP_BLOCK: uid of the owner, or id of the block */
	char label[SMM_CLIENT_NAME_MAX + 1];
};

/* What smmd says of a memory, by the names of its properties. */
struct map_chip {
	const char *name, *model;
	uint32_t size, usable_size, free_size, largest_free; /* bytes */
	uint32_t granule, blocks;
};

enum map_by {
	MAP_BY_OWNER,
	MAP_BY_BLOCK,
};

struct map {
	struct map_chip chip;
	enum map_by by;
	struct map_run *runs; /* one behind the other, from 0 to the end of the chip */
	size_t n_runs;
	struct map_key *keys;
	size_t n_keys;
	uint64_t hidden;      /* bytes that others have in MAP_OTHERS or MAP_UNKNOWN */
	uint32_t n_hidden;    /* blocks there */
	uint32_t n_free_runs; /* 0 also as long as that is hidden */
};

/**
 * map_make() - put a map together.
 * @blocks: those that the caller may see, in any order; they have to outlive the map
 *
 * Return: 0; -ESTALE if this cannot be all of one moment; -ENOMEM. Free it with map_done(), always.
 */
int map_make(struct map *map, const struct map_chip *chip, enum map_by by,
	     const struct smm_client_block *blocks, size_t n_blocks);
void map_done(struct map *map);

/* The part of the free bytes that is not in the largest run of them, in millionths. */
uint32_t map_fragmentation(const struct map *map);

/* How a terminal is to be drawn on. */
struct map_style {
	unsigned int columns;
	bool colours, utf8, legend;
};

/* Return: 0 or -ENOMEM. That the stream fails is the caller's to see. */
int map_draw_text(const struct map *map, const struct map_style *style, FILE *out);
void map_draw_svg(const struct map *map, FILE *out);
