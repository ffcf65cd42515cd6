/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The program that runs on the board.
 */
#pragma once

/* It dies at once, as of a reset of the machine. */
void program_kill(void);
