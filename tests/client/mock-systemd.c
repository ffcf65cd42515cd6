/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mock-systemd LOAD-STATE ACTIVE-STATE RESULT STATUS: is in the place of the service manager, and
 * says this of smmd.service.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>

#define UNIT "/org/freedesktop/systemd1/unit/smmd_2eservice"

static struct unit {
	const char *load, *active, *result;
	int status;
} unit;

static const sd_bus_vtable unit_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("LoadState", "s", NULL, offsetof(struct unit, load), 0),
	SD_BUS_PROPERTY("ActiveState", "s", NULL, offsetof(struct unit, active), 0),
	SD_BUS_VTABLE_END,
};

static const sd_bus_vtable service_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("Result", "s", NULL, offsetof(struct unit, result), 0),
	SD_BUS_PROPERTY("ExecMainStatus", "i", NULL, offsetof(struct unit, status), 0),
	SD_BUS_VTABLE_END,
};

static int serve(sd_bus *bus)
{
	int r;

	r = sd_bus_add_object_vtable(bus, NULL, UNIT, "org.freedesktop.systemd1.Unit", unit_vtable,
				     &unit);
	if (r >= 0)
		r = sd_bus_add_object_vtable(bus, NULL, UNIT, "org.freedesktop.systemd1.Service",
					     service_vtable, &unit);
	if (r >= 0)
		r = sd_bus_request_name(bus, "org.freedesktop.systemd1", 0);
	while (r >= 0) {
		r = sd_bus_process(bus, NULL);
		if (r == 0)
			r = sd_bus_wait(bus, UINT64_MAX);
	}
	return r;
}

int main(int argc, char **argv)
{
	sd_bus *bus;
	int r;

	if (argc != 5)
		return EXIT_FAILURE;
	unit = (struct unit){ argv[1], argv[2], argv[3], atoi(argv[4]) };
	r = sd_bus_open_system(&bus);
	if (r >= 0) {
		r = serve(bus);
		sd_bus_unref(bus);
	}
	fprintf(stderr, "mock-systemd: %s\n", strerror(-r));
	return EXIT_FAILURE;
}
