/* SPDX-License-Identifier: BSD-3-Clause */
#include "gpio-chip.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define EDGES (GPIO_V2_LINE_FLAG_EDGE_RISING | GPIO_V2_LINE_FLAG_EDGE_FALLING)

void gpio_chip_init(struct gpio_chip *chip, const struct rig_clock *clock)
{
	*chip = (struct gpio_chip){ .clock = clock };
	for (uint32_t i = 0; i < GPIO_CHIP_REQUESTS_MAX; i++)
		chip->requests[i].events = -1;
}

/* A line and its level */

static void set_level(struct gpio_line *line, bool level)
{
	line->level = level;
	if (line->wired)
		line->wired(line->wired_userdata, level);
}

static bool value_of(const struct gpio_line *line)
{
	return line->level != !!(line->flags & GPIO_V2_LINE_FLAG_ACTIVE_LOW);
}

static void set_value(struct gpio_line *line, bool value)
{
	set_level(line, value != !!(line->flags & GPIO_V2_LINE_FLAG_ACTIVE_LOW));
}

void gpio_chip_settle(struct gpio_chip *chip)
{
	for (uint32_t i = 0; i < chip->line_count; i++)
		set_level(&chip->lines[i], chip->lines[i].pull);
}

/* Edges */

static void tell_v1(struct gpio_chip *chip, struct gpio_request *request, bool rising)
{
	struct gpioevent_data event = {
		.timestamp = chip->clock->now(chip->clock->userdata),
		.id = rising ? GPIOEVENT_EVENT_RISING_EDGE : GPIOEVENT_EVENT_FALLING_EDGE,
	};

	(void)!write(request->events, &event, sizeof(event));
}

static void tell_v2(struct gpio_chip *chip, struct gpio_request *request, uint32_t i, bool rising)
{
	struct gpio_v2_line_event event = {
		.timestamp_ns = chip->clock->now(chip->clock->userdata),
		.id = rising ? GPIO_V2_LINE_EVENT_RISING_EDGE : GPIO_V2_LINE_EVENT_FALLING_EDGE,
		.offset = request->offsets[i],
		.seqno = ++request->sequence,
		.line_seqno = ++request->line_sequence[i],
	};

	(void)!write(request->events, &event, sizeof(event));
}

static void tell_edge(struct gpio_chip *chip, uint32_t offset)
{
	const struct gpio_line *line = &chip->lines[offset];
	bool rising = value_of(line);

	if (!(line->flags &
	      (rising ? GPIO_V2_LINE_FLAG_EDGE_RISING : GPIO_V2_LINE_FLAG_EDGE_FALLING)))
		return;
	for (uint32_t r = 0; r < GPIO_CHIP_REQUESTS_MAX; r++) {
		struct gpio_request *request = &chip->requests[r];

		for (uint32_t i = 0; request->events >= 0 && i < request->count; i++) {
			if (request->offsets[i] != offset)
				continue;
			if (request->version == 1)
				tell_v1(chip, request, rising);
			else
				tell_v2(chip, request, i, rising);
		}
	}
}

void gpio_chip_drive(struct gpio_chip *chip, uint32_t offset, bool level)
{
	struct gpio_line *line = &chip->lines[offset];
	bool before = line->level;

	set_level(line, level);
	if (before != level)
		tell_edge(chip, offset);
}

/* Lines that are taken and given back */

static int check_offsets(const struct gpio_chip *chip, const uint32_t *offsets, uint32_t count)
{
	if (count == 0 || count > GPIO_V2_LINES_MAX)
		return -EINVAL;
	for (uint32_t i = 0; i < count; i++) {
		if (offsets[i] >= chip->line_count)
			return -EINVAL;
		if (chip->lines[offsets[i]].used)
			return -EBUSY;
	}
	return 0;
}

static struct gpio_request *free_request(struct gpio_chip *chip)
{
	for (uint32_t i = 0; i < GPIO_CHIP_REQUESTS_MAX; i++) {
		if (chip->requests[i].events < 0)
			return &chip->requests[i];
	}
	return NULL;
}

/* Takes the lines; their flags and values are still to be set. Returns the descriptor for the
 * program. */
static int take_lines(struct gpio_chip *chip, const uint32_t *offsets, uint32_t count,
		      const char *consumer, int version, struct gpio_request **taken)
{
	int r = check_offsets(chip, offsets, count);
	struct gpio_request *request = free_request(chip);
	int ends[2];

	if (r < 0)
		return r;
	if (!request)
		return -ENOMEM;
	/* Who reads edges waits for them, as with the kernel; the chip never waits. */
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	fcntl(ends[1], F_SETFL, O_NONBLOCK);
	*request = (struct gpio_request){ .events = ends[1], .version = version, .count = count };
	memcpy(request->offsets, offsets, count * sizeof(*offsets));
	for (uint32_t i = 0; i < count; i++) {
		struct gpio_line *line = &chip->lines[offsets[i]];

		line->used = true;
		snprintf(line->consumer, sizeof(line->consumer), "%.*s",
			 (int)sizeof(line->consumer) - 1, *consumer ? consumer : "?");
	}
	*taken = request;
	return ends[0];
}

