/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The format on the chip, written a second time from FORMAT.md for the tests alone: slow, plain,
 * and sharing nothing with smm.c, so that the two can be held against each other.
 */
#ifndef IMAGE_H
#define IMAGE_H

#include <stdbool.h>

#include "model.h"

struct image_geometry {
	u32 data; /* offset of granule 0 */
	u32 granules;
	u32 lines;
};

/* False if the two are no memory. */
bool image_geometry(u32 size, u32 granule, struct image_geometry *g);

/* Bytes of @line without its check byte, which follows them. */
u32 image_line_bytes(const struct image_geometry *g, u32 line);
u32 image_line_offset(u32 line);

/* The check byte of @count bytes. */
u8 image_check(const u8 *bytes, u32 count);

/* Make the check bytes of superblock and map right, whatever those say. */
void image_protect(u8 *bytes, u32 size, u32 granule);

/*
 * What a mount of @bytes has to answer. With SMM_OK @m is what it then holds; destroy it. With
 * SMM_OK and SMM_CORRUPT @bytes are corrected as the mount has to, neighbouring free runs joined
 * with SMM_OK.
 */
int image_mount(u8 *bytes, u32 size, struct model *m);

#endif
