/* SPDX-License-Identifier: BSD-3-Clause */
/* smmctl doctor: what is wrong around smmd and its chips, and the command that puts it right. */
#include <stdarg.h>
#include <stdio.h>

#include "doctor.h"

static const struct {
	const char *word;
	enum colour colour;
} verdicts[] = {
	[VERDICT_OK] = { "ok", COLOUR_GOOD },
	[VERDICT_WARNING] = { "warning", COLOUR_WARNING },
	[VERDICT_PROBLEM] = { "problem", COLOUR_BAD },
};

_printf_(3, 0) static void put_formatted(json_object *object, const char *key, const char *format,
					 va_list arguments)
{
	_cleanup_free_ char *text = NULL;

	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	put_text(object, key, text ? text : format);
}

void finding(struct patient *p, enum verdict verdict, const char *check, const char *format, ...)
{
	json_object *f = json_object_new_object();
	va_list arguments;

	if (p->memory)
		put_text(f, "Memory", p->memory);
	put_text(f, "Check", check);
	put_text(f, "Verdict", verdicts[verdict].word);
	va_start(arguments, format);
	put_formatted(f, "Message", format, arguments);
	va_end(arguments);
	json_object_array_add(p->findings, f);
}

void remedy(struct patient *p, const char *format, ...)
{
	size_t last = json_object_array_length(p->findings) - 1;
	va_list arguments;

	va_start(arguments, format);
	put_formatted(json_object_array_get_idx(p->findings, last), "Remedy", format, arguments);
	va_end(arguments);
}

static enum verdict verdict_of(json_object *f)
{
	enum verdict v = VERDICT_OK;

	while (strcmp(verdicts[v].word, get_text(f, "Verdict")) != 0)
		v++;
	return v;
}

static void print_finding(const struct output *output, json_object *f)
{
	enum verdict v = verdict_of(f);
	const char *memory = get_text(f, "Memory"), *command = get_text(f, "Remedy");

	printf("%s%-7s%s  %s%s%s: %s\n", colour(output, verdicts[v].colour), verdicts[v].word,
	       colour(output, COLOUR_NONE), memory, *memory ? " " : "", get_text(f, "Check"),
	       get_text(f, "Message"));
	if (*command)
		printf("         %s%s%s\n", colour(output, COLOUR_HEADING), command,
		       colour(output, COLOUR_NONE));
}

static unsigned int count_problems(const struct patient *p)
{
	unsigned int n = 0;

	for (size_t i = 0; i < json_object_array_length(p->findings); i++)
		n += verdict_of(json_object_array_get_idx(p->findings, i)) == VERDICT_PROBLEM;
	return n;
}

static void patient_release(struct patient *p)
{
	config_free(&p->config);
	sd_bus_flush_close_unref(p->bus);
	json_object_put(p->memories);
	json_object_put(p->findings);
}

int cmd_doctor(struct smmctl *ctl, char **args)
{
	_cleanup_(patient_release) struct patient p = {
		.ctl = ctl,
		.system = !ctl->where,
		.findings = json_object_new_array(),
	};
	unsigned int problems;

	(void)args;
	if (is_elsewhere(ctl))
		return usage_error(ctl, "'doctor' looks at the machine that it runs on; run it "
					"there, as in 'ssh HOST smmctl doctor'");
	examine_system(&p);
	examine_memories(&p);
	if (ctl->output.json)
		print_json(&ctl->output, p.findings);
	else
		for (size_t i = 0; i < json_object_array_length(p.findings); i++)
			print_finding(&ctl->output, json_object_array_get_idx(p.findings, i));
	problems = count_problems(&p);
	if (!problems)
		return 0;
	return failure(ctl, -EUCLEAN, "%u problem%s found; begin with the first one", problems,
		       problems == 1 ? "" : "s");
}
