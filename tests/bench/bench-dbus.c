/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench-dbus: what calls of smmd cost, as ratios to a Ping of the same smmd through the same bus.
 *
 * The calls take turns, so that a machine that is slow for a while is so for all of them; of each,
 * the median counts. Memory fram0 is a file without delay. Prints a table, and ends with 1 if a
 * goal is missed by more than half: ratios are steady, but machines are not.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 3000
#define PATH   "/org/smm1/memory/fram0"

static sd_bus *bus, *session;
static uint32_t small, large;
static uint8_t counter;

static void check(int r, const char *what)
{
	if (r >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, strerror(-r));
	exit(EXIT_FAILURE);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static sd_bus_message *new_call(sd_bus *on, const char *interface, const char *member)
{
	sd_bus_message *m;

	check(sd_bus_message_new_method_call(on, &m, "org.smm1", PATH, interface, member), member);
	return m;
}

static sd_bus_message *call(sd_bus *on, sd_bus_message *m)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *reply = NULL;
	int r = sd_bus_call(on, m, 0, &error, &reply);

	if (r < 0)
		fprintf(stderr, "%s\n", error.message);
	check(r, sd_bus_message_get_member(m));
	sd_bus_message_unref(m);
	return reply;
}

static void ping(sd_bus *on)
{
	sd_bus_message_unref(call(on, new_call(on, "org.freedesktop.DBus.Peer", "Ping")));
}

static void ping_bus(void)
{
	ping(bus);
}

static void ping_session(void)
{
	ping(session);
}

static void read_block(sd_bus *on, uint32_t id, uint32_t length)
{
	sd_bus_message *m = new_call(on, "org.smm1.Memory", "Read");

	check(sd_bus_message_append(m, "uuu", id, 0, length), "Read");
	sd_bus_message_unref(call(on, m));
}

static void read_4(void)
{
	read_block(bus, small, 4);
}

static void read_4_session(void)
{
	read_block(session, small, 4);
}

static void read_4096(void)
{
	read_block(bus, large, 4096);
}

static void read_many(void)
{
	sd_bus_message *m = new_call(bus, "org.smm1.Memory", "ReadMany");

	check(sd_bus_message_append(m, "a(uuu)", 4, small, 0, 4, large, 0, 4, small, 4, 4, large,
				    64, 4),
	      "ReadMany");
	sd_bus_message_unref(call(bus, m));
}

static void write_block(sd_bus *on)
{
	sd_bus_message *m = new_call(on, "org.smm1.Memory", "Write");
	const uint8_t data[4] = { counter++, 2, 3, 4 };

	check(sd_bus_message_append(m, "uu", small, 0), "Write");
	check(sd_bus_message_append_array(m, 'y', data, sizeof(data)), "Write");
	sd_bus_message_unref(call(on, m));
}

static void write_4(void)
{
	write_block(bus);
}

static void write_4_session(void)
{
	write_block(session);
}

static void add(void)
{
	sd_bus_message *m = new_call(bus, "org.smm1.Memory", "Add");

	check(sd_bus_message_append(m, "sx", "counter", INT64_C(1)), "Add");
	sd_bus_message_unref(call(bus, m));
}

struct row {
	const char *what;
	void (*run)(void);
	double goal; /* times a Ping, at most; 0: none */
	uint64_t ns[ROUNDS];
};

/* Without a session, which would have to be told of every write. */
static struct row bus_rows[] = {
	{ .what = "Ping", .run = ping_bus },
	{ .what = "Read of 4 bytes", .run = read_4, .goal = 1.25 },
	{ .what = "Read of 4 KiB", .run = read_4096, .goal = 1.4 },
	{ .what = "Write of 4 bytes", .run = write_4, .goal = 1.5 },
	{ .what = "Add", .run = add, .goal = 1.5 },
	{ .what = "ReadMany of 4 times 4 bytes", .run = read_many },
};

static struct row session_rows[] = {
	{ .what = "Ping", .run = ping_bus },
	{ .what = "Ping on a session", .run = ping_session },
	{ .what = "Read of 4 bytes on a session", .run = read_4_session, .goal = 0.75 },
	{ .what = "Write of 4 bytes on a session", .run = write_4_session },
};

static int compare(const void *a, const void *b)
{
	uint64_t first = *(const uint64_t *)a, second = *(const uint64_t *)b;

	return first < second ? -1 : first > second;
}

static double median(struct row *row)
{
	qsort(row->ns, ROUNDS, sizeof(row->ns[0]), compare);
	return (double)row->ns[ROUNDS / 2];
}

static uint32_t allocate(const char *name, uint32_t size)
{
	sd_bus_message *m = new_call(bus, "org.smm1.Memory", "Allocate"), *reply;
	uint32_t id;

	check(sd_bus_message_append(m, "sua{sv}", name, size, 0), "Allocate");
	reply = call(bus, m);
	check(sd_bus_message_read(reply, "u", &id), "Allocate");
	sd_bus_message_unref(reply);
	return id;
}

static void open_session(void)
{
	sd_bus_message *reply = call(bus, new_call(bus, "org.smm1.Memory", "OpenSession"));
	int fd;

	check(sd_bus_message_read(reply, "h", &fd), "OpenSession");
	fd = dup(fd);
	sd_bus_message_unref(reply);
	check(sd_bus_new(&session), "session");
	check(sd_bus_set_fd(session, fd, fd), "session");
	check(sd_bus_start(session), "session");
}

static bool print(struct row *row, double unit)
{
	double ratio = median(row) / unit;

	printf("%-30s %8.1f us %6.2f", row->what, median(row) / 1000, ratio);
	if (row->goal > 0)
		printf("   goal %.2f%s", row->goal, ratio > row->goal ? ", missed" : "");
	putchar('\n');
	return row->goal <= 0 || ratio <= 1.5 * row->goal;
}

/* Return: whether all goals are met, or nearly. */
static bool measure(struct row *rows, size_t n)
{
	bool good = true;

	for (int i = 0; i < ROUNDS; i++) {
		for (struct row *row = rows; row < rows + n; row++) {
			uint64_t start = now_ns();

			row->run();
			row->ns[i] = now_ns() - start;
		}
	}
	for (struct row *row = rows; row < rows + n; row++)
		good &= print(row, median(&rows[0]));
	return good;
}

int main(void)
{
	bool good;

	check(sd_bus_open_system(&bus), "bus");
	small = allocate("small", 64);
	large = allocate("large", 8192);
	printf("%-30s %11s %6s\n", "call (median of 3000)", "", "/ Ping");
	good = measure(bus_rows, sizeof(bus_rows) / sizeof(bus_rows[0]));
	open_session();
	good &= measure(session_rows, sizeof(session_rows) / sizeof(session_rows[0]));
	sd_bus_flush_close_unref(session);
	sd_bus_flush_close_unref(bus);
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
