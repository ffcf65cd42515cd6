/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which chip this is: by its name, by its id, or by the rules that makers follow in their ids.
 */
#include "chip-table.h"

#include <errno.h>
#include <strings.h>

#include "smm.h"
#include "util.h"

#define KIB 1024u

const struct chip_model *chip_model_find(const char *name)
{
	const struct chip_model *row;

	for (size_t i = 0; (row = chip_model_row(i)); i++)
		if (!strcasecmp(row->name, name))
			return row;
	return NULL;
}

/* Some Excelon parts send their last byte first (linux drivers/misc/eeprom/at25.c). */
static const uint8_t *in_order(const uint8_t *id, size_t size, uint8_t turned[CHIP_ID_MAX])
{
	if (size != CHIP_ID_MAX || id[6] != 0x7f || id[2] != 0xc2)
		return id;
	for (size_t i = 0; i < size; i++)
		turned[i] = id[size - 1 - i];
	return turned;
}

bool chip_id_matches(const struct chip_model *model, const uint8_t *id, size_t size)
{
	uint8_t turned[CHIP_ID_MAX];

	return model->id_size && model->id_size <= size &&
	       !memcmp(model->id, in_order(id, size, turned), model->id_size);
}

/* The row of that bus whose id says the most of @id. */
static const struct chip_model *find_id(enum chip_bus bus, const uint8_t *id, size_t size)
{
	const struct chip_model *row, *best = NULL;

	for (size_t i = 0; (row = chip_model_row(i)); i++)
		if (row->bus == bus && chip_id_matches(row, id, size) &&
		    (!best || row->id_size > best->id_size))
			best = row;
	return best;
}

static bool is_silence(const uint8_t *id, size_t size)
{
	for (size_t i = 1; i < size; i++)
		if (id[i] != id[0])
			return false;
	return id[0] == 0x00 || id[0] == 0xff;
}

/* An FRAM of @size bytes whose maker has this id; false if there is none so small or large. */
static bool by_rule(enum chip_bus bus, uint32_t size, const uint8_t *id, size_t id_size,
		    struct chip_model *model)
{
	/* I2C has two address bytes from 32 kbit on, and never a third; SPI a third from 1 Mbit. */
	uint32_t address_bytes = bus == CHIP_SPI && size > 64 * KIB ? 3 : 2;
	uint32_t reach = bus == CHIP_SPI ? size : 64 * KIB;

	if (size < (bus == CHIP_SPI ? 2 : 4) * KIB || size > SMM_SIZE_MAX)
		return false;
	*model = (struct chip_model){
		.name = "unknown",
		.technology = "FRAM",
		.bus = bus,
		.size = size,
		.address_bytes = (uint8_t)address_bytes,
		.id_size = (uint8_t)id_size,
		.source = "the rule of its maker's ids",
	};
	while (reach < size) {
		reach *= 2;
		model->device_bits++;
	}
	memcpy(model->id, id, id_size);
	return model->device_bits <= 3;
}

/*
 * Twelve bits of maker, four of density: 00A is Fujitsu, 004 Cypress (sosandroid/FRAM_MB85RC_I2C
 * and RobTillaart/FRAM_I2C, from the data sheets).
 */
static bool i2c_rule(const uint8_t id[3], struct chip_model *model)
{
	uint32_t maker = (uint32_t)id[0] << 4 | id[1] >> 4, density = id[1] & 15;

	if (maker == 0x00a)
		return by_rule(CHIP_I2C, KIB << density, id, 3, model);
	if (maker == 0x004 && density)
		return by_rule(CHIP_I2C, 8 * KIB << density, id, 3, model);
	return false;
}

/*
 * Fujitsu: 04 7F, then five bits of density, below 80: C9 is a ReRAM, which has pages. Cypress: C2
 * behind six times 7F, then 21 to 26, or 2A to 30 for Excelon parts (linux
 * drivers/misc/eeprom/at25.c).
 */
