#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# usage: build-qemu.sh FOLDER
#
# Makes FOLDER/qemu, the emulator of Debian's source package with qemu-spi-chip-select.patch.

set -euo pipefail

here=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
mkdir -p "$1/work"
cd "$1/work"
# shellcheck source=tests/raspberry-pi/debian.sh
. "$here/debian.sh"

# It wants a newer meson than Debian 12 has.
debian_apt "$(dpkg --print-architecture)" deb
debian_unpack tools meson python3-pycotap

debian_apt "$(dpkg --print-architecture)" deb-src
apt-get -q source --download-only --tar-only qemu
mkdir source
tar -xf qemu_*.orig.tar.xz -C source --strip-components 1
patch -p 1 -d source <"$here/qemu-spi-chip-select.patch"
# Debian's archive has no blobs of firmware to unpack, and this board needs none.
sed -i 's/^if unpack_edk2_blobs/if false/' source/pc-bios/meson.build

# No more devices than the board has.
printf '%s\n' CONFIG_{RASPI,AT24C,SSI_M25P80,OR_IRQ,SPLIT_IRQ,UNIMP,USB}=y \
	>source/configs/devices/aarch64-softmmu/board.mak

mkdir build
cd build
export PYTHONPATH=$PWD/../tools/usr/lib/python3/dist-packages
../source/configure --python=/usr/bin/python3 --target-list=aarch64-softmmu --with-devices-aarch64=board \
	--without-default-devices --without-default-features --enable-system --enable-tcg --enable-fdt \
	--enable-trace-backends=nop --disable-debug-info --disable-install-blobs --disable-docs --disable-tools \
	--disable-guest-agent
nice ninja qemu-system-aarch64
strip -o "$1/qemu" qemu-system-aarch64
rm -rf "$1/work"
