/* SPDX-License-Identifier: BSD-3-Clause */
#include "volume-fixture.h"

#include "deaf.h"

#include "log.h"

const struct caller root = { 0, 0, 1, (const gid_t[]){ 0 }, true };
const struct caller alice = { 1000, 1000, 2, (const gid_t[]){ 1000, 50 }, false };
const struct caller bob = { 1001, 1001, 2, (const gid_t[]){ 1001, 50 }, false };
const struct caller eve = { 1002, 1002, 1, (const gid_t[]){ 1002 }, false };

static struct fake_chip *chip_to_open;

/* In the place of that of chip-file.c. */
int chip_file_open(const struct memory_config *config, struct chip **chip, sd_bus_error *error)
{
	(void)error;
	assert_int_equal(config->size, chip_to_open->chip.size);
	*chip = &chip_to_open->chip;
	return 0;
}

int fixture_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	log_set_max_level(LOG_CRIT);
	fake_chip_init(&f->fake, CHIP_SIZE, 0);
	f->config = (struct memory_config){
		.name = (char *)"fram0",
		.bus = BUS_FILE,
		.path = (char *)"/fram0.img",
		.model = (char *)"custom",
		.size = CHIP_SIZE,
		.granule = 4,
		.format = FORMAT_BLANK,
		.mirror = true,
		.default_mode = 0600,
	};
	*state = f;
	return 0;
}

int fixture_teardown(void **state)
{
	struct fixture *f = *state;

	volume_close(f->volume);
	fake_chip_destroy(&f->fake);
	sd_bus_error_free(&f->error);
	free(f);
	return 0;
}

static void ignore(void *userdata)
{
	(void)userdata;
}

static void between(void *userdata)
{
	struct fixture *f = userdata;

	if (f->between)
		f->between(f);
}

static const struct volume_ops ops = {
	.changed = ignore,
	.between = between,
	.block_changed = ignore_block,
	.content_changed = ignore_content,
};

void fixture_open(struct fixture *f)
{
	chip_to_open = &f->fake;
	volume_close(f->volume);
	f->volume = NULL;
	assert_int_equal(volume_new(&f->config, &ops, f, &f->volume), 0);
	assert_int_equal(volume_open(f->volume, fresh_error(f)), 0);
}

sd_bus_error *fresh_error(struct fixture *f)
{
	sd_bus_error_free(&f->error);
	return &f->error;
}

void expect_error(struct fixture *f, int r, const char *name, const char *sentence)
{
	assert_true(r < 0);
	assert_non_null(f->error.name);
	assert_string_equal(f->error.name, name);
	if (sentence)
		assert_string_equal(f->error.message, sentence);
}

const char *state_of(struct fixture *f)
{
	struct volume_status status;

	volume_status(f->volume, &status);
	return status.state;
}

void wait_until_online(struct fixture *f)
{
	for (int i = 0; i < 100 && strcmp(state_of(f), "online") != 0; i++) {
		usleep(10000);
		volume_idle(f->volume);
	}
	assert_string_equal(state_of(f), "online");
}

uint64_t statistic(struct fixture *f, const char *name)
{
	struct volume_status status;

	volume_status(f->volume, &status);
	for (size_t i = 0; i < status.n_statistics; i++)
		if (!strcmp(status.statistics[i].name, name))
			return status.statistics[i].value;
	fail_msg("there is no statistic %s", name);
	return 0;
}

uint32_t allocate(struct fixture *f, const struct caller *caller, const char *name, uint32_t size,
		  uint32_t mode)
{
	struct allocate_options options = { .has_mode = true, .mode = mode };
	uint32_t id = 0;

	assert_int_equal(
		volume_allocate(f->volume, caller, name, size, &options, &id, fresh_error(f)), 0);
	assert_true(id > 0);
	return id;
}

void expect_content(struct fixture *f, uint32_t id, const void *data, size_t size)
{
	_cleanup_free_ void *content = NULL;
	size_t n = 0;

	assert_int_equal(
		volume_read(f->volume, &root, id, 0, UINT32_MAX, &content, &n, fresh_error(f)), 0);
	assert_int_equal(n, size);
	assert_memory_equal(content, data, size);
}

struct smm_block block_of(struct fixture *f, uint32_t id)
{
	struct smm_block block;

	assert_int_equal(volume_stat(f->volume, &root, id, &block, fresh_error(f)), 0);
	return block;
}

int change(struct fixture *f, int which)
{
	static const char large[600] = "large";
	sd_bus_error *error = fresh_error(f);
	uint32_t id;

	switch (which) {
	case 0:
		return volume_write(f->volume, &alice, 1, 0, "new", 3, error);
	case 1:
		return volume_store(f->volume, &alice, "a", large, sizeof(large), &id, error);
	case 2:
		return volume_rename(f->volume, &alice, 1, "another name", error);
	case 3:
		return volume_free(f->volume, &alice, 1, error);
	case 4:
		return volume_resize(f->volume, &alice, 1, 300, error);
	case 5:
		return volume_set_mode(f->volume, &alice, 1, 0644, error);
	default:
		return volume_allocate(f->volume, &alice, "new", 500,
				       &(struct allocate_options){ 0 }, &id, error);
	}
}

void begin_change(struct fixture *f)
{
	uint32_t id;

	memset(f->fake.bytes, 0, CHIP_SIZE);
	fixture_open(f);
	assert_int_equal(
		volume_store(f->volume, &alice, "a", "0123456789", 10, &id, fresh_error(f)), 0);
	assert_int_equal(id, 1);
}

int check(struct fixture *f, const struct caller *caller, bool repair, struct check_result *result)
{
	struct volume_check state = { .repair = repair };
	int r;

	do
		r = volume_check(f->volume, caller, &state, fresh_error(f));
	while (r > 0);
	*result = state.result;
	volume_check_done(&state);
	return r;
}

int write_in_place(struct fixture *f, const struct caller *caller, uint32_t id, uint32_t offset,
		   const void *data, size_t size)
{
	uint32_t done = 0;
	int r;

	do
		r = volume_write_in_place(f->volume, caller, id, offset, data, size, &done,
					  fresh_error(f));
	while (r > 0);
	return r;
}

int dump(struct fixture *f, const struct caller *caller, struct image_file *file)
{
	struct volume_dump state = { 0 };
	int r;

	do
		r = volume_dump(f->volume, caller, &state, fresh_error(f));
	while (r > 0);
	*file = (struct image_file){ state.file, state.size };
	return r;
}

int restore(struct fixture *f, const struct caller *caller, const struct image_file *file)
{
	_Atomic bool certain = false;

	return volume_restore(f->volume, caller, file->bytes, file->size, &certain, fresh_error(f));
}
