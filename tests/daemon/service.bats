#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# smmd and its service manager: reload, exit statuses.

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

# told N PATTERN: so often, within ten seconds.
told() {
	for ((i = 0; i < 200; i++)); do
		[ "$(grep -c "$2" "$dir/told")" -lt "$1" ] || return 0
		sleep 0.05
	done
	echo "the service manager was not told $1 times: $2"
	return 1
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

@test "a configuration that cannot be used ends smmd with 78, and says what to do" {
	: >"$dir/smmd.conf"
	run -78 "$SMMD" --config="$dir/smmd.conf"
	[[ $output == *"there is no memory; a section [memory NAME] with a bus and its chip makes one; "* ]]
	run -78 "$SMMD" --config="$dir/nowhere"
	[[ $output == *"a section [memory NAME] "* ]]
}
