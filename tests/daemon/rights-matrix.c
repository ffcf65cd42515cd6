/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rights-matrix: every call of smmd, by everybody, on a block with all kinds of modes.
 *
 * It is run by with-users.sh. Each person is a process with a connection of its own. This one is
 * root's, too: it makes the block, lets somebody call, and looks what has become of the block. What
 * should have is written down here in a few words, apart from the daemon's code. A test is one call
 * by one person, with all modes.
 */
#include <errno.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "errors.h"
#include "users.h"
#include "util.h"

#define BUS        "org.freedesktop.DBus"
#define NODE       BUS ".Introspectable"
#define PEER       BUS ".Peer"
#define PROPERTIES BUS ".Properties"
#define OBJECTS    BUS ".ObjectManager"
#define LOG        "org.freedesktop.LogControl1"
#define MANAGER    "org.smm1.Manager"
#define MEMORY     "org.smm1.Memory"
#define BLOCK      "org.smm1.Block"

#define AT_BUS     "/org/freedesktop/DBus"
#define AT_LOG     "/org/freedesktop/LogControl1"
#define AT_MANAGER "/org/smm1"
#define AT_MEMORY  AT_MANAGER "/memory/fram0"
#define AT_BLOCKS  AT_MEMORY "/block"
#define AT_BLOCK   AT_BLOCKS "/%u"

/* The block, and one that is not there. */
#define NAME         "subject"
#define MISSING_NAME "no-such-name"
#define MISSING_ID   4000000000u
#define OWNER_UID    63001u
#define CREW_GID     63010u

static const uint32_t modes[] = {
	0000, 0600, 0400, 0200, 0640, 0660, 0604, 0666, 0644,
	0040, 0020, 0004, 0002, 0060, 0006, 0066, 0111, 0777,
};

/* Whose members the block's group and the group of smmd are. */
static struct person {
	const char *account; /* NULL: none */
	bool in_smm, in_crew;
	bool in_session; /* and not on the bus */
	int channel;     /* to the process */
	pid_t pid;
} people[] = {
	{ .account = "root" },
	{ .account = "owner", .in_smm = true, .in_crew = true },
	{ .account = "mate", .in_smm = true, .in_crew = true },
	{ .account = "member", .in_smm = true },
	{ .account = "smm", .in_smm = true },
	{ .account = "outsider" },
	{ .account = NULL },
	{ .account = "root", .in_session = true },
	{ .account = "owner", .in_smm = true, .in_crew = true, .in_session = true },
	{ .account = "mate", .in_smm = true, .in_crew = true, .in_session = true },
	{ .account = "member", .in_smm = true, .in_session = true },
};

/* What one needs for a call, unless one is root. */
enum need {
	NONE,
	READ,
	WRITE,
	RW,
	OWNER, /* to be it */
	CREW,  /* to be of it */
	SMM,   /* to be it, not only of it */
	ROOT,
};

/* What comes of a call: the name of an error, or none of these. */
static const char DONE[] = "";
static const char CHANGED[] = ""; /* and the block is another, or there are more or less of them */
static const char SHOWN[] = "";   /* the block, to who sees it */
static const char STARTED[] = ""; /* a job */
static const char AS_MISSING[] = "what a block gets that is not there";

#define DENIED        SD_BUS_ERROR_ACCESS_DENIED
#define DENIED_BY_BUS "the bus: " SD_BUS_ERROR_ACCESS_DENIED

#define CONST       SD_BUS_ERROR_PROPERTY_READ_ONLY
#define INVALID     SD_BUS_ERROR_INVALID_ARGS
#define IS_TAKEN    ERROR_NAME_TAKEN
#define TOO_FAR     ERROR_OUT_OF_RANGE
#define NO_METHOD   SD_BUS_ERROR_UNKNOWN_METHOD
#define NO_OBJECT   SD_BUS_ERROR_UNKNOWN_OBJECT
#define NO_PROPERTY SD_BUS_ERROR_UNKNOWN_PROPERTY

