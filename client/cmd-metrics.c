/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * smmctl metrics: what a monitoring system wants to know.
 *
 * On standard output it is OpenMetrics. A file is for the textfile collector of Prometheus' node
 * exporter, which reads the format from before that, and refuses the whole of a file with types
 * that it does not know. The samples are the same in both.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

#include "fields.h"
#include "save.h"

struct exposition {
	FILE *out;
	bool textfile;
	const char *version; /* of smmd, or NULL: it does not run */
	json_object *memories;
};

struct family {
	const char *name, *type, *unit, *help;
};

/* The words before samples */

static const char *suffix_of(const struct family *family)
{
	if (!strcmp(family->type, "counter"))
		return "_total";
	return strcmp(family->type, "info") == 0 ? "_info" : "";
}

static void print_family(const struct exposition *e, const struct family *family)
{
	bool newer = !strcmp(family->type, "info") || !strcmp(family->type, "stateset");
	const char *suffix = e->textfile ? suffix_of(family) : "";

	fprintf(e->out, "# TYPE %s%s %s\n", family->name, suffix,
		e->textfile && newer ? "gauge" : family->type);
	if (family->unit && !e->textfile)
		fprintf(e->out, "# UNIT %s %s\n", family->name, family->unit);
	fprintf(e->out, "# HELP %s%s %s\n", family->name, suffix, family->help);
}

/* Samples */

static void print_label(const struct exposition *e, const char *before, const char *name,
			const char *value)
{
	fprintf(e->out, "%s%s=\"", before, name);
	for (; *value; value++) {
		if (*value == '\n') {
			fputs("\\n", e->out);
			continue;
		}
		if (*value == '"' || *value == '\\')
			putc('\\', e->out);
		putc(*value, e->out);
	}
	putc('"', e->out);
}

/* The beginning of a sample, up to the label that says of which memory it is. */
static void begin_sample(const struct exposition *e, const struct family *family,
			 json_object *memory)
{
	fprintf(e->out, "%s%s", family->name, suffix_of(family));
	print_label(e, "{", "memory", get_text(memory, "Name"));
}

static void print_sample(const struct exposition *e, const struct family *family,
			 json_object *memory, uint64_t value)
{
	begin_sample(e, family, memory);
	fprintf(e->out, "} %" PRIu64 "\n", value);
}

#define FOR_EACH_MEMORY(e, memory)                                                               \
	for (size_t i_ = 0; i_ < json_object_array_length((e)->memories); i_++)                  \
		for (json_object *memory = json_object_array_get_idx((e)->memories, i_); memory; \
		     memory = NULL)

/* What there is */

static void print_version(const struct exposition *e, const char *program, const char *version)
{
	fputs("smm_build_info", e->out);
	print_label(e, "{", "program", program);
	print_label(e, ",", "version", version);
	fputs("} 1\n", e->out);
}

static void print_infos(const struct exposition *e)
{
	static const struct family build = { "smm_build", "info", NULL,
					     "The versions of smmctl, which wrote this, and "
					     "of smmd." };
	static const struct family chip = { "smm_memory", "info", NULL,
					    "What the memory is, and what it is reached by." };
	static const char *const labels[][2] = {
		{ "model", "Model" },   { "technology", "Technology" },         { "bus", "Bus" },
		{ "device", "Device" }, { "identification", "Identification" },
	};

	print_family(e, &build);
	print_version(e, "smmctl", SMM_VERSION);
	if (e->version)
		print_version(e, "smmd", e->version);
	print_family(e, &chip);
	FOR_EACH_MEMORY(e, memory)
	{
		begin_sample(e, &chip, memory);
		for (size_t i = 0; i < ARRAY_SIZE(labels); i++)
			print_label(e, ",", labels[i][0], get_text(memory, labels[i][1]));
		fputs("} 1\n", e->out);
	}
}

static void print_state(const struct exposition *e, const struct family *family,
			json_object *memory, const char *state, bool is)
{
	begin_sample(e, family, memory);
	print_label(e, ",", family->name, state);
	fprintf(e->out, "} %d\n", is);
}

