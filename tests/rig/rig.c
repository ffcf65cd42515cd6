/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * smm-rig BOARD PROGRAM [ARGUMENT...]: runs a program on a board that is not there. It finds the
 * device nodes that the file BOARD describes, and they behave like those of the kernel, with chips
 * behind them that behave like their data sheets.
 *
 * Signals are passed on to the program, and its end is that of smm-rig.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "board.h"
#include "calls.h"
#include "control.h"
#include "nodes.h"
#include "program.h"
#include "supervisor.h"

static struct board board;
static pid_t program;

void program_kill(void)
{
	kill(program, SIGKILL);
}

/* The exit status of the program as a shell gives it. */
static int wait_for_program(const sigset_t *signals)
{
	for (;;) {
		int status, number = sigwaitinfo(signals, NULL);

		if (number == SIGCHLD) {
			if (waitpid(program, &status, WNOHANG) == program)
				return WIFEXITED(status) ? WEXITSTATUS(status)
							 : 128 + WTERMSIG(status);
		} else if (number > 0) {
			kill(program, number);
		}
	}
}

static void keep_counters(void)
{
	FILE *file = *board.counters ? fopen(board.counters, "we") : NULL;

	if (!file)
		return;
	pthread_mutex_lock(&board.lock);
	control_print_counters(&board, file);
	pthread_mutex_unlock(&board.lock);
	fclose(file);
}

int main(int argc, char **argv)
{
	static const int passed_on[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGCHLD };
	sigset_t signals, mask;
	int status;

	if (argc < 3) {
		fprintf(stderr, "usage: smm-rig BOARD PROGRAM [ARGUMENT...]\n");
		return 2;
	}
	sigemptyset(&signals);
	for (size_t i = 0; i < sizeof(passed_on) / sizeof(passed_on[0]); i++)
		sigaddset(&signals, passed_on[i]);
	sigprocmask(SIG_BLOCK, &signals, &mask);
	if (board_load(&board, argv[1]) < 0 || nodes_enter(&board) < 0 || control_start(&board) < 0)
		return 2;
	program = supervisor_start(&argv[2], &mask, calls_answer, &board);
	if (program < 0)
		return 2;
	status = wait_for_program(&signals);
	keep_counters();
	if (*board.control)
		unlink(board.control);
	return status;
}
