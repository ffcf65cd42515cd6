/* SPDX-License-Identifier: BSD-3-Clause */
#include "options.h"

#include <ctype.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "input.h"
#include "numbers.h"
#include "pager.h"

enum option_code {
	OPTION_ARGUMENT = 1, /* getopt's own, for what is not an option */
	OPTION_HELP = 'h',
	OPTION_HOST = 'H',
	OPTION_MEMORY = 'M',
	OPTION_VERSION = 256,
	OPTION_SYSTEM,
	OPTION_USER,
	OPTION_MACHINE,
	OPTION_ADDRESS,
	OPTION_NO_LEGEND,
	OPTION_NO_PAGER,
	/* Options of some commands only. */
	OPTION_JSON,
	OPTION_BY,
	OPTION_CONFIG,
	OPTION_EXCLUSIVE,
	OPTION_FILE,
	OPTION_FILL,
	OPTION_FORCE,
	OPTION_GRANULE,
	OPTION_GROUP,
	OPTION_HEX,
	OPTION_IN_PLACE,
	OPTION_LENGTH,
	OPTION_MODE,
	OPTION_OFFSET,
	OPTION_OUTPUT,
	OPTION_REPAIR,
	OPTION_SVG,
};

static const struct option options[] = {
	{ "help", no_argument, NULL, OPTION_HELP },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ "system", no_argument, NULL, OPTION_SYSTEM },
	{ "user", no_argument, NULL, OPTION_USER },
	{ "host", required_argument, NULL, OPTION_HOST },
	{ "machine", required_argument, NULL, OPTION_MACHINE },
	{ "address", required_argument, NULL, OPTION_ADDRESS },
	{ "memory", required_argument, NULL, OPTION_MEMORY },
	{ "no-legend", no_argument, NULL, OPTION_NO_LEGEND },
	{ "no-pager", no_argument, NULL, OPTION_NO_PAGER },
	{ "json", required_argument, NULL, OPTION_JSON },
	{ "by", required_argument, NULL, OPTION_BY },
	{ "config", required_argument, NULL, OPTION_CONFIG },
	{ "exclusive", no_argument, NULL, OPTION_EXCLUSIVE },
	{ "file", required_argument, NULL, OPTION_FILE },
	{ "fill", required_argument, NULL, OPTION_FILL },
	{ "force", no_argument, NULL, OPTION_FORCE },
	{ "granule", required_argument, NULL, OPTION_GRANULE },
	{ "group", required_argument, NULL, OPTION_GROUP },
	{ "hex", no_argument, NULL, OPTION_HEX },
	{ "in-place", no_argument, NULL, OPTION_IN_PLACE },
	{ "length", required_argument, NULL, OPTION_LENGTH },
	{ "mode", required_argument, NULL, OPTION_MODE },
	{ "offset", required_argument, NULL, OPTION_OFFSET },
	{ "output", required_argument, NULL, OPTION_OUTPUT },
	{ "repair", no_argument, NULL, OPTION_REPAIR },
	{ "svg", no_argument, NULL, OPTION_SVG },
	{},
};

/* Commands */

#define BIT(code) (1u << ((code)-OPTION_JSON))

