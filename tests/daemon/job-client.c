/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * job-client [session] [leave] METHOD [FD]: calls Dump, Restore, Check or Format (with force) of
 * memory fram0, and prints what is said of jobs until its own is over:
 *
 *     1 added dump fram0 0 65744      kind, memory, BytesDone, BytesTotal
 *     2 added check fram0 0 32768 token 42      of Check and Format, which it gives that
 *     1 done 8192
 *     1 finished done
 *     1 removed
 *     result blocks 3 ...             of Check
 *     error NAME: MESSAGE             of a call that is refused; the status is 1 then
 *
 * With session, over one that it opens; with leave, it goes as soon as its job is there.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-bus.h>
#include <time.h>
#include <unistd.h>

#define MEMORY_PATH      "/org/smm1/memory/fram0"
#define MEMORY_INTERFACE "org.smm1.Memory"
#define JOB_INTERFACE    "org.smm1.Job"
#define JOBS_PATH        "/org/smm1/job/"
#define TOKEN            UINT64_C(42)

/* Ten announcements a second, and one at the end; a busy machine is late with some. */
#define OFTEN    10u
#define OFTEN_MS 900

static bool leaves, over;
static char *own; /* number of its own job, once it is known */
static int64_t announced[OFTEN + 1];
static unsigned int n_announced;
static bool too_often;
static int status = EXIT_SUCCESS;

static void check(int r, const char *what)
{
	if (r >= 0)
		return;
	printf("%s: %s\n", what, strerror(-r));
	exit(2);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* One of its own. */
static bool is_own(const char *number)
{
	return own && !strcmp(number, own);
}

static void note_announcement(void)
{
	announced[n_announced % (OFTEN + 1)] = now_ms();
	n_announced++;
	if (n_announced > OFTEN)
		too_often |= announced[(n_announced - 1) % (OFTEN + 1)] -
				     announced[n_announced % (OFTEN + 1)] <
			     OFTEN_MS;
}

/* Signals */

/* The properties of a job, as InterfacesAdded has them. */
static void print_properties(sd_bus_message *m, const char *number)
{
	const char *key, *kind = "?", *memory = "?";
	uint64_t done = 0, total = 0, token = 0;

	check(sd_bus_message_enter_container(m, 'a', "{sv}"), "properties");
	while (sd_bus_message_enter_container(m, 'e', "sv") > 0) {
		check(sd_bus_message_read(m, "s", &key), "property");
		if (!strcmp(key, "Kind"))
			check(sd_bus_message_read(m, "v", "s", &kind), key);
		else if (!strcmp(key, "Memory"))
			check(sd_bus_message_read(m, "v", "s", &memory), key);
		else if (!strcmp(key, "BytesDone"))
			check(sd_bus_message_read(m, "v", "t", &done), key);
		else if (!strcmp(key, "BytesTotal"))
			check(sd_bus_message_read(m, "v", "t", &total), key);
		else if (!strcmp(key, "Token"))
			check(sd_bus_message_read(m, "v", "t", &token), key);
		else
			printf("unknown property %s\n", key);
		check(sd_bus_message_exit_container(m), "property");
	}
	check(sd_bus_message_exit_container(m), "properties");
	printf("%s added %s %s %" PRIu64 " %" PRIu64, number, kind, memory, done, total);
	if (token)
		printf(" token %" PRIu64, token);
	printf("\n");
}

static void on_added(sd_bus_message *m)
{
	const char *path, *interface;

	check(sd_bus_message_read(m, "o", &path), "InterfacesAdded");
	if (strncmp(path, JOBS_PATH, strlen(JOBS_PATH)) != 0)
		return;
	check(sd_bus_message_enter_container(m, 'a', "{sa{sv}}"), "interfaces");
	while (sd_bus_message_enter_container(m, 'e', "sa{sv}") > 0) {
		check(sd_bus_message_read(m, "s", &interface), "interface");
		if (!strcmp(interface, JOB_INTERFACE))
			print_properties(m, path + strlen(JOBS_PATH));
		else
			check(sd_bus_message_skip(m, "a{sv}"), "interface");
		check(sd_bus_message_exit_container(m), "interface");
	}
}

static void on_removed(sd_bus_message *m)
{
	const char *path;

	check(sd_bus_message_read(m, "o", &path), "InterfacesRemoved");
	if (strncmp(path, JOBS_PATH, strlen(JOBS_PATH)) != 0)
		return;
	printf("%s removed\n", path + strlen(JOBS_PATH));
	over |= is_own(path + strlen(JOBS_PATH));
}

static void on_progress(sd_bus_message *m, const char *number)
{
	const char *interface, *key;
	uint64_t done;

	check(sd_bus_message_read(m, "s", &interface), "PropertiesChanged");
	check(sd_bus_message_enter_container(m, 'a', "{sv}"), "properties");
	while (sd_bus_message_read(m, "{sv}", &key, "t", &done) > 0)
		printf("%s done %" PRIu64 "\n", number, done);
	if (is_own(number))
		note_announcement();
}

static int on_signal(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	const char *path = sd_bus_message_get_path(m), *member = sd_bus_message_get_member(m);
	const char *result;

	(void)userdata;
	(void)error;
	if (!strcmp(member, "InterfacesAdded")) {
		on_added(m);
	} else if (!strcmp(member, "InterfacesRemoved")) {
		on_removed(m);
	} else if (strncmp(path, JOBS_PATH, strlen(JOBS_PATH)) != 0) {
		return 0;
	} else if (!strcmp(member, "PropertiesChanged")) {
		on_progress(m, path + strlen(JOBS_PATH));
	} else if (!strcmp(member, "Finished")) {
		check(sd_bus_message_read(m, "s", &result), member);
		printf("%s finished %s\n", path + strlen(JOBS_PATH), result);
	}
	fflush(stdout);
	return 0;
}

/* The call */

static void print_result(sd_bus_message *m)
{
	const char *key;
	uint32_t value;

	printf("result");
	check(sd_bus_message_enter_container(m, 'a', "{sv}"), "result");
	while (sd_bus_message_read(m, "{sv}", &key, "u", &value) > 0)
		printf(" %s %u", key, value);
	printf("\n");
}

static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *unused)
{
	const sd_bus_error *error = sd_bus_message_get_error(m);
	const char *path;

	(void)userdata;
	(void)unused;
	if (error) {
		printf("error %s: %s\n", error->name, error->message);
		status = EXIT_FAILURE;
		over = true;
	} else if (sd_bus_message_has_signature(m, "o")) {
		check(sd_bus_message_read(m, "o", &path), "answer");
		own = strdup(path + strlen(JOBS_PATH));
		over = leaves;
	} else {
		if (sd_bus_message_has_signature(m, "a{sv}"))
			print_result(m);
		over = true;
	}
	fflush(stdout);
	return 0;
}

