/* SPDX-License-Identifier: BSD-3-Clause */
#include "calls-daemon.h"

#include <sys/mman.h>
#include <sys/socket.h>

#include "../daemon/fake-chip.h"
#include "bus.h"
#include "fuzz.h"
#include "log.h"
#include "manager.h"
#include "session.h"
#include "util.h"

const struct caller people[N_PEOPLE] = {
	[ROOT] = { 0, 0, 1, (const gid_t[]){ 0 }, true },
	[ALICE] = { 1000, 1000, 2, (const gid_t[]){ 50, 1000 }, false },
	[BOB] = { 1001, 1001, 2, (const gid_t[]){ 50, 1001 }, false },
	[EVE] = { 1002, 1002, 1, (const gid_t[]){ 1002 }, false },
};
const char *const names_of_people[N_PEOPLE] = { "root", "alice", "bob", "eve" };

void (*daemon_on_signal)(unsigned int who, sd_bus_message *m);

/* Somebody, and his end of a session. */
struct client {
	unsigned int who;
	struct user user;
	struct creds creds;
	sd_bus *connection;
	struct bus *bus;           /* that drives it */
	char job[64], result[512]; /* that finished last, and how */
};

static struct ev_loop *loop;
static struct fake_chip chip;
static char config_path[32];
static int config_fd = -1;
static struct manager *manager;
static struct client clients[N_PEOPLE + 1]; /* the last one is EVERYBODY */
static struct bus *bus;        /* what the daemon takes for it; EVERYBODY is at the other end */
static unsigned int n_waiting; /* calls without an answer yet */

static void check(int r, const char *what)
{
	if (r >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, strerror(-r));
	abort();
}

/* In the place of that of chip-file.c. */
int chip_file_open(const struct memory_config *config, struct chip **opened, sd_bus_error *error)
{
	(void)error;
	REQUIRE(config->size == chip.chip.size);
	*opened = &chip.chip;
	return 0;
}

void daemon_new_chip(uint32_t size, uint8_t fill)
{
	fake_chip_destroy(&chip);
	fake_chip_init(&chip, size, fill);
}

void daemon_configure(const char *keys)
{
	if (config_fd < 0) {
		config_fd = memfd_create("smmd.conf", MFD_CLOEXEC);
		REQUIRE(config_fd >= 0);
		snprintf(config_path, sizeof(config_path), "/proc/self/fd/%d", config_fd);
	}
	REQUIRE(ftruncate(config_fd, 0) == 0 && lseek(config_fd, 0, SEEK_SET) == 0);
	REQUIRE(dprintf(config_fd, "[memory fram0]\npath = /fram0.img\nsize = %u\n%s",
			chip.chip.size, keys) > 0);
}

/* Connections */

static void on_lost(void *userdata)
{
	(void)userdata;
	fputs("a connection was lost\n", stderr);
	abort();
}

static struct bus *attach(sd_bus *connection)
{
	struct bus *driver;

	check(bus_attach(loop, connection, on_lost, NULL, &driver), "loop");
	return driver;
}

static sd_bus *connect_client(int fd)
{
	sd_bus *connection;

	check(sd_bus_new(&connection), "connection");
	check(sd_bus_set_fd(connection, fd, fd), "connection");
	check(sd_bus_negotiate_fds(connection, true), "connection");
	check(sd_bus_start(connection), "connection");
	return connection;
}

static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct client *client = userdata;
	const char *result;

	(void)error;
	if (sd_bus_message_is_signal(m, "org.smm1.Job", "Finished") > 0) {
		check(sd_bus_message_read(m, "s", &result), "Finished");
		snprintf(client->job, sizeof(client->job), "%s", sd_bus_message_get_path(m));
		snprintf(client->result, sizeof(client->result), "%s", result);
	}
	if (daemon_on_signal && sd_bus_message_is_signal(m, NULL, NULL) > 0)
		daemon_on_signal(client->who, m);
	return 0;
}

