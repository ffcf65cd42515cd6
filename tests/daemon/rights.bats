#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# Who may do what, with real processes of several users; dbus-daemon lets in those of /etc/passwd only.

# shellcheck disable=SC2154 # set in helper.bash
load helper

denied=org.freedesktop.DBus.Error.AccessDenied

setup() {
	start_bus "$dir" 3>&-
	need_root 'be several users'
	open_to_others
	memory fram0 'quota = 1K'
	start_smmd
	user 1
	call Store say mine 3 1 2 3
}

# user UID [GROUPS]: whose calls those that follow are; of the group with the same number and of these.
user() {
	uid=$1
	groups=${2:-$1}
}

busctl() {
	if [ "${uid:-0}" -eq 0 ]; then
		command busctl "$@"
	else
		setpriv --reuid="$uid" --regid="$uid" --groups="$groups" busctl "$@"
	fi
}

@test "a block belongs to who made it" {
	gives 'u 1' get_block 1 Owner
	gives 'u 1' get_block 1 Group
	gives 'u 384' get_block 1 Mode
	gives '' call Write uuay 1 0 1 9
	gives 'ay 3 9 2 3' call_block 1 Read uu 0 3
	gives '' call SetMode uu 1 0644
	gives '' call Free u 1
}

@test "who may not read a block does not see it" {
	user 2
	gives 'a(usuuuuut) 0' call List
	run -0 busctl --list tree org.smm1
	[[ $output != */block/1* ]]
	fails NoSuchBlock "memory fram0 has no block named 'mine' that uid 2 may read" call Find s mine
	fails NoSuchBlock '.*' call Load s mine
	for id in 1 2; do
		fails NoSuchBlock "memory fram0 has no block $id that uid 2 may read" call Read uuu $id 0 1
		fails NoSuchBlock "memory fram0 has no block $id .*" call Write uuay $id 0 1 1
		fails NoSuchBlock "memory fram0 has no block $id .*" call Free u $id
		fails NoSuchBlock "memory fram0 has no block $id .*" call_block $id Free
		fails NoSuchBlock "memory fram0 has no block $id .*" \
			busctl call org.smm1 "$memory/block/$id" org.freedesktop.DBus.Introspectable Introspect
		fails NoSuchBlock "memory fram0 has no block $id .*" \
			busctl call org.smm1 "$memory/block/$id" org.freedesktop.DBus.Properties GetAll s org.smm1.Block
	done
	user 1
	gives 'ay 3 1 2 3' call Load s mine
}

@test "mode bits of others" {
	call SetMode uu 1 0604
	user 2
	gives 'ay 3 1 2 3' call Load s mine
	gives 'u 1' call Find s mine
	fails $denied 'block 1 belongs to uid 1 and gid 1 and has mode 0604; uid 2 may not write it' \
		call Write uuay 1 0 1 9
	fails $denied '.* uid 2 may not replace it' call Store say mine 1 9
	fails $denied '.* uid 2 may not free it' call Free u 1
	fails $denied '.* uid 2 may not rename it' call_block 1 Rename s yours
	fails $denied '.* uid 2 may not resize it' call_block 1 Resize u 1
	fails $denied '.* uid 2 may not change the mode of it' call SetMode uu 1 0606
	user 1
	gives 'ay 3 1 2 3' call Load s mine
	call SetMode uu 1 0606
	user 2
	gives '' call Write uuay 1 0 1 9
	gives 'ay 3 9 2 3' call Load s mine
}

@test "mode bits of the group, primary or supplementary" {
	user 1 7,8
	call Allocate 'sua{sv}' ours 3 2 mode u 0640 gid u 8
	user 2 2,8
	gives 'ay 3 0 0 0' call Load s ours
	fails $denied '.* uid 2 may not write it' call Write uuay 2 0 1 1
	user 8 8
	gives 'ay 3 0 0 0' call Load s ours
	user 2 2,7
	fails NoSuchBlock '.*' call Load s ours
}

@test "a new block gets the primary group of its user, wherever that is among the groups" {
	uid=65534 # nobody, whose group in /etc/passwd is 65534
	groups=1,2,65533
	[ "$(id -g nobody)" -eq 65534 ]
	call Store say nobodys 1 1
	gives 'u 65534' get_block 2 Group
}

@test "a caller whose primary group is not the one of its account gives its blocks to none" {
	run -0 setpriv --reuid=3 --regid=1001 --groups=4,1001 busctl call org.smm1 "$memory" \
		org.smm1.Memory Allocate 'sua{sv}' groupless 3 0
	user 0
	gives 'u 4294967295' get_block "${output#u }" Group
}

@test "a group that is not the caller's" {
	fails $denied 'gid 8 is not one of uid 1' call Allocate 'sua{sv}' x 3 1 gid u 8
}

@test "uid 0 may everything, and alone changes owners and formats" {
	fails $denied '.* uid 1 may not change the owner of it' call SetOwner uuu 1 2 2
	fails $denied 'only uid 0 may do this where polkit does not answer; the caller is uid 1 .*' \
		call Format 'a{sv}' 1 force b true
	fails $denied 'only uid 0 may do this where polkit does not answer; the caller is uid 1 .*' \
		call Check 'a{sv}' 1 repair b true
	run -0 call Check 'a{sv}' 0
	user 0
	gives 'ay 3 1 2 3' call Load s mine
	gives '' call SetOwner uuu 1 2 2
	user 2
	gives 'ay 3 1 2 3' call Load s mine
	user 1
	fails NoSuchBlock '.*' call Load s mine
}

@test "QuotaExceeded" {
	fails QuotaExceeded 'uid 1 holds [0-9]+ bytes of memory fram0, headers included, and may hold 1024; this takes [0-9]+ more' \
		call Allocate 'sua{sv}' '' 1000 0
	gives 'u 2' call Allocate 'sua{sv}' '' 500 0
	user 2
	gives 'u 3' call Allocate 'sua{sv}' '' 900 0
	user 0
	gives 'u 4' call Allocate 'sua{sv}' '' 9000 0
}

@test "names are one for all: what another has cannot be taken, and is not shown" {
	user 2
	fails NameTaken ".* a block named 'mine' already" call Store say mine 1 1
	fails NameTaken ".* a block named 'mine' already" call Add sx mine 1
}
