/* SPDX-License-Identifier: BSD-3-Clause */
#include "service-fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#define PATIENCE_MS 10000

char service_dir[] = "/tmp/smm-service-XXXXXX";
char bus_address[128];
pid_t smmd;

static pid_t tester, bus_daemon;

#define CONNECTIONS_MAX 256
static sd_bus *connections[CONNECTIONS_MAX];
static size_t n_connections;

int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t now_ms(void)
{
	return now_us() / 1000;
}

void sleep_ms(unsigned int ms)
{
	(void)poll(NULL, 0, (int)ms);
}

/* Something is broken. That ends the test; a process that it started just ends. */
static _Noreturn void give_up(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vprint_error(format, arguments);
	va_end(arguments);
	print_error("\n");
	if (getpid() != tester)
		_exit(1);
	fail();
	abort();
}

static void check(int r, const char *what)
{
	if (r < 0)
		give_up("%s: %s", what, strerror(-r));
}

/* Files */

static FILE *open_file(const char *name, const char *mode)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", service_dir, name);
	file = fopen(path, mode);
	assert_non_null(file);
	return file;
}

static void print_log(const char *name)
{
	FILE *file = open_file(name, "re");
	char line[1024];

	while (fgets(line, sizeof(line), file))
		printf("# %s: %s", name, line);
	fclose(file);
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
	(void)status;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* Processes */

pid_t start_process(void (*body)(void *userdata), void *userdata)
{
	pid_t parent = getpid(), process;

	fflush(NULL);
	process = fork();
	assert_true(process >= 0);
	if (process)
		return process;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == parent)
		body(userdata);
	_exit(0);
}

/* Its status, as of waitpid(), or -1 if it does not end. */
static int await(pid_t process)
{
	int64_t end = now_ms() + PATIENCE_MS;
	int status;

	while (waitpid(process, &status, WNOHANG) == 0) {
		if (now_ms() > end) {
			kill(process, SIGKILL);
			waitpid(process, &status, 0);
			return -1;
		}
		sleep_ms(5);
	}
	return status;
}

void kill_process(pid_t process)
{
	if (process <= 0)
		return;
	kill(process, SIGKILL);
	waitpid(process, NULL, 0);
}

void end_process(pid_t process)
{
	assert_int_equal(await(process), 0);
}

static void exec_with_log(char **arguments, const char *log)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", service_dir, log);
	if (freopen(path, "a", stderr))
		execvp(arguments[0], arguments);
	_exit(127);
}

static void exec_bus(void *userdata)
{
	char option[256];
	char *arguments[] = { "dbus-daemon", option, "--nofork", NULL };

	(void)userdata;
	snprintf(option, sizeof(option), "--config-file=%s/bus.conf", service_dir);
	exec_with_log(arguments, "bus.log");
}

/* What a sanitizer keeps of freed memory would hide how much smmd needs. */
static void keep_little(void)
{
	const char *options = getenv("ASAN_OPTIONS");
	char more[256];

	snprintf(more, sizeof(more), "%s:quarantine_size_mb=4", options ? options : "");
	setenv("ASAN_OPTIONS", more, 1);
}

static void exec_smmd(void *userdata)
{
	char config[256], bus[256];
	char *arguments[] = { getenv("SMMD"), config, bus, NULL };

	(void)userdata;
	snprintf(config, sizeof(config), "--config=%s/smmd.conf", service_dir);
	snprintf(bus, sizeof(bus), "--address=%s", bus_address);
	keep_little();
	exec_with_log(arguments, "smmd.log");
}

/* The bus */

static int connect_as(uid_t uid, sd_bus **bus)
{
	const struct passwd *user = uid ? getpwuid(uid) : NULL;
	const gid_t gid = user ? user->pw_gid : 0;
	int r;

	if (user && (setgroups(1, &gid) < 0 || setegid(gid) < 0 || seteuid(uid) < 0))
		return -errno;
	r = sd_bus_new(bus);
	if (r >= 0)
		r = sd_bus_set_address(*bus, bus_address);
	if (r >= 0)
		r = sd_bus_set_bus_client(*bus, true);
	if (r >= 0)
		r = sd_bus_negotiate_fds(*bus, true);
	if (r >= 0)
		r = sd_bus_start(*bus);
	if (r >= 0) /* waits until it is let in */
		r = sd_bus_get_unique_name(*bus, &(const char *){ NULL });
	if (user && (seteuid(0) < 0 || setegid(0) < 0 || setgroups(0, NULL) < 0))
		return -errno;
	if (r < 0)
		*bus = sd_bus_unref(*bus);
	return r;
}

