/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Device nodes and a sysfs that this machine does not have, for a test program alone: where a path
 * below /dev or /sys exists in the fake root, open(), fopen(), fstat(), readlink() and ioctl()
 * take that one.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/* Like ioctl(2): a result, or -1 and errno. */
typedef int fake_ioctl(void *userdata, unsigned long request, void *argument);

void fake_nodes_setup(void);
void fake_nodes_teardown(void);

/* A character device; what is asked of it goes to @handler. One at a time. */
void fake_node_add(const char *path, dev_t number, fake_ioctl *handler, void *userdata);
void fake_node_protect(const char *path); /* from writing, but by root */
void fake_node_remove(const char *path);

void fake_file_add(const char *path, const void *contents, size_t size);
void fake_link_add(const char *path, const char *target);
