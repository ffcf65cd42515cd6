/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which message bus: what smmd and smmctl both mean by --system, --user and --address.
 */
#pragma once

#include <systemd/sd-bus.h>

enum bus_scope {
	BUS_SCOPE_SYSTEM,
	BUS_SCOPE_USER,
	BUS_SCOPE_ADDRESS,
};

/**
 * bus_scope_open() - connect.
 * @address: of BUS_SCOPE_ADDRESS, as D-Bus writes them
 * @bus: receives the connection, on which the first call waits until the bus has let us in
 *
 * Return: 0 or a negative errno.
 */
int bus_scope_open(enum bus_scope scope, const char *address, sd_bus **bus);

/* "the system bus", "the user bus", or the address. */
const char *bus_scope_words(enum bus_scope scope, const char *address);
