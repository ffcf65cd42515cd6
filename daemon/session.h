/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sessions: private connections of D-Bus, without the bus daemon in between, with the same objects
 * on them. All that comes on one is from the connection that opened it, whoever holds the socket.
 */
#pragma once

#include <sys/queue.h>
#include <systemd/sd-bus.h>

#include "bus.h"
#include "creds.h"

#define SESSIONS_MAX      64u /* at the same time */
#define USER_SESSIONS_MAX 16u /* of one user */

struct manager;

struct session {
	struct manager *manager;
	sd_bus *connection;
	struct bus *bus; /* that drives it */
	struct creds *creds;
	LIST_ENTRY(session) link;
};

LIST_HEAD(session_list, session);

/**
 * session_open() - make a session.
 * @creds: whose it is
 * @fd: receives the client's end of the socket, the caller's to close
 *
 * It ends by itself when the other end is closed.
 *
 * Return: 0, or a negative errno with @error set: Busy if there are as many as may be.
 */
int session_open(struct manager *manager, struct creds *creds, int *fd, sd_bus_error *error);

/* Ends it; does not wait for a client that does not read. */
void session_free(struct session *session);

/* Ends the session that has read least, if too much waits to be read by all together; not while a
 * message of a session is in hand. */
void sessions_relieve(struct manager *manager);

/* At the end: runs the loop until all answers are sent, on the bus too, or a second is over. */
void sessions_drain(struct manager *manager);
