/* SPDX-License-Identifier: BSD-3-Clause */
/* smmctl read, write, load and store: what is in a block. */
#include "input.h"
#include "progress.h"

static int print_data(struct smmctl *ctl, const char *what, int r, smm_call *call)
{
	struct progress progress = { .what = what };
	const void *data;
	size_t size;

	r = await(ctl, &progress, r, call);
	if (r >= 0)
		r = smm_call_get_data(call, &data, &size);
	if (r < 0)
		return r;
	print_content(&ctl->output, data, size);
	return 0;
}

int cmd_read(struct smmctl *ctl, char **args)
{
	_cleanup_call_ smm_call *call = NULL;
	uint32_t id;
	int r;

	r = find_block(ctl, args[0], &id);
	if (r >= 0)
		r = smm_client_read_async(ctl->client, id, ctl->offset, ctl->length, NULL, NULL,
					  &call);
	return print_data(ctl, "read", r, call);
}

int cmd_load(struct smmctl *ctl, char **args)
{
	_cleanup_call_ smm_call *call = NULL;
	int r = smm_client_load_async(ctl->client, args[0], NULL, NULL, &call);

	return print_data(ctl, "load", r, call);
}

/* A slice after the other, which can be seen. */
static int write_in_place(struct smmctl *ctl, uint32_t id, const void *data, uint32_t size)
{
	struct progress progress = { .what = "write" };
	int r;

	progress_begin(&progress);
	r = smm_client_write_sliced(ctl->client, id, ctl->offset, data, size, 0, on_progress,
				    &progress);
	progress_end(&progress);
	return r;
}

static int write_whole(struct smmctl *ctl, uint32_t id, const void *data, uint32_t size)
{
	struct progress progress = { .what = "write" };
	_cleanup_call_ smm_call *call = NULL;
	int r = smm_client_write_async(ctl->client, id, ctl->offset, data, size, NULL, NULL, &call);

	return await(ctl, &progress, r, call);
}

int cmd_write(struct smmctl *ctl, char **args)
{
	_cleanup_free_ void *data = NULL;
	uint32_t id, size;
	int r;

	r = find_block(ctl, args[0], &id);
	if (r >= 0)
		r = input_data(ctl, args + 1, &data, &size);
	if (r < 0)
		return r;
	return ctl->in_place ? write_in_place(ctl, id, data, size)
			     : write_whole(ctl, id, data, size);
}

int cmd_store(struct smmctl *ctl, char **args)
{
	struct progress progress = { .what = "store" };
	_cleanup_call_ smm_call *call = NULL;
	_cleanup_free_ void *data = NULL;
	uint32_t size;
	int r;

	r = input_data(ctl, args + 1, &data, &size);
	if (r < 0)
		return r;
	r = smm_client_store_async(ctl->client, args[0], data, size, NULL, NULL, &call);
	return await(ctl, &progress, r, call);
}
