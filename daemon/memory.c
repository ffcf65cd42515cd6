/* SPDX-License-Identifier: BSD-3-Clause */
#include "memory.h"

#include <errno.h>
#include <stddef.h>

#include "block.h"
#include "calls.h"
#include "creds.h"
#include "errors.h"
#include "job.h"
#include "log.h"
#include "messages.h"
#include "objects.h"
#include "path-list.h"
#include "power.h"
#include "request.h"
#include "session.h"
#include "util.h"

#define NEWS_MAX 256u /* that are told in one go */

DEFINE_CLEANUP(struct memory *, memory_free);

/* What the worker has to tell: a block that is another, or with @length, content that was written.
 */
struct news {
	bool has_before, has_now;
	struct smm_block before, now;
	uint32_t offset, length;
	STAILQ_ENTRY(news) link;
};

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

/* OpenSession: → a socket */
static int open_session(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct memory *memory = userdata;
	_cleanup_close_ int fd = -1;
	struct creds *creds;
	int r;

	r = creds_of_sender(memory->manager->creds, m, &creds, error);
	if (r >= 0)
		r = session_open(memory->manager, creds, &fd, error);
	return r < 0 ? r : sd_bus_reply_method_return(m, "h", fd);
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
	SD_BUS_METHOD_WITH_ARGS("ReadMany", SD_BUS_ARGS("a(uuu)", parts),
				SD_BUS_RESULT("aay", data), call_read_many,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Write", SD_BUS_ARGS("u", id, "u", offset, "ay", data),
				SD_BUS_NO_RESULT, call_write, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("WriteInPlace", SD_BUS_ARGS("u", id, "u", offset, "ay", data),
				SD_BUS_NO_RESULT, call_write_in_place, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("WriteMany", SD_BUS_ARGS("a(uuay)", parts), SD_BUS_NO_RESULT,
				call_write_many, SD_BUS_VTABLE_UNPRIVILEGED),
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
	SD_BUS_METHOD_WITH_ARGS("OpenSession", SD_BUS_NO_ARGS, SD_BUS_RESULT("h", socket),
				open_session, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Dump", SD_BUS_ARGS("h", file, "a{sv}", options),
				SD_BUS_RESULT("o", job), call_dump, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Restore", SD_BUS_ARGS("h", file, "a{sv}", options),
				SD_BUS_RESULT("o", job), call_restore, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Check", SD_BUS_ARGS("a{sv}", options),
				SD_BUS_RESULT("a{sv}", result), call_check,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Format", SD_BUS_ARGS("a{sv}", options), SD_BUS_NO_RESULT,
				call_format, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_PROPERTY("Name", "s", NULL, offsetof(struct memory, name),
			SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("Model", "s", NULL, offsetof(struct memory, status.model),
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Technology", "s", NULL, offsetof(struct memory, status.technology),
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Identification", "s", NULL, offsetof(struct memory, status.identified),
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("BusSpeed", "u", NULL, offsetof(struct memory, status.clock),
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Bus", "s", NULL, offsetof(struct memory, status.bus),
			SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("Device", "s", NULL, offsetof(struct memory, status.device),
			SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("State", "s", NULL, offsetof(struct memory, status.state),
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("StateReason", "s", NULL, offsetof(struct memory, why),
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Size", "t", NULL, offsetof(struct memory, status.size),
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("UsableSize", "t", NULL, offsetof(struct memory, status.usable),
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("FreeSize", "t", NULL, offsetof(struct memory, status.free),
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("LargestFree", "t", NULL, offsetof(struct memory, status.largest_free),
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Granule", "u", NULL, offsetof(struct memory, status.granule),
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Blocks", "u", NULL, offsetof(struct memory, status.blocks),
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("WriteProtected", "b", NULL, offsetof(struct memory, write_protected),
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Statistics", "a{st}", get_statistics, offsetof(struct memory, status), 0),
	SD_BUS_SIGNAL_WITH_ARGS("Changed",
				SD_BUS_ARGS("u", id, "s", name, "u", offset, "u", length), 0),
	SD_BUS_VTABLE_END,
};

struct memory *memory_at(struct manager *manager, const char *path, const char **rest)
{
	for (struct memory *memory = manager->memories; memory; memory = memory->next) {
		size_t length = strlen(memory->path);

		if (!strncmp(path, memory->path, length) && strchr("/", path[length])) {
			*rest = path + length;
			return memory;
		}
	}
	return NULL;
}

/* sd-bus looks for the object of a call, or of a signal. */
static int find_memory(sd_bus *bus, const char *path, const char *interface, void *userdata,
		       void **found, sd_bus_error *error)
{
	const char *rest;
	struct memory *memory = memory_at(userdata, path, &rest);

	(void)bus;
	(void)interface;
	(void)error;
	if (!memory || *rest)
		return 0;
	volume_status(memory->volume, &memory->status);
	memory->write_protected = memory->status.write_protected;
	memory->why = memory->status.why;
	*found = memory;
	return 1;
}

/* What is below a path: here, the memories, where they or all objects are asked for. */
static int list_paths(sd_bus *bus, const char *path, void *userdata, char ***paths,
		      sd_bus_error *error)
{
	struct manager *manager = userdata;
	_cleanup_(path_list_free) struct path_list list = { 0 };
	int r;

	(void)bus;
	(void)error;
	if (strcmp(path, MEMORIES_PATH) != 0 && strcmp(path, MANAGER_PATH) != 0)
		return 0;
	for (struct memory *memory = manager->memories; memory; memory = memory->next) {
		r = path_list_add(&list, "%s", memory->path);
		if (r < 0)
			return r;
	}
	*paths = path_list_take(&list);
	return 0;
}

int memories_publish(struct manager *manager, sd_bus *bus)
{
	int r = sd_bus_add_fallback_vtable(bus, NULL, MEMORIES_PATH, "org.smm1.Memory", vtable,
					   find_memory, manager);

	return r < 0 ? r
		     : sd_bus_add_node_enumerator(bus, NULL, MEMORIES_PATH, list_paths, manager);
}

/* News from the worker */

static void take_news(struct memory *memory, struct news_list *news)
{
	STAILQ_INIT(news);
	pthread_mutex_lock(&memory->lock);
	STAILQ_CONCAT(news, &memory->news);
	pthread_mutex_unlock(&memory->lock);
}

/* Those that were not told yet. */
static void give_back_news(struct memory *memory, struct news_list *news)
{
	pthread_mutex_lock(&memory->lock);
	STAILQ_CONCAT(news, &memory->news);
	STAILQ_CONCAT(&memory->news, news);
	pthread_mutex_unlock(&memory->lock);
	worker_notify(memory->worker);
}

/* Tell some; others have their turn before the rest. */
static void on_notified(void *userdata)
{
	struct memory *memory = userdata;
	struct news_list list;
	struct news *news;

	take_news(memory, &list);
	for (unsigned int i = 0; i < NEWS_MAX && (news = STAILQ_FIRST(&list)); i++) {
		STAILQ_REMOVE_HEAD(&list, link);
		if (news->length)
			announce_content(memory, &news->now, news->offset, news->length);
		else
			announce_block(memory, news->has_before ? &news->before : NULL,
				       news->has_now ? &news->now : NULL);
		free(news);
	}
	if (!STAILQ_EMPTY(&list))
		give_back_news(memory, &list);
	announce_status(memory);
	sessions_relieve(memory->manager);
}

/* On the worker's thread. Before the service is there, there is nobody to tell. */
static void tell(struct memory *memory, const struct news *what)
{
	struct news *news;

	if (!memory->manager->serving)
		return;
	news = malloc(sizeof(*news));
	if (!news)
		return;
	*news = *what;
	pthread_mutex_lock(&memory->lock);
	STAILQ_INSERT_TAIL(&memory->news, news, link);
	pthread_mutex_unlock(&memory->lock);
	worker_notify(memory->worker);
}

static void on_block_changed(void *userdata, const struct smm_block *before,
			     const struct smm_block *now)
{
	struct news news = { .has_before = before, .has_now = now };

	if (before)
		news.before = *before;
	if (now)
		news.now = *now;
	tell(userdata, &news);
}

static void on_content_changed(void *userdata, const struct smm_block *b, uint32_t offset,
			       uint32_t length)
{
	const struct news news = { .now = *b, .offset = offset, .length = length };
	struct memory *memory = userdata;

	if (length && announce_is_heard(memory->manager, b))
		tell(memory, &news);
}

static void on_stopped(void *userdata)
{
	manager_worker_stopped(userdata);
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
	.block_changed = on_block_changed,
	.content_changed = on_content_changed,
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
		log_event(LOG_WARNING,
			  &(struct log_about){ .message = MESSAGE_POWER_FAILS,
					       .memory = memory->name,
					       .error = ERROR_POWER_FAIL },
			  "memory %s: the power fails", memory->name);
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

/* What the configuration calls a device may be a symlink, which is gone when the device is. */
static void find_node(struct memory *memory)
{
	const char *device = memory->config->device;
	char *node = device ? realpath(device, NULL) : NULL;

	if (!node)
		return;
	free(memory->node);
	memory->node = node;
}

int memory_new(struct manager *manager, struct memory_config *config, struct memory **memory)
{
	_cleanup_(memory_freep) struct memory *m = calloc(1, sizeof(*m));
	int r;

	if (!m) {
		memory_config_free(config);
		return log_error_errno(-ENOMEM, "A memory cannot be served: %m");
	}
	m->manager = manager;
	m->config = config;
	m->name = config->name;
	m->opened = 1;
	STAILQ_INIT(&m->requests);
	STAILQ_INIT(&m->news);
	pthread_mutex_init(&m->lock, NULL);
	m->opening = (struct task){
		.user = m,
		.connection = m,
		.run = open_volume,
		.finish = on_opened,
	};
	find_node(m);

	r = asprintf(&m->path, MEMORIES_PATH "/%s", config->name) < 0 ? -ENOMEM : 0;
	if (r >= 0)
		r = volume_new(config, &volume_ops, m, &m->volume);
	if (r >= 0)
		announcer_init(m);
	if (r >= 0 && config->power_fail_gpio)
		r = watch_power(m, config->power_fail_gpio);
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

bool memory_moves(struct memory *memory)
{
	bool working;
	uint64_t now = worker_begun(memory->worker, &working) + volume_slices(memory->volume);
	bool stuck = working && now == memory->moved;

	memory->moved = now;
	if (stuck && !memory->stuck)
		log_event(LOG_WARNING,
			  &(struct log_about){ .message = MESSAGE_STUCK, .memory = memory->name },
			  "memory %s: a transfer does not come to its end", memory->name);
	memory->stuck = stuck;
	return !stuck;
}

void memory_stop(struct memory *memory)
{
	volume_stop(memory->volume);
	jobs_cancel(memory->manager, memory);
	request_drop_unconfirmed(&memory->requests);
	worker_stop(memory->worker);
}

void memory_free(struct memory *memory)
{
	struct news_list list;
	struct news *news;

	if (!memory)
		return;

	worker_free(memory->worker);
	jobs_cancel(memory->manager, memory);
	request_drop_unconfirmed(&memory->requests);
	power_unwatch(memory->manager->power, memory);
	announcer_release(memory);
	take_news(memory, &list);
	while ((news = STAILQ_FIRST(&list))) {
		STAILQ_REMOVE_HEAD(&list, link);
		free(news);
	}
	if (memory->volume)
		volume_close(memory->volume);
	memory_config_free(memory->config);
	pthread_mutex_destroy(&memory->lock);
	free(memory->node);
	free(memory->path);
	free(memory);
}
