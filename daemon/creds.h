/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who sends a message, as the bus vouches for it.
 *
 * The bus driver knows the uid and the gids that a connection had when it was made; nothing of what
 * the sender says itself, or of what /proc says about its process by now, counts. They never change
 * for a connection, so each connection is asked about once. On a session, all messages have the
 * credentials of the connection that it was opened through.
 */
#pragma once

#include <systemd/sd-bus.h>
#include <uthash.h>

#include "volume.h"

/* A user, with all its connections. */
struct user {
	uid_t uid;
	unsigned int n_sessions;
	unsigned int references;
	struct creds_cache *cache;
	UT_hash_handle hh;
};

/* The credentials of one connection; counted references, for the main thread alone. */
struct creds {
	struct caller caller;
	struct user *user;
	bool knows_primary; /* the gid of @caller was looked up */
	gid_t *gids;        /* of @caller */
	char *name;         /* of the connection on the bus */
	unsigned int references;
};

struct creds *creds_ref(struct creds *creds);
void creds_unref(struct creds *creds);

struct creds_cache;

/**
 * creds_cache_new() - begin to know senders on @bus.
 * @cache: receives it; free it with creds_cache_free(), when nobody holds a reference any more
 *
 * Return: 0 or a negative errno.
 */
int creds_cache_new(sd_bus *bus, struct creds_cache **cache);
void creds_cache_free(struct creds_cache *cache);

/**
 * creds_of_sender() - the credentials of the sender of @message.
 * @creds: receives them; valid until the next call, longer with creds_ref()
 *
 * Return: 0, or a negative errno with @error set to AccessDenied.
 */
int creds_of_sender(struct creds_cache *cache, sd_bus_message *message, struct creds **creds,
		    sd_bus_error *error);

/**
 * creds_fix() - from now on, and until creds_release(), all messages of @session are from @creds.
 *
 * Return: 0 or -ENOMEM.
 */
int creds_fix(struct creds_cache *cache, sd_bus *session, struct creds *creds);
void creds_release(struct creds_cache *cache, sd_bus *session);

/*
 * creds_find_primary() - look in the user database which of its gids is the primary one of @caller;
 * for any thread but the main one, as it may have to ask another machine.
 * creds_keep_primary() - remember what came of it.
 */
void creds_find_primary(struct caller *caller);
void creds_keep_primary(struct creds *creds, gid_t gid);
