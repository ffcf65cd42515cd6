/* SPDX-License-Identifier: BSD-3-Clause */
#include "calls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

/* The transfers of a message, with buffers here in the place of those there. */
struct message {
	unsigned int count;
	struct spi_ioc_transfer here[SPIDEV_TRANSFERS_MAX];
	struct spi_ioc_transfer there[SPIDEV_TRANSFERS_MAX];
};

static void *buffer(uint64_t address)
{
	return (void *)(uintptr_t)address;
}

static void release(struct message *m)
{
	for (unsigned int i = 0; i < m->count; i++) {
		free(buffer(m->here[i].tx_buf));
		free(buffer(m->here[i].rx_buf));
	}
}

static int take_transfer(struct message *m, const struct caller *caller,
			 const struct spidev_config *limits, unsigned int i)
{
	struct spi_ioc_transfer *here = &m->here[i];
	const struct spi_ioc_transfer *there = &m->there[i];

	*here = *there;
	here->tx_buf = 0;
	here->rx_buf = 0;
	if (there->len > limits->bufsiz)
		return -EMSGSIZE;
	if (there->rx_buf)
		here->rx_buf = (uintptr_t)calloc(1, there->len + 1);
	if (!there->tx_buf)
		return 0;
	here->tx_buf = (uintptr_t)calloc(1, there->len + 1);
	return here->tx_buf ? caller_read(caller, there->tx_buf, buffer(here->tx_buf), there->len)
			    : -ENOMEM;
}

static int give_reads(const struct message *m, const struct caller *caller)
{
	for (unsigned int i = 0; i < m->count; i++) {
		int r = 0;

		if (m->there[i].rx_buf)
			r = caller_write(caller, m->there[i].rx_buf, buffer(m->here[i].rx_buf),
					 m->here[i].len);
		if (r < 0)
			return r;
	}
	return 0;
}

static int pass_message(struct spidev *dev, const struct caller *caller, struct message *m,
			unsigned int count)
{
	int r = caller_read(caller, caller->call->data.args[2], m->there,
			    count * sizeof(m->there[0]));

	while (r == 0 && m->count < count)
		r = take_transfer(m, caller, &dev->config, m->count++);
	if (r == 0)
		r = spidev_message(dev, m->here, m->count);
	if (r > 0 && give_reads(m, caller) < 0)
		r = -EFAULT;
	return r;
}

static int message(struct spidev *dev, const struct caller *caller, size_t size)
{
	struct message *m = calloc(1, sizeof(*m));
	int r;

	if (!m)
		return -ENOMEM;
	if (size % sizeof(m->here[0]) || size / sizeof(m->here[0]) > SPIDEV_TRANSFERS_MAX)
		r = -EINVAL;
	else
		r = pass_message(dev, caller, m, (unsigned int)(size / sizeof(m->here[0])));
	release(m);
	free(m);
	return r;
}

/* A setting of @size bytes, as the kernel gives it and takes it. */

static int get(const struct caller *caller, uint32_t value, size_t size)
{
	return caller_write(caller, caller->call->data.args[2], &value, size);
}

static int set(struct spidev *dev, const struct caller *caller, size_t size,
	       int (*set_value)(struct spidev *dev, uint32_t value))
{
	uint32_t value = 0;
	int r = caller_read(caller, caller->call->data.args[2], &value, size);

	return r < 0 ? r : set_value(dev, value);
}

static int set_bits(struct spidev *dev, uint32_t bits)
{
	return spidev_set_bits_per_word(dev, (uint8_t)bits);
}

int64_t ioctl_spi(struct spidev *dev, const struct caller *caller)
{
	unsigned int request = (unsigned int)caller->call->data.args[1];
	size_t size = _IOC_SIZE(request);

	switch (request) {
	case SPI_IOC_RD_MODE:
	case SPI_IOC_RD_MODE32:
		return get(caller, dev->mode, size);
	case SPI_IOC_RD_LSB_FIRST:
		return get(caller, 0, size);
	case SPI_IOC_RD_BITS_PER_WORD:
		return get(caller, dev->bits_per_word, size);
	case SPI_IOC_RD_MAX_SPEED_HZ:
		return get(caller, dev->max_speed_hz, size);
	case SPI_IOC_WR_MODE:
	case SPI_IOC_WR_MODE32:
		return set(dev, caller, size, spidev_set_mode);
	case SPI_IOC_WR_BITS_PER_WORD:
		return set(dev, caller, size, set_bits);
	case SPI_IOC_WR_MAX_SPEED_HZ:
		return set(dev, caller, size, spidev_set_max_speed);
	default:
		break;
	}
	if (_IOC_NR(request) == 0 && _IOC_DIR(request) == _IOC_WRITE)
		return message(dev, caller, size);
	return -ENOTTY;
}
