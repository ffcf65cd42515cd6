#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# smmctl as a user types it, with smmd behind it.
#
# shellcheck disable=SC2030,SC2031,SC2034,SC2154 # bats: a test is a subshell, and run sets variables

load helper

@test "alloc prints the id, list shows the block" {
	run -0 smmctl alloc settings 64
	[ "$output" = 1 ]
	run -0 smmctl --no-legend list
	[[ $output =~ ^\ *1\ +settings\ +64\ +$(id -un)\ +$(id -gn)\ +rw-------\ +[0-9]+\ +1$ ]]
}

@test "alloc without a name, with a suffix and a mode" {
	run -0 smmctl alloc 2K --mode=640
	run -0 smmctl list
	[ "${#lines[@]}" -eq 2 ]
	[[ ${lines[0]} == *ID*NAME*SIZE*OWNER*GROUP*MODE*ADDRESS*GENERATION ]]
	[[ ${lines[1]} == *1*2048*rw-r-----* ]]
}

@test "list of nothing" {
	run -0 smmctl list
	[ "$output" = "No blocks." ]
	run -0 smmctl --no-legend list
	[ -z "$output" ]
}

@test "a new block reads as zeros, whole" {
	smmctl alloc zeros 300
	smmctl read zeros | cmp - <(head -c 300 /dev/zero)
}

@test "write changes a part, by name or id" {
	smmctl alloc text 11
	smmctl write text hello world
	smmctl write 1 --offset=6 W
	[ "$(smmctl read text)" = "hello World" ]
	[ "$(smmctl read 1 --offset=6 --length=3)" = Wor ]
}

@test "write from standard input, and as hex" {
	smmctl alloc bytes 6
	printf 'abc' | smmctl write bytes
	printf 'def' | smmctl write bytes --offset=3 -
	[ "$(smmctl read bytes)" = abcdef ]
	smmctl write bytes --hex 00 fF 4142
	smmctl read bytes | cmp - <(printf '\000\377ABef')
}

@test "store creates and replaces, load gives it back byte by byte" {
	head -c 5000 /dev/urandom >"$dir/content"
	smmctl store name before
	[ "$(smmctl load name)" = before ]
	smmctl store name <"$dir/content"
	smmctl load name | cmp - "$dir/content"
	smmctl store empty ''
	run -0 smmctl load empty
	[ -z "$output" ]
}

@test "on a terminal content is a hex dump" {
	script -qec true /dev/null || skip "this machine gives no terminal"
	smmctl store mixed --hex 48690a
	TERM=dumb run -0 script -qec "$SMMCTL load mixed" /dev/null
	[ "${lines[0]%$'\r'}" = \
		"00000000  48 69 0a                                          |Hi.|" ]
}

@test "add counts up and down from 0" {
	[ "$(smmctl add boots)" = 1 ]
	[ "$(smmctl add boots 41)" = 42 ]
	[ "$(smmctl add boots -50)" = -8 ]
	[ "$(smmctl add boots 0)" = -8 ]
	[ "$(smmctl add low -9223372036854775808)" = -9223372036854775808 ]
}

@test "free frees several, by name or id, and a name is free again" {
	smmctl alloc a 8
	smmctl alloc b 8
	smmctl free a 2
	run -0 smmctl --no-legend list
	[ -z "$output" ]
	[ "$(smmctl alloc a 8)" = 3 ]
}

@test "status tells what backs the data" {
	smmctl store x 12345678
	run -0 smmctl status
	[[ ${lines[0]} == "fram0: online" ]]
	[[ $output == *"32 KiB"* ]]
	[[ $output == *"file, $dir/fram0.img"* ]]
	[[ $output == *"Blocks: 1,"* ]]
}

@test "the options of where and which come before or after the command" {
	smmctl --memory=fram0 store x 1
	[ "$(smmctl load x -M fram0)" = 1 ]

	local bus=$DBUS_SYSTEM_BUS_ADDRESS
	export DBUS_SYSTEM_BUS_ADDRESS=unix:path=/nowhere
	[ "$(smmctl load x --address="$bus")" = 1 ]
	[ "$(DBUS_SESSION_BUS_ADDRESS=$bus smmctl --user load x)" = 1 ]
	run -1 smmctl load x
}

