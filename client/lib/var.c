/* SPDX-License-Identifier: BSD-3-Clause */
/* Variables in RAM that are kept in blocks. */
#include "private.h"

struct smm_var {
	smm_client *client;
	char *name;
	uint8_t *data;
	size_t size;
	uint8_t *known; /* @size bytes as the chip has them */
	uint32_t id;    /* of the block that has exactly those; 0: nobody knows what there is */
};

DEFINE_CLEANUP(smm_var *, smm_var_close);
DEFINE_CLEANUP(smm_call *, smm_call_unref);

static int too_long(const smm_var *var, size_t size)
{
	smmc_client_lock(var->client);
	smmc_error_set(var->client, -EMSGSIZE, "org.smm1.Client.TooLong",
		       "block '%s' has %zu bytes, more than the %zu of the variable", var->name,
		       size, var->size);
	smmc_client_unlock(var->client);
	return -EMSGSIZE;
}

/* What was read becomes the variable; where it is shorter, what is behind stays. */
static int take(smm_var *var, uint32_t id, const void *content, size_t size)
{
	if (size > var->size)
		return too_long(var, size);
	memcpy(var->data, content, size);
	if (size == var->size) {
		memcpy(var->known, content, size);
		var->id = id;
	}
	return 1;
}

int smm_var_reload(smm_var *var)
{
	_cleanup_(smm_call_unrefp) smm_call *call = NULL;
	uint32_t id;
	int r;

	var->id = 0;
	r = smm_client_find(var->client, var->name, &id);
	if (r >= 0)
		r = smm_client_read_async(var->client, id, 0, SMM_CLIENT_TO_END, NULL, NULL, &call);
	if (r >= 0)
		r = smmc_call_finish(call);
	if (r >= 0)
		return take(var, id, call->data, call->size);
	return r == -ENOENT ? 0 : r;
}

static smm_var *var_new(smm_client *client, const char *name, void *data, size_t size)
{
	_cleanup_(smm_var_closep) smm_var *var = calloc(1, sizeof(*var));

	if (!var)
		return NULL;
	var->client = client;
	var->data = data;
	var->size = size;
	var->name = strdup(name);
	var->known = malloc(size);
	return var->name && var->known ? TAKE(var) : NULL;
}

int smm_var_open(smm_var **var, smm_client *client, const char *name, void *data, size_t size)
{
	int r;

	*var = NULL;
	if (!size || size > UINT32_MAX)
		r = -EINVAL;
	else
		r = (*var = var_new(client, name, data, size)) ? 0 : -ENOMEM;
	if (r < 0) {
		smmc_client_lock(client);
		smmc_error_set_errno(client, r, "a variable cannot be kept");
		smmc_client_unlock(client);
		return r;
	}
	r = smm_var_reload(*var);
	if (r < 0) {
		smm_var_close(*var);
		*var = NULL;
	}
	return r;
}

/* All of it, under its name. */
static int store(smm_var *var)
{
	return smm_client_store(var->client, var->name, var->data, (uint32_t)var->size, &var->id);
}

/* The bytes from the first to the last that are not as the chip has them. */
static int write_changes(smm_var *var)
{
	size_t first = 0, end = var->size;

	while (var->data[first] == var->known[first])
		first++;
	while (var->data[end - 1] == var->known[end - 1])
		end--;
	return smm_client_write(var->client, var->id, (uint32_t)first, var->data + first,
				(uint32_t)(end - first));
}

int smm_var_store(smm_var *var)
{
	int r;

	if (var->id && !memcmp(var->data, var->known, var->size))
		return 0;
	r = var->id ? write_changes(var) : -ENOENT;
	if (r == -ENOENT || r == -ERANGE) /* there is none, it was freed, or is another size */
		r = store(var);
	if (r < 0) {
		var->id = 0; /* it may be done all the same */
		return r;
	}
	memcpy(var->known, var->data, var->size);
	return 1;
}

void smm_var_close(smm_var *var)
{
	if (!var)
		return;
	free(var->name);
	free(var->known);
	free(var);
}
