#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# Programs that use libsmm-client, as they are, with smmd behind them.

# shellcheck disable=SC2154 # set in helper.bash
load helper

@test "a program in C++11" {
	"$CLIENT_CPLUSPLUS"
	gives 'ay 5 104 101 108 108 111' call Load s text
	gives 'x 1' call Add sx n 0
	gives 'ay 4 1 0 0 0' call Load s starts
}

@test "keep.c counts its starts, also over kills of smmd" {
	gives 'start 1, limit 21.5' "$EXAMPLES/keep"
	gives 'start 2, limit 21.5' "$EXAMPLES/keep"
	kill_smmd
	run -1 "$EXAMPLES/keep"
	[ "$output" = "smmd does not run on the bus 'system'" ]
	start_smmd
	gives 'start 3, limit 21.5' "$EXAMPLES/keep"
}

@test "keep.py" {
	/usr/bin/python3 -c 'import dbus' || skip "there is no python3-dbus here"
	gives $'hello from Python\n1' "$smm_root/client/examples/keep.py"
	gives $'hello from Python\n2' "$smm_root/client/examples/keep.py"
}

# watches PROGRAM: it counts changes, also after smmd was away.
watches() {
	local program=$EXAMPLES/$1 watcher n

	[ -x "$program" ] || skip "what $1 needs was not there when it was built"
	"$program" x >"$dir/counted" 3>&- &
	watcher=$!
	until [ -s "$dir/counted" ]; do # it has begun
		call Store say x 1 0
		sleep 0.1
	done
	sleep 0.5
	n=$(tail -n 1 "$dir/counted")
	for content in 1 2 3; do
		call Store say x 1 $content
		wait_for_line $((++n))
	done
	kill_smmd
	start_smmd
	wait_for_line $((++n)) # something may have been missed
	call Store say x 1 4
	wait_for_line $((++n))
	kill $watcher
	ends 143 $watcher
	gives "x $n" call Add sx x-changes 0
}

# wait_for_line N: the program has printed it.
wait_for_line() {
	for _ in {1..200}; do
		! grep -qx "$1" "$dir/counted" || return 0
		sleep 0.05
	done
	echo "it printed $(cat "$dir/counted") and not $1"
	return 1
}

@test "watch-poll.c counts changes" {
	watches watch-poll
}

@test "watch-libev.c counts changes" {
	watches watch-libev
}

@test "watch-glib.c counts changes" {
	watches watch-glib
}
