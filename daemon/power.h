/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The lines that say that the power fails: one for the whole board, as a rule, and watched for
 * every memory that names it.
 */
#pragma once

#include <ev.h>
#include <stdbool.h>
#include <systemd/sd-bus.h>

struct power;

int power_new(struct ev_loop *loop, struct power **power);
void power_free(struct power *power);

/**
 * power_watch() - be told of a line: at once, and at each of its edges.
 * @line: as gpio.h names lines
 * @changed: called with @userdata on the loop's thread
 *
 * Return: 0, or a negative errno with one sentence in @error.
 */
int power_watch(struct power *power, const char *line,
		void (*changed)(void *userdata, bool failing), void *userdata, sd_bus_error *error);

/* No more calls with @userdata. */
void power_unwatch(struct power *power, void *userdata);
