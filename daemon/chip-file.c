/* SPDX-License-Identifier: BSD-3-Clause */
#include "chip.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>

#include "chip-table.h"
#include "util.h"

/* A long transfer is a row of messages, as on a bus, so that its bytes land at an even pace. */
#define MESSAGE_MAX 4096u

/* The wire of an I2C chip with two address bytes: 9 clocks a byte. */
#define CLOCKS         9u
#define READ_OVERHEAD  4u
#define WRITE_OVERHEAD 3u

#define NSEC_PER_SEC 1000000000ull

struct chip_file {
	struct chip chip;
	int fd;
	uint32_t wire_speed;     /* Hz, or 0 */
	struct timespec idle;    /* when the wire has carried all that was put on it */
	struct timespec checked; /* when the file was, */
};

static struct chip_file *chip_file(struct chip *chip)
{
	return (struct chip_file *)chip;
}

/* The wire is free: what comes now begins now. */
static void wire_begin(struct chip_file *f)
{
	clock_gettime(CLOCK_MONOTONIC, &f->idle);
}

/* Wait for as long as the wire needs for @bytes more. */
static void wire_wait(struct chip_file *f, uint32_t bytes)
{
	uint64_t ns;

	if (!f->wire_speed)
		return;
	ns = (uint64_t)bytes * CLOCKS * NSEC_PER_SEC / f->wire_speed + (uint64_t)f->idle.tv_nsec;
	f->idle.tv_sec += (time_t)(ns / NSEC_PER_SEC);
	f->idle.tv_nsec = (long)(ns % NSEC_PER_SEC);
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &f->idle, NULL) == EINTR)
		;
}

static uint32_t message_size(uint32_t left)
{
	return left < MESSAGE_MAX ? left : MESSAGE_MAX;
}

static int read_all(int fd, uint8_t *to, uint32_t size, uint32_t offset)
{
	for (uint32_t done = 0; done < size;) {
		ssize_t n = TEMP_FAILURE_RETRY(pread(fd, to + done, size - done, offset + done));

		if (n <= 0)
			return n < 0 ? -errno : -EIO; /* 0: the file has become shorter */
		done += (uint32_t)n;
	}
	return 0;
}

static int write_all(int fd, const uint8_t *from, uint32_t size, uint32_t offset)
{
	for (uint32_t done = 0; done < size;) {
		ssize_t n = TEMP_FAILURE_RETRY(pwrite(fd, from + done, size - done, offset + done));

		if (n < 0)
			return -errno;
		done += (uint32_t)n;
	}
	return 0;
}

/* Whether the file is the one of that name, and whole: another would be found after a restart. */
static int check_file(const struct chip_file *f)
{
	struct stat ours, named;

	if (fstat(f->fd, &ours) < 0)
		return -errno;
	if (stat(f->chip.device, &named) < 0)
		return -errno;
	if (ours.st_dev != named.st_dev || ours.st_ino != named.st_ino)
		return -ESTALE;
	return ours.st_size == f->chip.size ? 0 : -EIO;
}

/* The same, once in a tick of the kernel's clock: it takes longer than a small write. */
static int check_in_passing(struct chip_file *f)
{
	struct timespec now;
	int r;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	if (now.tv_sec == f->checked.tv_sec && now.tv_nsec == f->checked.tv_nsec)
		return 0;
	r = check_file(f);
	if (r >= 0)
		f->checked = now;
	return r;
}

static int file_read(struct chip *chip, uint32_t offset, void *buffer, uint32_t size)
{
	struct chip_file *f = chip_file(chip);
	uint8_t *to = buffer;
	int r = check_in_passing(f);

	wire_begin(f);
	for (uint32_t done = 0, n; r >= 0 && done < size; done += n) {
		n = message_size(size - done);
		wire_wait(f, n + READ_OVERHEAD);
		r = read_all(f->fd, to + done, n, offset + done);
		chip->counters.reads++;
		chip->counters.bytes_read += n + READ_OVERHEAD;
	}
	chip->counters.errors += r < 0;
	return r;
}

static int file_write(struct chip *chip, uint32_t offset, const void *buffer, uint32_t size)
{
	struct chip_file *f = chip_file(chip);
	const uint8_t *from = buffer;
	int r = check_in_passing(f);

	wire_begin(f);
	for (uint32_t done = 0, n; r >= 0 && done < size; done += n) {
		n = message_size(size - done);
		wire_wait(f, n + WRITE_OVERHEAD);
		r = write_all(f->fd, from + done, n, offset + done);
		chip->counters.writes++;
		chip->counters.bytes_written += n + WRITE_OVERHEAD;
	}
	chip->counters.errors += r < 0;
	return r;
}

