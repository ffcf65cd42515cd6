/* SPDX-License-Identifier: BSD-3-Clause */
#include "session.h"

#include <errno.h>
#include <sys/socket.h>

#include "errors.h"
#include "log.h"
#include "manager.h"
#include "objects.h"
#include "util.h"

/* Bytes that wait in the kernel for a client to read them; sd-bus would have it keep 8 MB. */
#define SEND_BUFFER 262144

/* Messages that wait for clients to read them, of all sessions: about 15 MB. */
#define UNREAD_MAX 16384u

#define PATIENCE 1.0 /* seconds, for clients that are slow to read when smmd ends */

DEFINE_CLEANUP(struct session *, session_free);

void session_free(struct session *session)
{
	struct manager *manager = session->manager;

	LIST_REMOVE(session, link);
	manager->n_sessions--;
	session->creds->user->n_sessions--;
	creds_release(manager->creds, session->connection);
	bus_detach(session->bus);
	sd_bus_close_unref(session->connection);
	creds_unref(session->creds);
	free(session);
}

static void on_lost(void *userdata)
{
	struct session *session = userdata;

	log_debug("A session of uid %u has ended", session->creds->caller.uid);
	session_free(session);
}

/*
 * The server's end of a connection. Who is at the other end has been found out already, on the bus:
 * the authentication of D-Bus, which a client expects, need not say it again.
 */
static int connect_socket(struct session *session, int fd)
{
	sd_bus *bus = session->connection;
	sd_id128_t id;
	int r;

	r = sd_id128_randomize(&id);
	if (r >= 0)
		r = sd_bus_set_fd(bus, fd, fd);
	if (r < 0) {
		close(fd);
		return r;
	}
	r = sd_bus_set_server(bus, true, id);
	if (r >= 0)
		r = sd_bus_set_anonymous(bus, true);
	if (r >= 0)
		r = sd_bus_negotiate_fds(bus, true);
	if (r >= 0)
		r = sd_bus_start(bus);
	if (r < 0)
		return r;
	return setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &(int){ SEND_BUFFER }, sizeof(int)) < 0
		       ? -errno
		       : 0;
}

static int start(struct session *session, int fd)
{
	struct manager *manager = session->manager;
	int r;

	r = connect_socket(session, fd);
	if (r >= 0)
		r = objects_publish(manager, session->connection);
	if (r >= 0)
		r = creds_fix(manager->creds, session->connection, session->creds);
	if (r >= 0)
		r = bus_attach(manager->loop, session->connection, on_lost, session, &session->bus);
	return r;
}

static int check_number(const struct manager *manager, const struct creds *creds,
			sd_bus_error *error)
{
	if (creds->user->n_sessions >= USER_SESSIONS_MAX)
		return sd_bus_error_setf(error, ERROR_BUSY,
					 "uid %u has %u sessions; it may have no more",
					 creds->caller.uid, creds->user->n_sessions);
	if (manager->n_sessions >= SESSIONS_MAX)
		return sd_bus_error_setf(error, ERROR_BUSY, "there are %u sessions; no more may be",
					 manager->n_sessions);
	return 0;
}

int session_open(struct manager *manager, struct creds *creds, int *fd, sd_bus_error *error)
{
	_cleanup_(session_freep) struct session *session = NULL;
	_cleanup_close_ int ours = -1, theirs = -1;
	int r, fds[2];

	r = check_number(manager, creds, error);
	if (r < 0)
		return r;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
		return sd_bus_error_set_errno(error, errno);
	ours = fds[0];
	theirs = fds[1];

	session = calloc(1, sizeof(*session));
	if (!session)
		return -ENOMEM;
	session->manager = manager;
	session->creds = creds_ref(creds);
	LIST_INSERT_HEAD(&manager->sessions, session, link);
	manager->n_sessions++;
	creds->user->n_sessions++;

	r = sd_bus_new(&session->connection);
	if (r >= 0)
		r = start(session, TAKE_FD(ours));
	if (r < 0)
		return sd_bus_error_set_errno(error, r);
	*fd = TAKE_FD(theirs);
	session = NULL; /* the manager's */
	return 0;
}

void sessions_relieve(struct manager *manager)
{
	struct session *session, *last = NULL;
	uint64_t unsent, most = 0, all = 0;

	LIST_FOREACH (session, &manager->sessions, link) {
		unsent = bus_unsent(session->connection);
		all += unsent;
		if (unsent > most) {
			most = unsent;
			last = session;
		}
	}
	if (all <= UNREAD_MAX)
		return;
	log_info("A session of uid %u is ended: %ju messages wait for it to read them",
		 last->creds->caller.uid, (uintmax_t)most);
	session_free(last);
}

static bool is_unsent(const struct manager *manager)
{
	const struct session *session;

	LIST_FOREACH (session, &manager->sessions, link)
		if (bus_unsent(session->connection))
			return true;
	return bus_unsent(manager->bus);
}

static void on_patience(struct ev_loop *loop, ev_timer *timer, int revents)
{
	(void)loop;
	(void)revents;
	*(bool *)timer->data = true;
}

void sessions_drain(struct manager *manager)
{
	bool over = false;
	ev_timer patience;

	ev_timer_init(&patience, on_patience, PATIENCE, 0);
	patience.data = &over;
	ev_timer_start(manager->loop, &patience);
	while (!over && is_unsent(manager))
		ev_run(manager->loop, EVRUN_ONCE);
	ev_timer_stop(manager->loop, &patience);
}
