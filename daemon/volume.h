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

/* Who asks: as the bus vouches for it. */
struct caller {
	uid_t uid;
	size_t n_gids;
	const gid_t *gids; /* primary and supplementary */
};

/* What the properties of org.smm1.Memory say; strings live as long as the volume. */
struct volume_status {
	const char *state; /* "online", "blank", "foreign", "corrupt", "read-only", "offline" ... */
	const char *model, *technology, *bus, *device;
	uint64_t size, usable, free, largest_free;
	uint32_t granule, blocks;
	bool write_protected;
	size_t n_statistics;
	struct {
		const char *name;
		uint64_t value;
	} statistics[24];
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
 * volume_open() - open the chip, take its lock, mount (or, where the configuration allows it,
 * format) it.
 * @config: has to outlive the volume
 * @volume: receives it; free it with volume_close()
 *
 * A chip that cannot serve (blank, foreign, corrupt) is still a volume, whose state says so. Only a
 * chip that cannot be had at all is an error: no such file, no permission, or -EBUSY if another
 * process owns it.
 */
int volume_open(const struct memory_config *config, struct volume **volume, sd_bus_error *error);
void volume_close(struct volume *volume);

/* Part one: the worker's. Parameters are those of the methods of org.smm1.Memory. */
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

/* Part two: any thread. */
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
