/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The states of a memory: how it gets from one to another, and what each allows.
 */
#include "volume-internal.h"

#include <errno.h>
#include <sys/random.h>
#include <time.h>

#include "errors.h"
#include "log.h"
#include "messages.h"
#include "util.h"
#include "worker.h"

/* A memory that is out of reach is tried again once, then after so long, twice as long ... */
#define RETRY_MIN_MS 100u
#define RETRY_MAX_MS 60000u

/* A slice of a chip has so many bytes at most, however fast it is. */
#define SLICE_MAX 4096u

static const struct {
	const char *name;
	const char *message; /* by which the journal knows it, where nothing better is known */
	const char *error;   /* of a call that it forbids */
	const char *text;    /* what is the case and what to do, where nothing better is known */
} states[] = {
	[VOLUME_ONLINE] = { .name = "online", .message = MESSAGE_ONLINE },
	[VOLUME_LOADING] = { "loading", NULL, ERROR_BUSY, "it is being read; try again" },
	[VOLUME_READ_ONLY] = { "read-only", MESSAGE_READ_ONLY, ERROR_WRITE_PROTECTED,
			       "it cannot be written" },
	[VOLUME_BLANK] = { "blank", MESSAGE_BLANK, ERROR_NOT_FORMATTED,
			   "the chip is empty; Format makes it usable" },
	[VOLUME_FOREIGN] = { "foreign", MESSAGE_FOREIGN, ERROR_NOT_FORMATTED,
			     "it holds something else; Format with force gives that up" },
	[VOLUME_CORRUPT] = { "corrupt", MESSAGE_CORRUPT, ERROR_CORRUPT,
			     "its map is beyond correction; what is intact can be read, and "
			     "nothing changed" },
	[VOLUME_OFFLINE] = { "offline", MESSAGE_OFFLINE, ERROR_OFFLINE,
			     "the chip does not answer" },
	[VOLUME_POWER_FAIL] = { "power-fail", MESSAGE_POWER_FAILS, ERROR_POWER_FAIL,
				"its supply fails; it serves again when that is back" },
};

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

const char *volume_state_name(const struct volume *v)
{
	return states[v->state].name;
}

const char *volume_why(const struct volume *v)
{
	if (v->state == VOLUME_ONLINE)
		return "";
	return *v->why ? v->why : states[v->state].text;
}

static void set_state(struct volume *v, enum volume_state state, const char *why)
{
	v->state = state;
	v->message = states[state].message;
	snprintf(v->why, sizeof(v->why), "%s", why ? why : "");
}

/* Who watches the line has logged it. */
static void set_power_fail(struct volume *v)
{
	set_state(v, VOLUME_POWER_FAIL, NULL);
	v->logged = v->message;
}

static void set_unanswered(struct volume *v)
{
	set_state(v, VOLUME_OFFLINE, NULL);
	snprintf(v->why, sizeof(v->why), "the chip does not answer: %s", strerror(-v->chip_error));
}

/* Mount */

