/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The names of the errors of the D-Bus interface, and what their sentences have in common. For
 * those of D-Bus itself (AccessDenied, InvalidArgs) see sd-bus-protocol.h.
 */
#pragma once

#define ERROR_NO_SUCH_MEMORY    "org.smm1.Error.NoSuchMemory"
#define ERROR_NO_SUCH_BLOCK     "org.smm1.Error.NoSuchBlock"
#define ERROR_NO_SPACE          "org.smm1.Error.NoSpace"
#define ERROR_QUOTA_EXCEEDED    "org.smm1.Error.QuotaExceeded"
#define ERROR_NAME_TAKEN        "org.smm1.Error.NameTaken"
#define ERROR_BAD_NAME          "org.smm1.Error.BadName"
#define ERROR_OUT_OF_RANGE      "org.smm1.Error.OutOfRange"
#define ERROR_NOT_A_COUNTER     "org.smm1.Error.NotACounter"
#define ERROR_WRITE_PROTECTED   "org.smm1.Error.WriteProtected"
#define ERROR_OFFLINE           "org.smm1.Error.Offline"
#define ERROR_NOT_FORMATTED     "org.smm1.Error.NotFormatted"
#define ERROR_CORRUPT           "org.smm1.Error.Corrupt"
#define ERROR_CHECKSUM_MISMATCH "org.smm1.Error.ChecksumMismatch"
#define ERROR_IO                "org.smm1.Error.IO"
#define ERROR_POWER_FAIL        "org.smm1.Error.PowerFail"
#define ERROR_BUSY              "org.smm1.Error.Busy"
#define ERROR_CANCELED          "org.smm1.Error.Canceled"
#define ERROR_TOO_LARGE         "org.smm1.Error.TooLarge"

/* Bytes of what somebody said that are repeated to him; he may have said megabytes. */
#define QUOTE_MAX 64
