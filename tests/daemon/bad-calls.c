/* SPDX-License-Identifier: BSD-3-Clause */
#include "bad-input.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One call, or with @ in its path, member or arguments one for each value of the group. */
struct row {
	const char *path, *interface, *member;
	const char *types, *arguments; /* as for busctl; '' is an empty string */
	const char *error;             /* NULL: none, and nothing is changed all the same */
};

struct group {
	const char *name;
	const struct row *rows;
	size_t n_rows;
	const char *const *values; /* NULL at the end */
};

#define MANAGER    "/org/smm1", "org.smm1.Manager"
#define MEMORY     MEMORY_PATH, "org.smm1.Memory"
#define BLOCK      MEMORY_PATH "/block/1", "org.smm1.Block"
#define JOB        "/org/smm1/job/1", "org.smm1.Job" /* where there is one */
#define PROPERTIES "org.freedesktop.DBus.Properties"
#define NODE       "org.freedesktop.DBus.Introspectable"
#define LOGGING    "/org/freedesktop/LogControl1", PROPERTIES
#define LOG        "org.freedesktop.LogControl1"

#define TIMES_4(text)  text text text text
#define TIMES_64(text) TIMES_4(TIMES_4(TIMES_4(text)))
#define HALF_UINT64    "9223372036854775807"

/* Ids that no block has. */
static const char *const no_ids[] = { "0", "3", "4", "4294967295", NULL };
static const struct row ids[] = {
	{ MEMORY, "Free", "u", "@", OURS("NoSuchBlock") },
	{ MEMORY, "Resize", "uu", "@ 8", OURS("NoSuchBlock") },
	{ MEMORY, "Resize", "uu", "@ 4294967295", OURS("NoSuchBlock") },
	{ MEMORY, "Read", "uuu", "@ 0 1", OURS("NoSuchBlock") },
	{ MEMORY, "Read", "uuu", "@ 0 0", OURS("NoSuchBlock") },
	{ MEMORY, "Read", "uuu", "@ 4294967295 4294967295", OURS("NoSuchBlock") },
	{ MEMORY, "ReadMany", "a(uuu)", "1 @ 0 1", OURS("NoSuchBlock") },
	{ MEMORY, "ReadMany", "a(uuu)", "2 1 0 1 @ 0 1", OURS("NoSuchBlock") },
	{ MEMORY, "Write", "uuay", "@ 0 1 1", OURS("NoSuchBlock") },
	{ MEMORY, "Write", "uuay", "@ 0 0", OURS("NoSuchBlock") },
	{ MEMORY, "WriteInPlace", "uuay", "@ 0 1 1", OURS("NoSuchBlock") },
	{ MEMORY, "WriteMany", "a(uuay)", "1 @ 0 1 1", OURS("NoSuchBlock") },
	{ MEMORY, "WriteMany", "a(uuay)", "2 1 0 1 99 @ 0 1 1", OURS("NoSuchBlock") },
	{ MEMORY, "SetMode", "uu", "@ 0", OURS("NoSuchBlock") },
	{ MEMORY, "SetMode", "uu", "@ 512", OURS("NoSuchBlock") },
	{ MEMORY, "SetOwner", "uuu", "@ 0 0", OURS("NoSuchBlock") },
	{ MEMORY, "Rename", "us", "@ other", OURS("NoSuchBlock") },
	{ MEMORY, "Rename", "us", "@ other", OURS("NoSuchBlock") },
};

