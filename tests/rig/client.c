/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A program that uses device nodes and knows nothing of the rig: what rig.bats runs on it. Prints
 * what it has read, or the name of the errno that stopped it, and ends with 1 then.
 *
 *	i2c-write NODE ADDRESS CELL TEXT    i2c-read NODE ADDRESS CELL SIZE    (2 address bytes)
 *	spi-write NODE CELL TEXT            spi-read NODE CELL SIZE            (3 address bytes)
 *	slave NODE ADDRESS                  I2C_SLAVE
 *	stat NODE                           what fstat() says of it
 *	lock NODE                           two open files of it want the same lock
 *	held NODE                           uses it again and again, until that fails
 *	signals NODE ADDRESS COUNT          so many writes while signals arrive
 *	watch COUNT                         so many events of udev
 */
#include <errno.h>
#include <fcntl.h>
#include <libudev.h>
#include <linux/i2c-dev.h>
#include <linux/i2c.h>
#include <linux/spi/spidev.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <unistd.h>

static void check(int result)
{
	if (result >= 0)
		return;
	printf("%s\n", strerrorname_np(errno));
	exit(1);
}

static int open_node(const char *node)
{
	int fd = open(node, O_RDWR | O_CLOEXEC);

	check(fd);
	return fd;
}

static int number(const char *text)
{
	return (int)strtol(text, NULL, 0);
}

static int i2c_write(int fd, int address, int cell, const char *text)
{
	uint8_t bytes[4096] = { (uint8_t)(cell >> 8), (uint8_t)cell };
	struct i2c_msg message = {
		.addr = (uint16_t)address,
		.len = (uint16_t)(2 + strlen(text)),
		.buf = bytes,
	};
	struct i2c_rdwr_ioctl_data call = { &message, 1 };

	memcpy(&bytes[2], text, strlen(text));
	return ioctl(fd, I2C_RDWR, &call);
}

static int i2c_read(int fd, int address, int cell, char *text, int size)
{
	uint8_t where[] = { (uint8_t)(cell >> 8), (uint8_t)cell };
	struct i2c_msg messages[] = {
		{ .addr = (uint16_t)address, .len = 2, .buf = where },
		{ .addr = (uint16_t)address,
		  .flags = I2C_M_RD,
		  .len = (uint16_t)size,
		  .buf = (uint8_t *)text },
	};
	struct i2c_rdwr_ioctl_data call = { messages, 2 };

	return ioctl(fd, I2C_RDWR, &call);
}

static int spi_write(int fd, int cell, const char *text)
{
	uint8_t enable = 0x06;
	uint8_t bytes[4096] = { 0x02, (uint8_t)(cell >> 16), (uint8_t)(cell >> 8), (uint8_t)cell };
	struct spi_ioc_transfer message[] = {
		{ .tx_buf = (uintptr_t)&enable, .len = 1, .cs_change = 1 },
		{ .tx_buf = (uintptr_t)bytes, .len = (uint32_t)(4 + strlen(text)) },
	};

	memcpy(&bytes[4], text, strlen(text));
	return ioctl(fd, SPI_IOC_MESSAGE(2), message);
}

static int spi_read(int fd, int cell, char *text, int size)
{
	uint8_t bytes[] = { 0x03, (uint8_t)(cell >> 16), (uint8_t)(cell >> 8), (uint8_t)cell };
	struct spi_ioc_transfer message[] = {
		{ .tx_buf = (uintptr_t)bytes, .len = sizeof(bytes) },
		{ .rx_buf = (uintptr_t)text, .len = (uint32_t)size },
	};
	uint32_t speed = 20000000, told = 0;

	check(ioctl(fd, SPI_IOC_WR_MAX_SPEED_HZ, &speed));
	check(ioctl(fd, SPI_IOC_RD_MAX_SPEED_HZ, &told));
	if (told != speed)
		abort();
	return ioctl(fd, SPI_IOC_MESSAGE(2), message);
}

static void print_stat(const char *node)
{
	struct stat st;

	check(fstat(open_node(node), &st));
	printf("%s %u:%u\n", S_ISCHR(st.st_mode) ? "character" : "other", major(st.st_rdev),
	       minor(st.st_rdev));
}

static void lock_twice(const char *node)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };
	int first = open_node(node), second = open_node(node);

	check(fcntl(dup(first), F_OFD_SETLK, &lock));
	check(fcntl(first, F_OFD_SETLK, &lock));
	check(fcntl(second, F_OFD_SETLK, &lock));
}

static void hold(const char *node)
{
	int fd = open_node(node);

	puts("open");
	fflush(stdout);
	for (;;) {
		check(i2c_write(fd, 0x50, 0, "held"));
		usleep(10000);
	}
}

static void on_signal(int unused)
{
	(void)unused;
}

static void write_among_signals(const char *node, int address, int count)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	struct itimerval often = { { 0, 200 }, { 0, 200 } };
	int fd = open_node(node);

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	while (count--)
		check(i2c_write(fd, address, 0, "x"));
}

static void watch(int count)
{
	struct udev *udev = udev_new();
	struct udev_monitor *monitor = udev_monitor_new_from_netlink(udev, "udev");
	struct pollfd events = { .events = POLLIN };

	udev_monitor_filter_add_match_subsystem_devtype(monitor, "i2c-dev", NULL);
	udev_monitor_enable_receiving(monitor);
	events.fd = udev_monitor_get_fd(monitor);
	puts("watching");
	fflush(stdout);
	while (count-- && poll(&events, 1, 5000) == 1) {
		struct udev_device *device = udev_monitor_receive_device(monitor);

		printf("%s %s\n", udev_device_get_action(device), udev_device_get_devnode(device));
		udev_device_unref(device);
	}
	udev_monitor_unref(monitor);
	udev_unref(udev);
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";
	char text[4096] = "";

	if (strcmp(what, "i2c-write") == 0 && argc == 6) {
		check(i2c_write(open_node(argv[2]), number(argv[3]), number(argv[4]), argv[5]));
	} else if (strcmp(what, "i2c-read") == 0 && argc == 6) {
		check(i2c_read(open_node(argv[2]), number(argv[3]), number(argv[4]), text,
			       number(argv[5])));
		puts(text);
	} else if (strcmp(what, "spi-write") == 0 && argc == 5) {
		check(spi_write(open_node(argv[2]), number(argv[3]), argv[4]));
	} else if (strcmp(what, "spi-read") == 0 && argc == 5) {
		check(spi_read(open_node(argv[2]), number(argv[3]), text, number(argv[4])));
		puts(text);
	} else if (strcmp(what, "slave") == 0 && argc == 4) {
		check(ioctl(open_node(argv[2]), I2C_SLAVE, number(argv[3])));
	} else if (strcmp(what, "stat") == 0) {
		print_stat(argv[2]);
	} else if (strcmp(what, "lock") == 0) {
		lock_twice(argv[2]);
	} else if (strcmp(what, "held") == 0) {
		hold(argv[2]);
	} else if (strcmp(what, "signals") == 0 && argc == 5) {
		write_among_signals(argv[2], number(argv[3]), number(argv[4]));
	} else if (strcmp(what, "watch") == 0) {
		watch(number(argv[2]));
	} else {
		return 2;
	}
	return 0;
}
