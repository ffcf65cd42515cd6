/* SPDX-License-Identifier: BSD-3-Clause */
/* smmctl alloc, free and resize: blocks come and go. */
#include <inttypes.h>
#include <stdio.h>

#include "smmctl.h"

static void print_id(const struct smmctl *ctl, uint32_t id)
{
	_cleanup_json_ json_object *block = json_object_new_object();

	put_number(block, "Id", id);
	print_json(&ctl->output, block);
}

int cmd_alloc(struct smmctl *ctl, char **args)
{
	const char *name = args[1] ? args[0] : "";
	uint32_t size, id;
	int r;

	r = parse_size(ctl, args[1] ? args[1] : args[0], &size);
	if (r >= 0)
		r = smm_client_allocate(ctl->client, name, size, &ctl->allocate, &id);
	if (r < 0)
		return r;
	if (ctl->output.json)
		print_id(ctl, id);
	else
		printf("%" PRIu32 "\n", id);
	return 0;
}

int cmd_free(struct smmctl *ctl, char **args)
{
	for (; *args; args++) {
		uint32_t id;
		int r = find_block(ctl, *args, &id);

		if (r >= 0)
			r = smm_client_free(ctl->client, id);
		if (r < 0)
			return r;
	}
	return 0;
}

int cmd_resize(struct smmctl *ctl, char **args)
{
	uint32_t id, size;
	int r;

	r = parse_size(ctl, args[1], &size);
	if (r >= 0)
		r = find_block(ctl, args[0], &id);
	return r < 0 ? r : smm_client_resize(ctl->client, id, size);
}