static const struct row ranges[] = {
	{ MEMORY, "Read", "uuu", "1 0 17", OURS("OutOfRange") },
	{ MEMORY, "Read", "uuu", "1 16 1", OURS("OutOfRange") },
	{ MEMORY, "Read", "uuu", "1 17 0", OURS("OutOfRange") },
	{ MEMORY, "Read", "uuu", "1 1 4294967294", OURS("OutOfRange") },
	{ MEMORY, "Read", "uuu", "1 17 4294967295", OURS("OutOfRange") },
	{ MEMORY, "Read", "uuu", "1 4294967295 0", OURS("OutOfRange") },
	{ MEMORY, "Read", "uuu", "1 4294967295 1", OURS("OutOfRange") },
	{ MEMORY, "Read", "uuu", "1 4294967295 4294967294", OURS("OutOfRange") },
	{ MEMORY, "Read", "uuu", "1 4294967295 4294967295", OURS("OutOfRange") },
	{ MEMORY, "ReadMany", "a(uuu)", "2 1 0 16 1 16 1", OURS("OutOfRange") },
	{ MEMORY, "ReadMany", "a(uuu)", "1 1 4294967295 4294967295", OURS("OutOfRange") },
	{ MEMORY, "Write", "uuay", "1 16 1 9", OURS("OutOfRange") },
	{ MEMORY, "Write", "uuay", "1 15 2 9 9", OURS("OutOfRange") },
	{ MEMORY, "Write", "uuay", "1 17 0", OURS("OutOfRange") },
	{ MEMORY, "Write", "uuay", "1 4294967295 1 9", OURS("OutOfRange") },
	{ MEMORY, "Write", "uuay", "1 4294967295 4 9 9 9 9", OURS("OutOfRange") },
	{ MEMORY, "WriteInPlace", "uuay", "1 15 2 9 9", OURS("OutOfRange") },
	{ MEMORY, "WriteInPlace", "uuay", "1 4294967295 0", OURS("OutOfRange") },
	{ MEMORY, "WriteInPlace", "uuay", "1 4294967295 4 9 9 9 9", OURS("OutOfRange") },
	{ MEMORY, "WriteMany", "a(uuay)", "2 1 0 1 9 1 16 1 9", OURS("OutOfRange") },
	{ MEMORY, "WriteMany", "a(uuay)", "2 1 0 1 9 1 4294967295 2 9 9", OURS("OutOfRange") },
	{ BLOCK, "Read", "uu", "1 16", OURS("OutOfRange") },
	{ BLOCK, "Read", "uu", "4294967295 4294967295", OURS("OutOfRange") },
	{ BLOCK, "Write", "uay", "4294967295 4 9 9 9 9", OURS("OutOfRange") },
	{ BLOCK, "WriteInPlace", "uay", "17 0", OURS("OutOfRange") },

	{ MEMORY, "Allocate", "sua{sv}", "other 4294967295 0", OURS("NoSpace") },
	{ MEMORY, "Allocate", "sua{sv}", "other 4294967231 0", OURS("NoSpace") },
	{ MEMORY, "Allocate", "sua{sv}", "'' 32768 0", OURS("NoSpace") },
	{ MEMORY, "Resize", "uu", "1 4294967295", OURS("NoSpace") },
	{ MEMORY, "Resize", "uu", "1 4294967232", OURS("NoSpace") },
	{ BLOCK, "Resize", "u", "4294967295", OURS("NoSpace") },
	{ MEMORY, "Store", "say", "data 32768", OURS("NoSpace") },
	{ MEMORY, "Store", "say", "other 32769", OURS("NoSpace") },
	{ MEMORY, "Write", "uuay", "1 0 32769", OURS("NoSpace") },
	{ MEMORY, "WriteMany", "a(uuay)", "1 1 0 32769", OURS("NoSpace") },

	{ MEMORY, "Resize", "uu", "2 7", DBUS("InvalidArgs") },
	{ MEMORY, "Resize", "uu", "2 9", DBUS("InvalidArgs") },
	{ MEMORY, "Store", "say", "count 7 1 1 1 1 1 1 1", DBUS("InvalidArgs") },
	{ MEMORY, "Store", "say", "count 0", DBUS("InvalidArgs") },
	{ MEMORY, "Add", "sx", "count 1", OURS("OutOfRange") },
	{ MEMORY, "Add", "sx", "count " HALF_UINT64, OURS("OutOfRange") },
	{ MEMORY, "Add", "sx", "data 1", OURS("NotACounter") },
	{ MEMORY, "Add", "sx", "data 0", OURS("NotACounter") },
};

/* What is empty is no mistake, and does nothing. */
static const struct row nothing[] = {
	{ MEMORY, "Read", "uuu", "1 0 0", NULL },
	{ MEMORY, "Read", "uuu", "1 16 0", NULL },
	{ MEMORY, "Read", "uuu", "1 16 4294967295", NULL },
	{ MEMORY, "ReadMany", "a(uuu)", "0", NULL },
	{ MEMORY, "ReadMany", "a(uuu)", "1 1 16 0", NULL },
	{ MEMORY, "Write", "uuay", "1 0 0", NULL },
	{ MEMORY, "Write", "uuay", "1 16 0", NULL },
	{ MEMORY, "WriteInPlace", "uuay", "1 16 0", NULL },
	{ MEMORY, "WriteMany", "a(uuay)", "0", NULL },
	{ MEMORY, "WriteMany", "a(uuay)", "2 1 16 0 2 8 0", NULL },
	{ MEMORY, "Add", "sx", "count 0", NULL },
	{ MEMORY, "Resize", "uu", "1 16", NULL },
	{ MEMORY, "Rename", "us", "1 data", NULL },
	{ MEMORY, "Allocate", "sua{sv}", "data 16 1 exclusive b false", NULL },
	{ BLOCK, "Read", "uu", "16 0", NULL },
	{ BLOCK, "Write", "uay", "16 0", NULL },
	{ BLOCK, "WriteInPlace", "uay", "16 0", NULL },
};

