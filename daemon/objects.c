/* SPDX-License-Identifier: BSD-3-Clause */
#include "objects.h"

#include <errno.h>
#include <stdarg.h>

#include "block.h"
#include "job.h"
#include "log-control.h"
#include "manager.h"
#include "memory.h"
#include "util.h"

int objects_publish(struct manager *manager, sd_bus *bus)
{
	int r = sd_bus_add_object_manager(bus, NULL, MANAGER_PATH);

	if (r >= 0)
		r = manager_publish(manager, bus);
	if (r >= 0)
		r = memories_publish(manager, bus);
	if (r >= 0)
		r = blocks_publish(manager, bus);
	if (r >= 0)
		r = jobs_publish(manager, bus);
	if (r >= 0)
		r = log_control_publish(manager, bus);
	return r;
}

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
