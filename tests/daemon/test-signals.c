/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Signals: who is told what, on the bus and on sessions; how often; and that the last word is true.
 */
#include "service-fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>

#define LISTENERS_MAX 8

/* Somebody who listens, and what was heard since it was last asked for. */
struct listener {
	sd_bus *bus;
	char heard[4096];
};

static struct listener listeners[LISTENERS_MAX];
static unsigned int n_listeners;

static int setup(void **state)
{
	if (service_setup(state) < 0)
		return -1;
	configure_fram0("size = 64K");
	start_smmd();
	n_listeners = 0;
	return 0;
}

/* On the bus, all signals of smmd are heard; on a session they are without being asked for. */
static struct listener *listen_on(sd_bus *bus)
{
	struct listener *l = &listeners[n_listeners++];

	*l = (struct listener){ .bus = bus };
	if (sd_bus_is_bus_client(bus))
		assert_true(sd_bus_call_method(bus, "org.freedesktop.DBus", "/",
					       "org.freedesktop.DBus", "AddMatch", NULL, NULL, "s",
					       "type='signal',sender='org.smm1'") >= 0);
	return l;
}

static void add_words(struct listener *l, const char *format, ...)
{
	size_t length = strlen(l->heard);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(l->heard + length, sizeof(l->heard) - length, format, arguments);
	va_end(arguments);
}

/* The last part of a path or a name. */
static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/'), *dot = strrchr(path, '.');

	return slash ? slash + 1 : dot ? dot + 1 : path;
}

/* Put down a signal: +2, -2, 2:Name,Mode and Changed(2,name,0,4). Of other objects than blocks,
 * only that they come and go. */
static void put_down(struct listener *l, sd_bus_message *m)
{
	const char *path, *name;
	uint32_t id, offset, length;
	char comma = ':';

	if (sd_bus_message_is_signal(m, "org.smm1.Memory", "Changed") > 0) {
		assert_true(sd_bus_message_read(m, "usuu", &id, &name, &offset, &length) > 0);
		add_words(l, "Changed(%u,%s,%u,%u) ", id, name, offset, length);
	} else if (sd_bus_message_is_signal(m, NULL, "InterfacesAdded") > 0) {
		assert_true(sd_bus_message_read(m, "o", &path) > 0);
		add_words(l, "+%s ", last_part(path));
	} else if (sd_bus_message_is_signal(m, NULL, "InterfacesRemoved") > 0) {
		assert_true(sd_bus_message_read(m, "o", &path) > 0);
		add_words(l, "-%s ", last_part(path));
	} else if (sd_bus_message_is_signal(m, NULL, "PropertiesChanged") > 0 &&
		   strstr(sd_bus_message_get_path(m), "/block/")) {
		add_words(l, "%s", last_part(sd_bus_message_get_path(m)));
		assert_true(sd_bus_message_skip(m, "s") > 0);
		assert_true(sd_bus_message_enter_container(m, 'a', "{sv}") > 0);
		while (sd_bus_message_enter_container(m, 'e', "sv") > 0) {
			assert_true(sd_bus_message_read(m, "s", &name) > 0);
			add_words(l, "%c%s", comma, name);
			comma = ',';
			sd_bus_message_skip(m, "v");
			sd_bus_message_exit_container(m);
		}
		add_words(l, " ");
	}
}

/* What was heard, up to now; with @settle, of properties too that may be told no more than ten
 * times a second. */
static const char *heard(struct listener *l)
{
	sd_bus_message *m;

	l->heard[0] = '\0';
	act(l->bus, MANAGER, "org.freedesktop.DBus.Peer.Ping", NULL);
	while ((m = next_message(l->bus, 0))) {
		put_down(l, m);
		sd_bus_message_unref(m);
	}
	return l->heard;
}

/* So long that the next change of a property is told at once. */
static void settle(void)
{
	sleep_ms(250);
	for (unsigned int i = 0; i < n_listeners; i++)
		heard(&listeners[i]);
}

