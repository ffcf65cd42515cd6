/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A connection of D-Bus, driven by the event loop: the one to the message bus, and those of
 * sessions.
 */
#pragma once

#include <ev.h>
#include <stdbool.h>
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

/**
 * bus_attach() - have @loop drive a connection that is there already.
 * @connection: a reference is taken
 * @lost: called when the other side has gone; may call bus_detach()
 * @bus: receives it; free it with bus_detach()
 *
 * Return: 0 or -ENOMEM.
 */
int bus_attach(struct ev_loop *loop, sd_bus *connection, void (*lost)(void *userdata),
	       void *userdata, struct bus **bus);

/* Messages that wait to be taken by the other side. */
uint64_t bus_unsent(sd_bus *connection);

void bus_detach(struct bus *bus);

/* Disconnects; what was not sent by then is lost. */
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
