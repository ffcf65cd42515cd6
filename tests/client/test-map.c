/* SPDX-License-Identifier: BSD-3-Clause */
/* The map of a memory: what is put together from a list of blocks, and what is drawn of it. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <cmocka.h>

#include "map.h"
#include "util.h"

/* The store of 512 bytes that FORMAT.md prints: 40 bytes of superblock and map, 228 of the store's
 * own, and behind them the block gain of 32 + 4 + 4 bytes. */
static const struct map_chip small = {
	.name = "fram0",
	.model = "demo",
	.size = 512,
	.usable_size = 472,
	.free_size = 204,
	.largest_free = 204,
	.granule = 4,
	.blocks = 1,
};

static struct smm_client_block block(uint32_t id, const char *name, uint32_t size, uint32_t uid,
				     uint32_t address)
{
	struct smm_client_block b = { .id = id, .size = size, .uid = uid, .address = address };

	strcpy(b.name, name);
	return b;
}

static void check_run(const struct map *map, size_t i, enum map_kind kind, uint32_t address,
		      uint32_t length)
{
	assert_in_range(i, 0, map->n_runs - 1);
	assert_int_equal(map->runs[i].kind, kind);
	assert_int_equal(map->runs[i].address, address);
	assert_int_equal(map->runs[i].length, length);
}

static const struct map_key *key_of(const struct map *map, enum map_kind kind)
{
	for (size_t i = 0; i < map->n_keys; i++)
		if (map->keys[i].kind == kind)
			return &map->keys[i];
	fail();
	return NULL;
}

/* Runs go from 0 to the end, and each is in one key. */
static void check_whole(const struct map *map)
{
	uint64_t at = 0, bytes = 0;

	for (size_t i = 0; i < map->n_runs; i++) {
		assert_int_equal(map->runs[i].address, at);
		assert_int_equal(map->keys[map->runs[i].key].kind, map->runs[i].kind);
		at += map->runs[i].length;
	}
	for (size_t i = 0; i < map->n_keys; i++)
		bytes += map->keys[i].bytes;
	assert_int_equal(at, map->chip.size);
	assert_int_equal(bytes, map->chip.size);
}

static void the_example_of_the_format(void **state)
{
	const struct smm_client_block gain = block(1, "gain", 4, 1000, 0x10c);
	struct map map;

	(void)state;
	assert_int_equal(map_make(&map, &small, MAP_BY_OWNER, &gain, 1), 0);
	assert_int_equal(map.n_runs, 4);
	check_run(&map, 0, MAP_FORMAT, 0, 0x28);
	check_run(&map, 1, MAP_STORE, 0x28, 0xe4);
	check_run(&map, 2, MAP_BLOCK, 0x10c, 40);
	check_run(&map, 3, MAP_FREE, 0x134, 204);
	check_whole(&map);
	assert_int_equal(map.n_free_runs, 1);
	assert_int_equal(map.hidden, 0);
	assert_int_equal(map_fragmentation(&map), 0);
	assert_string_equal(key_of(&map, MAP_BLOCK)->label, "1000");
	map_done(&map);
}

static void gaps_are_free_if_all_is_seen(void **state)
{
	const struct smm_client_block blocks[] = {
		block(2, "b", 7, 1, 0x180), /* 40 bytes */
		block(1, "a", 3, 2, 0x10c), /* 36 bytes */
		block(0, "", 12, 0, 0x130),
	};
	struct map_chip chip = small;
	struct map map;

	(void)state;
	chip.free_size = 512 - 0x10c - 36 - 40 - 12;
	chip.largest_free = 512 - 0x180 - 40;
	chip.blocks = 2;
	assert_int_equal(map_make(&map, &chip, MAP_BY_BLOCK, blocks, 3), 0);
	check_run(&map, 2, MAP_BLOCK, 0x10c, 36);
	check_run(&map, 3, MAP_FOREIGN, 0x130, 12);
	check_run(&map, 4, MAP_FREE, 0x13c, 0x180 - 0x13c);
	check_run(&map, 5, MAP_BLOCK, 0x180, 40);
	check_run(&map, 6, MAP_FREE, 0x1a8, 88);
	check_whole(&map);
	assert_int_equal(map.n_free_runs, 2);
	assert_in_range(map_fragmentation(&map), 435897, 435898); /* 1 - 88 / 156 */
	map_done(&map);
}

static void gaps_are_unknown_if_somebody_else_has_of_them(void **state)
{
	const struct smm_client_block mine = block(1, "a", 3, 2, 0x10c);
	struct map_chip chip = small;
	struct map map;

	(void)state;
	chip.free_size = 100;
	chip.largest_free = 60;
	chip.blocks = 3;
	assert_int_equal(map_make(&map, &chip, MAP_BY_OWNER, &mine, 1), 0);
	check_run(&map, 3, MAP_UNKNOWN, 0x130, 512 - 0x130);
	check_whole(&map);
	assert_int_equal(map.hidden, 512 - 0x130 - 100);
	assert_int_equal(map.n_hidden, 2);
	assert_int_equal(map.n_free_runs, 0);
	map_done(&map);

	chip.free_size = chip.largest_free = 0; /* then they are not free */
	assert_int_equal(map_make(&map, &chip, MAP_BY_OWNER, &mine, 1), 0);
	check_run(&map, 3, MAP_OTHERS, 0x130, 512 - 0x130);
	assert_int_equal(map_fragmentation(&map), 0);
	map_done(&map);
}

