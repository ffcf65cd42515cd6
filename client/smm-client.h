/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libsmm-client: the blocks that smmd keeps on its memories, from a C or C++ program.
 *
 *	smm_client *client;
 *	int64_t boots;
 *
 *	if (smm_client_open(&client, NULL, NULL) < 0 ||
 *	    smm_client_add(client, "boots", 1, &boots) < 0)
 *		fprintf(stderr, "%s\n", smm_client_error_message(client));
 *	smm_client_close(client);
 *
 * Results. Functions return 0 (or more, where they say so) or a negative errno; there is a table of
 * them below. The library prints nothing, ends no process, and keeps no state beside its objects.
 *
 * Power loss. When a call that changes something has returned 0, the change is on the chip and
 * stays there whatever happens. When the power, smmd or the connection is lost before that, the
 * change is there as a whole or not at all, except where a function says that it writes in place.
 * Which of the two it is one can only see by looking: the calls under way end with -ECONNRESET.
 *
 * Threads. One object may be used by several threads at the same time; a call that waits keeps no
 * other from being made. Callbacks run without a lock and may call everything here, in the thread
 * that calls smm_client_process() and never in a function that waits for something else. Progress
 * callbacks of functions that wait run in the thread that waits. An object must not be used any
 * more once it is being closed, nor on both sides of fork(2).
 *
 * Text that goes in is UTF-8. Pointers that come out belong to the object that they were got from
 * unless a function says that they are the caller's.
 *
 * Whole programs are in client/examples. See also smmctl(1), org.smm1(5) and smmd(8).
 */
#ifndef SMM_CLIENT_H
#define SMM_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

/*
 * Errors
 *
 * What smmd answers (the names begin with org.smm1.Error.), and what there is beside it:
 *
 *	NoSuchBlock       ENOENT           there is none, or the caller may not see it
 *	NoSuchMemory      ENXIO
 *	NoSpace           ENOSPC
 *	QuotaExceeded     EDQUOT
 *	NameTaken         EEXIST
 *	BadName           EINVAL
 *	OutOfRange        ERANGE
 *	NotACounter       EPROTOTYPE
 *	WriteProtected    EROFS
 *	Offline           ENODEV           the chip does not answer
 *	NotFormatted      EMEDIUMTYPE
 *	Corrupt           EUCLEAN
 *	ChecksumMismatch  EBADMSG
 *	IO                EIO
 *	PowerFail         ESHUTDOWN        the supply fails; nothing is written until it is back
 *	Busy              EBUSY            try again
 *	Canceled          ECANCELED
 *	TooLarge          E2BIG
 *	AccessDenied      EACCES           (of D-Bus, as are the next two)
 *	InvalidArgs       EINVAL
 *	UnknownMethod     EOPNOTSUPP       smmd is older than the library
 *	                  EHOSTDOWN        smmd does not run
 *	                  ECONNREFUSED     nobody serves the bus, or it has no socket
 *	                  ECONNRESET       the connection was lost; what was asked may be done
 *	                  ETIMEDOUT        the time is over; what was asked may be done
 *	                  ENOTUNIQ         there are several memories, and none was chosen
 *	                  EMSGSIZE         a block is longer than the variable
 *	                  ENOMEM
 */

/* Objects */

typedef struct smm_client smm_client; /* a connection, and a memory in use */
typedef struct smm_call smm_call;     /* a call that was made, and its results */
typedef struct smm_watch smm_watch;   /* one who wants to know of changes to a block */
typedef struct smm_var smm_var;       /* a variable of the program that is kept in a block */

#define SMM_CLIENT_NAME_MAX 63u        /* bytes of a block's name */
#define SMM_CLIENT_TO_END   UINT32_MAX /* a length: as much as there is */

/* Opening and closing: smm-client-open(3) */

