/* SPDX-License-Identifier: BSD-3-Clause */
#include "fields.h"

#include <stdio.h>
#include <string.h>

/* The library has booleans of D-Bus as numbers. */
static bool is_boolean(const char *name)
{
	return !strcmp(name, "WriteProtected") || !strcmp(name, "Checksummed");
}

static json_object *json_of_value(const char *name, const char *text, uint64_t number)
{
	if (text)
		return json_object_new_string(text);
	return is_boolean(name) ? json_object_new_boolean(number != 0)
				: json_object_new_uint64(number);
}

/* The object called like what is before the dot of @name, made if need be. */
static json_object *inner_object(json_object *object, const char *name, const char *dot)
{
	_cleanup_free_ char *key = strndup(name, (size_t)(dot - name));
	json_object *inner = NULL;

	if (!key || json_object_object_get_ex(object, key, &inner))
		return inner;
	inner = json_object_new_object();
	json_object_object_add(object, key, inner);
	return inner;
}

json_object *json_of_properties(smm_call *call)
{
	json_object *object = json_object_new_object();
	const char *name, *text;
	uint64_t number;

	for (size_t i = 0; smm_call_get_property(call, i, &name, &text, &number) >= 0; i++) {
		const char *dot = strchr(name, '.');

		if (dot)
			json_object_object_add(inner_object(object, name, dot), dot + 1,
					       json_of_value(name, text, number));
		else
			json_object_object_add(object, name, json_of_value(name, text, number));
	}
	return object;
}

static int add_memory(struct smmctl *ctl, const char *name, json_object *memories)
{
	_cleanup_call_ smm_call *call = NULL;
	int r;

	r = smm_client_set_memory(ctl->client, name);
	if (r >= 0)
		r = smm_client_status(ctl->client, &call);
	if (r >= 0)
		json_object_array_add(memories, json_of_properties(call));
	return r;
}

static int add_all(struct smmctl *ctl, json_object *memories)
{
	_cleanup_call_ smm_call *call = NULL;
	const char *name;
	int r;

	r = smm_client_memories(ctl->client, &call);
	for (size_t i = 0; r >= 0 && smm_call_get_memory(call, i, &name, NULL) >= 0; i++)
		r = add_memory(ctl, name, memories);
	return r;
}

int add_memories(struct smmctl *ctl, const char *name, json_object *memories)
{
	return name ? add_memory(ctl, name, memories) : add_all(ctl, memories);
}
