/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The table of chips: each row agrees with itself and with the others, what is known of some parts
 * is typed here a second time, and ids lead to rows or rules, or nowhere.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "chip-table.h"
#include "util.h"

static void test_rows_agree_with_themselves(void **state)
{
	const struct chip_model *m;
	unsigned int bits;
	size_t i;

	(void)state;
	for (i = 0; (m = chip_model_row(i)); i++) {
		bits = 8u * m->address_bytes + m->device_bits + m->opcode_bits;
		if (!m->size || m->size & (m->size - 1))
			fail_msg("%s has %u bytes", m->name, m->size);
		if (m->size > 1u << bits)
			fail_msg("%s: %u bits do not reach %u bytes", m->name, bits, m->size);
		/* Bits in the device address or the opcode are there because they are needed. */
		if ((m->device_bits || m->opcode_bits) && m->size != 1u << bits)
			fail_msg("%s: %u bits are too many for %u bytes", m->name, bits, m->size);
		if (m->page_size & (m->page_size - 1) || m->page_size >= m->size)
			fail_msg("%s: a page of %u", m->name, m->page_size);
		if (!m->page_size && m->write_ms)
			fail_msg("%s: a write cycle without pages", m->name);
		if (!strcmp(m->technology, "EEPROM") && !(m->page_size && m->write_ms))
			fail_msg("%s: an EEPROM without pages or write cycles", m->name);
		if (m->bus == CHIP_I2C ? m->opcode_bits || m->max_read_clock || m->id_size > 3
				       : m->device_bits || m->device_shift)
			fail_msg("%s: facts of the other bus", m->name);
		if (!*m->source)
			fail_msg("%s: no source", m->name);
		if (m->from_memory & FACT_CLOCK && !m->max_clock)
			fail_msg("%s: a mark at a clock that is not there", m->name);
		assert_ptr_equal(chip_model_find(m->name), m);
	}
	assert_int_equal(i, 94);
	assert_null(chip_model_find("MB85"));
	assert_non_null(chip_model_find("mb85rc256v"));
}

