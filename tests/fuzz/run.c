/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs a fuzz target without libFuzzer, as an ordinary test that is the same each time.
 *
 * usage: fuzz-TARGET COUNT FOLDER    the files in FOLDER, then COUNT inputs out of random bytes and
 *                                    COUNT out of mutated files; SMM_TEST_SCALE and SMM_TEST_SEED
 *                                    as in dice.h
 *        fuzz-TARGET FILE...         these inputs
 *
 * The input in hand is in the file crash-fuzz-TARGET, which stays there if the target dies of it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "../lib/dice.h"
#include "fuzz.h"

#define INPUT_MAX  8192u
#define RANDOM_MAX 1024u /* bytes of an input out of random bytes */
#define FILES_MAX  256u

#define PATIENCE 60u /* seconds for one input */

struct file {
	char *path;
	uint8_t *data;
	u32 size;
};

static struct file files[FILES_MAX];
static u32 n_files;

static int hand = -1; /* the file with the input in hand, or none */

static void check(int right, const char *what)
{
	if (right)
		return;
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static void run(const uint8_t *data, u32 size)
{
	if (hand >= 0)
		check(ftruncate(hand, size) == 0 && pwrite(hand, data, size, 0) == (ssize_t)size,
		      "the input in hand");
	alarm(PATIENCE);
	LLVMFuzzerTestOneInput(data, size);
	alarm(0);
}

/* Files */

static void read_file(const char *path)
{
	FILE *stream = fopen(path, "re");
	struct file *f = &files[n_files++];

	check(stream != NULL, path);
	check(n_files <= FILES_MAX, "too many files");
	f->path = strdup(path);
	f->data = malloc(INPUT_MAX);
	check(f->path && f->data, path);
	f->size = (u32)fread(f->data, 1, INPUT_MAX, stream);
	fclose(stream);
}

static int by_path(const void *a, const void *b)
{
	const struct file *first = a, *second = b;

	return strcmp(first->path, second->path);
}

static void read_folder(const char *path)
{
	DIR *folder = opendir(path);
	const struct dirent *entry;
	char name[4096];

	check(folder != NULL, path);
	while ((entry = readdir(folder))) {
		if (*entry->d_name == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		read_file(name);
	}
	closedir(folder);
	qsort(files, n_files, sizeof(*files), by_path);
}

static void run_files(void)
{
	for (u32 i = 0; i < n_files; i++)
		run(files[i].data, files[i].size);
}

/* Random inputs */

/* Exactly as many bytes as it has, so that a sanitizer sees who reads on. */
static void run_exactly(const uint8_t *bytes, u32 size)
{
	uint8_t *data = malloc(size ? size : 1);

	check(data != NULL, "an input");
	memcpy(data, bytes, size);
	run(data, size);
	free(data);
}

static void run_random(struct dice *dice)
{
	uint8_t bytes[RANDOM_MAX];
	u32 size = dice_below(dice, RANDOM_MAX + 1);

	dice_fill(dice, bytes, size);
	run_exactly(bytes, size);
}

enum kind {
	FLIP_BIT,
	SET_BYTE,
	SET_EDGE,
	KINDS_IN_PLACE,
	REMOVE = KINDS_IN_PLACE,
	INSERT,
	REPEAT,
	SPLICE,
	KINDS
};

/* Make one change to @size of INPUT_MAX bytes. Return: how many there are then. */
static u32 mutate(struct dice *dice, enum kind kind, uint8_t *bytes, u32 size)
{
	static const uint8_t edges[] = { 0, 1, 0x7f, 0x80, 0xff };
	const struct file *other = &files[dice_below(dice, n_files)];
	u32 at = dice_below(dice, size + 1), left = size - at, room = INPUT_MAX - at;
	u32 n = 1 + dice_below(dice, 1u << dice_below(dice, 5));

	if (left == 0 && kind < INSERT)
		return size;
	if (kind == FLIP_BIT)
		bytes[at] ^= (uint8_t)(1u << dice_below(dice, 8));
	if (kind == SET_BYTE)
		bytes[at] = (uint8_t)dice_next(dice);
	if (kind == SET_EDGE)
		bytes[at] = edges[dice_below(dice, sizeof(edges))];
	if (kind == REMOVE) {
		n = n < left ? n : left;
		memmove(bytes + at, bytes + at + n, left - n);
		size -= n;
	}
	if (kind == INSERT || kind == REPEAT) {
		n = n < room - left ? n : room - left;
		memmove(bytes + at + n, bytes + at, left);
		if (kind == INSERT)
			dice_fill(dice, bytes + at, n);
		size += n;
	}
	if (kind == SPLICE && other->size > at) { /* the same offset, as far as it goes */
		n = other->size - at;
		memcpy(bytes + at, other->data + at, n);
		size = at + n;
	}
	return size;
}

/* Half of them keep each byte at its place, which what has a fixed layout does not survive else. */
static void run_mutated(struct dice *dice)
{
	static uint8_t bytes[INPUT_MAX];
	const struct file *file = &files[dice_below(dice, n_files)];
	u32 size = file->size, changes = 1u << dice_below(dice, 6);
	u32 kinds = dice_below(dice, 2) ? KINDS : KINDS_IN_PLACE;

	memcpy(bytes, file->data, size);
	while (changes--)
		size = mutate(dice, (enum kind)dice_below(dice, kinds), bytes, size);
	run_exactly(bytes, size);
}

static void run_many(void (*run_one)(struct dice *dice), u32 count)
{
	for (u64 round = 0; round < dice_rounds(); round++) {
		struct dice dice = { dice_seed() + round };

		printf("# SMM_TEST_SEED=%ju\n", (uintmax_t)dice.state);
		fflush(stdout);
		for (u32 i = 0; i < count; i++)
			run_one(&dice);
	}
}

/* All of it, as TAP has it. */
static void test(const char *program, u32 count, const char *folder)
{
	const char *name = strrchr(program, '/');
	char path[256];

	snprintf(path, sizeof(path), "crash-%s", name ? name + 1 : program);
	hand = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	check(hand >= 0, path);
	read_folder(folder);
	printf("1..3\n# the input in hand is in %s\n", path);
	run_files();
	puts("ok 1 - files");
	run_many(run_random, count);
	puts("ok 2 - random bytes");
	run_many(run_mutated, count);
	puts("ok 3 - mutated files");
	close(hand);
	unlink(path);
}

int main(int argc, char **argv)
{
	u32 count = argc == 3 ? (u32)strtoul(argv[1], NULL, 10) : 0;

	if (count) {
		test(argv[0], count, argv[2]);
	} else {
		for (int i = 1; i < argc; i++)
			read_file(argv[i]);
		run_files();
	}
	for (u32 i = 0; i < n_files; i++) {
		free(files[i].path);
		free(files[i].data);
	}
	return EXIT_SUCCESS;
}
