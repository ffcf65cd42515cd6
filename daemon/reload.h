/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reload: the configuration is read again. Memories whose section is as it was go on as if nothing
 * had happened; those that are gone or different are closed, then those that are new or different
 * opened. A configuration with a mistake changes nothing. A signal asks for it as well as a call.
 */
#pragma once

#include <systemd/sd-bus.h>

struct manager;
struct memory;

/* The handler of the method. */
int call_reload(sd_bus_message *m, void *manager, sd_bus_error *error);

/* As the method for an administrator, without an answer; one that is under way may have read what
 * has changed since, so that another follows it. */
void reload_by_signal(struct manager *manager);

/* Do what reload_by_signal() had to put off: until the service is there, or behind another. */
void reload_pending(struct manager *manager);

/* The worker of a memory has stopped; it may be that a reload has waited for it. */
void reload_goes_on(struct memory *memory);

/* Give up what is under way. */
void reload_stop(struct manager *manager);
