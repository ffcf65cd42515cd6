/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Lines that tell of events as they come.
 */
#pragma once

#include "output.h"

/**
 * event_new() - a JSON object that says when it is.
 * event_print() - a line of it at once, as JSON or, for people, the time and @text.
 */
json_object *event_new(void);
void event_print(const struct output *output, json_object *event, const char *text);
