#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# smmctl on the chip as a whole, and on smmd itself.
#
# shellcheck disable=SC2030,SC2031,SC2154 # bats: a test is a subshell, and run sets variables

load helper

@test "status as JSON" {
	smmctl store x 12345678
	has_json "j[0]['Name'] == 'fram0' and j[0]['State'] == 'online' and j[0]['Blocks'] == 1" \
		smmctl status --json=short
	has_json "j[0]['Size'] == 32768 and j[0]['WriteProtected'] is False and j[0]['Statistics']['BytesWritten'] > 8" \
		smmctl status --json=pretty -M fram0
	stop_smmd
	memory fram1
	start_smmd
	has_json "[m['Name'] for m in j] == ['fram0', 'fram1']" smmctl status --json=short
	has_json "[m['Name'] for m in j] == ['fram1']" smmctl status --json=short -M fram1
}

@test "check of a chip that is well" {
	smmctl store x 12345678
	run -0 smmctl check
	[[ ${lines[0]} =~ ^\ +Blocks:\ 1$ ]]
	[[ ${lines[2]} =~ ^\ +Damaged:\ 0$ ]]
	has_json "j == {'blocks': 1, 'foreign': 0, 'damaged': 0, 'corrected': 0, 'uncorrectable': 0}" \
		smmctl check --json=short
	need_root 'repair'
	has_json "j['blocks'] == 1" smmctl check --repair --json=pretty
}

@test "check of a chip that is damaged ends with 3" {
	local at

	smmctl store x 'a content to find'
	stop_smmd
	at=$(grep -abo 'a content to find' "$dir/fram0.img" | tail -n 1 | cut -d : -f 1)
	printf A | dd of="$dir/fram0.img" bs=1 seek="$at" conv=notrunc status=none
	start_smmd
	run -3 --separate-stderr smmctl check
	[[ $output =~ Damaged:\ 1 ]]
	[[ $stderr == 'smmctl: '*'smmctl check --repair'* ]]
	run -3 --separate-stderr smmctl check --json=short
	[ "$(python3 -c 'import json, sys; print(json.load(sys.stdin)["damaged"])' <<<"$output")" = 1 ]
	complains 1 "smmctl store" smmctl load x
}

@test "dump and restore, by file and by pipe" {
	need_root 'dump'
	smmctl store x before
	smmctl dump "$dir/image"
	[ "$(stat -c %a "$dir/image")" = 600 ]
	smmctl store x between
	smmctl dump - | cat >"$dir/piped"
	smmctl store x after
	smmctl restore "$dir/piped"
	[ "$(smmctl load x)" = between ]
	smmctl restore "$dir/image"
	[ "$(smmctl load x)" = before ]
	smmctl store x after
	smmctl restore - <"$dir/image"
	[ "$(smmctl load x)" = before ]
}

@test "a dump does not replace the chip of a memory" {
	need_root 'dump'
	stop_smmd
	memory fram1
	start_smmd
	smmctl -M fram0 store x content
	smmctl -M fram1 store x other
	ln -s fram0.img "$dir/link"
	ln "$dir/fram0.img" "$dir/other-name"
	for file in fram0.img link other-name; do
		complains 1 "$dir/$file is the chip of memory fram0 itself" smmctl -M fram1 dump "$dir/$file"
	done
	[ "$(smmctl -M fram0 load x)" = content ]
	echo old >"$dir/image"
	smmctl -M fram0 dump "$dir/image" # and not the memory that was looked at last
	smmctl -M fram1 restore "$dir/image"
	[ "$(smmctl -M fram1 load x)" = content ]
}

@test "a dump that fails leaves the old one, and nothing else" {
	need_root 'dump'
	mkdir "$dir/images"
	echo old >"$dir/images/image"
	stop_smmd
	memory slow 'wire-speed = 100k' 'mirror = no'
	start_smmd
	export SMM_MEMORY=slow
	"$SMMCTL" dump "$dir/images/image" >"$dir/output" 2>&1 3>&- &
	until [[ $(busctl --list tree org.smm1) == */job/1* ]]; do sleep 0.05; done
	kill -INT $!
	ends 1 $!
	grep -q '^smmctl: .*cancel' "$dir/output"
	[ "$(cat "$dir/images/image")" = old ]
	[ "$(ls "$dir/images")" = image ]
	complains 1 "/nowhere/image: No such file" smmctl dump /nowhere/image
	complains 1 "No space left" smmctl dump -M fram0 /dev/full
}

