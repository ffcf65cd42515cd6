/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * board-client: what a program on the board does with a memory, and says about it on its output.
 *
 *	fill MEMORY ROUND	writes, round after round, until the power goes; each answer
 *				of smmd is told before anything else is asked
 *	show MEMORY		what there is of that
 *	measure MEMORY		calls a second
 *
 * Lines of fill and show are "MEMORY NAME ROUND": the block NAME is as ROUND left it.
 */
#include <inttypes.h>
#include <smm-client.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define SLOTS     8
#define LONGEST   512 /* bytes of a block */
#define WRITTEN   64
#define MEASURE_S 2.0

static const char *memory;
static smm_client *client;

static void need(int result, const char *what)
{
	if (result >= 0)
		return;
	printf("%s %s failed: %s\n", memory, what, smm_client_error_message(client));
	exit(1);
}

static void tell(const char *name, int64_t round)
{
	dprintf(STDOUT_FILENO, "%s %s %" PRId64 "\n", memory, name, round);
	tcdrain(STDOUT_FILENO);
}

/* What a round leaves in a block: its number, and bytes that no other round near it has there. */
static void content(uint8_t *bytes, uint32_t size, uint32_t round)
{
	for (uint32_t i = 0; i < size; i++)
		bytes[i] = i < 4 ? (uint8_t)(round >> 8 * i) : (uint8_t)(round * 31 + i * 7);
}

static uint32_t stored_size(uint32_t round)
{
	return 16 + round * 37 % (LONGEST - 16);
}

static void slot_name(char *name, size_t size, uint32_t round)
{
	snprintf(name, size, "slot-%" PRIu32, round % SLOTS);
}

static void fill(uint32_t round)
{
	uint8_t bytes[LONGEST];
	char slot[32];
	uint32_t id;
	int64_t count;

	need(smm_client_allocate(client, "written", WRITTEN, NULL, &id), "written");
	for (;; round++) {
		slot_name(slot, sizeof(slot), round);
		content(bytes, sizeof(bytes), round);
		need(smm_client_store(client, slot, bytes, stored_size(round), NULL), slot);
		tell(slot, round);
		need(smm_client_write(client, id, 0, bytes, WRITTEN), "written");
		tell("written", round);
		need(smm_client_add(client, "rounds", 1, &count), "rounds");
		tell("rounds", count);
	}
}

static void show_block(const char *name)
{
	uint8_t expected[LONGEST];
	uint32_t round = 0, size;
	uint8_t *data;
	size_t loaded;

	need(smm_client_load(client, name, (void **)&data, &loaded), name);
	for (uint32_t i = 0; i < 4 && i < loaded; i++)
		round |= (uint32_t)data[i] << 8 * i;
	size = strcmp(name, "written") == 0 ? WRITTEN : stored_size(round);
	content(expected, size, round);
	if (loaded == size && memcmp(data, expected, size) == 0)
		tell(name, round);
	else
		printf("%s %s failed: damaged\n", memory, name);
	free(data);
}

static void show(void)
{
	const struct smm_client_block *blocks;
	smm_call *list;
	size_t count;
	int64_t rounds;

	need(smm_client_list(client, &list), "list");
	need(smm_call_get_blocks(list, &blocks, &count), "list");
	for (size_t i = 0; i < count; i++) {
		if (strcmp(blocks[i].name, "written") == 0 ||
		    strncmp(blocks[i].name, "slot-", 5) == 0)
			show_block(blocks[i].name);
	}
	smm_call_unref(list);
	need(smm_client_add(client, "rounds", 0, &rounds), "rounds");
	tell("rounds", rounds);
}

/* Calls to measure; @round is another one each time. */

static int measure_read(uint32_t id, uint32_t round)
{
	uint8_t bytes[4];

	(void)round;
	return smm_client_read(client, id, 0, bytes, sizeof(bytes));
}

static int measure_write(uint32_t id, uint32_t round)
{
	return smm_client_write(client, id, 0, &round, sizeof(round));
}

static int measure_add(uint32_t id, uint32_t round)
{
	(void)id;
	(void)round;
	return smm_client_add(client, "measured-count", 1, NULL);
}

static int measure_store(uint32_t id, uint32_t round)
{
	uint8_t bytes[64];

	(void)id;
	content(bytes, sizeof(bytes), round);
	return smm_client_store(client, "measured-store", bytes, sizeof(bytes), NULL);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void measure(void)
{
	static const struct {
		const char *name;
		int (*call)(uint32_t id, uint32_t round);
	} calls[] = {
		{ "read 4 bytes", measure_read },
		{ "write 4 bytes", measure_write },
		{ "add", measure_add },
		{ "store 64 bytes", measure_store },
	};
	uint32_t id;

	need(smm_client_allocate(client, "measured", 4, NULL, &id), "measured");
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		double start = now(), spent = 0;
		uint32_t count = 0;

		for (; spent < MEASURE_S; count++, spent = now() - start)
			need(calls[i].call(id, count), calls[i].name);
		printf("%s, %s: %.0f a second\n", memory, calls[i].name, count / spent);
	}
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	setvbuf(stdout, NULL, _IONBF, 0);
	memory = argv[2];
	need(smm_client_open(&client, NULL, memory), "open");
	if (strcmp(argv[1], "fill") == 0 && argc == 4)
		fill((uint32_t)strtoul(argv[3], NULL, 10));
	else if (strcmp(argv[1], "show") == 0)
		show();
	else if (strcmp(argv[1], "measure") == 0)
		measure();
	else
		return 2;
	smm_client_close(client);
	return 0;
}