static uid_t owner(void)
{
	return geteuid() ? 0 : 1;
}

/* Contents */

static uint32_t allocate(sd_bus *bus, const char *name, uint32_t mode)
{
	return (uint32_t)call_number(bus, MEMORY, "Allocate", "sua{sv}", name, 4, 1, "mode", "u",
				     mode);
}

static void test_changed_is_heard_by_who_may_read(void **state)
{
	static const uint32_t hidden[] = { 0600, 0640, 0604, 0044, 0222 };
	sd_bus *bus = connect_bus(owner());
	struct listener *all = listen_on(connect_bus(0));
	struct listener *own = listen_on(connect_session(bus));
	uint32_t id;

	(void)state;
	for (size_t i = 0; i < sizeof(hidden) / sizeof(*hidden); i++) {
		id = allocate(bus, "", hidden[i] | 0200);
		act(bus, MEMORY, "WriteInPlace", "uuay", id, 1, 2, 1, 2);
		assert_string_equal(heard(all), "");
	}
	assert_string_equal(heard(own), "+1 1:Checksummed Changed(1,,1,2) +2 2:Checksummed "
					"Changed(2,,1,2) +3 3:Checksummed Changed(3,,1,2) "
					"+4 4:Checksummed +5 5:Checksummed ");
	id = allocate(bus, "a", 0644);
	settle();
	act(bus, MEMORY, "Write", "uuay", id, 1, 2, 1, 2);
	assert_string_equal(heard(all), "Changed(6,a,1,2) ");
	assert_string_equal(heard(own), "Changed(6,a,1,2) ");
	act(bus, MEMORY, "WriteMany", "a(uuay)", 2, id, 0, 1, 9, id, 3, 1, 9);
	assert_string_equal(heard(all), "Changed(6,a,0,1) Changed(6,a,3,1) ");
	store(bus, "a", 7, 1);
	assert_string_equal(heard(all), "6:Size,Address,Generation Changed(6,a,0,7) ");
	act(bus, MEMORY, "Add", "sx", "n", (int64_t)1);
	act(bus, MEMORY, "SetMode", "uu", 7, 0644);
	settle();
	act(bus, MEMORY, "Add", "sx", "n", (int64_t)1);
	assert_string_equal(heard(all), "Changed(7,n,0,8) ");
	act(bus, MEMORY, "Add", "sx", "n", (int64_t)0);
	assert_string_equal(heard(all), "");
}

static void test_what_a_call_does_is_told_before_its_answer(void **state)
{
	sd_bus *session = connect_session(connect_bus(0));
	sd_bus_message *m;

	(void)state;
	allocate(session, "a", 0644);
	settle();
	heard(&(struct listener){ .bus = session });
	send_call(session, MEMORY, "WriteInPlace", "uuay", 1, 0, 1, 1);
	m = next_message(session, 5000);
	assert_true(sd_bus_message_is_signal(m, "org.freedesktop.DBus.Properties", NULL));
	sd_bus_message_unref(m);
	m = next_message(session, 5000);
	assert_true(sd_bus_message_is_signal(m, "org.smm1.Memory", "Changed"));
	sd_bus_message_unref(m);
	sd_bus_message_unref(next_answer(session));
}

/* Blocks come and go */

static void test_appearance(void **state)
{
	sd_bus *bus = connect_bus(owner());
	struct listener *all = listen_on(connect_bus(0));
	struct listener *own = listen_on(connect_session(bus));

	(void)state;
	allocate(bus, "a", 0600);
	assert_string_equal(heard(all), "");
	assert_string_equal(heard(own), "+1 ");
	act(bus, MEMORY, "SetMode", "uu", 1, 0644);
	assert_string_equal(heard(all), "+1 ");
	assert_string_equal(heard(own), "1:Mode ");
	settle();
	act(bus, MEMORY, "Rename", "us", 1, "b");
	assert_string_equal(heard(all), "1:Name ");
	assert_string_equal(heard(own), "1:Name ");
	settle();
	act(bus, MEMORY, "SetMode", "uu", 1, 0640);
	assert_string_equal(heard(all), "-1 ");
	assert_string_equal(heard(own), "1:Mode ");
	settle();
	act(bus, MEMORY, "SetMode", "uu", 1, 0444);
	assert_string_equal(heard(all), "+1 ");
	assert_string_equal(heard(own), "1:Mode ");
	settle();
	act(bus, MEMORY, "Free", "u", 1);
	assert_string_equal(heard(all), "-1 ");
	assert_string_equal(heard(own), "-1 ");
	store(bus, "b", 1, 1);
	act(bus, MEMORY, "Free", "u", 2);
	assert_string_equal(heard(all), "");
	assert_string_equal(heard(own), "+2 -2 ");
}