/* Typed again from the same sources, one of each family and each that is a trap. */
static void test_facts(void **state)
{
	static const struct fact {
		const char *name, *technology;
		enum chip_bus bus;
		uint32_t size;
		uint8_t address_bytes, device_bits, device_shift, opcode_bits;
		uint16_t page_size, write_ms;
	} facts[] = {
		{ "MB85RC04V", "FRAM", CHIP_I2C, 512, 1, 1, 0, 0, 0, 0 },
		{ "MB85RC16", "FRAM", CHIP_I2C, 2048, 1, 3, 0, 0, 0, 0 },
		{ "MB85RC256V", "FRAM", CHIP_I2C, 32768, 2, 0, 0, 0, 0, 0 },
		{ "MB85RC1MT", "FRAM", CHIP_I2C, 131072, 2, 1, 0, 0, 0, 0 },
		{ "FM24CL16B", "FRAM", CHIP_I2C, 2048, 1, 3, 0, 0, 0, 0 },
		{ "FM24V10", "FRAM", CHIP_I2C, 131072, 2, 1, 0, 0, 0, 0 },
		{ "24LC1025", "EEPROM", CHIP_I2C, 131072, 2, 1, 2, 0, 128, 5 },
		{ "AT24C01", "EEPROM", CHIP_I2C, 128, 1, 0, 0, 0, 8, 5 },
		{ "AT24C02", "EEPROM", CHIP_I2C, 256, 1, 0, 0, 0, 8, 5 },
		{ "AT24C16", "EEPROM", CHIP_I2C, 2048, 1, 3, 0, 0, 16, 5 },
		{ "AT24C256", "EEPROM", CHIP_I2C, 32768, 2, 0, 0, 0, 64, 5 },
		{ "AT24CM02", "EEPROM", CHIP_I2C, 262144, 2, 2, 0, 0, 256, 10 },
		{ "CY14B101I", "NVSRAM", CHIP_I2C, 131072, 2, 1, 0, 0, 0, 0 },
		{ "MB85RS64V", "FRAM", CHIP_SPI, 8192, 2, 0, 0, 0, 0, 0 },
		{ "MB85RS256B", "FRAM", CHIP_SPI, 32768, 2, 0, 0, 0, 0, 0 },
		{ "MB85RS1MT", "FRAM", CHIP_SPI, 131072, 3, 0, 0, 0, 0, 0 },
		{ "FM25040B", "FRAM", CHIP_SPI, 512, 1, 0, 0, 1, 0, 0 },
		{ "FM25V05", "FRAM", CHIP_SPI, 65536, 2, 0, 0, 0, 0, 0 },
		{ "CY15B116QN", "FRAM", CHIP_SPI, 2097152, 3, 0, 0, 0, 0, 0 },
		{ "MR25H256", "MRAM", CHIP_SPI, 32768, 2, 0, 0, 0, 0, 0 },
		{ "MR25H40", "MRAM", CHIP_SPI, 524288, 3, 0, 0, 0, 0, 0 },
		{ "AT25040B", "EEPROM", CHIP_SPI, 512, 1, 0, 0, 1, 8, 5 },
		{ "25LC1024", "EEPROM", CHIP_SPI, 131072, 3, 0, 0, 0, 256, 6 },
		{ "25CSM04", "EEPROM", CHIP_SPI, 524288, 3, 0, 0, 0, 256, 5 },
		{ "23LCV1024", "NVSRAM", CHIP_SPI, 131072, 3, 0, 0, 0, 0, 0 },
		{ "MB85AS4MT", "ReRAM", CHIP_SPI, 524288, 3, 0, 0, 0, 256, 0 },
	};

	(void)state;
	for (const struct fact *f = facts; f < facts + ARRAY_SIZE(facts); f++) {
		const struct chip_model *m = chip_model_find(f->name);

		if (!m || strcmp(m->technology, f->technology) || m->bus != f->bus ||
		    m->size != f->size || m->address_bytes != f->address_bytes ||
		    m->device_bits != f->device_bits || m->device_shift != f->device_shift ||
		    m->opcode_bits != f->opcode_bits || m->page_size != f->page_size ||
		    m->write_ms != f->write_ms)
			fail_msg("%s is not what it was typed as", f->name);
	}
	assert_int_equal(chip_model_find("MB85RS128B")->max_read_clock, 25000000);
	assert_int_equal(chip_model_find("MB85RS4MTY")->wake_us, 450);
	assert_true(chip_model_find("23LCV512")->no_write_enable);
	assert_true(chip_model_find("23LCV512")->mode_register);
	assert_int_equal(chip_model_find("MB85RC256V")->max_clock, 1000000);
	assert_int_equal(chip_model_find("MB85RC256V")->from_memory, 0);
	assert_true(chip_model_find("MR44V064B")->from_memory & FACT_SIZE);
	assert_true(chip_model_find("CY14B101I")->from_memory & FACT_SIZE);
	assert_true(chip_model_find("MB85RS256B")->from_memory & FACT_CLOCK);
	assert_true(chip_model_find("AT25040B")->from_memory & FACT_WRITE_TIME);
	assert_int_equal(chip_model_find("MR25H256")->id_size, 0);
	assert_int_equal(chip_model_find("FM24V05")->id_size, 2);
}

static int identify(enum chip_bus bus, const uint8_t *id, struct chip_model *m)
{
	return bus == CHIP_I2C ? chip_identify_i2c(id, m) : chip_identify_spi(id, m);
}

