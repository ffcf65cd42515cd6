/* SPDX-License-Identifier: BSD-3-Clause */
#include "options.h"

#include "errors.h"
#include "util.h"

static const struct option_spec *find_spec(const char *name, const struct option_spec *specs,
					   size_t n_specs)
{
	for (size_t i = 0; i < n_specs; i++) {
		if (!strcmp(specs[i].name, name))
			return &specs[i];
	}
	return NULL;
}

/* "mode (u), gid (u)" */
static char *list_specs(const struct option_spec *specs, size_t n_specs)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	if (!stream)
		return NULL;
	for (size_t i = 0; i < n_specs; i++)
		fprintf(stream, "%s%s (%c)", i ? ", " : "", specs[i].name, specs[i].type);
	fclose(stream);
	return text;
}

/* sd-bus reads a D-Bus boolean into an int. */
static int read_value(sd_bus_message *m, const struct option_spec *spec)
{
	const char type[] = { spec->type, '\0' };
	int boolean, r;

	if (spec->type != 'b')
		return sd_bus_message_read(m, "v", type, spec->value);

	r = sd_bus_message_read(m, "v", type, &boolean);
	if (r >= 0)
		*(bool *)spec->value = boolean;
	return r;
}

/* @seen: a bit for each of the options that have been read */
static int read_option(sd_bus_message *m, const struct option_spec *specs, size_t n_specs,
		       uint32_t *seen, sd_bus_error *error)
{
	_cleanup_free_ char *known = NULL;
	const struct option_spec *spec;
	const char *name, *contents;
	int r;

	r = sd_bus_message_read(m, "s", &name);
	if (r < 0)
		return r;
	r = sd_bus_message_peek_type(m, NULL, &contents);
	if (r < 0)
		return r;

	spec = find_spec(name, specs, n_specs);
	if (spec && *seen & 1u << (spec - specs))
		return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
					 "option '%s' is given twice", name);
	if (spec && contents[0] == spec->type && contents[1] == '\0') {
		*seen |= 1u << (spec - specs);
		if (spec->given)
			*spec->given = true;
		return read_value(m, spec);
	}

	if (spec)
		return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
					 "option '%s' has type %.*s; it takes %c", name, QUOTE_MAX,
					 contents, spec->type);
	if (!n_specs)
		return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
					 "there is no option '%.*s' here; this call has none",
					 QUOTE_MAX, name);
	known = list_specs(specs, n_specs);
	return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
				 "there is no option '%.*s' here; allowed are %s", QUOTE_MAX, name,
				 known);
}

int options_read(sd_bus_message *m, const struct option_spec *specs, size_t n_specs,
		 sd_bus_error *error)
{
	uint32_t seen = 0;
	int r;

	r = sd_bus_message_enter_container(m, 'a', "{sv}");
	if (r < 0)
		return r;
	while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		r = read_option(m, specs, n_specs, &seen, error);
		if (r < 0)
			return r;
		r = sd_bus_message_exit_container(m);
		if (r < 0)
			return r;
	}
	return r < 0 ? r : sd_bus_message_exit_container(m);
}