@test "what is no image is not restored" {
	need_root 'restore'
	smmctl store x before
	complains 1 "" smmctl restore "$dir/smmd.conf"
	complains 1 "/nowhere: No such file" smmctl restore /nowhere
	smmctl dump "$dir/image"
	truncate -s -1 "$dir/image"
	complains 1 "" smmctl restore "$dir/image"
	[ "$(smmctl load x)" = before ]
}

@test "format" {
	need_root 'format'
	smmctl format --granule=64
	run -0 smmctl status
	[[ $output == *'in granules of 64 bytes'* ]]
	smmctl store x before
	complains 1 "smmctl format --force" smmctl format
	[ "$(smmctl load x)" = before ]
	smmctl format --force
	has_json 'j == []' smmctl list --json=short
	complains 1 "power of two" smmctl format --granule=65
	complains 2 "--granule" smmctl format --granule=x
}

# The chip of a memory that smmd does not format by itself.
serve_unformatted() {
	stop_smmd
	echo 'format = never' >>"$dir/smmd.conf"
	rm "$dir/fram0.img"
	[ $# -eq 0 ] || head -c 32768 "$1" >"$dir/fram0.img"
	start_smmd
}

@test "a blank chip: the command that makes it usable" {
	need_root 'format'
	serve_unformatted
	complains 1 "; that is 'smmctl format'" smmctl store x 1
	smmctl format
	smmctl store x 1
}

@test "a chip with something else on it: the command that gives that up" {
	need_root 'format'
	serve_unformatted /dev/urandom
	complains 1 "; that is 'smmctl format --force'" smmctl store x 1
	complains 1 "--force" smmctl format
	smmctl format --force
	smmctl store x 1
}

@test "a bus that lets nobody talk to smmd: the group to join" {
	need_somebody
	sed -i 's|</policy>|<deny send_destination="org.smm1"/></policy>|' "$dir/bus.conf"
	kill -HUP "$bus_pid"
	while somebody list >/dev/null 2>&1; do sleep 0.05; done
	complains 1 "usermod -a -G smm $(id -un 1)" somebody list
	complains 1 "usermod -a -G smm $(id -un 1)" somebody -M fram0 status
	sed -i 's|<deny send_destination="org.smm1"/>||' "$dir/bus.conf"
	kill -HUP "$bus_pid"
	until somebody list >/dev/null; do sleep 0.05; done
}

@test "another machine that is not to be had" {
	# ssh stands here for one that does not get there.
	mkdir "$dir/bin"
	printf '#!/bin/sh\necho "$@" >%s/asked\nexit 255\n' "$dir" >"$dir/bin/ssh"
	chmod +x "$dir/bin/ssh"
	PATH=$dir/bin:$PATH complains 1 "cannot reach someone@there: Connection reset by peer; ssh has" smmctl -H someone@there list
	grep -q 'someone@there' "$dir/asked"
	complains 1 "cannot reach nowhere:" smmctl --machine=nowhere list
}

@test "another machine, over ssh" {
	# It does here what it is to do there, on the bus that stands for the system bus.
	mkdir "$dir/bin"
	cat >"$dir/bin/ssh" <<-END
		#!/usr/bin/python3
		import os, select, subprocess, sys
		bridge = subprocess.Popen(
		    ['systemd-stdio-bridge', '--bus-path=${DBUS_SYSTEM_BUS_ADDRESS%,guid=*}'],
		    stdin=subprocess.PIPE, stdout=subprocess.PIPE)
		ways = {0: bridge.stdin.fileno(), bridge.stdout.fileno(): 1}
		while True:
		    for fd in select.select(list(ways), [], [])[0]:
		        data = os.read(fd, 65536)
		        if not data:
		            sys.exit()
		        os.write(ways[fd], data)
	END
	chmod +x "$dir/bin/ssh"
	export PATH=$dir/bin:$PATH
	smmctl -H someone@there store x hello
	[ "$(smmctl --host=someone@there load x)" = hello ]
	complains 1 "'ssh someone@there smmctl dump - >FILE'" smmctl -H someone@there dump "$dir/image"
	complains 1 "'ssh someone@there smmctl restore - <FILE'" smmctl -H someone@there restore "$dir/smmd.conf"
}
