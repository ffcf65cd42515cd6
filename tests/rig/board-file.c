/* SPDX-License-Identifier: BSD-3-Clause */
#include "board-file.h"

#include <ini.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum type {
	NUMBER_8,
	NUMBER_16,
	NUMBER_32,
	FLAG,
	ERRNO,
	BYTES, /* in hexadecimal; their number goes into id_size */
	NAME,
	PATH,
};

struct key {
	const char *name;
	enum type type;
	size_t offset;
};

#define I2C(field)    offsetof(struct board_device, i2c.field)
#define SPI(field)    offsetof(struct board_device, spi.field)
#define CHIP(field)   offsetof(struct board_chip, field)
#define CONFIG(field) offsetof(struct board_chip, model.config.field)

static const struct key board_keys[] = {
	{ "control", PATH, offsetof(struct board, control) },
	{ "counters", PATH, offsetof(struct board, counters) },
	{ 0 },
};

static const struct key i2c_keys[] = {
	{ "clock", NUMBER_32, I2C(config.clock_hz) },
	{ "absent", ERRNO, I2C(config.absent_errno) },
	{ "smbus-only", FLAG, I2C(config.smbus_only) },
	{ "one-read-last", FLAG, I2C(config.one_read_last) },
	{ "no-zero-length", FLAG, I2C(config.no_zero_length) },
	{ "write-then-read", FLAG, I2C(config.write_then_read) },
	{ "max-read", NUMBER_16, I2C(config.max_read) },
	{ "max-write", NUMBER_16, I2C(config.max_write) },
	{ "limit", ERRNO, I2C(config.limit_errno) },
	{ "pace", FLAG, I2C(config.pace) },
	{ 0 },
};

static const struct key spi_keys[] = {
	{ "max-clock", NUMBER_32, SPI(config.max_hz) },
	{ "bufsiz", NUMBER_32, SPI(config.bufsiz) },
	{ "miso-low", FLAG, SPI(config.miso_low) },
	{ "pace", FLAG, SPI(config.pace) },
	{ 0 },
};

static const struct key chip_keys[] = {
	{ "bus", NAME, CHIP(bus) },
	{ "image", PATH, CHIP(image) },
	{ "driver", NAME, CHIP(driver) },
	{ "size", NUMBER_32, CONFIG(size) },
	{ "address-bytes", NUMBER_8, CONFIG(address_bytes) },
	{ "address", NUMBER_8, CONFIG(address) },
	{ "device-bits", NUMBER_8, CONFIG(device_bits) },
	{ "device-shift", NUMBER_8, CONFIG(device_shift) },
	{ "block-rollover", FLAG, CONFIG(block_rollover) },
	{ "opcode-bits", NUMBER_8, CONFIG(opcode_bits) },
	{ "page-size", NUMBER_16, CONFIG(page_size) },
	{ "write-us", NUMBER_32, CONFIG(write_us) },
	{ "id", BYTES, CONFIG(id) },
	{ "wake-us", NUMBER_32, CONFIG(wake_us) },
	{ "power-up-us", NUMBER_32, CONFIG(power_up_us) },
	{ "status", NUMBER_8, CONFIG(status) },
	{ "no-write-enable", FLAG, CONFIG(no_write_enable) },
	{ "no-fast-read", FLAG, CONFIG(no_fast_read) },
	{ "wake-opcode", FLAG, CONFIG(wake_opcode) },
	{ "mode-register", FLAG, CONFIG(mode_register) },
	{ "seed", NUMBER_32, CONFIG(seed) },
	{ 0 },
};

/* Values. All return whether the text is one. */

static bool parse_number(const char *text, uint64_t max, uint64_t *number)
{
	char *end;

	*number = strtoull(text, &end, 0);
	if (*end == 'K')
		*number *= 1024;
	else if (*end == 'M')
		*number *= 1024 * 1024;
	end += *end == 'K' || *end == 'M';
	return end != text && *end == '\0' && *number <= max;
}

