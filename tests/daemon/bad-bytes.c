/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bytes that sd-bus would not send. On a session nobody looks at them before smmd does.
 */
#include "bad-input.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* What comes of a message that is sent, beside an answer that is no error, which is NULL. */
#define REFUSED "refused" /* by an error, without an answer, or by the end of the connection */
#define EITHER  "taken or refused, as sd-bus likes"
#define SILENCE "silence" /* it waits for the rest */

#define SERIAL_BAD  77u
#define SERIAL_GOOD 78u

#define CALL         1 /* types of messages */
#define ERROR        3
#define PATH         1 /* fields of a header */
#define INTERFACE    2
#define MEMBER       3
#define ERROR_NAME   4
#define REPLY_SERIAL 5
#define DESTINATION  6
#define SIGNATURE    8

/* A message, byte by byte; what is not set is that of a call of Load. All is little-endian. */
struct raw {
	const char *what;
	const char *expected;
	char endian, type, version;
	uint32_t serial;
	const char *path, *interface, *member, *signature, *destination; /* "" leaves it out */
	const char *body;
	uint32_t body_size;
	uint32_t body_length, fields_length; /* that are not so */
};

#define BODY(bytes) .body = (bytes), .body_size = sizeof(bytes) - 1

/* "data" and its NUL, up to the next multiple of four. */
#define DATA "\4\0\0\0data\0\0\0\0"

/* The arguments of Allocate up to the type of the option exclusive. */
#define OPTION(length) DATA "\20\0\0\0" length "\0\0\0\0\0\0\0\11\0\0\0exclusive\0"

static const struct raw raws[] = {
	{ "a call as it has to be", .expected = NULL },
	{ "a name that is not UTF-8", REFUSED, BODY("\4\0\0\0\xff\xfe\xfd\xfc") },
	{ "a name in overlong UTF-8", REFUSED, BODY("\2\0\0\0\xc1\xa1\0") },
	{ "a name with half of a pair", REFUSED, BODY("\3\0\0\0\xed\xa0\x80\0") },
	{ "a name with a NUL inside", REFUSED, BODY("\4\0\0\0da\0a\0") },
	{ "a name without a NUL behind it", REFUSED, BODY("\4\0\0\0dataX") },
	{ "a name longer than the message", REFUSED, BODY("\5\0\0\0data\0") },
	{ "a name of 4 GiB", REFUSED,
	  BODY("\xff\xff\xff\xff"
	       "data\0") },
	{ "a name of which only half the length is there", REFUSED, BODY("\4\0") },
	{ "no arguments where the signature has one", REFUSED, BODY("") },
	{ "bytes behind the arguments", EITHER,
	  BODY("\4\0\0\0data\0"
	       "more") },
	{ "an array longer than the message", REFUSED, .member = "Store", .signature = "say",
	  BODY(DATA "\xff\0\0\0\1") },
	{ "an array of 2 GiB", REFUSED, .member = "Store", .signature = "say",
	  BODY(DATA "\xff\xff\xff\x7f\1") },
	{ "padding that is not zero", REFUSED, .member = "Store", .signature = "say",
	  BODY("\4\0\0\0data\0\1\1\1\1\0\0\0\1") },
	{ "a boolean of 2", REFUSED, .member = "Allocate", .signature = "sua{sv}",
	  BODY(OPTION("\30") "\1b\0\0\0\0\2\0\0\0") },
	{ "a variant without a type", REFUSED, .member = "Allocate", .signature = "sua{sv}",
	  BODY(OPTION("\20") "\0\0") },
	{ "a variant of two types", REFUSED, .member = "Allocate", .signature = "sua{sv}",
	  BODY(OPTION("\34") "\2bb\0\0\0\1\0\0\0\1\0\0\0") },
	{ "a descriptor that was not sent", REFUSED, .member = "Dump", .signature = "ha{sv}",
	  BODY("\0\0\0\0\0\0\0\0") },
	{ "a signature that the method has not", REFUSED, .signature = "u", BODY("\1\0\0\0") },
	{ "no signature, but arguments", REFUSED, .signature = "" },
	{ "a signature that ends in an array", REFUSED, .signature = "sa" },
	{ "a signature with half of a structure", REFUSED, .signature = "s(u" },
	{ "a signature with a type that there is not", REFUSED, .signature = "?" },
	{ "no path", REFUSED, .path = "" },
	{ "a path without a slash", REFUSED, .path = "org" },
	{ "a path with two slashes", REFUSED, .path = "/org//smm1" },
	{ "a path with a sign", REFUSED, .path = MEMORY_PATH "/block/+1" },
	{ "a path that is not UTF-8", REFUSED, .path = "/org/\xff" },
	{ "an interface of one word", REFUSED, .interface = "smm1" },
	{ "an interface with a space", REFUSED, .interface = "org.smm1. Memory" },
	{ "no member", REFUSED, .member = "" },
	{ "a member with a dot", REFUSED, .member = "Load.All" },
	{ "another version of the protocol", REFUSED, .version = 9 },
	{ "another byte order than there is", REFUSED, .endian = 'x' },
	{ "a type of message that there is not", REFUSED, .type = 9 },
	{ "an error that nobody asked for", REFUSED, .type = ERROR },
	{ "a message without a number", REFUSED, .serial = UINT32_MAX },
	{ "a body of 2 GiB", REFUSED, .body_length = 0x80000000 },
	{ "a body of 100 MiB that does not come", SILENCE, .body_length = 100 << 20 },
	{ "a header of 2 GiB", REFUSED, .fields_length = 0x80000000 },
};

