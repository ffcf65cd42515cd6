/* SPDX-License-Identifier: BSD-3-Clause */
#include "control.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "board-file.h"
#include "calls.h"
#include "nodes.h"
#include "program.h"
#include "udev.h"

#define WORDS_MAX 6
#define NS_PER_MS 1000000u

/* What a command works on; which of these it has follows from its table entry. */
struct request {
	struct board *board;
	struct board_device *device;
	struct board_chip *chip;
	struct wire *wire;
	int count;
	char *words[WORDS_MAX]; /* behind the name of the device or chip */
	FILE *reply;
};

/* Why it did nothing, for the reply; NULL: done. */
typedef const char *command_function(struct request *request);

static bool number(const struct request *request, int i, uint64_t max, uint64_t *value)
{
	char *end;

	*value = strtoull(request->words[i], &end, 0);
	return end != request->words[i] && *end == '\0' && *value <= max;
}

static const char *const not_a_number = "that is not a number that fits";
static const char *const not_a_state = "say on or off";

static bool on_or_off(const struct request *request, bool *on)
{
	*on = strcmp(request->words[0], "on") == 0;
	return *on || strcmp(request->words[0], "off") == 0;
}

/* Chips */

static void kill_program(void *unused)
{
	(void)unused;
	program_kill();
}

static const char *power_cut(struct request *request)
{
	struct model *model = &request->chip->model;
	uint64_t bytes;

	if (!number(request, 0, INT64_MAX, &bytes))
		return not_a_number;
	if (request->count == 2 && strcmp(request->words[1], "kill") != 0)
		return "behind the number there may be: kill";
	model->on_cut = request->count == 2 ? kill_program : NULL;
	model_spend_power(model, (int64_t)bytes);
	return NULL;
}

static const char *power(struct request *request)
{
	bool on;

	if (!on_or_off(request, &on))
		return not_a_state;
	model_power(&request->chip->model, on);
	return NULL;
}

static const char *write_protect(struct request *request)
{
	bool on;

	if (!on_or_off(request, &on))
		return not_a_state;
	request->chip->model.write_protect = on;
	return NULL;
}

static const char *status(struct request *request)
{
	uint64_t value;

	if (!number(request, 0, UINT8_MAX, &value))
		return not_a_number;
	request->chip->model.status = (uint8_t)value;
	return NULL;
}

static const char *swap(struct request *request)
{
	int r = board_swap_image(request->chip, request->words[0]);

	return r < 0 ? strerror(-r) : NULL;
}

static const char *id(struct request *request)
{
	return board_file_parse_id(request->words[0], &request->chip->model.config)
		       ? NULL
		       : "an id is up to 9 bytes in hexadecimal";
}

/* Wires */

static const char *arm(struct request *request, struct wire_fault *fault)
{
	uint64_t skip, byte;

	if (!number(request, 0, UINT32_MAX, &skip) || !number(request, 1, UINT32_MAX, &byte))
		return not_a_number;
	wire_arm(request->wire, fault, skip, (uint32_t)byte);
	return NULL;
}

static const char *flip(struct request *request)
{
	uint64_t mask = 1;

	if (request->count == 3 && !number(request, 2, UINT8_MAX, &mask))
		return not_a_number;
	request->wire->flip_mask = (uint8_t)mask;
	return arm(request, &request->wire->flip);
}

static const char *halt(struct request *request)
{
	request->wire->halted = kill_program;
	return arm(request, &request->wire->halt);
}

static const char *stuck(struct request *request)
{
	uint64_t ms;

	if (!number(request, 1, UINT32_MAX, &ms))
		return not_a_number;
	if (!board_errno(request->words[0]))
		return "that is not the name of an errno that a bus gives";
	request->wire->stuck = board_errno(request->words[0]);
	request->wire->stuck_ns = ms * NS_PER_MS;
	return NULL;
}

static const char *unstuck(struct request *request)
{
	request->wire->stuck = 0;
	return NULL;
}

