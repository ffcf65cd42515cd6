#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# What smmd puts on the wire, as the emulated board counts it. SMMD, SMM_RIG and SMM_RIG_CONTROL are the programs.

set -euo pipefail

# shellcheck source=scripts/common.sh
. "${BASH_SOURCE[0]%/*}/../../scripts/common.sh"

dir=$(mktemp -d)
trap 'stop; kill "$bus_pid"; rm -r "$dir"' EXIT
start_bus "$dir"

stop() {
	[ -z "${smmd_pid:-}" ] || { kill "$smmd_pid" && wait "$smmd_pid"; } || true
	smmd_pid=
}

# start BUS SIZE MIRROR VERIFY: smmd, on a chip of that size, which keeps its contents.
start() {
	local bus=$1 size=$2

	stop
	{
		echo "[rig]
		control = $dir/control
		[i2c 1]
		clock = 400000
		[spi 0.0]
		max-clock = 125000000
		[chip fram]
		image = $dir/$bus-$size
		size = $size"
		if [ "$bus" = i2c ]; then
			printf '%s\n' 'bus = i2c-1' 'address = 0x50' 'address-bytes = 2'
			[ "$size" != 128K ] || echo 'device-bits = 1'
		else
			printf '%s\n' 'bus = spidev0.0' "address-bytes = 3"
		fi
	} | sed 's/^\t*//' >"$dir/board"
	{
		printf '%s\n' '[memory m]' "bus = $bus" 'model = custom' "size = $size" "mirror = $3" "verify = $4"
		if [ "$bus" = i2c ]; then
			printf '%s\n' 'device = /dev/i2c-1' 'address = 0x50' 'address-bytes = 2'
		else
			printf '%s\n' 'device = /dev/spidev0.0' 'speed = 20M' "address-bytes = 3"
		fi
	} >"$dir/smmd.conf"
	"$SMM_RIG" "$dir/board" "$SMMD" --config="$dir/smmd.conf" --log-level=err &
	smmd_pid=$!
	wait_for_smmd "$smmd_pid"
	device=i2c-1
	[ "$bus" = i2c ] || device=spidev0.0
}

count() {
	"$SMM_RIG_CONTROL" "$dir/control" counters | awk -F= -v d="$device" '
		$1 == d ".transfers" { transfers = $2 }
		$1 == d ".bytes-out" { bytes += $2 }
		$1 == d ".bytes-in" && d ~ /i2c/ { bytes += $2 }
		END { print transfers, bytes }'
}

call() {
	busctl --quiet call org.smm1 /org/smm1/memory/m org.smm1.Memory "$@"
}

# spent COMMAND...: sets transfers and bytes.
spent() {
	local before after

	read -ra before < <(count)
	"$@"
	read -ra after < <(count)
	transfers=$((after[0] - before[0]))
	bytes=$((after[1] - before[1]))
}

row() {
	printf '  %-58s %10s  %s\n' "$1" "$2" "${3:-}"
}

# content N VALUE: arguments for an array of bytes.
content() {
	echo "$1"
	yes "$2" | head -n "$1"
}

at_most() {
	row "$1" "$2" "goal <= $3  $([ "$2" -le "$3" ] && echo met || echo missed)"
}

share() {
	local percent=$((1000 * $2 / $3))

	row "$1" "$3" "$((percent / 10)).$((percent % 10)) % of it needed, goal >= 98  $(
		[ $percent -ge 980 ] && echo met || echo missed
	)"
}

four_kib() {
	local floor=$1

	mapfile -t old < <(content 4096 1)
	mapfile -t new < <(content 4096 2)
	call Store say big "${old[@]}"
	call WriteInPlace uuay 1 0 "${new[@]}"
	spent call WriteInPlace uuay 1 0 "${old[@]}"
	share "write of 4 KiB (WriteInPlace), bytes" "$floor" "$bytes"
	call WriteInPlace uuay 1 0 4 1 2 3 4
	spent call WriteInPlace uuay 1 0 4 5 6 7 8
	at_most "write of 4 bytes, ioctls" "$transfers" 1
}

for bus in i2c spi; do
	echo
	echo "$bus: counted on the emulated board, verify = none"
	size=128K
	rm -f "$dir"/*-"$size"
	start $bus $size yes none
	if [ $bus = i2c ]; then
		four_kib 4099
		goal=48
	else
		four_kib 4101
		goal=56
	fi
	sleep 1 # what is left of the chip is loaded
	spent call Read uuu 1 0 4096
	at_most "second read of the same, bytes" "$bytes" 0
	call Store say value 4 1 2 3 4
	spent call Write uuay 2 0 4 5 6 7 8
	at_most "atomic update of a value of 4 bytes, bytes" "$bytes" $goal
	start $bus $size no none
	spent call Read uuu 1 0 4096
	share "read of 4 KiB, bytes" 4100 "$bytes"
	start $bus $size yes metadata
	sleep 1
	spent call Write uuay 2 0 4 9 9 9 9
	row "the same update with verify = metadata (read back)" "$bytes"
	for size in 32K 128K 2M; do
		[ $bus = spi ] || [ $size != 2M ] || continue
		start $bus $size no none
		stop
		start $bus $size no none
		read -r _ bytes < <(count)
		row "mount of $size, bytes" "$bytes"
	done
done
