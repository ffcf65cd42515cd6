/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Data that people give: as arguments, as hex or on standard input.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <systemd/sd-bus.h>

/**
 * input_data() - the bytes that a command is to write.
 * @words: the arguments that stand for them, joined by spaces; none or "-" reads standard input
 * @hex: they are pairs of hex digits, with or without white space between them
 * @data: receives them, the caller's to free()
 *
 * Return: 0 or a negative errno with @error set.
 */
int input_data(char *const *words, bool hex, void **data, size_t *size, sd_bus_error *error);
