/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The events that udev sends when a device comes or goes, as libudev receives them: there is no
 * udev behind the nodes of the rig that could send them.
 */
#pragma once

#include "board.h"

/* Have libudev believe, in the namespace of nodes_enter(), that udev is there. 0 or -errno. */
int udev_pretend(void);

/**
 * udev_tell() - tell everybody on the board who listens.
 * @action: "add" or "remove"
 *
 * Return: 0; -ECONNREFUSED if nobody listens; or another negative errno.
 */
int udev_tell(const struct board_device *device, const char *action);