/**
 * smm_client_open() - connect to smmd, and choose a memory.
 * @client: receives the object; close it with smm_client_close(), also after a failure
 * @where: which message bus
 *	NULL or "system"	that of the system (or of $DBUS_SYSTEM_BUS_ADDRESS)
 *	"user"			that of the user (or of $DBUS_SESSION_BUS_ADDRESS)
 *	"host:USER@HOST"	that of another machine, reached by ssh, as systemctl does with -H
 *	"machine:NAME"		that of a container on this machine
 *	else			a D-Bus address, such as "unix:path=/run/some/bus"
 * @memory: the memory's name; NULL for that of $SMM_MEMORY or, if that is not set, for the only one
 *	there is; "" to choose none yet, see smm_client_set_memory()
 *
 * Waits until smmd has answered. Where it can, the object talks to smmd through a socket of its own
 * (a session), past the message bus, and else through the bus: smmd gives a user 16 of them, and
 * another machine none.
 *
 * When smmd is started again, or the connection is lost, calls under way end with -ECONNRESET, and
 * the next one connects again by itself.
 *
 * After a failure the object is there all the same, unless memory for it was what was missing: to
 * be asked for the error, and to be tried again with smm_client_set_memory().
 *
 * Return: 0 or a negative errno; with -ENOMEM *@client may be NULL.
 */
int smm_client_open(smm_client **client, const char *where, const char *memory);

/**
 * smm_client_close() - disconnect, and give the object back.
 * @client: NULL does nothing
 *
 * What was sent goes to smmd still. Calls under way end with -ECANCELED without their callbacks
 * being called; their smm_call objects stay until they are given back. Watches are closed.
 * Variables have to be closed before.
 */
void smm_client_close(smm_client *client);

/**
 * smm_client_set_memory() - have all later calls go to another memory.
 * @memory: as for smm_client_open()
 *
 * Return: 0; -EBUSY if there are watches; another negative errno, with the memory as it was.
 */
int smm_client_set_memory(smm_client *client, const char *memory);

/* The name of the memory in use, or NULL. It is valid until it is changed. */
const char *smm_client_get_memory(const smm_client *client);

/**
 * smm_client_set_timeout() - how long later calls may take.
 * @microseconds: UINT64_MAX, as it is in the beginning, waits as long as smmd is there: a large
 *	write to a slow chip takes minutes
 *
 * A call that takes longer ends with -ETIMEDOUT; it may be done all the same.
 */
void smm_client_set_timeout(smm_client *client, uint64_t microseconds);

/**
 * smm_client_set_interactive() - whether polkit may ask the user for a password.
 * @interactive: 0, as it is in the beginning, or 1; for calls that administrators alone may make
 */
void smm_client_set_interactive(smm_client *client, int interactive);

/*
 * smm_client_error_name(), smm_client_error_message() - of the last call of this object that failed
 * in this thread: the name of the D-Bus error, and one sentence that says what was asked and what
 * is the case. They are valid until the next one fails; before the first they are "". NULL as the
 * object is one that there was no memory for.
 *
 * The error of an asynchronous call is the call's: smm_call_error_name().
 */
const char *smm_client_error_name(const smm_client *client);
const char *smm_client_error_message(const smm_client *client);

/* 1 if smmd was there when something was last heard of it, else 0. */
int smm_client_is_connected(const smm_client *client);

/* @connected: 1 or 0. A restart that went by between two calls of smm_client_process() is told as
 * both, in their order. */
typedef void (*smm_client_state_callback)(smm_client *client, int connected, void *userdata);

/**
 * smm_client_set_state_callback() - be told when smmd goes away and is back.
 * @callback: NULL for none
 *
 * With one, or with a watch, the object connects again as soon as it can, else when it has to.
 */
void smm_client_set_state_callback(smm_client *client, smm_client_state_callback callback,
				   void *userdata);

/*
 * Event loops: smm-client-loop(3)
 *
 * Before the loop sleeps, ask for the events and the time; when the descriptor is ready or the time
 * has come, call smm_client_process(). The descriptor is the same for the life of the object.
 */

/* A descriptor to poll, not to read. Return: it, or a negative errno. */
int smm_client_get_fd(const smm_client *client);

/* What to poll for: POLLIN, POLLOUT or both, as bits. */
int smm_client_get_events(const smm_client *client);

/* When to call smm_client_process() even if nothing happens: microseconds of CLOCK_MONOTONIC; 0 is
 * at once, UINT64_MAX never. */
uint64_t smm_client_get_timeout(const smm_client *client);

