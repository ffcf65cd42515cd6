/* SPDX-License-Identifier: BSD-3-Clause */
#include "calls.h"

#include <sys/mman.h>

/* What the configuration says. */
struct settings {
	uint32_t quota, mode;
	const char *verify, *mirror;
};

static struct settings settings; /* that the daemon was started with, or has read since then */
static uint32_t granule;

static struct model dumped;
static int dump = -1; /* an image of what @dumped is */

/* Configuration */

static struct settings pick_settings(struct input *in)
{
	static const uint32_t quotas[] = { 0, 192, 320, 1024 };
	static const uint32_t modes[] = { 0600, 0644, 0666, 0640 };
	static const char *const policies[] = { "metadata", "none", "all", "metadata" };
	uint32_t bits = input_byte(in);

	return (struct settings){
		.quota = quotas[bits & 3],
		.mode = modes[bits >> 2 & 3],
		.verify = policies[bits >> 4 & 3],
		.mirror = bits & 0x40 ? "no" : "yes",
	};
}

static void configure(const struct settings *s, const char *more)
{
	char keys[256];

	snprintf(keys, sizeof(keys),
		 "granule = %u\nquota = %u\ndefault-mode = %04o\nverify = %s\nmirror = %s\n%s",
		 granule, s->quota, s->mode, s->verify, s->mirror, more);
	daemon_configure(keys);
	trace("the configuration: quota %u, mode %04o, verify %s, mirror %s%s%s", s->quota, s->mode,
	      s->verify, s->mirror, *more ? ", " : "", more);
}

/* The daemon has read it. */
static void adopt(const struct settings *s)
{
	settings = *s;
	model.quota = s->quota;
	model.default_mode = s->mode;
}

void restart(struct input *in)
{
	struct settings new = pick_settings(in);

	trace("a restart");
	daemon_stop();
	configure(&new, "");
	daemon_start();
	adopt(&new);
}

void whole_begin(struct input *in)
{
	static const uint32_t sizes[] = { 4096, 2048, 1024 };
	static const uint32_t granules[] = { 4, 16, 64 };
	struct settings first = pick_settings(in);
	uint32_t bits = input_byte(in);

	model.chip = sizes[bits % ARRAY_SIZE(sizes)];
	granule = granules[bits / 4 % ARRAY_SIZE(granules)];
	trace("a chip of %u bytes with a granule of %u", model.chip, granule);
	daemon_new_chip(model.chip, bits & 0x80 ? 0xff : 0);
	configure(&first, "");
	daemon_start();
	CHECK(model_format(&model, granule));
	adopt(&first);
	compare_views();
}

/* Check, Format */

static uint32_t read_result(sd_bus_message *m, const char **name)
{
	uint32_t value;

	GET(m, "sv", name, "u", &value);
	CHECK(sd_bus_message_exit_container(m) > 0);
	return value;
}

/* All blocks are there, and nothing is damaged. */
static void expect_sound(sd_bus_message *answer)
{
	const char *name;
	uint32_t value;

	CHECK(sd_bus_message_enter_container(answer, 'a', "{sv}") > 0);
	while (sd_bus_message_enter_container(answer, 'e', "sv") > 0) {
		value = read_result(answer, &name);
		if (value != (strcmp(name, "blocks") ? 0 : model.n))
			fail("%s: %u", name, value);
	}
}

static void check(unsigned int who, bool repair)
{
	_cleanup_message_ sd_bus_message *answer = NULL;
	sd_bus_message *m = daemon_call(who, MEMORY_PATH, MEMORY, "Check");

	if (repair)
		APPEND(m, "a{sv}", 1, "repair", "b", true);
	else
		APPEND(m, "a{sv}", 0);
	trace("%s: Check%s", names_of_people[who], repair ? " and repair" : "");
	answer = daemon_ask(who, m);
	if (expect(answer, repair && who != ROOT ? SD_BUS_ERROR_ACCESS_DENIED : NULL))
		expect_sound(answer);
}

void try_check(struct input *in)
{
	unsigned int who = pick_person(in);

	check(who, input_below(in, 2));
}

/* What Format has to answer, and do. */
static const char *format(unsigned int who, uint32_t asked, bool force)
{
	if (who != ROOT)
		return SD_BUS_ERROR_ACCESS_DENIED;
	if (!force && model.n)
		return SD_BUS_ERROR_INVALID_ARGS;
	return model_format(&model, asked ? asked : granule) ? NULL : SD_BUS_ERROR_INVALID_ARGS;
}

void try_format(struct input *in)
{
	static const uint32_t asked[] = { 0, 4, 8, 16, 64, 256, 12, 2, 131072, 262144 };
	_cleanup_message_ sd_bus_message *answer = NULL;
	unsigned int who = pick_admin(in);
	uint32_t size = asked[input_below(in, ARRAY_SIZE(asked))];
	bool force = input_below(in, 2);
	sd_bus_message *m = daemon_call(who, MEMORY_PATH, MEMORY, "Format");

	APPEND(m, "a{sv}", 2, "granule", "u", size, "force", "b", force);
	trace("%s: Format, granule %u, force %d", names_of_people[who], size, force);
	answer = daemon_ask(who, m);
	(void)expect(answer, format(who, size, force));
}

/* Dump, Restore */

static int new_file(void)
{
	int fd = memfd_create("image", MFD_CLOEXEC);

	CHECK(fd >= 0);
	return fd;
}