static const char *const no_names[] = {
	"a/b",  "/",    "/a",   "a/",           "a\tb",        "a\nb",
	"\x01", "\x1f", "\x7f", "\xc3\xbc\x7f", TIMES_64("x"), TIMES_4(TIMES_64("x")),
	NULL,
};
static const struct row names[] = {
	{ MEMORY, "Allocate", "sua{sv}", "@ 1 0", OURS("BadName") },
	{ MEMORY, "Store", "say", "@ 1 1", OURS("BadName") },
	{ MEMORY, "Add", "sx", "@ 1", OURS("BadName") },
	{ MEMORY, "Rename", "us", "1 @", OURS("BadName") },
	{ BLOCK, "Rename", "s", "@", OURS("BadName") },
	{ MEMORY, "Load", "s", "@", OURS("BadName") },
	{ MEMORY, "Find", "s", "@", OURS("BadName") },
	/* Ahead of all else that is wrong. */
	{ MEMORY, "Allocate", "sua{sv}", "@ 4294967295 1 mode u 512", OURS("BadName") },
	{ MEMORY, "Store", "say", "@ 50000", OURS("BadName") },
	{ MEMORY, "Rename", "us", "4294967295 @", OURS("BadName") },
	{ MANAGER, "GetMemory", "s", "@", OURS("NoSuchMemory") },
};

static const struct row other_names[] = {
	{ MEMORY, "Store", "say", "'' 1 1", OURS("BadName") },
	{ MEMORY, "Store", "say", "'' 50000", OURS("BadName") },
	{ MEMORY, "Add", "sx", "'' 1", OURS("BadName") },
	{ MEMORY, "Load", "s", "''", OURS("BadName") },
	{ MEMORY, "Find", "s", "''", OURS("BadName") },
	{ MEMORY, "Load", "s", "gone", OURS("NoSuchBlock") },
	{ MEMORY, "Find", "s", "gone", OURS("NoSuchBlock") },
	{ MEMORY, "Load", "s", "data/", OURS("BadName") },
	{ MEMORY, "Find", "s", "DATA", OURS("NoSuchBlock") },
	{ MEMORY, "Find", "s", "dat", OURS("NoSuchBlock") },
	{ MEMORY, "Rename", "us", "1 count", OURS("NameTaken") },
	{ BLOCK, "Rename", "s", "count", OURS("NameTaken") },
	{ MEMORY, "Allocate", "sua{sv}", "data 17 0", OURS("NameTaken") },
	{ MEMORY, "Allocate", "sua{sv}", "data 16 1 exclusive b true", OURS("NameTaken") },
	{ MEMORY, "Allocate", "sua{sv}", "count 8 0", OURS("NameTaken") },
	{ MANAGER, "GetMemory", "s", "''", OURS("NoSuchMemory") },
	{ MANAGER, "GetMemory", "s", "fram", OURS("NoSuchMemory") },
	{ MANAGER, "GetMemory", "s", "fram00", OURS("NoSuchMemory") },
	{ MANAGER, "GetMemory", "s", "fram0/block/1", OURS("NoSuchMemory") },
};

static const char *const no_options[] = {
	"1 what u 1",
	"1 '' u 1",
	"1 Mode u 384",
	"2 granule s x force s x",
	"1 mode s rw",
	"1 mode q 384",
	"1 mode v u 384",
	"1 granule t 64",
	"1 force u 1",
	"1 fill u 1",
	"1 repair s true",
	"1 exclusive ab 1 true",
	"1 exclusive (b) true",
	"1 exclusive a{sv} 0",
	"2 mode u 384 what u 1",
	"2 granule u 64 what u 1",
	"2 repair b true what u",
	"1 " TIMES_64("x") " u 1",
	NULL,
};
static const struct row options[] = {
	{ MEMORY, "Allocate", "sua{sv}", "other 1 @", DBUS("InvalidArgs") },
	{ MEMORY, "Check", "a{sv}", "@", DBUS("InvalidArgs") },
	{ MEMORY, "Check", "a{sv}", "2 repair b false repair b false", DBUS("InvalidArgs") },
	{ MEMORY, "Allocate", "sua{sv}", "other 1 2 mode u 384 mode u 384", DBUS("InvalidArgs") },
	{ MEMORY, "Format", "a{sv}", "@", DBUS("InvalidArgs") },
	{ MEMORY, "Dump", "ha{sv}", "0 @", DBUS("InvalidArgs") },
	{ MEMORY, "Restore", "ha{sv}", "0 @", DBUS("InvalidArgs") },
};

