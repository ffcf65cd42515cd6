/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sessions: what is on them, whose they are, how many there may be, and how they end.
 */
#include "service-fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define USER_MAX 16u
#define MAX      64u

static unsigned int fds; /* of smmd, without sessions */

static int setup(void **state)
{
	if (service_setup(state) < 0)
		return -1;
	configure_fram0("size = 2M\ngranule = 64");
	start_smmd();
	fds = smmd_fds();
	return 0;
}

static int setup_with_clock(void **state)
{
	if (service_setup(state) < 0)
		return -1;
	configure_fram0("size = 32K");
	take_clock();
	start_smmd();
	return 0;
}

/* What is there */

static char *introspect(sd_bus *bus, const char *path)
{
	sd_bus_message *m;
	const char *xml;
	char *copy;

	m = call(bus, path, "org.freedesktop.DBus.Introspectable.Introspect", NULL);
	assert_true(sd_bus_message_read(m, "s", &xml) > 0);
	copy = strdup(xml);
	sd_bus_message_unref(m);
	return copy;
}

/* The objects at and below @path are the same on both connections. Return: how many there are. */
static unsigned int compare_tree(sd_bus *a, sd_bus *b, const char *path)
{
	char *xml = introspect(a, path), *other = introspect(b, path), child[256];
	const char *node = xml;
	unsigned int n = 1;
	int length;

	assert_string_equal(xml, other);
	while ((node = strstr(node, "<node name=\""))) {
		node += strlen("<node name=\"");
		length = (int)strcspn(node, "\"");
		snprintf(child, sizeof(child), "%s/%.*s", path[1] ? path : "", length, node);
		n += compare_tree(a, b, child);
	}
	free(xml);
	free(other);
	return n;
}

/* What an answer says, without the way that it came. */
static char *body_text(sd_bus_message *m)
{
	char *text = message_text(m);
	char *body = strstr(text, "MESSAGE \"");

	assert_non_null(body);
	memmove(text, body, strlen(body) + 1);
	sd_bus_message_unref(m);
	return text;
}

static void compare_answers(sd_bus *a, sd_bus *b, const char *path, const char *member)
{
	char *text = body_text(call(a, path, member, NULL));
	char *other = body_text(call(b, path, member, NULL));

	assert_string_equal(text, other);
	free(text);
	free(other);
}

static void test_same_objects(void **state)
{
	sd_bus *bus = connect_bus(0), *session = connect_session(bus);

	(void)state;
	store(bus, "one", 3, 1);
	store(session, "two", 3, 1);
	/* The root, org, freedesktop and LogControl1, smm1, job, memory, fram0, block and two. */
	assert_int_equal(compare_tree(bus, session, "/"), 11);
	compare_answers(bus, session, MANAGER,
			"org.freedesktop.DBus.ObjectManager.GetManagedObjects");
	compare_answers(bus, session, MEMORY, "List");
	compare_answers(bus, session, MANAGER, "ListMemories");
}

static void test_memory_and_block(void **state)
{
	sd_bus *s = connect_session(connect_bus(0));
	char path[64];
	uint32_t id;

	(void)state;
	id = (uint32_t)call_number(s, MEMORY, "Allocate", "sua{sv}", "a", 4, 1, "fill", "y", 3);
	assert_bytes(call(s, MEMORY, "Load", "s", "a"), 4, 3);
	act(s, MEMORY, "Write", "uuay", id, 0, 2, 5, 5);
	assert_bytes(call(s, MEMORY, "Read", "uuu", id, 0, 2), 2, 5);
	act(s, MEMORY, "WriteInPlace", "uuay", id, 2, 2, 5, 5);
	assert_bytes(call(s, MEMORY, "Load", "s", "a"), 4, 5);
	act(s, MEMORY, "WriteMany", "a(uuay)", 1, id, 0, 4, 6, 6, 6, 6);
	act(s, MEMORY, "ReadMany", "a(uuu)", 1, id, 0, 4);
	act(s, MEMORY, "Resize", "uu", id, 2);
	act(s, MEMORY, "SetMode", "uu", id, 0640);
	act(s, MEMORY, "Rename", "us", id, "b");
	assert_int_equal(call_number(s, MEMORY, "Find", "s", "b"), id);
	assert_int_equal(call_number(s, MEMORY, "Add", "sx", "count", (int64_t)5), 5);
	act(s, MEMORY, "Check", "a{sv}", 0);
	assert_int_equal(get_number(s, MEMORY, "Blocks"), 2);

	snprintf(path, sizeof(path), BLOCKS "%u", id);
	act(s, path, "Write", "uay", 0, 2, 7, 7);
	act(s, path, "WriteInPlace", "uay", 1, 1, 7);
	assert_bytes(call(s, path, "Read", "uu", 0, UINT32_MAX), 2, 7);
	act(s, path, "Rename", "s", "c");
	act(s, path, "SetMode", "u", 0600);
	act(s, path, "Resize", "u", 9);
	assert_int_equal(get_number(s, path, "Size"), 9);
	assert_int_equal(get_number(s, path, "Mode"), 0600);
	act(s, path, "Free", NULL);
	assert_string_equal(try_call(s, NULL, MEMORY, "Free", "u", id), ERROR("NoSuchBlock"));
	assert_string_equal(try_call(s, NULL, MANAGER, "GetMemory", "s", "x"),
			    ERROR("NoSuchMemory"));
}

