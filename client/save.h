/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Output that goes into a file as a whole, because others read the file at any time.
 */
#pragma once

#include "smmctl.h"

/**
 * save() - write text where --output says, or to standard output.
 *
 * Who reads the file finds what was there before or all of the text. A device, a FIFO or a link is
 * written to as it is.
 */
int save(struct smmctl *ctl, const char *text, size_t size);
