/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Does with GPIO lines what its arguments say, one after the other, for gpio.bats:
 *
 *   output NAME 0|1   take it and drive it
 *   input NAME        take it and watch it
 *   set NAME 0|1
 *   get NAME          print its value
 *   wait NAME         wait for an edge and take all that are there
 *   quiet NAME        fail if an edge is waiting
 *   close NAME
 *   run COMMAND       by a shell
 *
 * It ends with 1 at the first failure, which it prints.
 */
#include <errno.h>
#include <poll.h>

#include "gpio.h"
#include "util.h"

#define LINES_MAX 8
#define WAIT_MS   5000

static struct taken {
	const char *name;
	struct gpio_line *line;
} lines[LINES_MAX];

static int check(int result, const char *what)
{
	if (result < 0) {
		printf("%s: %s\n", strerrorname_np(-result), what);
		exit(EXIT_FAILURE);
	}
	return result;
}

static struct taken *find(const char *name)
{
	for (struct taken *l = lines; l < lines + LINES_MAX; l++) {
		if (l->name && strcmp(l->name, name) == 0)
			return l;
	}
	check(-ENOENT, name);
	return NULL;
}

static struct taken *find_free(void)
{
	struct taken *l = lines;

	while (l < lines + LINES_MAX && l->name)
		l++;
	check(l < lines + LINES_MAX ? 0 : -ENFILE, "too many lines");
	return l;
}

static void take(const char *name, const char *value)
{
	_cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
	struct taken *l = find_free();
	int r = value ? gpio_open_output(name, *value == '1', &l->line, &error)
		      : gpio_open_input(name, &l->line, &error);

	check(r, error.message);
	l->name = name;
}

/* Whether there is an edge within so many milliseconds. */
static int has_edge(const struct taken *l, int ms)
{
	struct pollfd edge = { .fd = gpio_fd(l->line), .events = POLLIN };

	return check(poll(&edge, 1, ms) < 0 ? -errno : edge.revents, "poll");
}

static void drop(struct taken *l)
{
	gpio_close(l->line);
	l->name = NULL;
}

/* Returns what is behind the command and its words. */
static char **obey(char **argument)
{
	const char *command = *argument++, *name = *argument++;

	if (strcmp(command, "output") == 0)
		take(name, *argument++);
	else if (strcmp(command, "input") == 0)
		take(name, NULL);
	else if (strcmp(command, "set") == 0)
		check(gpio_set(find(name)->line, **argument++ == '1'), "set");
	else if (strcmp(command, "get") == 0)
		printf("%d\n", check(gpio_get(find(name)->line), "get"));
	else if (strcmp(command, "wait") == 0)
		check(has_edge(find(name), WAIT_MS) ? gpio_drain(find(name)->line) : -ETIME,
		      "wait");
	else if (strcmp(command, "quiet") == 0)
		check(has_edge(find(name), 0) ? -EBUSY : 0, "an edge is waiting");
	else if (strcmp(command, "close") == 0)
		drop(find(name));
	else
		check(strcmp(command, "run") == 0 && system(name) == 0 ? 0 : -EINVAL, command);
	return argument;
}

int main(int argc, char **argv)
{
	setlinebuf(stdout);
	for (char **argument = argv + 1; argument < argv + argc;)
		argument = obey(argument);
	for (struct taken *l = lines; l < lines + LINES_MAX; l++) {
		if (l->name)
			drop(l);
	}
	return 0;
}
