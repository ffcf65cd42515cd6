/* SPDX-License-Identifier: BSD-3-Clause */
#include "memory.h"

#include <errno.h>
#include <stddef.h>

#include "block.h"
#include "calls.h"
#include "creds.h"
#include "log.h"
#include "power.h"
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
	SD_BUS_PROPERTY("Identification", "s", NULL, offsetof(struct memory, status.identified), 0),
	SD_BUS_PROPERTY("BusSpeed", "u", NULL, offsetof(struct memory, status.clock), 0),
	SD_BUS_PROPERTY("Bus", "s", NULL, offsetof(struct memory, status.bus), 0),
	SD_BUS_PROPERTY("Device", "s", NULL, offsetof(struct memory, status.device), 0),
	SD_BUS_PROPERTY("State", "s", NULL, offsetof(struct memory, status.state),
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("StateReason", "s", NULL, offsetof(struct memory, why),
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Size", "t", NULL, offsetof(struct memory, status.size), 0),
	SD_BUS_PROPERTY("UsableSize", "t", NULL, offsetof(struct memory, status.usable), 0),
	SD_BUS_PROPERTY("FreeSize", "t", NULL, offsetof(struct memory, status.free), 0),
	SD_BUS_PROPERTY("LargestFree", "t", NULL, offsetof(struct memory, status.largest_free), 0),
	SD_BUS_PROPERTY("Granule", "u", NULL, offsetof(struct memory, status.granule), 0),
	SD_BUS_PROPERTY("Blocks", "u", NULL, offsetof(struct memory, status.blocks), 0),
	SD_BUS_PROPERTY("WriteProtected", "b", NULL, offsetof(struct memory, write_protected),
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
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
	memory->why = memory->status.why;
	*found = memory;
	return 1;
}

/* Its state is another one. */
static void on_notified(void *userdata)
{
	struct memory *memory = userdata;
	int r;

	r = sd_bus_emit_properties_changed(memory->manager->bus, memory->path, "org.smm1.Memory",
					   "State", "StateReason", "WriteProtected", NULL);
	if (r < 0)
		log_warning_errno(r, "memory %s: its state could not be announced: %m",
				  memory->name);
	manager_state_changed(memory->manager);
}

static void on_stopped(void *userdata)
{
	struct memory *memory = userdata;

	manager_worker_stopped(memory->manager);
}

static uint32_t on_idle(void *userdata)
{
	struct memory *memory = userdata;

	return volume_idle(memory->volume);
}

static const struct worker_ops worker_ops = {
	.idle = on_idle,
	.notified = on_notified,
	.stopped = on_stopped,
};

static void on_changed(void *userdata)
{
	struct memory *memory = userdata;

	worker_notify(memory->worker);
}

static void on_between(void *userdata)
{
	struct memory *memory = userdata;

	worker_between(memory->worker);
}

static const struct volume_ops volume_ops = {
	.changed = on_changed,
	.between = on_between,
};

/* The worker's first task */

static struct memory *opening_memory(struct task *task)
{
	return (struct memory *)((char *)task - offsetof(struct memory, opening));
}

static void open_volume(struct task *task)
{
	struct memory *memory = opening_memory(task);
	_cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;

	memory->opened = volume_open(memory->volume, &error);
	if (memory->opened < 0)
		log_error("memory %s: %s", memory->name, error.message);
}

static void on_opened(struct task *task, bool ran)
{
	struct memory *memory = opening_memory(task);

	if (!ran)
		memory->opened = -ESHUTDOWN;
	manager_memory_opened(memory->manager, memory->opened);
}

static void on_power(void *userdata, bool failing)
{
	struct memory *memory = userdata;

	volume_power_fail(memory->volume, failing);
	if (failing)
		log_warning("memory %s: the power fails", memory->name);
	if (!memory->worker) /* it begins like that */
		return;
	worker_wake(memory->worker);
	on_notified(memory);
}

static int watch_power(struct memory *memory, const char *line)
{
	_cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
	int r = power_watch(memory->manager->power, line, on_power, memory, &error);

	if (r < 0)
		log_error("memory %s: %s", memory->name, error.message);
	return r;
}

static int publish(struct memory *memory)
{
	int r = sd_bus_add_fallback_vtable(memory->manager->bus, &memory->object, memory->path,
					   "org.smm1.Memory", vtable, find_memory, memory);

	if (r >= 0)
		r = blocks_publish(memory);
	if (r < 0)
		return log_error_errno(r, "memory %s: it cannot be put on the bus: %m",
				       memory->name);
	return 0;
}

/* What the configuration calls a device may be a symlink, which is gone when the device is. */
static void find_node(struct memory *memory)
{
	char *node = memory->device ? realpath(memory->device, NULL) : NULL;

	if (!node)
		return;
	free(memory->node);
	memory->node = node;
}

int memory_new(struct manager *manager, const struct memory_config *config, struct memory **memory)
{
	_cleanup_(memory_freep) struct memory *m = calloc(1, sizeof(*m));
	int r;

	if (!m || asprintf(&m->path, "/org/smm1/memory/%s", config->name) < 0)
		return log_error_errno(-ENOMEM, "memory %s: %m", config->name);
	m->manager = manager;
	m->name = config->name;
	m->device = config->device;
	find_node(m);
	m->opened = 1;
	STAILQ_INIT(&m->requests);
	m->opening = (struct task){ .run = open_volume, .finish = on_opened };

	r = volume_new(config, &volume_ops, m, &m->volume);
	if (r >= 0 && config->power_fail_gpio)
		r = watch_power(m, config->power_fail_gpio);
	if (r >= 0)
		r = publish(m);
	if (r >= 0)
		r = worker_new(manager->loop, &worker_ops, m, &m->worker);
	if (r >= 0)
		r = worker_submit(m->worker, &m->opening);
	if (r < 0)
		return log_error_errno(r, "memory %s: it cannot be served: %m", config->name);
	*memory = TAKE(m);
	return 0;
}

void memory_device_changed(struct memory *memory, const char *node)
{
	find_node(memory);
	if (!memory->node || strcmp(memory->node, node) != 0)
		return;
	volume_device_changed(memory->volume);
	worker_wake(memory->worker);
}

void memory_free(struct memory *memory)
{
	if (!memory)
		return;

	worker_free(memory->worker);
	power_unwatch(memory->manager->power, memory);
	sd_bus_slot_unref(memory->block_paths);
	sd_bus_slot_unref(memory->blocks);
	sd_bus_slot_unref(memory->object);
	if (memory->volume)
		volume_close(memory->volume);
	free(memory->node);
	free(memory->path);
	free(memory);
}
