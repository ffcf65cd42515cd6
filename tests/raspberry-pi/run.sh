#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# usage: run.sh [CUTS]
#
# Tests smm's packages on an emulated Raspberry Pi, whose power is cut CUTS times (20) under load, and ends with
# "N passed, N failed". What takes long to make is kept in the user's cache. Needs root, on amd64.

set -euo pipefail

here=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
# shellcheck source=scripts/common.sh
. "$here/../../scripts/common.sh"

cache=${XDG_CACHE_HOME:-$HOME/.cache}/smm
board=$(build_folder board)
triplet=aarch64-linux-gnu

# cached NAME FILE...: a folder in the cache, which build-NAME.sh makes where there is none of these FILES yet.
cached() {
	local name=$1 folder

	shift
	folder=$cache/$name-$(cat "$here/build-$name.sh" "$@" | sha256sum | cut -c 1-12)
	if [ ! -e "$folder" ]; then
		echo "Making $folder, which takes some minutes" >&2
		rm -rf "$folder.new"
		"$here/build-$name.sh" "$folder.new" >"$board/$name.log" 2>&1 || {
			tail -n 20 "$board/$name.log" >&2
			return 1
		}
		mv "$folder.new" "$folder"
	fi
	echo "$folder"
}

# The packages, unless they are of this source already.
packages() {
	local source

	source=$(cd "$smm_root" && git ls-files -z ':!tests' | xargs -0 cat | sha256sum)
	[ "$(cat "$board/packages.source" 2>/dev/null)" != "$source" ] || return 0
	"$smm_root/scripts/packages" trixie arm64 >"$board/packages.log" 2>&1 || {
		tail -n 20 "$board/packages.log" >&2
		return 1
	}
	echo "$source" >"$board/packages.source"
}

# Programs for this machine: smmd and smmctl, the rig, and those of guest/ to compare with.
host_programs() {
	configure "$board/host"
	ninja -C "$board/host" daemon/smmd client/smmctl tests/rig/smm-rig
	gcc -O2 -D_GNU_SOURCE -o "$board/kernel-answers" "$here/guest/kernel-answers.c"
	gcc -O2 -D_GNU_SOURCE -I "$smm_root/client" -o "$board/board-client" "$here/guest/board-client.c" \
		-L "$board/host/client" -Wl,-rpath,"$board/host/client" -lsmm-client
}

# What the board gets that is not there yet.
payload() {
	local debs lib=$board/unpacked/usr/lib/$triplet

	debs=$(build_folder packages)/trixie-arm64
	rm -rf "$board/payload" "$board/unpacked"
	mkdir -p "$board"/payload/{root/packages,usr/local/bin}
	cp "$debs"/{smmd,smm-tools,libsmm0,libsmm-client0}_*.deb "$board/payload/root/packages"
	dpkg-deb -x "$debs"/libsmm-client0_*.deb "$board/unpacked"
	$triplet-gcc -O2 -D_GNU_SOURCE -o "$board/payload/usr/local/bin/kernel-answers" "$here/guest/kernel-answers.c"
	$triplet-gcc -O2 -D_GNU_SOURCE -I "$smm_root/client" -o "$board/payload/usr/local/bin/board-client" \
		"$here/guest/board-client.c" "$lib/libsmm-client.so.0" -Wl,--unresolved-symbols=ignore-in-shared-libs
}

install_packages "${build_packages[@]}" "${run_packages[@]}" "${test_packages[@]}" \
	cpio device-tree-compiler dpkg-dev e2fsprogs gcc-aarch64-linux-gnu git libc6-dev-arm64-cross libfdt-dev \
	mmdebstrap patch python3-venv xz-utils zlib1g-dev
mkdir -p "$board"
qemu=$(cached qemu "$here"/{debian.sh,qemu-spi-chip-select.patch})
root=$(cached root "$here"/{debian.sh,guest/console.service,guest/init})
packages
host_programs >"$board/host.log" 2>&1 || {
	tail -n 20 "$board/host.log" >&2
	exit 1
}
payload
ln -sf "$qemu/qemu" "$root"/{kernel,board.dtb,initrd} "$board"
cp --sparse=always "$root/sd.img" "$board/sd.img"
"$board/host/tests/rig/smm-rig" "$here/rig-board" "$board/kernel-answers" >"$board/rig-answers"

start_bus "$board"
trap 'kill "$bus_pid"' EXIT
SMMD=$board/host/daemon/smmd SMMCTL=$board/host/client/smmctl BOARD_CLIENT=$board/board-client \
	python3 -B "$here/test.py" "$board" "${1:-20}"