/**
 * smm_client_process() - read and write what can be without waiting, and call callbacks.
 *
 * Return: 1 if there was anything to do, 0 if not. It does not fail: that a connection is lost is
 * told to the state callback and by the calls under way.
 */
int smm_client_process(smm_client *client);

/**
 * smm_client_wait() - for programs without a loop: wait until there is something to process.
 * @microseconds: at most, from now; UINT64_MAX without end
 *
 * Return: 1 if there may be something, 0 if the time is over; -EINTR after a signal.
 */
int smm_client_wait(smm_client *client, uint64_t microseconds);

/*
 * Asynchronous calls: smm-client-async(3)
 *
 * Each function whose name ends in _async sends a call and returns. Its last parameters are:
 * @done: called when the call has ended, from smm_client_process(); or NULL
 * @userdata: for @done
 * @call: receives the call, to be given back with smm_call_unref(); NULL, if @done will do
 *
 * It returns 0, or a negative errno, and then @done is not called. What goes in is copied.
 *
 * Calls under way at the same time may be carried out in any order. Wait for one before you send
 * another that builds on it.
 */

typedef void (*smm_call_callback)(smm_call *call, void *userdata);

/* Hold a call once more, and give it back: NULL is nothing, and what is under way goes on. */
smm_call *smm_call_ref(smm_call *call);
void smm_call_unref(smm_call *call);

/**
 * smm_call_wait() - wait until a call has ended.
 *
 * Return: its result, as smm_call_result().
 */
int smm_call_wait(smm_call *call);

/**
 * smm_call_cancel() - wait no longer for a call.
 *
 * It ends with -ECANCELED; smmd may have done it, or do it, all the same. A job is stopped: it ends
 * when smmd says so, and goes on to its end if it writes to the chip already.
 * A call that has ended stays as it is.
 */
void smm_call_cancel(smm_call *call);

/* 0, the negative errno that it failed with, or -EINPROGRESS. */
int smm_call_result(smm_call *call);

/* As smm_client_error_name() and smm_client_error_message(), for a call that has ended with an
 * error; else "". */
const char *smm_call_error_name(smm_call *call);
const char *smm_call_error_message(smm_call *call);

/*
 * Results of calls: smm-client-results(3)
 *
 * Of calls that have ended well. What is pointed to is valid as long as the call. The functions
 * return 0; -ENOENT if there is none of that index or name; -EINVAL if calls of this kind have no
 * such result, or if this one has not ended, or not well.
 */

/* Of allocate, store, find: the id of the block, 1 and up. */
int smm_call_get_id(smm_call *call, uint32_t *id);

/* Of add: the new value. */
int smm_call_get_value(smm_call *call, int64_t *value);

/* Of read and load. */
int smm_call_get_data(smm_call *call, const void **data, size_t *size);

/* Of read_many: the part @index, from 0 in the order that they were asked for. */
int smm_call_get_part(smm_call *call, size_t index, const void **data, size_t *size);

/* A block as others may see it. */
struct smm_client_block {
	uint32_t id;   /* 0: a foreign one, made by other software than smmd */
	uint32_t size; /* bytes */
	uint32_t uid, gid;
	uint32_t mode;                      /* as of a file: 0600 */
	uint32_t address;                   /* on the chip */
	uint64_t generation;                /* counts the changes that its header saw */
	char name[SMM_CLIENT_NAME_MAX + 1]; /* "" for none */
	uint32_t reserved[8];
};

/* Of list: an array of all. */
int smm_call_get_blocks(smm_call *call, const struct smm_client_block **blocks, size_t *count);

/* Of memories: the one with this index, from 0. @state: as the property State, see
 * smm_client_status(). Either may be NULL. */
int smm_call_get_memory(smm_call *call, size_t index, const char **name, const char **state);

/*
 * Of status, version, block_info and check: properties by name. A number is what D-Bus has as one,
 * or as a boolean (0 or 1). smm_call_get_property() steps through all: those that are text have
 * @text set and those that are numbers have NULL there.
 */
int smm_call_get_text(smm_call *call, const char *name, const char **text);
int smm_call_get_number(smm_call *call, const char *name, uint64_t *number);
int smm_call_get_property(smm_call *call, size_t index, const char **name, const char **text,
			  uint64_t *number);

/* smmd and its memories: smm-client-memories(3) */

