/* SPDX-License-Identifier: BSD-3-Clause */
#include "calls.h"

#include <stdarg.h>

/* Words */

static char last_call[256];

static bool is_tracing(void)
{
	static int on = -1;

	if (on < 0)
		on = getenv("SMM_FUZZ_TRACE") != NULL;
	return on;
}

void trace(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(last_call, sizeof(last_call), format, arguments);
	va_end(arguments);
	if (is_tracing())
		fprintf(stderr, "%s\n", last_call);
}

void fail(const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "%s: ", last_call);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	abort();
}

bool expect(sd_bus_message *answer, const char *should)
{
	const sd_bus_error *error = sd_bus_message_get_error(answer);

	if (error && (!should || strcmp(error->name, should) != 0))
		fail("answers %s (%s) instead of %s", error->name, error->message,
		     should ? should : "success");
	if (!error && should)
		fail("succeeds instead of %s", should);
	if (should && is_tracing())
		fprintf(stderr, "\t%s\n", error->message);
	return !should;
}

void expect_data(sd_bus_message *answer, const void *data, size_t size)
{
	const void *is;
	size_t is_size;

	CHECK(sd_bus_message_read_array(answer, 'y', &is, &is_size) > 0);
	if (is_size != size || memcmp(is, data, size))
		fail("%zu bytes that are not the %zu that they should be", is_size, size);
}

const char *missing_object(unsigned int who, uint32_t id)
{
	const struct model_block *b = model_find(&model, id);

	if (b && model_sees(&people[who], b))
		return NULL;
	return id ? ERROR_NO_SUCH_BLOCK : SD_BUS_ERROR_UNKNOWN_OBJECT;
}

/* What everybody hears */

/* Who could see and read a block after the last look: bit WHO of each; EVERYBODY is the bus. */
struct audience {
	uint32_t id;
	unsigned int seeing, reading;
};

/* A signal about a block since then. */
struct heard {
	unsigned int who;
	uint32_t id;
	bool content;
};

static struct audience before[MODEL_BLOCKS_MAX];
static size_t n_before;
static struct heard heard[4096];
static size_t n_heard;

/* The block whose object has this path; 0 if it is another's. */
static uint32_t id_of_path(const char *path)
{
	static const char blocks[] = MEMORY_PATH "/block/";

	if (strncmp(path, blocks, strlen(blocks)) != 0)
		return 0;
	return (uint32_t)strtoul(path + strlen(blocks), NULL, 10);
}

static void on_signal(unsigned int who, sd_bus_message *m)
{
	struct heard h = { .who = who, .id = id_of_path(sd_bus_message_get_path(m)) };
	const char *path;

	if (sd_bus_message_is_signal(m, MEMORY, "Changed") > 0) {
		GET(m, "u", &h.id);
		h.content = true;
	} else if (sd_bus_message_is_signal(m, "org.freedesktop.DBus.ObjectManager", NULL) > 0) {
		GET(m, "o", &path);
		h.id = id_of_path(path);
	}
	CHECK(n_heard < ARRAY_SIZE(heard));
	if (h.id)
		heard[n_heard++] = h;
}

static struct audience audience_of(const struct model_block *b)
{
	struct audience a = { .id = b->id };

	for (unsigned int who = 0; who < N_PEOPLE; who++) {
		a.seeing |= (unsigned int)model_sees(&people[who], b) << who;
		a.reading |= (unsigned int)model_reads(&people[who], b) << who;
	}
	if ((b->mode & 0444) == 0444) {
		a.seeing |= 1u << EVERYBODY;
		a.reading |= 1u << EVERYBODY;
	}
	return a;
}

static bool concerns(const struct heard *h, const struct audience *a)
{
	return h->id == a->id && (h->content ? a->reading : a->seeing) >> h->who & 1;
}

/* Nobody was told of a block that he could see neither before the last call nor after it. */
static void check_signals(void)
{
	struct audience now[MODEL_BLOCKS_MAX];
	bool right;

	for (size_t i = 0; i < model.n; i++)
		now[i] = audience_of(&model.blocks[i]);
	for (const struct heard *h = heard; h < heard + n_heard; h++) {
		right = false;
		for (size_t i = 0; i < n_before; i++)
			right |= concerns(h, &before[i]);
		for (size_t i = 0; i < model.n; i++)
			right |= concerns(h, &now[i]);
		if (!right)
			fail("%s hears of %u",
			     h->who == EVERYBODY ? "everybody" : names_of_people[h->who], h->id);
	}
	n_heard = 0;
	n_before = model.n;
	memcpy(before, now, model.n * sizeof(*now));
}

