/* SPDX-License-Identifier: BSD-3-Clause */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <glob.h>
#include <ini.h>

#include "chip-table.h"
#include "log.h"
#include "numbers.h"
#include "smm_store.h"
#include "util.h"

#define NAME_LENGTH_MAX 31u  /* the label of a chip has to hold it */
#define LINE_LENGTH_MAX 190u /* inih cuts longer ones apart */
#define SIZE_MIN        512u /* bytes: in less, a store has no room for blocks */
#define DEFAULT_MODE    0600

enum key_id {
	KEY_BUS,
	KEY_PATH,
	KEY_MODEL,
	KEY_SIZE,
	KEY_GRANULE,
	KEY_FORMAT,
	KEY_MIRROR,
	KEY_QUOTA,
	KEY_DEFAULT_MODE,
	KEY_WIRE_SPEED,
	N_KEYS
};

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
};

/* Values. Each function takes a value into @m, or says what is wrong with it. */

static const char *set_string(char **target, const char *value)
{
	free(*target);
	*target = strdup(value);
	return *target ? NULL : "there is no memory left to keep it";
}

static const char *parse_bus(struct memory_config *m, const char *value)
{
	if (!strcmp(value, "i2c") || !strcmp(value, "spi"))
		return "this build serves 'file'";
	if (strcmp(value, "file") != 0)
		return "there is no such bus";
	m->bus = BUS_FILE;
	return NULL;
}

static const char *parse_path(struct memory_config *m, const char *value)
{
	return *value == '/' ? set_string(&m->path, value) : "it does not begin with '/'";
}

static const char *parse_model(struct memory_config *m, const char *value)
{
	const struct chip_model *model = chip_model_find(value);

	if (!model && strcmp(value, "auto") != 0 && strcmp(value, "custom") != 0)
		return "no chip of that name is known";
	return set_string(&m->model, model ? model->name : "custom");
}

static const char *parse_size(struct memory_config *m, const char *value)
{
	uint32_t size;

	if (!parse_number(value, 1024, &size))
		return "this is not a size";
	if (size < SIZE_MIN)
		return "this is too small for named blocks";
	if (size > SMM_SIZE_MAX)
		return "this is more than smm can manage";
	if (size % 4)
		return "this is not a multiple of 4";
	m->size = size;
	return NULL;
}

static const char *parse_granule(struct memory_config *m, const char *value)
{
	uint32_t granule;

	if (!parse_number(value, 1024, &granule))
		return "this is not a size";
	if (granule < SMM_GRANULE || granule > SMM_GRANULE_MAX || granule & (granule - 1))
		return "this is not a power of two in the range";
	m->granule = granule;
	return NULL;
}

static const char *parse_format(struct memory_config *m, const char *value)
{
	if (!strcmp(value, "never"))
		m->format = FORMAT_NEVER;
	else if (!strcmp(value, "blank"))
		m->format = FORMAT_BLANK;
	else
		return "there is no such rule";
	return NULL;
}

static const char *parse_mirror(struct memory_config *m, const char *value)
{
	if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
		return "this is neither yes nor no";
	m->mirror = !strcmp(value, "yes");
	return NULL;
}

static const char *parse_quota(struct memory_config *m, const char *value)
{
	size_t length = strlen(value);
	uint32_t bytes = 0, percent = 0;

	if (length && value[length - 1] == '%') {
		_cleanup_free_ char *number = strndup(value, length - 1);

		if (!number || !parse_number(number, 1, &percent) || percent > 100)
			return "this is not a share of the chip";
	} else if (!parse_number(value, 1024, &bytes)) {
		return "this is not a size";
	}
	m->quota = bytes;
	m->quota_percent = percent;
	return NULL;
}

static const char *parse_default_mode(struct memory_config *m, const char *value)
{
	uint32_t mode;

	if (!parse_octal_mode(value, &mode))
		return "this is not an octal mode";
	m->default_mode = (mode_t)mode;
	return NULL;
}

static const char *parse_wire_speed(struct memory_config *m, const char *value)
{
	uint32_t speed;

	if (!parse_number(value, 1000, &speed))
		return "this is not a frequency";
	if (speed && (speed < 1000 || speed > 100000000))
		return "no bus is that slow or that fast";
	m->wire_speed = speed;
	return NULL;
}

static const struct key {
	const char *name;
	const char *(*parse)(struct memory_config *m, const char *value);
	const char *allowed;
} keys[N_KEYS] = {
	[KEY_BUS] = { "bus", parse_bus, "file" },
	[KEY_PATH] = { "path", parse_path, "the absolute path of an image file" },
	[KEY_MODEL] = { "model", parse_model, "auto, custom or a part such as MB85RC256V" },
	[KEY_SIZE] = { "size", parse_size,
		       "bytes, or with K or M for 1024 and 1024 squared, 512 to 2M" },
	[KEY_GRANULE] = { "granule", parse_granule, "a power of two from 4 to 128K" },
	[KEY_FORMAT] = { "format", parse_format, "never or blank" },
	[KEY_MIRROR] = { "mirror", parse_mirror, "yes or no" },
	[KEY_QUOTA] = { "quota", parse_quota,
			"bytes, or with K or M, or 0% to 100%; 0 sets no limit" },
	[KEY_DEFAULT_MODE] = { "default-mode", parse_default_mode, "0 to 0777" },
	[KEY_WIRE_SPEED] = { "wire-speed", parse_wire_speed,
			     "the clock of a bus in Hz, or with k or M, 1k to 100M; 0 for no "
			     "delay" },
};