static void await_signal(sd_bus *bus, const char *member)
{
	sd_bus_message *m;
	bool found = false;

	while (!found) {
		m = next_message(bus, 5000);
		assert_non_null(m);
		found = sd_bus_message_is_signal(m, NULL, member) > 0;
		sd_bus_message_unref(m);
	}
}

static void test_job(void **state)
{
	sd_bus *s;
	sd_bus_message *m;
	const char *path;
	char job[64];
	int fds[2];

	(void)state;
	NEED_ROOT();
	s = connect_session(connect_bus(0));
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	m = call(s, MEMORY, "Dump", "ha{sv}", fds[1], 0);
	assert_true(sd_bus_message_read(m, "o", &path) > 0);
	snprintf(job, sizeof(job), "%s", path);
	sd_bus_message_unref(m);
	close(fds[1]); /* smmd has its own; nobody reads: it goes on until it is canceled */
	assert_int_not_equal(get_number(s, job, "BytesTotal"), 0);
	act(s, job, "Cancel", NULL);
	await_signal(s, "Finished");
	close(fds[0]);
	assert_string_equal(try_call(s, NULL, job, "Cancel", NULL),
			    "org.freedesktop.DBus.Error.UnknownObject");
}

/* Whose it is */

static void as_user_2(void *userdata)
{
	int fd = *(int *)userdata;
	sd_bus *session;

	if (setgid(2) < 0 || setuid(2) < 0 || sd_bus_new(&session) < 0 ||
	    sd_bus_set_fd(session, fd, fd) < 0 || sd_bus_start(session) < 0)
		_exit(1);
	if (sd_bus_call_method(session, NULL, MEMORY, "org.smm1.Memory", "Add", NULL, NULL, "sx",
			       "made-by-2", (int64_t)1) < 0)
		_exit(2);
	if (sd_bus_call_method(session, NULL, MEMORY, "org.smm1.Memory", "Load", NULL, NULL, "s",
			       "of-1") < 0)
		_exit(3);
	if (sd_bus_call_method(session, NULL, MEMORY, "org.smm1.Memory", "Load", NULL, NULL, "s",
			       "of-2") >= 0)
		_exit(4);
	sd_bus_close_unref(session);
}

static void test_acts_for_its_opener(void **state)
{
	sd_bus *one, *two;
	int fd;

	(void)state;
	NEED_ROOT();
	one = connect_bus(1);
	two = connect_bus(2);
	store(one, "of-1", 1, 1);
	store(two, "of-2", 1, 1);
	fd = session_socket(one);
	end_process(start_process(as_user_2, &fd));
	close(fd);
	assert_int_equal(get_number(one, BLOCKS "3", "Owner"), 1);
	assert_string_equal(try_call(two, NULL, MEMORY, "Find", "s", "made-by-2"),
			    ERROR("NoSuchBlock"));
}

static void test_outlives_its_opener(void **state)
{
	sd_bus *one, *session;

	(void)state;
	NEED_ROOT();
	one = connect_bus(1);
	session = connect_session(one);
	disconnect(one);
	store(session, "of-1", 1, 1);
	assert_int_equal(get_number(session, BLOCKS "1", "Owner"), 1);
	assert_string_equal(try_call(session, NULL, MEMORY, "Format", "a{sv}", 0),
			    "org.freedesktop.DBus.Error.AccessDenied");
}

