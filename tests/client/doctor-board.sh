#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# doctor-board.sh FOLDER COMMANDS: a Raspberry Pi with smmd installed, on which something goes wrong. COMMANDS run as
# root on the board of FOLDER/board, among users, processes, D-Bus files and a system bus of their own; nothing on the
# machine changes. What they may use is below.

set -euo pipefail

# shellcheck source=scripts/common.sh
. "$(dirname "$0")/../../scripts/common.sh"
# shellcheck source=tests/daemon/strict-bus.sh
. "$smm_root/tests/daemon/strict-bus.sh"

dir=$1

case ${SMM_DOCTOR_STAGE:-outside} in
outside)
	SMM_DOCTOR_STAGE=namespace exec unshare --mount --pid --fork --mount-proc "$0" "$@"
	;;
namespace)
	for file in passwd group nsswitch.conf; do
		mount --bind "$dir/$file" /etc/$file
	done
	mount --bind "$dir/dbus-1" /usr/share/dbus-1
	SMM_DOCTOR_STAGE=board exec "$SMM_RIG" "$dir/board" "$0" "$@"
	;;
esac

raspberry_pi() {
	mkdir -p /sys/firmware/devicetree/base
	printf 'Raspberry Pi 4 Model B\0' >/sys/firmware/devicetree/base/model
}

bus() {
	start_strict_bus "$dir" "<servicedir>$dir/dbus-1/system-services</servicedir>" \
		"<include ignore_missing='yes'>$dir/dbus-1/system.d/org.smm1.conf</include>" \
		'<policy user="root"><allow own="org.freedesktop.systemd1"/></policy>' \
		'<policy context="default"><allow send_destination="org.freedesktop.systemd1"/></policy>'
}

# unit LOAD-STATE ACTIVE-STATE [RESULT STATUS]: what systemd says of smmd.service.
unit() {
	"$MOCK_SYSTEMD" "$1" "$2" "${3-success}" "${4-0}" &
	until busctl get-property org.freedesktop.systemd1 /org/freedesktop/systemd1/unit/smmd_2eservice \
		org.freedesktop.systemd1.Unit LoadState >/dev/null 2>&1; do
		sleep 0.05
	done
}

# As its unit starts it.
smmd() {
	chgrp -f i2c /dev/i2c-* || true
	chgrp -f spi /dev/spidev* || true
	setpriv --reuid=smm --regid=smm --groups=i2c,spi "$SMMD" --config="$dir/smmd.conf" 2>>"$dir/smmd.log" &
	smmd_pid=$!
	wait_for_smmd $smmd_pid
}

# All that is installed, and runs.
all() {
	bus
	unit loaded active
	smmd
}

doctor() {
	"$SMMCTL" doctor --config="$dir/smmd.conf" "$@"
}

stop_smmd() {
	kill "$smmd_pid"
	wait "$smmd_pid"
}

# doctor_as USER [GROUPS]: by a copy, as not everybody may reach the folder of the build. GROUPS is an option of setpriv.
doctor_as() {
	cp "$SMMCTL" "${SMMCTL%/*}/libsmm-client.so.0" "$dir"
	LD_LIBRARY_PATH=$dir setpriv --reuid="$1" --regid="$1" "${2---init-groups}" \
		"$dir/smmctl" doctor --config="$dir/smmd.conf"
}

control() {
	"$SMM_RIG_CONTROL" "$dir/control" "$@"
}

eval "$2"
