/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * smmctl: from the command line to smmd and the command's function, and out again.
 */
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "numbers.h"
#include "options.h"
#include "pager.h"
#include "smmctl.h"

int find_block(struct smmctl *ctl, const char *block, uint32_t *id)
{
	return parse_number(block, 1, id) ? 0 : smm_client_find(ctl->client, block, id);
}

int parse_size(struct smmctl *ctl, const char *text, uint32_t *size)
{
	if (parse_number(text, 1024, size))
		return 0;
	return usage_error(ctl, "'%s' is not a size; give a number of bytes, or as in 2K or 1M",
			   text);
}

static int run_command(const struct command_line *line, struct smmctl *ctl)
{
	const struct command *command = line->command;
	int r;

	if (command->by_itself)
		return command->run(ctl, line->args);
	ctl->opening = true;
	r = smm_client_open(&ctl->client, ctl->where, command->no_memory ? "" : ctl->memory);
	if (r < 0 && !(r == -EHOSTDOWN && command->without_smmd))
		return r;
	ctl->opening = false;
	smm_client_set_interactive(ctl->client, isatty(STDIN_FILENO));
	if (command->pages && line->pager && !ctl->output.json)
		pager_open(&ctl->output);
	return command->run(ctl, line->args);
}

/* Whether all that was printed has gone somewhere. */
static int check_output(struct smmctl *ctl)
{
	int r = fflush(stdout) != 0 ? errno : 0;

	if (!r && ferror(stdout))
		r = EIO; /* what it was is no longer known */
	if (!r)
		return 0;
	return failure(ctl, -r, "cannot write the output: %s", strerror(r));
}

static int run(int argc, char **argv, struct smmctl *ctl)
{
	_cleanup_free_ char **args = calloc((size_t)argc + 1, sizeof(char *));
	struct command_line line = { .args = args };
	int r;

	if (!args)
		return -ENOMEM;
	r = parse_command_line(argc, argv, &line, ctl);
	if (r >= 0 && !line.done)
		r = run_command(&line, ctl);
	return r < 0 ? r : check_output(ctl);
}

int main(int argc, char **argv)
{
	struct smmctl ctl = {
		.memory = getenv("SMM_MEMORY"),
		.output = { .legend = true },
		.length = SMM_CLIENT_TO_END,
		.config = CONFIG_PATH,
		.status = STATUS_FAILURE,
	};
	int r;

	setlocale(LC_ALL, "");
	fill_standard_fds();
	output_init(&ctl.output);
	r = run(argc, argv, &ctl);
	pager_close();
	if (r < 0)
		complain(&ctl, r);
	smm_client_close(ctl.client);
	free(ctl.where);
	free(ctl.complaint);
	free(ctl.error_name);
	return r < 0 ? ctl.status : 0;
}
