/* SPDX-License-Identifier: BSD-3-Clause */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <glob.h>
#include <ini.h>

#include "chip-table.h"
#include "config-keys.h"
#include "log.h"
#include "smm_store.h"
#include "util.h"

#define NAME_LENGTH_MAX 31u  /* the label of a chip has to hold it */
#define LINE_LENGTH_MAX 190u /* inih cuts longer ones apart */
#define DEFAULT_MODE    0600
#define DEFAULT_SCRUB   3600u /* seconds */

struct place {
	const char *file; /* NULL: nowhere */
	unsigned int line;
};

/* A [memory NAME] of one or more files, and where each part of it was said last. */
struct section {
	struct memory_config *memory;
	struct place heading;
	struct place keys[N_KEYS];
	struct section *next;
};

struct parser {
	struct place here; /* the line in hand */
	const char *text;
	struct section *sections;
	struct section *section; /* that of the line in hand; NULL where there is none to fill */
	bool refused;            /* its heading was a mistake: its keys are passed over */
	unsigned int mistakes;
	char *mistake; /* the first one */
};

/* Mistakes */

_printf_(3, 4) static void mistake(struct parser *p, const struct place *place, const char *format,
				   ...)
{
	_cleanup_free_ char *text = NULL, *line = NULL;
	va_list arguments;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	va_end(arguments);
	if (asprintf(&line, "%s:%u: %s", place->file, place->line, text ? text : format) < 0)
		line = NULL;
	log_error("%s", line ? line : format);
	if (!p->mistakes++)
		p->mistake = TAKE(line);
}

static void unknown_key(struct parser *p, const char *key, const char *value)
{
	_cleanup_free_ char *allowed = NULL;
	size_t size;
	FILE *list = open_memstream(&allowed, &size);

	if (list) {
		for (size_t i = 0; i < N_KEYS; i++)
			fprintf(list, "%s%s", i ? ", " : "", config_keys[i].name);
		fclose(list);
	}
	mistake(p, &p->here, "[memory %s] %s = %s: there is no such key; allowed are %s",
		p->section->memory->name, key, value, allowed ? allowed : "others");
}

/* Lines */

/* Add a line to what a section says. */
static int note(struct memory_config *memory, const char *name, const char *value)
{
	char *text;

	if (asprintf(&text, "%s%s = %s\n", memory->text, name, value) < 0)
		return -ENOMEM;
	free(memory->text);
	memory->text = text;
	return 0;
}

static struct section *find_section(struct parser *p, const char *name)
{
	for (struct section *s = p->sections; s; s = s->next)
		if (!strcmp(s->memory->name, name))
			return s;
	return NULL;
}

void memory_config_free(struct memory_config *memory)
{
	if (!memory)
		return;
	free(memory->name);
	free(memory->path);
	free(memory->device);
	free(memory->write_protect_gpio);
	free(memory->power_fail_gpio);
	free(memory->power_enable_gpio);
	free(memory->model);
	free(memory->text);
	free(memory);
}

static struct memory_config *new_memory(const char *name)
{
	struct memory_config *memory = malloc(sizeof(*memory));

	if (!memory)
		return NULL;
	*memory = (struct memory_config){
		.name = strdup(name),
		.model = strdup("auto"),
		.text = strdup(""),
		.granule = SMM_GRANULE,
		.check_id = true,
		.format = FORMAT_BLANK,
		.mirror = true,
		.verify = VERIFY_METADATA,
		.scrub_interval = DEFAULT_SCRUB,
		.default_mode = DEFAULT_MODE,
	};
	if (memory->name && memory->model && memory->text)
		return memory;
	memory_config_free(memory);
	return NULL;
}

static struct section *add_section(struct parser *p, const char *name)
{
	struct section **last = &p->sections, *section = calloc(1, sizeof(*section));

	if (!section)
		return NULL;
	section->memory = new_memory(name);
	if (!section->memory) {
		free(section);
		return NULL;
	}
	while (*last)
		last = &(*last)->next;
	*last = section;
	return section;
}

static bool is_name(const char *name)
{
	size_t length = strlen(name);

	if (length < 1 || length > NAME_LENGTH_MAX)
		return false;
	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)name[i]) && name[i] != '_')
			return false;
	return true;
}

