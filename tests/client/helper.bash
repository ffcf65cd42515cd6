# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# For the tests of smmctl: what those of smmd have, and smmd running with one chip, fresh for each test.
# SMMCTL is the program.

# shellcheck source=tests/daemon/helper.bash
. "${BASH_SOURCE[0]%/*}/../daemon/helper.bash"

smmctl() {
	"$SMMCTL" "$@"
}

setup() {
	start_bus "$dir" 3>&-
	memory fram0
	# shellcheck disable=SC2119 # nothing stands before smmd
	start_smmd
}
