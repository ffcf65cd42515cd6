/* SPDX-License-Identifier: BSD-3-Clause */
#include "calls.h"

#include <errno.h>
#include <linux/i2c-dev.h>
#include <stdlib.h>
#include <string.h>

/* The messages of a call, with buffers here in the place of those there. */
struct transfer {
	unsigned int count;
	struct i2c_msg messages[I2C_RDWR_IOCTL_MAX_MSGS];
	uint64_t there[I2C_RDWR_IOCTL_MAX_MSGS];
};

static void release(struct transfer *t)
{
	for (unsigned int i = 0; i < t->count; i++)
		free(t->messages[i].buf);
}

/* The kernel takes a read's buffer as well: a bad address is refused before the bus moves. */
static int take_message(struct transfer *t, const struct caller *caller, unsigned int i)
{
	struct i2c_msg *message = &t->messages[i];

	t->there[i] = (uintptr_t)message->buf;
	message->buf = NULL;
	if (message->len > I2C_DEV_MESSAGE_MAX)
		return -EINVAL;
	message->buf = malloc(message->len ? message->len : 1);
	return message->buf ? caller_read(caller, t->there[i], message->buf, message->len)
			    : -ENOMEM;
}

static int take_messages(struct transfer *t, const struct caller *caller, uint64_t argument)
{
	struct i2c_rdwr_ioctl_data call;
	int r = caller_read(caller, argument, &call, sizeof(call));

	if (r < 0)
		return r;
	if (!call.msgs || call.nmsgs == 0 || call.nmsgs > I2C_RDWR_IOCTL_MAX_MSGS)
		return -EINVAL;
	r = caller_read(caller, (uintptr_t)call.msgs, t->messages,
			call.nmsgs * sizeof(t->messages[0]));
	while (r == 0 && t->count < call.nmsgs)
		r = take_message(t, caller, t->count++);
	return r;
}

static int give_reads(const struct transfer *t, const struct caller *caller)
{
	for (unsigned int i = 0; i < t->count; i++) {
		const struct i2c_msg *message = &t->messages[i];
		int r = 0;

		if (message->flags & I2C_M_RD)
			r = caller_write(caller, t->there[i], message->buf, message->len);
		if (r < 0)
			return r;
	}
	return 0;
}

static int rdwr(struct i2c_dev *dev, const struct caller *caller, uint64_t argument)
{
	struct transfer t = { 0 };
	int r = take_messages(&t, caller, argument);

	if (r == 0)
		r = i2c_dev_rdwr(dev, t.messages, t.count);
	if (r > 0 && give_reads(&t, caller) < 0)
		r = -EFAULT;
	release(&t);
	return r;
}

static int smbus(struct i2c_dev *dev, const struct caller *caller, int fd, uint64_t argument)
{
	struct i2c_smbus_ioctl_data call;
	union i2c_smbus_data data = { 0 };
	uint64_t there;
	long address;
	int r = caller_read(caller, argument, &call, sizeof(call));

	if (r == 0)
		r = caller_position(caller, fd, &address);
	there = (uintptr_t)call.data;
	if (r == 0 && there)
		r = caller_read(caller, there, &data, sizeof(data));
	if (r == 0)
		r = i2c_dev_smbus(dev, (uint16_t)address, call.read_write, call.command, call.size,
				  &data);
	if (r == 0 && there && call.read_write == I2C_SMBUS_READ)
		r = caller_write(caller, there, &data, sizeof(data));
	return r;
}

static int slave(const struct i2c_dev *dev, const struct caller *caller, int fd, uint64_t address,
		 bool force)
{
	int r = i2c_dev_slave(dev, address, force);

	return r < 0 ? r : caller_set_position(caller, fd, (long)address);
}

int64_t ioctl_i2c(struct i2c_dev *dev, const struct caller *caller)
{
	const struct seccomp_data *call = &caller->call->data;
	int fd = (int)call->args[0];
	uint64_t argument = call->args[2];
	unsigned long functions = i2c_dev_functions(dev);

	switch ((unsigned int)call->args[1]) {
	case I2C_FUNCS:
		return caller_write(caller, argument, &functions, sizeof(functions));
	case I2C_RDWR:
		return rdwr(dev, caller, argument);
	case I2C_SMBUS:
		return smbus(dev, caller, fd, argument);
	case I2C_SLAVE:
	case I2C_SLAVE_FORCE:
		return slave(dev, caller, fd, argument,
			     (unsigned int)call->args[1] == I2C_SLAVE_FORCE);
	case I2C_RETRIES:
	case I2C_TIMEOUT:
	case I2C_PEC:
		return 0;
	default:
		return -ENOTTY;
	}
}
