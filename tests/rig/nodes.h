/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * /dev and /sys as they are on the board: real files in a mount namespace of this process and its
 * children, so that whoever looks at names, links and attributes needs no help. A network namespace
 * keeps the events of udev among them.
 */
#pragma once

#include "board.h"

/* Enter namespaces with the nodes of the board. Says on stderr what is missing; 0 or -1. */
int nodes_enter(struct board *board);

/* A device comes and goes. 0 or -errno. */
int nodes_plug(const struct board_device *device);
int nodes_unplug(const struct board_device *device);

/* Where a device is in /sys, without that: "devices/..."; and what it belongs to. */
void nodes_place(const struct board_device *device, char *to, size_t size);
const char *nodes_subsystem(const struct board_device *device);