/* What everybody sees */

static void compare_block(const struct model_block *b, sd_bus_message *m)
{
	uint32_t id, length, uid, gid, mode_bits, offset;
	uint64_t generation;
	const char *name;

	GET(m, "(usuuuuut)", &id, &name, &length, &uid, &gid, &mode_bits, &offset, &generation);
	if (id != b->id || strcmp(name, b->name) || length != b->length || uid != b->uid ||
	    gid != b->gid || mode_bits != b->mode || offset != b->offset ||
	    generation != b->generation)
		fail("block %u '%s' %u bytes, %u:%u %03o, at %u, generation %ju is listed instead "
		     "of %u '%s' %u bytes, %u:%u %03o, at %u, generation %u",
		     id, name, length, uid, gid, mode_bits, offset, (uintmax_t)generation, b->id,
		     b->name, b->length, b->uid, b->gid, b->mode, b->offset, b->generation);
}

/* The model learns from root's list where the daemon has put what is new or was built anew. */
static void learn_places(sd_bus_message *m)
{
	struct model_block *b;
	uint32_t id, offset;

	CHECK(sd_bus_message_enter_container(m, 'a', "(usuuuuut)") > 0);
	while (sd_bus_message_read(m, "(usuuuuut)", &id, NULL, NULL, NULL, NULL, NULL, &offset,
				   NULL) > 0) {
		b = model_find(&model, id);
		if (b && !b->offset)
			b->offset = offset;
	}
	CHECK(sd_bus_message_rewind(m, true) >= 0);
}

static void compare_list(unsigned int who, sd_bus_message *m)
{
	(void)expect(m, NULL);
	CHECK(sd_bus_message_enter_container(m, 'a', "(usuuuuut)") > 0);
	for (const struct model_block *b = model.blocks; b < model.blocks + model.n; b++)
		if (model_sees(&people[who], b))
			compare_block(b, m);
	if (sd_bus_message_at_end(m, false) <= 0)
		fail("%s sees blocks that are not there, or another's", names_of_people[who]);
}

/* The number that a property has; 0 for what is none. */
static uint64_t read_number(sd_bus_message *m)
{
	uint64_t number = 0;
	uint32_t small;
	const char *type;

	CHECK(sd_bus_message_peek_type(m, NULL, &type) > 0);
	if (*type == 't') {
		GET(m, "v", "t", &number);
	} else if (*type == 'u' || *type == 'b') {
		GET(m, "v", type, &small);
		number = small;
	} else {
		CHECK(sd_bus_message_skip(m, "v") >= 0);
	}
	return number;
}

struct number {
	const char *name;
	uint64_t value;
};

/* The properties that @m has are these, and others of other types. */
static void compare_numbers(sd_bus_message *m, const struct number *should, size_t n)
{
	size_t found = 0;
	const char *name;
	uint64_t value;

	CHECK(sd_bus_message_enter_container(m, 'a', "{sv}") > 0);
	while (sd_bus_message_enter_container(m, 'e', "sv") > 0) {
		GET(m, "s", &name);
		value = read_number(m);
		CHECK(sd_bus_message_exit_container(m) > 0);
		for (size_t i = 0; i < n; i++) {
			if (strcmp(name, should[i].name) != 0)
				continue;
			found++;
			if (value != should[i].value)
				fail("%s is %ju instead of %ju", name, (uintmax_t)value,
				     (uintmax_t)should[i].value);
		}
	}
	CHECK(sd_bus_message_exit_container(m) > 0);
	CHECK(found == n);
}

static void compare_space(sd_bus_message *m)
{
	struct model_space space = model_space(&model);
	const struct number should[] = {
		{ "Size", model.chip },       { "UsableSize", model_usable(&model) },
		{ "FreeSize", space.free },   { "LargestFree", space.largest },
		{ "Granule", model.granule }, { "Blocks", model.n },
		{ "WriteProtected", 0 },
	};

	(void)expect(m, NULL);
	compare_numbers(m, should, ARRAY_SIZE(should));
}

static sd_bus_message *ask_properties(unsigned int who, const char *path, const char *interface)
{
	sd_bus_message *m = daemon_call(who, path, "org.freedesktop.DBus.Properties", "GetAll");

	APPEND(m, "s", interface);
	return m;
}

