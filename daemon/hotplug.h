/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The coming and going of i2c-dev and spidev devices, as udev tells it.
 */
#pragma once

#include <ev.h>
#include <stdbool.h>

struct hotplug;

/**
 * hotplug_new() - watch.
 * @changed: called on the loop's thread with the node (/dev/i2c-1) of a device that came or went
 * @hotplug: receives it; free it with hotplug_free()
 *
 * Return: 0 or a negative errno.
 */
int hotplug_new(struct ev_loop *loop, void (*changed)(void *userdata, const char *node),
		void *userdata, struct hotplug **hotplug);
void hotplug_free(struct hotplug *hotplug);
