# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2154,SC2016 # bats sets output; sh -c expands later
#
# smmd as it is, on a board that smm-rig emulates: real open() and ioctl() on /dev/i2c-1, /dev/spidev0.0 and
# /dev/gpiochip0, chips that behave as their data sheets say, and everything that happens to them.
# SMM_RIG and SMM_RIG_CONTROL are the rig's programs.

load helper

setup() {
	can_emulate
	start_bus "$dir" 3>&-
	cat >"$dir/board" <<-END
		[rig]
		control = $dir/control
		[i2c 1]
		clock = 400000
		one-read-last = yes
		[i2c 2]
		clock = 100000
		[spi 0.0]
		max-clock = 125000000
		[chip fram]
		bus = i2c-1
		image = $dir/fram
		size = 32K
		address = 0x50
		address-bytes = 2
		id = 00a510
		[chip eeprom]
		bus = i2c-2
		image = $dir/eeprom
		size = 8K
		address = 0x50
		address-bytes = 2
		page-size = 32
		write-us = 500
		[chip sfram]
		bus = spidev0.0
		image = $dir/sfram
		size = 128K
		address-bytes = 3
		id = 047f2703
		[gpio 0]
		label = pinctrl-bcm2711
		lines = 54
		17 = FRAM_WP wp:fram
		22 = POWER_FAIL
	END
	cat >"$dir/smmd.conf" <<-END
		[memory fram0]
		bus = i2c
		device = /dev/i2c-1
		address = 0x50
	END
}

also() {
	printf '%s\n' "$@" >>"$dir/smmd.conf"
}

with_eeprom() {
	also '[memory eep0]' 'bus = i2c' 'device = /dev/i2c-2' 'address = 0x50' 'model = AT24C64'
}

with_spi() {
	also '[memory spi0]' 'bus = spi' 'device = /dev/spidev0.0'
}

start_board() {
	start_smmd "$SMM_RIG" "$dir/board"
}

control() {
	"$SMM_RIG_CONTROL" "$dir/control" "$@"
}

# counter NAME: of the rig.
counter() {
	control counters | sed -n "s/^$1=//p"
}

# state NAME: of a memory.
state() {
	busctl get-property org.smm1 "/org/smm1/memory/$1" org.smm1.Memory State | cut -d'"' -f2
}

why() {
	busctl get-property org.smm1 "/org/smm1/memory/$1" org.smm1.Memory StateReason | cut -d'"' -f2
}

# becomes NAME STATE: within ten seconds.
becomes() {
	for ((i = 0; i < 200; i++)); do
		[ "$(state "$1")" != "$2" ] || return 0
		sleep 0.05
	done
	echo "$1 is $(state "$1") ($(why "$1")), and not $2"
	return 1
}

# on NAME CALL...: a call of another memory.
on() {
	local name=$1
	shift

	busctl call org.smm1 "/org/smm1/memory/$name" org.smm1.Memory "$@"
}

@test 'an I2C FRAM is identified, formatted, written, and read after a restart' {
	start_board
	gives 's "online"' get State
	gives 's "MB85RC256V"' get Model
	gives 's "id 00a510"' get Identification
	gives 'u 400000' get BusSpeed
	store a 4
	loads a 4
	stop_smmd
	start_board
	loads a 4
}

@test 'an SPI FRAM as well' {
	with_spi
	start_board
	[ "$(state spi0)" = online ]
	on spi0 Store say x 3 1 2 3
	stop_smmd
	start_board
	gives 'ay 3 1 2 3' on spi0 Load s x
	run -0 busctl get-property org.smm1 /org/smm1/memory/spi0 org.smm1.Memory Model
	[ "$output" = 's "MB85RS1MT"' ]
}

@test 'an EEPROM as well, behind its guard' {
	with_eeprom
	start_board
	[ "$(state eep0)" = online ]
	on eep0 Store say x 3 1 2 3
	stop_smmd
	start_board
	gives 'ay 3 1 2 3' on eep0 Load s x
	on eep0 Store say x 3 4 5 6
	run -0 busctl get-property org.smm1 /org/smm1/memory/eep0 org.smm1.Memory Statistics
	[[ $output == *'"JournalPrograms" '[1-9]* ]]
}

@test 'all three at once, with verify = all' {
	also 'verify = all'
	with_eeprom
	with_spi
	start_board
	for name in fram0 eep0 spi0; do
		[ "$(state $name)" = online ]
		on $name Store say x 3 1 2 3
		gives 'ay 3 1 2 3' on $name Load s x
	done
}

