/* SPDX-License-Identifier: BSD-3-Clause */
/* What went wrong, as a number and in words; each thread has its own last error. */
#include "private.h"

#include <stdio.h>

#define COMPLAINTS_MAX 32u /* threads that are remembered; of more, the first is forgotten */

int smmc_error_number(const char *name)
{
	static const struct {
		const char *name;
		int number;
	} table[] = {
		{ ERROR_NO_SUCH_BLOCK, ENOENT },
		{ ERROR_NO_SUCH_MEMORY, ENXIO },
		{ ERROR_NO_SPACE, ENOSPC },
		{ ERROR_QUOTA_EXCEEDED, EDQUOT },
		{ ERROR_NAME_TAKEN, EEXIST },
		{ ERROR_BAD_NAME, EINVAL },
		{ ERROR_OUT_OF_RANGE, ERANGE },
		{ ERROR_NOT_A_COUNTER, EPROTOTYPE },
		{ ERROR_WRITE_PROTECTED, EROFS },
		{ ERROR_OFFLINE, ENODEV },
		{ ERROR_NOT_FORMATTED, EMEDIUMTYPE },
		{ ERROR_CORRUPT, EUCLEAN },
		{ ERROR_CHECKSUM_MISMATCH, EBADMSG },
		{ ERROR_IO, EIO },
		{ ERROR_POWER_FAIL, ESHUTDOWN },
		{ ERROR_BUSY, EBUSY },
		{ ERROR_CANCELED, ECANCELED },
		{ ERROR_TOO_LARGE, E2BIG },
		{ SD_BUS_ERROR_ACCESS_DENIED, EACCES },
		{ SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED, EACCES },
		{ SD_BUS_ERROR_INVALID_ARGS, EINVAL },
		{ SD_BUS_ERROR_UNKNOWN_METHOD, EOPNOTSUPP },
		{ SD_BUS_ERROR_UNKNOWN_INTERFACE, EOPNOTSUPP },
		{ SD_BUS_ERROR_UNKNOWN_OBJECT, ENXIO },
		{ SD_BUS_ERROR_SERVICE_UNKNOWN, EHOSTDOWN },
		{ SD_BUS_ERROR_NAME_HAS_NO_OWNER, EHOSTDOWN },
		{ SD_BUS_ERROR_NO_REPLY, ECONNRESET },
		{ SD_BUS_ERROR_DISCONNECTED, ECONNRESET },
		{ SD_BUS_ERROR_NO_SERVER, ECONNREFUSED },
		{ SD_BUS_ERROR_TIMEOUT, ETIMEDOUT },
		{ SD_BUS_ERROR_LIMITS_EXCEEDED, EBUSY },
		{ SD_BUS_ERROR_NO_MEMORY, ENOMEM },
	};
	const sd_bus_error other = { name, NULL, 0 };
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (!strcmp(table[i].name, name))
			return -table[i].number;
	}
	r = sd_bus_error_get_errno(&other);
	return r > 0 ? -r : -EIO;
}

static struct complaint *find(const smm_client *c)
{
	struct complaint *complaint;

	SLIST_FOREACH (complaint, &c->complaints, link) {
		if (pthread_equal(complaint->thread, pthread_self()))
			return complaint;
	}
	return NULL;
}

static struct complaint *last(const smm_client *c)
{
	struct complaint *complaint = SLIST_FIRST(&c->complaints);

	while (SLIST_NEXT(complaint, link))
		complaint = SLIST_NEXT(complaint, link);
	return complaint;
}

/* This thread's, which is NULL without memory for it. */
static struct complaint *get(smm_client *c)
{
	struct complaint *complaint = find(c);

	if (complaint)
		return complaint;
	if (c->n_complaints >= COMPLAINTS_MAX) {
		complaint = last(c);
		SLIST_REMOVE(&c->complaints, complaint, complaint, link);
	} else {
		complaint = calloc(1, sizeof(*complaint));
		if (!complaint)
			return NULL;
		c->n_complaints++;
	}
	complaint->thread = pthread_self();
	SLIST_INSERT_HEAD(&c->complaints, complaint, link);
	return complaint;
}

int smmc_error_set(smm_client *c, int r, const char *name, const char *format, ...)
{
	struct complaint *complaint = get(c);
	va_list arguments;

	if (!complaint)
		return r;
	snprintf(complaint->name, sizeof(complaint->name), "%s", name);
	va_start(arguments, format);
	vsnprintf(complaint->message, sizeof(complaint->message), format, arguments);
	va_end(arguments);
	return r;
}

int smmc_error_set_errno(smm_client *c, int r, const char *what)
{
	_cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;

	sd_bus_error_set_errno(&error, r);
	return smmc_error_set(c, r, error.name ? error.name : SD_BUS_ERROR_FAILED, "%s: %s", what,
			      strerror(-r));
}

void smmc_error_free_all(smm_client *c)
{
	struct complaint *complaint;

	while ((complaint = SLIST_FIRST(&c->complaints))) {
		SLIST_REMOVE_HEAD(&c->complaints, link);
		free(complaint);
	}
}

static const struct complaint *ask(const smm_client *client)
{
	smm_client *c = (smm_client *)client;
	const struct complaint *complaint;

	pthread_mutex_lock(&c->lock);
	complaint = find(c);
	pthread_mutex_unlock(&c->lock);
	return complaint;
}

const char *smm_client_error_name(const smm_client *client)
{
	const struct complaint *complaint = client ? ask(client) : NULL;

	return complaint ? complaint->name : client ? "" : SD_BUS_ERROR_NO_MEMORY;
}

const char *smm_client_error_message(const smm_client *client)
{
	const struct complaint *complaint = client ? ask(client) : NULL;

	return complaint ? complaint->message : client ? "" : "there is no memory for a client";
}
