/* SPDX-License-Identifier: BSD-3-Clause */
#include "block.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>

#include "calls.h"
#include "creds.h"
#include "memory.h"
#include "util.h"

#define BLOCKS "/block" /* below the path of the memory */

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
	SD_BUS_PROPERTY("Name", "s", NULL, offsetof(struct memory, block.name), 0),
	SD_BUS_PROPERTY("Size", "u", NULL, offsetof(struct memory, block.size), 0),
	SD_BUS_PROPERTY("Owner", "u", NULL, offsetof(struct memory, block.owner), 0),
	SD_BUS_PROPERTY("Group", "u", NULL, offsetof(struct memory, block.group), 0),
	SD_BUS_PROPERTY("Mode", "u", NULL, offsetof(struct memory, block.mode), 0),
	SD_BUS_PROPERTY("Address", "u", NULL, offsetof(struct memory, block.address), 0),
	SD_BUS_PROPERTY("Generation", "t", NULL, offsetof(struct memory, block.generation), 0),
	SD_BUS_PROPERTY("Kind", "s", NULL, offsetof(struct memory, block.kind),
			SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("Checksummed", "b", NULL, offsetof(struct memory, block.checksummed), 0),
	SD_BUS_VTABLE_END,
};

/* The id that ends the path of a block's object; 0 for other paths. A block has one path: no sign,
 * no leading zeros. */
static uint32_t id_of_path(const struct memory *memory, const char *path)
{
	const char *digits = path + strlen(memory->path) + strlen(BLOCKS);
	unsigned long long id;
	char *end;

	if (*digits++ != '/' || *digits < '1' || *digits > '9')
		return 0;
	errno = 0;
	id = strtoull(digits, &end, 10);
	return *end || errno || id > UINT32_MAX ? 0 : (uint32_t)id;
}

static void show(struct block_view *view)
{
	const struct smm_block *b = &view->block;

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

/* sd-bus looks for the object of the message in hand. */
static int find_block(sd_bus *bus, const char *path, const char *interface, void *userdata,
		      void **found, sd_bus_error *error)
{
	struct memory *memory = userdata;
	uint32_t id = id_of_path(memory, path);
	struct creds *creds;
	int r;

	(void)interface;
	if (id == 0)
		return 0;
	r = creds_of_sender(memory->manager->creds, sd_bus_get_current_message(bus), &creds, error);
	if (r < 0)
		return r;
	r = volume_stat(memory->volume, &creds->caller, id, &memory->block.block, error);
	if (r < 0)
		return r;
	show(&memory->block);
	*found = memory;
	return 1;
}

static void free_paths(char **paths)
{
	for (char **path = paths; path && *path; path++)
		free(*path);
	free(paths);
}
DEFINE_CLEANUP(char **, free_paths);

/* sd-bus asks what is below a path, for the message in hand: at the top are the blocks, below a
 * block is nothing. Foreign blocks have no id, and so no path. */
static int list_paths(sd_bus *bus, const char *path, void *userdata, char ***paths,
		      sd_bus_error *error)
{
	struct memory *memory = userdata;
	_cleanup_free_ struct smm_block *blocks = NULL;
	_cleanup_(free_pathsp) char **list = NULL;
	struct creds *creds;
	size_t n_blocks, n = 0;
	int r;

	if (strcmp(path + strlen(memory->path), BLOCKS) != 0)
		return 0;
	r = creds_of_sender(memory->manager->creds, sd_bus_get_current_message(bus), &creds, error);
	if (r < 0)
		return r;
	r = volume_list(memory->volume, &creds->caller, &blocks, &n_blocks, error);
	if (r < 0)
		return r;

	list = calloc(n_blocks + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	for (const struct smm_block *b = blocks; b < blocks + n_blocks; b++) {
		if (b->id == 0)
			continue;
		if (asprintf(&list[n], "%s" BLOCKS "/%" PRIu32, memory->path, b->id) < 0) {
			list[n] = NULL;
			return -ENOMEM;
		}
		n++;
	}
	*paths = TAKE(list);
	return 0;
}

int blocks_publish(struct memory *memory)
{
	_cleanup_free_ char *prefix = NULL;
	int r;

	if (asprintf(&prefix, "%s" BLOCKS, memory->path) < 0)
		return -ENOMEM;
	r = sd_bus_add_fallback_vtable(memory->manager->bus, &memory->blocks, prefix,
				       "org.smm1.Block", vtable, find_block, memory);
	if (r < 0)
		return r;
	return sd_bus_add_node_enumerator(memory->manager->bus, &memory->block_paths, prefix,
					  list_paths, memory);
}
