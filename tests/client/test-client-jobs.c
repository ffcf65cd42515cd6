/* SPDX-License-Identifier: BSD-3-Clause */
/* What takes its time: jobs, and contents in slices. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "service.h"

#define SESSIONS_MAX 16u /* smmd's, of one user */

struct progress {
	int calls;
	uint64_t done, total;
	uint64_t stop_at; /* cancel it then; 0: do not */
};

static int on_progress(uint64_t done, uint64_t total, void *userdata)
{
	struct progress *progress = userdata;

	assert_true(done >= progress->done);
	progress->calls++;
	progress->done = done;
	progress->total = total;
	return progress->stop_at && done >= progress->stop_at;
}

static int open_file(void)
{
	int fd = memfd_create("image", MFD_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static void need_root(void)
{
	if (geteuid() != 0)
		skip();
}

static void dump_and_restore(smm_client *c)
{
	struct progress progress = { 0 };
	int fd = open_file();
	int64_t value;

	assert_ok(c, smm_client_add(c, "n", 41, NULL));
	assert_ok(c, smm_client_dump(c, fd, on_progress, &progress));
	assert_true(lseek(fd, 0, SEEK_END) > 0);
	assert_true(progress.calls > 0);
	assert_true(progress.total >= 32768);
	assert_int_equal(progress.done, progress.total);
	assert_ok(c, smm_client_add(c, "n", 5, NULL));
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_ok(c, smm_client_restore(c, fd, NULL, NULL));
	assert_ok(c, smm_client_add(c, "n", 1, &value));
	assert_int_equal(value, 42);
	close(fd);
}

/* Their calls are answered at the end, and their jobs found by a token. */
static void check_and_format(smm_client *c)
{
	struct progress progress = { 0 };
	uint64_t blocks;
	smm_call *call;

	assert_ok(c, smm_client_set_memory(c, "slow"));
	assert_ok(c, smm_client_store(c, "x", "content", 7, NULL));
	assert_ok(c, smm_client_check(c, 0, on_progress, &progress, &call));
	assert_int_equal(smm_call_get_number(call, "blocks", &blocks), 0);
	assert_int_equal(blocks, 1);
	smm_call_unref(call);
	assert_true(progress.calls > 2);
	assert_int_equal(progress.total, 32768);
	assert_int_equal(progress.done, 32768);
	if (geteuid() != 0)
		return;
	progress = (struct progress){ 0 };
	assert_ok(c, smm_client_format(c, 0, 1, on_progress, &progress));
	assert_true(progress.total > 0);
	assert_int_equal(progress.done, progress.total);
	assert_ok(c, smm_client_store(c, "x", "content", 7, NULL));
	assert_int_equal(smm_client_format(c, 0, 0, NULL, NULL), -EINVAL);
	assert_non_null(strstr(smm_client_error_message(c), "without force"));
}

static void test_check_and_format(void **state)
{
	check_and_format(*state);
}

static void test_dump_and_restore(void **state)
{
	need_root();
	dump_and_restore(*state);
}

static void test_without_session(void **state)
{
	smm_client *clients[SESSIONS_MAX] = { *state }, *c;

	need_root();
	for (size_t i = 1; i < SESSIONS_MAX; i++)
		assert_int_equal(smm_client_open(&clients[i], NULL, "fram0"), 0);
	assert_int_equal(smm_client_open(&c, NULL, "fram0"), 0);
	dump_and_restore(c);
	check_and_format(c);
	smm_client_close(c);
	for (size_t i = 1; i < SESSIONS_MAX; i++)
		smm_client_close(clients[i]);
}

static void test_not_an_image(void **state)
{
	smm_client *c = *state;
	int fd = open_file();

	need_root();
	assert_int_equal(write(fd, "nonsense", 8), 8);
	lseek(fd, 0, SEEK_SET);
	assert_int_equal(smm_client_restore(c, fd, NULL, NULL), -EINVAL);
	assert_true(strlen(smm_client_error_message(c)) > 10);
	assert_true(smm_client_dump(c, -1, NULL, NULL) < 0);
	assert_true(strlen(smm_client_error_message(c)) > 10);
	close(fd);
}

static void on_done(smm_call *call, void *userdata)
{
	(void)call;
	++*(int *)userdata;
}

/* A pipe that nobody reads keeps the job from its end. */
static void test_cancel(void **state)
{
	smm_client *c = *state;
	smm_call *call;
	int ended = 0, fds[2];

	need_root();
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	fcntl(fds[0], F_SETPIPE_SZ, 4096);
	assert_ok(c, smm_client_dump_async(c, fds[1], NULL, on_done, &ended, &call));
	process_for(c, 300);
	assert_int_equal(ended, 0);
	smm_call_cancel(call);
	process_until(c, &ended);
	assert_int_equal(smm_call_result(call), -ECANCELED);
	assert_string_equal(smm_call_error_name(call), "org.smm1.Error.Canceled");
	smm_call_unref(call);

	/* Before it is known by a name. */
	ended = 0;
	assert_ok(c, smm_client_dump_async(c, fds[1], NULL, on_done, &ended, &call));
	smm_call_cancel(call);
	process_until(c, &ended);
	assert_int_equal(smm_call_result(call), -ECANCELED);
	smm_call_unref(call);
	close(fds[0]);
	close(fds[1]);
}

static void test_cancel_a_check(void **state)
{
	struct progress progress = { .stop_at = 1 };
	smm_client *c = *state;
	smm_call *call;
	int ended = 0;

	assert_ok(c, smm_client_set_memory(c, "slow"));
	assert_int_equal(smm_client_check(c, 0, on_progress, &progress, NULL), -ECANCELED);
	assert_true(progress.done < progress.total);
	assert_string_equal(smm_client_error_name(c), "org.smm1.Error.Canceled");

	/* Before its job is known. smmd stops it all the same, and takes another one. */
	for (int i = 0; i < 2; i++) {
		ended = 0;
		assert_ok(c, smm_client_check_async(c, 0, NULL, on_done, &ended, &call));
		smm_call_cancel(call);
		process_until(c, &ended);
		assert_int_equal(smm_call_result(call), -ECANCELED);
		smm_call_unref(call);
	}
}

/* As it is told to a program with a loop. */
static void test_progress_in_a_loop(void **state)
{
	struct progress progress = { 0 };
	smm_client *c = *state;
	smm_call *call;

	assert_ok(c, smm_client_set_memory(c, "slow"));
	assert_ok(c, smm_client_check_async(c, 0, on_progress, NULL, &progress, &call));
	while (smm_call_result(call) == -EINPROGRESS) {
		smm_client_wait(c, 1000000);
		smm_client_process(c);
	}
	assert_int_equal(smm_call_result(call), 0);
	assert_true(progress.calls > 2);
	assert_int_equal(progress.done, 32768);
	smm_call_unref(call);
}

static void test_cancel_by_progress(void **state)
{
	struct progress progress = { .stop_at = 1 };
	smm_client *c = *state;
	int fd = open_file();

	need_root();
	smmd_stop();
	smmd_start();
	assert_ok(c, smm_client_set_memory(c, "slow"));
	assert_int_equal(smm_client_dump(c, fd, on_progress, &progress), -ECANCELED);
	assert_true(progress.done < progress.total);
	close(fd);
}

static void test_killed(void **state)
{
	smm_client *c = *state;
	smm_call *call;
	int ended = 0, fds[2];

	need_root();
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	fcntl(fds[0], F_SETPIPE_SZ, 4096);
	assert_ok(c, smm_client_dump_async(c, fds[1], NULL, on_done, &ended, &call));
	process_for(c, 200);
	smmd_kill();
	process_until(c, &ended);
	assert_int_equal(smm_call_result(call), -ECONNRESET);
	smm_call_unref(call);
	smmd_start();
	close(fds[0]);
	close(fds[1]);
}

/* Slices */

static void test_slices(void **state)
{
	uint8_t out[10000], in[10000];
	struct progress progress = { 0 };
	smm_client *c = *state;
	uint32_t id;

	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)(i * 7);
	assert_ok(c, smm_client_allocate(c, "x", 10001, NULL, &id));
	assert_ok(c,
		  smm_client_write_sliced(c, id, 1, out, sizeof(out), 0, on_progress, &progress));
	assert_int_equal(progress.calls, 3);
	assert_int_equal(progress.done, 10000);
	assert_int_equal(progress.total, 10000);
	progress = (struct progress){ 0 };
	assert_ok(c, smm_client_read_sliced(c, id, 1, in, sizeof(in), 100, on_progress, &progress));
	assert_int_equal(progress.calls, 100);
	assert_memory_equal(in, out, sizeof(in));
	assert_ok(c, smm_client_read_sliced(c, id, 10001, in, 0, 0, NULL, NULL));
	assert_int_equal(smm_client_read_sliced(c, id, 2, in, sizeof(in), 0, NULL, NULL), -ERANGE);
	assert_int_equal(smm_client_read_sliced(c, 99, 0, in, 1, 0, NULL, NULL), -ENOENT);
}

/* A prefix is there. */
static void test_slices_canceled(void **state)
{
	uint8_t out[1000], in[1000];
	struct progress progress = { .stop_at = 300 };
	smm_client *c = *state;
	uint32_t id;

	memset(out, 1, sizeof(out));
	assert_ok(c, smm_client_allocate(c, "x", 1000, NULL, &id));
	assert_int_equal(smm_client_write_sliced(c, id, 0, out, 1000, 100, on_progress, &progress),
			 -ECANCELED);
	assert_int_equal(progress.calls, 3);
	assert_non_null(strstr(smm_client_error_message(c), "300 of 1000"));
	assert_ok(c, smm_client_read(c, id, 0, in, 1000));
	for (size_t i = 0; i < 1000; i++)
		assert_int_equal(in[i], i < 300);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, client_begin, client_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_dump_and_restore),
		TEST(test_without_session),
		TEST(test_not_an_image),
		TEST(test_check_and_format),
		TEST(test_progress_in_a_loop),
		TEST(test_cancel_a_check),
		TEST(test_cancel),
		TEST(test_cancel_by_progress),
		TEST(test_killed),
		TEST(test_slices),
		TEST(test_slices_canceled),
	};

	return cmocka_run_group_tests(tests, service_begin, service_end);
}
