/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * org.smm1.Job: what takes its time at a whole memory (Dump, Restore, Check, Format), seen from
 * outside: how far it is, and a way to cancel it.
 *
 * A job goes on step by step, each a task of the memory's worker, so that others have their turn in
 * between; what comes from or goes to a file descriptor does so on a thread of its own (stream.h).
 * Dump and Restore answer with the path of their job; Check and Format answer when it is over.
 */
#pragma once

#include "request.h"

/**
 * job_check(), job_format(), job_dump(), job_restore() - begin what @request asks for, which is
 * certain to be allowed; as the begin() of a call.
 */
int job_check(struct request *request);
int job_format(struct request *request);
int job_dump(struct request *request);
int job_restore(struct request *request);

/* Put the jobs on a connection. Return: 0 or a negative errno. */
int jobs_publish(struct manager *manager, sd_bus *bus);

/* Cancels those of a memory that can be, before its worker is stopped; and after that, all. */
void jobs_cancel(struct manager *manager, const struct memory *memory);