static void test_opened_by_a_session(void **state)
{
	sd_bus *first, *second;

	(void)state;
	first = connect_session(connect_bus(geteuid() ? 0 : 1));
	second = connect_session(first);
	store(second, "a", 1, 1);
	disconnect(first);
	assert_int_equal(get_number(second, BLOCKS "1", "Owner"), geteuid() ? geteuid() : 1);
}

/* How many there may be */

static void open_many(sd_bus *bus, int *fds, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		fds[i] = session_socket(bus);
}

static void close_all(const int *fds, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		close(fds[i]);
}

/* Whether there is no place for another. */
static bool is_full(sd_bus *bus)
{
	int fd = try_session_socket(bus);

	if (fd >= 0)
		close(fd);
	return fd < 0;
}

/* All places of the user are free, once smmd has noticed, and nothing is left. */
static void assert_none_left(sd_bus *bus)
{
	int sockets[USER_MAX];

	for (unsigned int i = 0; i < USER_MAX; i++)
		UNTIL((sockets[i] = try_session_socket(bus)) >= 0);
	assert_true(is_full(bus));
	close_all(sockets, USER_MAX);
	UNTIL(smmd_fds() == fds);
}

static void test_16_of_a_user(void **state)
{
	sd_bus *bus = connect_bus(0), *again = connect_bus(0);
	int fds[USER_MAX];

	(void)state;
	open_many(bus, fds, USER_MAX);
	assert_true(is_full(bus));
	assert_true(is_full(again));
	close(fds[3]);
	UNTIL((fds[3] = try_session_socket(again)) >= 0);
	assert_true(is_full(bus));
	close_all(fds, USER_MAX);
	assert_none_left(bus);
}

static void test_64_in_all(void **state)
{
	sd_bus *users[5];
	int fds[MAX];

	(void)state;
	NEED_ROOT();
	for (uid_t i = 0; i < 5; i++)
		users[i] = connect_bus(i);
	for (unsigned int i = 0; i < 4; i++)
		open_many(users[i], fds + i * USER_MAX, USER_MAX);
	assert_true(is_full(users[4]));
	close(fds[0]);
	UNTIL((fds[0] = try_session_socket(users[4])) >= 0);
	close_all(fds, MAX);
}

/* How they end */

static void test_closed_in_the_middle_of_calls(void **state)
{
	sd_bus *bus = connect_bus(0), *session;

	(void)state;
	store(bus, "large", 1000000, 1);
	for (unsigned int i = 0; i < USER_MAX; i++) {
		session = connect_session(bus);
		send_call(session, MEMORY, "Load", "s", "large");
		send_call(session, MEMORY, "Add", "sx", "count", (int64_t)1);
		sd_bus_flush(session);
		disconnect(session);
	}
	assert_none_left(bus);
	assert_true(call_number(bus, MEMORY, "Add", "sx", "count", (int64_t)1) > 0);
}

/* A session whose socket is read and written by hand. */
static int raw_session(sd_bus *bus)
{
	static const char hello[] = "\0AUTH EXTERNAL\r\nDATA\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n";
	int fd = session_socket(bus);
	char answer[256];

	assert_int_equal(write(fd, hello, sizeof(hello) - 1), (long)sizeof(hello) - 1);
	assert_int_equal(poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 5000), 1);
	assert_true(read(fd, answer, sizeof(answer)) > 0);
	return fd;
}

/* The other side is at its end. */
static bool is_over(int fd)
{
	char bytes[512];
	ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	return n == 0 || (n < 0 && errno != EAGAIN);
}

/* The beginning of a call with a body of 1 MB. */
static const uint8_t begun[] = {
	'l', 1, 0, 1, 0, 0, 16, 0, 1, 0, 0, 0, 0, 0, 0, 0,
};

static void test_closed_in_the_middle_of_a_message(void **state)
{
	sd_bus *bus = connect_bus(0);
	uint8_t *body = calloc(1, 500000);
	int fds[USER_MAX];

	(void)state;
	for (unsigned int i = 0; i < USER_MAX; i++) {
		fds[i] = raw_session(bus);
		assert_int_equal(write(fds[i], begun, sizeof(begun)), sizeof(begun));
		fcntl(fds[i], F_SETFL, O_NONBLOCK);
		(void)!write(fds[i], body, 500000);
	}
	store(bus, "a", 1, 1);
	close_all(fds, USER_MAX);
	free(body);
	assert_none_left(bus);
}

