/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Calls of org.smm1.Manager, Memory and Block, by several users, held against a model: each has to
 * answer what the model does, and after each everybody has to see what the model says. In between
 * the daemon ends and starts again, the chip is formatted, dumped and restored.
 *
 * The first bytes of an input are the configuration, then each call takes some; any bytes are
 * calls. With SMM_FUZZ_TRACE in the environment they are printed as they are made.
 */
#include "calls.h"

#define PARTS_MAX 257u /* one more than a call may have */

struct model model;

/* A call of one of these people's. */
struct call {
	unsigned int who;
	const char *name; /* of who makes it */
	const struct caller *caller;
	sd_bus_message *m;
	/* Of those about one block. */
	uint32_t id;
	const char *missing; /* the answer, whatever else is asked, where its object is not there */
};

static struct call begin_of(unsigned int who, const char *path, const char *interface,
			    const char *member)
{
	return (struct call){
		.who = who,
		.name = names_of_people[who],
		.caller = &people[who],
		.m = daemon_call(who, path, interface, member),
	};
}

static struct call begin(struct input *in, const char *member)
{
	return begin_of(pick_person(in), MEMORY_PATH, MEMORY, member);
}

/* The same of a block, of either interface; what follows its id are the same arguments. */
static struct call begin_block(struct input *in, const char *member)
{
	uint32_t id = pick_id(in);
	unsigned int who = pick_person_for(in, model_find(&model, id));
	struct call c;
	char path[64];

	if (input_below(in, 2)) {
		snprintf(path, sizeof(path), MEMORY_PATH "/block/%u", id);
		c = begin_of(who, path, BLOCK, member);
		c.missing = missing_object(who, id);
	} else {
		c = begin_of(who, MEMORY_PATH, MEMORY, member);
		APPEND(c.m, "u", id);
	}
	c.id = id;
	return c;
}

static sd_bus_message *ask(const struct call *c)
{
	return daemon_ask(c->who, c->m);
}

/* The same for a call whose answer is empty. */
static void ask_and_expect(const struct call *c, const char *should)
{
	_cleanup_message_ sd_bus_message *answer = ask(c);

	(void)expect(answer, should);
}

static void append_data(sd_bus_message *m, const void *data, size_t size)
{
	CHECK(sd_bus_message_append_array(m, 'y', data, size) >= 0);
}

/* At most so many bytes are sent; more than the chip has are refused. */
static uint32_t limit(uint32_t size)
{
	return size > DATA_MAX ? size % DATA_MAX : size;
}

static uint32_t length_of(uint32_t id)
{
	const struct model_block *b = model_find(&model, id);

	return b ? b->length : 0;
}

/* Calls by name */

/* The id that a call answers; 0 with an error. */
static uint32_t answered_id(sd_bus_message *answer)
{
	uint32_t id = 0;

	if (!sd_bus_message_is_method_error(answer, NULL))
		GET(answer, "u", &id);
	return id;
}

static void append_option(sd_bus_message *m, const char *name, const char *type, uint32_t value)
{
	CHECK(sd_bus_message_open_container(m, 'e', "sv") >= 0);
	APPEND(m, "sv", name, type, value);
	CHECK(sd_bus_message_close_container(m) >= 0);
}

/* Append options of Allocate. Return: false with one that it does not know. */
static bool append_options(struct input *in, sd_bus_message *m, struct allocate_options *options)
{
	uint32_t which = input_byte(in);

	CHECK(sd_bus_message_open_container(m, 'a', "{sv}") >= 0);
	options->has_mode = which & 1;
	if (options->has_mode)
		append_option(m, "mode", "u", options->mode = pick_mode(in));
	options->has_gid = (which & 6) == 6;
	if (options->has_gid)
		append_option(m, "gid", "u", options->gid = pick_gid(in));
	if (which & 8)
		append_option(m, "fill", "y", options->fill = input_byte(in));
	options->exclusive = which & 16;
	if (options->exclusive)
		append_option(m, "exclusive", "b", true);
	if (which >= 248)
		append_option(m, which & 1 ? "size" : "mode", "y", 0);
	CHECK(sd_bus_message_close_container(m) >= 0);
	return which < 248;
}

