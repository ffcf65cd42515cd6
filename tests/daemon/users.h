/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The users that with-users.sh makes, for tests that are several of them: a process becomes one.
 */
#pragma once

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#define UNKNOWN_UID 63999u /* has no account */

/* For good, with the groups of the account; NULL is who has none. */
static inline void become(const char *account)
{
	const struct passwd *user = account ? getpwnam(account) : NULL;
	uid_t uid = user ? user->pw_uid : UNKNOWN_UID;
	gid_t gid = user ? user->pw_gid : UNKNOWN_UID;

	if ((account && !user) || (user ? initgroups(account, gid) : setgroups(0, NULL)) < 0 ||
	    setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0 ||
	    prctl(PR_SET_DUMPABLE, 1) < 0) { /* for the sanitizer of leaks */
		printf("Bail out! Cannot become %s: %m\n", account ? account : "somebody unknown");
		exit(EXIT_FAILURE);
	}
}