/* Give the store its chip, as if it had never been mounted. */
static void reset_store(struct volume *v)
{
	struct smm *s = &v->store.smm;

	v->before.corrected += s->corrected;
	v->before.merged += s->merged;
	v->replays += v->store.replayed;
	v->store = (struct smm_store){
		.smm = {
			.read = volume_on_read,
			.write = volume_on_write,
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
	if (r != SMM_IO_ERR) {
		index_swap(&v->index, &fresh);
		index_compare(&fresh.has, &v->index.has, v->ops->block_changed, v->userdata);
		v->seen = true;
	}
	index_destroy(&fresh);
	return r;
}

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
static void judge_contents(struct volume *v)
{
	static const uint8_t restoring[] = VOLUME_RESTORING;
	_cleanup_free_ uint8_t *contents = malloc(v->chip->size);
	uint32_t n;

	for (uint32_t at = 0; contents && at < v->chip->size; at += n) {
		n = v->chip->size - at < SLICE_MAX ? v->chip->size - at : SLICE_MAX;
		if (v->stopping)
			v->chip_error = -ECANCELED;
		if (v->stopping || volume_on_read(v, at, contents + at, n) < 0)
			return set_unanswered(v);
	}
	if (!contents)
		return set_unanswered(v);
	if (is_blank(contents, v->chip->size))
		return set_state(v, VOLUME_BLANK, NULL);
	if (memcmp(contents, restoring, sizeof(restoring)) != 0)
		return set_state(v, VOLUME_FOREIGN, NULL);
	set_state(v, VOLUME_FOREIGN,
		  "the restoration of an image was interrupted; restore it again, or "
		  "Format with force gives it up");
	v->message = MESSAGE_INTERRUPTED;
}

/* What a mount with this result makes of the memory. */
static void judge(struct volume *v, int result)
{
	switch (result) {
	case SMM_OK:
		set_state(v, v->chip->read_only ? VOLUME_READ_ONLY : VOLUME_ONLINE,
			  v->chip->why_read_only);
		break;
	case SMM_CORRUPT:
		set_state(v, VOLUME_CORRUPT, NULL);
		break;
	case SMM_UNFINISHED:
		set_state(v, VOLUME_BLANK, NULL);
		break;
	case SMM_NOT_FORMATTED:
		judge_contents(v);
		break;
	case SMM_NEWER_FORMAT:
		set_state(v, VOLUME_FOREIGN,
			  "it has a newer format than this smmd knows; a newer smmd reads it");
		break;
	case SMM_WRONG_SIZE:
		set_state(v, VOLUME_FOREIGN,
			  "it was formatted as a chip of another size; correct model or size");
		break;
	default:
		set_state(v, VOLUME_OFFLINE, NULL);
	}
	if (v->state == VOLUME_OFFLINE)
		set_unanswered(v);
}

/* Whether the chip is the one that was here before; looks at it without writing to it. */
static bool is_the_same(struct volume *v)
{
	static const uint8_t none[SMM_ID_BYTES];
	const uint8_t *identity = v->store.identity;
	bool same;

	if (!v->known)
		return true;
	reset_store(v);
	v->looking = true;
	(void)smm_store_mount(&v->store);
	v->looking = false;
	same = !memcmp(identity, none, sizeof(none)) ||
	       !memcmp(identity, v->identity, sizeof(v->identity));
	v->store.smm.corrected = v->store.smm.merged = v->store.replayed = 0;
	mirror_forget(v->mirror);
	return same;
}

static void set_retry(struct volume *v)
{
	if (v->state != VOLUME_OFFLINE) {
		v->retry_ms = 0;
		return;
	}
	v->retry_at = now_ms() + v->retry_ms;
	v->retry_ms = v->retry_ms < RETRY_MIN_MS       ? RETRY_MIN_MS
		      : v->retry_ms < RETRY_MAX_MS / 2 ? 2 * v->retry_ms
						       : RETRY_MAX_MS;
}

/* Mount, and read what blocks there are. */
static void mount(struct volume *v)
{
	reset_store(v);
	judge(v, smm_store_mount(&v->store));
	if (v->state != VOLUME_OFFLINE && read_index(v) == SMM_IO_ERR)
		set_unanswered(v);
}

/* A write that went astray is put right from the image: then it has to be whole. */
static void load_for_proof(struct volume *v)
{
	int r = 1;

	while (r > 0 && v->state == VOLUME_ONLINE && v->config->verify == VERIFY_ALL &&
	       !v->stopping)
		r = mirror_load(v->mirror, SLICE_MAX);
	if (r < 0) {
		v->chip_error = r;
		set_unanswered(v);
	}
}

/* Whether something is wrong that a disturbed wire could have feigned. */
static bool is_doubtful(const struct volume *v)
{
	return v->state == VOLUME_CORRUPT || v->state == VOLUME_FOREIGN || v->index.has.n_foreign;
}

/* Find out what is on the chip. Out of reach, the index stays as it was: nothing is lost. */
static void take_up(struct volume *v)
{
	bool same = is_the_same(v);

	v->mounts++;
	if (!same) /* the chip, or the wire? */
		same = is_the_same(v);
	if (same) {
		mount(v);
		if (is_doubtful(v)) {
			mirror_forget(v->mirror);
			mount(v);
		}
		load_for_proof(v);
	} else {
		set_state(v, VOLUME_FOREIGN,
			  "another chip is in its place; put the first one back, or restart smmd "
			  "to take this one");
		v->message = MESSAGE_OTHER_CHIP;
		(void)read_index(v);
	}
	if (v->state == VOLUME_ONLINE || v->state == VOLUME_READ_ONLY) {
		memcpy(v->identity, v->store.identity, sizeof(v->identity));
		v->known = true;
	}
	set_retry(v);
	v->scrubbed = v->chip->size;
	v->scrub_at = now_ms() + 1000ull * v->config->scrub_interval;
	volume_publish(v);
}

int volume_make(struct volume *v, uint32_t granule)
{
	uint8_t identity[SMM_ID_BYTES];
	int r;

	if (getrandom(identity, sizeof(identity), 0) != sizeof(identity)) {
		v->chip_error = -errno;
		return SMM_IO_ERR;
	}
	v->known = false;
	reset_store(v);
	v->store.smm.granule = granule;
	r = smm_store_format(&v->store, identity, v->config->name);
	if (r == SMM_IO_ERR)
		mirror_forget(v->mirror);
	take_up(v);
	return r;
}

void volume_welcome(struct volume *v)
{
	v->wrong_model = false;
	take_up(v);
	if (v->state != VOLUME_BLANK || v->known || v->config->format != FORMAT_BLANK ||
	    v->chip->read_only)
		return;
	log_info("memory %s is blank; it is being formatted", volume_name(v));
	(void)volume_make(v, v->config->granule);
}

/* Loss and recovery */

void volume_log_state(struct volume *v)
{
	const struct volume_status *s = &v->status;
	const struct log_about about = { .message = v->message,
					 .memory = volume_name(v),
					 .error = states[v->state].error };

	v->logged = v->message;
	if (v->state == VOLUME_ONLINE)
		log_event(LOG_INFO, &about, "memory %s: %u blocks, %ju of %ju bytes are free",
			  volume_name(v), s->blocks, (uintmax_t)s->free, (uintmax_t)s->usable);
	else if (v->state == VOLUME_OFFLINE)
		log_event(LOG_ERR, &about, "memory %s is offline: %s: %s", volume_name(v),
			  s->device, volume_why(v));
	else
		log_event(LOG_WARNING, &about, "memory %s is %s: %s", volume_name(v), s->state,
			  volume_why(v));
}

void volume_lost(struct volume *v, int r, const sd_bus_error *error)
{
	v->wrong_model = r == -EMEDIUMTYPE;
	set_state(v, v->wrong_model ? VOLUME_FOREIGN : VOLUME_OFFLINE,
		  error->message ? error->message : strerror(-r));
	v->chip_error = r;
	set_retry(v);
	volume_publish(v);
}

void volume_recover(struct volume *v)
{
	_cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
	enum volume_state before = v->state;
	int r = 0;

	if (v->power_failing) {
		set_power_fail(v);
		volume_publish(v);
		return;
	}
	if (before == VOLUME_OFFLINE || before == VOLUME_FOREIGN || !v->chip)
		r = volume_reach(v, &error);
	if (r < 0) {
		volume_lost(v, r, &error);
	} else {
		mirror_forget(v->mirror);
		volume_welcome(v);
	}
	if (v->state != before || v->message != v->logged)
		volume_log_state(v);
}

/* Whether the time has come to try again. */
static bool is_due(const struct volume *v)
{
	if (v->state == VOLUME_POWER_FAIL)
		return !v->power_failing;
	return v->state == VOLUME_OFFLINE && now_ms() >= v->retry_at;
}

/* Its device has come or gone: what is there has to be found out. */
static void look_at_device(struct volume *v)
{
	if (!atomic_exchange(&v->replugged, false))
		return;
	v->retry_at = 0;
	if (v->state == VOLUME_ONLINE || v->state == VOLUME_FOREIGN ||
	    v->state == VOLUME_READ_ONLY || v->state == VOLUME_CORRUPT)
		set_state(v, VOLUME_OFFLINE, NULL);
}

int volume_ready(struct volume *v, bool change, sd_bus_error *error)
{
	if (!v->in_between)
		look_at_device(v);
	if (v->power_failing)
		set_power_fail(v);
	else if (!v->in_between && is_due(v))
		volume_recover(v);
	if (v->state == VOLUME_ONLINE)
		return 0;
	if (!change && (v->state == VOLUME_READ_ONLY || v->state == VOLUME_CORRUPT))
		return 0;
	return sd_bus_error_setf(error, states[v->state].error, "memory %s is %s: %s",
				 volume_name(v), states[v->state].name, volume_why(v));
}

int volume_seen(struct volume *v, sd_bus_error *error)
{
	struct volume_status status;

	if (v->seen)
		return 0;
	volume_status(v, &status);
	return sd_bus_error_setf(error,
				 strcmp(status.state, "loading") ? ERROR_OFFLINE : ERROR_BUSY,
				 "memory %s is %s: %s", volume_name(v), status.state,
				 *status.why ? status.why : states[VOLUME_LOADING].text);
}

void volume_power_fail(struct volume *v, bool failing)
{
	pthread_mutex_lock(&v->lock);
	v->power_failing = failing;
	if (v->chip)
		chip_power_fail(v->chip, failing);
	pthread_mutex_unlock(&v->lock);
}

void volume_stop(struct volume *v)
{
	v->stopping = true;
}

void volume_device_changed(struct volume *v)
{
	v->replugged = true;
}

/* Work that nobody waits for */

uint32_t volume_slice(const struct volume *v)
{
	uint32_t ns = v->chip->ns_per_byte, bytes = ns ? CHIP_SLICE_NS / ns : SLICE_MAX;

	return bytes < 64 ? 64 : bytes < SLICE_MAX ? bytes : SLICE_MAX;
}

/* Compare a slice of the chip with its image, or wait until it is time for the next round. */
static uint32_t scrub(struct volume *v)
{
	const struct log_about about = { .message = MESSAGE_CHANGED, .memory = volume_name(v) };
	uint64_t now = now_ms();
	uint64_t repaired = mirror_counters(v->mirror)->repaired;
	int differ;

	if (v->scrubbed >= v->chip->size) {
		if (!v->config->scrub_interval || !v->config->mirror)
			return WORKER_NEVER;
		if (now < v->scrub_at)
			return v->scrub_at - now < WORKER_NEVER ? (uint32_t)(v->scrub_at - now)
								: WORKER_NEVER - 1;
		v->scrubbed = 0;
		v->scrub_at = now + 1000ull * v->config->scrub_interval;
	}
	differ = mirror_scrub(v->mirror, &v->scrubbed, volume_slice(v));
	if (differ < 0) {
		v->chip_error = differ;
		volume_recover(v);
	} else if (mirror_counters(v->mirror)->repaired > repaired) {
		log_event(LOG_WARNING, &about,
			  "memory %s: %d bytes before 0x%x had changed on the chip and were put "
			  "right",
			  volume_name(v), differ, v->scrubbed);
	} else if (differ > 0) {
		log_event(LOG_WARNING, &about,
			  "memory %s: %d bytes before 0x%x are not what was written; who else "
			  "writes to the chip?",
			  volume_name(v), differ, v->scrubbed);
		volume_recover(v);
	}
	volume_publish(v);
	return 0;
}

uint32_t volume_idle(struct volume *v)
{
	uint64_t now = now_ms();
	int r;

	look_at_device(v);
	if (v->power_failing)
		return WORKER_NEVER;
	if (is_due(v)) {
		volume_recover(v);
		return 0;
	}
	if (v->state == VOLUME_OFFLINE)
		return v->retry_at > now ? (uint32_t)(v->retry_at - now) : 0;
	if (v->state != VOLUME_ONLINE && v->state != VOLUME_READ_ONLY)
		return WORKER_NEVER;
	r = mirror_load(v->mirror, volume_slice(v));
	if (r < 0) {
		v->chip_error = r;
		volume_recover(v);
	}
	return r ? 0 : scrub(v);
}
