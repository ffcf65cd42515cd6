/* SPDX-License-Identifier: BSD-3-Clause */
#include "objects.h"

#include "block.h"
#include "job.h"
#include "log-control.h"
#include "manager.h"
#include "memory.h"

int objects_publish(struct manager *manager, sd_bus *bus)
{
	int r = sd_bus_add_object_manager(bus, NULL, MANAGER_PATH);

	if (r >= 0)
		r = manager_publish(manager, bus);
	if (r >= 0)
		r = memories_publish(manager, bus);
	if (r >= 0)
		r = blocks_publish(manager, bus);
	if (r >= 0)
		r = jobs_publish(manager, bus);
	if (r >= 0)
		r = log_control_publish(manager, bus);
	return r;
}
