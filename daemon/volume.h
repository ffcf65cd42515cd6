/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A volume: one memory as its users see it. It holds the store and an index of its blocks in RAM,
 * decides who may do what, and turns what the store says into the errors of the D-Bus interface.
 *
 * The calls in the first part reach down to the chip, so only the memory's worker thread makes
 * them. Those in the second part look at the index alone, are safe from any thread, and never wait
 * for the wire.
 *
 * All return 0 or a negative errno with @error set to a name of the interface and one sentence.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-bus.h>

#include "config.h"
#include "smm_store.h"

struct volume;

/* What a volume calls, on the worker's thread. */
struct volume_ops {
	void (*changed)(void *userdata); /* its state is another */
	void (*between)(void *userdata); /* a slice of a long transfer is done */
};

/* Who asks: as the bus vouches for it. */
struct caller {
	uid_t uid;
	gid_t gid; /* primary; -1 if it is not known */
	size_t n_gids;
	const gid_t *gids; /* all */
};

#define VOLUME_WHY_MAX 256u

/* What the properties of org.smm1.Memory say; strings live as long as the volume. */
struct volume_status {
	const char *state; /* "online", "blank", "foreign", "corrupt", "read-only", "offline" ... */
	char why[VOLUME_WHY_MAX]; /* not online: what is the case and what to do; else "" */
	const char *model, *technology, *identified, *bus, *device;
	uint32_t clock; /* Hz of the wire; 0 if nobody knows */
	uint64_t size, usable, free, largest_free;
	uint32_t granule, blocks;
	bool write_protected;
	size_t n_statistics;
	struct {
		const char *name;
		uint64_t value;
	} statistics[32];
};

/*
 * Options of volume_allocate(); zero is their default. Unless @exclusive, a data block that has the
 * name and the size already, and that the caller may read and write, is taken as it is, as a file
 * by O_CREAT without O_EXCL.
 */
struct allocate_options {
	bool has_mode, has_gid, exclusive;
	uint32_t mode;
	uint32_t gid;
	uint8_t fill;
};

/**
 * volume_new() - make the volume of a memory, which is "loading" until volume_open().
 * @config, @ops: have to outlive it
 * @userdata: for @ops
 * @volume: receives it; free it with volume_close(), after the worker has ended
 */
int volume_new(const struct memory_config *config, const struct volume_ops *ops, void *userdata,
	       struct volume **volume);
void volume_close(struct volume *volume);

/* Part one: the worker's. Parameters are those of the methods of org.smm1.Memory. */

/**
 * volume_open() - open the chip, take its lock, mount (or, where the configuration allows it,
 * format) it: the first call of the worker.
 *
 * A chip that cannot serve (blank, foreign, corrupt) is still a volume, whose state says so, and so
 * is a chip on a bus that cannot be had: it is tried again. A file that cannot be had is an error.
 */
int volume_open(struct volume *volume, sd_bus_error *error);

/* What has to be done beside calls, a little of it. Return: milliseconds until the next time. */
uint32_t volume_idle(struct volume *volume);

int volume_allocate(struct volume *volume, const struct caller *caller, const char *name,
		    uint32_t size, const struct allocate_options *options, uint32_t *id,
		    sd_bus_error *error);
int volume_free(struct volume *volume, const struct caller *caller, uint32_t id,
		sd_bus_error *error);
int volume_resize(struct volume *volume, const struct caller *caller, uint32_t id, uint32_t size,
		  sd_bus_error *error);

/* @length UINT32_MAX reads to the end; @data is the caller's to free(). */
int volume_read(struct volume *volume, const struct caller *caller, uint32_t id, uint32_t offset,
		uint32_t length, void **data, size_t *size, sd_bus_error *error);
int volume_write(struct volume *volume, const struct caller *caller, uint32_t id, uint32_t offset,
		 const void *data, size_t size, sd_bus_error *error);
int volume_write_in_place(struct volume *volume, const struct caller *caller, uint32_t id,
			  uint32_t offset, const void *data, size_t size, sd_bus_error *error);
int volume_store(struct volume *volume, const struct caller *caller, const char *name,
		 const void *data, size_t size, uint32_t *id, sd_bus_error *error);
int volume_load(struct volume *volume, const struct caller *caller, const char *name, void **data,
		size_t *size, sd_bus_error *error);
int volume_add(struct volume *volume, const struct caller *caller, const char *name, int64_t delta,
	       int64_t *value, sd_bus_error *error);
int volume_set_mode(struct volume *volume, const struct caller *caller, uint32_t id, uint32_t mode,
		    sd_bus_error *error);
int volume_set_owner(struct volume *volume, const struct caller *caller, uint32_t id, uint32_t uid,
		     uint32_t gid, sd_bus_error *error);
int volume_rename(struct volume *volume, const struct caller *caller, uint32_t id, const char *name,
		  sd_bus_error *error);

struct check_result {
	uint32_t blocks, foreign, damaged, corrected, uncorrectable;
};

int volume_check(struct volume *volume, const struct caller *caller, bool repair,
		 struct check_result *result, sd_bus_error *error);
int volume_format(struct volume *volume, const struct caller *caller, uint32_t granule, bool force,
		  sd_bus_error *error);

/* Whether @length bytes of a block may be read in the middle of the call in hand; of the block
 * @name, or with NULL of @id. */
bool volume_fits_between(struct volume *volume, uint32_t id, const char *name, uint32_t length);

/* Part two: any thread. */

/* The supply fails, or is back: wake the worker then. */
void volume_power_fail(struct volume *volume, bool failing);

/* Do not go on reading a chip that nobody is going to ask for. */
void volume_stop(struct volume *volume);

/* The device came or went: wake the worker. */
void volume_device_changed(struct volume *volume);

const char *volume_name(const struct volume *volume);
void volume_status(struct volume *volume, struct volume_status *status);

/* A copy of the block that @caller may see, or -ENOENT with NoSuchBlock. */
int volume_stat(struct volume *volume, const struct caller *caller, uint32_t id,
		struct smm_block *block, sd_bus_error *error);
int volume_find(struct volume *volume, const struct caller *caller, const char *name, uint32_t *id,
		sd_bus_error *error);

/* The blocks that @caller may see, by id, foreign ones (id 0, for uid 0 only) first; to be freed
 * with free(). */
int volume_list(struct volume *volume, const struct caller *caller, struct smm_block **blocks,
		size_t *n_blocks, sd_bus_error *error);
