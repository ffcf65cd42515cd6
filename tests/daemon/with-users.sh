#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# with-users.sh POLICY PROGRAM: runs a test in C as root, where there are the users below, smmd as user smm, and
# between them a bus that is as strict as the system bus and lets in what POLICY allows. The test gets the folder of
# the images of two memories. Nothing on the machine changes: the users are known in a mount namespace only.

set -euo pipefail

# shellcheck source=scripts/common.sh
. "$(dirname "$0")/../../scripts/common.sh"
# shellcheck source=tests/daemon/strict-bus.sh
. "$(dirname "$0")/strict-bus.sh"

skip() {
	echo "1..0 # SKIP $1"
	exit 0
}

if [ -z "${SMM_WITH_USERS:-}" ]; then
	[ "$(id -u)" -eq 0 ] || skip 'needs root, to be several users'
	unshare --mount true 2>/dev/null ||
		skip 'needs CAP_SYS_ADMIN, and a root folder that is a mount point, to have users of its own'
	SMM_WITH_USERS=1 exec unshare --mount "$0" "$@"
fi

policy=$1
program=$2
dir=$(mktemp -d)

# The logs are shown if something went wrong.
finish() {
	local status=$?

	[ -z "${smmd_pid:-}" ] || kill "$smmd_pid" || true
	[ -z "${bus_pid:-}" ] || kill "$bus_pid" || true
	[ $status -eq 0 ] || tail -n 20 "$dir"/*.log >&2
	rm -rf "$dir"
}
trap finish EXIT

make_users() {
	local file

	cat >"$dir/passwd" <<-END
		root:x:0:0::/:
		smm:x:63000:63000::/:
		owner:x:63001:63001::/:
		mate:x:63002:63002::/:
		member:x:63003:63003::/:
		outsider:x:63004:63004::/:
	END
	cat >"$dir/group" <<-END
		root:x:0:
		smm:x:63000:owner,mate,member
		owner:x:63001:
		mate:x:63002:
		member:x:63003:
		outsider:x:63004:
		crew:x:63010:owner,mate
	END
	printf '%s: files\n' passwd group >"$dir/nsswitch.conf"
	for file in passwd group nsswitch.conf; do
		mount --bind "$dir/$file" /etc/$file
	done
	[ "$(id -G mate 2>/dev/null)" = '63002 63000 63010' ] ||
		skip 'this machine does not take its users from /etc/passwd'
}

# smm may not be able to reach the folder of the build.
start_smmd() {
	cp "$SMMD" "$dir/smmd"
	mkdir "$dir/chips"
	chown smm "$dir/chips"
	cat >"$dir/smmd.conf" <<-END
		[memory fram0]
		bus = file
		path = $dir/chips/fram0.img
		size = 16K

		[memory fram1]
		bus = file
		path = $dir/chips/fram1.img
		size = 16K
		granule = 64
		mirror = no
	END
	setpriv --reuid=smm --regid=smm --init-groups "$dir/smmd" --config="$dir/smmd.conf" 2>"$dir/smmd.log" &
	smmd_pid=$!
	wait_for_smmd $smmd_pid
}

chmod go+x "$dir"
make_users
start_strict_bus "$dir" "<include>$policy</include>"
start_smmd
"$program" "$dir/chips"

# A sanitizer's complaint ends smmd with another status than 0.
kill "$smmd_pid"
wait "$smmd_pid"
smmd_pid=
