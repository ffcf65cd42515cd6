/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The service: the memories, and org.smm1.Manager, through which they are found.
 */
#pragma once

#include <ev.h>
#include <stdatomic.h>
#include <systemd/sd-bus.h>

#include "config.h"
#include "creds.h"
#include "session.h"

struct job;
struct memory;
struct question;

STAILQ_HEAD(job_list, job);

struct manager {
	struct ev_loop *loop;
	sd_bus *bus;
	struct creds_cache *creds;
	struct memory *memories; /* in the order of the configuration */
	struct memory *leaving;  /* that are no longer there, while their workers still work */
	unsigned int n_workers;  /* that did not stop yet */
	unsigned int n_opening;  /* memories that are not open yet */
	int failed;              /* why one of them never will be, or 0 */
	struct hotplug *hotplug;
	struct power *power;
	struct session_list sessions;
	_Atomic unsigned int n_sessions;
	struct job_list jobs;
	uint32_t last_job; /* number of it */
	bool stopping;
	_Atomic bool serving; /* there may be somebody who listens */

	/* Reload */
	const char *config_path;
	sd_bus_message *reload;    /* that is not answered yet */
	struct question *question; /* whether its sender may ask for it */
	bool reloading;            /* it has begun; there is no message where a signal asked */
	bool reload_again;         /* when that is done */
	struct config config;      /* the new one, as far as it is not in use yet */
};

/**
 * manager_new() - put the objects on the bus, and have all memories opened.
 * @config_path: where Reload finds the configuration; has to outlive the manager
 * @config: the memories are taken out of it
 * @manager: receives it; free it with manager_free()
 *
 * Return: 0, or a negative errno, which was logged.
 */
int manager_new(struct ev_loop *loop, sd_bus *bus, const char *config_path, struct config *config,
		struct manager **manager);

/* Put org.smm1.Manager on a connection. Return: 0 or a negative errno. */
int manager_publish(struct manager *manager, sd_bus *bus);

/* Have the memory of @config opened; it goes to @place. Return: 0 or a negative errno, logged. */
int manager_add(struct manager *manager, struct memory_config *config, struct memory **place);

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
void manager_worker_stopped(struct memory *memory);

void manager_free(struct manager *manager);