static void try_allocate(struct input *in)
{
	_cleanup_message_ sd_bus_message *answer = NULL;
	struct call c = begin(in, "Allocate");
	const char *name = pick_name(in), *should = model_check_name(name);
	uint32_t size = pick_size(in, pick_block(in)->length), id, given;
	struct allocate_options options = { 0 };
	bool known;

	APPEND(c.m, "su", name, size);
	known = append_options(in, c.m, &options);
	trace("%s: Allocate '%s' %u, mode %d %o, gid %d %u, exclusive %d", c.name, name, size,
	      options.has_mode, options.mode, options.has_gid, options.gid, options.exclusive);
	answer = ask(&c);
	id = given = answered_id(answer);
	if (known)
		should = model_allocate(&model, c.caller, name, size, &options, &id);
	else if (!should)
		should = SD_BUS_ERROR_INVALID_ARGS;
	if (expect(answer, should) && given != id)
		fail("answers %u instead of %u", given, id);
}

static void try_store(struct input *in)
{
	_cleanup_message_ sd_bus_message *answer = NULL;
	struct call c = begin(in, "Store");
	const char *name = pick_name(in);
	uint8_t data[DATA_MAX];
	uint32_t size = limit(pick_size(in, pick_block(in)->length)), id, given;

	pick_bytes(in, data, size);
	APPEND(c.m, "s", name);
	append_data(c.m, data, size);
	trace("%s: Store '%s' %u bytes", c.name, name, size);
	answer = ask(&c);
	id = given = answered_id(answer);
	if (expect(answer, model_store(&model, c.caller, name, data, size, &id)) && given != id)
		fail("answers %u instead of %u", given, id);
}

/* What Find answers to root. */
static uint32_t find_id(const char *name)
{
	_cleanup_message_ sd_bus_message *answer = NULL;
	sd_bus_message *m = daemon_call(ROOT, MEMORY_PATH, MEMORY, "Find");

	APPEND(m, "s", name);
	answer = daemon_ask(ROOT, m);
	return answered_id(answer);
}

static void try_add(struct input *in)
{
	_cleanup_message_ sd_bus_message *answer = NULL;
	struct call c = begin(in, "Add");
	const char *name = pick_name(in);
	int64_t delta = pick_delta(in, model_counter(&model, name)), value, given;
	uint32_t id = 0;

	APPEND(c.m, "sx", name, delta);
	trace("%s: Add '%s' %jd", c.name, name, (intmax_t)delta);
	answer = ask(&c);
	if (!sd_bus_message_is_method_error(answer, NULL))
		id = find_id(name);
	if (!expect(answer, model_add(&model, c.caller, name, delta, id, &value)))
		return;
	GET(answer, "x", &given);
	if (given != value)
		fail("answers %jd instead of %jd", (intmax_t)given, (intmax_t)value);
}

static void try_find(struct input *in)
{
	_cleanup_message_ sd_bus_message *answer = NULL;
	struct call c = begin(in, "Find");
	const char *name = pick_name(in);
	uint32_t id;

	APPEND(c.m, "s", name);
	trace("%s: Find '%s'", c.name, name);
	answer = ask(&c);
	if (expect(answer, model_lookup(&model, c.caller, name, &id)))
		CHECK(answered_id(answer) == id);
}

static void try_load(struct input *in)
{
	_cleanup_message_ sd_bus_message *answer = NULL;
	struct call c = begin(in, "Load");
	const char *name = pick_name(in);
	const uint8_t *data;
	uint32_t size;

	APPEND(c.m, "s", name);
	trace("%s: Load '%s'", c.name, name);
	answer = ask(&c);
	if (expect(answer, model_load(&model, c.caller, name, &data, &size)))
		expect_data(answer, data, size);
}

/* Contents */