static bool spi_rule(const uint8_t *id, struct chip_model *model)
{
	static const uint8_t cypress[] = { 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0xc2 };
	uint32_t density = id[7];

	if (id[0] == 0x04 && id[1] == 0x7f && id[2] < 0x80)
		return by_rule(CHIP_SPI, KIB << (id[2] & 0x1f), id, 4, model);
	if (memcmp(id, cypress, sizeof(cypress)) != 0)
		return false;
	if (density >= 0x21 && density <= 0x26)
		return by_rule(CHIP_SPI, 16 * KIB << (density - 0x21), id, 9, model);
	if (density >= 0x2a && density <= 0x30)
		return by_rule(CHIP_SPI, 1u << ((density >> 1 & 15) + 13), id, 9, model);
	return false;
}

int chip_identify_i2c(const uint8_t id[3], struct chip_model *model)
{
	const struct chip_model *row = find_id(CHIP_I2C, id, 3);

	if (is_silence(id, 3))
		return -ENODEV;
	if (row)
		*model = *row;
	return row || i2c_rule(id, model) ? 0 : -ENOENT;
}

int chip_identify_spi(const uint8_t id[CHIP_ID_MAX], struct chip_model *model)
{
	const struct chip_model *row;
	uint8_t turned[CHIP_ID_MAX];

	if (is_silence(id, CHIP_ID_MAX))
		return -ENODEV;
	id = in_order(id, CHIP_ID_MAX, turned);
	row = find_id(CHIP_SPI, id, CHIP_ID_MAX);
	if (row)
		*model = *row;
	return row || spi_rule(id, model) ? 0 : -ENOENT;
}

/* smmd --list-models */

static void print_size(uint32_t bytes)
{
	if (bytes >= KIB * KIB && bytes % (KIB * KIB) == 0)
		printf(" %5uM", bytes / KIB / KIB);
	else if (bytes >= KIB)
		printf(" %5uK", bytes / KIB);
	else
		printf(" %6u", bytes);
}

static char mark(const struct chip_model *m, unsigned int facts)
{
	return m->from_memory & facts ? '*' : ' ';
}

static void print_clock(const struct chip_model *m)
{
	if (m->max_clock)
		printf(" %6gM%c", m->max_clock / 1e6, mark(m, FACT_CLOCK));
	else
		printf(" %7s ", "-");
}

/* "2+1": bytes, and bits above them in the device address or the opcode */
static void print_address(const struct chip_model *m)
{
	unsigned int bits = m->device_bits + m->opcode_bits;

	printf("     %u%c%c%c", m->address_bytes, bits ? '+' : ' ', bits ? (char)('0' + bits) : ' ',
	       mark(m, FACT_ADDRESS));
}

static void print_page(const struct chip_model *m)
{
	if (m->page_size)
		printf(" %4u%c", m->page_size, mark(m, FACT_PAGE));
	else
		printf(" %4s ", "-");
}

static void print_write_time(const struct chip_model *m)
{
	if (m->write_ms)
		printf(" %3ums%c", m->write_ms, mark(m, FACT_WRITE_TIME));
	else
		printf(" %5s ", "-");
}

static void print_id(const struct chip_model *m)
{
	printf("  ");
	for (uint8_t b = 0; b < m->id_size; b++)
		printf("%02x", m->id[b]);
	puts(m->id_size ? "" : "-");
}

int chip_table_print(void)
{
	const struct chip_model *m;

	puts("MODEL        TECHNOLOGY BUS    SIZE  ADDRESS   PAGE WRITE     CLOCK   ID");
	for (size_t i = 0; (m = chip_model_row(i)); i++) {
		printf("%-12s %-10s %s%c", m->name, m->technology,
		       m->bus == CHIP_I2C ? "i2c" : "spi", mark(m, FACT_OPCODES));
		print_size(m->size);
		putchar(mark(m, FACT_SIZE));
		print_address(m);
		print_page(m);
		print_write_time(m);
		print_clock(m);
		print_id(m);
	}
	puts("\nADDRESS: bytes, and bits that go into the device address or the opcode.\n"
	     "*: from memory; look into the data sheet before you rely on it.");
	return fflush(stdout) == EOF || ferror(stdout) ? -EIO : 0;
}
