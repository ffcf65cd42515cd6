/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * kernel-answers: what the kernel says to calls of I2C, SPI and GPIO that it takes or refuses, one
 * line each. On a board these are the answers of the real drivers; under smm-rig they are what the
 * rig believes of them. Nothing is written to a chip.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/gpio.h>
#include <linux/i2c-dev.h>
#include <linux/i2c.h>
#include <linux/spi/spidev.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define CHIP   0x50
#define NOBODY 0x33
#define LARGE  8192 /* of a message, to i2c-dev */

static uint8_t bytes[LARGE + 1];

static void say(const char *what, int result)
{
	printf("%s: %s\n", what, result < 0 ? strerrorname_np(errno) : "done");
}

static int open_node(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		perror(path);
	return fd;
}

/* I2C */

static struct i2c_msg to(uint16_t address, uint16_t length)
{
	return (struct i2c_msg){ .addr = address, .len = length, .buf = bytes };
}

static struct i2c_msg from(uint16_t address, uint16_t length)
{
	return (struct i2c_msg){ .addr = address, .flags = I2C_M_RD, .len = length, .buf = bytes };
}

static void transfer(int fd, const char *what, struct i2c_msg *messages, uint32_t count)
{
	struct i2c_rdwr_ioctl_data data = { .msgs = messages, .nmsgs = count };

	memset(bytes, 0, sizeof(bytes));
	say(what, ioctl(fd, I2C_RDWR, &data));
}

static void one(int fd, const char *what, struct i2c_msg message)
{
	transfer(fd, what, &message, 1);
}

static void pair(int fd, const char *what, struct i2c_msg first, struct i2c_msg second)
{
	struct i2c_msg messages[] = { first, second };

	transfer(fd, what, messages, 2);
}

static void ask_i2c(int fd)
{
	struct i2c_msg many[I2C_RDWR_IOCTL_MAX_MSGS + 1];
	unsigned long functions = 0;

	for (unsigned int i = 0; i < sizeof(many) / sizeof(many[0]); i++)
		many[i] = to(CHIP, 2);
	say("i2c functions", ioctl(fd, I2C_FUNCS, &functions));
	printf("i2c plain, quick: %d, %d\n", !!(functions & I2C_FUNC_I2C),
	       !!(functions & I2C_FUNC_SMBUS_QUICK));
	say("i2c address of nobody", ioctl(fd, I2C_SLAVE, NOBODY));
	say("i2c address past the last", ioctl(fd, I2C_SLAVE, 0x80));
	transfer(fd, "i2c 0 messages", many, 0);
	transfer(fd, "i2c 43 messages", many, I2C_RDWR_IOCTL_MAX_MSGS + 1);
	pair(fd, "i2c write 2, read 16", to(CHIP, 2), from(CHIP, 16));
	one(fd, "i2c read 8192", from(CHIP, LARGE));
	one(fd, "i2c read 8193", from(CHIP, LARGE + 1));
	one(fd, "i2c write 8193", to(CHIP, LARGE + 1));
	one(fd, "i2c write 0", to(CHIP, 0));
	pair(fd, "i2c read, then write", from(CHIP, 1), to(CHIP, 2));
	one(fd, "i2c write 0 to nobody", to(NOBODY, 0));
	one(fd, "i2c write 2 to nobody", to(NOBODY, 2));
	one(fd, "i2c read 1 from nobody", from(NOBODY, 1));
	pair(fd, "i2c write 2, read 1 of nobody", to(NOBODY, 2), from(NOBODY, 1));
	one(fd, "i2c read 1 afterwards", from(CHIP, 1));
}

/* SPI */

/* READ of address 0 for @length bytes, and @sent bytes more that the chip passes over. */
static void message(int fd, const char *what, uint32_t length, uint32_t sent)
{
	static const uint8_t read_0[] = { 0x03, 0, 0 };
	struct spi_ioc_transfer transfers[] = {
		{ .tx_buf = (uintptr_t)read_0, .len = sizeof(read_0) },
		{ .rx_buf = (uintptr_t)bytes, .len = length },
		{ .tx_buf = (uintptr_t)bytes, .len = sent },
	};

	say(what, sent ? ioctl(fd, SPI_IOC_MESSAGE(3), transfers)
		       : ioctl(fd, SPI_IOC_MESSAGE(2), transfers));
}

