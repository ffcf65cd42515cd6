/* SPDX-License-Identifier: BSD-3-Clause */
#include "calls.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Room for any argument: all are structures without pointers. */
union argument {
	struct gpiochip_info chip;
	struct gpioline_info line;
	struct gpiohandle_request handle;
	struct gpiohandle_config config;
	struct gpiohandle_data data;
	struct gpioevent_request event;
	struct gpio_v2_line_info line2;
	struct gpio_v2_line_request request2;
	struct gpio_v2_line_config config2;
	struct gpio_v2_line_values values2;
};

static int take(const struct caller *caller, union argument *argument)
{
	size_t size = _IOC_SIZE(caller->call->data.args[1]);

	if (size > sizeof(*argument))
		return -ENOTTY;
	return caller_read(caller, caller->call->data.args[2], argument, size);
}

static int give(const struct caller *caller, const union argument *argument)
{
	return caller_write(caller, caller->call->data.args[2], argument,
			    _IOC_SIZE(caller->call->data.args[1]));
}

/* The descriptor in the argument of a request for lines; NULL: it is none. */
static int *new_descriptor(unsigned long code, union argument *argument)
{
	switch (code) {
	case GPIO_GET_LINEHANDLE_IOCTL:
		return &argument->handle.fd;
	case GPIO_GET_LINEEVENT_IOCTL:
		return &argument->event.fd;
	case GPIO_V2_GET_LINE_IOCTL:
		return &argument->request2.fd;
	default:
		return NULL;
	}
}

/* It moves to the caller: as long as that has it, the lines are taken. */
static int pass_descriptor(const struct caller *caller, int *descriptor)
{
	int here = *descriptor;

	*descriptor = caller_give(caller, here, O_CLOEXEC, false);
	close(here);
	return *descriptor < 0 ? *descriptor : 0;
}

int64_t ioctl_gpio_chip(struct gpio_chip *chip, const struct caller *caller)
{
	unsigned int code = (unsigned int)caller->call->data.args[1];
	union argument argument = { 0 };
	int *descriptor = new_descriptor(code, &argument);
	int r = take(caller, &argument);

	if (r == 0)
		r = gpio_chip_ioctl(chip, code, &argument);
	if (r == 0 && descriptor)
		r = pass_descriptor(caller, descriptor);
	return r < 0 ? r : give(caller, &argument);
}

int64_t ioctl_gpio_request(struct gpio_chip *chip, struct gpio_request *request,
			   const struct caller *caller)
{
	union argument argument = { 0 };
	int r = take(caller, &argument);

	if (r == 0)
		r = gpio_request_ioctl(chip, request, (unsigned int)caller->call->data.args[1],
				       &argument);
	return r < 0 ? r : give(caller, &argument);
}
