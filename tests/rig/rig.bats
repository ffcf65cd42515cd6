# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2154,SC2016 # bats sets output; sh -c expands later
#
# The rig itself, with programs that know nothing of it. SMM_RIG and SMM_RIG_CONTROL are its programs, RIG_CLIENT is
# made of client.c.

bats_require_minimum_version 1.5.0

dir=$BATS_TEST_TMPDIR
export RIG_CLIENT CONTROL="$SMM_RIG_CONTROL $dir/control"

setup() {
	unshare --mount --net --propagation unchanged true || skip 'smm-rig needs root with CAP_SYS_ADMIN'
	cat >"$dir/board" <<-END
		[rig]
		control = $dir/control
		counters = $dir/counters
		[i2c 1]
		clock = 400000
		[i2c 2]
		absent = EREMOTEIO
		one-read-last = yes
		[spi 0.0]
		max-clock = 40000000
		[chip fram]
		bus = i2c-1
		image = $dir/fram
		size = 32K
		address = 0x50
		address-bytes = 2
		id = 00a510
		[chip eeprom]
		bus = i2c-2
		size = 32K
		address = 0x50
		address-bytes = 2
		page-size = 64
		write-us = 5000
		[chip small]
		bus = i2c-1
		size = 256
		address = 0x58
		address-bytes = 1
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
		22 = POWER_GOOD up
		23 = FRAM_POWER up power:fram
	END
}

teardown() {
	[ -z "${rig_pid:-}" ] || kill "$rig_pid" || true
}

rig() {
	timeout 20 "$SMM_RIG" "$dir/board" "$@"
}

# A shell on the board: $RIG_CLIENT and $CONTROL are there.
rig_sh() {
	rig sh -c "$@"
}

control() {
	"$SMM_RIG_CONTROL" "$dir/control" "$@"
}

# A program on the board that goes on; its output is in $dir/output.
start_rig() {
	"$SMM_RIG" "$dir/board" "$@" >"$dir/output" 2>&1 3>&- &
	rig_pid=$!
	wait_for_output .
}

rig_ends() {
	local status=0

	wait "$rig_pid" || status=$?
	rig_pid=
	[ $status -eq "$1" ]
}

wait_for_output() {
	local _

	for _ in {1..100}; do
		! grep -q "$1" "$dir/output" 2>/dev/null || return 0
		sleep 0.05
	done
	echo "no '$1' in: $(cat "$dir/output")"
	return 1
}

# image FILE CELL SIZE
image() {
	dd if="$dir/$1" bs=1 skip=$(($2)) count="$3" status=none
}

counter() {
	sed -n "s/^$1=//p" "$dir/counters"
}

@test "an I2C chip keeps what is written, also for the next program" {
	rig "$RIG_CLIENT" i2c-write /dev/i2c-1 0x50 0x1234 hello
	[ "$(image fram 0x1234 5)" = hello ]
	[ "$(rig "$RIG_CLIENT" i2c-read /dev/i2c-1 0x50 0x1234 5)" = hello ]
}

@test "an SPI chip keeps what is written, also for the next program" {
	rig "$RIG_CLIENT" spi-write /dev/spidev0.0 0x10000 hello
	[ "$(image sfram 0x10000 5)" = hello ]
	[ "$(rig "$RIG_CLIENT" spi-read /dev/spidev0.0 0x10000 5)" = hello ]
	[ "$(counter spidev0.0.fastest-03)" = 20000000 ]
}

@test "a node is a character device with its number, by name, by link and by descriptor" {
	[ "$(rig "$RIG_CLIENT" stat /dev/i2c-1)" = 'character 89:1' ]
	[ "$(rig "$RIG_CLIENT" stat /dev/spidev0.0)" = 'character 153:2' ]
	ln -s /dev/i2c-1 "$dir/link"
	[ "$(rig "$RIG_CLIENT" stat "$dir/link")" = 'character 89:1' ]
	[ "$(rig_sh "cd /dev && $RIG_CLIENT stat i2c-1")" = 'character 89:1' ]
	[ "$(rig stat -c '%F %t:%T' /dev/i2c-1)" = 'character special file 59:1' ]
	[ "$(rig_sh 'stat -c "%F %t:%T" - </dev/i2c-1')" = 'character special file 59:1' ]
}

@test "two open files of a node exclude each other with locks" {
	run -1 rig "$RIG_CLIENT" lock /dev/i2c-1
	[ "$output" = EAGAIN ]
}

