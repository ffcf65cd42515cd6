/* SPDX-License-Identifier: BSD-3-Clause */
#include "volume-internal.h"

#include <errno.h>
#include <sys/random.h>

#include "chip-table.h"
#include "errors.h"
#include "log.h"
#include "util.h"

static const struct {
	const char *name;
	const char *error; /* of a call that it forbids */
	const char *text;
} states[] = {
	[VOLUME_ONLINE] = { .name = "online" },
	[VOLUME_READ_ONLY] = { "read-only", ERROR_WRITE_PROTECTED, "its file cannot be written" },
	[VOLUME_BLANK] = { "blank", ERROR_NOT_FORMATTED,
			   "the chip is empty; Format makes it usable" },
	[VOLUME_FOREIGN] = { "foreign", ERROR_NOT_FORMATTED,
			     "it holds something else; Format with force gives that up" },
	[VOLUME_CORRUPT] = { "corrupt", ERROR_CORRUPT,
			     "its map is beyond correction; what is intact can be read, and "
			     "nothing changed" },
	[VOLUME_OFFLINE] = { "offline", ERROR_OFFLINE, "the chip does not answer" },
};

/* The library's way to the chip */

static int on_read(void *userdata, u32 offset, void *buffer, u32 size)
{
	struct volume *v = userdata;
	int r = mirror_read(v->mirror, offset, buffer, size);

	if (r < 0)
		v->chip_error = r;
	return r;
}

static int on_write(void *userdata, u32 offset, const void *buffer, u32 size)
{
	struct volume *v = userdata;
	int r;

	if (v->looking)
		return 0;
	v->map_changed |= offset < v->store.smm.data;
	r = v->chip->read_only ? -EROFS : mirror_write(v->mirror, offset, buffer, size);
	if (r < 0)
		v->chip_error = r;
	return r;
}

/* Give the store its chip, as if it had never been mounted. */
static void reset_store(struct volume *v)
{
	struct smm *s = &v->store.smm;

	v->before.corrected += s->corrected;
	v->before.merged += s->merged;
	v->replays += v->store.replayed;
	v->store = (struct smm_store){
		.smm = {
			.read = on_read,
			.write = on_write,
			.context = v,
			.size = v->chip->size,
			.map = s->map,
			.map_size = s->map_size,
		},
	};
	v->map_changed = true;
}

/* Read every header into a new index, then show it to the other threads. */
static int read_index(struct volume *v)
{
	struct index fresh;
	struct smm_block block = { 0 };
	int r;

	index_init(&fresh);
	do {
		r = smm_store_next(&v->store, block.offset, &block);
		if (!r && block.offset && index_put(&fresh, &block) < 0) {
			v->chip_error = -ENOMEM;
			r = SMM_IO_ERR;
		}
	} while (!r && block.offset);
	if (r != SMM_IO_ERR)
		index_swap(&v->index, &fresh);
	index_destroy(&fresh);
	return r;
}

/* Mount, format */

static bool is_uniform(const uint8_t *bytes, uint32_t size, uint8_t value)
{
	for (uint32_t i = 0; i < size; i++)
		if (bytes[i] != value)
			return false;
	return true;
}

/*
 * Whether @b is all 00 or all FF. A format begins with "smp": where the power went before all three
 * bytes had landed, they are no sign of anything else.
 */
static bool is_blank(const uint8_t *b, uint32_t size)
{
	static const uint8_t begun[] = { 's', 'm', 'p' };
	uint8_t fill = b[size - 1];

	for (size_t i = 0; i < sizeof(begun); i++)
		if (b[i] != fill && b[i] != begun[i])
			return false;
	return (fill == 0x00 || fill == 0xff) &&
	       is_uniform(b + sizeof(begun), size - (uint32_t)sizeof(begun), fill);
}

/* What a chip without a format is. */
static enum volume_state judge_contents(struct volume *v)
{
	_cleanup_free_ uint8_t *contents = malloc(v->chip->size);

	if (!contents || on_read(v, 0, contents, v->chip->size) < 0)
		return VOLUME_OFFLINE;
	return is_blank(contents, v->chip->size) ? VOLUME_BLANK : VOLUME_FOREIGN;
}

/* What a mount with this result makes of the memory. */
static enum volume_state judge(struct volume *v, int result)
{
	switch (result) {
	case SMM_OK:
		return v->chip->read_only ? VOLUME_READ_ONLY : VOLUME_ONLINE;
	case SMM_CORRUPT:
		return VOLUME_CORRUPT;
	case SMM_UNFINISHED:
		return VOLUME_BLANK;
	case SMM_NOT_FORMATTED:
		return judge_contents(v);
	case SMM_NEWER_FORMAT:
	case SMM_WRONG_SIZE:
		return VOLUME_FOREIGN;
	default:
		return VOLUME_OFFLINE;
	}
}

/* Find out what is on the chip. Out of reach, the index stays as it was: nothing is lost. */
static void take_up(struct volume *v)
{
	reset_store(v);
	v->state = judge(v, smm_store_mount(&v->store));
	if (v->state != VOLUME_OFFLINE && read_index(v) == SMM_IO_ERR)
		v->state = VOLUME_OFFLINE;
	volume_publish(v);
}

