/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a test does to the board while the program runs: faults, levels, plugs. Commands come as
 * lines over a socket, from smm-rig-control; README.md lists them.
 */
#pragma once

#include <stdio.h>

#include "board.h"

/* Serve the board's control socket, if it has one; 0, or -1 with what is the matter on stderr. */
int control_start(struct board *board);

/* One NAME=VALUE a line, of every device and chip. With the board's lock held. */
void control_print_counters(const struct board *board, FILE *to);