/* Makes [memory NAME] the current section. */
static void on_heading(struct parser *p, const char *heading)
{
	static const char prefix[] = "memory ";
	const char *name = heading + strlen(prefix);
	struct section *section;

	p->section = NULL;
	p->refused = true;
	if (strncmp(heading, prefix, strlen(prefix)) != 0 || !is_name(name)) {
		mistake(p, &p->here,
			"%s: this is not the section of a memory; allowed is [memory NAME], "
			"the name of 1 to %u letters, digits and _",
			p->text, NAME_LENGTH_MAX);
		return;
	}
	section = find_section(p, name);
	if (section && section->heading.file == p->here.file) {
		mistake(p, &p->here,
			"[memory %s]: line %u has this section already; allowed is one of a name "
			"in a file",
			name, section->heading.line);
		return;
	}
	if (!section)
		section = add_section(p, name);
	if (!section) {
		mistake(p, &p->here, "[memory %s]: there is no memory left to keep it", name);
		return;
	}
	section->heading = p->here;
	p->section = section;
	p->refused = false;
}

static void on_value(struct parser *p, const char *name, const char *value)
{
	const char *memory, *wrong;
	struct place *before;
	size_t i = 0;

	if (p->refused)
		return;
	if (!p->section) {
		mistake(p, &p->here,
			"%s = %s: this is in no section; allowed is [memory NAME] "
			"above it",
			name, value);
		return;
	}
	while (i < N_KEYS && strcmp(config_keys[i].name, name) != 0)
		i++;
	if (i == N_KEYS) {
		unknown_key(p, name, value);
		return;
	}
	memory = p->section->memory->name;
	before = &p->section->keys[i];
	if (before->file == p->here.file)
		mistake(p, &p->here,
			"[memory %s] %s = %s: line %u has set it already; allowed is "
			"once in a file",
			memory, name, value, before->line);
	*before = p->here;
	wrong = config_keys[i].parse(p->section->memory, value);
	if (wrong)
		mistake(p, &p->here, "[memory %s] %s = %s: %s; allowed is %s", memory, name, value,
			wrong, config_keys[i].allowed);
	else if (note(p->section->memory, name, value) < 0)
		mistake(p, &p->here, "[memory %s] %s: out of memory", memory, name);
}

static int heading_handler(void *parser, const char *section, const char *name, const char *value)
{
	(void)name;
	(void)value;
	on_heading(parser, section);
	return 1;
}

static int value_handler(void *parser, const char *section, const char *name, const char *value)
{
	(void)section;
	on_value(parser, name, value);
	return 1;
}

/*
 * inih tells neither the number of a line nor of a section without keys. So it gets the lines one
 * by one, and an empty key behind each heading.
 */
static int parse_line(struct parser *p)
{
	_cleanup_free_ char *heading = NULL;

	if (strlen(p->text) > LINE_LENGTH_MAX) {
		mistake(p, &p->here, "this line has %zu bytes; allowed are %u", strlen(p->text),
			LINE_LENGTH_MAX);
	} else if (p->text[strspn(p->text, " \t")] == '[') {
		if (asprintf(&heading, "%s\n=", p->text) < 0)
			return -ENOMEM;
		ini_parse_string(heading, heading_handler, p);
	} else if (ini_parse_string(p->text, value_handler, p) != 0) {
		mistake(p, &p->here,
			"%s: this says nothing; allowed are [memory NAME], KEY = VALUE and, "
			"behind ; or #, comments",
			p->text);
	}
	return 0;
}

static int parse_file(struct parser *p, const char *path)
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	_cleanup_free_ char *line = NULL;
	size_t size = 0;
	int r;

	if (!file)
		return log_error_errno(-errno,
				       errno == ENOENT ? "%s: %m; a section [memory NAME] with "
							 "a bus and its chip makes a memory; "
							 "'man smmd.conf' shows some"
						       : "%s: %m",
				       path);
	p->here = (struct place){ .file = path };
	p->section = NULL;
	p->refused = false;
	while (getline(&line, &size, file) >= 0) {
		line[strcspn(line, "\r\n")] = '\0';
		p->text = line;
		p->here.line++;
		r = parse_line(p);
		if (r < 0)
			return r;
	}
	return ferror(file) ? log_error_errno(-errno, "%s: %m", path) : 0;
}

/* Sections as a whole */

static const char *bus_name(enum bus_kind bus)
{
	return bus == BUS_I2C ? "i2c" : bus == BUS_SPI ? "spi" : "file";
}

