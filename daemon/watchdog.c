/* SPDX-License-Identifier: BSD-3-Clause */
#include "watchdog.h"

#include <errno.h>
#include <systemd/sd-daemon.h>

#include "log.h"
#include "memory.h"
#include "util.h"

/* Looks in the time that is allowed. One that sees no progress does not feed it yet: what a worker
 * does in one go may take three times as long as from one to the next. */
#define LOOKS 4

struct watchdog {
	struct manager *manager;
	ev_timer timer;
};

/* Looks at each of them: there are several that may be stuck. */
static bool all_move(struct memory *memories)
{
	bool all = true;

	for (struct memory *memory = memories; memory; memory = memory->next)
		all &= memory_moves(memory);
	return all;
}

static void on_look(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct manager *manager = timer->data;
	bool served = all_move(manager->memories), left = all_move(manager->leaving);

	(void)loop;
	(void)revents;
	if (served && left)
		sd_notify(0, "WATCHDOG=1");
}

int watchdog_new(struct manager *manager, struct watchdog **watchdog)
{
	struct watchdog *w;
	uint64_t usec;
	double interval;
	int r = sd_watchdog_enabled(0, &usec);

	if (r <= 0)
		return r < 0 ? log_error_errno(r, "WATCHDOG_USEC makes no sense: %m") : 0;
	w = calloc(1, sizeof(*w));
	if (!w)
		return log_error_errno(-ENOMEM, "The watchdog cannot be fed: %m");
	w->manager = manager;
	interval = (double)usec / 1e6 / LOOKS;
	ev_timer_init(&w->timer, on_look, interval, interval);
	w->timer.data = manager;
	ev_timer_start(manager->loop, &w->timer);
	*watchdog = w;
	return 0;
}

void watchdog_free(struct watchdog *watchdog)
{
	if (!watchdog)
		return;
	ev_timer_stop(watchdog->manager->loop, &watchdog->timer);
	free(watchdog);
}