static void leave_session(struct client *client)
{
	bus_detach(client->bus);
	sd_bus_close_unref(client->connection);
}

static void enter_session(struct client *client, int fd)
{
	client->connection = connect_client(fd);
	check(sd_bus_add_filter(client->connection, NULL, on_message, client), "filter");
	client->bus = attach(client->connection);
}

/* Polkit is not there, nor is anybody else but who listens. */
static void make_bus(void)
{
	struct client *everybody = &clients[EVERYBODY];
	sd_id128_t id = { 0 };
	sd_bus *connection;
	int fds[2];

	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0);
	check(sd_bus_new(&connection), "bus");
	check(sd_bus_set_fd(connection, fds[0], fds[0]), "bus");
	check(sd_bus_set_server(connection, true, id), "bus");
	check(sd_bus_set_anonymous(connection, true), "bus");
	check(sd_bus_start(connection), "bus");
	bus = attach(connection);
	sd_bus_unref(connection);
	everybody->who = EVERYBODY;
	enter_session(everybody, fds[1]);
}

static void drop_bus(void)
{
	leave_session(&clients[EVERYBODY]);
	sd_bus_close(bus_connection(bus));
	bus_detach(TAKE(bus));
}

static void open_session(struct client *client, unsigned int who)
{
	_cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
	int fd;

	client->who = who;
	*client->job = '\0';
	client->user = (struct user){ .uid = people[who].uid, .references = 1 };
	client->creds = (struct creds){
		.caller = people[who],
		.user = &client->user,
		.name = (char *)":1.1",
		.references = 1,
	};
	check(session_open(manager, &client->creds, &fd, &error), "session");
	enter_session(client, fd);
}

void daemon_change_session(unsigned int who, int fd)
{
	leave_session(&clients[who]);
	enter_session(&clients[who], fd);
}

/* Start and stop */

void daemon_start(void)
{
	_cleanup_(config_free) struct config config = { 0 };

	if (!loop) {
		log_set_max_level(LOG_CRIT);
		loop = ev_loop_new(EVFLAG_AUTO);
		REQUIRE(loop);
	}
	check(config_load(config_path, &config), "configuration");
	make_bus();
	check(manager_new(loop, bus_connection(bus), config_path, &config, &manager), "manager");
	check(manager_open(manager), "memory");
	for (unsigned int who = 0; who < N_PEOPLE; who++)
		open_session(&clients[who], who);
}

void daemon_stop(void)
{
	for (unsigned int who = 0; who < N_PEOPLE; who++)
		leave_session(&clients[who]);
	manager_free(TAKE(manager));
	drop_bus();
}

/* Calls */

sd_bus_message *daemon_call(unsigned int who, const char *path, const char *interface,
			    const char *member)
{
	sd_bus_message *m;

	check(sd_bus_message_new_method_call(clients[who].connection, &m, "org.smm1", path,
					     interface, member),
	      member);
	return m;
}

static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	sd_bus_message **answer = userdata;

	(void)error;
	*answer = sd_bus_message_ref(m);
	if (--n_waiting == 0)
		ev_break(loop, EVBREAK_ONE);
	return 1;
}

void daemon_send(unsigned int who, sd_bus_message *call, sd_bus_message **answer)
{
	check(sd_bus_call_async(clients[who].connection, NULL, call, on_answer, answer, 0),
	      sd_bus_message_get_member(call));
	sd_bus_message_unref(call);
	n_waiting++;
}

void daemon_wait(void)
{
	while (n_waiting)
		ev_run(loop, 0);
}

sd_bus_message *daemon_ask(unsigned int who, sd_bus_message *call)
{
	sd_bus_message *answer;

	daemon_send(who, call, &answer);
	daemon_wait();
	return answer;
}

const char *daemon_wait_for_job(unsigned int who, const char *path)
{
	while (strcmp(clients[who].job, path) != 0)
		ev_run(loop, EVRUN_ONCE);
	return clients[who].result;
}
