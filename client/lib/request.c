/* SPDX-License-Identifier: BSD-3-Clause */
/* The calls, one by one: what each sends. What each answers is in the last member of its kind. */
#include "private.h"

#include <inttypes.h>
#include <systemd/sd-id128.h>

static int take_path(smm_call *call, sd_bus_message *m)
{
	const char *path;
	int r = sd_bus_message_read(m, "o", &path);

	if (r < 0)
		return r;
	call->data = strdup(path);
	return call->data ? 0 : -ENOMEM;
}

#define KIND(name, method, taker)                     \
	static const struct call_kind kind_##name = { \
		.interface = SMM_MEMORY_INTERFACE,    \
		.member = method,                     \
		.take = taker,                        \
	}
#define JOB(name, method)                             \
	static const struct call_kind kind_##name = { \
		.interface = SMM_MEMORY_INTERFACE,    \
		.member = method,                     \
		.take = smmc_job_begin,               \
		.is_job = true,                       \
	}

KIND(allocate, "Allocate", smmc_take_id);
KIND(free, "Free", smmc_take_nothing);
KIND(resize, "Resize", smmc_take_nothing);
KIND(read, "Read", smmc_take_data);
KIND(write, "Write", smmc_take_nothing);
KIND(write_in_place, "WriteInPlace", smmc_take_nothing);
KIND(read_many, "ReadMany", smmc_take_parts);
KIND(write_many, "WriteMany", smmc_take_nothing);
KIND(store, "Store", smmc_take_id);
KIND(load, "Load", smmc_take_data);
KIND(list, "List", smmc_take_blocks);
KIND(add, "Add", smmc_take_value);
KIND(set_mode, "SetMode", smmc_take_nothing);
KIND(set_owner, "SetOwner", smmc_take_nothing);
KIND(rename, "Rename", smmc_take_nothing);
KIND(check, "Check", smmc_take_properties);
KIND(format, "Format", smmc_take_nothing);
JOB(dump, "Dump");
JOB(restore, "Restore");

const struct call_kind smmc_kind_find = {
	.interface = SMM_MEMORY_INTERFACE,
	.member = "Find",
	.take = smmc_take_id,
};

const struct call_kind smmc_kind_get_memory = {
	.interface = SMM_MANAGER_INTERFACE,
	.member = "GetMemory",
	.take = take_path,
	.of_manager = true,
};

const struct call_kind smmc_kind_memories = {
	.interface = SMM_MANAGER_INTERFACE,
	.member = "ListMemories",
	.take = smmc_take_memories,
	.of_manager = true,
};

static const struct call_kind kind_reload = {
	.interface = SMM_MANAGER_INTERFACE,
	.member = "Reload",
	.take = smmc_take_nothing,
	.of_manager = true,
};

static const struct call_kind kind_version = {
	.interface = PROPERTIES_INTERFACE,
	.member = "GetAll",
	.take = smmc_take_properties,
	.of_manager = true,
};

static const struct call_kind kind_status = {
	.interface = PROPERTIES_INTERFACE,
	.member = "GetAll",
	.take = smmc_take_properties,
};

static const struct call_kind kind_block_info = {
	.interface = PROPERTIES_INTERFACE,
	.member = "GetAll",
	.take = smmc_take_properties,
	.absent = ERROR_NO_SUCH_BLOCK,
};

/* The way of all */

static int call_vstart(smm_client *c, const struct call_kind *kind, const char *path,
		       smm_call **out, const char *types, va_list arguments)
{
	sd_bus_message *m = NULL;
	smm_call *call;
	int r;

	r = smmc_call_new(c, kind, path, &call, &m);
	if (r < 0)
		return r;
	r = sd_bus_message_appendv(m, types, arguments);
	return smmc_call_send(call, m, r, out);
}

int smmc_call_start(smm_client *c, const struct call_kind *kind, smm_call **out, const char *types,
		    ...)
{
	va_list arguments;
	int r;

	va_start(arguments, types);
	r = call_vstart(c, kind, NULL, out, types, arguments);
	va_end(arguments);
	return r;
}

