/* SPDX-License-Identifier: BSD-3-Clause */
#include "calls.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* What a descriptor of the program is. */
struct target {
	struct board_device *device;
	struct gpio_request *request; /* of GPIO lines; NULL: it is the node */
};

static bool is_file(int fd, const struct stat *st)
{
	struct stat own;

	return fd >= 0 && fstat(fd, &own) == 0 && own.st_ino == st->st_ino &&
	       own.st_dev == st->st_dev;
}

static struct gpio_request *request_of(struct gpio_chip *chip, const struct stat *st)
{
	for (unsigned int i = 0; i < GPIO_CHIP_REQUESTS_MAX; i++) {
		if (is_file(chip->requests[i].events, st))
			return &chip->requests[i];
	}
	return NULL;
}

static bool find_target(struct board *board, const struct caller *caller, int fd,
			struct target *target)
{
	struct stat st;

	*target = (struct target){ 0 };
	if (caller_fstat(caller, fd, &st) < 0)
		return false;
	for (unsigned int i = 0; i < board->device_count; i++) {
		target->device = &board->devices[i];
		if (is_file(target->device->backing, &st))
			return true;
		if (!S_ISFIFO(st.st_mode) || target->device->kind != DEVICE_GPIO)
			continue;
		target->request = request_of(&target->device->gpio, &st);
		if (target->request)
			return true;
	}
	return false;
}

/* open() */

static struct board_device *device_of_node(struct board *board, const struct stat *st)
{
	for (unsigned int i = 0; S_ISCHR(st->st_mode) && i < board->device_count; i++) {
		if (board->devices[i].number == st->st_rdev)
			return &board->devices[i];
	}
	return NULL;
}

