/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The configuration: what good files mean, and the exact sentence for each mistake.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "config.h"
#include "util.h"

struct fixture {
	char directory[32];
	char path[64]; /* of the main file */
	char *log;     /* what was logged by the last load */
	struct config config;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	strcpy(f->directory, "/tmp/smm-test-config-XXXXXX");
	*state = f;
	if (!mkdtemp(f->directory))
		return -1;
	sprintf(f->path, "%s/smmd.conf", f->directory);
	return 0;
}

static int teardown(void **state)
{
	_cleanup_free_ char *command = NULL;
	struct fixture *f = *state;
	int r = asprintf(&command, "rm -r %s", f->directory);

	r = r < 0 ? -1 : system(command);
	config_free(&f->config);
	free(f->log);
	free(f);
	return r;
}

static void write_file(const char *path, const char *text)
{
	_cleanup_fclose_ FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
}

static void write_drop_in(struct fixture *f, const char *name, const char *text)
{
	char path[128];

	sprintf(path, "%s.d", f->path);
	mkdir(path, 0700);
	sprintf(path, "%s.d/%s", f->path, name);
	write_file(path, text);
}

/* config_load(), with what it logs in f->log. */
static int load(struct fixture *f)
{
	int before = dup(STDERR_FILENO), r;
	FILE *capture = tmpfile();
	size_t size = 0;

	assert_true(before >= 0 && capture);
	assert_true(dup2(fileno(capture), STDERR_FILENO) >= 0);
	config_free(&f->config);
	r = config_load(f->path, &f->config);
	dup2(before, STDERR_FILENO);
	close(before);
	rewind(capture);
	free(f->log);
	f->log = NULL;
	if (getdelim(&f->log, &size, '\0', capture) < 0)
		*f->log = '\0';
	fclose(capture);
	return r;
}

static int load_text(struct fixture *f, const char *text)
{
	write_file(f->path, text);
	return load(f);
}

/* The log is exactly these lines, each after the path of the main file. */
static void expect_log(const struct fixture *f, const char *const *lines, size_t n)
{
	_cleanup_free_ char *expected = NULL;
	size_t size;
	FILE *stream = open_memstream(&expected, &size);

	assert_non_null(stream);
	for (size_t i = 0; i < n; i++)
		fprintf(stream, "%s%s\n", f->path, lines[i]);
	fclose(stream);
	assert_string_equal(f->log, expected);
}

static void test_defaults(void **state)
{
	struct fixture *f = *state;
	struct memory_config *m;

	assert_int_equal(load_text(f, "[memory fram0]\npath = /x/fram0.img\nsize = 32K\n"), 0);
	assert_string_equal(f->log, "");
	m = f->config.memories;
	assert_string_equal(m->name, "fram0");
	assert_int_equal(m->bus, BUS_FILE);
	assert_string_equal(m->path, "/x/fram0.img");
	assert_string_equal(m->model, "auto");
	assert_true(m->check_id);
	assert_int_equal(m->verify, VERIFY_METADATA);
	assert_int_equal(m->scrub_interval, 3600);
	assert_null(m->write_protect_gpio);
	assert_null(m->power_fail_gpio);
	assert_null(m->power_enable_gpio);
	assert_int_equal(m->size, 32768);
	assert_int_equal(m->granule, 4);
	assert_int_equal(m->format, FORMAT_BLANK);
	assert_true(m->mirror);
	assert_int_equal(m->quota, 0);
	assert_int_equal(m->quota_percent, 0);
	assert_int_equal(m->default_mode, 0600);
	assert_int_equal(m->wire_speed, 0);
	assert_null(m->next);
}

