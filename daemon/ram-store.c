/* SPDX-License-Identifier: BSD-3-Clause */
#include "ram-store.h"

static bool is_inside(const struct ram_store *ram, u32 offset, u32 size)
{
	return offset <= ram->store.smm.size && size <= ram->store.smm.size - offset;
}

static int on_read(void *context, u32 offset, void *buffer, u32 size)
{
	const struct ram_store *ram = context;

	if (!is_inside(ram, offset, size))
		return -EFAULT;
	memcpy(buffer, ram->bytes + offset, size);
	return 0;
}

static int on_write(void *context, u32 offset, const void *buffer, u32 size)
{
	struct ram_store *ram = context;

	if (!is_inside(ram, offset, size))
		return -EFAULT;
	memcpy(ram->bytes + offset, buffer, size);
	return 0;
}

int ram_store_init(struct ram_store *ram, const void *content, uint32_t size)
{
	uint32_t map_size = smm_map_bytes(size, SMM_GRANULE); /* no granule needs more */

	*ram = (struct ram_store){ 0 };
	if (!map_size)
		return -EINVAL;
	ram->bytes = calloc(1, size);
	ram->map = malloc(map_size);
	if (!ram->bytes || !ram->map)
		return -ENOMEM;
	if (content)
		memcpy(ram->bytes, content, size);
	ram->store.smm = (struct smm){
		.read = on_read,
		.write = on_write,
		.context = ram,
		.size = size,
		.map = ram->map,
		.map_size = map_size,
	};
	return 0;
}

void ram_store_destroy(struct ram_store *ram)
{
	free(ram->bytes);
	free(ram->map);
}
