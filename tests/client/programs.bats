#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# Programs that use libsmm-client, as they are, with smmd behind them.

# shellcheck disable=SC2154 # set in helper.bash
load helper

@test "a program in C++11" {
	"$CLIENT_CPLUSPLUS"
	gives 'ay 5 104 101 108 108 111' call Load s text
	gives 'x 1' call Add sx n 0
	gives 'ay 4 1 0 0 0' call Load s starts
}
