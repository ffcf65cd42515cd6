/* SPDX-License-Identifier: BSD-3-Clause */
#include "service-fixture.h"

#include <dirent.h>
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

char service_dir[] = "/tmp/smm-service-XXXXXX";
char bus_address[128];
pid_t smmd;

static pid_t tester, bus_daemon;
static bool clock_is_ours;

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

void give_up(const char *format, ...)
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

void check(int r, const char *what)
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

/* What a sanitizer keeps of freed memory would hide how much smmd needs; and it wants to be the
 * first library. */
static void set_sanitizer(void)
{
	const char *options = getenv("ASAN_OPTIONS");
	char more[256];

	snprintf(more, sizeof(more), "%s:quarantine_size_mb=4:verify_asan_link_order=0",
		 options ? options : "");
	setenv("ASAN_OPTIONS", more, 1);
}

/* See later.c. */
static void set_clock(void)
{
	char file[256];

	snprintf(file, sizeof(file), "%s/later", service_dir);
	setenv("SMM_LATER", file, 1);
	setenv("LD_PRELOAD", getenv("LATER"), 1);
}

void take_clock(void)
{
	clock_is_ours = true;
}

void advance_clock(unsigned int seconds)
{
	FILE *file = open_file("later", "ae");

	while (seconds--)
		fputc('s', file);
	fclose(file);
}

static void exec_smmd(void *userdata)
{
	char config[256], bus[256];
	char *arguments[] = { getenv("SMMD"), config, bus, NULL };

	(void)userdata;
	snprintf(config, sizeof(config), "--config=%s/smmd.conf", service_dir);
	snprintf(bus, sizeof(bus), "--address=%s", bus_address);
	set_sanitizer();
	if (clock_is_ours)
		set_clock();
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

sd_bus *keep_connection(sd_bus *bus)
{
	assert_true(n_connections < CONNECTIONS_MAX);
	connections[n_connections++] = bus;
	return bus;
}

sd_bus *connect_bus(uid_t uid)
{
	sd_bus *bus = NULL;

	check(connect_as(uid, &bus), "connecting to the bus");
	return keep_connection(bus);
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
	clock_is_ours = false;
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

unsigned long smmd_peak(void)
{
	static const char key[] = "VmHWM:";
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

unsigned int smmd_fds(void)
{
	unsigned int n = 0;
	char path[64];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)smmd);
	dir = opendir(path);
	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}
