/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bad-input GROUP IMAGE [session]: calls to smmd that it has to refuse, on the bus or on a session.
 *
 * After each, all has to be as it was: every property, what List and Introspect answer, and every
 * byte of IMAGE, which is the chip of memory fram0. On it there are a block 1, "data", of 16 bytes,
 * and a counter 2, "count", that cannot count any further; 3 was freed.
 */
#include "bad-input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static unsigned int n_tried, n_wrong;

void must(int r, const char *what)
{
	if (r >= 0)
		return;
	printf("%s: %s\n", what, strerror(-r));
	exit(EXIT_FAILURE);
}

/* What may not change */

struct state {
	char *text;
	size_t size;
};

static sd_bus *observer; /* a connection of its own */
static const char *image;
static struct state before;

static void look(FILE *stream, const char *path, const char *interface, const char *member,
		 const char *argument)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *answer = NULL;
	int r = sd_bus_call_method(observer, "org.smm1", path, interface, member, &error, &answer,
				   argument ? "s" : NULL, argument);

	if (r >= 0)
		r = sd_bus_message_dump(answer, stream, SD_BUS_MESSAGE_DUMP_SUBTREE_ONLY);
	must(r, error.message ? error.message : member);
	sd_bus_message_unref(answer);
	sd_bus_error_free(&error);
}

/* They are the last property, and counting is what they are for. */
static void cut_statistics(FILE *stream, char **text)
{
	const char *statistics;

	fflush(stream);
	statistics = strstr(*text, "\"Statistics\"");
	if (statistics)
		fseek(stream, statistics - *text, SEEK_SET);
}

static void append_image(FILE *stream)
{
	FILE *file = fopen(image, "r");
	char piece[4096];
	size_t n;

	must(file ? 0 : -errno, image);
	while ((n = fread(piece, 1, sizeof(piece), file)) > 0)
		fwrite(piece, 1, n, stream);
	fclose(file);
}

static struct state observe(void)
{
	static const char *const blocks[] = { MEMORY_PATH "/block/1", MEMORY_PATH "/block/2" };
	struct state state;
	FILE *stream = open_memstream(&state.text, &state.size);

	must(stream ? 0 : -errno, "state");
	look(stream, MEMORY_PATH, "org.freedesktop.DBus.Properties", "GetAll", "org.smm1.Memory");
	cut_statistics(stream, &state.text);
	for (size_t i = 0; i < ARRAY_SIZE(blocks); i++)
		look(stream, blocks[i], "org.freedesktop.DBus.Properties", "GetAll",
		     "org.smm1.Block");
	look(stream, MEMORY_PATH, "org.smm1.Memory", "List", NULL);
	look(stream, "/org/smm1", "org.smm1.Manager", "ListMemories", NULL);
	look(stream, "/org/smm1/job", "org.freedesktop.DBus.Introspectable", "Introspect", NULL);
	append_image(stream);
	fclose(stream);
	return state;
}

static bool has_changed(void)
{
	struct state now = observe();
	bool changed = now.size != before.size || memcmp(now.text, before.text, now.size) != 0;

	free(before.text);
	before = now;
	return changed;
}

/* Results */

void came_out(const char *expected, const char *found, const char *what, ...)
{
	bool right = expected && found ? !strcmp(expected, found) : expected == found;
	bool changed = has_changed();
	va_list arguments;

	n_tried++;
	if (right && !changed)
		return;
	n_wrong++;
	va_start(arguments, what);
	vprintf(what, arguments);
	va_end(arguments);
	if (!right)
		printf("\n  expected: %s\n     found: %s\n", expected ? expected : "success",
		       found ? found : "success");
	if (changed)
		printf("\n  and something has changed\n");
}

/* Connections */

int open_session(sd_bus *bus)
{
	sd_bus_message *answer = NULL;
	int r, fd = -1;

	r = sd_bus_call_method(bus, "org.smm1", MEMORY_PATH, "org.smm1.Memory", "OpenSession", NULL,
			       &answer, NULL);
	if (r >= 0)
		r = sd_bus_message_read(answer, "h", &fd);
	if (r >= 0)
		fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	must(r < 0 ? r : fd < 0 ? -errno : 0, "OpenSession");
	sd_bus_message_unref(answer);
	return fd;
}

static sd_bus *connect_to_smmd(bool on_session)
{
	sd_bus *session = NULL;
	int fd;

	if (!on_session) {
		must(sd_bus_open_system(&session), "bus");
		return session;
	}
	fd = open_session(observer);
	must(sd_bus_new(&session), "session");
	must(sd_bus_set_fd(session, fd, fd), "session");
	must(sd_bus_start(session), "session");
	return session;
}

int main(int argc, char **argv)
{
	sd_bus *bus;

	if (argc < 3) {
		fputs("usage: bad-input GROUP IMAGE [session]\n", stderr);
		return EXIT_FAILURE;
	}
	image = argv[2];
	must(sd_bus_open_system(&observer), "bus");
	bus = connect_to_smmd(argc > 3);
	before = observe();
	if (!strcmp(argv[1], "bytes"))
		try_bytes(observer);
	else if (!strcmp(argv[1], "files"))
		try_files(bus);
	else if (!try_calls(bus, argv[1]))
		printf("there is no group '%s'\n", argv[1]);
	printf("%u tried, %u wrong\n", n_tried, n_wrong);

	sd_bus_flush_close_unref(bus);
	sd_bus_flush_close_unref(observer);
	free(before.text);
	return n_tried && !n_wrong ? EXIT_SUCCESS : EXIT_FAILURE;
}
