/* SPDX-License-Identifier: BSD-3-Clause */
#include "fake-nodes.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STRING_(name) #name
#define STRING(name)  STRING_(name)

/* The function of the C library that one of ours stands before, under the name that 64-bit file
 * offsets give it. */
#ifdef __USE_FILE_OFFSET64
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, STRING(name) "64"))
#else
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, STRING(name)))
#endif
#define REAL_PLAIN(name) ((__typeof__(&name))dlsym(RTLD_NEXT, STRING(name)))

static char fake_root[32];
static struct {
	ino_t inode; /* 0: there is none */
	dev_t device;
	dev_t number;
	fake_ioctl *handler;
	void *userdata;
} node;

static void must(bool done)
{
	if (!done)
		abort();
}

static void join(char to[static PATH_MAX], const char *path)
{
	must(strlen(fake_root) + strlen(path) < PATH_MAX);
	stpcpy(stpcpy(to, fake_root), path);
}

/* Where @path is to be looked for. */
static const char *map(const char *path, char to[static PATH_MAX])
{
	struct stat st;

	if (!*fake_root || (strncmp(path, "/dev/", 5) != 0 && strncmp(path, "/sys/", 5) != 0))
		return path;
	join(to, path);
	return lstat(to, &st) == 0 ? to : path;
}

int open(const char *path, int flags, ...)
{
	char mapped[PATH_MAX];
	mode_t mode = 0;
	va_list arguments;

	if (flags & O_CREAT) {
		va_start(arguments, flags);
		mode = va_arg(arguments, mode_t);
		va_end(arguments);
	}
	return REAL(open)(map(path, mapped), flags, mode);
}

FILE *fopen(const char *path, const char *mode)
{
	char mapped[PATH_MAX];

	return REAL(fopen)(map(path, mapped), mode);
}

ssize_t readlink(const char *path, char *target, size_t size)
{
	char mapped[PATH_MAX];

	return REAL_PLAIN(readlink)(map(path, mapped), target, size);
}

static bool is_node(const struct stat *st)
{
	return node.inode && st->st_ino == node.inode && st->st_dev == node.device;
}

int fstat(int fd, struct stat *st)
{
	int r = REAL(fstat)(fd, st);

	if (r == 0 && is_node(st)) {
		st->st_mode = S_IFCHR | 0660;
		st->st_rdev = node.number;
	}
	return r;
}

int ioctl(int fd, unsigned long request, ...)
{
	struct stat st;
	va_list arguments;
	void *argument;

	va_start(arguments, request);
	argument = va_arg(arguments, void *);
	va_end(arguments);
	if (REAL(fstat)(fd, &st) == 0 && is_node(&st))
		return node.handler(node.userdata, request, argument);
	return REAL_PLAIN(ioctl)(fd, request, argument);
}

void fake_nodes_setup(void)
{
	strcpy(fake_root, "/tmp/smm-nodes-XXXXXX");
	must(mkdtemp(fake_root) && chmod(fake_root, 0755) == 0);
}

void fake_nodes_teardown(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -r %s", fake_root);
	must(system(command) == 0);
	*fake_root = '\0';
	node.inode = 0;
}

static void make_directories(char *path)
{
	for (char *slash = strchr(path + strlen(fake_root) + 1, '/'); slash;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		must(mkdir(path, 0755) == 0 || errno == EEXIST);
		*slash = '/';
	}
}

void fake_file_add(const char *path, const void *contents, size_t size)
{
	char mapped[PATH_MAX];
	FILE *file;

	join(mapped, path);
	make_directories(mapped);
	file = REAL(fopen)(mapped, "w");
	must(file);
	fwrite(contents, 1, size, file);
	fclose(file);
}

void fake_link_add(const char *path, const char *target)
{
	char mapped[PATH_MAX];

	join(mapped, path);
	make_directories(mapped);
	must(symlink(target, mapped) == 0);
}

void fake_node_add(const char *path, dev_t number, fake_ioctl *handler, void *userdata)
{
	char mapped[PATH_MAX];
	struct stat st;

	fake_file_add(path, "", 0);
	join(mapped, path);
	must(stat(mapped, &st) == 0);
	node.inode = st.st_ino;
	node.device = st.st_dev;
	node.number = number;
	node.handler = handler;
	node.userdata = userdata;
}

void fake_node_protect(const char *path)
{
	char mapped[PATH_MAX];

	join(mapped, path);
	must(chmod(mapped, 0444) == 0);
}

void fake_node_remove(const char *path)
{
	char mapped[PATH_MAX];

	join(mapped, path);
	must(unlink(mapped) == 0);
	node.inode = 0;
}
