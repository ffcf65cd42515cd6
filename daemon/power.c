/* SPDX-License-Identifier: BSD-3-Clause */
#include "power.h"

#include <errno.h>
#include <sys/queue.h>

#include "gpio.h"
#include "log.h"
#include "util.h"

struct line {
	char *name;
	struct gpio_line *gpio;
	ev_io watch;
	struct power *power;
	SLIST_ENTRY(line) link;
};

struct watcher {
	struct line *line;
	void (*changed)(void *userdata, bool failing);
	void *userdata;
	SLIST_ENTRY(watcher) link;
};

struct power {
	struct ev_loop *loop;
	SLIST_HEAD(line_list, line) lines;
	SLIST_HEAD(watcher_list, watcher) watchers;
};

int power_new(struct ev_loop *loop, struct power **power)
{
	struct power *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->loop = loop;
	*power = p;
	return 0;
}

static void free_line(struct power *power, struct line *line)
{
	ev_io_stop(power->loop, &line->watch);
	gpio_close(line->gpio);
	free(line->name);
	free(line);
}

void power_free(struct power *power)
{
	struct watcher *watcher;
	struct line *line;

	if (!power)
		return;
	while ((watcher = SLIST_FIRST(&power->watchers))) {
		SLIST_REMOVE_HEAD(&power->watchers, link);
		free(watcher);
	}
	while ((line = SLIST_FIRST(&power->lines))) {
		SLIST_REMOVE_HEAD(&power->lines, link);
		free_line(power, line);
	}
	free(power);
}

/* A chip that has gone keeps its descriptor readable: then nobody looks at it any more. */
static void on_edge(struct ev_loop *loop, ev_io *watch, int revents)
{
	const struct line *line = watch->data;
	struct watcher *watcher;
	int failing = gpio_drain(line->gpio);

	(void)revents;
	if (failing >= 0)
		failing = gpio_get(line->gpio);
	if (failing < 0) {
		log_error_errno(failing, "GPIO line %s cannot be watched any more: %m", line->name);
		ev_io_stop(loop, watch);
		return;
	}
	SLIST_FOREACH (watcher, &line->power->watchers, link) {
		if (watcher->line == line)
			watcher->changed(watcher->userdata, failing);
	}
}

static struct line *find_line(struct power *power, const char *name)
{
	struct line *line;

	SLIST_FOREACH (line, &power->lines, link) {
		if (!strcmp(line->name, name))
			return line;
	}
	return NULL;
}

static int open_line(struct power *power, const char *name, struct line **line, sd_bus_error *error)
{
	struct line *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return sd_bus_error_set_errno(error, ENOMEM);
	l->power = power;
	l->name = strdup(name);
	r = l->name ? gpio_open_input(name, &l->gpio, error)
		    : sd_bus_error_set_errno(error, ENOMEM);
	if (r < 0) {
		free(l->name);
		free(l);
		return r;
	}
	ev_io_init(&l->watch, on_edge, gpio_fd(l->gpio), EV_READ);
	l->watch.data = l;
	ev_io_start(power->loop, &l->watch);
	SLIST_INSERT_HEAD(&power->lines, l, link);
	*line = l;
	return 0;
}

int power_watch(struct power *power, const char *name,
		void (*changed)(void *userdata, bool failing), void *userdata, sd_bus_error *error)
{
	struct line *line = find_line(power, name);
	struct watcher *watcher;
	int r = line ? 0 : open_line(power, name, &line, error);

	if (r < 0)
		return r;
	r = gpio_get(line->gpio);
	if (r < 0)
		return sd_bus_error_set_errnof(error, r, "GPIO line %s: %m", name);
	watcher = calloc(1, sizeof(*watcher));
	if (!watcher)
		return sd_bus_error_set_errno(error, ENOMEM);
	*watcher = (struct watcher){ line, changed, userdata, { NULL } };
	SLIST_INSERT_HEAD(&power->watchers, watcher, link);
	changed(userdata, r);
	return 0;
}

static bool is_watched(const struct power *power, const struct line *line)
{
	const struct watcher *watcher;

	SLIST_FOREACH (watcher, &power->watchers, link) {
		if (watcher->line == line)
			return true;
	}
	return false;
}

void power_unwatch(struct power *power, void *userdata)
{
	struct watcher *watcher;
	struct line *line;

	SLIST_FOREACH (watcher, &power->watchers, link) {
		if (watcher->userdata == userdata)
			break;
	}
	if (!watcher)
		return;
	line = watcher->line;
	SLIST_REMOVE(&power->watchers, watcher, watcher, link);
	free(watcher);
	if (is_watched(power, line))
		return;
	SLIST_REMOVE(&power->lines, line, line, link);
	free_line(power, line);
}
