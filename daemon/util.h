/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What every file of the daemon wants at hand: variables that release what they hold when they go
 * out of scope, ownership that moves, a pause.
 */
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <time.h>
#include <unistd.h>

#define _cleanup_(function)   __attribute__((cleanup(function)))
#define _printf_(text, first) __attribute__((format(printf, text, first)))

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* The name of a cleanup for a pointer type: DEFINE_CLEANUP(FILE *, fclose) makes fclosep(). */
#define DEFINE_CLEANUP(type, function)                \
	static inline void function##p(type *pointer) \
	{                                             \
		if (*pointer)                         \
			function(*pointer);           \
	}                                             \
	struct function##p_takes_a_semicolon

DEFINE_CLEANUP(FILE *, fclose);
DEFINE_CLEANUP(DIR *, closedir);

/*
 * Standard input, output and error that were closed become /dev/null: what is opened next would
 * take their numbers, and get what is printed.
 */
static inline void fill_standard_fds(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

static inline void freep(void *pointer)
{
	free(*(void **)pointer);
}

static inline void closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

#define _cleanup_free_      _cleanup_(freep)
#define _cleanup_close_     _cleanup_(closep)
#define _cleanup_fclose_    _cleanup_(fclosep)
#define _cleanup_closedir_  _cleanup_(closedirp)
#define _cleanup_bus_error_ _cleanup_(sd_bus_error_free)
#define _cleanup_bus_unref_ _cleanup_(sd_bus_flush_close_unrefp)
#define _cleanup_message_   _cleanup_(sd_bus_message_unrefp)

/* Gives up what a _cleanup_ variable holds: return TAKE(buffer); */
#define TAKE(pointer)                                   \
	({                                              \
		__typeof__(pointer) taken_ = (pointer); \
		(pointer) = NULL;                       \
		taken_;                                 \
	})
#define TAKE_FD(fd)                \
	({                         \
		int taken_ = (fd); \
		(fd) = -1;         \
		taken_;            \
	})

/* Signals do not shorten it. */
static inline void pause_us(uint32_t us)
{
	struct timespec left = { us / 1000000, (long)(us % 1000000) * 1000 };

	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
}