/**
 * smm_client_memories() - all memories.
 * @result: receives the call to get them from with smm_call_get_memory(), the caller's to give back
 *	with smm_call_unref()
 */
int smm_client_memories(smm_client *client, smm_call **result);
int smm_client_memories_async(smm_client *client, smm_call_callback done, void *userdata,
			      smm_call **call);

/**
 * smm_client_version() - what smmd is.
 * @result: receives the call to get the text "Version" from, the caller's to give back
 */
int smm_client_version(smm_client *client, smm_call **result);
int smm_client_version_async(smm_client *client, smm_call_callback done, void *userdata,
			     smm_call **call);

/**
 * smm_client_reload() - have smmd read its configuration again. For administrators.
 */
int smm_client_reload(smm_client *client);
int smm_client_reload_async(smm_client *client, smm_call_callback done, void *userdata,
			    smm_call **call);

/**
 * smm_client_status() - what the memory in use is.
 * @result: receives the call to get the properties from, the caller's to give back
 *
 * Those of org.smm1.Memory: the texts Name, Model, Technology, Identification, Bus, Device, State
 * ("online" or why not), StateReason; the numbers BusSpeed (Hz), Size, UsableSize, FreeSize,
 * LargestFree (bytes), Granule (bytes), Blocks, WriteProtected (0 or 1); and as numbers
 * Statistics.NAME, as in Statistics.BytesWritten. Later versions of smmd may have more.
 */
int smm_client_status(smm_client *client, smm_call **result);
int smm_client_status_async(smm_client *client, smm_call_callback done, void *userdata,
			    smm_call **call);

/*
 * Jobs: smm-client-jobs(3)
 *
 * What takes as long as it takes to read or write the whole chip. A job goes on when the client
 * goes away. Who does not want to know how far it is gives NULL for @progress.
 */

/*
 * How far it is; called about ten times a second.
 * @done: bytes; never fewer than before
 * @total: bytes, an estimate; 0 as long as it is not known
 *
 * Return: 0 to go on, anything else to cancel.
 */
typedef int (*smm_progress_callback)(uint64_t done, uint64_t total, void *userdata);

/**
 * smm_client_check() - compare what smmd knows of the memory with the chip.
 * @repair: 1 to mend what can be, for administrators; or 0
 * @result: receives the call to get the numbers "blocks", "foreign", "damaged", "corrected" and
 *	"uncorrectable" from, the caller's to give back; or NULL
 */
int smm_client_check(smm_client *client, int repair, smm_progress_callback progress, void *userdata,
		     smm_call **result);
int smm_client_check_async(smm_client *client, int repair, smm_progress_callback progress,
			   smm_call_callback done, void *userdata, smm_call **call);

/**
 * smm_client_format() - make the memory empty. For administrators.
 * @granule: bytes that are given out together; 0 for what the configuration says
 * @force: 1: also if there are blocks on it, or something else; they are lost
 */
int smm_client_format(smm_client *client, uint32_t granule, int force,
		      smm_progress_callback progress, void *userdata);
int smm_client_format_async(smm_client *client, uint32_t granule, int force,
			    smm_progress_callback progress, smm_call_callback done, void *userdata,
			    smm_call **call);

/**
 * smm_client_dump() - copy the whole chip, as it is at one moment, into a file. For administrators.
 * @fd: a file, pipe or socket, to write to from where it stands; it stays the caller's to close
 *
 * Over ssh there are no descriptors to pass: -EOPNOTSUPP.
 */
int smm_client_dump(smm_client *client, int fd, smm_progress_callback progress, void *userdata);
int smm_client_dump_async(smm_client *client, int fd, smm_progress_callback progress,
			  smm_call_callback done, void *userdata, smm_call **call);

/**
 * smm_client_restore() - make the chip what such a file says. For administrators.
 * @fd: to read from, as of smm_client_dump()
 *
 * What was on it is lost. The file is verified before the chip is touched; a power loss after that
 * leaves a chip that has to be restored again.
 */
int smm_client_restore(smm_client *client, int fd, smm_progress_callback progress, void *userdata);
int smm_client_restore_async(smm_client *client, int fd, smm_progress_callback progress,
			     smm_call_callback done, void *userdata, smm_call **call);