static void test_every_key(void **state)
{
	struct fixture *f = *state;
	struct memory_config *m;

	assert_int_equal(load_text(f, "# a comment\n"
				      "; another\n"
				      "\n"
				      "[memory Fram_0]  ; behind a heading\n"
				      "bus = file\r\n"
				      "  path = /x;y z ; behind a value\n"
				      "\tmodel=auto\n"
				      "size = 2M\n"
				      "granule = 128K\n"
				      "format: never\n"
				      "mirror = no\n"
				      "quota = 4k\n"
				      "default-mode = 640\n"
				      "wire-speed = 3400k\n"
				      "[memory second]\n"
				      "path = /second\n"
				      "model = mb85rc256v\n"
				      "quota = 50%"),
			 0);
	assert_string_equal(f->log, "");
	m = f->config.memories;
	assert_string_equal(m->name, "Fram_0");
	assert_string_equal(m->path, "/x;y z");
	assert_string_equal(m->model, "auto");
	assert_int_equal(m->size, 2097152);
	assert_int_equal(m->granule, 131072);
	assert_int_equal(m->format, FORMAT_NEVER);
	assert_false(m->mirror);
	assert_int_equal(m->quota, 4096);
	assert_int_equal(m->default_mode, 0640);
	assert_int_equal(m->wire_speed, 3400000);
	m = m->next;
	assert_string_equal(m->name, "second");
	assert_string_equal(m->model, "MB85RC256V");
	assert_int_equal(m->size, 32768);
	assert_int_equal(m->quota, 0);
	assert_int_equal(m->quota_percent, 50);
	assert_null(m->next);
}

static void test_drop_ins_override_in_order(void **state)
{
	struct fixture *f = *state;
	struct memory_config *m;

	write_drop_in(f, "20-late.conf", "[memory a]\nquota = 2K\n");
	write_drop_in(f, "10-early.conf",
		      "[memory a]\nquota = 1K\nsize = 64K\n"
		      "[memory b]\npath = /b\nsize = 512\n");
	write_drop_in(f, "30-other.txt", "[memory c]\n");
	write_drop_in(f, ".hidden.conf", "[memory c]\n");
	assert_int_equal(load_text(f, "[memory a]\npath = /a\nsize = 32K\nquota = 10%\n"), 0);
	m = f->config.memories;
	assert_string_equal(m->path, "/a");
	assert_int_equal(m->size, 65536);
	assert_int_equal(m->quota, 2048);
	assert_int_equal(m->quota_percent, 0);
	assert_string_equal(m->next->name, "b");
	assert_null(m->next->next);
}

static void test_mistake_in_a_drop_in_names_it(void **state)
{
	struct fixture *f = *state;

	write_drop_in(f, "10.conf", "\n[memory a]\nmirror = 1\n");
	assert_int_equal(load_text(f, "[memory a]\npath = /a\nsize = 32K\n"), -EINVAL);
	expect_log(f,
		   (const char *[]){ ".d/10.conf:3: [memory a] mirror = 1: this is neither yes "
				     "nor no; allowed is yes or no" },
		   1);
}

static void test_missing_file_says_what_to_do(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(load(f), -ENOENT);
	expect_log(
		f,
		(const char *[]){ ": No such file or directory; a section [memory NAME] with "
				  "a bus and its chip makes a memory; 'man smmd.conf' shows some" },
		1);
	assert_null(f->config.memories);
}

static void test_file_without_memory(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(load_text(f, "# nothing yet\n"), -EINVAL);
	expect_log(f,
		   (const char *[]){ ":1: there is no memory; a section [memory NAME] with a bus "
				     "and its chip makes one; 'man smmd.conf' shows some" },
		   1);
}

static void test_all_mistakes_are_reported(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(load_text(f, "stray = 5\n"
				      "[memory a]\n"
				      "size 5\n"
				      "[memory a-b]\n"
				      "size = never read\n"
				      "[memory c]\n"),
			 -EINVAL);
	expect_log(
		f,
		(const char *[]){
			":1: stray = 5: this is in no section; allowed is [memory NAME] above it",
			":3: size 5: this says nothing; allowed are [memory NAME], KEY = VALUE "
			"and, "
			"behind ; or #, comments",
			":4: [memory a-b]: this is not the section of a memory; allowed is [memory "
			"NAME], the name of 1 to 31 letters, digits and _",
			":2: [memory a]: path is missing; allowed is the absolute path of an image "
			"file",
			":2: [memory a]: size is missing; allowed is bytes, or with K or M for "
			"1024 "
			"and 1024 squared, 512 to 2M, or the name of a model",
			":6: [memory c]: path is missing; allowed is the absolute path of an image "
			"file",
			":6: [memory c]: size is missing; allowed is bytes, or with K or M for "
			"1024 "
			"and 1024 squared, 512 to 2M, or the name of a model",
		},
		7);
	assert_null(f->config.memories);
}