/* What those get who do not see the block, and those who do and have not what is needed. Who does
 * not see it cannot tell it from one that is not there; a name alone is known to be taken. */
#define OF_BLOCK  ERROR_NO_SUCH_BLOCK, DENIED
#define OF_OBJECT AS_MISSING, DENIED /* it is sd-bus that has no words for it */
#define OF_NAME   ERROR_NAME_TAKEN, DENIED
#define TAKEN     ERROR_NAME_TAKEN, ERROR_NAME_TAKEN
#define OF_TREE   NO_OBJECT, DENIED /* where nobody sees a block, there are none */
#define OF_MEMORY NULL, DENIED      /* the block does not matter */
#define OF_BUS    NULL, DENIED_BY_BUS

static const struct row {
	const char *path, *interface, *member, *note;
	enum need need;
	const char *unseen, *denied, *granted;
} rows[] = {
#define ROW(path, interface, member, note, need, refused, granted, ...) \
	{ path, interface, member, note, need, refused, granted },
#include "rights-matrix.def"
#undef ROW
};

/* The rules */

static bool is(const struct person *p, const char *account)
{
	return p->account && !strcmp(p->account, account);
}

/* All that others than root and the group smm can do is look whether smmd is there. */
static bool bus_lets_in(const struct row *row, const struct person *p)
{
	if (is(p, "root") || p->in_smm || !strcmp(row->path, AT_BUS))
		return true;
	if (!strcmp(row->interface, PROPERTIES))
		return !strcmp(row->path, AT_MANAGER) && strcmp(row->member, "Set") != 0;
	return !strcmp(row->interface, NODE) || !strcmp(row->interface, PEER);
}

/* The bits that decide: those of the first class that fits. */
static uint32_t bits_for(const struct person *p, uint32_t mode)
{
	return is(p, "owner") ? mode >> 6 : p->in_crew ? mode >> 3 : mode;
}

static bool sees(const struct person *p, uint32_t mode)
{
	return is(p, "root") || is(p, "owner") || bits_for(p, mode) & 4;
}

static bool has(const struct person *p, enum need need, uint32_t mode)
{
	uint32_t bits = bits_for(p, mode);

	switch (need) {
	case NONE:
		return true;
	case READ:
		return bits & 4;
	case WRITE:
		return bits & 2;
	case RW:
		return bits & 4 && bits & 2;
	case OWNER:
		return is(p, "owner");
	case CREW:
		return p->in_crew;
	case SMM:
		return is(p, "smm");
	default:
		return false;
	}
}

static const char *verdict(const struct row *row, const struct person *p, uint32_t mode)
{
	if (!bus_lets_in(row, p))
		return DENIED_BY_BUS;
	if (row->unseen && !sees(p, mode))
		return row->unseen;
	return is(p, "root") || has(p, row->need, mode) ? row->granted : row->denied;
}

/* The processes */

struct question {
	unsigned int row;
	uint32_t id;
	char name[16];
};

struct answer {
	char error[128], message[512]; /* or empty */
	bool shown;                    /* the block is in it */
};

static _Noreturn void bail_out(const char *what, int error)
{
	printf("Bail out! %s: %s\n", what, strerror(error));
	exit(EXIT_FAILURE);
}

static int check(int r, const char *what)
{
	if (r < 0)
		bail_out(what, -r);
	return r;
}

/* What is in a message, in words. */
static char *text_of(sd_bus_message *m)
{
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	check(sd_bus_message_dump(m, file, 0), "dump");
	fclose(file);
	return text;
}

/* @file is one to write to and to read from. */
static int append(sd_bus_message *m, unsigned int row, uint32_t id, const char *name, int file)
{
#define ROW(path, interface, member, note, need, refused, granted, ...) \
	if (row-- == 0)                                                 \
		return sd_bus_message_append(m, __VA_ARGS__);
#include "rights-matrix.def"
#undef ROW
	return -EINVAL;
}

static int on_reply(sd_bus_message *m, void *userdata, sd_bus_error *unused)
{
	(void)unused;
	*(sd_bus_message **)userdata = sd_bus_message_ref(m);
	return 1;
}