bool board_file_parse_id(const char *text, struct model_config *config)
{
	size_t size = strlen(text) / 2;

	if (strlen(text) % 2 || size > MODEL_ID_MAX)
		return false;
	if (text[strspn(text, "0123456789abcdefABCDEF")])
		return false;
	for (size_t i = 0; i < size; i++) {
		char digits[] = { text[2 * i], text[2 * i + 1], '\0' };

		config->id[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
	config->id_size = (uint8_t)size;
	return true;
}

static bool parse_flag(const char *text, bool *flag)
{
	*flag = strcmp(text, "yes") == 0;
	return *flag || strcmp(text, "no") == 0;
}

static bool parse_text(const char *text, char *to, size_t size)
{
	return (size_t)snprintf(to, size, "%s", text) < size;
}

static bool store(const struct key *key, void *base, const char *text)
{
	char *to = (char *)base + key->offset;
	uint64_t number;

	switch (key->type) {
	case NUMBER_8:
		return parse_number(text, UINT8_MAX, &number) &&
		       (*(uint8_t *)to = (uint8_t)number, true);
	case NUMBER_16:
		return parse_number(text, UINT16_MAX, &number) &&
		       (*(uint16_t *)to = (uint16_t)number, true);
	case NUMBER_32:
		return parse_number(text, UINT32_MAX, &number) &&
		       (*(uint32_t *)to = (uint32_t)number, true);
	case FLAG:
		return parse_flag(text, (bool *)to);
	case ERRNO:
		return (*(int *)to = board_errno(text)) != 0;
	case BYTES:
		return board_file_parse_id(text, &((struct board_chip *)base)->model.config);
	case NAME:
		return parse_text(text, to, BOARD_NAME_MAX);
	case PATH:
		return parse_text(text, to, PATH_MAX);
	}
	return false;
}

static bool store_key(const struct key *keys, void *base, const char *name, const char *value)
{
	for (const struct key *key = keys; key->name; key++) {
		if (strcmp(key->name, name) == 0)
			return store(key, base, value);
	}
	return false;
}

/* Lines: NAME [up] [wp:CHIP | wp-low:CHIP | power:CHIP] */

static void wire_to_wp(void *userdata, bool level)
{
	((struct model *)userdata)->write_protect = level;
}

static void wire_to_wp_low(void *userdata, bool level)
{
	((struct model *)userdata)->write_protect = !level;
}

static void wire_to_power(void *userdata, bool level)
{
	model_power(userdata, level);
}

static bool connect_line(struct board *board, struct gpio_line *line, const char *word)
{
	static const struct {
		const char *pin;
		void (*wired)(void *userdata, bool level);
	} pins[] = {
		{ "wp:", wire_to_wp },
		{ "wp-low:", wire_to_wp_low },
		{ "power:", wire_to_power },
	};

	for (size_t i = 0; i < sizeof(pins) / sizeof(pins[0]); i++) {
		size_t length = strlen(pins[i].pin);
		struct board_chip *chip = board_chip(board, word + length);

		if (strncmp(word, pins[i].pin, length) != 0)
			continue;
		line->wired = pins[i].wired;
		line->wired_userdata = chip ? &chip->model : NULL;
		return chip;
	}
	return false;
}

static bool store_line(struct board *board, struct gpio_chip *gpio, const char *name,
		       const char *value)
{
	char words[256], *rest = words, *word;
	struct gpio_line *line;
	uint64_t offset;

	if (!parse_number(name, GPIO_CHIP_LINES_MAX - 1, &offset) ||
	    !parse_text(value, words, sizeof(words)))
		return false;
	line = &gpio->lines[offset];
	if (gpio->line_count <= offset)
		gpio->line_count = (uint32_t)offset + 1;
	word = strsep(&rest, " ");
	if (!parse_text(word, line->name, sizeof(line->name)))
		return false;
	while ((word = strsep(&rest, " "))) {
		if (strcmp(word, "up") == 0)
			line->pull = true;
		else if (!connect_line(board, line, word))
			return false;
	}
	return true;
}

static bool store_gpio(struct board *board, struct gpio_chip *gpio, const char *name,
		       const char *value)
{
	uint64_t count;

	if (strcmp(name, "label") == 0)
		return parse_text(value, gpio->label, sizeof(gpio->label));
	if (strcmp(name, "lines") != 0)
		return store_line(board, gpio, name, value);
	if (!parse_number(value, GPIO_CHIP_LINES_MAX, &count))
		return false;
	gpio->line_count = (uint32_t)count;
	return true;
}

/* Sections: "i2c 1", "spi 0.0", "gpio 0", "chip NAME", "rig". */

/* The numbers behind a word: "N", or "N.N" with @second. */
static bool parse_place(const char *section, const char *word, unsigned int *first,
			unsigned int *second)
{
	size_t length = strlen(word);
	char *end;

	if (strncmp(section, word, length) != 0)
		return false;
	*first = (unsigned int)strtoul(section + length, &end, 10);
	if (!second)
		return end != section + length && *end == '\0';
	if (*end != '.')
		return false;
	*second = (unsigned int)strtoul(end + 1, &end, 10);
	return *end == '\0';
}

static bool name_device(struct board *board, struct board_device *device, const char *section)
{
	*device = (struct board_device){ 0 };
	if (parse_place(section, "i2c ", &device->bus, NULL)) {
		device->kind = DEVICE_I2C;
		snprintf(device->name, sizeof(device->name), "i2c-%u", device->bus);
	} else if (parse_place(section, "spi ", &device->bus, &device->select)) {
		device->kind = DEVICE_SPI;
		snprintf(device->name, sizeof(device->name), "spidev%u.%u", device->bus,
			 device->select);
	} else if (parse_place(section, "gpio ", &device->bus, NULL)) {
		device->kind = DEVICE_GPIO;
		snprintf(device->name, sizeof(device->name), "gpiochip%u", device->bus);
		gpio_chip_init(&device->gpio, &board->clock);
		memcpy(device->gpio.name, device->name, sizeof(device->gpio.name));
	} else {
		return false;
	}
	return true;
}

static struct board_device *device_of(struct board *board, const char *section)
{
	struct board_device *device = &board->devices[board->device_count];
	struct board_device *known;

	if (board->device_count == BOARD_DEVICES_MAX || !name_device(board, device, section))
		return NULL;
	known = board_device(board, device->name);
	if (known)
		return known;
	board->device_count++;
	return device;
}

static struct board_chip *chip_of(struct board *board, const char *name)
{
	struct board_chip *chip = board_chip(board, name);

	if (chip || board->chip_count == BOARD_CHIPS_MAX)
		return chip;
	chip = &board->chips[board->chip_count++];
	snprintf(chip->name, sizeof(chip->name), "%s", name);
	return chip;
}

static bool store_in_device(struct board *board, const char *section, const char *name,
			    const char *value)
{
	struct board_device *device = device_of(board, section);

	if (!device)
		return false;
	switch (device->kind) {
	case DEVICE_I2C:
		return store_key(i2c_keys, device, name, value);
	case DEVICE_SPI:
		return store_key(spi_keys, device, name, value);
	default:
		return store_gpio(board, &device->gpio, name, value);
	}
}

static int take(void *userdata, const char *section, const char *name, const char *value)
{
	struct board *board = userdata;
	bool taken;

	if (strcmp(section, "rig") == 0) {
		taken = store_key(board_keys, board, name, value);
	} else if (strncmp(section, "chip ", 5) == 0) {
		struct board_chip *chip = chip_of(board, section + 5);

		taken = chip && store_key(chip_keys, chip, name, value);
	} else {
		taken = store_in_device(board, section, name, value);
	}
	if (!taken)
		fprintf(stderr, "smm-rig: [%s] %s = %s: there is no such section, key or value\n",
			section, name, value);
	return taken;
}

int board_file_parse(struct board *board, const char *path)
{
	int r = ini_parse(path, take, board);

	if (r < 0)
		fprintf(stderr, "smm-rig: %s: %m\n", path);
	else if (r > 0)
		fprintf(stderr, "smm-rig: %s: line %d is wrong\n", path, r);
	return r ? -1 : 0;
}
