#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# kill -9 at random moments under load: SMM_KILL_ROUNDS of them (100), half of them on a chip without delay and half
# on one with a wire, where they land inside of operations. SMM_TEST_SEED replays what was random here.

# shellcheck disable=SC2154 # set in helper.bash
load helper

rounds=$(((${SMM_KILL_ROUNDS:-100} + 1) / 2))
seed=${SMM_TEST_SEED:-$RANDOM}

kill_again_and_again() {
	memory fram0 'size = 256K' "$@"
	echo "# seed: $seed"
	run -0 "$KILL9" "$SMMD" "$dir/smmd.conf" "$rounds" "$seed"
	echo "$output" >&3
}

@test "kill -9 at random moments loses and tears nothing" {
	kill_again_and_again
}

@test "kill -9 inside of operations loses and tears nothing" {
	kill_again_and_again 'wire-speed = 10M'
}
