/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * org.freedesktop.LogControl1: `systemctl log-level` at run time.
 */
#pragma once

#include <systemd/sd-bus.h>

struct manager;

/* Put it on a connection. Return: 0 or a negative errno. */
int log_control_publish(struct manager *manager, sd_bus *bus);