@test "only who has the right opens a node" {
	run -1 rig setpriv --reuid 1234 --regid 1234 --clear-groups "$RIG_CLIENT" stat /dev/i2c-1
	[ "$output" = EACCES ]
	rig_sh 'chgrp 4321 /dev/i2c-1 &&
		setpriv --reuid 1234 --regid 1234 --groups 4321 "$RIG_CLIENT" i2c-write /dev/i2c-1 0x50 0 mine'
	[ "$(image fram 0 4)" = mine ]
}

@test "what is not there is not there" {
	run -1 rig "$RIG_CLIENT" stat /dev/i2c-3
	[ "$output" = ENOENT ]
	run -1 rig "$RIG_CLIENT" i2c-write /dev/i2c-1 0x51 0 x
	[ "$output" = ENXIO ]
	run -1 rig "$RIG_CLIENT" i2c-write /dev/i2c-2 0x51 0 x
	[ "$output" = EREMOTEIO ]
}

@test "smm-rig ends as its program does, and passes signals on" {
	run -3 rig sh -c 'exit 3'
	run -127 rig /nowhere
	start_rig sh -c 'trap "exit 5" TERM; echo up; while :; do sleep 0.05; done'
	kill "$rig_pid"
	rig_ends 5
	start_rig sh -c 'echo up; exec sleep 100'
	kill "$rig_pid"
	rig_ends 143
}

@test "a program dies with smm-rig" {
	start_rig sh -c 'echo $$; exec sleep 100'
	kill -KILL "$rig_pid"
	rig_ends 137
	sleep 0.2
	run ! grep -q '^State:.*[RSD] ' "/proc/$(cat "$dir/output")/status"
}

@test "without the right to make a board it says what it lacks" {
	run -2 timeout 20 setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin "$SMM_RIG" "$dir/board" true
	[[ "$output" == *'Operation not permitted; run it as root with CAP_SYS_ADMIN'* ]]
}

@test "a board that cannot be is refused with its line" {
	echo 'colour = red' >>"$dir/board"
	run -2 rig true
	[[ "$output" == *'[gpio 0] colour = red'* ]]
	printf '[chip x]\nbus = i2c-9\nsize = 1\naddress-bytes = 1\n' >"$dir/board"
	run -2 rig true
	[[ "$output" == *'its bus has to be a section'* ]]
}

@test "the power goes after so many bytes, and the chip is dead until it is back" {
	run -1 rig_sh '$CONTROL power-cut fram 3; "$RIG_CLIENT" i2c-write /dev/i2c-1 0x50 0 hello'
	[ "$output" = ENXIO ]
	[ "$(image fram 0 5 | tr '\0' .)" = hel.. ]
	rig_sh '$CONTROL power fram off; ! "$RIG_CLIENT" i2c-write /dev/i2c-1 0x50 0 HELLO &&
		$CONTROL power fram on && "$RIG_CLIENT" i2c-write /dev/i2c-1 0x50 0 HELLO'
	[ "$(image fram 0 5)" = HELLO ]
}

@test "the program dies with the power" {
	run -137 rig_sh '$CONTROL power-cut sfram 3 kill; exec "$RIG_CLIENT" spi-write /dev/spidev0.0 0 hello'
	[ "$(image sfram 0 5 | tr '\0' .)" = hel.. ]
}

@test "the program dies when a byte lands" {
	run -137 rig_sh '$CONTROL halt i2c-1 1 3; "$RIG_CLIENT" i2c-write /dev/i2c-1 0x50 0x10 first
		exec "$RIG_CLIENT" i2c-write /dev/i2c-1 0x50 0x20 second'
	[ "$(image fram 0x10 5)" = first ]
	[ "$(image fram 0x20 6 | tr '\0' .)" = se.... ]
}

@test "a byte flips on the wire" {
	rig_sh '$CONTROL flip i2c-1 0 2 0x20; "$RIG_CLIENT" i2c-write /dev/i2c-1 0x50 0 hello'
	[ "$(image fram 0 5)" = Hello ]
}

@test "a bus does not acknowledge, loses arbitration" {
	run -1 rig_sh '$CONTROL nack i2c-1 1; "$RIG_CLIENT" i2c-write /dev/i2c-1 0x50 0 hello'
	[ "$output" = ENXIO ]
	run -1 rig_sh '$CONTROL lost i2c-1 1; "$RIG_CLIENT" i2c-write /dev/i2c-1 0x50 0 hello'
	[ "$output" = EAGAIN ]
	[ "$(counter i2c-1.refused)" -eq 1 ]
}

