#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# Reload: the configuration is read again while smmd serves.

# shellcheck disable=SC2154 # set in helper.bash
load helper

setup() {
	start_bus "$dir" 3>&-
	need_root 'have smmd read its configuration again'
	memory fram0
	memory fram1
	start_smmd
}

# Calls of memory fram1.
call1() {
	busctl call org.smm1 /org/smm1/memory/fram1 org.smm1.Memory "$@"
}

# The bytes that were written to a memory since it was opened.
written() {
	busctl get-property org.smm1 "/org/smm1/memory/$1" org.smm1.Memory Statistics |
		sed 's/.*"BytesWritten" \([0-9]*\).*/\1/'
}

# remove NAME: its section.
remove() {
	sed -i "/^\[memory $1\]/,/^size/d" "$dir/smmd.conf"
}

# opened NAME: within a minute or so.
opened() {
	for ((i = 0; i < 1000; i++)); do
		[ "$(busctl get-property org.smm1 "/org/smm1/memory/$1" org.smm1.Memory State)" != 's "online"' ] || return 0
		sleep 0.05
	done
	busctl get-property org.smm1 "/org/smm1/memory/$1" org.smm1.Memory State StateReason
	return 1
}

@test "a memory more, one less" {
	store a 10
	memory fram2
	gives '' manager Reload
	opened fram2
	gives 'u 1' busctl call org.smm1 /org/smm1/memory/fram2 org.smm1.Memory Store say a 1 1
	remove fram1
	gives '' manager Reload
	fails NoSuchMemory '.*' manager GetMemory s fram1
	fails org.freedesktop.DBus.Error.UnknownObject '.*' call1 List
	gives 'o "/org/smm1/memory/fram2"' manager GetMemory s fram2
	loads a 10
	python3 - "$dir/fram1.img" <<-'END' # the lock of its file is gone, too
		import fcntl, sys
		fcntl.flock(open(sys.argv[1]), fcntl.LOCK_EX | fcntl.LOCK_NB)
	END
}

@test "who is not changed is not closed; who is, is taken up anew" {
	local before

	store a 1000
	call1 Store say b 3 1 2 3
	before=$(written fram0)
	[ "$before" -gt 1000 ]
	[ "$(written fram1)" -gt 0 ]
	sed -i "/fram1.img/a quota = 1K" "$dir/smmd.conf"
	sed -i "/^\[memory fram0\]/i # nothing but a remark" "$dir/smmd.conf"
	manager Reload
	opened fram1
	[ "$(written fram0)" -eq "$before" ]
	[ "$(written fram1)" -eq 0 ]
	gives 'ay 3 1 2 3' call1 Load s b
}

@test "the same name, another chip; two that change their chips" {
	store a 1
	call1 Store say b 1 2
	sed -i 's/fram0.img/@/; s/fram1.img/fram0.img/; s/@/fram1.img/' "$dir/smmd.conf"
	manager Reload
	opened fram0
	opened fram1
	gives 'ay 1 2' call Load s b
	gives 'ay 1 7' call1 Load s a
	sed -i 's/fram1.img/new.img/' "$dir/smmd.conf"
	manager Reload
	opened fram0
	gives 'u 0' get Blocks
	gives 'ay 1 7' call1 Load s a
}

@test "a mistake changes nothing, and is told with its place" {
	local invalid=org.freedesktop.DBus.Error.InvalidArgs

	remove fram1
	cp "$dir/smmd.conf" "$dir/good"
	echo 'granule = 3' >>"$dir/smmd.conf"
	fails $invalid "the configuration stays as it was: $dir/smmd.conf:5: \[memory fram0\] granule = 3: .*" \
		manager Reload
	call1 Store say b 1 2
	echo '[memory' >"$dir/smmd.conf"
	fails $invalid "the configuration stays as it was: $dir/smmd.conf:1: .*" manager Reload
	: >"$dir/smmd.conf"
	fails $invalid '.* there is no memory; .*' manager Reload
	rm "$dir/smmd.conf"
	fails $invalid "the configuration stays as it was: $dir/smmd.conf: No such file or directory" manager Reload
	gives 'ay 1 2' call1 Load s b
	cp "$dir/good" "$dir/smmd.conf"
	manager Reload
	fails NoSuchMemory '.*' manager GetMemory s fram1
}

@test "a drop-in" {
	mkdir "$dir/smmd.conf.d"
	printf '%s\n' '[memory fram2]' 'bus = file' "path = $dir/fram2.img" 'size = 64K' >"$dir/smmd.conf.d/more.conf"
	manager Reload
	opened fram2
	gives 't 65536' busctl get-property org.smm1 /org/smm1/memory/fram2 org.smm1.Memory Size
}

@test "who is no administrator is refused" {
	open_to_others
	memory fram2
	fails org.freedesktop.DBus.Error.AccessDenied 'only uid 0 may do this .*' \
		setpriv --reuid=1 --regid=1 --clear-groups busctl call org.smm1 /org/smm1 org.smm1.Manager Reload
	fails NoSuchMemory '.*' manager GetMemory s fram2
}

# As slow as at 100 kHz, and something in hand that takes two seconds, two calls behind it; all of fram0.
busy_slow_fram0() {
	stop_smmd
	sed -i '/fram0.img/a wire-speed = 100k' "$dir/smmd.conf"
	start_smmd
	begin_to_store long 25000
	for i in 1 2; do
		begin_call behind$i call Store say behind$i 1 1
		behind[i]=$caller
	done
	kill -0 "$writer"
}

@test "calls that wait for a memory that goes are answered; the one in hand is finished" {
	busy_slow_fram0
	remove fram0
	gives '' manager Reload
	ends 0 "$writer"
	[ "$(cat "$dir/long.log")" = 'u 1' ]
	for i in 1 2; do
		ends 1 "${behind[i]}"
		grep -q 'org.smm1.Error.Busy error-message=memory fram0 is being closed; its configuration is gone, or another$' \
			"$dir/behind$i.log"
	done
	memory fram0
	manager Reload
	opened fram0
	loads long 25000
	gives 'u 1' get Blocks
}

@test "a call of a memory that stays is not disturbed" {
	busy_slow_fram0
	remove fram1
	gives '' manager Reload
	kill -0 "$writer"
	ends 0 "$writer"
	ends 0 "${behind[1]}"
	ends 0 "${behind[2]}"
	gives 'u 3' get Blocks
}

@test "one Reload at a time; meanwhile others are served" {
	busy_slow_fram0
	remove fram0
	begin_call reload manager Reload
	fails Busy 'smmd is reading its configuration already, or stopping' manager Reload
	gives 'u 1' call1 Store say b 1 1
	ends 0 "$caller"
	ends 0 "$writer"
	gives '' manager Reload
}

@test "SIGTERM in the middle of a Reload" {
	busy_slow_fram0
	remove fram0
	begin_call reload manager Reload
	stop_smmd
	ends 1 "$caller"
	grep -q 'org.smm1.Error.Busy error-message=smmd is stopping$' "$dir/reload.log"
	ends 0 "$writer"
}

@test "again and again, while clients are at work" {
	"$LOAD_CLIENTS" 10 2000 60 >"$dir/clients" 3>&- &
	clients=$!
	for i in {1..5}; do
		remove fram1
		manager Reload
		memory fram1
		manager Reload
	done
	ends 0 $clients
	[[ $(cat "$dir/clients") == '600 stored, 600 loaded, '* ]]
	opened fram1
	gives 'u 10' get Blocks
}