/* Blocks: smm-client-blocks(3) */

/* Options of smm_client_allocate(): those whose bit is in @flags count. */
struct smm_client_allocate_options {
	uint32_t flags;
#define SMM_CLIENT_MODE      0x1u /* mode: who may read and write, 0 to 0777 */
#define SMM_CLIENT_GID       0x2u /* gid: the group, one of the caller's */
#define SMM_CLIENT_FILL      0x4u /* fill: the value of every byte, instead of 0 */
#define SMM_CLIENT_EXCLUSIVE 0x8u /* -EEXIST if the name is taken, whatever has it */
	uint32_t mode;
	uint32_t gid;
	uint8_t fill;
};

/**
 * smm_client_allocate() - make a block.
 * @name: of 1 to SMM_CLIENT_NAME_MAX bytes; NULL or "" for none
 * @size: bytes
 * @options: NULL for none
 * @id: receives its id; or NULL
 *
 * A block that has the name and the size already, and that the caller may read and write, is taken
 * as it is, so that a program may do this at each of its starts.
 */
int smm_client_allocate(smm_client *client, const char *name, uint32_t size,
			const struct smm_client_allocate_options *options, uint32_t *id);
int smm_client_allocate_async(smm_client *client, const char *name, uint32_t size,
			      const struct smm_client_allocate_options *options,
			      smm_call_callback done, void *userdata, smm_call **call);

/**
 * smm_client_free() - give a block back. Its owner may.
 */
int smm_client_free(smm_client *client, uint32_t id);
int smm_client_free_async(smm_client *client, uint32_t id, smm_call_callback done, void *userdata,
			  smm_call **call);

/**
 * smm_client_resize() - make a block longer or shorter. Its owner may.
 * @size: bytes; those that are new are 0
 */
int smm_client_resize(smm_client *client, uint32_t id, uint32_t size);
int smm_client_resize_async(smm_client *client, uint32_t id, uint32_t size, smm_call_callback done,
			    void *userdata, smm_call **call);

/**
 * smm_client_find() - the id of the block @name.
 */
int smm_client_find(smm_client *client, const char *name, uint32_t *id);
int smm_client_find_async(smm_client *client, const char *name, smm_call_callback done,
			  void *userdata, smm_call **call);

/**
 * smm_client_list() - the blocks that the caller may see, by id.
 * @result: receives the call to get them from with smm_call_get_blocks(), the caller's to give back
 */
int smm_client_list(smm_client *client, smm_call **result);
int smm_client_list_async(smm_client *client, smm_call_callback done, void *userdata,
			  smm_call **call);

/**
 * smm_client_block_info() - one block.
 * @result: receives the call to get the properties from, the caller's to give back: the texts Name
 *	and Kind ("data" or "counter"), the numbers Id, Size (bytes), Owner, Group, Mode, Address,
 *	Generation, Checksummed (0 or 1)
 */
int smm_client_block_info(smm_client *client, uint32_t id, smm_call **result);
int smm_client_block_info_async(smm_client *client, uint32_t id, smm_call_callback done,
				void *userdata, smm_call **call);

/*
 * smm_client_set_mode() - who may read and write: @mode 0 to 0777. Its owner may.
 * smm_client_set_owner() - whose it is; @uid or @gid UINT32_MAX is no user. For uid 0.
 * smm_client_rename() - another name, or "" for none. Its owner may.
 */
int smm_client_set_mode(smm_client *client, uint32_t id, uint32_t mode);
int smm_client_set_mode_async(smm_client *client, uint32_t id, uint32_t mode,
			      smm_call_callback done, void *userdata, smm_call **call);
int smm_client_set_owner(smm_client *client, uint32_t id, uint32_t uid, uint32_t gid);
int smm_client_set_owner_async(smm_client *client, uint32_t id, uint32_t uid, uint32_t gid,
			       smm_call_callback done, void *userdata, smm_call **call);
int smm_client_rename(smm_client *client, uint32_t id, const char *name);
int smm_client_rename_async(smm_client *client, uint32_t id, const char *name,
			    smm_call_callback done, void *userdata, smm_call **call);

/* Contents: smm-client-contents(3) */

