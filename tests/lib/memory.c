/* SPDX-License-Identifier: BSD-3-Clause */
#include "memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct chip *wired; /* what the two callbacks of the malloc face reach */

static u32 to_offset(const void *address)
{
	return (u32)((uintptr_t)address - (uintptr_t)MEMORY_BASE);
}

static int from_chip(u8 *dst_addr, u8 *src_addr, u32 size)
{
	return chip_read(wired, to_offset(src_addr), dst_addr, size);
}

static int to_chip(u8 *dst_addr, u8 *src_addr, u32 size)
{
	return chip_write(wired, to_offset(dst_addr), src_addr, size);
}

void memory_init(struct memory *m, u32 size, u32 granule, bool copy)
{
	u32 map_size = smm_map_bytes(size, granule);

	*m = (struct memory){ .granule = granule, .cut = CHIP_NEVER, .recut = CHIP_NEVER };
	chip_init(&m->chip, size, 0xff);
	if (copy && map_size) {
		m->map = malloc(map_size);
		if (!m->map)
			abort();
	}
	memory_forget(m);
}

void memory_destroy(struct memory *m)
{
	free(m->map);
	chip_destroy(&m->chip);
}

void memory_forget(struct memory *m)
{
	m->info = (struct smm_mem_info){
		.base_addr = MEMORY_BASE,
		.size = m->chip.size,
		.read = from_chip,
		.write = to_chip,
		.map = m->map,
	};
	if (m->map) {
		m->info.map_size = smm_map_bytes(m->chip.size, m->granule);
		memset(m->map, 0xa5, m->info.map_size);
	}
	wired = &m->chip;
	chip_power_on(&m->chip);
}

int memory_rebuild_until(struct memory *m, u64 power)
{
	memory_forget(m);
	m->chip.power = power;
	return smm_memory_rebuild(&m->info);
}

int memory_rebuild(struct memory *m)
{
	return memory_rebuild_until(m, CHIP_NEVER);
}

void memory_create(struct memory *m, struct model *model)
{
	struct smm_stats stats;

	memory_forget(m);
	m->info.granule = m->granule;
	check(m, smm_memory_create(&m->info) == SMM_OK);
	check(m, smm_get_stats(&m->info, &stats) == SMM_OK);
	model_init(model, m->chip.size - stats.usable, stats.granule, stats.usable / stats.granule);
}

void memory_adopt(struct memory *m, const struct model *model)
{
	u32 i, length;

	for (i = model_block(model, 0); i < model->granules; i = model_block(model, i + length)) {
		length = model_run(model, i);
		check(m, smm_commit(&m->info.core, model->data + i * model->granule,
				    length * model->granule) == SMM_OK);
	}
}

u32 memory_do(struct memory *m, const struct operation *op)
{
	u8 *address = MEMORY_BASE + op->offset;

	switch (op->kind) {
	case OPERATION_ALLOC:
		address = smm_malloc(&m->info, op->size);
		break;
	case OPERATION_FREE:
		return smm_free(&m->info, address) == SMM_OK;
	case OPERATION_RESIZE:
		return smm_resize(&m->info.core, op->offset, op->size) ? 0 : op->offset;
	case OPERATION_REALLOC:
		address = smm_realloc(&m->info, address, op->size);
		break;
	}
	return address ? to_offset(address) : 0;
}

static const char *stats_differ(const struct smm_stats *is, const struct smm_stats *should)
{
	if (is->size != should->size || is->granule != should->granule ||
	    is->usable != should->usable)
		return "another geometry";
	if (is->blocks != should->blocks)
		return "another number of blocks is reported";
	if (is->free != should->free)
		return "other free bytes are reported";
	if (is->free_runs != should->free_runs)
		return "another number of free runs";
	if (is->largest_free != should->largest_free)
		return "another longest free run";
	return is->uncorrectable ? "uncorrectable lines" : NULL;
}

const char *memory_differs(struct memory *m, const struct model *model)
{
	struct smm_stats is, should;
	u8 *address = smm_next(&m->info, NULL);
	u32 i, length;

	for (i = model_block(model, 0); i < model->granules; i = model_block(model, i + length)) {
		length = model_run(model, i);
		if (!address)
			return "a block is missing";
		if (to_offset(address) != model->data + i * model->granule)
			return "a block is elsewhere";
		if (smm_usable_size(&m->info, address) != length * model->granule)
			return "a block has another size";
		address = smm_next(&m->info, address);
	}
	if (address)
		return "a block too many";
	if (smm_get_stats(&m->info, &is))
		return "no statistics";
	if (m->chip.outside)
		return "an access outside the chip";
	model_measure(model, &should);
	return stats_differ(&is, &should);
}

void memory_fail(const struct memory *m, const char *what, const char *file, int line)
{
	print_error("%s\n  %u bytes, granule %u, %s RAM copy, step %u", what, m->chip.size,
		    m->granule, m->map ? "with" : "without", m->step);
	if (m->cut != CHIP_NEVER)
		print_error(", power cut at byte %llu", (unsigned long long)m->cut);
	if (m->recut != CHIP_NEVER)
		print_error(", and at byte %llu of the rebuild", (unsigned long long)m->recut);
	if (m->seed)
		print_error("\n  replay it with SMM_TEST_SEED=%llu", (unsigned long long)m->seed);
	print_error("\n");
	_fail(file, line);
}