/* What the program gets: the last three parameters of all functions that end in _async(). */
struct taker {
	smm_call_callback done;
	void *userdata;
	smm_call **call;
};
#define TAKER                        \
	&(const struct taker)        \
	{                            \
		done, userdata, call \
	}

/* Gives up the lock, and the call to who wants it. */
static int hand_over(smm_client *c, int r, smm_call *call, const struct taker *taker)
{
	if (r >= 0)
		smmc_call_attach(call, taker->done, taker->userdata);
	smmc_client_unlock(c);
	if (taker->call)
		*taker->call = r < 0 ? NULL : call;
	else if (r >= 0)
		smm_call_unref(call);
	return r;
}

/* A call with arguments of basic types. */
static int start(smm_client *c, const struct call_kind *kind, const struct taker *taker,
		 const char *types, ...)
{
	smm_call *call = NULL;
	va_list arguments;
	int r;

	smmc_client_lock(c);
	va_start(arguments, types);
	r = call_vstart(c, kind, NULL, &call, types, arguments);
	va_end(arguments);
	return hand_over(c, r, call, taker);
}

/* A call whose last argument is an array of bytes. */
static int start_with_data(smm_client *c, const struct call_kind *kind, const struct taker *taker,
			   const void *data, uint32_t size, const char *types, ...)
{
	sd_bus_message *m = NULL;
	smm_call *call = NULL;
	va_list arguments;
	int r;

	smmc_client_lock(c);
	r = smmc_call_new(c, kind, NULL, &call, &m);
	if (r < 0)
		return hand_over(c, r, call, taker);
	va_start(arguments, types);
	r = sd_bus_message_appendv(m, types, arguments);
	va_end(arguments);
	if (r >= 0)
		r = sd_bus_message_append_array(m, 'y', data, size);
	return hand_over(c, smmc_call_send(call, m, r, &call), call, taker);
}

static int append_option(sd_bus_message *m, bool given, const char *name, const char *type,
			 uint32_t value)
{
	return given ? sd_bus_message_append(m, "{sv}", name, type, value) : 0;
}

/* smmd and its memories */

int smm_client_memories_async(smm_client *client, smm_call_callback done, void *userdata,
			      smm_call **call)
{
	return start(client, &smmc_kind_memories, TAKER, "");
}

int smm_client_version_async(smm_client *client, smm_call_callback done, void *userdata,
			     smm_call **call)
{
	return start(client, &kind_version, TAKER, "s", SMM_MANAGER_INTERFACE);
}

int smm_client_reload_async(smm_client *client, smm_call_callback done, void *userdata,
			    smm_call **call)
{
	return start(client, &kind_reload, TAKER, "");
}

int smm_client_status_async(smm_client *client, smm_call_callback done, void *userdata,
			    smm_call **call)
{
	return start(client, &kind_status, TAKER, "s", SMM_MEMORY_INTERFACE);
}

/* @token: 0 where the answer has the job's path */
static int start_job(smm_client *c, const struct call_kind *kind, uint64_t token,
		     smm_progress_callback progress, const struct taker *taker, const char *types,
		     ...)
{
	sd_bus_message *m = NULL;
	smm_call *call = NULL;
	va_list arguments;
	int r;

	smmc_client_lock(c);
	r = smmc_call_new(c, kind, NULL, &call, &m);
	if (r < 0)
		return hand_over(c, r, call, taker);
	if (call->over_main)
		smmc_connection_listen(c);
	call->token = token;
	call->progress = progress;
	va_start(arguments, types);
	r = sd_bus_message_appendv(m, types, arguments);
	va_end(arguments);
	return hand_over(c, smmc_call_send(call, m, r, &call), call, taker);
}

static uint64_t new_token(void)
{
	sd_id128_t id = SD_ID128_NULL;

	(void)sd_id128_randomize(&id);
	return id.qwords[0];
}

int smm_client_check_async(smm_client *client, int repair, smm_progress_callback progress,
			   smm_call_callback done, void *userdata, smm_call **call)
{
	uint64_t token = new_token();

	return start_job(client, &kind_check, token, progress, TAKER, "a{sv}", 2, "repair", "b",
			 repair, "token", "t", token);
}

