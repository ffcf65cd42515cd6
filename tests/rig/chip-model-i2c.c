/* SPDX-License-Identifier: BSD-3-Clause */
#include "chip-model.h"

#include "chip-model-cells.h"

#define DEVICE_ID_ADDRESS 0x7cu
#define SLEEP_ADDRESS     0x43u /* 86 on the wire */

static uint8_t block_mask(const struct model *m)
{
	return (uint8_t)(((1u << m->config.device_bits) - 1) << m->config.device_shift);
}

static bool is_mine(const struct model *m, uint8_t address)
{
	return (address & ~block_mask(m)) == (m->config.address & ~block_mask(m));
}

static uint32_t cell_of(const struct model *m, uint32_t low)
{
	return (m->block << 8 * m->config.address_bytes | low) % m->config.size;
}

/* What the chip makes of its device address. */
static enum model_i2c_phase begin(struct model *m, uint8_t address, bool read)
{
	uint32_t low = (1u << 8 * m->config.address_bytes) - 1;

	m->frames++;
	m->block = (uint32_t)(address & block_mask(m)) >> m->config.device_shift;
	m->cell = 0;
	m->arrived = 0;
	if (!read)
		return MODEL_ADDRESS;
	m->pointer = cell_of(m, m->pointer & low);
	return MODEL_READ;
}

static enum model_i2c_phase addressed(struct model *m, uint8_t address, bool read)
{
	bool chosen = m->phase == MODEL_ID_CHOSEN;

	if (address == DEVICE_ID_ADDRESS && m->config.id_size) {
		m->arrived = 0;
		if (!read)
			return MODEL_ID_TARGET;
		return chosen ? MODEL_ID_READ : MODEL_IDLE;
	}
	if (address == SLEEP_ADDRESS && !read && chosen && m->config.wake_us)
		return MODEL_TO_SLEEP;
	return is_mine(m, address) ? begin(m, address, read) : MODEL_IDLE;
}

bool model_i2c_start(struct model *m, uint8_t address, bool read)
{
	/* An address that is cut short leaves the pointer anywhere. */
	if (m->phase == MODEL_ADDRESS && m->arrived)
		m->pointer_known = false;
	model_forget_latch(m);
	if (m->powered && m->asleep && is_mine(m, address))
		model_wake_up(m);
	m->phase = model_awake(m) && !model_busy(m) ? addressed(m, address, read) : MODEL_IDLE;
	return m->phase != MODEL_IDLE;
}

static bool take_address(struct model *m, uint8_t byte)
{
	m->cell = m->cell << 8 | byte;
	if (++m->arrived < m->config.address_bytes)
		return true;
	m->pointer = cell_of(m, m->cell);
	m->pointer_known = true;
	m->phase = MODEL_DATA;
	return true;
}

static bool take_data(struct model *m, uint8_t byte)
{
	if (m->write_protect)
		model_skip(m);
	else
		model_put(m, byte);
	return m->powered;
}

bool model_i2c_write(struct model *m, uint8_t byte)
{
	if (!m->powered)
		return false;
	switch (m->phase) {
	case MODEL_ADDRESS:
		return take_address(m, byte);
	case MODEL_DATA:
		return take_data(m, byte);
	case MODEL_ID_TARGET:
		m->phase = is_mine(m, byte >> 1) ? MODEL_ID_CHOSEN : MODEL_IDLE;
		return m->phase == MODEL_ID_CHOSEN;
	default:
		return false;
	}
}

uint8_t model_i2c_read(struct model *m)
{
	if (!m->powered)
		return 0xff;
	if (m->phase == MODEL_READ)
		return model_fetch(m);
	if (m->phase == MODEL_ID_READ && m->arrived < m->config.id_size)
		return m->config.id[m->arrived++];
	return 0xff;
}

void model_i2c_stop(struct model *m)
{
	if (!m->powered)
		return;
	if (m->phase == MODEL_ADDRESS && m->arrived)
		m->pointer_known = false;
	if (m->phase == MODEL_DATA)
		model_begin_cycle(m);
	if (m->phase == MODEL_TO_SLEEP)
		model_fall_asleep(m);
	m->phase = MODEL_IDLE;
}
