/* SPDX-License-Identifier: BSD-3-Clause */
/* smmctl status: what each memory is, what backs it, and how full it is. */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "output.h"
#include "smmctl.h"
#include "util.h"

/* The properties of org.smm1.Memory that are shown; strings live as long as the message. */
struct status {
	const char *name, *model, *technology, *identification, *bus, *device, *state, *reason;
	uint64_t size, usable, free, largest_free;
	uint32_t granule, blocks, speed;
	int write_protected;
};

static const struct {
	const char *name;
	char type;
	size_t offset;
} properties[] = {
	{ "Name", 's', offsetof(struct status, name) },
	{ "Model", 's', offsetof(struct status, model) },
	{ "Technology", 's', offsetof(struct status, technology) },
	{ "Bus", 's', offsetof(struct status, bus) },
	{ "Device", 's', offsetof(struct status, device) },
	{ "Identification", 's', offsetof(struct status, identification) },
	{ "BusSpeed", 'u', offsetof(struct status, speed) },
	{ "State", 's', offsetof(struct status, state) },
	{ "StateReason", 's', offsetof(struct status, reason) },
	{ "Size", 't', offsetof(struct status, size) },
	{ "UsableSize", 't', offsetof(struct status, usable) },
	{ "FreeSize", 't', offsetof(struct status, free) },
	{ "LargestFree", 't', offsetof(struct status, largest_free) },
	{ "Granule", 'u', offsetof(struct status, granule) },
	{ "Blocks", 'u', offsetof(struct status, blocks) },
	{ "WriteProtected", 'b', offsetof(struct status, write_protected) },
};

/* Reads the value behind @name, or steps over it. */
static int read_property(sd_bus_message *reply, const char *name, struct status *status)
{
	for (size_t i = 0; i < ARRAY_SIZE(properties); i++)
		if (strcmp(properties[i].name, name) == 0) {
			char type[] = { properties[i].type, '\0' };

			return sd_bus_message_read(reply, "v", type,
						   (char *)status + properties[i].offset);
		}
	return sd_bus_message_skip(reply, "v");
}

static int read_status(sd_bus_message *reply, struct status *status)
{
	const char *name;
	int r;

	r = sd_bus_message_enter_container(reply, 'a', "{sv}");
	if (r < 0)
		return r;
	while ((r = sd_bus_message_enter_container(reply, 'e', "sv")) > 0) {
		r = sd_bus_message_read(reply, "s", &name);
		if (r < 0)
			return r;
		r = read_property(reply, name, status);
		if (r < 0)
			return r;
		r = sd_bus_message_exit_container(reply);
		if (r < 0)
			return r;
	}
	return r;
}

/* Rows of a label and what is to be said, the colons one below the other. */
#define ROW "%18s: "

static void print_status(const struct status *s)
{
	char size[SIZE_TEXT], usable[SIZE_TEXT], free[SIZE_TEXT], largest[SIZE_TEXT];

	printf("%s: %s\n", s->name, s->state);
	if (s->reason && *s->reason)
		printf(ROW "%s\n", "Because", s->reason);
	if (s->size)
		printf(ROW "%s (%s), %s\n", "Chip", s->model, s->technology,
		       format_size(s->size, size));
	if (s->identification && *s->identification)
		printf(ROW "%s\n", "Identified", s->identification);
	printf(ROW "%s, %s", "Bus", s->bus, s->device);
	if (s->speed)
		printf(", %" PRIu32 " kHz", s->speed / 1000);
	putchar('\n');
	if (!s->granule)
		return; /* nothing is known of what is on it */
	printf(ROW "%s\n", "Write protect", s->write_protected ? "on" : "off");
	printf(ROW "%" PRIu32 ", in granules of %" PRIu32 " bytes\n", "Blocks", s->blocks,
	       s->granule);
	printf(ROW "%s of %s, at most %s in one block\n", "Free", format_size(s->free, free),
	       format_size(s->usable, usable), format_size(s->largest_free, largest));
}

/* Those that are not 0, by the names that the daemon gives them. */
static int print_statistics(sd_bus_message *reply)
{
	const char *name;
	uint64_t value;
	int r;

	r = sd_bus_message_enter_container(reply, 'a', "{st}");
	if (r < 0)
		return r;
	while ((r = sd_bus_message_read(reply, "{st}", &name, &value)) > 0)
		if (value)
			printf(ROW "%" PRIu64 "\n", name, value);
	return r;
}

static int show_memory(struct remote *remote, sd_bus_error *error)
{
	_cleanup_message_ sd_bus_message *reply = NULL, *statistics = NULL;
	struct status status = { 0 };
	int r;

	r = sd_bus_call_method(remote->bus, SMM_BUS_NAME, remote->memory,
			       "org.freedesktop.DBus.Properties", "GetAll", error, &reply, "s",
			       SMM_MEMORY_INTERFACE);
	if (r < 0)
		return r;
	r = read_status(reply, &status);
	if (r < 0)
		return r;
	r = sd_bus_get_property(remote->bus, SMM_BUS_NAME, remote->memory, SMM_MEMORY_INTERFACE,
				"Statistics", error, &statistics, "a{st}");
	if (r < 0)
		return r;
	print_status(&status);
	return print_statistics(statistics);
}

static int show_all(struct smmctl *ctl, sd_bus_error *error)
{
	_cleanup_message_ sd_bus_message *reply = NULL;
	const char *name;
	int r;

	r = remote_memories(&ctl->remote, &reply, error);
	if (r < 0)
		return r;
	r = sd_bus_message_enter_container(reply, 'a', "(sos)");
	if (r < 0)
		return r;
	while ((r = sd_bus_message_read(reply, "(sos)", &name, NULL, NULL)) > 0) {
		r = remote_choose_memory(&ctl->remote, name, error);
		if (r < 0)
			return r;
		r = show_memory(&ctl->remote, error);
		if (r < 0)
			return r;
	}
	return r;
}

int cmd_status(struct smmctl *ctl, char **args, sd_bus_error *error)
{
	int r;

	(void)args;
	if (!ctl->memory)
		return show_all(ctl, error);
	r = remote_choose_memory(&ctl->remote, ctl->memory, error);
	if (r < 0)
		return r;
	return show_memory(&ctl->remote, error);
}
