/* SPDX-License-Identifier: BSD-3-Clause */
/* smmctl edit: a block in the user's editor. */
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "input.h"
#include "numbers.h"

/* A block on its way through a file. */
struct edit {
	const char *block; /* as the user calls it */
	char *name;        /* NULL: it has none */
	uint32_t id;       /* 0: there is none of this name yet */
	void *content;     /* as it was loaded */
	size_t size;
	char *path; /* of the file */
	bool keep;  /* the file has something in it that is not stored */
};

static void edit_release(struct edit *edit)
{
	if (edit->path && !edit->keep)
		unlink(edit->path);
	free(edit->path);
	free(edit->content);
	free(edit->name);
}

/* Loading */

static int look_up_name(struct smmctl *ctl, struct edit *edit)
{
	_cleanup_call_ smm_call *info = NULL;
	const char *name;
	int r;

	r = smm_client_block_info(ctl->client, edit->id, &info);
	if (r >= 0)
		r = smm_call_get_text(info, "Name", &name);
	if (r < 0 || !*name)
		return r;
	edit->name = strdup(name);
	return edit->name ? 0 : -ENOMEM;
}

static int load(struct smmctl *ctl, uint32_t id, void **content, size_t *size)
{
	_cleanup_call_ smm_call *call = NULL;
	const void *data;
	int r;

	r = smm_client_read_async(ctl->client, id, 0, SMM_CLIENT_TO_END, NULL, NULL, &call);
	if (r < 0)
		return r;
	r = smm_call_wait(call);
	if (r < 0)
		return call_failure(ctl, call, r);
	r = smm_call_get_data(call, &data, size);
	if (r < 0)
		return r;
	*content = malloc(*size + 1);
	if (!*content)
		return -ENOMEM;
	memcpy(*content, data, *size);
	return 0;
}

static int open_block(struct smmctl *ctl, struct edit *edit)
{
	int r;

	if (parse_number(edit->block, 1, &edit->id)) {
		r = look_up_name(ctl, edit);
	} else {
		edit->name = strdup(edit->block);
		r = edit->name ? smm_client_find(ctl->client, edit->name, &edit->id) : -ENOMEM;
		if (r == -ENOENT)
			return 0; /* it is to be made */
	}
	return r < 0 ? r : load(ctl, edit->id, &edit->content, &edit->size);
}

/* The editor */

static int write_file(struct smmctl *ctl, struct edit *edit)
{
	const char *folder = getenv("TMPDIR");
	_cleanup_fclose_ FILE *file = NULL;
	int fd;

	if (asprintf(&edit->path, "%s/smmctl-edit.XXXXXX", folder && *folder ? folder : "/tmp") <
	    0) {
		edit->path = NULL;
		return -ENOMEM;
	}
	fd = mkostemp(edit->path, O_CLOEXEC);
	file = fd < 0 ? NULL : fdopen(fd, "w");
	if (!file || (edit->size && fwrite(edit->content, 1, edit->size, file) < edit->size) ||
	    fflush(file) != 0)
		return failure(ctl, -errno, "cannot make the file %s: %s", edit->path,
			       strerror(errno));
	return 0;
}

static const char *editor(void)
{
	static const char *const variables[] = { "VISUAL", "EDITOR" };

	for (size_t i = 0; i < ARRAY_SIZE(variables); i++) {
		const char *value = getenv(variables[i]);

		if (value && *value)
			return value;
	}
	return "editor"; /* Debian's alternative */
}