static sd_bus *keep(sd_bus *bus)
{
	assert_true(n_connections < CONNECTIONS_MAX);
	connections[n_connections++] = bus;
	return bus;
}

sd_bus *connect_bus(uid_t uid)
{
	sd_bus *bus = NULL;

	check(connect_as(uid, &bus), "connecting to the bus");
	return keep(bus);
}

void disconnect(sd_bus *bus)
{
	size_t i = 0;

	if (!bus)
		return;
	while (i < n_connections && connections[i] != bus)
		i++;
	assert_true(i < n_connections);
	connections[i] = connections[--n_connections];
	sd_bus_close_unref(bus);
}

static void start_bus(void)
{
	FILE *file = open_file("bus.conf", "we");
	sd_bus *bus = NULL;

	fprintf(file,
		"<busconfig><type>custom</type><listen>%s</listen><auth>EXTERNAL</auth>\n"
		"<policy context='default'><allow user='*'/><allow own='*'/>\n"
		"<allow send_destination='*'/><allow receive_sender='*'/></policy></busconfig>\n",
		bus_address);
	fclose(file);
	bus_daemon = start_process(exec_bus, NULL);
	UNTIL(connect_as(0, &bus) >= 0);
	sd_bus_close_unref(bus);
}

void stop_bus(void)
{
	kill(bus_daemon, SIGSTOP);
}

void continue_bus(void)
{
	kill(bus_daemon, SIGCONT);
}

void choose_tests(void)
{
	signal(SIGPIPE, SIG_IGN);
	if (getenv("SMM_TEST"))
		cmocka_set_test_filter(getenv("SMM_TEST"));
}

int service_setup(void **state)
{
	(void)state;
	tester = getpid();
	memcpy(service_dir + strlen(service_dir) - 6, "XXXXXX", 6);
	if (!mkdtemp(service_dir))
		return -1;
	chmod(service_dir, 0711); /* other users reach the bus */
	snprintf(bus_address, sizeof(bus_address), "unix:path=%s/bus", service_dir);
	start_bus();
	return 0;
}

int service_teardown(void **state)
{
	int status = 0;

	(void)state;
	if (smmd) {
		kill(smmd, SIGTERM);
		status = await(smmd);
		smmd = 0;
	}
	continue_bus();
	while (n_connections)
		disconnect(connections[n_connections - 1]);
	kill_process(bus_daemon);
	if (status != 0 || getenv("SMM_TEST_LOG"))
		print_log("smmd.log");
	nftw(service_dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	return status ? -1 : 0;
}

void need_root(void)
{
	if (geteuid() != 0)
		skip();
}

/* smmd */

void configure(const char *format, ...)
{
	FILE *file = open_file("smmd.conf", "ae");
	va_list arguments;

	va_start(arguments, format);
	vfprintf(file, format, arguments);
	va_end(arguments);
	fclose(file);
}

void configure_anew(void)
{
	fclose(open_file("smmd.conf", "we"));
}

void configure_fram0(const char *lines)
{
	configure("[memory fram0]\nbus = file\npath = %s/fram0.img\n%s\n", service_dir, lines);
}

static bool answers(void)
{
	sd_bus *bus = NULL;
	int r, status;

	if (waitpid(smmd, &status, WNOHANG) == smmd) {
		smmd = 0;
		print_log("smmd.log");
		give_up("smmd ends with %#x", (unsigned int)status);
	}
	check(connect_as(0, &bus), "connecting to the bus");
	r = sd_bus_call_method(bus, "org.smm1", MANAGER, "org.freedesktop.DBus.Peer", "Ping", NULL,
			       NULL, NULL);
	sd_bus_close_unref(bus);
	return r >= 0;
}

void start_smmd(void)
{
	smmd = start_process(exec_smmd, NULL);
	UNTIL(answers());
}

void stop_smmd(void)
{
	pid_t process = smmd;
	int status;

	smmd = 0;
	kill(process, SIGTERM);
	status = await(process);
	if (status != 0) {
		print_log("smmd.log");
		give_up("smmd ends with %#x", (unsigned int)status);
	}
}

static unsigned long read_status(const char *key)
{
	char path[64], line[256];
	unsigned long kb = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)smmd);
	file = fopen(path, "re");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, key, strlen(key)))
			kb = strtoul(line + strlen(key), NULL, 10);
	fclose(file);
	assert_true(kb > 0);
	return kb;
}