static void what_cannot_be_of_one_moment(void **state)
{
	struct smm_client_block blocks[] = {
		block(1, "a", 3, 2, 0x10c), block(2, "b", 3, 2, 0x120), /* in the first one */
	};
	struct map_chip chip = small;
	struct map map;

	(void)state;
	chip.blocks = 2;
	chip.free_size = 0;
	assert_int_equal(map_make(&map, &chip, MAP_BY_OWNER, blocks, 2), -ESTALE);
	map_done(&map);
	blocks[1].address = 500; /* behind the end */
	assert_int_equal(map_make(&map, &chip, MAP_BY_OWNER, blocks, 2), -ESTALE);
	map_done(&map);
	blocks[1].address = 0x130;
	assert_int_equal(map_make(&map, &chip, MAP_BY_OWNER, blocks, 2), 0);
	map_done(&map);
	chip.free_size = 300; /* more than there is room for */
	assert_int_equal(map_make(&map, &chip, MAP_BY_OWNER, blocks, 2), -ESTALE);
	map_done(&map);
	chip.free_size = 0;
	chip.blocks = 1; /* fewer than are seen */
	assert_int_equal(map_make(&map, &chip, MAP_BY_OWNER, blocks, 2), -ESTALE);
	map_done(&map);
	chip.usable_size = 513; /* more than there is */
	assert_int_equal(map_make(&map, &chip, MAP_BY_OWNER, NULL, 0), -ESTALE);
	map_done(&map);
}

/* @n blocks of 36 bytes, each of its own user, the first @large of them with 40. */
static void make_many(struct map *map, enum map_by by, struct smm_client_block *blocks, size_t n,
		      size_t large)
{
	struct map_chip chip = { .name = "m",
				 .model = "",
				 .size = 8192,
				 .usable_size = 7672,
				 .granule = 4,
				 .blocks = (uint32_t)n };
	uint32_t at = 8192 - 7672 + 228;

	for (size_t i = 0; i < n; i++) {
		blocks[i] = block((uint32_t)i + 1, "x", i < large ? 7 : 3, (uint32_t)i, at);
		at += i < large ? 40 : 36;
	}
	chip.free_size = chip.largest_free = 8192 - at;
	assert_int_equal(map_make(map, &chip, by, blocks, n), 0);
	check_whole(map);
}

static void more_keys_than_colours_are_one_together(void **state)
{
	struct smm_client_block blocks[40];
	struct map map;

	(void)state;
	make_many(&map, MAP_BY_OWNER, blocks, MAP_COLOURS + 1, 0);
	assert_int_equal(map.n_keys, MAP_COLOURS + 4);
	map_done(&map);

	make_many(&map, MAP_BY_BLOCK, blocks, 40, 2);
	assert_int_equal(map.n_keys, MAP_COLOURS + 4);
	for (size_t i = 0; i < MAP_COLOURS; i++) {
		assert_int_equal(map.keys[i].colour, i);
		assert_int_equal(map.keys[i].n, 1);
		assert_int_equal(map.keys[i].bytes, i < 2 ? 40 : 36); /* the largest first */
	}
	assert_int_equal(map.keys[MAP_COLOURS].colour, MAP_COLOURS);
	assert_int_equal(map.keys[MAP_COLOURS].n, 40 - MAP_COLOURS);
	assert_int_equal(map.keys[MAP_COLOURS].bytes, (40 - MAP_COLOURS) * 36);
	assert_string_equal(map.keys[MAP_COLOURS].label, "28 other blocks");
	map_done(&map);

	make_many(&map, MAP_BY_OWNER, blocks, 40, 0);
	assert_string_equal(map.keys[MAP_COLOURS].label, "28 other owners");
	map_done(&map);
}

/* Drawing */

static char *draw(const struct map *map, unsigned int columns, bool colours, bool utf8)
{
	const struct map_style style = {
		.columns = columns, .colours = colours, .utf8 = utf8, .legend = true
	};
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(map_draw_text(map, &style, out), 0);
	fclose(out);
	return text;
}