/* One family after the other: those of the chip as a whole come last. */
static const struct command commands[] = {
	{ .name = "status",
	  .arguments = "",
	  .help = "Show what each memory is and how full",
	  .options = BIT(OPTION_JSON),
	  .no_memory = true,
	  .pages = true,
	  .run = cmd_status },
	{ .name = "list",
	  .arguments = "",
	  .help = "List the blocks",
	  .options = BIT(OPTION_JSON),
	  .pages = true,
	  .run = cmd_list },
	{ .name = "show",
	  .arguments = "BLOCK...",
	  .help = "Show all about blocks but their content",
	  .min_args = 1,
	  .max_args = -1,
	  .options = BIT(OPTION_JSON),
	  .pages = true,
	  .run = cmd_show },

	{ .name = "alloc",
	  .arguments = "[NAME] SIZE",
	  .help = "Make a block of zeros and print its id",
	  .min_args = 1,
	  .max_args = 2,
	  .options = BIT(OPTION_JSON) | BIT(OPTION_MODE) | BIT(OPTION_GROUP) | BIT(OPTION_FILL) |
		     BIT(OPTION_EXCLUSIVE),
	  .run = cmd_alloc },
	{ .name = "free",
	  .arguments = "BLOCK...",
	  .help = "Free blocks",
	  .min_args = 1,
	  .max_args = -1,
	  .run = cmd_free },
	{ .name = "resize",
	  .arguments = "BLOCK SIZE",
	  .help = "Make a block longer, by zeros, or shorter",
	  .min_args = 2,
	  .max_args = 2,
	  .run = cmd_resize },

	{ .name = "read",
	  .arguments = "BLOCK",
	  .help = "Print the content of a block",
	  .min_args = 1,
	  .max_args = 1,
	  .options = BIT(OPTION_OFFSET) | BIT(OPTION_LENGTH),
	  .pages = true,
	  .run = cmd_read },
	{ .name = "write",
	  .arguments = "BLOCK [DATA...]",
	  .help = "Write into a block, all or nothing",
	  .min_args = 1,
	  .max_args = -1,
	  .options = BIT(OPTION_OFFSET) | BIT(OPTION_HEX) | BIT(OPTION_FILE) | BIT(OPTION_IN_PLACE),
	  .run = cmd_write },
	{ .name = "load",
	  .arguments = "NAME",
	  .help = "Print the content of a named block",
	  .min_args = 1,
	  .max_args = 1,
	  .pages = true,
	  .run = cmd_load },
	{ .name = "store",
	  .arguments = "NAME [DATA...]",
	  .help = "Make a block, or replace its whole content",
	  .min_args = 1,
	  .max_args = -1,
	  .options = BIT(OPTION_HEX) | BIT(OPTION_FILE),
	  .run = cmd_store },
	{ .name = "edit",
	  .arguments = "BLOCK",
	  .help = "Change the content of a block with $EDITOR",
	  .min_args = 1,
	  .max_args = 1,
	  .run = cmd_edit },
	{ .name = "add",
	  .arguments = "NAME [N]",
	  .help = "Add N (or 1) to a counter and print its value",
	  .min_args = 1,
	  .max_args = 2,
	  .options = BIT(OPTION_JSON),
	  .run = cmd_add },

	{ .name = "rename",
	  .arguments = "BLOCK NAME",
	  .help = "Give a block another name, or '' for none",
	  .min_args = 2,
	  .max_args = 2,
	  .run = cmd_rename },
	{ .name = "chmod",
	  .arguments = "MODE BLOCK...",
	  .help = "Change who may read and write blocks",
	  .min_args = 2,
	  .max_args = -1,
	  .run = cmd_chmod },
	{ .name = "chown",
	  .arguments = "[OWNER][:GROUP] BLOCK...",
	  .help = "Give blocks away",
	  .min_args = 2,
	  .max_args = -1,
	  .run = cmd_chown },

	{ .name = "watch",
	  .arguments = "NAME...",
	  .help = "Print a line whenever one of these blocks changes",
	  .min_args = 1,
	  .max_args = -1,
	  .options = BIT(OPTION_JSON),
	  .run = cmd_watch },
	{ .name = "monitor",
	  .arguments = "",
	  .help = "Print a line for each signal of the memory",
	  .options = BIT(OPTION_JSON),
	  .run = cmd_monitor },

	{ .name = "map",
	  .arguments = "",
	  .help = "Draw what is where on the chip",
	  .options = BIT(OPTION_JSON) | BIT(OPTION_BY) | BIT(OPTION_OUTPUT) | BIT(OPTION_SVG),
	  .pages = true,
	  .run = cmd_map },
	{ .name = "metrics",
	  .arguments = "",
	  .help = "Print what a monitoring system wants to know",
	  .options = BIT(OPTION_OUTPUT),
	  .no_memory = true,
	  .without_smmd = true,
	  .run = cmd_metrics },
	{ .name = "doctor",
	  .arguments = "",
	  .help = "Look for what is wrong, and say what puts it right",
	  .options = BIT(OPTION_JSON) | BIT(OPTION_CONFIG),
	  .by_itself = true,
	  .run = cmd_doctor },

	{ .name = "check",
	  .arguments = "",
	  .help = "Hold what is on the chip against its checksums",
	  .options = BIT(OPTION_JSON) | BIT(OPTION_REPAIR),
	  .run = cmd_check },
	{ .name = "dump",
	  .arguments = "FILE",
	  .help = "Copy the whole chip into a file",
	  .min_args = 1,
	  .max_args = 1,
	  .run = cmd_dump },
	{ .name = "restore",
	  .arguments = "FILE",
	  .help = "Make the chip what such a file says",
	  .min_args = 1,
	  .max_args = 1,
	  .run = cmd_restore },
	{ .name = "format",
	  .arguments = "",
	  .help = "Make the chip empty",
	  .options = BIT(OPTION_GRANULE) | BIT(OPTION_FORCE),
	  .run = cmd_format },
};

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static void print_help(void)
{
	puts("smmctl [OPTION...] COMMAND [ARGUMENT...]\n\n"
	     "Use the memories that smmd serves.\n\n"
	     "Commands:");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		printf("  %-7s %-24s %s\n", commands[i].name, commands[i].arguments,
		       commands[i].help);
	puts("\n"
	     "BLOCK is a name or an id. SIZE is bytes, or ends in K or M. DATA is what is "
	     "written;\n"
	     "without it, or with -, standard input is. FILE may be -.\n\n"
	     "Options:\n"
	     "  -M --memory=NAME     The memory to use; default $SMM_MEMORY, or the only one\n"
	     "     --system          Find smmd on the system bus (default)\n"
	     "     --user            Find it on the user's bus\n"
	     "  -H --host=USER@HOST  Find it on another machine, over ssh\n"
	     "     --machine=NAME    Find it in a container\n"
	     "     --address=ADDRESS Find it on the bus at this D-Bus address\n"
	     "     --json=MODE       Print JSON: short, pretty, or off\n"
	     "     --no-legend       Print no headings\n"
	     "     --no-pager        Use no pager\n"
	     "     --offset=BYTES    read, write: begin there\n"
	     "     --length=BYTES    read: this many\n"
	     "     --file=FILE       write, store: DATA is in this file\n"
	     "     --hex             write, store: DATA is hex digits\n"
	     "     --in-place        write: faster for much DATA, and not all or nothing\n"
	     "     --mode=MODE       alloc: who may read and write, as for chmod\n"
	     "     --group=GROUP     alloc: whose group it is\n"
	     "     --fill=BYTE       alloc: the value of each byte, instead of 0\n"
	     "     --exclusive       alloc: fail if there is a block of this name\n"
	     "     --by=WHAT         map: a colour for each owner, or for each block\n"
	     "     --svg             map: as a picture in SVG\n"
	     "     --config=FILE     doctor: what smmd is configured by\n"
	     "     --output=FILE     map, metrics: into FILE, which is replaced at once\n"
	     "     --repair          check: mend what can be\n"
	     "     --granule=BYTES   format: give out so many together\n"
	     "     --force           format: even if there is something on it\n"
	     "  -h --help            Show this\n"
	     "     --version         Show the version");
}

