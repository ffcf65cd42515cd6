/* SPDX-License-Identifier: BSD-3-Clause */
#include "i2c-dev.h"

#include <errno.h>
#include <linux/i2c-dev.h>
#include <string.h>

#define STANDARD_MODE_HZ 100000u
#define BITS_PER_BYTE    9u /* the acknowledgement is one */

void i2c_dev_init(struct i2c_dev *dev, const struct i2c_dev_config *config,
		  const struct rig_clock *clock)
{
	*dev = (struct i2c_dev){ .config = *config,
				 .wire = { .clock = clock, .pace = config->pace } };
	if (!dev->config.clock_hz)
		dev->config.clock_hz = STANDARD_MODE_HZ;
	if (!dev->config.absent_errno)
		dev->config.absent_errno = ENXIO;
	if (!dev->config.limit_errno)
		dev->config.limit_errno = EOPNOTSUPP;
}

void i2c_dev_attach(struct i2c_dev *dev, struct model *chip)
{
	dev->chips[dev->chip_count++] = chip;
}

/* The wire: every chip listens, and pulls low what it does not leave high. */

static bool start(struct i2c_dev *dev, uint16_t address, bool read)
{
	bool acknowledged = false;

	dev->wire.bytes_out++;
	for (unsigned int i = 0; i < dev->chip_count; i++)
		acknowledged |= model_i2c_start(dev->chips[i], (uint8_t)address, read);
	return acknowledged;
}

static bool write_byte(struct i2c_dev *dev, uint8_t byte)
{
	bool acknowledged = false;

	for (unsigned int i = 0; i < dev->chip_count; i++)
		acknowledged |= model_i2c_write(dev->chips[i], byte);
	return acknowledged;
}

static uint8_t read_byte(struct i2c_dev *dev)
{
	uint8_t byte = 0xff;

	for (unsigned int i = 0; i < dev->chip_count; i++)
		byte &= model_i2c_read(dev->chips[i]);
	return byte;
}

static void stop(struct i2c_dev *dev)
{
	for (unsigned int i = 0; i < dev->chip_count; i++)
		model_i2c_stop(dev->chips[i]);
}

static int send(struct i2c_dev *dev, const struct i2c_msg *message)
{
	for (uint16_t i = 0; i < message->len; i++) {
		uint8_t byte = message->buf[i];
		bool goes_on = wire_carry(&dev->wire, &byte);

		dev->wire.bytes_out++;
		if (!write_byte(dev, byte))
			return -dev->config.absent_errno;
		if (!goes_on)
			return -EIO;
	}
	return 0;
}

static int receive(struct i2c_dev *dev, struct i2c_msg *message)
{
	for (uint16_t i = 0; i < message->len; i++) {
		message->buf[i] = read_byte(dev);
		dev->wire.bytes_in++;
		if (!wire_carry(&dev->wire, &message->buf[i]))
			return -EIO;
	}
	return 0;
}

static int carry_message(struct i2c_dev *dev, struct i2c_msg *message)
{
	bool read = message->flags & I2C_M_RD;

	dev->messages++;
	if (!start(dev, message->addr, read))
		return -dev->config.absent_errno;
	return read ? receive(dev, message) : send(dev, message);
}

static int carry_messages(struct i2c_dev *dev, struct i2c_msg *messages, unsigned int count)
{
	uint64_t before = dev->wire.bytes_out + dev->wire.bytes_in;
	int result = 0;

	if (dev->wire.nack_next) {
		dev->wire.nack_next--;
		return -dev->config.absent_errno;
	}
	for (unsigned int i = 0; i < count && result == 0; i++)
		result = carry_message(dev, &messages[i]);
	if (result != -EIO)
		stop(dev);
	wire_spend(&dev->wire, (dev->wire.bytes_out + dev->wire.bytes_in - before) * BITS_PER_BYTE,
		   dev->config.clock_hz);
	return result < 0 ? result : (int)count;
}

static int transfer(struct i2c_dev *dev, struct i2c_msg *messages, unsigned int count)
{
	int result = wire_begin(&dev->wire);

	if (result == 0)
		result = carry_messages(dev, messages, count);
	return wire_end(&dev->wire, result);
}

/* What the kernel and the adapter refuse before anything is on the wire. */

static int check_message(const struct i2c_dev *dev, const struct i2c_msg *message, bool last)
{
	const struct i2c_dev_config *c = &dev->config;
	bool read = message->flags & I2C_M_RD;
	uint16_t limit = read ? c->max_read : c->max_write;

	if (message->len == 0 && c->no_zero_length)
		return -EOPNOTSUPP;
	if (read && !last && c->one_read_last)
		return -EOPNOTSUPP;
	if (limit && message->len > limit)
		return -c->limit_errno;
	return 0;
}

static bool is_write_then_read(const struct i2c_msg *messages, unsigned int count)
{
	if (count == 1)
		return true;
	return count == 2 && !(messages[0].flags & I2C_M_RD) && (messages[1].flags & I2C_M_RD) &&
	       messages[0].addr == messages[1].addr;
}