static const char *const no_modes[] = { "512", "4095", "65536", "4294967295", NULL };
static const struct row modes[] = {
	{ MEMORY, "SetMode", "uu", "1 @", DBUS("InvalidArgs") },
	{ BLOCK, "SetMode", "u", "@", DBUS("InvalidArgs") },
	{ MEMORY, "Allocate", "sua{sv}", "other 1 1 mode u @", DBUS("InvalidArgs") },
	{ MEMORY, "Allocate", "sua{sv}", "data 16 1 mode u @", DBUS("InvalidArgs") },
	{ MEMORY, "Allocate", "sua{sv}", "other 1 1 gid u 4294967295", DBUS("InvalidArgs") },
};

static const struct row parts[] = {
	{ MEMORY, "ReadMany", "a(uuu)", "257" TIMES_4(TIMES_64(" 1 0 1")) " 1 0 1",
	  DBUS("InvalidArgs") },
	{ MEMORY, "WriteMany", "a(uuay)", "257" TIMES_4(TIMES_64(" 1 0 1 9")) " 1 0 1 9",
	  DBUS("InvalidArgs") },
	{ MEMORY, "WriteMany", "a(uuay)", "65536", DBUS("InvalidArgs") },
	{ MEMORY, "ReadMany", "a(uuu)", "65536", DBUS("InvalidArgs") },
	{ MEMORY, "WriteMany", "a(uuay)", "256" TIMES_4(TIMES_64(" 1 0 1 9")), OURS("TooLarge") },
};

/* Paths that no block can have. */
static const char *const no_blocks[] = {
	"0",           "00",  "01",        "x",          "1x",         "x1",
	"_1",          "1/1", "1/block/1", "4294967296", "4294967297", "18446744073709551617",
	TIMES_64("9"), NULL,
};
static const struct row block_paths[] = {
	{ MEMORY_PATH "/block/@", "org.smm1.Block", "Free", "", "", DBUS("UnknownObject") },
	{ MEMORY_PATH "/block/@", "org.smm1.Block", "Read", "uu", "0 1", DBUS("UnknownObject") },
	{ MEMORY_PATH "/block/@", PROPERTIES, "GetAll", "s", "org.smm1.Block",
	  DBUS("UnknownObject") },
	{ MEMORY_PATH "/block/@", NODE, "Introspect", "", "", DBUS("UnknownObject") },
};

/* Paths that a block could have. */
static const char *const free_blocks[] = { "3", "4", "4294967295", NULL };
static const struct row free_paths[] = {
	{ MEMORY_PATH "/block/@", "org.smm1.Block", "Free", "", "", OURS("NoSuchBlock") },
	{ MEMORY_PATH "/block/@", "org.smm1.Block", "Read", "uu", "0 1", OURS("NoSuchBlock") },
	{ MEMORY_PATH "/block/@", "org.smm1.Block", "Write", "uay", "0 1 1", OURS("NoSuchBlock") },
	{ MEMORY_PATH "/block/@", "org.smm1.Block", "WriteInPlace", "uay", "0 1 1",
	  OURS("NoSuchBlock") },
	{ MEMORY_PATH "/block/@", "org.smm1.Block", "Resize", "u", "1", OURS("NoSuchBlock") },
	{ MEMORY_PATH "/block/@", "org.smm1.Block", "SetMode", "u", "0", OURS("NoSuchBlock") },
	{ MEMORY_PATH "/block/@", "org.smm1.Block", "SetOwner", "uu", "0 0", OURS("NoSuchBlock") },
	{ MEMORY_PATH "/block/@", "org.smm1.Block", "Rename", "s", "x", OURS("NoSuchBlock") },
	{ MEMORY_PATH "/block/@", PROPERTIES, "Get", "ss", "org.smm1.Block Id",
	  OURS("NoSuchBlock") },
	{ MEMORY_PATH "/block/@", PROPERTIES, "GetAll", "s", "org.smm1.Block",
	  OURS("NoSuchBlock") },
	{ MEMORY_PATH "/block/@", NODE, "Introspect", "", "", OURS("NoSuchBlock") },
	/* What no block has: sd-bus answers by itself, and loses the sentence. */
	{ MEMORY_PATH "/block/@", "org.smm1.Block", "What", "", "", DBUS("FileNotFound") },
	{ MEMORY_PATH "/block/@", "org.smm1.Memory", "List", "", "", DBUS("FileNotFound") },
};