/* Make an empty store, and take up what has become of it. Return: an enum smm_result. */
static int format(struct volume *v, uint32_t granule)
{
	uint8_t identity[SMM_ID_BYTES];
	int r;

	if (getrandom(identity, sizeof(identity), 0) != sizeof(identity)) {
		v->chip_error = -errno;
		return SMM_IO_ERR;
	}
	reset_store(v);
	v->store.smm.granule = granule;
	r = smm_store_format(&v->store, identity, v->config->name);
	if (r == SMM_IO_ERR)
		mirror_forget(v->mirror);
	take_up(v);
	return r;
}

static void log_state(const struct volume *v)
{
	const struct volume_status *s = &v->status;

	if (v->state == VOLUME_ONLINE)
		log_info("memory %s: %u blocks, %ju of %ju bytes are free", volume_name(v),
			 s->blocks, (uintmax_t)s->free, (uintmax_t)s->usable);
	else if (v->state == VOLUME_OFFLINE)
		log_error_errno(v->chip_error, "memory %s: %s: %m", volume_name(v), s->device);
	else
		log_warning("memory %s is %s: %s", volume_name(v), s->state, states[v->state].text);
}

int volume_ready(struct volume *v, bool change, sd_bus_error *error)
{
	if (v->state == VOLUME_OFFLINE)
		volume_recover(v);
	if (v->state == VOLUME_ONLINE)
		return 0;
	if (!change && (v->state == VOLUME_READ_ONLY || v->state == VOLUME_CORRUPT))
		return 0;
	return sd_bus_error_setf(error, states[v->state].error, "memory %s is %s: %s",
				 volume_name(v), states[v->state].name, states[v->state].text);
}

void volume_recover(struct volume *v)
{
	enum volume_state before = v->state;

	mirror_forget(v->mirror);
	take_up(v);
	if (v->state != before)
		log_state(v);
}

/* Open, close */

static void init_status(struct volume *v)
{
	const struct chip_model *model = chip_model_find(v->config->model);

	v->status = (struct volume_status){
		.model = v->config->model,
		.technology = model ? model->technology : "unknown",
		.bus = "file",
		.device = v->config->path,
		.size = v->chip->size,
		.write_protected = v->chip->read_only,
	};
}

/* Room for a copy of the map; a chip may have been formatted with the smallest granule. */
static int provide_map(struct volume *v)
{
	struct smm *s = &v->store.smm;

	s->map_size = smm_map_bytes(v->chip->size, SMM_GRANULE);
	s->map = malloc(s->map_size);
	return s->map ? 0 : -ENOMEM;
}

DEFINE_CLEANUP(struct volume *, volume_close);

int volume_open(const struct memory_config *config, struct volume **volume, sd_bus_error *error)
{
	_cleanup_(volume_closep) struct volume *v = calloc(1, sizeof(*v));
	int r;

	if (!v)
		return sd_bus_error_set_errno(error, ENOMEM);
	v->config = config;
	index_init(&v->index);
	pthread_mutex_init(&v->lock, NULL);
	r = chip_file_open(config->path, config->size, config->wire_speed, &v->chip, error);
	if (r < 0)
		return r;
	init_status(v);
	r = provide_map(v);
	if (r >= 0)
		r = mirror_new(v->chip, config->mirror, &v->mirror);
	if (r < 0)
		return sd_bus_error_set_errno(error, r);
	take_up(v);
	if (v->state == VOLUME_BLANK && config->format == FORMAT_BLANK && !v->chip->read_only) {
		log_info("memory %s is blank; it is being formatted", config->name);
		format(v, config->granule);
	}
	log_state(v);
	*volume = TAKE(v);
	return 0;
}

void volume_close(struct volume *v)
{
	if (!v)
		return;
	mirror_free(v->mirror);
	chip_close(v->chip);
	free(v->store.smm.map);
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

	s->n_statistics = 0;
	add_statistic(s, "BytesRead", chip->bytes_read);
	add_statistic(s, "BytesWritten", chip->bytes_written);
	add_statistic(s, "ReadTransactions", chip->reads);
	add_statistic(s, "WriteTransactions", chip->writes);
	add_statistic(s, "Errors", chip->errors);
	add_statistic(s, "CorrectedBits", v->before.corrected + smm->corrected);
	add_statistic(s, "UncorrectableLines", smm->uncorrectable);
	add_statistic(s, "MergedRuns", v->before.merged + smm->merged);
	add_statistic(s, "Replays", v->replays + v->store.replayed);
	add_statistic(s, "CacheHits", mirror->hits);
	add_statistic(s, "BytesSaved", mirror->bytes_saved);
}

