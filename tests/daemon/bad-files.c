/* SPDX-License-Identifier: BSD-3-Clause */
#include "bad-input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct ending {
	char *job; /* its path */
	char result[256];
};

static int on_finished(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct ending *ending = userdata;
	const char *result;

	(void)error;
	must(sd_bus_message_read(m, "s", &result), "Finished");
	if (ending->job && !strcmp(sd_bus_message_get_path(m), ending->job))
		snprintf(ending->result, sizeof(ending->result), "%.*s", (int)strcspn(result, ":"),
			 result);
	return 0;
}

static void try_file(sd_bus *bus, const char *method, int fd, const char *expected,
		     const char *what)
{
	struct ending ending = { .result = "" };
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *answer = NULL;
	sd_bus_slot *slot = NULL;
	const char *path;
	int r;

	must(fd < 0 ? -errno : 0, what);
	must(sd_bus_match_signal(bus, &slot, NULL, NULL, "org.smm1.Job", "Finished", on_finished,
				 &ending),
	     "match");
	r = sd_bus_call_method(bus, "org.smm1", MEMORY_PATH, "org.smm1.Memory", method, &error,
			       &answer, "ha{sv}", fd, 0);
	must(r, error.message);
	must(sd_bus_message_read(answer, "o", &path), "path");
	ending.job = strdup(path);
	while (!*ending.result) {
		r = sd_bus_process(bus, NULL);
		must(r == 0 ? sd_bus_wait(bus, UINT64_MAX) : r, "wait");
	}
	came_out(expected, ending.result, "%s with %s", method, what);
	sd_bus_slot_unref(slot);
	sd_bus_message_unref(answer);
	free(ending.job);
	close(fd);
}

static int pipe_end(int end)
{
	int fds[2];

	must(pipe2(fds, O_CLOEXEC), "pipe");
	close(fds[!end]);
	return fds[end];
}

/* A file that is gone already, with these bytes. */
static int file_of(const void *bytes, size_t n)
{
	int fd = open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	must((int)write(fd, bytes, n), "file");
	lseek(fd, 0, SEEK_SET);
	return fd;
}

void try_files(sd_bus *bus)
{
	static const char text[] = "This is no image.";

	try_file(bus, "Dump", open("/dev/null", O_RDONLY), OURS("IO"), "what is only read");
	try_file(bus, "Dump", open("/", O_RDONLY), OURS("IO"), "a folder");
	try_file(bus, "Dump", open("/dev/null", O_PATH), OURS("IO"), "a mere path");
	try_file(bus, "Dump", open("/dev/full", O_WRONLY), OURS("IO"), "a full disk");
	try_file(bus, "Dump", pipe_end(1), OURS("IO"), "a pipe that nobody reads");
	try_file(bus, "Restore", open("/dev/null", O_WRONLY), OURS("IO"), "what is only written");
	try_file(bus, "Restore", open("/", O_RDONLY), OURS("IO"), "a folder");
	try_file(bus, "Restore", open("/dev/null", O_RDONLY), OURS("ChecksumMismatch"), "nothing");
	try_file(bus, "Restore", open("/dev/zero", O_RDONLY), DBUS("InvalidArgs"),
		 "zeros for ever");
	try_file(bus, "Restore", pipe_end(0), OURS("ChecksumMismatch"),
		 "a pipe that nobody writes");
	try_file(bus, "Restore", file_of(text, sizeof(text)), DBUS("InvalidArgs"), "text");
	try_file(bus, "Restore", file_of(text, 1), DBUS("InvalidArgs"), "a byte");
}
