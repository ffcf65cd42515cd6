/* SPDX-License-Identifier: BSD-3-Clause */
#include "device-owner.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/sysmacros.h>

#include "util.h"

/* The major numbers are fixed: Documentation/admin-guide/devices.txt of the kernel. */
static const struct {
	const char *sysfs, *module, *overlay;
	unsigned int major;
} buses[] = {
	[CHIP_I2C] = { "i2c", "i2c-dev", "dtparam=i2c_arm=on", 89 },
	[CHIP_SPI] = { "spi", "spidev", "dtparam=spi=on", 153 },
};

static int explain_open(enum chip_bus bus, const char *node, int cause, sd_bus_error *error)
{
	switch (cause) {
	case ENOENT:
	case ENXIO:
	case ENODEV:
		return sd_bus_error_set_errnof(
			error, ENODEV,
			"%s is not there; is the bus enabled (Raspberry Pi: %s), the kernel module "
			"%s loaded, the adapter plugged in?",
			node, buses[bus].overlay, buses[bus].module);
	case EACCES:
	case EPERM:
		return sd_bus_error_set_errnof(
			error, cause,
			"%s may not be opened; the user of smmd has to be in the group that "
			"'ls -lL %s' shows",
			node, node);
	default:
		return sd_bus_error_set_errnof(error, cause, "%s: %m", node);
	}
}

bool device_is_of(enum chip_bus bus, const struct stat *st)
{
	return S_ISCHR(st->st_mode) && major(st->st_rdev) == buses[bus].major;
}

int device_open(enum chip_bus bus, const char *node, dev_t *number, sd_bus_error *error)
{
	_cleanup_close_ int fd = open(node, O_RDWR | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return explain_open(bus, node, errno, error);
	if (!device_is_of(bus, &st))
		return sd_bus_error_set_errnof(error, ENOTTY, "%s is not a device of %s", node,
					       buses[bus].module);
	*number = st.st_rdev;
	return TAKE_FD(fd);
}

int device_lock(int fd, const char *node, uint8_t place, sd_bus_error *error)
{
	struct flock lock = {
		.l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = place,
		.l_len = 1,
	};
	char address[16] = "";

	if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
		return 0;
	if (errno != EAGAIN && errno != EACCES)
		return sd_bus_error_set_errnof(error, errno, "%s cannot be locked: %m", node);
	if (place)
		snprintf(address, sizeof(address), "0x%02x on ", place);
	return sd_bus_error_set_errnof(
		error, EBUSY,
		"the chip at %s%s is in use already, by another smmd or as another memory; "
		"'fuser -v %s' says which processes have the device",
		address, node, node);
}

bool device_driver(enum chip_bus bus, const char *name, char driver[NAME_MAX + 1])
{
	char link[PATH_MAX], target[PATH_MAX];
	ssize_t n;

	snprintf(link, sizeof(link), "/sys/bus/%s/devices/%s/driver", buses[bus].sysfs, name);
	n = readlink(link, target, sizeof(target) - 1);
	if (n < 0)
		return false;
	target[n] = '\0';
	snprintf(driver, NAME_MAX + 1, "%.*s", NAME_MAX, basename(target));
	return strcmp(driver, buses[bus].module) != 0;
}

int device_check_driver(enum chip_bus bus, const char *name, sd_bus_error *error)
{
	const char *sysfs = buses[bus].sysfs;
	char driver[NAME_MAX + 1], hand_over[160] = "";

	if (!device_driver(bus, name, driver))
		return 0;
	if (!strcmp(driver, "dummy")) /* at24 and others keep their further addresses this way */
		return sd_bus_error_set_errnof(
			error, EBUSY,
			"%s belongs to the kernel's driver of another address; "
			"'ls -l /sys/bus/%s/devices/*/driver' shows it, and it has to be unbound",
			name, sysfs);
	if (bus == CHIP_SPI)
		snprintf(hand_over, sizeof(hand_over),
			 ", and 'echo spidev > /sys/bus/spi/devices/%s/driver_override; echo %s > "
			 "/sys/bus/spi/drivers/spidev/bind' gives it to spidev",
			 name, name);
	return sd_bus_error_set_errnof(error, EBUSY,
				       "the kernel's driver %s has %s; as root, "
				       "'echo %s > /sys/bus/%s/drivers/%s/unbind' takes it away%s",
				       driver, name, name, sysfs, driver, hand_over);
}