int smm_client_format_async(smm_client *client, uint32_t granule, int force,
			    smm_progress_callback progress, smm_call_callback done, void *userdata,
			    smm_call **call)
{
	uint64_t token = new_token();

	if (!granule)
		return start_job(client, &kind_format, token, progress, TAKER, "a{sv}", 2, "force",
				 "b", force, "token", "t", token);
	return start_job(client, &kind_format, token, progress, TAKER, "a{sv}", 3, "granule", "u",
			 granule, "force", "b", force, "token", "t", token);
}

/* The descriptor travels along with the message. */
int smm_client_dump_async(smm_client *client, int fd, smm_progress_callback progress,
			  smm_call_callback done, void *userdata, smm_call **call)
{
	return start_job(client, &kind_dump, 0, progress, TAKER, "ha{sv}", fd, 0);
}

int smm_client_restore_async(smm_client *client, int fd, smm_progress_callback progress,
			     smm_call_callback done, void *userdata, smm_call **call)
{
	return start_job(client, &kind_restore, 0, progress, TAKER, "ha{sv}", fd, 0);
}

/* Blocks */

static int append_allocate(sd_bus_message *m, const char *name, uint32_t size,
			   const struct smm_client_allocate_options *o)
{
	static const struct smm_client_allocate_options none;
	int r = sd_bus_message_append(m, "su", name ? name : "", size);

	if (!o)
		o = &none;
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'a', "{sv}");
	if (r >= 0)
		r = append_option(m, o->flags & SMM_CLIENT_MODE, "mode", "u", o->mode);
	if (r >= 0)
		r = append_option(m, o->flags & SMM_CLIENT_GID, "gid", "u", o->gid);
	if (r >= 0)
		r = append_option(m, o->flags & SMM_CLIENT_FILL, "fill", "y", o->fill);
	if (r >= 0)
		r = append_option(m, o->flags & SMM_CLIENT_EXCLUSIVE, "exclusive", "b", true);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

int smm_client_allocate_async(smm_client *client, const char *name, uint32_t size,
			      const struct smm_client_allocate_options *options,
			      smm_call_callback done, void *userdata, smm_call **call)
{
	sd_bus_message *m = NULL;
	smm_call *new = NULL;
	int r;

	smmc_client_lock(client);
	r = smmc_call_new(client, &kind_allocate, NULL, &new, &m);
	if (r >= 0)
		r = smmc_call_send(new, m, append_allocate(m, name, size, options), &new);
	return hand_over(client, r, new, TAKER);
}

int smm_client_free_async(smm_client *client, uint32_t id, smm_call_callback done, void *userdata,
			  smm_call **call)
{
	return start(client, &kind_free, TAKER, "u", id);
}

int smm_client_resize_async(smm_client *client, uint32_t id, uint32_t size, smm_call_callback done,
			    void *userdata, smm_call **call)
{
	return start(client, &kind_resize, TAKER, "uu", id, size);
}

int smm_client_read_async(smm_client *client, uint32_t id, uint32_t offset, uint32_t length,
			  smm_call_callback done, void *userdata, smm_call **call)
{
	return start(client, &kind_read, TAKER, "uuu", id, offset, length);
}

int smm_client_write_async(smm_client *client, uint32_t id, uint32_t offset, const void *data,
			   uint32_t length, smm_call_callback done, void *userdata, smm_call **call)
{
	return start_with_data(client, &kind_write, TAKER, data, length, "uu", id, offset);
}

int smm_client_write_in_place_async(smm_client *client, uint32_t id, uint32_t offset,
				    const void *data, uint32_t length, smm_call_callback done,
				    void *userdata, smm_call **call)
{
	return start_with_data(client, &kind_write_in_place, TAKER, data, length, "uu", id, offset);
}

