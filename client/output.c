/* SPDX-License-Identifier: BSD-3-Clause */
#include "output.h"

#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <libsmartcols.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "util.h"

#define DUMP_WIDTH 16u

/* Colours */

static const char *const sequences[N_COLOURS] = {
	[COLOUR_NONE] = "\033[0m", [COLOUR_GOOD] = "\033[32m",   [COLOUR_WARNING] = "\033[33m",
	[COLOUR_BAD] = "\033[31m", [COLOUR_HEADING] = "\033[1m", [COLOUR_FAINT] = "\033[2m",
};

static unsigned int width_of_terminal(void)
{
	struct winsize size;

	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || !size.ws_col ? 80 : size.ws_col;
}

void output_init(struct output *output)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	output->terminal = isatty(STDOUT_FILENO);
	output->dumb = !term || strcmp(term, "dumb") == 0;
	output->colours = output->terminal && !output->dumb && !(no_color && *no_color);
	output->columns = width_of_terminal();
}

void output_is_file(struct output *output)
{
	output->terminal = output->colours = false;
	output->columns = 80;
}

const char *colour(const struct output *output, enum colour colour)
{
	return output->colours ? sequences[colour] : "";
}

enum colour state_colour(const char *state)
{
	if (!strcmp(state, "online"))
		return COLOUR_GOOD;
	if (!strcmp(state, "loading") || !strcmp(state, "blank") || !strcmp(state, "read-only"))
		return COLOUR_WARNING;
	return COLOUR_BAD;
}

/* JSON */

void put_text(json_object *object, const char *key, const char *text)
{
	json_object_object_add(object, key, json_object_new_string(text));
}

void put_number(json_object *object, const char *key, uint64_t number)
{
	json_object_object_add(object, key, json_object_new_uint64(number));
}

const char *get_text(json_object *object, const char *key)
{
	json_object *value = json_object_object_get(object, key);

	return value ? json_object_get_string(value) : "";
}

uint64_t get_number(json_object *object, const char *key)
{
	return json_object_get_uint64(json_object_object_get(object, key));
}

void print_json(const struct output *output, json_object *value)
{
	int flags = JSON_C_TO_STRING_NOSLASHESCAPE;

	if (output->json == JSON_PRETTY)
		flags |= JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_PRETTY_TAB |
			 JSON_C_TO_STRING_SPACED;
	puts(json_object_to_json_string_ext(value, flags));
}

/* Values for people */

const char *format_size(uint64_t bytes, char text[SIZE_TEXT])
{
	if (bytes < 1024)
		snprintf(text, SIZE_TEXT, "%" PRIu64 " bytes", bytes);
	else if (bytes < 1024 * 1024)
		snprintf(text, SIZE_TEXT, "%.4g KiB", (double)bytes / 1024);
	else
		snprintf(text, SIZE_TEXT, "%.4g MiB", (double)bytes / (1024 * 1024));
	return text;
}

/* Short for people, exact for whoever reads a pipe. */
static int print_short_size(const struct output *output, uint64_t bytes, char **text)
{
	uint64_t unit = bytes < 1024 * 1024 ? 1024 : 1024 * 1024, tenths = bytes * 10 / unit;
	char letter = unit == 1024 ? 'K' : 'M';

	if (!output->terminal || bytes < 1024)
		return asprintf(text, "%" PRIu64, bytes);
	if (tenths % 10)
		return asprintf(text, "%" PRIu64 ".%" PRIu64 "%c", tenths / 10, tenths % 10,
				letter);
	return asprintf(text, "%" PRIu64 "%c", tenths / 10, letter);
}

static int print_mode(uint32_t mode, char **text)
{
	char letters[] = "rwxrwxrwx";

	for (unsigned int i = 0; letters[i]; i++)
		if (!(mode & 0400u >> i))
			letters[i] = '-';
	*text = strdup(letters);
	return *text ? 0 : -1;
}

static int print_id(uint32_t id, const char *name, char **text)
{
	if (!name)
		return asprintf(text, "%" PRIu32, id);
	*text = strdup(name);
	return *text ? 0 : -1;
}

static int print_user(uint32_t uid, char **text)
{
	const struct passwd *user = getpwuid(uid);

	return print_id(uid, user ? user->pw_name : NULL, text);
}

