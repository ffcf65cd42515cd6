#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# smmd with more to do than it can do at once.

# shellcheck disable=SC2154 # set in helper.bash
load helper

# A chip of 2 MiB, formatted, and from now on as slow as on a bus of 400 kHz.
start_slow_2M() {
	memory fram0 'size = 2M' 'granule = 64'
	start_smmd
	"$@"
	stop_smmd
	echo 'wire-speed = 400k' >>"$dir/smmd.conf"
	start_smmd
}

milliseconds() {
	echo $(($(date +%s%N) / 1000000))
}

@test "while 1 MiB is written at 400 kHz, all that needs no chip is answered at once" {
	local start

	start_slow_2M call Store say small 1 1
	"$LOAD_CLIENTS" 1 1048576 1 >/dev/null 3>&- &
	writer=$!
	sleep 1

	start=$(milliseconds)
	busctl call org.smm1 /org/smm1 org.freedesktop.DBus.Peer Ping
	busctl call org.smm1 "$memory" org.freedesktop.DBus.Peer Ping
	gives 's "online"' get State
	gives 'u 1' get Blocks
	gives 'u 1' get_block 1 Size
	gives 'u 1' call Find s small
	run -0 call List
	run -0 manager ListMemories
	run -0 busctl tree org.smm1
	echo "# nine calls in $(($(milliseconds) - start)) ms" >&3
	[ $(($(milliseconds) - start)) -lt 3000 ]

	run -124 timeout 0.5 busctl call org.smm1 "$memory" org.smm1.Memory Add sx count 1
	kill -0 $writer
	kill_smmd
	ends 1 $writer
}

@test "100 clients at the same time" {
	memory fram0 'size = 512K'
	start_smmd
	gives '1000 stored, 1000 loaded, 0 busy' "$LOAD_CLIENTS" 100 2000 10
	gives 'u 100' get Blocks
}

@test "2 MiB in one call" {
	memory fram0 'size = 2M' 'granule = 64'
	start_smmd
	gives '1 stored, 1 loaded, 0 busy' "$LOAD_CLIENTS" 1 2080000 1
	run -1 "$LOAD_CLIENTS" 1 2097152 1
	[[ $output == 'client 0: org.smm1.Error.NoSpace: memory fram0 has no '* ]]
	run -1 "$LOAD_CLIENTS" 1 20000000 1
	[[ $output == 'client 0: org.smm1.Error.NoSpace: memory fram0 has no '* ]]
	gives 'u 1' get Blocks
}

@test "Busy: more calls at the same time than may wait" {
	start_slow_2M true
	"$LOAD_CLIENTS" 1 200000 1 >/dev/null 3>&- &
	sleep 1
	# 111 wait behind the one in hand, and the others of this user are told so.
	"$LOAD_CLIENTS" 150 10 1 >"$dir/clients" 3>&- &
	clients=$!
	sleep 1
	fails Busy "112 requests of uid $(id -u) for memory fram0 are waiting already" \
		call Store say one-more 1 1
	gives 's "online"' get State
	ends 0 $clients
	[[ $(cat "$dir/clients") =~ ^([0-9]+)\ stored,\ ([0-9]+)\ loaded,\ ([0-9]+)\ busy$ ]]
	echo "# ${BASH_REMATCH[0]}" >&3
	[ $((BASH_REMATCH[1] + BASH_REMATCH[2] + BASH_REMATCH[3])) -eq 300 ]
	[ "${BASH_REMATCH[3]}" -ge 39 ]
	call Store say later 1 1
}

# count TEXT COMMAND...: how often what it prints has that.
count() {
	local text=$1
	shift

	"$@" | grep -o "$text" | wc -l
}

# A tree asks for each node by itself: were that not done in constant time, it would take minutes.
@test "10,000 blocks: a list, a tree, all objects" {
	local start

	memory fram0 'size = 2M' 'quota = 0'
	start_smmd
	"$LOAD_CLIENTS" --blocks 10000
	gives 'u 10000' get Blocks
	[ "$(count '"block-[0-9]*"' call List)" -eq 10000 ]
	[ "$(count '"org.smm1.Block"' busctl call org.smm1 /org/smm1 org.freedesktop.DBus.ObjectManager GetManagedObjects)" \
		-eq 10000 ]
	start=$(milliseconds)
	[ "$(count /block/ busctl --list tree org.smm1)" -eq 10000 ]
	echo "# a tree of 10,000 blocks in $(($(milliseconds) - start)) ms" >&3
	[ $(($(milliseconds) - start)) -lt 60000 ]
	gives 's "block-4711"' get_block 4712 Name
}
