/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What smmctl doctor looks at, and what it finds there.
 *
 * It only looks: it changes nothing, talks to no chip, and does not start smmd by asking it.
 */
#pragma once

#include "config.h"
#include "smmctl.h"

enum verdict {
	VERDICT_OK,
	VERDICT_WARNING,
	VERDICT_PROBLEM,
};

struct patient {
	struct smmctl *ctl;
	bool system;           /* it is about smmd on the system bus */
	struct config config;  /* without memories where it is not known */
	sd_bus *bus;           /* NULL where it cannot be reached */
	bool runs;             /* smmd is on the bus */
	json_object *memories; /* their properties; NULL where smmd does not say them */
	const char *memory;    /* that is looked at, or NULL */
	json_object *findings; /* an array */
};

/* What a check came to, in one clause. */
void finding(struct patient *p, enum verdict verdict, const char *check, const char *format, ...)
	_printf_(4, 5);

/* The command that puts the last finding right. */
void remedy(struct patient *p, const char *format, ...) _printf_(2, 3);

/* Around the memories: configuration, bus, users, files, smmd. */
void examine_system(struct patient *p);

/* The memories that the configuration names, and those that smmd serves. */
void examine_memories(struct patient *p);
