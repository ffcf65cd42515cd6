/* SPDX-License-Identifier: BSD-3-Clause */
#include "i2c-fixture.h"

#include <errno.h>
#include <linux/i2c-dev.h>
#include <time.h>

static struct fixture *fixture;

/* The driver's pauses. */
int nanosleep(const struct timespec *time, struct timespec *left)
{
	(void)left;
	fixture->now += (uint64_t)time->tv_sec * 1000000000u + (uint64_t)time->tv_nsec;
	return 0;
}

static int serve(struct fixture *f, unsigned long request, void *argument)
{
	static uint16_t slave;
	const struct i2c_rdwr_ioctl_data *messages = argument;
	const struct i2c_smbus_ioctl_data *smbus = argument;
	int r;

	switch (request) {
	case I2C_FUNCS:
		*(unsigned long *)argument =
			f->functions ? f->functions : i2c_dev_functions(&f->adapter);
		return 0;
	case I2C_SLAVE:
		slave = (uint16_t)(uintptr_t)argument;
		return i2c_dev_slave(&f->adapter, slave, false);
	case I2C_RDWR:
		f->calls++;
		r = i2c_dev_rdwr(&f->adapter, messages->msgs, messages->nmsgs);
		return r - (r > 0 && f->short_results);
	case I2C_SMBUS:
		f->calls++;
		r = i2c_dev_smbus(&f->adapter, slave, smbus->read_write, smbus->command,
				  smbus->size, smbus->data);
		smbus->data->block[0] -= f->short_results;
		return r;
	default:
		return -ENOTTY;
	}
}

int adapter_ioctl(void *userdata, unsigned long request, void *argument)
{
	int r = serve(userdata, request, argument);

	if (r >= 0)
		return r;
	errno = -r;
	return -1;
}

void plug(struct fixture *f, const struct model_config *config)
{
	free(f->memory);
	f->memory = malloc(config->size);
	assert_non_null(f->memory);
	memset(f->memory, 0xff, config->size);
	model_init(&f->model, config, f->memory, &f->clock);
	f->adapter.chips[0] = &f->model;
	f->adapter.chip_count = 1;
}

const struct model_config fram = {
	.bus = MODEL_I2C,
	.size = FRAM_SIZE,
	.address_bytes = 2,
	.address = 0x50,
	.id_size = 3,
	.id = { 0x00, 0xa5, 0x10 },
};

/* As the adapters of a Raspberry Pi: i2c-bcm2835 and DesignWare. */
static const struct i2c_dev_config pi = { .one_read_last = true, .no_zero_length = true };

int i2c_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	fixture = *state = f;
	f->now = 1;
	f->clock = rig_stepped_clock(&f->now);
	i2c_dev_init(&f->adapter, &pi, &f->clock);
	plug(f, &fram);
	f->config = (struct memory_config){
		.name = (char *)"test",
		.bus = BUS_I2C,
		.device = (char *)NODE,
		.address = 0x50,
		.model = (char *)"auto",
		.check_id = true,
	};
	fake_nodes_setup();
	fake_node_add(NODE, NUMBER, adapter_ioctl, f);
	return 0;
}

int i2c_teardown(void **state)
{
	struct fixture *f = *state;

	chip_close(f->chip);
	fake_nodes_teardown();
	sd_bus_error_free(&f->error);
	free(f->memory);
	free(f);
	return 0;
}

int open_model(struct fixture *f, const char *model)
{
	chip_close(f->chip);
	f->chip = NULL;
	sd_bus_error_free(&f->error);
	f->config.model = (char *)model;
	return chip_i2c_open(&f->config, &f->chip, &f->error);
}

void must_open(struct fixture *f, const char *model)
{
	int r = open_model(f, model);

	if (r < 0)
		print_error("%s: %s\n", model, f->error.message);
	assert_int_equal(r, 0);
}

void expect_all(const struct fixture *f, const char *const *words)
{
	assert_non_null(f->error.message);
	for (; *words; words++) {
		if (!strstr(f->error.message, *words))
			fail_msg("'%s' is not in: %s", *words, f->error.message);
	}
}

int reopen(struct fixture *f)
{
	sd_bus_error_free(&f->error);
	return chip_reopen(f->chip, &f->error);
}

struct model_config like(const struct chip_model *row)
{
	struct model_config config = {
		.bus = MODEL_I2C,
		.size = row->size,
		.address_bytes = row->address_bytes,
		.device_bits = row->device_bits,
		.device_shift = row->device_shift,
		.block_rollover = true,
		.address = 0x50,
		.page_size = row->page_size,
		.write_us = row->write_ms * 1000u,
		.id_size = row->id_size ? 3 : 0,
	};

	memcpy(config.id, row->id, 3);
	return config;
}

void set_id(struct fixture *f, uint8_t a, uint8_t b, uint8_t c)
{
	f->model.config.id_size = 3;
	f->model.config.id[0] = a;
	f->model.config.id[1] = b;
	f->model.config.id[2] = c;
}

char *log_of(struct fixture *f, const char *model)
{
	FILE *file = tmpfile();
	int saved = dup(STDERR_FILENO);
	char *text = calloc(1, 2000);

	assert_true(file && saved >= 0 && text);
	dup2(fileno(file), STDERR_FILENO);
	must_open(f, model);
	assert_int_equal(reopen(f), 0);
	dup2(saved, STDERR_FILENO);
	close(saved);
	rewind(file);
	text[fread(text, 1, 1999, file)] = '\0';
	fclose(file);
	return text;
}