void gpio_request_release(struct gpio_chip *chip, struct gpio_request *request)
{
	for (uint32_t i = 0; i < request->count; i++) {
		struct gpio_line *line = &chip->lines[request->offsets[i]];

		line->used = false;
		line->flags = 0;
		memset(line->consumer, 0, sizeof(line->consumer));
		set_level(line, line->pull);
	}
	close(request->events);
	request->events = -1;
}

static void configure(struct gpio_line *line, uint64_t flags, bool value)
{
	line->flags = flags;
	if (flags & GPIO_V2_LINE_FLAG_OUTPUT)
		set_value(line, value);
}

/* Version 1 */

static uint64_t flags_from_v1(uint32_t v1)
{
	uint64_t flags = 0;

	if (v1 & GPIOHANDLE_REQUEST_INPUT)
		flags |= GPIO_V2_LINE_FLAG_INPUT;
	if (v1 & GPIOHANDLE_REQUEST_OUTPUT)
		flags |= GPIO_V2_LINE_FLAG_OUTPUT;
	if (v1 & GPIOHANDLE_REQUEST_ACTIVE_LOW)
		flags |= GPIO_V2_LINE_FLAG_ACTIVE_LOW;
	return flags;
}

static int get_info_v1(struct gpio_chip *chip, struct gpioline_info *info)
{
	const struct gpio_line *line;

	if (info->line_offset >= chip->line_count)
		return -EINVAL;
	line = &chip->lines[info->line_offset];
	memcpy(info->name, line->name, sizeof(info->name));
	memcpy(info->consumer, line->consumer, sizeof(info->consumer));
	info->flags = (line->used ? GPIOLINE_FLAG_KERNEL : 0u) |
		      (line->flags & GPIO_V2_LINE_FLAG_OUTPUT ? GPIOLINE_FLAG_IS_OUT : 0u) |
		      (line->flags & GPIO_V2_LINE_FLAG_ACTIVE_LOW ? GPIOLINE_FLAG_ACTIVE_LOW : 0u);
	return 0;
}

static int get_handle_v1(struct gpio_chip *chip, struct gpiohandle_request *v1)
{
	struct gpio_request *request;
	int fd = take_lines(chip, v1->lineoffsets, v1->lines, v1->consumer_label, 1, &request);

	if (fd < 0)
		return fd;
	for (uint32_t i = 0; i < v1->lines; i++)
		configure(&chip->lines[v1->lineoffsets[i]], flags_from_v1(v1->flags),
			  v1->default_values[i]);
	v1->fd = fd;
	return 0;
}

static int get_event_v1(struct gpio_chip *chip, struct gpioevent_request *v1)
{
	uint64_t flags = flags_from_v1(v1->handleflags) | GPIO_V2_LINE_FLAG_INPUT;
	struct gpio_request *request;
	int fd = take_lines(chip, &v1->lineoffset, 1, v1->consumer_label, 1, &request);

	if (fd < 0)
		return fd;
	if (v1->eventflags & GPIOEVENT_REQUEST_RISING_EDGE)
		flags |= GPIO_V2_LINE_FLAG_EDGE_RISING;
	if (v1->eventflags & GPIOEVENT_REQUEST_FALLING_EDGE)
		flags |= GPIO_V2_LINE_FLAG_EDGE_FALLING;
	configure(&chip->lines[v1->lineoffset], flags, false);
	v1->fd = fd;
	return 0;
}

static int set_config_v1(struct gpio_chip *chip, const struct gpio_request *request,
			 const struct gpiohandle_config *v1)
{
	for (uint32_t i = 0; i < request->count; i++)
		configure(&chip->lines[request->offsets[i]], flags_from_v1(v1->flags),
			  v1->default_values[i]);
	return 0;
}

static int get_values_v1(const struct gpio_chip *chip, const struct gpio_request *request,
			 struct gpiohandle_data *v1)
{
	for (uint32_t i = 0; i < request->count; i++)
		v1->values[i] = value_of(&chip->lines[request->offsets[i]]);
	return 0;
}

static int set_values_v1(struct gpio_chip *chip, const struct gpio_request *request,
			 const struct gpiohandle_data *v1)
{
	for (uint32_t i = 0; i < request->count; i++) {
		struct gpio_line *line = &chip->lines[request->offsets[i]];

		if (!(line->flags & GPIO_V2_LINE_FLAG_OUTPUT))
			return -EPERM;
		set_value(line, v1->values[i]);
	}
	return 0;
}

/* Version 2 */

static int get_info_v2(struct gpio_chip *chip, struct gpio_v2_line_info *info)
{
	const struct gpio_line *line;

	if (info->offset >= chip->line_count)
		return -EINVAL;
	line = &chip->lines[info->offset];
	*info = (struct gpio_v2_line_info){ .offset = info->offset, .flags = line->flags };
	memcpy(info->name, line->name, sizeof(info->name));
	memcpy(info->consumer, line->consumer, sizeof(info->consumer));
	if (line->used)
		info->flags |= GPIO_V2_LINE_FLAG_USED;
	if (!(info->flags & GPIO_V2_LINE_FLAG_OUTPUT))
		info->flags |= GPIO_V2_LINE_FLAG_INPUT;
	return 0;
}

