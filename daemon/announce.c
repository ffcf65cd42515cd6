/* SPDX-License-Identifier: BSD-3-Clause */
#include "announce.h"

#include <uthash.h>

#include "block.h"
#include "log.h"
#include "memory.h"
#include "session.h"
#include "util.h"

#define TICK 0.1 /* seconds */

/* Messages that wait for the bus to take them; with more, it gets no signals: about 15 MB. */
#define UNSENT_MAX 16384u

#define EVERYBODY 0444u

#define MEMORY_INTERFACE "org.smm1.Memory"
#define BLOCK_INTERFACE  "org.smm1.Block"
#define JOB_INTERFACE    "org.smm1.Job"

/* A block whose properties were announced just now. */
struct hot_block {
	uint32_t id;
	struct smm_block now;
	unsigned int changed; /* properties that have to be announced */
	UT_hash_handle hh;
};

/* Connections */

/* One of the connections that signals go to: the bus, or a session. */
struct listener {
	sd_bus *bus;
	const struct session *session; /* NULL: everybody, on the bus */
};

/* The next one after @l, which is zeroed to begin with. A bus that takes nothing is left out. */
static bool next_listener(struct manager *manager, struct listener *l)
{
	if (!l->bus && bus_unsent(manager->bus) < UNSENT_MAX) {
		l->bus = manager->bus;
		return true;
	}
	l->session = l->session ? LIST_NEXT(l->session, link) : LIST_FIRST(&manager->sessions);
	l->bus = l->session ? l->session->connection : NULL;
	return l->session;
}

#define FOR_EACH_LISTENER(l, manager) for (struct listener l = { 0 }; next_listener(manager, &l);)

static bool may_see(const struct listener *listener, const struct smm_block *b)
{
	if (!listener->session)
		return (b->mode & EVERYBODY) == EVERYBODY;
	return volume_may_see(&listener->session->creds->caller, b);
}

static bool may_read(const struct listener *listener, const struct smm_block *b)
{
	if (!listener->session)
		return (b->mode & EVERYBODY) == EVERYBODY;
	return volume_may_read(&listener->session->creds->caller, b);
}

static void check(int r, const char *path)
{
	if (r < 0)
		log_full(LOG_DEBUG, r, "%s: a signal could not be sent: %m", path);
}

/* Blocks */

static void emit_added(struct memory *memory, sd_bus *bus, const struct smm_block *b)
{
	_cleanup_free_ char *path = block_path(memory, b->id);

	block_show(memory, b);
	memory->announcing = true;
	if (path)
		check(sd_bus_emit_interfaces_added(bus, path, BLOCK_INTERFACE, NULL), path);
	memory->announcing = false;
}

static void emit_removed(struct memory *memory, sd_bus *bus, const struct smm_block *b)
{
	_cleanup_free_ char *path = block_path(memory, b->id);

	if (path)
		check(sd_bus_emit_interfaces_removed(bus, path, BLOCK_INTERFACE, NULL), path);
}

/* Those whom it appears to, and those from whom it disappears. */
static void announce_existence(struct memory *memory, const struct smm_block *before,
			       const struct smm_block *now)
{
	FOR_EACH_LISTENER(l, memory->manager)
	{
		bool saw = before && may_see(&l, before), sees = now && may_see(&l, now);

		if (saw && !sees)
			emit_removed(memory, l.bus, before);
		else if (sees && !saw)
			emit_added(memory, l.bus, now);
	}
}

static const char *const block_properties[] = {
	"Name", "Size", "Owner", "Group", "Mode", "Address", "Generation", "Checksummed",
};

/* The properties that are not the same in both, a bit each. */
static unsigned int compare_blocks(const struct smm_block *a, const struct smm_block *b)
{
	const bool differ[] = {
		strcmp(a->name, b->name) != 0,
		a->length != b->length,
		a->uid != b->uid,
		a->gid != b->gid,
		a->mode != b->mode,
		a->offset != b->offset,
		a->generation != b->generation,
		a->checksummed != b->checksummed,
	};
	unsigned int properties = 0;

	for (size_t i = 0; i < ARRAY_SIZE(differ); i++)
		properties |= (unsigned int)differ[i] << i;
	return properties;
}

/* To those who see the block now, and have seen it as @before. */
static void announce_properties(struct memory *memory, const struct smm_block *before,
				const struct smm_block *now, unsigned int properties)
{
	_cleanup_free_ char *path = block_path(memory, now->id);
	const char *names[ARRAY_SIZE(block_properties) + 1];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(block_properties); i++)
		if (properties >> i & 1)
			names[n++] = block_properties[i];
	names[n] = NULL;
	if (!path || !n)
		return;
	block_show(memory, now);
	memory->announcing = true;
	FOR_EACH_LISTENER(l, memory->manager)
	{
		if (may_see(&l, before) && may_see(&l, now))
			check(sd_bus_emit_properties_changed_strv(l.bus, path, BLOCK_INTERFACE,
								  (char **)names),
			      path);
	}
	memory->announcing = false;
}

static void start_tick(struct memory *memory)
{
	ev_timer *tick = &memory->announcer.tick;

	if (ev_is_active(tick))
		return;
	ev_timer_set(tick, TICK, TICK);
	ev_timer_start(memory->manager->loop, tick);
}

static struct hot_block *find_hot(struct memory *memory, uint32_t id)
{
	struct hot_block *hot;

	HASH_FIND(hh, memory->announcer.blocks, &id, sizeof(id), hot);
	return hot;
}

static void cool(struct memory *memory, struct hot_block *hot)
{
	if (!hot)
		return;
	HASH_DEL(memory->announcer.blocks, hot);
	free(hot);
}

