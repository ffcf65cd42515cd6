/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The smallest useful firmware: takes up a memory or formats it, allocates and frees. cortex-m0.sh
 * links it to see what of smm.c comes along.
 */
#include "smm.h"

#define FRAM ((u8 *)0x40000000)

/* The bus of no real board: a data register for each direction. */
static volatile u8 *const bus = (volatile u8 *)0x40004000;

static int fram_read(u8 *dst_addr, u8 *src_addr, u32 size)
{
	*bus = (u8)(src_addr - FRAM);
	while (size--)
		*dst_addr++ = *bus;
	return 0;
}

static int fram_write(u8 *dst_addr, u8 *src_addr, u32 size)
{
	*bus = (u8)(dst_addr - FRAM);
	while (size--)
		*bus = *src_addr++;
	return 0;
}

int main(void)
{
	struct smm_mem_info mem = {
		.base_addr = FRAM,
		.size = 32 * 1024,
		.read = fram_read,
		.write = fram_write,
	};
	u8 *block;

	if (smm_memory_rebuild(&mem) != SMM_OK)
		smm_memory_create(&mem);
	block = smm_malloc(&mem, 128);
	return smm_free(&mem, block);
}
