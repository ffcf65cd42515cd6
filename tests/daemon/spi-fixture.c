/* SPDX-License-Identifier: BSD-3-Clause */
#include "spi-fixture.h"

#include <errno.h>
#include <time.h>

#include "log.h"

static struct fixture *fixture;

/* The driver's pauses. */
int nanosleep(const struct timespec *time, struct timespec *left)
{
	(void)left;
	fixture->now += (uint64_t)time->tv_sec * 1000000000u + (uint64_t)time->tv_nsec;
	return 0;
}

static bool is_undriven(const uint8_t *bytes, uint32_t size)
{
	for (uint32_t i = 0; i < size; i++)
		if (bytes[i] != 0xff)
			return false;
	return true;
}

/* What is read where nobody drives the line. */
static void pull_down(const struct spi_ioc_transfer *transfers, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		uint8_t *bytes = (uint8_t *)(uintptr_t)transfers[i].rx_buf;

		if (bytes && is_undriven(bytes, transfers[i].len))
			memset(bytes, 0, transfers[i].len);
	}
}

static void note_delays(struct fixture *f, const struct spi_ioc_transfer *transfers, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		if (transfers[i].delay_usecs > f->held_us)
			f->held_us = transfers[i].delay_usecs;
}

static int message(struct fixture *f, const struct spi_ioc_transfer *transfers, unsigned int n)
{
	int r;

	f->calls++;
	if (f->n_disturbed) {
		f->n_disturbed--;
		return -f->disturbed;
	}
	if (f->fail_behind && f->calls > f->fail_behind)
		return -f->disturbed;
	r = spidev_message(&f->dev, transfers, n);
	note_delays(f, transfers, n);
	if (f->pulled_down)
		pull_down(transfers, n);
	f->model.config.id[2] ^= f->unsteady ? (uint8_t)f->calls : 0;
	assert_false(f->dev.selected);
	return r;
}

static int serve(struct fixture *f, unsigned long request, void *argument)
{
	uint32_t *value = argument;

	switch (request) {
	case SPI_IOC_RD_MODE32:
		*value = f->dev.mode;
		return 0;
	case SPI_IOC_WR_MODE32:
		return spidev_set_mode(&f->dev, *value);
	case SPI_IOC_WR_BITS_PER_WORD:
		return spidev_set_bits_per_word(&f->dev, *(uint8_t *)argument);
	case SPI_IOC_RD_MAX_SPEED_HZ:
		*value = f->dev.max_speed_hz;
		return 0;
	default:
		if (_IOC_TYPE(request) != SPI_IOC_MAGIC || _IOC_NR(request) != 0)
			return -ENOTTY;
		return message(f, argument, _IOC_SIZE(request) / sizeof(struct spi_ioc_transfer));
	}
}

int device_ioctl(void *userdata, unsigned long request, void *argument)
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
	f->dev.chip = &f->model;
	memset(f->dev.fastest, 0, sizeof(f->dev.fastest));
}

const struct model_config fram = {
	.bus = MODEL_SPI,
	.size = 8192,
	.address_bytes = 2,
	.id_size = 4,
	.id = { 0x04, 0x7f, 0x03, 0x02 },
};

int spi_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	fixture = *state = f;
	f->now = 1;
	f->clock = rig_stepped_clock(&f->now);
	log_set_max_level(LOG_ERR);
	spidev_init(&f->dev, &(struct spidev_config){ 0 }, &f->clock);
	f->dev.max_speed_hz = 125000000;
	plug(f, &fram);
	f->config = (struct memory_config){
		.name = (char *)"test",
		.bus = BUS_SPI,
		.device = (char *)NODE,
		.model = (char *)"auto",
		.check_id = true,
	};
	fake_nodes_setup();
	fake_node_add(NODE, NUMBER, device_ioctl, f);
	return 0;
}

int spi_teardown(void **state)
{
	struct fixture *f = *state;

	chip_close(f->chip);
	fake_nodes_teardown();
	sd_bus_error_free(&f->error);
	free(f->memory);
	free(f);
	return 0;
}

struct model_config like(const struct chip_model *row)
{
	bool everspin = !strcmp(row->technology, "MRAM");
	struct model_config config = {
		.bus = MODEL_SPI,
		.size = row->size,
		.address_bytes = row->address_bytes,
		.opcode_bits = row->opcode_bits,
		.page_size = row->page_size,
		.write_us = row->page_size ? (row->write_ms ? row->write_ms : 10u) * 1000u : 0,
		.id_size = row->id_size,
		.wake_us = everspin ? 400 : row->wake_us,
		.no_write_enable = row->no_write_enable,
		.no_fast_read = everspin,
		.wake_opcode = everspin,
		.mode_register = row->mode_register,
	};

	memcpy(config.id, row->id, row->id_size);
	return config;
}

void plug_and_open(struct fixture *f, const char *model)
{
	const struct chip_model *row = chip_model_find(model);
	struct model_config config;

	assert_non_null(row);
	config = like(row);
	plug(f, &config);
	must_open(f, model);
}

void set_id(struct fixture *f, const void *id, uint8_t size)
{
	f->model.config.id_size = size;
	memcpy(f->model.config.id, id, size);
}

void set_bufsiz(struct fixture *f, uint32_t size)
{
	char text[16];

	snprintf(text, sizeof(text), "%u\n", size);
	fake_file_add(BUFSIZ_FILE, text, strlen(text));
	f->dev.config.bufsiz = size;
}

int open_model(struct fixture *f, const char *model)
{
	chip_close(f->chip);
	f->chip = NULL;
	sd_bus_error_free(&f->error);
	f->config.model = (char *)model;
	return chip_spi_open(&f->config, &f->chip, &f->error);
}

void must_open(struct fixture *f, const char *model)
{
	int r = open_model(f, model);

	if (r < 0)
		print_error("%s: %s\n", model, f->error.message);
	assert_int_equal(r, 0);
}

int reopen(struct fixture *f)
{
	sd_bus_error_free(&f->error);
	return chip_reopen(f->chip, &f->error);
}

char *log_of(struct fixture *f, const char *model)
{
	FILE *file = tmpfile();
	int saved = dup(STDERR_FILENO);
	char *text = calloc(1, 2000);

	assert_true(file && saved >= 0 && text);
	dup2(fileno(file), STDERR_FILENO);
	log_set_max_level(LOG_INFO);
	must_open(f, model);
	log_set_max_level(LOG_ERR);
	dup2(saved, STDERR_FILENO);
	close(saved);
	rewind(file);
	text[fread(text, 1, 1999, file)] = '\0';
	fclose(file);
	return text;
}

void expect_words(const struct fixture *f, ...)
{
	va_list words;
	const char *word;

	assert_non_null(f->error.message);
	va_start(words, f);
	while ((word = va_arg(words, const char *))) {
		if (!strstr(f->error.message, word))
			fail_msg("'%s' is not in: %s", word, f->error.message);
	}
	va_end(words);
}
