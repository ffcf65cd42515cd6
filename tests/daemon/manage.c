/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * manage [--session] [--silent] [--times=N] [--turns=N] UID METHOD [FILE]: a call of those that are
 * for administrators, by that user.
 *
 * It goes through a session, so that the user is not asked for a password, or N times at once, and
 * that in N turns. Dump writes FILE and Restore reads it. Each answer is a line: the name of the
 * connection on the bus, and "ok" or the error.
 */
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <string.h>

#include "util.h"

#define MEMORY "/org/smm1/memory/fram0"

static const char *method, *file, *name;
static unsigned int n_open;

static void check(int r, const char *what)
{
	if (r >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, strerror(-r));
	exit(EXIT_FAILURE);
}

static void become(uid_t uid)
{
	if (setgroups(0, NULL) < 0 || setgid(uid) < 0 || setuid(uid) < 0)
		check(-errno, "uid");
}

static int append_file(sd_bus_message *m, int flags)
{
	_cleanup_close_ int fd = open(file, flags, 0600);

	if (fd < 0)
		check(-errno, file);
	return sd_bus_message_append(m, "ha{sv}", fd, 0);
}

static int append_arguments(sd_bus_message *m)
{
	if (!strcmp(method, "Format"))
		return sd_bus_message_append(m, "a{sv}", 1, "force", "b", 1);
	if (!strcmp(method, "Check"))
		return sd_bus_message_append(m, "a{sv}", 1, "repair", "b", 1);
	if (!strcmp(method, "Dump"))
		return append_file(m, O_WRONLY | O_CREAT);
	if (!strcmp(method, "Restore"))
		return append_file(m, O_RDONLY);
	return 0;
}

static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *unused)
{
	const sd_bus_error *error = sd_bus_message_get_error(m);

	(void)userdata;
	(void)unused;
	if (error)
		printf("%s %s: %s\n", name, error->name, error->message);
	else
		printf("%s ok\n", name);
	n_open--;
	return 1;
}

static int start_call(sd_bus *connection, bool interactive)
{
	_cleanup_message_ sd_bus_message *m = NULL;
	bool of_manager = !strcmp(method, "Reload");
	int r;

	r = sd_bus_message_new_method_call(
		connection, &m, "org.smm1", of_manager ? "/org/smm1" : MEMORY,
		of_manager ? "org.smm1.Manager" : "org.smm1.Memory", method);
	if (r >= 0)
		r = append_arguments(m);
	if (r >= 0)
		r = sd_bus_message_set_allow_interactive_authorization(m, interactive);
	return r < 0 ? r : sd_bus_call_async(connection, NULL, m, on_answer, NULL, UINT64_MAX);
}

static int open_session(sd_bus *bus, sd_bus **session)
{
	_cleanup_message_ sd_bus_message *answer = NULL;
	int fd, r;

	r = sd_bus_call_method(bus, "org.smm1", MEMORY, "org.smm1.Memory", "OpenSession", NULL,
			       &answer, NULL);
	if (r >= 0)
		r = sd_bus_message_read(answer, "h", &fd);
	if (r >= 0)
		r = sd_bus_new(session);
	if (r < 0)
		return r;
	fd = dup(fd);
	r = sd_bus_set_fd(*session, fd, fd);
	return r < 0 ? r : sd_bus_start(*session);
}

static int wait_for_answers(sd_bus *connection)
{
	int r;

	while (n_open) {
		r = sd_bus_process(connection, NULL);
		if (r == 0)
			r = sd_bus_wait(connection, UINT64_MAX);
		if (r < 0)
			return r;
	}
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option known[] = {
		{ "session", no_argument, NULL, 'S' },
		{ "silent", no_argument, NULL, 's' },
		{ "times", required_argument, NULL, 'n' },
		{ "turns", required_argument, NULL, 't' },
		{ 0 },
	};
	_cleanup_bus_unref_ sd_bus *bus = NULL, *session = NULL;
	bool through_session = false, silent = false;
	unsigned long times = 1, turns = 1;
	sd_bus *connection;
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		through_session |= option == 'S';
		silent |= option == 's';
		if (option == 'n')
			times = strtoul(optarg, NULL, 10);
		if (option == 't')
			turns = strtoul(optarg, NULL, 10);
	}
	if (argc - optind < 2) {
		fputs("usage: manage [OPTION...] UID METHOD [FILE]\n", stderr);
		return EXIT_FAILURE;
	}
	method = argv[optind + 1];
	file = argv[optind + 2];
	become((uid_t)strtoul(argv[optind], NULL, 10));

	check(sd_bus_open_system(&bus), "bus");
	check(sd_bus_get_unique_name(bus, &name), "bus");
	if (through_session)
		check(open_session(bus, &session), "session");
	connection = session ? session : bus;
	for (; turns; turns--) {
		for (n_open = 0; n_open < times; n_open++)
			check(start_call(connection, !silent), method);
		check(wait_for_answers(connection), method);
	}
	return EXIT_SUCCESS;
}
