/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * watch-glib NAME: waits in the main loop of GLib for changes to the block NAME, and counts them in
 * the counter NAME-changes.
 *
 *	cc watch-glib.c $(pkg-config --cflags --libs libsmm-client glib-2.0)
 */
#include <glib.h>
#include <inttypes.h>
#include <poll.h>
#include <smm-client.h>
#include <stdio.h>
#include <stdlib.h>

/* A client as a source of events: the same for every program. */
struct client_source {
	GSource source;
	smm_client *client;
};

/* The clock of GLib is that of the library. */
static gboolean prepare(GSource *source, gint *timeout)
{
	struct client_source *s = (struct client_source *)source;
	uint64_t time = smm_client_get_timeout(s->client);
	gint64 now = g_get_monotonic_time();

	*timeout = -1;
	if (time == UINT64_MAX)
		return FALSE;
	*timeout = (gint64)time <= now ? 0 : (gint)(((gint64)time - now) / 1000) + 1;
	return *timeout == 0;
}

static gboolean dispatch(GSource *source, GSourceFunc callback, gpointer userdata)
{
	(void)callback;
	(void)userdata;
	smm_client_process(((struct client_source *)source)->client);
	return G_SOURCE_CONTINUE;
}

static void attach(smm_client *client)
{
	static GSourceFuncs functions = { .prepare = prepare, .dispatch = dispatch };
	GSource *source = g_source_new(&functions, sizeof(struct client_source));
	int events = smm_client_get_events(client), condition = 0;

	if (events & POLLIN)
		condition |= G_IO_IN;
	if (events & POLLOUT)
		condition |= G_IO_OUT;
	((struct client_source *)source)->client = client;
	g_source_add_unix_fd(source, smm_client_get_fd(client), (GIOCondition)condition);
	g_source_attach(source, NULL);
	g_source_unref(source);
}

static void on_counted(smm_call *call, void *userdata)
{
	int64_t changes;

	(void)userdata;
	if (smm_call_get_value(call, &changes) < 0)
		fprintf(stderr, "%s\n", smm_call_error_message(call));
	else
		printf("%" PRId64 "\n", changes);
	fflush(stdout);
}

static void on_change(smm_watch *watch, const struct smm_client_change *change, void *userdata)
{
	char counter[SMM_CLIENT_NAME_MAX + 1];

	(void)change;
	snprintf(counter, sizeof(counter), "%s-changes", smm_watch_name(watch));
	smm_client_add_async(userdata, counter, 1, on_counted, NULL, NULL);
}

int main(int argc, char **argv)
{
	smm_client *client;
	smm_watch *watch;

	if (argc != 2) {
		fprintf(stderr, "usage: watch-glib NAME\n");
		return EXIT_FAILURE;
	}
	if (smm_client_open(&client, NULL, NULL) < 0 ||
	    smm_client_watch(client, argv[1], on_change, client, &watch) < 0) {
		fprintf(stderr, "%s\n", smm_client_error_message(client));
		smm_client_close(client);
		return EXIT_FAILURE;
	}
	attach(client);
	g_main_loop_run(g_main_loop_new(NULL, FALSE));
}
