#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# Dump, Restore, Check and Format, as jobs of a real smmd: what goes on beside them, what is said of them, and how
# they end. JOB_CLIENT is job-client.c.

# shellcheck disable=SC2154 # set in helper.bash
load helper

eval "common_$(declare -f teardown)"

# job [session] [leave] METHOD [FD]
job() {
	timeout 20 "$JOB_CLIENT" "$@"
}

# begin NAME JOB...: in the background, as process $job; it prints to NAME.log.
begin() {
	local name=$1
	shift

	(exec timeout 20 "$JOB_CLIENT" "$@") >"$dir/$name.log" 3>&- &
	job=$!
}

# says NAME PATTERN: a line of NAME.log, within ten seconds.
says() {
	for ((i = 0; i < 500; i++)); do
		! grep -qE "^$2\$" "$dir/$1.log" || return 0
		sleep 0.02
	done
	echo "no '$2' in $1.log:"
	cat "$dir/$1.log"
	return 1
}

# is_whole N KIND TOTAL: what was printed is the life of this job alone, which was done.
is_whole() {
	[ "${lines[0]}" = "$1 added $2 fram0 0 $3" ]
	[ "${lines[-3]}" = "$1 done $3" ]
	[ "${lines[-2]}" = "$1 finished done" ]
	[ "${lines[-1]}" = "$1 removed" ]
	[ "$(grep -vc "^$1 done " <<<"$output")" -eq 3 ]
}

cancel() {
	busctl call org.smm1 "/org/smm1/job/$1" org.smm1.Job Cancel
}

# done_of N: BytesDone.
done_of() {
	busctl get-property org.smm1 "/org/smm1/job/$1" org.smm1.Job BytesDone | cut -d' ' -f2
}

