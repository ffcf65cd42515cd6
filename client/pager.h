/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is longer than a screen goes through a pager, as with systemd's tools.
 */
#pragma once

#include "output.h"

/* From now on standard output is the pager's input, if it is a terminal. */
void pager_open(const struct output *output);

/* Waits until it has ended. Without one, does nothing. */
void pager_close(void);