void compare_views(void)
{
	sd_bus_message *lists[N_PEOPLE], *properties, *pong;

	daemon_on_signal = on_signal;
	daemon_send(ROOT, ask_properties(ROOT, MEMORY_PATH, MEMORY), &properties);
	for (unsigned int who = 0; who < N_PEOPLE; who++)
		daemon_send(who, daemon_call(who, MEMORY_PATH, MEMORY, "List"), &lists[who]);
	/* Behind what was said on the bus. */
	daemon_send(EVERYBODY,
		    daemon_call(EVERYBODY, "/org/smm1", "org.freedesktop.DBus.Peer", "Ping"),
		    &pong);
	daemon_wait();
	sd_bus_message_unref(pong);
	learn_places(lists[ROOT]);
	for (unsigned int who = 0; who < N_PEOPLE; who++) {
		compare_list(who, lists[who]);
		sd_bus_message_unref(lists[who]);
	}
	compare_space(properties);
	sd_bus_message_unref(properties);
	check_signals();
}

void compare_contents(void)
{
	sd_bus_message *contents[MODEL_BLOCKS_MAX], *m;

	trace("the contents");
	for (size_t i = 0; i < model.n; i++) {
		m = daemon_call(ROOT, MEMORY_PATH, MEMORY, "Read");
		APPEND(m, "uuu", model.blocks[i].id, 0, UINT32_MAX);
		daemon_send(ROOT, m, &contents[i]);
	}
	daemon_wait();
	for (size_t i = 0; i < model.n; i++) {
		(void)expect(contents[i], NULL);
		expect_data(contents[i], model.blocks[i].content, model.blocks[i].length);
		sd_bus_message_unref(contents[i]);
	}
}

static void compare_block_properties(const struct model_block *b, sd_bus_message *m)
{
	const struct number should[] = {
		{ "Id", b->id },
		{ "Size", b->length },
		{ "Owner", b->uid },
		{ "Group", b->gid },
		{ "Mode", b->mode },
		{ "Address", b->offset },
		{ "Generation", b->generation },
		{ "Checksummed", b->checksummed },
	};

	compare_numbers(m, should, ARRAY_SIZE(should));
}

void compare_properties(unsigned int who, uint32_t id)
{
	_cleanup_message_ sd_bus_message *answer = NULL;
	char path[64];

	trace("%s: the properties of %u", names_of_people[who], id);
	snprintf(path, sizeof(path), MEMORY_PATH "/block/%u", id);
	answer = daemon_ask(who, ask_properties(who, path, BLOCK));
	if (expect(answer, missing_object(who, id)))
		compare_block_properties(model_find(&model, id), answer);
}

/* The interfaces of one object. Return: whether it is that of a block. */
static bool compare_object(unsigned int who, sd_bus_message *m)
{
	const char *path, *interface;
	uint32_t id;

	GET(m, "o", &path);
	id = id_of_path(path);
	if (id && missing_object(who, id))
		fail("%s is shown %s", names_of_people[who], path);
	CHECK(sd_bus_message_enter_container(m, 'a', "{sa{sv}}") > 0);
	while (sd_bus_message_enter_container(m, 'e', "sa{sv}") > 0) {
		GET(m, "s", &interface);
		if (!strcmp(interface, BLOCK))
			compare_block_properties(model_find(&model, id), m);
		else
			CHECK(sd_bus_message_skip(m, "a{sv}") >= 0);
		CHECK(sd_bus_message_exit_container(m) > 0);
	}
	CHECK(sd_bus_message_exit_container(m) > 0);
	return id;
}

void compare_objects(unsigned int who)
{
	_cleanup_message_ sd_bus_message *answer = NULL;
	size_t n = 0, should = 0;

	trace("%s: GetManagedObjects", names_of_people[who]);
	answer = daemon_ask(who, daemon_call(who, "/org/smm1", "org.freedesktop.DBus.ObjectManager",
					     "GetManagedObjects"));
	(void)expect(answer, NULL);
	CHECK(sd_bus_message_enter_container(answer, 'a', "{oa{sa{sv}}}") > 0);
	while (sd_bus_message_enter_container(answer, 'e', "oa{sa{sv}}") > 0) {
		n += compare_object(who, answer);
		CHECK(sd_bus_message_exit_container(answer) > 0);
	}
	for (const struct model_block *b = model.blocks; b < model.blocks + model.n; b++)
		should += model_sees(&people[who], b);
	if (n != should)
		fail("%zu blocks instead of %zu", n, should);
}
