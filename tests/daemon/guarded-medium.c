/* SPDX-License-Identifier: BSD-3-Clause */
#include "guarded-medium.h"

#include <assert.h>

#include "chip.h"
#include "util.h"

struct guarded {
	struct chip chip; /* what the guard has below it */
	struct medium cells;
	struct chip *guard;
};

static int cells_read(struct chip *chip, uint32_t offset, void *buffer, uint32_t size)
{
	struct guarded *g = (struct guarded *)chip;

	return g->cells.read(g->cells.context, offset, buffer, size) ? -EREMOTEIO : 0;
}

static int cells_write(struct chip *chip, uint32_t offset, const void *buffer, uint32_t size)
{
	struct guarded *g = (struct guarded *)chip;

	return g->cells.write(g->cells.context, offset, buffer, size) ? -EREMOTEIO : 0;
}

static void cells_close(struct chip *chip)
{
	(void)chip;
}

static const struct chip_ops cells_ops = {
	.read = cells_read,
	.write = cells_write,
	.close = cells_close,
};

static int guarded_read(void *context, u32 offset, void *buffer, u32 size)
{
	struct guarded *g = context;

	return chip_read(g->guard, offset, buffer, size);
}

static int guarded_write(void *context, u32 offset, const void *buffer, u32 size)
{
	struct guarded *g = context;

	return chip_write(g->guard, offset, buffer, size);
}

/* Another process, with a guard of its own. */
static void begin_anew(void *context)
{
	struct guarded *g = context;
	int r;

	chip_close(g->guard);
	r = page_guard_open(&g->chip, &g->guard, NULL);
	assert(r == 0);
}

struct guarded *guarded_new(struct medium cells, u32 page_size)
{
	struct guarded *g = calloc(1, sizeof(*g));

	assert(g);
	g->cells = cells;
	g->chip = (struct chip){
		.ops = &cells_ops,
		.size = cells.size,
		.page_size = (uint32_t)page_size,
		.device = "EEPROM",
	};
	begin_anew(g);
	return g;
}

struct medium guarded_medium(struct guarded *g)
{
	return (struct medium){
		guarded_read, guarded_write, g, g->guard->size, begin_anew,
	};
}

void guarded_free(struct guarded *g)
{
	chip_close(g->guard);
	free(g);
}
