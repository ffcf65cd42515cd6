/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * org.smm1.Block: the blocks of a memory as objects, for each caller those that it may see.
 */
#pragma once

struct memory;

/**
 * blocks_publish() - put the blocks of @memory on the bus.
 *
 * They need no upkeep: the objects are looked up in the volume when they are called.
 *
 * Return: 0 or a negative errno.
 */
int blocks_publish(struct memory *memory);
