/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * smm_store: named, owned, checksummed blocks on top of smm, with atomic updates.
 *
 * A block is one allocation of smm.h that begins with a header. Every call below is all or nothing
 * at every byte of its wire traffic, unless its comment says otherwise: small changes go through an
 * intent log on the chip, large ones build a new block and switch over. FORMAT.md has the bytes.
 *
 * The rules of smm.h hold: no heap, no static state, one thread at a time for a memory, and a
 * medium on which one byte is atomic and the bytes of a write land in order.
 *
 * After SMM_IO_ERR from a call that changes something it is not known how far the change came. The
 * store then answers everything with SMM_IO_ERR until smm_store_mount() has settled it one way or
 * the other; every struct smm_block taken before that has to be looked up again. SMM_IO_ERR from a
 * call that only reads has changed nothing; mount again, too, before the next call.
 *
 * SMM_CORRUPT from a call that changes something means the same as from a mount: from now on the
 * store can be read, as far as it is intact, and not be changed.
 */
#ifndef SMM_STORE_H
#define SMM_STORE_H

#include "smm.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SMM_NAME_MAX  63u /* bytes of a block's name */
#define SMM_LABEL_MAX 31u /* bytes of a chip's label */
#define SMM_ID_BYTES  16u /* bytes of a chip's identity */
#define SMM_OVERHEAD  32u /* bytes of a block's allocation beside its name and its payload */

enum smm_kind {
	SMM_KIND_FOREIGN = 0, /* an allocation without a valid header: somebody else's */
	SMM_KIND_DATA = 1,
	SMM_KIND_COUNTER = 2, /* 8 bytes: a signed little-endian number for smm_store_add() */
	SMM_KIND_SYSTEM = 3   /* the store's own; never handed out */
};

/*
 * A block, as its header says. The calls that find a block fill it, the calls that change a block
 * keep it up to date; it is the caller's, and valid until the block is freed or a call returned
 * SMM_IO_ERR.
 */
struct smm_block {
	u32 offset;     /* where its allocation starts on the medium; 0 is no block */
	u32 room;       /* bytes of the allocation, header included */
	u32 id;         /* permanent; never given to another block of this chip; 0 where foreign */
	u32 generation; /* from 1; the next one each time the block was built anew */
	u32 length;     /* bytes of payload; of a foreign block, all of its room */
	u32 uid, gid;
	u16 mode;                    /* bits as of a file, 0 to 0777 */
	u8 kind;                     /* enum smm_kind */
	u8 checksummed;              /* 1 if a CRC-32C of the payload is kept */
	char name[SMM_NAME_MAX + 1]; /* NUL-terminated; "" for none */
};

/* The library's own: a step of an intent; bytes, or with @data NULL an allocation. */
struct smm_change {
	u32 offset;
	u32 size; /* bytes of @data; or of the allocation to make, 0 to free it */
	const void *data;
	const struct smm_change *next; /* what comes after it, or NULL */
};

/* A part of smm_store_write_many(). Set the first group. */
struct smm_write {
	const struct smm_block *block;
	u32 offset, size; /* bytes of its payload; with size 0 nothing is changed */
	const void *data; /* @size bytes that are to be there */
	/* The library's own. */
	struct smm_change bytes, sum;
	u8 checksum[4];
};

/* A store. Zero it, set the first group of @smm, then smm_store_format() or smm_store_mount(). */
struct smm_store {
	struct smm smm;
	/* Filled by mount and format; read-only for the caller. */
	u8 identity[SMM_ID_BYTES]; /* random, given at the format: tells this chip from any other */
	char label[SMM_LABEL_MAX + 1]; /* NUL-terminated */
	u32 log_size; /* bytes of the intent log; bounds what one atomic write logs */
	u32 replayed; /* 1 if the mount finished an update that a power loss cut */
	/* The library's own. */
	u32 log;     /* offset of the intent log */
	u32 id_mark; /* offset of the mark below which ids may be given without touching the chip */
	u32 id_limit; /* the mark */
	u32 next_id;  /* the next block's id */
	int trouble;  /* why nothing can be changed, or SMM_OK */
};

/**
 * smm_store_format() - make an empty store; whatever the medium held is lost.
 * @st: with the first group of @st->smm set
 * @identity: 16 random bytes
 * @label: a name for people, at most 31 bytes, otherwise as a block's name; may be ""
 *
 * The superblock is written last: power loss leaves a medium that a mount answers with
 * SMM_UNFINISHED; in the first three bytes of it, what the medium was before.
 *
 * Return: SMM_OK; SMM_BAD_NAME for the label, SMM_NO_FREE_SPACE if the medium is too small for a
 * store (below about 300 bytes), both with nothing written; and as smm_format().
 */
int smm_store_format(struct smm_store *st, const u8 identity[SMM_ID_BYTES], const char *label);