/* A key without which a memory on this bus cannot be. */
static void require(struct parser *p, const struct section *s, enum key_id key)
{
	if (!s->keys[key].file)
		mistake(p, &s->heading, "[memory %s]: %s is missing; allowed is %s",
			s->memory->name, config_keys[key].name, config_keys[key].allowed);
}

/* Keys that mean nothing on the bus of the memory. */
static void check_buses(struct parser *p, const struct section *s)
{
	for (size_t i = 0; i < N_KEYS; i++)
		if (s->keys[i].file && !(config_keys[i].buses & 1u << s->memory->bus))
			mistake(p, &s->keys[i],
				"[memory %s] %s: with bus = %s it means nothing; allowed is to "
				"leave it out",
				s->memory->name, config_keys[i].name, bus_name(s->memory->bus));
}

/* A named part has its size, and is behind the bus that it has. */
static void check_model(struct parser *p, const struct section *s, const struct chip_model *model)
{
	struct memory_config *m = s->memory;

	if (m->size && m->size != model->size)
		mistake(p, &s->keys[KEY_SIZE],
			"[memory %s] size = %u: a %s has %u bytes; allowed is that, or no size",
			m->name, m->size, model->name, model->size);
	else if (model->size < SIZE_MIN)
		mistake(p, &s->keys[KEY_MODEL],
			"[memory %s] model = %s: its %u bytes are too few; allowed is a chip of "
			"%u bytes or more",
			m->name, model->name, model->size, SIZE_MIN);
	else if (model->size > SMM_SIZE_MAX)
		mistake(p, &s->keys[KEY_MODEL],
			"[memory %s] model = %s: its %u bytes are more than smm can manage; "
			"allowed is a chip of 2M or less",
			m->name, model->name, model->size);
	else if (model->from_memory & (FACT_SIZE | FACT_ADDRESS))
		mistake(p, &s->keys[KEY_MODEL],
			"[memory %s] model = %s: no source says how large it is and how it is "
			"addressed; allowed is model = custom with what its data sheet says",
			m->name, model->name);
	else if (m->bus != BUS_FILE && m->bus != (model->bus == CHIP_I2C ? BUS_I2C : BUS_SPI))
		mistake(p, &s->keys[KEY_MODEL],
			"[memory %s] model = %s: this is a chip for %s; allowed is bus = %s, or "
			"another model",
			m->name, model->name, model->bus == CHIP_I2C ? "i2c" : "spi",
			model->bus == CHIP_I2C ? "i2c" : "spi");
	m->size = model->size;
}

/* What has to be said of a chip that no table knows. */
static void check_custom(struct parser *p, const struct section *s)
{
	struct memory_config *m = s->memory;

	if (m->bus != BUS_FILE && !strcmp(m->model, "auto")) {
		if (m->size)
			mistake(p, &s->keys[KEY_SIZE],
				"[memory %s] size = %u: with model = auto the chip says it; "
				"allowed is model = custom, or no size",
				m->name, m->size);
		return;
	}
	if (!s->keys[KEY_SIZE].file)
		mistake(p, &s->heading,
			"[memory %s]: size is missing; allowed is %s, or the name of a model",
			m->name, config_keys[KEY_SIZE].allowed);
	if (m->bus == BUS_FILE)
		return;
	require(p, s, KEY_ADDRESS_BYTES);
	if (m->page_size && !m->write_time_us)
		require(p, s, KEY_WRITE_TIME);
}

static void check_section(struct parser *p, const struct section *s)
{
	struct memory_config *m = s->memory;
	const struct chip_model *model = chip_model_find(m->model);

	if (m->bus == BUS_NONE)
		m->bus = BUS_FILE;
	check_buses(p, s);
	require(p, s, m->bus == BUS_FILE ? KEY_PATH : KEY_DEVICE);
	if (m->bus == BUS_I2C)
		require(p, s, KEY_ADDRESS);
	if (model)
		check_model(p, s, model);
	else
		check_custom(p, s);
	if (m->size && !smm_map_bytes(m->size, m->granule))
		mistake(p, &s->keys[KEY_GRANULE],
			"[memory %s] granule = %u: it leaves nothing of %u bytes; allowed is less",
			m->name, m->granule, m->size);
}

static bool same(const char *a, const char *b)
{
	return a && b && !strcmp(a, b);
}