static int check_adapter(const struct i2c_dev *dev, const struct i2c_msg *messages,
			 unsigned int count)
{
	if (dev->config.smbus_only)
		return -EOPNOTSUPP;
	if (dev->config.write_then_read && !is_write_then_read(messages, count))
		return -EOPNOTSUPP;
	for (unsigned int i = 0; i < count; i++) {
		int r = check_message(dev, &messages[i], i + 1 == count);

		if (r < 0)
			return r;
	}
	return 0;
}

int i2c_dev_rdwr(struct i2c_dev *dev, struct i2c_msg *messages, unsigned int count)
{
	int r;

	if (count == 0 || count > I2C_RDWR_IOCTL_MAX_MSGS)
		return -EINVAL;
	for (unsigned int i = 0; i < count; i++) {
		if (messages[i].len > I2C_DEV_MESSAGE_MAX)
			return -EINVAL;
	}
	if (dev->unplugged)
		return -ENODEV;
	r = check_adapter(dev, messages, count);
	return r < 0 ? r : transfer(dev, messages, count);
}

unsigned long i2c_dev_functions(const struct i2c_dev *dev)
{
	unsigned long smbus = I2C_FUNC_SMBUS_BYTE | I2C_FUNC_SMBUS_BYTE_DATA |
			      I2C_FUNC_SMBUS_WORD_DATA | I2C_FUNC_SMBUS_I2C_BLOCK;

	if (!dev->config.no_zero_length)
		smbus |= I2C_FUNC_SMBUS_QUICK;
	return dev->config.smbus_only ? smbus : smbus | I2C_FUNC_I2C;
}

int i2c_dev_slave(const struct i2c_dev *dev, unsigned long address, bool force)
{
	if (address >= sizeof(dev->bound) / sizeof(dev->bound[0]))
		return -EINVAL;
	return dev->bound[address] && !force ? -EBUSY : 0;
}

/* The bytes behind the command that an SMBus call carries, or a negative errno. */
static int smbus_length(uint32_t size, const union i2c_smbus_data *data)
{
	switch (size) {
	case I2C_SMBUS_QUICK:
	case I2C_SMBUS_BYTE:
		return 0;
	case I2C_SMBUS_BYTE_DATA:
		return 1;
	case I2C_SMBUS_WORD_DATA:
		return 2;
	case I2C_SMBUS_I2C_BLOCK_DATA:
		return data->block[0] && data->block[0] <= I2C_SMBUS_BLOCK_MAX ? data->block[0]
									       : -EINVAL;
	default:
		return -EOPNOTSUPP;
	}
}

/* Little endian, as they go over the wire. */
static uint8_t *smbus_bytes(uint32_t size, union i2c_smbus_data *data)
{
	uint8_t *bytes = (uint8_t *)data;

	return size == I2C_SMBUS_I2C_BLOCK_DATA ? bytes + 1 : bytes;
}

static int smbus_read(struct i2c_dev *dev, uint16_t address, uint8_t command, uint32_t size,
		      uint8_t *bytes, uint16_t length)
{
	struct i2c_msg messages[] = {
		{ .addr = address, .len = 1, .buf = &command },
		{ .addr = address, .flags = I2C_M_RD, .len = length, .buf = bytes },
	};

	if (size == I2C_SMBUS_QUICK)
		return transfer(dev, &messages[1], 1);
	if (size == I2C_SMBUS_BYTE) {
		messages[1].len = 1;
		return transfer(dev, &messages[1], 1);
	}
	return transfer(dev, messages, 2);
}

static int smbus_write(struct i2c_dev *dev, uint16_t address, uint8_t command, uint32_t size,
		       const uint8_t *bytes, uint16_t length)
{
	uint8_t sent[1 + I2C_SMBUS_BLOCK_MAX] = { command };
	struct i2c_msg message = {
		.addr = address,
		.len = size == I2C_SMBUS_QUICK ? 0 : (uint16_t)(1 + length),
		.buf = sent,
	};

	if (length)
		memcpy(&sent[1], bytes, length);
	return transfer(dev, &message, 1);
}

int i2c_dev_smbus(struct i2c_dev *dev, uint16_t address, uint8_t read, uint8_t command,
		  uint32_t size, union i2c_smbus_data *data)
{
	int length = smbus_length(size, data);
	int r;

	if (length < 0)
		return length;
	if (dev->unplugged)
		return -ENODEV;
	if (size == I2C_SMBUS_QUICK && dev->config.no_zero_length)
		return -EOPNOTSUPP;
	if (read == I2C_SMBUS_READ)
		r = smbus_read(dev, address, command, size, smbus_bytes(size, data),
			       (uint16_t)length);
	else
		r = smbus_write(dev, address, command, size, smbus_bytes(size, data),
				(uint16_t)length);
	return r < 0 ? r : 0;
}