/* One line, in a section that is right otherwise, and the sentence about it. */
#define SIZES  "; allowed is bytes, or with K or M for 1024 and 1024 squared, 512 to 2M"
#define SPEEDS "; allowed is the clock of a bus in Hz, or with k or M, 1k to 100M; 0 for no delay"
#define QUOTAS "; allowed is bytes, or with K or M, or 0% to 100%; 0 sets no limit"
#define TIMES  "; allowed is a time as 90min, 1h or 1d, from 1min; 0 for never"
#define LINES                                                                                      \
	"; allowed is CHIP:LINE as gpiochip0:17, or a line's name, with :active-low behind it if " \
	"so"
#define SECTION                                                                               \
	"this is not the section of a memory; allowed is [memory NAME], the name of 1 to 31 " \
	"letters, digits and _"

static const struct bad_line {
	const char *line, *sentence;
} bad_lines[] = {
	{ "bus = usb", "bus = usb: there is no such bus; allowed is i2c, spi or file" },
	{ "address = 0x50",
	  "address: with bus = file it means nothing; allowed is to leave it out" },
	{ "verify = maybe",
	  "verify = maybe: there is no such rule; allowed is metadata, all or none" },
	{ "scrub-interval = 1",
	  "scrub-interval = 1: this is no time between two readings of a chip" TIMES },
	{ "scrub-interval = 59s",
	  "scrub-interval = 59s: this is no time between two readings of a chip" TIMES },
	{ "write-protect-gpio = chip:",
	  "write-protect-gpio = chip:: this is not the name of a line" LINES },
	{ "model = MB85", "model = MB85: no chip of that name is known; allowed is auto, custom or "
			  "a part such as MB85RC256V" },
	{ "granule = 2", "granule = 2: this is not a power of two in the range; allowed is a power "
			 "of two from 4 to 128K" },
	{ "granule = 12",
	  "granule = 12: this is not a power of two in the range; allowed is a power "
	  "of two from 4 to 128K" },
	{ "granule = 256K", "granule = 256K: this is not a power of two in the range; allowed is a "
			    "power of two from 4 to 128K" },
	{ "granule =", "granule = : this is not a size; allowed is a power of two from 4 to 128K" },
	{ "format = always", "format = always: there is no such rule; allowed is never or blank" },
	{ "mirror = true", "mirror = true: this is neither yes nor no; allowed is yes or no" },
	{ "quota = 101%", "quota = 101%: this is not a share of the chip" QUOTAS },
	{ "quota = -1", "quota = -1: this is not a size" QUOTAS },
	{ "quota = %", "quota = %: this is not a share of the chip" QUOTAS },
	{ "quota = 5000M", "quota = 5000M: this is not a size" QUOTAS },
	{ "default-mode = 8", "default-mode = 8: this is not an octal mode; allowed is 0 to 0777" },
	{ "default-mode = 1000",
	  "default-mode = 1000: this is not an octal mode; allowed is 0 to 0777" },
	{ "default-mode = rw",
	  "default-mode = rw: this is not an octal mode; allowed is 0 to 0777" },
	{ "wire-speed = fast", "wire-speed = fast: this is not a frequency" SPEEDS },
	{ "wire-speed = 999", "wire-speed = 999: no bus is that slow or that fast" SPEEDS },
	{ "wire-speed = 101M", "wire-speed = 101M: no bus is that slow or that fast" SPEEDS },
	{ "color = red",
	  "color = red: there is no such key; allowed are bus, device, address, speed, path, "
	  "model, check-id, size, address-bytes, page-size, write-time, granule, format, mirror, "
	  "verify, scrub-interval, quota, default-mode, write-protect-gpio, power-fail-gpio, "
	  "power-enable-gpio, wire-speed" },
	{ "path = /again", "path = /again: line 2 has set it already; allowed is once in a file" },
};

