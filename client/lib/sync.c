/* SPDX-License-Identifier: BSD-3-Clause */
/* The calls again, for those who wait: each is its asynchronous one, and the end of it. */
#include "private.h"

#define SLICE_DEFAULT 4096u

DEFINE_CLEANUP(smm_call *, smm_call_unref);
#define _cleanup_call_ _cleanup_(smm_call_unrefp)

/* @r is of the asynchronous call, which it consumes. */
static int finish(int r, smm_call *call)
{
	if (r < 0)
		return r;
	r = smmc_call_finish(call);
	smm_call_unref(call);
	return r;
}

/* And the call is a result. */
static int finish_with(int r, smm_call *call, smm_call **result)
{
	*result = NULL;
	if (r >= 0)
		r = smmc_call_finish(call);
	if (r >= 0)
		*result = smm_call_ref(call);
	smm_call_unref(call);
	return r;
}

static int finish_with_id(int r, smm_call *call, uint32_t *id)
{
	if (r >= 0)
		r = smmc_call_finish(call);
	if (r >= 0 && id)
		*id = call->id;
	smm_call_unref(call);
	return r;
}

/* smmd and its memories */

int smm_client_memories(smm_client *client, smm_call **result)
{
	smm_call *call;
	int r = smm_client_memories_async(client, NULL, NULL, &call);

	return finish_with(r, call, result);
}

int smm_client_version(smm_client *client, smm_call **result)
{
	smm_call *call;
	int r = smm_client_version_async(client, NULL, NULL, &call);

	return finish_with(r, call, result);
}

int smm_client_reload(smm_client *client)
{
	smm_call *call;
	int r = smm_client_reload_async(client, NULL, NULL, &call);

	return finish(r, call);
}

int smm_client_status(smm_client *client, smm_call **result)
{
	smm_call *call;
	int r = smm_client_status_async(client, NULL, NULL, &call);

	return finish_with(r, call, result);
}

/* Progress of a job is told in this thread, and to nobody before it waits. */
static void tell_progress(smm_client *c, int r, smm_call *call, smm_progress_callback progress)
{
	if (r < 0)
		return;
	smmc_client_lock(c);
	call->sync = true;
	call->progress = progress;
	smmc_client_unlock(c);
}

int smm_client_check(smm_client *client, int repair, smm_progress_callback progress, void *userdata,
		     smm_call **result)
{
	smm_call *call;
	int r = smm_client_check_async(client, repair, NULL, NULL, userdata, &call);

	tell_progress(client, r, call, progress);
	return result ? finish_with(r, call, result) : finish(r, call);
}

int smm_client_format(smm_client *client, uint32_t granule, int force,
		      smm_progress_callback progress, void *userdata)
{
	smm_call *call;
	int r = smm_client_format_async(client, granule, force, NULL, NULL, userdata, &call);

	tell_progress(client, r, call, progress);
	return finish(r, call);
}

int smm_client_dump(smm_client *client, int fd, smm_progress_callback progress, void *userdata)
{
	smm_call *call;
	int r = smm_client_dump_async(client, fd, NULL, NULL, userdata, &call);

	tell_progress(client, r, call, progress);
	return finish(r, call);
}

int smm_client_restore(smm_client *client, int fd, smm_progress_callback progress, void *userdata)
{
	smm_call *call;
	int r = smm_client_restore_async(client, fd, NULL, NULL, userdata, &call);

	tell_progress(client, r, call, progress);
	return finish(r, call);
}

/* Blocks */

int smm_client_allocate(smm_client *client, const char *name, uint32_t size,
			const struct smm_client_allocate_options *options, uint32_t *id)
{
	smm_call *call;
	int r = smm_client_allocate_async(client, name, size, options, NULL, NULL, &call);

	return finish_with_id(r, call, id);
}

int smm_client_free(smm_client *client, uint32_t id)
{
	smm_call *call;
	int r = smm_client_free_async(client, id, NULL, NULL, &call);

	return finish(r, call);
}

int smm_client_resize(smm_client *client, uint32_t id, uint32_t size)
{
	smm_call *call;
	int r = smm_client_resize_async(client, id, size, NULL, NULL, &call);

	return finish(r, call);
}

int smm_client_read(smm_client *client, uint32_t id, uint32_t offset, void *buffer, uint32_t length)
{
	_cleanup_call_ smm_call *call = NULL;
	int r = smm_client_read_async(client, id, offset, length, NULL, NULL, &call);

	if (r >= 0)
		r = smmc_call_finish(call);
	/* Less comes of SMM_CLIENT_TO_END alone. */
	if (r >= 0 && call->size)
		memcpy(buffer, call->data, call->size < length ? call->size : length);
	return r;
}

int smm_client_write(smm_client *client, uint32_t id, uint32_t offset, const void *data,
		     uint32_t length)
{
	smm_call *call;
	int r = smm_client_write_async(client, id, offset, data, length, NULL, NULL, &call);

	return finish(r, call);
}

int smm_client_write_in_place(smm_client *client, uint32_t id, uint32_t offset, const void *data,
			      uint32_t length)
{
	smm_call *call;
	int r = smm_client_write_in_place_async(client, id, offset, data, length, NULL, NULL,
						&call);

	return finish(r, call);
}

