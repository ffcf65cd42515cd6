/* SPDX-License-Identifier: BSD-3-Clause */
#include "numbers.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool parse_number(const char *text, uint32_t kilo, uint32_t *number)
{
	unsigned long long value;
	uint32_t unit = 1;
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (toupper((unsigned char)*end) == 'K')
		unit = kilo;
	else if (toupper((unsigned char)*end) == 'M')
		unit = kilo * kilo;
	if (errno || end[*end != '\0'] || (*end && unit == 1) || value > UINT32_MAX / unit)
		return false;
	*number = (uint32_t)value * unit;
	return true;
}

bool parse_octal_mode(const char *text, uint32_t *mode)
{
	unsigned long value = strtoul(text, NULL, 8);

	if (!*text || text[strspn(text, "01234567")] || value > 0777)
		return false;
	*mode = (uint32_t)value;
	return true;
}

bool parse_duration(const char *text, uint64_t *us)
{
	static const struct {
		const char *name;
		uint64_t us;
	} units[] = {
		{ "us", 1 },
		{ "ms", 1000 },
		{ "s", 1000000 },
		{ "min", 60 * 1000000 },
		{ "h", 3600ull * 1000000 },
		{ "d", 86400ull * 1000000 },
	};
	unsigned long value;
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || value > 1000000)
		return false;
	*us = 0;
	if (!value && !*end)
		return true;
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (strcmp(end, units[i].name) != 0)
			continue;
		*us = value * units[i].us;
		return true;
	}
	return false;
}