@test "a stuck bus holds nobody up who is not on it" {
	rig_sh '$CONTROL stuck i2c-2 ETIMEDOUT 1500
		(for i in 1 2 3; do "$RIG_CLIENT" i2c-write /dev/i2c-2 0x50 0 x; done; date +%s%N) >"$0/stuck" &
		sleep 0.2
		for i in 1 2 3 4 5; do "$RIG_CLIENT" i2c-write /dev/i2c-1 0x50 0 x && "$RIG_CLIENT" stat /dev/i2c-2; done
		date +%s%N >"$0/free"
		wait' "$dir"
	[ "$(head -3 "$dir/stuck" | sort -u)" = ETIMEDOUT ]
	[ $(($(tail -1 "$dir/stuck") - $(cat "$dir/free"))) -gt 0 ]
}

@test "an adapter goes and comes back" {
	start_rig "$RIG_CLIENT" held /dev/i2c-1
	control unplug i2c-1
	wait_for_output ENODEV
	rig_ends 1
	run -1 rig_sh '$CONTROL unplug i2c-1; "$RIG_CLIENT" stat /dev/i2c-1'
	[ "$output" = ENOENT ]
	rig_sh '$CONTROL unplug i2c-1; $CONTROL plug i2c-1; "$RIG_CLIENT" i2c-write /dev/i2c-1 0x50 0 x'
}

@test "libudev tells that an adapter goes and comes" {
	start_rig "$RIG_CLIENT" watch 2
	wait_for_output watching
	control unplug spidev0.0
	control unplug i2c-1
	control plug i2c-1
	rig_ends 0
	[ "$(tail -2 "$dir/output")" = $'remove /dev/i2c-1\nadd /dev/i2c-1' ]
}

@test "another chip is in the place of the first" {
	printf other >"$dir/other"
	[ "$(rig_sh '$CONTROL swap fram '"$dir"'/other; "$RIG_CLIENT" i2c-read /dev/i2c-1 0x50 0 5')" = other ]
}

@test "a chip says that it is another one" {
	command -v i2ctransfer >/dev/null || skip 'i2c-tools is not installed'
	[ "$(rig_sh '$CONTROL id fram 004221; i2ctransfer -a -y 1 w1@0x7c 0xa0 r3@0x7c')" = '0x00 0x42 0x21' ]
	run -1 rig_sh '$CONTROL id fram 00422'
	[ "$output" = 'error: an id is up to 9 bytes in hexadecimal' ]
}

@test "a driver of the kernel has a chip" {
	printf '%s\n' '[i2c 3]' 'clock = 100000' '[chip taken]' 'bus = i2c-3' 'size = 131072' 'address-bytes = 2' 'device-bits = 1' \
		'address = 0x54' 'driver = at24' '[spi 1.1]' 'bufsiz = 4096' '[chip staken]' 'bus = spidev1.1' 'size = 8K' \
		'address-bytes = 2' 'driver = at25' >>"$dir/board"
	run -1 rig "$RIG_CLIENT" slave /dev/i2c-3 0x55
	[ "$output" = EBUSY ]
	rig "$RIG_CLIENT" slave /dev/i2c-3 0x56
	[ "$(rig readlink /sys/bus/i2c/devices/3-0055/driver)" = /sys/bus/i2c/drivers/at24 ]
	[ "$(rig readlink /sys/bus/spi/devices/spi1.1/driver)" = /sys/bus/spi/drivers/at25 ]
	[ "$(rig readlink /sys/bus/spi/devices/spi0.0/driver)" = /sys/bus/spi/drivers/spidev ]
	run -1 rig "$RIG_CLIENT" stat /dev/spidev1.1
	[ "$output" = ENOENT ]
}

@test "sysfs says what the board says" {
	[ "$(rig cat /sys/class/i2c-dev/i2c-1/device/of_node/clock-frequency | od -An -tx1)" = ' 00 06 1a 80' ]
	[ "$(rig cat /sys/module/spidev/parameters/bufsiz)" = 4096 ]
	[ "$(rig cat /sys/dev/char/89:2/dev)" = 89:2 ]
}

@test "a signal does not repeat a transfer" {
	rig "$RIG_CLIENT" signals /dev/i2c-1 0x50 3000
	[ "$(counter i2c-1.transfers)" -eq 3000 ]
}