static void test_garbage_ends_that_session_only(void **state)
{
	sd_bus *bus = connect_bus(0), *session = connect_session(bus);
	static const char *const greetings[] = {
		"GET / HTTP/1.0\r\n\r\n", "\n\n\n\n\n", "AUTH EXTERNAL zz\r\nBEGIN\r\n",
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
	};
	uint8_t garbage[4096];
	int fd;

	(void)state;
	store(session, "a", 1, 1);
	for (size_t i = 0; i < sizeof(greetings) / sizeof(*greetings); i++) {
		fd = session_socket(bus);
		(void)!write(fd, greetings[i], strlen(greetings[i]));
		UNTIL(is_over(fd));
		close(fd);
	}
	for (unsigned int i = 0; i < 30; i++) {
		fd = raw_session(bus);
		srand(i);
		for (size_t k = 0; k < sizeof(garbage); k++)
			garbage[k] = (uint8_t)rand();
		garbage[0] = i % 3 ? 'l' : garbage[0];
		garbage[3] = i % 5 ? 1 : garbage[3]; /* the version of the protocol */
		(void)!send(fd, garbage, sizeof(garbage), MSG_NOSIGNAL);
		close(fd);
	}
	assert_int_equal(get_number(session, MEMORY, "Blocks"), 1);
	disconnect(session);
	assert_none_left(bus);
}

/* Read until there are @n bytes, or a second is over. */
static size_t read_some(int fd, char *buffer, size_t n)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	size_t done = 0;
	ssize_t r = 1;

	while (done < n && r > 0 && poll(&poll_fd, 1, 1000) > 0) {
		r = read(fd, buffer + done, n - done);
		done += r > 0 ? (size_t)r : 0;
	}
	return done;
}

/* Whether @text arrives, behind whatever else. */
static bool is_told(int fd, const char *text)
{
	char heard[8192];
	size_t n = 0, more;

	do {
		more = read_some(fd, heard + n, 1);
		n += more;
	} while (more && n < sizeof(heard) && !memmem(heard, n, text, strlen(text)));
	return more && n < sizeof(heard);
}

/* As libraries send it that wait for the answers of the authentication before they go on; it may be
 * that there were signals before. */
static void test_first_call_comes_with_begin(void **state)
{
	static const char hello[] = "\0AUTH EXTERNAL\r\nDATA\r\n";
	static const char begin_and_ping[] = "BEGIN\r\n"
					     "l\1\0\1\0\0\0\0\1\0\0\0\x1d\0\0\0"
					     "\1\1o\0\1\0\0\0/\0\0\0\0\0\0\0"
					     "\3\1s\0\4\0\0\0Ping\0\0\0\0";
	sd_bus *bus = connect_bus(0);
	int fd;

	(void)state;
	for (int with_signals = 0; with_signals < 2; with_signals++) {
		fd = session_socket(bus);
		if (with_signals)
			store(bus, "a", 1, 1);
		else
			sleep_ms(250);
		assert_int_equal(write(fd, hello, sizeof(hello) - 1), sizeof(hello) - 1);
		assert_true(is_told(fd, "\r\nOK "));
		assert_true(is_told(fd, "\r\n"));
		assert_int_equal(write(fd, begin_and_ping, sizeof(begin_and_ping) - 1),
				 sizeof(begin_and_ping) - 1);
		assert_true(is_told(fd, "Unknown object '/'"));
		close(fd);
	}
	assert_none_left(bus);
}

static void test_silent_ones_disturb_nobody(void **state)
{
	sd_bus *bus = connect_bus(0), *session;
	int fds[USER_MAX - 1];

	(void)state;
	open_many(bus, fds, USER_MAX - 1);
	(void)!write(fds[0], "\0AUTH", 5);
	session = connect_session(bus);
	for (int i = 0; i < 100; i++)
		assert_int_equal(call_number(session, MEMORY, "Add", "sx", "n", (int64_t)1), i + 1);
	close_all(fds, USER_MAX - 1);
}

