/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * smm: a memory manager for chips that keep their contents without power.
 *
 * It hands out blocks of an FRAM, MRAM, NVSRAM (or, with a page guard below it, an EEPROM) that is
 * reached only through a read and a write function of the caller's. Which granules are in use is
 * recorded on the chip itself so that every change is one bit: a power cut at any byte of any call
 * leaves the memory either as it was before the call or as it is after it. FORMAT.md has the
 * format and the argument.
 *
 * There are two faces over one implementation:
 *
 *  - struct smm and the calls that take it: offsets, a context pointer, const-correct buffers;
 *  - struct smm_mem_info and the calls that take it: malloc and free on addresses.
 *
 * What the medium has to promise: a write of one byte is atomic, and the bytes of one write land in
 * the order of their addresses. Nothing here is static or on the heap, and nothing is thread-safe:
 * one memory belongs to one thread at a time, two memories are independent.
 */
#ifndef SMM_H
#define SMM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

/* What the calls return. The order never changes; new codes are added at the end. */
enum smm_result {
	SMM_OK = 0,
	SMM_PARAMETER_INVALID, /* a size, granule or address that cannot be right */
	SMM_PTR_ERR,           /* a pointer or callback that has to be there is NULL */
	SMM_NO_FREE_SPACE,     /* no free run is long enough */
	SMM_FREE_FAILED,       /* not the start of a live allocation */
	SMM_IO_ERR,            /* a callback failed; mount again */
	SMM_NOT_FORMATTED,     /* no superblock of this format, or nothing mounted yet */
	SMM_CORRUPT,           /* damage that cannot be corrected; what is intact can be read */
	SMM_OUT_OF_RANGE,      /* an offset or length outside the block or the memory */
	SMM_UNFINISHED,        /* a format was interrupted; format again */
	SMM_NEWER_FORMAT,      /* a version that this code does not know; nothing was touched */
	SMM_WRONG_SIZE,        /* formatted for a memory of another size; nothing was touched */
	/* From the store (smm_store.h). */
	SMM_NOT_FOUND,   /* no block of that name or id */
	SMM_BAD_NAME,    /* not UTF-8 of at most 63 bytes without '/' and control characters */
	SMM_CHECKSUM,    /* the content does not match its checksum */
	SMM_NOT_COUNTER, /* the block is not a counter */
	SMM_OVERFLOW,    /* the counter, or the supply of ids, has no such value */
	SMM_TOO_LARGE    /* what is to be done as a whole does not fit the intent log */
};

#define SMM_SIZE_MIN    16u       /* bytes: superblock, one line of map, one granule */
#define SMM_SIZE_MAX    0x200000u /* bytes: 2 MiB */
#define SMM_GRANULE     4u        /* bytes: the smallest granule and the default */
#define SMM_GRANULE_MAX 131072u   /* bytes: the superblock has four bits for its exponent */
#define SMM_SUPERBLOCK  8u        /* bytes at offset 0 */

/* One line of the map: 15 bytes of map (60 granules of 2 bits) and one check byte. */
#define SMM_LINE          16u
#define SMM_LINE_GRANULES 60u

/*
 * 1 compiles the summary that makes a search of the RAM copy logarithmic instead of linear; it
 * takes about 0.5 KiB of code, and a third of the RAM copy again. Left out for firmware, where the
 * wire is far slower than the search; -DSMM_SUMMARY=1 brings it in.
 */
#ifndef SMM_SUMMARY
#if UINTPTR_MAX > 0xffffffff || defined(__linux__)
#define SMM_SUMMARY 1
#else
#define SMM_SUMMARY 0
#endif
#endif

/* What smm_measure() and smm_get_stats() report. */
struct smm_stats {
	u32 size;          /* bytes of the medium */
	u32 granule;       /* bytes; each allocation is a multiple of it */
	u32 usable;        /* bytes of the data area, the most that could ever be allocated */
	u32 free;          /* bytes in free runs */
	u32 largest_free;  /* bytes of the longest free run: what one allocation can get */
	u32 blocks;        /* live allocations */
	u32 free_runs;     /* free runs; 1 means no fragmentation at all */
	u32 corrected;     /* flipped bits that were corrected since the mount, it included */
	u32 uncorrectable; /* lines that the mount found beyond correction */
	u32 merged;        /* pairs of free runs that the mount joined after a power loss */
};