/* A new open file of the inode that stands for the device, so that locks are between open files. */
static int64_t give_open_file(const struct board_device *device, const struct caller *caller,
			      uint64_t flags)
{
	char path[64];
	int r, fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", device->backing);
	fd = open(path, (int)(flags & (O_ACCMODE | O_NONBLOCK)) | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = caller_give(caller, fd, (uint32_t)flags & O_CLOEXEC, true);
	close(fd);
	return r;
}

static int wanted_access(uint64_t flags)
{
	switch (flags & O_ACCMODE) {
	case O_RDONLY:
		return R_OK;
	case O_WRONLY:
		return W_OK;
	default:
		return R_OK | W_OK;
	}
}

static enum answer answer_open(struct board *board, const struct caller *caller, int beside,
			       uint64_t name, uint64_t flags, int64_t *result)
{
	struct board_device *device;
	char path[PATH_MAX];
	struct stat st;

	if (flags & O_PATH || caller_read_text(caller, name, path, sizeof(path)) < 0 ||
	    caller_stat(caller, beside, path, 0, &st) < 0)
		return ANSWER_KERNEL;
	device = device_of_node(board, &st);
	if (!device)
		return ANSWER_KERNEL;
	if (!caller_may_open(caller, &st, wanted_access(flags))) {
		*result = -EACCES;
		return ANSWER_RESULT;
	}
	*result = give_open_file(device, caller, flags);
	return *result < 0 ? ANSWER_RESULT : ANSWER_GIVEN;
}

/* stat() of a descriptor; paths lead to real nodes */

static bool is_own(const struct caller *caller, uint64_t path)
{
	char first;

	return path == 0 || (caller_read(caller, path, &first, 1) == 0 && first == '\0');
}

static bool stat_node(struct board *board, const struct caller *caller, int fd, struct stat *st)
{
	struct target target;
	bool found;

	pthread_mutex_lock(&board->lock);
	found = find_target(board, caller, fd, &target) && !target.request &&
		caller_fstat(caller, fd, st) == 0;
	pthread_mutex_unlock(&board->lock);
	if (!found)
		return false;
	st->st_mode = S_IFCHR | 0660;
	st->st_rdev = target.device->number;
	st->st_size = 0;
	return true;
}

static enum answer answer_stat(struct board *board, const struct caller *caller, int fd,
			       uint64_t to, int64_t *result)
{
	struct stat st;

	if (!stat_node(board, caller, fd, &st))
		return ANSWER_KERNEL;
	*result = caller_write(caller, to, &st, sizeof(st));
	return ANSWER_RESULT;
}

static enum answer answer_statx(struct board *board, const struct caller *caller, int fd,
				uint64_t to, int64_t *result)
{
	struct statx stx = { .stx_mask = STATX_TYPE | STATX_MODE | STATX_NLINK | STATX_INO };
	struct stat st;

	if (!stat_node(board, caller, fd, &st))
		return ANSWER_KERNEL;
	stx.stx_mode = (uint16_t)st.st_mode;
	stx.stx_nlink = 1;
	stx.stx_ino = st.st_ino;
	stx.stx_dev_major = major(st.st_dev);
	stx.stx_dev_minor = minor(st.st_dev);
	stx.stx_rdev_major = major(st.st_rdev);
	stx.stx_rdev_minor = minor(st.st_rdev);
	*result = caller_write(caller, to, &stx, sizeof(stx));
	return ANSWER_RESULT;
}

/* ioctl() */

static int64_t pass_ioctl(const struct target *target, const struct caller *caller)
{
	struct board_device *device = target->device;

	switch (device->kind) {
	case DEVICE_I2C:
		return ioctl_i2c(&device->i2c, caller);
	case DEVICE_SPI:
		return ioctl_spi(&device->spi, caller);
	case DEVICE_GPIO:
		return target->request ? ioctl_gpio_request(&device->gpio, target->request, caller)
				       : ioctl_gpio_chip(&device->gpio, caller);
	}
	return -ENOTTY;
}

/* A bus does one transfer after the other; who waits for it holds nobody up who does not. */
static enum answer answer_ioctl(struct board *board, const struct caller *caller, int fd,
				int64_t *result)
{
	struct target target;
	bool found;

	pthread_mutex_lock(&board->lock);
	calls_release_lines(board);
	found = find_target(board, caller, fd, &target);
	pthread_mutex_unlock(&board->lock);
	if (!found || !caller_waits(caller))
		return ANSWER_KERNEL;
	pthread_mutex_lock(&target.device->turn);
	pthread_mutex_lock(&board->lock);
	target.device->ioctls++;
	*result = pass_ioctl(&target, caller);
	pthread_mutex_unlock(&board->lock);
	pthread_mutex_unlock(&target.device->turn);
	return ANSWER_RESULT;
}

enum answer calls_answer(void *userdata, const struct caller *caller, int64_t *result)
{
	const struct seccomp_data *call = &caller->call->data;
	const __u64 *a = call->args;

	switch (call->nr) {
#ifdef SYS_open
	case SYS_open:
		return answer_open(userdata, caller, AT_FDCWD, a[0], a[1], result);
#endif
	case SYS_openat:
		return answer_open(userdata, caller, (int)a[0], a[1], a[2], result);
	case SYS_fstat:
		return answer_stat(userdata, caller, (int)a[0], a[1], result);
	case SYS_newfstatat:
		if (!(a[3] & AT_EMPTY_PATH) || !is_own(caller, a[1]))
			return ANSWER_KERNEL;
		return answer_stat(userdata, caller, (int)a[0], a[2], result);
	case SYS_statx:
		if (!(a[2] & AT_EMPTY_PATH) || !is_own(caller, a[1]))
			return ANSWER_KERNEL;
		return answer_statx(userdata, caller, (int)a[0], a[4], result);
	case SYS_ioctl:
		return answer_ioctl(userdata, caller, (int)a[0], result);
	default:
		return ANSWER_KERNEL;
	}
}

static bool has_reader(int events)
{
	struct pollfd end = { .fd = events };

	return poll(&end, 1, 0) <= 0 || !(end.revents & POLLERR);
}

void calls_release_lines(struct board *board)
{
	for (unsigned int i = 0; i < board->device_count; i++) {
		struct gpio_chip *chip = &board->devices[i].gpio;

		if (board->devices[i].kind != DEVICE_GPIO)
			continue;
		for (unsigned int r = 0; r < GPIO_CHIP_REQUESTS_MAX; r++) {
			struct gpio_request *request = &chip->requests[r];

			if (request->events >= 0 && !has_reader(request->events))
				gpio_request_release(chip, request);
		}
	}
}
