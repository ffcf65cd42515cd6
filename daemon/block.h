/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * org.smm1.Block: the blocks of a memory as objects, for each caller those that it may see.
 */
#pragma once

#include <stdint.h>
#include <systemd/sd-bus.h>

#include "smm_store.h"

struct manager;
struct memory;

/**
 * blocks_publish() - put the blocks of all memories on a connection.
 *
 * They need no upkeep: the objects are looked up in the volume when they are called.
 *
 * Return: 0 or a negative errno.
 */
int blocks_publish(struct manager *manager, sd_bus *bus);

/* The path of a block, to be freed with free(); NULL if there is no room for it. */
char *block_path(const struct memory *memory, uint32_t id);

/* The properties of the object of a block of @memory are from now on those of @block. */
void block_show(struct memory *memory, const struct smm_block *block);
