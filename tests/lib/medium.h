/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a store of the tests lies on: the chip itself, or a chip with something in front of it.
 */
#ifndef MEDIUM_H
#define MEDIUM_H

#include "smm.h"

struct medium {
	/* As in struct smm. */
	int (*read)(void *context, u32 offset, void *buffer, u32 size);
	int (*write)(void *context, u32 offset, const void *buffer, u32 size);
	void *context;
	u32 size;
	/* Have it know nothing but what is on the chip; NULL: it never does. */
	void (*forget)(void *context);
};

#endif
