/* SPDX-License-Identifier: BSD-3-Clause */
#include "caller.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define PAGE 4096u

bool caller_waits(const struct caller *caller)
{
	return ioctl(caller->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &caller->call->id) == 0;
}

static pid_t thread(const struct caller *caller)
{
	return (pid_t)caller->call->pid;
}

int caller_read(const struct caller *caller, uint64_t from, void *to, size_t size)
{
	struct iovec here = { to, size };
	struct iovec there = { (void *)(uintptr_t)from, size };

	if (size == 0)
		return 0;
	return process_vm_readv(thread(caller), &here, 1, &there, 1, 0) == (ssize_t)size ? 0
											 : -EFAULT;
}

int caller_write(const struct caller *caller, uint64_t to, const void *from, size_t size)
{
	struct iovec here = { (void *)(uintptr_t)from, size };
	struct iovec there = { (void *)(uintptr_t)to, size };

	if (size == 0)
		return 0;
	return process_vm_writev(thread(caller), &here, 1, &there, 1, 0) == (ssize_t)size ? 0
											  : -EFAULT;
}

/* Never beyond a page that has the end of the string: the next one may not be there. */
int caller_read_text(const struct caller *caller, uint64_t from, char *to, size_t size)
{
	size_t done = 0;

	while (done < size) {
		size_t part = PAGE - (from + done) % PAGE;
		int r;

		if (part > size - done)
			part = size - done;
		r = caller_read(caller, from + done, to + done, part);
		if (r < 0)
			return r;
		if (memchr(to + done, '\0', part))
			return 0;
		done += part;
	}
	return -ENAMETOOLONG;
}

int caller_stat(const struct caller *caller, int beside, const char *path, int flags,
		struct stat *st)
{
	char full[PATH_MAX + 64];

	if (path[0] == '/')
		snprintf(full, sizeof(full), "%s", path);
	else if (beside == AT_FDCWD)
		snprintf(full, sizeof(full), "/proc/%d/cwd/%s", thread(caller), path);
	else
		snprintf(full, sizeof(full), "/proc/%d/fd/%d/%s", thread(caller), beside, path);
	return fstatat(AT_FDCWD, full, st, flags) < 0 ? -errno : 0;
}

int caller_fstat(const struct caller *caller, int fd, struct stat *st)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", thread(caller), fd);
	return stat(path, st) < 0 ? -errno : 0;
}

/* A field of a file in its folder of /proc. */
static int proc_field(const struct caller *caller, const char *file, const char *format,
		      long *value)
{
	char path[64], line[256];
	int r = -ESRCH;
	FILE *status;

	snprintf(path, sizeof(path), "/proc/%d/%s", thread(caller), file);
	status = fopen(path, "re");
	if (!status)
		return -errno;
	while (r < 0 && fgets(line, sizeof(line), status)) {
		if (sscanf(line, format, value) == 1)
			r = 0;
	}
	fclose(status);
	return r;
}

/* Of all the groups that it has, also as a set-group-id program. */
static bool is_in_group(const struct caller *caller, gid_t group)
{
	char path[64], line[1024];
	bool found = false;
	FILE *status;

	snprintf(path, sizeof(path), "/proc/%d/status", thread(caller));
	status = fopen(path, "re");
	while (status && !found && fgets(line, sizeof(line), status)) {
		char *rest = line;
		char *word = strsep(&rest, "\t ");

		if (strcmp(word, "Gid:") != 0 && strcmp(word, "Groups:") != 0)
			continue;
		while (!found && (word = strsep(&rest, "\t \n")))
			found = *word && strtoul(word, NULL, 10) == group;
	}
	if (status)
		fclose(status);
	return found;
}

bool caller_may_open(const struct caller *caller, const struct stat *st, int access)
{
	long user;
	unsigned int shift = 0;

	if (proc_field(caller, "status", "Uid: %*d %*d %*d %ld", &user) < 0)
		return false;
	if (user == 0)
		return true;
	if (user == st->st_uid)
		shift = 6;
	else if (is_in_group(caller, st->st_gid))
		shift = 3;
	return (st->st_mode >> shift & (unsigned int)access) == (unsigned int)access;
}

int caller_position(const struct caller *caller, int fd, long *position)
{
	char file[32];

	snprintf(file, sizeof(file), "fdinfo/%d", fd);
	return proc_field(caller, file, "pos: %ld", position);
}

/* Its open file, as a descriptor of this process. */
static int borrow(const struct caller *caller, int fd)
{
	long process;
	int r = proc_field(caller, "status", "Tgid: %ld", &process);
	int pidfd, borrowed;

	if (r < 0)
		return r;
	pidfd = (int)syscall(SYS_pidfd_open, process, 0);
	if (pidfd < 0)
		return -errno;
	borrowed = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	r = -errno;
	close(pidfd);
	return borrowed < 0 ? r : borrowed;
}

int caller_set_position(const struct caller *caller, int fd, long position)
{
	int borrowed = borrow(caller, fd);
	int r = 0;

	if (borrowed < 0)
		return borrowed;
	if (lseek(borrowed, position, SEEK_SET) < 0)
		r = -errno;
	close(borrowed);
	return r;
}

int caller_give(const struct caller *caller, int fd, uint32_t flags, bool answer)
{
	struct seccomp_notif_addfd give = {
		.id = caller->call->id,
		.srcfd = (uint32_t)fd,
		.newfd_flags = flags,
		.flags = answer ? SECCOMP_ADDFD_FLAG_SEND : 0,
	};
	int given = ioctl(caller->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &give);

	return given < 0 ? -errno : given;
}
