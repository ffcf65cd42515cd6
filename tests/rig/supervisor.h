/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A program whose system calls on device nodes are answered by this process instead of the kernel:
 * seccomp user notification.
 *
 * The calls that a node needs are stopped: open, the ioctls of i2c-dev, spidev and GPIO, and the
 * stat of a descriptor. Several threads answer, so that a call that takes its time does not hold up
 * the others. A signal does not interrupt a call that is being answered, unless it kills.
 */
#pragma once

#include <signal.h>
#include <stdint.h>
#include <sys/types.h>

#include "caller.h"

#define SUPERVISOR_THREADS 32u /* calls at a time */

enum answer {
	ANSWER_KERNEL, /* the call is none of ours: the kernel goes on with it */
	ANSWER_RESULT, /* it returns *result */
	ANSWER_GIVEN,  /* it has been answered, by caller_give() */
};

/* Decides about a call; any thread. */
typedef enum answer supervisor_handler(void *userdata, const struct caller *caller,
				       int64_t *result);

/**
 * supervisor_start() - run a program under supervision.
 * @argv: the program, looked up in PATH
 * @mask: the signals that it begins with
 *
 * Return: its process id, or -1 with what is the matter on stderr.
 */
pid_t supervisor_start(char **argv, const sigset_t *mask, supervisor_handler *handler,
		       void *userdata);
