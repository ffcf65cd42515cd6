/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Messages for the administrator: to the journal, with the fields that they have there, where
 * standard error is the journal's, and as plain lines on standard error anywhere else.
 */
#pragma once

#include <stdarg.h>
#include <syslog.h>

#include "util.h"

/* Messages above @level (LOG_ERR ... LOG_DEBUG of syslog.h) are dropped; LOG_INFO to begin with. */
void log_set_max_level(int level);
int log_get_max_level(void);

/* LOG_ERR for "err" or "3", as systemd writes levels, and so on; -EINVAL for what is no level. */
int log_level_from_string(const char *name);
const char *log_level_to_string(int level);

bool log_is_journal(void);

/* What a line is about, as fields of the journal; each may be NULL. */
struct log_about {
	const char *message; /* MESSAGE_ID=, of messages.h */
	const char *memory;  /* SMM_MEMORY= */
	const char *block;   /* SMM_BLOCK=: its id */
	const char *error;   /* SMM_ERROR=: what calls are refused with */
};

_printf_(3, 4) void log_event(int level, const struct log_about *about, const char *format, ...);

/* Logs one line; %m is the text of @error, a negative errno. Return: @error. */
_printf_(3, 4) int log_full(int level, int error, const char *format, ...);

#define log_debug(...)            ((void)log_full(LOG_DEBUG, 0, __VA_ARGS__))
#define log_info(...)             ((void)log_full(LOG_INFO, 0, __VA_ARGS__))
#define log_notice(...)           ((void)log_full(LOG_NOTICE, 0, __VA_ARGS__))
#define log_warning(...)          ((void)log_full(LOG_WARNING, 0, __VA_ARGS__))
#define log_error(...)            ((void)log_full(LOG_ERR, 0, __VA_ARGS__))
#define log_warning_errno(e, ...) log_full(LOG_WARNING, e, __VA_ARGS__)
#define log_error_errno(e, ...)   log_full(LOG_ERR, e, __VA_ARGS__)
