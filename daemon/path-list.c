/* SPDX-License-Identifier: BSD-3-Clause */
#include "path-list.h"

#include <errno.h>
#include <stdarg.h>

#include "util.h"

static int grow(struct path_list *list)
{
	size_t room = list->room ? 2 * list->room : 16;
	char **paths = reallocarray(list->paths, room, sizeof(*paths));

	if (!paths)
		return -ENOMEM;
	list->paths = paths;
	list->room = room;
	return 0;
}

int path_list_add(struct path_list *list, const char *format, ...)
{
	va_list arguments;
	char *path;
	int r;

	if (list->n + 1 >= list->room) {
		r = grow(list);
		if (r < 0)
			return r;
	}
	va_start(arguments, format);
	r = vasprintf(&path, format, arguments);
	va_end(arguments);
	if (r < 0)
		return -ENOMEM;
	list->paths[list->n++] = path;
	list->paths[list->n] = NULL;
	return 0;
}

char **path_list_take(struct path_list *list)
{
	list->n = 0;
	return TAKE(list->paths);
}

void path_list_free(struct path_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->paths[i]);
	free(list->paths);
}
