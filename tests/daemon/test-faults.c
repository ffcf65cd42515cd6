/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A campaign of random faults of the bus and the supply against a memory in use: what was
 * acknowledged is there, and what was not is there as a whole or not at all.
 *
 * SMM_TEST_SCALE multiplies the number of faults, SMM_TEST_SEED replays a campaign.
 */
#include "i2c-fixture.h"

#include <errno.h>

#include "../lib/dice.h"
#include "deaf.h"
#include "errors.h"
#include "log.h"
#include "volume.h"

#define FAULTS     2500u
#define N_VALUES   8u
#define N_COUNTERS 2u /* the first of them */
#define LONGEST    400u

/* What a value is, or may be. */
struct value {
	bool there;
	uint32_t length;
	uint8_t bytes[LONGEST];
};

enum fault {
	FAULT_NONE,
	FAULT_NACK,
	FAULT_ARBITRATION,
	FAULT_STUCK,
	FAULT_POWER,
	FAULT_UNPLUG,
	FAULT_PROTECT,
	FAULT_FLIP, /* the last: only who reads everything twice can stand it */
	N_FAULTS
};

static const char *const fault_names[N_FAULTS] = {
	"none",
	"NACK",
	"lost arbitration",
	"stuck bus",
	"power cut",
	"unplugged adapter",
	"write protection",
	"flipped bit",
};

struct campaign {
	struct fixture *f;
	struct volume *volume;
	struct value values[N_VALUES];
	struct dice dice;
	uint64_t seed;
	unsigned int step, acknowledged, refused, kinds; /* of faults */
	enum fault fault;
};

static const struct caller root = { 0, 0, 1, (const gid_t[]){ 0 }, true };

static uint32_t dice(struct campaign *c, uint32_t below)
{
	return dice_below(&c->dice, below);
}

static void complain(const struct campaign *c, const char *what, uint32_t which)
{
	fail_msg("seed %ju, step %u, %s: value %u %s", (uintmax_t)c->seed, c->step,
		 fault_names[c->fault], which, what);
}

static void ignore(void *userdata)
{
	(void)userdata;
}

static const struct volume_ops ops = {
	.changed = ignore,
	.between = ignore,
	.block_changed = ignore_block,
	.content_changed = ignore_content,
};

static void open_volume(struct campaign *c)
{
	_cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;

	volume_close(c->volume);
	assert_int_equal(volume_new(&c->f->config, &ops, NULL, &c->volume), 0);
	assert_int_equal(volume_open(c->volume, &error), 0);
}

static const char *name_of(uint32_t which)
{
	static const char *const names[N_VALUES] = { "count", "hours", "a",     "bb",
						     "gain",  "state", "large", "x" };

	return names[which];
}

/* What the memory says that a value is; false if it does not say it. */
static bool look(struct campaign *c, uint32_t which, struct value *is)
{
	_cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
	_cleanup_free_ void *content = NULL;
	size_t size = 0;
	int r = volume_load(c->volume, &root, name_of(which), &content, &size, &error);

	*is = (struct value){ 0 };
	if (r == -ENOENT)
		return true;
	if (r < 0)
		return false;
	is->there = true;
	is->length = (uint32_t)size;
	assert_true(size <= LONGEST);
	memcpy(is->bytes, content, size);
	return true;
}

static bool same(const struct value *a, const struct value *b)
{
	return a->there == b->there &&
	       (!a->there || (a->length == b->length && !memcmp(a->bytes, b->bytes, a->length)));
}

/* Changes: each makes of *is what it would be afterwards. */

static int add(struct campaign *c, uint32_t which, struct value *is, sd_bus_error *error)
{
	int64_t delta = 1 + dice(c, 1000), value, old = 0;

	if (is->there)
		memcpy(&old, is->bytes, 8);
	value = old + delta;
	*is = (struct value){ .there = true, .length = 8 };
	memcpy(is->bytes, &value, 8);
	return volume_add(c->volume, &root, name_of(which), delta, &value, error);
}

static int store(struct campaign *c, uint32_t which, struct value *is, sd_bus_error *error)
{
	uint32_t id;

	*is = (struct value){ .there = true, .length = dice(c, dice(c, 2) ? 20 : LONGEST) };
	for (uint32_t i = 0; i < is->length; i++)
		is->bytes[i] = (uint8_t)dice(c, 256);
	return volume_store(c->volume, &root, name_of(which), is->bytes, is->length, &id, error);
}

static int write_part(struct campaign *c, uint32_t which, struct value *is, sd_bus_error *error)
{
	uint32_t id, offset = dice(c, is->length), size = 1 + dice(c, is->length - offset);

	if (volume_find(c->volume, &root, name_of(which), &id, error) < 0)
		complain(c, "is not there", which);
	for (uint32_t i = 0; i < size; i++)
		is->bytes[offset + i] = (uint8_t)dice(c, 256);
	return volume_write(c->volume, &root, id, offset, is->bytes + offset, size, error);
}

static int free_value(struct campaign *c, uint32_t which, struct value *is, sd_bus_error *error)
{
	uint32_t id;

	if (volume_find(c->volume, &root, name_of(which), &id, error) < 0)
		complain(c, "is not there", which);
	*is = (struct value){ 0 };
	return volume_free(c->volume, &root, id, error);
}

