#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# What calls of smmd cost, how many it takes, and how much memory. SMMD, BENCH_DBUS and LOAD_CLIENTS are the
# programs; the chips are files in RAM without delay. Sanitizers make all of it slower and larger: use a build
# without them.

set -euo pipefail

# shellcheck source=scripts/common.sh
. "${BASH_SOURCE[0]%/*}/../../scripts/common.sh"

dir=$(mktemp -d /dev/shm/smm-bench.XXXXXX)
trap 'stop; kill "$bus_pid"; rm -r "$dir"' EXIT
start_bus "$dir"

stop() {
	[ -z "${smmd_pid:-}" ] || { kill "$smmd_pid" && wait "$smmd_pid"; } || true
	smmd_pid=
}

# start SIZE: smmd on a new chip.
start() {
	stop
	rm -f "$dir/chip"
	printf '%s\n' '[memory fram0]' 'bus = file' "path = $dir/chip" "size = $1" >"$dir/smmd.conf"
	"$SMMD" --config="$dir/smmd.conf" --log-level=err &
	smmd_pid=$!
	wait_for_smmd "$smmd_pid"
}

# resident WHAT GOAL
resident() {
	local kib

	kib=$(awk '$1 == "VmRSS:" { print $2 }' "/proc/$smmd_pid/status")
	printf '%-44s %5d KiB   goal %d KiB' "$1" "$kib" "$2"
	[ "$kib" -le "$2" ] || { printf ', missed' && missed=1; }
	echo
}

missed=
start 32K
"$BENCH_DBUS" || missed=1

start 2M
start_ns=$(date +%s%N)
"$LOAD_CLIENTS" 100 100 200 >/dev/null
elapsed=$(($(date +%s%N) - start_ns))
printf '\n%-44s %5d calls a second\n' '100 clients, Store and Load of 100 bytes' $((40000 * 1000000000 / elapsed))

echo
start 32K
resident 'smmd with an empty chip of 32 KiB' 8192
start 2M
"$LOAD_CLIENTS" --blocks 10000
resident 'smmd with a chip of 2 MiB and 10,000 blocks' 12288
[ -z "$missed" ]
