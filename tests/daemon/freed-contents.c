/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * freed-contents FOLDER: what one user gave back, no other ever reads.
 *
 * It is run by with-users.sh. The owner fills a memory with secrets and gives them back in each way
 * that there is; then somebody else takes all that is free, in each way that there is, and reads
 * it. FOLDER has the images of the chips.
 */
#include <errno.h>
#include <stdarg.h>
#include <sys/wait.h>

#include "errors.h"
#include "users.h"
#include "util.h"

#define SECRET     0xa5
#define PUBLIC     0x11
#define BLOCKS_MAX 1000
#define ALL        UINT32_MAX /* bytes to read */

static const uint32_t sizes[] = { 600, 250, 100, 60, 13, 8, 3, 1 };

/* A process is one user of one memory. */
static struct {
	sd_bus *bus;
	char path[64];
} memory;

static void check(int r, const char *what)
{
	if (r >= 0)
		return;
	printf("# %s: %s\n", what, strerror(-r));
	exit(EXIT_FAILURE);
}

/* The calls; there is room for what they want, or not */

static sd_bus_message *new_call(const char *member, const char *types, ...)
{
	sd_bus_message *m = NULL;
	va_list arguments;

	check(sd_bus_message_new_method_call(memory.bus, &m, "org.smm1", memory.path,
					     "org.smm1.Memory", member),
	      member);
	va_start(arguments, types);
	check(sd_bus_message_appendv(m, types, arguments), member);
	va_end(arguments);
	return m;
}

/* Takes @m. Return: the reply, or NULL if there is no room. */
static sd_bus_message *call(sd_bus_message *m)
{
	_cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *reply = NULL;
	int r = sd_bus_call(memory.bus, m, 0, &error, &reply);

	if (r < 0 && !sd_bus_error_has_name(&error, ERROR_NO_SPACE)) {
		printf("# %s: %s\n", sd_bus_message_get_member(m), error.message);
		exit(EXIT_FAILURE);
	}
	sd_bus_message_unref(m);
	return reply;
}

/* Return: the id in the reply, or 0 if there is no room. */
static uint32_t call_for_id(sd_bus_message *m)
{
	_cleanup_message_ sd_bus_message *reply = call(m);
	uint32_t id = 0;

	if (reply)
		check(sd_bus_message_read(reply, "u", &id), "id");
	return id;
}

static uint32_t allocate(uint32_t size, uint8_t fill)
{
	return call_for_id(new_call("Allocate", "sua{sv}", "", size, 1, "fill", "y", fill));
}

static uint32_t store(const char *name, uint32_t size, uint8_t byte)
{
	sd_bus_message *m = new_call("Store", "s", name);
	void *content;

	check(sd_bus_message_append_array_space(m, 'y', size, &content), "Store");
	memset(content, byte, size);
	return call_for_id(m);
}

static bool resize(uint32_t id, uint32_t size)
{
	_cleanup_message_ sd_bus_message *reply = call(new_call("Resize", "uu", id, size));

	return reply;
}

static void free_block(uint32_t id)
{
	sd_bus_message_unref(call(new_call("Free", "u", id)));
}

/* The block has @size bytes: @n_first of them are @first, the others 0. */
static void expect(uint32_t id, uint32_t size, uint32_t n_first, uint8_t first)
{
	_cleanup_message_ sd_bus_message *reply = call(new_call("Read", "uuu", id, 0, ALL));
	const void *data;
	const uint8_t *content;
	size_t found;

	check(sd_bus_message_read_array(reply, 'y', &data, &found), "Read");
	content = data;
	if (found != size) {
		printf("# block %u has %zu bytes instead of %u\n", id, found, size);
		exit(EXIT_FAILURE);
	}
	for (uint32_t i = 0; i < size; i++) {
		uint8_t byte = i < n_first ? first : 0;

		if (content[i] == byte)
			continue;
		printf("# block %u: byte %u of %u is %02x instead of %02x\n", id, i, size,
		       content[i], byte);
		exit(EXIT_FAILURE);
	}
}

/* The owner */

struct secret {
	char name[24]; /* or "" */
	uint32_t id, size;
};

static bool keep(struct secret *s, unsigned int n, uint32_t size)
{
	if (n % 2)
		snprintf(s->name, sizeof(s->name), "secret-%u", n);
	s->size = size;
	s->id = *s->name ? store(s->name, size, SECRET) : allocate(size, SECRET);
	return s->id;
}

/* Return: how many have filled the memory up. */
static unsigned int keep_many(struct secret *secrets)
{
	unsigned int n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(sizes) - 1; i++)
		for (unsigned int k = 0; k < 8 && keep(&secrets[n], n, sizes[i]); k++)
			n++;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		while (n < BLOCKS_MAX && keep(&secrets[n], n, sizes[i]))
			n++;
	return n;
}

