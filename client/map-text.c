/* SPDX-License-Identifier: BSD-3-Clause */
/* The map as characters: each stands for as many bytes, and shows what most of them are. */
#include "map.h"

#include <inttypes.h>
#include <wchar.h>

#include "fields.h"

#define ROWS_MAX   16u
#define CELLS_STEP 16u /* cells in a row are a multiple of it */
#define LABEL_MIN  8

struct canvas {
	const struct map *map;
	const struct map_style *style;
	FILE *out;
	uint32_t cell;    /* bytes of a character */
	uint32_t n_cells; /* in a row */
	int digits;       /* of an address */
};

/* What a character shows: a key, and in how many eighths of its bytes something is. */
struct cell {
	const struct map_key *key;
	unsigned int eighths;
};

/* Characters */

/* For terminals in colour: those of owners and blocks from 0 on, then that of many together. */
static const char *const colours[MAP_COLOURS + 1] = {
	"\033[36m", "\033[33m", "\033[32m", "\033[35m", "\033[34m", "\033[31m", "\033[96m",
	"\033[93m", "\033[92m", "\033[95m", "\033[94m", "\033[91m", "\033[37m",
};
#define BOLD  "\033[1m"
#define FAINT "\033[90m"
#define PLAIN "\033[0m"

static const struct {
	const char *utf8, *ascii;
} glyphs[] = {
	[MAP_FOREIGN] = { "▚", "%" }, [MAP_OTHERS] = { "░", "?" }, [MAP_UNKNOWN] = { "░", "?" },
	[MAP_STORE] = { "▒", "=" },   [MAP_FORMAT] = { "▓", "#" }, [MAP_FREE] = { "·", "." },
};

/* Without colours, a small letter is a character of which less than half is used. */
static void draw_letter(const struct canvas *c, const struct cell *cell)
{
	size_t colour = cell->key->colour;

	if (colour >= MAP_COLOURS)
		putc(cell->eighths < 4 ? '+' : '*', c->out);
	else
		putc((cell->eighths < 4 ? 'a' : 'A') + (int)colour, c->out);
}

static void draw_bar(const struct canvas *c, const struct cell *cell)
{
	static const char *const bars[] = { "▁", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };

	if (c->style->utf8)
		fputs(bars[cell->eighths], c->out);
	else
		draw_letter(c, cell);
}

static const char *colour_of(const struct canvas *c, const struct map_key *key)
{
	if (!c->style->colours)
		return "";
	return key->kind == MAP_BLOCK ? colours[key->colour] : FAINT;
}

static void draw_cell(const struct canvas *c, const struct cell *cell)
{
	if (cell->key->kind != MAP_BLOCK)
		fputs(c->style->utf8 ? glyphs[cell->key->kind].utf8 : glyphs[cell->key->kind].ascii,
		      c->out);
	else if (c->style->colours)
		draw_bar(c, cell);
	else
		draw_letter(c, cell);
}

/* The picture */

static bool is_background(const struct map_key *key)
{
	return key->kind == MAP_FREE || key->kind == MAP_UNKNOWN;
}

/* What the bytes from @from to @to are; @run is one that is not behind @from, and is moved on. */
static struct cell look(const struct map *map, uint32_t from, uint32_t to, uint64_t *bytes,
			size_t *run)
{
	struct cell cell = { 0 };
	uint64_t used = 0;

	memset(bytes, 0, map->n_keys * sizeof(*bytes));
	while (map->runs[*run].address + map->runs[*run].length <= from)
		++*run;
	for (size_t i = *run; i < map->n_runs && map->runs[i].address < to; i++) {
		const struct map_run *r = &map->runs[i];
		uint32_t end = r->address + r->length;
		uint32_t length = (end < to ? end : to) - (r->address > from ? r->address : from);

		bytes[r->key] += length;
		if (!is_background(&map->keys[r->key]))
			used += length;
	}
	for (size_t i = 0; i < map->n_keys; i++)
		if (bytes[i] && (!used || !is_background(&map->keys[i])) &&
		    (!cell.key || bytes[i] > bytes[cell.key - map->keys]))
			cell.key = &map->keys[i];
	cell.eighths = (unsigned int)((used * 8 + (to - from) / 2) / (to - from));
	return cell;
}

static void draw_row(const struct canvas *c, uint32_t from, uint64_t *bytes, size_t *run)
{
	const struct map *map = c->map;
	const char *now = "";

	fprintf(c->out, "%s%0*" PRIx32 "%s ", c->style->colours ? FAINT : "", c->digits, from,
		c->style->colours ? PLAIN : "");
	for (uint32_t i = 0; i < c->n_cells && from < map->chip.size; i++) {
		uint32_t left = map->chip.size - from, size = left < c->cell ? left : c->cell;
		struct cell cell = look(map, from, from + size, bytes, run);
		const char *colour = colour_of(c, cell.key);

		if (strcmp(colour, now) != 0)
			fputs(colour, c->out);
		now = colour;
		draw_cell(c, &cell);
		from += size;
	}
	fputs(c->style->colours ? PLAIN "\n" : "\n", c->out);
}

static int draw_rows(const struct canvas *c)
{
	_cleanup_free_ uint64_t *bytes = calloc(c->map->n_keys, sizeof(*bytes));
	size_t run = 0;

	if (!bytes)
		return -ENOMEM;
	for (uint64_t at = 0; at < c->map->chip.size; at += (uint64_t)c->cell * c->n_cells)
		draw_row(c, (uint32_t)at, bytes, &run);
	return 0;
}

