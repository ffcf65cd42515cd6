/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A chip with anything on it: the daemon takes it up, shows what it finds, reads and checks all of
 * it, changes what can be changed and takes it up again. It never crashes, leaves the chip, or runs
 * on for ever.
 *
 * Of an input, byte 0 says which checksums are not made right (mend.h), byte 1 how the chip is
 * used; the others are the chip's.
 */
#include "../daemon/fake-chip.h"
#include "errors.h"
#include "fuzz.h"
#include "log.h"
#include "mend.h"
#include "util.h"
#include "volume.h"

#define CHIP_MIN 512u
#define CHIP_MAX 8192u

#define STEPS_MAX 10000u /* of a call that goes on in steps */

static struct fake_chip fake;

static const struct caller root = { 0, 0, 1, (const gid_t[]){ 0 }, true };
static const struct caller alice = { 1000, 1000, 1, (const gid_t[]){ 1000 }, false };

/* In the place of that of chip-file.c. */
int chip_file_open(const struct memory_config *config, struct chip **chip, sd_bus_error *error)
{
	(void)config;
	(void)error;
	*chip = &fake.chip;
	return 0;
}

static void ignore(void *userdata)
{
	(void)userdata;
}

static void ignore_block(void *userdata, const struct smm_block *before,
			 const struct smm_block *now)
{
	(void)userdata;
	REQUIRE(before || now);
}

static void ignore_content(void *userdata, const struct smm_block *block, uint32_t offset,
			   uint32_t length)
{
	(void)userdata;
	REQUIRE(offset <= block->length && length <= block->length - offset);
}

static const struct volume_ops ops = {
	.changed = ignore,
	.between = ignore,
	.block_changed = ignore_block,
	.content_changed = ignore_content,
};

static sd_bus_error *fresh_error(void)
{
	static sd_bus_error error;

	sd_bus_error_free(&error);
	return &error;
}

static bool is_state(const struct volume *v, const char *state)
{
	struct volume_status status;

	volume_status((struct volume *)v, &status);
	return !strcmp(status.state, state);
}

static struct volume *take_up(const struct memory_config *config)
{
	struct volume *v;

	REQUIRE(volume_new(config, &ops, NULL, &v) == 0);
	/* An EEPROM may be too small for its journal. */
	if (volume_open(v, fresh_error()) == 0)
		return v;
	volume_close(v);
	return NULL;
}

/* Look */

/* Of two blocks with one number, both times the same one. */
static void read_all(struct volume *v, const struct caller *who, uint32_t id)
{
	_cleanup_free_ void *content = NULL, *behind = NULL;
	struct smm_block b;
	size_t size;

	if (volume_stat(v, who, id, &b, fresh_error()) < 0)
		return;
	if (volume_read(v, who, id, 0, UINT32_MAX, &content, &size, fresh_error()) == 0)
		REQUIRE(size == b.length);
	REQUIRE(volume_read(v, who, id, b.length, 1, &behind, &size, fresh_error()) < 0);
}

static void look_at_block(struct volume *v, const struct caller *who, const struct smm_block *b)
{
	_cleanup_free_ void *content = NULL;
	size_t size;
	uint32_t id;

	REQUIRE(b->kind <= SMM_KIND_COUNTER && b->mode <= 0777);
	REQUIRE(memchr(b->name, '\0', sizeof(b->name)));
	REQUIRE(b->room <= fake.chip.size && b->offset <= fake.chip.size - b->room);
	REQUIRE(b->length <= b->room);
	read_all(v, who, b->id);
	(void)volume_find(v, who, b->name, &id, fresh_error());
	(void)volume_load(v, who, b->name, &content, &size, fresh_error());
}

static size_t look_at_all(struct volume *v, const struct caller *who)
{
	_cleanup_free_ struct smm_block *blocks = NULL;
	size_t n = 0;

	if (volume_list(v, who, &blocks, &n, fresh_error()) < 0)
		return 0;
	for (size_t i = 0; i < n; i++)
		look_at_block(v, who, &blocks[i]);
	return n;
}

static void check(struct volume *v, bool repair)
{
	struct volume_check state = { .repair = repair };
	unsigned int steps = 0;

	while (volume_check(v, &root, &state, fresh_error()) > 0)
		REQUIRE(++steps < STEPS_MAX);
	volume_check_done(&state);
}

static void dump(struct volume *v)
{
	struct volume_dump state = { 0 };
	unsigned int steps = 0;

	while (volume_dump(v, &root, &state, fresh_error()) > 0)
		REQUIRE(++steps < STEPS_MAX);
	volume_dump_stop(v, &state);
	free(state.file);
}

static void idle(struct volume *v)
{
	unsigned int steps = 0;

	while (volume_idle(v) == 0)
		REQUIRE(++steps < STEPS_MAX);
}

/* Change */

