/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A thread that waits in a system call for this process to answer: its memory, its descriptors.
 */
#pragma once

#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

struct caller {
	int listener;
	const struct seccomp_notif *call;
};

/* Whether it still waits: what was read from its memory may be another process' otherwise. */
bool caller_waits(const struct caller *caller);

/* Its memory. 0 or -EFAULT. */
int caller_read(const struct caller *caller, uint64_t from, void *to, size_t size);
int caller_write(const struct caller *caller, uint64_t to, const void *from, size_t size);

/* A string of it, with its end; 0 or a negative errno. */
int caller_read_text(const struct caller *caller, uint64_t from, char *to, size_t size);

/* The file that a path of it means, beside a descriptor or AT_FDCWD; 0 or a negative errno. */
int caller_stat(const struct caller *caller, int beside, const char *path, int flags,
		struct stat *st);

/* One of its descriptors: what it is, and the number that its open file carries: see
 * caller_set_position(). 0 or a negative errno. */
int caller_fstat(const struct caller *caller, int fd, struct stat *st);
int caller_position(const struct caller *caller, int fd, long *position);

/* Whether it may open that file, R_OK or W_OK or both, as the kernel would see it. */
bool caller_may_open(const struct caller *caller, const struct stat *st, int access);

/* Have an open file carry a number, whoever has a descriptor of it: its position, which means
 * nothing otherwise. 0 or a negative errno. */
int caller_set_position(const struct caller *caller, int fd, long position);

/* Give it a descriptor; returns the number that it has there, or a negative errno. With @answer,
 * that is the answer to its call, too. */
int caller_give(const struct caller *caller, int fd, uint32_t flags, bool answer);
