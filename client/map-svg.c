/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The map as SVG. All lengths are tenths of a pixel, so that they are whole numbers, which no
 * locale writes in its own way. The colours are of medium brightness: they can be read on white and
 * on black, and there is no background.
 */
#include "map.h"

#include <inttypes.h>
#include <string.h>

#include "output.h"

#define ROWS_MAX    16u
#define MARGIN      200u
#define LEFT        900u  /* of the rows, right of their addresses */
#define ROW_WIDTH   8000u /* of a whole row */
#define ROW_HEIGHT  200u
#define ROW_PITCH   230u
#define ROWS_TOP    840u
#define WIDTH       (LEFT + ROW_WIDTH + MARGIN)
#define LETTER      72u /* of a name in a run: what one needs, about */
#define NAME_MIN    4   /* letters, for which it is worth while */
#define LEGEND_LINE 220u
#define LEGEND_COLS 2u
#define LABEL_MAX   28 /* letters in the legend */

struct drawing {
	const struct map *map;
	FILE *out;
	uint32_t row; /* bytes */
};

static const char *const colours[MAP_COLOURS + 1] = {
	"#2f8fb5", "#c98a1b", "#4b9e4b", "#a767b8", "#d0654a", "#5b7fd6", "#1f9e8f",
	"#b8527f", "#8d8f2a", "#7d6fd0", "#a5763f", "#d2577a", "#8c8c8c",
};

static const char *fill_of(const struct map_key *key)
{
	static const char *const fills[] = {
		[MAP_FOREIGN] = "url(#foreign)", [MAP_OTHERS] = "url(#others)",
		[MAP_UNKNOWN] = "url(#others)",  [MAP_STORE] = "url(#store)",
		[MAP_FORMAT] = "url(#format)",   [MAP_FREE] = "none",
	};

	return key->kind == MAP_BLOCK ? colours[key->colour] : fills[key->kind];
}

/* Text */

/* Up to @max letters; -1 is all. */
static void print_text(FILE *out, const char *text, int max)
{
	for (; *text; text++) {
		bool first = ((unsigned char)*text & 0xc0) != 0x80;

		if (first && max-- == 0) {
			fputs("…", out);
			return;
		}
		if (*text == '&') {
			fputs("&amp;", out);
		} else if (*text == '<') {
			fputs("&lt;", out);
		} else {
			putc(*text, out);
		}
	}
}

/* The picture */

static uint32_t to_x(const struct drawing *d, uint32_t in_row)
{
	return (uint32_t)(LEFT + (uint64_t)in_row * ROW_WIDTH / d->row);
}

/* What belongs to the run, in words. */
static void print_title(const struct drawing *d, const struct map_run *run)
{
	const struct map_key *key = &d->map->keys[run->key];

	fputs("<title>", d->out);
	if (run->block && run->block->id) {
		print_text(d->out, run->block->name, -1);
		fprintf(d->out, "%sblock %" PRIu32 " of %s", *run->block->name ? ", " : "",
			run->block->id, d->map->by == MAP_BY_OWNER ? "" : "uid ");
		if (d->map->by == MAP_BY_OWNER)
			print_text(d->out, key->label, -1);
		else
			fprintf(d->out, "%" PRIu32, run->block->uid);
	} else {
		print_text(d->out, key->label, -1);
	}
	fprintf(d->out, ": %" PRIu32 " bytes at 0x%" PRIx32 "</title>", run->length, run->address);
}

/* A part of a run, in one row. */
static void draw_part(const struct drawing *d, const struct map_run *run, uint32_t from,
		      uint32_t to)
{
	const struct map_key *key = &d->map->keys[run->key];
	uint32_t row = from / d->row, y = ROWS_TOP + row * ROW_PITCH;
	uint32_t x = to_x(d, from - row * d->row), right = to_x(d, to - row * d->row);
	uint32_t gap = right - x > 20 ? 5 : 0;
	int room = (int)((right - x) / LETTER) - 1;
	const char *name = run->block ? run->block->name : "";

	fprintf(d->out,
		"<rect x=\"%" PRIu32 "\" y=\"%" PRIu32 "\" width=\"%" PRIu32
		"\" height=\"%u\" fill=\"%s\"%s>",
		x + gap, y, right - x > 2 * gap ? right - x - 2 * gap : 5, ROW_HEIGHT, fill_of(key),
		key->kind == MAP_FREE ? " class=\"free\"" : "");
	print_title(d, run);
	fputs("</rect>\n", d->out);
	if (*name && room > NAME_MIN) {
		fprintf(d->out, "<text class=\"name\" x=\"%" PRIu32 "\" y=\"%" PRIu32 "\">", x + 50,
			y + 140);
		print_text(d->out, name, room);
		fputs("</text>\n", d->out);
	}
}

static void draw_run(const struct drawing *d, const struct map_run *run)
{
	uint32_t end = run->address + run->length;

	for (uint32_t from = run->address, to; from < end; from = to) {
		to = (from / d->row + 1) * d->row;
		to = to < end ? to : end;
		draw_part(d, run, from, to);
	}
}

static void draw_addresses(const struct drawing *d)
{
	int digits = snprintf(NULL, 0, "%" PRIx32, d->map->chip.size - 1);

	for (uint32_t at = 0; at < d->map->chip.size; at += d->row)
		fprintf(d->out,
			"<text class=\"address\" x=\"%u\" y=\"%" PRIu32 "\">0x%0*" PRIx32
			"</text>\n",
			LEFT - 80, ROWS_TOP + at / d->row * ROW_PITCH + 145, digits, at);
}

/* The legend, in columns */

