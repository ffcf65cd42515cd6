/* SPDX-License-Identifier: BSD-3-Clause */
/* smmctl map: a picture of the chip. */
#include <langinfo.h>
#include <pwd.h>
#include <stdio.h>

#include "errors.h"
#include "fields.h"
#include "map.h"
#include "save.h"

#define TRIES 10 /* until a list and the figures are of one moment */

/* The figures */

static uint32_t figure(smm_call *status, const char *name)
{
	uint64_t number;

	return smm_call_get_number(status, name, &number) < 0 ? 0 : (uint32_t)number;
}

static const char *word(smm_call *status, const char *name)
{
	const char *text;

	return smm_call_get_text(status, name, &text) < 0 ? "" : text;
}

static void take_chip(smm_call *status, struct map_chip *chip)
{
	*chip = (struct map_chip){
		.name = word(status, "Name"),
		.model = word(status, "Model"),
		.size = figure(status, "Size"),
		.usable_size = figure(status, "UsableSize"),
		.free_size = figure(status, "FreeSize"),
		.largest_free = figure(status, "LargestFree"),
		.granule = figure(status, "Granule"),
		.blocks = figure(status, "Blocks"),
	};
}

/* What a map points to. */
struct sources {
	smm_call *status, *list;
};

static void sources_release(struct sources *s)
{
	smm_call_unref(s->status);
	smm_call_unref(s->list);
	*s = (struct sources){ 0 };
}

/* Nobody knows what is on the chip; the name of the error leads to what can be done. */
static int no_map(struct smmctl *ctl, smm_call *status)
{
	const char *state = word(status, "State");
	bool readable = !strcmp(state, "blank") || !strcmp(state, "foreign");
	int r = failure(ctl, -EMEDIUMTYPE, "memory %s is %s; %s", word(status, "Name"), state,
			word(status, "StateReason"));

	ctl->error_name = strdup(readable ? ERROR_NOT_FORMATTED : ERROR_OFFLINE);
	return r;
}

static int try_to_make(struct smmctl *ctl, struct sources *s, struct map *map)
{
	const struct smm_client_block *blocks;
	struct map_chip chip;
	size_t n;
	int r;

	r = smm_client_list(ctl->client, &s->list);
	if (r >= 0)
		r = smm_client_status(ctl->client, &s->status);
	if (r >= 0)
		r = smm_call_get_blocks(s->list, &blocks, &n);
	if (r < 0)
		return r;
	take_chip(s->status, &chip);
	if (!chip.granule)
		return no_map(ctl, s->status);
	return map_make(map, &chip, ctl->by_block ? MAP_BY_BLOCK : MAP_BY_OWNER, blocks, n);
}

/* Somebody may make a block in the middle of it. */
static int make(struct smmctl *ctl, struct sources *s, struct map *map)
{
	int r = -ESTALE;

	for (int i = 0; r == -ESTALE && i < TRIES; i++) {
		map_done(map);
		*map = (struct map){ 0 };
		sources_release(s);
		r = try_to_make(ctl, s, map);
	}
	if (r == -ESTALE)
		return failure(ctl, r,
			       "the blocks change faster than they can be looked at; try again");
	return r;
}

/* Owners have names, where there is a user of that number. */
static void name_owners(struct map *map)
{
	for (size_t i = 0; map->by == MAP_BY_OWNER && i < map->n_keys; i++) {
		struct map_key *key = &map->keys[i];
		bool is_number = strspn(key->label, "0123456789") == strlen(key->label);
		const struct passwd *user = is_number ? getpwuid(key->who) : NULL;

		if (user)
			snprintf(key->label, sizeof(key->label), "%s", user->pw_name);
	}
}

/* Output */

static void print_map_json(const struct smmctl *ctl, const struct map *map)
{
	_cleanup_json_ json_object *object = json_object_new_object();
	json_object *runs = json_object_new_array();

	put_text(object, "Name", map->chip.name);
	put_number(object, "Size", map->chip.size);
	put_number(object, "FreeSize", map->chip.free_size);
	put_number(object, "LargestFree", map->chip.largest_free);
	if (map->n_free_runs || !map->chip.free_size)
		put_number(object, "FreeRuns", map->n_free_runs);
	put_number(object, "Hidden", map->hidden);
	for (size_t i = 0; i < map->n_runs; i++) {
		const struct map_run *run = &map->runs[i];
		json_object *row = json_object_new_object();

		put_number(row, "Address", run->address);
		put_number(row, "Length", run->length);
		put_text(row, "Kind", map_kind_name(run->kind));
		if (run->kind == MAP_BLOCK) {
			put_number(row, "Id", run->block->id);
			put_text(row, "Name", run->block->name);
			put_number(row, "Owner", run->block->uid);
		}
		json_object_array_add(runs, row);
	}
	json_object_object_add(object, "Runs", runs);
	print_json(&ctl->output, object);
}

static int draw(struct smmctl *ctl, const struct map *map)
{
	struct map_style style = {
		.columns = ctl->output.columns,
		.colours = ctl->output.colours,
		.utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8"),
		.legend = ctl->output.legend,
	};
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	int r = 0;

	if (!out)
		return -ENOMEM;
	if (ctl->svg)
		map_draw_svg(map, out);
	else
		r = map_draw_text(map, &style, out);
	if (fclose(out) != 0)
		r = -ENOMEM;
	return r < 0 ? r : save(ctl, text, size);
}

int cmd_map(struct smmctl *ctl, char **args)
{
	struct sources sources = { 0 };
	struct map map = { 0 };
	int r;

	(void)args;
	if (ctl->output.json && (ctl->svg || ctl->file))
		return usage_error(ctl,
				   "--json goes to standard output, without --svg and --output");
	r = make(ctl, &sources, &map);
	if (r >= 0) {
		name_owners(&map);
		if (ctl->output.json)
			print_map_json(ctl, &map);
		else
			r = draw(ctl, &map);
	}
	map_done(&map);
	sources_release(&sources);
	return r;
}