/**
 * smm_client_read() - read a part of a block.
 * @offset, @length: bytes; less than @length is -ERANGE. In smm_client_read_async() @length may be
 *	SMM_CLIENT_TO_END.
 * @buffer: @length bytes
 */
int smm_client_read(smm_client *client, uint32_t id, uint32_t offset, void *buffer,
		    uint32_t length);
int smm_client_read_async(smm_client *client, uint32_t id, uint32_t offset, uint32_t length,
			  smm_call_callback done, void *userdata, smm_call **call);

/**
 * smm_client_write() - write a part of a block: all or nothing, also across a power loss.
 * @offset, @length: bytes, within the block; -ERANGE otherwise
 */
int smm_client_write(smm_client *client, uint32_t id, uint32_t offset, const void *data,
		     uint32_t length);
int smm_client_write_async(smm_client *client, uint32_t id, uint32_t offset, const void *data,
			   uint32_t length, smm_call_callback done, void *userdata,
			   smm_call **call);

/**
 * smm_client_write_in_place() - the same without a copy on the chip, so faster for large parts, and
 * not all or nothing: after a power loss, a prefix of the new bytes may be there.
 */
int smm_client_write_in_place(smm_client *client, uint32_t id, uint32_t offset, const void *data,
			      uint32_t length);
int smm_client_write_in_place_async(smm_client *client, uint32_t id, uint32_t offset,
				    const void *data, uint32_t length, smm_call_callback done,
				    void *userdata, smm_call **call);

/* A part of a block: bytes @offset to @offset + @length. */
struct smm_client_part {
	uint32_t id, offset, length;
	const void *data; /* to be written */
};

/**
 * smm_client_read_many() - read parts of blocks, all at one moment.
 * @parts: @data does not matter, and @length may be SMM_CLIENT_TO_END
 * @count: at most 256
 * @result: receives the call to get them from with smm_call_get_part(), the caller's to give back
 */
int smm_client_read_many(smm_client *client, const struct smm_client_part *parts, size_t count,
			 smm_call **result);
int smm_client_read_many_async(smm_client *client, const struct smm_client_part *parts,
			       size_t count, smm_call_callback done, void *userdata,
			       smm_call **call);

/**
 * smm_client_write_many() - write parts of blocks: all of them or nothing, also across a power
 * loss.
 * @count: at most 256; together they have to fit into the chip's intent log, else -E2BIG
 */
int smm_client_write_many(smm_client *client, const struct smm_client_part *parts, size_t count);
int smm_client_write_many_async(smm_client *client, const struct smm_client_part *parts,
				size_t count, smm_call_callback done, void *userdata,
				smm_call **call);

/**
 * smm_client_read_sliced(), smm_client_write_sliced() - read or write much, a slice at a time, so
 * that others get their turn and that it can be seen how far it is and stopped.
 * @slice: bytes; 0 for 4096
 * @progress: called after each slice, may be NULL; what it cancels ends with -ECANCELED
 *
 * Neither is of one moment: what others write meanwhile may come in between. The writing one writes
 * in place: after a power loss, an error or a cancellation, a prefix of the new bytes may be there.
 */
int smm_client_read_sliced(smm_client *client, uint32_t id, uint32_t offset, void *buffer,
			   uint32_t length, uint32_t slice, smm_progress_callback progress,
			   void *userdata);
int smm_client_write_sliced(smm_client *client, uint32_t id, uint32_t offset, const void *data,
			    uint32_t length, uint32_t slice, smm_progress_callback progress,
			    void *userdata);

/**
 * smm_client_store() - make the block @name, or replace its whole content and its size: all or
 * nothing, also across a power loss.
 * @id: receives its id; or NULL
 */
int smm_client_store(smm_client *client, const char *name, const void *data, uint32_t size,
		     uint32_t *id);
int smm_client_store_async(smm_client *client, const char *name, const void *data, uint32_t size,
			   smm_call_callback done, void *userdata, smm_call **call);

/**
 * smm_client_load() - the whole content of the block @name.
 * @data: receives it, the caller's to give to free(3); never NULL after success
 */
int smm_client_load(smm_client *client, const char *name, void **data, size_t *size);
int smm_client_load_async(smm_client *client, const char *name, smm_call_callback done,
			  void *userdata, smm_call **call);

