/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A list of object paths as sd-bus wants it of who enumerates: all of it malloc'ed, NULL at the
 * end.
 */
#pragma once

#include <stddef.h>

struct path_list {
	char **paths;
	size_t n, room;
};

int path_list_add(struct path_list *list, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The list, the caller's from now on. */
char **path_list_take(struct path_list *list);
void path_list_free(struct path_list *list);
