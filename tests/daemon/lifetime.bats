#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# smmd starts, stops, and is stopped.

# shellcheck disable=SC2030,SC2031,SC2154 # bats: a test is a subshell; set in helper.bash
load helper

ready_slow_smmd() {
	memory fram0
	start_smmd
	stop_smmd
	memory_is_slow
	start_smmd
}

memory_is_slow() {
	echo 'wire-speed = 100k' >>"$dir/smmd.conf"
}

@test "what was acknowledged is there after SIGTERM and a new start" {
	memory fram0
	start_smmd
	call Store say name 3 1 2 3
	call Add sx count 41
	stop_smmd
	start_smmd
	gives 'ay 3 1 2 3' call Load s name
	gives 'x 42' call Add sx count 1
	call Free u 1
	run -0 call Store say new 1 1
	[ "${output#u }" -gt 2 ]
}

@test "what was acknowledged is there after SIGKILL and a new start" {
	memory fram0
	start_smmd
	call Store say name 3 1 2 3
	call Add sx count 41
	kill_smmd
	start_smmd
	gives 'ay 3 1 2 3' call Load s name
	gives 'x 42' call Add sx count 1
}

@test "SIGTERM: the call in hand is finished and answered, those behind it are Busy" {
	ready_slow_smmd
	begin_to_store long 25000
	begin_call behind call Store say behind 1 1
	kill "$smmd_pid"

	ends 1 "$caller"
	grep -q 'error-name=org.smm1.Error.Busy error-message=smmd is stopping$' "$dir/behind.log"
	gives 's "online"' get State
	fails Busy 'smmd is stopping' call Add sx count 1
	kill -0 "$writer"
	ends 0 "$writer"
	[ "$(cat "$dir/long.log")" = 'u 1' ]
	smmd_ends 0

	start_smmd
	loads long 25000
	gives 'u 1' get Blocks
}

@test "SIGINT does what SIGTERM does" {
	memory fram0
	start_smmd
	kill -INT "$smmd_pid"
	smmd_ends 0
}

@test "a client that goes away does not take its call along" {
	ready_slow_smmd
	begin_to_store long 16000
	kill -KILL "$writer"
	gives 'u 2' call Store say next 1 1
	loads long 16000
}

@test "a second smmd on the same chip is refused" {
	memory fram0
	start_smmd
	run -1 "$SMMD" --config="$dir/smmd.conf"
	[ "$output" = "memory fram0: $dir/fram0.img is in use already; 'fuser $dir/fram0.img' says by which process" ]
	gives 'u 1' call Store say name 1 1
}

@test "a second smmd on the same bus is refused" {
	memory fram0
	start_smmd
	sed s/fram0/fram1/ "$dir/smmd.conf" >"$dir/other.conf"
	run -1 "$SMMD" --config="$dir/other.conf"
	[[ $output == *"Another process owns the name org.smm1 on this bus; stop that smmd first" ]]
	gives 'u 1' call Store say name 1 1
}

@test "without a bus smmd does not start; when it loses its bus it ends, not with 0" {
	memory fram0
	run -1 "$SMMD" --config="$dir/smmd.conf" --address=unix:path="$dir/nowhere"
	[ "$output" = "Cannot connect to unix:path=$dir/nowhere: No such file or directory" ]
	start_smmd
	call Store say name 1 1
	kill "$bus_pid"
	smmd_ends 1
	grep -q '^Lost the connection to the bus' "$dir/smmd.log"
	start_bus "$dir" 3>&-
	start_smmd
	gives 'ay 1 1' call Load s name
}

@test "--address and --user" {
	local address=$DBUS_SYSTEM_BUS_ADDRESS

	memory fram0
	export DBUS_SYSTEM_BUS_ADDRESS=unix:path=/nowhere
	"$SMMD" --config="$dir/smmd.conf" --address="$address" 2>>"$dir/smmd.log" 3>&- &
	smmd_pid=$!
	DBUS_SYSTEM_BUS_ADDRESS=$address wait_for_smmd $smmd_pid
	gives 's "online"' busctl --address="$address" get-property org.smm1 "$memory" org.smm1.Memory State
	stop_smmd

	export DBUS_SESSION_BUS_ADDRESS=$address
	"$SMMD" --config="$dir/smmd.conf" --user 2>>"$dir/smmd.log" 3>&- &
	smmd_pid=$!
	DBUS_SYSTEM_BUS_ADDRESS=$address wait_for_smmd $smmd_pid
	gives 's "online"' busctl --user get-property org.smm1 "$memory" org.smm1.Memory State
}

