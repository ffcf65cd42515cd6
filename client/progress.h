/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Waiting for what takes its time: how far it is, where there is somebody to see it, and an end on
 * Ctrl-C.
 */
#pragma once

#include "smmctl.h"

struct progress {
	const char *what;     /* it is that is done */
	uint64_t done, total; /* bytes, from on_progress(); a total of 0 is not known */
	/* The functions' own. */
	bool visible, drawn;
	uint64_t start, next;   /* times: of the beginning, and of the next picture */
	unsigned int n_samples; /* taken so far, in a ring */
	struct progress_sample {
		uint64_t time, done;
	} samples[8];
};

/* For functions of the library with a callback; @userdata is the struct progress. */
int on_progress(uint64_t done, uint64_t total, void *userdata);

/* Around one of those that wait themselves. */
void progress_begin(struct progress *progress);
void progress_end(struct progress *progress);

/**
 * await() - wait until a call has ended.
 * @r: what the function returned that made it; then @call is none
 *
 * The first SIGINT or SIGTERM cancels the call.
 *
 * Return: 0 or a negative errno, with a complaint.
 */
int await(struct smmctl *ctl, struct progress *progress, int r, smm_call *call);
