/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One memory on the bus: org.smm1.Memory at its path, an org.smm1.Block below it for each of its
 * blocks, and the worker that its calls go through.
 */
#pragma once

#include <systemd/sd-bus.h>

#include "manager.h"
#include "volume.h"
#include "worker.h"

/* A block as the properties of its object show it: in the types that sd-bus reads by itself. */
struct block_view {
	struct smm_block block;
	uint32_t id, size, owner, group, mode, address;
	uint64_t generation;
	const char *name, *kind;
	int checksummed;
};

struct memory {
	struct manager *manager;
	struct volume *volume;
	struct worker *worker;
	const char *name;
	char *path; /* of its object */
	sd_bus_slot *object, *blocks, *block_paths;
	struct memory *next;

	/* The object of the message in hand: filled when sd-bus looks for it, so that all
	 * properties in one answer are of one moment. */
	struct volume_status status;
	int write_protected;
	struct block_view block;
};

/**
 * memory_new() - open a volume, start its worker and put it on the bus.
 * @config: has to outlive it
 * @memory: receives it; free it with memory_free()
 *
 * Return: 0, or a negative errno, which was logged.
 */
int memory_new(struct manager *manager, const struct memory_config *config, struct memory **memory);

/* Waits for what the worker has in hand. */
void memory_free(struct memory *memory);