static int change(struct campaign *c, uint32_t which, struct value *is, sd_bus_error *error)
{
	if (which < N_COUNTERS)
		return add(c, which, is, error);
	if (!is->there || !dice(c, 3))
		return store(c, which, is, error);
	return is->length && dice(c, 4) ? write_part(c, which, is, error)
					: free_value(c, which, is, error);
}

/* Faults */

static void arm(struct campaign *c)
{
	struct wire *wire = &c->f->adapter.wire;

	c->fault = dice(c, c->kinds);
	switch (c->fault) {
	case FAULT_NACK:
		wire->nack_next = 1 + dice(c, 12);
		break;
	case FAULT_ARBITRATION:
		wire->lost_next = 1 + dice(c, 12);
		break;
	case FAULT_FLIP:
		wire->flip_mask = (uint8_t)(1u << dice(c, 8));
		wire_arm(wire, &wire->flip, dice(c, 8), dice(c, 24));
		break;
	case FAULT_STUCK:
		wire->stuck = ETIMEDOUT;
		break;
	case FAULT_POWER:
		model_spend_power(&c->f->model, dice(c, 150));
		break;
	case FAULT_UNPLUG:
		c->f->adapter.unplugged = true;
		break;
	case FAULT_PROTECT:
		c->f->model.write_protect = true;
		break;
	default:
		break;
	}
}

/* All is well again, and the memory is told so. */
static void mend(struct campaign *c)
{
	struct wire *wire = &c->f->adapter.wire;

	wire->nack_next = wire->lost_next = 0;
	wire->flip = (struct wire_fault){ 0 };
	wire->stuck = 0;
	model_spend_power(&c->f->model, MODEL_UNLIMITED);
	model_power(&c->f->model, false);
	model_power(&c->f->model, true);
	c->f->adapter.unplugged = false;
	c->f->model.write_protect = false;
	if (dice(c, 3)) {
		volume_device_changed(c->volume);
		volume_idle(c->volume);
	} else {
		open_volume(c);
	}
}

static void expect_online(struct campaign *c)
{
	struct volume_status status;

	volume_status(c->volume, &status);
	if (strcmp(status.state, "online") != 0)
		fail_msg("seed %ju, step %u, %s: it is %s: %s", (uintmax_t)c->seed, c->step,
			 fault_names[c->fault], status.state, status.why);
}

static void check_all(struct campaign *c)
{
	struct value is;

	for (uint32_t i = 0; i < N_VALUES; i++) {
		if (!look(c, i, &is))
			complain(c, "cannot be read", i);
		if (!same(&is, &c->values[i]))
			complain(c, "is another one", i);
	}
}

/* What became of a change that was not acknowledged: nothing, or all of it. */
static void settle(struct campaign *c, uint32_t which, const struct value *wanted)
{
	const struct value *old = &c->values[which];
	struct value is;

	if (!look(c, which, &is))
		complain(c, "cannot be read", which);
	if (!same(&is, old) && !same(&is, wanted))
		complain(c, "is neither old nor new", which);
	c->values[which] = is;
}

static void step(struct campaign *c)
{
	_cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
	uint32_t which = dice(c, N_VALUES);
	struct value wanted = c->values[which], seen;
	int r;

	arm(c);
	if (!dice(c, 8)) { /* reads meet faults, too, and say what is, or nothing */
		if (dice(c, 2))
			open_volume(c);
		if (look(c, which, &seen) && seen.there && !same(&seen, &wanted))
			complain(c, "was read as another one", which);
		r = -EAGAIN;
	} else {
		r = change(c, which, &wanted, &error);
	}
	if (r >= 0) {
		c->values[which] = wanted;
		c->acknowledged++;
	} else {
		c->refused++;
	}
	mend(c);
	expect_online(c);
	if (r < 0)
		settle(c, which, &wanted);
	check_all(c);
}

static void run(struct fixture *f, const char *model, enum verify_policy verify, unsigned int kinds)
{
	struct campaign c = { .f = f, .kinds = kinds };
	struct model_config chip = like(chip_model_find(model));
	unsigned int faults = FAULTS * (unsigned int)dice_rounds();

	log_set_max_level(LOG_CRIT);
	plug(f, &chip);
	memset(f->memory, 0xff, chip.size);
	f->config.model = (char *)model;
	f->config.verify = verify;
	f->config.granule = 4;
	f->config.format = FORMAT_BLANK;
	f->config.mirror = true;
	f->config.default_mode = 0600;
	c.seed = dice_seed();
	c.dice.state = c.seed;
	open_volume(&c);
	expect_online(&c);
	for (c.step = 0; c.step < faults; c.step++)
		step(&c);
	print_message("# %u faults: %u changes acknowledged, %u not\n", faults, c.acknowledged,
		      c.refused);
	assert_true(c.acknowledged > faults / 8 && c.refused > faults / 8);
	volume_close(c.volume);
}

static void test_faults_of_bus_and_supply(void **state)
{
	run(*state, "MB85RC64TA", VERIFY_METADATA, FAULT_FLIP);
}

static void test_faults_of_an_eeprom(void **state)
{
	run(*state, "AT24C64", VERIFY_METADATA, FAULT_FLIP);
}

static void test_a_disturbed_wire_as_well(void **state)
{
	run(*state, "MB85RC64TA", VERIFY_ALL, N_FAULTS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		I2C_TEST(test_faults_of_bus_and_supply),
		I2C_TEST(test_faults_of_an_eeprom),
		I2C_TEST(test_a_disturbed_wire_as_well),
	};

	return cmocka_run_group_tests_name("faults", tests, NULL, NULL);
}
