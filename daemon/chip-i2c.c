/* SPDX-License-Identifier: BSD-3-Clause */
#include "chip.h"

#include <errno.h>

#include "chip-identity.h"
#include "chip-transfer.h"
#include "i2c-bus.h"
#include "log.h"
#include "util.h"

#define ADDRESS_BYTES_MAX 3u
#define ADDRESSES_MAX     8u /* three address bits in the device address */

/* A write cycle may take so many times what it is said to take, and is looked at so often. */
#define WRITE_TIME_MARGIN 5u
#define POLLS_PER_WRITE   16u

/* Where chips give their id: 0xF8 and 0xF9 on the wire. */
#define ID_ADDRESS 0x7c
#define ID_SIZE    3u

#define CLOCKS_PER_BYTE 9u
#define NSEC_PER_SEC    1000000000ull

struct chip_i2c {
	struct chip chip;
	const struct memory_config *config;
	struct i2c_bus bus;
	struct chip_identity identity;
	const struct chip_model *model; /* that of the identity */
	char where[300];                /* address and device, for people */
	struct direction reading, writing;
	uint8_t message[ADDRESS_BYTES_MAX + I2C_MESSAGE_MAX];
};

static struct chip_i2c *chip_i2c(struct chip *chip)
{
	return (struct chip_i2c *)chip;
}