/*
 * A memory. Zero it, set the first group, then smm_format() or smm_mount() it. The library owns the
 * second group; read it through smm_measure().
 */
struct smm {
	/* Reads @size bytes at @offset of the medium into @buffer; 0 on success. */
	int (*read)(void *context, u32 offset, void *buffer, u32 size);
	/* Writes @size bytes at @offset, in order; 0 only when they are on the medium. */
	int (*write)(void *context, u32 offset, const void *buffer, u32 size);
	void *context; /* handed to both; the library never looks at it */
	u32 size;      /* bytes of the medium, a multiple of 4, 16 bytes to 2 MiB */
	u32 granule;   /* bytes, a power of two; set for a format (0 is 4), reported by a mount */
	void *map; /* room for a copy of the map, or NULL; the caller's for as long as it uses s */
	u32 map_size; /* bytes at @map, at least smm_map_bytes(size, granule) */

	/* The library's own. */
	u32 state;
	u32 shift;    /* log2 of the granule */
	u32 data;     /* offset of granule 0 */
	u32 end;      /* slot behind the last granule; see smm.c */
	u32 lines;    /* number of lines of the map */
	u32 line;     /* the line that @bytes shows */
	u32 bad_line; /* the line that could last not be corrected */
	u8 *bytes;    /* in @map, or @window */
	u32 corrected, uncorrectable, merged;
	u32 levels;   /* levels of the summary */
	u32 level[6]; /* first group of each level, then the number of all groups */
	u8 window[SMM_LINE];
};

/**
 * smm_map_bytes() - room that a RAM copy of the map needs.
 * @size: bytes of the medium
 * @granule: bytes of a granule, 0 for the default
 *
 * About 1/11 of the medium with 4-byte granules, and 1/15 without the summary. With a copy,
 * allocating and freeing read nothing from the chip.
 *
 * Return: bytes, or 0 if the two are not a memory that smm can manage.
 */
u32 smm_map_bytes(u32 size, u32 granule);

/**
 * smm_data_bytes() - what a memory leaves for allocations: its size without superblock and map.
 * @size: bytes of the medium
 * @granule: bytes of a granule, 0 for the default
 *
 * Return: bytes, or 0 if the two are not a memory that smm can manage.
 */
u32 smm_data_bytes(u32 size, u32 granule);

/**
 * smm_format() - make an empty memory; whatever the medium held is lost.
 * @s: with its first group set
 *
 * The superblock is marked as unfinished first and as valid last. Power loss in between leaves a
 * medium that smm_mount() answers with SMM_UNFINISHED; in its first three bytes, what it was
 * before.
 *
 * Return: SMM_OK; SMM_PTR_ERR, SMM_PARAMETER_INVALID (nothing was written); SMM_IO_ERR.
 */
int smm_format(struct smm *s);

/**
 * smm_format_begin() - format, and leave out the superblock.
 * @s: with its first group set
 *
 * For a layer above that has to put something of its own in place before the medium counts as
 * formatted: allocate, write, then call smm_format_end(). Errors as smm_format().
 */
int smm_format_begin(struct smm *s);

/**
 * smm_format_end() - write the superblock that makes the format valid.
 * @s: a memory after smm_format_begin()
 *
 * Return: SMM_OK, SMM_NOT_FORMATTED without smm_format_begin() (or a mount), SMM_IO_ERR.
 */
int smm_format_end(struct smm *s);

/**
 * smm_mount() - take up a formatted memory, as it is after a power loss or a restart.
 * @s: with its first group set; @granule is an output here
 *
 * Corrects single flipped bits on the medium, joins free runs that an interrupted call left apart
 * and fills the RAM copy. Power loss during it is harmless: the next mount does the rest.
 *
 * Return: SMM_OK; SMM_CORRUPT with lines beyond correction: then what is intact can be walked and
 * read, and every change is refused with SMM_CORRUPT (if it is the superblock that is beyond
 * correction, nothing is mounted); SMM_NOT_FORMATTED, SMM_UNFINISHED, SMM_NEWER_FORMAT,
 * SMM_WRONG_SIZE with nothing changed; SMM_PTR_ERR, SMM_PARAMETER_INVALID (also:
 * @map_size too small), SMM_IO_ERR.
 */
