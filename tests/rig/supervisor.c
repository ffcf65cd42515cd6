/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "smm-rig knows the system calls of x86-64 and arm64"
#endif

/* Linux 6.6, younger than the headers of Debian 12. */
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS      SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

static struct {
	int listener;
	struct seccomp_notif_sizes sizes;
	supervisor_handler *handler;
	void *userdata;
} supervisor;

/* In the program */

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(how) BPF_STMT(BPF_RET | BPF_K, (how))
#define ASK_IF(value) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, 1), RETURN(SECCOMP_RET_USER_NOTIF)
#define ALLOW_UNLESS(value) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 1, 0), RETURN(SECCOMP_RET_ALLOW)

/* Of the ioctls, only those of the types of i2c-dev, spidev and GPIO. */
static int install_filter(void)
{
	struct sock_filter filter[] = {
		LOAD(arch),
		ALLOW_UNLESS(ARCHITECTURE),
		LOAD(nr),
		ASK_IF(SYS_openat),
		ASK_IF(SYS_newfstatat),
		ASK_IF(SYS_fstat),
		ASK_IF(SYS_statx),
#ifdef SYS_open
		ASK_IF(SYS_open),
#endif
		ALLOW_UNLESS(SYS_ioctl),
		LOAD(args[1]),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xff00),
		ASK_IF(0x0700),
		ASK_IF('k' << 8),
		ASK_IF(0xb400),
		RETURN(SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {
		.len = sizeof(filter) / sizeof(filter[0]),
		.filter = filter,
	};

	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
			    SECCOMP_FILTER_FLAG_NEW_LISTENER |
				    SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
			    &program);
}

/* Tells its listener's number, and goes on when that has been taken. */
static _Noreturn void run_program(int channel[2][2], char **argv, const sigset_t *mask)
{
	char go;
	int listener;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigprocmask(SIG_SETMASK, mask, NULL);
	listener = install_filter();
	if (listener < 0)
		fprintf(stderr,
			"smm-rig: seccomp user notification: %m; it needs Linux 5.19, and root "
			"with CAP_SYS_ADMIN (docker run --privileged)\n");
	if (write(channel[0][1], &listener, sizeof(listener)) == sizeof(listener) &&
	    listener >= 0 && read(channel[1][0], &go, 1) == 1) {
		execvp(argv[0], argv);
		fprintf(stderr, "smm-rig: %s: %m\n", argv[0]);
	}
	_exit(127);
}

/* In the supervisor */

static void answer(const struct seccomp_notif *call, struct seccomp_notif_resp *response)
{
	struct caller caller = { supervisor.listener, call };
	int64_t result = 0;
	enum answer kind = supervisor.handler(supervisor.userdata, &caller, &result);

	if (kind == ANSWER_GIVEN)
		return;
	response->id = call->id;
	response->flags = kind == ANSWER_KERNEL ? SECCOMP_USER_NOTIF_FLAG_CONTINUE : 0;
	response->val = result < 0 ? 0 : result;
	response->error = result < 0 ? (int32_t)result : 0;
	/* It fails if the caller is dead by now. */
	ioctl(supervisor.listener, SECCOMP_IOCTL_NOTIF_SEND, response);
}

/* One thread waits for the kernel and the others for it: a call would wake all of them. */
static int receive(struct seccomp_notif *call)
{
	static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
	int r;

	memset(call, 0, supervisor.sizes.seccomp_notif);
	pthread_mutex_lock(&turn);
	r = ioctl(supervisor.listener, SECCOMP_IOCTL_NOTIF_RECV, call);
	pthread_mutex_unlock(&turn);
	return r;
}

static void *answer_calls(void *unused)
{
	size_t response_size = supervisor.sizes.seccomp_notif_resp;
	struct seccomp_notif *call = malloc(supervisor.sizes.seccomp_notif);
	struct seccomp_notif_resp *response = malloc(response_size);

	(void)unused;
	for (;;) {
		memset(response, 0, response_size);
		if (receive(call) == 0)
			answer(call, response);
		else if (errno != EINTR && errno != ENOENT)
			break;
	}
	free(call);
	free(response);
	return NULL;
}

static int take_listener(pid_t program, int channel)
{
	int number, pidfd, listener;

	if (read(channel, &number, sizeof(number)) != sizeof(number) || number < 0)
		return -1;
	pidfd = (int)syscall(SYS_pidfd_open, program, 0);
	listener = (int)syscall(SYS_pidfd_getfd, pidfd, number, 0);
	if (listener < 0)
		perror("smm-rig: the listener");
	close(pidfd);
	return listener;
}

static int start_threads(void)
{
	/* Who calls waits: to answer on its processor is four times as fast. Linux 6.6 knows that.
	 */
	ioctl(supervisor.listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS,
	      SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
	if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &supervisor.sizes) < 0)
		return -1;
	for (unsigned int i = 0; i < SUPERVISOR_THREADS; i++) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, answer_calls, NULL) != 0)
			return -1;
		pthread_detach(thread);
	}
	return 0;
}

pid_t supervisor_start(char **argv, const sigset_t *mask, supervisor_handler *handler,
		       void *userdata)
{
	int channel[2][2];
	pid_t program;

	supervisor.handler = handler;
	supervisor.userdata = userdata;
	if (pipe2(channel[0], O_CLOEXEC) < 0 || pipe2(channel[1], O_CLOEXEC) < 0)
		return -1;
	program = fork();
	if (program == 0)
		run_program(channel, argv, mask);
	close(channel[0][1]);
	close(channel[1][0]);
	supervisor.listener = program < 0 ? -1 : take_listener(program, channel[0][0]);
	if (supervisor.listener < 0 || start_threads() < 0 || write(channel[1][1], "", 1) != 1)
		program = -1;
	close(channel[0][0]);
	close(channel[1][1]);
	return program;
}
