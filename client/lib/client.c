/* SPDX-License-Identifier: BSD-3-Clause */
/* A client: its life, the memory in use, its settings, and its side towards the program's loop. */
#include "private.h"

#include <poll.h>

/* The lock, and life */

void smmc_client_lock(smm_client *c)
{
	pthread_mutex_lock(&c->lock);
}

void smmc_client_unlock(smm_client *c)
{
	if (!c->closed)
		smmc_connection_arm(c);
	pthread_mutex_unlock(&c->lock);
}

void smmc_client_unref(smm_client *c)
{
	if (atomic_fetch_sub(&c->references, 1) > 1)
		return;
	smmc_error_free_all(c);
	pthread_cond_destroy(&c->stepped);
	pthread_mutex_destroy(&c->lock);
	free(c->where);
	free(c->memory);
	free(c->path);
	free(c);
}

static void init_lock(smm_client *c)
{
	pthread_condattr_t attributes;

	pthread_mutex_init(&c->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&c->stepped, &attributes);
	pthread_condattr_destroy(&attributes);
}

/* Events */

void smmc_client_queue(smm_client *c, struct event *event)
{
	event->queued = true;
	STAILQ_INSERT_TAIL(&c->events, event, link);
}

static struct event *next_event(smm_client *c)
{
	struct event *event = STAILQ_FIRST(&c->events);

	if (!event)
		return NULL;
	STAILQ_REMOVE_HEAD(&c->events, link);
	event->queued = false;
	return event;
}

/* Those that are queued by now. */
static bool run_events(smm_client *c)
{
	struct event *event;
	size_t n = 0, done;

	STAILQ_FOREACH (event, &c->events, link)
		n++;
	for (done = 0; done < n && !c->closed && (event = next_event(c)); done++)
		event->run(c, event);
	return done > 0;
}

static void tell_state(smm_client *c, struct event *event)
{
	bool went = c->went, came = c->came;

	(void)event;
	c->went = c->came = false;
	for (int connected = 0; connected < 2; connected++) {
		smm_client_state_callback callback = c->state_callback;
		void *userdata = c->state_userdata;

		if (!callback || c->closed || !(connected ? came : went))
			continue;
		pthread_mutex_unlock(&c->lock);
		callback(c, connected, userdata);
		pthread_mutex_lock(&c->lock);
	}
}

/* That it went and came is told as both; that it came and went, as nothing but that it went. */
void smmc_client_set_connected(smm_client *c, bool connected)
{
	if (c->connected == connected)
		return;
	c->connected = connected;
	c->came = connected;
	c->went |= !connected;
	if (c->state_callback && !c->state_event.queued)
		smmc_client_queue(c, &c->state_event);
}

/* The memory */

static int memory_named(smm_client *c, const char *name, char **path)
{
	smm_call *call = NULL;
	int r;

	r = smmc_call_start(c, &smmc_kind_get_memory, &call, "s", name);
	if (r < 0)
		return r;
	r = smmc_call_wait(call);
	if (r >= 0)
		*path = TAKE(call->data);
	else
		smmc_call_note(call);
	smm_call_unref(call);
	return r;
}

static int pick_only(smm_client *c, smm_call *call, char **name)
{
	if (call->count == 0)
		return smmc_error_set(c, -ENXIO, ERROR_NO_SUCH_MEMORY,
				      "smmd serves no memory; its configuration has no section "
				      "[memory NAME]");
	if (call->count > 1)
		return smmc_error_set(c, -ENOTUNIQ, ERROR_NO_SUCH_MEMORY,
				      "smmd serves %zu memories, and none was chosen", call->count);
	*name = TAKE(call->properties[0].name);
	return 0;
}

static int only_memory(smm_client *c, char **name)
{
	smm_call *call = NULL;
	int r;

	r = smmc_call_start(c, &smmc_kind_memories, &call, "");
	if (r < 0)
		return r;
	r = smmc_call_wait(call);
	r = r < 0 ? smmc_call_note(call) : pick_only(c, call, name);
	smm_call_unref(call);
	return r;
}

static int choose_memory(smm_client *c, const char *memory, char **name, char **path)
{
	if (!memory)
		memory = getenv("SMM_MEMORY");
	if (!memory) {
		int r = only_memory(c, name);

		if (r < 0)
			return r;
	} else {
		*name = strdup(memory);
		if (!*name)
			return smmc_error_set_errno(c, -ENOMEM, "the memory cannot be chosen");
	}
	return memory_named(c, *name, path);
}

/* A session is there when the first call is made. */
static void wait_for_session(smm_client *c)
{
	if (!c->session.bus)
		(void)smmc_connection_begin_session(c);
	while (c->opening)
		(void)smmc_connection_step(c, UINT64_MAX);
}

