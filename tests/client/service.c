/* SPDX-License-Identifier: BSD-3-Clause */
#include "service.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 20000u

static char dir[] = "/tmp/smm-client-XXXXXX";
static pid_t bus, smmd;
static int notify = -1;

static void die(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerror(errno));
	fflush(stdout);
	exit(EXIT_FAILURE);
}

static const char *in_dir(const char *name)
{
	static char paths[4][128];
	static unsigned int next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	return path;
}

static void write_file(const char *name, const char *format, ...)
{
	FILE *file = fopen(in_dir(name), "we");
	va_list arguments;

	if (!file)
		die(name);
	va_start(arguments, format);
	vfprintf(file, format, arguments);
	va_end(arguments);
	fclose(file);
}

/* The child ends with this process. */
static pid_t start(const char *log, const char *const *argv)
{
	pid_t parent = getpid(), pid = fork();
	int fd;

	if (pid < 0)
		die("fork");
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	fd = open(in_dir(log), O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (getppid() != parent || fd < 0)
		_exit(126);
	dup2(fd, STDERR_FILENO);
	execvp(argv[0], (char *const *)argv);
	_exit(127);
}

static void show(const char *log)
{
	FILE *file = fopen(in_dir(log), "re");
	char line[512];

	while (file && fgets(line, sizeof(line), file))
		printf("# %s", line);
	if (file)
		fclose(file);
}

static int end(pid_t *pid, int signal)
{
	int status;

	kill(*pid, signal);
	if (waitpid(*pid, &status, 0) < 0)
		die("waitpid");
	*pid = 0;
	return status;
}

/* The bus */

void bus_start(void)
{
	int ready[2];
	char fd[32], byte;
	const char *argv[] = { "dbus-daemon",      "--nofork", "--config-file",
			       in_dir("bus.conf"), fd,         NULL };

	unlink(in_dir("bus"));
	if (pipe(ready) < 0)
		die("pipe");
	snprintf(fd, sizeof(fd), "--print-address=%d", ready[1]);
	bus = start("bus.log", argv);
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		die("dbus-daemon does not start");
	close(ready[0]);
}

void bus_stop(void)
{
	end(&bus, SIGTERM);
	if (smmd && waitpid(smmd, NULL, 0) < 0)
		die("waitpid");
	smmd = 0;
}

/* smmd */

static void open_notify(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const struct timeval patience = { PATIENCE_MS / 1000, 0 };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify", dir);
	notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (notify < 0 || bind(notify, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    setsockopt(notify, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
		die("notify socket");
}

void smmd_start(void)
{
	const char *config = in_dir("smmd.conf");
	char option[160], text[1024];
	const char *argv[] = { getenv("SMMD"), option, NULL };
	ssize_t n;

	snprintf(option, sizeof(option), "--config=%s", config);
	while (recv(notify, text, sizeof(text), MSG_DONTWAIT) >= 0) /* what the last one said */
		;
	setenv("NOTIFY_SOCKET", in_dir("notify"), 1); /* which dbus-daemon would use as well */
	smmd = start("smmd.log", argv);
	unsetenv("NOTIFY_SOCKET");
	do {
		n = recv(notify, text, sizeof(text) - 1, 0);
		if (n < 0)
			die("smmd does not start");
		text[n] = '\0';
	} while (!strstr(text, "READY=1"));
}

void smmd_stop(void)
{
	int status = end(&smmd, SIGTERM);

	if (status != 0) {
		show("smmd.log");
		fail_msg("smmd ends with status %x", (unsigned int)status);
	}
}

void smmd_kill(void)
{
	end(&smmd, SIGKILL);
}

/* Groups and tests */

int service_begin(void **state)
{
	char address[128];

	(void)state;
	if (!mkdtemp(dir))
		die("mkdtemp");
	write_file("bus.conf",
		   "<busconfig><type>custom</type><listen>unix:path=%s/bus</listen>"
		   "<auth>EXTERNAL</auth><policy context=\"default\"><allow user=\"*\"/>"
		   "<allow own=\"*\"/><allow send_destination=\"*\"/>"
		   "<allow receive_sender=\"*\"/></policy></busconfig>",
		   dir);
	write_file("smmd.conf",
		   "[memory fram0]\nbus = file\npath = %s/fram0.img\nsize = 32K\n"
		   "[memory slow]\nbus = file\npath = %s/slow.img\nsize = 32K\n"
		   "wire-speed = 400k\n",
		   dir, dir);
	snprintf(address, sizeof(address), "unix:path=%s/bus", dir);
	setenv("DBUS_SYSTEM_BUS_ADDRESS", address, 1);
	unsetenv("SMM_MEMORY");
	open_notify();
	bus_start();
	return 0;
}

int service_end(void **state)
{
	static const char *const names[] = { "bus.conf", "smmd.conf", "notify",   "bus", "bus.log",
					     "smmd.log", "fram0.img", "slow.img", "file" };

	(void)state;
	end(&bus, SIGTERM);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlink(in_dir(names[i]));
	if (rmdir(dir) < 0)
		printf("# %s is left: %s\n", dir, strerror(errno));
	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	return 0;
}

int client_begin(void **state)
{
	unlink(in_dir("fram0.img"));
	unlink(in_dir("slow.img"));
	smmd_start();
	if (smm_client_open((smm_client **)state, NULL, "fram0") < 0)
		die(smm_client_error_message(*state));
	return 0;
}

int client_end(void **state)
{
	smm_client_close(*state);
	if (smmd)
		smmd_stop();
	return 0;
}

/* Waiting */

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void process_until(smm_client *client, const int *what)
{
	int64_t until = now_ms() + PATIENCE_MS;

	while (!*what) {
		if (now_ms() >= until)
			fail_msg("nothing comes");
		smm_client_wait(client, 1000000);
		smm_client_process(client);
	}
}

void process_for(smm_client *client, unsigned int milliseconds)
{
	int64_t until = now_ms() + milliseconds, now;

	while ((now = now_ms()) < until) {
		smm_client_wait(client, (uint64_t)(until - now) * 1000);
		smm_client_process(client);
	}
}
