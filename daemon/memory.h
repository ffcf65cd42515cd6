/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One memory on the bus: org.smm1.Memory at its path, an org.smm1.Block below it for each of its
 * blocks, the worker that its calls go through, and what it is told on this thread: that the power
 * fails, and that its device comes or goes.
 */
#pragma once

#include <systemd/sd-bus.h>

#include "manager.h"
#include "volume.h"
#include "worker.h"

STAILQ_HEAD(request_list, request);

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
	const char *device; /* as it is configured; NULL for a file */
	char *node;         /* that it was found to be */
	char *path;         /* of its object */
	sd_bus_slot *object, *blocks, *block_paths;
	struct task opening;          /* the worker's first */
	int opened;                   /* what came of it: 1 for not yet */
	struct request_list requests; /* that have not been answered */
	struct memory *next;

	/* The object of the message in hand: filled when sd-bus looks for it, so that all
	 * properties in one answer are of one moment. */
	struct volume_status status;
	int write_protected;
	const char *why;
	struct block_view block;
};

/**
 * memory_new() - put a memory on the bus and have its worker open it.
 * @config: has to outlive it
 * @memory: receives it; free it with memory_free()
 *
 * manager_memory_opened() is called when that is done.
 *
 * Return: 0, or a negative errno, which was logged.
 */
int memory_new(struct manager *manager, const struct memory_config *config, struct memory **memory);

/* The device with this node came or went; it may be that of the memory. */
void memory_device_changed(struct memory *memory, const char *node);

/* Waits for what the worker has in hand. */
void memory_free(struct memory *memory);
