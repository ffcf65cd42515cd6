/* SPDX-License-Identifier: BSD-3-Clause */
#include "store-fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dice.h"

const u8 rig_identity[SMM_ID_BYTES] = { 0x51, 0x0c, 0xe5, 0x00, 0xff, 0x80, 0x7f, 0x01,
					0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0xaa, 0x55 };

static u8 *allocate(u32 size)
{
	u8 *bytes = malloc(size ? size : 1);

	if (!bytes)
		abort();
	return bytes;
}

void rig_init(struct rig *r, u32 size, u32 granule, bool copy)
{
	*r = (struct rig){ .granule = granule, .cut = CHIP_NEVER, .recut = CHIP_NEVER };
	chip_init(&r->chip, size, 0);
	dice_fill(&(struct dice){ size }, r->chip.bytes, size);
	r->medium = (struct medium){ chip_read, chip_write, &r->chip, size, NULL };
	if (copy)
		r->map = allocate(smm_map_bytes(size, granule));
	rig_forget(r);
}

void rig_destroy(struct rig *r)
{
	free(r->map);
	chip_destroy(&r->chip);
}

static void forget_medium(struct rig *r)
{
	if (r->medium.forget)
		r->medium.forget(r->medium.context);
}

void rig_forget(struct rig *r)
{
	r->store = (struct smm_store){
		.smm = {
			.read = r->medium.read,
			.write = r->medium.write,
			.context = r->medium.context,
			.size = r->medium.size,
			.map = r->map,
		},
	};
	if (r->map) {
		r->store.smm.map_size = smm_map_bytes(r->medium.size, r->granule);
		memset(r->map, 0xa5, r->store.smm.map_size);
	}
	forget_medium(r);
	chip_power_on(&r->chip);
}

int rig_mount_until(struct rig *r, u64 power)
{
	rig_forget(r);
	r->chip.power = power;
	return smm_store_mount(&r->store);
}

int rig_mount(struct rig *r)
{
	return rig_mount_until(r, CHIP_NEVER);
}

int rig_format_until(struct rig *r, u64 power)
{
	rig_forget(r);
	r->store.smm.granule = r->granule;
	r->chip.power = power;
	return smm_store_format(&r->store, rig_identity, RIG_LABEL);
}

void rig_format(struct rig *r)
{
	struct smm_stats stats;

	check(r, rig_format_until(r, CHIP_NEVER) == SMM_OK);
	check(r, smm_measure(&r->store.smm, &stats) == SMM_OK);
	r->own = stats.blocks;
	r->own_bytes = stats.usable - stats.free;
}

void rig_save(const struct rig *r, struct moment *moment)
{
	u32 map_size = r->store.smm.map_size;

	*moment = (struct moment){ allocate(r->chip.size), allocate(map_size), r->store };
	memcpy(moment->bytes, r->chip.bytes, r->chip.size);
	if (r->map)
		memcpy(moment->map, r->map, map_size);
}

void rig_restore(struct rig *r, const struct moment *moment)
{
	r->store = moment->store;
	memcpy(r->chip.bytes, moment->bytes, r->chip.size);
	if (r->map)
		memcpy(r->map, moment->map, r->store.smm.map_size);
	forget_medium(r);
	chip_power_on(&r->chip);
}

void moment_destroy(struct moment *moment)
{
	free(moment->bytes);
	free(moment->map);
}

int rig_set_up(void **state)
{
	struct rig *r = malloc(sizeof(*r));

	if (!r)
		abort();
	rig_init(r, RIG_SIZE, 4, *state != NULL);
	rig_format(r);
	*state = r;
	return 0;
}

int rig_tear_down(void **state)
{
	rig_destroy(*state);
	free(*state);
	return 0;
}

struct smm_block rig_create(struct rig *r, const char *name, u32 length)
{
	struct smm_block b = { .kind = SMM_KIND_DATA, .mode = 0600, .length = length };
	u8 *bytes = allocate(length);
	u32 i;

	for (i = 0; i < length; i++)
		bytes[i] = (u8)(i + 1);
	strcpy(b.name, name);
	check(r, smm_store_create(&r->store, &b, bytes, 0) == SMM_OK);
	free(bytes);
	return b;
}

void rig_check_block(struct rig *r, const struct smm_block *b, const void *bytes)
{
	u8 *buffer = allocate(b->length);
	struct smm_block now;

	check(r, smm_store_find_id(&r->store, b->id, &now) == SMM_OK);
	check(r, !memcmp(&now, b, sizeof(now)));
	check(r, smm_store_verify(&r->store, b) == SMM_OK);
	check(r, smm_store_read(&r->store, b, 0, buffer, b->length) == SMM_OK);
	check(r, !memcmp(buffer, bytes, b->length));
	free(buffer);
}

void rig_fail(const struct rig *r, const char *what, const char *file, int line)
{
	print_error("%s\n  %u bytes, granule %u, %s RAM copy, step %u", what, r->chip.size,
		    r->granule, r->map ? "with" : "without", r->step);
	if (r->chip.page_size)
		print_error(", pages of %u", r->chip.page_size);
	if (r->trying)
		print_error(", %s", r->trying);
	if (r->cut != CHIP_NEVER)
		print_error(", cut at %llu", (unsigned long long)r->cut);
	if (r->recut != CHIP_NEVER)
		print_error(", and at %llu of what followed", (unsigned long long)r->recut);
	if (r->seed)
		print_error("\n  replay it with SMM_TEST_SEED=%llu", (unsigned long long)r->seed);
	print_error("\n");
	_fail(file, line);
}
