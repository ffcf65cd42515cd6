/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The way of a call that needs the chip: request_start() reads what is asked, has administrators
 * confirmed, keeps to each user's share, and hands the request to the memory's worker; run() does
 * it there, a step at a time if it takes long; then it is answered, back on the main thread.
 */
#pragma once

#include <sys/queue.h>
#include <systemd/sd-bus.h>

#include "creds.h"
#include "memory.h"
#include "volume.h"
#include "worker.h"

/* Requests that wait for a memory at most; and those of one user, so that others find a place. */
#define REQUESTS_MAX      128u
#define USER_REQUESTS_MAX (REQUESTS_MAX - 16)

/* Of them, those that wait for polkit; it may wait for somebody who does not answer. */
#define USER_QUESTIONS_MAX 4u

struct question;

/* What a kind of call does at the stations of its way. */
struct call {
	bool of_block; /* about one block, by its id */
	bool makes;    /* perhaps a block, which gets the primary group of who calls */
	int (*read)(struct request *request, sd_bus_message *m); /* or NULL */
	/* On the worker's thread. Return: 1 if it wants to be called again, when others had their
	 * turn; 0; or a negative errno with the request's error set. */
	int (*run)(struct request *request, struct volume *volume, const struct caller *caller);
	bool reads; /* one block, and may do so in the middle of another call */
	int (*reply)(const struct request *request, sd_bus_message *m); /* NULL: an empty one */
	/* Tries to answer at once, on the main thread, with the worker held: 1 if @m is the answer,
	 * 0 if it has to go the long way. NULL: it always has. */
	int (*at_once)(struct request *request, sd_bus_message *m);
	/* Instead of run(): what is to be done once it is certain that the caller may. Return: 1 if
	 * it was answered, or will be; or a negative errno. */
	int (*begin)(struct request *request);
};

/* One call on its way. Strings and arrays that are asked for stay in the message. */
struct request {
	struct task task; /* comes first: a task is its request */
	const struct call *call;
	struct memory *memory;
	sd_bus_message *message;
	struct creds *creds;        /* of the sender */
	struct caller caller;       /* the same, as an administrator if it was confirmed */
	bool finds_group;           /* nobody has looked yet which group is its primary one */
	struct question *question;  /* whether it is one; NULL: nobody has to be asked */
	STAILQ_ENTRY(request) link; /* in the memory's list */

	/* What is asked. */
	bool admin; /* only an administrator may */
	uint32_t id, offset, size;
	uint32_t mode, uid, gid, granule;
	const char *name;
	const void *data;
	size_t data_size;
	int64_t delta;
	struct allocate_options allocate;
	bool repair, force;
	uint64_t token; /* by which the caller knows its job */
	int fd;         /* stays the message's */
	struct volume_part *parts;
	size_t n_parts;

	uint64_t burden; /* bytes that wait with it, here or in the answer */
	uint64_t share;  /* that its user may have waiting */

	/* What came of it; @id too. */
	int result;
	sd_bus_error error;
	uint32_t done; /* bytes, by the steps before */
	void *content;
	size_t content_size;
	int64_t value;
};

/**
 * request_start() - the handler of a method: take the call in @m up, or answer it.
 *
 * Return: as a handler of sd-bus.
 */
int request_start(const struct call *call, sd_bus_message *m, struct memory *memory,
		  sd_bus_error *error);

/* Answers those that wait for polkit: the memory goes away. */
void request_drop_unconfirmed(struct request_list *requests);