static int print_group(uint32_t gid, char **text)
{
	const struct group *group = getgrgid(gid);

	return print_id(gid, group ? group->gr_name : NULL, text);
}

static int print_plain(json_object *value, char **text)
{
	const char *plain = value ? json_object_get_string(value) : "";

	*text = strdup(plain);
	return *text ? 0 : -1;
}

char *format_value(const struct output *output, json_object *object, const char *key,
		   enum form form)
{
	json_object *value = json_object_object_get(object, key);
	uint64_t number = value ? json_object_get_uint64(value) : 0;
	char *text = NULL;
	int r = -1;

	switch (form) {
	case FORM_PLAIN:
		r = print_plain(value, &text);
		break;
	case FORM_SIZE:
		r = print_short_size(output, number, &text);
		break;
	case FORM_MODE:
		r = print_mode((uint32_t)number, &text);
		break;
	case FORM_USER:
		r = print_user((uint32_t)number, &text);
		break;
	case FORM_GROUP:
		r = print_group((uint32_t)number, &text);
		break;
	case FORM_YES_NO:
		r = asprintf(&text, "%s", json_object_get_boolean(value) ? "yes" : "no");
		break;
	}
	return r < 0 ? NULL : text;
}

/* Tables */

DEFINE_CLEANUP(struct libscols_table *, scols_unref_table);

static int add_columns(const struct output *output, struct libscols_table *table,
		       const struct column *columns, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct libscols_column *column = scols_table_new_column(
			table, columns[i].title, 0, columns[i].right ? SCOLS_FL_RIGHT : 0);
		int r;

		if (!column)
			return -ENOMEM;
		r = scols_cell_set_color(scols_column_get_header(column),
					 output->colours ? sequences[COLOUR_HEADING] : NULL);
		if (r < 0)
			return r;
	}
	return 0;
}

static int add_row(const struct output *output, struct libscols_table *table, json_object *row,
		   const struct column *columns, size_t n)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);

	if (!line)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		char *text = format_value(output, row, columns[i].key, columns[i].form);
		int r = text ? scols_line_refer_data(line, i, text) : -ENOMEM;

		if (r < 0) {
			free(text);
			return r;
		}
	}
	return 0;
}

static int print_table(const struct output *output, json_object *rows, const struct column *columns,
		       size_t n)
{
	_cleanup_(scols_unref_tablep) struct libscols_table *table = scols_new_table();
	int r;

	if (!table)
		return -ENOMEM;
	scols_table_enable_noheadings(table, !output->legend);
	scols_table_enable_colors(table, output->colours);
	r = add_columns(output, table, columns, n);
	for (size_t i = 0; r >= 0 && i < json_object_array_length(rows); i++)
		r = add_row(output, table, json_object_array_get_idx(rows, i), columns, n);
	return r < 0 ? r : scols_print_table(table);
}

int print_rows(const struct output *output, json_object *rows, const struct column *columns,
	       size_t n_columns, const char *none)
{
	if (output->json) {
		print_json(output, rows);
		return 0;
	}
	if (json_object_array_length(rows))
		return print_table(output, rows, columns, n_columns);
	if (output->legend)
		puts(none);
	return 0;
}

/* Content */

static void print_dump_line(const struct output *output, size_t offset, const unsigned char *bytes,
			    size_t count)
{
	printf("%s%08zx%s ", colour(output, COLOUR_FAINT), offset, colour(output, COLOUR_NONE));
	for (size_t i = 0; i < DUMP_WIDTH; i++) {
		if (i == DUMP_WIDTH / 2)
			putchar(' ');
		if (i < count)
			printf(" %02x", bytes[i]);
		else
			fputs("   ", stdout);
	}
	fputs("  |", stdout);
	for (size_t i = 0; i < count; i++)
		putchar(isascii(bytes[i]) && isprint(bytes[i]) ? bytes[i] : '.');
	puts("|");
}

void print_content(const struct output *output, const void *data, size_t size)
{
	const unsigned char *bytes = data;

	if (!output->terminal) {
		fwrite(data, 1, size, stdout);
		return;
	}
	for (size_t offset = 0; offset < size; offset += DUMP_WIDTH)
		print_dump_line(output, offset, bytes + offset,
				size - offset < DUMP_WIDTH ? size - offset : DUMP_WIDTH);
}
