/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A store in RAM, on the copy of a chip: to look at one without touching it (the library writes
 * corrections where it finds something to correct), or to build one anew.
 */
#pragma once

#include <stdint.h>

#include "smm_store.h"
#include "util.h"

/* It stays where it was made: the store points into it. */
struct ram_store {
	struct smm_store store;
	uint8_t *bytes;
	void *map;
};

/**
 * ram_store_init() - make a chip in RAM; then mount or format @ram->store.
 * @content: what it holds, @size bytes; NULL for zeros
 * @ram: to be destroyed, also after a failure
 *
 * Return: 0; -EINVAL if no chip has @size bytes; -ENOMEM.
 */
int ram_store_init(struct ram_store *ram, const void *content, uint32_t size);
void ram_store_destroy(struct ram_store *ram);

#define _cleanup_ram_store_ _cleanup_(ram_store_destroy)