unsigned long smmd_rss(void)
{
	return read_status("VmRSS:");
}

unsigned long smmd_peak(void)
{
	return read_status("VmHWM:");
}

/* Sessions */

int try_session_socket(sd_bus *bus)
{
	sd_bus_message *reply = NULL;
	const char *error = try_call(bus, &reply, MEMORY, "OpenSession", NULL);
	int fd;

	if (error) {
		assert_string_equal(error, ERROR("Busy"));
		return -1;
	}
	check(sd_bus_message_read(reply, "h", &fd), "OpenSession");
	fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	sd_bus_message_unref(reply);
	return fd;
}

int session_socket(sd_bus *bus)
{
	int fd = try_session_socket(bus);

	assert_true(fd >= 0);
	return fd;
}

sd_bus *start_session(int fd)
{
	sd_bus *bus;

	check(sd_bus_new(&bus), "a session");
	check(sd_bus_set_fd(bus, fd, fd), "a session");
	check(sd_bus_negotiate_fds(bus, true), "a session");
	check(sd_bus_start(bus), "a session");
	keep(bus);
	act(bus, MANAGER, "org.freedesktop.DBus.Peer.Ping", NULL); /* it is let in */
	return bus;
}

sd_bus *connect_session(sd_bus *bus)
{
	return start_session(session_socket(bus));
}

/* Calls */

static const char *interface_at(const char *path)
{
	if (!strcmp(path, MANAGER))
		return "org.smm1.Manager";
	if (strstr(path, "/job/"))
		return "org.smm1.Job";
	return strstr(path, "/block/") ? "org.smm1.Block" : "org.smm1.Memory";
}

/* @member may have another interface in front of it. */
static sd_bus_message *new_callv(sd_bus *bus, const char *path, const char *member,
				 const char *types, va_list arguments)
{
	const char *destination = sd_bus_is_bus_client(bus) > 0 ? "org.smm1" : NULL;
	const char *dot = strrchr(member, '.');
	char interface[128] = "";
	sd_bus_message *m;

	snprintf(interface, sizeof(interface), "%.*s", dot ? (int)(dot - member) : 127,
		 dot ? member : interface_at(path));
	check(sd_bus_message_new_method_call(bus, &m, destination, path, interface,
					     dot ? dot + 1 : member),
	      member);
	if (types)
		check(sd_bus_message_appendv(m, types, arguments), member);
	return m;
}

sd_bus_message *new_call(sd_bus *bus, const char *path, const char *member, const char *types, ...)
{
	sd_bus_message *m;
	va_list arguments;

	va_start(arguments, types);
	m = new_callv(bus, path, member, types, arguments);
	va_end(arguments);
	return m;
}

void send_message(sd_bus *bus, sd_bus_message *m)
{
	uint64_t cookie; /* who does not want it, gets no answer */

	check(sd_bus_send(bus, m, &cookie), "a call");
	sd_bus_message_unref(m);
}

void send_call(sd_bus *bus, const char *path, const char *member, const char *types, ...)
{
	va_list arguments;

	va_start(arguments, types);
	send_message(bus, new_callv(bus, path, member, types, arguments));
	va_end(arguments);
}

/* Return: 0, or a negative errno with @error. */
static int callv(sd_bus *bus, sd_bus_message **reply, sd_bus_error *error, const char *path,
		 const char *member, const char *types, va_list arguments)
{
	sd_bus_message *m = new_callv(bus, path, member, types, arguments);
	int r = sd_bus_call(bus, m, 0, error, reply);

	sd_bus_message_unref(m);
	return r;
}

const char *try_call(sd_bus *bus, sd_bus_message **reply, const char *path, const char *member,
		     const char *types, ...)
{
	static char name[128];
	sd_bus_error error = SD_BUS_ERROR_NULL;
	va_list arguments;
	int r;

	va_start(arguments, types);
	r = callv(bus, reply, &error, path, member, types, arguments);
	va_end(arguments);
	snprintf(name, sizeof(name), "%s", error.name ? error.name : strerror(-r));
	sd_bus_error_free(&error);
	return r < 0 ? name : NULL;
}

static sd_bus_message *must_callv(sd_bus *bus, const char *path, const char *member,
				  const char *types, va_list arguments)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *reply = NULL;

	if (callv(bus, &reply, &error, path, member, types, arguments) < 0)
		give_up("%s of %s: %s: %s", member, path, error.name, error.message);
	return reply;
}

