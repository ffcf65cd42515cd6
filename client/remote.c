/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "errors.h"
#include "numbers.h"
#include "remote.h"
#include "util.h"

int remote_open(struct remote *remote, sd_bus_error *error)
{
	int r = bus_scope_open(remote->scope, remote->address, &remote->bus);
	if (r < 0)
		return sd_bus_error_setf(error, SD_BUS_ERROR_NO_SERVER,
					 "cannot reach %s: %s; choose another with --system, "
					 "--user or --address=ADDRESS",
					 bus_scope_words(remote->scope, remote->address),
					 strerror(-r));

	/* A chip of 2 MiB on a slow bus takes minutes, longer than D-Bus waits unless told to. */
	return sd_bus_set_method_call_timeout(remote->bus, UINT64_MAX);
}

void remote_close(struct remote *remote)
{
	free(remote->memory);
	sd_bus_flush_close_unref(remote->bus);
}

int remote_memories(struct remote *remote, sd_bus_message **reply, sd_bus_error *error)
{
	return sd_bus_call_method(remote->bus, SMM_BUS_NAME, SMM_MANAGER_PATH,
				  SMM_MANAGER_INTERFACE, "ListMemories", error, reply, NULL);
}

/* The only memory there is. */
static int only_memory(struct remote *remote, sd_bus_message **reply, const char **path,
		       sd_bus_error *error)
{
	const char *another;
	int r;

	r = remote_memories(remote, reply, error);
	if (r < 0)
		return r;
	r = sd_bus_message_enter_container(*reply, 'a', "(sos)");
	if (r < 0)
		return r;
	r = sd_bus_message_read(*reply, "(sos)", NULL, path, NULL);
	if (r < 0)
		return r;
	if (r == 0)
		return sd_bus_error_set(error, ERROR_NO_SUCH_MEMORY,
					"smmd serves no memory; give its configuration a section "
					"[memory NAME] and start it again");
	r = sd_bus_message_read(*reply, "(sos)", &another, NULL, NULL);
	if (r > 0)
		return sd_bus_error_set(error, ERROR_NO_SUCH_MEMORY,
					"smmd serves several memories; choose one with "
					"--memory=NAME or SMM_MEMORY=NAME");
	return r;
}

static int named_memory(struct remote *remote, const char *name, sd_bus_message **reply,
			const char **path, sd_bus_error *error)
{
	int r = sd_bus_call_method(remote->bus, SMM_BUS_NAME, SMM_MANAGER_PATH,
				   SMM_MANAGER_INTERFACE, "GetMemory", error, reply, "s", name);
	if (r < 0)
		return r;
	return sd_bus_message_read(*reply, "o", path);
}

int remote_choose_memory(struct remote *remote, const char *name, sd_bus_error *error)
{
	_cleanup_message_ sd_bus_message *reply = NULL;
	const char *path;
	int r;

	if (name)
		r = named_memory(remote, name, &reply, &path, error);
	else
		r = only_memory(remote, &reply, &path, error);
	if (r < 0)
		return r;

	free(remote->memory);
	remote->memory = strdup(path);
	return remote->memory ? 0 : -ENOMEM;
}

int remote_call(struct remote *remote, const char *method, sd_bus_message **reply,
		sd_bus_error *error, const char *types, ...)
{
	va_list arguments;
	int r;

	va_start(arguments, types);
	r = sd_bus_call_methodv(remote->bus, SMM_BUS_NAME, remote->memory, SMM_MEMORY_INTERFACE,
				method, error, reply, types, arguments);
	va_end(arguments);
	return r;
}

int remote_new_call(struct remote *remote, const char *method, sd_bus_message **call)
{
	return sd_bus_message_new_method_call(remote->bus, call, SMM_BUS_NAME, remote->memory,
					      SMM_MEMORY_INTERFACE, method);
}

int remote_send(struct remote *remote, sd_bus_message *call, sd_bus_message **reply,
		sd_bus_error *error)
{
	return sd_bus_call(remote->bus, call, 0, error, reply);
}

int remote_block(struct remote *remote, const char *block, uint32_t *id, sd_bus_error *error)
{
	_cleanup_message_ sd_bus_message *reply = NULL;
	int r;

	if (parse_number(block, 1, id))
		return 0;

	r = remote_call(remote, "Find", &reply, error, "s", block);
	if (r < 0)
		return r;
	return sd_bus_message_read(reply, "u", id);
}

static int explain_absence(const struct remote *remote, char **sentence)
{
	switch (remote->scope) {
	case BUS_SCOPE_SYSTEM:
		return asprintf(sentence, "smmd does not run on the system bus; start it as root "
					  "with 'smmd', or choose another bus with --user or "
					  "--address=ADDRESS");
	case BUS_SCOPE_USER:
		return asprintf(sentence, "smmd does not run on the user bus; start it with "
					  "'smmd --user --config=PATH'");
	case BUS_SCOPE_ADDRESS:
		break;
	}
	return asprintf(sentence,
			"smmd does not run on this bus; start it with 'smmd --address=%s "
			"--config=PATH'",
			remote->address);
}

/* What to do, where the daemon cannot know how it was asked. */
static const char *advice(const sd_bus_error *error)
{
	static const struct {
		const char *name, *advice;
	} table[] = {
		{ ERROR_NO_SUCH_BLOCK, "'smmctl list' shows the blocks" },
		{ ERROR_NO_SUCH_MEMORY, "'smmctl status' shows the memories" },
		{ ERROR_NO_SPACE, "'smmctl list' shows what could be freed" },
		{ ERROR_NAME_TAKEN,
		  "take another name, or 'smmctl store' for a block of your own" },
		{ ERROR_BUSY, "try again in a moment" },
		{ SD_BUS_ERROR_ACCESS_DENIED, "'smmctl list' shows owners and modes" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (sd_bus_error_has_name(error, table[i].name))
			return table[i].advice;
	return NULL;
}

char *remote_explain(const struct remote *remote, const sd_bus_error *error)
{
	const char *hint = advice(error);
	char *sentence = NULL;
	int r;

	if (sd_bus_error_has_name(error, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
	    sd_bus_error_has_name(error, SD_BUS_ERROR_NAME_HAS_NO_OWNER))
		r = explain_absence(remote, &sentence);
	else if (sd_bus_error_has_name(error, SD_BUS_ERROR_NO_REPLY))
		r = asprintf(&sentence,
			     "smmd went away before it answered; a change is now done in "
			     "full or not at all; look again when smmd is back");
	else if (hint)
		r = asprintf(&sentence, "%s; %s", error->message, hint);
	else
		r = asprintf(&sentence, "%s", error->message);
	return r < 0 ? NULL : sentence;
}
