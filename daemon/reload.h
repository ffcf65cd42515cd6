/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reload: the configuration is read again. Memories whose section is as it was go on as if nothing
 * had happened; those that are gone or different are closed, then those that are new or different
 * opened. A configuration with a mistake changes nothing.
 */
#pragma once

#include <systemd/sd-bus.h>

struct manager;
struct memory;

/* The handler of the method. */
int call_reload(sd_bus_message *m, void *manager, sd_bus_error *error);

/* The worker of a memory has stopped; it may be that a reload has waited for it. */
void reload_goes_on(struct memory *memory);

/* Give up what is under way. */
void reload_stop(struct manager *manager);
