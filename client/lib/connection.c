/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The way to smmd: the message bus, a session where there can be one, and both again after smmd or
 * the bus was away.
 *
 * Two threads may wait at the same time: the program's loop polls fd, and one thread that waits for
 * a call polls io and wake (others wait for that thread). What the two bring in is seen by both.
 */
#include "private.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#define RETRY_US  1000000u /* before something that failed is tried again */
#define ROUND_MAX 64       /* messages, then others have their turn */

uint64_t smmc_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* Descriptors */

static int add_to(int epoll, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events };

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

int smmc_connection_init(smm_client *c)
{
	int r;

	c->fd = epoll_create1(EPOLL_CLOEXEC);
	c->io = epoll_create1(EPOLL_CLOEXEC);
	c->pending = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	c->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (c->fd < 0 || c->io < 0 || c->pending < 0 || c->wake < 0)
		return -errno;
	r = add_to(c->fd, c->io, EPOLLIN);
	return r < 0 ? r : add_to(c->fd, c->pending, EPOLLIN);
}

static uint32_t wanted_events(const struct link *link)
{
	int events = sd_bus_get_events(link->bus);

	if (events < 0)
		return 0;
	return (events & POLLIN ? EPOLLIN : 0u) | (events & POLLOUT ? EPOLLOUT : 0u);
}

static uint64_t link_timeout(const struct link *link)
{
	uint64_t until;

	if (!link->bus)
		return UINT64_MAX;
	return sd_bus_get_timeout(link->bus, &until) < 0 ? 0 : until;
}

/* Whether the way to the bus is to be had again without a call that needs it. */
static bool wants_bus(const smm_client *c)
{
	return !c->closed && (c->state_callback || !LIST_EMPTY(&c->watches));
}

uint64_t smmc_connection_timeout(const smm_client *c)
{
	uint64_t until = link_timeout(&c->main), other = link_timeout(&c->session);

	if (other < until)
		until = other;
	if (!c->main.bus && wants_bus(c) && c->main_after < until)
		until = c->main_after;
	return until;
}

static void link_arm(smm_client *c, struct link *link)
{
	struct epoll_event event = { .data.ptr = link };

	if (!link->bus)
		return;
	event.events = wanted_events(link);
	if (event.events == link->events)
		return;
	link->events = event.events;
	(void)epoll_ctl(c->io, EPOLL_CTL_MOD, sd_bus_get_fd(link->bus), &event);
}

/* What is ready at once makes the program's descriptor ready. */
static void arm_pending(smm_client *c)
{
	bool is_pending = !STAILQ_EMPTY(&c->events) || smmc_connection_timeout(c) == 0;
	eventfd_t count;

	if (is_pending == c->is_pending)
		return;
	c->is_pending = is_pending;
	if (is_pending)
		(void)eventfd_write(c->pending, 1);
	else
		(void)eventfd_read(c->pending, &count);
}

void smmc_connection_arm(smm_client *c)
{
	link_arm(c, &c->main);
	link_arm(c, &c->session);
	arm_pending(c);
}

/* Connections come and go */

/* It takes @bus if all goes well. */
static int link_take(smm_client *c, struct link *link, sd_bus **bus)
{
	struct epoll_event event = { .data.ptr = link };

	if (epoll_ctl(c->io, EPOLL_CTL_ADD, sd_bus_get_fd(*bus), &event) < 0)
		return -errno;
	link->bus = TAKE(*bus);
	link->events = 0;
	return 0;
}

static void link_drop(smm_client *c, struct link *link)
{
	struct epoll_event none = { 0 };
	sd_bus *bus = TAKE(link->bus);

	if (!bus)
		return;
	(void)epoll_ctl(c->io, EPOLL_CTL_DEL, sd_bus_get_fd(bus), &none);
	if (link == &c->main) {
		c->opening = sd_bus_slot_unref(c->opening);
		c->listening = false;
		c->main_after = smmc_now_us() + RETRY_US;
	}
	smmc_calls_lose(c, bus, false);
	sd_bus_close_unref(bus);
}

