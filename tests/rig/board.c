/* SPDX-License-Identifier: BSD-3-Clause */
#include "board.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "board-file.h"

/* Fixed by the kernel's Documentation/admin-guide/devices.txt, but for GPIO's. */
static const unsigned int majors[] = {
	[DEVICE_I2C] = 89,
	[DEVICE_SPI] = 153,
	[DEVICE_GPIO] = 254,
};

/* Time: who sleeps lets the others have the board. */

static uint64_t now(void *userdata)
{
	(void)userdata;
	return rig_real_clock.now(NULL);
}

static void sleep_unlocked(void *userdata, uint64_t ns)
{
	struct board *board = userdata;

	pthread_mutex_unlock(&board->lock);
	rig_real_clock.sleep(NULL, ns);
	pthread_mutex_lock(&board->lock);
}

struct board_device *board_device(struct board *board, const char *name)
{
	for (unsigned int i = 0; i < board->device_count; i++) {
		if (strcmp(board->devices[i].name, name) == 0)
			return &board->devices[i];
	}
	return NULL;
}

struct board_chip *board_chip(struct board *board, const char *name)
{
	for (unsigned int i = 0; i < board->chip_count; i++) {
		if (strcmp(board->chips[i].name, name) == 0)
			return &board->chips[i];
	}
	return NULL;
}

struct wire *board_wire(struct board_device *device)
{
	switch (device->kind) {
	case DEVICE_I2C:
		return &device->i2c.wire;
	case DEVICE_SPI:
		return &device->spi.wire;
	default:
		return NULL;
	}
}

int board_errno(const char *name)
{
	static const struct {
		const char *name;
		int number;
	} known[] = {
		{ "EAGAIN", EAGAIN },       { "EINVAL", EINVAL }, { "EIO", EIO },
		{ "EMSGSIZE", EMSGSIZE },   { "ENXIO", ENXIO },   { "EOPNOTSUPP", EOPNOTSUPP },
		{ "EREMOTEIO", EREMOTEIO }, { "ENODEV", ENODEV }, { "EPROTO", EPROTO },
		{ "ETIMEDOUT", ETIMEDOUT },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(known[i].name, name) == 0)
			return known[i].number;
	}
	return 0;
}

/* Chips */

/* A file that is shorter than the chip goes on with zeros. */
static int open_image(const char *path, uint32_t size)
{
	int fd = *path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666)
		       : memfd_create("chip", MFD_CLOEXEC);

	if (fd >= 0 && lseek(fd, 0, SEEK_END) < size && ftruncate(fd, size) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* The image is the chip's memory: what is stored is in the file at once. */
static int map_image(struct board_chip *chip, const char *path)
{
	uint32_t size = chip->model.config.size;
	int fd = open_image(path, size);
	uint8_t *memory;

	if (fd < 0)
		return -errno;
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (memory == MAP_FAILED)
		return -errno;
	if (chip->memory)
		munmap(chip->memory, size);
	chip->memory = memory;
	chip->model.memory = memory;
	return 0;
}

int board_swap_image(struct board_chip *chip, const char *path)
{
	int r;

	model_power(&chip->model, false);
	r = map_image(chip, path);
	model_power(&chip->model, true);
	return r;
}

static int complain(const char *who, const char *what)
{
	fprintf(stderr, "smm-rig: %s: %s\n", who, what);
	return -1;
}

static int check_chip(const struct board_chip *chip)
{
	const struct model_config *c = &chip->model.config;

	if (!c->size || !c->address_bytes || c->address_bytes > 3)
		return complain(chip->name, "a chip needs size, and address-bytes of 1 to 3");
	if (c->page_size > MODEL_PAGE_MAX || (c->page_size && c->size % c->page_size))
		return complain(chip->name, "page-size has to divide size, and may be up to 512");
	if (c->address > 0x7f)
		return complain(chip->name, "address has 7 bits");
	return 0;
}

/* Addresses that the kernel's driver of a chip keeps: all that the chip answers to. */
static void bind_addresses(struct i2c_dev *dev, const struct model_config *c)
{
	for (unsigned int i = 0; i < 1u << c->device_bits; i++)
		dev->bound[(c->address | i << c->device_shift) & 0x7f] = true;
}

static int attach_i2c(struct board_device *device, struct board_chip *chip)
{
	if (device->i2c.chip_count == I2C_DEV_CHIPS_MAX)
		return complain(chip->name, "its bus is full");
	if (*chip->driver)
		bind_addresses(&device->i2c, &chip->model.config);
	i2c_dev_attach(&device->i2c, &chip->model);
	return 0;
}

static int attach_spi(struct board_device *device, struct board_chip *chip)
{
	if (device->spi.chip)
		return complain(chip->name, "its bus has another chip");
	device->no_node = *chip->driver;
	device->spi.chip = &chip->model;
	return 0;
}

static int power_up_chip(struct board *board, struct board_chip *chip)
{
	struct board_device *device = board_device(board, chip->bus);
	struct model_config config = chip->model.config;
	int r;

	if (check_chip(chip) < 0)
		return -1;
	if (!device || device->kind == DEVICE_GPIO)
		return complain(chip->name, "its bus has to be a section of this file");
	config.bus = device->kind == DEVICE_I2C ? MODEL_I2C : MODEL_SPI;
	r = map_image(chip, chip->image);
	if (r < 0)
		return complain(chip->image, strerror(-r));
	model_init(&chip->model, &config, chip->memory, &board->clock);
	return device->kind == DEVICE_I2C ? attach_i2c(device, chip) : attach_spi(device, chip);
}

/* Devices */

static void power_up_device(struct board *board, struct board_device *device, unsigned int i)
{
	device->number =
		makedev(majors[device->kind], device->kind == DEVICE_SPI ? i : device->bus);
	pthread_mutex_init(&device->turn, NULL);
	device->backing = memfd_create(device->name, MFD_CLOEXEC);
	if (device->kind == DEVICE_I2C) {
		struct i2c_dev_config config = device->i2c.config;

		i2c_dev_init(&device->i2c, &config, &board->clock);
	} else if (device->kind == DEVICE_SPI) {
		struct spidev_config config = device->spi.config;

		spidev_init(&device->spi, &config, &board->clock);
	} else {
		gpio_chip_settle(&device->gpio);
	}
}

int board_load(struct board *board, const char *path)
{
	*board = (struct board){ .lock = PTHREAD_MUTEX_INITIALIZER };
	board->clock = (struct rig_clock){ now, sleep_unlocked, board };
	if (board_file_parse(board, path) < 0)
		return -1;
	for (unsigned int i = 0; i < board->device_count; i++) {
		if (board->devices[i].kind != DEVICE_GPIO)
			power_up_device(board, &board->devices[i], i);
	}
	for (unsigned int i = 0; i < board->chip_count; i++) {
		if (power_up_chip(board, &board->chips[i]) < 0)
			return -1;
	}
	/* The last ones, for their lines lead to the chips. */
	for (unsigned int i = 0; i < board->device_count; i++) {
		if (board->devices[i].kind == DEVICE_GPIO)
			power_up_device(board, &board->devices[i], i);
	}
	return 0;
}