int smm_mount(struct smm *s);

/**
 * smm_mount_begin() - look at the superblock, and write nothing.
 * @s: with its first group set
 *
 * For a layer above that has to look at granule 0, at @data, before anything is corrected: then
 * call smm_mount_end(), or leave the medium alone. Errors as smm_mount().
 */
int smm_mount_begin(struct smm *s);

/**
 * smm_mount_end() - do the rest of smm_mount().
 * @s: a memory for which smm_mount_begin() returned SMM_OK
 */
int smm_mount_end(struct smm *s);

/**
 * smm_reserve() - find the best fitting free run.
 * @s: a mounted memory
 * @size: bytes, from 1
 * @offset: receives the offset of the run
 *
 * Nothing is written and nothing is set aside: the run is the caller's to fill until the next call
 * that changes @s, and becomes an allocation with smm_commit(). Of the free runs that are long
 * enough the shortest is taken, of equal ones that with the lowest address.
 *
 * Return: SMM_OK, SMM_NO_FREE_SPACE, SMM_PARAMETER_INVALID (size 0); SMM_CORRUPT,
 * SMM_NOT_FORMATTED, SMM_IO_ERR.
 */
int smm_reserve(struct smm *s, u32 size, u32 *offset);

/**
 * smm_commit() - make free granules an allocation.
 * @s: a mounted memory
 * @offset: where it starts, as smm_reserve() said
 * @size: bytes, from 1; rounded up to a granule
 *
 * All of it must lie in one free run. Power loss leaves the granules free or allocated, as a whole.
 *
 * Return: SMM_OK; SMM_PARAMETER_INVALID if that is not free; SMM_CORRUPT, SMM_NOT_FORMATTED,
 * SMM_IO_ERR.
 */
int smm_commit(struct smm *s, u32 offset, u32 size);

/**
 * smm_alloc() - smm_reserve() and smm_commit() in one.
 *
 * Its contents are what the chip held there. On a chip that also holds a store (smm_store.h),
 * reserve, write and commit instead: what stands there may be a block that was freed, and would be
 * one again.
 */
int smm_alloc(struct smm *s, u32 size, u32 *offset);

/**
 * smm_release() - free an allocation.
 * @s: a mounted memory
 * @offset: its start
 *
 * Power loss leaves it allocated or free, as a whole. Its contents stay on the chip.
 *
 * Return: SMM_OK; SMM_FREE_FAILED if no live allocation starts there (nothing was changed);
 * SMM_CORRUPT, SMM_NOT_FORMATTED, SMM_IO_ERR.
 */
int smm_release(struct smm *s, u32 offset);

/**
 * smm_resize() - grow or shrink an allocation where it is.
 * @s: a mounted memory
 * @offset: its start
 * @size: bytes, from 1; rounded up to a granule
 *
 * Growing takes the granules behind it, if they are free. Power loss leaves the old size or the
 * new.
 *
 * Return: SMM_OK; SMM_NO_FREE_SPACE if there is too little free behind it (nothing was changed);
 * SMM_FREE_FAILED if no live allocation starts there; SMM_PARAMETER_INVALID for size 0;
 * SMM_CORRUPT, SMM_NOT_FORMATTED, SMM_IO_ERR.
 */
int smm_resize(struct smm *s, u32 offset, u32 size);

/**
 * smm_usable() - the room of an allocation.
 * @s: a mounted memory
 * @offset: its start
 * @size: receives bytes, a multiple of the granule
 *
 * Return: SMM_OK; SMM_FREE_FAILED if no live allocation starts there; SMM_CORRUPT if it reaches
 * into a line beyond correction; SMM_NOT_FORMATTED, SMM_IO_ERR.
 */
int smm_usable(struct smm *s, u32 offset, u32 *size);

/**
 * smm_walk() - the next live allocation in the order of addresses.
 * @s: a mounted memory
 * @after: offset of the one before; 0 starts
 * @offset: receives its start, or 0 after the last
 * @size: receives bytes
 *
 * On a corrupt memory, allocations that touch a line beyond correction are passed over.
 *
 * Return: SMM_OK (also at the end), SMM_NOT_FORMATTED, SMM_IO_ERR.
 */
