/* SPDX-License-Identifier: BSD-3-Clause */
#include "nodes.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "udev.h"

#define PLATFORM  "devices/platform/rig"
#define PLACE_MAX 256

static char stage[] = "/tmp/smm-rig-XXXXXX";

static int fail(const char *what)
{
	fprintf(stderr, "smm-rig: %s: %m\n", what);
	return -1;
}

/* Files of the tree that is being made. All say what failed, and go on: nothing works then. */

static void make_parents(char *path)
{
	for (char *slash = path + sizeof(stage); (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		if (mkdir(path, 0755) < 0 && errno != EEXIST)
			fail(path);
		*slash = '/';
	}
}

/* A path below the tree, the folders of which are there; until the next call. */
__attribute__((format(printf, 1, 2))) static const char *staged(const char *format, ...)
{
	static char path[PATH_MAX];
	int length = snprintf(path, sizeof(path), "%s/", stage);
	va_list names;

	va_start(names, format);
	vsnprintf(path + length, sizeof(path) - (size_t)length, format, names);
	va_end(names);
	make_parents(path);
	return path;
}

static void add_file(const char *path, const void *bytes, size_t size)
{
	FILE *file = fopen(path, "we");

	if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0)
		fail(path);
}

static void add_text(const char *path, const char *text)
{
	add_file(path, text, strlen(text));
}

/* @target is below /sys. */
static void add_link(const char *path, const char *target)
{
	char absolute[PATH_MAX];

	snprintf(absolute, sizeof(absolute), "/sys/%s", target);
	if (symlink(absolute, path) < 0)
		fail(path);
}

void nodes_place(const struct board_device *device, char *to, size_t size)
{
	const char *name = device->name;

	if (device->kind == DEVICE_I2C)
		snprintf(to, size, PLATFORM "/%s/i2c-dev/%s", name, name);
	else if (device->kind == DEVICE_SPI)
		snprintf(to, size, PLATFORM "/spi%u.%u/spidev/%s", device->bus, device->select,
			 name);
	else
		snprintf(to, size, PLATFORM "/%s", name);
}

const char *nodes_subsystem(const struct board_device *device)
{
	static const char *const subsystems[] = {
		[DEVICE_I2C] = "i2c-dev",
		[DEVICE_SPI] = "spidev",
		[DEVICE_GPIO] = "gpio",
	};

	return subsystems[device->kind];
}

/* What every device with a node has. */
static void add_device(const struct board_device *device)
{
	char text[128], place[PLACE_MAX], subsystem[64];
	unsigned int major = major(device->number), minor = minor(device->number);

	nodes_place(device, place, sizeof(place));
	snprintf(subsystem, sizeof(subsystem), "%s/%s",
		 device->kind == DEVICE_GPIO ? "bus" : "class", nodes_subsystem(device));
	snprintf(text, sizeof(text), "%u:%u\n", major, minor);
	add_text(staged("%s/dev", place), text);
	snprintf(text, sizeof(text), "MAJOR=%u\nMINOR=%u\nDEVNAME=%s\n", major, minor,
		 device->name);
	add_text(staged("%s/uevent", place), text);
	add_link(staged("%s/subsystem", place), subsystem);
	add_link(staged("%s/%s%s", subsystem, device->kind == DEVICE_GPIO ? "devices/" : "",
			device->name),
		 place);
	add_link(staged("dev/char/%u:%u", major, minor), place);
}

