/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sessions and calls, as the tests of the running daemon make them.
 */
#include "service-fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

/* Sessions */

int try_session_socket(sd_bus *bus)
{
	sd_bus_message *reply = NULL;
	const char *error = try_call(bus, &reply, MEMORY, "OpenSession", NULL);
	int fd;

	if (error) {
		assert_string_equal(error, ERROR("Busy"));
		return -1;
	}
	check(sd_bus_message_read(reply, "h", &fd), "OpenSession");
	fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	sd_bus_message_unref(reply);
	return fd;
}

int session_socket(sd_bus *bus)
{
	int fd = try_session_socket(bus);

	assert_true(fd >= 0);
	return fd;
}

sd_bus *start_session(int fd)
{
	sd_bus *bus;

	check(sd_bus_new(&bus), "a session");
	check(sd_bus_set_fd(bus, fd, fd), "a session");
	check(sd_bus_negotiate_fds(bus, true), "a session");
	check(sd_bus_start(bus), "a session");
	keep_connection(bus);
	act(bus, MANAGER, "org.freedesktop.DBus.Peer.Ping", NULL); /* it is let in */
	return bus;
}

sd_bus *connect_session(sd_bus *bus)
{
	return start_session(session_socket(bus));
}

/* Calls */

static const char *interface_at(const char *path)
{
	if (!strcmp(path, MANAGER))
		return "org.smm1.Manager";
	if (strstr(path, "/job/"))
		return "org.smm1.Job";
	return strstr(path, "/block/") ? "org.smm1.Block" : "org.smm1.Memory";
}

/* @member may have another interface in front of it. */
static sd_bus_message *new_callv(sd_bus *bus, const char *path, const char *member,
				 const char *types, va_list arguments)
{
	const char *destination = sd_bus_is_bus_client(bus) > 0 ? "org.smm1" : NULL;
	const char *dot = strrchr(member, '.');
	char interface[128] = "";
	sd_bus_message *m;

	snprintf(interface, sizeof(interface), "%.*s", dot ? (int)(dot - member) : 127,
		 dot ? member : interface_at(path));
	check(sd_bus_message_new_method_call(bus, &m, destination, path, interface,
					     dot ? dot + 1 : member),
	      member);
	if (types)
		check(sd_bus_message_appendv(m, types, arguments), member);
	return m;
}

sd_bus_message *new_call(sd_bus *bus, const char *path, const char *member, const char *types, ...)
{
	sd_bus_message *m;
	va_list arguments;

	va_start(arguments, types);
	m = new_callv(bus, path, member, types, arguments);
	va_end(arguments);
	return m;
}

void send_message(sd_bus *bus, sd_bus_message *m)
{
	uint64_t cookie; /* who does not want it, gets no answer */

	check(sd_bus_send(bus, m, &cookie), "a call");
	sd_bus_message_unref(m);
}

void send_call(sd_bus *bus, const char *path, const char *member, const char *types, ...)
{
	va_list arguments;

	va_start(arguments, types);
	send_message(bus, new_callv(bus, path, member, types, arguments));
	va_end(arguments);
}

/* Return: 0, or a negative errno with @error. */
static int callv(sd_bus *bus, sd_bus_message **reply, sd_bus_error *error, const char *path,
		 const char *member, const char *types, va_list arguments)
{
	sd_bus_message *m = new_callv(bus, path, member, types, arguments);
	int r = sd_bus_call(bus, m, 0, error, reply);

	sd_bus_message_unref(m);
	return r;
}

const char *try_call(sd_bus *bus, sd_bus_message **reply, const char *path, const char *member,
		     const char *types, ...)
{
	static char name[128];
	sd_bus_error error = SD_BUS_ERROR_NULL;
	va_list arguments;
	int r;

	va_start(arguments, types);
	r = callv(bus, reply, &error, path, member, types, arguments);
	va_end(arguments);
	snprintf(name, sizeof(name), "%s", error.name ? error.name : strerror(-r));
	sd_bus_error_free(&error);
	return r < 0 ? name : NULL;
}

static sd_bus_message *must_callv(sd_bus *bus, const char *path, const char *member,
				  const char *types, va_list arguments)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *reply = NULL;

	if (callv(bus, &reply, &error, path, member, types, arguments) < 0)
		give_up("%s of %s: %s: %s", member, path, error.name, error.message);
	return reply;
}