static const char *count_down(struct request *request, unsigned int *counter)
{
	uint64_t value;

	if (!number(request, 0, UINT_MAX, &value))
		return not_a_number;
	*counter = (unsigned int)value;
	return NULL;
}

static const char *nack(struct request *request)
{
	return count_down(request, &request->wire->nack_next);
}

static const char *lost(struct request *request)
{
	return count_down(request, &request->wire->lost_next);
}

/* Devices */

static void set_unplugged(struct board_device *device, bool unplugged)
{
	if (device->kind == DEVICE_I2C)
		device->i2c.unplugged = unplugged;
	else if (device->kind == DEVICE_SPI)
		device->spi.unplugged = unplugged;
	else
		device->gpio.unplugged = unplugged;
}

static const char *tell_plug(const struct request *request, const char *action)
{
	int r = udev_tell(request->device, action);

	return r < 0 && r != -ECONNREFUSED && r != -ESRCH ? strerror(-r) : NULL;
}

static const char *unplug(struct request *request)
{
	int r = nodes_unplug(request->device);

	if (r < 0)
		return strerror(-r);
	set_unplugged(request->device, true);
	return tell_plug(request, "remove");
}

static const char *plug(struct request *request)
{
	int r = nodes_plug(request->device);

	if (r < 0)
		return strerror(-r);
	set_unplugged(request->device, false);
	return tell_plug(request, "add");
}

static const char *line(struct request *request)
{
	struct gpio_chip *gpio = &request->device->gpio;
	uint64_t offset, level;

	if (request->device->kind != DEVICE_GPIO)
		return "it has no lines";
	if (!number(request, 0, gpio->line_count - 1, &offset))
		return not_a_number;
	if (request->count == 1) {
		fprintf(request->reply, "%d\n", gpio->lines[offset].level);
		return NULL;
	}
	if (!number(request, 1, 1, &level))
		return not_a_number;
	gpio_chip_drive(gpio, (uint32_t)offset, level);
	return NULL;
}

/* Counters */

static void print_wire(const char *name, const struct wire *wire, FILE *to)
{
	fprintf(to, "%s.transfers=%" PRIu64 "\n", name, wire->transfers);
	fprintf(to, "%s.bytes-out=%" PRIu64 "\n", name, wire->bytes_out);
	fprintf(to, "%s.bytes-in=%" PRIu64 "\n", name, wire->bytes_in);
	fprintf(to, "%s.refused=%" PRIu64 "\n", name, wire->refused);
	fprintf(to, "%s.wire-us=%" PRIu64 "\n", name, wire->ns / 1000);
}

static void print_speeds(const struct board_device *device, FILE *to)
{
	for (unsigned int i = 0; i < 256; i++) {
		if (device->spi.fastest[i])
			fprintf(to, "%s.fastest-%02x=%u\n", device->name, i,
				device->spi.fastest[i]);
	}
}

static void print_device(const struct board_device *device, FILE *to)
{
	fprintf(to, "%s.ioctls=%" PRIu64 "\n", device->name, device->ioctls);
	if (device->kind == DEVICE_I2C) {
		fprintf(to, "%s.messages=%" PRIu64 "\n", device->name, device->i2c.messages);
		print_wire(device->name, &device->i2c.wire, to);
	} else if (device->kind == DEVICE_SPI) {
		fprintf(to, "%s.messages=%" PRIu64 "\n", device->name, device->spi.messages);
		print_wire(device->name, &device->spi.wire, to);
		print_speeds(device, to);
	}
}

static void print_chip(const struct board_chip *chip, FILE *to)
{
	fprintf(to, "%s.frames=%" PRIu64 "\n", chip->name, chip->model.frames);
	fprintf(to, "%s.fetched=%" PRIu64 "\n", chip->name, chip->model.fetched);
	fprintf(to, "%s.stored=%" PRIu64 "\n", chip->name, chip->model.stored);
	fprintf(to, "%s.cycles=%" PRIu64 "\n", chip->name, chip->model.cycles);
}

void control_print_counters(const struct board *board, FILE *to)
{
	for (unsigned int i = 0; i < board->device_count; i++)
		print_device(&board->devices[i], to);
	for (unsigned int i = 0; i < board->chip_count; i++)
		print_chip(&board->chips[i], to);
}

