/* SPDX-License-Identifier: BSD-3-Clause */
/* What the example of README.md needs to run here: its two functions over an array, and main(). */
#include <string.h>

static u8 chip[32 * 1024];

int fram_read(u8 *to, u8 *from, u32 size)
{
	memcpy(to, chip + (from - (u8 *)mem.base_addr), size);
	return 0;
}

int fram_write(u8 *to, u8 *from, u32 size)
{
	memcpy(chip + (to - (u8 *)mem.base_addr), from, size);
	return 0;
}

/* A new chip, and the same one after a restart. */
int main(void)
{
	return begin() || begin();
}
