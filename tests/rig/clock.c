/* SPDX-License-Identifier: BSD-3-Clause */
#include "clock.h"

#include <errno.h>
#include <stddef.h>
#include <time.h>

#define NS_PER_S 1000000000u

static uint64_t real_now(void *userdata)
{
	struct timespec now;

	(void)userdata;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static void real_sleep(void *userdata, uint64_t ns)
{
	struct timespec left = {
		.tv_sec = (time_t)(ns / NS_PER_S),
		.tv_nsec = (long)(ns % NS_PER_S),
	};

	(void)userdata;
	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR)
		;
}

const struct rig_clock rig_real_clock = { real_now, real_sleep, NULL };

static uint64_t stepped_now(void *userdata)
{
	return *(uint64_t *)userdata;
}

static void stepped_sleep(void *userdata, uint64_t ns)
{
	*(uint64_t *)userdata += ns;
}

struct rig_clock rig_stepped_clock(uint64_t *ns)
{
	return (struct rig_clock){ stepped_now, stepped_sleep, ns };
}
