/* SPDX-License-Identifier: BSD-3-Clause */
/* smmctl status: what each memory is, what backs it, and how full it is. */
#include <inttypes.h>
#include <stdio.h>

#include "fields.h"
#include "smmctl.h"

static const char *text_of(json_object *memory, const char *name)
{
	json_object *value = json_object_object_get(memory, name);

	return value ? json_object_get_string(value) : "";
}

static uint64_t number_of(json_object *memory, const char *name)
{
	return json_object_get_uint64(json_object_object_get(memory, name));
}

static void print_chip(json_object *memory)
{
	const char *identification = text_of(memory, "Identification");
	uint64_t size = number_of(memory, "Size"), speed = number_of(memory, "BusSpeed");
	char text[SIZE_TEXT];

	if (size)
		printf(ROW "%s (%s), %s\n", "Chip", text_of(memory, "Model"),
		       text_of(memory, "Technology"), format_size(size, text));
	if (*identification)
		printf(ROW "%s\n", "Identified", identification);
	printf(ROW "%s, %s", "Bus", text_of(memory, "Bus"), text_of(memory, "Device"));
	if (speed)
		printf(", %" PRIu64 " kHz", speed / 1000);
	putchar('\n');
}

static void print_content_figures(json_object *memory)
{
	bool protected = json_object_get_boolean(json_object_object_get(memory, "WriteProtected"));
	char usable[SIZE_TEXT], free[SIZE_TEXT], largest[SIZE_TEXT];

	printf(ROW "%s\n", "Write protect", protected ? "on" : "off");
	printf(ROW "%" PRIu64 ", in granules of %" PRIu64 " bytes\n", "Blocks",
	       number_of(memory, "Blocks"), number_of(memory, "Granule"));
	printf(ROW "%s of %s, at most %s in one block\n", "Free",
	       format_size(number_of(memory, "FreeSize"), free),
	       format_size(number_of(memory, "UsableSize"), usable),
	       format_size(number_of(memory, "LargestFree"), largest));
}

/* Those that are not 0, by the names that the daemon gives them. */
static void print_statistics(json_object *memory)
{
	json_object *statistics = json_object_object_get(memory, "Statistics");

	if (!statistics)
		return;
	json_object_object_foreach(statistics, name, value)
	{
		uint64_t number = json_object_get_uint64(value);

		if (number)
			printf(ROW "%" PRIu64 "\n", name, number);
	}
}

static void print_memory(const struct output *output, json_object *memory)
{
	const char *state = text_of(memory, "State"), *reason = text_of(memory, "StateReason");

	printf("%s%s%s: %s%s%s\n", colour(output, COLOUR_HEADING), text_of(memory, "Name"),
	       colour(output, COLOUR_NONE), colour(output, state_colour(state)), state,
	       colour(output, COLOUR_NONE));
	if (*reason)
		printf(ROW "%s\n", "Because", reason);
	print_chip(memory);
	if (number_of(memory, "Granule")) /* else nothing is known of what is on it */
		print_content_figures(memory);
	print_statistics(memory);
}

static int add_memory(struct smmctl *ctl, const char *name, json_object *memories)
{
	_cleanup_call_ smm_call *call = NULL;
	int r;

	r = smm_client_set_memory(ctl->client, name);
	if (r >= 0)
		r = smm_client_status(ctl->client, &call);
	if (r >= 0)
		json_object_array_add(memories, json_of_properties(call));
	return r;
}

static int add_all(struct smmctl *ctl, json_object *memories)
{
	_cleanup_call_ smm_call *call = NULL;
	const char *name;
	int r;

	r = smm_client_memories(ctl->client, &call);
	for (size_t i = 0; r >= 0 && smm_call_get_memory(call, i, &name, NULL) >= 0; i++)
		r = add_memory(ctl, name, memories);
	return r;
}

int cmd_status(struct smmctl *ctl, char **args)
{
	_cleanup_json_ json_object *memories = json_object_new_array();
	int r;

	(void)args;
	r = ctl->memory ? add_memory(ctl, ctl->memory, memories) : add_all(ctl, memories);
	if (r < 0)
		return r;
	if (ctl->output.json)
		print_json(&ctl->output, memories);
	else
		for (size_t i = 0; i < json_object_array_length(memories); i++)
			print_memory(&ctl->output, json_object_array_get_idx(memories, i));
	return 0;
}
