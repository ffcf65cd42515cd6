/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The chips that are known by name, so that a configuration can say `model = MB85RC256V` and no
 * more.
 */
#pragma once

#include <stdint.h>

struct chip_model {
	const char *name;
	const char *technology;
	uint32_t size; /* bytes */
};

/* The model of that name, or NULL; upper and lower case are one. */
const struct chip_model *chip_model_find(const char *name);
