/* SPDX-License-Identifier: BSD-3-Clause */
/* smmctl add: counters. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "smmctl.h"
#include "util.h"

static bool parse_s64(const char *text, int64_t *value)
{
	char *end;

	if (!isdigit((unsigned char)text[text[0] == '-' || text[0] == '+']))
		return false;
	errno = 0;
	*value = strtoll(text, &end, 10);
	return !errno && !*end;
}

int cmd_add(struct smmctl *ctl, char **args, sd_bus_error *error)
{
	_cleanup_message_ sd_bus_message *reply = NULL;
	int64_t number = 1;
	int r;

	if (args[1] && !parse_s64(args[1], &number))
		return usage_error(error, "'%s' is not a number of 64 bits", args[1]);

	r = remote_call(&ctl->remote, "Add", &reply, error, "sx", args[0], number);
	if (r < 0)
		return r;
	r = sd_bus_message_read(reply, "x", &number);
	if (r < 0)
		return r;
	printf("%" PRId64 "\n", number);
	return 0;
}
