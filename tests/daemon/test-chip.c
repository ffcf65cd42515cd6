/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The file chip: whose it is, what it keeps, and how slow it is.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "chip.h"
#include "util.h"

#define SIZE 16384u

struct fixture {
	struct memory_config config;
	char directory[32];
	char path[64];
	struct chip *chip;
	sd_bus_error error;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	strcpy(f->directory, "/tmp/smm-test-chip-XXXXXX");
	*state = f;
	if (!mkdtemp(f->directory))
		return -1;
	sprintf(f->path, "%s/image", f->directory);
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	chip_close(f->chip);
	unlink(f->path);
	rmdir(f->directory);
	sd_bus_error_free(&f->error);
	free(f);
	return 0;
}

static const struct memory_config *config_of(struct fixture *f, uint32_t wire_speed)
{
	f->config = (struct memory_config){
		.bus = BUS_FILE,
		.path = f->path,
		.model = (char *)"custom",
		.size = SIZE,
		.wire_speed = wire_speed,
	};
	return &f->config;
}

static int open_chip(struct fixture *f, uint32_t wire_speed)
{
	sd_bus_error_free(&f->error);
	return chip_file_open(config_of(f, wire_speed), &f->chip, &f->error);
}

static void expect_sentence(const struct fixture *f, const char *format, ...)
{
	char expected[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(expected, sizeof(expected), format, arguments);
	va_end(arguments);
	assert_string_equal(f->error.message, expected);
}

static void write_image(const struct fixture *f, size_t size)
{
	_cleanup_fclose_ FILE *file = fopen(f->path, "w");

	assert_non_null(file);
	for (size_t i = 0; i < size; i++)
		fputc((int)(i & 0xff), file);
}

static void test_missing_file_becomes_zeros(void **state)
{
	struct fixture *f = *state;
	static const uint8_t zeros[SIZE];
	uint8_t buffer[SIZE];
	struct stat st;

	assert_int_equal(open_chip(f, 0), 0);
	assert_int_equal(f->chip->size, SIZE);
	assert_false(f->chip->read_only);
	assert_int_equal(chip_read(f->chip, 0, buffer, SIZE), 0);
	assert_memory_equal(buffer, zeros, SIZE);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_size, SIZE);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void test_what_was_written_stays(void **state)
{
	struct fixture *f = *state;
	uint8_t data[9000], buffer[9000];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 13);
	assert_int_equal(open_chip(f, 0), 0);
	assert_int_equal(chip_write(f->chip, 777, data, sizeof(data)), 0);
	assert_int_equal(chip_write(f->chip, SIZE - 1, data + 1, 1), 0);
	chip_close(f->chip);
	f->chip = NULL;
	assert_int_equal(open_chip(f, 0), 0);
	assert_int_equal(chip_read(f->chip, 777, buffer, sizeof(buffer)), 0);
	assert_memory_equal(buffer, data, sizeof(data));
	assert_int_equal(chip_read(f->chip, SIZE - 1, buffer, 1), 0);
	assert_int_equal(buffer[0], data[1]);
}

static void test_wire_is_counted(void **state)
{
	struct fixture *f = *state;
	uint8_t buffer[10000] = { 0 };

	assert_int_equal(open_chip(f, 0), 0);
	assert_int_equal(chip_read(f->chip, 0, buffer, 10), 0);
	assert_int_equal(f->chip->counters.reads, 1);
	assert_int_equal(f->chip->counters.bytes_read, 14);
	assert_int_equal(chip_write(f->chip, 0, buffer, 10), 0);
	assert_int_equal(f->chip->counters.writes, 1);
	assert_int_equal(f->chip->counters.bytes_written, 13);
	/* Long transfers are several messages. */
	assert_int_equal(chip_write(f->chip, 0, buffer, 10000), 0);
	assert_int_equal(f->chip->counters.writes, 4);
	assert_int_equal(f->chip->counters.bytes_written, 13 + 10000 + 9);
	assert_int_equal(f->chip->counters.errors, 0);
}

