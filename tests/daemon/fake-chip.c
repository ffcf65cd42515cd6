/* SPDX-License-Identifier: BSD-3-Clause */
#include "fake-chip.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct fake_chip *fake_chip(struct chip *chip)
{
	return (struct fake_chip *)chip;
}

/* Notes a transfer; false if it is to fail. */
static bool begin(struct fake_chip *fake, bool write, uint32_t offset, uint32_t size)
{
	assert(size > 0 && size <= fake->chip.size && offset <= fake->chip.size - size);
	if (fake->n_transfers < FAKE_TRANSFERS)
		fake->transfers[fake->n_transfers] = (struct transfer){ write, offset, size };
	fake->n_transfers++;
	if (fake->good == 0) {
		if (fake->fail_once)
			fake->good = FAKE_NEVER;
		return false;
	}
	if (fake->good != FAKE_NEVER)
		fake->good--;
	return true;
}

static int fake_read(struct chip *chip, uint32_t offset, void *buffer, uint32_t size)
{
	struct fake_chip *fake = fake_chip(chip);

	chip->counters.reads++;
	chip->counters.bytes_read += size + 4;
	if (!begin(fake, false, offset, size)) {
		chip->counters.errors++;
		memset(buffer, 0xee, size);
		return -EREMOTEIO;
	}
	memcpy(buffer, fake->bytes + offset, size);
	return 0;
}

/* The power goes in this write. */
static int cut(struct fake_chip *fake, uint32_t offset, const void *buffer)
{
	uint32_t page = fake->chip.page_size, at = offset + fake->until_cut;

	memcpy(fake->bytes + offset, buffer, fake->until_cut);
	if (page)
		memset(fake->bytes + at / page * page, (int)(0xa5 ^ at), page);
	fake->good = 0;
	return -EREMOTEIO;
}

static int fake_write(struct chip *chip, uint32_t offset, const void *buffer, uint32_t size)
{
	struct fake_chip *fake = fake_chip(chip);

	if (fake->on_write)
		fake->on_write(fake->userdata);
	chip->counters.writes++;
	chip->counters.bytes_written += size + 3;
	if (!begin(fake, true, offset, size)) {
		chip->counters.errors++;
		memcpy(fake->bytes + offset, buffer, size < fake->landing ? size : fake->landing);
		return -EREMOTEIO;
	}
	if (size > fake->until_cut)
		return cut(fake, offset, buffer);
	if (fake->until_cut != FAKE_NEVER)
		fake->until_cut -= size;
	if (fake->drops) {
		fake->drops--;
		return 0;
	}
	memcpy(fake->bytes + offset, buffer, size);
	return 0;
}

static int fake_reopen(struct chip *chip, sd_bus_error *error)
{
	return sd_bus_error_set_errno(error, fake_chip(chip)->reopening);
}

static void fake_close(struct chip *chip)
{
	(void)chip;
}

static const struct chip_ops fake_ops = {
	.read = fake_read,
	.write = fake_write,
	.reopen = fake_reopen,
	.close = fake_close,
};

void fake_chip_init(struct fake_chip *fake, uint32_t size, uint8_t fill)
{
	*fake = (struct fake_chip){
		.chip = {
			.ops = &fake_ops,
			.size = size,
			.read_overhead = 4,
			.write_overhead = 3,
			.ns_per_byte = 1,
			.bus = "file",
			.device = "/fram0.img",
			.model = "custom",
			.technology = "unknown",
		},
		.bytes = malloc(size),
		.good = FAKE_NEVER,
		.until_cut = FAKE_NEVER,
	};
	assert(fake->bytes);
	memset(fake->bytes, fill, size);
}

void fake_chip_destroy(struct fake_chip *fake)
{
	free(fake->bytes);
}

void fake_chip_feed(struct fake_chip *fake)
{
	fake->good = fake->until_cut = FAKE_NEVER;
}

void fake_chip_watch(struct fake_chip *fake)
{
	fake->n_transfers = 0;
	fake->chip.counters = (struct chip_counters){ 0 };
}