/* The legend */

/* Prints as much of a label as has room, and fills up with spaces. */
static void print_label(const struct canvas *c, const char *label, int width)
{
	wchar_t wide[SMM_CLIENT_NAME_MAX + 1];
	size_t n = mbstowcs(wide, label, ARRAY_SIZE(wide));
	int used = n == (size_t)-1 ? -1 : wcswidth(wide, n);

	if (used < 0) { /* the terminal has no such characters */
		used = fprintf(c->out, "%.*s", width, label);
	} else if (used <= width) {
		fputs(label, c->out);
	} else {
		for (used = 0; used + wcwidth(wide[0]) < width; n--) {
			used += wcwidth(wide[0]);
			fprintf(c->out, "%lc", (wint_t)wide[0]);
			memmove(wide, wide + 1, n * sizeof(wide[0]));
		}
		fputs(c->style->utf8 ? "…" : "~", c->out);
		used++;
	}
	fprintf(c->out, "%*s", width - used, "");
}

static int width_of_label(const char *label)
{
	wchar_t wide[SMM_CLIENT_NAME_MAX + 1];
	size_t n = mbstowcs(wide, label, ARRAY_SIZE(wide));

	return n == (size_t)-1 ? (int)strlen(label) : wcswidth(wide, n);
}

/* Of the labels: as much as the longest wants, and the line has beside the rest. */
static int width_of_labels(const struct canvas *c)
{
	int most = (int)c->style->columns - c->digits - (int)strlen("  ## 1234567 100.0 %");
	int width = LABEL_MIN;

	for (size_t i = 0; i < c->map->n_keys; i++) {
		int one = width_of_label(c->map->keys[i].label);

		width = one > width ? one : width;
	}
	return width > most && most > LABEL_MIN ? most : width;
}

static void draw_key(const struct canvas *c, const struct map_key *key, int width)
{
	const struct cell full = { key, 8 };

	fprintf(c->out, "%*s%s", c->digits + 1, "", colour_of(c, key));
	draw_cell(c, &full);
	draw_cell(c, &full);
	fprintf(c->out, "%s ", c->style->colours ? PLAIN : "");
	print_label(c, key->label, width);
	fprintf(c->out, " %7" PRIu64 " %5.1f %%\n", key->bytes,
		100.0 * (double)key->bytes / c->map->chip.size);
}

static void draw_legend(const struct canvas *c)
{
	int width = width_of_labels(c);

	fprintf(c->out, "%*s%s%-*s   BYTES   SHARE%s\n", c->digits + 4, "",
		c->style->colours ? BOLD : "", width,
		c->map->by == MAP_BY_OWNER ? "OWNER" : "BLOCK", c->style->colours ? PLAIN : "");
	for (size_t i = 0; i < c->map->n_keys; i++)
		draw_key(c, &c->map->keys[i], width);
}

/* The figures */

static void print_figures(const struct canvas *c)
{
	const struct map *map = c->map;
	char text[SIZE_TEXT], largest[SIZE_TEXT];

	fprintf(c->out, ROW "%s", "Free", format_size(map->chip.free_size, text));
	if (map->n_free_runs > 1)
		fprintf(c->out, " in %" PRIu32 " runs, the largest of %s", map->n_free_runs,
			format_size(map->chip.largest_free, largest));
	else if (map->n_free_runs)
		fputs(" in one run", c->out);
	else if (map->chip.free_size)
		fprintf(c->out, ", at most %s in one run",
			format_size(map->chip.largest_free, largest));
	fputc('\n', c->out);
	if (map->n_hidden)
		fprintf(c->out, ROW "%s in %" PRIu32 " block%s that you may not see\n", "Others'",
			format_size(map->hidden, text), map->n_hidden,
			map->n_hidden == 1 ? "" : "s");
	else if (map->hidden)
		fprintf(c->out, ROW "%s that no block has\n", "In use",
			format_size(map->hidden, text));
	fprintf(c->out, ROW "%.1f %%\n", "Fragmentation", (double)map_fragmentation(map) / 10000);
}

/* The whole */

static void measure(struct canvas *c)
{
	uint32_t room;

	c->digits = snprintf(NULL, 0, "%" PRIx32, c->map->chip.size - 1);
	room = c->style->columns - (uint32_t)c->digits - 1;
	if (c->style->columns < CELLS_STEP + (uint32_t)c->digits + 1)
		room = CELLS_STEP;
	c->n_cells = room / CELLS_STEP * CELLS_STEP;
	c->cell = c->map->chip.granule;
	while ((uint64_t)c->cell * c->n_cells * ROWS_MAX < c->map->chip.size)
		c->cell *= 2;
}

int map_draw_text(const struct map *map, const struct map_style *style, FILE *out)
{
	struct canvas c = { .map = map, .style = style, .out = out };
	char size[SIZE_TEXT], cell[SIZE_TEXT];
	int r;

	measure(&c);
	if (style->legend)
		fprintf(out, "%s%s%s: %s, %s, a character is %s\n\n", style->colours ? BOLD : "",
			map->chip.name, style->colours ? PLAIN : "", map->chip.model,
			format_size(map->chip.size, size), format_size(c.cell, cell));
	r = draw_rows(&c);
	if (r < 0 || !style->legend)
		return r;
	fputc('\n', out);
	draw_legend(&c);
	fputc('\n', out);
	print_figures(&c);
	return 0;
}