/* An attribute of line @i of a request, where it has one of its own. */
static bool attribute(const struct gpio_v2_line_config *config, uint32_t id, uint32_t i,
		      uint64_t *value)
{
	for (uint32_t a = 0; a < config->num_attrs && a < GPIO_V2_LINE_NUM_ATTRS_MAX; a++) {
		const struct gpio_v2_line_config_attribute *attr = &config->attrs[a];

		if (attr->attr.id == id && attr->mask >> i & 1) {
			*value = attr->attr.values;
			return true;
		}
	}
	return false;
}

static int set_config_v2(struct gpio_chip *chip, const struct gpio_request *request,
			 const struct gpio_v2_line_config *config)
{
	for (uint32_t i = 0; i < request->count; i++) {
		struct gpio_line *line = &chip->lines[request->offsets[i]];
		uint64_t flags = config->flags, values = 0;

		attribute(config, GPIO_V2_LINE_ATTR_ID_FLAGS, i, &flags);
		attribute(config, GPIO_V2_LINE_ATTR_ID_OUTPUT_VALUES, i, &values);
		if ((flags & EDGES) && !(flags & GPIO_V2_LINE_FLAG_INPUT))
			return -EINVAL;
		configure(line, flags, values >> i & 1);
	}
	return 0;
}

static int get_line_v2(struct gpio_chip *chip, struct gpio_v2_line_request *v2)
{
	struct gpio_request *request;
	int fd = take_lines(chip, v2->offsets, v2->num_lines, v2->consumer, 2, &request);
	int r;

	if (fd < 0)
		return fd;
	r = set_config_v2(chip, request, &v2->config);
	if (r < 0) {
		close(fd);
		gpio_request_release(chip, request);
		return r;
	}
	v2->fd = fd;
	return 0;
}

static int get_values_v2(const struct gpio_chip *chip, const struct gpio_request *request,
			 struct gpio_v2_line_values *v2)
{
	v2->bits = 0;
	for (uint32_t i = 0; i < request->count; i++) {
		if (v2->mask >> i & 1 && value_of(&chip->lines[request->offsets[i]]))
			v2->bits |= 1ull << i;
	}
	return 0;
}

static int set_values_v2(struct gpio_chip *chip, const struct gpio_request *request,
			 const struct gpio_v2_line_values *v2)
{
	for (uint32_t i = 0; i < request->count; i++) {
		struct gpio_line *line = &chip->lines[request->offsets[i]];

		if (!(v2->mask >> i & 1))
			continue;
		if (!(line->flags & GPIO_V2_LINE_FLAG_OUTPUT))
			return -EPERM;
		set_value(line, v2->bits >> i & 1);
	}
	return 0;
}

static int get_chip_info(const struct gpio_chip *chip, struct gpiochip_info *info)
{
	memcpy(info->name, chip->name, sizeof(info->name));
	memcpy(info->label, chip->label, sizeof(info->label));
	info->lines = chip->line_count;
	return 0;
}

int gpio_chip_ioctl(struct gpio_chip *chip, unsigned long request, void *argument)
{
	if (chip->unplugged)
		return -ENODEV;
	switch (request) {
	case GPIO_GET_CHIPINFO_IOCTL:
		return get_chip_info(chip, argument);
	case GPIO_GET_LINEINFO_IOCTL:
		return get_info_v1(chip, argument);
	case GPIO_GET_LINEHANDLE_IOCTL:
		return get_handle_v1(chip, argument);
	case GPIO_GET_LINEEVENT_IOCTL:
		return get_event_v1(chip, argument);
	case GPIO_V2_GET_LINEINFO_IOCTL:
		return get_info_v2(chip, argument);
	case GPIO_V2_GET_LINE_IOCTL:
		return get_line_v2(chip, argument);
	default:
		return -EINVAL;
	}
}

int gpio_request_ioctl(struct gpio_chip *chip, struct gpio_request *request, unsigned long code,
		       void *argument)
{
	if (chip->unplugged)
		return -ENODEV;
	switch (code) {
	case GPIOHANDLE_GET_LINE_VALUES_IOCTL:
		return get_values_v1(chip, request, argument);
	case GPIOHANDLE_SET_LINE_VALUES_IOCTL:
		return set_values_v1(chip, request, argument);
	case GPIOHANDLE_SET_CONFIG_IOCTL:
		return set_config_v1(chip, request, argument);
	case GPIO_V2_LINE_GET_VALUES_IOCTL:
		return get_values_v2(chip, request, argument);
	case GPIO_V2_LINE_SET_VALUES_IOCTL:
		return set_values_v2(chip, request, argument);
	case GPIO_V2_LINE_SET_CONFIG_IOCTL:
		return set_config_v2(chip, request, argument);
	default:
		return -EINVAL;
	}
}
