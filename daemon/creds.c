/* SPDX-License-Identifier: BSD-3-Clause */
#include "creds.h"

#include <errno.h>
#include <pwd.h>

#include "log.h"
#include "util.h"

/* Connections that are remembered; of more, those that were seen first are asked about again. */
#define CONNECTIONS_MAX 1024u

struct connection {
	char *name; /* unique name */
	struct creds *creds;
	UT_hash_handle hh;
};

/* A session, by its connection. */
struct fixed {
	sd_bus *session;
	struct creds *creds;
	UT_hash_handle hh;
};

struct creds_cache {
	sd_bus_slot *vanished;
	struct connection *connections;
	struct fixed *sessions;
	struct user *users;
};

DEFINE_CLEANUP(struct creds *, creds_unref);
DEFINE_CLEANUP(struct creds_cache *, creds_cache_free);

struct creds *creds_ref(struct creds *creds)
{
	creds->references++;
	return creds;
}

static struct user *user_ref(struct creds_cache *cache, uid_t uid)
{
	struct user *user;

	HASH_FIND(hh, cache->users, &uid, sizeof(uid), user);
	if (!user) {
		user = calloc(1, sizeof(*user));
		if (!user)
			return NULL;
		user->uid = uid;
		user->cache = cache;
		HASH_ADD(hh, cache->users, uid, sizeof(uid), user);
	}
	user->references++;
	return user;
}

static void user_unref(struct user *user)
{
	if (!user || --user->references)
		return;
	HASH_DEL(user->cache->users, user);
	free(user);
}

void creds_unref(struct creds *creds)
{
	if (!creds || --creds->references)
		return;
	user_unref(creds->user);
	free(creds->gids);
	free(creds->name);
	free(creds);
}

static void forget(struct creds_cache *cache, struct connection *connection)
{
	HASH_DEL(cache->connections, connection);
	creds_unref(connection->creds);
	free(connection->name);
	free(connection);
}

static int remember(struct creds_cache *cache, const char *name, struct creds *creds)
{
	struct connection *connection = calloc(1, sizeof(*connection));

	if (!connection)
		return -ENOMEM;
	connection->name = strdup(name);
	if (!connection->name) {
		free(connection);
		return -ENOMEM;
	}
	connection->creds = creds_ref(creds);

	if (HASH_COUNT(cache->connections) >= CONNECTIONS_MAX)
		forget(cache, cache->connections);
	HASH_ADD_KEYPTR(hh, cache->connections, connection->name, strlen(connection->name),
			connection);
	return 0;
}

static int on_vanished(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct creds_cache *cache = userdata;
	struct connection *connection;
	const char *name;
	int r;

	(void)error;
	r = sd_bus_message_read(m, "s", &name);
	if (r < 0)
		return r;

	HASH_FIND_STR(cache->connections, name, connection);
	if (connection)
		forget(cache, connection);
	return 0;
}

static int read_gids(sd_bus_message *m, struct creds *creds)
{
	const void *gids;
	size_t size;
	int r;

	r = sd_bus_message_enter_container(m, 'v', "au");
	if (r < 0)
		return r;
	r = sd_bus_message_read_array(m, 'u', &gids, &size);
	if (r < 0)
		return r;
	creds->gids = malloc(size);
	if (!creds->gids)
		return -ENOMEM;
	memcpy(creds->gids, gids, size);
	creds->caller.n_gids = size / sizeof(gid_t);
	return sd_bus_message_exit_container(m);
}

/* Reads what GetConnectionCredentials answers: a{sv} with more in it than is wanted here. */
static int read_credentials(sd_bus_message *m, struct creds *creds)
{
	bool has_uid = false;
	const char *key;
	int r;

	r = sd_bus_message_enter_container(m, 'a', "{sv}");
	if (r < 0)
		return r;
	while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		r = sd_bus_message_read(m, "s", &key);
		if (r < 0)
			return r;
		if (!strcmp(key, "UnixUserID")) {
			r = sd_bus_message_read(m, "v", "u", &creds->caller.uid);
			has_uid = true;
		} else if (!strcmp(key, "UnixGroupIDs")) {
			r = read_gids(m, creds);
		} else {
			r = sd_bus_message_skip(m, "v");
		}
		if (r < 0)
			return r;
		r = sd_bus_message_exit_container(m);
		if (r < 0)
			return r;
	}
	return r < 0 || has_uid ? r : -ENODATA;
}

