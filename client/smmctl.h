/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The commands of smmctl, what each is given, and how each says what went wrong.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "output.h"
#include "smm-client.h"
#include "util.h"

/* What one ends with. */
enum exit_status {
	STATUS_FAILURE = 1,
	STATUS_USAGE = 2,
	STATUS_DAMAGE = 3, /* a check that found some */
};

/* What the command line says, and what becomes of it. */
struct smmctl {
	char *where;        /* as smm_client_open() takes it */
	const char *memory; /* name, or NULL if none was given */
	struct output output;
	bool hex;
	bool in_place;
	bool repair;
	bool force;
	bool by_block;
	bool svg;
	const char *config; /* of smmd */
	const char *file;   /* of data, or for the output; or NULL */
	uint32_t offset;    /* bytes */
	uint32_t length;    /* bytes; SMM_CLIENT_TO_END is all */
	uint32_t granule;   /* bytes; 0 leaves it to the daemon */
	struct smm_client_allocate_options allocate;

	smm_client *client; /* open, with a memory chosen where the command works on one */
	bool opening;       /* it is not yet */
	int status;         /* to exit with after a failure */
	char *complaint;    /* one sentence, or NULL: what the library says */
	char *error_name;   /* of D-Bus, or NULL */
};

/*
 * One function a command. @args are its arguments, ended by NULL, as many as options.c says that it
 * takes. Return 0 or a negative errno; where there is no complaint, the library's last error is
 * what is to be said.
 */
int cmd_add(struct smmctl *ctl, char **args);
int cmd_alloc(struct smmctl *ctl, char **args);
int cmd_check(struct smmctl *ctl, char **args);
int cmd_chmod(struct smmctl *ctl, char **args);
int cmd_chown(struct smmctl *ctl, char **args);
int cmd_doctor(struct smmctl *ctl, char **args);
int cmd_dump(struct smmctl *ctl, char **args);
int cmd_edit(struct smmctl *ctl, char **args);
int cmd_format(struct smmctl *ctl, char **args);
int cmd_free(struct smmctl *ctl, char **args);
int cmd_list(struct smmctl *ctl, char **args);
int cmd_load(struct smmctl *ctl, char **args);
int cmd_map(struct smmctl *ctl, char **args);
int cmd_metrics(struct smmctl *ctl, char **args);
int cmd_monitor(struct smmctl *ctl, char **args);
int cmd_read(struct smmctl *ctl, char **args);
int cmd_rename(struct smmctl *ctl, char **args);
int cmd_resize(struct smmctl *ctl, char **args);
int cmd_restore(struct smmctl *ctl, char **args);
int cmd_show(struct smmctl *ctl, char **args);
int cmd_status(struct smmctl *ctl, char **args);
int cmd_store(struct smmctl *ctl, char **args);
int cmd_watch(struct smmctl *ctl, char **args);
int cmd_write(struct smmctl *ctl, char **args);

/* What they share. */

/**
 * find_block() - the id of a block.
 * @block: its name, or its id in digits
 */
int find_block(struct smmctl *ctl, const char *block, uint32_t *id);

/* A number of bytes, also as in 2K. */
int parse_size(struct smmctl *ctl, const char *text, uint32_t *size);

/* Complaints. */

/* What the typist has to change. Return: -EINVAL. */
int usage_error(struct smmctl *ctl, const char *format, ...) _printf_(2, 3);
/* What smmctl itself could not do. Return: @r. */
int failure(struct smmctl *ctl, int r, const char *format, ...) _printf_(3, 4);
/* What a call of the library ended with. Return: @r. */
int call_failure(struct smmctl *ctl, smm_call *call, int r);

/* Whether smmd is sought on another machine or in a container. */
bool is_elsewhere(const struct smmctl *ctl);

/* "the system bus", and so on. */
const char *where_words(const struct smmctl *ctl);

/* Says what went wrong, in one line on standard error. */
void complain(const struct smmctl *ctl, int r);

DEFINE_CLEANUP(smm_call *, smm_call_unref);
#define _cleanup_call_ _cleanup_(smm_call_unrefp)
