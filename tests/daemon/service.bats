#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# smmd and its service manager: reload, watchdog, journal, exit statuses.

# shellcheck disable=SC2154 # set in helper.bash
load helper

# listen SOCKET FILE: a line for each datagram, as a list of "NAME=VALUE".
listen() {
	rm -f "$1"
	python3 - "$1" >"$2" 3>&- <<-'END' &
		import socket, sys
		s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		s.bind(sys.argv[1])
		while True:
		    print(s.recv(10000).decode().split("\n"), flush=True)
	END
	listener=$!
	until [ -S "$1" ]; do sleep 0.05; done
}

teardown() {
	local status=0

	[ -z "${smmd_pid:-}" ] || stop_smmd || status=$?
	[ -z "${listener:-}" ] || kill "$listener"
	kill "$bus_pid"
	[ ! -e "$dir/smmd.log" ] || cat "$dir/smmd.log"
	[ ! -e "$dir/told" ] || cat "$dir/told"
	return $status
}

# start_told [COMMAND...]: start_smmd, below a service manager that listens.
start_told() {
	listen "$dir/notify" "$dir/told"
	start_smmd env NOTIFY_SOCKET="$dir/notify" "$@"
}

# has FILE N PATTERN: so many lines, within ten seconds.
has() {
	for ((i = 0; i < 200; i++)); do
		[ "$(grep -c "$3" "$1")" -lt "$2" ] || return 0
		sleep 0.05
	done
	echo "$1 does not have $2 lines with: $3"
	return 1
}

# told N PATTERN: the service manager, or the journal.
told() {
	has "$dir/told" "$@"
}

# With a second for a watchdog, in which smmd looks four times.
start_watched() {
	start_told env WATCHDOG_USEC=1000000 "$@"
}

fed() {
	grep -c WATCHDOG=1 "$dir/told"
}

@test "SIGHUP reads the configuration again, and the service manager is told when" {
	memory fram0
	start_told
	call Store say a 1 7
	memory fram1
	kill -HUP "$smmd_pid"
	told 2 READY=1
	[[ $(manager ListMemories) == *fram1* ]]
	loads a 1
	grep -A 1 RELOADING "$dir/told" >"$dir/reload"
	[[ $(cat "$dir/reload") =~ ^"['RELOADING=1', 'MONOTONIC_USEC="[0-9]+"']"$'\n'"['READY=1']"$ ]]
}

@test "SIGHUP with a mistake in the configuration changes nothing, and says so" {
	memory fram0
	start_told
	echo 'granule = 3' >>"$dir/smmd.conf"
	kill -HUP "$smmd_pid"
	told 2 READY=1
	grep -q "^SIGHUP: the configuration stays as it was: $dir/smmd.conf:5: " "$dir/smmd.log"
	gives 's "online"' get State
}

@test "SIGHUP while one is under way: what has changed since is read, too" {
	memory fram0
	memory fram1 'size = 2M' 'wire-speed = 100k' # is being opened, and has to be closed
	start_told
	sed -i '/fram1/,$d' "$dir/smmd.conf"
	kill -HUP "$smmd_pid"
	told 1 RELOADING=1
	memory fram2
	kill -HUP "$smmd_pid"
	told 3 READY=1
	[[ $(manager ListMemories) != *fram1* ]]
	[[ $(manager ListMemories) == *fram2* ]]
}

@test "SIGHUP before the memories are open is not lost" {
	memory fram0
	memory slow 'size = 2M' 'wire-speed = 100k'
	listen "$dir/notify" "$dir/told"
	NOTIFY_SOCKET=$dir/notify "$SMMD" --config="$dir/smmd.conf" 2>>"$dir/smmd.log" 3>&- &
	smmd_pid=$!
	sleep 1
	memory fram1
	kill -HUP "$smmd_pid"
	told 2 READY=1
	[[ $(manager ListMemories) == *fram1* ]]
}

@test "the watchdog is fed while nothing happens, and by the process that it is for alone" {
	memory fram0
	start_watched
	told 3 WATCHDOG=1
	stop_smmd
	kill "$listener"
	start_watched env WATCHDOG_PID=1
	sleep 1
	[ "$(fed)" -eq 0 ]
}

@test "the watchdog is fed while a slow chip is read" {
	memory fram0
	memory slow 'size = 2M' 'wire-speed = 100k'
	start_watched
	told 4 WATCHDOG=1
	run -0 busctl get-property org.smm1 /org/smm1/memory/slow org.smm1.Memory State
	[ "$output" = 's "loading"' ]
	run -1 grep 'does not come to its end' "$dir/smmd.log"
}