static void try_read(struct input *in)
{
	_cleanup_message_ sd_bus_message *answer = NULL;
	struct call c = begin_block(in, "Read");
	uint32_t offset, length;
	const char *should = c.missing;
	const uint8_t *data;

	pick_range(in, length_of(c.id), &offset, &length);
	if (length == length_of(c.id) - offset && input_below(in, 2))
		length = UINT32_MAX;
	APPEND(c.m, "uu", offset, length);
	trace("%s: Read %u, %u from %u on", c.name, c.id, length, offset);
	answer = ask(&c);
	if (!should)
		should = model_read(&model, c.caller, c.id, offset, &length, &data);
	if (expect(answer, should))
		expect_data(answer, data, length);
}

typedef const char *write_function(struct model *m, const struct caller *who, uint32_t id,
				   uint32_t offset, const uint8_t *data, uint32_t size);

static void write_block(struct input *in, const char *member, write_function *write)
{
	struct call c = begin_block(in, member);
	uint8_t data[DATA_MAX];
	uint32_t offset, size;

	pick_range(in, length_of(c.id), &offset, &size);
	size = limit(size);
	pick_bytes(in, data, size);
	APPEND(c.m, "u", offset);
	append_data(c.m, data, size);
	trace("%s: %s %u, %u from %u on", c.name, member, c.id, size, offset);
	ask_and_expect(&c,
		       c.missing ? c.missing : write(&model, c.caller, c.id, offset, data, size));
}

static void try_write(struct input *in)
{
	write_block(in, "Write", model_write);
}

static void try_write_in_place(struct input *in)
{
	write_block(in, "WriteInPlace", model_write_in_place);
}

static uint32_t pick_count(struct input *in)
{
	uint32_t how = input_byte(in);

	return how < 250 ? how % 6 : how < 253 ? PARTS_MAX - 1 : PARTS_MAX;
}

static void try_read_many(struct input *in)
{
	_cleanup_message_ sd_bus_message *answer = NULL;
	struct call c =
		begin_of(pick_person_for(in, pick_block(in)), MEMORY_PATH, MEMORY, "ReadMany");
	struct volume_part parts[PARTS_MAX], *p;
	uint32_t n = pick_count(in), length;
	const char *should = n == PARTS_MAX ? SD_BUS_ERROR_INVALID_ARGS : NULL;
	const uint8_t *data = NULL;

	CHECK(sd_bus_message_open_container(c.m, 'a', "(uuu)") >= 0);
	for (p = parts; p < parts + n; p++) {
		p->id = pick_id(in);
		pick_range(in, length_of(p->id), &p->offset, &length);
		APPEND(c.m, "(uuu)", p->id, p->offset, length);
		if (!should)
			should = model_read(&model, c.caller, p->id, p->offset, &length, &data);
		p->data = data;
		p->size = length;
	}
	CHECK(sd_bus_message_close_container(c.m) >= 0);
	trace("%s: ReadMany, %u parts", c.name, n);
	answer = ask(&c);
	if (!expect(answer, should))
		return;
	CHECK(sd_bus_message_enter_container(answer, 'a', "ay") > 0);
	for (p = parts; p < parts + n; p++)
		expect_data(answer, p->data, p->size);
	CHECK(sd_bus_message_at_end(answer, false) > 0);
}