/* A chip that sends the id of a row is of that size and shape, whatever follows. */
static void test_ids_lead_to_their_rows(void **state)
{
	const struct chip_model *m;
	struct chip_model found;
	uint8_t id[CHIP_ID_MAX], turned[CHIP_ID_MAX];

	(void)state;
	for (size_t i = 0; (m = chip_model_row(i)); i++) {
		if (!m->id_size)
			continue;
		memset(id, 0xff, sizeof(id));
		memcpy(id, m->id, m->id_size);
		if (identify(m->bus, id, &found) < 0 || found.size != m->size ||
		    found.address_bytes != m->address_bytes ||
		    found.device_bits != m->device_bits || found.page_size != m->page_size)
			fail_msg("%s is not found by its id", m->name);
		assert_true(chip_id_matches(m, id, m->bus == CHIP_I2C ? 3 : CHIP_ID_MAX));
		id[m->id_size - 1] ^= 1;
		assert_false(chip_id_matches(m, id, m->bus == CHIP_I2C ? 3 : CHIP_ID_MAX));
		id[m->id_size - 1] ^= 1;
		if (id[6] != 0xc2)
			continue;
		for (size_t b = 0; b < sizeof(id); b++)
			turned[b] = id[8 - b];
		assert_int_equal(chip_identify_spi(turned, &found), 0);
		assert_int_equal(found.size, m->size);
		assert_true(chip_id_matches(m, turned, CHIP_ID_MAX));
	}
}

static void test_rules(void **state)
{
	static const struct {
		enum chip_bus bus;
		uint8_t id[CHIP_ID_MAX];
		int result;
		uint32_t size;
		uint8_t address_bytes, device_bits;
	} tries[] = {
		/* Fujitsu's and Cypress' I2C parts, with a last byte that no row has. */
		{ CHIP_I2C, { 0x00, 0xa3, 0x99 }, 0, 8192, 2, 0 },
		{ CHIP_I2C, { 0x00, 0xa5, 0x99 }, 0, 32768, 2, 0 },
		{ CHIP_I2C, { 0x00, 0xa7, 0x99 }, 0, 131072, 2, 1 },
		{ CHIP_I2C, { 0x00, 0x42, 0x99 }, 0, 32768, 2, 0 },
		{ CHIP_I2C, { 0x00, 0x44, 0x99 }, 0, 131072, 2, 1 },
		{ CHIP_I2C, { 0x00, 0x40, 0x99 }, -ENOENT, 0, 0, 0 },
		{ CHIP_I2C, { 0x00, 0xa0, 0x99 }, -ENOENT, 0, 0, 0 },
		{ CHIP_I2C, { 0x00, 0xaf, 0x99 }, -ENOENT, 0, 0, 0 }, /* 32 MiB */
		{ CHIP_I2C, { 0xd5, 0xac, 0x69 }, -ENOENT, 0, 0, 0 }, /* a clone's */
		{ CHIP_I2C, { 0, 0, 0 }, -ENODEV, 0, 0, 0 },
		{ CHIP_I2C, { 0xff, 0xff, 0xff }, -ENODEV, 0, 0, 0 },
		{ CHIP_I2C, { 0x00, 0xa1, 0x99 }, -ENOENT, 0, 0, 0 }, /* one address byte? */
		/* SPI: four bytes and whatever the wire is at behind them. */
		{ CHIP_SPI, { 4, 0x7f, 0x03, 0x99, 0, 0, 0, 0, 0 }, 0, 8192, 2, 0 },
		{ CHIP_SPI, { 4, 0x7f, 0x23, 0x99, 9, 9, 9, 9, 9 }, 0, 8192, 2, 0 },
		{ CHIP_SPI, { 4, 0x7f, 0x4a, 0x99, 0, 0, 0, 0, 0 }, 0, 1048576, 3, 0 },
		{ CHIP_SPI, { 4, 0x7f, 0xc9, 0x99, 0, 0, 0, 0, 0 }, -ENOENT, 0, 0, 0 }, /* ReRAM */
		{ CHIP_SPI, { 4, 0x7f, 0x06, 0x99, 0, 0, 0, 0, 0 }, 0, 65536, 2, 0 },
		{ CHIP_SPI, { 4, 0x7f, 0x13, 0x99, 0, 0, 0, 0, 0 }, -ENOENT, 0, 0, 0 },
		{ CHIP_SPI, { 4, 0x00, 0x03, 0x99, 0, 0, 0, 0, 0 }, -ENOENT, 0, 0, 0 },
		{ CHIP_SPI, { 0x00, 0xa5, 0x10, 0, 0, 0, 0, 0, 0 }, -ENOENT, 0, 0, 0 }, /* I2C */
		{ CHIP_SPI, { 4, 0x7f, 0x1f, 0x99, 0, 0, 0, 0, 0 }, -ENOENT, 0, 0, 0 },
		{ CHIP_SPI,
		  { 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0xc2, 0x21, 0x99 },
		  0,
		  16384,
		  2,
		  0 },
		{ CHIP_SPI,
		  { 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0xc2, 0x26, 0x99 },
		  0,
		  524288,
		  3,
		  0 },
		{ CHIP_SPI,
		  { 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0xc2, 0x2b, 0x99 },
		  0,
		  262144,
		  3,
		  0 },
		{ CHIP_SPI,
		  { 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0xc2, 0x31, 0x99 },
		  -ENOENT,
		  0,
		  0,
		  0 },
		{ CHIP_SPI,
		  { 0x99, 0x2c, 0xc2, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f },
		  0,
		  524288,
		  3,
		  0 },
		{ CHIP_SPI,
		  { 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0xc2, 0x28, 0 },
		  -ENOENT,
		  0,
		  0,
		  0 },
		{ CHIP_SPI, { 0xae, 0x83, 0x09, 0, 0, 0, 0, 0, 0 }, 0, 131072, 3, 0 },
		{ CHIP_SPI, { 0xef, 0x40, 0x18, 0, 0, 0, 0, 0, 0 }, -ENOENT, 0, 0, 0 }, /* a flash
											 */
		{ CHIP_SPI, { 0 }, -ENODEV, 0, 0, 0 },
		{ CHIP_SPI,
		  { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff },
		  -ENODEV,
		  0,
		  0,
		  0 },
	};
	struct chip_model m;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(tries); i++) {
		m = (struct chip_model){ 0 };
		assert_int_equal(identify(tries[i].bus, tries[i].id, &m), tries[i].result);
		assert_int_equal(m.size, tries[i].size);
		assert_int_equal(m.address_bytes, tries[i].address_bytes);
		assert_int_equal(m.device_bits, tries[i].device_bits);
	}
	assert_int_equal(chip_identify_i2c(tries[0].id, &m), 0);
	assert_string_equal(m.name, "unknown");
}

