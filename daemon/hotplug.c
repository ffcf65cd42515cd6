/* SPDX-License-Identifier: BSD-3-Clause */
#include "hotplug.h"

#include <errno.h>
#include <libudev.h>

#include "util.h"

struct hotplug {
	struct ev_loop *loop;
	struct udev *udev;
	struct udev_monitor *monitor;
	ev_io watch;
	void (*changed)(void *userdata, const char *node);
	void *userdata;
};

DEFINE_CLEANUP(struct hotplug *, hotplug_free);

static void on_event(struct ev_loop *loop, ev_io *watch, int revents)
{
	struct hotplug *h = watch->data;
	struct udev_device *device;
	const char *node;

	(void)loop;
	(void)revents;
	while ((device = udev_monitor_receive_device(h->monitor))) {
		node = udev_device_get_devnode(device);
		if (node)
			h->changed(h->userdata, node);
		udev_device_unref(device);
	}
}

int hotplug_new(struct ev_loop *loop, void (*changed)(void *userdata, const char *node),
		void *userdata, struct hotplug **hotplug)
{
	_cleanup_(hotplug_freep) struct hotplug *h = calloc(1, sizeof(*h));
	int r;

	if (!h)
		return -ENOMEM;
	h->loop = loop;
	h->changed = changed;
	h->userdata = userdata;
	ev_io_init(&h->watch, on_event, -1, EV_READ);
	h->watch.data = h;
	h->udev = udev_new();
	h->monitor = h->udev ? udev_monitor_new_from_netlink(h->udev, "udev") : NULL;
	if (!h->monitor)
		return errno ? -errno : -ENOMEM;
	r = udev_monitor_filter_add_match_subsystem_devtype(h->monitor, "i2c-dev", NULL);
	if (r >= 0)
		r = udev_monitor_filter_add_match_subsystem_devtype(h->monitor, "spidev", NULL);
	if (r >= 0)
		r = udev_monitor_enable_receiving(h->monitor);
	if (r < 0)
		return r;
	ev_io_set(&h->watch, udev_monitor_get_fd(h->monitor), EV_READ);
	ev_io_start(loop, &h->watch);
	*hotplug = TAKE(h);
	return 0;
}

void hotplug_free(struct hotplug *h)
{
	if (!h)
		return;
	ev_io_stop(h->loop, &h->watch);
	udev_monitor_unref(h->monitor);
	udev_unref(h->udev);
	free(h);
}
