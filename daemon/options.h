/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The options of a call: an a{sv} in which every entry has to be known.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <systemd/sd-bus.h>

/* An option that a call knows. */
struct option_spec {
	const char *name;
	char type;   /* of the D-Bus value: 'u', 't', 'y' or 'b' */
	void *value; /* receives it: uint32_t, uint64_t, uint8_t or bool */
	bool *given; /* set to true if it is there; or NULL */
};

/**
 * options_read() - read the a{sv} that comes next in @m.
 * @specs: the options that are known, @n_specs of them, 32 at most
 *
 * Return: 0 or a negative errno; with @error set to InvalidArgs for an unknown option, a wrong
 * type, or an option that is given twice.
 */
int options_read(sd_bus_message *m, const struct option_spec *specs, size_t n_specs,
		 sd_bus_error *error);