# no_jobs: there are none any more.
no_jobs() {
	run -0 busctl --list tree org.smm1
	[[ $output != */job/* ]]
}

# held: the threads that smmd has, and its descriptors.
held() {
	find "/proc/$smmd_pid/task" "/proc/$smmd_pid/fd" -mindepth 1 -maxdepth 1 -printf '%h\n' | sort | uniq -c
}

# blocks: a few of them, large and small.
blocks() {
	store a 4
	store b 3000
	call Add sx count 41
	store gone 10
	call Free u 4
}

# everything: all blocks, and what is in them.
everything() {
	call List
	for name in a b count; do
		call Load s $name
	done
}

# begin_with LINE...: smmd with a memory that has blocks; the lines apply from then on.
begin_with() {
	memory fram0
	start_smmd
	blocks
	[ $# -eq 0 ] || {
		stop_smmd
		printf '%s\n' "$@" >>"$dir/smmd.conf"
		start_smmd
	}
}

# A chip of which everything has to come over the wire: 0.8 s for all of it. A check that goes through all of it is
# one of a chip with a mirror.
slow=('mirror = no' 'wire-speed = 400k')
slow_with_mirror=('wire-speed = 400k')

# content IMAGE: of one of 32 KiB.
content() {
	tail -c +113 "$1"
}

# is_image IMAGE: of the chip as it is now; behind what an image has of it, a file may have a journal.
is_image() {
	cmp -n $(($(stat -c %s "$1") - 112)) <(content "$1") "$dir/fram0.img"
}

# a_pipe: descriptor 8, both ends of it; with "full", not a byte more goes in.
a_pipe() {
	mkfifo "$dir/pipe"
	exec 8<>"$dir/pipe"
	[ "${1:-}" != full ] || head -c 65536 /dev/zero >&8
}

teardown() {
	exec 8>&-
	common_teardown
}

@test "Dump to a file; Restore; every block is as it was" {
	begin_with
	everything >"$dir/before"
	run -0 job Dump 9 9>"$dir/image"
	is_whole 1 dump 65648
	no_jobs
	is_image "$dir/image"
	store a 9
	store b 2
	call Free u 3
	store more 100
	run -0 job Restore 9 9<"$dir/image"
	is_whole 2 restore 65536
	no_jobs
	is_image "$dir/image"
	cmp "$dir/before" <(everything)
	stop_smmd
	start_smmd
	cmp "$dir/before" <(everything)
	run -0 call Store say new 1 1
	[ "${output#u }" -gt 4 ]
}

@test "a session hears of its job, too" {
	begin_with
	run -0 job session Dump 9 9>"$dir/image"
	is_whole 1 dump 65648
	is_image "$dir/image"
}

@test "progress is announced ten times a second, and ends at the end" {
	begin_with "${slow[@]}"
	run -0 job Dump 9 9>"$dir/image"
	is_image "$dir/image"
	is_whole 1 dump 65648
	[ "${#lines[@]}" -gt 8 ]
	grep ' done ' <<<"$output" | cut -d' ' -f3 | sort -nuc
	run -0 job Restore 9 9<"$dir/image"
	is_whole 2 restore 65536
	[ "${#lines[@]}" -gt 8 ]
	grep ' done ' <<<"$output" | cut -d' ' -f3 | sort -nuc
	run -0 job Check
	[[ $output == *'3 done 32768
3 finished done
3 removed
result blocks 3 foreign 0 damaged 0 corrected 0 uncorrectable 0' ]]
}

@test "while nobody reads from the pipe of a dump, all others read and write" {
	memory fram0 'size = 256K'
	start_smmd
	store a 4
	store big 100000
	a_pipe
	begin dump Dump 8
	says dump '1 done 327[0-9]+' # what a pipe holds, behind the chip
	cp "$dir/fram0.img" "$dir/before"
	store a 5
	store b 10
	loads a 5
	loads big 100000
	call Free u 2
	call Check 'a{sv}' 0
	kill -0 $job
	[ "$(done_of 1)" -lt 330000 ]
	timeout 10 head -c 262480 <&8 >"$dir/image"
	wait $job
	says dump '1 finished done'
	cmp <(tail -c 262144 "$dir/image") "$dir/before"
}

@test "Dump to what cannot be written" {
	begin_with
	run -0 job Dump 9 9>/dev/full
	[[ $output == *'1 finished org.smm1.Error.IO: the image could not be written: No space left on device'* ]]
	exec 8> >(exec true)
	wait $!
	run -0 job Dump 8
	exec 8>&-
	[[ $output == *'2 finished org.smm1.Error.IO: the image could not be written: Broken pipe'* ]]
	run -0 job Dump 9 9</dev/null
	[[ $output == *'3 finished org.smm1.Error.IO: the image could not be written: Bad file descriptor'* ]]
	no_jobs
	store a 5
}

@test "Restore of what is no image, or no whole one" {
	local damaged='org.smm1.Error.ChecksumMismatch: ' none='org.freedesktop.DBus.Error.InvalidArgs: this is not an image of smm'

	begin_with
	job Dump 9 9>"$dir/image" >/dev/null
	store a 5
	cp "$dir/fram0.img" "$dir/before"
	run -0 job Restore 9 9< <(head -c 20000 "$dir/image")
	[[ $output == *"2 finished ${damaged}the image is cut short: 12880 bytes of it are missing"* ]]
	run -0 job Restore 9 9< <(cat "$dir/image" - <<<x)
	[[ $output == *"3 finished ${damaged}behind the image are 2 bytes that are no part of it"* ]]
	printf x | dd of="$dir/image" bs=1 seek=5000 conv=notrunc status=none
	run -0 job Restore 9 9<"$dir/image"
	[[ $output == *"4 finished ${damaged}bytes 4096 to 8191 of the chip are damaged in the image"* ]]
	run -0 job Restore 9 9</dev/zero
	[[ $output == *"5 finished $none"* ]]
	run -0 job Restore 9 9</dev/null
	[[ $output == *"6 finished $damaged"*"at least 80 bytes of it are missing"* ]]
	run -0 job Restore 9 9>"$dir/empty"
	[[ $output == *'7 finished org.smm1.Error.IO: the image could not be read: Bad file descriptor'* ]]
	run -0 job Restore 9 9<"$dir"
	[[ $output == *'8 finished org.smm1.Error.IO: the image could not be read: Is a directory'* ]]
	run -0 job Restore 9 9</proc/self/exe
	[[ $output == *"9 finished $none"* ]]
	cmp "$dir/before" "$dir/fram0.img"
	loads a 5
}

@test "Restore from a slow pipe, while others go on" {
	begin_with
	job Dump 9 9>"$dir/image" >/dev/null
	store a 5
	a_pipe
	begin restore Restore 9 9<"$dir/pipe" 8>&-
	head -c 10000 "$dir/image" >&8
	says restore '2 done 10000'
	loads a 5
	store a 6
	tail -c +10001 "$dir/image" >&8
	[ "$(done_of 2)" -lt 65536 ]
	exec 8>&-
	wait $job
	says restore '2 finished done'
	is_image "$dir/image"
	loads a 4
}

@test "one job at a time; a check that repairs nothing does not count, and is one at a time, too" {
	begin_with "${slow_with_mirror[@]}"
	a_pipe full
	begin dump Dump 8
	says dump '1 added .*'
	local busy='memory fram0 has a job already, /org/smm1/job/1, a dump; wait for it or cancel it'
	for method in Dump Restore; do
		run -1 job $method 9 9<"$dir/bus.conf"
		[ "${lines[-1]}" = "error org.smm1.Error.Busy: $busy" ]
	done
	fails Busy "$busy" call Format 'a{sv}' 1 force b true
	fails Busy "$busy" call Check 'a{sv}' 1 repair b true
	begin check Check
	says check '[0-9]+ added check .*'
	run -1 job Check
	[[ ${lines[-1]} == 'error org.smm1.Error.Busy: memory fram0 has a job already, '*', a check; '* ]]
	says check 'result blocks 3 foreign 0 damaged 0 corrected 0 uncorrectable 0'
	cancel 1
	says dump '1 removed'
	run -0 job Format
	no_jobs
}

@test "a check of somebody does not keep an administrator from a dump" {
	begin_with "${slow_with_mirror[@]}"
	begin check Check
	says check '1 added check .*'
	run -0 job Dump 9 9>"$dir/image"
	is_image "$dir/image"
	says check 'result .*'
}

@test "Cancel: a dump at the chip, a dump at the pipe, a restoration that reads" {
	begin_with "${slow[@]}"
	local before
	before=$(held)
	a_pipe full
	begin dump Dump 8
	says dump '1 done .*'
	cancel 1
	says dump '1 finished canceled'
	begin dump Dump 8
	says dump '2 done 32768'
	cancel 2
	says dump '2 finished canceled'
	says dump '2 removed'
	timeout 5 head -c 65536 <&8 >/dev/null
	begin restore Restore 8
	says restore '3 added .*'
	cancel 3
	says restore '3 finished canceled'
	no_jobs
	until [ "$(held)" = "$before" ]; do sleep 0.02; done
	fails org.freedesktop.DBus.Error.UnknownObject '.*' cancel 3
	loads a 4
}

@test "the call of a check or a format gives its job a token" {
	begin_with
	run -0 job Check
	[ "${lines[0]}" = '1 added check fram0 0 32768 token 42' ]
	run -0 job Format
	[[ ${lines[0]} =~ ^'2 added format fram0 0 '[0-9]+' token 42'$ ]]
	run -0 job Dump 9 9>"$dir/image"
	is_whole 3 dump 65648
}

@test "Cancel: a check" {
	begin_with "${slow_with_mirror[@]}"
	begin check Check
	says check '1 done .*'
	cancel 1
	says check '1 finished canceled'
	says check 'error org.smm1.Error.Canceled: the job was canceled'
	no_jobs
	loads a 4
}

@test "Cancel: what writes to the chip goes on to its end" {
	begin_with
	job Dump 9 9>"$dir/image" >/dev/null
	store a 5
	stop_smmd
	echo 'wire-speed = 200k' >>"$dir/smmd.conf"
	start_smmd
	begin restore Restore 9 9<"$dir/image"
	says restore '1 done (3[4-9]|[4-9].).*'
	fails Busy 'job 1 writes to the chip already, and has to go on to its end' cancel 1
	says restore '1 finished done'
	is_image "$dir/image"
	loads a 4
}

@test "Cancel: what waits to write to the chip does not begin" {
	begin_with
	job Dump 9 9>"$dir/image" >/dev/null
	stop_smmd
	echo 'wire-speed = 100k' >>"$dir/smmd.conf"
	start_smmd
	begin_to_store long 15000
	begin restore Restore 9 9<"$dir/image"
	says restore '1 done 32880'
	cancel 1
	says restore '1 finished canceled'
	ends 0 "$writer"
	loads long 15000
}

@test "Cancel is for who asked, and for uid 0" {
	need_root 'be several users'
	open_to_others
	begin_with "${slow_with_mirror[@]}"
	begin_as() {
		setpriv --reuid="$1" --regid="$1" --clear-groups "$JOB_CLIENT" Check >"$dir/check.log" 3>&- &
	}
	cancel_as() {
		setpriv --reuid="$1" --regid="$1" --clear-groups \
			busctl call org.smm1 "/org/smm1/job/$2" org.smm1.Job Cancel
	}
	local denied=org.freedesktop.DBus.Error.AccessDenied

	begin_as 1
	says check '1 done .*'
	fails $denied 'job 1 is of uid 1; uid 2 may not cancel it' cancel_as 2 1
	cancel_as 1 1
	says check '1 finished canceled'
	begin_as 1
	says check '2 done .*'
	cancel 2
	says check '2 finished canceled'
	a_pipe full
	begin dump Dump 8
	says dump '3 done .*'
	fails $denied 'job 3 is of uid 0; uid 1 may not cancel it' cancel_as 1 3
	cancel 3
	says dump '3 finished canceled'
}

@test "who asked goes away: a job goes on" {
	begin_with "${slow_with_mirror[@]}"
	job leave Dump 9 9>"$dir/image" >/dev/null
	begin check Check
	says check '2 added .*'
	kill $job
	run -0 busctl --list tree org.smm1
	[[ $output == */job/1*/job/2* ]]
	until run -0 busctl --list tree org.smm1 && [[ $output != */job/* ]]; do sleep 0.05; done
	is_image "$dir/image"
	store a 5
	job session leave Restore 9 9<"$dir/image" >/dev/null
	until run -0 busctl --list tree org.smm1 && [[ $output != */job/* ]]; do sleep 0.05; done
	is_image "$dir/image"
	loads a 4
}

@test "SIGTERM ends a dump, and a check" {
	begin_with "${slow[@]}"
	begin dump Dump 9 9>"$dir/image"
	says dump '1 done .*'
	stop_smmd
	says dump '1 finished canceled'
	sed -i '/^mirror/d' "$dir/smmd.conf"
	start_smmd
	begin check Check
	says check '1 done .*'
	stop_smmd
	says check '1 finished canceled'
	says check 'error org.smm1.Error.Canceled: .*'
}

@test "SIGTERM ends what waits for a pipe" {
	begin_with
	a_pipe full
	begin dump Dump 8
	says dump '1 done 32768'
	stop_smmd
	says dump '1 finished canceled'
	timeout 5 head -c 65536 <&8 >/dev/null
	start_smmd
	begin restore Restore 8
	says restore '1 added .*'
	stop_smmd
	says restore '1 finished canceled'
}

@test "SIGTERM waits for what writes to the chip" {
	begin_with
	job Dump 9 9>"$dir/image" >/dev/null
	store a 5
	stop_smmd
	printf '%s\n' "${slow[@]}" >>"$dir/smmd.conf"
	start_smmd
	begin restore Restore 9 9<"$dir/image"
	says restore '1 done (3[4-9]|[4-9].).*'
	stop_smmd
	says restore '1 finished done'
	is_image "$dir/image"
	start_smmd
	loads a 4
	begin format Format
	says format '1 done .*'
	stop_smmd
	says format '1 finished done'
	start_smmd
	gives 'u 0' get Blocks
}

@test "SIGTERM, or Cancel, in the last step at the chip: nothing is written to the pipe any more" {
	memory fram0 'size = 512' 'mirror = no'
	start_smmd
	stop_smmd
	echo 'wire-speed = 3k' >>"$dir/smmd.conf" # 0.2 s for each of the 8 steps
	start_smmd
	a_pipe full
	begin dump Dump 8
	says dump '1 done 448'
	cancel 1
	says dump '1 finished canceled'
	begin dump Dump 8
	says dump '2 done 448'
	stop_smmd
	says dump '2 finished canceled'
}

@test "SIGTERM: no job is begun any more" {
	begin_with 'wire-speed = 100k'
	begin_to_store long 15000
	kill "$smmd_pid"
	a_pipe
	for method in Dump Restore; do
		run -1 job $method 8
		[ "$output" = 'error org.smm1.Error.Busy: smmd is stopping' ]
	done
	run -1 job Check
	run -1 job Format
	smmd_ends 0
	ends 0 "$writer"
}

@test "the bus is lost while a dump waits for a pipe" {
	begin_with
	a_pipe full
	begin dump Dump 8
	says dump '1 done 32768'
	kill "$bus_pid"
	smmd_ends 1
	grep -qx 'memory fram0: dump of uid 0: canceled' "$dir/smmd.log"
	run -1 grep Sanitizer "$dir/smmd.log"
	start_bus "$dir" 3>&-
}

# kill_in_restorations LINE...: of a memory with these lines; until it was in the middle of one.
kill_in_restorations() {
	local rounds=${SMM_KILL_ROUNDS:-6} seed=${SMM_TEST_SEED:-$RANDOM} state states='' foreign=0

	echo "# seed: $seed"
	RANDOM=$seed
	memory fram0 "$@"
	start_smmd
	blocks
	job Dump 9 9>"$dir/image" >/dev/null
	everything >"$dir/new"
	store a 5
	everything >"$dir/old"
	stop_smmd
	cp "$dir/fram0.img" "$dir/before"
	echo 'wire-speed = 1M' >>"$dir/smmd.conf"
	for ((round = 0; round < rounds || round < 50 && foreign == 0; round++)); do
		cp "$dir/before" "$dir/fram0.img"
		start_smmd
		begin restore Restore 9 9<"$dir/image"
		says restore '1 added .*'
		sleep "0.$(printf %03d $((RANDOM % 500)))"
		kill_smmd
		start_smmd
		state=$(get State)
		states+=" $state"
		if [ "$state" = 's "foreign"' ]; then
			foreign=1
			[[ $(get StateReason) == 's "the restoration of an image was interrupted; '* ]]
			fails NotFormatted '.*' call Load s a
		else
			[ "$state" = 's "online"' ]
			everything >"$dir/found"
			cmp "$dir/found" "$dir/old" || cmp "$dir/found" "$dir/new"
		fi
		job Restore 9 9<"$dir/image" >/dev/null
		loads a 4
		is_image "$dir/image"
		kill_smmd
	done
	echo "#${states// s / }" >&3
	[ $foreign -eq 1 ]
}

@test "kill -9 in a restoration: the memory is what it was, or says so, or is the image" {
	kill_in_restorations
}

@test "kill -9 in a restoration of a file that stands for an EEPROM" {
	kill_in_restorations 'page-size = 64'
}

@test "Reload closes a memory with a job" {
	begin_with
	a_pipe full
	begin dump Dump 8
	says dump '1 done 32768'
	echo 'quota = 10K' >>"$dir/smmd.conf"
	manager Reload
	says dump '1 finished canceled'
	begin dump Dump 8
	says dump '2 done 32768'
	sed -i s/fram0/fram1/ "$dir/smmd.conf"
	manager Reload
	says dump '2 finished canceled'
}
