/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What people and pipes read.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define SIZE_TEXT 16
#define MODE_TEXT 10

/* Content of a block: as it is to a pipe or file, as a hex dump to a terminal. */
void print_content(const void *data, size_t size);

/* "31.2 KiB" */
const char *format_size(uint64_t bytes, char text[SIZE_TEXT]);

/* "rw-r-----" */
const char *format_mode(uint32_t mode, char text[MODE_TEXT]);
