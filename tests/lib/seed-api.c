/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What programs of the small memory manager have always written, as C99 and as C++11 against smm.h
 * and smm.c alone. Exits 0 if it works.
 */
#include <stdio.h>
#include <string.h>

#include "smm.h"

/* Nowhere near where the bytes really are. */
#define YOUR_MEMORY_START_ADDRESS ((void *)0x20000000)

static u8 chip[2 * 1024 * 1024];

static u32 offset_of(const u8 *addr)
{
	return (u32)((uintptr_t)addr - (uintptr_t)YOUR_MEMORY_START_ADDRESS);
}

int my_read(u8 *dst_addr, u8 *src_addr, u32 size);
int my_write(u8 *dst_addr, u8 *src_addr, u32 size);

int my_read(u8 *dst_addr, u8 *src_addr, u32 size)
{
	memcpy(dst_addr, chip + offset_of(src_addr), size);
	return 0;
}

int my_write(u8 *dst_addr, u8 *src_addr, u32 size)
{
	memcpy(chip + offset_of(dst_addr), src_addr, size);
	return 0;
}

struct smm_mem_info mem = {
	.base_addr = YOUR_MEMORY_START_ADDRESS,
	.size = 2 * 1024 * 1024,
	.read = my_read,
	.write = my_write,
};

/* The four fields as a new process sets them. */
struct smm_mem_info mem_after_power_loss = {
	.base_addr = YOUR_MEMORY_START_ADDRESS,
	.size = 2 * 1024 * 1024,
	.read = my_read,
	.write = my_write,
};

static int expect(int condition, const char *what)
{
	if (!condition)
		printf("seed-api: %s\n", what);
	return !condition;
}

int main(void)
{
	int failed = 0;

	failed += expect(smm_memory_create(&mem) == SMM_OK, "create");
	void *ptr = smm_malloc(&mem, 128);
	failed += expect(ptr != NULL, "malloc");
	void *kept = smm_malloc(&mem, 5);
	failed += expect(kept != NULL && kept != ptr, "second malloc");
	failed += expect(smm_free(&mem, ptr) == SMM_OK, "free");
	failed += expect(smm_free(&mem, ptr) == SMM_FREE_FAILED, "double free");
	failed += expect(smm_free(&mem, NULL) == SMM_PARAMETER_INVALID, "free of NULL");

	failed += expect(smm_memory_rebuild(&mem_after_power_loss) == SMM_OK, "rebuild");
	u8 *found = smm_next(&mem_after_power_loss, NULL);
	failed += expect(found == kept, "the block after the rebuild");
	failed += expect(smm_usable_size(&mem_after_power_loss, found) == 8, "its size");
	failed +=
		expect(smm_free(&mem_after_power_loss, found) == SMM_OK, "free after the rebuild");
	return failed != 0;
}
