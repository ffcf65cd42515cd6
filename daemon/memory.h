/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One memory on the bus: org.smm1.Memory at its path, an org.smm1.Block below it for each of its
 * blocks, the worker that its calls go through, and what it is told on this thread: that the power
 * fails, and that its device comes or goes.
 */
#pragma once

#include <pthread.h>
#include <systemd/sd-bus.h>

#include "announce.h"
#include "manager.h"
#include "volume.h"
#include "worker.h"

STAILQ_HEAD(request_list, request);
STAILQ_HEAD(news_list, news);

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
	struct memory_config *config;
	struct volume *volume;
	struct worker *worker;
	const char *name;
	char *node;                   /* that its device was found to be */
	char *path;                   /* of its object */
	struct task opening;          /* the worker's first */
	int opened;                   /* what came of it: 1 for not yet */
	struct request_list requests; /* that have not been answered */
	unsigned int n_requests;
	struct job *job; /* of an administrator, or NULL */
	struct announcer announcer;
	uint64_t moved; /* as far as memory_moves() has seen */
	bool stuck;     /* and that it did not */
	struct memory *next;

	pthread_mutex_t lock;  /* for what follows */
	struct news_list news; /* of the worker's, for the announcer */

	/* The object of the message in hand: filled when sd-bus looks for it, so that all
	 * properties in one answer are of one moment. */
	struct volume_status status;
	int write_protected;
	const char *why;
	struct block_view block;
	bool announcing; /* the object is that of a signal that is being made */
};

/* Put all memories on a connection. Return: 0 or a negative errno. */
int memories_publish(struct manager *manager, sd_bus *bus);

/* The memory whose path @path is or begins with; @rest is what follows. NULL: there is none. */
struct memory *memory_at(struct manager *manager, const char *path, const char **rest);

/**
 * memory_new() - make a memory and have its worker open it.
 * @config: becomes the memory's, also on an error
 * @memory: receives it; free it with memory_free()
 *
 * manager_memory_opened() is called when that is done.
 *
 * Return: 0, or a negative errno, which was logged.
 */
int memory_new(struct manager *manager, struct memory_config *config, struct memory **memory);

/* The device with this node came or went; it may be that of the memory. */
void memory_device_changed(struct memory *memory, const char *node);

/* Whether its worker has got on since this was asked last, or has nothing to do. */
bool memory_moves(struct memory *memory);

/* Take no more requests, and let the worker finish what it has in hand; manager_worker_stopped() is
 * called then. */
void memory_stop(struct memory *memory);

/* Waits for what the worker has in hand. */
void memory_free(struct memory *memory);
