/* SPDX-License-Identifier: BSD-3-Clause */
#include "config-keys.h"

#include <ctype.h>

#include "chip-table.h"
#include "gpio.h"
#include "numbers.h"
#include "smm_store.h"
#include "util.h"

static const char *set_string(char **target, const char *value)
{
	free(*target);
	*target = strdup(value);
	return *target ? NULL : "there is no memory left to keep it";
}

static const char *parse_bus(struct memory_config *m, const char *value)
{
	m->bus = !strcmp(value, "file")  ? BUS_FILE
		 : !strcmp(value, "i2c") ? BUS_I2C
		 : !strcmp(value, "spi") ? BUS_SPI
					 : BUS_NONE;
	return m->bus == BUS_NONE ? "there is no such bus" : NULL;
}

static const char *parse_device(struct memory_config *m, const char *value)
{
	return *value == '/' ? set_string(&m->device, value) : "it does not begin with '/'";
}

/* 0x50 or 80. 0x00 to 0x07 and 0x78 to 0x7f are reserved (I2C specification, 3.1.12). */
static const char *parse_address(struct memory_config *m, const char *value)
{
	char *end;
	unsigned long address = strtoul(value, &end, 0);

	if (!isdigit((unsigned char)*value) || *end || address < 0x08 || address > 0x77)
		return "this is no address of a chip";
	m->address = (uint8_t)address;
	return NULL;
}

static const char *parse_speed(struct memory_config *m, const char *value)
{
	uint32_t speed;

	if (!parse_number(value, 1000, &speed) || speed < 1000 || speed > 100000000)
		return "this is not the clock of a bus";
	m->speed = speed;
	return NULL;
}

static const char *parse_path(struct memory_config *m, const char *value)
{
	return *value == '/' ? set_string(&m->path, value) : "it does not begin with '/'";
}

static const char *parse_model(struct memory_config *m, const char *value)
{
	const struct chip_model *model = chip_model_find(value);

	if (!model && strcmp(value, "auto") != 0 && strcmp(value, "custom") != 0)
		return "no chip of that name is known";
	return set_string(&m->model, model ? model->name : value);
}

static const char *parse_flag(const char *value, bool *flag)
{
	if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
		return "this is neither yes nor no";
	*flag = !strcmp(value, "yes");
	return NULL;
}

static const char *parse_check_id(struct memory_config *m, const char *value)
{
	return parse_flag(value, &m->check_id);
}

static const char *parse_address_bytes(struct memory_config *m, const char *value)
{
	uint32_t bytes;

	if (!parse_number(value, 1, &bytes) || bytes < 1 || bytes > 3)
		return "no chip has so many";
	m->address_bytes = (uint8_t)bytes;
	return NULL;
}

static const char *parse_page_size(struct memory_config *m, const char *value)
{
	uint32_t size;

	if (!parse_number(value, 1024, &size) || size > 1024 || size & (size - 1) ||
	    (size && size < 8))
		return "this is no size of a page";
	m->page_size = (uint16_t)size;
	return NULL;
}

static const char *parse_write_time(struct memory_config *m, const char *value)
{
	uint64_t us;

	if (!parse_duration(value, &us) || us > 100000)
		return "this is not the time of a write cycle";
	m->write_time_us = (uint32_t)us;
	return NULL;
}

static const char *parse_size(struct memory_config *m, const char *value)
{
	uint32_t size;

	if (!parse_number(value, 1024, &size))
		return "this is not a size";
	if (size < SIZE_MIN)
		return "this is too small for named blocks";
	if (size > SMM_SIZE_MAX)
		return "this is more than smm can manage";
	if (size % 4)
		return "this is not a multiple of 4";
	m->size = size;
	return NULL;
}

static const char *parse_granule(struct memory_config *m, const char *value)
{
	uint32_t granule;

	if (!parse_number(value, 1024, &granule))
		return "this is not a size";
	if (granule < SMM_GRANULE || granule > SMM_GRANULE_MAX || granule & (granule - 1))
		return "this is not a power of two in the range";
	m->granule = granule;
	return NULL;
}

static const char *parse_format(struct memory_config *m, const char *value)
{
	if (!strcmp(value, "never"))
		m->format = FORMAT_NEVER;
	else if (!strcmp(value, "blank"))
		m->format = FORMAT_BLANK;
	else
		return "there is no such rule";
	return NULL;
}

static const char *parse_mirror(struct memory_config *m, const char *value)
{
	return parse_flag(value, &m->mirror);
}

static const char *parse_verify(struct memory_config *m, const char *value)
{
	if (!strcmp(value, "none"))
		m->verify = VERIFY_NONE;
	else if (!strcmp(value, "metadata"))
		m->verify = VERIFY_METADATA;
	else if (!strcmp(value, "all"))
		m->verify = VERIFY_ALL;
	else
		return "there is no such rule";
	return NULL;
}

static const char *parse_scrub_interval(struct memory_config *m, const char *value)
{
	uint64_t us;

	if (!parse_duration(value, &us) || (us && us < 60000000) || us / 1000000 > UINT32_MAX)
		return "this is no time between two readings of a chip";
	m->scrub_interval = (uint32_t)(us / 1000000);
	return NULL;
}

