/* SPDX-License-Identifier: BSD-3-Clause */
#include "memory.h"

#include <errno.h>
#include <stddef.h>

#include "block.h"
#include "calls.h"
#include "creds.h"
#include "log.h"
#include "util.h"

DEFINE_CLEANUP(struct memory *, memory_free);

/* Find: name → id */
static int find(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct memory *memory = userdata;
	struct creds *creds;
	const char *name;
	uint32_t id;
	int r;

	r = creds_of_sender(memory->manager->creds, m, &creds, error);
	if (r < 0)
		return r;
	r = sd_bus_message_read(m, "s", &name);
	if (r < 0)
		return r;
	r = volume_find(memory->volume, &creds->caller, name, &id, error);
	if (r < 0)
		return r;
	return sd_bus_reply_method_return(m, "u", id);
}

static int append_blocks(sd_bus_message *m, const struct smm_block *blocks, size_t n_blocks)
{
	int r;

	r = sd_bus_message_open_container(m, 'a', "(usuuuuut)");
	if (r < 0)
		return r;
	for (const struct smm_block *b = blocks; b < blocks + n_blocks; b++) {
		r = sd_bus_message_append(m, "(usuuuuut)", b->id, b->name, b->length, b->uid,
					  b->gid, (uint32_t)b->mode, b->offset,
					  (uint64_t)b->generation);
		if (r < 0)
			return r;
	}
	return sd_bus_message_close_container(m);
}

/* List: → the blocks that the caller may see */
static int list(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct memory *memory = userdata;
	_cleanup_message_ sd_bus_message *reply = NULL;
	_cleanup_free_ struct smm_block *blocks = NULL;
	struct creds *creds;
	size_t n_blocks;
	int r;

	r = creds_of_sender(memory->manager->creds, m, &creds, error);
	if (r < 0)
		return r;
	r = volume_list(memory->volume, &creds->caller, &blocks, &n_blocks, error);
	if (r < 0)
		return r;
	r = sd_bus_message_new_method_return(m, &reply);
	if (r < 0)
		return r;
	r = append_blocks(reply, blocks, n_blocks);
	if (r < 0)
		return r;
	return sd_bus_send(NULL, reply, NULL);
}

static int get_statistics(sd_bus *bus, const char *path, const char *interface,
			  const char *property, sd_bus_message *reply, void *userdata,
			  sd_bus_error *error)
{
	const struct volume_status *status = userdata;
	int r;

	(void)bus;
	(void)path;
	(void)interface;
	(void)property;
	(void)error;
	r = sd_bus_message_open_container(reply, 'a', "{st}");
	if (r < 0)
		return r;
	for (size_t i = 0; i < status->n_statistics; i++) {
		r = sd_bus_message_append(reply, "{st}", status->statistics[i].name,
					  status->statistics[i].value);
		if (r < 0)
			return r;
	}
	return sd_bus_message_close_container(reply);
}