static uint32_t min(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Bytes that the address bytes reach; above, the device address says which of these windows. */
static uint32_t window(const struct chip_i2c *c)
{
	return 1u << 8 * c->model->address_bytes;
}

static uint32_t n_addresses(const struct chip_i2c *c)
{
	return (c->model->size - 1) / window(c) + 1;
}

static uint8_t device_address(const struct chip_i2c *c, uint32_t index)
{
	return (uint8_t)(c->config->address | index << c->model->device_shift);
}

/* The message that begins every transaction. */
static struct i2c_msg address_message(const struct chip_i2c *c, uint32_t offset, uint8_t *bytes)
{
	uint8_t n = c->model->address_bytes;

	for (uint8_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)(offset >> 8 * (n - 1 - i));
	return (struct i2c_msg){
		.addr = device_address(c, offset / window(c)),
		.len = n,
		.buf = bytes,
	};
}

static int read_once(struct chip *chip, uint32_t offset, uint8_t *data, uint32_t size)
{
	struct chip_i2c *c = chip_i2c(chip);
	uint8_t bytes[ADDRESS_BYTES_MAX];
	struct i2c_msg messages[2] = { address_message(c, offset, bytes) };

	messages[1] = (struct i2c_msg){
		.addr = messages[0].addr,
		.flags = I2C_M_RD,
		.len = (uint16_t)size,
		.buf = data,
	};
	return i2c_bus_transfer(&c->bus, messages, 2);
}

/* A chip in its write cycle does not answer. It is asked with its address alone, and no data. */
static int wait_for_write_cycle(struct chip_i2c *c, struct i2c_msg address)
{
	int r = -ENXIO;

	for (unsigned int i = 0; i < WRITE_TIME_MARGIN * POLLS_PER_WRITE; i++) {
		r = i2c_bus_try(&c->bus, &address, 1);
		if (!i2c_may_pass(r))
			break;
		pause_us(1000u * c->model->write_ms / POLLS_PER_WRITE);
	}
	return r;
}

static int write_once(struct chip *chip, uint32_t offset, uint8_t *data, uint32_t size)
{
	struct chip_i2c *c = chip_i2c(chip);
	struct i2c_msg address = address_message(c, offset, c->message);
	struct i2c_msg message = address;
	int r;

	memcpy(c->message + address.len, data, size);
	message.len = (uint16_t)(address.len + size);
	r = i2c_bus_transfer(&c->bus, &message, 1);
	return r < 0 || !c->model->write_ms ? r : wait_for_write_cycle(c, address);
}

static int i2c_read(struct chip *chip, uint32_t offset, void *buffer, uint32_t size)
{
	return chip_transfer(chip, &chip_i2c(chip)->reading, i2c_refused, offset, buffer, size);
}

/* write_once() only reads what is in @buffer. */
static int i2c_write(struct chip *chip, uint32_t offset, const void *buffer, uint32_t size)
{
	return chip_transfer(chip, &chip_i2c(chip)->writing, i2c_refused, offset, (uint8_t *)buffer,
			     size);
}

/* What it reads is wherever the chip is, and of no use; that it answers is. */
static int probe(struct chip_i2c *c, uint8_t address)
{
	uint8_t byte;
	struct i2c_msg message = { .addr = address, .flags = I2C_M_RD, .len = 1, .buf = &byte };

	return i2c_bus_transfer(&c->bus, &message, 1);
}

static int explain_silence(struct chip_i2c *c, uint8_t address, int cause, sd_bus_error *error)
{
	const char *node = c->config->device;

	if (cause == -ETIMEDOUT)
		return sd_bus_error_set_errnof(
			error, cause,
			"a transfer to 0x%02x on %s does not end; check whether SDA or SCL is held "
			"low or has no pull-up",
			address, node);
	if (!i2c_unanswered(cause))
		return sd_bus_error_set_errnof(error, cause, "0x%02x on %s: %m", address, node);
	if (address != c->config->address)
		return sd_bus_error_set_errnof(
			error, EMEDIUMTYPE,
			"nothing answers at 0x%02x on %s, where a %s at 0x%02x does; is it another "
			"model?",
			address, node, c->model->name, c->config->address);
	return sd_bus_error_set_errnof(
		error, ENODEV,
		"nothing answers at 0x%02x on %s; check its power, its wires and its address pins "
		"('i2cdetect -y %u' shows who answers)",
		address, node, c->bus.number);
}

/* Take the first @n addresses of the chip, and see that it is there. */
static int take_addresses(struct chip_i2c *c, uint32_t n, sd_bus_error *error)
{
	int r = 0;

	for (uint32_t i = 0; r >= 0 && i < n; i++)
		r = i2c_bus_claim(&c->bus, device_address(c, i), error);
	for (uint32_t i = 0; r >= 0 && i < n; i++) {
		r = probe(c, device_address(c, i));
		if (r < 0)
			return explain_silence(c, device_address(c, i), r, error);
	}
	return r;
}

/* Whether the chip as it is described fits where it is. */
static int check_addressing(struct chip_i2c *c, sd_bus_error *error)
{
	const struct memory_config *config = c->config;
	uint32_t n = n_addresses(c);
	uint8_t taken = 0;

	if (n > ADDRESSES_MAX)
		return sd_bus_error_set_errnof(
			error, EINVAL,
			"%u bytes with address-bytes = %u would take %u addresses on the bus, and "
			"no chip has more than %u; write another size or more address-bytes",
			c->model->size, c->model->address_bytes, n, ADDRESSES_MAX);
	for (uint32_t i = 0; i < n; i++)
		taken |= (uint8_t)(i << c->model->device_shift);
	if (config->address & taken)
		return sd_bus_error_set_errnof(
			error, EINVAL,
			"0x%02x on %s is not the first of the %u addresses of a %s; write address "
			"= 0x%02x",
			config->address, config->device, n, c->model->name,
			config->address & ~taken);
	if (c->bus.smbus && c->model->address_bytes > 1)
		return sd_bus_error_set_errnof(
			error, EOPNOTSUPP,
			"the adapter of %s knows only SMBus (no I2C_FUNC_I2C), which reaches chips "
			"with 1 address byte; a %s has %u and needs another adapter",
			config->device, c->model->name, c->model->address_bytes);
	return 0;
}

/* What the model and the adapter make of transfers. */
static void lay_out(struct chip_i2c *c)
{
	uint32_t reach = window(c), page = c->model->page_size;

	c->reading = (struct direction){ read_once, reach, I2C_MESSAGE_MAX };
	c->writing = (struct direction){
		.transfer = write_once,
		.boundary = page ? min(page, reach) : reach,
		.limit = I2C_MESSAGE_MAX - c->model->address_bytes,
	};
	if (c->bus.clock)
		c->chip.ns_per_byte = (uint32_t)(CLOCKS_PER_BYTE * NSEC_PER_SEC / c->bus.clock);
}

/* Ask for the device id. A chip without one does not answer, which adapters tell in many ways. */
static int read_id(void *userdata, uint8_t id[CHIP_ID_MAX], sd_bus_error *error)
{
	struct chip_i2c *c = userdata;
	uint8_t whose = (uint8_t)(c->config->address << 1);
	struct i2c_msg messages[] = {
		{ .addr = ID_ADDRESS, .len = 1, .buf = &whose },
		{ .addr = ID_ADDRESS, .flags = I2C_M_RD, .len = ID_SIZE, .buf = id },
	};
	int r = i2c_bus_transfer(&c->bus, messages, 2);

	if (i2c_unanswered(r) || i2c_refused(r) || r == -EIO)
		return -ENOENT;
	return r < 0 ? sd_bus_error_set_errnof(error, r, "the id of %s: %m", c->where) : 0;
}

static struct chip_id_source id_source(struct chip_i2c *c)
{
	return (struct chip_id_source){ CHIP_I2C, c->where, read_id, c };
}

/* The chip is known, and the adapter is open: make them one. */
static int settle(struct chip_i2c *c, sd_bus_error *error)
{
	int r = check_addressing(c, error);

	if (r < 0)
		return r;
	lay_out(c);
	return take_addresses(c, n_addresses(c), error);
}

static int i2c_reopen(struct chip *chip, sd_bus_error *error)
{
	struct chip_i2c *c = chip_i2c(chip);
	struct chip_id_source source = id_source(c);
	int r;

	i2c_bus_close(&c->bus);
	r = i2c_bus_open(&c->bus, error);
	if (r >= 0)
		r = settle(c, error);
	if (r >= 0)
		r = chip_identify_again(&source, &c->identity, error);
	if (r < 0)
		i2c_bus_close(&c->bus);
	return r;
}

static void i2c_close(struct chip *chip)
{
	struct chip_i2c *c = chip_i2c(chip);

	i2c_bus_close(&c->bus);
	free(c);
}

static const struct chip_ops i2c_ops = {
	.read = i2c_read,
	.write = i2c_write,
	.reopen = i2c_reopen,
	.close = i2c_close,
};

static void report_clock(const struct chip_i2c *c)
{
	if (c->bus.clock && c->bus.clock < c->model->max_clock &&
	    !(c->model->from_memory & FACT_CLOCK))
		log_info("memory %s: the bus of %s runs at %u kHz, and the %s can do %u kHz; a "
			 "Raspberry Pi sets it with dtparam=i2c_arm_baudrate",
			 c->config->name, c->config->device, c->bus.clock / 1000, c->model->name,
			 c->model->max_clock / 1000);
}

/* Of the chip's addresses only the one that is configured is known before its model is. */
static int open_chip(struct chip_i2c *c, sd_bus_error *error)
{
	struct chip_id_source source = id_source(c);
	int r = i2c_bus_open(&c->bus, error);

	if (r >= 0)
		r = take_addresses(c, 1, error);
	if (r >= 0)
		r = chip_identify(&source, c->config, &c->identity, error);
	if (r >= 0)
		r = settle(c, error);
	if (r < 0)
		return r;
	report_clock(c);
	c->chip.size = c->model->size;
	c->chip.page_size = c->model->page_size;
	c->chip.read_overhead = 2u + c->model->address_bytes;
	c->chip.write_overhead = 1u + c->model->address_bytes;
	c->chip.model = c->model->name;
	snprintf(c->chip.identified, sizeof(c->chip.identified), "%s", c->identity.text);
	c->chip.technology = c->model->technology;
	return 0;
}

int chip_i2c_open(const struct memory_config *config, struct chip **chip, sd_bus_error *error)
{
	struct chip_i2c *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return sd_bus_error_set_errno(error, ENOMEM);
	c->chip = (struct chip){ .ops = &i2c_ops, .bus = "i2c", .device = config->device };
	c->config = config;
	c->model = &c->identity.model;
	snprintf(c->where, sizeof(c->where), "0x%02x on %s", config->address, config->device);
	c->bus = (struct i2c_bus){
		.node = config->device,
		.fd = -1,
		.counters = &c->chip.counters,
	};
	r = open_chip(c, error);
	if (r < 0) {
		i2c_close(&c->chip);
		return r;
	}
	*chip = &c->chip;
	return 0;
}