sd_bus_message *call(sd_bus *bus, const char *path, const char *member, const char *types, ...)
{
	sd_bus_message *reply;
	va_list arguments;

	va_start(arguments, types);
	reply = must_callv(bus, path, member, types, arguments);
	va_end(arguments);
	return reply;
}

void act(sd_bus *bus, const char *path, const char *member, const char *types, ...)
{
	va_list arguments;

	va_start(arguments, types);
	sd_bus_message_unref(must_callv(bus, path, member, types, arguments));
	va_end(arguments);
}

/* Takes the message, and what is in it. */
static uint64_t read_number(sd_bus_message *m)
{
	const char *contents;
	uint64_t number = 0;
	char type;

	check(sd_bus_message_peek_type(m, &type, &contents), "an answer");
	if (type == 'v') {
		check(sd_bus_message_enter_container(m, 'v', contents), "an answer");
		type = contents[0];
	}
	check(sd_bus_message_read_basic(m, type, &number), "an answer"); /* little-endian */
	sd_bus_message_unref(m);
	return number;
}

uint64_t call_number(sd_bus *bus, const char *path, const char *member, const char *types, ...)
{
	sd_bus_message *reply;
	va_list arguments;

	va_start(arguments, types);
	reply = must_callv(bus, path, member, types, arguments);
	va_end(arguments);
	return read_number(reply);
}

uint64_t get_number(sd_bus *bus, const char *path, const char *property)
{
	return read_number(call(bus, path, "org.freedesktop.DBus.Properties.Get", "ss",
				interface_at(path), property));
}

void append_bytes(sd_bus_message *m, size_t size, uint8_t fill)
{
	void *content;

	check(sd_bus_message_append_array_space(m, 'y', size, &content), "bytes");
	memset(content, fill, size);
}

uint32_t store(sd_bus *bus, const char *name, size_t size, uint8_t fill)
{
	sd_bus_message *m = new_call(bus, MEMORY, "Store", "s", name), *reply = NULL;
	sd_bus_error error = SD_BUS_ERROR_NULL;

	append_bytes(m, size, fill);
	if (sd_bus_call(bus, m, 0, &error, &reply) < 0)
		give_up("Store %s: %s: %s", name, error.name, error.message);
	sd_bus_message_unref(m);
	return (uint32_t)read_number(reply);
}

void assert_bytes(sd_bus_message *m, size_t size, uint8_t fill)
{
	const uint8_t *bytes;
	size_t found;

	check(sd_bus_message_read_array(m, 'y', (const void **)&bytes, &found), "bytes");
	assert_int_equal(found, size);
	for (size_t i = 0; i < size; i++)
		assert_int_equal(bytes[i], fill);
	sd_bus_message_unref(m);
}

sd_bus_message *next_message(sd_bus *bus, int ms)
{
	int64_t end = now_ms() + ms;
	sd_bus_message *m = NULL;
	int r;

	while (!m) {
		r = sd_bus_process(bus, &m);
		if (r == 0 && now_ms() < end)
			r = sd_bus_wait(bus, (uint64_t)(end - now_ms()) * 1000);
		else if (r <= 0)
			return NULL;
	}
	return m;
}

sd_bus_message *next_answer(sd_bus *bus)
{
	sd_bus_message *m = next_message(bus, PATIENCE_MS);

	while (m && sd_bus_message_is_signal(m, NULL, NULL) > 0) {
		sd_bus_message_unref(m);
		m = next_message(bus, PATIENCE_MS);
	}
	assert_non_null(m);
	if (sd_bus_message_is_method_error(m, NULL))
		give_up("%s", sd_bus_message_get_error(m)->message);
	return m;
}

void write_parts(sd_bus *bus, uint32_t id, unsigned int n)
{
	sd_bus_message *m = new_call(bus, MEMORY, "WriteMany", NULL);

	check(sd_bus_message_open_container(m, 'a', "(uuay)"), "WriteMany");
	for (unsigned int i = 0; i < n; i++)
		check(sd_bus_message_append(m, "(uuay)", id, 0, 1, i), "WriteMany");
	check(sd_bus_message_close_container(m), "WriteMany");
	send_message(bus, m);
	sd_bus_message_unref(next_answer(bus));
}

char *message_text(sd_bus_message *m)
{
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	assert_non_null(file);
	check(sd_bus_message_rewind(m, true), "a message");
	check(sd_bus_message_dump(m, file, SD_BUS_MESSAGE_DUMP_WITH_HEADER), "a message");
	fclose(file);
	return text;
}