/* Options */

static int bad_value(struct smmctl *ctl, const char *option)
{
	return usage_error(ctl, "--%s cannot be '%s'; 'smmctl --help' says what it takes", option,
			   optarg);
}

static int take_number(struct smmctl *ctl, const char *option, uint32_t *number)
{
	return parse_number(optarg, 1024, number) ? 0 : bad_value(ctl, option);
}

static int take_json(struct smmctl *ctl)
{
	static const char *const modes[] = {
		[JSON_OFF] = "off",
		[JSON_SHORT] = "short",
		[JSON_PRETTY] = "pretty",
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(modes); i++) {
		if (strcmp(modes[i], optarg) != 0)
			continue;
		ctl->output.json = i;
		return 0;
	}
	return bad_value(ctl, "json");
}

static int take_where(struct smmctl *ctl, const char *kind, const char *name)
{
	free(ctl->where);
	if (asprintf(&ctl->where, "%s%s", kind, name) < 0) {
		ctl->where = NULL;
		return -ENOMEM;
	}
	return 0;
}

static int take_fill(struct smmctl *ctl)
{
	uint32_t value;

	if (!parse_number(optarg, 1, &value) || value > UINT8_MAX)
		return bad_value(ctl, "fill");
	ctl->allocate.fill = (uint8_t)value;
	ctl->allocate.flags |= SMM_CLIENT_FILL;
	return 0;
}

