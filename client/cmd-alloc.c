/* SPDX-License-Identifier: BSD-3-Clause */
/* smmctl alloc and free: blocks come and go. */
#include <inttypes.h>
#include <stdio.h>

#include "numbers.h"
#include "smmctl.h"
#include "util.h"

static int append_options(sd_bus_message *call, const struct smmctl *ctl)
{
	if (ctl->mode == UINT32_MAX)
		return sd_bus_message_append(call, "a{sv}", 0);
	return sd_bus_message_append(call, "a{sv}", 1, "mode", "u", ctl->mode);
}

int cmd_alloc(struct smmctl *ctl, char **args, sd_bus_error *error)
{
	_cleanup_message_ sd_bus_message *call = NULL, *reply = NULL;
	const char *name = args[1] ? args[0] : "";
	const char *size_text = args[1] ? args[1] : args[0];
	uint32_t size, id;
	int r;

	if (!parse_number(size_text, 1024, &size))
		return usage_error(error,
				   "'%s' is not a size; give a number of bytes, or as in 2K or 1M",
				   size_text);

	r = remote_new_call(&ctl->remote, "Allocate", &call);
	if (r < 0)
		return r;
	r = sd_bus_message_append(call, "su", name, size);
	if (r < 0)
		return r;
	r = append_options(call, ctl);
	if (r < 0)
		return r;
	r = remote_send(&ctl->remote, call, &reply, error);
	if (r < 0)
		return r;
	r = sd_bus_message_read(reply, "u", &id);
	if (r < 0)
		return r;
	printf("%" PRIu32 "\n", id);
	return 0;
}

int cmd_free(struct smmctl *ctl, char **args, sd_bus_error *error)
{
	for (; *args; args++) {
		uint32_t id;
		int r = remote_block(&ctl->remote, *args, &id, error);

		if (r < 0)
			return r;
		r = remote_call(&ctl->remote, "Free", NULL, error, "u", id);
		if (r < 0)
			return r;
	}
	return 0;
}