static void try_write_many(struct input *in)
{
	static uint8_t data[2 * DATA_MAX];
	struct call c =
		begin_of(pick_person_for(in, pick_block(in)), MEMORY_PATH, MEMORY, "WriteMany");
	struct volume_part parts[PARTS_MAX], *p;
	uint32_t n = pick_count(in), size, used = 0;

	CHECK(sd_bus_message_open_container(c.m, 'a', "(uuay)") >= 0);
	for (p = parts; p < parts + n; p++) {
		p->id = pick_id(in);
		pick_range(in, length_of(p->id), &p->offset, &size);
		size = limit(size);
		if (size > sizeof(data) - used)
			size = 0;
		pick_bytes(in, data + used, size);
		p->data = data + used;
		p->size = size;
		used += size;
		CHECK(sd_bus_message_open_container(c.m, 'r', "uuay") >= 0);
		APPEND(c.m, "uu", p->id, p->offset);
		append_data(c.m, p->data, p->size);
		CHECK(sd_bus_message_close_container(c.m) >= 0);
	}
	CHECK(sd_bus_message_close_container(c.m) >= 0);
	trace("%s: WriteMany, %u parts, %u bytes", c.name, n, used);
	ask_and_expect(&c, n == PARTS_MAX ? SD_BUS_ERROR_INVALID_ARGS
					  : model_write_many(&model, c.caller, parts, n));
}

/* Headers */

static void try_free(struct input *in)
{
	struct call c = begin_block(in, "Free");

	trace("%s: Free %u", c.name, c.id);
	ask_and_expect(&c, c.missing ? c.missing : model_free(&model, c.caller, c.id));
}

static void try_resize(struct input *in)
{
	struct call c = begin_block(in, "Resize");
	uint32_t size = pick_size(in, length_of(c.id));

	APPEND(c.m, "u", size);
	trace("%s: Resize %u %u", c.name, c.id, size);
	ask_and_expect(&c, c.missing ? c.missing : model_resize(&model, c.caller, c.id, size));
}

static void try_rename(struct input *in)
{
	struct call c = begin_block(in, "Rename");
	const char *name = pick_name(in);

	APPEND(c.m, "s", name);
	trace("%s: Rename %u '%s'", c.name, c.id, name);
	ask_and_expect(&c, c.missing ? c.missing : model_rename(&model, c.caller, c.id, name));
}

static void try_set_mode(struct input *in)
{
	struct call c = begin_block(in, "SetMode");
	uint32_t mode = pick_mode(in);

	APPEND(c.m, "u", mode);
	trace("%s: SetMode %u %03o", c.name, c.id, mode);
	ask_and_expect(&c, c.missing ? c.missing : model_set_mode(&model, c.caller, c.id, mode));
}

static void try_set_owner(struct input *in)
{
	struct call c = begin_block(in, "SetOwner");
	uint32_t uid = pick_uid(in), gid = pick_gid(in);

	APPEND(c.m, "uu", uid, gid);
	trace("%s: SetOwner %u %u %u", c.name, c.id, uid, gid);
	ask_and_expect(&c,
		       c.missing ? c.missing : model_set_owner(&model, c.caller, c.id, uid, gid));
}

/* What is seen without a call of a memory's */

static void look_at_contents(struct input *in)
{
	(void)in;
	compare_contents();
}

static void look_at_properties(struct input *in)
{
	unsigned int who = pick_person(in);

	compare_properties(who, pick_id(in));
}

static void look_at_objects(struct input *in)
{
	compare_objects(pick_person(in));
}

/* Most calls are about blocks, and more of them make some than free some. */
static void step(struct input *in)
{
	static void (*const often[])(struct input * in) = {
		try_allocate, try_store,      try_add,        try_write,
		try_allocate, try_store,      try_add,        try_write_in_place,
		try_read,     try_read_many,  try_write_many, try_resize,
		try_free,     try_resize,     try_rename,     try_set_mode,
		try_load,     try_set_owner,  try_find,       look_at_properties,
		try_store,    try_write_many, try_allocate,   try_rename,
	};
	static void (*const rarely[])(struct input * in) = {
		look_at_contents, look_at_objects,  try_check,  try_format,  try_dump,
		try_restore,      try_open_session, try_reload, try_manager, restart,
	};
	uint32_t which = input_byte(in);

	if (which < 10 * ARRAY_SIZE(often))
		often[which % ARRAY_SIZE(often)](in);
	else
		rarely[input_below(in, ARRAY_SIZE(rarely))](in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };

	whole_begin(&in);
	while (in.left) {
		step(&in);
		compare_views();
	}
	whole_end();
	return 0;
}