static sd_bus_message *call(sd_bus *bus, const struct question *q)
{
	const struct row *row = &rows[q->row];
	const char *destination = strcmp(row->path, AT_BUS) ? "org.smm1" : BUS;
	_cleanup_message_ sd_bus_message *m = NULL;
	_cleanup_close_ int file = open("/dev/null", O_RDWR | O_CLOEXEC);
	sd_bus_message *reply = NULL;
	char path[64];

	snprintf(path, sizeof(path), row->path, q->id);
	check(sd_bus_message_new_method_call(bus, &m, destination, path,
					     *row->interface ? row->interface : NULL, row->member),
	      "call");
	check(append(m, q->row, q->id, q->name, file), "arguments");
	check(sd_bus_call_async(bus, NULL, m, on_reply, &reply, 0), "call");
	while (!reply)
		if (check(sd_bus_process(bus, NULL), "bus") == 0)
			check(sd_bus_wait(bus, UINT64_MAX), "bus");
	return reply;
}

/* In List it is its name that shows the block, in a tree of objects its number. */
static bool shows_block(sd_bus_message *m, uint32_t id)
{
	_cleanup_free_ char *text = text_of(m);
	char node[32];

	snprintf(node, sizeof(node), "<node name=\"%u\"/>", id);
	return strstr(text, "\"" NAME "\"") || strstr(text, node);
}

static void give_answer(sd_bus *bus, const struct question *q, struct answer *answer)
{
	_cleanup_message_ sd_bus_message *reply = call(bus, q);
	const sd_bus_error *error = sd_bus_message_get_error(reply);
	const char *sender = sd_bus_message_get_sender(reply); /* NULL: none has answered */

	memset(answer, 0, sizeof(*answer));
	if (error) {
		snprintf(answer->error, sizeof(answer->error), "%s%s",
			 sender && !strcmp(sender, BUS) ? "the bus: " : "", error->name);
		snprintf(answer->message, sizeof(answer->message), "%s", error->message);
	} else {
		answer->shown = shows_block(reply, q->id);
	}
}

/* In the place of the connection to the bus. */
static sd_bus *open_session(sd_bus *bus)
{
	_cleanup_message_ sd_bus_message *reply = NULL;
	sd_bus *session = NULL;
	int fd;

	check(sd_bus_call_method(bus, "org.smm1", AT_MEMORY, MEMORY, "OpenSession", NULL, &reply,
				 ""),
	      "OpenSession");
	check(sd_bus_message_read(reply, "h", &fd), "OpenSession");
	fd = dup(fd);
	check(sd_bus_new(&session), "session");
	check(sd_bus_set_fd(session, fd, fd), "session");
	check(sd_bus_negotiate_fds(session, true), "session");
	check(sd_bus_start(session), "session");
	sd_bus_flush_close_unref(bus);
	return session;
}

/* A person: tells whether the bus lets it in, then makes the calls that it is asked for. */
static _Noreturn void be(const struct person *p, int channel)
{
	const char *unique_name;
	struct question q;
	struct answer a;
	sd_bus *bus;
	int r;

	become(p->account);
	r = sd_bus_open_system(&bus);
	if (r >= 0)
		r = sd_bus_get_unique_name(bus, &unique_name);
	if (write(channel, &r, sizeof(r)) != sizeof(r) || r < 0)
		_exit(EXIT_FAILURE);
	if (p->in_session)
		bus = open_session(bus);
	while (read(channel, &q, sizeof(q)) == sizeof(q)) {
		give_answer(bus, &q, &a);
		if (write(channel, &a, sizeof(a)) != sizeof(a))
			break;
	}
	sd_bus_flush_close_unref(bus);
	_exit(EXIT_SUCCESS);
}

