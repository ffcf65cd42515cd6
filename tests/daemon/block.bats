#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# org.smm1.Block: every method and property.

# shellcheck disable=SC2154 # set in helper.bash
load helper

setup() {
	start_bus "$dir" 3>&-
	memory fram0
	start_smmd
	call Store say other 1 0
	call Store say name 5 1 2 3 4 5
}

@test "Read, Write, WriteInPlace" {
	gives 'ay 2 2 3' call_block 2 Read uu 1 2
	gives '' call_block 2 Write uay 0 2 8 9
	gives '' call_block 2 WriteInPlace uay 4 1 7
	gives 'ay 5 8 9 3 4 7' call_block 2 Read uu 0 4294967295
}

@test "Resize, SetMode, Rename" {
	gives '' call_block 2 Resize u 3
	gives '' call_block 2 SetMode u 0666
	gives '' call_block 2 Rename s another
	gives 'u 3' get_block 2 Size
	gives 'u 438' get_block 2 Mode
	gives 's "another"' get_block 2 Name
}

@test "SetOwner" {
	need_root 'change the owner'
	gives '' call_block 2 SetOwner uu 12 13
	gives 'u 12' get_block 2 Owner
	gives 'u 13' get_block 2 Group
}

@test "Free takes the object away" {
	gives '' call_block 2 Free
	fails NoSuchBlock '.* no block 2 .*' call_block 2 Read uu 0 1
	fails NoSuchBlock '.* no block 2 .*' \
		busctl call org.smm1 "$memory/block/2" org.freedesktop.DBus.Properties Get ss org.smm1.Block Name
	fails NoSuchBlock '.* no block 2 .*' \
		busctl call org.smm1 "$memory/block/2" org.freedesktop.DBus.Introspectable Introspect
	gives 'ay 1 0' call_block 1 Read uu 0 1
}

@test "properties" {
	gives 'u 2' get_block 2 Id
	gives 's "name"' get_block 2 Name
	gives 'u 5' get_block 2 Size
	gives "u $UID" get_block 2 Owner
	gives "u $(id -g)" get_block 2 Group
	gives 'u 384' get_block 2 Mode
	gives 't 1' get_block 2 Generation
	gives 's "data"' get_block 2 Kind
	gives 'b true' get_block 2 Checksummed
	call Store say name 1 1
	gives 't 2' get_block 2 Generation
	gives 'u 1' get_block 2 Size
	call WriteInPlace uuay 2 0 1 2
	gives 'b false' get_block 2 Checksummed
}

@test "Address and Size say where the content is on the chip" {
	local address
	address=$(get_block 2 Address)
	stop_smmd
	tail -c "+$((${address#u } + 1))" "$dir/fram0.img" | head -c 100 | grep -qaP 'name\x01\x02\x03\x04\x05'
}
