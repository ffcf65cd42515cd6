/* SPDX-License-Identifier: BSD-3-Clause */
/* smmctl list and show: which blocks there are, and all about some of them. */
#include <inttypes.h>
#include <stdio.h>

#include "fields.h"
#include "smmctl.h"

/* List */

static const struct column columns[] = {
	{ .title = "ID", .key = "Id", .right = true },
	{ .title = "NAME", .key = "Name" },
	{ .title = "SIZE", .key = "Size", .form = FORM_SIZE, .right = true },
	{ .title = "OWNER", .key = "Owner", .form = FORM_USER },
	{ .title = "GROUP", .key = "Group", .form = FORM_GROUP },
	{ .title = "MODE", .key = "Mode", .form = FORM_MODE },
	{ .title = "ADDRESS", .key = "Address", .right = true },
	{ .title = "GENERATION", .key = "Generation", .right = true },
};

static json_object *json_of_block(const struct smm_client_block *block)
{
	json_object *row = json_object_new_object();

	put_number(row, "Id", block->id);
	put_text(row, "Name", block->name);
	put_number(row, "Size", block->size);
	put_number(row, "Owner", block->uid);
	put_number(row, "Group", block->gid);
	put_number(row, "Mode", block->mode);
	put_number(row, "Address", block->address);
	put_number(row, "Generation", block->generation);
	return row;
}

int cmd_list(struct smmctl *ctl, char **args)
{
	_cleanup_json_ json_object *rows = json_object_new_array();
	_cleanup_call_ smm_call *call = NULL;
	const struct smm_client_block *blocks;
	size_t n;
	int r;

	(void)args;
	r = smm_client_list(ctl->client, &call);
	if (r >= 0)
		r = smm_call_get_blocks(call, &blocks, &n);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		json_object_array_add(rows, json_of_block(&blocks[i]));
	return print_rows(&ctl->output, rows, columns, ARRAY_SIZE(columns), "No blocks.");
}

/* Show */

static const struct column rows[] = {
	{ .title = "Name", .key = "Name" },
	{ .title = "Kind", .key = "Kind" },
	{ .title = "Size", .key = "Size", .form = FORM_SIZE },
	{ .title = "Owner", .key = "Owner", .form = FORM_USER },
	{ .title = "Group", .key = "Group", .form = FORM_GROUP },
	{ .title = "Mode", .key = "Mode", .form = FORM_MODE },
	{ .title = "Address", .key = "Address" },
	{ .title = "Generation", .key = "Generation" },
	{ .title = "Checksummed", .key = "Checksummed", .form = FORM_YES_NO },
};

static int print_block(const struct output *output, json_object *block)
{
	const char *id = json_object_get_string(json_object_object_get(block, "Id"));

	printf("%sblock %s%s\n", colour(output, COLOUR_HEADING), id, colour(output, COLOUR_NONE));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *text = format_value(output, block, rows[i].key, rows[i].form);

		if (!text)
			return -ENOMEM;
		printf(ROW "%s\n", rows[i].title, text);
	}
	return 0;
}

static int add_block(struct smmctl *ctl, const char *block, json_object *blocks)
{
	_cleanup_call_ smm_call *call = NULL;
	uint32_t id;
	int r;

	r = find_block(ctl, block, &id);
	if (r >= 0)
		r = smm_client_block_info(ctl->client, id, &call);
	if (r >= 0)
		json_object_array_add(blocks, json_of_properties(call));
	return r;
}

int cmd_show(struct smmctl *ctl, char **args)
{
	_cleanup_json_ json_object *blocks = json_object_new_array();
	int r = 0;

	for (; r >= 0 && *args; args++)
		r = add_block(ctl, *args, blocks);
	if (r < 0)
		return r;
	if (ctl->output.json)
		print_json(&ctl->output, blocks);
	else
		for (size_t i = 0; r >= 0 && i < json_object_array_length(blocks); i++)
			r = print_block(&ctl->output, json_object_array_get_idx(blocks, i));
	return r;
}