static void a_picture_in_ascii(void **state)
{
	static const char expected[] = "fram0: demo, 512 bytes, a character is 4 bytes\n"
				       "\n"
				       "000 ##########======\n"
				       "040 ================\n"
				       "080 ================\n"
				       "0c0 ================\n"
				       "100 ===AAAAAAAAAA...\n"
				       "140 ................\n"
				       "180 ................\n"
				       "1c0 ................\n"
				       "\n"
				       "       OWNER                BYTES   SHARE\n"
				       "    AA 1000                    40   7.8 %\n"
				       "    == the store's own        228  44.5 %\n"
				       "    ## superblock and map      40   7.8 %\n"
				       "    .. free                   204  39.8 %\n"
				       "\n"
				       "              Free: 204 bytes in one run\n"
				       "     Fragmentation: 0.0 %\n";
	struct smm_client_block gain = block(1, "gain", 4, 1000, 0x10c);
	_cleanup_free_ char *text = NULL;
	struct map map;

	(void)state;
	assert_int_equal(map_make(&map, &small, MAP_BY_OWNER, &gain, 1), 0);
	text = draw(&map, 20, false, false);
	assert_string_equal(text, expected);
	map_done(&map);
}

/* One block of @size bytes at the end of a chip of 8 KiB that has no other. */
static char *draw_one(const char *name, uint32_t size, unsigned int columns, bool colours,
		      bool utf8)
{
	uint32_t room = (32 + (uint32_t)strlen(name) + size + 3) & ~3u;
	struct smm_client_block b = block(1, name, size, 5, 8192 - room);
	struct map_chip chip = { .name = "m",
				 .model = "",
				 .size = 8192,
				 .usable_size = 7672,
				 .free_size = 7672 - 228 - room,
				 .largest_free = 7672 - 228 - room,
				 .granule = 4,
				 .blocks = 1 };
	struct map map;
	char *text;

	assert_int_equal(map_make(&map, &chip, MAP_BY_BLOCK, &b, 1), 0);
	check_whole(&map);
	text = draw(&map, columns, colours, utf8);
	map_done(&map);
	return text;
}

/* 16 cells of 32 bytes in a row: the block has 52 bytes of the last two, or 44. */
static void what_fills_a_part_of_a_character(void **state)
{
	_cleanup_free_ char *more = draw_one("x", 19, 24, false, false);
	_cleanup_free_ char *less = draw_one("x", 11, 24, false, true);
	_cleanup_free_ char *bars = draw_one("x", 11, 24, true, true);

	(void)state;
	assert_non_null(strstr(more, "1e00 ..............AA\n"));
	assert_non_null(strstr(less, "1e00 ··············aA\n"));
	assert_non_null(strstr(bars, "·\033[36m▃█\033[0m\n"));
}

static void rows_fit_into_the_terminal(void **state)
{
	(void)state;
	for (unsigned int columns = 21; columns < 300; columns++) {
		_cleanup_free_ char *text = draw_one("x", 100, columns, false, false);
		char *row = strchr(text, '\n') + 2;
		size_t length = strcspn(row, "\n");

		assert_in_range(length, columns < 36 ? 21 : columns - 15, columns);
		for (size_t n = 0; *row != '\n'; n++, row += strcspn(row, "\n") + 1)
			assert_in_range(n, 0, 15);
	}
}

static void names_that_are_too_long_for_the_terminal(void **state)
{
	static const char name[] = "temperature-öffsets-of-all-sensors-in-the-cabinet-of-the-lab";
	_cleanup_free_ char *cut = draw_one(name, 10, 60, false, true);
	_cleanup_free_ char *whole = draw_one(name, 10, 90, false, true);

	(void)state;
	assert_non_null(strstr(cut, " temperature-öffsets-of-all-sensors-… "));
	assert_non_null(strstr(whole, name));
	for (char *line = strstr(cut, "BLOCK"); line && *line;) {
		wchar_t wide[128];
		char *end = strchr(line, '\n');

		*end = 0;
		assert_in_range(mbstowcs(wide, line, 128), 0, 60);
		line = end + 1;
	}
}

static void colours_are_switched_off_again(void **state)
{
	_cleanup_free_ char *text = draw_one("x", 19, 24, true, true);
	char *from = text, *end;

	(void)state;
	for (; (end = strchr(from, '\n')); from = end + 1) {
		char *last = NULL;

		*end = 0;
		for (char *escape = from; (escape = strchr(escape, '\033')); escape++)
			last = escape;
		if (last)
			assert_int_equal(strncmp(last, "\033[0m", 4), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_of_the_format),
		cmocka_unit_test(gaps_are_free_if_all_is_seen),
		cmocka_unit_test(gaps_are_unknown_if_somebody_else_has_of_them),
		cmocka_unit_test(what_cannot_be_of_one_moment),
		cmocka_unit_test(more_keys_than_colours_are_one_together),
		cmocka_unit_test(a_picture_in_ascii),
		cmocka_unit_test(what_fills_a_part_of_a_character),
		cmocka_unit_test(rows_fit_into_the_terminal),
		cmocka_unit_test(names_that_are_too_long_for_the_terminal),
		cmocka_unit_test(colours_are_switched_off_again),
	};

	setlocale(LC_ALL, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