static void draw_key(const struct drawing *d, const struct map_key *key, uint32_t x, uint32_t y)
{
	char size[SIZE_TEXT];
	uint32_t whole = d->map->chip.size;
	uint32_t permille = (uint32_t)((key->bytes * 1000 + whole / 2) / whole);

	fprintf(d->out,
		"<rect x=\"%" PRIu32 "\" y=\"%" PRIu32
		"\" width=\"140\" height=\"140\" fill=\"%s\"%s/>\n",
		x, y, fill_of(key), key->kind == MAP_FREE ? " class=\"free\"" : "");
	fprintf(d->out, "<text x=\"%" PRIu32 "\" y=\"%" PRIu32 "\">", x + 220, y + 115);
	print_text(d->out, key->label, LABEL_MAX);
	fprintf(d->out,
		"</text><text class=\"number\" x=\"%" PRIu32 "\" y=\"%" PRIu32
		"\">%s</text><text class=\"number\" x=\"%" PRIu32 "\" y=\"%" PRIu32 "\">%" PRIu32
		".%" PRIu32 " %%</text>\n",
		x + 3000, y + 115, format_size(key->bytes, size), x + 3700, y + 115, permille / 10,
		permille % 10);
}

static uint32_t draw_legend(const struct drawing *d, uint32_t y)
{
	size_t n = d->map->n_keys, lines = (n + LEGEND_COLS - 1) / LEGEND_COLS;

	for (size_t i = 0; i < n; i++)
		draw_key(d, &d->map->keys[i], LEFT + (uint32_t)(i / lines) * 4200,
			 y + (uint32_t)(i % lines) * LEGEND_LINE);
	return y + (uint32_t)lines * LEGEND_LINE;
}

/* The words around it */

static void print_figures(const struct drawing *d, uint32_t y)
{
	const struct map *map = d->map;
	uint32_t permille = (map_fragmentation(map) + 500) / 1000;
	char text[SIZE_TEXT];

	fprintf(d->out, "<text x=\"%u\" y=\"%" PRIu32 "\">Free: %s", LEFT, y,
		format_size(map->chip.free_size, text));
	if (map->n_free_runs == 1)
		fputs(" in one run", d->out);
	else if (map->n_free_runs)
		fprintf(d->out, " in %" PRIu32 " runs", map->n_free_runs);
	if (map->n_free_runs != 1 && map->chip.free_size)
		fprintf(d->out, ", at most %s in one", format_size(map->chip.largest_free, text));
	fprintf(d->out, "; fragmentation %" PRIu32 ".%" PRIu32 " %%", permille / 10, permille % 10);
	if (map->n_hidden)
		fprintf(d->out, "; others have %s in %" PRIu32 " block%s",
			format_size(map->hidden, text), map->n_hidden,
			map->n_hidden == 1 ? "" : "s");
	fputs("</text>\n", d->out);
}

static const char style[] =
	"<style>\n"
	"text { font: 130px system-ui, 'DejaVu Sans', sans-serif; fill: #7a7a7a }\n"
	".title { font-size: 200px; font-weight: bold }\n"
	".address { font-family: monospace; text-anchor: end }\n"
	".number { text-anchor: end }\n"
	".name { font-size: 115px; fill: #fff }\n"
	".free { stroke: #8c8c8c; stroke-opacity: .45; stroke-width: 8 }\n"
	"</style>\n";

static void print_pattern(FILE *out, const char *name, const char *colour, unsigned int width,
			  int angle)
{
	fprintf(out,
		"<pattern id=\"%s\" width=\"60\" height=\"60\" patternUnits=\"userSpaceOnUse\" "
		"patternTransform=\"rotate(%d)\"><rect width=\"60\" height=\"60\" "
		"fill=\"%s\" fill-opacity=\".25\"/><rect width=\"%u\" height=\"60\" "
		"fill=\"%s\"/></pattern>\n",
		name, angle, colour, width, colour);
}

static void print_patterns(FILE *out)
{
	fputs("<defs>\n", out);
	print_pattern(out, "format", "#7a7a7a", 45, 0);
	print_pattern(out, "store", "#7a7a7a", 30, 45);
	print_pattern(out, "others", "#8c8c8c", 12, -45);
	print_pattern(out, "foreign", "#b8527f", 20, 90);
	fputs("</defs>\n", out);
}

void map_draw_svg(const struct map *map, FILE *out)
{
	struct drawing d = { .map = map, .out = out, .row = map->chip.granule };
	uint32_t n_rows, legend, height;
	size_t lines = (map->n_keys + LEGEND_COLS - 1) / LEGEND_COLS;
	char size[SIZE_TEXT];

	while ((uint64_t)d.row * ROWS_MAX < map->chip.size)
		d.row *= 2;
	n_rows = (map->chip.size + d.row - 1) / d.row;
	legend = ROWS_TOP + n_rows * ROW_PITCH + 200;
	height = legend + (uint32_t)lines * LEGEND_LINE + 400;
	fprintf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"%" PRIu32
		"\" viewBox=\"0 0 %u %" PRIu32 "\">\n",
		WIDTH / 10, height / 10, WIDTH, height);
	fputs(style, out);
	print_patterns(out);
	fprintf(out, "<text class=\"title\" x=\"%u\" y=\"360\">", LEFT);
	print_text(out, map->chip.name, -1);
	fprintf(out, "</text>\n<text x=\"%u\" y=\"600\">", LEFT);
	print_text(out, map->chip.model, -1);
	fprintf(out, ", %s", format_size(map->chip.size, size));
	fprintf(out, "; a row is %s</text>\n", format_size(d.row, size));
	draw_addresses(&d);
	for (size_t i = 0; i < map->n_runs; i++)
		draw_run(&d, &map->runs[i]);
	print_figures(&d, draw_legend(&d, legend) + 200);
	fputs("</svg>\n", out);
}