/* A line has one owner: what one memory drives, another cannot. Inputs are shared. */
static void check_lines(struct parser *p, const struct section *s, const struct section *before)
{
	const struct memory_config *m = s->memory, *other = before->memory;

	if (same(m->write_protect_gpio, other->write_protect_gpio))
		mistake(p, &s->keys[KEY_WRITE_PROTECT_GPIO],
			"[memory %s] write-protect-gpio = %s: [memory %s] drives this line; "
			"allowed is a line for each",
			m->name, m->write_protect_gpio, other->name);
	if (same(m->power_enable_gpio, other->power_enable_gpio))
		mistake(p, &s->keys[KEY_POWER_ENABLE_GPIO],
			"[memory %s] power-enable-gpio = %s: [memory %s] drives this line; "
			"allowed is a line for each",
			m->name, m->power_enable_gpio, other->name);
}

static void check_twins(struct parser *p, const struct section *s)
{
	const struct memory_config *m = s->memory, *other;

	for (const struct section *before = p->sections; before != s; before = before->next) {
		other = before->memory;
		if (same(m->path, other->path))
			mistake(p, &s->keys[KEY_PATH],
				"[memory %s] path = %s: this is the chip of [memory %s]; allowed "
				"is one memory a chip",
				m->name, m->path, other->name);
		check_lines(p, s, before);
		if (same(m->device, other->device) && m->address == other->address)
			mistake(p, &s->keys[KEY_DEVICE],
				"[memory %s] device = %s: this is the chip of [memory %s]; allowed "
				"is one memory a chip",
				m->name, m->device, other->name);
	}
}

static void check_sections(struct parser *p, const char *path)
{
	for (const struct section *s = p->sections; s; s = s->next) {
		check_section(p, s);
		check_twins(p, s);
	}
	if (!p->sections && !p->mistakes)
		mistake(p, &(struct place){ .file = path, .line = 1 },
			"there is no memory; a section [memory NAME] with a bus and its chip makes "
			"one; 'man smmd.conf' shows some");
}

/* Gives the memories of the sections to @config, in their order. */
static void hand_over(struct parser *p, struct config *config)
{
	struct memory_config **last = &config->memories;

	for (struct section *s = p->sections; s; s = s->next) {
		*last = TAKE(s->memory);
		last = &(*last)->next;
	}
}

static void parser_release(struct parser *p)
{
	struct section *s, *next;

	for (s = p->sections; s; s = next) {
		next = s->next;
		memory_config_free(s->memory);
		free(s);
	}
	free(p->mistake);
}

static int parse_files(struct parser *p, const char *path, const glob_t *drop_ins)
{
	int r = parse_file(p, path);

	for (size_t i = 0; r >= 0 && i < drop_ins->gl_pathc; i++)
		r = parse_file(p, drop_ins->gl_pathv[i]);
	return r;
}

/* For glob(): a drop-in directory need not exist, but has to be readable if it does. */
static int on_unreadable(const char *path, int error)
{
	if (error != ENOENT)
		log_error_errno(-error, "%s: %m", path);
	return error != ENOENT;
}

int config_load(const char *path, struct config *config)
{
	_cleanup_(parser_release) struct parser parser = { 0 };
	_cleanup_(globfree) glob_t drop_ins = { 0 };
	_cleanup_free_ char *pattern = NULL;
	int r;

	*config = (struct config){ 0 };
	if (asprintf(&pattern, "%s.d/*.conf", path) < 0)
		return -ENOMEM;
	r = glob(pattern, 0, on_unreadable, &drop_ins);
	if (r && r != GLOB_NOMATCH)
		return r == GLOB_NOSPACE ? -ENOMEM : -EINVAL;
	r = parse_files(&parser, path, &drop_ins);
	if (r < 0)
		return r;
	check_sections(&parser, path);
	config->mistake = TAKE(parser.mistake);
	if (parser.mistakes)
		return -EINVAL;
	hand_over(&parser, config);
	return 0;
}

struct memory_config *config_take(struct config *config)
{
	struct memory_config *memory = config->memories;

	config->memories = memory->next;
	memory->next = NULL;
	return memory;
}

void config_free(struct config *config)
{
	struct memory_config *memory, *next;

	for (memory = config->memories; memory; memory = next) {
		next = memory->next;
		memory_config_free(memory);
	}
	free(config->mistake);
	*config = (struct config){ 0 };
}