/* Of some rows only the first bytes are known; a row that knows more is the better one. */
static void test_row_that_knows_most(void **state)
{
	static const struct {
		uint8_t id[CHIP_ID_MAX];
		const char *name;
	} tries[] = {
		{ { 4, 0x7f, 0x48, 0x03, 0, 0, 0, 0, 0 }, "MB85RS2MTA" },
		{ { 4, 0x7f, 0x48, 0x99, 0, 0, 0, 0, 0 }, "MB85RS2MTY" },
		{ { 4, 0x7f, 0x49, 0x0b, 0, 0, 0, 0, 0 }, "MB85RS4MTY" },
		{ { 4, 0x7f, 0xc9, 0x03, 0, 0, 0, 0, 0 }, "MB85AS4MT" },
		{ { 0x29, 0xcc, 0x00, 0x01, 0x00, 9, 9, 9, 9 }, "25CSM04" },
	};
	struct chip_model m;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(tries); i++) {
		assert_int_equal(chip_identify_spi(tries[i].id, &m), 0);
		assert_string_equal(m.name, tries[i].name);
	}
	m = *chip_model_find("MB85RC256V");
	assert_true(chip_id_matches(&m, m.id, 3));
	assert_false(chip_id_matches(&m, m.id, 2));
	m = *chip_model_find("MB85RC64V");
	assert_false(chip_id_matches(&m, m.id, 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows_agree_with_themselves), cmocka_unit_test(test_facts),
		cmocka_unit_test(test_ids_lead_to_their_rows),     cmocka_unit_test(test_rules),
		cmocka_unit_test(test_row_that_knows_most),
	};

	return cmocka_run_group_tests_name("chip-table", tests, NULL, NULL);
}
