#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# smmd reads what every released version wrote, and leaves alone what a newer one did. The images are in ../golden.

# shellcheck disable=SC2154 # set in helper.bash
load helper

golden=$BATS_TEST_DIRNAME/../golden

setup() {
	start_bus "$dir" 3>&-
}

# serve IMAGE: as a chip.
serve() {
	cp "$golden/$1" "$dir/fram0.img"
	memory fram0 "size = $(stat -c %s "$golden/$1")"
	# shellcheck disable=SC2119 # nothing stands before smmd
	start_smmd
}

# has_values GAIN: the blocks of store-1.bin, with those bytes of gain.
has_values() {
	smmctl load gain >"$dir/gain"
	printf '%b' "$1" | cmp - "$dir/gain"
	gives -41 smmctl add boots 0
	smmctl load Größe >"$dir/loose"
	printf 'hello, world' | cmp - "$dir/loose"
	has_json '[b["Name"] for b in j] == ["gain", "boots", "Größe",
		"a name of 63 bytes, and that is as long as a name of a block is"]' smmctl list --json=short
}

# refused NAME: the memory is left alone, whatever is asked of it.
refused() {
	local command

	gives 's "foreign"' get State
	run -0 get StateReason
	[[ $output == *'it has a newer format than this smmd knows; a newer smmd reads it'* ]]
	for command in 'load gain' 'store gain x' 'add boots' 'alloc x 4' 'free gain' check format; do
		# shellcheck disable=SC2086 # words
		run -1 smmctl $command
	done
	stop_smmd
	cmp "$golden/$1" "$dir/fram0.img"
}

@test "a store of version 1" {
	need_root 'see all blocks'
	serve store-1.bin
	has_values '\1\2\3\4'
}

@test "a store of version 1 with a change that was cut" {
	need_root 'see all blocks'
	serve store-1-cut.bin
	has_values '\5\6\7\010'
}

@test "an image of version 1" {
	need_root 'restore'
	memory fram0 'size = 1K'
	# shellcheck disable=SC2119
	start_smmd
	smmctl restore "$golden/image-1.smm"
	has_values '\1\2\3\4'
}

@test "a chip of a newer allocator, or with a newer store, is left alone" {
	local image

	for image in newer-superblock newer-store; do
		rm -f "$dir/smmd.conf"
		serve $image.bin
		refused $image.bin
	done
}

@test "a newer image is refused, and the chip left alone" {
	need_root 'restore'
	serve store-1.bin
	complains 1 'version 2' smmctl restore "$golden/newer-image.smm"
	stop_smmd
	cmp "$golden/store-1.bin" "$dir/fram0.img"
}
