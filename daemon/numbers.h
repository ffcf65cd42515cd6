/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Numbers as people write them, in the configuration and on command lines. What is not wholly a
 * number, or does not fit, is refused.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/**
 * parse_number() - read digits with an optional K or M behind them.
 * @kilo: what K stands for; M is its square; 1 allows neither
 */
bool parse_number(const char *text, uint32_t kilo, uint32_t *number);

/* Mode bits in octal, 0 to 0777. */
bool parse_octal_mode(const char *text, uint32_t *mode);

/* A time: a whole number and us, ms, s, min, h or d; 0 needs none. @us receives microseconds. */
bool parse_duration(const char *text, uint64_t *us);