static void print_states(const struct exposition *e)
{
	static const struct family family = { "smm_memory_state", "stateset", NULL,
					      "The state of the memory; all is well if online." };
	static const char *const states[] = { "online",  "loading",   "blank",      "foreign",
					      "corrupt", "read-only", "power-fail", "offline" };

	print_family(e, &family);
	FOR_EACH_MEMORY(e, memory)
	{
		const char *state = get_text(memory, "State");
		bool known = false;

		for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
			bool is = !strcmp(states[i], state);

			print_state(e, &family, memory, states[i], is);
			known |= is;
		}
		if (!known) /* smmd is newer */
			print_state(e, &family, memory, state, true);
	}
}

/* Gauges; as long as the property @known is 0, nobody knows. */
static const struct gauge {
	struct family family;
	const char *key, *known;
} gauges[] = {
	{ { "smm_memory_size_bytes", "gauge", "bytes", "Size of the chip." }, "Size", "Size" },
	{ { "smm_memory_usable_bytes", "gauge", "bytes",
	    "What blocks can have of it, headers included." },
	  "UsableSize",
	  "Granule" },
	{ { "smm_memory_free_bytes", "gauge", "bytes", "What no block has of that." },
	  "FreeSize",
	  "Granule" },
	{ { "smm_memory_largest_free_bytes", "gauge", "bytes", "The largest free piece." },
	  "LargestFree",
	  "Granule" },
	{ { "smm_memory_granule_bytes", "gauge", "bytes",
	    "What every block, with its header, takes a multiple of." },
	  "Granule",
	  "Granule" },
	{ { "smm_memory_blocks", "gauge", NULL, "How many blocks there are, of all users." },
	  "Blocks",
	  "Granule" },
	{ { "smm_memory_write_protected", "gauge", NULL, "1 if the chip takes no writes." },
	  "WriteProtected",
	  "Size" },
	{ { "smm_memory_bus_speed_hertz", "gauge", "hertz", "Clock of the wire." },
	  "BusSpeed",
	  "BusSpeed" },
};

static void print_gauges(const struct exposition *e)
{
	for (const struct gauge *gauge = gauges; gauge < gauges + ARRAY_SIZE(gauges); gauge++) {
		print_family(e, &gauge->family);
		FOR_EACH_MEMORY(e, memory)
		{
			if (get_number(memory, gauge->known))
				print_sample(e, &gauge->family, memory,
					     get_number(memory, gauge->key));
		}
	}
}

/* In millionths: printf() would write the decimal comma of some locales. */
static uint64_t fragmentation(json_object *memory)
{
	uint64_t free = get_number(memory, "FreeSize");

	return free ? 1000000 - get_number(memory, "LargestFree") * 1000000 / free : 0;
}

static void print_fragmentation(const struct exposition *e)
{
	static const struct family family = {
		"smm_memory_fragmentation_ratio", "gauge", "ratio",
		"The part of what is free that is not in the largest free piece."
	};

	print_family(e, &family);
	FOR_EACH_MEMORY(e, memory)
	{
		uint64_t millionths = fragmentation(memory);

		if (!get_number(memory, "Granule"))
			continue;
		begin_sample(e, &family, memory);
		fprintf(e->out, "} %" PRIu64 ".%06" PRIu64 "\n", millionths / 1000000,
			millionths % 1000000);
	}
}

/* Counters: whatever smmd counts, also what it counts only since this was written */

static const char *help_of(const char *statistic)
{
	static const char *const words[][2] = {
		{ "BytesRead", "Bytes of the chip that were read over the wire." },
		{ "BytesWritten", "Bytes of the chip that were written over the wire." },
		{ "ReadTransactions", "Transfers on the wire that read." },
		{ "WriteTransactions", "Transfers on the wire that wrote." },
		{ "Errors", "Transfers on the wire that failed for good." },
		{ "Retries", "Transfers on the wire that were tried again." },
		{ "CorrectedBits", "Wrong bits of the map that were corrected." },
		{ "UncorrectableLines", "Lines of the map that are beyond correction." },
		{ "MergedRuns", "Pieces of free space that a lost bit had cut off." },
		{ "Replays", "Updates that a power loss had cut and a start finished." },
		{ "CacheHits", "Reads that were answered from the image in RAM." },
		{ "BytesSaved", "Bytes that were not written because they had not changed." },
		{ "BytesRepaired", "Bytes that had changed on the chip and were written again." },
		{ "PagePrograms", "Pages of an EEPROM that were programmed." },
		{ "JournalPrograms", "Those of them that make the others safe." },
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(words[i][0], statistic))
			return words[i][1];
	return "A counter of smmd.";
}