static const char *counters(struct request *request)
{
	control_print_counters(request->board, request->reply);
	return NULL;
}

/* Commands */

enum object {
	NOTHING,
	A_CHIP,
	A_DEVICE,
	A_WIRE, /* a device that is no GPIO chip */
};

static const struct command {
	const char *name;
	enum object object;
	int least, most; /* words behind the object */
	command_function *function;
} commands[] = {
	{ "counters", NOTHING, 0, 0, counters },
	{ "power-cut", A_CHIP, 1, 2, power_cut },
	{ "power", A_CHIP, 1, 1, power },
	{ "write-protect", A_CHIP, 1, 1, write_protect },
	{ "status", A_CHIP, 1, 1, status },
	{ "swap", A_CHIP, 1, 1, swap },
	{ "id", A_CHIP, 1, 1, id },
	{ "flip", A_WIRE, 2, 3, flip },
	{ "halt", A_WIRE, 2, 2, halt },
	{ "stuck", A_WIRE, 2, 2, stuck },
	{ "unstuck", A_WIRE, 0, 0, unstuck },
	{ "nack", A_WIRE, 1, 1, nack },
	{ "lost", A_WIRE, 1, 1, lost },
	{ "unplug", A_DEVICE, 0, 0, unplug },
	{ "plug", A_DEVICE, 0, 0, plug },
	{ "line", A_DEVICE, 1, 2, line },
};

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	}
	return NULL;
}

static bool find_object(struct request *request, enum object object, const char *name)
{
	if (object == A_CHIP) {
		request->chip = board_chip(request->board, name);
		return request->chip;
	}
	request->device = board_device(request->board, name);
	if (object == A_DEVICE || !request->device)
		return request->device;
	request->wire = board_wire(request->device);
	return request->wire;
}

static const char *obey(struct request *request, char *text)
{
	const char *name = strsep(&text, " ");
	const struct command *command = find_command(name);

	if (!command)
		return "there is no such command";
	if (command->object != NOTHING &&
	    (!text || !find_object(request, command->object, strsep(&text, " "))))
		return "there is nothing of that name that it works on";
	while (text && request->count < WORDS_MAX)
		request->words[request->count++] = strsep(&text, " ");
	if (request->count < command->least || request->count > command->most)
		return "that is not the number of words that it takes";
	return command->function(request);
}

static void serve(struct board *board, FILE *from, FILE *to)
{
	struct request request = { .board = board, .reply = to };
	char text[PATH_MAX + 64];
	const char *why;

	if (!fgets(text, sizeof(text), from))
		return;
	text[strcspn(text, "\n")] = '\0';
	pthread_mutex_lock(&board->lock);
	calls_release_lines(board);
	why = obey(&request, text);
	pthread_mutex_unlock(&board->lock);
	if (why)
		fprintf(to, "error: %s\n", why);
}

struct server {
	struct board *board;
	int socket;
};

static void *serve_all(void *userdata)
{
	struct server *server = userdata;

	for (;;) {
		int fd = accept4(server->socket, NULL, NULL, SOCK_CLOEXEC);
		FILE *from, *to;

		if (fd < 0)
			continue;
		from = fdopen(fd, "r");
		to = fdopen(dup(fd), "w");
		serve(server->board, from, to);
		fclose(to);
		fclose(from);
	}
	return NULL;
}

static int listen_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (snprintf(address.sun_path, sizeof(address.sun_path), "%s", path) >=
	    (int)sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, 8) < 0)
		return -1;
	return fd;
}

int control_start(struct board *board)
{
	static struct server server;
	pthread_t thread;

	if (!*board->control)
		return 0;
	server = (struct server){ board, listen_at(board->control) };
	if (server.socket < 0 || pthread_create(&thread, NULL, serve_all, &server) != 0) {
		fprintf(stderr, "smm-rig: %s: %m\n", board->control);
		return -1;
	}
	pthread_detach(thread);
	return 0;
}