/**
 * smm_store_mount() - take up a store, as it is after a power loss or a restart.
 * @st: with the first group of @st->smm set
 *
 * Mounts the allocator and finishes the update that the intent log holds, if any. Reads no block
 * headers: smm_store_next() does. Power loss during it is harmless. With SMM_CORRUPT an update that
 * makes or frees an allocation waits in the log until the map is whole again.
 *
 * Return: as smm_mount(); SMM_NOT_FORMATTED also for a memory of smm.h that holds no store,
 * SMM_NEWER_FORMAT also for a store of a newer version, with nothing changed. After SMM_CORRUPT the
 * intact blocks can be walked and read, and nothing can be changed.
 */
int smm_store_mount(struct smm_store *st);

/**
 * smm_store_next() - the next block in the order of addresses.
 * @st: a mounted store
 * @after: offset of the one before; 0 starts
 * @b: receives the block; offset 0 after the last
 *
 * Foreign allocations are included, with kind SMM_KIND_FOREIGN. The store's own is not.
 *
 * Return: SMM_OK (also at the end), SMM_NOT_FORMATTED, SMM_IO_ERR.
 */
int smm_store_next(struct smm_store *st, u32 after, struct smm_block *b);

/**
 * smm_store_find() - look a block up by name: reads the headers up to it.
 * smm_store_find_id() - look a block up by id.
 *
 * The first one in the order of addresses; with the name "", the first one without a name.
 *
 * Return: SMM_OK, SMM_NOT_FOUND, SMM_NOT_FORMATTED, SMM_IO_ERR.
 */
int smm_store_find(struct smm_store *st, const char *name, struct smm_block *b);
int smm_store_find_id(struct smm_store *st, u32 id, struct smm_block *b);

/**
 * smm_store_create() - make a block.
 * @st: a mounted store
 * @b: in: length, uid, gid, mode, kind, name; out: all of it, with a new id and generation 1
 * @data: @b->length bytes, or NULL to fill with @fill
 * @fill: the value of every byte where @data is NULL
 *
 * Every byte of the payload is written before the block exists, so what was freed is never read by
 * the next owner. Names are not compared: call smm_store_find() first where they have to be unique.
 *
 * Return: SMM_OK; SMM_BAD_NAME, SMM_NO_FREE_SPACE, SMM_PARAMETER_INVALID (a kind that cannot be
 * created, a counter that has not 8 bytes, a mode over 0777), SMM_OVERFLOW (no id is left), with
 * nothing changed; SMM_CORRUPT, SMM_NOT_FORMATTED, SMM_IO_ERR.
 */
int smm_store_create(struct smm_store *st, struct smm_block *b, const void *data, u8 fill);

/**
 * smm_store_adopt() - make a block that keeps the id and generation it had in another store.
 * @st: a mounted store
 * @b: in: as for smm_store_create(), and id and generation, both from 1; out: all of it
 * @data: @b->length bytes, or NULL for zeros
 *
 * For the copy of a store on another chip. Ids are not compared: no block of @st may have that of
 * @b. Those that smm_store_create() gives from then on are higher. Power loss leaves the block or
 * none, and perhaps the ids up to its own used up.
 *
 * Return: as smm_store_create(); SMM_PARAMETER_INVALID also for an id or a generation of 0,
 * SMM_OVERFLOW for the id UINT32_MAX, above which there is none.
 */
int smm_store_adopt(struct smm_store *st, struct smm_block *b, const void *data);

/**
 * smm_store_replace() - replace the whole content, and the length with it.
 * @st: a mounted store
 * @b: the block; moves
 * @data: @length bytes
 *
 * Needs room for the new block beside the old one. The block keeps its id and gets a checksum.
 *
 * Return: SMM_OK; SMM_NO_FREE_SPACE, SMM_PARAMETER_INVALID (foreign; a counter that would not have
 * 8 bytes), with nothing changed; SMM_CORRUPT, SMM_NOT_FORMATTED, SMM_IO_ERR.
 */
int smm_store_replace(struct smm_store *st, struct smm_block *b, const void *data, u32 length);

/**
 * smm_store_read() - read payload.
 * @offset, @size: bytes of payload
 *
 * A read of the whole payload of a checksummed block is checked; a part cannot be.
 *
 * Return: SMM_OK; SMM_OUT_OF_RANGE; SMM_CHECKSUM (@buffer then holds what the chip holds);
 * SMM_NOT_FORMATTED, SMM_IO_ERR.
 */
int smm_store_read(struct smm_store *st, const struct smm_block *b, u32 offset, void *buffer,
		   u32 size);

/**
 * smm_store_write() - change a part of the payload, all or nothing.
 *
 * One byte of a block without a checksum is written where it is; what fits the intent log goes
 * through it; more is a copy of the whole block with the change in it, which needs the room and
 * moves @b.
 *
 * Return: SMM_OK; SMM_OUT_OF_RANGE, SMM_NO_FREE_SPACE, SMM_PARAMETER_INVALID (foreign),
 * SMM_PTR_ERR (no @data), SMM_CHECKSUM (the content to be copied is damaged), with nothing changed;
 * SMM_CORRUPT, SMM_NOT_FORMATTED, SMM_IO_ERR.
 */