/* The editor may have arguments, so it is the shell's to take apart. */
static int run_editor(struct smmctl *ctl, const struct edit *edit)
{
	_cleanup_free_ char *command = NULL;
	int status;
	pid_t pid;

	if (asprintf(&command, "%s \"$@\"", editor()) < 0) {
		command = NULL;
		return -ENOMEM;
	}
	signal(SIGINT, SIG_IGN); /* Ctrl-C is the editor's */
	pid = fork();
	if (pid == 0) {
		signal(SIGINT, SIG_DFL);
		execl("/bin/sh", "sh", "-c", command, editor(), edit->path, NULL);
		_exit(127);
	}
	if (pid < 0)
		return failure(ctl, -errno, "cannot start the editor: %s", strerror(errno));
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	signal(SIGINT, SIG_DFL);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return failure(ctl, -ECANCELED, "the editor '%s' failed; set VISUAL or EDITOR to another",
		       editor());
}

/* Storing */

static bool is_same(const struct edit *edit, const void *data, size_t size)
{
	return size == edit->size && (!size || memcmp(data, edit->content, size) == 0);
}

/* Editors end the last line of a text, which a value need not have. */
static void drop_newline(const struct edit *edit, const char *data, uint32_t *size)
{
	const char *before = edit->content;
	bool had_one = edit->size && before[edit->size - 1] == '\n';

	if (edit->size && !had_one && *size && data[*size - 1] == '\n')
		--*size;
}

static int check_unchanged(struct smmctl *ctl, const struct edit *edit)
{
	_cleanup_free_ void *now = NULL;
	uint32_t id = edit->id;
	size_t size;
	int r;

	if (edit->name) {
		r = smm_client_find(ctl->client, edit->name, &id);
		if (r == -ENOENT && !edit->id)
			return 0;
		if (r < 0)
			return r;
	}
	r = edit->id == id ? load(ctl, id, &now, &size) : -ESTALE;
	if (r >= 0 && !is_same(edit, now, size))
		r = -ESTALE;
	if (r == -ESTALE)
		return failure(ctl, r, "block %s was changed meanwhile by somebody else",
			       edit->block);
	return r;
}

static int store(struct smmctl *ctl, const struct edit *edit, const void *data, uint32_t size)
{
	if (edit->name)
		return smm_client_store(ctl->client, edit->name, data, size, NULL);
	if (size == edit->size)
		return smm_client_write(ctl->client, edit->id, 0, data, size);
	return failure(ctl, -EINVAL,
		       "block %u has no name, so it cannot get %u bytes instead of %zu at one go; "
		       "give it a name with 'smmctl rename %u NAME'",
		       edit->id, size, edit->size, edit->id);
}

/* What the library said, and where the text is now. */
static int keep_file(struct smmctl *ctl, struct edit *edit, int r)
{
	_cleanup_free_ char *why = NULL;

	edit->keep = true;
	why = strdup(ctl->complaint ? ctl->complaint : smm_client_error_message(ctl->client));
	return failure(ctl, r, "%s; what you wrote is in %s", why ? why : strerror(-r), edit->path);
}

static int store_file(struct smmctl *ctl, struct edit *edit)
{
	_cleanup_fclose_ FILE *file = fopen(edit->path, "re");
	_cleanup_free_ void *data = NULL;
	uint32_t size;
	int r;

	r = file ? read_all(ctl, file, edit->path, &data, &size)
		 : failure(ctl, -errno, "cannot open %s: %s", edit->path, strerror(errno));
	if (r < 0)
		return keep_file(ctl, edit, r);
	drop_newline(edit, data, &size);
	if (is_same(edit, data, size)) {
		fputs("smmctl: nothing was changed\n", stderr);
		return 0;
	}
	r = check_unchanged(ctl, edit);
	if (r >= 0)
		r = store(ctl, edit, data, size);
	return r < 0 ? keep_file(ctl, edit, r) : 0;
}

int cmd_edit(struct smmctl *ctl, char **args)
{
	_cleanup_(edit_release) struct edit edit = { .block = args[0] };
	int r;

	r = open_block(ctl, &edit);
	if (r >= 0)
		r = write_file(ctl, &edit);
	if (r >= 0)
		r = run_editor(ctl, &edit);
	return r < 0 ? r : store_file(ctl, &edit);
}
