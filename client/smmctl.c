/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * smmctl: the command line, and the way from a command's name to its function.
 */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "numbers.h"
#include "smmctl.h"
#include "util.h"

enum option_code {
	OPTION_ARGUMENT = 1, /* getopt's own, for what is not an option */
	OPTION_HELP = 'h',
	OPTION_MEMORY = 'M',
	OPTION_VERSION = 256,
	OPTION_SYSTEM,
	OPTION_USER,
	OPTION_ADDRESS,
	OPTION_NO_LEGEND,
	/* Options of some commands only. */
	OPTION_HEX,
	OPTION_LENGTH,
	OPTION_MODE,
	OPTION_OFFSET,
};

static const struct option options[] = {
	{ "help", no_argument, NULL, OPTION_HELP },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ "system", no_argument, NULL, OPTION_SYSTEM },
	{ "user", no_argument, NULL, OPTION_USER },
	{ "address", required_argument, NULL, OPTION_ADDRESS },
	{ "memory", required_argument, NULL, OPTION_MEMORY },
	{ "no-legend", no_argument, NULL, OPTION_NO_LEGEND },
	{ "hex", no_argument, NULL, OPTION_HEX },
	{ "length", required_argument, NULL, OPTION_LENGTH },
	{ "mode", required_argument, NULL, OPTION_MODE },
	{ "offset", required_argument, NULL, OPTION_OFFSET },
	{},
};

/* The options of some commands only, as bits. */
#define BIT(code) (1u << ((code)-OPTION_HEX))

static const struct command {
	const char *name;
	const char *arguments;
	const char *help;
	int min_args, max_args; /* -1 is any number */
	unsigned int options;   /* that it takes beside the general ones */
	bool no_memory;         /* it chooses for itself */
	int (*run)(struct smmctl *ctl, char **args, sd_bus_error *error);
} commands[] = {
	{ .name = "status",
	  .arguments = "",
	  .help = "Show what each memory is and how full",
	  .no_memory = true,
	  .run = cmd_status },
	{ .name = "list", .arguments = "", .help = "List the blocks", .run = cmd_list },
	{ .name = "alloc",
	  .arguments = "[NAME] SIZE",
	  .help = "Make a block of zeros and print its id",
	  .min_args = 1,
	  .max_args = 2,
	  .options = BIT(OPTION_MODE),
	  .run = cmd_alloc },
	{ .name = "free",
	  .arguments = "BLOCK...",
	  .help = "Free blocks",
	  .min_args = 1,
	  .max_args = -1,
	  .run = cmd_free },
	{ .name = "read",
	  .arguments = "BLOCK",
	  .help = "Print the content of a block",
	  .min_args = 1,
	  .max_args = 1,
	  .options = BIT(OPTION_OFFSET) | BIT(OPTION_LENGTH),
	  .run = cmd_read },
	{ .name = "write",
	  .arguments = "BLOCK [DATA...]",
	  .help = "Write into a block, all or nothing",
	  .min_args = 1,
	  .max_args = -1,
	  .options = BIT(OPTION_OFFSET) | BIT(OPTION_HEX),
	  .run = cmd_write },
	{ .name = "store",
	  .arguments = "NAME [DATA...]",
	  .help = "Make a block, or replace its whole content",
	  .min_args = 1,
	  .max_args = -1,
	  .options = BIT(OPTION_HEX),
	  .run = cmd_store },
	{ .name = "load",
	  .arguments = "NAME",
	  .help = "Print the content of a named block",
	  .min_args = 1,
	  .max_args = 1,
	  .run = cmd_load },
	{ .name = "add",
	  .arguments = "NAME [N]",
	  .help = "Add N (or 1) to a counter and print its value",
	  .min_args = 1,
	  .max_args = 2,
	  .run = cmd_add },
};