static void announce_change(struct memory *memory, const struct smm_block *before,
			    const struct smm_block *now)
{
	unsigned int properties = compare_blocks(before, now);
	struct hot_block *hot = find_hot(memory, now->id);

	if (hot) {
		hot->changed |= properties;
		hot->now = *now;
		return;
	}
	if (!properties)
		return;
	announce_properties(memory, before, now, properties);
	hot = calloc(1, sizeof(*hot));
	if (!hot)
		return;
	hot->id = now->id;
	HASH_ADD(hh, memory->announcer.blocks, id, sizeof(hot->id), hot);
	start_tick(memory);
}

void announce_block(struct memory *memory, const struct smm_block *before,
		    const struct smm_block *now)
{
	announce_existence(memory, before, now);
	if (before && now)
		announce_change(memory, before, now);
	else if (before)
		cool(memory, find_hot(memory, before->id));
}

bool announce_is_heard(struct manager *manager, const struct smm_block *b)
{
	return manager->n_sessions || (b->mode & EVERYBODY) == EVERYBODY;
}

void announce_content(struct memory *memory, const struct smm_block *b, uint32_t offset,
		      uint32_t length)
{
	FOR_EACH_LISTENER(l, memory->manager)
	{
		if (may_read(&l, b))
			check(sd_bus_emit_signal(l.bus, memory->path, MEMORY_INTERFACE, "Changed",
						 "usuu", b->id, b->name, offset, length),
			      memory->path);
	}
}

/* Memories */

static void compare_status(const struct volume_status *a, const struct volume_status *b,
			   const char **names)
{
	if (strcmp(a->state, b->state) != 0)
		*names++ = "State";
	if (strcmp(a->why, b->why) != 0)
		*names++ = "StateReason";
	if (a->write_protected != b->write_protected)
		*names++ = "WriteProtected";
	if (strcmp(a->model, b->model) != 0)
		*names++ = "Model";
	if (strcmp(a->technology, b->technology) != 0)
		*names++ = "Technology";
	if (strcmp(a->identified, b->identified) != 0)
		*names++ = "Identification";
	if (a->clock != b->clock)
		*names++ = "BusSpeed";
	if (a->size != b->size)
		*names++ = "Size";
	if (a->usable != b->usable)
		*names++ = "UsableSize";
	if (a->free != b->free)
		*names++ = "FreeSize";
	if (a->largest_free != b->largest_free)
		*names++ = "LargestFree";
	if (a->granule != b->granule)
		*names++ = "Granule";
	if (a->blocks != b->blocks)
		*names++ = "Blocks";
	*names = NULL;
}

static void emit_status(struct memory *memory)
{
	struct announcer *a = &memory->announcer;
	struct volume_status now;
	const char *names[14];

	volume_status(memory->volume, &now);
	compare_status(&a->status, &now, names);
	if (!*names)
		return;
	if (strcmp(a->status.state, now.state) != 0 || strcmp(a->status.why, now.why) != 0)
		manager_state_changed(memory->manager);
	a->status = now;
	FOR_EACH_LISTENER(l, memory->manager)
	{
		check(sd_bus_emit_properties_changed_strv(l.bus, memory->path, MEMORY_INTERFACE,
							  (char **)names),
		      memory->path);
	}
}

void announce_status(struct memory *memory)
{
	struct announcer *a = &memory->announcer;

	if (a->hot) {
		a->changed = true;
		return;
	}
	emit_status(memory);
	a->hot = true;
	start_tick(memory);
}

static void on_tick(struct ev_loop *loop, ev_timer *tick, int revents)
{
	struct memory *memory = tick->data;
	struct announcer *a = &memory->announcer;
	struct hot_block *hot, *next;

	(void)revents;
	a->hot = a->changed;
	if (a->changed)
		emit_status(memory);
	a->changed = false;
	HASH_ITER (hh, a->blocks, hot, next) {
		if (!hot->changed) {
			cool(memory, hot);
			continue;
		}
		/* Some may see it since a moment only, and have been told how it was then. */
		announce_properties(memory, &hot->now, &hot->now, hot->changed);
		hot->changed = 0;
	}
	if (!a->hot && !a->blocks)
		ev_timer_stop(loop, tick);
}

void announcer_init(struct memory *memory)
{
	struct announcer *a = &memory->announcer;

	ev_timer_init(&a->tick, on_tick, TICK, TICK);
	a->tick.data = memory;
	volume_status(memory->volume, &a->status);
}

void announcer_release(struct memory *memory)
{
	struct announcer *a = &memory->announcer;
	struct hot_block *hot, *next;

	ev_timer_stop(memory->manager->loop, &a->tick);
	HASH_ITER (hh, a->blocks, hot, next)
		cool(memory, hot);
}

/* Other objects */

void announce_added(struct manager *manager, const char *path, const char *interface)
{
	FOR_EACH_LISTENER(l, manager)
	check(sd_bus_emit_interfaces_added(l.bus, path, interface, NULL), path);
}

void announce_removed(struct manager *manager, const char *path, const char *interface)
{
	FOR_EACH_LISTENER(l, manager)
	check(sd_bus_emit_interfaces_removed(l.bus, path, interface, NULL), path);
}

void announce_job_progress(struct manager *manager, const char *path)
{
	FOR_EACH_LISTENER(l, manager)
	check(sd_bus_emit_properties_changed(l.bus, path, JOB_INTERFACE, "BytesDone", NULL), path);
}

void announce_job_finished(struct manager *manager, const char *path, const char *result)
{
	FOR_EACH_LISTENER(l, manager)
	{
		check(sd_bus_emit_signal(l.bus, path, JOB_INTERFACE, "Finished", "s", result),
		      path);
		check(sd_bus_emit_interfaces_removed(l.bus, path, JOB_INTERFACE, NULL), path);
	}
}
