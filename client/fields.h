/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Properties of an object of smmd, as the library has them.
 */
#pragma once

#include "smmctl.h"

/**
 * json_of_properties() - all of them, named as on D-Bus; those that are called NAME.MORE are in an
 * object NAME.
 *
 * Return: an object.
 */
json_object *json_of_properties(smm_call *call);

/* The properties of a memory, or with NULL of all, as elements of an array; the last of them is in
 * use then. */
int add_memories(struct smmctl *ctl, const char *name, json_object *memories);

/* A row of a label and what is to be said, the colons one below the other. */
#define ROW "%18s: "
