#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# org.smm1.Memory: every method and property.

# shellcheck disable=SC2154 # set in helper.bash
load helper

setup() {
	start_bus "$dir" 3>&-
	memory fram0 'model = MB85RC256V'
	start_smmd
}

@test "Allocate: ids count up from 1, a new block reads as zeros" {
	gives 'u 1' call Allocate 'sua{sv}' settings 5 0
	gives 'u 2' call Allocate 'sua{sv}' '' 3 0
	gives 'ay 5 0 0 0 0 0' call Read uuu 1 0 5
	call Free u 2
	gives 'u 3' call Allocate 'sua{sv}' '' 3 0
}

@test "Allocate: options" {
	gives 'u 1' call Allocate 'sua{sv}' a 3 3 mode u 0644 gid u "$(id -g)" fill y 165
	gives 'ay 3 165 165 165' call Load s a
	gives 'u 420' get_block 1 Mode
	gives "u $(id -g)" get_block 1 Group
	gives 'u 1' call Allocate 'sua{sv}' a 3 0
	gives 'u 1' call Allocate 'sua{sv}' a 3 1 exclusive b false
	fails NameTaken ".* a block named 'a' already" call Allocate 'sua{sv}' a 3 1 exclusive b true
	fails NameTaken ".* a block named 'a' already" call Allocate 'sua{sv}' a 4 0
}

@test "options that a call does not know, or of another type" {
	local args=org.freedesktop.DBus.Error.InvalidArgs
	local known='mode \(u\), gid \(u\), fill \(y\), exclusive \(b\)'

	fails $args "there is no option 'modes' here; allowed are $known" \
		call Allocate 'sua{sv}' a 3 1 modes u 420
	fails $args "option 'fill' has type u; it takes y" call Allocate 'sua{sv}' a 3 1 fill u 1
	fails $args "option 'mode' has type s; it takes u" \
		call Allocate 'sua{sv}' a 3 2 gid u 0 mode s rw
	fails $args "option 'exclusive' has type ab; it takes b" \
		call Allocate 'sua{sv}' a 3 1 exclusive ab 1 true
	fails $args "there is no option 'fix' here; allowed are repair \(b\), token \(t\)" call Check 'a{sv}' 1 fix b true
	fails $args "there is no option '' here; allowed are granule \(u\), force \(b\), token \(t\)" \
		call Format 'a{sv}' 1 '' b true
	gives 'u 0' get Blocks
}

@test "Store, Load, Find" {
	gives 'u 1' call Store say name 3 1 2 3
	gives 'u 2' call Store say empty 0
	gives 'u 1' call Store say name 2 4 5
	gives 'ay 2 4 5' call Load s name
	gives 'ay 0' call Load s empty
	gives 'u 1' call Find s name
	gives 't 2' get_block 1 Generation
}

@test "Read: a part, to the end, nothing" {
	call Store say name 5 10 11 12 13 14
	gives 'ay 2 11 12' call Read uuu 1 1 2
	gives 'ay 3 12 13 14' call Read uuu 1 2 4294967295
	gives 'ay 0' call Read uuu 1 5 0
	gives 'ay 0' call Read uuu 1 5 4294967295
}

@test "Write and WriteInPlace" {
	call Allocate 'sua{sv}' a 5 0
	gives '' call Write uuay 1 1 2 7 8
	gives '' call WriteInPlace uuay 1 4 1 9
	gives 'ay 5 0 7 8 0 9' call Load s a
}

@test "Resize: content stays, new bytes are zero" {
	call Store say a 3 1 2 3
	gives '' call Resize uu 1 5
	gives 'ay 5 1 2 3 0 0' call Load s a
	gives '' call Resize uu 1 2
	gives 'ay 2 1 2' call Load s a
	gives '' call Resize uu 1 3
	gives 'ay 3 1 2 0' call Load s a
}

@test "Free gives the room back" {
	local free
	free=$(get FreeSize)

	store a 100
	[ "$(get FreeSize)" != "$free" ]
	gives '' call Free u 1
	gives "$free" get FreeSize
	fails NoSuchBlock '.* no block 1 .*' call Free u 1
}

