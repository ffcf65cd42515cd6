/* SPDX-License-Identifier: BSD-3-Clause */
#include "spi-bus.h"

#include <errno.h>
#include <sys/ioctl.h>

#include "device-owner.h"
#include "util.h"

#define BITS_PER_WORD 8u

#define RETRIES 3u

/* spidev collects what it sends, and what it receives, in buffers of so many bytes, where every
 * transfer begins at a place that is good for DMA: on arm64, at a multiple of 128. */
#define BUFSIZ_PATH    "/sys/module/spidev/parameters/bufsiz"
#define DEFAULT_BUFSIZ 4096u
#define DMA_ALIGNMENT  128u

/* Those of the buffer's places that an opcode and an opcode with its address take. */
#define RESERVED (2 * DMA_ALIGNMENT)

static uint32_t read_max_bytes(void)
{
	_cleanup_fclose_ FILE *file = fopen(BUFSIZ_PATH, "re");
	char line[16];
	uint32_t size = DEFAULT_BUFSIZ;

	if (file && fgets(line, sizeof(line), file))
		size = (uint32_t)strtoul(line, NULL, 10);
	return size > 2 * RESERVED ? size - RESERVED : size / 2;
}

/* Polarity of the chip's select is wiring, and stays; the rest may be left from other programs. */
static int set_up(struct spi_bus *bus, sd_bus_error *error)
{
	uint32_t mode;
	uint8_t bits = BITS_PER_WORD;

	if (ioctl(bus->fd, SPI_IOC_RD_MODE32, &mode) < 0)
		goto fail;
	mode &= (mode & SPI_MODE_3) == SPI_MODE_3 ? SPI_CS_HIGH | SPI_MODE_3 : SPI_CS_HIGH;
	if (ioctl(bus->fd, SPI_IOC_WR_MODE32, &mode) < 0 ||
	    ioctl(bus->fd, SPI_IOC_WR_BITS_PER_WORD, &bits) < 0 ||
	    ioctl(bus->fd, SPI_IOC_RD_MAX_SPEED_HZ, &bus->max_speed) < 0)
		goto fail;
	bus->max_bytes = read_max_bytes();
	return 0;
fail:
	return sd_bus_error_set_errnof(error, errno, "%s cannot be set up for mode 0 or 3: %m",
				       bus->node);
}

/* While another driver has the device, there is no node. */
static int check_driver(const struct spi_bus *bus, sd_bus_error *error)
{
	static const char prefix[] = "spidev";
	const char *node = basename(bus->node);
	char name[32];

	if (strncmp(node, prefix, strlen(prefix)) != 0)
		return 0;
	snprintf(name, sizeof(name), "spi%s", node + strlen(prefix));
	return device_check_driver(CHIP_SPI, name, error);
}

int spi_bus_open(struct spi_bus *bus, sd_bus_error *error)
{
	dev_t number;
	int r = check_driver(bus, error);

	if (r < 0)
		return r;
	bus->fd = device_open(CHIP_SPI, bus->node, &number, error);
	if (bus->fd < 0)
		return bus->fd;
	r = device_lock(bus->fd, bus->node, 0, error);
	if (r >= 0)
		r = set_up(bus, error);
	if (r < 0)
		spi_bus_close(bus);
	return r;
}

void spi_bus_close(struct spi_bus *bus)
{
	if (bus->fd >= 0)
		close(bus->fd);
	bus->fd = -1;
}

static void count(struct spi_bus *bus, const struct spi_ioc_transfer *transfers, uint32_t n)
{
	bool read = transfers[n - 1].rx_buf;
	uint64_t *bytes = read ? &bus->counters->bytes_read : &bus->counters->bytes_written;

	++*(read ? &bus->counters->reads : &bus->counters->writes);
	for (uint32_t i = 0; i < n; i++)
		*bytes += transfers[i].len;
}

static int try_transfer(struct spi_bus *bus, const struct spi_ioc_transfer *transfers, uint32_t n)
{
	if (ioctl(bus->fd, SPI_IOC_MESSAGE(n), transfers) < 0)
		return errno == ESHUTDOWN ? -ENODEV : -errno;
	count(bus, transfers, n);
	return 0;
}

int spi_bus_transfer(struct spi_bus *bus, struct spi_ioc_transfer *transfers, uint32_t n)
{
	int r;

	for (uint32_t i = 0; i < n; i++)
		if (!transfers[i].speed_hz)
			transfers[i].speed_hz = bus->speed;
	r = try_transfer(bus, transfers, n);
	for (unsigned int i = 0; i < RETRIES && (r == -EAGAIN || r == -EIO); i++) {
		pause_us(bus->retry_us << i);
		bus->counters->retries++;
		r = try_transfer(bus, transfers, n);
	}
	return r;
}

int spi_bus_ask(struct spi_bus *bus, uint8_t opcode, void *answer, uint32_t size)
{
	struct spi_ioc_transfer message[] = { spi_send(&opcode, 1), spi_receive(answer, size) };

	return spi_bus_transfer(bus, message, 2);
}
