/* SPDX-License-Identifier: BSD-3-Clause */
#include "bus.h"

#include <errno.h>
#include <poll.h>
#include <time.h>

#include "log.h"
#include "util.h"

#define BUS_NAME "org.smm1"

struct bus {
	sd_bus *connection;
	struct ev_loop *loop;
	ev_prepare prepare; /* looks what the connection waits for, before the loop waits for it */
	ev_io io;
	int io_events; /* that @io waits for; 0: it is stopped */
	ev_timer timer;
	bool open; /* the other side has been let in, and heard */
	void (*lost)(void *userdata);
	void *userdata;
	int error;
};

static void stop_watchers(struct bus *bus)
{
	ev_prepare_stop(bus->loop, &bus->prepare);
	ev_io_stop(bus->loop, &bus->io);
	ev_timer_stop(bus->loop, &bus->timer);
}

static void lose(struct bus *bus, int error)
{
	bus->error = error;
	stop_watchers(bus);
	bus->lost(bus->userdata);
}

static void on_bus_lost(void *userdata)
{
	struct bus *bus = userdata;

	log_error_errno(bus->error, "Lost the connection to the bus: %m");
	ev_break(bus->loop, EVBREAK_ALL);
}

uint64_t bus_unsent(sd_bus *connection)
{
	uint64_t unsent;

	return sd_bus_get_n_queued_write(connection, &unsent) < 0 ? 0 : unsent;
}

/* One message at a time, so that a flood of them does not keep the loop from its other watchers. */
static void process(struct bus *bus)
{
	int r = sd_bus_process(bus->connection, NULL);

	if (r < 0)
		lose(bus, r);
}

static void on_io(struct ev_loop *loop, ev_io *io, int revents)
{
	(void)loop;
	(void)revents;
	process(io->data);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int revents)
{
	(void)loop;
	(void)revents;
	process(timer->data);
}

static void watch_io(struct bus *bus, int poll_events)
{
	int events = (poll_events & POLLIN ? EV_READ : 0) | (poll_events & POLLOUT ? EV_WRITE : 0);

	if (events == bus->io_events)
		return;
	bus->io_events = events;
	ev_io_stop(bus->loop, &bus->io);
	ev_io_set(&bus->io, sd_bus_get_fd(bus->connection), events);
	if (events)
		ev_io_start(bus->loop, &bus->io);
}

/* @until is microseconds of CLOCK_MONOTONIC; 0 is at once and UINT64_MAX never. */
static void watch_time(struct bus *bus, uint64_t until)
{
	struct timespec now;
	double wait;

	ev_timer_stop(bus->loop, &bus->timer);
	if (until == UINT64_MAX)
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	wait = (double)until / 1e6 - ((double)now.tv_sec + (double)now.tv_nsec / 1e9);
	ev_timer_set(&bus->timer, wait > 0 ? wait : 0, 0);
	ev_timer_start(bus->loop, &bus->timer);
}

/* Once: a first call that came together with the end of the authentication is in no socket any
 * more. */
static bool has_just_opened(struct bus *bus)
{
	if (bus->open || sd_bus_is_ready(bus->connection) <= 0)
		return false;
	bus->open = true;
	return true;
}

/*
 * While something waits to be sent, nothing is taken: the answers would pile up of who asks and
 * does not read. A connection that is not open yet, or is closing, sends nothing, and has to go on.
 */
static void on_prepare(struct ev_loop *loop, ev_prepare *prepare, int revents)
{
	struct bus *bus = prepare->data;
	uint64_t until;
	int events, r;

	(void)loop;
	(void)revents;
	events = sd_bus_get_events(bus->connection);
	r = sd_bus_get_timeout(bus->connection, &until);
	if (events < 0 || r < 0)
		return lose(bus, events < 0 ? events : r);
	if (events & POLLOUT) {
		events = POLLOUT;
		until = until ? until : UINT64_MAX;
	} else if (has_just_opened(bus)) {
		until = 0;
	}

	watch_io(bus, events);
	watch_time(bus, until);
}

static void start_watchers(struct bus *bus)
{
	ev_prepare_init(&bus->prepare, on_prepare);
	ev_io_init(&bus->io, on_io, -1, 0);
	ev_timer_init(&bus->timer, on_timer, 0, 0);
	bus->prepare.data = bus->io.data = bus->timer.data = bus;
	ev_prepare_start(bus->loop, &bus->prepare);
}

int bus_attach(struct ev_loop *loop, sd_bus *connection, void (*lost)(void *userdata),
	       void *userdata, struct bus **bus)
{
	struct bus *b = calloc(1, sizeof(*b));

	if (!b)
		return -ENOMEM;
	b->connection = sd_bus_ref(connection);
	b->loop = loop;
	b->lost = lost;
	b->userdata = userdata;
	start_watchers(b);
	*bus = b;
	return 0;
}

int bus_open(struct ev_loop *loop, enum bus_scope scope, const char *address, struct bus **bus)
{
	const char *where = bus_scope_words(scope, address);
	_cleanup_bus_unref_ sd_bus *connection = NULL;
	const char *unique_name;
	int r;

	r = bus_scope_open(scope, address, &connection);
	/* Waits until the bus has let us in. */
	if (r >= 0)
		r = sd_bus_get_unique_name(connection, &unique_name);
	if (r >= 0)
		r = bus_attach(loop, connection, on_bus_lost, NULL, bus);
	if (r < 0)
		return log_error_errno(r, "Cannot connect to %s: %m", where);

	(*bus)->userdata = *bus;
	connection = sd_bus_unref(connection); /* which has its own reference now */
	log_debug("Connected to %s as %s", where, unique_name);
	return 0;
}

void bus_detach(struct bus *bus)
{
	if (!bus)
		return;

	stop_watchers(bus);
	sd_bus_unref(bus->connection);
	free(bus);
}

void bus_free(struct bus *bus)
{
	if (!bus)
		return;

	sd_bus_close(bus->connection);
	bus_detach(bus);
}

sd_bus *bus_connection(struct bus *bus)
{
	return bus->connection;
}

int bus_error(const struct bus *bus)
{
	return bus->error;
}

int bus_take_name(struct bus *bus)
{
	int r = sd_bus_request_name(bus->connection, BUS_NAME, 0);

	switch (r) {
	case -EEXIST:
		return log_error_errno(r, "Another process owns the name " BUS_NAME
					  " on this bus; stop that smmd first");
	case -EACCES:
	case -EPERM:
		return log_error_errno(r, "This user may not own the name " BUS_NAME
					  " on this bus; its D-Bus policy is not installed");
	default:
		return r < 0 ? log_error_errno(r, "Cannot take the name " BUS_NAME ": %m") : 0;
	}
}
