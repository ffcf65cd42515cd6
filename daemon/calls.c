/* SPDX-License-Identifier: BSD-3-Clause */
#include "calls.h"

#include "errors.h"
#include "job.h"
#include "options.h"
#include "request.h"
#include "util.h"

#define AT_ONCE_MAX 65536u /* bytes that the main thread copies without keeping others waiting */

#define PARTS_MAX 256u /* of one call */

/* What several of them read and answer. */

/* What is no name is looked for nowhere. */
static int read_name(struct request *q, sd_bus_message *m)
{
	int r = sd_bus_message_read(m, "s", &q->name);

	if (r < 0)
		return r;
	return smm_store_is_name(q->name) ? 0 : volume_bad_name(&q->error);
}

/* For what finds a block by its name: a block may have none. */
static int read_key(struct request *q, sd_bus_message *m)
{
	int r = read_name(q, m);

	if (r < 0)
		return r;
	return *q->name ? 0 : volume_bad_name(&q->error);
}

static int read_size(struct request *q, sd_bus_message *m)
{
	return sd_bus_message_read(m, "u", &q->size);
}

static int read_offset_and_data(struct request *q, sd_bus_message *m)
{
	int r;

	r = sd_bus_message_read(m, "u", &q->offset);
	if (r < 0)
		return r;
	return sd_bus_message_read_array(m, 'y', &q->data, &q->data_size);
}

static int reply_id(const struct request *q, sd_bus_message *m)
{
	return sd_bus_message_append(m, "u", q->id);
}

static int reply_content(const struct request *q, sd_bus_message *m)
{
	return sd_bus_message_append_array(m, 'y', q->content, q->content_size);
}

/* Allocate: name, size, options → id */

static int read_allocate(struct request *q, sd_bus_message *m)
{
	const struct option_spec options[] = {
		{ "mode", 'u', &q->allocate.mode, &q->allocate.has_mode },
		{ "gid", 'u', &q->allocate.gid, &q->allocate.has_gid },
		{ "fill", 'y', &q->allocate.fill, NULL },
		{ "exclusive", 'b', &q->allocate.exclusive, NULL },
	};
	int r;

	r = read_name(q, m);
	if (r >= 0)
		r = sd_bus_message_read(m, "u", &q->size);
	if (r < 0)
		return r;
	return options_read(m, options, ARRAY_SIZE(options), &q->error);
}

static int run_allocate(struct request *q, struct volume *volume, const struct caller *caller)
{
	return volume_allocate(volume, caller, q->name, q->size, &q->allocate, &q->id, &q->error);
}

int call_allocate(sd_bus_message *m, void *memory, sd_bus_error *error)
{
	static const struct call call = {
		.makes = true,
		.read = read_allocate,
		.run = run_allocate,
		.reply = reply_id,
	};

	return request_start(&call, m, memory, error);
}

/* Free: block */

static int run_free(struct request *q, struct volume *volume, const struct caller *caller)
{
	return volume_free(volume, caller, q->id, &q->error);
}

int call_free(sd_bus_message *m, void *memory, sd_bus_error *error)
{
	static const struct call call = { .of_block = true, .run = run_free };

	return request_start(&call, m, memory, error);
}

/* Resize: block, size */

static int run_resize(struct request *q, struct volume *volume, const struct caller *caller)
{
	return volume_resize(volume, caller, q->id, q->size, &q->error);
}

int call_resize(sd_bus_message *m, void *memory, sd_bus_error *error)
{
	static const struct call call = { .of_block = true, .read = read_size, .run = run_resize };

	return request_start(&call, m, memory, error);
}

/* Read: block, offset, length → content */

static int read_read(struct request *q, sd_bus_message *m)
{
	return sd_bus_message_read(m, "uu", &q->offset, &q->size);
}

static int run_read(struct request *q, struct volume *volume, const struct caller *caller)
{
	if (volume_prefetch(volume, caller, q->id, NULL, q->offset, q->size) > 0)
		return 1;
	return volume_read(volume, caller, q->id, q->offset, q->size, &q->content, &q->content_size,
			   &q->error);
}

/* Append what can be read without the wire. Return: 1, 0 if it cannot, or a negative errno. */
static int append_at_once(const struct request *q, const char *name, uint32_t offset,
			  uint32_t length, sd_bus_message *m)
{
	struct volume *volume = q->memory->volume;
	struct smm_block b;
	void *space;
	int r;

	if (!volume_holds(volume, &q->caller, q->id, name, offset, &length, &b) ||
	    length > AT_ONCE_MAX)
		return 0;
	r = sd_bus_message_append_array_space(m, 'y', length, &space);
	if (r < 0)
		return r;
	return volume_copy(volume, &b, offset, length, space);
}

static int read_at_once(struct request *q, sd_bus_message *m)
{
	return append_at_once(q, NULL, q->offset, q->size, m);
}

int call_read(sd_bus_message *m, void *memory, sd_bus_error *error)
{
	static const struct call call = {
		.of_block = true,
		.read = read_read,
		.at_once = read_at_once,
		.run = run_read,
		.reads = true,
		.reply = reply_content,
	};

	return request_start(&call, m, memory, error);
}