@test "the watchdog is not fed while a transfer does not come to its end" {
	local before

	can_emulate
	cat >"$dir/board" <<-END
		[rig]
		control = $dir/control
		[i2c 1]
		clock = 400000
		[chip fram]
		bus = i2c-1
		image = $dir/fram
		size = 32K
		address = 0x50
		address-bytes = 2
		id = 00a510
	END
	printf '%s\n' '[memory fram0]' 'bus = i2c' 'device = /dev/i2c-1' 'address = 0x50' >"$dir/smmd.conf"
	memory fram1
	start_watched "$SMM_RIG" "$dir/board"
	told 2 WATCHDOG=1
	"$SMM_RIG_CONTROL" "$dir/control" stuck i2c-1 ETIMEDOUT 4000
	call Store say a 1 1 3>&- &
	has "$dir/smmd.log" 1 'fram0: a transfer does not come to its end'
	before=$(fed)
	busctl call org.smm1 /org/smm1/memory/fram1 org.smm1.Memory Store say a 1 1 # others serve
	sleep 1
	[ "$(fed)" -eq "$before" ]
	"$SMM_RIG_CONTROL" "$dir/control" unstuck i2c-1
	told $((before + 2)) WATCHDOG=1
}

# The journal's socket is where this test wants it, in a mount namespace; and a file is the journal's end of stderr.
start_journaled() {
	unshare --mount true || skip 'needs root with CAP_SYS_ADMIN, to stand for the journal'
	mkdir "$dir/journal"
	listen "$dir/journal/socket" "$dir/told"
	touch "$dir/smmd.log"
	# shellcheck disable=SC2016
	start_smmd env JOURNAL_STREAM="$(stat -c %d:%i "$dir/smmd.log")" unshare --mount sh -c '
		mount -t tmpfs none /run
		mkdir -p /run/systemd/journal
		mount --bind "$0" /run/systemd/journal
		exec "$@"' "$dir/journal"
}

@test "the journal gets fields, and which event it is" {
	memory fram0
	start_journaled
	told 1 MESSAGE_ID=
	grep -q "MESSAGE=memory fram0: 0 blocks, .*'MESSAGE_ID=9eabfc14dd264cdd803ce94f56d70222', 'SMM_MEMORY=fram0'" \
		"$dir/told"
	mv "$dir/fram0.img" "$dir/away"
	run -1 call Store say a 1 1
	told 1 "MESSAGE=memory fram0 is offline: "
	grep "fram0 is offline" "$dir/told" >"$dir/offline"
	for field in MESSAGE_ID=25ae367ca2ff42a0b174e204c05c3faf SMM_MEMORY=fram0 \
		SMM_ERROR=org.smm1.Error.Offline PRIORITY=3 SYSLOG_IDENTIFIER=smmd; do
		grep -q "'$field'" "$dir/offline"
	done
	[ ! -s "$dir/smmd.log" ]
	gives 's "journal"' busctl get-property org.smm1 /org/freedesktop/LogControl1 \
		org.freedesktop.LogControl1 LogTarget
}

@test "a damaged block is in the journal by its number, once" {
	memory fram0
	start_smmd
	store a 100
	stop_smmd
	python3 - "$dir/fram0.img" <<-'END'
		import sys
		image = open(sys.argv[1], "rb").read()
		at = image.index(b"\7" * 100) + 50
		with open(sys.argv[1], "r+b") as f:
		    f.seek(at)
		    f.write(b"\10")
	END
	start_journaled
	fails ChecksumMismatch '.*' call Load s a
	fails ChecksumMismatch '.*' call Load s a
	told 1 'MESSAGE=memory fram0: block 1 (a) is damaged'
	grep "block 1" "$dir/told" >"$dir/damaged"
	[ "$(wc -l <"$dir/damaged")" -eq 1 ]
	for field in MESSAGE_ID=5c6bba20385f41d6868cc34e239897ab SMM_BLOCK=1 \
		SMM_ERROR=org.smm1.Error.ChecksumMismatch; do
		grep -q "'$field'" "$dir/damaged"
	done
}

@test "without the journal's socket, its stream gets lines with levels" {
	memory fram0
	touch "$dir/smmd.log"
	unshare --mount true || skip 'needs root with CAP_SYS_ADMIN, to take the journal away'
	# shellcheck disable=SC2016
	start_smmd env JOURNAL_STREAM="$(stat -c %d:%i "$dir/smmd.log")" unshare --mount sh -c '
		mount -t tmpfs none /run
		exec "$@"' sh
	grep -q '^<6>memory fram0: 0 blocks' "$dir/smmd.log"
}

@test "a configuration that cannot be used ends smmd with 78, and says what to do" {
	: >"$dir/smmd.conf"
	run -78 "$SMMD" --config="$dir/smmd.conf"
	[[ $output == *"there is no memory; a section [memory NAME] with a bus and its chip makes one; "* ]]
	run -78 "$SMMD" --config="$dir/nowhere"
	[[ $output == *"a section [memory NAME] "* ]]
}