@test 'a second read of the same costs nothing on the wire' {
	start_board
	store a 1000
	stop_smmd
	start_board
	loads a 1000
	local before
	before=$(counter i2c-1.transfers)
	sleep 1 # the rest is loaded
	before=$(counter i2c-1.transfers)
	loads a 1000
	loads a 1000
	[ "$(counter i2c-1.transfers)" -eq "$before" ]
}

@test 'a bound kernel driver: the sentence has the command that unbinds it' {
	sed -i '/^id = 00a510/a driver = at24' "$dir/board"
	start_board
	[ "$(state fram0)" = offline ]
	[[ $(why fram0) == *at24*'echo 1-0050 > /sys/bus/i2c/drivers/at24/unbind'* ]]
	fails Offline '.*at24.*' call Store say a 0
	fails Offline '.*at24.*' call List
}

@test 'another model than configured is refused and not written' {
	also 'model = MB85RC64TA'
	head -c 32768 /dev/zero >"$dir/fram"
	start_board
	[ "$(state fram0)" = foreign ]
	fails NotFormatted '.* is foreign: .*' call Format 'a{sv}' 1 force b true
	cmp "$dir/fram" <(head -c 32768 /dev/zero)
	stop_smmd
	also 'check-id = no'
	start_board
	[ "$(state fram0)" = online ]
}

@test 'the write-protect line is released around writes only' {
	sed -i 's/FRAM_WP/FRAM_WP up/' "$dir/board"
	also 'write-protect-gpio = FRAM_WP'
	start_board
	gives 1 control line gpiochip0 17
	store a 4
	gives 1 control line gpiochip0 17
	loads a 4
	kill_smmd
}

@test 'a write-protect pin that is pulled makes it read-only' {
	start_board
	store a 4
	control write-protect fram on
	fails IO '.*' call Store say b 1 1
	[ "$(state fram0)" = read-only ]
	[[ $(why fram0) == *write-protect* ]]
	grep -q 'read-only now' "$dir/smmd.log"
	loads a 4
	fails WriteProtected '.*' call Store say b 1 1
}

@test 'power-fail: nothing is written until the line says that the power is back' {
	also 'power-fail-gpio = POWER_FAIL'
	with_spi
	also 'power-fail-gpio = POWER_FAIL'
	start_board
	store a 4
	control line gpiochip0 22 1
	becomes fram0 power-fail
	becomes spi0 power-fail
	fails PowerFail '.*' call Store say b 1 1
	control line gpiochip0 22 0
	becomes fram0 online
	becomes spi0 online
	loads a 4
	store b 1
}

@test 'an adapter that is unplugged and plugged in again' {
	start_board
	store a 4
	control unplug i2c-1
	becomes fram0 offline
	fails Offline '.*' call Store say b 1 1
	grep -q 'fram0 is offline' "$dir/smmd.log"
	control plug i2c-1
	becomes fram0 online
	loads a 4
	store b 1
}

@test 'an adapter that comes after the daemon' {
	start_smmd "$SMM_RIG" "$dir/board" sh -c "$SMM_RIG_CONTROL $dir/control unplug i2c-1; exec \"\$@\"" sh
	[ "$(state fram0)" = offline ]
	control plug i2c-1
	becomes fram0 online
	store a 4
}

@test 'another chip in its place is not written; the first one is known again' {
	start_board
	store a 4
	stop_smmd
	cp "$dir/fram" "$dir/first"
	rm "$dir/fram"
	start_board
	store other 4
	stop_smmd
	mv "$dir/fram" "$dir/second"
	cp "$dir/first" "$dir/fram"
	start_board
	loads a 4
	cp "$dir/second" "$dir/kept"
	control unplug i2c-1
	becomes fram0 offline
	control swap fram "$dir/second"
	control plug i2c-1
	becomes fram0 foreign
	[[ $(why fram0) == *'another chip is in its place'* ]]
	fails NotFormatted '.*' call Store say b 1 1
	cmp "$dir/second" "$dir/kept"
	control unplug i2c-1
	control swap fram "$dir/first"
	control plug i2c-1
	becomes fram0 online
	loads a 4
}

@test 'a stuck bus makes its memory offline, and leaves the others alone' {
	with_spi
	start_board
	store a 4
	on spi0 Store say x 3 1 2 3
	control stuck i2c-1 ETIMEDOUT 300
	run -1 call Store say b 1 1
	becomes fram0 offline
	gives 'ay 3 1 2 3' on spi0 Load s x
	busctl call org.smm1 /org/smm1 org.freedesktop.DBus.Peer Ping
	control unstuck i2c-1
	becomes fram0 online
	loads a 4
}

