/* SPDX-License-Identifier: BSD-3-Clause */
#include "bus-scope.h"

#include "util.h"

static int open_address(const char *address, sd_bus **bus)
{
	_cleanup_bus_unref_ sd_bus *b = NULL;
	int r;

	r = sd_bus_new(&b);
	if (r < 0)
		return r;
	r = sd_bus_set_address(b, address);
	if (r < 0)
		return r;
	r = sd_bus_set_bus_client(b, true);
	if (r < 0)
		return r;
	r = sd_bus_start(b);
	if (r < 0)
		return r;
	*bus = TAKE(b);
	return 0;
}

int bus_scope_open(enum bus_scope scope, const char *address, sd_bus **bus)
{
	switch (scope) {
	case BUS_SCOPE_USER:
		return sd_bus_open_user(bus);
	case BUS_SCOPE_ADDRESS:
		return open_address(address, bus);
	default:
		return sd_bus_open_system(bus);
	}
}

const char *bus_scope_words(enum bus_scope scope, const char *address)
{
	switch (scope) {
	case BUS_SCOPE_USER:
		return "the user bus";
	case BUS_SCOPE_ADDRESS:
		return address;
	default:
		return "the system bus";
	}
}