/* Messages */

struct bytes {
	uint8_t data[1024];
	size_t n;
};

static void put(struct bytes *b, const void *data, size_t n)
{
	memcpy(b->data + b->n, data, n);
	b->n += n;
}

static void put_byte(struct bytes *b, unsigned int value)
{
	b->data[b->n++] = (uint8_t)value;
}

static void put_number(struct bytes *b, uint32_t value)
{
	for (unsigned int i = 0; i < 32; i += 8)
		put_byte(b, value >> i & 0xff);
}

static void align(struct bytes *b, size_t to)
{
	while (b->n % to)
		put_byte(b, 0);
}

static void put_field(struct bytes *b, unsigned int code, const char *type, const char *value)
{
	size_t n = strlen(value);

	if (!n)
		return;
	align(b, 8);
	put_byte(b, code);
	put_byte(b, 1);
	put(b, type, 2);
	if (*type == 'g')
		put_byte(b, (unsigned int)n);
	else
		put_number(b, (uint32_t)n);
	put(b, value, n + 1);
}

static const char *or_usual(const char *value, const char *usual)
{
	return value ? value : usual;
}

static struct bytes make_message(const struct raw *raw)
{
	static const char usual[] = DATA;
	uint32_t body_size = raw->body ? raw->body_size : 9;
	struct bytes b = { .n = 0 }, fields = { .n = 0 };

	put_field(&fields, PATH, "o", or_usual(raw->path, MEMORY_PATH));
	put_field(&fields, INTERFACE, "s", or_usual(raw->interface, "org.smm1.Memory"));
	put_field(&fields, MEMBER, "s", or_usual(raw->member, "Load"));
	put_field(&fields, DESTINATION, "s", or_usual(raw->destination, "org.smm1"));
	put_field(&fields, SIGNATURE, "g", or_usual(raw->signature, "s"));

	put_byte(&b, raw->endian ? (unsigned int)raw->endian : 'l');
	put_byte(&b, raw->type ? (unsigned int)raw->type : CALL);
	put_byte(&b, 0);
	put_byte(&b, raw->version ? (unsigned int)raw->version : 1);
	put_number(&b, raw->body_length ? raw->body_length : body_size);
	put_number(&b, raw->serial == UINT32_MAX ? 0 : raw->serial ? raw->serial : SERIAL_BAD);
	put_number(&b, raw->fields_length ? raw->fields_length : (uint32_t)fields.n);
	put(&b, fields.data, fields.n);
	align(&b, 8);
	put(&b, raw->body ? raw->body : usual, body_size);
	return b;
}

static uint32_t number_at(const uint8_t *data)
{
	return (uint32_t)(data[0] | data[1] << 8 | data[2] << 16) | (uint32_t)data[3] << 24;
}

/* The name of the error in a whole message, or NULL; and what the message answers. */
static const char *read_answer(const uint8_t *data, uint32_t *serial)
{
	const uint8_t *end = data + 16 + number_at(data + 12), *value;
	const char *error = NULL;

	for (const uint8_t *field = data + 16; field < end;) {
		value = field + 4;
		if (field[0] == REPLY_SERIAL)
			*serial = number_at(value);
		else if (field[0] == ERROR_NAME)
			error = (const char *)value + 4;
		value += field[2] == 'g'   ? value[0] + 2u
			 : field[2] == 'u' ? 4
					   : number_at(value) + 5;
		field += (size_t)(value - field + 7) & ~(size_t)7;
	}
	return error;
}

/* Connections */

/* Bytes behind those that are there; false at the end. */
static bool receive(int fd, uint8_t *data, size_t n, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t r;

	for (size_t at = 0; at < n; at += (size_t)r) {
		if (poll(&p, 1, timeout_ms) <= 0) {
			errno = ETIMEDOUT;
			return false;
		}
		r = recv(fd, data + at, n - at, 0);
		if (r <= 0) {
			errno = 0;
			return false;
		}
	}
	return true;
}

