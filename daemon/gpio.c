/* SPDX-License-Identifier: BSD-3-Clause */
#include "gpio.h"

#include <errno.h>
#include <glob.h>
#include <inttypes.h>

#include "gpio-lib.h"
#include "gpio-name.h"

#define DIRECTORY "/dev/"
#define PREFIX    "gpiochip"

static bool is_chip(struct gpiod_chip *chip, const char *node, const char *name)
{
	node += strlen(DIRECTORY);
	return strcmp(node, name) == 0 || strcmp(node + strlen(PREFIX), name) == 0 ||
	       gpio_chip_has_label(chip, name);
}

/* Whether the line is on this chip, and where. */
static bool look_for(const struct gpio_name *name, struct gpiod_chip *chip, const char *node,
		     uint32_t *offset)
{
	if (name->line[0])
		return gpio_chip_find_line(chip, name->line, offset);
	*offset = name->offset;
	return is_chip(chip, node, name->chip);
}

static int explain_closed(const char *name, const char *node, int cause, sd_bus_error *error)
{
	if (cause != EACCES && cause != EPERM)
		return sd_bus_error_set_errnof(
			error, cause, "%s was not found, and %s cannot be opened: %m", name, node);
	return sd_bus_error_set_errnof(error, cause,
				       "%s was not found, and %s may not be opened; the user of "
				       "smmd has to be in the group that 'ls -lL %s' shows",
				       name, node, node);
}

static int find_line(const char *text, const struct gpio_name *name, struct gpiod_chip **found,
		     uint32_t *offset, sd_bus_error *error)
{
	_cleanup_(globfree) glob_t nodes = { 0 };
	const char *closed = NULL;
	int cause = 0;

	glob(DIRECTORY PREFIX "*", 0, NULL, &nodes);
	for (size_t i = 0; i < nodes.gl_pathc; i++) {
		const char *node = nodes.gl_pathv[i];
		_cleanup_(gpiod_chip_closep) struct gpiod_chip *chip = gpiod_chip_open(node);

		if (chip && look_for(name, chip, node, offset)) {
			*found = TAKE(chip);
			return 0;
		}
		if (!chip && !closed) {
			cause = errno;
			closed = node;
		}
	}
	if (closed)
		return explain_closed(text, closed, cause, error);
	return sd_bus_error_set_errnof(
		error, ENODEV, "%s: there is no GPIO %s %s; %s shows what there is", text,
		name->line[0] ? "line of the name" : "chip of the name, number or label",
		name->line[0] ? name->line : name->chip, name->line[0] ? "gpioinfo" : "gpiodetect");
}

static int explain_refusal(const char *name, struct gpiod_chip *chip, const struct gpio_wish *wish,
			   int result, sd_bus_error *error)
{
	char consumer[GPIO_MAX_NAME_SIZE];

	if (result != -EBUSY)
		return sd_bus_error_set_errnof(
			error, -result, "%s cannot be taken as an %s: %m", name,
			wish->output ? "output" : "input that tells its edges");
	gpio_chip_get_consumer(chip, wish->offset, consumer);
	return sd_bus_error_set_errnof(
		error, EBUSY, "%s is in use by %s; end that, or connect another line", name,
		consumer[0] ? consumer : "somebody that the kernel does not name");
}

static int open_line(const char *text, struct gpio_wish wish, struct gpio_line **line,
		     sd_bus_error *error)
{
	_cleanup_(gpiod_chip_closep) struct gpiod_chip *chip = NULL;
	struct gpio_name name;
	uint32_t count;
	int r;

	if (!gpio_name_parse(text, &name))
		return sd_bus_error_set_errnof(
			error, EINVAL,
			"%s names no GPIO line; write CHIP:LINE as gpiochip0:17, or the name of a "
			"line, with :active-low behind it where low means yes",
			text);
	r = find_line(text, &name, &chip, &wish.offset, error);
	if (r < 0)
		return r;
	count = gpio_chip_count_lines(chip);
	if (wish.offset >= count)
		return sd_bus_error_set_errnof(error, ENODEV,
					       "%s: there is no such line; the chip has %" PRIu32
					       ", from 0 on",
					       text, count);
	wish.active_low = name.active_low;
	r = gpio_chip_take_line(chip, &wish, line);
	if (r < 0)
		return explain_refusal(text, chip, &wish, r, error);
	chip = NULL;
	return 0;
}

int gpio_open_output(const char *name, bool value, struct gpio_line **line, sd_bus_error *error)
{
	return open_line(name, (struct gpio_wish){ .output = true, .value = value }, line, error);
}

int gpio_open_input(const char *name, struct gpio_line **line, sd_bus_error *error)
{
	return open_line(name, (struct gpio_wish){ 0 }, line, error);
}
