/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * watch-poll NAME: waits with poll() for changes to the block NAME, and counts them in the counter
 * NAME-changes. A program that waits for other descriptors as well adds them to the poll().
 *
 *	cc watch-poll.c $(pkg-config --cflags --libs libsmm-client)
 */
#include <inttypes.h>
#include <poll.h>
#include <smm-client.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

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

/* Milliseconds until @time, which is UINT64_MAX for never, as poll() takes them. */
static int until(uint64_t time)
{
	struct timespec now;
	uint64_t us;

	if (time == UINT64_MAX)
		return -1;
	clock_gettime(CLOCK_MONOTONIC, &now);
	us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
	return time <= us ? 0 : (int)((time - us) / 1000) + 1;
}

int main(int argc, char **argv)
{
	smm_client *client;
	smm_watch *watch;

	if (argc != 2) {
		fprintf(stderr, "usage: watch-poll NAME\n");
		return EXIT_FAILURE;
	}
	if (smm_client_open(&client, NULL, NULL) < 0 ||
	    smm_client_watch(client, argv[1], on_change, client, &watch) < 0) {
		fprintf(stderr, "%s\n", smm_client_error_message(client));
		smm_client_close(client);
		return EXIT_FAILURE;
	}
	for (;;) {
		struct pollfd fd = {
			.fd = smm_client_get_fd(client),
			.events = (short)smm_client_get_events(client),
		};

		poll(&fd, 1, until(smm_client_get_timeout(client)));
		smm_client_process(client);
	}
}
