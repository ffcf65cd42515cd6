/* SPDX-License-Identifier: BSD-3-Clause */
/* The answers of smmd: taken out of their messages, and given to the program by their types. */
#include "private.h"

#include <inttypes.h>

void smmc_answer_release(smm_call *call)
{
	for (size_t i = 0; call->parts && i < call->count; i++)
		free(call->parts[i].data);
	for (size_t i = 0; call->properties && i < call->count; i++) {
		free(call->properties[i].name);
		free(call->properties[i].text);
	}
	free(call->parts);
	free(call->properties);
	free(call->blocks);
	free(call->data);
}

/* Room for one more element of an array of @size bytes each; it is zeroed. */
static void *grow(smm_call *call, void *array, size_t size)
{
	uint8_t *new = reallocarray(array, call->count + 1, size);

	if (new)
		memset(new + call->count *size, 0, size);
	return new;
}

/* From messages */

int smmc_take_nothing(smm_call *call, sd_bus_message *m)
{
	(void)call;
	(void)m;
	return 0;
}

int smmc_take_id(smm_call *call, sd_bus_message *m)
{
	call->has = HAS_ID;
	return sd_bus_message_read(m, "u", &call->id);
}

int smmc_take_value(smm_call *call, sd_bus_message *m)
{
	call->has = HAS_VALUE;
	return sd_bus_message_read(m, "x", &call->value);
}

/* A copy of an array of bytes, with room for one more so that there always is one. */
static int copy_bytes(sd_bus_message *m, void **data, size_t *size)
{
	const void *bytes;
	int r = sd_bus_message_read_array(m, 'y', &bytes, size);

	if (r < 0)
		return r;
	*data = malloc(*size + 1);
	if (!*data)
		return -ENOMEM;
	if (*size)
		memcpy(*data, bytes, *size);
	return 0;
}

int smmc_take_data(smm_call *call, sd_bus_message *m)
{
	call->has = HAS_DATA;
	return copy_bytes(m, &call->data, &call->size);
}

int smmc_take_parts(smm_call *call, sd_bus_message *m)
{
	int r = sd_bus_message_enter_container(m, 'a', "ay");

	call->has = HAS_PARTS;
	while (r >= 0 && (r = sd_bus_message_at_end(m, false)) == 0) {
		struct part *parts = grow(call, call->parts, sizeof(*parts));

		if (!parts)
			return -ENOMEM;
		call->parts = parts;
		r = copy_bytes(m, &parts[call->count].data, &parts[call->count].size);
		call->count++;
	}
	return r;
}

static int read_block(sd_bus_message *m, struct smm_client_block *b)
{
	const char *name;
	int r = sd_bus_message_read(m, "(usuuuuut)", &b->id, &name, &b->size, &b->uid, &b->gid,
				    &b->mode, &b->address, &b->generation);

	if (r > 0)
		snprintf(b->name, sizeof(b->name), "%s", name);
	return r;
}

int smmc_take_blocks(smm_call *call, sd_bus_message *m)
{
	int r = sd_bus_message_enter_container(m, 'a', "(usuuuuut)");

	call->has = HAS_BLOCKS;
	while (r >= 0 && (r = sd_bus_message_at_end(m, false)) == 0) {
		struct smm_client_block *blocks = grow(call, call->blocks, sizeof(*blocks));

		if (!blocks)
			return -ENOMEM;
		call->blocks = blocks;
		r = read_block(m, &blocks[call->count++]);
	}
	return r;
}

/* Another one, with copies of both. */
static int add_property(smm_call *call, const char *prefix, const char *name, const char *text,
			uint64_t number)
{
	struct property *p = grow(call, call->properties, sizeof(*p));

	if (!p)
		return -ENOMEM;
	call->properties = p;
	p += call->count++;
	p->number = number;
	if (asprintf(&p->name, "%s%s", prefix, name) < 0) {
		p->name = NULL;
		return -ENOMEM;
	}
	p->text = text ? strdup(text) : NULL;
	return text && !p->text ? -ENOMEM : 0;
}

int smmc_take_memories(smm_call *call, sd_bus_message *m)
{
	const char *name, *state;
	int r = sd_bus_message_enter_container(m, 'a', "(sos)");

	call->has = HAS_MEMORIES;
	while (r >= 0 && (r = sd_bus_message_read(m, "(sos)", &name, NULL, &state)) > 0)
		r = add_property(call, "", name, state, 0);
	return r;
}

