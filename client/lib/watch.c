/* SPDX-License-Identifier: BSD-3-Clause */
/* Watches: which of smmd's signals are about a block of that name. */
#include "private.h"

#include <inttypes.h>

static void watch_unref(smm_watch *watch)
{
	if (--watch->references)
		return;
	free(watch->name);
	free(watch);
}

/* What is to be told */

static void run_event(smm_client *c, struct event *event)
{
	smm_watch *watch = (smm_watch *)((char *)event - offsetof(smm_watch, event));
	struct smm_client_change change = watch->change;

	watch->change = (struct smm_client_change){ 0 };
	if (change.event && !watch->closed && !c->closed) {
		pthread_mutex_unlock(&c->lock);
		watch->callback(watch, &change, watch->userdata);
		pthread_mutex_lock(&c->lock);
	}
	watch_unref(watch);
}

static void queue(smm_watch *watch)
{
	if (watch->event.queued)
		return;
	watch->references++;
	smmc_client_queue(watch->client, &watch->event);
}

/* All of the block may be another. What came last says it, but for what was missed. */
static void tell(smm_watch *watch, enum smm_client_event event)
{
	struct smm_client_change *change = &watch->change;

	if (change->event != SMM_CLIENT_MISSED)
		change->event = event;
	change->id = watch->id;
	change->offset = 0;
	change->length = SMM_CLIENT_TO_END;
	queue(watch);
}

static void tell_bytes(smm_watch *watch, uint32_t offset, uint32_t length)
{
	struct smm_client_change *change = &watch->change;
	uint32_t end = offset + length, last = change->offset + change->length;

	if (change->event && change->length == SMM_CLIENT_TO_END)
		return;
	if (change->event) {
		offset = offset < change->offset ? offset : change->offset;
		end = end > last ? end : last;
	}
	*change = (struct smm_client_change){ SMM_CLIENT_CHANGED, watch->id, offset, end - offset };
	queue(watch);
}

static void came(smm_watch *watch, uint32_t id)
{
	if (watch->id == id)
		return;
	watch->id = id;
	tell(watch, SMM_CLIENT_CAME);
}

static void went(smm_watch *watch)
{
	watch->id = 0;
	tell(watch, SMM_CLIENT_WENT);
}

/* Signals */

/* The block at a path of the memory in use, or 0. */
static uint32_t parse_path(const smm_client *c, const char *path)
{
	static const char block[] = "/block/";
	size_t length = c->path ? strlen(c->path) : 0;

	if (!length || strncmp(path, c->path, length) != 0 ||
	    strncmp(path + length, block, strlen(block)) != 0)
		return 0;
	return (uint32_t)strtoul(path + length + strlen(block), NULL, 10);
}

static void on_changed(smm_client *c, sd_bus_message *m)
{
	uint32_t id, offset, length;
	smm_watch *watch;
	const char *name;

	if (!c->path || strcmp(sd_bus_message_get_path(m), c->path) != 0 ||
	    sd_bus_message_read(m, "usuu", &id, &name, &offset, &length) < 0)
		return;
	LIST_FOREACH (watch, &c->watches, link) {
		if (strcmp(watch->name, name) != 0)
			continue;
		came(watch, id);
		tell_bytes(watch, offset, length);
	}
}

/* What a{sv} says of a block: another name, another size. */
struct news {
	const char *name;
	bool resized;
};

static int read_news(sd_bus_message *m, struct news *news)
{
	const char *key;
	int r = sd_bus_message_enter_container(m, 'a', "{sv}");

	while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		r = sd_bus_message_read(m, "s", &key);
		if (r < 0)
			break;
		news->resized |= !strcmp(key, "Size");
		r = !strcmp(key, "Name") ? sd_bus_message_read(m, "v", "s", &news->name)
					 : sd_bus_message_skip(m, "v");
		if (r >= 0)
			r = sd_bus_message_exit_container(m);
	}
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

static void take_news(smm_client *c, uint32_t id, const struct news *news)
{
	smm_watch *watch;

	LIST_FOREACH (watch, &c->watches, link) {
		bool is_named = news->name && !strcmp(news->name, watch->name);

		if (is_named)
			came(watch, id);
		else if (news->name && watch->id == id)
			went(watch);
		if (news->resized && watch->id == id)
			tell(watch, SMM_CLIENT_CHANGED);
	}
}

static void on_properties(smm_client *c, sd_bus_message *m)
{
	uint32_t id = parse_path(c, sd_bus_message_get_path(m));
	struct news news = { 0 };

	if (id && sd_bus_message_read(m, "s", NULL) >= 0 && read_news(m, &news) >= 0)
		take_news(c, id, &news);
}

static void on_added(smm_client *c, sd_bus_message *m)
{
	struct news news = { 0 };
	const char *path, *interface;
	uint32_t id;

	if (sd_bus_message_read(m, "o", &path) < 0)
		return;
	id = parse_path(c, path);
	if (!id || sd_bus_message_enter_container(m, 'a', "{sa{sv}}") < 0)
		return;
	while (sd_bus_message_enter_container(m, 'e', "sa{sv}") > 0) {
		if (sd_bus_message_read(m, "s", &interface) < 0 || read_news(m, &news) < 0 ||
		    sd_bus_message_exit_container(m) < 0)
			return;
	}
	news.resized = false;
	take_news(c, id, &news);
}

