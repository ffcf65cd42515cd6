/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The whole of smmd from the outside: a bus that only the test knows, smmd on it, and connections
 * of several users. SMMD is the daemon, LATER the library of later.c.
 *
 * Calls that cannot fail unless something is broken end the test.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#define MANAGER "/org/smm1"
#define MEMORY  "/org/smm1/memory/fram0"
#define BLOCKS  MEMORY "/block/"

#define ERROR(name) "org.smm1.Error." name

#define PATIENCE_MS 10000

/* Something is broken. That ends the test; a process that it started just ends. */
void give_up(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
void check(int r, const char *what); /* that it is not a negative errno */

/* Before all: of the tests, those that SMM_TEST matches, if it is set, as "*sigterm*". */
void choose_tests(void);

/* Of each test: a folder and a bus in it; at the end, smmd has to end as it should. */
int service_setup(void **state);
int service_teardown(void **state);

extern char service_dir[]; /* of the test in hand */
extern char bus_address[];
extern pid_t smmd;

/* Lines of smmd's configuration. */
void configure(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Another configuration, beginning with nothing. */
void configure_anew(void);

/* Memory fram0, on a file, with further lines. */
void configure_fram0(const char *lines);

void start_smmd(void);

/* What is far away comes near: the clock of the smmd that is started next can be advanced. */
void take_clock(void);
void advance_clock(unsigned int seconds);

void stop_smmd(void); /* by SIGTERM: it ends with 0, within seconds */

/* The daemon of the bus takes nothing and gives nothing until it goes on. */
void stop_bus(void);
void continue_bus(void);

unsigned long smmd_peak(void); /* kB of RAM that it had at most */
unsigned int smmd_fds(void);   /* that are open */

/* The rest of a test needs rights, or several users. */
#define NEED_ROOT()                                                                  \
	do {                                                                         \
		if (geteuid() != 0) {                                                \
			print_message("# the next one is skipped: it needs root\n"); \
			return;                                                      \
		}                                                                    \
	} while (0)

/* A connection of @uid, or with 0 of who runs the test. Others are those of /etc/passwd only. */
sd_bus *connect_bus(uid_t uid);

/* A session, or the socket of one that is not used yet; or -1 if there is no place for it. */
sd_bus *connect_session(sd_bus *bus);
int session_socket(sd_bus *bus);
int try_session_socket(sd_bus *bus);
sd_bus *start_session(int fd);

/* All connections end with the test, if not before. NULL is none. */
sd_bus *keep_connection(sd_bus *bus);
void disconnect(sd_bus *bus);

/*
 * A call to the object at @path, by the interface that it has there. Return: the name of the error,
 * or NULL; it is valid until the next call. @reply may be NULL.
 */
const char *try_call(sd_bus *bus, sd_bus_message **reply, const char *path, const char *member,
		     const char *types, ...);

/* The same; a call that has to succeed. */
sd_bus_message *call(sd_bus *bus, const char *path, const char *member, const char *types, ...);

/* The same; its answer does not matter. */
void act(sd_bus *bus, const char *path, const char *member, const char *types, ...);

/* A call whose answer is one number, of any type. */
uint64_t call_number(sd_bus *bus, const char *path, const char *member, const char *types, ...);

uint64_t get_number(sd_bus *bus, const char *path, const char *property);

sd_bus_message *new_call(sd_bus *bus, const char *path, const char *member, const char *types, ...);

/* A call that is sent, and whose answer is not waited for. */
void send_message(sd_bus *bus, sd_bus_message *m);
void send_call(sd_bus *bus, const char *path, const char *member, const char *types, ...);

/* Append @size bytes of @fill to a call. */
void append_bytes(sd_bus_message *m, size_t size, uint8_t fill);

/* Store @size bytes of @fill. Return: the id. */
uint32_t store(sd_bus *bus, const char *name, size_t size, uint8_t fill);

/* Write the first byte of a block @n times, in one call; each is a signal. */
void write_parts(sd_bus *bus, uint32_t id, unsigned int n);

/* An answer is @size bytes of @fill; it is freed. */
void assert_bytes(sd_bus_message *m, size_t size, uint8_t fill);

/* The next message that arrives, answers to send_call() and signals too; NULL: none within @ms. */
sd_bus_message *next_message(sd_bus *bus, int ms);

/* The next answer; signals before it are passed over. */
sd_bus_message *next_answer(sd_bus *bus);

/* All of a message, in words, to be freed. */
char *message_text(sd_bus_message *m);

/* A process of its own that runs @body until it is killed, or returns. */
pid_t start_process(void (*body)(void *userdata), void *userdata);
void kill_process(pid_t process);
void end_process(pid_t process); /* by itself, with 0 */

/* Of a clock that nobody sets. */
int64_t now_us(void);
int64_t now_ms(void);
void sleep_ms(unsigned int ms);

/* Wait until something is the case, which has to be soon. */
#define UNTIL(condition)                                             \
	for (int64_t end_ = now_ms() + PATIENCE_MS; !(condition);) { \
		if (now_ms() > end_)                                 \
			fail_msg("in vain: until " #condition);      \
		sleep_ms(5);                                         \
	}
