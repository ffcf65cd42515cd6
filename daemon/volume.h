/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A volume: one memory as its users see it. It holds the store and an index of its blocks in RAM,
 * decides who may do what, and turns what the store says into the errors of the D-Bus interface.
 *
 * The calls in the first part reach down to the chip, so only the memory's worker thread makes
 * them. Those in the second part look at the index alone, are safe from any thread, and never wait
 * for the wire; no more do those in the third part, for the thread that holds the worker.
 *
 * All return 0 or a negative errno with @error set to a name of the interface and one sentence.
 */
#pragma once

#include <stdatomic.h>
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
	/* A block is another: its header before and now, of which one is NULL if it came or went.
	 */
	void (*block_changed)(void *userdata, const struct smm_block *before,
			      const struct smm_block *now);
	/* So many bytes of its content were written; they are on the chip. */
	void (*content_changed)(void *userdata, const struct smm_block *block, uint32_t offset,
				uint32_t length);
};

/* Who asks: as the bus vouches for it. */
struct caller {
	uid_t uid;
	gid_t gid; /* primary; -1 if it is not known */
	size_t n_gids;
	const gid_t *gids; /* all */
	bool admin;        /* uid 0, or who was confirmed to be an administrator */
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

/*
 * Have what is to be read in RAM, a slice at a time; of the block @name, or with NULL of @id.
 *
 * Return: 1 if it wants to be called again, when others had their turn; 0. It has no errors: the
 * read has them.
 */
int volume_prefetch(struct volume *volume, const struct caller *caller, uint32_t id,
		    const char *name, uint32_t offset, uint32_t length);

/* @length UINT32_MAX reads to the end; @data is the caller's to free(). */
int volume_read(struct volume *volume, const struct caller *caller, uint32_t id, uint32_t offset,
		uint32_t length, void **data, size_t *size, sd_bus_error *error);
int volume_write(struct volume *volume, const struct caller *caller, uint32_t id, uint32_t offset,
		 const void *data, size_t size, sd_bus_error *error);

/* Writes a slice at a time: @done bytes are written, and the call adds to them. Return: 1 if it
 * wants to be called again, when others had their turn; 0 or a negative errno. */
int volume_write_in_place(struct volume *volume, const struct caller *caller, uint32_t id,
			  uint32_t offset, const void *data, size_t size, uint32_t *done,
			  sd_bus_error *error);

/* A part of a block's content. */
struct volume_part {
	uint32_t id, offset;
	size_t size;
	const void *data; /* that is written */
	void *content;    /* that was read */
};

/* All parts, or nothing. */
int volume_write_many(struct volume *volume, const struct caller *caller,
		      const struct volume_part *parts, size_t n_parts, sd_bus_error *error);

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

/*
 * What follows takes its time and goes in steps: 1 is returned if the call is to be made again,
 * when others had their turn. The structures are zeroed to begin with.
 */

struct check_result {
	uint32_t blocks, foreign, damaged, corrected, uncorrectable;
};

struct volume_check {
	bool repair;
	struct check_result result;
	_Atomic uint32_t at; /* bytes of the chip that were looked at */
	/* The volume's. */
	bool begun;
	uint32_t mounts;
	struct smm_block *blocks;
	size_t n_blocks, next;
};

int volume_check(struct volume *volume, const struct caller *caller, struct volume_check *check,
		 sd_bus_error *error);
void volume_check_done(struct volume_check *check);

/* A copy of the whole chip: every byte below @upto is as it is on the chip. */
struct shadow {
	uint8_t *bytes;
	_Atomic uint32_t upto;
};

/* The chip as it is when this returns 0: as an image, which is the caller's to free(). */
struct volume_dump {
	void *file;
	size_t size;
	/* The volume's. */
	struct shadow shadow;
	uint32_t mounts;
};

int volume_dump(struct volume *volume, const struct caller *caller, struct volume_dump *dump,
		sd_bus_error *error);
/* For any thread: give it up before it is finished. */
void volume_dump_stop(struct volume *volume, struct volume_dump *dump);

/*
 * These two go in one step each; volume_written() tells any thread how far they are.
 *
 * @certain: is set when the image was found good and the chip is written from now on; if somebody
 *	set it before, the call ends with -ECANCELED instead
 */
int volume_restore(struct volume *volume, const struct caller *caller, const void *file,
		   size_t size, _Atomic bool *certain, sd_bus_error *error);
int volume_format(struct volume *volume, const struct caller *caller, uint32_t granule, bool force,
		  sd_bus_error *error);

/* Whether @length bytes of a block may be read in the middle of the call in hand; of the block
 * @name, or with NULL of @id. */
bool volume_fits_between(struct volume *volume, uint32_t id, const char *name, uint32_t length);

/* Part two: any thread. */

/* How many of @length bytes @caller may read of a block; of the block @name, or with NULL of @id.
 */
uint32_t volume_length(struct volume *volume, const struct caller *caller, uint32_t id,
		       const char *name, uint32_t length);

/* Bytes that the format or restoration in hand has written. */
uint64_t volume_written(struct volume *volume);

/* Transfers and slices of them that have come to an end; any thread. */
uint64_t volume_slices(struct volume *volume);

bool volume_may_see(const struct caller *caller, const struct smm_block *block);
bool volume_may_read(const struct caller *caller, const struct smm_block *block);

/* The supply fails, or is back: wake the worker then. */
void volume_power_fail(struct volume *volume, bool failing);

/* Do not go on reading a chip that nobody is going to ask for. */
void volume_stop(struct volume *volume);

/* The device came or went: wake the worker. */
void volume_device_changed(struct volume *volume);

const char *volume_name(const struct volume *volume);

/* Sets @error to what is wrong with a name that cannot be one. */
int volume_bad_name(sd_bus_error *error);

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

/*
 * Part three, for the thread that holds the worker: look whether something can be read without the
 * wire, and do it. volume_holds() clips @length at the end of the block.
 */
bool volume_holds(struct volume *volume, const struct caller *caller, uint32_t id, const char *name,
		  uint32_t offset, uint32_t *length, struct smm_block *block);
bool volume_copy(struct volume *volume, const struct smm_block *block, uint32_t offset,
		 uint32_t length, void *buffer);
