/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * smmd as its clients see it: the way to it, the memory in use, its calls, and its errors in words.
 *
 * All return 0 or a negative errno with @error set.
 */
#pragma once

#include <stdint.h>
#include <systemd/sd-bus.h>

#include "bus-scope.h"

#define SMM_BUS_NAME          "org.smm1"
#define SMM_MANAGER_PATH      "/org/smm1"
#define SMM_MANAGER_INTERFACE "org.smm1.Manager"
#define SMM_MEMORY_INTERFACE  "org.smm1.Memory"

struct remote {
	/* The caller's. */
	enum bus_scope scope;
	const char *address; /* of BUS_SCOPE_ADDRESS */
	/* Filled by the calls below, given back by remote_close(). */
	sd_bus *bus;
	char *memory; /* object path of the memory in use */
};

/**
 * remote_open() - connect to the bus that @remote names.
 */
int remote_open(struct remote *remote, sd_bus_error *error);
void remote_close(struct remote *remote);

/**
 * remote_choose_memory() - set the memory that the calls below go to.
 * @name: its name, or NULL for the only one there is
 */
int remote_choose_memory(struct remote *remote, const char *name, sd_bus_error *error);

/**
 * remote_memories() - ask for all memories.
 * @reply: receives a message to read a(sos) from: name, object path, state
 */
int remote_memories(struct remote *remote, sd_bus_message **reply, sd_bus_error *error);

/**
 * remote_block() - the id of a block.
 * @block: its name, or its id in digits
 */
int remote_block(struct remote *remote, const char *block, uint32_t *id, sd_bus_error *error);

/**
 * remote_call() - call a method of the memory in use.
 * @reply: receives the answer, or NULL
 * @types: of the arguments that follow, as sd_bus_message_append() takes them
 */
int remote_call(struct remote *remote, const char *method, sd_bus_message **reply,
		sd_bus_error *error, const char *types, ...);

/**
 * remote_new_call() - begin a call of the memory in use, for arguments that remote_call() cannot
 * take. remote_send() - send it and wait for the answer.
 */
int remote_new_call(struct remote *remote, const char *method, sd_bus_message **call);
int remote_send(struct remote *remote, sd_bus_message *call, sd_bus_message **reply,
		sd_bus_error *error);

/**
 * remote_explain() - one sentence: what is the case, and what to do about it.
 *
 * Return: the sentence, the caller's to free(), or NULL without memory for it.
 */
char *remote_explain(const struct remote *remote, const sd_bus_error *error);
