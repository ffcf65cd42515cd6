/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the program that writes the golden images and the one that reads them have in common: a
 * medium in RAM, and what is on it.
 */
#ifndef GOLDEN_H
#define GOLDEN_H

#include <stdio.h>
#include <string.h>

#include "smm_store.h"

#define GOLDEN_ALLOCATOR   256u /* bytes */
#define GOLDEN_STORE       1024u
#define GOLDEN_IMAGE_BEGIN 84u
#define GOLDEN_TIME        1700000000u
#define GOLDEN_MODEL       "MB85RC256V"
#define GOLDEN_LONG_NAME   "a name of 63 bytes, and that is as long as a name of a block is"

static const u8 golden_identity[SMM_ID_BYTES] = "golden identity";

struct golden {
	u8 bytes[GOLDEN_STORE];
	u32 power;  /* bytes that can still be written */
	u32 writes; /* calls */
	struct smm_store store;
};

static int golden_read(void *context, u32 offset, void *buffer, u32 size)
{
	struct golden *g = context;

	memcpy(buffer, g->bytes + offset, size);
	return 0;
}

static int golden_write(void *context, u32 offset, const void *buffer, u32 size)
{
	struct golden *g = context;
	u32 n = size < g->power ? size : g->power;

	g->writes++;
	memcpy(g->bytes + offset, buffer, n);
	g->power -= n;
	return n < size;
}

static inline void golden_init(struct golden *g, u32 size)
{
	*g = (struct golden){ .power = UINT32_MAX };
	g->store.smm.read = golden_read;
	g->store.smm.write = golden_write;
	g->store.smm.context = g;
	g->store.smm.size = size;
}

/* The same bytes and the same knowledge of them, on a medium of its own, with power. */
static inline void golden_copy(struct golden *g, const struct golden *from)
{
	*g = *from;
	g->power = UINT32_MAX;
	g->writes = 0;
	g->store.smm.context = g;
}

#endif