static const struct bad_line bad_addresses[] = {
	{ "address = 80x", "address = 80x: this is no address of a chip; allowed is 0x08 to 0x77" },
	{ "address = 0x78",
	  "address = 0x78: this is no address of a chip; allowed is 0x08 to 0x77" },
	{ "address = -80", "address = -80: this is no address of a chip; allowed is 0x08 to 0x77" },
};

static const struct bad_line bad_wire_lines[] = {
	{ "address-bytes = 4", "address-bytes = 4: no chip has so many; allowed is 1, 2 or 3" },
	{ "page-size = 24", "page-size = 24: this is no size of a page; allowed is bytes, a power "
			    "of two from 8 to 1K; 0 for a chip without pages" },
	{ "write-time = 5", "write-time = 5: this is not the time of a write cycle; allowed is a "
			    "time as 5ms, at most 100ms" },
	{ "write-time = 101ms", "write-time = 101ms: this is not the time of a write cycle; "
				"allowed is a time as 5ms, at most 100ms" },
	{ "speed = 1M", "speed: with bus = i2c it means nothing; allowed is to leave it out" },
	{ "check-id = perhaps",
	  "check-id = perhaps: this is neither yes nor no; allowed is yes or no" },
	{ "path = /a", "path: with bus = i2c it means nothing; allowed is to leave it out" },
};

static const struct bad_line bad_sizes[] = {
	{ "size = 511", "size = 511: this is too small for named blocks" SIZES },
	{ "size = 508", "size = 508: this is too small for named blocks" SIZES },
	{ "size = 514", "size = 514: this is not a multiple of 4" SIZES },
	{ "size = 2097156", "size = 2097156: this is more than smm can manage" SIZES },
	{ "size = 3M", "size = 3M: this is more than smm can manage" SIZES },
	{ "size = 32KB", "size = 32KB: this is not a size" SIZES },
	{ "size = K", "size = K: this is not a size" SIZES },
	{ "size = 1G", "size = 1G: this is not a size" SIZES },
	{ "size = 99999999999999999999999",
	  "size = 99999999999999999999999: this is not a size" SIZES },
	{ "size = 4194304K", "size = 4194304K: this is not a size" SIZES },
};

static void check_bad_line(struct fixture *f, const char *section, const struct bad_line *bad)
{
	char text[512], line[512];
	int number = 3;

	sprintf(text, "[memory a]\n%s\n%s\n", section, bad->line);
	for (const char *c = section; *c; c++)
		number += *c == '\n';
	sprintf(line, ":%d: [memory a] %s", number, bad->sentence);
	assert_int_equal(load_text(f, text), -EINVAL);
	expect_log(f, (const char *[]){ line }, 1);
}

static void test_bad_values(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad_lines); i++)
		check_bad_line(*state, "path = /a\nsize = 32K", &bad_lines[i]);
	for (size_t i = 0; i < ARRAY_SIZE(bad_sizes); i++)
		check_bad_line(*state, "path = /a", &bad_sizes[i]);
}

static void test_bad_wires(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad_addresses); i++)
		check_bad_line(*state, "bus = i2c\ndevice = /dev/i2c-1", &bad_addresses[i]);
	for (size_t i = 0; i < ARRAY_SIZE(bad_wire_lines); i++)
		check_bad_line(*state,
			       "bus = i2c\ndevice = /dev/i2c-1\naddress = 80\nmodel = FM24V10",
			       &bad_wire_lines[i]);
}