/* ReadMany: parts, each a block, offset, length → their contents */

/* Make room for one more of the parts. */
static int add_part(struct request *q, struct volume_part **part)
{
	struct volume_part *parts;

	if (q->n_parts == PARTS_MAX)
		return sd_bus_error_setf(&q->error, SD_BUS_ERROR_INVALID_ARGS,
					 "a call has at most %u parts; this one has more",
					 PARTS_MAX);
	parts = reallocarray(q->parts, q->n_parts + 1, sizeof(*parts));
	if (!parts)
		return -ENOMEM;
	q->parts = parts;
	*part = &parts[q->n_parts++];
	**part = (struct volume_part){ 0 };
	return 0;
}

static int read_read_many(struct request *q, sd_bus_message *m)
{
	struct volume_part *part;
	uint32_t id, offset, length;
	int r;

	r = sd_bus_message_enter_container(m, 'a', "(uuu)");
	if (r < 0)
		return r;
	while ((r = sd_bus_message_read(m, "(uuu)", &id, &offset, &length)) > 0) {
		r = add_part(q, &part);
		if (r < 0)
			return r;
		part->id = id;
		part->offset = offset;
		part->size = length;
	}
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

/* All of them in one step, so that they are of one moment. */
static int run_read_many(struct request *q, struct volume *volume, const struct caller *caller)
{
	struct volume_part *part;
	int r = 0;

	for (size_t i = 0; i < q->n_parts; i++) {
		part = &q->parts[i];
		if (volume_prefetch(volume, caller, part->id, NULL, part->offset,
				    (uint32_t)part->size) > 0)
			return 1;
	}
	for (size_t i = 0; r >= 0 && i < q->n_parts; i++) {
		part = &q->parts[i];
		r = volume_read(volume, caller, part->id, part->offset, (uint32_t)part->size,
				&part->content, &part->size, &q->error);
	}
	return r;
}

static int reply_parts(const struct request *q, sd_bus_message *m)
{
	int r = sd_bus_message_open_container(m, 'a', "ay");

	for (size_t i = 0; r >= 0 && i < q->n_parts; i++)
		r = sd_bus_message_append_array(m, 'y', q->parts[i].content, q->parts[i].size);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

int call_read_many(sd_bus_message *m, void *memory, sd_bus_error *error)
{
	static const struct call call = {
		.read = read_read_many,
		.run = run_read_many,
		.reply = reply_parts,
	};

	return request_start(&call, m, memory, error);
}

/* Write: block, offset, data */

static int run_write(struct request *q, struct volume *volume, const struct caller *caller)
{
	return volume_write(volume, caller, q->id, q->offset, q->data, q->data_size, &q->error);
}

int call_write(sd_bus_message *m, void *memory, sd_bus_error *error)
{
	static const struct call call = {
		.of_block = true,
		.read = read_offset_and_data,
		.run = run_write,
	};

	return request_start(&call, m, memory, error);
}

/* WriteInPlace: block, offset, data */

static int run_write_in_place(struct request *q, struct volume *volume, const struct caller *caller)
{
	return volume_write_in_place(volume, caller, q->id, q->offset, q->data, q->data_size,
				     &q->done, &q->error);
}

int call_write_in_place(sd_bus_message *m, void *memory, sd_bus_error *error)
{
	static const struct call call = {
		.of_block = true,
		.read = read_offset_and_data,
		.run = run_write_in_place,
	};

	return request_start(&call, m, memory, error);
}

/* WriteMany: parts, each a block, offset, data */

static int read_write_many(struct request *q, sd_bus_message *m)
{
	struct volume_part *part;
	int r;

	r = sd_bus_message_enter_container(m, 'a', "(uuay)");
	if (r < 0)
		return r;
	while ((r = sd_bus_message_enter_container(m, 'r', "uuay")) > 0) {
		r = add_part(q, &part);
		if (r >= 0)
			r = sd_bus_message_read(m, "uu", &part->id, &part->offset);
		if (r >= 0)
			r = sd_bus_message_read_array(m, 'y', &part->data, &part->size);
		if (r >= 0)
			r = sd_bus_message_exit_container(m);
		if (r < 0)
			return r;
		q->data_size += part->size;
	}
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int run_write_many(struct request *q, struct volume *volume, const struct caller *caller)
{
	return volume_write_many(volume, caller, q->parts, q->n_parts, &q->error);
}

int call_write_many(sd_bus_message *m, void *memory, sd_bus_error *error)
{
	static const struct call call = { .read = read_write_many, .run = run_write_many };

	return request_start(&call, m, memory, error);
}

/* Store: name, data → id */

static int read_store(struct request *q, sd_bus_message *m)
{
	int r;

	r = read_key(q, m);
	if (r < 0)
		return r;
	return sd_bus_message_read_array(m, 'y', &q->data, &q->data_size);
}

static int run_store(struct request *q, struct volume *volume, const struct caller *caller)
{
	return volume_store(volume, caller, q->name, q->data, q->data_size, &q->id, &q->error);
}

int call_store(sd_bus_message *m, void *memory, sd_bus_error *error)
{
	static const struct call call = {
		.makes = true, .read = read_store, .run = run_store, .reply = reply_id
	};

	return request_start(&call, m, memory, error);
}

/* Load: name → content */

static int run_load(struct request *q, struct volume *volume, const struct caller *caller)
{
	if (volume_prefetch(volume, caller, 0, q->name, 0, UINT32_MAX) > 0)
		return 1;
	return volume_load(volume, caller, q->name, &q->content, &q->content_size, &q->error);
}

static int load_at_once(struct request *q, sd_bus_message *m)
{
	return append_at_once(q, q->name, 0, UINT32_MAX, m);
}

int call_load(sd_bus_message *m, void *memory, sd_bus_error *error)
{
	static const struct call call = {
		.read = read_key,
		.at_once = load_at_once,
		.run = run_load,
		.reads = true,
		.reply = reply_content,
	};

	return request_start(&call, m, memory, error);
}

/* Add: name, delta → value */

static int read_add(struct request *q, sd_bus_message *m)
{
	int r = read_key(q, m);

	return r < 0 ? r : sd_bus_message_read(m, "x", &q->delta);
}

static int run_add(struct request *q, struct volume *volume, const struct caller *caller)
{
	return volume_add(volume, caller, q->name, q->delta, &q->value, &q->error);
}

static int reply_value(const struct request *q, sd_bus_message *m)
{
	return sd_bus_message_append(m, "x", q->value);
}

int call_add(sd_bus_message *m, void *memory, sd_bus_error *error)
{
	static const struct call call = {
		.makes = true, .read = read_add, .run = run_add, .reply = reply_value
	};

	return request_start(&call, m, memory, error);
}

/* SetMode: block, mode */

static int read_set_mode(struct request *q, sd_bus_message *m)
{
	return sd_bus_message_read(m, "u", &q->mode);
}

static int run_set_mode(struct request *q, struct volume *volume, const struct caller *caller)
{
	return volume_set_mode(volume, caller, q->id, q->mode, &q->error);
}

int call_set_mode(sd_bus_message *m, void *memory, sd_bus_error *error)
{
	static const struct call call = {
		.of_block = true,
		.read = read_set_mode,
		.run = run_set_mode,
	};

	return request_start(&call, m, memory, error);
}

/* SetOwner: block, uid, gid */

static int read_set_owner(struct request *q, sd_bus_message *m)
{
	return sd_bus_message_read(m, "uu", &q->uid, &q->gid);
}

static int run_set_owner(struct request *q, struct volume *volume, const struct caller *caller)
{
	return volume_set_owner(volume, caller, q->id, q->uid, q->gid, &q->error);
}

int call_set_owner(sd_bus_message *m, void *memory, sd_bus_error *error)
{
	static const struct call call = {
		.of_block = true,
		.read = read_set_owner,
		.run = run_set_owner,
	};

	return request_start(&call, m, memory, error);
}

/* Rename: block, name */

static int run_rename(struct request *q, struct volume *volume, const struct caller *caller)
{
	return volume_rename(volume, caller, q->id, q->name, &q->error);
}

int call_rename(sd_bus_message *m, void *memory, sd_bus_error *error)
{
	static const struct call call = { .of_block = true, .read = read_name, .run = run_rename };

	return request_start(&call, m, memory, error);
}

/* Check, Format, Dump, Restore: jobs */

static int read_check(struct request *q, sd_bus_message *m)
{
	const struct option_spec options[] = {
		{ "repair", 'b', &q->repair, NULL },
		{ "token", 't', &q->token, NULL },
	};
	int r = options_read(m, options, ARRAY_SIZE(options), &q->error);

	q->admin = q->repair;
	return r;
}

int call_check(sd_bus_message *m, void *memory, sd_bus_error *error)
{
	static const struct call call = { .read = read_check, .begin = job_check };

	return request_start(&call, m, memory, error);
}

static int read_format(struct request *q, sd_bus_message *m)
{
	const struct option_spec options[] = {
		{ "granule", 'u', &q->granule, NULL },
		{ "force", 'b', &q->force, NULL },
		{ "token", 't', &q->token, NULL },
	};

	q->admin = true;
	return options_read(m, options, ARRAY_SIZE(options), &q->error);
}

int call_format(sd_bus_message *m, void *memory, sd_bus_error *error)
{
	static const struct call call = { .read = read_format, .begin = job_format };

	return request_start(&call, m, memory, error);
}

static int read_image(struct request *q, sd_bus_message *m)
{
	int r = sd_bus_message_read(m, "h", &q->fd);

	q->admin = true;
	return r < 0 ? r : options_read(m, NULL, 0, &q->error);
}

int call_dump(sd_bus_message *m, void *memory, sd_bus_error *error)
{
	static const struct call call = { .read = read_image, .begin = job_dump };

	return request_start(&call, m, memory, error);
}

int call_restore(sd_bus_message *m, void *memory, sd_bus_error *error)
{
	static const struct call call = { .read = read_image, .begin = job_restore };

	return request_start(&call, m, memory, error);
}