/*
 * The driver lists the gids in ascending order; the user database says which is the primary. A
 * process that has not got that one has a primary group that nobody knows.
 */
void creds_find_primary(struct caller *caller)
{
	struct passwd entry, *user;
	char buffer[4096];

	if (getpwuid_r(caller->uid, &entry, buffer, sizeof(buffer), &user) != 0)
		user = NULL;
	for (size_t i = 0; user && i < caller->n_gids; i++)
		if (caller->gids[i] == user->pw_gid)
			caller->gid = user->pw_gid;
}

void creds_keep_primary(struct creds *creds, gid_t gid)
{
	creds->caller.gid = gid;
	creds->knows_primary = true;
}

static int new_creds(struct creds_cache *cache, sd_bus_message *answer, const char *name,
		     struct creds **creds)
{
	_cleanup_(creds_unrefp) struct creds *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	c->references = 1;
	r = read_credentials(answer, c);
	if (r < 0)
		return r;
	c->caller.gid = (gid_t)-1;
	c->caller.gids = c->gids;
	c->caller.admin = c->caller.uid == 0;
	c->user = user_ref(cache, c->caller.uid);
	c->name = strdup(name);
	if (!c->user || !c->name)
		return -ENOMEM;
	*creds = TAKE(c);
	return 0;
}

static int ask_driver(struct creds_cache *cache, sd_bus *bus, const char *name,
		      struct creds **creds)
{
	_cleanup_message_ sd_bus_message *answer = NULL;
	int r;

	r = sd_bus_call_method(bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
			       "org.freedesktop.DBus", "GetConnectionCredentials", NULL, &answer,
			       "s", name);
	return r < 0 ? r : new_creds(cache, answer, name, creds);
}

int creds_of_sender(struct creds_cache *cache, sd_bus_message *message, struct creds **creds,
		    sd_bus_error *error)
{
	_cleanup_(creds_unrefp) struct creds *new = NULL;
	sd_bus *bus = sd_bus_message_get_bus(message);
	const char *sender = sd_bus_message_get_sender(message);
	struct connection *connection;
	struct fixed *fixed;
	int r;

	HASH_FIND_PTR(cache->sessions, &bus, fixed);
	if (fixed) {
		*creds = fixed->creds;
		return 0;
	}
	HASH_FIND_STR(cache->connections, sender, connection);
	if (connection) {
		*creds = connection->creds;
		return 0;
	}

	r = ask_driver(cache, bus, sender, &new);
	if (r >= 0)
		r = remember(cache, sender, new);
	if (r < 0) {
		log_full(LOG_DEBUG, r, "The bus does not say who %s is: %m", sender);
		return sd_bus_error_setf(error, SD_BUS_ERROR_ACCESS_DENIED,
					 "the bus does not say who %s is", sender);
	}
	*creds = new;
	return 0;
}

int creds_fix(struct creds_cache *cache, sd_bus *session, struct creds *creds)
{
	struct fixed *fixed = calloc(1, sizeof(*fixed));

	if (!fixed)
		return -ENOMEM;
	fixed->session = session;
	fixed->creds = creds_ref(creds);
	HASH_ADD_PTR(cache->sessions, session, fixed);
	return 0;
}

void creds_release(struct creds_cache *cache, sd_bus *session)
{
	struct fixed *fixed;

	HASH_FIND_PTR(cache->sessions, &session, fixed);
	if (!fixed)
		return;
	HASH_DEL(cache->sessions, fixed);
	creds_unref(fixed->creds);
	free(fixed);
}

int creds_cache_new(sd_bus *bus, struct creds_cache **cache)
{
	_cleanup_(creds_cache_freep) struct creds_cache *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	r = sd_bus_add_match(bus, &c->vanished,
			     "type='signal',sender='org.freedesktop.DBus',"
			     "path='/org/freedesktop/DBus',interface='org.freedesktop.DBus',"
			     "member='NameOwnerChanged',arg2=''",
			     on_vanished, c);
	if (r < 0)
		return r;
	*cache = TAKE(c);
	return 0;
}

void creds_cache_free(struct creds_cache *cache)
{
	if (!cache)
		return;

	while (cache->connections)
		forget(cache, cache->connections);
	sd_bus_slot_unref(cache->vanished);
	free(cache);
}