static const sd_bus_vtable vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD_WITH_ARGS("Allocate", SD_BUS_ARGS("s", name, "u", size, "a{sv}", options),
				SD_BUS_RESULT("u", id), call_allocate, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Free", SD_BUS_ARGS("u", id), SD_BUS_NO_RESULT, call_free,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Resize", SD_BUS_ARGS("u", id, "u", size), SD_BUS_NO_RESULT,
				call_resize, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Read", SD_BUS_ARGS("u", id, "u", offset, "u", length),
				SD_BUS_RESULT("ay", data), call_read, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Write", SD_BUS_ARGS("u", id, "u", offset, "ay", data),
				SD_BUS_NO_RESULT, call_write, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("WriteInPlace", SD_BUS_ARGS("u", id, "u", offset, "ay", data),
				SD_BUS_NO_RESULT, call_write_in_place, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Store", SD_BUS_ARGS("s", name, "ay", data), SD_BUS_RESULT("u", id),
				call_store, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Load", SD_BUS_ARGS("s", name), SD_BUS_RESULT("ay", data),
				call_load, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Find", SD_BUS_ARGS("s", name), SD_BUS_RESULT("u", id), find,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("List", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(usuuuuut)", blocks), list,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Add", SD_BUS_ARGS("s", name, "x", delta),
				SD_BUS_RESULT("x", value), call_add, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("SetMode", SD_BUS_ARGS("u", id, "u", mode), SD_BUS_NO_RESULT,
				call_set_mode, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("SetOwner", SD_BUS_ARGS("u", id, "u", uid, "u", gid),
				SD_BUS_NO_RESULT, call_set_owner, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Rename", SD_BUS_ARGS("u", id, "s", name), SD_BUS_NO_RESULT,
				call_rename, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Check", SD_BUS_ARGS("a{sv}", options),
				SD_BUS_RESULT("a{sv}", result), call_check,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Format", SD_BUS_ARGS("a{sv}", options), SD_BUS_NO_RESULT,
				call_format, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_PROPERTY("Name", "s", NULL, offsetof(struct memory, name),
			SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("Model", "s", NULL, offsetof(struct memory, status.model), 0),
	SD_BUS_PROPERTY("Technology", "s", NULL, offsetof(struct memory, status.technology), 0),
	SD_BUS_PROPERTY("Bus", "s", NULL, offsetof(struct memory, status.bus), 0),
	SD_BUS_PROPERTY("Device", "s", NULL, offsetof(struct memory, status.device), 0),
	SD_BUS_PROPERTY("State", "s", NULL, offsetof(struct memory, status.state), 0),
	SD_BUS_PROPERTY("Size", "t", NULL, offsetof(struct memory, status.size), 0),
	SD_BUS_PROPERTY("UsableSize", "t", NULL, offsetof(struct memory, status.usable), 0),
	SD_BUS_PROPERTY("FreeSize", "t", NULL, offsetof(struct memory, status.free), 0),
	SD_BUS_PROPERTY("LargestFree", "t", NULL, offsetof(struct memory, status.largest_free), 0),
	SD_BUS_PROPERTY("Granule", "u", NULL, offsetof(struct memory, status.granule), 0),
	SD_BUS_PROPERTY("Blocks", "u", NULL, offsetof(struct memory, status.blocks), 0),
	SD_BUS_PROPERTY("WriteProtected", "b", NULL, offsetof(struct memory, write_protected), 0),
	SD_BUS_PROPERTY("Statistics", "a{st}", get_statistics, offsetof(struct memory, status), 0),
	SD_BUS_VTABLE_END,
};

/* sd-bus looks for the object of a call; of the paths at and below the memory's, this is the
 * memory's. */
static int find_memory(sd_bus *bus, const char *path, const char *interface, void *userdata,
		       void **found, sd_bus_error *error)
{
	struct memory *memory = userdata;

	(void)bus;
	(void)interface;
	(void)error;
	if (strcmp(path, memory->path) != 0)
		return 0;
	volume_status(memory->volume, &memory->status);
	memory->write_protected = memory->status.write_protected;
	*found = memory;
	return 1;
}

static void on_worker_stopped(void *userdata)
{
	struct memory *memory = userdata;

	manager_worker_stopped(memory->manager);
}

int memory_new(struct manager *manager, const struct memory_config *config, struct memory **memory)
{
	_cleanup_(memory_freep) struct memory *m = calloc(1, sizeof(*m));
	_cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
	int r;

	if (!m || asprintf(&m->path, "/org/smm1/memory/%s", config->name) < 0)
		return log_error_errno(-ENOMEM, "memory %s: %m", config->name);
	m->manager = manager;
	m->name = config->name;

	r = volume_open(config, &m->volume, &error);
	if (r < 0) {
		log_error("memory %s: %s", config->name, error.message);
		return r;
	}
	r = worker_new(manager->loop, on_worker_stopped, m, &m->worker);
	if (r >= 0)
		r = sd_bus_add_fallback_vtable(manager->bus, &m->object, m->path, "org.smm1.Memory",
					       vtable, find_memory, m);
	if (r >= 0)
		r = blocks_publish(m);
	if (r < 0)
		return log_error_errno(r, "memory %s: %m", config->name);
	*memory = TAKE(m);
	return 0;
}

void memory_free(struct memory *memory)
{
	if (!memory)
		return;

	worker_free(memory->worker);
	sd_bus_slot_unref(memory->block_paths);
	sd_bus_slot_unref(memory->blocks);
	sd_bus_slot_unref(memory->object);
	if (memory->volume)
		volume_close(memory->volume);
	free(memory->path);
	free(memory);
}