/* Call @member with @fd. Return: how the job ended, or NULL where it was refused. */
static const char *do_job(unsigned int who, const char *member, int fd)
{
	_cleanup_message_ sd_bus_message *answer = NULL;
	sd_bus_message *m = daemon_call(who, MEMORY_PATH, MEMORY, member);
	const char *job;

	APPEND(m, "ha{sv}", fd, 0);
	trace("%s: %s", names_of_people[who], member);
	answer = daemon_ask(who, m);
	if (!expect(answer, who == ROOT ? NULL : SD_BUS_ERROR_ACCESS_DENIED))
		return NULL;
	GET(answer, "o", &job);
	return daemon_wait_for_job(who, job);
}

void try_dump(struct input *in)
{
	unsigned int who = pick_admin(in);
	_cleanup_close_ int fd = new_file();
	const char *result = do_job(who, "Dump", fd);

	if (!result)
		return;
	CHECK(!strcmp(result, "done"));
	closep(&dump);
	dump = TAKE_FD(fd);
	dumped = model;
}

/* The last dump again, from its beginning; now and then with a wrong bit. */
static int copy_dump(struct input *in, bool *damaged)
{
	static uint8_t image[2 * MODEL_CHIP_MAX];
	ssize_t size = pread(dump, image, sizeof(image), 0);
	int fd = new_file();

	CHECK(size > 0);
	*damaged = !input_below(in, 4);
	if (*damaged)
		image[input_number(in, 2) % (size_t)size] ^= (uint8_t)(1u << input_below(in, 8));
	CHECK(write(fd, image, (size_t)size) == size && lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

void try_restore(struct input *in)
{
	unsigned int who = pick_admin(in);
	bool damaged = true;
	_cleanup_close_ int fd = dump < 0 ? new_file() : copy_dump(in, &damaged);
	const char *result = do_job(who, "Restore", fd);

	if (!result)
		return;
	if (damaged) {
		CHECK(!strncmp(result, SD_BUS_ERROR_INVALID_ARGS,
			       strlen(SD_BUS_ERROR_INVALID_ARGS)) ||
		      !strncmp(result, ERROR_CHECKSUM_MISMATCH, strlen(ERROR_CHECKSUM_MISMATCH)));
		return;
	}
	CHECK(!strcmp(result, "done"));
	model = dumped;
	adopt(&settings);
}

/* The daemon */

static bool is_online(void)
{
	_cleanup_message_ sd_bus_message *answer = NULL;
	sd_bus_message *m =
		daemon_call(ROOT, MEMORY_PATH, "org.freedesktop.DBus.Properties", "Get");
	const char *state;

	APPEND(m, "ss", MEMORY, "State");
	answer = daemon_ask(ROOT, m);
	(void)expect(answer, NULL);
	GET(answer, "v", "s", &state);
	return !strcmp(state, "online");
}

/* With a configuration that is another one, or the same, or that has a mistake in it. */
void try_reload(struct input *in)
{
	_cleanup_message_ sd_bus_message *answer = NULL;
	unsigned int who = pick_admin(in);
	struct settings new = input_below(in, 4) ? pick_settings(in) : settings;
	bool wrong = !input_below(in, 4);

	configure(&new, wrong ? "colour = red" : "");
	trace("%s: Reload", names_of_people[who]);
	answer = daemon_ask(who, daemon_call(who, "/org/smm1", MANAGER, "Reload"));
	if (!expect(answer, who != ROOT ? SD_BUS_ERROR_ACCESS_DENIED
			    : wrong     ? SD_BUS_ERROR_INVALID_ARGS
					: NULL))
		return;
	while (!is_online())
		;
	adopt(&new);
}

static void get_memory(unsigned int who, const char *name)
{
	_cleanup_message_ sd_bus_message *answer = NULL;
	sd_bus_message *m = daemon_call(who, "/org/smm1", MANAGER, "GetMemory");
	const char *path;

	APPEND(m, "s", name);
	answer = daemon_ask(who, m);
	if (!expect(answer, strcmp(name, "fram0") ? ERROR_NO_SUCH_MEMORY : NULL))
		return;
	GET(answer, "o", &path);
	CHECK(!strcmp(path, MEMORY_PATH));
}

void try_manager(struct input *in)
{
	_cleanup_message_ sd_bus_message *answer = NULL;
	static const char *const names[] = { "fram0", "fram", "fram00", "" };
	unsigned int who = pick_person(in);
	const char *name, *path, *state;

	trace("%s: ListMemories, GetMemory", names_of_people[who]);
	answer = daemon_ask(who, daemon_call(who, "/org/smm1", MANAGER, "ListMemories"));
	(void)expect(answer, NULL);
	GET(answer, "a(sos)", 1, &name, &path, &state);
	CHECK(!strcmp(name, "fram0") && !strcmp(path, MEMORY_PATH) && !strcmp(state, "online"));
	get_memory(who, names[input_below(in, ARRAY_SIZE(names))]);
}

/* Who opens a session goes on in that. */
void try_open_session(struct input *in)
{
	_cleanup_message_ sd_bus_message *answer = NULL;
	unsigned int who = pick_person(in);
	int fd;

	trace("%s: OpenSession", names_of_people[who]);
	answer = daemon_ask(who, daemon_call(who, MEMORY_PATH, MEMORY, "OpenSession"));
	(void)expect(answer, NULL);
	GET(answer, "h", &fd);
	fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	CHECK(fd >= 0);
	daemon_change_session(who, fd);
}

/* What is on the chip is what was said. */
void whole_end(void)
{
	struct input zeros = { NULL, 0 };

	check(ROOT, false);
	restart(&zeros);
	compare_views();
	compare_contents();
	check(ROOT, true);
	daemon_stop();
	closep(&dump);
	dump = -1;
}
