# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2154 # bats sets output and stderr
#
# For the tests of smmctl: what those of smmd have, and smmd running with one chip, fresh for each test.
# SMMCTL is the program.

# shellcheck source=tests/daemon/helper.bash
. "${BASH_SOURCE[0]%/*}/../daemon/helper.bash"

smmctl() {
	"$SMMCTL" "$@"
}

# smmctl of another user, who is in no group.
somebody() {
	setpriv --reuid=1 --regid=1 --clear-groups "$SMMCTL" "$@"
}

need_somebody() {
	need_root 'be somebody else'
	open_to_others
	somebody --version >/dev/null 2>&1 || skip 'others cannot run smmctl here'
}

# complains STATUS WORDS COMMAND...: one line on standard error that starts with smmctl: and has the words.
complains() {
	local expected=$1 words=$2
	shift 2

	run --separate-stderr "$@"
	[ "$status" -eq "$expected" ]
	[ -z "$output" ]
	[ "${#stderr_lines[@]}" -eq 1 ]
	[[ $stderr == "smmctl: "*"$words"* ]]
}

# has_json EXPECTED COMMAND...: it prints JSON, of which the Python expression EXPECTED is true; j is the value.
has_json() {
	local expected=$1
	shift

	run -0 --separate-stderr "$@"
	python3 -m json.tool <<<"$output" >/dev/null
	python3 -c 'import json, sys; j = json.load(sys.stdin); assert eval(sys.argv[1]), j' "$expected" <<<"$output"
}

setup() {
	start_bus "$dir" 3>&-
	memory fram0
	# shellcheck disable=SC2119 # nothing stands before smmd
	start_smmd
}