sd_bus_message *call(sd_bus *bus, const char *path, const char *member, const char *types, ...)
{
	sd_bus_message *reply;
	va_list arguments;

	va_start(arguments, types);
	reply = must_callv(bus, path, member, types, arguments);
	va_end(arguments);
	return reply;
}

void act(sd_bus *bus, const char *path, const char *member, const char *types, ...)
{
	va_list arguments;

	va_start(arguments, types);
	sd_bus_message_unref(must_callv(bus, path, member, types, arguments));
	va_end(arguments);
}

/* Takes the message, and what is in it. */
static uint64_t read_number(sd_bus_message *m)
{
	const char *contents;
	uint64_t number = 0;
	char type;

	check(sd_bus_message_peek_type(m, &type, &contents), "an answer");
	if (type == 'v') {
		check(sd_bus_message_enter_container(m, 'v', contents), "an answer");
		type = contents[0];
	}
	check(sd_bus_message_read_basic(m, type, &number), "an answer"); /* little-endian */
	sd_bus_message_unref(m);
	return number;
}

uint64_t call_number(sd_bus *bus, const char *path, const char *member, const char *types, ...)
{
	sd_bus_message *reply;
	va_list arguments;

	va_start(arguments, types);
	reply = must_callv(bus, path, member, types, arguments);
	va_end(arguments);
	return read_number(reply);
}

uint64_t get_number(sd_bus *bus, const char *path, const char *property)
{
	return read_number(call(bus, path, "org.freedesktop.DBus.Properties.Get", "ss",
				interface_at(path), property));
}

void append_bytes(sd_bus_message *m, size_t size, uint8_t fill)
{
	void *content;

	check(sd_bus_message_append_array_space(m, 'y', size, &content), "bytes");
	memset(content, fill, size);
}

uint32_t store(sd_bus *bus, const char *name, size_t size, uint8_t fill)
{
	sd_bus_message *m = new_call(bus, MEMORY, "Store", "s", name), *reply = NULL;
	sd_bus_error error = SD_BUS_ERROR_NULL;

	append_bytes(m, size, fill);
	if (sd_bus_call(bus, m, 0, &error, &reply) < 0)
		give_up("Store %s: %s: %s", name, error.name, error.message);
	sd_bus_message_unref(m);
	return (uint32_t)read_number(reply);
}

void assert_bytes(sd_bus_message *m, size_t size, uint8_t fill)
{
	const uint8_t *bytes;
	size_t found;

	check(sd_bus_message_read_array(m, 'y', (const void **)&bytes, &found), "bytes");
	assert_int_equal(found, size);
	for (size_t i = 0; i < size; i++)
		assert_int_equal(bytes[i], fill);
	sd_bus_message_unref(m);
}

sd_bus_message *next_message(sd_bus *bus, int ms)
{
	int64_t end = now_ms() + ms;
	sd_bus_message *m = NULL;
	int r;

	while (!m) {
		r = sd_bus_process(bus, &m);
		if (r == 0 && now_ms() < end)
			r = sd_bus_wait(bus, (uint64_t)(end - now_ms()) * 1000);
		else if (r <= 0)
			return NULL;
	}
	return m;
}

sd_bus_message *next_answer(sd_bus *bus)
{
	sd_bus_message *m = next_message(bus, PATIENCE_MS);

	while (m && sd_bus_message_is_signal(m, NULL, NULL) > 0) {
		sd_bus_message_unref(m);
		m = next_message(bus, PATIENCE_MS);
	}
	assert_non_null(m);
	if (sd_bus_message_is_method_error(m, NULL))
		give_up("%s", sd_bus_message_get_error(m)->message);
	return m;
}

void write_parts(sd_bus *bus, uint32_t id, unsigned int n)
{
	sd_bus_message *m = new_call(bus, MEMORY, "WriteMany", NULL);

	check(sd_bus_message_open_container(m, 'a', "(uuay)"), "WriteMany");
	for (unsigned int i = 0; i < n; i++)
		check(sd_bus_message_append(m, "(uuay)", id, 0, 1, i), "WriteMany");
	check(sd_bus_message_close_container(m), "WriteMany");
	send_message(bus, m);
	sd_bus_message_unref(next_answer(bus));
}

char *message_text(sd_bus_message *m)
{
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	assert_non_null(file);
	check(sd_bus_message_rewind(m, true), "a message");
	check(sd_bus_message_dump(m, file, SD_BUS_MESSAGE_DUMP_WITH_HEADER), "a message");
	fclose(file);
	return text;
}
