/* SPDX-License-Identifier: BSD-3-Clause */
#include "block.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>

#include "calls.h"
#include "creds.h"
#include "memory.h"
#include "objects.h"
#include "path-list.h"
#include "util.h"

#define BLOCKS "/block" /* below the path of a memory */

/* With more, an answer that has the properties of all would be more than a bus carries: 32 MiB. */
#define OBJECTS_MAX 50000u

static const sd_bus_vtable vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD_WITH_ARGS("Read", SD_BUS_ARGS("u", offset, "u", length),
				SD_BUS_RESULT("ay", data), call_read, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Write", SD_BUS_ARGS("u", offset, "ay", data), SD_BUS_NO_RESULT,
				call_write, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("WriteInPlace", SD_BUS_ARGS("u", offset, "ay", data),
				SD_BUS_NO_RESULT, call_write_in_place, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Free", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, call_free,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Resize", SD_BUS_ARGS("u", size), SD_BUS_NO_RESULT, call_resize,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("SetMode", SD_BUS_ARGS("u", mode), SD_BUS_NO_RESULT, call_set_mode,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("SetOwner", SD_BUS_ARGS("u", uid, "u", gid), SD_BUS_NO_RESULT,
				call_set_owner, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Rename", SD_BUS_ARGS("s", name), SD_BUS_NO_RESULT, call_rename,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_PROPERTY("Id", "u", NULL, offsetof(struct memory, block.id),
			SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("Name", "s", NULL, offsetof(struct memory, block.name),
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Size", "u", NULL, offsetof(struct memory, block.size),
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Owner", "u", NULL, offsetof(struct memory, block.owner),
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Group", "u", NULL, offsetof(struct memory, block.group),
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Mode", "u", NULL, offsetof(struct memory, block.mode),
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Address", "u", NULL, offsetof(struct memory, block.address),
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Generation", "t", NULL, offsetof(struct memory, block.generation),
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Kind", "s", NULL, offsetof(struct memory, block.kind),
			SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("Checksummed", "b", NULL, offsetof(struct memory, block.checksummed),
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_VTABLE_END,
};

/* The memory of the block at @path, and its id; NULL if it cannot be the path of a block. A block
 * has one path: no sign, no leading zeros. */
static struct memory *parse_path(struct manager *manager, const char *path, uint32_t *id)
{
	const char *rest;
	struct memory *memory = memory_at(manager, path, &rest);
	unsigned long long number;
	char *end;

	if (!memory || strncmp(rest, BLOCKS "/", strlen(BLOCKS "/")) != 0)
		return NULL;
	rest += strlen(BLOCKS "/");
	if (*rest < '1' || *rest > '9')
		return NULL;
	errno = 0;
	number = strtoull(rest, &end, 10);
	if (*end || errno || number > UINT32_MAX)
		return NULL;
	*id = (uint32_t)number;
	return memory;
}

char *block_path(const struct memory *memory, uint32_t id)
{
	char *path;

	return asprintf(&path, "%s" BLOCKS "/%" PRIu32, memory->path, id) < 0 ? NULL : path;
}

void block_show(struct memory *memory, const struct smm_block *block)
{
	struct block_view *view = &memory->block;
	const struct smm_block *b = &view->block;

	view->block = *block;
	view->id = b->id;
	view->name = b->name;
	view->size = b->length;
	view->owner = b->uid;
	view->group = b->gid;
	view->mode = b->mode;
	view->address = b->offset;
	view->generation = b->generation;
	view->kind = b->kind == SMM_KIND_COUNTER ? "counter" : "data";
	view->checksummed = b->checksummed;
}

/* All objects are asked for at once: one that has gone in the meantime is left out of the answer.
 */
static bool is_about_all(sd_bus_message *m)
{
	return sd_bus_message_is_method_call(m, "org.freedesktop.DBus.ObjectManager", NULL) > 0;
}

/* sd-bus looks for the object of the message in hand, or of a signal that is being made. */
static int find_block(sd_bus *bus, const char *path, const char *interface, void *userdata,
		      void **found, sd_bus_error *error)
{
	struct manager *manager = userdata;
	sd_bus_message *m = sd_bus_get_current_message(bus);
	struct memory *memory;
	struct smm_block b;
	struct creds *creds;
	uint32_t id;
	int r;

	(void)interface;
	memory = parse_path(manager, path, &id);
	if (!memory)
		return 0;
	*found = memory;
	if (memory->announcing)
		return 1;
	r = creds_of_sender(manager->creds, m, &creds, error);
	if (r < 0)
		return r;
	r = volume_stat(memory->volume, &creds->caller, id, &b, error);
	if (r < 0 && is_about_all(m)) {
		sd_bus_error_free(error);
		return 0;
	}
	if (r < 0)
		return r;
	block_show(memory, &b);
	return 1;
}

/* Foreign blocks have no id, and so no path. */
static int add_paths(struct path_list *list, struct memory *memory, const struct caller *caller)
{
	_cleanup_bus_error_ sd_bus_error unseen = SD_BUS_ERROR_NULL;
	_cleanup_free_ struct smm_block *blocks = NULL;
	size_t n_blocks;
	int r;

	if (volume_list(memory->volume, caller, &blocks, &n_blocks, &unseen) < 0)
		return 0; /* there are none yet */
	for (const struct smm_block *b = blocks; b < blocks + n_blocks; b++) {
		if (b->id == 0)
			continue;
		r = path_list_add(list, "%s" BLOCKS "/%" PRIu32, memory->path, b->id);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The node that the blocks are below, for who sees any. */
static int add_node(struct path_list *list, struct memory *memory, const struct caller *caller)
{
	_cleanup_(path_list_free) struct path_list blocks = { 0 };
	int r = add_paths(&blocks, memory, caller);

	return r < 0 || !blocks.n ? r : path_list_add(list, "%s" BLOCKS, memory->path);
}

/*
 * sd-bus asks what is below a path, for the message in hand: at .../NAME that is .../NAME/block, at
 * .../NAME/block the blocks, and at MANAGER_PATH, where it asks for all objects, all of them.
 */
static int fill_list(struct path_list *list, struct manager *manager, const char *path,
		     const struct caller *caller, sd_bus_error *error)
{
	const char *rest;
	struct memory *memory = memory_at(manager, path, &rest);
	int r = 0;

	if (memory && !*rest)
		return add_node(list, memory, caller);
	if (memory)
		return strcmp(rest, BLOCKS) != 0 ? 0 : add_paths(list, memory, caller);
	if (strcmp(path, MANAGER_PATH) != 0)
		return 0;
	for (memory = manager->memories; r >= 0 && memory; memory = memory->next)
		r = add_paths(list, memory, caller);
	if (r >= 0 && list->n > OBJECTS_MAX)
		return sd_bus_error_setf(error, SD_BUS_ERROR_LIMITS_EXCEEDED,
					 "there are %zu blocks, too many for one answer; List of "
					 "each memory has them",
					 list->n);
	return r;
}

static int list_paths(sd_bus *bus, const char *path, void *userdata, char ***paths,
		      sd_bus_error *error)
{
	struct manager *manager = userdata;
	_cleanup_(path_list_free) struct path_list list = { 0 };
	struct creds *creds;
	int r;

	r = creds_of_sender(manager->creds, sd_bus_get_current_message(bus), &creds, error);
	if (r < 0)
		return r;
	r = fill_list(&list, manager, path, &creds->caller, error);
	if (r < 0)
		return r;
	*paths = path_list_take(&list);
	return 0;
}

int blocks_publish(struct manager *manager, sd_bus *bus)
{
	int r = sd_bus_add_fallback_vtable(bus, NULL, MEMORIES_PATH, "org.smm1.Block", vtable,
					   find_block, manager);

	return r < 0 ? r
		     : sd_bus_add_node_enumerator(bus, NULL, MEMORIES_PATH, list_paths, manager);
}
