/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * kill9 SMMD CONFIG ROUNDS SEED: kills smmd in the middle of its work, again and again.
 *
 * In each round smmd starts on the chip as the last kill left it, several clients keep it busy, and
 * at a random moment it gets SIGKILL. Everything that it acknowledged must be there afterwards, and
 * what a client was still waiting for must have been done in full or not at all.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <time.h>
#include <unistd.h>

#define CLIENTS     6
#define SLOTS       5      /* names of a client; the last is a counter */
#define CONTENT_MAX 12000u /* three messages of the chip, so that one can be torn between them */

#define MEMORY_PATH      "/org/smm1/memory/fram0"
#define MEMORY_INTERFACE "org.smm1.Memory"

/* A named block, or that there is none. */
struct value {
	bool exists;
	uint32_t id; /* 0 if nobody was told yet */
	int64_t count;
	uint32_t size;
	uint8_t content[CONTENT_MAX];
};

struct slot {
	char name[32];
	bool counter;
	struct value known; /* acknowledged, or found after a kill */
};

struct client {
	sd_bus *bus;
	struct slot slots[SLOTS];
	/* The call under way. */
	struct slot *slot; /* NULL: none */
	struct value wanted;
	bool in_doubt; /* smmd died before it answered */
};

static struct client clients[CLIENTS];
static pid_t smmd;
static uint64_t dice;
static uint32_t highest_id, highest_of_round; /* before the round, and up to now */
static unsigned int acknowledged, refused, found_done, found_undone;

static _Noreturn void die(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
	exit(EXIT_FAILURE);
}

static void check(int r, const char *what)
{
	if (r < 0)
		die("%s: %s", what, strerror(-r));
}

/* xorshift64; below @n */
static uint32_t roll(uint32_t n)
{
	dice ^= dice << 13;
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return (uint32_t)(dice >> 32) % n;
}

static void fill(uint8_t *bytes, uint32_t size)
{
	for (uint32_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)roll(256);
}