static sd_bus_message *new_call(sd_bus *bus, const char *method, const char *fd)
{
	sd_bus_message *m;

	check(sd_bus_message_new_method_call(bus, &m, "org.smm1", MEMORY_PATH, MEMORY_INTERFACE,
					     method),
	      method);
	if (fd)
		check(sd_bus_message_append(m, "h", atoi(fd)), "descriptor");
	if (!strcmp(method, "Format"))
		check(sd_bus_message_append(m, "a{sv}", 2, "force", "b", 1, "token", "t", TOKEN),
		      method);
	else if (!strcmp(method, "Check"))
		check(sd_bus_message_append(m, "a{sv}", 1, "token", "t", TOKEN), method);
	else
		check(sd_bus_message_append(m, "a{sv}", 0), method);
	return m;
}

static sd_bus *open_session(sd_bus *bus)
{
	sd_bus_message *m;
	sd_bus *session;
	int fd;

	check(sd_bus_call_method(bus, "org.smm1", MEMORY_PATH, MEMORY_INTERFACE, "OpenSession",
				 NULL, &m, NULL),
	      "OpenSession");
	check(sd_bus_message_read(m, "h", &fd), "OpenSession");
	fd = dup(fd);
	sd_bus_message_unref(m);
	check(sd_bus_new(&session), "session");
	check(sd_bus_set_fd(session, fd, fd), "session");
	check(sd_bus_negotiate_fds(session, true), "session");
	check(sd_bus_start(session), "session");
	sd_bus_flush_close_unref(bus);
	return session;
}

int main(int argc, char **argv)
{
	bool session = false;
	sd_bus_message *m;
	sd_bus *bus;
	int r;

	(void)argc;
	while (*++argv && (!strcmp(*argv, "session") || !strcmp(*argv, "leave"))) {
		session |= **argv == 's';
		leaves |= **argv == 'l';
	}
	if (!*argv) {
		fputs("usage: job-client [session] [leave] METHOD [FD]\n", stderr);
		return 2;
	}
	check(sd_bus_open_system(&bus), "bus");
	if (session)
		bus = open_session(bus);
	check(sd_bus_add_match(bus, NULL, "type='signal',path_namespace='/org/smm1'", on_signal,
			       NULL),
	      "match");
	m = new_call(bus, argv[0], argv[1]);
	check(sd_bus_call_async(bus, NULL, m, on_answer, NULL, UINT64_MAX), argv[0]);
	sd_bus_message_unref(m);
	while (!over) {
		r = sd_bus_process(bus, NULL);
		if (r == 0)
			r = sd_bus_wait(bus, UINT64_MAX);
		check(r, "bus");
	}
	if (too_often)
		printf("progress was announced more than ten times a second\n");
	sd_bus_flush_close_unref(bus);
	free(own);
	return status;
}