static const char *parse_quota(struct memory_config *m, const char *value)
{
	size_t length = strlen(value);
	uint32_t bytes = 0, percent = 0;

	if (length && value[length - 1] == '%') {
		_cleanup_free_ char *number = strndup(value, length - 1);

		if (!number || !parse_number(number, 1, &percent) || percent > 100)
			return "this is not a share of the chip";
	} else if (!parse_number(value, 1024, &bytes)) {
		return "this is not a size";
	}
	m->quota = bytes;
	m->quota_percent = percent;
	return NULL;
}

static const char *parse_default_mode(struct memory_config *m, const char *value)
{
	uint32_t mode;

	if (!parse_octal_mode(value, &mode))
		return "this is not an octal mode";
	m->default_mode = (mode_t)mode;
	return NULL;
}

static const char *parse_wire_speed(struct memory_config *m, const char *value)
{
	uint32_t speed;

	if (!parse_number(value, 1000, &speed))
		return "this is not a frequency";
	if (speed && (speed < 1000 || speed > 100000000))
		return "no bus is that slow or that fast";
	m->wire_speed = speed;
	return NULL;
}

/* Any line that gpio.h can name. */
static const char *parse_gpio(char **target, const char *value)
{
	return gpio_name_valid(value) ? set_string(target, value)
				      : "this is not the name of a line";
}

static const char *parse_write_protect_gpio(struct memory_config *m, const char *value)
{
	return parse_gpio(&m->write_protect_gpio, value);
}

static const char *parse_power_fail_gpio(struct memory_config *m, const char *value)
{
	return parse_gpio(&m->power_fail_gpio, value);
}

static const char *parse_power_enable_gpio(struct memory_config *m, const char *value)
{
	return parse_gpio(&m->power_enable_gpio, value);
}

#define ON_FILE  (1u << BUS_FILE)
#define ON_I2C   (1u << BUS_I2C)
#define ON_SPI   (1u << BUS_SPI)
#define ON_WIRE  (ON_I2C | ON_SPI)
#define ANYWHERE (ON_FILE | ON_WIRE)

#define A_GPIO "CHIP:LINE as gpiochip0:17, or a line's name, with :active-low behind it if so"

const struct key config_keys[N_KEYS] = {
	[KEY_BUS] = { "bus", parse_bus, "i2c, spi or file", ANYWHERE },
	[KEY_DEVICE] = { "device", parse_device,
			 "the path of a node, as /dev/i2c-1 or /dev/spidev0.0", ON_WIRE },
	[KEY_ADDRESS] = { "address", parse_address, "0x08 to 0x77", ON_I2C },
	[KEY_SPEED] = { "speed", parse_speed, "Hz, or with k or M, 1k to 100M", ON_SPI },
	[KEY_PATH] = { "path", parse_path, "the absolute path of an image file", ON_FILE },
	[KEY_MODEL] = { "model", parse_model, "auto, custom or a part such as MB85RC256V",
			ANYWHERE },
	[KEY_CHECK_ID] = { "check-id", parse_check_id, "yes or no", ON_WIRE },
	[KEY_SIZE] = { "size", parse_size,
		       "bytes, or with K or M for 1024 and 1024 squared, 512 to 2M", ANYWHERE },
	[KEY_ADDRESS_BYTES] = { "address-bytes", parse_address_bytes, "1, 2 or 3", ON_WIRE },
	[KEY_PAGE_SIZE] = { "page-size", parse_page_size,
			    "bytes, a power of two from 8 to 1K; 0 for a chip without pages",
			    ANYWHERE },
	[KEY_WRITE_TIME] = { "write-time", parse_write_time, "a time as 5ms, at most 100ms",
			     ON_WIRE },
	[KEY_GRANULE] = { "granule", parse_granule, "a power of two from 4 to 128K", ANYWHERE },
	[KEY_FORMAT] = { "format", parse_format, "never or blank", ANYWHERE },
	[KEY_MIRROR] = { "mirror", parse_mirror, "yes or no", ANYWHERE },
	[KEY_VERIFY] = { "verify", parse_verify, "metadata, all or none", ANYWHERE },
	[KEY_SCRUB_INTERVAL] = { "scrub-interval", parse_scrub_interval,
				 "a time as 90min, 1h or 1d, from 1min; 0 for never", ANYWHERE },
	[KEY_QUOTA] = { "quota", parse_quota,
			"bytes, or with K or M, or 0% to 100%; 0 sets no limit", ANYWHERE },
	[KEY_DEFAULT_MODE] = { "default-mode", parse_default_mode, "0 to 0777", ANYWHERE },
	[KEY_WRITE_PROTECT_GPIO] = { "write-protect-gpio", parse_write_protect_gpio, A_GPIO,
				     ANYWHERE },
	[KEY_POWER_FAIL_GPIO] = { "power-fail-gpio", parse_power_fail_gpio, A_GPIO, ANYWHERE },
	[KEY_POWER_ENABLE_GPIO] = { "power-enable-gpio", parse_power_enable_gpio, A_GPIO, ON_WIRE },
	[KEY_WIRE_SPEED] = { "wire-speed", parse_wire_speed,
			     "the clock of a bus in Hz, or with k or M, 1k to 100M; 0 for no "
			     "delay",
			     ON_FILE },
};
