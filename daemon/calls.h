/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The calls that reach down to the chip.
 *
 * Each is a handler for sd-bus, with the struct memory as userdata. Those of blocks serve both
 * interfaces: a method of org.smm1.Memory names the block in its first argument, one of
 * org.smm1.Block by its path.
 */
#pragma once

#include <systemd/sd-bus.h>

int call_allocate(sd_bus_message *m, void *memory, sd_bus_error *error);
int call_free(sd_bus_message *m, void *memory, sd_bus_error *error);
int call_resize(sd_bus_message *m, void *memory, sd_bus_error *error);
int call_read(sd_bus_message *m, void *memory, sd_bus_error *error);
int call_read_many(sd_bus_message *m, void *memory, sd_bus_error *error);
int call_write(sd_bus_message *m, void *memory, sd_bus_error *error);
int call_write_in_place(sd_bus_message *m, void *memory, sd_bus_error *error);
int call_write_many(sd_bus_message *m, void *memory, sd_bus_error *error);
int call_store(sd_bus_message *m, void *memory, sd_bus_error *error);
int call_load(sd_bus_message *m, void *memory, sd_bus_error *error);
int call_add(sd_bus_message *m, void *memory, sd_bus_error *error);
int call_set_mode(sd_bus_message *m, void *memory, sd_bus_error *error);
int call_set_owner(sd_bus_message *m, void *memory, sd_bus_error *error);
int call_rename(sd_bus_message *m, void *memory, sd_bus_error *error);
int call_check(sd_bus_message *m, void *memory, sd_bus_error *error);
int call_format(sd_bus_message *m, void *memory, sd_bus_error *error);
int call_dump(sd_bus_message *m, void *memory, sd_bus_error *error);
int call_restore(sd_bus_message *m, void *memory, sd_bus_error *error);
