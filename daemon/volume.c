/* SPDX-License-Identifier: BSD-3-Clause */
#include "volume-internal.h"

#include <errno.h>

#include "log.h"
#include "util.h"

/* The library's way to the chip */

int volume_on_read(void *userdata, u32 offset, void *buffer, u32 size)
{
	struct volume *v = userdata;
	int r = mirror_read(v->mirror, offset, buffer, size);

	v->slices++;
	if (r < 0)
		v->chip_error = r;
	return r;
}

int volume_on_write(void *userdata, u32 offset, const void *buffer, u32 size)
{
	struct volume *v = userdata;
	int r;

	if (v->looking)
		return 0;
	v->map_changed |= offset < v->store.smm.data;
	r = v->chip->read_only ? mirror_pretend(v->mirror, offset, buffer, size)
			       : mirror_write(v->mirror, offset, buffer, size);
	v->slices++;
	if (r < 0)
		v->chip_error = r;
	else
		volume_wrote(v, offset, buffer, size);
	return r;
}

/* Make, open, close */

int volume_new(const struct memory_config *config, const struct volume_ops *ops, void *userdata,
	       struct volume **volume)
{
	struct volume *v = calloc(1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	v->config = config;
	v->ops = ops;
	v->userdata = userdata;
	v->state = VOLUME_LOADING;
	v->busy_id = NO_BLOCK;
	index_init(&v->index);
	pthread_mutex_init(&v->lock, NULL);
	v->status.state = "loading";
	v->status.model = config->model;
	v->status.technology = "unknown";
	v->status.identified = "";
	v->status.bus = config->bus == BUS_I2C ? "i2c" : config->bus == BUS_SPI ? "spi" : "file";
	v->status.device = config->path ? config->path : config->device;
	*volume = v;
	return 0;
}

/* Room for a copy of the map; a chip may have been formatted with the smallest granule. */
static int provide_map(struct volume *v)
{
	struct smm *s = &v->store.smm;

	s->map_size = smm_map_bytes(v->chip->size, SMM_GRANULE);
	s->map = malloc(s->map_size);
	return s->map ? 0 : -ENOMEM;
}

static void between_slices(void *userdata)
{
	struct volume *v = userdata;
	int chip_error = v->chip_error;

	v->slices++;
	if (v->busy_id == NO_BLOCK || v->in_between)
		return;
	v->in_between = true;
	v->ops->between(v->userdata);
	v->in_between = false;
	v->chip_error = chip_error;
}

/* Get the chip, and what goes with it. */
static int get_chip(struct volume *v, sd_bus_error *error)
{
	struct chip *chip;
	int r = chip_open(v->config, &chip, error);

	if (r < 0)
		return r;
	pthread_mutex_lock(&v->lock);
	v->chip = chip;
	chip_power_fail(chip, v->power_failing);
	pthread_mutex_unlock(&v->lock);
	chip_on_slice(chip, between_slices, v);
	r = provide_map(v);
	if (r >= 0)
		r = mirror_new(chip, v->config->mirror, &v->mirror);
	return r < 0 ? sd_bus_error_set_errno(error, r) : 0;
}

/* Give the chip back. */
static void drop_chip(struct volume *v)
{
	mirror_free(v->mirror);
	v->mirror = NULL;
	free(v->store.smm.map);
	v->store.smm.map = NULL;
	pthread_mutex_lock(&v->lock);
	chip_close(v->chip);
	v->chip = NULL;
	pthread_mutex_unlock(&v->lock);
}

int volume_reach(struct volume *v, sd_bus_error *error)
{
	int r;

	if (v->chip)
		return chip_reopen(v->chip, error);
	r = get_chip(v, error);
	if (r < 0)
		drop_chip(v);
	return r;
}

int volume_open(struct volume *v, sd_bus_error *error)
{
	int r = volume_reach(v, error);

	if (r < 0) {
		volume_lost(v, r, error);
		v->logged = v->message; /* with @error, by who has called */
		if (v->config->bus == BUS_FILE)
			return r;
		sd_bus_error_free(error);
	} else {
		volume_welcome(v);
	}
	volume_log_state(v);
	return 0;
}

void volume_close(struct volume *v)
{
	if (!v)
		return;
	drop_chip(v);
	index_destroy(&v->index);
	pthread_mutex_destroy(&v->lock);
	free(v);
}

/* Status */

static void add_statistic(struct volume_status *s, const char *name, uint64_t value)
{
	s->statistics[s->n_statistics].name = name;
	s->statistics[s->n_statistics++].value = value;
}

static void fill_statistics(struct volume *v, struct volume_status *s)
{
	const struct chip_counters *chip = &v->chip->counters;
	const struct mirror_counters *mirror = mirror_counters(v->mirror);
	const struct smm *smm = &v->store.smm;

	add_statistic(s, "BytesRead", chip->bytes_read);
	add_statistic(s, "BytesWritten", chip->bytes_written);
	add_statistic(s, "ReadTransactions", chip->reads);
	add_statistic(s, "WriteTransactions", chip->writes);
	add_statistic(s, "Errors", chip->errors);
	add_statistic(s, "Retries", chip->retries);
	add_statistic(s, "CorrectedBits", v->before.corrected + smm->corrected);
	add_statistic(s, "UncorrectableLines", smm->uncorrectable);
	add_statistic(s, "MergedRuns", v->before.merged + smm->merged);
	add_statistic(s, "Replays", v->replays + v->store.replayed);
	add_statistic(s, "CacheHits", mirror->hits);
	add_statistic(s, "BytesSaved", mirror->bytes_saved);
	add_statistic(s, "BytesRepaired", mirror->repaired);
	if (chip->page_programs) { /* of which the second is the wear that the guard adds */
		add_statistic(s, "PagePrograms", chip->page_programs);
		add_statistic(s, "JournalPrograms", chip->journal_programs);
	}
}

/* I2C has an acknowledge behind the eight bits of a byte. A chip without a wire takes no time. */
static uint32_t wire_clock(const struct chip *chip)
{
	uint32_t clocks = strcmp(chip->bus, "spi") ? 9 : 8;

	return chip->ns_per_byte > 1 ? (uint32_t)(clocks * 1000000000ull / chip->ns_per_byte) : 0;
}

/* What the chip is, once it is known. */
static void fill_chip(const struct chip *chip, struct volume_status *s)
{
	s->model = chip->model;
	s->technology = chip->technology;
	s->identified = chip->identified;
	s->clock = wire_clock(chip);
	s->bus = chip->bus;
	s->device = chip->device;
	s->size = chip->size;
	s->write_protected = chip->read_only;
}

void volume_publish(struct volume *v)
{
	struct volume_status now = v->status; /* no other thread changes it */
	struct smm_stats stats;
	bool changed;

	now.state = volume_state_name(v);
	snprintf(now.why, sizeof(now.why), "%s", volume_why(v));
	now.blocks = v->index.has.n_blocks;
	if (v->map_changed) {
		smm_measure(&v->store.smm, &stats);
		now.granule = stats.granule;
		now.usable = stats.usable;
		now.free = stats.free;
		now.largest_free = stats.largest_free;
		v->map_changed = false;
	}
	now.n_statistics = 0;
	if (v->chip) {
		fill_chip(v->chip, &now);
		fill_statistics(v, &now);
	}
	changed = strcmp(now.state, v->status.state) || strcmp(now.why, v->status.why) ||
		  now.free != v->status.free || now.largest_free != v->status.largest_free ||
		  now.usable != v->status.usable || now.blocks != v->status.blocks;
	pthread_mutex_lock(&v->lock);
	v->status = now;
	pthread_mutex_unlock(&v->lock);
	if (changed)
		v->ops->changed(v->userdata);
}

void volume_status(struct volume *v, struct volume_status *status)
{
	pthread_mutex_lock(&v->lock);
	*status = v->status;
	pthread_mutex_unlock(&v->lock);
	if (v->power_failing) /* the worker may be busy with something else yet */
		status->state = "power-fail";
}

uint64_t volume_written(struct volume *v)
{
	return v->written;
}

uint64_t volume_slices(struct volume *v)
{
	return v->slices;
}

const char *volume_name(const struct volume *v)
{
	return v->config->name;
}