/* What nobody waits for is sent all the same, unless nobody is there yet. */
static void link_flush(const struct link *link)
{
	if (link->bus && sd_bus_is_ready(link->bus) > 0)
		sd_bus_flush(link->bus);
}

void smmc_connection_release(smm_client *c)
{
	link_flush(&c->main);
	link_flush(&c->session);
	link_drop(c, &c->session);
	link_drop(c, &c->main);
	closep(&c->fd);
	closep(&c->io);
	closep(&c->pending);
	closep(&c->wake);
}

static void set_lost(smm_client *c)
{
	c->lost = true;
	smmc_client_set_connected(c, false);
}

/* smmd is there: over a session, if it gives one, or else over the bus. */
static void came_back(smm_client *c)
{
	smmc_client_set_connected(c, true);
	if (!c->lost || c->opening)
		return;
	c->lost = false;
	smmc_watches_resume(c);
}

/* Signals */

static int on_signal(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	smm_client *c = userdata;
	uint8_t type;

	(void)error;
	if (sd_bus_message_get_type(m, &type) < 0 || type != SD_BUS_MESSAGE_SIGNAL)
		return 0;
	if (sd_bus_message_is_signal(m, SMM_JOB_INTERFACE, NULL) > 0 ||
	    !strncmp(sd_bus_message_get_path(m), "/org/smm1/job/", strlen("/org/smm1/job/")) ||
	    sd_bus_message_is_signal(m, "org.freedesktop.DBus.ObjectManager", NULL) > 0)
		smmc_job_signal(c, m);
	(void)sd_bus_message_rewind(m, true);
	if (sd_bus_message_get_bus(m) == smmc_connection_for_signals(c))
		smmc_watch_signal(c, m);
	(void)sd_bus_message_rewind(m, true);
	return 0;
}

void smmc_connection_listen(smm_client *c)
{
	if (!c->main.bus || c->listening)
		return;
	c->listening = sd_bus_add_match_async(c->main.bus, NULL,
					      "type='signal',sender='org.smm1',"
					      "path_namespace='/org/smm1'",
					      on_signal, NULL, c) >= 0;
}

/* The owner of the name org.smm1 is another: name, old owner, new owner. */
static int on_owner(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	smm_client *c = userdata;
	const char *now;

	(void)error;
	if (sd_bus_message_read(m, "sss", NULL, NULL, &now) < 0)
		return 0;
	if (!*now) {
		set_lost(c);
		smmc_calls_lose(c, c->main.bus, true);
	} else if (!smmc_connection_begin_session(c)) {
		came_back(c);
	}
	return 0;
}

/* Sessions */

static int open_socket(smm_client *c, int fd)
{
	_cleanup_bus_unref_ sd_bus *bus = NULL;
	int r;

	r = sd_bus_new(&bus);
	if (r >= 0)
		r = sd_bus_set_fd(bus, fd, fd);
	if (r < 0) {
		close(fd);
		return r;
	}
	r = sd_bus_negotiate_fds(bus, true);
	if (r >= 0)
		r = sd_bus_add_filter(bus, NULL, on_signal, c);
	if (r >= 0)
		r = sd_bus_start(bus);
	return r < 0 ? r : link_take(c, &c->session, &bus);
}

/* Whether that was not smmd's answer. */
static bool is_absence(int r)
{
	return r == -EHOSTDOWN || r == -ECONNRESET || r == -ETIMEDOUT;
}