static void test_wires(void **state)
{
	struct fixture *f = *state;
	struct memory_config *m;

	assert_int_equal(load_text(f, "[memory a]\n"
				      "bus = i2c\n"
				      "device = /dev/i2c-1\n"
				      "address = 0x50\n"
				      "check-id = no\n"
				      "verify = all\n"
				      "scrub-interval = 1d\n"
				      "write-protect-gpio = gpiochip0:17:active-low\n"
				      "power-fail-gpio = POWER_GOOD:active-low\n"
				      "power-enable-gpio = gpiochip0:27\n"
				      "[memory b]\n"
				      "bus = i2c\n"
				      "device = /dev/i2c-1\n"
				      "address = 0x51\n"
				      "model = custom\n"
				      "size = 64K\n"
				      "address-bytes = 2\n"
				      "page-size = 128\n"
				      "write-time = 5ms\n"
				      "[memory c]\n"
				      "bus = spi\n"
				      "device = /dev/spidev0.0\n"
				      "speed = 20M\n"
				      "model = MB85RS2MTA\n"),
			 0);
	assert_string_equal(f->log, "");
	m = f->config.memories;
	assert_int_equal(m->bus, BUS_I2C);
	assert_string_equal(m->device, "/dev/i2c-1");
	assert_int_equal(m->address, 0x50);
	assert_string_equal(m->model, "auto");
	assert_false(m->check_id);
	assert_int_equal(m->verify, VERIFY_ALL);
	assert_int_equal(m->scrub_interval, 86400);
	assert_string_equal(m->write_protect_gpio, "gpiochip0:17:active-low");
	assert_string_equal(m->power_fail_gpio, "POWER_GOOD:active-low");
	assert_string_equal(m->power_enable_gpio, "gpiochip0:27");
	assert_int_equal(m->size, 0);
	m = m->next;
	assert_string_equal(m->model, "custom");
	assert_int_equal(m->size, 65536);
	assert_int_equal(m->address_bytes, 2);
	assert_int_equal(m->page_size, 128);
	assert_int_equal(m->write_time_us, 5000);
	m = m->next;
	assert_int_equal(m->bus, BUS_SPI);
	assert_int_equal(m->speed, 20000000);
	assert_int_equal(m->size, 262144);
	assert_null(m->next);
}

static void test_wires_that_do_not_agree(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(load_text(f, "[memory a]\n"
				      "bus = i2c\n"
				      "[memory b]\n"
				      "bus = spi\n"
				      "device = /dev/spidev0.0\n"
				      "model = FM24V10\n"
				      "[memory c]\n"
				      "bus = i2c\n"
				      "device = /dev/i2c-1\n"
				      "address = 0x50\n"
				      "size = 32K\n"
				      "[memory d]\n"
				      "bus = i2c\n"
				      "device = /dev/i2c-1\n"
				      "address = 80\n"
				      "model = custom\n"
				      "size = 32K\n"
				      "page-size = 64\n"),
			 -EINVAL);
	expect_log(
		f,
		(const char *[]){
			":1: [memory a]: device is missing; allowed is the path of a node, as "
			"/dev/i2c-1 or /dev/spidev0.0",
			":1: [memory a]: address is missing; allowed is 0x08 to 0x77",
			":6: [memory b] model = FM24V10: this is a chip for i2c; allowed is bus = "
			"i2c, or another model",
			":11: [memory c] size = 32768: with model = auto the chip says it; allowed "
			"is model = custom, or no size",
			":12: [memory d]: address-bytes is missing; allowed is 1, 2 or 3",
			":12: [memory d]: write-time is missing; allowed is a time as 5ms, at most "
			"100ms",
			":14: [memory d] device = /dev/i2c-1: this is the chip of [memory c]; "
			"allowed is one memory a chip",
		},
		7);
}

static void test_bad_path(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(load_text(f, "[memory a]\nsize = 32K\npath = here\n"), -EINVAL);
	expect_log(f,
		   (const char *[]){ ":3: [memory a] path = here: it does not begin with '/'; "
				     "allowed is the absolute path of an image file" },
		   1);
}