@test "with two memories one has to be chosen" {
	stop_smmd
	memory fram1
	start_smmd
	run -1 --separate-stderr smmctl list
	[[ $stderr == "smmctl: "*"--memory=NAME"* ]]
	smmctl -M fram1 store which second
	[ "$(SMM_MEMORY=fram1 smmctl load which)" = second ]
	run -1 --separate-stderr smmctl -M fram0 load which
	run -0 smmctl status
	[[ $output == *"fram0: online"*"fram1: online"* ]]
	run -0 smmctl status -M fram1
	[[ $output != *fram0:* ]]
}

@test "failures exit with 1 and say what to do" {
	complains 1 "smmctl list" smmctl read nothing
	complains 1 "smmctl list" smmctl free 7
	complains 1 "smmctl status" smmctl -M fram9 list
	complains 1 "smmctl list" smmctl alloc 1M
	smmctl alloc once 8
	complains 1 "smmctl store" smmctl alloc once 9
	complains 1 "" smmctl write once 123456789
	complains 1 "" smmctl read once --offset=9
	complains 1 "" smmctl add once
	complains 1 "" smmctl alloc bad/name 8
	[ "$(smmctl --no-legend list | wc -l)" -eq 1 ]
}

@test "input that no chip can hold is refused" {
	head -c 2097153 /dev/zero >"$dir/large"
	large() { smmctl store large <"$dir/large"; }
	complains 1 "2097152 bytes" large
}

@test "without smmd the message says how to start it" {
	stop_smmd
	complains 1 "start it" smmctl list
	complains 1 "smmd --address=$DBUS_SYSTEM_BUS_ADDRESS" \
		smmctl --address="$DBUS_SYSTEM_BUS_ADDRESS" status
}

@test "when smmd dies meanwhile, the message says what that means" {
	stop_smmd
	memory slow 'wire-speed = 100k'
	start_smmd
	head -c 12000 /dev/urandom >"$dir/content"
	store() { smmctl -M slow store x <"$dir/content"; }
	smmctl -M slow add formatted
	cp "$dir/slow.img" "$dir/before"
	(while cmp -s "$dir/before" "$dir/slow.img"; do sleep 0.02; done && kill -KILL "$smmd_pid") 3>&- &
	complains 1 "in full or not at all" store
	smmd_ends 137
}

@test "without a bus the message names it" {
	complains 1 "cannot reach unix:path=/nowhere" smmctl --address=unix:path=/nowhere list
}

@test "output that cannot be written is a failure" {
	smmctl store x content
	full() { smmctl load "$1" >/dev/full; }
	complains 1 "cannot write the output" full x
	head -c 20000 /dev/urandom | smmctl store large
	complains 1 "cannot write the output" full large
	help() { smmctl --help >/dev/full; }
	complains 1 "cannot write the output" help
	closed() { smmctl load x >&-; }
	run -0 closed
}

@test "mistakes in typing exit with 2" {
	complains 2 "--help" smmctl
	complains 2 "no command 'frobnicate'" smmctl frobnicate
	complains 2 "--frobnicate" smmctl --frobnicate list
	complains 2 "--memory" smmctl list --memory
	complains 2 "usage: smmctl list" smmctl list more
	complains 2 "usage: smmctl alloc [NAME] SIZE" smmctl alloc
	complains 2 "usage: smmctl add NAME [N]" smmctl add
	complains 2 "takes no --hex" smmctl list --hex
	complains 2 "'12x'" smmctl alloc 12x
	complains 2 "'-5'" smmctl alloc name -5
	complains 2 "'8G'" smmctl alloc 8G
	complains 2 "'4096M'" smmctl alloc 4096M
	complains 2 "'1.5'" smmctl add x 1.5
	complains 2 "'9223372036854775808'" smmctl add x 9223372036854775808
	complains 2 "'999' is not a mode" smmctl alloc 8 --mode=999
	complains 2 "--offset" smmctl read 1 --offset=-1
	complains 2 "--length" smmctl read 1 --length=4294967296
	smmctl alloc x 8
	complains 2 "hex digits" smmctl write x --hex 1
	complains 2 "hex digits" smmctl write x --hex 1g
}

@test "help and version" {
	run -0 smmctl --help
	for command in status list show alloc free resize read write store load edit add rename chmod chown watch monitor \
		check dump restore format; do
		[[ $output == *"  $command "* ]]
	done
	run -0 smmctl --version
	[[ $output =~ ^smmctl\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
}