static const char *const no_objects[] = {
	"/",
	"/org",
	"/org/smm2",
	"/org/smm1/manager",
	"/org/smm1/memory/fram",
	"/org/smm1/memory/fram00",
	"/org/smm1/memory/FRAM0",
	"/org/smm1/memory/_",
	MEMORY_PATH "/blocks",
	MEMORY_PATH "/Block/1",
	"/org/smm1/job/0",
	"/org/smm1/job/1",
	"/org/smm1/job/01",
	"/org/smm1/job/4294967297",
	"/org/smm1/memory/fram0_1",
	NULL,
};
static const struct row objects[] = {
	{ "@", "org.smm1.Manager", "ListMemories", "", "", DBUS("UnknownObject") },
	{ "@", "org.smm1.Memory", "List", "", "", DBUS("UnknownObject") },
	{ "@", "org.smm1.Block", "Free", "", "", DBUS("UnknownObject") },
	{ "@", "org.smm1.Job", "Cancel", "", "", DBUS("UnknownObject") },
	{ "@", PROPERTIES, "GetAll", "s", "org.smm1.Memory", DBUS("UnknownObject") },
};

static const struct row methods[] = {
	{ MANAGER, "What", "", "", DBUS("UnknownMethod") },
	{ MANAGER, "reload", "", "", DBUS("UnknownMethod") },
	{ MANAGER, "List", "", "", DBUS("UnknownMethod") },
	{ MEMORY, "What", "", "", DBUS("UnknownMethod") },
	{ MEMORY, "Changed", "usuu", "1 data 0 1", DBUS("UnknownMethod") },
	{ MEMORY, "Name", "", "", DBUS("UnknownMethod") },
	{ MEMORY, "Cancel", "", "", DBUS("UnknownMethod") },
	{ BLOCK, "What", "", "", DBUS("UnknownMethod") },
	{ BLOCK, "List", "", "", DBUS("UnknownMethod") },
	{ "/org/smm1", "org.smm1.What", "Reload", "", "", DBUS("UnknownMethod") },
	{ "/org/smm1", "org.smm1.Memory", "List", "", "", DBUS("UnknownMethod") },
	{ "/org/smm1/memory", "org.smm1.Memory", "List", "", "", DBUS("UnknownMethod") },
	{ "/org/smm1/job", "org.smm1.Job", "Cancel", "", "", DBUS("UnknownMethod") },
	{ MEMORY_PATH, "org.smm1.memory", "List", "", "", DBUS("UnknownMethod") },
	{ MEMORY_PATH, "org.smm1.Manager", "Reload", "", "", DBUS("UnknownMethod") },
	{ MEMORY_PATH, "org.smm1.Block", "Free", "", "", DBUS("UnknownMethod") },
	{ MEMORY_PATH "/block", "org.smm1.Block", "Free", "", "", DBUS("UnknownObject") },
	{ MEMORY_PATH "/block/1", "org.smm1.Memory", "Free", "u", "1", DBUS("UnknownMethod") },
	{ MEMORY_PATH "/block/1", "org.smm1.Job", "Cancel", "", "", DBUS("UnknownMethod") },
	/* A call that names no interface. */
	{ MEMORY_PATH, NULL, "Free", "u", "1", DBUS("UnknownObject") },
	{ MEMORY_PATH "/block/1", NULL, "Free", "", "", DBUS("UnknownObject") },
};

static const char *const all_properties[] = {
	"org.smm1.Memory Name",        "org.smm1.Memory Model",
	"org.smm1.Memory Technology",  "org.smm1.Memory Identification",
	"org.smm1.Memory BusSpeed",    "org.smm1.Memory Bus",
	"org.smm1.Memory Device",      "org.smm1.Memory State",
	"org.smm1.Memory StateReason", "org.smm1.Memory Size",
	"org.smm1.Memory UsableSize",  "org.smm1.Memory FreeSize",
	"org.smm1.Memory LargestFree", "org.smm1.Memory Granule",
	"org.smm1.Memory Blocks",      "org.smm1.Memory WriteProtected",
	"org.smm1.Memory Statistics",  NULL,
};
static const struct row properties[] = {
	{ MEMORY_PATH, PROPERTIES, "Set", "ssv", "@ s x", DBUS("PropertyReadOnly") },
	{ MEMORY_PATH, PROPERTIES, "Set", "ssv", "@ t 1", DBUS("PropertyReadOnly") },
};

static const char *const block_properties[] = { "Id",    "Name",        "Size",    "Owner",
						"Group", "Mode",        "Address", "Generation",
						"Kind",  "Checksummed", NULL };
static const struct row of_blocks[] = {
	{ MEMORY_PATH "/block/1", PROPERTIES, "Set", "ssv", "org.smm1.Block @ u 511",
	  DBUS("PropertyReadOnly") },
	{ MEMORY_PATH "/block/1", PROPERTIES, "Set", "ssv", "org.smm1.Memory @ u 511",
	  DBUS("UnknownProperty") },
	{ MEMORY_PATH "/block/3", PROPERTIES, "Set", "ssv", "org.smm1.Block @ u 511",
	  OURS("NoSuchBlock") },
};