/* uid 4 and nobody have the same group; uid 1 has another. */
static void test_appearance_to_several_users(void **state)
{
	sd_bus *bus, *root;
	struct listener *all, *group, *stranger;

	(void)state;
	NEED_ROOT();
	bus = connect_bus(4);
	root = connect_bus(0);
	all = listen_on(connect_bus(0));
	group = listen_on(connect_session(connect_bus(65534)));
	stranger = listen_on(connect_session(connect_bus(1)));
	allocate(bus, "a", 0640);
	assert_string_equal(heard(group), "+1 ");
	act(bus, MEMORY, "WriteInPlace", "uuay", 1, 0, 1, 1);
	assert_string_equal(heard(group), "1:Checksummed Changed(1,a,0,1) ");
	assert_string_equal(heard(stranger), "");
	settle();
	act(bus, MEMORY, "SetMode", "uu", 1, 0604);
	assert_string_equal(heard(group), "-1 ");
	assert_string_equal(heard(stranger), "+1 ");
	assert_string_equal(heard(all), "");
	settle();
	act(root, MEMORY, "SetOwner", "uuu", 1, 1, 1);
	assert_string_equal(heard(group), "+1 "); /* among all others now */
	assert_string_equal(heard(stranger), "1:Owner,Group ");
	settle();
	act(root, MEMORY, "SetMode", "uu", 1, 0640);
	assert_string_equal(heard(group), "-1 ");
	assert_string_equal(heard(stranger), "1:Mode ");
	settle();
	act(root, MEMORY, "SetOwner", "uuu", 1, 4, 65534);
	assert_string_equal(heard(group), "+1 ");
	assert_string_equal(heard(stranger), "-1 ");
	assert_string_equal(heard(all), "");
}

/* All that is hidden from them, in no message at all. */
static void test_no_signal_tells_of_what_is_hidden(void **state)
{
	sd_bus *bus, *stranger[2];
	sd_bus_message *m;
	char *text;

	(void)state;
	NEED_ROOT();
	bus = connect_bus(1);
	stranger[0] = listen_on(connect_bus(2))->bus;
	stranger[1] = connect_session(stranger[0]);
	store(bus, "secret", 10, 1);
	store(bus, "secret", 20, 2);
	act(bus, MEMORY, "Write", "uuay", 1, 0, 1, 3);
	act(bus, MEMORY, "WriteInPlace", "uuay", 1, 0, 1, 4);
	act(bus, MEMORY, "Rename", "us", 1, "secret too");
	act(bus, MEMORY, "SetMode", "uu", 1, 0642);
	act(bus, MEMORY, "Resize", "uu", 1, 5);
	act(bus, MEMORY, "Add", "sx", "secret count", (int64_t)1);
	act(bus, MEMORY, "Add", "sx", "secret count", (int64_t)1);
	sleep_ms(250);
	act(bus, MEMORY, "Free", "u", 1);
	for (unsigned int i = 0; i < 2; i++) {
		act(stranger[i], MANAGER, "org.freedesktop.DBus.Peer.Ping", NULL);
		while ((m = next_message(stranger[i], 0))) {
			text = message_text(m);
			if (strstr(text, "secret") || strstr(text, "/block"))
				fail_msg("%s", text);
			free(text);
			sd_bus_message_unref(m);
		}
	}
}