/* "smm_memory_read_bytes" of "BytesRead", "smm_memory_cache_hits" of "CacheHits". */
static void name_counter(const char *statistic, bool bytes, char *name, size_t size)
{
	size_t n = (size_t)snprintf(name, size, "smm_memory");

	for (const char *s = bytes ? statistic + strlen("Bytes") : statistic; *s && n + 2 < size;
	     s++) {
		if (isupper((unsigned char)*s))
			name[n++] = '_';
		name[n++] = isalnum((unsigned char)*s) ? (char)tolower((unsigned char)*s) : '_';
	}
	snprintf(name + n, size - n, "%s", bytes ? "_bytes" : "");
}

static void print_counter(const struct exposition *e, const char *statistic)
{
	bool bytes = !strncmp(statistic, "Bytes", strlen("Bytes"));
	char name[128];
	struct family family = { name, "counter", bytes ? "bytes" : NULL, help_of(statistic) };

	name_counter(statistic, bytes, name, sizeof(name));
	print_family(e, &family);
	FOR_EACH_MEMORY(e, memory)
	{
		json_object *statistics = json_object_object_get(memory, "Statistics");

		if (json_object_object_get_ex(statistics, statistic, NULL))
			print_sample(e, &family, memory, get_number(statistics, statistic));
	}
}

/* Not all memories have the same. */
static void print_counters(const struct exposition *e)
{
	_cleanup_json_ json_object *printed = json_object_new_object();

	FOR_EACH_MEMORY(e, memory)
	{
		json_object *statistics = json_object_object_get(memory, "Statistics");

		if (!statistics)
			continue;
		json_object_object_foreach(statistics, name, value)
		{
			(void)value;
			if (json_object_object_get_ex(printed, name, NULL))
				continue;
			json_object_object_add(printed, name, NULL);
			print_counter(e, name);
		}
	}
}

/* The whole */

static void print_all(const struct exposition *e)
{
	static const struct family family = { "smm_up", "gauge", NULL, "1 if smmd runs." };

	print_family(e, &family);
	fprintf(e->out, "smm_up %d\n", e->version != NULL);
	print_infos(e);
	print_states(e);
	print_gauges(e);
	print_fragmentation(e);
	print_counters(e);
	fputs("# EOF\n", e->out);
}

/* All that smmd says; without it, nothing, as half of it would be worse. */
static int ask(struct smmctl *ctl, struct exposition *e, smm_call **version)
{
	int r = smm_client_version(ctl->client, version);

	if (r >= 0)
		r = smm_call_get_text(*version, "Version", &e->version);
	if (r >= 0)
		r = add_memories(ctl, ctl->memory, e->memories);
	if (r != -EHOSTDOWN && r != -ECONNRESET)
		return r;
	e->version = NULL;
	json_object_array_del_idx(e->memories, 0, json_object_array_length(e->memories));
	return 0;
}

int cmd_metrics(struct smmctl *ctl, char **args)
{
	_cleanup_json_ json_object *memories = json_object_new_array();
	struct exposition e = { .textfile = ctl->file, .memories = memories };
	_cleanup_call_ smm_call *version = NULL;
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r;

	(void)args;
	r = ask(ctl, &e, &version);
	if (r < 0)
		return r;
	e.out = open_memstream(&text, &size);
	if (!e.out)
		return -ENOMEM;
	print_all(&e);
	return fclose(e.out) != 0 ? -ENOMEM : save(ctl, text, size);
}