int smm_client_read_many(smm_client *client, const struct smm_client_part *parts, size_t count,
			 smm_call **result)
{
	smm_call *call;
	int r = smm_client_read_many_async(client, parts, count, NULL, NULL, &call);

	return finish_with(r, call, result);
}

int smm_client_write_many(smm_client *client, const struct smm_client_part *parts, size_t count)
{
	smm_call *call;
	int r = smm_client_write_many_async(client, parts, count, NULL, NULL, &call);

	return finish(r, call);
}

int smm_client_store(smm_client *client, const char *name, const void *data, uint32_t size,
		     uint32_t *id)
{
	smm_call *call;
	int r = smm_client_store_async(client, name, data, size, NULL, NULL, &call);

	return finish_with_id(r, call, id);
}

int smm_client_load(smm_client *client, const char *name, void **data, size_t *size)
{
	_cleanup_call_ smm_call *call = NULL;
	int r = smm_client_load_async(client, name, NULL, NULL, &call);

	*data = NULL;
	*size = 0;
	if (r >= 0)
		r = smmc_call_finish(call);
	if (r < 0)
		return r;
	*data = TAKE(call->data);
	*size = call->size;
	return 0;
}

int smm_client_find(smm_client *client, const char *name, uint32_t *id)
{
	smm_call *call;
	int r = smm_client_find_async(client, name, NULL, NULL, &call);

	return finish_with_id(r, call, id);
}

int smm_client_list(smm_client *client, smm_call **result)
{
	smm_call *call;
	int r = smm_client_list_async(client, NULL, NULL, &call);

	return finish_with(r, call, result);
}

int smm_client_block_info(smm_client *client, uint32_t id, smm_call **result)
{
	smm_call *call;
	int r = smm_client_block_info_async(client, id, NULL, NULL, &call);

	return finish_with(r, call, result);
}

int smm_client_add(smm_client *client, const char *name, int64_t delta, int64_t *value)
{
	_cleanup_call_ smm_call *call = NULL;
	int r = smm_client_add_async(client, name, delta, NULL, NULL, &call);

	if (r >= 0)
		r = smmc_call_finish(call);
	if (r >= 0 && value)
		*value = call->value;
	return r;
}

int smm_client_set_mode(smm_client *client, uint32_t id, uint32_t mode)
{
	smm_call *call;
	int r = smm_client_set_mode_async(client, id, mode, NULL, NULL, &call);

	return finish(r, call);
}

int smm_client_set_owner(smm_client *client, uint32_t id, uint32_t uid, uint32_t gid)
{
	smm_call *call;
	int r = smm_client_set_owner_async(client, id, uid, gid, NULL, NULL, &call);

	return finish(r, call);
}

int smm_client_rename(smm_client *client, uint32_t id, const char *name)
{
	smm_call *call;
	int r = smm_client_rename_async(client, id, name, NULL, NULL, &call);

	return finish(r, call);
}

/* Slices */

struct slices {
	uint32_t id, offset, length, slice;
	smm_progress_callback progress;
	void *userdata;
	/* One of them. */
	int (*move)(smm_client *c, const struct slices *s, uint32_t done, uint32_t length);
	uint8_t *to;
	const uint8_t *from;
};

static int read_slice(smm_client *c, const struct slices *s, uint32_t done, uint32_t length)
{
	return smm_client_read(c, s->id, s->offset + done, s->to + done, length);
}

static int write_slice(smm_client *c, const struct slices *s, uint32_t done, uint32_t length)
{
	return smm_client_write_in_place(c, s->id, s->offset + done, s->from + done, length);
}

static int was_canceled(smm_client *c, uint32_t done, uint32_t length)
{
	smmc_client_lock(c);
	smmc_error_set(c, -ECANCELED, ERROR_CANCELED, "it was canceled after %u of %u bytes", done,
		       length);
	smmc_client_unlock(c);
	return -ECANCELED;
}

static int move_slices(smm_client *c, const struct slices *s)
{
	uint32_t size = s->slice ? s->slice : SLICE_DEFAULT, done = 0, n;
	int r;

	do {
		n = s->length - done < size ? s->length - done : size;
		r = s->move(c, s, done, n);
		if (r < 0)
			return r;
		done += n;
		if (s->progress && s->progress(done, s->length, s->userdata) && done < s->length)
			return was_canceled(c, done, s->length);
	} while (done < s->length);
	return 0;
}

int smm_client_read_sliced(smm_client *client, uint32_t id, uint32_t offset, void *buffer,
			   uint32_t length, uint32_t slice, smm_progress_callback progress,
			   void *userdata)
{
	const struct slices slices = {
		.id = id,
		.offset = offset,
		.length = length,
		.slice = slice,
		.progress = progress,
		.userdata = userdata,
		.move = read_slice,
		.to = buffer,
	};

	return move_slices(client, &slices);
}

int smm_client_write_sliced(smm_client *client, uint32_t id, uint32_t offset, const void *data,
			    uint32_t length, uint32_t slice, smm_progress_callback progress,
			    void *userdata)
{
	const struct slices slices = {
		.id = id,
		.offset = offset,
		.length = length,
		.slice = slice,
		.progress = progress,
		.userdata = userdata,
		.move = write_slice,
		.from = data,
	};

	return move_slices(client, &slices);
}
