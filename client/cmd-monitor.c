/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * smmctl monitor: the signals of a memory, of its blocks and of jobs, as they come.
 *
 * The library tells of blocks that somebody knows by name, and this is about all that there is: so
 * it listens for itself, over a session if smmd gives one, where one hears of all blocks that one
 * may see, or over the bus, where it is those that everybody may.
 */
#include <inttypes.h>
#include <stdio.h>

#include "event.h"
#include "smmctl.h"

#define ROOT "/org/smm1/"
#define JOBS ROOT "job/"

struct monitor {
	struct smmctl *ctl;
	const char *memory; /* path */
};

/* Arguments of a signal */

/* A basic value of @type, as JSON; NULL if there is none. */
static json_object *read_basic(sd_bus_message *m, char type)
{
	union {
		uint8_t y;
		int b;
		uint32_t u;
		uint64_t t;
		int64_t x;
		const char *s;
	} value;

	if (!strchr("ybutxso", type) || sd_bus_message_read_basic(m, type, &value) <= 0)
		return NULL;
	switch (type) {
	case 'y':
		return json_object_new_uint64(value.y);
	case 'b':
		return json_object_new_boolean(value.b);
	case 'u':
		return json_object_new_uint64(value.u);
	case 't':
		return json_object_new_uint64(value.t);
	case 'x':
		return json_object_new_int64(value.x);
	default:
		return json_object_new_string(value.s);
	}
}

/* a{sv}: what is not basic is left out. */
static int read_properties(sd_bus_message *m, json_object *event)
{
	const char *name, *contents;
	json_object *value;
	int r;

	r = sd_bus_message_enter_container(m, 'a', "{sv}");
	while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		r = sd_bus_message_read_basic(m, 's', &name);
		if (r >= 0)
			r = sd_bus_message_peek_type(m, NULL, &contents);
		if (r < 0)
			break;
		if (strlen(contents) == 1) {
			r = sd_bus_message_enter_container(m, 'v', contents);
			value = r < 0 ? NULL : read_basic(m, *contents);
			if (value)
				json_object_object_add(event, name, value);
			if (r >= 0)
				r = sd_bus_message_exit_container(m);
		} else {
			r = sd_bus_message_skip(m, "v");
		}
		if (r >= 0)
			r = sd_bus_message_exit_container(m);
	}
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

/* a{sa{sv}} */
static int read_interfaces(sd_bus_message *m, json_object *event)
{
	int r = sd_bus_message_enter_container(m, 'a', "{sa{sv}}");

	while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sa{sv}")) > 0) {
		r = sd_bus_message_skip(m, "s");
		if (r >= 0)
			r = read_properties(m, event);
		if (r >= 0)
			r = sd_bus_message_exit_container(m);
	}
	return r;
}

static int read_arguments(sd_bus_message *m, const char *member, json_object *event)
{
	static const struct {
		const char *member, *types;
		const char *names[4];
	} plain[] = {
		{ "Changed", "usuu", { "Id", "Name", "Offset", "Length" } },
		{ "Finished", "s", { "Result" } },
	};

	if (!strcmp(member, "PropertiesChanged")) {
		int r = sd_bus_message_skip(m, "s");

		return r < 0 ? r : read_properties(m, event);
	}
	if (!strcmp(member, "InterfacesAdded"))
		return read_interfaces(m, event);
	for (size_t i = 0; i < ARRAY_SIZE(plain); i++) {
		if (strcmp(member, plain[i].member) != 0)
			continue;
		for (size_t k = 0; plain[i].types[k]; k++)
			json_object_object_add(event, plain[i].names[k],
					       read_basic(m, plain[i].types[k]));
	}
	return 0;
}

/* Signals */

/* "fram0/block/3 Changed Id=3 Name=greeting"; the first three are the time, the object and the
 * signal. */
static char *describe(json_object *event, const char *object, const char *member)
{
	char *text = NULL;
	size_t size, n = 0;
	FILE *stream = open_memstream(&text, &size);

	if (!stream)
		return NULL;
	fprintf(stream, "%s %s", object, member);
	json_object_object_foreach(event, name, value)
	{
		if (n++ >= 3)
			fprintf(stream, " %s=%s", name, json_object_get_string(value));
	}
	if (fclose(stream) == 0)
		return text;
	free(text);
	return NULL;
}

static bool is_ours(const struct monitor *monitor, const char *path)
{
	size_t n = strlen(monitor->memory);

	if (!strncmp(path, JOBS, strlen(JOBS)))
		return true;
	return !strncmp(path, monitor->memory, n) && (!path[n] || path[n] == '/');
}

