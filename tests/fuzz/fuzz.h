/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the fuzz targets share: the function that each of them is, what it takes out of its input,
 * and how it says that something is wrong.
 *
 * libFuzzer calls the function of a target if that is built with it (-Dfuzz=true), run.c otherwise.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Stop here: the input that led here is kept by whoever gave it. */
#define REQUIRE(condition)                                                                        \
	do {                                                                                      \
		if (!(condition)) {                                                               \
			fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                                  \
		}                                                                                 \
	} while (0)

/* What is left of an input; zeros follow when nothing is. */
struct input {
	const uint8_t *at;
	size_t left;
};

static inline uint8_t input_byte(struct input *in)
{
	if (!in->left)
		return 0;
	in->left--;
	return *in->at++;
}

/* A number from 0 to @count - 1, of at most 256. */
static inline uint32_t input_below(struct input *in, uint32_t count)
{
	return input_byte(in) % count;
}

static inline uint64_t input_number(struct input *in, unsigned int bytes)
{
	uint64_t number = 0;

	while (bytes--)
		number = number << 8 | input_byte(in);
	return number;
}

#endif
