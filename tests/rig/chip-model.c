/* SPDX-License-Identifier: BSD-3-Clause */
#include "chip-model.h"

#include <string.h>

#include "chip-model-cells.h"

#define NS_PER_US      1000u
#define MODE_BYTE      0x00u
#define MODE_PAGE      0x80u
#define MODE_PAGE_SIZE 32u

static uint64_t now(const struct model *m)
{
	return m->clock->now(m->clock->userdata);
}

static uint8_t random_byte(struct model *m)
{
	m->random ^= m->random << 13;
	m->random ^= m->random >> 17;
	m->random ^= m->random << 5;
	return (uint8_t)(m->random >> 16);
}

static void power_up(struct model *m)
{
	m->powered = true;
	m->asleep = false;
	m->waking = false;
	m->write_enabled = false;
	m->pointer_known = false;
	m->busy_until = 0;
	m->phase = MODEL_IDLE;
	m->deaf = true;
	model_forget_latch(m);
	if (m->config.mode_register)
		m->status = MODE_PAGE;
}

void model_init(struct model *m, const struct model_config *config, uint8_t *memory,
		const struct rig_clock *clock)
{
	*m = (struct model){
		.config = *config,
		.clock = clock,
		.memory = memory,
		.budget = MODEL_UNLIMITED,
		.status = config->status & (MODEL_BP | MODEL_WPEN),
		.random = config->seed ? config->seed : 1,
	};
	power_up(m);
}

static void power_down(struct model *m)
{
	m->powered = false;
	if (!model_busy(m))
		return;
	for (uint32_t i = 0; i < m->config.page_size; i++)
		m->memory[m->cycle_page + i] = random_byte(m);
}

void model_power(struct model *m, bool on)
{
	if (on == m->powered)
		return;
	if (!on) {
		power_down(m);
		return;
	}
	power_up(m);
	m->ready_at = now(m) + (uint64_t)m->config.power_up_us * NS_PER_US;
}

void model_spend_power(struct model *m, int64_t bytes)
{
	m->budget = bytes;
}

/* Whether the power lasts for one more byte. */
static bool spend(struct model *m)
{
	if (m->budget == MODEL_UNLIMITED)
		return true;
	if (m->budget > 0) {
		m->budget--;
		return true;
	}
	m->budget = MODEL_UNLIMITED;
	model_power(m, false);
	if (m->on_cut)
		m->on_cut(m->on_cut_userdata);
	return false;
}

bool model_awake(const struct model *m)
{
	return m->powered && !m->asleep && now(m) >= m->ready_at;
}

bool model_busy(const struct model *m)
{
	return now(m) < m->busy_until;
}

void model_fall_asleep(struct model *m)
{
	m->asleep = true;
}

void model_wake_up(struct model *m)
{
	m->asleep = false;
	m->waking = true;
	m->write_enabled = false;
	m->ready_at = now(m) + (uint64_t)m->config.wake_us * NS_PER_US;
}

/* The pointer counts inside @size bytes that begin at a multiple of it. */
static void count_on(struct model *m, uint32_t size)
{
	uint32_t base = m->pointer - m->pointer % size;

	m->pointer = base + (m->pointer + 1 - base) % size;
}

static void next_cell(struct model *m)
{
	const struct model_config *c = &m->config;

	if (c->mode_register && m->status == MODE_PAGE)
		count_on(m, MODE_PAGE_SIZE);
	else if (c->mode_register && m->status == MODE_BYTE)
		return;
	else if (c->block_rollover)
		count_on(m, 1u << 8 * c->address_bytes);
	else
		count_on(m, c->size);
}

uint8_t model_fetch(struct model *m)
{
	uint8_t byte = m->pointer_known ? m->memory[m->pointer] : random_byte(m);

	next_cell(m);
	m->fetched++;
	return byte;
}

static void store(struct model *m, uint32_t cell, uint8_t byte)
{
	m->memory[cell] = byte;
	m->stored++;
}

static void put_in_latch(struct model *m, uint8_t byte)
{
	uint32_t page = m->config.page_size, i = m->pointer % page;

	m->latch_page = m->pointer - i;
	m->latch[i] = byte;
	m->latch_count += !m->latched[i];
	m->latched[i] = true;
	count_on(m, page);
}

void model_put(struct model *m, uint8_t byte)
{
	if (m->config.page_size) {
		put_in_latch(m, byte);
	} else if (spend(m)) {
		store(m, m->pointer, byte);
		next_cell(m);
	}
}

void model_skip(struct model *m)
{
	if (m->config.page_size)
		count_on(m, m->config.page_size);
	else
		next_cell(m);
}

void model_forget_latch(struct model *m)
{
	memset(m->latched, 0, sizeof(m->latched));
	m->latch_count = 0;
}

static void write_page(struct model *m)
{
	for (uint32_t i = 0; i < m->config.page_size; i++) {
		if (m->latched[i])
			store(m, m->latch_page + i, m->latch[i]);
	}
}

void model_begin_cycle(struct model *m)
{
	uint32_t steps = m->latch_count;

	if (!steps)
		return;
	/* A cut before the first step is one before the cycle. */
	if (!spend(m))
		return;
	m->cycles++;
	m->cycle_page = m->latch_page;
	m->busy_until = now(m) + (uint64_t)m->config.write_us * NS_PER_US;
	while (steps-- && spend(m))
		;
	if (m->powered)
		write_page(m);
	model_forget_latch(m);
}