static uint32_t roll_size(void)
{
	return roll(2) ? roll(600) : CONTENT_MAX - roll(600);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The calls of a client */

static sd_bus_message *new_call(struct client *client, const char *method)
{
	sd_bus_message *m = NULL;

	check(sd_bus_message_new_method_call(client->bus, &m, "org.smm1", MEMORY_PATH,
					     MEMORY_INTERFACE, method),
	      method);
	return m;
}

static sd_bus_message *add(struct client *client, const struct slot *slot)
{
	sd_bus_message *m = new_call(client, "Add");
	int64_t delta = (int64_t)roll(1000) - 300;

	client->wanted.exists = true;
	client->wanted.count += delta;
	check(sd_bus_message_append(m, "sx", slot->name, delta), "Add");
	return m;
}

static sd_bus_message *store(struct client *client, const struct slot *slot)
{
	sd_bus_message *m = new_call(client, "Store");
	struct value *wanted = &client->wanted;

	wanted->exists = true;
	wanted->size = roll_size();
	fill(wanted->content, wanted->size);
	check(sd_bus_message_append(m, "s", slot->name), "Store");
	check(sd_bus_message_append_array(m, 'y', wanted->content, wanted->size), "Store");
	return m;
}

static sd_bus_message *allocate(struct client *client, const struct slot *slot)
{
	sd_bus_message *m = new_call(client, "Allocate");
	struct value *wanted = &client->wanted;

	wanted->exists = true;
	wanted->size = roll_size();
	memset(wanted->content, 0, wanted->size);
	check(sd_bus_message_append(m, "sua{sv}", slot->name, wanted->size, 1, "exclusive", "b", 1),
	      "Allocate");
	return m;
}

static sd_bus_message *release(struct client *client)
{
	sd_bus_message *m = new_call(client, "Free");

	check(sd_bus_message_append(m, "u", client->wanted.id), "Free");
	client->wanted = (struct value){ 0 };
	return m;
}

static sd_bus_message *write_part(struct client *client)
{
	sd_bus_message *m = new_call(client, "Write");
	struct value *wanted = &client->wanted;
	uint32_t offset = roll(wanted->size), left = wanted->size - offset;
	uint32_t size = roll(2) ? left : 1 + roll(left);

	fill(wanted->content + offset, size);
	check(sd_bus_message_append(m, "uu", wanted->id, offset), "Write");
	check(sd_bus_message_append_array(m, 'y', wanted->content + offset, size), "Write");
	return m;
}

static sd_bus_message *choose_call(struct client *client, const struct slot *slot)
{
	if (slot->counter)
		return add(client, slot);
	if (!slot->known.exists)
		return roll(2) ? store(client, slot) : allocate(client, slot);
	switch (roll(slot->known.size ? 8 : 3)) {
	case 0:
		return release(client);
	case 1:
	case 2:
		return store(client, slot);
	default:
		return write_part(client);
	}
}

static int on_reply(sd_bus_message *m, void *userdata, sd_bus_error *unused);

static void start_call(struct client *client)
{
	struct slot *slot = &client->slots[roll(SLOTS)];
	sd_bus_message *m;

	client->slot = slot;
	client->wanted = slot->known;
	m = choose_call(client, slot);
	check(sd_bus_call_async(client->bus, NULL, m, on_reply, client, 0), "call");
	sd_bus_message_unref(m);
}

static void note_id(uint32_t id)
{
	highest_of_round = id > highest_of_round ? id : highest_of_round;
}

/* What a reply says has to be what was expected of it. */
static void take_result(struct client *client, sd_bus_message *m)
{
	struct value *wanted = &client->wanted;
	int64_t count;
	uint32_t id;

	if (sd_bus_message_has_signature(m, "x")) {
		check(sd_bus_message_read(m, "x", &count), "reply");
		if (count != wanted->count)
			die("%s: Add returns %" PRId64 " where %" PRId64 " is right",
			    client->slot->name, count, wanted->count);
	} else if (sd_bus_message_has_signature(m, "u")) {
		check(sd_bus_message_read(m, "u", &id), "reply");
		if (wanted->id ? id != wanted->id : id <= highest_id)
			die("%s: id %u; it was %u, and ids up to %u were given in earlier rounds",
			    client->slot->name, id, wanted->id, highest_id);
		wanted->id = id;
		note_id(id);
	}
	client->slot->known = *wanted;
}

static int on_reply(sd_bus_message *m, void *userdata, sd_bus_error *unused)
{
	struct client *client = userdata;
	const sd_bus_error *error = sd_bus_message_get_error(m);

	(void)unused;
	if (sd_bus_error_has_name(error, SD_BUS_ERROR_NO_REPLY) ||
	    sd_bus_error_has_name(error, SD_BUS_ERROR_SERVICE_UNKNOWN)) {
		client->in_doubt = true;
		return 1;
	}
	if (!error) {
		take_result(client, m);
		acknowledged++;
	} else if (sd_bus_error_has_name(error, "org.smm1.Error.NoSpace")) {
		refused++;
	} else {
		die("%s: %s: %s", client->slot->name, error->name, error->message);
	}
	start_call(client);
	return 1;
}

/* A round */

static void start_smmd(const char *program, const char *config)
{
	int status;

	smmd = fork();
	if (smmd == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execl(program, program, "--config", config, "--log-level=warning", NULL);
		_exit(127);
	}
	do {
		if (waitpid(smmd, &status, WNOHANG) != 0)
			die("smmd does not start");
		usleep(1000);
	} while (sd_bus_call_method(clients[0].bus, "org.smm1", "/org/smm1",
				    "org.freedesktop.DBus.Peer", "Ping", NULL, NULL, NULL) < 0);
}

/* Lets the clients work, for @ms or, if that is negative, until smmd owes none of them an answer.
 */
static void serve_clients(int64_t ms)
{
	int64_t until = now_ms() + ms;
	struct pollfd fds[CLIENTS];
	bool owed;

	do {
		owed = false;
		for (int i = 0; i < CLIENTS; i++) {
			int r;

			while ((r = sd_bus_process(clients[i].bus, NULL)) > 0)
				;
			check(r, "bus");
			owed |= !clients[i].in_doubt;
			fds[i] = (struct pollfd){
				.fd = sd_bus_get_fd(clients[i].bus),
				.events = (short)sd_bus_get_events(clients[i].bus),
			};
		}
		poll(fds, CLIENTS, 1);
	} while (ms < 0 ? owed : now_ms() < until);
}

static void kill_smmd(void)
{
	int status;

	kill(smmd, SIGKILL);
	waitpid(smmd, &status, 0);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		die("smmd ended by itself");
}

/* After a kill */

static sd_bus_message *ask(const char *method, const char *types, ...)
{
	sd_bus_message *m = new_call(&clients[0], method), *reply;
	sd_bus_error error = SD_BUS_ERROR_NULL;
	va_list arguments;

	va_start(arguments, types);
	check(sd_bus_message_appendv(m, types, arguments), method);
	va_end(arguments);
	if (sd_bus_call(clients[0].bus, m, 0, &error, &reply) < 0)
		die("%s: %s", method, error.message);
	sd_bus_message_unref(m);
	return reply;
}

/* What the chip holds under the name of @slot; @list is the answer of List. */
static struct value look_up(const struct slot *slot, sd_bus_message *list)
{
	struct value value = { 0 };
	sd_bus_message *reply;
	const void *content;
	const char *name;
	uint32_t id;
	size_t size;

	check(sd_bus_message_rewind(list, true), "List");
	check(sd_bus_message_enter_container(list, 'a', "(usuuuuut)"), "List");
	while (sd_bus_message_read(list, "(usuuuuut)", &id, &name, NULL, NULL, NULL, NULL, NULL,
				   NULL) > 0) {
		if (strcmp(name, slot->name) != 0)
			continue;
		if (value.exists)
			die("%s: there are two", name);
		value.exists = true;
		value.id = id;
	}
	if (!value.exists)
		return value;

	if (slot->counter) {
		reply = ask("Add", "sx", slot->name, INT64_C(0));
		check(sd_bus_message_read(reply, "x", &value.count), "Add");
	} else {
		reply = ask("Load", "s", slot->name);
		check(sd_bus_message_read_array(reply, 'y', &content, &size), "Load");
		if (size > CONTENT_MAX)
			die("%s: %zu bytes", slot->name, size);
		value.size = (uint32_t)size;
		memcpy(value.content, content, size);
	}
	sd_bus_message_unref(reply);
	return value;
}

/* Whether @found is @right, whose id may not have been told to anybody. */
static bool is_same(const struct value *found, const struct value *right)
{
	if (!found->exists || !right->exists)
		return found->exists == right->exists;
	return (!right->id || found->id == right->id) && found->count == right->count &&
	       found->size == right->size && !memcmp(found->content, right->content, right->size);
}

static void verify_slot(struct client *client, struct slot *slot, sd_bus_message *list)
{
	struct value found = look_up(slot, list);
	bool in_doubt = client->in_doubt && client->slot == slot;

	if (is_same(&found, &slot->known)) {
		found_undone += in_doubt;
	} else if (in_doubt && is_same(&found, &client->wanted)) {
		found_done++;
	} else {
		die("%s: %s: id %u, %u bytes, count %" PRId64
		    ", where id %u, %u bytes, count %" PRId64 " is right%s",
		    slot->name, found.exists ? "found" : "missing", found.id, found.size,
		    found.count, slot->known.id, slot->known.size, slot->known.count,
		    in_doubt ? ", or what was under way" : "");
	}
	slot->known = found;
	note_id(found.id);
}

/* There is nothing on the chip beyond what the clients know, and all of it is sound. */
static void verify_chip(void)
{
	sd_bus_message *reply = ask("Check", "a{sv}", 0);
	uint32_t expected = 0, value;
	const char *key;

	for (int i = 0; i < CLIENTS * SLOTS; i++)
		expected += clients[i / SLOTS].slots[i % SLOTS].known.exists;
	check(sd_bus_message_enter_container(reply, 'a', "{sv}"), "Check");
	while (sd_bus_message_read(reply, "{sv}", &key, "u", &value) > 0) {
		if (value != (strcmp(key, "blocks") ? 0 : expected))
			die("Check finds %u %s; %u blocks are right", value, key, expected);
	}
	sd_bus_message_unref(reply);
}

static void verify(void)
{
	sd_bus_message *list = ask("List", "");

	for (int i = 0; i < CLIENTS * SLOTS; i++)
		verify_slot(&clients[i / SLOTS], &clients[i / SLOTS].slots[i % SLOTS], list);
	sd_bus_message_unref(list);
	highest_id = highest_of_round;
	verify_chip();
}

static void open_clients(void)
{
	for (int i = 0; i < CLIENTS; i++) {
		check(sd_bus_open_system(&clients[i].bus), "bus");
		for (int j = 0; j < SLOTS; j++) {
			struct slot *slot = &clients[i].slots[j];

			snprintf(slot->name, sizeof(slot->name), "c%d-%d", i, j);
			slot->counter = j == SLOTS - 1;
		}
	}
}

int main(int argc, char **argv)
{
	unsigned int rounds;

	if (argc != 5) {
		fputs("usage: kill9 SMMD CONFIG ROUNDS SEED\n", stderr);
		return EXIT_FAILURE;
	}
	rounds = (unsigned int)strtoul(argv[3], NULL, 10);
	dice = strtoull(argv[4], NULL, 10) * 0x9e3779b97f4a7c15 + 1;

	open_clients();
	for (unsigned int round = 0; round < rounds; round++) {
		start_smmd(argv[1], argv[2]);
		verify();
		for (int i = 0; i < CLIENTS; i++) {
			clients[i].in_doubt = false;
			start_call(&clients[i]);
		}
		serve_clients(1 + roll(60));
		kill_smmd();
		serve_clients(-1);
	}
	start_smmd(argv[1], argv[2]);
	verify();
	kill_smmd();

	printf("# kill -9 rounds: %u, acknowledged operations: %u (%u refused for lack of space; "
	       "of "
	       "%u under way at a kill, %u were done)\n",
	       rounds, acknowledged, refused, found_done + found_undone, found_done);
	return acknowledged ? EXIT_SUCCESS : EXIT_FAILURE;
}