/* a{st}, such as Statistics: each is a property of its own. */
static int take_numbers(smm_call *call, sd_bus_message *m, const char *name)
{
	_cleanup_free_ char *prefix = NULL;
	const char *key;
	uint64_t number;
	int r;

	if (asprintf(&prefix, "%s.", name) < 0)
		return -ENOMEM;
	r = sd_bus_message_enter_container(m, 'a', "{st}");
	while (r >= 0 && (r = sd_bus_message_read(m, "{st}", &key, &number)) > 0)
		r = add_property(call, prefix, key, NULL, number);
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

/* Return: 1, or 0 if it is of a type that has no place here. */
static int read_number(sd_bus_message *m, const char *type, uint64_t *number)
{
	union {
		uint8_t y;
		uint16_t q;
		uint32_t u;
		uint64_t t;
		int b;
	} value;
	int r;

	if (!type[0] || type[1] || !strchr("yqutb", type[0]))
		return 0;
	r = sd_bus_message_read_basic(m, type[0], &value);
	if (r < 0)
		return r;
	*number = type[0] == 'y'   ? value.y
		  : type[0] == 'q' ? value.q
		  : type[0] == 't' ? value.t
		  : type[0] == 'b' ? (uint64_t)value.b
				   : value.u;
	return 1;
}

static int take_value_of(smm_call *call, sd_bus_message *m, const char *name, const char *type)
{
	const char *text;
	uint64_t number;
	int r;

	if (!strcmp(type, "a{st}"))
		return take_numbers(call, m, name);
	if (!strcmp(type, "s")) {
		r = sd_bus_message_read(m, "s", &text);
		return r < 0 ? r : add_property(call, "", name, text, 0);
	}
	r = read_number(m, type, &number);
	if (r == 0)
		return sd_bus_message_skip(m, type);
	return r < 0 ? r : add_property(call, "", name, NULL, number);
}

static int take_property(smm_call *call, sd_bus_message *m)
{
	const char *name, *type;
	int r;

	r = sd_bus_message_read(m, "s", &name);
	if (r >= 0)
		r = sd_bus_message_peek_type(m, NULL, &type);
	if (r >= 0)
		r = sd_bus_message_enter_container(m, 'v', type);
	if (r >= 0)
		r = take_value_of(call, m, name, type);
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

int smmc_take_properties(smm_call *call, sd_bus_message *m)
{
	int r = sd_bus_message_enter_container(m, 'a', "{sv}");

	call->has = HAS_PROPERTIES;
	while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		r = take_property(call, m);
		if (r >= 0)
			r = sd_bus_message_exit_container(m);
	}
	return r;
}

/* To the program. A call that has ended is not written any more. */

static int check(smm_call *call, enum has has)
{
	return smm_call_result(call) == 0 && call->has & has ? 0 : -EINVAL;
}

static int check_index(smm_call *call, enum has has, size_t index)
{
	int r = check(call, has);

	return r < 0 ? r : index < call->count ? 0 : -ENOENT;
}

int smm_call_get_id(smm_call *call, uint32_t *id)
{
	int r = check(call, HAS_ID);

	if (r >= 0)
		*id = call->id;
	return r;
}

int smm_call_get_value(smm_call *call, int64_t *value)
{
	int r = check(call, HAS_VALUE);

	if (r >= 0)
		*value = call->value;
	return r;
}

int smm_call_get_data(smm_call *call, const void **data, size_t *size)
{
	int r = check(call, HAS_DATA);

	if (r < 0)
		return r;
	*data = call->data;
	*size = call->size;
	return 0;
}

int smm_call_get_part(smm_call *call, size_t index, const void **data, size_t *size)
{
	int r = check_index(call, HAS_PARTS, index);

	if (r < 0)
		return r;
	*data = call->parts[index].data;
	*size = call->parts[index].size;
	return 0;
}

int smm_call_get_blocks(smm_call *call, const struct smm_client_block **blocks, size_t *count)
{
	int r = check(call, HAS_BLOCKS);

	if (r < 0)
		return r;
	*blocks = call->blocks;
	*count = call->count;
	return 0;
}

int smm_call_get_memory(smm_call *call, size_t index, const char **name, const char **state)
{
	int r = check_index(call, HAS_MEMORIES, index);

	if (r < 0)
		return r;
	if (name)
		*name = call->properties[index].name;
	if (state)
		*state = call->properties[index].text;
	return 0;
}

static const struct property *find(smm_call *call, const char *name)
{
	for (size_t i = 0; i < call->count; i++) {
		if (!strcmp(call->properties[i].name, name))
			return &call->properties[i];
	}
	return NULL;
}

int smm_call_get_text(smm_call *call, const char *name, const char **text)
{
	int r = check(call, HAS_PROPERTIES);
	const struct property *p = r < 0 ? NULL : find(call, name);

	if (!p || !p->text)
		return r < 0 ? r : -ENOENT;
	*text = p->text;
	return 0;
}

int smm_call_get_number(smm_call *call, const char *name, uint64_t *number)
{
	int r = check(call, HAS_PROPERTIES);
	const struct property *p = r < 0 ? NULL : find(call, name);

	if (!p || p->text)
		return r < 0 ? r : -ENOENT;
	*number = p->number;
	return 0;
}

int smm_call_get_property(smm_call *call, size_t index, const char **name, const char **text,
			  uint64_t *number)
{
	int r = check_index(call, HAS_PROPERTIES, index);

	if (r < 0)
		return r;
	if (name)
		*name = call->properties[index].name;
	if (text)
		*text = call->properties[index].text;
	if (number)
		*number = call->properties[index].number;
	return 0;
}