/**
 * smm_client_add() - add to the counter @name, which begins at 0 if there is none.
 * @delta: may be negative, or 0 to read it
 * @value: receives the new value; or NULL
 *
 * All or nothing, also between programs that count the same.
 */
int smm_client_add(smm_client *client, const char *name, int64_t delta, int64_t *value);
int smm_client_add_async(smm_client *client, const char *name, int64_t delta,
			 smm_call_callback done, void *userdata, smm_call **call);

/*
 * Watches: smm-client-watch(3)
 *
 * One is called when a block changes. Changes that come before the callback has run are one, so
 * look at the block and not at how often one was called.
 */

enum smm_client_event {
	SMM_CLIENT_CHANGED = 1, /* bytes of it were written */
	SMM_CLIENT_CAME,        /* it is there, was given this name, or may be read now */
	SMM_CLIENT_WENT,        /* it was freed, renamed, or may not be seen any more */
	SMM_CLIENT_MISSED       /* smmd was away: anything may have happened */
};

struct smm_client_change {
	enum smm_client_event event;
	uint32_t id;             /* of the block, 0 if there is none */
	uint32_t offset, length; /* CHANGED: the bytes between which all those lie; else 0 and
				    SMM_CLIENT_TO_END */
};

typedef void (*smm_watch_callback)(smm_watch *watch, const struct smm_client_change *change,
				   void *userdata);

/**
 * smm_client_watch() - be told of the changes to the block @name of the memory in use.
 * @name: there may be none yet
 * @watch: receives the watch; close it with smm_watch_close()
 *
 * From when this returns no change is missed. Through a session one hears of all blocks that one
 * may read; through the bus alone, of those that everybody may read (mode 0444 and more). What one
 * writes oneself is told as well. Once smmd is back after a restart, each watch is called with
 * SMM_CLIENT_MISSED.
 */
int smm_client_watch(smm_client *client, const char *name, smm_watch_callback callback,
		     void *userdata, smm_watch **watch);

/* NULL does nothing. The callback is not called again; in another thread than that which calls
 * smm_client_process(), it may be running. */
void smm_watch_close(smm_watch *watch);

/* The name that it was made with. */
const char *smm_watch_name(const smm_watch *watch);
/* The id of the block, 0 if there is none. */
uint32_t smm_watch_id(const smm_watch *watch);

/*
 * Variables: smm-client-var(3)
 *
 * A struct (or any plain piece of memory without pointers) in RAM, and a block that keeps it:
 *
 *	static struct { uint32_t hours, starts; } state;
 *
 *	smm_var_open(&var, client, "state", &state, sizeof(state));
 *	state.starts++;
 *	smm_var_store(var);
 *
 * One program at a time should write the block. Bytes of padding count as well: zero the struct
 * before it is used. What is stored is the machine's own layout.
 */

/**
 * smm_var_open() - tie a variable to the block @name, and load it.
 * @var: receives the tie; close it with smm_var_close()
 * @data, @size: the variable, which has to stay; 1 byte and more
 *
 * Where there is no block, the variable stays as it is, and the first store makes the block. A
 * block that is shorter fills the beginning, and the rest of the variable stays as it is: so a new
 * version of a program may add fields at the end, with their defaults. A block that is longer was
 * not made by this version, and would lose what is behind: -EMSGSIZE, and the variable stays as it
 * is.
 *
 * Return: 1 if it was loaded, 0 if there is no block; a negative errno.
 */
int smm_var_open(smm_var **var, smm_client *client, const char *name, void *data, size_t size);

/**
 * smm_var_store() - have the variable on the chip as it is now: all or nothing, also across a power
 * loss.
 *
 * Nothing is sent if it is as it was when it was last loaded or stored, and else only the bytes
 * from the first to the last that changed.
 *
 * Return: 1 if it was stored, 0 if nothing had changed, a negative errno.
 */
int smm_var_store(smm_var *var);

/**
 * smm_var_reload() - load it again; changes that were not stored are lost.
 *
 * Return: as smm_var_open().
 */
int smm_var_reload(smm_var *var);

/* Stores nothing. NULL does nothing. */
void smm_var_close(smm_var *var);

#ifdef __GNUC__
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

#endif