/* What changes and is changed again, before the first change has been told for long. */
static void test_last_word_to_whom_it_appeared(void **state)
{
	sd_bus *bus = connect_bus(owner());
	struct listener *all = listen_on(connect_bus(0));

	(void)state;
	allocate(bus, "a", 0600);
	settle();
	act(bus, MEMORY, "SetMode", "uu", 1, 0640); /* told to the owner */
	act(bus, MEMORY, "Rename", "us", 1, "b");
	act(bus, MEMORY, "SetMode", "uu", 1, 0644);
	act(bus, MEMORY, "Rename", "us", 1, "a");
	assert_string_equal(heard(all), "+1 ");
	sleep_ms(250);
	assert_string_equal(heard(all), "1:Name,Mode ");
	act(bus, MEMORY, "SetMode", "uu", 1, 0640);
	act(bus, MEMORY, "Rename", "us", 1, "b");
	assert_string_equal(heard(all), "-1 ");
	sleep_ms(250);
	assert_string_equal(heard(all), "");
}

/* The whole memory */

static void test_format(void **state)
{
	struct listener *all;
	sd_bus *bus;

	(void)state;
	NEED_ROOT();
	bus = connect_bus(0);
	allocate(bus, "a", 0644);
	allocate(bus, "b", 0600);
	allocate(bus, "c", 0444);
	all = listen_on(connect_bus(0));
	act(bus, MEMORY, "Format", "a{sv}", 1, "force", "b", true);
	/* The job comes and goes, too, and has told all when it does. */
	assert_string_equal(heard(all), "+1 -1 -3 -1 ");
}

