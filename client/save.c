/* SPDX-License-Identifier: BSD-3-Clause */
#include "save.h"

#include <stdio.h>
#include <sys/stat.h>

static mode_t mode_of_new_files(void)
{
	mode_t mask = umask(0);

	umask(mask);
	return 0666 & ~mask;
}

static int write_text(struct smmctl *ctl, const char *path, int fd, const char *text, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = write(fd, text + done, size - done);

		if (n < 0 && errno != EINTR)
			return failure(ctl, -errno, "cannot write %s: %s", path, strerror(errno));
		if (n > 0)
			done += (size_t)n;
	}
	return 0;
}

static int replace(struct smmctl *ctl, const char *path, const char *text, size_t size)
{
	_cleanup_free_ char *temporary = NULL;
	_cleanup_close_ int fd = -1;
	int r;

	if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
		return -ENOMEM;
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return failure(ctl, -errno, "cannot make %s: %s", path, strerror(errno));
	r = write_text(ctl, path, fd, text, size);
	if (r >= 0 && (fchmod(fd, mode_of_new_files()) < 0 || rename(temporary, path) < 0))
		r = failure(ctl, -errno, "cannot write %s: %s", path, strerror(errno));
	if (r < 0)
		unlink(temporary);
	return r;
}

static int write_into(struct smmctl *ctl, const char *path, const char *text, size_t size)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	if (fd < 0)
		return failure(ctl, -errno, "cannot open %s: %s", path, strerror(errno));
	return write_text(ctl, path, fd, text, size);
}

int save(struct smmctl *ctl, const char *text, size_t size)
{
	struct stat found;

	if (!ctl->file || strcmp(ctl->file, "-") == 0) {
		fwrite(text, 1, size, stdout);
		return 0;
	}
	return lstat(ctl->file, &found) < 0 || S_ISREG(found.st_mode)
		       ? replace(ctl, ctl->file, text, size)
		       : write_into(ctl, ctl->file, text, size);
}
