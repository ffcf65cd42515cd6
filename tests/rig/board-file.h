/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The file that describes a board: its sections and keys; README.md lists them.
 */
#pragma once

#include "board.h"

/* Only takes what the file says; a wrong line is said on stderr. 0 or -1. */
int board_file_parse(struct board *board, const char *path);

/* An id in hexadecimal, for a chip; false: it is none. */
bool board_file_parse_id(const char *text, struct model_config *config);