static void on_removed(smm_client *c, sd_bus_message *m)
{
	smm_watch *watch;
	const char *path;
	uint32_t id;

	if (sd_bus_message_read(m, "o", &path) < 0)
		return;
	id = parse_path(c, path);
	LIST_FOREACH (watch, &c->watches, link) {
		if (id && watch->id == id)
			went(watch);
	}
}

void smmc_watch_signal(smm_client *c, sd_bus_message *m)
{
	static const char objects[] = "org.freedesktop.DBus.ObjectManager";

	if (LIST_EMPTY(&c->watches))
		return;
	if (sd_bus_message_is_signal(m, SMM_MEMORY_INTERFACE, "Changed") > 0)
		on_changed(c, m);
	else if (sd_bus_message_is_signal(m, PROPERTIES_INTERFACE, "PropertiesChanged") > 0)
		on_properties(c, m);
	else if (sd_bus_message_is_signal(m, objects, "InterfacesAdded") > 0)
		on_added(c, m);
	else if (sd_bus_message_is_signal(m, objects, "InterfacesRemoved") > 0)
		on_removed(c, m);
}

/* After smmd was away */

/* Its Find is answered, or smmd is away again. */
static void on_found(smm_call *call)
{
	smm_watch *watch = call->hook_data;

	if (call->result < 0 && call->result != -ENOENT) {
		watch->client->lost = true;
	} else if (!watch->closed) {
		watch->id = call->result < 0 ? 0 : call->id;
		tell(watch, SMM_CLIENT_MISSED);
	}
	watch_unref(watch);
}

static void resume(smm_client *c, smm_watch *watch)
{
	smm_call *call;

	if (smmc_call_start(c, &smmc_kind_find, &call, "s", watch->name) < 0) {
		c->lost = true;
		return;
	}
	watch->references++;
	call->hook = on_found;
	call->hook_data = watch;
	smm_call_unref(call);
}

void smmc_watches_resume(smm_client *c)
{
	smm_watch *watch;

	LIST_FOREACH (watch, &c->watches, link) {
		resume(c, watch);
	}
}

/* Life */

/* Called between the signals that came before smmd looked and those that came after: the program
 * does not look before it has its watch, so the former are no news. */
static void on_found_first(smm_call *call)
{
	smm_watch *watch = call->hook_data;

	watch->id = call->result < 0 ? 0 : call->id;
	watch->change = (struct smm_client_change){ 0 };
}

/* Whether there is such a block. Return: 0, or a negative errno that was noted. */
static int find(smm_client *c, smm_watch *watch)
{
	smm_call *call;
	int r = smmc_call_start(c, &smmc_kind_find, &call, "s", watch->name);

	if (r < 0)
		return r;
	call->hook = on_found_first;
	call->hook_data = watch;
	r = smmc_call_wait(call);
	if (r < 0 && r != -ENOENT)
		smmc_call_note(call);
	smm_call_unref(call);
	return r == -ENOENT ? 0 : r;
}

static smm_watch *watch_new(smm_client *c, const char *name, smm_watch_callback callback,
			    void *userdata)
{
	smm_watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return NULL;
	watch->name = strdup(name);
	if (!watch->name) {
		free(watch);
		return NULL;
	}
	watch->references = 1;
	watch->client = c;
	watch->callback = callback;
	watch->userdata = userdata;
	watch->event.run = run_event;
	return watch;
}

static void close_watch(smm_watch *watch)
{
	watch->closed = true;
	LIST_REMOVE(watch, link);
	watch_unref(watch);
}

int smm_client_watch(smm_client *client, const char *name, smm_watch_callback callback,
		     void *userdata, smm_watch **watch)
{
	smm_watch *w;
	int r;

	*watch = NULL;
	smmc_client_lock(client);
	w = watch_new(client, name, callback, userdata);
	if (!w) {
		r = smmc_error_set_errno(client, -ENOMEM, "a watch cannot be made");
		smmc_client_unlock(client);
		return r;
	}
	LIST_INSERT_HEAD(&client->watches, w, link);
	if (!client->session.bus)
		smmc_connection_listen(client);
	r = find(client, w);
	if (r < 0)
		close_watch(w);
	else
		*watch = w;
	smmc_client_unlock(client);
	return r;
}

void smmc_watches_release(smm_client *c)
{
	while (!LIST_EMPTY(&c->watches))
		close_watch(LIST_FIRST(&c->watches));
}

void smm_watch_close(smm_watch *watch)
{
	smm_client *c;

	if (!watch)
		return;
	c = watch->client;
	smmc_client_lock(c);
	close_watch(watch);
	smmc_client_unlock(c);
}

const char *smm_watch_name(const smm_watch *watch)
{
	return watch->name;
}

uint32_t smm_watch_id(const smm_watch *watch)
{
	uint32_t id;

	smmc_client_lock(watch->client);
	id = watch->id;
	smmc_client_unlock(watch->client);
	return id;
}
