/* SPDX-License-Identifier: BSD-3-Clause */
#include "chip-model.h"

#include "chip-model-cells.h"

enum opcode {
	WRSR = 0x01,
	WRITE = 0x02,
	READ = 0x03,
	WRDI = 0x04,
	RDSR = 0x05,
	WREN = 0x06,
	FSTRD = 0x0b,
	RDID = 0x9f,
	WAKE = 0xab,
	SLEEP = 0xb9,
	NONE = 0x00, /* one that the chip does not know */
};

#define ADDRESS_BIT 0x08u /* of READ and WRITE, in chips that have one there */
#define NOTHING     0xffu /* what a line gives that nobody drives */

void model_spi_select(struct model *m)
{
	/* It wakes by its select, and another one before it is awake begins the time anew. */
	bool disturbed = m->waking && !model_awake(m);

	m->frames++;
	m->arrived = 0;
	m->opcode = NONE;
	m->cell = 0;
	m->block = 0;
	m->deaf = !model_awake(m);
	model_forget_latch(m);
	if (!m->config.wake_opcode && m->powered && (m->asleep || disturbed))
		model_wake_up(m);
}

static bool knows(const struct model *m, uint8_t opcode)
{
	switch (opcode) {
	case WREN:
	case WRDI:
		return !m->config.mode_register;
	case FSTRD:
		return !m->config.no_fast_read;
	case RDID:
		return m->config.id_size;
	case SLEEP:
		return m->config.wake_us;
	default:
		return true;
	}
}

static uint8_t decode(struct model *m, uint8_t byte)
{
	uint8_t plain = (uint8_t)(byte & ~ADDRESS_BIT);

	if (m->config.opcode_bits && (plain == READ || plain == WRITE)) {
		m->block = byte != plain;
		byte = plain;
	}
	if (!knows(m, byte) || (model_busy(m) && byte != RDSR))
		return NONE;
	return byte;
}

static void hear_opcode(struct model *m, uint8_t byte)
{
	if (!m->deaf)
		m->opcode = decode(m, byte);
	else if (m->powered && m->asleep && m->config.wake_opcode && byte == WAKE)
		m->opcode = WAKE;
}

static uint8_t status(const struct model *m)
{
	if (m->config.mode_register)
		return m->status;
	return (uint8_t)(m->status | (m->write_enabled ? MODEL_WEL : 0) |
			 (model_busy(m) ? MODEL_WIP : 0));
}

static uint8_t id_byte(const struct model *m, uint32_t i)
{
	if (i < m->config.id_size)
		return m->config.id[i];
	return m->config.id[m->config.id_size - 1] & 1 ? 0xff : 0x00;
}

static bool may_write(const struct model *m)
{
	return m->write_enabled || m->config.no_write_enable;
}

static bool is_protected(const struct model *m, uint32_t cell)
{
	unsigned int level = (m->status & MODEL_BP) >> 2;

	if (m->config.mode_register || !level)
		return false;
	return cell >= m->config.size - (m->config.size >> (3 - level));
}

/* A byte of data goes to the cell of the pointer, or does not. */
static void take_data(struct model *m, uint8_t byte)
{
	if (may_write(m) && !is_protected(m, m->pointer))
		model_put(m, byte);
	else
		model_skip(m);
}

/* Byte @i behind the opcode of READ, FSTRD or WRITE. */
static uint8_t access_cells(struct model *m, uint8_t byte, uint32_t i)
{
	uint32_t lead = m->config.address_bytes + (m->opcode == FSTRD ? 1u : 0u);

	if (i < m->config.address_bytes) {
		m->cell = m->cell << 8 | byte;
		m->pointer = (m->block << 8 * m->config.address_bytes | m->cell) % m->config.size;
		m->pointer_known = true;
		return NOTHING;
	}
	if (i < lead)
		return NOTHING;
	if (m->opcode != WRITE)
		return model_fetch(m);
	take_data(m, byte);
	return NOTHING;
}

uint8_t model_spi_exchange(struct model *m, uint8_t byte)
{
	uint32_t i = m->arrived++;

	if (!m->powered)
		return NOTHING;
	if (i == 0) {
		hear_opcode(m, byte);
		return NOTHING;
	}
	switch (m->opcode) {
	case RDSR:
		return status(m);
	case RDID:
		return id_byte(m, i - 1);
	case WRSR:
		m->new_status = byte;
		return NOTHING;
	case READ:
	case FSTRD:
	case WRITE:
		return access_cells(m, byte, i - 1);
	default:
		return NOTHING;
	}
}

static void write_status(struct model *m)
{
	if (m->arrived < 2)
		return;
	if (m->config.mode_register)
		m->status = m->new_status;
	else if (may_write(m) && !(m->write_protect && (m->status & MODEL_WPEN)))
		m->status = m->new_status & (MODEL_BP | MODEL_WPEN);
}

void model_spi_deselect(struct model *m)
{
	uint8_t opcode = m->arrived ? m->opcode : NONE;

	if (!m->powered)
		return;
	switch (opcode) {
	case WREN:
		m->write_enabled = true;
		break;
	case WRSR:
		write_status(m);
		m->write_enabled = false;
		break;
	case WRITE:
		model_begin_cycle(m);
		m->write_enabled = false;
		break;
	case WRDI:
		m->write_enabled = false;
		break;
	case SLEEP:
		model_fall_asleep(m);
		break;
	case WAKE:
		model_wake_up(m);
		break;
	default:
		break;
	}
	m->opcode = NONE;
	m->arrived = 0;
}
