/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The service: the memories, and org.smm1.Manager, through which they are found.
 */
#pragma once

#include <ev.h>
#include <systemd/sd-bus.h>

#include "config.h"
#include "creds.h"

struct memory;

struct manager {
	struct ev_loop *loop;
	sd_bus *bus;
	sd_bus_slot *object;
	struct creds_cache *creds;
	struct memory *memories; /* in the order of the configuration */
	unsigned int n_workers;  /* that did not stop yet */
	unsigned int n_opening;  /* memories that are not open yet */
	int failed;              /* why one of them never will be, or 0 */
	struct hotplug *hotplug;
	struct power *power;
	bool serving, stopping;
};

/**
 * manager_new() - put the objects on the bus, and have all memories opened.
 * @config: has to outlive the manager
 * @manager: receives it; free it with manager_free()
 *
 * Return: 0, or a negative errno, which was logged.
 */
int manager_new(struct ev_loop *loop, sd_bus *bus, const struct config *config,
		struct manager **manager);

/**
 * manager_open() - run the loop until all memories are open, or some seconds are over: a chip on a
 * slow wire, or one that does not answer, goes on being opened while the others serve.
 *
 * Return: 1; 0 if manager_stop() was called in the meantime; or a negative errno, which was logged,
 * if a memory cannot be had at all.
 */
int manager_open(struct manager *manager);
void manager_memory_opened(struct manager *manager, int result);

/* A memory is in another state: say so to the service manager. */
void manager_state_changed(struct manager *manager);

/**
 * manager_stop() - take no more requests; let each worker finish what it has in hand.
 *
 * Breaks the loop when all have. manager_worker_stopped() is how a memory says that its worker has.
 */
void manager_stop(struct manager *manager);
void manager_worker_stopped(struct manager *manager);

void manager_free(struct manager *manager);