static int take_option_of_command(int code, struct smmctl *ctl)
{
	struct smm_client_allocate_options *allocate = &ctl->allocate;

	switch (code) {
	case OPTION_JSON:
		return take_json(ctl);
	case OPTION_BY:
		ctl->by_block = !strcmp(optarg, "block");
		return ctl->by_block || !strcmp(optarg, "owner") ? 0 : bad_value(ctl, "by");
	case OPTION_CONFIG:
		ctl->config = optarg;
		return 0;
	case OPTION_EXCLUSIVE:
		allocate->flags |= SMM_CLIENT_EXCLUSIVE;
		return 0;
	case OPTION_FILE:
		ctl->file = optarg;
		return 0;
	case OPTION_FILL:
		return take_fill(ctl);
	case OPTION_FORCE:
		ctl->force = true;
		return 0;
	case OPTION_GRANULE:
		return take_number(ctl, "granule", &ctl->granule);
	case OPTION_GROUP:
		allocate->flags |= SMM_CLIENT_GID;
		return parse_group(ctl, optarg, &allocate->gid);
	case OPTION_HEX:
		ctl->hex = true;
		return 0;
	case OPTION_IN_PLACE:
		ctl->in_place = true;
		return 0;
	case OPTION_LENGTH:
		return take_number(ctl, "length", &ctl->length);
	case OPTION_MODE:
		allocate->flags |= SMM_CLIENT_MODE;
		return parse_mode(ctl, optarg, &allocate->mode);
	case OPTION_OFFSET:
		return take_number(ctl, "offset", &ctl->offset);
	case OPTION_OUTPUT:
		ctl->file = optarg;
		output_is_file(&ctl->output);
		return 0;
	case OPTION_SVG:
		ctl->svg = true;
		return 0;
	default:
		ctl->repair = true;
		return 0;
	}
}

/* @code is what getopt_long() says of @word. */
static int take_option(int code, const char *word, struct command_line *line, struct smmctl *ctl)
{
	if (code >= OPTION_JSON) {
		line->options |= BIT(code);
		return take_option_of_command(code, ctl);
	}

	switch (code) {
	case OPTION_HELP:
		if (line->pager)
			pager_open(&ctl->output);
		print_help();
		line->done = true;
		return 0;
	case OPTION_VERSION:
		puts("smmctl " SMM_VERSION);
		line->done = true;
		return 0;
	case OPTION_SYSTEM:
		free(TAKE(ctl->where));
		return 0;
	case OPTION_USER:
		return take_where(ctl, "user", "");
	case OPTION_HOST:
		return take_where(ctl, "host:", optarg);
	case OPTION_MACHINE:
		return take_where(ctl, "machine:", optarg);
	case OPTION_ADDRESS:
		return take_where(ctl, "", optarg);
	case OPTION_MEMORY:
		ctl->memory = optarg;
		return 0;
	case OPTION_NO_LEGEND:
		ctl->output.legend = false;
		return 0;
	case OPTION_NO_PAGER:
		line->pager = false;
		return 0;
	default:
		return usage_error(ctl,
				   "'%s' is no option, or not with this value; 'smmctl --help' "
				   "shows them",
				   word);
	}
}

/* The command line */

/* The first is the command. */
static void take_argument(struct command_line *line, char *argument)
{
	line->args[line->n_args++] = argument;
}

/* "-1" is a number to add, not an option. */
static bool is_negative_number(const char *argument)
{
	return argument[0] == '-' && isdigit((unsigned char)argument[1]);
}

static int take_words(int argc, char **argv, struct command_line *line, struct smmctl *ctl)
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
		code = getopt_long(argc, argv, "-:hH:M:", options, NULL);
		if (code < 0)
			break;
		if (code == OPTION_ARGUMENT) {
			take_argument(line, optarg);
			continue;
		}
		r = take_option(code, word, line, ctl);
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
		if (options[i].val >= OPTION_JSON && bits & BIT(options[i].val))
			return options[i].name;
	return "";
}

static int check_usage(const struct command_line *line, struct smmctl *ctl)
{
	const struct command *command = line->command;
	unsigned int foreign = line->options & ~command->options;

	if (line->n_args < command->min_args ||
	    (command->max_args >= 0 && line->n_args > command->max_args))
		return usage_error(ctl, "usage: smmctl %s%s%s", command->name,
				   *command->arguments ? " " : "", command->arguments);
	if (foreign)
		return usage_error(ctl, "'%s' takes no --%s; see 'smmctl --help'", command->name,
				   option_name(foreign));
	return 0;
}

int parse_command_line(int argc, char **argv, struct command_line *line, struct smmctl *ctl)
{
	int r;

	line->pager = true;
	r = take_words(argc, argv, line, ctl);
	if (r < 0 || line->done)
		return r;
	if (!line->n_args)
		return usage_error(ctl, "no command; 'smmctl --help' shows them");
	line->command = find_command(line->args[0]);
	if (!line->command)
		return usage_error(ctl, "there is no command '%s'; 'smmctl --help' shows them",
				   line->args[0]);
	line->args++;
	line->n_args--;
	return check_usage(line, ctl);
}