void volume_publish(struct volume *v)
{
	struct volume_status now = v->status; /* no other thread changes it */
	struct smm_stats stats;

	now.state = states[v->state].name;
	now.blocks = v->index.has.n_blocks;
	if (v->map_changed) {
		smm_measure(&v->store.smm, &stats);
		now.granule = stats.granule;
		now.usable = stats.usable;
		now.free = stats.free;
		now.largest_free = stats.largest_free;
		v->map_changed = false;
	}
	fill_statistics(v, &now);
	pthread_mutex_lock(&v->lock);
	v->status = now;
	pthread_mutex_unlock(&v->lock);
}

void volume_status(struct volume *v, struct volume_status *status)
{
	pthread_mutex_lock(&v->lock);
	*status = v->status;
	pthread_mutex_unlock(&v->lock);
}

const char *volume_name(const struct volume *v)
{
	return v->config->name;
}

/* What administrators do */

static int check_admin(struct volume *v, const struct caller *caller, const char *what,
		       sd_bus_error *error)
{
	if (caller->uid == 0)
		return 0;
	return sd_bus_error_setf(error, SD_BUS_ERROR_ACCESS_DENIED,
				 "memory %s may be %s by uid 0 only; the caller is uid %u",
				 volume_name(v), what, caller->uid);
}

/* Hold every block of the index against the chip. Return: SMM_OK or SMM_IO_ERR. */
static int verify_blocks(struct volume *v, struct check_result *result)
{
	_cleanup_free_ struct smm_block *blocks = NULL;
	size_t n;
	int r;

	if (index_copy(&v->index, &blocks, &n) < 0) {
		v->chip_error = -ENOMEM;
		return SMM_IO_ERR;
	}
	for (size_t i = 0; i < n; i++) {
		r = smm_store_verify(&v->store, &blocks[i]);
		if (r == SMM_IO_ERR)
			return r;
		result->blocks += blocks[i].kind != SMM_KIND_FOREIGN;
		result->foreign += blocks[i].kind == SMM_KIND_FOREIGN;
		result->damaged += r != SMM_OK;
	}
	return SMM_OK;
}

/* Hold the map and every block against the chip; unless @repair, without writing to it. */
static int verify(struct volume *v, bool repair, struct check_result *result)
{
	struct smm *s = &v->store.smm;
	uint32_t corrected = v->before.corrected + s->corrected;
	int r;

	if (repair)
		volume_recover(v);
	else
		mirror_forget(v->mirror);
	v->looking = !repair;
	r = v->state == VOLUME_OFFLINE ? SMM_IO_ERR : smm_verify(s);
	result->uncorrectable = s->uncorrectable ? s->uncorrectable : r != SMM_OK;
	if (r != SMM_IO_ERR)
		r = verify_blocks(v, result);
	v->looking = false;
	result->corrected = v->before.corrected + s->corrected - corrected;
	if (!repair)
		s->corrected -= result->corrected;
	return r;
}

int volume_check(struct volume *v, const struct caller *caller, bool repair,
		 struct check_result *result, sd_bus_error *error)
{
	int r = repair ? check_admin(v, caller, "repaired", error) : 0;

	*result = (struct check_result){ 0 };
	if (r >= 0)
		r = volume_ready(v, repair && v->state != VOLUME_CORRUPT, error);
	if (r < 0)
		return r;
	if (verify(v, repair, result) == SMM_IO_ERR) {
		volume_recover(v);
		return sd_bus_error_setf(error, ERROR_IO, "memory %s could not be checked: %s",
					 volume_name(v), strerror(-v->chip_error));
	}
	if (result->damaged || result->uncorrectable)
		log_warning("memory %s: %u blocks are damaged, %u lines of the map", volume_name(v),
			    result->damaged, result->uncorrectable);
	volume_publish(v);
	return 0;
}

/* Whether there is nothing that a format would lose. */
static bool is_empty(struct volume *v)
{
	return v->state == VOLUME_BLANK ||
	       (v->state == VOLUME_ONLINE && !v->index.has.n_blocks && !v->index.has.n_foreign);
}

int volume_format(struct volume *v, const struct caller *caller, uint32_t granule, bool force,
		  sd_bus_error *error)
{
	int r = check_admin(v, caller, "formatted", error);

	if (r >= 0 && (v->state == VOLUME_OFFLINE || v->state == VOLUME_READ_ONLY))
		r = volume_ready(v, true, error);
	if (r < 0)
		return r;
	if (!force && !is_empty(v))
		return sd_bus_error_setf(
			error, SD_BUS_ERROR_INVALID_ARGS,
			"memory %s is %s and holds %u blocks; without force it is not formatted",
			volume_name(v), states[v->state].name, v->index.has.n_blocks);
	if (!granule)
		granule = v->config->granule;
	switch (format(v, granule)) {
	case SMM_OK:
		log_info("memory %s was formatted", volume_name(v));
		return 0;
	case SMM_PARAMETER_INVALID:
	case SMM_NO_FREE_SPACE:
		return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
					 "a granule of %u bytes is not a power of two from %u that "
					 "leaves room in the %u bytes of memory %s",
					 granule, SMM_GRANULE, v->chip->size, volume_name(v));
	default:
		return sd_bus_error_setf(error, ERROR_IO, "memory %s could not be formatted: %s",
					 volume_name(v), strerror(-v->chip_error));
	}
}
