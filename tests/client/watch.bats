#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# smmctl watch and monitor: lines that come when something happens.
#
# shellcheck disable=SC2030,SC2031,SC2154 # bats: a test is a subshell, and run sets variables

load helper

# begin ARGUMENT...: smmctl in the background, into $dir/out.
begin() {
	"$SMMCTL" "$@" >"$dir/out" 2>"$dir/err" 3>&- &
	watcher=$!
}

# says PATTERN: a line matches, now or soon.
says() {
	local i

	for ((i = 0; i < 200; i++)); do
		! grep -Eq -e "$1" "$dir/out" || return 0
		sleep 0.05
	done
	echo "no line matches '$1' in:"
	cat "$dir/out" "$dir/err"
	return 1
}

# It watches when it tells of a change.
is_there() {
	local i

	for ((i = 0; i < 100; i++)); do
		smmctl write "$1" x
		! [ -s "$dir/out" ] || return 0
		sleep 0.1
	done
	return 1
}

# Ended by a signal, and by nothing before.
end() {
	kill "$watcher"
	ends 143 "$watcher"
	! grep -v '^smmctl: smmd went away; this' "$dir/err"
}

teardown() {
	local status=0

	kill "${watcher:-}" 2>/dev/null || true
	[ -z "${smmd_pid:-}" ] || stop_smmd || status=$?
	kill "$bus_pid"
	[ ! -e "$dir/smmd.log" ] || cat "$dir/smmd.log"
	return $status
}

time='^[0-2][0-9]:[0-5][0-9]:[0-6][0-9]\.[0-9]{3}'

@test "watch: a line a change" {
	smmctl alloc a 10
	begin watch a b
	is_there a
	says "$time a: bytes 0 to 0 were written\$"
	smmctl write a --offset=3 four
	says "$time a: bytes 3 to 6 were written\$"
	smmctl store b 1
	says "$time b: is there, as block 2\$"
	smmctl rename a c
	says "$time a: is not there any more\$"
	smmctl store c 1
	smmctl free b
	says "$time b: is not there any more\$"
	run ! grep ' c:' "$dir/out"
	end
}

@test "watch as JSON: each line is a value" {
	smmctl alloc a 10
	begin watch a --json=short
	is_there a
	smmctl write a --offset=3 four
	says '"Offset":3'
	smmctl free a
	says '"went"'
	end
	python3 - "$dir/out" <<-'END'
		import datetime, json, sys
		events = [json.loads(line) for line in open(sys.argv[1])]
		assert {'Event': 'changed', 'Name': 'a', 'Id': 1, 'Offset': 3, 'Length': 4}.items() <= events[-2].items()
		assert {'Event': 'went', 'Name': 'a', 'Id': 0}.items() <= events[-1].items()
		datetime.datetime.strptime(events[0]['Time'], '%Y-%m-%dT%H:%M:%S.%f%z')
	END
}

@test "watch goes on when smmd is back" {
	smmctl alloc a 10
	begin watch 1
	is_there a
	stop_smmd
	start_smmd
	says 'a: smmd was away'
	grep -q 'smmd went away' "$dir/err"
	smmctl write a --offset=9 x
	says 'a: bytes 9 to 9'
	end
}

@test "watch of what has no name" {
	smmctl alloc 10
	complains 1 "smmctl rename 1 NAME" smmctl watch 1
	complains 1 "smmctl list" smmctl watch 7
	complains 2 "usage: smmctl watch" smmctl watch
}

@test "monitor: a line a signal, of blocks, the memory and jobs" {
	smmctl alloc a 10
	begin monitor
	is_there a
	says "$time fram0 Changed Id=1 Name=a Offset=0 Length=1\$"
	smmctl store b 12
	says "$time fram0/block/2 InterfacesAdded Id=2 Name=b Size=2 .*Kind=data"
	smmctl chmod 640 b
	says "$time fram0/block/2 PropertiesChanged Mode=416\$"
	smmctl free b
	says "$time fram0/block/2 InterfacesRemoved\$"
	says "$time fram0 PropertiesChanged .*Blocks=1"
	smmctl check
	says "$time job/1 InterfacesAdded Kind=check Memory=fram0 "
	says "$time job/1 Finished Result=done\$"
	end
}

@test "monitor: nothing of another memory" {
	stop_smmd
	memory fram1
	start_smmd
	smmctl -M fram1 alloc other 1
	smmctl -M fram0 alloc a 1
	begin monitor -M fram0
	smmctl -M fram1 write other x
	is_there_in() { SMM_MEMORY=fram0 is_there a; }
	is_there_in
	smmctl -M fram1 write other y
	SMM_MEMORY=fram0 smmctl rename a b
	says 'Name=b'
	run ! grep -e other -e fram1 "$dir/out"
	end
}

@test "monitor as JSON" {
	smmctl alloc a 10
	begin monitor --json=short
	is_there a
	smmctl check
	says Finished
	end
	python3 - "$dir/out" <<-'END'
		import json, sys
		events = [json.loads(line) for line in open(sys.argv[1])]
		change = {'Object': '/org/smm1/memory/fram0', 'Signal': 'Changed', 'Id': 1, 'Name': 'a', 'Offset': 0, 'Length': 1}
		assert any(change.items() <= e.items() for e in events), events
		assert any(e['Signal'] == 'Finished' and e['Result'] == 'done' for e in events)
	END
}

@test "monitor ends when smmd does" {
	smmctl alloc a 10
	begin monitor
	is_there a
	stop_smmd
	ends 1 "$watcher"
	grep -q '^smmctl: smmd went away .*start smmctl again' "$dir/err"
	start_smmd
}