/* smmd answers OpenSession: with a socket, or that it gives none. */
static int on_session(sd_bus_message *m, void *userdata, sd_bus_error *unused)
{
	smm_client *c = userdata;
	const sd_bus_error *error = sd_bus_message_get_error(m);
	int r, fd;

	(void)unused;
	c->opening = sd_bus_slot_unref(c->opening);
	if (!error) {
		r = sd_bus_message_read(m, "h", &fd);
		if (r >= 0)
			fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		if (r >= 0 && fd >= 0)
			(void)open_socket(c, fd);
	}
	if (!c->session.bus)
		c->session_after = smmc_now_us() + RETRY_US;
	if (error && is_absence(smmc_error_number(error->name)))
		return 0;
	if (!c->session.bus && !LIST_EMPTY(&c->watches))
		smmc_connection_listen(c);
	came_back(c);
	return 0;
}

bool smmc_connection_begin_session(smm_client *c)
{
	_cleanup_message_ sd_bus_message *m = NULL;
	int r;

	if (c->opening)
		return true;
	if (!c->main.bus || c->session.bus || !c->path || sd_bus_can_send(c->main.bus, 'h') <= 0)
		return false;
	r = sd_bus_message_new_method_call(c->main.bus, &m, SMM_BUS_NAME, c->path,
					   SMM_MEMORY_INTERFACE, "OpenSession");
	/* Who stopped smmd does not want it back because somebody watches. */
	if (r >= 0)
		r = sd_bus_message_set_auto_start(m, false);
	if (r >= 0)
		r = sd_bus_call_async(c->main.bus, &c->opening, m, on_session, c, UINT64_MAX);
	return r >= 0;
}

/* The bus */

static int open_address(const char *address, sd_bus **bus)
{
	_cleanup_bus_unref_ sd_bus *b = NULL;
	int r;

	r = sd_bus_new(&b);
	if (r >= 0)
		r = sd_bus_set_address(b, address);
	if (r >= 0)
		r = sd_bus_set_bus_client(b, true);
	if (r >= 0)
		r = sd_bus_negotiate_fds(b, true);
	if (r >= 0)
		r = sd_bus_start(b);
	if (r >= 0)
		*bus = TAKE(b);
	return r;
}

static int open_where(const char *where, sd_bus **bus)
{
	static const char host[] = "host:", machine[] = "machine:";

	if (!where || !strcmp(where, "system"))
		return sd_bus_open_system(bus);
	if (!strcmp(where, "user"))
		return sd_bus_open_user(bus);
	if (!strncmp(where, host, strlen(host)))
		return sd_bus_open_system_remote(bus, where + strlen(host));
	if (!strncmp(where, machine, strlen(machine)))
		return sd_bus_open_system_machine(bus, where + strlen(machine));
	return strchr(where, ':') ? open_address(where, bus) : -EINVAL;
}

static int start_bus(smm_client *c)
{
	_cleanup_bus_unref_ sd_bus *bus = NULL;
	int r;

	r = open_where(c->where, &bus);
	if (r >= 0)
		r = sd_bus_add_match_async(bus, NULL,
					   "type='signal',sender='org.freedesktop.DBus',"
					   "path='/org/freedesktop/DBus',"
					   "interface='org.freedesktop.DBus',"
					   "member='NameOwnerChanged',arg0='" SMM_BUS_NAME "'",
					   on_owner, NULL, c);
	return r < 0 ? r : link_take(c, &c->main, &bus);
}

int smmc_connection_open(smm_client *c)
{
	const char *where = c->where ? c->where : "system";
	int r;

	if (c->main.bus)
		return 0;
	r = start_bus(c);
	if (r < 0) {
		c->main_after = smmc_now_us() + RETRY_US;
		return smmc_error_set(c, r == -ENOENT ? -ECONNREFUSED : r, SD_BUS_ERROR_NO_SERVER,
				      "cannot reach the bus '%s': %s", where, strerror(-r));
	}
	c->session_after = 0;
	if (!LIST_EMPTY(&c->watches))
		smmc_connection_listen(c);
	(void)smmc_connection_begin_session(c);
	return 0;
}

