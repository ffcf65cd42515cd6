/* SPDX-License-Identifier: BSD-3-Clause */
/* smmctl status: what each memory is, what backs it, and how full it is. */
#include <inttypes.h>
#include <stdio.h>

#include "fields.h"
#include "smmctl.h"

static void print_chip(json_object *memory)
{
	const char *identification = get_text(memory, "Identification");
	uint64_t size = get_number(memory, "Size"), speed = get_number(memory, "BusSpeed");
	char text[SIZE_TEXT];

	if (size)
		printf(ROW "%s (%s), %s\n", "Chip", get_text(memory, "Model"),
		       get_text(memory, "Technology"), format_size(size, text));
	if (*identification)
		printf(ROW "%s\n", "Identified", identification);
	printf(ROW "%s, %s", "Bus", get_text(memory, "Bus"), get_text(memory, "Device"));
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
	       get_number(memory, "Blocks"), get_number(memory, "Granule"));
	printf(ROW "%s of %s, at most %s in one block\n", "Free",
	       format_size(get_number(memory, "FreeSize"), free),
	       format_size(get_number(memory, "UsableSize"), usable),
	       format_size(get_number(memory, "LargestFree"), largest));
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
	const char *state = get_text(memory, "State"), *reason = get_text(memory, "StateReason");

	printf("%s%s%s: %s%s%s\n", colour(output, COLOUR_HEADING), get_text(memory, "Name"),
	       colour(output, COLOUR_NONE), colour(output, state_colour(state)), state,
	       colour(output, COLOUR_NONE));
	if (*reason)
		printf(ROW "%s\n", "Because", reason);
	print_chip(memory);
	if (get_number(memory, "Granule")) /* else nothing is known of what is on it */
		print_content_figures(memory);
	print_statistics(memory);
}

int cmd_status(struct smmctl *ctl, char **args)
{
	_cleanup_json_ json_object *memories = json_object_new_array();
	int r;

	(void)args;
	r = add_memories(ctl, ctl->memory, memories);
	if (r < 0)
		return r;
	if (ctl->output.json)
		print_json(&ctl->output, memories);
	else
		for (size_t i = 0; i < json_object_array_length(memories); i++)
			print_memory(&ctl->output, json_object_array_get_idx(memories, i));
	return 0;
}
