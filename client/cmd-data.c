/* SPDX-License-Identifier: BSD-3-Clause */
/* smmctl read, write, load and store: what is in a block. */
#include "input.h"
#include "output.h"
#include "smmctl.h"
#include "util.h"

static int print_reply(sd_bus_message *reply)
{
	const void *data;
	size_t size;
	int r = sd_bus_message_read_array(reply, 'y', &data, &size);

	if (r < 0)
		return r;
	print_content(data, size);
	return 0;
}

/* Sends a @call whose last argument is what the user gave as data. */
static int send_data(struct smmctl *ctl, sd_bus_message *call, char **words, sd_bus_error *error)
{
	_cleanup_free_ void *data = NULL;
	size_t size;
	int r = input_data(words, ctl->hex, &data, &size, error);

	if (r < 0)
		return r;
	r = sd_bus_message_append_array(call, 'y', data, size);
	if (r < 0)
		return r;
	return remote_send(&ctl->remote, call, NULL, error);
}

int cmd_read(struct smmctl *ctl, char **args, sd_bus_error *error)
{
	_cleanup_message_ sd_bus_message *reply = NULL;
	uint32_t id;
	int r;

	r = remote_block(&ctl->remote, args[0], &id, error);
	if (r < 0)
		return r;
	r = remote_call(&ctl->remote, "Read", &reply, error, "uuu", id, ctl->offset, ctl->length);
	if (r < 0)
		return r;
	return print_reply(reply);
}

int cmd_write(struct smmctl *ctl, char **args, sd_bus_error *error)
{
	_cleanup_message_ sd_bus_message *call = NULL;
	uint32_t id;
	int r;

	r = remote_block(&ctl->remote, args[0], &id, error);
	if (r < 0)
		return r;
	r = remote_new_call(&ctl->remote, "Write", &call);
	if (r < 0)
		return r;
	r = sd_bus_message_append(call, "uu", id, ctl->offset);
	if (r < 0)
		return r;
	return send_data(ctl, call, args + 1, error);
}

int cmd_load(struct smmctl *ctl, char **args, sd_bus_error *error)
{
	_cleanup_message_ sd_bus_message *reply = NULL;
	int r = remote_call(&ctl->remote, "Load", &reply, error, "s", args[0]);

	if (r < 0)
		return r;
	return print_reply(reply);
}

int cmd_store(struct smmctl *ctl, char **args, sd_bus_error *error)
{
	_cleanup_message_ sd_bus_message *call = NULL;
	int r;

	r = remote_new_call(&ctl->remote, "Store", &call);
	if (r < 0)
		return r;
	r = sd_bus_message_append(call, "s", args[0]);
	if (r < 0)
		return r;
	return send_data(ctl, call, args + 1, error);
}