@test "--check-config" {
	memory fram0
	gives '' "$SMMD" --check-config --config="$dir/smmd.conf"
	[ ! -e "$dir/fram0.img" ]
	echo 'granule = 3' >>"$dir/smmd.conf"
	run -78 "$SMMD" --check-config --config="$dir/smmd.conf"
	[[ $output == "$dir/smmd.conf:5: [memory fram0] granule = 3: "* ]]
	run -78 "$SMMD" --config="$dir/smmd.conf"
	[ ! -e "$dir/fram0.img" ]
	run -78 "$SMMD" --check-config --config="$dir/nowhere"
	[[ $output == "$dir/nowhere: No such file or directory"* ]]
}

@test "the command line" {
	run -0 "$SMMD" --help
	for option in --config=PATH --system --user --address=ADDRESS --check-config --log-level=LEVEL --version --help; do
		[[ $output == *" $option "* ]]
	done
	run -0 "$SMMD" --version
	[[ $output =~ ^smmd\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
	run -1 "$SMMD" --frobnicate
	[[ $output == *"unrecognized option '--frobnicate'"* ]]
	run -1 "$SMMD" --log-level=loud
	[ "$output" = '--log-level=loud: there is no such level; use err, warning, notice, info or debug' ]
	run -1 "$SMMD" fram0
	[ "$output" = "smmd takes no argument; what is 'fram0'?" ]
}

@test "--log-level" {
	memory fram0
	run -1 "$SMMD" --config="$dir/smmd.conf" --log-level=err --address=unix:path="$dir/nowhere"
	[ "${#lines[@]}" -eq 1 ]
	"$SMMD" --config="$dir/smmd.conf" --log-level=warning 2>"$dir/quiet.log" 3>&- &
	smmd_pid=$!
	wait_for_smmd $smmd_pid
	stop_smmd
	[ ! -s "$dir/quiet.log" ]
}

@test "the service manager is told" {
	memory fram0
	python3 - "$dir/notify" >"$dir/told" 3>&- <<-'END' &
		import socket, sys
		s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		s.bind(sys.argv[1])
		told = ""
		while "STOPPING=1" not in told:
		    told = s.recv(1000).decode()
		    print(told)
	END
	listener=$!
	until [ -S "$dir/notify" ]; do sleep 0.05; done
	start_smmd env NOTIFY_SOCKET="$dir/notify"
	stop_smmd
	ends 0 $listener
	[ "$(cat "$dir/told")" = 'READY=1
STATUS=fram0 is online
STOPPING=1
STATUS=Finishing what is in hand' ]
}

@test "closed standard streams: nothing is printed into the chip" {
	memory fram0
	start_smmd sh -c 'exec "$@" >&- 2>&-' sh
	store a 4
	stop_smmd
	start_smmd
	loads a 4
}

@test "a file that is gone, or another one, takes no writes" {
	memory fram0
	start_smmd
	store a 4
	mv "$dir/fram0.img" "$dir/away"
	fails IO '.*' call Store say b 1 1
	[[ $(get State) == *offline* ]]
	cp "$dir/away" "$dir/other"
	mv "$dir/away" "$dir/fram0.img"
	until [ "$(get State)" = 's "online"' ]; do sleep 0.05; done
	store b 4
	mv "$dir/other" "$dir/fram0.img"
	fails IO '.*' call Store say c 1 1
	until [ "$(get State)" = 's "online"' ]; do sleep 0.05; done
	loads a 4
	fails NoSuchBlock '.*' call Load s b
	call Store say c 1 1
}

@test "SIGTERM while the chip is still being opened" {
	memory fram0 'size = 2M' 'wire-speed = 100k'
	"$SMMD" --config="$dir/smmd.conf" 2>>"$dir/smmd.log" 3>&- &
	smmd_pid=$!
	sleep 0.5
	stop_smmd
}

@test "a slow chip keeps nobody waiting: it is loading, and another one serves" {
	memory fram0
	memory slow 'size = 2M' 'wire-speed = 100k'
	start_smmd # after a few seconds
	store a 4
	run -0 busctl get-property org.smm1 /org/smm1/memory/slow org.smm1.Memory State
	[ "$output" = 's "loading"' ]
	SYSTEMD_LOG_LEVEL=debug run -1 busctl call org.smm1 /org/smm1/memory/slow org.smm1.Memory List
	[[ $output == *org.smm1.Error.Busy*'is loading'* ]]
}

@test "smmd may open as many files as the system lets it" {
	memory fram0
	start_smmd prlimit --nofile=64:512
	run -0 grep '^Max open files' /proc/"$smmd_pid"/limits
	[[ $output =~ \ 512\ +512\  ]]
}
