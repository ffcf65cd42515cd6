/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * For a volume whose blocks change without anybody wanting to hear of it.
 */
#pragma once

#include "volume.h"

static inline void ignore_block(void *userdata, const struct smm_block *before,
				const struct smm_block *now)
{
	(void)userdata;
	(void)before;
	(void)now;
}

static inline void ignore_content(void *userdata, const struct smm_block *block, uint32_t offset,
				  uint32_t length)
{
	(void)userdata;
	(void)block;
	(void)offset;
	(void)length;
}
