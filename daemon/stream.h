/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bytes that go from RAM to somebody's file descriptor, or from there to RAM, on a thread of their
 * own: the other side of a pipe, or a disk, takes the time that it likes.
 */
#pragma once

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>

struct stream;

/**
 * stream_start() - begin.
 * @fd: a copy is taken; its flags stay as they are
 * @writes: from @buffer to @fd; else from @fd to @buffer
 * @buffer: malloc'ed; the stream's until stream_take()
 * @size: bytes; reading ends there, too, if @fd does not end before
 * @finished: called once on the loop's thread: 0 or a negative errno
 *
 * Return: 0 or a negative errno; @buffer remains the caller's then.
 */
int stream_start(struct ev_loop *loop, int fd, bool writes, void *buffer, size_t size,
		 void (*finished)(void *userdata, int result), void *userdata,
		 struct stream **stream);

/* Bytes that have gone through. */
size_t stream_done(struct stream *stream);

/* After it has finished: the buffer, the caller's to free() from now on. */
void *stream_take(struct stream *stream);

/* Ends it, and does not wait for what hangs; finished() is not called any more. NULL is none. */
void stream_free(struct stream *stream);
