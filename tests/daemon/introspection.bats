#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# daemon/org.smm1.xml, which is installed for those who generate code from it, says what the objects say of themselves.

# shellcheck disable=SC2154 # set in helper.bash
load helper

# introspect PATH INTERFACE
introspect() {
	busctl --xml-interface introspect org.smm1 "$1" >"$dir/live/$2"
}

@test "the interfaces that are installed are those of the objects, member by member" {
	memory fram0 'size = 64K' 'wire-speed = 100k' # that a check of it takes its time
	start_smmd
	call Store say x 1 1
	mkdir "$dir/live"
	call Check 'a{sv}' 0 3>&- &
	until introspect /org/smm1/job/1 org.smm1.Job; do sleep 0.05; done
	introspect /org/smm1 org.smm1.Manager
	introspect "$memory" org.smm1.Memory
	introspect "$memory/block/1" org.smm1.Block
	"$BATS_TEST_DIRNAME/compare-introspection.py" "$smm_root/daemon/org.smm1.xml" "$dir/live"
}