static int image_file(void)
{
	int fd = memfd_create("image", MFD_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static void test_restore(void **state)
{
	struct listener *all;
	sd_bus *bus;
	int fd;

	(void)state;
	NEED_ROOT();
	bus = connect_bus(0);
	fd = image_file();
	allocate(bus, "a", 0644);
	allocate(bus, "b", 0644);
	act(bus, MEMORY, "Dump", "ha{sv}", fd, 0);
	UNTIL(lseek(fd, 0, SEEK_END) > 0);
	sleep_ms(100);
	act(bus, MEMORY, "Free", "u", 1);
	allocate(bus, "c", 0644);
	all = listen_on(connect_bus(0));
	lseek(fd, 0, SEEK_SET);
	act(bus, MEMORY, "Restore", "ha{sv}", fd, 0);
	UNTIL(get_number(bus, MEMORY, "Blocks") == 2 &&
	      try_call(bus, NULL, MEMORY, "Free", "u", 3));
	sleep_ms(100);
	assert_string_equal(heard(all), "+2 -3 +1 -2 ");
	close(fd);
}

static void reload(sd_bus *bus)
{
	act(bus, MANAGER, "Reload", NULL);
	UNTIL(!try_call(bus, NULL, MEMORY, "List", NULL)); /* it is opened */
}

static void test_reload(void **state)
{
	struct listener *all, *own;
	sd_bus *bus;

	(void)state;
	NEED_ROOT();
	bus = connect_bus(0);
	allocate(bus, "a", 0644);
	allocate(bus, "b", 0600);
	all = listen_on(connect_bus(0));
	own = listen_on(connect_session(bus));
	configure("[memory fram1]\npath = %s/fram1.img\nsize = 32K\n", service_dir);
	reload(bus);
	assert_string_equal(heard(all), "+fram1 ");
	assert_string_equal(heard(own), "+fram1 ");
	configure_anew();
	configure_fram0("size = 64K\nquota = 1K");
	reload(bus);
	assert_string_equal(heard(all), "-1 -fram0 -fram1 +fram0 +1 ");
	assert_string_equal(heard(own), "-1 -2 -fram0 -fram1 +fram0 +1 +2 ");
}

/* Load */

#define LOAD_MS 2000

/* A property that was announced: of which object, what it was said to be, how often. */
struct announced {
	char path[64], name[32], value[64];
	unsigned int times;
};

static struct announced announced[1000];
static size_t n_announced;

static void read_value(sd_bus_message *m, char *text, size_t size)
{
	const char *contents, *string;
	uint64_t number = 0;

	assert_true(sd_bus_message_peek_type(m, NULL, &contents) > 0);
	assert_true(sd_bus_message_enter_container(m, 'v', contents) > 0);
	if (*contents == 's') {
		assert_true(sd_bus_message_read(m, "s", &string) > 0);
		snprintf(text, size, "%s", string);
	} else {
		assert_true(sd_bus_message_read_basic(m, *contents, &number) > 0);
		snprintf(text, size, "%" PRIu64, number);
	}
	sd_bus_message_exit_container(m);
}

static struct announced *find_announced(const char *path, const char *name)
{
	struct announced *a = announced;

	while (a < announced + n_announced && (strcmp(a->path, path) || strcmp(a->name, name)))
		a++;
	if (a < announced + n_announced)
		return a;
	assert_true(++n_announced <= sizeof(announced) / sizeof(*announced));
	*a = (struct announced){ 0 };
	snprintf(a->path, sizeof(a->path), "%s", path);
	snprintf(a->name, sizeof(a->name), "%s", name);
	return a;
}

/* Put down what a PropertiesChanged says. */
static void put_down_properties(sd_bus_message *m)
{
	struct announced *a;
	const char *name;

	if (sd_bus_message_is_signal(m, NULL, "PropertiesChanged") <= 0)
		return;
	assert_true(sd_bus_message_skip(m, "s") > 0);
	assert_true(sd_bus_message_enter_container(m, 'a', "{sv}") > 0);
	while (sd_bus_message_enter_container(m, 'e', "sv") > 0) {
		assert_true(sd_bus_message_read(m, "s", &name) > 0);
		a = find_announced(sd_bus_message_get_path(m), name);
		a->times++;
		read_value(m, a->value, sizeof(a->value));
		sd_bus_message_exit_container(m);
	}
}

/* Rounds of a dozen calls that are sent at once. */
static void load(void *userdata)
{
	sd_bus *bus = connect_bus(owner());
	int64_t end = now_ms() + LOAD_MS;
	unsigned int number = *(unsigned int *)userdata;
	char name[32], count[32], path[64];
	sd_bus_message *m;

	snprintf(name, sizeof(name), "data-%u", number);
	snprintf(count, sizeof(count), "count-%u", number);
	snprintf(path, sizeof(path), BLOCKS "%u", allocate(bus, name, 0644));
	for (unsigned int round = 0; now_ms() < end; round++) {
		for (unsigned int i = 0; i < 4; i++) {
			m = new_call(bus, MEMORY, "Store", "s", name);
			append_bytes(m, 4 + (round + i) % 3, (uint8_t)round);
			send_message(bus, m);
			send_call(bus, path, "SetMode", "u", i % 2 ? 0644 : 0666);
			send_call(bus, MEMORY, "Add", "sx", count, (int64_t)1);
		}
		act(bus, MEMORY, "Free", "u", allocate(bus, "", 0644));
	}
}

static void listen_for(sd_bus *bus, int ms)
{
	int64_t end = now_ms() + ms;
	sd_bus_message *m;

	while (now_ms() < end) {
		m = next_message(bus, (int)(end - now_ms()));
		if (m)
			put_down_properties(m);
		sd_bus_message_unref(m);
	}
}

/* The first of which that was said last is not so, with what is; NULL: all are, or are not there.
 */
static struct announced *find_wrong(sd_bus *bus, char *value, size_t size)
{
	sd_bus_message *m;
	const char *interface;

	for (struct announced *a = announced; a < announced + n_announced; a++) {
		interface = strcmp(a->path, MEMORY) ? "org.smm1.Block" : "org.smm1.Memory";
		if (try_call(bus, &m, a->path, "org.freedesktop.DBus.Properties.Get", "ss",
			     interface, a->name))
			continue;
		read_value(m, value, size);
		sd_bus_message_unref(m);
		if (strcmp(value, a->value) != 0)
			return a;
	}
	return NULL;
}

/* What was said last is so, in a while. */
static void compare_with_what_is(sd_bus *bus)
{
	struct announced *wrong;
	char value[64];

	for (int i = 0; (wrong = find_wrong(bus, value, sizeof(value))) && i < 20; i++)
		listen_for(bus, 200);
	if (wrong)
		fail_msg("%s of %s is %s; what was said last is %s", wrong->name, wrong->path,
			 value, wrong->value);
}

static void endure_load(sd_bus *bus)
{
	unsigned int numbers[] = { 0, 1, 2 };
	pid_t clients[3];
	int64_t start = now_ms(), seconds;

	n_announced = 0;
	for (unsigned int i = 0; i < 3; i++)
		clients[i] = start_process(load, &numbers[i]);
	listen_for(bus, LOAD_MS + 500);
	for (unsigned int i = 0; i < 3; i++)
		end_process(clients[i]);
	listen_for(bus, 300);
	seconds = (now_ms() - start + 999) / 1000;
	for (struct announced *a = announced; a < announced + n_announced; a++)
		if (a->times > 10 * seconds + 1)
			fail_msg("%s of %s was announced %u times in %jd seconds", a->name, a->path,
				 a->times, (intmax_t)seconds);
	assert_in_range(find_announced(MEMORY, "FreeSize")->times, 10, 10 * seconds + 1);
	assert_in_range(find_announced(BLOCKS "1", "Mode")->times, 10, 10 * seconds + 1);
	compare_with_what_is(bus);
	print_message(
		"# %ju calls a second\n",
		(uintmax_t)(3 * 3 * call_number(bus, MEMORY, "Add", "sx", "count-0", (int64_t)0)) *
			1000 / LOAD_MS);
}

static void test_load_on_the_bus(void **state)
{
	sd_bus *bus = connect_bus(0);

	(void)state;
	listen_on(bus);
	endure_load(bus);
}

static void test_load_on_a_session(void **state)
{
	(void)state;
	endure_load(connect_session(connect_bus(owner())));
}

/* Who does not read */

static bool is_there(int fd)
{
	struct pollfd end = { .fd = fd };

	return poll(&end, 1, 0) == 0;
}

static void test_one_that_does_not_read_is_given_up(void **state)
{
	sd_bus *bus = connect_bus(owner()), *reader = connect_session(bus), *sleeper;
	uint32_t id = allocate(bus, "a", 0644);
	int silent = session_socket(bus), sleeping;
	unsigned long before = smmd_peak();
	unsigned int told = 0;

	(void)state;
	sleeper = connect_session(bus);
	sleeping = sd_bus_get_fd(sleeper);
	for (; told < 200000 && (is_there(silent) || is_there(sleeping)); told += 200) {
		write_parts(bus, id, 200);
		heard(&(struct listener){ .bus = reader });
	}
	print_message("# given up after %u signals; %lu kB more\n", told, smmd_peak() - before);
	assert_in_range(told, 8000, 100000);
	assert_in_range(smmd_peak() - before, 0, 64 * 1024);
	assert_int_equal(get_number(reader, MEMORY, "Blocks"), 1);
	close(silent);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, service_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_changed_is_heard_by_who_may_read),
		TEST(test_what_a_call_does_is_told_before_its_answer),
		TEST(test_appearance),
		TEST(test_appearance_to_several_users),
		TEST(test_no_signal_tells_of_what_is_hidden),
		TEST(test_last_word_to_whom_it_appeared),
		TEST(test_format),
		TEST(test_restore),
		TEST(test_reload),
		TEST(test_load_on_the_bus),
		TEST(test_load_on_a_session),
		TEST(test_one_that_does_not_read_is_given_up),
	};

	choose_tests();
	return cmocka_run_group_tests_name("signals", tests, NULL, NULL);
}