/* Mistakes */

_printf_(3, 4) static void mistake(struct parser *p, const struct place *place, const char *format,
				   ...)
{
	_cleanup_free_ char *text = NULL;
	va_list arguments;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	va_end(arguments);
	log_error("%s:%u: %s", place->file, place->line, text ? text : format);
	p->mistakes++;
}

static void unknown_key(struct parser *p, const char *key, const char *value)
{
	_cleanup_free_ char *allowed = NULL;
	size_t size;
	FILE *list = open_memstream(&allowed, &size);

	if (list) {
		for (size_t i = 0; i < N_KEYS; i++)
			fprintf(list, "%s%s", i ? ", " : "", keys[i].name);
		fclose(list);
	}
	mistake(p, &p->here, "[memory %s] %s = %s: there is no such key; allowed are %s",
		p->section->memory->name, key, value, allowed ? allowed : "others");
}

/* Lines */

static struct section *find_section(struct parser *p, const char *name)
{
	for (struct section *s = p->sections; s; s = s->next)
		if (!strcmp(s->memory->name, name))
			return s;
	return NULL;
}

static void free_memory(struct memory_config *memory)
{
	if (!memory)
		return;
	free(memory->name);
	free(memory->path);
	free(memory->model);
	free(memory);
}

static struct memory_config *new_memory(const char *name)
{
	struct memory_config *memory = malloc(sizeof(*memory));

	if (!memory)
		return NULL;
	*memory = (struct memory_config){
		.name = strdup(name),
		.model = strdup("custom"),
		.granule = SMM_GRANULE,
		.format = FORMAT_BLANK,
		.mirror = true,
		.default_mode = DEFAULT_MODE,
	};
	if (memory->name && memory->model)
		return memory;
	free_memory(memory);
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
	while (i < N_KEYS && strcmp(keys[i].name, name) != 0)
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
	wrong = keys[i].parse(p->section->memory, value);
	if (wrong)
		mistake(p, &p->here, "[memory %s] %s = %s: %s; allowed is %s", memory, name, value,
			wrong, keys[i].allowed);
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
							 "path and size in it makes a memory"
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

static void check_section(struct parser *p, const struct section *s)
{
	struct memory_config *m = s->memory;
	const struct chip_model *model = chip_model_find(m->model);

	if (!s->keys[KEY_PATH].file)
		mistake(p, &s->heading, "[memory %s]: path is missing; allowed is %s", m->name,
			keys[KEY_PATH].allowed);
	if (model && m->size && m->size != model->size)
		mistake(p, &s->keys[KEY_SIZE],
			"[memory %s] size = %u: a %s has %u bytes; allowed is that, or no size",
			m->name, m->size, model->name, model->size);
	else if (model && model->size < SIZE_MIN)
		mistake(p, &s->keys[KEY_MODEL],
			"[memory %s] model = %s: its %u bytes are too few; allowed is a chip of "
			"%u bytes or more",
			m->name, model->name, model->size, SIZE_MIN);
	else if (model)
		m->size = model->size;
	else if (!s->keys[KEY_SIZE].file)
		mistake(p, &s->heading,
			"[memory %s]: size is missing; allowed is %s, or the name of a model",
			m->name, keys[KEY_SIZE].allowed);
	if (m->size && !smm_map_bytes(m->size, m->granule))
		mistake(p, &s->keys[KEY_GRANULE],
			"[memory %s] granule = %u: it leaves nothing of %u bytes; allowed is less",
			m->name, m->granule, m->size);
}

static void check_paths(struct parser *p, const struct section *s)
{
	for (const struct section *before = p->sections; before != s; before = before->next)
		if (s->memory->path && before->memory->path &&
		    !strcmp(s->memory->path, before->memory->path))
			mistake(p, &s->keys[KEY_PATH],
				"[memory %s] path = %s: this is the chip of [memory %s]; allowed "
				"is "
				"one memory a chip",
				s->memory->name, s->memory->path, before->memory->name);
}

static void check_sections(struct parser *p, const char *path)
{
	for (const struct section *s = p->sections; s; s = s->next) {
		check_section(p, s);
		check_paths(p, s);
	}
	if (!p->sections && !p->mistakes)
		mistake(p, &(struct place){ .file = path, .line = 1 },
			"there is no memory; a section [memory NAME] with path and size makes one");
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
		free_memory(s->memory);
		free(s);
	}
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
	if (parser.mistakes)
		return -EINVAL;
	hand_over(&parser, config);
	return 0;
}

void config_free(struct config *config)
{
	struct memory_config *memory, *next;

	for (memory = config->memories; memory; memory = next) {
		next = memory->next;
		free_memory(memory);
	}
	*config = (struct config){ 0 };
}