/* Return: 0 or the errno that it met on its way to the bus. */
static int start(struct person *p)
{
	int channel[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel) < 0)
		bail_out("socketpair", errno);
	p->pid = fork();
	if (p->pid == 0) {
		close(channel[0]);
		be(p, channel[1]);
	}
	close(channel[1]);
	p->channel = channel[0];
	if (read(p->channel, &r, sizeof(r)) != sizeof(r))
		bail_out("a process ended", ECHILD);
	return r;
}

static struct answer ask(const struct person *p, const struct row *row, uint32_t id,
			 const char *name)
{
	struct question q = { .row = (unsigned int)(row - rows), .id = id };
	struct answer a;

	snprintf(q.name, sizeof(q.name), "%s", name);
	if (write(p->channel, &q, sizeof(q)) != sizeof(q) ||
	    read(p->channel, &a, sizeof(a)) != sizeof(a))
		bail_out("a process ended", ECHILD);
	return a;
}

/* The block, as root makes it and sees it */

static struct {
	sd_bus *bus;
	uint32_t id; /* 0: there is none */
	bool counter;
} block;

static sd_bus_message *root_calls(const char *member, const char *types, ...)
{
	_cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *reply = NULL;
	va_list arguments;
	int r;

	va_start(arguments, types);
	r = sd_bus_call_methodv(block.bus, "org.smm1", AT_MEMORY, MEMORY, member, &error, &reply,
				types, arguments);
	va_end(arguments);
	if (r < 0) {
		printf("# %s: %s\n", member, error.message);
		bail_out("root cannot prepare a call", -r);
	}
	return reply;
}

#define ROOT_CALLS(...) sd_bus_message_unref(root_calls(__VA_ARGS__))

static void make_block(bool counter)
{
	_cleanup_message_ sd_bus_message *found = NULL;

	if (counter)
		ROOT_CALLS("Add", "sx", NAME, (int64_t)0);
	else
		ROOT_CALLS("Allocate", "sua{sv}", NAME, 8, 0);
	found = root_calls("Find", "s", NAME);
	check(sd_bus_message_read(found, "u", &block.id), "Find");
	block.counter = counter;
	ROOT_CALLS("SetOwner", "uuu", block.id, OWNER_UID, CREW_GID);
}

static void free_blocks(void)
{
	_cleanup_message_ sd_bus_message *list = root_calls("List", "");
	uint32_t id;

	check(sd_bus_message_enter_container(list, 'a', "(usuuuuut)"), "List");
	while (check(sd_bus_message_enter_container(list, 'r', "usuuuuut"), "List") > 0) {
		check(sd_bus_message_read(list, "u", &id), "List");
		check(sd_bus_message_skip(list, "suuuuut"), "List");
		check(sd_bus_message_exit_container(list), "List");
		ROOT_CALLS("Free", "u", id);
	}
	block.id = 0;
}

static void prepare_block(bool counter, uint32_t mode)
{
	if (block.id && block.counter != counter)
		free_blocks();
	if (!block.id)
		make_block(counter);
	ROOT_CALLS("SetMode", "uu", block.id, mode);
}

/* All that there is to know of the blocks. */
static char *look(void)
{
	_cleanup_message_ sd_bus_message *list = root_calls("List", ""), *content = NULL;
	_cleanup_free_ char *known = text_of(list), *inside = NULL;
	char *all;

	if (strstr(known, "\"" NAME "\"")) {
		content = root_calls("Load", "s", NAME);
		inside = text_of(content);
	}
	if (asprintf(&all, "%s%s", known, inside ? inside : "") < 0)
		bail_out("look", ENOMEM);
	return all;
}

static bool has_jobs(void)
{
	_cleanup_message_ sd_bus_message *objects = NULL;
	_cleanup_free_ char *text = NULL;

	check(sd_bus_call_method(block.bus, "org.smm1", AT_MANAGER, OBJECTS, "GetManagedObjects",
				 NULL, &objects, ""),
	      "objects");
	text = text_of(objects);
	return strstr(text, "\"org.smm1.Job\"");
}

/* The tests */

static unsigned int n_tests, n_failures;

