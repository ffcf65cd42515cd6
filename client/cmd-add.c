/* SPDX-License-Identifier: BSD-3-Clause */
/* smmctl add: counters. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

#include "smmctl.h"

static bool parse_s64(const char *text, int64_t *value)
{
	char *end;

	if (!isdigit((unsigned char)text[text[0] == '-' || text[0] == '+']))
		return false;
	errno = 0;
	*value = strtoll(text, &end, 10);
	return !errno && !*end;
}

static void print_counter(const struct smmctl *ctl, const char *name, int64_t value)
{
	_cleanup_json_ json_object *counter = json_object_new_object();

	put_text(counter, "Name", name);
	json_object_object_add(counter, "Value", json_object_new_int64(value));
	print_json(&ctl->output, counter);
}

int cmd_add(struct smmctl *ctl, char **args)
{
	int64_t number = 1;
	int r;

	if (args[1] && !parse_s64(args[1], &number))
		return usage_error(ctl, "'%s' is not a number of 64 bits", args[1]);
	r = smm_client_add(ctl->client, args[0], number, &number);
	if (r < 0)
		return r;
	if (ctl->output.json)
		print_counter(ctl, args[0], number);
	else
		printf("%" PRId64 "\n", number);
	return 0;
}
