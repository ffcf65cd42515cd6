/* SPDX-License-Identifier: BSD-3-Clause */
#include "gpio-lib.h"

#include <errno.h>

/* It is a part of its chip. */
struct gpio_line {
	struct gpiod_chip *chip;
	struct gpiod_line *line;
};

bool gpio_chip_has_label(struct gpiod_chip *chip, const char *label)
{
	return strcmp(gpiod_chip_label(chip), label) == 0;
}

uint32_t gpio_chip_count_lines(struct gpiod_chip *chip)
{
	return gpiod_chip_num_lines(chip);
}

bool gpio_chip_find_line(struct gpiod_chip *chip, const char *name, uint32_t *offset)
{
	struct gpiod_line *line = gpiod_chip_find_line(chip, name);

	if (line)
		*offset = gpiod_line_offset(line);
	return line;
}

void gpio_chip_get_consumer(struct gpiod_chip *chip, uint32_t offset,
			    char consumer[GPIO_MAX_NAME_SIZE])
{
	struct gpiod_line *line = gpiod_chip_get_line(chip, offset);
	const char *name = line ? gpiod_line_consumer(line) : NULL;

	snprintf(consumer, GPIO_MAX_NAME_SIZE, "%s", name ? name : "");
}

int gpio_chip_take_line(struct gpiod_chip *chip, const struct gpio_wish *wish,
			struct gpio_line **line)
{
	const struct gpiod_line_request_config config = {
		.consumer = GPIO_CONSUMER,
		.request_type = wish->output ? GPIOD_LINE_REQUEST_DIRECTION_OUTPUT
					     : GPIOD_LINE_REQUEST_EVENT_BOTH_EDGES,
		.flags = wish->active_low ? GPIOD_LINE_REQUEST_FLAG_ACTIVE_LOW : 0,
	};
	_cleanup_free_ struct gpio_line *taken = calloc(1, sizeof(*taken));

	if (!taken)
		return -ENOMEM;
	taken->chip = chip;
	taken->line = gpiod_chip_get_line(chip, wish->offset);
	if (!taken->line || gpiod_line_request(taken->line, &config, wish->value) < 0)
		return -errno;
	*line = TAKE(taken);
	return 0;
}

int gpio_set(struct gpio_line *line, bool value)
{
	return gpiod_line_set_value(line->line, value) < 0 ? -errno : 0;
}

int gpio_get(struct gpio_line *line)
{
	int value = gpiod_line_get_value(line->line);

	return value < 0 ? -errno : value;
}

int gpio_fd(struct gpio_line *line)
{
	return gpiod_line_event_get_fd(line->line);
}

int gpio_drain(struct gpio_line *line)
{
	static const struct timespec now = { 0 };
	struct gpiod_line_event edges[GPIO_EDGES];
	int n;

	while ((n = gpiod_line_event_wait(line->line, &now)) > 0) {
		if (gpiod_line_event_read_multiple(line->line, edges, GPIO_EDGES) < 0)
			return -errno;
	}
	return n < 0 ? -errno : 0;
}

void gpio_close(struct gpio_line *line)
{
	if (!line)
		return;
	gpiod_chip_close(line->chip);
	free(line);
}