static void transmit(int fd, const void *data, size_t n)
{
	(void)!send(fd, data, n, MSG_NOSIGNAL); /* whoever has closed it says so when it is read */
}

/* The next message that is an answer. Return: whether there is one before the time is over. */
static bool next_answer(int fd, int timeout_ms, uint32_t *serial, const char **error)
{
	static uint8_t data[65536];
	uint32_t size;

	for (*serial = 0; !*serial; *error = read_answer(data, serial)) {
		if (!receive(fd, data, 16, timeout_ms))
			return false;
		size = 16 + ((number_at(data + 12) + 7) & ~7u) + number_at(data + 4);
		if (size > sizeof(data) || !receive(fd, data + 16, size - 16, timeout_ms))
			return false;
	}
	return true;
}

/* What has come of a message that one is behind which is answered for sure. */
static const char *result(int fd, int timeout_ms)
{
	const char *error;
	uint32_t serial;

	if (!next_answer(fd, timeout_ms, &serial, &error))
		return errno == ETIMEDOUT ? SILENCE : REFUSED;
	return error || serial == SERIAL_GOOD ? REFUSED : NULL;
}

/* As clients of sd-bus do; there are two answers, of a line each. */
static void authenticate(int fd)
{
	static const char lines[] = "\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n";
	unsigned int n_answers = 2;
	uint8_t c;

	transmit(fd, lines, sizeof(lines) - 1);
	while (n_answers && receive(fd, &c, 1, 10000))
		n_answers -= c == '\n';
}

static int open_raw_session(sd_bus *bus)
{
	int fd = open_session(bus);

	authenticate(fd);
	return fd;
}

static int open_raw_bus(void)
{
	static const struct raw hello = {
		.destination = "org.freedesktop.DBus",
		.path = "/org/freedesktop/DBus",
		.interface = "org.freedesktop.DBus",
		.member = "Hello",
		.signature = "",
		BODY(""),
	};
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct bytes m = make_message(&hello);

	sscanf(getenv("DBUS_SYSTEM_BUS_ADDRESS"), "unix:path=%107[^,;]", address.sun_path);
	must(connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0, "bus");
	authenticate(fd);
	transmit(fd, m.data, m.n);
	must(result(fd, 10000) ? -EPROTO : 0, "Hello");
	return fd;
}

static void try_raw(int fd, const struct raw *raw)
{
	/* Goes the same way as others, and so does not overtake them: Add of 0. */
	static const struct raw good = {
		.serial = SERIAL_GOOD,
		.member = "Add",
		.signature = "sx",
		BODY("\5\0\0\0count\0"
		     "\0\0\0\0\0\0"
		     "\0\0\0\0\0\0\0\0"),
	};
	struct bytes m = make_message(raw), next = make_message(&good);
	const char *expected = raw->expected, *found;

	transmit(fd, m.data, m.n);
	transmit(fd, next.data, next.n);
	found = result(fd, expected && !strcmp(expected, SILENCE) ? 300 : 10000);
	if (expected && !strcmp(expected, EITHER))
		found = EITHER;
	came_out(expected, found, "%s", raw->what);
	close(fd);
}

/* Random bytes of a good message are others. Whatever it is then, it changes nothing. */
static void try_noise(sd_bus *bus, unsigned int seed, unsigned int rounds)
{
	static const struct raw good = { .what = NULL };
	struct bytes m;
	int fd;

	srand(seed);
	while (rounds--) {
		m = make_message(&good);
		for (int n = 1 + rand() % 4; n; n--)
			m.data[(unsigned int)rand() % m.n] = (uint8_t)rand();
		fd = open_raw_session(bus);
		transmit(fd, m.data, m.n);
		shutdown(fd, SHUT_WR);
		(void)result(fd, 10000);
		close(fd);
		came_out(NULL, NULL, "noise of seed %u, %u rounds before the end", seed, rounds);
	}
}

void try_bytes(sd_bus *bus)
{
	static const char *const greetings[] = { "\1", "GET / HTTP/1.0\r\n\r\n", "\0AUTH\r\n" };
	const char *seed = getenv("SMM_TEST_SEED");
	int fd;

	for (size_t i = 0; i < ARRAY_SIZE(raws); i++)
		try_raw(open_raw_session(bus), &raws[i]);
	try_raw(open_raw_bus(), &raws[1]);
	for (size_t i = 0; i < ARRAY_SIZE(greetings); i++) {
		fd = open_session(bus);
		transmit(fd, greetings[i], strlen(greetings[i] + 1) + 1);
		close(fd);
		came_out(NULL, NULL, "greeting %zu", i);
	}
	try_noise(bus, seed ? (unsigned int)strtoul(seed, NULL, 10) : (unsigned int)time(NULL),
		  300);
}
