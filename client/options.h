/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The command line: which commands and options there are, and what was typed.
 */
#pragma once

#include "smmctl.h"

struct command {
	const char *name;
	const char *arguments;
	const char *help;
	int min_args, max_args; /* -1 is any number */
	unsigned int options;   /* that it takes beside the general ones, as bits */
	bool no_memory;         /* it works on none, or chooses for itself */
	bool without_smmd;      /* it has something to say when smmd does not run */
	bool by_itself;         /* goes to smmd by itself, if at all */
	bool pages;             /* prints what may be longer than a screen */
	int (*run)(struct smmctl *ctl, char **args);
};

/* The command line, taken apart. */
struct command_line {
	const struct command *command;
	char **args; /* of the command, ended by NULL */
	int n_args;
	unsigned int options; /* of some commands only, as bits, that were given */
	bool done;            /* help or version: nothing is left to do */
	bool pager;
};

/**
 * parse_command_line() - take the command line apart, into @line and @ctl.
 * @line: zeroed, with room for @argc + 1 pointers in args
 */
int parse_command_line(int argc, char **argv, struct command_line *line, struct smmctl *ctl);
