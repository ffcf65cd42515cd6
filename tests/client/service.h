/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * For the tests of libsmm-client: a bus of their own, which stands for the system bus, and smmd on
 * it with the memories fram0 (32 KiB) and slow (32 KiB behind a wire of 400 kHz).
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>

#include "smm-client.h"

/* For cmocka_run_group_tests(): they start and stop both. Nothing of smmd is left between groups.
 */
int service_begin(void **state);
int service_end(void **state);

/* For single tests: smmd with empty memories, and a client of fram0 in *state. */
int client_begin(void **state);
int client_end(void **state);

void smmd_start(void);
void smmd_stop(void); /* expects that it ends well */
void smmd_kill(void);

/* The bus goes away, and smmd with it; or comes back, at the same address. */
void bus_stop(void);
void bus_start(void);

/* Calls smm_client_process() until *what is not 0, for some seconds at most. */
void process_until(smm_client *client, const int *what);

/* For so long, without expecting anything. */
void process_for(smm_client *client, unsigned int milliseconds);

/* A call, or the client, says that. */
#define assert_ok(client, r)                                                              \
	do {                                                                              \
		int r_ = (r);                                                             \
		if (r_ < 0)                                                               \
			fail_msg("%s: %d: %s: %s", #r, r_, smm_client_error_name(client), \
				 smm_client_error_message(client));                       \
	} while (0)
