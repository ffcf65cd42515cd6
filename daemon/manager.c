/* SPDX-License-Identifier: BSD-3-Clause */
#include "manager.h"

#include <errno.h>

#include <systemd/sd-daemon.h>

#include "errors.h"
#include "hotplug.h"
#include "log.h"
#include "memory.h"
#include "objects.h"
#include "reload.h"
#include "power.h"
#include "util.h"

#define PATIENCE 5.0 /* seconds that a start waits for chips */

DEFINE_CLEANUP(struct manager *, manager_free);

static int append_memory(sd_bus_message *m, const struct memory *memory)
{
	struct volume_status status;

	volume_status(memory->volume, &status);
	return sd_bus_message_append(m, "(sos)", memory->name, memory->path, status.state);
}

/* ListMemories: → name, path and state of each */
static int list_memories(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct manager *manager = userdata;
	_cleanup_message_ sd_bus_message *reply = NULL;
	int r;

	(void)error;
	r = sd_bus_message_new_method_return(m, &reply);
	if (r < 0)
		return r;
	r = sd_bus_message_open_container(reply, 'a', "(sos)");
	if (r < 0)
		return r;
	for (struct memory *memory = manager->memories; memory; memory = memory->next) {
		r = append_memory(reply, memory);
		if (r < 0)
			return r;
	}
	r = sd_bus_message_close_container(reply);
	if (r < 0)
		return r;
	return sd_bus_send(NULL, reply, NULL);
}

/* GetMemory: name → path */
static int get_memory(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct manager *manager = userdata;
	const char *name;
	int r;

	r = sd_bus_message_read(m, "s", &name);
	if (r < 0)
		return r;
	for (struct memory *memory = manager->memories; memory; memory = memory->next) {
		if (!strcmp(memory->name, name))
			return sd_bus_reply_method_return(m, "o", memory->path);
	}
	return sd_bus_error_setf(
		error, ERROR_NO_SUCH_MEMORY,
		"there is no memory '%.*s'; the configuration has no section of that name",
		QUOTE_MAX, name);
}

static int get_version(sd_bus *bus, const char *path, const char *interface, const char *property,
		       sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	(void)bus;
	(void)path;
	(void)interface;
	(void)property;
	(void)userdata;
	(void)error;
	return sd_bus_message_append(reply, "s", SMM_VERSION);
}

static const sd_bus_vtable vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD_WITH_ARGS("ListMemories", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(sos)", memories),
				list_memories, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("GetMemory", SD_BUS_ARGS("s", name), SD_BUS_RESULT("o", path),
				get_memory, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Reload", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, call_reload,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_PROPERTY("Version", "s", get_version, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_VTABLE_END,
};

static void on_device(void *userdata, const char *node)
{
	struct manager *manager = userdata;

	for (struct memory *memory = manager->memories; memory; memory = memory->next)
		memory_device_changed(memory, node);
}

int manager_publish(struct manager *manager, sd_bus *bus)
{
	return sd_bus_add_object_vtable(bus, NULL, MANAGER_PATH, "org.smm1.Manager", vtable,
					manager);
}

int manager_add(struct manager *manager, struct memory_config *config, struct memory **place)
{
	int r = memory_new(manager, config, place);

	if (r < 0)
		return r;
	manager->n_workers++;
	manager->n_opening++;
	return 0;
}

int manager_new(struct ev_loop *loop, sd_bus *bus, const char *config_path, struct config *config,
		struct manager **manager)
{
	_cleanup_(manager_freep) struct manager *m = calloc(1, sizeof(*m));
	struct memory **next;
	int r;

	if (!m)
		return log_error_errno(-ENOMEM, "Cannot start: %m");
	m->loop = loop;
	m->bus = bus;
	m->config_path = config_path;
	STAILQ_INIT(&m->jobs);
	LIST_INIT(&m->sessions);

	r = creds_cache_new(bus, &m->creds);
	if (r >= 0)
		r = power_new(loop, &m->power);
	if (r >= 0)
		r = objects_publish(m, bus);
	if (r < 0)
		return log_error_errno(r, "Cannot put " MANAGER_PATH " on the bus: %m");

	for (next = &m->memories; config->memories; next = &(*next)->next) {
		r = manager_add(m, config_take(config), next);
		if (r < 0)
			return r;
	}
	r = hotplug_new(loop, on_device, m, &m->hotplug);
	if (r < 0)
		log_warning_errno(r, "Devices that come and go are not noticed: %m");
	*manager = TAKE(m);
	return 0;
}

static void on_patience(struct ev_loop *loop, ev_timer *timer, int revents)
{
	(void)timer;
	(void)revents;
	ev_break(loop, EVBREAK_ONE);
}

int manager_open(struct manager *manager)
{
	ev_timer patience;

	ev_timer_init(&patience, on_patience, PATIENCE, 0);
	ev_timer_start(manager->loop, &patience);
	if (manager->n_opening)
		ev_run(manager->loop, 0);
	ev_timer_stop(manager->loop, &patience);
	manager->serving = true;
	if (manager->stopping)
		return 0;
	return manager->failed < 0 ? manager->failed : 1;
}

void manager_memory_opened(struct manager *manager, int result)
{
	if (result < 0 && !manager->failed)
		manager->failed = result;
	if (--manager->n_opening == 0 && !manager->serving)
		ev_break(manager->loop, EVBREAK_ONE);
}

/* "fram0 is online; eep0 is offline: ..." */
void manager_state_changed(struct manager *manager)
{
	_cleanup_free_ char *text = NULL;
	struct volume_status status;
	size_t size;
	FILE *line;

	if (!manager->serving)
		return;
	line = open_memstream(&text, &size);
	if (!line)
		return;
	for (struct memory *memory = manager->memories; memory; memory = memory->next) {
		volume_status(memory->volume, &status);
		fprintf(line, "%s%s is %s%s%s", memory == manager->memories ? "" : "; ",
			memory->name, status.state, *status.why ? ": " : "", status.why);
	}
	if (fclose(line) == 0)
		sd_notifyf(0, "STATUS=%s", text);
}

void manager_stop(struct manager *manager)
{
	manager->stopping = true;
	reload_stop(manager);
	for (struct memory *memory = manager->memories; memory; memory = memory->next)
		memory_stop(memory);
	if (manager->n_workers == 0)
		ev_break(manager->loop, EVBREAK_ALL);
}

void manager_worker_stopped(struct memory *memory)
{
	struct manager *manager = memory->manager;

	if (--manager->n_workers == 0 && manager->stopping)
		ev_break(manager->loop, EVBREAK_ALL);
	reload_goes_on(memory);
}

static void free_memories(struct memory **memories)
{
	struct memory *memory;

	while ((memory = *memories)) {
		*memories = memory->next;
		memory_free(memory);
	}
}

void manager_free(struct manager *manager)
{
	struct session *session;

	if (!manager)
		return;

	reload_stop(manager);
	free_memories(&manager->memories);
	free_memories(&manager->leaving);
	while ((session = LIST_FIRST(&manager->sessions)))
		session_free(session);
	hotplug_free(manager->hotplug);
	power_free(manager->power);
	creds_cache_free(manager->creds);
	free(manager);
}
