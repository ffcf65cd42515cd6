/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The commands of smmctl, and what each is given.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "remote.h"

/* What the command line says. */
struct smmctl {
	struct remote remote; /* open, with a memory chosen where the command works on one */
	const char *memory;   /* name, or NULL if none was given */
	bool legend;
	bool hex;
	uint32_t offset; /* bytes */
	uint32_t length; /* bytes; UINT32_MAX is all */
	uint32_t mode;   /* UINT32_MAX leaves it to the daemon */
};

/*
 * One function a command. @args are its arguments, ended by NULL, as many as smmctl.c says that it
 * takes. Return 0 or a negative errno; where @error is not set, the errno is all that is to be
 * said.
 */
int cmd_status(struct smmctl *ctl, char **args, sd_bus_error *error);
int cmd_list(struct smmctl *ctl, char **args, sd_bus_error *error);
int cmd_alloc(struct smmctl *ctl, char **args, sd_bus_error *error);
int cmd_free(struct smmctl *ctl, char **args, sd_bus_error *error);
int cmd_read(struct smmctl *ctl, char **args, sd_bus_error *error);
int cmd_write(struct smmctl *ctl, char **args, sd_bus_error *error);
int cmd_store(struct smmctl *ctl, char **args, sd_bus_error *error);
int cmd_load(struct smmctl *ctl, char **args, sd_bus_error *error);
int cmd_add(struct smmctl *ctl, char **args, sd_bus_error *error);

/* The name of an error that is the typist's: smmctl exits with 2. */
#define USAGE_ERROR "org.smm1.Client.Usage"

/* Sets @error to it. Return: a negative errno. */
#define usage_error(error, ...) sd_bus_error_setf(error, USAGE_ERROR, __VA_ARGS__)
