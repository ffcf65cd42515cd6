/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of bad-input share: main() and the look at what may not change are in bad-input.c,
 * the calls in bad-calls.c, the files in bad-files.c, the bytes that are no calls in bad-bytes.c.
 */
#pragma once

#include <stdbool.h>
#include <systemd/sd-bus.h>

#define MEMORY_PATH "/org/smm1/memory/fram0"

#define OURS(name) "org.smm1.Error." name
#define DBUS(name) "org.freedesktop.DBus.Error." name

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* Ends the program if @r is a negative errno. */
void must(int r, const char *what);

/*
 * Something was tried. Prints what, unless it came out as @expected and all is as it was before;
 * NULL is for what has to succeed.
 */
void came_out(const char *expected, const char *found, const char *what, ...)
	__attribute__((format(printf, 3, 4)));

/* A socket of a session; the caller's to close. */
int open_session(sd_bus *bus);

/* Makes the calls of a group. Return: whether there is a group of that name. */
bool try_calls(sd_bus *bus, const char *group);

/* Descriptors that no image can be written to, or read from. */
void try_files(sd_bus *bus);

/* Bytes on a session, and on the bus, that are no message or say something else than they are. */
void try_bytes(sd_bus *bus);
