#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# What smmd has to refuse: each is answered by the error that org.smm1(5) names, on the bus and on a session, smmd goes
# on, and nothing is another afterwards, on the chip or in what can be asked for. bad-input (BAD_INPUT) has the tables.

# shellcheck disable=SC2154 # set in helper.bash
load helper

setup() {
	start_bus "$dir" 3>&-
	memory fram0
	start_smmd
	call Store say data 16 $(seq 16)
	call Add sx count 9223372036854775807
	call Store say gone 1 1
	call Free u 3
}

refuses() {
	cd "$dir" || return
	for group in "$@"; do
		for connection in '' session; do
			echo "$group $connection"
			"$BAD_INPUT" "$group" "$dir/fram0.img" $connection
		done
	done
}

@test "ids that no block has" {
	refuses ids
}

@test "offsets, lengths and sizes that reach too far, counters that would" {
	refuses ranges
}

@test "what is empty does nothing" {
	refuses nothing
}

@test "names that are none, or of others" {
	refuses names other_names
}

@test "options that are not known, or of another type" {
	refuses options
}

@test "modes and groups that there are not" {
	refuses modes
}

@test "more parts than a call has" {
	refuses parts
}

@test "objects that there are not" {
	refuses block_paths free_paths objects
}

@test "methods and interfaces that there are not" {
	refuses methods
}

@test "properties that there are not, and that cannot be set" {
	refuses properties of_blocks no_properties
}

@test "arguments of other types than a method takes" {
	refuses signatures
}

@test "mistakes of administrators" {
	need_root 'be one'
	refuses of_administrators
}

@test "files that are none" {
	need_root 'dump and restore'
	refuses files
}

@test "bytes that are no message" {
	refuses bytes
}

@test "mistakes about a job" {
	stop_smmd
	echo 'wire-speed = 20k' >>"$dir/smmd.conf" # that a check takes its time
	start_smmd
	call Check 'a{sv}' 0 3>&- &
	until busctl get-property org.smm1 /org/smm1/job/1 org.smm1.Job Kind; do sleep 0.05; done
	refuses jobs
	busctl call org.smm1 /org/smm1/job/1 org.smm1.Job Cancel
}
