/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A whole smmd in this process, but for its main() and its bus: the event loop, a manager with one
 * memory on a chip in RAM, and a session of each of some people.
 */
#ifndef CALLS_DAEMON_H
#define CALLS_DAEMON_H

#include "volume.h"

#define MEMORY_PATH "/org/smm1/memory/fram0"

/* alice and bob share a group; eve is in none of theirs. */
enum {
	ROOT,
	ALICE,
	BOB,
	EVE,
	N_PEOPLE,
	EVERYBODY = N_PEOPLE /* who listens on the bus */
};

extern const struct caller people[N_PEOPLE];
extern const char *const names_of_people[N_PEOPLE];

/* Put a new chip in, all of whose bytes are @fill; the daemon is not running. */
void daemon_new_chip(uint32_t size, uint8_t fill);

/* Write the configuration, which a start or Reload reads: the keys of the memory, line by line. */
void daemon_configure(const char *keys);

/* Both are those of a process: what is not on the chip is gone. */
void daemon_start(void);
void daemon_stop(void);

/* A call of @who's; append its arguments. EVERYBODY has no other than that of a Peer. */
sd_bus_message *daemon_call(unsigned int who, const char *path, const char *interface,
			    const char *member);

/* Send it, which takes it; *@answer is there when daemon_wait() returns, to be unreferenced. */
void daemon_send(unsigned int who, sd_bus_message *call, sd_bus_message **answer);
void daemon_wait(void);

/* Both. */
sd_bus_message *daemon_ask(unsigned int who, sd_bus_message *call);

/* Until the job of @who's has finished. Return: what its signal says; valid until the next one. */
const char *daemon_wait_for_job(unsigned int who, const char *path);

/* From now on @who uses the session that was opened. */
void daemon_change_session(unsigned int who, int fd);

/* What is to be told of every signal that arrives; or NULL. */
extern void (*daemon_on_signal)(unsigned int who, sd_bus_message *m);

#endif
