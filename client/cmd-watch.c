/* SPDX-License-Identifier: BSD-3-Clause */
/* smmctl watch: the changes of some blocks, as they come. */
#include <inttypes.h>
#include <stdio.h>

#include "event.h"
#include "numbers.h"
#include "smmctl.h"

static const char *const names[] = {
	[SMM_CLIENT_CHANGED] = "changed",
	[SMM_CLIENT_CAME] = "came",
	[SMM_CLIENT_WENT] = "went",
	[SMM_CLIENT_MISSED] = "missed",
};

static int describe(const char *name, const struct smm_client_change *change, char **text)
{
	switch (change->event) {
	case SMM_CLIENT_CAME:
		return asprintf(text, "%s: is there, as block %" PRIu32, name, change->id);
	case SMM_CLIENT_WENT:
		return asprintf(text, "%s: is not there any more", name);
	case SMM_CLIENT_MISSED:
		return asprintf(text, "%s: smmd was away, and anything may have changed", name);
	default:
		break;
	}
	if (change->length == SMM_CLIENT_TO_END)
		return asprintf(text, "%s: was written", name);
	return asprintf(text, "%s: bytes %" PRIu32 " to %" PRIu32 " were written", name,
			change->offset, change->offset + change->length - 1);
}

static void on_change(smm_watch *watch, const struct smm_client_change *change, void *userdata)
{
	_cleanup_json_ json_object *event = event_new();
	_cleanup_free_ char *text = NULL;
	struct smmctl *ctl = userdata;
	const char *name = smm_watch_name(watch);

	put_text(event, "Event", names[change->event]);
	put_text(event, "Name", name);
	put_number(event, "Id", change->id);
	if (change->event == SMM_CLIENT_CHANGED && change->length != SMM_CLIENT_TO_END) {
		put_number(event, "Offset", change->offset);
		put_number(event, "Length", change->length);
	}
	if (describe(name, change, &text) < 0)
		text = NULL;
	event_print(&ctl->output, event, text ? text : name);
}

static void on_state(smm_client *client, int connected, void *userdata)
{
	(void)client;
	(void)userdata;
	if (!connected)
		fputs("smmctl: smmd went away; this goes on when it is back\n", stderr);
}

/* Blocks are watched by name. */
static int name_of(struct smmctl *ctl, const char *block, char **name)
{
	_cleanup_call_ smm_call *info = NULL;
	const char *found = block;
	uint32_t id;
	int r = 0;

	if (parse_number(block, 1, &id)) {
		r = smm_client_block_info(ctl->client, id, &info);
		if (r >= 0)
			r = smm_call_get_text(info, "Name", &found);
	}
	if (r < 0)
		return r;
	if (!*found)
		return failure(ctl, -EINVAL,
			       "block %s has no name to watch it by; 'smmctl rename %s NAME' gives "
			       "it one",
			       block, block);
	*name = strdup(found);
	return *name ? 0 : -ENOMEM;
}

int cmd_watch(struct smmctl *ctl, char **args)
{
	smm_watch *watch; /* closed with the client */
	int r = 0;

	for (; r >= 0 && *args; args++) {
		_cleanup_free_ char *name = NULL;

		r = name_of(ctl, *args, &name);
		if (r >= 0)
			r = smm_client_watch(ctl->client, name, on_change, ctl, &watch);
	}
	if (r < 0)
		return r;
	smm_client_set_state_callback(ctl->client, on_state, NULL);
	while (!ferror(stdout)) {
		(void)smm_client_wait(ctl->client, UINT64_MAX);
		r = smm_client_process(ctl->client);
		if (r < 0)
			return failure(ctl, r, "cannot go on: %s", strerror(-r));
	}
	return 0;
}