static const struct row no_properties[] = {
	{ "/org/smm1", PROPERTIES, "Set", "ssv", "org.smm1.Manager Version s 9",
	  DBUS("PropertyReadOnly") },
	{ "/org/smm1", PROPERTIES, "Get", "ss", "org.smm1.Manager What", DBUS("UnknownProperty") },
	{ "/org/smm1", PROPERTIES, "Get", "ss", "org.smm1.Memory Name", DBUS("UnknownProperty") },
	{ MEMORY_PATH, PROPERTIES, "Get", "ss", "org.smm1.Memory What", DBUS("UnknownProperty") },
	{ MEMORY_PATH, PROPERTIES, "Get", "ss", "org.smm1.Memory name", DBUS("UnknownProperty") },
	{ MEMORY_PATH, PROPERTIES, "Get", "ss", "org.smm1.Memory List", DBUS("UnknownProperty") },
	{ MEMORY_PATH, PROPERTIES, "Get", "ss", "org.smm1.What Name", DBUS("UnknownProperty") },
	{ MEMORY_PATH, PROPERTIES, "Get", "ss", "org.smm1.Memory ''", DBUS("UnknownProperty") },
	{ MEMORY_PATH, PROPERTIES, "Get", "ss", "a..b Name", DBUS("UnknownProperty") },
	{ MEMORY_PATH, PROPERTIES, "GetAll", "s", "org.smm1.What", DBUS("UnknownInterface") },
	{ MEMORY_PATH, PROPERTIES, "GetAll", "s", "a..b", DBUS("UnknownInterface") },
	{ MEMORY_PATH, PROPERTIES, "Set", "ssv", "org.smm1.Memory What s x",
	  DBUS("UnknownProperty") },
	{ MEMORY_PATH "/block/1", PROPERTIES, "Get", "ss", "org.smm1.Block What",
	  DBUS("UnknownProperty") },
	{ LOGGING, "Set", "ssv", LOG " LogLevel u 1", DBUS("InvalidArgs") },
	{ LOGGING, "Set", "ssv", LOG " SyslogIdentifier s x", DBUS("PropertyReadOnly") },
};

/* Administrators make mistakes as well. */
static const char *const no_granules[] = { "1",     "2",          "5",          "65",
					   "32768", "2147483648", "4294967295", NULL };
static const struct row of_administrators[] = {
	{ MEMORY, "SetOwner", "uuu", "1 4294967295 0", DBUS("InvalidArgs") },
	{ MEMORY, "SetOwner", "uuu", "1 0 4294967295", DBUS("InvalidArgs") },
	{ BLOCK, "SetOwner", "uu", "4294967295 4294967295", DBUS("InvalidArgs") },
	{ MEMORY, "Format", "a{sv}", "0", DBUS("InvalidArgs") },
	{ MEMORY, "Format", "a{sv}", "1 force b false", DBUS("InvalidArgs") },
	{ MEMORY, "Format", "a{sv}", "2 force b true granule u @", DBUS("InvalidArgs") },
	{ MEMORY, "Format", "a{sv}", "1 granule u @", DBUS("InvalidArgs") },
	{ LOGGING, "Set", "ssv", LOG " LogLevel s loud", DBUS("InvalidArgs") },
	{ LOGGING, "Set", "ssv", LOG " LogTarget s kmsg", DBUS("InvalidArgs") },
};

static const struct row jobs[] = {
	{ JOB, "Cancel", "u", "1", DBUS("InvalidArgs") },
	{ JOB, "Cancel", "a{sv}", "0", DBUS("InvalidArgs") },
	{ JOB, "What", "", "", DBUS("UnknownMethod") },
	{ JOB, "Finished", "s", "done", DBUS("UnknownMethod") },
	{ "/org/smm1/job/1", "org.smm1.Memory", "List", "", "", DBUS("UnknownMethod") },
	{ "/org/smm1/job/1", NULL, "Cancel", "", "", DBUS("UnknownObject") },
	{ "/org/smm1/job/@", "org.smm1.Job", "Cancel", "", "", DBUS("UnknownObject") },
	{ "/org/smm1/job/1", PROPERTIES, "Set", "ssv", "org.smm1.Job Kind s dump",
	  DBUS("PropertyReadOnly") },
	{ "/org/smm1/job/1", PROPERTIES, "Set", "ssv", "org.smm1.Job Memory s x",
	  DBUS("PropertyReadOnly") },
	{ "/org/smm1/job/1", PROPERTIES, "Set", "ssv", "org.smm1.Job BytesDone t 1",
	  DBUS("PropertyReadOnly") },
	{ "/org/smm1/job/1", PROPERTIES, "Set", "ssv", "org.smm1.Job BytesTotal t 1",
	  DBUS("PropertyReadOnly") },
	{ "/org/smm1/job/1", PROPERTIES, "Get", "ss", "org.smm1.Job What",
	  DBUS("UnknownProperty") },
	{ MEMORY, "Check", "a{sv}", "0", OURS("Busy") },
};
static const char *const no_jobs[] = { "0", "2", "01", "1/1", "x", "4294967297", NULL };

