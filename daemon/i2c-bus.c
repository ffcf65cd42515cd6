/* SPDX-License-Identifier: BSD-3-Clause */
#include "i2c-bus.h"

#include <endian.h>
#include <errno.h>
#include <linux/i2c-dev.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

#include "device-owner.h"
#include "util.h"

/*
 * The first pause is what a sleeping chip needs to wake up once it has been addressed. They double,
 * and all of them together, 12 ms, outlast a write cycle that a chip is in from before.
 */
#define WAKE_US 400u
#define RETRIES 5u

/* Send byte and receive byte stand for the transfers without address or data. */
#define SMBUS_NEEDS (I2C_FUNC_SMBUS_I2C_BLOCK | I2C_FUNC_SMBUS_BYTE)

bool i2c_unanswered(int result)
{
	return result == -ENXIO || result == -EREMOTEIO;
}

/* EIO is what some adapters make of a NACK, and of much else. */
bool i2c_may_pass(int result)
{
	return i2c_unanswered(result) || result == -EAGAIN || result == -EIO;
}

bool i2c_refused(int result)
{
	return result == -EINVAL || result == -EOPNOTSUPP || result == -EMSGSIZE;
}

uint32_t i2c_bus_clock(unsigned int number)
{
	_cleanup_fclose_ FILE *file = NULL;
	char path[80];
	uint32_t clock;

	snprintf(path, sizeof(path), "/sys/class/i2c-dev/i2c-%u/device/of_node/clock-frequency",
		 number);
	file = fopen(path, "re");
	return file && fread(&clock, sizeof(clock), 1, file) == 1 ? be32toh(clock) : 0;
}

static int read_functions(struct i2c_bus *bus, sd_bus_error *error)
{
	unsigned long functions = 0;

	if (ioctl(bus->fd, I2C_FUNCS, &functions) < 0)
		return sd_bus_error_set_errnof(error, errno, "%s does not say what it can do: %m",
					       bus->node);
	bus->smbus = !(functions & I2C_FUNC_I2C);
	if (bus->smbus && (functions & SMBUS_NEEDS) != SMBUS_NEEDS)
		return sd_bus_error_set_errnof(
			error, EOPNOTSUPP,
			"the adapter of %s can neither do plain I2C transfers (I2C_FUNC_I2C) nor "
			"I2C blocks over SMBus; the chip needs another adapter",
			bus->node);
	return 0;
}

int i2c_bus_open(struct i2c_bus *bus, sd_bus_error *error)
{
	dev_t number;
	int r;

	bus->fd = device_open(CHIP_I2C, bus->node, &number, error);
	if (bus->fd < 0)
		return bus->fd;
	bus->number = minor(number);
	bus->clock = i2c_bus_clock(bus->number);
	r = read_functions(bus, error);
	if (r < 0)
		i2c_bus_close(bus);
	return r;
}

void i2c_bus_close(struct i2c_bus *bus)
{
	if (bus->fd >= 0)
		close(bus->fd);
	bus->fd = -1;
}

int i2c_bus_claim(struct i2c_bus *bus, uint8_t address, sd_bus_error *error)
{
	char name[24];
	int r;

	snprintf(name, sizeof(name), "%u-%04x", bus->number, address);
	r = device_check_driver(CHIP_I2C, name, error);
	return r < 0 ? r : device_lock(bus->fd, bus->node, address, error);
}

static int plain_transfer(struct i2c_bus *bus, struct i2c_msg *messages, uint32_t n)
{
	struct i2c_rdwr_ioctl_data data = { messages, n };
	int done = ioctl(bus->fd, I2C_RDWR, &data);

	if (done < 0)
		return -errno;
	return (uint32_t)done == n ? 0 : -EIO;
}

static int smbus_call(struct i2c_bus *bus, uint16_t address, bool read, uint8_t command,
		      uint32_t kind, union i2c_smbus_data *data)
{
	struct i2c_smbus_ioctl_data call = {
		.read_write = read ? I2C_SMBUS_READ : I2C_SMBUS_WRITE,
		.command = command,
		.size = kind,
		.data = data,
	};

	if (ioctl(bus->fd, I2C_SLAVE, (unsigned long)address) < 0 ||
	    ioctl(bus->fd, I2C_SMBUS, &call) < 0)
		return -errno;
	return 0;
}

/* The command is what the chip takes for its address byte; a block's length is not on the wire. */
static int smbus_read(struct i2c_bus *bus, uint8_t command, struct i2c_msg *message)
{
	union i2c_smbus_data data = { .block = { (uint8_t)message->len } };
	int r;

	if (message->len > I2C_SMBUS_BLOCK_MAX)
		return -EOPNOTSUPP;
	r = smbus_call(bus, message->addr, true, command, I2C_SMBUS_I2C_BLOCK_DATA, &data);
	if (r == 0 && data.block[0] != message->len)
		r = -EIO;
	if (r == 0)
		memcpy(message->buf, data.block + 1, message->len);
	return r;
}

static int smbus_write(struct i2c_bus *bus, const struct i2c_msg *message)
{
	union i2c_smbus_data data = { .block = { (uint8_t)(message->len - 1) } };

	if (message->len > 1 + I2C_SMBUS_BLOCK_MAX)
		return -EOPNOTSUPP;
	memcpy(data.block + 1, message->buf + 1, message->len - 1u);
	return smbus_call(bus, message->addr, false, message->buf[0], I2C_SMBUS_I2C_BLOCK_DATA,
			  &data);
}

/* A single byte: read from wherever the chip is, or an address without data. */
static int smbus_byte(struct i2c_bus *bus, struct i2c_msg *message)
{
	union i2c_smbus_data data = { 0 };
	bool read = message->flags & I2C_M_RD;
	int r = smbus_call(bus, message->addr, read, read ? 0 : message->buf[0], I2C_SMBUS_BYTE,
			   &data);

	if (r == 0 && read)
		message->buf[0] = data.byte;
	return r;
}

static int smbus_transfer(struct i2c_bus *bus, struct i2c_msg *messages, uint32_t n)
{
	if (n == 2)
		return smbus_read(bus, messages[0].buf[0], &messages[1]);
	if (messages[0].len == 1)
		return smbus_byte(bus, messages);
	return smbus_write(bus, messages);
}

/* Every message has the device address before its bytes. */
static void count(struct i2c_bus *bus, const struct i2c_msg *messages, uint32_t n)
{
	bool read = messages[n - 1].flags & I2C_M_RD;
	uint64_t *bytes = read ? &bus->counters->bytes_read : &bus->counters->bytes_written;

	++*(read ? &bus->counters->reads : &bus->counters->writes);
	for (uint32_t i = 0; i < n; i++)
		*bytes += 1u + messages[i].len;
}

int i2c_bus_try(struct i2c_bus *bus, struct i2c_msg *messages, uint32_t n)
{
	int r = bus->smbus ? smbus_transfer(bus, messages, n) : plain_transfer(bus, messages, n);

	if (r == 0)
		count(bus, messages, n);
	return r;
}

int i2c_bus_transfer(struct i2c_bus *bus, struct i2c_msg *messages, uint32_t n)
{
	int r = i2c_bus_try(bus, messages, n);

	for (unsigned int i = 0; i < RETRIES && i2c_may_pass(r); i++) {
		pause_us(WAKE_US << i);
		bus->counters->retries++;
		r = i2c_bus_try(bus, messages, n);
	}
	return r;
}