int smm_store_write(struct smm_store *st, struct smm_block *b, u32 offset, const void *data,
		    u32 size);

/**
 * smm_store_write_many() - change parts of several blocks, all or nothing as a whole.
 * @st: a mounted store
 * @writes: the parts, made in this order: where two overlap, the later one counts
 * @count: number of parts
 *
 * They are one record of the intent log: power loss leaves all blocks as they were, or with all of
 * their parts made. No block moves. A block can have several parts, through one struct smm_block or
 * through several. The time it takes grows with the square of @count.
 *
 * Return: SMM_OK; SMM_TOO_LARGE if the record does not fit the log, SMM_OUT_OF_RANGE,
 * SMM_PARAMETER_INVALID (foreign), SMM_PTR_ERR (no @data), with nothing changed; SMM_CORRUPT,
 * SMM_NOT_FORMATTED, SMM_IO_ERR.
 */
int smm_store_write_many(struct smm_store *st, struct smm_write *writes, u32 count);

/**
 * smm_store_is_name() - whether a text can be the name of a block.
 * @name: NUL-terminated; "" can, for a block without a name
 *
 * Return: 1 if it is UTF-8 of at most SMM_NAME_MAX bytes without '/' and control characters, or 0.
 */
int smm_store_is_name(const char *name);

/**
 * smm_store_log_bytes() - bytes of the intent log that parts take; @st->log_size is what it has.
 * @writes, @count: as for smm_store_write_many(), which may have returned SMM_TOO_LARGE
 *
 * A part takes 4 bytes and its size, but for the 4 where it begins right behind the one before it.
 * A checksum, which comes after the last part of its block, counts as a part of 4 bytes. The whole
 * takes 6 bytes more, and up to 3 to fill up.
 *
 * Return: bytes; above 2 MiB, less than it would be.
 */
u32 smm_store_log_bytes(struct smm_write *writes, u32 count);

/**
 * smm_store_write_in_place() - change a part of the payload in the order of its bytes.
 *
 * Cheaper for large writes, and no more than that: power loss leaves a first part of the bytes new
 * and the others old. The block loses its checksum until it is built anew: by smm_store_replace(),
 * or by another call that has to move it. Errors as smm_store_write().
 */
int smm_store_write_in_place(struct smm_store *st, struct smm_block *b, u32 offset,
			     const void *data, u32 size);

/**
 * smm_store_add() - add to a counter.
 * @delta: what to add; 0 reads it
 * @value: receives the new value
 *
 * Return: SMM_OK; SMM_NOT_COUNTER, SMM_OVERFLOW, SMM_CHECKSUM, with nothing changed; SMM_CORRUPT,
 * SMM_NOT_FORMATTED, SMM_IO_ERR.
 */
int smm_store_add(struct smm_store *st, struct smm_block *b, int64_t delta, int64_t *value);

/**
 * smm_store_rename(), smm_store_set_owner(), smm_store_set_mode() - change the header.
 *
 * A name of another length moves the block, and needs the room. Names are not compared. Errors as
 * smm_store_write(), SMM_BAD_NAME.
 */
int smm_store_rename(struct smm_store *st, struct smm_block *b, const char *name);
int smm_store_set_owner(struct smm_store *st, struct smm_block *b, u32 uid, u32 gid);
int smm_store_set_mode(struct smm_store *st, struct smm_block *b, u16 mode);

/**
 * smm_store_resize() - change the length.
 *
 * The content is kept up to the smaller length, new bytes are zero. In place where it can be,
 * otherwise by copy. A counter cannot be resized. Power loss leaves the old length or the new, and
 * perhaps room behind the block that its next resize or replacement gives back. Errors as
 * smm_store_write(); SMM_FREE_FAILED for a block that was freed by another handle.
 */
int smm_store_resize(struct smm_store *st, struct smm_block *b, u32 length);

/**
 * smm_store_free() - free a block, foreign ones included; @b is no block afterwards.
 *
 * Return: SMM_OK, SMM_FREE_FAILED, SMM_CORRUPT, SMM_NOT_FORMATTED, SMM_IO_ERR.
 */
int smm_store_free(struct smm_store *st, struct smm_block *b);

/**
 * smm_store_verify() - read a block's header and payload again and check them.
 *
 * Return: SMM_OK; SMM_CHECKSUM if the payload does not match; SMM_CORRUPT if the header does not;
 * SMM_NOT_FORMATTED, SMM_IO_ERR.
 */
int smm_store_verify(struct smm_store *st, const struct smm_block *b);

/**
 * smm_crc32c() - CRC-32C (Castagnoli, reflected polynomial 0x82F63B78; RFC 3720, B.4).
 * @crc: 0, or the result for the bytes before these
 *
 * Return: the checksum of all bytes so far.
 */
u32 smm_crc32c(u32 crc, const void *data, u32 size);

#ifdef __cplusplus
}
#endif

#endif