#define GROUP(name, values)                           \
	{                                             \
#name, name, ARRAY_SIZE(name), values \
	}

static const struct group groups[] = {
	GROUP(ids, no_ids),
	GROUP(ranges, NULL),
	GROUP(nothing, NULL),
	GROUP(names, no_names),
	GROUP(other_names, NULL),
	GROUP(options, no_options),
	GROUP(modes, no_modes),
	GROUP(parts, NULL),
	GROUP(block_paths, no_blocks),
	GROUP(free_paths, free_blocks),
	GROUP(objects, no_objects),
	GROUP(methods, NULL),
	GROUP(properties, all_properties),
	GROUP(of_blocks, block_properties),
	GROUP(no_properties, NULL),
	GROUP(of_administrators, no_granules),
	GROUP(jobs, no_jobs),
};

/* The methods, each with the types that it takes ... */
static const struct row signatures[] = {
	{ MANAGER, "ListMemories", "", NULL, NULL },
	{ MANAGER, "GetMemory", "s", NULL, NULL },
	{ MANAGER, "Reload", "", NULL, NULL },
	{ MEMORY, "Allocate", "sua{sv}", NULL, NULL },
	{ MEMORY, "Free", "u", NULL, NULL },
	{ MEMORY, "Resize", "uu", NULL, NULL },
	{ MEMORY, "Read", "uuu", NULL, NULL },
	{ MEMORY, "ReadMany", "a(uuu)", NULL, NULL },
	{ MEMORY, "Write", "uuay", NULL, NULL },
	{ MEMORY, "WriteInPlace", "uuay", NULL, NULL },
	{ MEMORY, "WriteMany", "a(uuay)", NULL, NULL },
	{ MEMORY, "Store", "say", NULL, NULL },
	{ MEMORY, "Load", "s", NULL, NULL },
	{ MEMORY, "Find", "s", NULL, NULL },
	{ MEMORY, "List", "", NULL, NULL },
	{ MEMORY, "Add", "sx", NULL, NULL },
	{ MEMORY, "SetMode", "uu", NULL, NULL },
	{ MEMORY, "SetOwner", "uuu", NULL, NULL },
	{ MEMORY, "Rename", "us", NULL, NULL },
	{ MEMORY, "OpenSession", "", NULL, NULL },
	{ MEMORY, "Dump", "ha{sv}", NULL, NULL },
	{ MEMORY, "Restore", "ha{sv}", NULL, NULL },
	{ MEMORY, "Check", "a{sv}", NULL, NULL },
	{ MEMORY, "Format", "a{sv}", NULL, NULL },
	{ BLOCK, "Read", "uu", NULL, NULL },
	{ BLOCK, "Write", "uay", NULL, NULL },
	{ BLOCK, "WriteInPlace", "uay", NULL, NULL },
	{ BLOCK, "Free", "", NULL, NULL },
	{ BLOCK, "Resize", "u", NULL, NULL },
	{ BLOCK, "SetMode", "u", NULL, NULL },
	{ BLOCK, "SetOwner", "uu", NULL, NULL },
	{ BLOCK, "Rename", "s", NULL, NULL },
};