static void add_i2c(const struct board_device *device)
{
	uint32_t clock = htonl(device->i2c.config.clock_hz);
	char adapter[PLACE_MAX], of_node[PLACE_MAX], text[64];
	const char *name = device->name;

	snprintf(adapter, sizeof(adapter), PLATFORM "/%s", name);
	snprintf(of_node, sizeof(of_node), "firmware/devicetree/base/soc/%s", name);
	snprintf(text, sizeof(text), "smm-rig %s\n", name);
	add_text(staged(PLATFORM "/%s/name", name), text);
	add_text(staged(PLATFORM "/%s/i2c-dev/%s/name", name, name), text);
	add_text(staged(PLATFORM "/%s/uevent", name), "");
	add_file(staged("%s/clock-frequency", of_node), &clock, sizeof(clock));
	add_link(staged(PLATFORM "/%s/of_node", name), of_node);
	add_link(staged(PLATFORM "/%s/subsystem", name), "bus/i2c");
	add_link(staged("bus/i2c/devices/%s", name), adapter);
	add_device(device);
	add_link(staged(PLATFORM "/%s/i2c-dev/%s/device", name, name), adapter);
}

static void add_spi(const struct board_device *device)
{
	char slave[64], home[PLACE_MAX];

	snprintf(slave, sizeof(slave), "spi%u.%u", device->bus, device->select);
	snprintf(home, sizeof(home), PLATFORM "/%s", slave);
	add_text(staged(PLATFORM "/%s/uevent", slave), "");
	add_link(staged(PLATFORM "/%s/subsystem", slave), "bus/spi");
	add_link(staged("bus/spi/devices/%s", slave), home);
	if (device->no_node)
		return;
	add_text(staged("bus/spi/drivers/spidev/unbind"), "");
	add_link(staged(PLATFORM "/%s/driver", slave), "bus/spi/drivers/spidev");
	add_device(device);
	add_link(staged(PLATFORM "/%s/spidev/%s/device", slave, device->name), home);
}

static void add_bufsiz(const struct board_device *device)
{
	char text[32];

	snprintf(text, sizeof(text), "%u\n", device->spi.config.bufsiz);
	add_text(staged("module/spidev/parameters/bufsiz"), text);
}

/* The driver of the kernel that has a chip: a link that names it. */
static void add_driver(const struct board_chip *chip, const struct board_device *device)
{
	const struct model_config *c = &chip->model.config;
	bool i2c = device->kind == DEVICE_I2C;
	char driver[BOARD_NAME_MAX + 32];

	snprintf(driver, sizeof(driver), "bus/%s/drivers/%s", i2c ? "i2c" : "spi", chip->driver);
	add_text(staged("%s/unbind", driver), "");
	for (unsigned int i = 0; i2c && i < 1u << c->device_bits; i++)
		add_link(staged("bus/i2c/devices/%u-%04x/driver", device->bus,
				c->address | i << c->device_shift),
			 driver);
	if (!i2c)
		add_link(staged(PLATFORM "/spi%u.%u/driver", device->bus, device->select), driver);
}

static void add_sys(struct board *board)
{
	for (unsigned int i = 0; i < board->device_count; i++) {
		const struct board_device *device = &board->devices[i];

		if (device->kind == DEVICE_I2C) {
			add_i2c(device);
		} else if (device->kind == DEVICE_SPI) {
			add_spi(device);
			add_bufsiz(device);
		} else {
			add_device(device);
		}
	}
	for (unsigned int i = 0; i < board->chip_count; i++) {
		const struct board_chip *chip = &board->chips[i];

		if (*chip->driver)
			add_driver(chip, board_device(board, chip->bus));
	}
}

/* Something of the machine that stays as it is, a file or a folder. */
static int keep(const char *path, const char *name)
{
	char to[PATH_MAX];
	struct stat st;

	if (lstat(path, &st) < 0)
		return 0;
	snprintf(to, sizeof(to), "%s/%s", stage, name);
	if (S_ISLNK(st.st_mode)) {
		char target[PATH_MAX] = "";

		return readlink(path, target, sizeof(target) - 1) < 0 || symlink(target, to) < 0
			       ? fail(path)
			       : 0;
	}
	make_parents(to);
	if (S_ISDIR(st.st_mode))
		mkdir(to, 0755);
	else
		close(open(to, O_CREAT | O_CLOEXEC, 0600));
	return mount(path, to, NULL, MS_BIND | MS_REC, NULL) < 0 ? fail(path) : 0;
}

