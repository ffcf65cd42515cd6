/* SPDX-License-Identifier: BSD-3-Clause */
/* smmctl list: the blocks of a memory as a table. */
#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <libsmartcols.h>
#include <pwd.h>
#include <stdio.h>

#include "output.h"
#include "smmctl.h"
#include "util.h"

enum column {
	COLUMN_ID,
	COLUMN_NAME,
	COLUMN_SIZE,
	COLUMN_OWNER,
	COLUMN_GROUP,
	COLUMN_MODE,
	COLUMN_ADDRESS,
	COLUMN_GENERATION,
	N_COLUMNS,
};

static const struct {
	const char *title;
	int flags;
} columns[N_COLUMNS] = {
	[COLUMN_ID] = { "ID", SCOLS_FL_RIGHT },
	[COLUMN_NAME] = { "NAME", 0 },
	[COLUMN_SIZE] = { "SIZE", SCOLS_FL_RIGHT },
	[COLUMN_OWNER] = { "OWNER", 0 },
	[COLUMN_GROUP] = { "GROUP", 0 },
	[COLUMN_MODE] = { "MODE", 0 },
	[COLUMN_ADDRESS] = { "ADDRESS", SCOLS_FL_RIGHT },
	[COLUMN_GENERATION] = { "GENERATION", SCOLS_FL_RIGHT },
};

/* One row of org.smm1.Memory.List(). */
struct row {
	uint32_t id, size, uid, gid, mode, address;
	uint64_t generation;
	const char *name;
};

static int set_text(struct libscols_line *line, enum column column, const char *text)
{
	return scols_line_set_data(line, column, text);
}

static int set_number(struct libscols_line *line, enum column column, uint64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, number);
	return set_text(line, column, text);
}

static int set_owner(struct libscols_line *line, const struct row *row)
{
	const struct passwd *user = getpwuid(row->uid);
	const struct group *group = getgrgid(row->gid);
	int r;

	r = user ? set_text(line, COLUMN_OWNER, user->pw_name)
		 : set_number(line, COLUMN_OWNER, row->uid);
	if (r < 0)
		return r;
	return group ? set_text(line, COLUMN_GROUP, group->gr_name)
		     : set_number(line, COLUMN_GROUP, row->gid);
}

static int add_row(struct libscols_table *table, const struct row *row)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);
	char mode[MODE_TEXT];
	int r;

	if (!line)
		return -ENOMEM;
	if ((r = set_number(line, COLUMN_ID, row->id)) < 0 ||
	    (r = set_text(line, COLUMN_NAME, row->name)) < 0 ||
	    (r = set_number(line, COLUMN_SIZE, row->size)) < 0 || (r = set_owner(line, row)) < 0 ||
	    (r = set_text(line, COLUMN_MODE, format_mode(row->mode, mode))) < 0 ||
	    (r = set_number(line, COLUMN_ADDRESS, row->address)) < 0)
		return r;
	return set_number(line, COLUMN_GENERATION, row->generation);
}

static int add_rows(struct libscols_table *table, sd_bus_message *reply)
{
	struct row row;
	int r;

	r = sd_bus_message_enter_container(reply, 'a', "(usuuuuut)");
	if (r < 0)
		return r;
	while ((r = sd_bus_message_read(reply, "(usuuuuut)", &row.id, &row.name, &row.size,
					&row.uid, &row.gid, &row.mode, &row.address,
					&row.generation)) > 0) {
		r = add_row(table, &row);
		if (r < 0)
			return r;
	}
	return r;
}

static void unref_table(struct libscols_table **table)
{
	scols_unref_table(*table);
}

int cmd_list(struct smmctl *ctl, char **args, sd_bus_error *error)
{
	_cleanup_message_ sd_bus_message *reply = NULL;
	_cleanup_(unref_table) struct libscols_table *table = scols_new_table();
	int r;

	(void)args;
	if (!table)
		return -ENOMEM;
	for (size_t i = 0; i < N_COLUMNS; i++)
		if (!scols_table_new_column(table, columns[i].title, 0, columns[i].flags))
			return -ENOMEM;
	scols_table_enable_noheadings(table, !ctl->legend);

	r = remote_call(&ctl->remote, "List", &reply, error, NULL);
	if (r < 0)
		return r;
	r = add_rows(table, reply);
	if (r < 0)
		return r;

	if (scols_table_get_nlines(table) > 0)
		return scols_print_table(table);
	if (ctl->legend)
		puts("No blocks.");
	return 0;
}