/* ... and those that it is given instead, unless they are the same. */
static const struct {
	const char *types, *arguments;
} others[] = {
	{ "", "" },
	{ "u", "1" },
	{ "i", "1" },
	{ "t", "1" },
	{ "b", "true" },
	{ "s", "data" },
	{ "o", MEMORY_PATH "/block/1" },
	{ "g", "u" },
	{ "h", "0" },
	{ "v", "u 1" },
	{ "(u)", "1" },
	{ "au", "1 1" },
	{ "ay", "1 1" },
	{ "su", "data 1" },
	{ "uu", "1 1" },
	{ "ux", "1 1" },
	{ "uuu", "1 1 1" },
	{ "uus", "1 1 x" },
	{ "uuau", "1 1 1 1" },
	{ "uuuu", "1 1 1 1" },
	{ "sas", "data 1 x" },
	{ "ua{sv}", "1 0" },
	{ "a{ss}", "1 force true" },
	{ "a{sv}u", "1 force b true 1" },
	{ "sua{sv}u", "x 1 0 1" },
	{ "aau", "0" },
	{ "a(uu)", "1 1 1" },
	{ "a(uuuu)", "1 1 0 1 1" },
	{ "a(uuau)", "1 1 0 1 1" },
	{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaau", "0" },
};

/* Messages from words */

static const char *next_word(char **words)
{
	const char *word = strsep(words, " ");

	return !word ? "0" : !strcmp(word, "''") ? "" : word;
}

static size_t type_length(const char *types)
{
	unsigned int depth = 0;
	size_t n = 0;

	do {
		while (types[n] == 'a')
			n++;
		depth += types[n] == '(' || types[n] == '{';
		depth -= types[n] == ')' || types[n] == '}';
		n++;
	} while (depth);
	return n;
}

static void append_basic(sd_bus_message *m, char type, const char *word)
{
	uint64_t t = strtoull(word, NULL, 10);
	uint32_t u = (uint32_t)t;
	uint16_t q = (uint16_t)t;
	uint8_t y = (uint8_t)t;
	int b = !strcmp(word, "true");
	const void *value = type == 'y'                  ? &y
			    : type == 'q'                ? (void *)&q
			    : type == 'b'                ? (void *)&b
			    : strchr("uih", type)        ? (void *)&u
			    : strchr("xt", type) != NULL ? (void *)&t
							 : word;

	must(sd_bus_message_append_basic(m, type, value), word);
}

static void append(sd_bus_message *m, const char *types, char **words);

static void append_inside(sd_bus_message *m, char container, const char *types, char **words,
			  unsigned int n)
{
	must(sd_bus_message_open_container(m, container, types), types);
	while (n--)
		append(m, types, words);
	must(sd_bus_message_close_container(m), types);
}

static void append(sd_bus_message *m, const char *types, char **words)
{
	const char *word;
	char inner[64];
	size_t n;

	for (; *types; types += n) {
		n = type_length(types);
		if (*types == 'v') {
			append_inside(m, 'v', next_word(words), words, 1);
		} else if (*types == 'a') {
			snprintf(inner, sizeof(inner), "%.*s", (int)n - 1, types + 1);
			word = next_word(words);
			append_inside(m, 'a', inner, words, (unsigned int)strtoul(word, NULL, 10));
		} else if (*types == '(' || *types == '{') {
			snprintf(inner, sizeof(inner), "%.*s", (int)n - 2, types + 1);
			append_inside(m, *types == '(' ? 'r' : 'e', inner, words, 1);
		} else {
			append_basic(m, *types, next_word(words));
		}
	}
}

/* Calls */

static void call(sd_bus *bus, const struct row *row, const char *path, const char *arguments)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *m = NULL, *answer = NULL;
	char *words = strdup(arguments), *rest = words;
	int r;

	must(sd_bus_message_new_method_call(bus, &m, "org.smm1", path, row->interface, row->member),
	     path);
	append(m, row->types, &rest);
	r = sd_bus_call(bus, m, 0, &error, &answer);
	came_out(row->error, r < 0 ? error.name : NULL, "%s %s %.100s of %s: %s", row->member,
		 row->types, arguments, path, error.message ? error.message : "");
	sd_bus_message_unref(answer);
	sd_bus_message_unref(m);
	sd_bus_error_free(&error);
	free(words);
}

/* @text with @value in the place of its @. */
static char *replace(const char *text, const char *value)
{
	const char *at = strchr(text, '@');
	char *new;

	if (!at)
		return strdup(text);
	must(asprintf(&new, "%.*s%s%s", (int)(at - text), text, value, at + 1), text);
	return new;
}

static bool has_place(const struct row *row)
{
	return strchr(row->path, '@') || strchr(row->arguments, '@');
}

static void try_group(sd_bus *bus, const struct group *group)
{
	static const char *const none[] = { "", NULL };
	const char *const *values;
	char *path, *arguments;

	for (const struct row *row = group->rows; row < group->rows + group->n_rows; row++) {
		for (values = has_place(row) ? group->values : none; *values; values++) {
			path = replace(row->path, *values);
			arguments = replace(row->arguments, *values);
			call(bus, row, path, arguments);
			free(path);
			free(arguments);
		}
	}
}

static void try_signatures(sd_bus *bus)
{
	for (size_t i = 0; i < ARRAY_SIZE(signatures); i++) {
		struct row row = signatures[i];

		row.error = DBUS("InvalidArgs");
		for (size_t k = 0; k < ARRAY_SIZE(others); k++) {
			row.types = others[k].types;
			if (strcmp(row.types, signatures[i].types) != 0)
				call(bus, &row, row.path, others[k].arguments);
		}
	}
}

bool try_calls(sd_bus *bus, const char *name)
{
	if (!strcmp(name, "signatures")) {
		try_signatures(bus);
		return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		if (!strcmp(groups[i].name, name)) {
			try_group(bus, &groups[i]);
			return true;
		}
	}
	return false;
}
