/* SPDX-License-Identifier: BSD-3-Clause */
#include "pager.h"

#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "util.h"

static pid_t pager;

static const char *chosen(void)
{
	const char *command = getenv("SYSTEMD_PAGER");

	if (!command)
		command = getenv("PAGER");
	return command;
}

/* In the child. F: what fits on a screen is just printed; R: colours; K: Ctrl-C ends it. Nobody
 * gets a shell from it whom sudo lets do nothing but this. */
static _Noreturn void run_pager(const char *command)
{
	const char *options = getenv("SYSTEMD_LESS");

	setenv("LESS", options ? options : "FRSXMK", 1);
	setenv("LESSSECURE", "1", 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (command)
		execl("/bin/sh", "sh", "-c", command, NULL);
	execlp("less", "less", NULL);
	execlp("more", "more", NULL);
	execlp("cat", "cat", NULL);
	_exit(127);
}

void pager_open(const struct output *output)
{
	const char *command = chosen();
	int fds[2];

	if (pager || !output->terminal || output->dumb ||
	    (command && (!*command || !strcmp(command, "cat"))) || pipe2(fds, O_CLOEXEC) < 0)
		return;
	fflush(stdout);
	pager = fork();
	if (pager == 0) {
		dup2(fds[0], STDIN_FILENO);
		run_pager(command);
	}
	if (pager > 0)
		dup2(fds[1], STDOUT_FILENO);
	else
		pager = 0;
	close(fds[0]);
	close(fds[1]);
}

void pager_close(void)
{
	pid_t child = pager;

	if (!child)
		return;
	pager = 0;
	fflush(stdout);
	close(STDOUT_FILENO);
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
}