static void ask_spi(int fd)
{
	uint32_t mode, speed;
	uint8_t bits;

	say("spi mode 3", ioctl(fd, SPI_IOC_WR_MODE32, &(uint32_t){ SPI_MODE_3 }));
	say("spi mode 0", ioctl(fd, SPI_IOC_WR_MODE32, &(uint32_t){ SPI_MODE_0 }));
	say("spi lowest bit first", ioctl(fd, SPI_IOC_WR_MODE32, &(uint32_t){ SPI_LSB_FIRST }));
	say("spi mode", ioctl(fd, SPI_IOC_RD_MODE32, &mode));
	say("spi 16 bits a word", ioctl(fd, SPI_IOC_WR_BITS_PER_WORD, &(uint8_t){ 16 }));
	say("spi 0 bits a word", ioctl(fd, SPI_IOC_WR_BITS_PER_WORD, &(uint8_t){ 0 }));
	say("spi bits a word", ioctl(fd, SPI_IOC_RD_BITS_PER_WORD, &bits));
	printf("spi bits a word: %u\n", bits);
	say("spi clock 0", ioctl(fd, SPI_IOC_WR_MAX_SPEED_HZ, &(uint32_t){ 0 }));
	say("spi clock 8 MHz", ioctl(fd, SPI_IOC_WR_MAX_SPEED_HZ, &(uint32_t){ 8000000 }));
	say("spi clock", ioctl(fd, SPI_IOC_RD_MAX_SPEED_HZ, &speed));
	printf("spi clock: %u Hz\n", speed);
	say("spi no transfers", ioctl(fd, SPI_IOC_MESSAGE(0), &speed));
	message(fd, "spi receive 4096", 4096, 0);
	message(fd, "spi receive 4097", 4097, 0);
	message(fd, "spi send 3, 3968", 1, 3968); /* the second begins at 128 */
	message(fd, "spi send 3, 3969", 1, 3969);
	message(fd, "spi send 3, 4094", 1, 4094);
}

/* GPIO */

static int request(int chip, uint32_t line, uint64_t flags)
{
	struct gpio_v2_line_request request = {
		.offsets = { line }, .num_lines = 1, .config.flags = flags, .consumer = "answers"
	};
	int r = ioctl(chip, GPIO_V2_GET_LINE_IOCTL, &request);

	return r < 0 ? r : request.fd;
}

static void ask_gpio(int chip)
{
	struct gpiochip_info info = { 0 };
	struct gpio_v2_line_values values = { .bits = 1, .mask = 1 };
	int line;

	say("gpio chip", ioctl(chip, GPIO_GET_CHIPINFO_IOCTL, &info));
	printf("gpio lines: %u\n", info.lines);
	say("gpio line past the last", request(chip, info.lines, GPIO_V2_LINE_FLAG_INPUT));
	say("gpio edges of an output",
	    request(chip, 26, GPIO_V2_LINE_FLAG_OUTPUT | GPIO_V2_LINE_FLAG_EDGE_RISING));
	line = request(chip, 26, GPIO_V2_LINE_FLAG_INPUT);
	say("gpio line", line);
	say("gpio line that is taken", request(chip, 26, GPIO_V2_LINE_FLAG_INPUT));
	say("gpio level of an input", ioctl(line, GPIO_V2_LINE_SET_VALUES_IOCTL, &values));
	close(line);
	line = request(chip, 26, GPIO_V2_LINE_FLAG_INPUT | GPIO_V2_LINE_FLAG_EDGE_RISING);
	say("gpio line again", line);
	close(line);
}

int main(void)
{
	int i2c = open_node("/dev/i2c-1");
	int spi = open_node("/dev/spidev0.0");
	int gpio = open_node("/dev/gpiochip0");

	if (i2c < 0 || spi < 0 || gpio < 0)
		return 1;
	ask_i2c(i2c);
	ask_spi(spi);
	ask_gpio(gpio);
	return 0;
}