static int append_read_parts(sd_bus_message *m, const struct smm_client_part *parts, size_t count)
{
	int r = sd_bus_message_open_container(m, 'a', "(uuu)");

	for (size_t i = 0; r >= 0 && i < count; i++)
		r = sd_bus_message_append(m, "(uuu)", parts[i].id, parts[i].offset,
					  parts[i].length);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

int smm_client_read_many_async(smm_client *client, const struct smm_client_part *parts,
			       size_t count, smm_call_callback done, void *userdata,
			       smm_call **call)
{
	sd_bus_message *m = NULL;
	smm_call *new = NULL;
	int r;

	smmc_client_lock(client);
	r = smmc_call_new(client, &kind_read_many, NULL, &new, &m);
	if (r >= 0)
		r = smmc_call_send(new, m, append_read_parts(m, parts, count), &new);
	return hand_over(client, r, new, TAKER);
}

static int append_write_part(sd_bus_message *m, const struct smm_client_part *part)
{
	int r = sd_bus_message_open_container(m, 'r', "uuay");

	if (r >= 0)
		r = sd_bus_message_append(m, "uu", part->id, part->offset);
	if (r >= 0)
		r = sd_bus_message_append_array(m, 'y', part->data, part->length);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_write_parts(sd_bus_message *m, const struct smm_client_part *parts, size_t count)
{
	int r = sd_bus_message_open_container(m, 'a', "(uuay)");

	for (size_t i = 0; r >= 0 && i < count; i++)
		r = append_write_part(m, &parts[i]);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

int smm_client_write_many_async(smm_client *client, const struct smm_client_part *parts,
				size_t count, smm_call_callback done, void *userdata,
				smm_call **call)
{
	sd_bus_message *m = NULL;
	smm_call *new = NULL;
	int r;

	smmc_client_lock(client);
	r = smmc_call_new(client, &kind_write_many, NULL, &new, &m);
	if (r >= 0)
		r = smmc_call_send(new, m, append_write_parts(m, parts, count), &new);
	return hand_over(client, r, new, TAKER);
}

int smm_client_store_async(smm_client *client, const char *name, const void *data, uint32_t size,
			   smm_call_callback done, void *userdata, smm_call **call)
{
	return start_with_data(client, &kind_store, TAKER, data, size, "s", name);
}

int smm_client_load_async(smm_client *client, const char *name, smm_call_callback done,
			  void *userdata, smm_call **call)
{
	return start(client, &kind_load, TAKER, "s", name);
}

int smm_client_find_async(smm_client *client, const char *name, smm_call_callback done,
			  void *userdata, smm_call **call)
{
	return start(client, &smmc_kind_find, TAKER, "s", name);
}

int smm_client_list_async(smm_client *client, smm_call_callback done, void *userdata,
			  smm_call **call)
{
	return start(client, &kind_list, TAKER, "");
}

int smm_client_block_info_async(smm_client *client, uint32_t id, smm_call_callback done,
				void *userdata, smm_call **call)
{
	_cleanup_free_ char *path = NULL;
	sd_bus_message *m = NULL;
	smm_call *new = NULL;
	int r;

	smmc_client_lock(client);
	if (client->path && asprintf(&path, "%s/block/%" PRIu32, client->path, id) < 0) {
		path = NULL;
		r = smmc_error_set_errno(client, -ENOMEM, "a call cannot be made");
	} else {
		r = smmc_call_new(client, &kind_block_info, path, &new, &m);
	}
	if (r >= 0)
		r = smmc_call_send(new, m, sd_bus_message_append(m, "s", SMM_BLOCK_INTERFACE),
				   &new);
	return hand_over(client, r, new, TAKER);
}

int smm_client_add_async(smm_client *client, const char *name, int64_t delta,
			 smm_call_callback done, void *userdata, smm_call **call)
{
	return start(client, &kind_add, TAKER, "sx", name, delta);
}

int smm_client_set_mode_async(smm_client *client, uint32_t id, uint32_t mode,
			      smm_call_callback done, void *userdata, smm_call **call)
{
	return start(client, &kind_set_mode, TAKER, "uu", id, mode);
}

int smm_client_set_owner_async(smm_client *client, uint32_t id, uint32_t uid, uint32_t gid,
			       smm_call_callback done, void *userdata, smm_call **call)
{
	return start(client, &kind_set_owner, TAKER, "uuu", id, uid, gid);
}

int smm_client_rename_async(smm_client *client, uint32_t id, const char *name,
			    smm_call_callback done, void *userdata, smm_call **call)
{
	return start(client, &kind_rename, TAKER, "us", id, name);
}
