/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * load-clients CLIENTS SIZE ROUNDS: clients that all call smmd at the same time.
 * load-clients --blocks N: makes so many blocks of 64 bytes with names.
 *
 * Each has a connection and a block of its own; in each round it stores SIZE bytes in it and loads
 * them back. At the end it prints how many calls were served and how many were refused as Busy;
 * anything else that is not right ends it at once.
 */
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

struct client {
	sd_bus *bus;
	unsigned int number, left; /* calls */
	bool loading;              /* what was stored is to be loaded */
};

static uint8_t *content;
static size_t size;
static unsigned int running, stored, loaded, busy;

static void check(int r, const char *what)
{
	if (r >= 0)
		return;
	printf("%s: %s\n", what, strerror(-r));
	exit(EXIT_FAILURE);
}

/* No two of them are alike. */
static void mark_content(const struct client *client)
{
	if (size >= sizeof(client->number))
		memcpy(content, &client->number, sizeof(client->number));
}

static int on_reply(sd_bus_message *m, void *userdata, sd_bus_error *error);

static void start_call(struct client *client)
{
	sd_bus_message *m = NULL;
	char name[32];

	snprintf(name, sizeof(name), "client-%u-%u", (unsigned int)getpid(), client->number);
	check(sd_bus_message_new_method_call(client->bus, &m, "org.smm1", "/org/smm1/memory/fram0",
					     "org.smm1.Memory", client->loading ? "Load" : "Store"),
	      "call");
	check(sd_bus_message_append(m, "s", name), "call");
	if (!client->loading) {
		mark_content(client);
		check(sd_bus_message_append_array(m, 'y', content, size), "call");
	}
	check(sd_bus_call_async(client->bus, NULL, m, on_reply, client, UINT64_MAX), "call");
	sd_bus_message_unref(m);
}

static void take_content(const struct client *client, sd_bus_message *m)
{
	const void *found;
	size_t found_size;

	check(sd_bus_message_read_array(m, 'y', &found, &found_size), "Load");
	mark_content(client);
	if (found_size != size || memcmp(found, content, size) != 0) {
		printf("client %u loads something else than it stored\n", client->number);
		exit(EXIT_FAILURE);
	}
	loaded++;
}

static int on_reply(sd_bus_message *m, void *userdata, sd_bus_error *unused)
{
	struct client *client = userdata;
	const sd_bus_error *error = sd_bus_message_get_error(m);

	(void)unused;
	if (sd_bus_error_has_name(error, "org.smm1.Error.Busy")) {
		busy++;
	} else if (error) {
		printf("client %u: %s: %s\n", client->number, error->name, error->message);
		exit(EXIT_FAILURE);
	} else {
		if (client->loading)
			take_content(client, m);
		else
			stored++;
		client->loading = !client->loading;
	}

	if (--client->left)
		start_call(client);
	else
		running--;
	return 1;
}

static void make_blocks(unsigned int blocks)
{
	sd_bus *bus;
	char name[32];

	check(sd_bus_open_system(&bus), "bus");
	for (unsigned int i = 0; i < blocks; i++) {
		snprintf(name, sizeof(name), "block-%u", i);
		check(sd_bus_call_method(bus, "org.smm1", "/org/smm1/memory/fram0",
					 "org.smm1.Memory", "Allocate", NULL, NULL, "sua{sv}", name,
					 64, 0),
		      "Allocate");
	}
	sd_bus_flush_close_unref(bus);
}

int main(int argc, char **argv)
{
	struct client *clients;
	struct pollfd *fds;
	unsigned int n;

	if (argc == 3 && !strcmp(argv[1], "--blocks")) {
		make_blocks((unsigned int)strtoul(argv[2], NULL, 10));
		return EXIT_SUCCESS;
	}
	if (argc != 4) {
		fputs("usage: load-clients CLIENTS SIZE ROUNDS | --blocks N\n", stderr);
		return EXIT_FAILURE;
	}
	n = running = (unsigned int)strtoul(argv[1], NULL, 10);
	size = strtoul(argv[2], NULL, 10);
	clients = calloc(n, sizeof(*clients));
	fds = calloc(n, sizeof(*fds));
	content = malloc(size);
	for (size_t i = 0; i < size; i++)
		content[i] = (uint8_t)(i * 7 + i / 256);

	for (unsigned int i = 0; i < n; i++) {
		clients[i].number = i;
		clients[i].left = 2 * (unsigned int)strtoul(argv[3], NULL, 10);
		check(sd_bus_open_system(&clients[i].bus), "bus");
		start_call(&clients[i]);
	}
	while (running) {
		for (unsigned int i = 0; i < n; i++) {
			int r;

			while ((r = sd_bus_process(clients[i].bus, NULL)) > 0)
				;
			check(r, "bus");
			fds[i].fd = sd_bus_get_fd(clients[i].bus);
			fds[i].events = (short)sd_bus_get_events(clients[i].bus);
		}
		if (running)
			poll(fds, n, 1000);
	}
	printf("%u stored, %u loaded, %u busy\n", stored, loaded, busy);

	for (unsigned int i = 0; i < n; i++)
		sd_bus_flush_close_unref(clients[i].bus);
	free(content);
	free(fds);
	free(clients);
	return EXIT_SUCCESS;
}
