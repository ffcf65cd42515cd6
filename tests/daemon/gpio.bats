# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2030,SC2031,SC2154 # bats sets output
#
# GPIO lines over the emulated chips of smm-rig. SMM_RIG and SMM_RIG_CONTROL are its programs, GPIO_LINES is made of
# gpio-lines.c.

bats_require_minimum_version 1.5.0

dir=$BATS_TEST_TMPDIR
control="$SMM_RIG_CONTROL $dir/control"

setup() {
	unshare --mount --net --propagation unchanged true || skip 'smm-rig needs root with CAP_SYS_ADMIN'
	cat >"$dir/board" <<-END
		[rig]
		control = $dir/control
		[gpio 0]
		label = pinctrl-bcm2711
		lines = 54
		17 = FRAM_WP up
		22 = POWER_GOOD up
		[gpio 1]
		label = pca:9554
		lines = 8
		3 = FAR_LINE
	END
}

rig() {
	timeout 20 "$SMM_RIG" "$dir/board" "$@"
}

# Words as gpio-lines.c lists them.
lines() {
	# shellcheck disable=SC2086 # it may be a program and its arguments
	rig $GPIO_LINES "$@"
}

@test "an output is driven, and given back" {
	level="$control line gpiochip0 17"
	[ "$(lines output gpiochip0:17 0 run "$level" set gpiochip0:17 1 run "$level" \
		set gpiochip0:17 0 get gpiochip0:17 close gpiochip0:17 run "$level")" = $'0\n1\n0\n1' ]
	[ "$(lines output gpiochip0:17:active-low 0 run "$level" set gpiochip0:17:active-low 1 run "$level" \
		get gpiochip0:17:active-low)" = $'1\n0\n1' ]
}

@test "an output is given back when its program is killed" {
	[ "$(rig sh -c "$GPIO_LINES output FRAM_WP 0 run '$control line gpiochip0 17; kill -KILL \$PPID'
		$control line gpiochip0 17")" = $'0\n1' ]
}

@test "an input has the level of its line" {
	low="$control line gpiochip0 22 0"
	[ "$(lines input gpiochip0:22 get gpiochip0:22 run "$low" get gpiochip0:22)" = $'1\n0' ]
	[ "$(lines input gpiochip0:22:active-low get gpiochip0:22:active-low run "$low" \
		get gpiochip0:22:active-low)" = $'0\n1' ]
}

@test "every edge wakes, and all that wait are taken at once" {
	name=POWER_GOOD:active-low
	fall="$control line gpiochip0 22 0" rise="$control line gpiochip0 22 1"
	lines input $name quiet $name run "$fall" wait $name quiet $name run "$rise" wait $name quiet $name
	lines input $name run "for i in \$(seq 20); do $fall; $rise; done" wait $name quiet $name
	run -1 lines input $name run "$fall" quiet $name
}

@test "a chip has a name, a number and a label" {
	for chip in gpiochip1 1 pca:9554; do
		[ "$(lines output $chip:3 1 run "$control line gpiochip1 3")" = 1 ]
	done
}

@test "a line is found by its name on any chip" {
	[ "$(lines output FAR_LINE 1 run "$control line gpiochip1 3")" = 1 ]
	[ "$(lines output FAR_LINE:active-low 0 run "$control line gpiochip1 3")" = 1 ]
}

# Prints and ends with this.
refused() {
	run -1 lines "${@:2}"
	echo "$output"
	[ "$output" = "$1" ]
}

@test "what is wrong with a line is said" {
	refused 'ENODEV: gpiochip7:1: there is no GPIO chip of the name, number or label gpiochip7; gpiodetect shows what there is' \
		input gpiochip7:1
	refused 'ENODEV: POWER_GOD: there is no GPIO line of the name POWER_GOD; gpioinfo shows what there is' \
		input POWER_GOD
	refused 'ENODEV: gpiochip1:8: there is no such line; the chip has 8, from 0 on' output gpiochip1:8 0
	refused 'EINVAL: gpiochip0:x names no GPIO line; write CHIP:LINE as gpiochip0:17, or the name of a line, with :active-low behind it where low means yes' \
		input gpiochip0:x
}

@test "who has a line is said" {
	for second in 'input FAR_LINE' 'output FAR_LINE 1'; do
		# shellcheck disable=SC2086 # words
		refused 'EBUSY: FAR_LINE is in use by smmd; end that, or connect another line' input gpiochip1:3 $second
	done
}

@test "a node that may not be opened is said" {
	# shellcheck disable=SC2086 # it may be a program and its arguments
	run -1 rig sh -c "chmod 600 /dev/gpiochip1; chmod 666 /dev/gpiochip0
		exec setpriv --reuid 65534 --regid 65534 --clear-groups $GPIO_LINES input POWER_GOOD input FAR_LINE"
	echo "$output"
	[ "$output" = "EACCES: FAR_LINE was not found, and /dev/gpiochip1 may not be opened; the user of smmd has to be in the group that 'ls -lL /dev/gpiochip1' shows" ]
}

@test "a chip that goes away is an error" {
	run -1 lines input FAR_LINE run "$control unplug gpiochip1" get FAR_LINE
	[ "$output" = 'ENODEV: get' ]
	run -1 lines output FAR_LINE 0 run "$control unplug gpiochip1" set FAR_LINE 1
	[ "$output" = 'ENODEV: set' ]
}