static void test_bad_headings(void **state)
{
	static const char *const headings[] = {
		"[]",        "[memory]",          "[memory ]",
		"[other a]", "[memory a.b]",      "[memory a b]",
		"[memory b", "[memory \303\244]", "[memory a2345678901234567890123456789012]",
	};
	struct fixture *f = *state;
	char text[256], line[256];

	for (size_t i = 0; i < ARRAY_SIZE(headings); i++) {
		sprintf(text, "[memory a]\npath = /a\nsize = 32K\n%s\npath = passed over\n",
			headings[i]);
		sprintf(line, ":4: %s: " SECTION, headings[i]);
		assert_int_equal(load_text(f, text), -EINVAL);
		expect_log(f, (const char *[]){ line }, 1);
	}
}

static void test_longest_name(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(load_text(f, "[memory a234567890123456789012345678901]\npath = /a\n"
				      "size = 512\n"),
			 0);
	assert_int_equal(strlen(f->config.memories->name), 31);
}

static void test_sections_that_do_not_agree(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(load_text(f, "[memory a]\n"
				      "path = /x\n"
				      "model = FM24V10\n"
				      "size = 32K\n"
				      "[memory b]\n"
				      "path = /x\n"
				      "model = AT24C01\n"
				      "[memory c]\n"
				      "path = /c\n"
				      "size = 1K\n"
				      "granule = 1K\n"
				      "[memory a]\n"
				      "path = passed over\n"),
			 -EINVAL);
	expect_log(
		f,
		(const char *[]){
			":12: [memory a]: line 1 has this section already; allowed is one of a "
			"name in a file",
			":4: [memory a] size = 32768: a FM24V10 has 131072 bytes; allowed is "
			"that, or no size",
			":7: [memory b] model = AT24C01: its 128 bytes are too few; allowed is a "
			"chip of 512 bytes or more",
			":6: [memory b] path = /x: this is the chip of [memory a]; allowed is one "
			"memory a chip",
			":11: [memory c] granule = 1024: it leaves nothing of 1024 bytes; allowed "
			"is less",
		},
		5);
}

static void test_long_line(void **state)
{
	struct fixture *f = *state;
	char text[512];

	sprintf(text, "[memory a]\nsize = 32K\npath = /%0182d\n", 0);
	assert_int_equal(load_text(f, text), 0);
	assert_int_equal(strlen(f->config.memories->path), 183);
	sprintf(text, "[memory a]\nsize = 32K\npath = /%0183d\n", 0);
	assert_int_equal(load_text(f, text), -EINVAL);
	expect_log(
		f,
		(const char *[]){ ":3: this line has 191 bytes; allowed are 190",
				  ":1: [memory a]: path is missing; allowed is the absolute path "
				  "of an image file" },
		2);
}

/* Files that nobody wrote: no crash, no memory from nowhere. */
static void test_noise(void **state)
{
	static const char letters[] = "[]memory =;#:a0K%\n\n\t\r/\\\"\001\377";
	struct fixture *f = *state;
	unsigned int seed = 1;
	char text[400];

	for (int round = 0; round < 500; round++) {
		size_t i;

		for (i = 0; i < sizeof(text) - 1; i++)
			text[i] = letters[(size_t)rand_r(&seed) % (sizeof(letters) - 1)];
		text[i] = '\0';
		assert_int_equal(load_text(f, text), -EINVAL);
		assert_null(f->config.memories);
		assert_string_not_equal(f->log, "");
	}
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_defaults),
		TEST(test_every_key),
		TEST(test_drop_ins_override_in_order),
		TEST(test_mistake_in_a_drop_in_names_it),
		TEST(test_missing_file_says_what_to_do),
		TEST(test_file_without_memory),
		TEST(test_all_mistakes_are_reported),
		TEST(test_bad_values),
		TEST(test_bad_wires),
		TEST(test_wires),
		TEST(test_wires_that_do_not_agree),
		TEST(test_bad_path),
		TEST(test_bad_headings),
		TEST(test_longest_name),
		TEST(test_sections_that_do_not_agree),
		TEST(test_long_line),
		TEST(test_noise),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
