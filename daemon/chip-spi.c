/* SPDX-License-Identifier: BSD-3-Clause */
#include "chip.h"

#include <errno.h>

#include "chip-identity.h"
#include "chip-transfer.h"
#include "log.h"
#include "spi-bus.h"
#include "util.h"

#define ADDRESS_BYTES_MAX 3u
#define HEADER_MAX        (1u + ADDRESS_BYTES_MAX)
#define OPCODE_A8         0x08u /* bit 8 of the address, in the opcodes of chips of 4 kbit */

/* Bits of the status register. */
#define STATUS_WIP 0x01u /* in a write cycle; always 0 in chips that have none */
#define STATUS_WEL 0x02u /* writes are enabled */
#define STATUS_BP  0x0cu /* writes to a part of the chip, or to all of it, are ignored */

#define MODE_SEQUENTIAL 0x40u /* of a 23LCV: addresses count on through the whole chip */

/* Until the chip is known, and where nobody says what it can do: all of them can do it. */
#define SAFE_SPEED 1000000u

/* From sleep, the longest of those that are known: MB85RS4MTY. */
#define WAKE_US 450u

/* A write cycle may take so many times what it is said to take, and is looked at so often. The
 * slowest chip of the table needs 10 ms. */
#define WRITE_TIME_MARGIN 5u
#define POLLS_PER_WRITE   16u
#define WRITE_MS_MAX      10u

/* Between attempts, beside a write cycle that a failed one may have begun. */
#define RETRY_US 500u

/* What a chip says of itself at start is heard so often until it makes sense. */
#define TRIES 3u

#define CLOCKS_PER_BYTE 8u
#define NSEC_PER_SEC    1000000000ull

struct chip_spi {
	struct chip chip;
	const struct memory_config *config;
	struct spi_bus bus;
	struct chip_identity identity;
	const struct chip_model *model; /* that of the identity */
	struct direction reading, writing;
	uint32_t read_speed; /* Hz */
	char why_read_only[100];
};

static struct chip_spi *chip_spi(struct chip *chip)
{
	return (struct chip_spi *)chip;
}