@test "a transfer takes the time of the wire where that is asked" {
	local begin end

	sed -i 's/^clock = 400000/&\npace = yes/' "$dir/board"
	begin=$(date +%s%N)
	rig "$RIG_CLIENT" i2c-read /dev/i2c-1 0x50 0 4000 >"$dir/bytes"
	end=$(date +%s%N)
	[ $(((end - begin) / 1000)) -ge 90000 ]
	[ "$(counter i2c-1.wire-us)" -ge 90000 ]
}

@test "a command that cannot be is refused with a reason" {
	run -1 rig_sh '$CONTROL melt fram'
	[ "$output" = 'error: there is no such command' ]
	run -1 rig_sh '$CONTROL nack gpiochip0 1'
	[ "$output" = 'error: there is nothing of that name that it works on' ]
	run -1 rig_sh '$CONTROL nack i2c-1 one'
	[ "$output" = 'error: that is not a number that fits' ]
	run -1 rig_sh '$CONTROL nack i2c-1'
	[ "$output" = 'error: that is not the number of words that it takes' ]
}

@test "i2c-tools find their way" {
	command -v i2ctransfer >/dev/null || skip 'i2c-tools is not installed'
	rig i2ctransfer -y 1 w5@0x50 0x01 0x00 0x61 0x62 0x63
	[ "$(image fram 0x100 3)" = abc ]
	[ "$(rig i2ctransfer -y 1 w2@0x50 0x01 0x00 r3)" = '0x61 0x62 0x63' ]
	[ "$(rig sh -c 'i2cset -y 1 0x58 0x10 0x77 b; i2cget -y 1 0x58 0x10 b')" = 0x77 ]
	[[ "$(rig i2cdetect -y 1)" == *'50: 50 -- -- -- -- -- -- -- 58'* ]]
}

# What the tools of both versions of libgpiod are told differently.
need_gpiod() {
	command -v gpioset >/dev/null || skip 'gpiod is not installed'
	if gpioset --version | grep -q 'v1\.'; then
		export GPIOGET='gpioget gpiochip0' GPIOGET_LOW='gpioget -l gpiochip0'
		export GPIOSET='gpioset --mode=signal gpiochip0'
		export GPIOMON='gpiomon --num-events=2 --format=%e,%o gpiochip0'
		edges=$'0,22\n1,22'
	else
		export GPIOGET='gpioget --numeric -c gpiochip0' GPIOGET_LOW='gpioget --numeric -l -c gpiochip0'
		export GPIOSET='gpioset -c gpiochip0'
		export GPIOMON='gpiomon --num-events=2 --format=%e,%o -c gpiochip0'
		edges=$'2,22\n1,22'
	fi
}

@test "lines have names, levels and one owner" {
	need_gpiod
	[[ "$(rig gpioinfo)" =~ 'line  17:'[[:space:]]+'"FRAM_WP"' ]]
	[ "$(rig_sh '$GPIOGET 17 22')" = '0 1' ]
	[ "$(rig_sh '$GPIOGET_LOW 17 22')" = '1 0' ]
	[ "$(rig_sh '$CONTROL line gpiochip0 22 0; $GPIOGET 22')" = 0 ]
	run rig_sh '$GPIOSET 17=1 & sleep 0.3; $GPIOGET 17; kill -KILL $!'
	[[ "$output" == *busy* ]]
}

@test "an output leads to a pin of a chip, and falls back when it is given up" {
	need_gpiod
	run rig_sh '
		$GPIOSET 17=1 & sleep 0.3
		$CONTROL line gpiochip0 17
		"$RIG_CLIENT" i2c-write /dev/i2c-1 0x50 0 protected
		kill -KILL $!; wait
		$CONTROL line gpiochip0 17
		"$RIG_CLIENT" i2c-write /dev/i2c-1 0x50 0x20 free
		$GPIOSET 23=0 & sleep 0.3
		"$RIG_CLIENT" i2c-write /dev/i2c-1 0x50 0 off
		kill -KILL $!'
	[ "$(grep -v Killed <<<"$output")" = $'1\n0\nENXIO' ]
	[ "$(image fram 0 4 | tr '\0' .)" = .... ]
	[ "$(image fram 0x20 4)" = free ]
}

@test "an edge is an event" {
	need_gpiod
	start_rig sh -c 'echo up; exec $GPIOMON 22'
	sleep 0.3
	control line gpiochip0 22 0
	control line gpiochip0 22 0
	control line gpiochip0 22 1
	rig_ends 0
	[ "$(tail -2 "$dir/output")" = "$edges" ]
}
