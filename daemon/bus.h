/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The connection to the message bus, driven by the event loop.
 */
#pragma once

#include <ev.h>
#include <systemd/sd-bus.h>

#include "bus-scope.h"

struct bus;

/**
 * bus_open() - connect.
 * @address: of BUS_SCOPE_ADDRESS, as D-Bus writes them
 * @bus: receives the connection; free it with bus_free()
 *
 * From now on @loop reads, writes and dispatches. When the connection is lost it breaks the loop.
 *
 * Return: 0, or a negative errno, which was logged.
 */
int bus_open(struct ev_loop *loop, enum bus_scope scope, const char *address, struct bus **bus);

/* Sends what is still to be sent and disconnects. */
void bus_free(struct bus *bus);

sd_bus *bus_connection(struct bus *bus);

/* 0, or the negative errno that the connection was lost with, which was logged. */
int bus_error(const struct bus *bus);

/**
 * bus_take_name() - become org.smm1.
 *
 * Return: 0, or a negative errno, which was logged.
 */
int bus_take_name(struct bus *bus);