/* As long as D-Bus waits; those that were let in may be silent for longer. */
static void test_one_that_never_says_who_it_is_is_dropped(void **state)
{
	sd_bus *bus = connect_bus(0), *session = connect_session(bus);
	int silent = session_socket(bus), slow = session_socket(bus);

	(void)state;
	assert_int_equal(write(slow, "\0AUTH EXTERNAL\r\n", 16), 16);
	advance_clock(20);
	assert_int_equal(get_number(session, MEMORY, "Blocks"), 0);
	assert_false(is_over(silent));
	advance_clock(100);
	assert_int_equal(get_number(session, MEMORY, "Blocks"), 0);
	UNTIL(is_over(silent));
	UNTIL(is_over(slow));
	assert_int_equal(get_number(session, MEMORY, "Blocks"), 0);
	close(silent);
	close(slow);
}

/* Make @n signals. */
static void make_signals(sd_bus *bus, unsigned int n)
{
	uint32_t id = store(bus, "public", 1, 1);

	act(bus, MEMORY, "SetMode", "uu", id, 0644);
	for (unsigned int i = 0; i < n; i++)
		act(bus, MEMORY, "Write", "uuay", id, 0, 1, i);
}

static void test_begins_although_there_are_signals(void **state)
{
	sd_bus *bus = connect_bus(0), *session;
	int fd = session_socket(bus);

	(void)state;
	make_signals(bus, 100);
	session = start_session(fd);
	assert_int_equal(get_number(session, MEMORY, "Blocks"), 1);
}

static void test_one_that_does_not_read_can_be_closed(void **state)
{
	sd_bus *bus = connect_bus(0), *sessions[USER_MAX];

	(void)state;
	store(bus, "large", 60000, 1);
	for (unsigned int i = 0; i < USER_MAX; i++) {
		sessions[i] = connect_session(bus);
		for (unsigned int k = 0; k < 200; k++)
			send_call(sessions[i], MEMORY, "Load", "s", "large");
	}
	sleep_ms(500); /* so that answers are in the way */
	for (unsigned int i = 0; i < USER_MAX; i++)
		disconnect(sessions[i]);
	assert_none_left(bus);
}

/* The end of smmd */

static void test_sigterm_with_answers_that_nobody_reads(void **state)
{
	sd_bus *bus = connect_bus(0), *session;
	int silent = session_socket(bus);
	int64_t start;

	(void)state;
	store(bus, "large", 60000, 1);
	for (unsigned int i = 0; i < 4; i++) {
		session = connect_session(bus);
		for (unsigned int k = 0; k < 20; k++)
			send_call(session, MEMORY, "Load", "s", "large");
	}
	make_signals(bus, 50);
	start = now_ms();
	stop_smmd();
	assert_in_range(now_ms() - start, 0, 4000);
	UNTIL(is_over(silent));
	close(silent);
}

/* Whether so much has arrived that it is not signals alone. */
static bool has_much_input(sd_bus *session)
{
	int n = 0;

	return ioctl(sd_bus_get_fd(session), FIONREAD, &n) == 0 && n > 100000;
}

/* What was answered arrives, although it is more than fits in a socket. */
static void test_sigterm_does_not_cut_an_answer(void **state)
{
	sd_bus *session = connect_session(connect_bus(0));

	(void)state;
	store(session, "large", 2000000, 1);
	send_call(session, MEMORY, "Load", "s", "large");
	UNTIL(has_much_input(session));
	kill(smmd, SIGTERM);
	sleep_ms(100);
	assert_bytes(next_answer(session), 2000000, 1);
	stop_smmd();
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, service_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_same_objects),
		TEST(test_memory_and_block),
		TEST(test_job),
		TEST(test_acts_for_its_opener),
		TEST(test_outlives_its_opener),
		TEST(test_opened_by_a_session),
		TEST(test_16_of_a_user),
		TEST(test_64_in_all),
		TEST(test_closed_in_the_middle_of_calls),
		TEST(test_closed_in_the_middle_of_a_message),
		TEST(test_garbage_ends_that_session_only),
		TEST(test_first_call_comes_with_begin),
		TEST(test_silent_ones_disturb_nobody),
		cmocka_unit_test_setup_teardown(test_one_that_never_says_who_it_is_is_dropped,
						setup_with_clock, service_teardown),
		TEST(test_begins_although_there_are_signals),
		TEST(test_one_that_does_not_read_can_be_closed),
		TEST(test_sigterm_with_answers_that_nobody_reads),
		TEST(test_sigterm_does_not_cut_an_answer),
	};

	choose_tests();
	return cmocka_run_group_tests_name("sessions", tests, NULL, NULL);
}