@test "Add counts from 0, down as well" {
	gives 'x 5' call Add sx boots 5
	gives 'x 6' call Add sx boots 1
	gives 'x -4' call Add sx boots -- -10
	gives 'x -4' call Add sx boots 0
	gives 's "counter"' get_block 1 Kind
}

@test "SetMode, Rename" {
	call Store say a 1 1
	gives '' call SetMode uu 1 0640
	gives '' call Rename us 1 'b ü'
	gives 'u 1' call Find s 'b ü'
	run -0 call List
	[[ $output =~ ^'a(usuuuuut) 1 1 "b '.*'" 1 '$UID' '[0-9]+' 416 '[0-9]+\ [0-9]+$ ]]
}

@test "SetOwner" {
	need_root 'change the owner'
	call Store say a 1 1
	gives '' call SetOwner uuu 1 1000 100
	run -0 call List
	[[ $output =~ ^'a(usuuuuut) 1 1 "a" 1 1000 100 384 ' ]]
}

@test "List" {
	gives 'a(usuuuuut) 0' call List
	call Store say a 3 1 2 3
	call Allocate 'sua{sv}' '' 7 1 mode u 0604
	run -0 call List
	[[ $output =~ ^'a(usuuuuut) 2 1 "a" 3 '$UID' '[0-9]+' 384 '[0-9]+' 1 2 "" 7 '$UID' '[0-9]+' 388 '[0-9]+' 1'$ ]]
}

@test "Check" {
	call Store say a 3 1 2 3
	gives 'a{sv} 5 "blocks" u 1 "foreign" u 0 "damaged" u 0 "corrected" u 0 "uncorrectable" u 0' \
		call Check 'a{sv}' 0
}

@test "Check with repair" {
	need_root 'repair'
	call Store say a 3 1 2 3
	gives 'a{sv} 5 "blocks" u 1 "foreign" u 0 "damaged" u 0 "corrected" u 0 "uncorrectable" u 0' \
		call Check 'a{sv}' 1 repair b true
}

@test "Format: a chip that holds blocks only with force" {
	need_root 'format'
	call Store say a 3 1 2 3
	fails org.freedesktop.DBus.Error.InvalidArgs '.* holds 1 blocks; without force .*' \
		call Format 'a{sv}' 0
	gives 'u 4' get Granule
	gives '' call Format 'a{sv}' 2 granule u 64 force b true
	gives 'u 64' get Granule
	gives 'u 0' get Blocks
	gives '' call Format 'a{sv}' 0
	gives 'u 4' get Granule
	gives 'u 1' call Store say a 3 1 2 3
}

@test "properties" {
	gives 's "fram0"' get Name
	gives 's "MB85RC256V"' get Model
	gives 's "FRAM"' get Technology
	gives 's "file"' get Bus
	gives "s \"$dir/fram0.img\"" get Device
	gives 's "online"' get State
	gives 't 32768' get Size
	gives 't 30712' get UsableSize
	gives 'u 4' get Granule
	gives 'u 0' get Blocks
	gives 'b false' get WriteProtected
	[ "$(get FreeSize)" = "$(get LargestFree)" ]
	run -0 get Statistics
	[[ $output =~ ^'a{st} '[0-9]+' '.*'"BytesWritten" '[1-9] ]]
	store a 100
	gives 'u 1' get Blocks
	[ "$(get FreeSize)" != 't 30712' ]
}

@test "all properties in one call, and none can be set" {
	run -0 busctl call org.smm1 "$memory" org.freedesktop.DBus.Properties GetAll s org.smm1.Memory
	[[ $output == 'a{sv} 17 "Name" s "fram0" '* ]]
	fails org.freedesktop.DBus.Error.PropertyReadOnly '.*' \
		busctl call org.smm1 "$memory" org.freedesktop.DBus.Properties Set ssv org.smm1.Memory Name s x
}