static void print_help(void)
{
	puts("smmctl [OPTION...] COMMAND [ARGUMENT...]\n\n"
	     "Use the memories that smmd serves.\n\n"
	     "Commands:");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		printf("  %-6s %-16s %s\n", commands[i].name, commands[i].arguments,
		       commands[i].help);
	puts("\n"
	     "BLOCK is a name or an id. SIZE is bytes, or ends in K or M. DATA is what is "
	     "written;\n"
	     "without it, or with -, standard input is.\n\n"
	     "Options:\n"
	     "  -M --memory=NAME     The memory to use; default $SMM_MEMORY, or the only one\n"
	     "     --system          Find smmd on the system bus (default)\n"
	     "     --user            Find it on the user's bus\n"
	     "     --address=ADDRESS Find it on the bus at this D-Bus address\n"
	     "     --offset=BYTES    read, write: begin there\n"
	     "     --length=BYTES    read: this many\n"
	     "     --hex             write, store: DATA is hex digits\n"
	     "     --mode=MODE       alloc: who may read and write, as for chmod\n"
	     "     --no-legend       list: only the rows\n"
	     "  -h --help            Show this\n"
	     "     --version         Show the version");
}

static int bad_value(const char *option, sd_bus_error *error)
{
	return usage_error(error, "--%s cannot be '%s'; 'smmctl --help' says what it takes", option,
			   optarg);
}

/* The command line, taken apart. */
struct command_line {
	const char *command; /* NULL if there is none */
	char **args;
	int n_args;
	unsigned int options; /* BIT() of those given */
	bool done;            /* help or version: nothing is left to do */
};

/* @code is what getopt_long() says of @word. */
static int take_option(int code, const char *word, struct command_line *line, struct smmctl *ctl,
		       sd_bus_error *error)
{
	if (code >= OPTION_HEX)
		line->options |= BIT(code);

	switch (code) {
	case OPTION_HELP:
		print_help();
		line->done = true;
		return 0;
	case OPTION_VERSION:
		puts("smmctl " SMM_VERSION);
		line->done = true;
		return 0;
	case OPTION_SYSTEM:
		ctl->remote.scope = BUS_SCOPE_SYSTEM;
		return 0;
	case OPTION_USER:
		ctl->remote.scope = BUS_SCOPE_USER;
		return 0;
	case OPTION_ADDRESS:
		ctl->remote.scope = BUS_SCOPE_ADDRESS;
		ctl->remote.address = optarg;
		return 0;
	case OPTION_MEMORY:
		ctl->memory = optarg;
		return 0;
	case OPTION_NO_LEGEND:
		ctl->legend = false;
		return 0;
	case OPTION_HEX:
		ctl->hex = true;
		return 0;
	case OPTION_OFFSET:
		return parse_number(optarg, 1024, &ctl->offset) ? 0 : bad_value("offset", error);
	case OPTION_LENGTH:
		return parse_number(optarg, 1024, &ctl->length) ? 0 : bad_value("length", error);
	case OPTION_MODE:
		return parse_octal_mode(optarg, &ctl->mode) ? 0 : bad_value("mode", error);
	default:
		return usage_error(error,
				   "'%s' is no option, or not with this value; 'smmctl --help' "
				   "shows them",
				   word);
	}
}

static void take_argument(struct command_line *line, char *argument)
{
	if (!line->command)
		line->command = argument;
	else
		line->args[line->n_args++] = argument;
}

/* "-1" is a number to add, not an option. */
static bool is_negative_number(const char *argument)
{
	return argument[0] == '-' && isdigit((unsigned char)argument[1]);
}