static uint32_t min(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* What READ and WRITE begin with. */
static struct spi_ioc_transfer header(const struct chip_spi *c, uint8_t opcode, uint32_t offset,
				      uint8_t bytes[static HEADER_MAX])
{
	uint8_t n = c->model->address_bytes;

	bytes[0] = opcode;
	if (offset >> 8 * n)
		bytes[0] |= OPCODE_A8;
	for (uint8_t i = 0; i < n; i++)
		bytes[1 + i] = (uint8_t)(offset >> 8 * (n - 1 - i));
	return spi_send(bytes, 1u + n);
}

static int read_once(struct chip *chip, uint32_t offset, uint8_t *data, uint32_t size)
{
	struct chip_spi *c = chip_spi(chip);
	uint8_t bytes[HEADER_MAX];
	struct spi_ioc_transfer message[] = {
		header(c, SPI_READ, offset, bytes),
		spi_receive(data, size),
	};

	message[0].speed_hz = c->read_speed;
	message[1].speed_hz = c->read_speed;
	return spi_bus_transfer(&c->bus, message, 2);
}

/* Wait until the chip is in no write cycle of @ms. Return: its status, or a negative errno. */
static int wait_for_write_cycle(struct chip_spi *c, uint32_t ms)
{
	uint8_t status;
	int r = spi_bus_ask(&c->bus, SPI_RDSR, &status, 1);

	for (unsigned int i = 0; i < WRITE_TIME_MARGIN * POLLS_PER_WRITE; i++) {
		if (r < 0 || !(status & STATUS_WIP))
			break;
		pause_us(1000u * ms / POLLS_PER_WRITE);
		r = spi_bus_ask(&c->bus, SPI_RDSR, &status, 1);
	}
	return r < 0 ? r : status;
}

/* How long a write cycle takes; a chip with pages has one, also if nobody says how long. */
static uint32_t write_ms(const struct chip_model *model)
{
	return model->write_ms || !model->page_size ? model->write_ms : WRITE_MS_MAX;
}

/* Writes are enabled for one frame, so both go in one message. */
static int write_once(struct chip *chip, uint32_t offset, uint8_t *data, uint32_t size)
{
	static const uint8_t wren = SPI_WREN;
	struct chip_spi *c = chip_spi(chip);
	uint8_t bytes[HEADER_MAX];
	struct spi_ioc_transfer message[] = {
		spi_end(spi_send(&wren, 1)),
		header(c, SPI_WRITE, offset, bytes),
		spi_send(data, size),
	};
	uint32_t skip = c->model->no_write_enable ? 1 : 0;
	int r = spi_bus_transfer(&c->bus, message + skip, 3 - skip);

	if (r < 0 || !write_ms(c->model))
		return r;
	r = wait_for_write_cycle(c, write_ms(c->model));
	if (r < 0)
		return r;
	return (uint8_t)r & STATUS_WIP ? -EIO : 0;
}

/* Where spidev has less room than it says, or the controller has. */
static bool refused(int result)
{
	return result == -EMSGSIZE;
}

static int spi_read(struct chip *chip, uint32_t offset, void *buffer, uint32_t size)
{
	return chip_transfer(chip, &chip_spi(chip)->reading, refused, offset, buffer, size);
}

/* write_once() only reads what is in @buffer. */
static int spi_write(struct chip *chip, uint32_t offset, const void *buffer, uint32_t size)
{
	return chip_transfer(chip, &chip_spi(chip)->writing, refused, offset, (uint8_t *)buffer,
			     size);
}

static int explain_transfer(const struct chip_spi *c, int cause, sd_bus_error *error)
{
	return sd_bus_error_set_errnof(error, cause, "a transfer over %s fails: %m",
				       c->config->device);
}

/*
 * Read the id. A line that nobody drives is all ones or all zeros, in the id and in the status; a
 * chip without an id has it so in the id alone.
 */
static int read_id(void *userdata, uint8_t id[CHIP_ID_MAX], sd_bus_error *error)
{
	struct chip_spi *c = userdata;
	struct chip_model model;
	uint8_t status;
	int r = spi_bus_ask(&c->bus, SPI_RDID, id, CHIP_ID_MAX);

	if (r >= 0)
		r = spi_bus_ask(&c->bus, SPI_RDSR, &status, 1);
	if (r < 0)
		return explain_transfer(c, r, error);
	if (chip_identify_spi(id, &model) == -ENODEV && status == id[0])
		return sd_bus_error_set_errnof(
			error, ENODEV,
			"nothing answers at %s (id and status are all %02x); check the chip's "
			"power, its select and MISO, or write its model if it is one without an "
			"id ('smmd --list-models' shows them)",
			c->config->device, status);
	return 0;
}

static struct chip_id_source id_source(struct chip_spi *c)
{
	return (struct chip_id_source){ CHIP_SPI, c->config->device, read_id, c };
}

/*
 * A chip that sleeps wakes by being selected, Everspin's and some EEPROM by this opcode, which
 * means nothing to the others. It needs time then, counted from the beginning of the select or from
 * its end, and another select in between would begin it anew.
 */
static int wake(struct chip_spi *c)
{
	static const uint8_t opcode = SPI_WAKE;
	struct spi_ioc_transfer message = spi_send(&opcode, 1);
	int r;

	message.delay_usecs = WAKE_US;
	r = spi_bus_transfer(&c->bus, &message, 1);
	pause_us(WAKE_US);
	return r;
}

/* Have a chip that listens behind the node, if there is one: whoever had it before may have left it
 * asleep, or in a write cycle. */
static int take_up(struct chip_spi *c, sd_bus_error *error)
{
	uint32_t wanted = c->config->speed ? c->config->speed : SAFE_SPEED;
	int r = spi_bus_open(&c->bus, error);

	if (r < 0)
		return r;
	c->bus.speed = min(min(wanted, SAFE_SPEED), c->bus.max_speed);
	c->bus.retry_us = RETRY_US;
	r = wake(c);
	if (r >= 0)
		r = wait_for_write_cycle(c, WRITE_MS_MAX);
	return r < 0 ? explain_transfer(c, r, error) : 0;
}

/* Whether the chip as it is described can be addressed. */
static int check_addressing(const struct chip_spi *c, sd_bus_error *error)
{
	const struct chip_model *model = c->model;
	uint32_t reach = 1u << (8 * model->address_bytes + model->opcode_bits);

	if (model->size <= reach)
		return 0;
	return sd_bus_error_set_errnof(
		error, EINVAL,
		"%u bytes with address-bytes = %u cannot be: they reach %u bytes; write a smaller "
		"size or more address-bytes",
		model->size, model->address_bytes, reach);
}

/* A clock that nobody confirms is as good as none. */
static uint32_t known_clock(const struct chip_model *model)
{
	return model->from_memory & FACT_CLOCK ? 0 : model->max_clock;
}

/* What the model and the device make of transfers. */
static void lay_out(struct chip_spi *c)
{
	const struct chip_model *model = c->model;
	uint32_t clock = known_clock(model) ? known_clock(model) : SAFE_SPEED;
	uint32_t speed = c->config->speed ? c->config->speed : min(clock, c->bus.max_speed);

	c->bus.speed = speed;
	c->bus.retry_us = RETRY_US + 1000u * WRITE_TIME_MARGIN * write_ms(model);
	c->read_speed = model->max_read_clock ? min(speed, model->max_read_clock) : speed;
	c->chip.ns_per_byte = (uint32_t)(CLOCKS_PER_BYTE * NSEC_PER_SEC / c->read_speed);
	c->reading = (struct direction){ read_once, model->size, c->bus.max_bytes };
	c->writing = (struct direction){
		.transfer = write_once,
		.boundary = model->page_size ? model->page_size : model->size,
		.limit = c->bus.max_bytes,
	};
}

static void heed_protection(struct chip_spi *c, uint8_t status)
{
	snprintf(c->why_read_only, sizeof(c->why_read_only),
		 "block-protect bits are set in its status register, which is 0x%02x; they have to "
		 "be 0",
		 status);
	c->chip.read_only = status & STATUS_BP;
	c->chip.why_read_only = c->chip.read_only ? c->why_read_only : NULL;
	if (c->chip.read_only)
		log_warning("memory %s: %s can only be read: %s", c->config->name,
			    c->config->device, c->why_read_only);
}

/*
 * Whether the chip takes writes: enable them, and disable them again, which also ends what a
 * program that was killed may have left enabled. No byte of the chip changes by that; and no line
 * that nobody drives, nor a chip in another mode, gives both answers.
 */
static int check_write_enable(struct chip_spi *c, sd_bus_error *error)
{
	static const uint8_t wren = SPI_WREN, wrdi = SPI_WRDI, rdsr = SPI_RDSR;
	uint8_t enabled = 0, disabled = 0;
	bool takes_writes = false;
	struct spi_ioc_transfer message[] = {
		spi_end(spi_send(&wren, 1)), spi_send(&rdsr, 1), spi_end(spi_receive(&enabled, 1)),
		spi_end(spi_send(&wrdi, 1)), spi_send(&rdsr, 1), spi_receive(&disabled, 1),
	};
	int r = 0;

	for (unsigned int i = 0; r >= 0 && !takes_writes && i < TRIES; i++) {
		r = spi_bus_transfer(&c->bus, message, ARRAY_SIZE(message));
		takes_writes = !(disabled & STATUS_WEL) && enabled == (disabled | STATUS_WEL);
	}
	if (r < 0)
		return explain_transfer(c, r, error);
	if (!takes_writes)
		return sd_bus_error_set_errnof(
			error, ENODEV,
			"no chip at %s says that it can be written (its status is 0x%02x with "
			"writes enabled, 0x%02x without); check its power, its select and MISO, "
			"and its model",
			c->config->device, enabled, disabled);
	heed_protection(c, disabled);
	return 0;
}

/* A 23LCV comes up as a row of pages, or as it was left. */
static int set_mode(struct chip_spi *c, sd_bus_error *error)
{
	static const uint8_t wrmr[] = { SPI_WRSR, MODE_SEQUENTIAL }, rdmr = SPI_RDSR;
	uint8_t mode = 0;
	struct spi_ioc_transfer message[] = {
		spi_end(spi_send(wrmr, sizeof(wrmr))),
		spi_send(&rdmr, 1),
		spi_receive(&mode, 1),
	};
	int r = 0;

	for (unsigned int i = 0; r >= 0 && mode != MODE_SEQUENTIAL && i < TRIES; i++)
		r = spi_bus_transfer(&c->bus, message, ARRAY_SIZE(message));
	if (r < 0)
		return explain_transfer(c, r, error);
	if (mode == MODE_SEQUENTIAL)
		return 0;
	return sd_bus_error_set_errnof(error, ENODEV,
				       "no %s answers at %s (its mode register is 0x%02x after "
				       "0x%02x was written); check its power, its select and MISO, "
				       "and its model",
				       c->model->name, c->config->device, mode, MODE_SEQUENTIAL);
}

/* The chip is known, and listens: make it and the device one. */
static int settle(struct chip_spi *c, sd_bus_error *error)
{
	int r = check_addressing(c, error);

	if (r < 0)
		return r;
	lay_out(c);
	return c->model->mode_register ? set_mode(c, error) : check_write_enable(c, error);
}

static int spi_reopen(struct chip *chip, sd_bus_error *error)
{
	struct chip_spi *c = chip_spi(chip);
	struct chip_id_source source = id_source(c);
	int r;

	spi_bus_close(&c->bus);
	r = take_up(c, error);
	if (r >= 0)
		r = chip_identify_again(&source, &c->identity, error);
	if (r >= 0)
		r = settle(c, error);
	if (r < 0)
		spi_bus_close(&c->bus);
	return r;
}

static void spi_close(struct chip *chip)
{
	struct chip_spi *c = chip_spi(chip);

	spi_bus_close(&c->bus);
	free(c);
}

static const struct chip_ops spi_ops = {
	.read = spi_read,
	.write = spi_write,
	.reopen = spi_reopen,
	.close = spi_close,
};

static void report_speed(const struct chip_spi *c)
{
	uint32_t clock = known_clock(c->model), speed = c->bus.speed;

	if (c->config->speed)
		return;
	if (!clock)
		log_info("memory %s: %s runs at %u kHz, as no source confirms how fast a %s may "
			 "be; 'speed =' in the configuration says it",
			 c->config->name, c->config->device, speed / 1000, c->model->name);
	else if (speed < clock)
		log_info("memory %s: %s runs at %u kHz, as its device tree wants it, and the %s "
			 "can do %u kHz; 'speed =' in the configuration sets it",
			 c->config->name, c->config->device, speed / 1000, c->model->name,
			 clock / 1000);
}

static int open_chip(struct chip_spi *c, sd_bus_error *error)
{
	struct chip_id_source source = id_source(c);
	int r = take_up(c, error);

	if (r >= 0)
		r = chip_identify(&source, c->config, &c->identity, error);
	if (r >= 0)
		r = settle(c, error);
	if (r < 0)
		return r;
	report_speed(c);
	c->chip.size = c->model->size;
	c->chip.page_size = c->model->page_size;
	c->chip.read_overhead = 1u + c->model->address_bytes;
	c->chip.write_overhead = c->chip.read_overhead + (c->model->no_write_enable ? 0 : 1);
	c->chip.model = c->model->name;
	snprintf(c->chip.identified, sizeof(c->chip.identified), "%s", c->identity.text);
	c->chip.technology = c->model->technology;
	return 0;
}

int chip_spi_open(const struct memory_config *config, struct chip **chip, sd_bus_error *error)
{
	struct chip_spi *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return sd_bus_error_set_errno(error, ENOMEM);
	c->chip = (struct chip){ .ops = &spi_ops, .bus = "spi", .device = config->device };
	c->config = config;
	c->model = &c->identity.model;
	c->bus = (struct spi_bus){
		.node = config->device,
		.fd = -1,
		.counters = &c->chip.counters,
	};
	r = open_chip(c, error);
	if (r < 0) {
		spi_close(&c->chip);
		return r;
	}
	*chip = &c->chip;
	return 0;
}
