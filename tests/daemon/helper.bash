# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2034,SC2154 # for the tests; bats sets output
#
# For the tests of smmd through the bus: a bus, fresh for each test, that stands for the system bus, and smmd on
# it. SMMD is the daemon; JOB_CLIENT, KILL9 and LOAD_CLIENTS are the programs beside this file.

bats_require_minimum_version 1.5.0

# shellcheck source=scripts/common.sh
. "${BASH_SOURCE[0]%/*}/../../scripts/common.sh"

dir=$BATS_TEST_TMPDIR
memory=/org/smm1/memory/fram0

# memory NAME LINE...: a section of the configuration; of 32 KiB unless a line says otherwise.
memory() {
	local name=$1
	shift

	printf '%s\n' "[memory $name]" 'bus = file' "path = $dir/$name.img" >>"$dir/smmd.conf"
	[[ " $* " == *" size = "* ]] || echo 'size = 32K' >>"$dir/smmd.conf"
	[ $# -eq 0 ] || printf '%s\n' "$@" >>"$dir/smmd.conf"
}

# start_smmd [COMMAND...]: what stands before smmd on its command line.
start_smmd() {
	"$@" "$SMMD" --config="$dir/smmd.conf" 2>>"$dir/smmd.log" 3>&- &
	smmd_pid=$!
	wait_for_smmd $smmd_pid
}

# ends STATUS PID: a process started here, with that status.
ends() {
	local status=0

	wait "$2" || status=$?
	[ $status -eq "$1" ] || {
		echo "process $2 ends with $status instead of $1"
		return 1
	}
}

# A sanitizer's complaint ends smmd with another status than 0.
smmd_ends() {
	local pid=$smmd_pid

	smmd_pid=
	ends "$1" "$pid"
}

stop_smmd() {
	kill "$smmd_pid"
	smmd_ends 0
}

kill_smmd() {
	kill -KILL "$smmd_pid"
	smmd_ends 137
}

setup() {
	start_bus "$dir" 3>&-
}

teardown() {
	local status=0

	[ -z "${smmd_pid:-}" ] || stop_smmd || status=$?
	kill "$bus_pid"
	[ ! -e "$dir/smmd.log" ] || cat "$dir/smmd.log"
	return $status
}

# A call of memory fram0, of one of its blocks, of the manager.
call() {
	busctl call org.smm1 $memory org.smm1.Memory "$@"
}

# store NAME SIZE: every byte a 7.
store() {
	local content
	mapfile -t content < <(yes 7 | head -n "$2")

	call Store say "$1" "$2" "${content[@]}"
}

# loads NAME SIZE: what store() stored.
loads() {
	gives "ay $2$(yes ' 7' | head -n "$2" | tr -d '\n')" call Load s "$1"
}

# begin_to_store NAME SIZE: in the background, as process $writer, with NAME.log; fram0 is slow, and when this
# returns it is being written.
begin_to_store() {
	cp "$dir/fram0.img" "$dir/before"
	store "$1" "$2" >"$dir/$1.log" 2>&1 3>&- &
	writer=$!
	while cmp -s "$dir/before" "$dir/fram0.img"; do sleep 0.02; done
	kill -0 $writer
}

# begin_call NAME COMMAND...: a call by busctl in the background, as process $caller, with its debug log in
# NAME.log; when this returns, smmd has it.
begin_call() {
	local log=$dir/$1.log
	shift

	SYSTEMD_LOG_LEVEL=debug "$@" >"$log" 2>&1 3>&- &
	caller=$!
	until grep -q '^Sent message type=method_call .*destination=org.smm1 ' "$log"; do sleep 0.02; done
	busctl call org.smm1 /org/smm1 org.freedesktop.DBus.Peer Ping
}

call_block() {
	local id=$1
	shift

	busctl call org.smm1 $memory/block/"$id" org.smm1.Block "$@"
}

manager() {
	busctl call org.smm1 /org/smm1 org.smm1.Manager "$@"
}

# get PROPERTY, get_block ID PROPERTY: as busctl prints it.
get() {
	busctl get-property org.smm1 $memory org.smm1.Memory "$1"
}

get_block() {
	busctl get-property org.smm1 $memory/block/"$1" org.smm1.Block "$2"
}

# gives EXPECTED COMMAND...: that is what it prints.
gives() {
	local expected=$1
	shift

	run -0 "$@"
	[ "$output" = "$expected" ] || {
		echo "expected: $expected"
		echo "   found: $output"
		return 1
	}
}

# fails ERROR PATTERN COMMAND...: that D-Bus error with such a message; one of ours is named by its last part.
# busctl tells the names of errors in its debug log alone.
fails() {
	local error=$1 pattern=$2 found
	shift 2

	[[ $error == *.* ]] || error=org.smm1.Error.$error
	SYSTEMD_LOG_LEVEL=debug run -1 "$@"
	found=$(sed -n 's/^Got message type=error .* error-name=//p' <<<"$output" | tail -n 1)
	[[ $found =~ ^${error//./\\.}\ error-message=$pattern$ ]] || {
		echo "expected: $error: $pattern"
		echo "   found: $found"
		return 1
	}
}

need_root() {
	[ "$(id -u)" -eq 0 ] || skip "needs root, to $1"
}

# Lets other users reach the bus.
open_to_others() {
	chmod go+x "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" "$dir"
}

can_emulate() {
	unshare --mount --net --propagation unchanged true || skip 'smm-rig needs root with CAP_SYS_ADMIN'
}
