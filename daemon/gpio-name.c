/* SPDX-License-Identifier: BSD-3-Clause */
#include "gpio-name.h"

#include <string.h>

#include "gpio.h"
#include "numbers.h"

/* The kernel knows no longer names of chips and lines than fit. */
static bool copy(char target[GPIO_MAX_NAME_SIZE], const char *from, size_t length)
{
	if (length == 0 || length >= GPIO_MAX_NAME_SIZE)
		return false;
	memcpy(target, from, length);
	return true;
}

static size_t without_suffix(const char *text, const char *suffix)
{
	size_t length = strlen(text), tail = strlen(suffix);

	return length >= tail && strcmp(text + length - tail, suffix) == 0 ? length - tail : length;
}

/* A label may have colons of its own: the last one counts. */
bool gpio_name_parse(const char *text, struct gpio_name *name)
{
	size_t length = without_suffix(text, ":active-low");
	const char *colon = memrchr(text, ':', length);
	char offset[GPIO_MAX_NAME_SIZE] = "";

	*name = (struct gpio_name){ .active_low = text[length] };
	if (!colon)
		return copy(name->line, text, length);
	return copy(name->chip, text, (size_t)(colon - text)) &&
	       copy(offset, colon + 1, length - (size_t)(colon + 1 - text)) &&
	       parse_number(offset, 1, &name->offset);
}

bool gpio_name_valid(const char *name)
{
	struct gpio_name parsed;

	return gpio_name_parse(name, &parsed);
}