/* "fram0/block/3" of the path; jobs are "job/1". */
static const char *short_path(const char *path)
{
	static const char memories[] = ROOT "memory/";

	if (!strncmp(path, memories, strlen(memories)))
		return path + strlen(memories);
	return path + strlen(ROOT);
}

static int on_signal(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	const char *member = sd_bus_message_get_member(m), *path = sd_bus_message_get_path(m);
	_cleanup_json_ json_object *event = event_new();
	_cleanup_free_ char *text = NULL;
	struct monitor *monitor = userdata;

	(void)error;
	if (!member || !path)
		return 0;
	/* These are of the root, and the object is their first argument. */
	if (!strncmp(member, "Interfaces", strlen("Interfaces")) &&
	    sd_bus_message_read_basic(m, 'o', &path) < 0)
		return 0;
	if (!is_ours(monitor, path))
		return 0;
	put_text(event, "Object", path);
	put_text(event, "Signal", member);
	if (read_arguments(m, member, event) < 0)
		return 0;
	text = describe(event, short_path(path), member);
	if (text)
		event_print(&monitor->ctl->output, event, text);
	return 0;
}

/* Connections */

static int open_address(const char *address, sd_bus **bus)
{
	int r = sd_bus_new(bus);

	if (r >= 0)
		r = sd_bus_set_address(*bus, address);
	if (r >= 0)
		r = sd_bus_set_bus_client(*bus, true);
	return r < 0 ? r : sd_bus_start(*bus);
}

static int open_bus(const char *where, sd_bus **bus)
{
	if (!where)
		return sd_bus_open_system(bus);
	if (!strcmp(where, "user"))
		return sd_bus_open_user(bus);
	if (!strncmp(where, "host:", 5))
		return sd_bus_open_system_remote(bus, where + 5);
	if (!strncmp(where, "machine:", 8))
		return sd_bus_open_system_machine(bus, where + 8);
	return open_address(where, bus);
}

static int open_socket(int fd, sd_bus **session)
{
	int r = -EBADF;

	fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (fd >= 0)
		r = sd_bus_new(session);
	if (r >= 0)
		r = sd_bus_set_fd(*session, fd, fd);
	if (r < 0) {
		closep(&fd);
		return r;
	}
	return sd_bus_start(*session);
}

static int open_session(sd_bus *bus, const char *memory, sd_bus **session)
{
	_cleanup_message_ sd_bus_message *reply = NULL;
	int r, fd;

	r = sd_bus_call_method(bus, "org.smm1", memory, "org.smm1.Memory", "OpenSession", NULL,
			       &reply, NULL);
	if (r >= 0)
		r = sd_bus_message_read(reply, "h", &fd);
	return r < 0 ? r : open_socket(fd, session);
}

static int listen_to(sd_bus *bus, bool is_session, struct monitor *monitor)
{
	const char *match = is_session
				    ? "type='signal',path_namespace='/org/smm1'"
				    : "type='signal',path_namespace='/org/smm1',sender='org.smm1'";

	return sd_bus_add_match(bus, NULL, match, on_signal, monitor);
}

static int process(sd_bus *bus)
{
	int r = 0;

	while (r >= 0 && !ferror(stdout)) {
		r = sd_bus_process(bus, NULL);
		if (r == 0)
			r = sd_bus_wait(bus, UINT64_MAX);
		if (r == -EINTR)
			r = 0;
	}
	return r;
}

int cmd_monitor(struct smmctl *ctl, char **args)
{
	_cleanup_bus_unref_ sd_bus *bus = NULL, *session = NULL;
	_cleanup_message_ sd_bus_message *reply = NULL;
	struct monitor monitor = { .ctl = ctl };
	int r;

	(void)args;
	r = open_bus(ctl->where, &bus);
	if (r >= 0)
		r = sd_bus_call_method(bus, "org.smm1", "/org/smm1", "org.smm1.Manager",
				       "GetMemory", NULL, &reply, "s",
				       smm_client_get_memory(ctl->client));
	if (r >= 0)
		r = sd_bus_message_read(reply, "o", &monitor.memory);
	if (r >= 0) {
		bool has_session = open_session(bus, monitor.memory, &session) >= 0;

		r = listen_to(has_session ? session : bus, has_session, &monitor);
		if (r >= 0)
			r = process(has_session ? session : bus);
	}
	if (r >= 0)
		return 0;
	return failure(ctl, r, "smmd went away (%s); start smmctl again when it is back",
		       strerror(-r));
}