static int set_memory(smm_client *c, const char *memory)
{
	_cleanup_free_ char *name = NULL, *path = NULL;
	bool none = memory && !*memory;
	int r;

	if (!LIST_EMPTY(&c->watches))
		return smmc_error_set(c, -EBUSY, ERROR_BUSY,
				      "the memory cannot be changed while there are watches");
	/* "" still finds out whether smmd is there. */
	r = none ? only_memory(c, &name) : choose_memory(c, memory, &name, &path);
	if (none && (r == -ENOTUNIQ || r == -ENXIO))
		r = 0;
	if (r < 0)
		return r;
	free(c->memory);
	free(c->path);
	c->memory = none ? NULL : TAKE(name);
	c->path = TAKE(path);
	wait_for_session(c);
	return 0;
}

int smm_client_set_memory(smm_client *client, const char *memory)
{
	int r;

	smmc_client_lock(client);
	r = set_memory(client, memory);
	smmc_client_unlock(client);
	return r;
}

const char *smm_client_get_memory(const smm_client *client)
{
	return client->memory;
}

/* Opening and closing */

static smm_client *client_new(const char *where)
{
	smm_client *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->references = 1;
	c->timeout = UINT64_MAX;
	c->fd = c->io = c->pending = c->wake = -1;
	c->state_event.run = tell_state;
	STAILQ_INIT(&c->events);
	TAILQ_INIT(&c->calls);
	init_lock(c);
	c->where = where ? strdup(where) : NULL;
	if (where && !c->where) {
		smmc_client_unref(c);
		return NULL;
	}
	return c;
}

int smm_client_open(smm_client **client, const char *where, const char *memory)
{
	smm_client *c = client_new(where);
	int r;

	*client = c;
	if (!c)
		return -ENOMEM;
	smmc_client_lock(c);
	r = smmc_connection_init(c);
	if (r < 0)
		r = smmc_error_set_errno(c, r, "a client cannot be made");
	if (r >= 0)
		r = smmc_connection_open(c);
	if (r >= 0)
		r = set_memory(c, memory);
	smmc_client_unlock(c);
	return r;
}

static void drop_events(smm_client *c)
{
	struct event *event;

	c->state_callback = NULL;
	while ((event = next_event(c)))
		event->run(c, event); /* which sees that the client is closed */
}

void smm_client_close(smm_client *client)
{
	smm_call *call;

	if (!client)
		return;
	smmc_client_lock(client);
	client->closed = true;
	while ((call = TAILQ_FIRST(&client->calls)))
		smmc_call_end(call, -ECANCELED, ERROR_CANCELED, "the client was closed");
	drop_events(client);
	smmc_watches_release(client);
	smmc_connection_release(client);
	smmc_client_unlock(client);
	smmc_client_unref(client);
}

/* Settings */

void smm_client_set_timeout(smm_client *client, uint64_t microseconds)
{
	smmc_client_lock(client);
	client->timeout = microseconds;
	smmc_client_unlock(client);
}

void smm_client_set_interactive(smm_client *client, int interactive)
{
	smmc_client_lock(client);
	client->interactive = interactive;
	smmc_client_unlock(client);
}

void smm_client_set_state_callback(smm_client *client, smm_client_state_callback callback,
				   void *userdata)
{
	smmc_client_lock(client);
	client->state_callback = callback;
	client->state_userdata = userdata;
	client->went = client->came = false; /* of that, nobody wanted to hear */
	smmc_client_unlock(client);
}

int smm_client_is_connected(const smm_client *client)
{
	smm_client *c = (smm_client *)client;
	int connected;

	smmc_client_lock(c);
	connected = c->connected;
	smmc_client_unlock(c);
	return connected;
}

/* The program's loop */

int smm_client_get_fd(const smm_client *client)
{
	return client->fd >= 0 ? client->fd : -EBADF;
}

/* What is waited for in the end is inside of the descriptor. */
int smm_client_get_events(const smm_client *client)
{
	(void)client;
	return POLLIN;
}

uint64_t smm_client_get_timeout(const smm_client *client)
{
	smm_client *c = (smm_client *)client;
	uint64_t until;

	smmc_client_lock(c);
	until = STAILQ_EMPTY(&c->events) ? smmc_connection_timeout(c) : 0;
	smmc_client_unlock(c);
	return until;
}

int smm_client_process(smm_client *client)
{
	bool any;

	atomic_fetch_add(&client->references, 1);
	smmc_client_lock(client);
	any = smmc_connection_io(client);
	any |= run_events(client);
	smmc_client_unlock(client);
	smmc_client_unref(client);
	return any;
}

int smm_client_wait(smm_client *client, uint64_t microseconds)
{
	uint64_t now = smmc_now_us(), until = smm_client_get_timeout(client);
	struct pollfd fd = { .fd = client->fd, .events = POLLIN };
	struct timespec left;
	int r;

	if (microseconds < UINT64_MAX - now && now + microseconds < until)
		until = now + microseconds;
	left.tv_sec = (time_t)((until > now ? until - now : 0) / 1000000);
	left.tv_nsec = (long)((until > now ? until - now : 0) % 1000000) * 1000;
	r = ppoll(&fd, 1, until == UINT64_MAX ? NULL : &left, NULL);
	if (r < 0)
		return -errno;
	return r > 0 || smm_client_get_timeout(client) <= smmc_now_us();
}
