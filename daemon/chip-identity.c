/* SPDX-License-Identifier: BSD-3-Clause */
#include "chip-identity.h"

#include <errno.h>

#include "log.h"
#include "util.h"

#define ID_TEXT_SIZE (2 * CHIP_ID_MAX + 1)
#define I2C_ID_SIZE  3u
#define READS_MAX    4u

/* A chip of 4 kbit on SPI has one address byte, and bit 8 of the address in its opcodes. */
#define FOUR_KBIT 512u

static int look_up(const struct chip_id_source *source, const uint8_t id[CHIP_ID_MAX],
		   struct chip_model *model)
{
	return source->bus == CHIP_I2C ? chip_identify_i2c(id, model)
				       : chip_identify_spi(id, model);
}

/* The name of what has this id, for people. */
static const char *name_of(const struct chip_id_source *source, const uint8_t id[CHIP_ID_MAX])
{
	struct chip_model model;

	return look_up(source, id, &model) == 0 ? model.name : "unknown";
}

static uint8_t answer_size(const struct chip_id_source *source)
{
	return source->bus == CHIP_I2C ? I2C_ID_SIZE : CHIP_ID_MAX;
}

/* Bytes of an answer that are the id: behind those of a chip that is known, SPI gives anything. */
static uint8_t size_of(const struct chip_id_source *source, const uint8_t id[CHIP_ID_MAX])
{
	struct chip_model model;

	return look_up(source, id, &model) == 0 ? model.id_size : answer_size(source);
}

static void format_id(char text[static ID_TEXT_SIZE], const uint8_t *id, size_t size)
{
	for (size_t i = 0; i < size; i++)
		sprintf(text + 2 * i, "%02x", id[i]);
}

/* Ask for the id until it is twice the same: everything follows from it. */
static int read_id(const struct chip_id_source *source, struct chip_identity *identity,
		   sd_bus_error *error)
{
	uint8_t before[CHIP_ID_MAX], *id = identity->id;
	int r = source->read(source->userdata, id, error);

	for (unsigned int i = 0; r >= 0 && i < READS_MAX; i++) {
		memcpy(before, id, sizeof(before));
		r = source->read(source->userdata, id, error);
		identity->id_size = size_of(source, id);
		if (r >= 0 && !memcmp(before, id, identity->id_size))
			return 0;
	}
	if (r < 0)
		return r;
	return sd_bus_error_set_errnof(error, EAGAIN,
				       "the chip at %s gives another id each time; check its wires "
				       "and the speed of its bus",
				       source->where);
}

static void describe_id(struct chip_identity *identity)
{
	char text[ID_TEXT_SIZE];

	format_id(text, identity->id, identity->id_size);
	snprintf(identity->text, sizeof(identity->text), "id %s", text);
}

/* model = auto */
static int ask(const struct chip_id_source *source, const struct memory_config *config,
	       struct chip_identity *identity, sd_bus_error *error)
{
	char text[ID_TEXT_SIZE] = "none";
	int r = read_id(source, identity, error);

	if (r < 0 && r != -ENOENT)
		return r;
	if (r >= 0)
		format_id(text, identity->id, identity->id_size);
	if (r < 0 || look_up(source, identity->id, &identity->model) < 0)
		return sd_bus_error_set_errnof(
			error, ENOENT,
			"the chip at %s cannot be identified (its id: %s), as many cannot; write "
			"its model ('smmd --list-models' shows them), or model = custom with size "
			"and address-bytes",
			source->where, text);
	if (!strcmp(identity->model.name, "unknown"))
		log_warning("memory %s: the id %s is new; by its maker's rule the chip has %u "
			    "bytes, and if it has not, write its model",
			    config->name, text, identity->model.size);
	describe_id(identity);
	return 0;
}

/* model = NAME, of a chip that has an id. */
static int check(const struct chip_id_source *source, struct chip_identity *identity,
		 sd_bus_error *error)
{
	const struct chip_model *model = &identity->model;
	char expected[ID_TEXT_SIZE], text[ID_TEXT_SIZE];
	int r = read_id(source, identity, error);

	format_id(expected, model->id, model->id_size);
	if (r == -ENOENT)
		return sd_bus_error_set_errnof(
			error, EMEDIUMTYPE,
			"the chip at %s gives no id, where a %s gives %s; correct its model, or "
			"write check-id = no",
			source->where, model->name, expected);
	if (r < 0)
		return r;
	if (chip_id_matches(model, identity->id, answer_size(source))) {
		describe_id(identity);
		return 0;
	}
	format_id(text, identity->id, identity->id_size);
	return sd_bus_error_set_errnof(
		error, EMEDIUMTYPE,
		"the chip at %s gives the id %s (%s), where a %s gives %s; correct its model, or "
		"write check-id = no if it is one in spite of that",
		source->where, text, name_of(source, identity->id), model->name, expected);
}

/* A chip without an id is not asked for it: what it does then is nowhere said. */
static int find_named(const struct chip_id_source *source, const struct memory_config *config,
		      struct chip_identity *identity, sd_bus_error *error)
{
	const struct chip_model *model = chip_model_find(config->model);
	unsigned int doubtful = model->from_memory;

	identity->model = *model;
	if (doubtful & (FACT_SIZE | FACT_ADDRESS | FACT_PAGE | FACT_OPCODES))
		log_warning("memory %s: no source confirms the geometry of %s; compare "
			    "'smmd --list-models' with its data sheet",
			    config->name, model->name);
	if (model->id_size && !(doubtful & FACT_ID) && config->check_id)
		return check(source, identity, error);
	snprintf(identity->text, sizeof(identity->text), "as configured, %s",
		 model->id_size ? "id not checked" : "no id");
	return 0;
}

/* model = custom */
static void take_description(enum chip_bus bus, const struct memory_config *config,
			     struct chip_identity *identity)
{
	identity->model = (struct chip_model){
		.name = "custom",
		.technology = "unknown",
		.bus = bus,
		.size = config->size,
		.address_bytes = config->address_bytes,
		.page_size = config->page_size,
		.write_ms = (uint16_t)((config->write_time_us + 999) / 1000),
	};
	if (bus == CHIP_SPI && config->size == FOUR_KBIT && config->address_bytes == 1)
		identity->model.opcode_bits = 1;
	snprintf(identity->text, sizeof(identity->text), "as configured");
}

int chip_identify(const struct chip_id_source *source, const struct memory_config *config,
		  struct chip_identity *identity, sd_bus_error *error)
{
	*identity = (struct chip_identity){ 0 };
	if (!strcmp(config->model, "auto"))
		return ask(source, config, identity, error);
	if (strcmp(config->model, "custom") != 0)
		return find_named(source, config, identity, error);
	take_description(source->bus, config, identity);
	return 0;
}

int chip_identify_again(const struct chip_id_source *source, const struct chip_identity *identity,
			sd_bus_error *error)
{
	char before[ID_TEXT_SIZE], now[ID_TEXT_SIZE] = "none";
	struct chip_identity found = { 0 };
	int r;

	if (!identity->id_size)
		return 0;
	r = read_id(source, &found, error);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r >= 0 && !memcmp(found.id, identity->id, identity->id_size))
		return 0;
	if (r >= 0)
		format_id(now, found.id, found.id_size);
	format_id(before, identity->id, identity->id_size);
	return sd_bus_error_set_errnof(
		error, EMEDIUMTYPE, "another chip is at %s: its id is %s (%s), and was %s (%s)",
		source->where, now, name_of(source, found.id), before, identity->model.name);
}