/* Cut off is gone for the owner as well. */
static void shrink_and_grow(const struct secret *s)
{
	uint32_t left = s->size / 3;

	resize(s->id, left);
	expect(s->id, left, left, SECRET);
	if (resize(s->id, s->size))
		expect(s->id, s->size, left, SECRET);
}

static void replace(const struct secret *s)
{
	uint32_t size = s->size / 2;

	if (*s->name && store(s->name, size, PUBLIC) && resize(s->id, s->size))
		expect(s->id, s->size, size, PUBLIC);
}

static void give_back(void)
{
	static struct secret secrets[BLOCKS_MAX];
	unsigned int n = keep_many(secrets);

	for (unsigned int i = 0; i < n; i += 3) /* which makes room for the others */
		free_block(secrets[i].id);
	for (unsigned int i = 1; i < n; i += 3)
		shrink_and_grow(&secrets[i]);
	for (unsigned int i = 2; i < n; i += 3)
		replace(&secrets[i]);
	for (unsigned int i = 0; i < n; i++)
		if (i % 3)
			free_block(secrets[i].id);
}

/* Somebody else; each way takes all that is free */

static uint32_t taken[BLOCKS_MAX];
static unsigned int n_taken;

static bool take(uint32_t id)
{
	if (!id || n_taken == BLOCKS_MAX)
		return false;
	taken[n_taken++] = id;
	return true;
}

static void free_taken(void)
{
	while (n_taken)
		free_block(taken[--n_taken]);
}

static void take_new_blocks(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		while (take(allocate(sizes[i], 0)))
			expect(taken[n_taken - 1], sizes[i], 0, 0);
	free_taken();
}

/* The block behind which all is free grows to where it is, the others move. */
static void take_growing_blocks(void)
{
	while (take(allocate(1, 0)))
		for (uint32_t size = 2; size < 400 && resize(taken[n_taken - 1], size); size *= 3)
			expect(taken[n_taken - 1], size, 0, 0);
	for (unsigned int i = 0; i < n_taken; i += 2)
		free_block(taken[i]);
	for (unsigned int i = 1; i < n_taken; i += 2) {
		if (resize(taken[i], 500))
			expect(taken[i], 500, 0, 0);
		free_block(taken[i]);
	}
	n_taken = 0;
}

static void take_stored_blocks(void)
{
	char name[16];

	do {
		snprintf(name, sizeof(name), "mine-%u", n_taken);
		if (!take(store(name, 5, PUBLIC)))
			break;
		for (uint32_t size = 6; size < 300 && resize(taken[n_taken - 1], size); size += 90)
			expect(taken[n_taken - 1], size, 5, PUBLIC);
	} while (true);
	free_taken();
}

/* The tests */

static unsigned int n_tests, n_failures;

static void tell(bool succeeds, const char *memory_name, const char *what)
{
	printf("%sok %u - %s: %s\n", succeeds ? "" : "not ", ++n_tests, memory_name, what);
	n_failures += !succeeds;
}

static void test_as(const char *account, const char *name, void (*use)(void), const char *what)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		become(account);
		snprintf(memory.path, sizeof(memory.path), "/org/smm1/memory/%s", name);
		check(sd_bus_open_system(&memory.bus), "bus");
		use();
		sd_bus_flush_close_unref(memory.bus);
		exit(EXIT_SUCCESS);
	}
	waitpid(pid, &status, 0);
	tell(status == 0, name, what);
}

/* Otherwise there would be nothing to find. */
static void test_chip(const char *folder, const char *name)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_fclose_ FILE *image = NULL;
	unsigned int secrets = 0;
	int byte;

	if (asprintf(&path, "%s/%s.img", folder, name) >= 0)
		image = fopen(path, "re");
	while (image && (byte = getc(image)) != EOF)
		secrets += byte == SECRET;
	tell(secrets > 4096, name, "the chip still holds what was given back");
}

int main(int argc, char **argv)
{
	static const char *const names[] = { "fram0", "fram1" };
	static const struct {
		void (*use)(void);
		const char *what;
	} ways[] = {
		{ take_new_blocks, "nobody reads it in new blocks" },
		{ take_growing_blocks, "nobody reads it in blocks that grow" },
		{ take_stored_blocks, "nobody reads it behind what was stored" },
	};

	if (argc != 2) {
		fputs("usage: freed-contents FOLDER\n", stderr);
		return EXIT_FAILURE;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("1..%zu\n", 3 * ARRAY_SIZE(ways) * ARRAY_SIZE(names));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		for (size_t way = 0; way < ARRAY_SIZE(ways); way++) {
			test_as("owner", names[i], give_back, "its owner does not read it again");
			test_chip(argv[1], names[i]);
			test_as("member", names[i], ways[way].use, ways[way].what);
		}
	}
	return n_failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
