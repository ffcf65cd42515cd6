#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# Every error by its name and sentence, with nothing changed by the call. Those of rights and of load are in
# rights.bats and load.bats.

# shellcheck disable=SC2154 # set in helper.bash
load helper

invalid=org.freedesktop.DBus.Error.InvalidArgs

start_with_block() {
	memory fram0 "$@"
	start_smmd
	call Store say name 16 $(seq 16)
}

# flip_bit FILE OFFSET BIT
flip_bit() {
	local byte
	byte=$(od -An -tu1 -j "$2" -N 1 "$1")
	byte=$(printf '%o' $((byte ^ 1 << $3)))
	printf '%b' "\\0$byte" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# The name is on the chip right before the content.
offset_of_content() {
	grep -aobP 'name\x01\x02\x03' "$dir/fram0.img" | head -n 1 | sed 's/:.*//' | awk '{ print $1 + 4 }'
}

@test "NoSuchBlock" {
	start_with_block
	fails NoSuchBlock 'memory fram0 has no block 2 that uid [0-9]+ may read' call Read uuu 2 0 1
	fails NoSuchBlock "memory fram0 has no block named 'x' that uid [0-9]+ may read" call Load s x
	fails NoSuchBlock "memory fram0 has no block named 'x' that uid [0-9]+ may read" call Find s x
	fails NoSuchBlock '.* no block 0 .*' call Free u 0
	fails NoSuchBlock '.* no block 4294967295 .*' call SetMode uu 4294967295 0
}

@test "what is wrong is repeated in part only, however long it is" {
	local long short

	long=$(head -c 10000 /dev/zero | tr '\0' x)
	short=${long:0:64}
	memory fram0
	start_smmd
	fails NoSuchMemory "there is no memory '$short'; .*" manager GetMemory s "$long"
	fails $invalid "there is no option '$short' here; .*" call Check 'a{sv}' 1 "$long" b true
	fails BadName '.*' call Find s "$long"
}

@test "NoSpace" {
	start_with_block
	fails NoSpace 'memory fram0 has no 400[0-9]+ bytes, header included, in one piece' \
		call Allocate 'sua{sv}' '' 40000 0
	fails NoSpace 'memory fram0 has no .*' call Allocate 'sua{sv}' '' 4294967295 0
	fails NoSpace 'memory fram0 has no .*' call Resize uu 1 31000
	fails NoSpace 'memory fram0 has no .*' call Resize uu 1 4294967295
	fails NoSpace 'memory fram0 has no .*' store name 40000
	gives "ay 16 $(echo {1..16})" call Load s name
	gives 'u 1' get Blocks
}

@test "NameTaken" {
	start_with_block
	call Store say other 1 1
	fails NameTaken "memory fram0 has a block named 'other' already" call Rename us 1 other
	fails NameTaken "memory fram0 has a block named 'name' already" \
		call Allocate 'sua{sv}' name 5 0
	gives 'u 1' call Find s name
}

@test "BadName" {
	local long
	long=$(printf 'x%.0s' {1..64})

	start_with_block
	for name in a/b "$long" $'a\tb' $'\x7f' ''; do
		fails BadName "a name has 1 to 63 bytes of UTF-8 without '/' and control characters; this one has not" \
			call Store say "$name" 1 1
	done
	fails BadName 'a name .*' call Rename us 1 a/b
	fails BadName 'a name .*' call Add sx a/b 1
	fails BadName 'a name .*' call Allocate 'sua{sv}' a/b 1 0
	gives 'u 2' call Store say "${long%x}" 1 1
	gives 'u 2' get Blocks
}

@test "OutOfRange" {
	start_with_block
	fails OutOfRange 'block 1 has 16 bytes; offset 12 and length 8 reach 4 bytes past its end' \
		call Read uuu 1 12 8
	fails OutOfRange 'block 1 has 16 bytes; offset 17 and length 0 reach 1 bytes past its end' \
		call Read uuu 1 17 4294967295
	fails OutOfRange 'block 1 has 16 bytes; offset 4294967295 and length 2 .*' \
		call Write uuay 1 4294967295 2 1 1
	fails OutOfRange 'block 1 has 16 bytes; offset 4294967295 and length 4294967294 .*' \
		call Read uuu 1 4294967295 4294967294
	fails OutOfRange '.* offset 16 and length 1 .*' call_block 1 WriteInPlace uay 16 1 1
	gives "ay 16 $(echo {1..16})" call Load s name
}

@test "OutOfRange of a counter" {
	start_with_block
	call Add sx count 9223372036854775807
	fails OutOfRange "counter 'count' cannot count 1: .*" call Add sx count 1
	gives 'x 9223372036854775807' call Add sx count 0
}

@test "NotACounter" {
	start_with_block
	fails NotACounter "block 1, 'name', is not a counter" call Add sx name 1
}

@test "InvalidArgs" {
	start_with_block
	fails $invalid '1000 is no mode of a block; modes are 0000 to 0777' call SetMode uu 1 512
	fails $invalid '1000 is no mode of a block; modes are 0000 to 0777' \
		call Allocate 'sua{sv}' x 1 1 mode u 512
	fails $invalid "Invalid arguments 'u' .* 'uuu'\." call Read u 1
	call Add sx count 1
	fails $invalid 'block 2 is a counter; it has 8 bytes, no more and no less' call Resize uu 2 9
	gives 'u 384' get_block 1 Mode
	gives 'u 2' get Blocks
}

@test "InvalidArgs of Format" {
	need_root 'format'
	start_with_block
	fails $invalid 'a granule of 5 bytes is not a power of two .*' \
		call Format 'a{sv}' 2 force b true granule u 5
	gives 'u 1' get Blocks
}

@test "NotFormatted: a blank chip that is not to be formatted, a chip of somebody else" {
	memory fram0 'format = never'
	start_smmd
	gives 's "blank"' get State
	fails NotFormatted 'memory fram0 is blank: the chip is empty; Format makes it usable' \
		call Store say name 1 1
	fails NotFormatted 'memory fram0 is blank: .*' call Read uuu 1 0 1
	gives 'a(usuuuuut) 0' call List
	stop_smmd

	echo 'somebody else' | dd of="$dir/fram0.img" conv=notrunc status=none
	start_smmd
	gives 's "foreign"' get State
	fails NotFormatted 'memory fram0 is foreign: .*' call Store say name 1 1
	[ "$(head -c 13 "$dir/fram0.img")" = 'somebody else' ]
}

@test "a chip of somebody else is formatted with force only" {
	need_root 'format'
	memory fram0
	truncate -s 32K "$dir/fram0.img"
	echo 'somebody else' | dd of="$dir/fram0.img" conv=notrunc status=none
	start_smmd
	fails $invalid '.*foreign.* without force .*' call Format 'a{sv}' 0
	[ "$(head -c 13 "$dir/fram0.img")" = 'somebody else' ]
	call Format 'a{sv}' 1 force b true
	gives 'u 1' call Store say name 1 1
}

@test "Corrupt: two bits of a line of the map; what is intact can be read" {
	start_with_block
	stop_smmd
	flip_bit "$dir/fram0.img" 2040 0
	flip_bit "$dir/fram0.img" 2041 0
	start_smmd
	gives 's "corrupt"' get State
	fails Corrupt 'memory fram0 is corrupt: .*' call Store say name 1 1
	gives "ay 16 $(echo {1..16})" call Load s name
}

@test "one flipped bit of the map is corrected" {
	start_with_block
	stop_smmd
	flip_bit "$dir/fram0.img" 2040 0
	start_smmd
	gives 's "online"' get State
	run -0 get Statistics
	[[ $output == *'"CorrectedBits" 1 '* ]]
}

@test "ChecksumMismatch" {
	start_with_block
	stop_smmd
	flip_bit "$dir/fram0.img" "$(offset_of_content)" 7
	start_smmd
	fails ChecksumMismatch 'the content of block 1 does not match its checksum' call Load s name
	gives 'a{sv} 5 "blocks" u 1 "foreign" u 0 "damaged" u 1 "corrected" u 0 "uncorrectable" u 0' \
		call Check 'a{sv}' 0
	gives "ay 2 2 3" call Read uuu 1 1 2
}

@test "IO and Offline; back again, nothing is lost" {
	start_with_block 'mirror = no'
	cp "$dir/fram0.img" "$dir/copy"
	truncate -s 0 "$dir/fram0.img"
	fails IO 'memory fram0 could not read the block: .*' call Load s name
	gives 's "offline"' get State
	fails Offline 'memory fram0 is offline: .*' call Load s name
	fails Offline 'memory fram0 is offline: .*' call Add sx count 1
	dd if="$dir/copy" of="$dir/fram0.img" conv=notrunc status=none
	until [ "$(get State)" = 's "online"' ]; do sleep 0.05; done
	gives "ay 16 $(echo {1..16})" call Load s name
	gives 's "online"' get State
}

@test "WriteProtected: a file that cannot be written" {
	local unprivileged=()

	start_with_block
	stop_smmd
	chmod 444 "$dir/fram0.img"
	if [ "$(id -u)" -eq 0 ]; then
		open_to_others
		unprivileged=(setpriv --reuid=65534 --regid=65534 --clear-groups)
	fi
	start_smmd "${unprivileged[@]}"
	gives 's "read-only"' get State
	gives 'b true' get WriteProtected
	fails WriteProtected 'memory fram0 is read-only: its file cannot be written' call Free u 1
	fails WriteProtected 'memory fram0 is read-only: .*' call Store say name 1 1
	gives "ay 16 $(echo {1..16})" call Load s name
}

@test "Check that finds the map destroyed takes the memory out of service" {
	start_with_block
	dd if=/dev/urandom of="$dir/fram0.img" bs=1 count=200 conv=notrunc status=none
	run -0 call Check 'a{sv}' 0
	[[ $output == *'"uncorrectable" u '[1-9]* ]]
	[ "$(get State)" != 's "online"' ]
	run -1 call Store say later 1 1
}

@test "a client with much to say is told before it is kept" {
	start_with_block
	fails NoSpace 'memory fram0 has no room for 40000 bytes; it has 32768 in all' store big 40000
}