static int keep_all(const char *folder, const char *const *names)
{
	for (; *names; names++) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%s/%s", folder, *names);
		if (keep(path, *names) < 0)
			return -1;
	}
	return 0;
}

static int begin_stage(void)
{
	return mount("smm-rig", stage, "tmpfs", MS_NOSUID, "mode=0755") < 0 ? fail("tmpfs") : 0;
}

static int end_stage(const char *path)
{
	return mount(stage, path, NULL, MS_MOVE, NULL) < 0 ? fail(path) : 0;
}

static int make_sys(struct board *board)
{
	static const char *const kept[] = { "fs", "kernel", "devices/system", NULL };

	if (begin_stage() < 0 || keep_all("/sys", kept) < 0)
		return -1;
	add_sys(board);
	return end_stage("/sys");
}

static int make_dev(const struct board *board)
{
	static const char *const kept[] = { "null", "zero",  "full",   "random", "urandom",
					    "tty",  "ptmx",  "pts",    "shm",    "log",
					    "fd",   "stdin", "stdout", "stderr", NULL };

	if (begin_stage() < 0 || keep_all("/dev", kept) < 0 || end_stage("/dev") < 0)
		return -1;
	for (unsigned int i = 0; i < board->device_count; i++) {
		if (nodes_plug(&board->devices[i]) < 0)
			return fail("mknod");
	}
	return 0;
}

/* Make the root that this program has seen so far the root of another one again. */
static int back_to(int root, int directory)
{
	int r = fchdir(root);

	if (r == 0)
		r = chroot(".");
	if (r == 0)
		r = fchdir(directory);
	close(root);
	close(directory);
	return r;
}

/*
 * In a chroot, / is a folder of some mount. That one has to be made private, so go up to it and
 * come back: the namespace is this program's own, and so is what happens there.
 */
static int make_private_from_chroot(void)
{
	int directory = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), r;
	struct stat here = { 0 }, before;

	if (directory < 0 || root < 0 || chdir("/") < 0 || chroot(stage) < 0)
		return -1;
	do {
		before = here;
		r = chdir("..");
		if (r == 0)
			r = stat(".", &here);
	} while (r == 0 && (here.st_ino != before.st_ino || here.st_dev != before.st_dev));
	if (r == 0)
		r = chroot(".");
	if (r == 0)
		r = mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	return back_to(root, directory) < 0 ? -1 : r;
}

static int make_private(void)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0)
		return 0;
	return errno == EINVAL ? make_private_from_chroot() : -1;
}

int nodes_enter(struct board *board)
{
	int r;

	if (unshare(CLONE_NEWNS | CLONE_NEWNET) < 0) {
		fprintf(stderr, "smm-rig: namespaces for mounts and network: %m; run it as root "
				"with CAP_SYS_ADMIN (docker run --privileged)\n");
		return -1;
	}
	if (!mkdtemp(stage))
		return fail(stage);
	if (make_private() < 0) {
		rmdir(stage);
		return fail("/ as a private mount");
	}
	r = make_sys(board) < 0 ? -1 : make_dev(board);
	rmdir(stage);
	if (r == 0 && udev_pretend() < 0)
		return fail("/run/udev");
	return r;
}

static const char *node(const struct board_device *device)
{
	static char path[BOARD_NAME_MAX + 8];

	snprintf(path, sizeof(path), "/dev/%s", device->name);
	return path;
}

int nodes_plug(const struct board_device *device)
{
	if (device->no_node)
		return 0;
	if (mknod(node(device), S_IFCHR, device->number) < 0 && errno != EEXIST)
		return -errno;
	return chmod(node(device), 0660) < 0 ? -errno : 0;
}

int nodes_unplug(const struct board_device *device)
{
	return unlink(node(device)) < 0 && errno != ENOENT ? -errno : 0;
}
