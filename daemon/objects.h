/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The tree of objects, which is the same on the bus and on every session. Below the manager's path,
 * objects are looked up when they are called: they come and go without being put there.
 */
#pragma once

#include <systemd/sd-bus.h>

#define MANAGER_PATH  "/org/smm1"
#define MEMORIES_PATH "/org/smm1/memory"
#define JOBS_PATH     "/org/smm1/job"

struct manager;

/* Put them on a connection. Return: 0 or a negative errno. */
int objects_publish(struct manager *manager, sd_bus *bus);