static void tell(bool succeeds, const char *format, ...)
{
	va_list arguments;

	printf("%sok %u - ", succeeds ? "" : "not ", ++n_tests);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
	n_failures += !succeeds;
}

/* Puts @by where @what is in @text. */
static void replace(char *text, size_t size, const char *what, const char *by)
{
	_cleanup_free_ char *before = strdup(text);
	char *at = strstr(before, what);

	if (at)
		snprintf(text, size, "%.*s%s%s", (int)(at - before), before, by, at + strlen(what));
}

/* Whether the block is answered for as one that is not there, except for its number or name. */
static bool is_as_missing(const struct row *row, const struct person *p, const struct answer *found)
{
	struct answer missing = ask(p, row, MISSING_ID, MISSING_NAME);
	char number[16], missing_number[16];

	snprintf(number, sizeof(number), "%u", block.id);
	snprintf(missing_number, sizeof(missing_number), "%u", MISSING_ID);
	replace(missing.message, sizeof(missing.message), missing_number, number);
	replace(missing.message, sizeof(missing.message), MISSING_NAME, NAME);
	return !strcmp(found->error, missing.error) && !strcmp(found->message, missing.message);
}

static bool hides(const char *expected)
{
	return expected == AS_MISSING || !strcmp(expected, ERROR_NO_SUCH_BLOCK);
}

/* Makes a call with one mode. Return: what is wrong with what comes of it, or NULL. */
static const char *try_call(const struct row *row, const struct person *p, uint32_t mode,
			    struct answer *found)
{
	const char *expected = verdict(row, p, mode);
	_cleanup_free_ char *before = NULL, *after = NULL;
	const char *wrong = NULL;

	prepare_block(!strcmp(row->member, "Add"), mode);
	before = look();
	*found = ask(p, row, block.id, NAME);
	while (expected == STARTED && has_jobs())
		;
	after = look();

	if (expected != AS_MISSING && strcmp(found->error, expected) != 0)
		wrong = *expected ? expected : "no error";
	else if (expected == SHOWN && found->shown != sees(p, mode))
		wrong = found->shown ? "no block" : "the block";
	else if (!strcmp(before, after) != (expected != CHANGED))
		wrong = expected == CHANGED ? "a change of the blocks" : "no change of the blocks";
	else if (hides(expected) && !is_as_missing(row, p, found))
		wrong = AS_MISSING;
	if (strcmp(before, after) != 0)
		free_blocks();
	return wrong;
}

static void test_call(const struct row *row, const struct person *p)
{
	const char *wrong = NULL, *account = p->account ? p->account : "who has no account";
	struct answer found;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(modes) && !wrong; i++)
		wrong = try_call(row, p, modes[i], &found);
	tell(!wrong, "%s%s%s%s%s%s by %s%s", row->interface, *row->interface ? "." : "",
	     row->member, *row->note ? " (" : "", row->note, *row->note ? ")" : "", account,
	     p->in_session ? " in a session" : "");
	if (wrong)
		printf("# with mode %04o: expected %s\n"
		       "#                 found %s %s\n",
		       modes[i - 1], wrong, *found.error ? found.error : "no error", found.message);
}

static void test_person(struct person *p)
{
	int r = start(p);

	/* Some versions of dbus-daemon refuse who is in no user database. */
	if (r < 0 && !p->account)
		tell(true, "the bus refuses who has no account");
	else
		check(r, "the bus refuses somebody");
	for (const struct row *row = rows; r >= 0 && row < rows + ARRAY_SIZE(rows); row++)
		if (!p->in_session || strcmp(row->path, AT_BUS) != 0)
			test_call(row, p);
	close(p->channel);
	waitpid(p->pid, NULL, 0);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0); /* before a test that hangs */
	setenv("SYSTEMD_COLORS", "0", 1);
	check(sd_bus_open_system(&block.bus), "bus");
	for (struct person *p = people; p < people + ARRAY_SIZE(people); p++)
		test_person(p);
	sd_bus_flush_close_unref(block.bus);
	printf("1..%u\n", n_tests);
	return n_failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