static void test_one_process_at_a_time(void **state)
{
	struct fixture *f = *state;
	int status;
	pid_t pid;

	assert_int_equal(open_chip(f, 0), 0);
	pid = fork();
	if (pid == 0) {
		bool refused =
			open_chip(f, 0) == -EBUSY && strstr(f->error.message, "is in use already");

		_exit(refused ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	chip_close(f->chip);
	f->chip = NULL;
	assert_int_equal(open_chip(f, 0), 0);
}

static void test_two_memories_cannot_share_it(void **state)
{
	struct fixture *f = *state;
	struct chip *other = NULL;

	assert_int_equal(open_chip(f, 0), 0);
	assert_int_equal(chip_file_open(config_of(f, 0), &other, &f->error), -EBUSY);
	expect_sentence(f, "%s is in use already; 'fuser %s' says by which process", f->path,
			f->path);
	assert_null(other);
}

static void test_other_size_is_refused(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	write_image(f, SIZE - 4);
	assert_int_equal(open_chip(f, 0), -EINVAL);
	expect_sentence(f, "%s has 16380 bytes; the configuration says 16384", f->path);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_size, SIZE - 4);
}

static void test_no_such_directory(void **state)
{
	struct fixture *f = *state;

	strcat(f->path, "/image");
	assert_int_equal(open_chip(f, 0), -ENOENT);
	expect_sentence(f, "%s: No such file or directory", f->path);
}

static void test_not_a_file(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(mkdir(f->path, 0700), 0);
	assert_int_equal(open_chip(f, 0), -EISDIR);
	assert_int_equal(rmdir(f->path), 0);
	assert_int_equal(mkfifo(f->path, 0600), 0);
	assert_int_equal(open_chip(f, 0), -EINVAL);
	expect_sentence(f, "%s is not a file", f->path);
}

static void test_file_that_cannot_be_written(void **state)
{
	struct fixture *f = *state;
	uint8_t buffer[1];
	int status;
	pid_t pid;

	write_image(f, SIZE);
	assert_int_equal(chmod(f->path, 0444), 0);
	assert_int_equal(chmod(f->directory, 0755), 0);
	pid = fork();
	if (pid == 0) {
		bool ok = (getuid() != 0 || setuid(65534) == 0) && open_chip(f, 0) == 0 &&
			  f->chip->read_only && chip_read(f->chip, 7, buffer, 1) == 0 &&
			  buffer[0] == 7 && chip_write(f->chip, 7, "x", 1) < 0;

		_exit(ok ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_file_that_became_shorter(void **state)
{
	struct fixture *f = *state;
	uint8_t buffer[16];

	assert_int_equal(open_chip(f, 0), 0);
	assert_int_equal(truncate(f->path, 100), 0);
	assert_int_equal(chip_read(f->chip, 96, buffer, 16), -EIO);
	assert_int_equal(f->chip->counters.errors, 1);
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* 5,000 bytes are two messages: 5,006 bytes of 9 clocks to write, at 1 MHz 45 ms. */
static void test_wire_takes_its_time(void **state)
{
	struct fixture *f = *state;
	uint8_t buffer[5000] = { 0 };
	uint64_t start;

	assert_int_equal(open_chip(f, 1000000), 0);
	start = now();
	assert_int_equal(chip_write(f->chip, 0, buffer, sizeof(buffer)), 0);
	assert_true(now() - start >= 5006u * 9000u);
	start = now();
	assert_int_equal(chip_read(f->chip, 0, buffer, sizeof(buffer)), 0);
	assert_true(now() - start >= 5008u * 9000u);
}

/*
 * Bytes land as the wire carries them. Whoever looks from the end to the beginning never sees one
 * without those before it. Return: how many messages have landed.
 */
static unsigned int look(int fd)
{
	static const unsigned int message = 4096;
	uint8_t bytes[4096], full[4096];
	unsigned int landed = 0;

	memset(full, 0xaa, sizeof(full));
	for (unsigned int i = SIZE / message; i-- > 0;) {
		assert_int_equal(pread(fd, bytes, message, i * message), message);
		if (landed)
			assert_memory_equal(bytes, full, message);
		else if (!memcmp(bytes, full, message))
			landed = i + 1;
	}
	return landed;
}

static void test_bytes_land_in_order_while_the_wire_runs(void **state)
{
	struct fixture *f = *state;
	uint8_t data[SIZE];
	bool partly = false;
	int fd, status;
	pid_t pid;

	memset(data, 0xaa, sizeof(data));
	assert_int_equal(open_chip(f, 1000000), 0);
	pid = fork();
	if (pid == 0)
		_exit(chip_write(f->chip, 0, data, sizeof(data)) == 0 ? 0 : 1);
	fd = open(f->path, O_RDONLY | O_CLOEXEC);
	while (waitpid(pid, &status, WNOHANG) == 0) {
		unsigned int landed = look(fd);

		partly |= landed > 0 && landed < SIZE / 4096;
	}
	assert_int_equal(status, 0);
	assert_true(partly);
	assert_int_equal(look(fd), SIZE / 4096);
	close(fd);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_missing_file_becomes_zeros),
		TEST(test_what_was_written_stays),
		TEST(test_wire_is_counted),
		TEST(test_one_process_at_a_time),
		TEST(test_two_memories_cannot_share_it),
		TEST(test_other_size_is_refused),
		TEST(test_no_such_directory),
		TEST(test_not_a_file),
		TEST(test_file_that_cannot_be_written),
		TEST(test_file_that_became_shorter),
		TEST(test_wire_takes_its_time),
		TEST(test_bytes_land_in_order_while_the_wire_runs),
	};

	return cmocka_run_group_tests_name("chip", tests, NULL, NULL);
}
