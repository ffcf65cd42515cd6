/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What people give: data as arguments, as hex, as a file or on standard input; modes and owners.
 */
#pragma once

#include "smmctl.h"

/**
 * input_data() - the bytes that a command is to write.
 * @words: the arguments that stand for them, joined by spaces; none or "-" reads --file or, without
 *	that, standard input
 * @data: receives them, the caller's to free(); never NULL after success
 *
 * With --hex they are pairs of hex digits, with or without white space between them.
 */
int input_data(struct smmctl *ctl, char *const *words, void **data, uint32_t *size);

/**
 * read_all() - what is left in a file.
 * @name: what to call it in a complaint
 */
int read_all(struct smmctl *ctl, FILE *file, const char *name, void **data, uint32_t *size);

/**
 * parse_mode() - who may read and write, in octal digits or by letters.
 * @mode: what letters change; receives the mode
 */
int parse_mode(struct smmctl *ctl, const char *text, uint32_t *mode);

/* Who a block is to belong to: names, or numbers. */
int parse_user(struct smmctl *ctl, const char *text, uint32_t *uid);
int parse_group(struct smmctl *ctl, const char *text, uint32_t *gid);
