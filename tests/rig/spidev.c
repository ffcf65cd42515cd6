/* SPDX-License-Identifier: BSD-3-Clause */
#include "spidev.h"

#include <errno.h>
#include <stddef.h>

#define DEFAULT_HZ     500000u /* of spidev, where the device tree says nothing */
#define CONTROLLER_HZ  125000000u
#define DEFAULT_BUFSIZ 4096u
#define DMA_ALIGNMENT  128u /* of arm64 */
#define NS_PER_US      1000u

void spidev_init(struct spidev *dev, const struct spidev_config *config,
		 const struct rig_clock *clock)
{
	*dev = (struct spidev){ .config = *config,
				.wire = { .clock = clock, .pace = config->pace },
				.bits_per_word = 8 };
	if (!dev->config.max_hz)
		dev->config.max_hz = CONTROLLER_HZ;
	if (!dev->config.bufsiz)
		dev->config.bufsiz = DEFAULT_BUFSIZ;
	if (!dev->config.alignment)
		dev->config.alignment = DMA_ALIGNMENT;
	dev->max_speed_hz = DEFAULT_HZ;
}

/* The chips sample in modes 0 and 3; in the others, they and the controller see noise. */
static struct model *listener(const struct spidev *dev)
{
	uint32_t mode = dev->mode & (SPI_CPHA | SPI_CPOL);

	return mode == SPI_MODE_0 || mode == SPI_MODE_3 ? dev->chip : NULL;
}

static void chip_select(struct spidev *dev)
{
	if (dev->selected)
		return;
	dev->selected = true;
	dev->begun = false;
	if (listener(dev))
		model_spi_select(listener(dev));
}

static void chip_deselect(struct spidev *dev)
{
	dev->selected = false;
	if (listener(dev))
		model_spi_deselect(listener(dev));
}

static uint8_t exchange(struct spidev *dev, uint8_t byte)
{
	if (!dev->begun)
		dev->opcode = byte;
	dev->begun = true;
	if (listener(dev))
		return model_spi_exchange(listener(dev), byte);
	return dev->config.miso_low ? 0x00 : 0xff;
}

static uint32_t speed(const struct spidev *dev, const struct spi_ioc_transfer *t)
{
	uint32_t hz = t->speed_hz ? t->speed_hz : dev->max_speed_hz;

	return hz < dev->config.max_hz ? hz : dev->config.max_hz;
}

static void note_speed(struct spidev *dev, uint32_t hz)
{
	if (dev->begun && hz > dev->fastest[dev->opcode])
		dev->fastest[dev->opcode] = hz;
}

static int carry_bytes(struct spidev *dev, const struct spi_ioc_transfer *t)
{
	const uint8_t *out = (const uint8_t *)(uintptr_t)t->tx_buf;
	uint8_t *in = (uint8_t *)(uintptr_t)t->rx_buf;

	for (uint32_t i = 0; i < t->len; i++) {
		uint8_t byte = out ? out[i] : 0;
		uint8_t mask = 0;
		bool goes_on = wire_carry(&dev->wire, &mask);

		byte = exchange(dev, byte ^ mask);
		if (in)
			in[i] = byte ^ mask;
		if (!goes_on)
			return -EIO;
	}
	return 0;
}

static int carry_transfer(struct spidev *dev, const struct spi_ioc_transfer *t, bool last)
{
	int r;

	dev->messages++;
	chip_select(dev);
	r = carry_bytes(dev, t);
	dev->wire.bytes_out += t->len;
	dev->wire.bytes_in += t->len;
	note_speed(dev, speed(dev, t));
	wire_spend(&dev->wire, 8 * (uint64_t)t->len, speed(dev, t));
	if (r < 0)
		return r;
	if (t->delay_usecs)
		dev->wire.clock->sleep(dev->wire.clock->userdata,
				       (uint64_t)t->delay_usecs * NS_PER_US);
	/* Behind the last transfer, cs_change means the opposite: the chip stays selected. */
	if (last ? !t->cs_change : t->cs_change)
		chip_deselect(dev);
	return 0;
}

static int carry_transfers(struct spidev *dev, const struct spi_ioc_transfer *transfers,
			   unsigned int count)
{
	int total = 0;

	for (unsigned int i = 0; i < count; i++) {
		int r = carry_transfer(dev, &transfers[i], i + 1 == count);

		if (r < 0) {
			chip_deselect(dev);
			return r;
		}
		total += (int)transfers[i].len;
	}
	return total;
}

/* The buffer of spidev has to hold what is sent, another what is received; each transfer begins at
 * a place that is good for DMA. */
static int check_sizes(const struct spidev *dev, const struct spi_ioc_transfer *transfers,
		       unsigned int count)
{
	uint64_t out = 0, in = 0;

	for (unsigned int i = 0; i < count; i++) {
		uint64_t alignment = dev->config.alignment;
		uint64_t room = (transfers[i].len + alignment - 1) / alignment * alignment;

		if (transfers[i].tx_buf)
			out += room;
		if (transfers[i].rx_buf)
			in += room;
	}
	return out > dev->config.bufsiz || in > dev->config.bufsiz ? -EMSGSIZE : 0;
}

static int check_transfers(const struct spidev *dev, const struct spi_ioc_transfer *transfers,
			   unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		if (transfers[i].bits_per_word && transfers[i].bits_per_word != 8)
			return -EINVAL;
	}
	return check_sizes(dev, transfers, count);
}

int spidev_message(struct spidev *dev, const struct spi_ioc_transfer *transfers, unsigned int count)
{
	int r;

	if (count > SPIDEV_TRANSFERS_MAX)
		return -EINVAL;
	if (dev->unplugged)
		return -ESHUTDOWN;
	r = check_transfers(dev, transfers, count);
	if (r < 0)
		return r;
	r = wire_begin(&dev->wire);
	if (r == 0)
		r = carry_transfers(dev, transfers, count);
	return wire_end(&dev->wire, r);
}

int spidev_set_mode(struct spidev *dev, uint32_t mode)
{
	if (mode & ~(uint32_t)(SPI_CPHA | SPI_CPOL))
		return -EINVAL;
	dev->mode = mode;
	return 0;
}

int spidev_set_bits_per_word(struct spidev *dev, uint8_t bits)
{
	if (bits && bits != 8)
		return -EINVAL;
	dev->bits_per_word = 8; /* which 0 means */
	return 0;
}

int spidev_set_max_speed(struct spidev *dev, uint32_t hz)
{
	if (hz == 0)
		return -EINVAL;
	dev->max_speed_hz = hz;
	return 0;
}
