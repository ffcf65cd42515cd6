/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * watch-libev NAME: waits with libev for changes to the block NAME, and counts them in the counter
 * NAME-changes.
 *
 *	cc watch-libev.c $(pkg-config --cflags --libs libsmm-client) -lev
 */
#include <ev.h>
#include <inttypes.h>
#include <poll.h>
#include <smm-client.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* A client in a loop: the same for every program. */
struct client_watcher {
	smm_client *client;
	ev_io io;
	ev_timer timer;
	ev_prepare prepare;
};

static void on_io(struct ev_loop *loop, ev_io *io, int revents)
{
	struct client_watcher *w = io->data;

	(void)loop;
	(void)revents;
	smm_client_process(w->client);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct client_watcher *w = timer->data;

	(void)loop;
	(void)revents;
	smm_client_process(w->client);
}

/* Before the loop sleeps: for how long may it? */
static void on_prepare(struct ev_loop *loop, ev_prepare *prepare, int revents)
{
	struct client_watcher *w = prepare->data;
	uint64_t time = smm_client_get_timeout(w->client);
	struct timespec now;
	double wait;

	(void)revents;
	ev_timer_stop(loop, &w->timer);
	if (time == UINT64_MAX)
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	wait = (double)time / 1e6 - (double)now.tv_sec - (double)now.tv_nsec / 1e9;
	ev_timer_set(&w->timer, wait > 0 ? wait : 0, 0);
	ev_timer_start(loop, &w->timer);
}

static void client_watcher_start(struct ev_loop *loop, struct client_watcher *w)
{
	int events = smm_client_get_events(w->client);

	ev_io_init(&w->io, on_io, smm_client_get_fd(w->client),
		   (events & POLLIN ? EV_READ : 0) | (events & POLLOUT ? EV_WRITE : 0));
	ev_timer_init(&w->timer, on_timer, 0, 0);
	ev_prepare_init(&w->prepare, on_prepare);
	w->io.data = w->timer.data = w->prepare.data = w;
	ev_io_start(loop, &w->io);
	ev_prepare_start(loop, &w->prepare);
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
	struct ev_loop *loop = ev_default_loop(0);
	struct client_watcher watcher;
	smm_watch *watch;

	if (argc != 2) {
		fprintf(stderr, "usage: watch-libev NAME\n");
		return EXIT_FAILURE;
	}
	if (smm_client_open(&watcher.client, NULL, NULL) < 0 ||
	    smm_client_watch(watcher.client, argv[1], on_change, watcher.client, &watch) < 0) {
		fprintf(stderr, "%s\n", smm_client_error_message(watcher.client));
		smm_client_close(watcher.client);
		return EXIT_FAILURE;
	}
	client_watcher_start(loop, &watcher);
	ev_run(loop, 0);
}
