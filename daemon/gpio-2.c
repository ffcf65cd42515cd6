/* SPDX-License-Identifier: BSD-3-Clause */
#include "gpio-lib.h"

#include <errno.h>

struct gpio_line {
	struct gpiod_line_request *request; /* of this line alone */
	uint32_t offset;
	struct gpiod_edge_event_buffer *edges;
};

DEFINE_CLEANUP(struct gpiod_chip_info *, gpiod_chip_info_free);
DEFINE_CLEANUP(struct gpiod_line_info *, gpiod_line_info_free);
DEFINE_CLEANUP(struct gpiod_line_settings *, gpiod_line_settings_free);
DEFINE_CLEANUP(struct gpiod_line_config *, gpiod_line_config_free);
DEFINE_CLEANUP(struct gpiod_request_config *, gpiod_request_config_free);
DEFINE_CLEANUP(struct gpio_line *, gpio_close);

bool gpio_chip_has_label(struct gpiod_chip *chip, const char *label)
{
	_cleanup_(gpiod_chip_info_freep) struct gpiod_chip_info *info = gpiod_chip_get_info(chip);

	return info && strcmp(gpiod_chip_info_get_label(info), label) == 0;
}

uint32_t gpio_chip_count_lines(struct gpiod_chip *chip)
{
	_cleanup_(gpiod_chip_info_freep) struct gpiod_chip_info *info = gpiod_chip_get_info(chip);

	return info ? (uint32_t)gpiod_chip_info_get_num_lines(info) : 0;
}

bool gpio_chip_find_line(struct gpiod_chip *chip, const char *name, uint32_t *offset)
{
	int found = gpiod_chip_get_line_offset_from_name(chip, name);

	if (found >= 0)
		*offset = (uint32_t)found;
	return found >= 0;
}

void gpio_chip_get_consumer(struct gpiod_chip *chip, uint32_t offset,
			    char consumer[GPIO_MAX_NAME_SIZE])
{
	_cleanup_(gpiod_line_info_freep) struct gpiod_line_info *info =
		gpiod_chip_get_line_info(chip, offset);
	const char *name = info ? gpiod_line_info_get_consumer(info) : NULL;

	snprintf(consumer, GPIO_MAX_NAME_SIZE, "%s", name ? name : "");
}

static int configure(struct gpiod_line_config *config, const struct gpio_wish *wish)
{
	_cleanup_(gpiod_line_settings_freep) struct gpiod_line_settings *settings =
		gpiod_line_settings_new();

	if (!settings)
		return -errno;
	gpiod_line_settings_set_active_low(settings, wish->active_low);
	if (wish->output) {
		gpiod_line_settings_set_direction(settings, GPIOD_LINE_DIRECTION_OUTPUT);
		gpiod_line_settings_set_output_value(settings, wish->value
								       ? GPIOD_LINE_VALUE_ACTIVE
								       : GPIOD_LINE_VALUE_INACTIVE);
	} else {
		gpiod_line_settings_set_direction(settings, GPIOD_LINE_DIRECTION_INPUT);
		gpiod_line_settings_set_edge_detection(settings, GPIOD_LINE_EDGE_BOTH);
	}
	return gpiod_line_config_add_line_settings(config, &wish->offset, 1, settings) < 0 ? -errno
											   : 0;
}

static int request(struct gpiod_chip *chip, const struct gpio_wish *wish,
		   struct gpiod_line_request **request)
{
	_cleanup_(gpiod_request_config_freep) struct gpiod_request_config *who =
		gpiod_request_config_new();
	_cleanup_(gpiod_line_config_freep) struct gpiod_line_config *what = gpiod_line_config_new();
	int r;

	if (!who || !what)
		return -ENOMEM;
	gpiod_request_config_set_consumer(who, GPIO_CONSUMER);
	r = configure(what, wish);
	if (r < 0)
		return r;
	*request = gpiod_chip_request_lines(chip, who, what);
	return *request ? 0 : -errno;
}

int gpio_chip_take_line(struct gpiod_chip *chip, const struct gpio_wish *wish,
			struct gpio_line **line)
{
	_cleanup_(gpio_closep) struct gpio_line *taken = calloc(1, sizeof(*taken));
	int r;

	if (!taken)
		return -ENOMEM;
	taken->offset = wish->offset;
	taken->edges = gpiod_edge_event_buffer_new(GPIO_EDGES);
	if (!taken->edges)
		return -ENOMEM;
	r = request(chip, wish, &taken->request);
	if (r < 0)
		return r;
	gpiod_chip_close(chip);
	*line = TAKE(taken);
	return 0;
}

int gpio_set(struct gpio_line *line, bool value)
{
	return gpiod_line_request_set_value(line->request, line->offset,
					    value ? GPIOD_LINE_VALUE_ACTIVE
						  : GPIOD_LINE_VALUE_INACTIVE) < 0
		       ? -errno
		       : 0;
}

int gpio_get(struct gpio_line *line)
{
	enum gpiod_line_value value = gpiod_line_request_get_value(line->request, line->offset);

	return value == GPIOD_LINE_VALUE_ERROR ? -errno : value == GPIOD_LINE_VALUE_ACTIVE;
}

int gpio_fd(struct gpio_line *line)
{
	return gpiod_line_request_get_fd(line->request);
}

int gpio_drain(struct gpio_line *line)
{
	int n;

	while ((n = gpiod_line_request_wait_edge_events(line->request, 0)) > 0) {
		if (gpiod_line_request_read_edge_events(line->request, line->edges, GPIO_EDGES) < 0)
			return -errno;
	}
	return n < 0 ? -errno : 0;
}

void gpio_close(struct gpio_line *line)
{
	if (!line)
		return;
	if (line->request)
		gpiod_line_request_release(line->request);
	if (line->edges)
		gpiod_edge_event_buffer_free(line->edges);
	free(line);
}
