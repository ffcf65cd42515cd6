/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The watchdog of the service manager: it is fed while the loop turns and every worker gets on. A
 * worker that waits for a transfer that never ends would keep its memory from its users for ever,
 * while all else looks well.
 */
#pragma once

#include "manager.h"

struct watchdog;

/* Feed it, if the service manager wants that. Return: 0 or a negative errno, which was logged. */
int watchdog_new(struct manager *manager, struct watchdog **watchdog);
void watchdog_free(struct watchdog *watchdog);
