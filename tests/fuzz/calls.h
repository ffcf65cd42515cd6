/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of fuzz-calls share: the daemon and the model of it, side by side.
 */
#ifndef CALLS_H
#define CALLS_H

#include "calls-daemon.h"
#include "calls-model.h"
#include "errors.h"
#include "fuzz.h"
#include "util.h"

#define MEMORY  "org.smm1.Memory"
#define BLOCK   "org.smm1.Block"
#define MANAGER "org.smm1.Manager"

extern struct model model;

/* What is being done, for the message of a failure; with SMM_FUZZ_TRACE set, it is printed. */
_printf_(1, 2) void trace(const char *format, ...);
_printf_(1, 2) void fail(const char *format, ...) __attribute__((noreturn));

#define CHECK(condition)                            \
	do {                                        \
		if (!(condition))                   \
			fail("not %s", #condition); \
	} while (0)

#define APPEND(m, ...) CHECK(sd_bus_message_append(m, __VA_ARGS__) >= 0)
#define GET(m, ...)    CHECK(sd_bus_message_read(m, __VA_ARGS__) > 0)

/* What the input decides (calls-input.c). */

#define DATA_MAX (MODEL_CHIP_MAX + 8)

unsigned int pick_person(struct input *in);
unsigned int pick_admin(struct input *in); /* often root */
/* Often who may do what he wants with the block; NULL for none. */
unsigned int pick_person_for(struct input *in, const struct model_block *b);
uint32_t pick_id(struct input *in);
const struct model_block *pick_block(struct input *in); /* with zeros if there is none */
const char *pick_name(struct input *in);
uint32_t pick_mode(struct input *in);
uint32_t pick_uid(struct input *in);
uint32_t pick_gid(struct input *in);
int64_t pick_delta(struct input *in, int64_t value); /* for a counter that has it */

/* Of what has @length bytes, a new size; or a part, which may reach past its end. */
uint32_t pick_size(struct input *in, uint32_t length);
void pick_range(struct input *in, uint32_t length, uint32_t *offset, uint32_t *size);

/* Fill @data. */
void pick_bytes(struct input *in, uint8_t *data, uint32_t size);

/* Answers (calls-look.c). */

/* Check which error it is; NULL: it has to be a success. Return: whether it is one. */
bool expect(sd_bus_message *answer, const char *should);
void expect_data(sd_bus_message *answer, const void *data, size_t size);

/* What a call to the object of a block answers that @who does not see; NULL if he does. */
const char *missing_object(unsigned int who, uint32_t id);

/* Everybody sees what he should, and heard of nothing else since the last time. */
void compare_views(void);
void compare_contents(void);
void compare_properties(unsigned int who, uint32_t id);
void compare_objects(unsigned int who);

/* Calls about all of a memory, or of the daemon (calls-whole.c). */

void whole_begin(struct input *in);
void whole_end(void);
void try_check(struct input *in);
void try_format(struct input *in);
void try_dump(struct input *in);
void try_restore(struct input *in);
void try_reload(struct input *in);
void try_manager(struct input *in);
void try_open_session(struct input *in);
void restart(struct input *in);

#endif
