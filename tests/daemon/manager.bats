#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# org.smm1.Manager, and the tree of objects.

# shellcheck disable=SC2030,SC2031,SC2154 # bats: a test is a subshell; set in helper.bash
load helper

@test "ListMemories has them in the order of the configuration" {
	local expected='a(sos) 3'

	memory fram0
	memory b 'format = never'
	memory a
	start_smmd
	expected+=' "fram0" "/org/smm1/memory/fram0" "online"'
	expected+=' "b" "/org/smm1/memory/b" "blank"'
	expected+=' "a" "/org/smm1/memory/a" "online"'
	gives "$expected" manager ListMemories
}

@test "GetMemory" {
	memory fram0
	start_smmd
	gives 'o "/org/smm1/memory/fram0"' manager GetMemory s fram0
	fails NoSuchMemory "there is no memory 'fram1'; .*" \
		manager GetMemory s fram1
}

@test "Version is that of the program" {
	memory fram0
	start_smmd
	run -0 "$SMMD" --version
	gives "s \"${output#smmd }\"" busctl get-property org.smm1 /org/smm1 org.smm1.Manager Version
}

@test "the tree shows every object" {
	memory fram0
	memory fram1
	start_smmd
	call Store say x 1 1
	call Store say y 1 1
	call Free u 1
	run -0 busctl --list tree org.smm1
	[ "$output" = "/
/org
/org/freedesktop
/org/freedesktop/LogControl1
/org/smm1
/org/smm1/job
/org/smm1/memory
/org/smm1/memory/fram0
/org/smm1/memory/fram0/block
/org/smm1/memory/fram0/block/2
/org/smm1/memory/fram1" ]
}

@test "introspection names the arguments" {
	memory fram0
	start_smmd
	run -0 busctl --xml-interface introspect org.smm1 "$memory" org.smm1.Memory
	[[ $output == *'<method name="Allocate">
   <arg type="s" name="name" direction="in"/>
   <arg type="u" name="size" direction="in"/>
   <arg type="a{sv}" name="options" direction="in"/>
   <arg type="u" name="id" direction="out"/>'* ]]
}

@test "paths that are no objects" {
	memory fram0
	start_smmd
	call Store say x 1 1
	for path in block/01 block/+1 block/1/1 block/4294967297 block/x block/ blocks; do
		run -1 busctl call org.smm1 "$memory/$path" org.smm1.Block Free
	done
	fails NoSuchBlock '.* no block 2 .*' call_block 2 Free
	gives 'u 1' get Blocks
}

# memory_is STATE NAME: within some seconds.
memory_is() {
	for ((i = 0; i < 100; i++)); do
		run -0 busctl get-property org.smm1 /org/smm1/memory/"$2" org.smm1.Memory State
		[ "$output" != "s \"$1\"" ] || return 0
		sleep 0.1
	done
	return 1
}

@test "a memory whose file cannot be had after Reload is offline until it can" {
	memory fram0
	start_smmd
	memory fram1
	head -c 1000 /dev/zero >"$dir/fram1.img"
	manager Reload
	memory_is offline fram1
	run -0 busctl get-property org.smm1 /org/smm1/memory/fram1 org.smm1.Memory StateReason
	[[ $output == *'fram1.img has 1000 bytes; the configuration says 32768"' ]]
	rm "$dir/fram1.img"
	memory_is online fram1
}