/* A new file, or an empty one, becomes @size zero bytes; any other has to have them. */
static int take_size(int fd, const char *path, uint32_t size, bool read_only, sd_bus_error *error)
{
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return sd_bus_error_set_errnof(error, errno, "%s: %m", path);
	if (!S_ISREG(st.st_mode))
		return sd_bus_error_set_errnof(error, EINVAL, "%s is not a file", path);
	if (st.st_size == 0 && !read_only) {
		r = posix_fallocate(fd, 0, size);
		if (r)
			return sd_bus_error_set_errnof(error, r, "%s cannot get its %u bytes: %s",
						       path, size, strerror(r));
	} else if (st.st_size != size) {
		return sd_bus_error_set_errnof(error, EINVAL,
					       "%s has %jd bytes; the configuration says %u", path,
					       (intmax_t)st.st_size, size);
	}
	return 0;
}

static int lock(int fd, const char *path, sd_bus_error *error)
{
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return sd_bus_error_set_errnof(error, errno, "%s: %m", path);
	return sd_bus_error_set_errnof(
		error, EBUSY, "%s is in use already; 'fuser %s' says by which process", path, path);
}

/* Open and lock the file; with O_CREAT among the @flags it may have to be made. */
static int open_file(const char *path, uint32_t size, int flags, bool *read_only,
		     sd_bus_error *error)
{
	_cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC | flags, 0600);
	int cause = errno, r;

	*read_only = fd < 0 && (cause == EACCES || cause == EROFS);
	if (*read_only)
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		errno = cause;
		return sd_bus_error_set_errnof(error, cause, "%s: %m", path);
	}
	r = lock(fd, path, error);
	if (r >= 0)
		r = take_size(fd, path, size, *read_only || !(flags & O_CREAT), error);
	return r < 0 ? r : TAKE_FD(fd);
}

/* The file of that name, which may be another one now. */
static int file_reopen(struct chip *chip, sd_bus_error *error)
{
	struct chip_file *f = chip_file(chip);
	int fd;

	if (check_file(f) >= 0)
		return 0;
	fd = open_file(chip->device, chip->size, 0, &chip->read_only, error);
	if (fd < 0)
		return fd;
	close(f->fd);
	f->fd = fd;
	return 0;
}

static void file_close(struct chip *chip)
{
	struct chip_file *f = chip_file(chip);

	close(f->fd); /* and with it, the lock */
	free(f);
}

static const struct chip_ops file_ops = {
	.read = file_read,
	.write = file_write,
	.reopen = file_reopen,
	.close = file_close,
};

/* What was written to a file is there, unless it is one of the kernel's, with a chip behind it. */
static bool is_plain(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type != SYSFS_MAGIC;
}

/* As fast as the file is too fast to be cut in slices. */
static uint32_t ns_per_byte(uint32_t wire_speed)
{
	return wire_speed ? (uint32_t)(CLOCKS * NSEC_PER_SEC / wire_speed) : 1;
}

int chip_file_open(const struct memory_config *config, struct chip **chip, sd_bus_error *error)
{
	const struct chip_model *model = chip_model_find(config->model);
	const char *path = config->path;
	_cleanup_close_ int fd = -1;
	struct chip_file *f;
	bool read_only;

	fd = open_file(path, config->size, O_CREAT, &read_only, error);
	if (fd < 0)
		return fd;
	f = malloc(sizeof(*f));
	if (!f)
		return -ENOMEM;
	*f = (struct chip_file){
		.chip = {
			.ops = &file_ops,
			.size = config->size,
			.page_size = model ? model->page_size : config->page_size,
			.read_overhead = READ_OVERHEAD,
			.write_overhead = WRITE_OVERHEAD,
			.ns_per_byte = ns_per_byte(config->wire_speed),
			.faithful = is_plain(fd),
			.read_only = read_only,
			.why_read_only = "its file cannot be written",
			.bus = "file",
			.device = path,
			.model = model ? model->name : "custom",
			.technology = model ? model->technology : "unknown",
			.identified = "as configured",
		},
		.fd = TAKE_FD(fd),
		.wire_speed = config->wire_speed,
	};
	*chip = &f->chip;
	return 0;
}
