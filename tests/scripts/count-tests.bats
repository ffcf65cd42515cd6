#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# The last line of ./test is true. The logs here are what meson writes of a program, cut to what counts.
#
# shellcheck disable=SC2030,SC2031,SC2154 # bats: a test is a subshell, and run sets variables

bats_require_minimum_version 1.5.0

# counts STATUS LINE: scripts/count-tests says LINE of the log on standard input, and exits with STATUS.
counts() {
	cat >"$BATS_TEST_TMPDIR/log"
	run -"$1" "$BATS_TEST_DIRNAME/../../scripts/count-tests" "$BATS_TEST_TMPDIR/log"
	[ "$output" = "$2" ]
}

@test "each test of a program counts" {
	counts 0 "3 passed, 0 failed" <<-'END'
		{"name": "a", "result": "OK", "stdout": "1..2\nok 1 - one\nok 2 - two\n# ok - tests\n"}
		{"name": "b", "result": "OK", "stdout": "ok 1 - one\n1..1\n"}
	END
}

@test "a failed one counts once" {
	counts 1 "1 passed, 1 failed" <<-'END'
		{"name": "a", "result": "ERROR", "stdout": "1..2\nok 1 - one\nnot ok 2 - two\n"}
	END
}

@test "a program that dies, hangs or stops early has failed beside what it passed" {
	counts 1 "2 passed, 3 failed" <<-'END'
		{"name": "died", "result": "ERROR", "stdout": "1..2\nok 1 - one\n"}
		{"name": "hung", "result": "TIMEOUT", "stdout": "1..2\nok 1 - one\n"}
		{"name": "never began", "result": "ERROR", "stdout": null}
	END
}

@test "skipped is not passed" {
	counts 0 "1 passed, 0 failed, 2 skipped" <<-'END'
		{"name": "a", "result": "OK", "stdout": "1..2\nok 1 - one\nok 2 - two # SKIP no chip\n"}
		{"name": "b", "result": "SKIP", "stdout": ""}
	END
}

@test "programs without TAP count as one" {
	counts 1 "1 passed, 1 failed" <<-'END'
		{"name": "a", "result": "OK", "stdout": "hello\n"}
		{"name": "b", "result": "FAIL", "stdout": ""}
	END
}

@test "nothing that ran is no success" {
	counts 1 "0 passed, 0 failed" </dev/null
}