/* The session, if there is one and no call before this one is under way elsewhere. */
sd_bus *smmc_connection_for_call(smm_client *c, int *r)
{
	(void)smmc_connection_io(c);
	if (c->session.bus && !c->n_on_main)
		return c->session.bus;
	*r = smmc_connection_open(c);
	if (*r < 0)
		return NULL;
	if (!c->session.bus && smmc_now_us() >= c->session_after)
		(void)smmc_connection_begin_session(c);
	return c->main.bus;
}

sd_bus *smmc_connection_for_signals(const smm_client *c)
{
	return c->session.bus ? c->session.bus : c->main.bus;
}

/* Input and output */

/* Return: 1 if there was anything, 0, or a negative errno if the connection is lost. */
static int link_process(const struct link *link)
{
	int r = 1;

	for (int n = 0; n < ROUND_MAX && r > 0; n++) {
		r = sd_bus_process(link->bus, NULL);
		if (n > 0 && r == 0)
			return 1;
	}
	return r;
}

static void lose(smm_client *c, struct link *link)
{
	bool again = link == &c->session;

	set_lost(c);
	link_drop(c, &c->session);
	if (again)
		(void)smmc_connection_begin_session(c);
	else
		link_drop(c, &c->main);
}

static bool link_io(smm_client *c, struct link *link)
{
	int r;

	if (!link->bus)
		return false;
	r = link_process(link);
	if (r < 0)
		lose(c, link);
	return r != 0;
}

bool smmc_connection_io(smm_client *c)
{
	struct epoll_event events[2];
	bool any = false;
	uint64_t now;
	int n;

	if (c->processing) /* what is done for an answer sends a call */
		return false;
	c->processing = true;
	n = epoll_wait(c->io, events, ARRAY_SIZE(events), 0);
	now = smmc_now_us();
	for (int i = 0; i < n; i++)
		any |= link_io(c, events[i].data.ptr);
	if (link_timeout(&c->session) <= now)
		any |= link_io(c, &c->session);
	if (link_timeout(&c->main) <= now)
		any |= link_io(c, &c->main);
	if (!c->main.bus && wants_bus(c) && now >= c->main_after)
		any |= smmc_connection_open(c) >= 0;
	c->processing = false;
	if (any) {
		pthread_cond_broadcast(&c->stepped);
		if (c->polling)
			(void)eventfd_write(c->wake, 1);
	}
	return any;
}

static struct timespec to_timespec(uint64_t us)
{
	return (struct timespec){ (time_t)(us / 1000000), (long)(us % 1000000) * 1000 };
}

static int wait_for_other(smm_client *c, uint64_t until)
{
	struct timespec time = to_timespec(until);

	if (until == UINT64_MAX)
		return pthread_cond_wait(&c->stepped, &c->lock);
	return pthread_cond_timedwait(&c->stepped, &c->lock, &time);
}

int smmc_connection_step(smm_client *c, uint64_t until)
{
	struct pollfd fds[] = { { .fd = c->io, .events = POLLIN },
				{ .fd = c->wake, .events = POLLIN } };
	struct timespec left;
	uint64_t now, next;
	eventfd_t count;
	int r;

	if (c->polling)
		return -wait_for_other(c, until);
	smmc_connection_arm(c);
	next = smmc_connection_timeout(c);
	if (next > until)
		next = until;
	now = smmc_now_us();
	left = to_timespec(next > now ? next - now : 0);
	c->polling = true;
	pthread_mutex_unlock(&c->lock);
	r = ppoll(fds, ARRAY_SIZE(fds), next == UINT64_MAX ? NULL : &left, NULL);
	r = r < 0 ? -errno : r;
	pthread_mutex_lock(&c->lock);
	c->polling = false;
	(void)eventfd_read(c->wake, &count);
	(void)smmc_connection_io(c);
	pthread_cond_broadcast(&c->stepped); /* another one may poll */
	return r;
}