int smm_walk(struct smm *s, u32 after, u32 *offset, u32 *size);

/**
 * smm_measure() - fill @stats; walks the map.
 *
 * Return: SMM_OK; SMM_CORRUPT, with the counts of what is intact; SMM_NOT_FORMATTED, SMM_IO_ERR.
 */
int smm_measure(struct smm *s, struct smm_stats *stats);

/**
 * smm_verify() - read superblock and map from the medium and check them.
 * @s: a mounted memory
 *
 * Single flipped bits are corrected on the medium; the RAM copy, if there is one, is compared with
 * what the medium holds.
 *
 * Return: SMM_OK; SMM_CORRUPT for damage beyond correction, or a difference between the two;
 * SMM_NOT_FORMATTED, SMM_IO_ERR.
 */
int smm_verify(struct smm *s);

/*
 * The face of malloc and free. Addresses are base_addr + offset; base_addr need not be an address
 * that can be dereferenced. After a callback failed, the next call mounts the memory again by
 * itself.
 */

/* chip -> RAM: src_addr is base_addr + offset. RAM -> chip: dst_addr is. 0 on success. */
typedef int (*smm_mem_opt)(u8 *dst_addr, u8 *src_addr, u32 size);

struct smm_mem_info {
	void *base_addr; /* not NULL */
	u32 size;        /* bytes: 16 bytes to 2 MiB, a multiple of 4 */
	smm_mem_opt read;
	smm_mem_opt write;
	/* Zero when unused. */
	void *map;    /* RAM for a copy of the map: smm_map_bytes(size, granule) bytes */
	u32 map_size; /* bytes at @map */
	u32 granule;  /* bytes, a power of two from 4: for create; reported by rebuild */

	struct smm core; /* the library's own */
};

/**
 * smm_memory_create() - smm_format() for this face.
 *
 * Return: as smm_format(); SMM_PTR_ERR also for a NULL @mem or base_addr.
 */
int smm_memory_create(struct smm_mem_info *mem);

/**
 * smm_memory_rebuild() - smm_mount() for this face: after a power loss, with the same four fields
 * set. @granule becomes that of the medium as soon as it is known, also with SMM_CORRUPT.
 */
int smm_memory_rebuild(struct smm_mem_info *mem);

/**
 * smm_malloc() - allocate @size bytes, rounded up to a granule.
 *
 * Power loss during it: nothing is allocated, or the block is, in full. A block whose address
 * nobody was told is found with smm_next().
 *
 * Return: base_addr + offset, or NULL: size 0, no space, or a memory that cannot be used.
 */
u8 *smm_malloc(struct smm_mem_info *mem, u32 size);

/**
 * smm_free() - free a block of smm_malloc().
 *
 * Return: SMM_OK; SMM_PARAMETER_INVALID for NULL; SMM_FREE_FAILED for anything else that is not the
 * start of a live allocation, with nothing changed; else as smm_release().
 */
int smm_free(struct smm_mem_info *mem, void *addr);

/**
 * smm_realloc() - change the size of a block, where it is if it can be, otherwise by copy.
 * @addr: the block; NULL allocates
 * @size: bytes, from 1
 *
 * The old block stays valid until the new one is committed: power loss leaves the old block, or the
 * new one, or (for an instant, after a copy) both.
 *
 * Return: the block's address now, or NULL with the old block as it was.
 */
u8 *smm_realloc(struct smm_mem_info *mem, void *addr, u32 size);

/**
 * smm_usable_size() - bytes that the block at @addr has room for; 0 if it is not a live allocation.
 */
u32 smm_usable_size(struct smm_mem_info *mem, const void *addr);

/**
 * smm_next() - the live allocation behind @prev in the order of addresses; NULL starts and ends.
 */
u8 *smm_next(struct smm_mem_info *mem, const void *prev);

/**
 * smm_get_stats() - smm_measure() for this face.
 */
int smm_get_stats(struct smm_mem_info *mem, struct smm_stats *stats);

/**
 * smm_check() - smm_verify() for this face.
 */
int smm_check(struct smm_mem_info *mem);

#ifdef __cplusplus
}
#endif

#endif