@test 'a small read does not wait for a long write' {
	sed -i 's/^clock = 400000$/clock = 100000\npace = yes/' "$dir/board"
	start_board
	store a 4
	store big 12000 3>&- & # more than a second on this wire
	local writer=$!
	until [ "$(counter fram.stored)" -gt 2000 ]; do sleep 0.02; done
	loads a 4
	kill -0 $writer
	wait $writer
	loads big 12000
}

@test 'NACKs and lost arbitration are got over' {
	start_board
	control nack i2c-1 2
	store a 4
	control lost i2c-1 2
	store b 4
	loads a 4
	loads b 4
	run -0 get Statistics
	[[ $output == *'"Retries" '[1-9]* ]]
}

@test 'two daemons never share a chip' {
	# The second one finds the chip in use, then the name, and ends; then the first one is stopped.
	start_smmd "$SMM_RIG" "$dir/board" sh -c '
		"$@" & first=$!
		sleep 1
		"$@" 2>"$0"
		kill $first
		wait $first' "$dir/second.log"
	smmd_ends 0
	grep -q 'fram0 is offline: .*in use already' "$dir/second.log"
	run -1 grep -q 'in use' "$dir/smmd.log"
}

# The program dies at a byte of a transfer: what was acknowledged is there.
@test 'killed at any byte of an update' {
	start_board
	store a 4
	stop_smmd
	local byte skip
	for ((skip = 0; skip < 6; skip++)); do
		for byte in 0 1 2 5 9; do
			start_board
			sleep 0.1
			control halt i2c-1 $skip $byte
			if run -0 call Store say a 4 9 9 9 9; then
				stop_smmd
				continue
			fi
			smmd_ends 137
			start_board
			run -0 call Load s a
			[[ $output == 'ay 4 7 7 7 7' || $output == 'ay 4 9 9 9 9' ]]
			store a 4
			stop_smmd
		done
	done
}

@test 'the power goes at any byte of an update' {
	start_board
	store a 4
	local bytes
	for ((bytes = 0; bytes < 80; bytes += 3)); do
		control power-cut fram $bytes
		run call Store say a 4 9 9 9 9
		control power-cut fram 1000000
		control power fram off
		control power fram on
		becomes fram0 online
		run -0 call Load s a
		[[ $output == 'ay 4 7 7 7 7' || $output == 'ay 4 9 9 9 9' ]]
		store a 4
		loads a 4
	done
}

# restore_through_cuts CHIP BYTES...: after so many bytes of a restoration its power goes.
restore_through_cuts() {
	local chip=$1 bytes log
	shift

	start_board
	store a 4
	"$JOB_CLIENT" Dump 9 9>"$dir/image" >/dev/null
	for bytes; do
		store a 5
		control power-cut "$chip" "$bytes"
		log=$("$JOB_CLIENT" Restore 9 9<"$dir/image")
		[[ $log == *'finished org.smm1.Error.IO: memory fram0 could not be restored: '* ]]
		control power-cut "$chip" 10000000
		control power "$chip" off
		control power "$chip" on
		until [ "$(state fram0)" != offline ]; do sleep 0.05; done
		if [ "$(state fram0)" = foreign ]; then
			[[ $(why fram0) == 'the restoration of an image was interrupted; '* ]]
			[ "$bytes" -ge 3 ]
		else
			loads a 5
			[ "$bytes" -lt 200 ]
		fi
		"$JOB_CLIENT" Restore 9 9<"$dir/image" >/dev/null
		loads a 4
	done
}

@test 'the power goes at any byte of a restoration' {
	restore_through_cuts fram 0 2 3 4 1000 20000 32768 32770
}

@test 'the power goes at any byte of a restoration of an EEPROM' {
	printf '%s\n' '[memory fram0]' 'bus = i2c' 'device = /dev/i2c-2' 'address = 0x50' \
		'model = AT24C64' >"$dir/smmd.conf"
	restore_through_cuts eeprom 0 10 40 70 100 130 200 400
}

@test '--list-models shows the chips, and fails where it cannot' {
	run -0 "$SMMD" --list-models
	[[ $output == *MB85RC256V*FRAM*i2c* ]]
	[ "$(wc -l <<<"$output")" -gt 94 ]
	run -1 sh -c "exec \"$SMMD\" --list-models >/dev/full"
	[[ $output == *"Cannot write"* ]]
}