static void change_block(struct volume *v, const struct smm_block *b, unsigned int how)
{
	static const uint8_t bytes[300];
	uint32_t id = b->id, done = 0;

	switch (how % 9) {
	case 0:
		(void)volume_write(v, &root, id, 0, "x", 1, fresh_error());
		break;
	case 1:
		(void)volume_write(v, &root, id, 0, bytes,
				   b->length < sizeof(bytes) ? b->length : sizeof(bytes),
				   fresh_error());
		break;
	case 2:
		(void)volume_resize(v, &root, id, 10, fresh_error());
		break;
	case 3:
		(void)volume_resize(v, &root, id, 200, fresh_error());
		break;
	case 4:
		(void)volume_rename(v, &root, id, "new name", fresh_error());
		break;
	case 5:
		(void)volume_set_mode(v, &root, id, 0644, fresh_error());
		break;
	case 6:
		(void)volume_set_owner(v, &root, id, 1000, 1000, fresh_error());
		break;
	case 7:
		(void)volume_write_in_place(v, &root, id, 1, bytes, 3, &done, fresh_error());
		break;
	default:
		(void)volume_free(v, &root, id, fresh_error());
	}
}

static void change_names(struct volume *v, const char *name)
{
	static const uint8_t bytes[300];
	int64_t value;
	uint32_t id;

	(void)volume_store(v, &root, name, bytes, sizeof(bytes), &id, fresh_error());
	(void)volume_store(v, &alice, name, bytes, 5, &id, fresh_error());
	(void)volume_add(v, &root, name, 1, &value, fresh_error());
}

/* What a block holds; 0 if it cannot be read. */
static uint32_t sum(struct volume *v, uint32_t id)
{
	_cleanup_free_ void *content = NULL;
	size_t size;

	if (volume_read(v, &root, id, 0, UINT32_MAX, &content, &size, fresh_error()) < 0)
		return 0;
	return smm_crc32c(0, content, (uint32_t)size);
}

/* Change each second block; the others stay as they are, but for namesakes by number. */
static void change_blocks(struct volume *v, const struct smm_block *blocks, size_t n,
			  unsigned int how)
{
	_cleanup_free_ uint32_t *before = calloc(n + 1, sizeof(*before));
	bool changed;

	REQUIRE(before);
	for (size_t i = 0; i < n; i++)
		before[i] = sum(v, blocks[i].id);
	for (size_t i = 0; i < n; i += 2)
		change_block(v, &blocks[i], how + (unsigned int)i / 2);
	for (size_t i = 1; i < n; i += 2) {
		changed = false;
		for (size_t j = 0; j < n; j += 2)
			changed |= blocks[j].id == blocks[i].id;
		REQUIRE(changed || sum(v, blocks[i].id) == before[i]);
	}
}

static void change_all(struct volume *v, unsigned int how)
{
	const struct allocate_options options = { .fill = 1 };
	_cleanup_free_ struct smm_block *blocks = NULL;
	size_t n = 0;
	uint32_t id;

	if (volume_list(v, &root, &blocks, &n, fresh_error()) < 0)
		return;
	change_blocks(v, blocks, n, how);
	for (size_t i = 0; i < n; i += 4)
		change_names(v, blocks[i].name);
	(void)volume_allocate(v, &alice, "alice's", 20, &options, &id, fresh_error());
	change_names(v, "root's");
}

/* One chip */

static void live_with(const struct memory_config *config, unsigned int how)
{
	struct volume *v = take_up(config);
	size_t n;

	if (!v)
		return;
	n = look_at_all(v, &root);
	REQUIRE(look_at_all(v, &alice) <= n);
	check(v, false);
	idle(v);
	dump(v);
	volume_close(v);

	/* What was found is found again; what a mount corrected is right by now. */
	v = take_up(config);
	REQUIRE(v);
	if (is_state(v, "online"))
		REQUIRE(look_at_all(v, &root) == n);
	change_all(v, how);
	look_at_all(v, &root);
	check(v, true);
	idle(v);
	volume_close(v);

	v = take_up(config);
	REQUIRE(v);
	look_at_all(v, &root);
	if (how & 1)
		(void)volume_format(v, &root, 0, true, fresh_error());
	volume_close(v);
	sd_bus_error_free(fresh_error());
}

/* Fill the chip, of @size bytes. */
static void make_chip(const struct input *in, uint32_t size, uint16_t page, unsigned int which)
{
	uint32_t medium = size;

	fake_chip_init(&fake, size, 0);
	fake.chip.page_size = page;
	memcpy(fake.bytes, in->at, in->left < size ? in->left : size);
	if (page)
		medium = mend_journal(fake.bytes, size, page);
	if (medium >= SMM_SIZE_MIN)
		mend(fake.bytes, medium, which);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t pages[] = { 0, 0, 0, 0, 16, 16, 32, 64 };
	struct input in = { data, size };
	unsigned int which = ~(unsigned int)input_byte(&in), how = input_byte(&in);
	struct memory_config config = {
		.name = (char *)"fram0",
		.bus = BUS_FILE,
		.path = (char *)"/fram0.img",
		.model = (char *)"custom",
		.granule = SMM_GRANULE,
		.format = how & 2 ? FORMAT_BLANK : FORMAT_NEVER,
		.mirror = !(how & 4),
		.verify = how & 8      ? VERIFY_ALL
			  : how & 0x10 ? VERIFY_NONE
				       : VERIFY_METADATA,
		.default_mode = 0600,
	};
	uint32_t room = (uint32_t)(in.left < CHIP_MAX ? in.left : CHIP_MAX) & ~3u;

	config.size = room < CHIP_MIN ? CHIP_MIN : room;
	log_set_max_level(LOG_CRIT - 1);
	make_chip(&in, config.size, pages[how >> 5], which);
	live_with(&config, how);
	fake_chip_destroy(&fake);
	return 0;
}
