/* SPDX-License-Identifier: BSD-3-Clause */
/* smmctl check, dump, restore and format: the chip as a whole. */
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "fields.h"
#include "progress.h"

/* Check */

static uint64_t number_of(smm_call *call, const char *name)
{
	uint64_t number;

	return smm_call_get_number(call, name, &number) < 0 ? 0 : number;
}

static void print_result(const struct smmctl *ctl, smm_call *call)
{
	static const char *const rows[][2] = {
		{ "blocks", "Blocks" },
		{ "foreign", "Of other software" },
		{ "damaged", "Damaged" },
		{ "corrected", "Bits corrected" },
		{ "uncorrectable", "Beyond correction" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t number = number_of(call, rows[i][0]);

		printf(ROW "%s%" PRIu64 "%s\n", rows[i][1],
		       colour(&ctl->output, i >= 2 && number ? COLOUR_BAD : COLOUR_NONE), number,
		       colour(&ctl->output, COLOUR_NONE));
	}
}

/* What is left of the damage is another exit status, for scripts. */
static int judge(struct smmctl *ctl, smm_call *call)
{
	uint64_t damaged = number_of(call, "damaged") + number_of(call, "uncorrectable");

	if (!damaged)
		return 0;
	ctl->status = STATUS_DAMAGE;
	if (ctl->repair)
		return failure(
			ctl, -EUCLEAN,
			"the chip is damaged beyond repair; 'smmctl restore' brings back what a "
			"dump has");
	return failure(ctl, -EUCLEAN,
		       "the chip is damaged; 'smmctl check --repair' mends what can be");
}

int cmd_check(struct smmctl *ctl, char **args)
{
	struct progress progress = { .what = "check" };
	_cleanup_call_ smm_call *call = NULL;
	int r;

	(void)args;
	r = smm_client_check_async(ctl->client, ctl->repair, on_progress, NULL, &progress, &call);
	r = await(ctl, &progress, r, call);
	if (r < 0)
		return r;
	if (ctl->output.json) {
		_cleanup_json_ json_object *result = json_of_properties(call);

		print_json(&ctl->output, result);
	} else {
		print_result(ctl, call);
	}
	return judge(ctl, call);
}

/* Format */

int cmd_format(struct smmctl *ctl, char **args)
{
	struct progress progress = { .what = "format" };
	_cleanup_call_ smm_call *call = NULL;
	int r;

	(void)args;
	r = smm_client_format_async(ctl->client, ctl->granule, ctl->force, on_progress, NULL,
				    &progress, &call);
	r = await(ctl, &progress, r, call);
	if (r == -EINVAL && !ctl->force && !ctl->granule)
		return failure(ctl, r,
			       "%s; 'smmctl list' shows them, 'smmctl format --force' gives "
			       "them up",
			       smm_call_error_message(call));
	return r;
}

/* Over ssh there is no file to hand to smmd, but there is ssh. */
static int explain(struct smmctl *ctl, int r, const char *command)
{
	static const char host[] = "host:";

	if (r != -EOPNOTSUPP || !ctl->where || strncmp(ctl->where, host, strlen(host)) != 0)
		return r;
	return failure(ctl, r, "smmd cannot reach a file over ssh; take 'ssh %s smmctl %sFILE'",
		       ctl->where + strlen(host), command);
}

/* Dump */

static int dump_to(struct smmctl *ctl, int fd)
{
	struct progress progress = { .what = "dump" };
	_cleanup_call_ smm_call *call = NULL;
	int r = smm_client_dump_async(ctl->client, fd, on_progress, NULL, &progress, &call);

	r = await(ctl, &progress, r, call);
	return explain(ctl, r, "dump - >");
}

/* An old dump stays until the new one is there as a whole. */
static int dump_beside(struct smmctl *ctl, const char *path)
{
	_cleanup_free_ char *temporary = NULL;
	_cleanup_close_ int fd = -1;
	int r;

	if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
		return -ENOMEM;
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return failure(ctl, -errno, "cannot make %s: %s", path, strerror(errno));
	r = dump_to(ctl, fd);
	if (r >= 0 && (fsync(fd) < 0 || rename(temporary, path) < 0))
		r = failure(ctl, -errno, "cannot write %s: %s", path, strerror(errno));
	if (r < 0)
		unlink(temporary);
	return r;
}

/* A device, a FIFO or a link is written to as it is. */
static int dump_into(struct smmctl *ctl, const char *path)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	if (fd < 0)
		return failure(ctl, -errno, "cannot open %s: %s", path, strerror(errno));
	return dump_to(ctl, fd);
}

/* A file that stands for a chip is nothing to be replaced. */
static int refuse_chip(struct smmctl *ctl, const char *path, const struct stat *file)
{
	_cleanup_json_ json_object *memories = json_object_new_array();
	_cleanup_free_ char *chosen = strdup(smm_client_get_memory(ctl->client));
	struct stat found;
	int r;

	r = chosen ? add_memories(ctl, NULL, memories) : -ENOMEM;
	for (size_t i = 0; r >= 0 && i < json_object_array_length(memories); i++) {
		json_object *memory = json_object_array_get_idx(memories, i);

		if (stat(get_text(memory, "Device"), &found) == 0 && found.st_dev == file->st_dev &&
		    found.st_ino == file->st_ino)
			return failure(ctl, -EINVAL,
				       "%s is the chip of memory %s itself; dump into another file",
				       path, get_text(memory, "Name"));
	}
	return r < 0 ? r : smm_client_set_memory(ctl->client, chosen);
}

static int dump_to_path(struct smmctl *ctl, const char *path)
{
	struct stat file;
	int r = stat(path, &file) < 0 ? 0 : refuse_chip(ctl, path, &file);

	if (r < 0)
		return r;
	return lstat(path, &file) < 0 || S_ISREG(file.st_mode) ? dump_beside(ctl, path)
							       : dump_into(ctl, path);
}

int cmd_dump(struct smmctl *ctl, char **args)
{
	if (strcmp(args[0], "-") != 0)
		return dump_to_path(ctl, args[0]);
	if (ctl->output.terminal)
		return usage_error(ctl, "a dump is nothing for a terminal; give a FILE, or send "
					"standard output somewhere else");
	return dump_to(ctl, STDOUT_FILENO);
}

/* Restore */

static int restore_from(struct smmctl *ctl, int fd)
{
	struct progress progress = { .what = "restore" };
	_cleanup_call_ smm_call *call = NULL;
	int r = smm_client_restore_async(ctl->client, fd, on_progress, NULL, &progress, &call);

	r = await(ctl, &progress, r, call);
	return explain(ctl, r, "restore - <");
}

int cmd_restore(struct smmctl *ctl, char **args)
{
	_cleanup_close_ int fd = -1;

	if (strcmp(args[0], "-") == 0)
		return restore_from(ctl, STDIN_FILENO);
	fd = open(args[0], O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return failure(ctl, -errno, "cannot open %s: %s", args[0], strerror(errno));
	return restore_from(ctl, fd);
}