/* @line->args has room for all arguments and a NULL. */
static int parse_command_line(int argc, char **argv, struct command_line *line, struct smmctl *ctl,
			      sd_bus_error *error)
{
	opterr = 0;
	while (optind < argc && !line->done) {
		char *word = argv[optind];
		int code, r;

		if (is_negative_number(word)) {
			take_argument(line, word);
			optind++;
			continue;
		}
		code = getopt_long(argc, argv, "-:hM:", options, NULL);
		if (code < 0)
			break;
		if (code == OPTION_ARGUMENT) {
			take_argument(line, optarg);
			continue;
		}
		r = take_option(code, word, line, ctl, error);
		if (r < 0)
			return r;
	}
	while (optind < argc)
		take_argument(line, argv[optind++]);
	return 0;
}

static const char *option_name(unsigned int bits)
{
	for (size_t i = 0; options[i].name; i++)
		if (options[i].val >= OPTION_HEX && bits & BIT(options[i].val))
			return options[i].name;
	return "";
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static int check_usage(const struct command *command, const struct command_line *line,
		       sd_bus_error *error)
{
	unsigned int foreign;

	if (!line->command)
		return usage_error(error, "no command; 'smmctl --help' shows them");
	if (!command)
		return usage_error(error, "there is no command '%s'; 'smmctl --help' shows them",
				   line->command);
	if (line->n_args < command->min_args ||
	    (command->max_args >= 0 && line->n_args > command->max_args))
		return usage_error(error, "usage: smmctl %s%s%s", command->name,
				   *command->arguments ? " " : "", command->arguments);
	foreign = line->options & ~command->options;
	if (foreign)
		return usage_error(error, "'%s' takes no --%s; see 'smmctl --help'", command->name,
				   option_name(foreign));
	return 0;
}

static int run_command(const struct command *command, struct smmctl *ctl, char **args,
		       sd_bus_error *error)
{
	int r;

	r = remote_open(&ctl->remote, error);
	if (r < 0)
		return r;
	if (!command->no_memory) {
		r = remote_choose_memory(&ctl->remote, ctl->memory, error);
		if (r < 0)
			return r;
	}
	return command->run(ctl, args, error);
}

/* Whether all that was printed has gone somewhere. */
static int check_output(sd_bus_error *error)
{
	int r = fflush(stdout) != 0 ? errno : 0;

	if (!r && ferror(stdout))
		r = EIO; /* what it was is no longer known */
	if (!r)
		return 0;
	return sd_bus_error_set_errnof(error, r, "cannot write the output: %s", strerror(r));
}

static int run(int argc, char **argv, struct smmctl *ctl, sd_bus_error *error)
{
	_cleanup_free_ char **args = calloc((size_t)argc + 1, sizeof(char *));
	struct command_line line = { .args = args };
	const struct command *command;
	int r;

	if (!args)
		return -ENOMEM;
	r = parse_command_line(argc, argv, &line, ctl, error);
	if (r < 0 || line.done)
		return r;
	command = line.command ? find_command(line.command) : NULL;
	r = check_usage(command, &line, error);
	if (r < 0)
		return r;
	return run_command(command, ctl, args, error);
}

/* One line on standard error. Return: the exit status that goes with it. */
static int complain(const struct remote *remote, const sd_bus_error *error)
{
	_cleanup_free_ char *sentence = remote_explain(remote, error);

	fprintf(stderr, "smmctl: %s\n", sentence ? sentence : error->message);
	return sd_bus_error_has_name(error, USAGE_ERROR) ? 2 : 1;
}

int main(int argc, char **argv)
{
	_cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
	struct smmctl ctl = {
		.memory = getenv("SMM_MEMORY"),
		.legend = true,
		.length = UINT32_MAX,
		.mode = UINT32_MAX,
	};
	int status = 0;
	int r;

	setlocale(LC_ALL, "");
	fill_standard_fds();
	r = run(argc, argv, &ctl, &error);
	if (r >= 0)
		r = check_output(&error);
	if (r < 0) {
		if (!sd_bus_error_is_set(&error))
			sd_bus_error_set_errno(&error, r);
		status = complain(&ctl.remote, &error);
	}
	remote_close(&ctl.remote);
	return status;
}
