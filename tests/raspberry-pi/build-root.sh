#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# usage: build-root.sh FOLDER
#
# Makes what the board boots from, of Debian's arm64 packages: FOLDER/kernel, FOLDER/board.dtb, FOLDER/initrd and
# FOLDER/sd.img, a card with systemd, udev, D-Bus and what smm's packages depend on. Needs root.

set -euo pipefail

here=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
out=$1
mkdir -p "$out/work"
cd "$out/work"
# shellcheck source=tests/raspberry-pi/debian.sh
. "$here/debian.sh"

packages=(
	systemd systemd-sysv udev dbus kmod i2c-tools gpiod
	libev4t64 libgpiod3 libinih1 libjson-c5 libsmartcols1 libsystemd0 libudev1
)

# The root file system. mmdebstrap runs in a user namespace of its own where root is root; there it has a binfmt_misc
# of its own, so that arm64 programs run, and nothing is registered with the system.
root_file_system() {
	local magic='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
	local mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
	local inner

	debian_apt "$(dpkg --print-architecture)" deb
	debian_unpack emulator qemu-user
	cat >in-namespace.sh <<-END
		set -e
		mount -t binfmt_misc none /proc/sys/fs/binfmt_misc
		printf '%s' ':aarch64:M::$magic:$mask:$PWD/emulator/usr/bin/qemu-aarch64:OCF' \
			>/proc/sys/fs/binfmt_misc/register
		mmdebstrap --mode=root --architectures=arm64 --variant=apt --skip=check/qemu \
			--aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' \
			--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
			--dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/info/*' \
			--include="${packages[*]}" $debian_suite "$PWD/root" \
			"deb [signed-by=$debian_key] $debian_mirror $debian_suite main"
	END
	mkfifo go
	unshare --user --mount --kill-child bash -c 'read -r <go; exec bash in-namespace.sh' &
	inner=$!
	until [ "$(readlink /proc/$inner/ns/user)" != "$(readlink /proc/self/ns/user)" ]; do
		sleep 0.05
	done
	echo '0 0 65536' >/proc/$inner/uid_map
	echo '0 0 65536' >/proc/$inner/gid_map
	echo >go
	wait $inner
}

# The kernel, the modules that the board has a use for, and an initrd that reaches the card: its driver is one.
kernel() {
	local package version modules part

	debian_apt arm64 deb
	package=$(apt-cache depends linux-image-arm64 | sed -n 's/.*Depends: //p' | head -n 1)
	debian_unpack kernel "$package" busybox-static
	version=$(ls kernel/usr/lib/modules)
	modules=usr/lib/modules/$version/kernel
	cp kernel/boot/vmlinuz-* "$out/kernel"
	cp kernel/usr/lib/linux-image-*/broadcom/bcm2837-rpi-3-b.dtb "$out/board.dtb"

	mkdir -p "root/$modules"
	cp kernel/usr/lib/modules/"$version"/modules.{builtin,builtin.modinfo,order} root/usr/lib/modules/"$version"
	for part in lib crypto fs/ext4 fs/jbd2 fs/mbcache.ko.xz fs/nls fs/fat drivers/{i2c,spi,mmc,gpio,nvmem,mtd} \
		drivers/misc/eeprom drivers/char drivers/watchdog drivers/thermal/broadcom; do
		mkdir -p "root/$modules/${part%/*}"
		cp -r "kernel/$modules/$part" "root/$modules/${part%/*}"
	done
	emulator/usr/bin/qemu-aarch64 -L root root/usr/sbin/depmod -b root "$version"

	mkdir -p initrd/{bin,dev,proc,card,modules}
	cp kernel/usr/bin/busybox initrd/bin
	for part in 1:crypto/crc32c_generic 2:lib/crc16 3:fs/mbcache 4:fs/jbd2/jbd2 5:fs/ext4/ext4 \
		6:drivers/mmc/host/bcm2835; do
		xz -dc "kernel/$modules/${part#*:}.ko.xz" >"initrd/modules/${part%%:*}.ko"
	done
	cp "$here/guest/init" initrd/init
	(cd initrd && find . | cpio -o -H newc --quiet) | gzip -1 >"$out/initrd"
}

# What config.txt does on a board: I2C and SPI on, with a spidev at the first chip select.
device_tree() {
	local tree=$out/board.dtb spi=/soc/spi@7e204000 gpio seed

	gpio=$(fdtget -t u "$tree" /soc/gpio@7e200000 phandle)
	fdtput -t s "$tree" /aliases i2c0 /soc/i2c@7e205000
	fdtput -t s "$tree" /aliases i2c1 /soc/i2c@7e804000
	fdtput -t s "$tree" /aliases i2c2 /soc/i2c@7e805000
	fdtput -t s "$tree" /aliases spi0 $spi
	fdtput -t s "$tree" $spi status okay
	# The emulated controller knows no DMA, which the driver would use from 96 bytes on.
	fdtput -d "$tree" $spi dmas dma-names
	fdtput -t u "$tree" $spi cs-gpios "$gpio" 8 1 "$gpio" 7 1
	fdtput -p -t s "$tree" $spi/spidev@0 compatible rohm,dh2228fv
	fdtput -t u "$tree" $spi/spidev@0 reg 0
	fdtput -t u "$tree" $spi/spidev@0 spi-max-frequency 10000000
	# With a Bluetooth chip behind it, the serial port would be no console. There is no wireless chip either.
	fdtput -r "$tree" /soc/serial@7e201000/bluetooth
	fdtput -t s "$tree" /soc/mmc@7e300000 status disabled
	fdtput -r "$tree" /wifi-pwrseq
	read -ra seed < <(od -An -N16 -tx4 /dev/urandom)
	fdtput -t x "$tree" /chosen rng-seed "${seed[@]}"
}

# A root shell on the serial line, and nothing that a short life has no use for. The size of a card is a power of two.
card() {
	local units=root/etc/systemd/system unit

	echo raspberrypi >root/etc/hostname
	: >root/etc/fstab
	cp "$here/guest/console.service" $units
	mkdir -p $units/multi-user.target.wants
	ln -s ../console.service $units/multi-user.target.wants
	for unit in serial-getty@ttyAMA0.service getty@tty1.service {apt-daily,apt-daily-upgrade,dpkg-db-backup}.timer \
		e2scrub_all.timer fstrim.timer systemd-pstore.service systemd-firstboot.service ldconfig.service; do
		ln -sf /dev/null $units/"$unit"
	done
	mke2fs -q -t ext4 -O ^metadata_csum -d root -F "$out/sd.img" 512M
}

root_file_system
kernel
device_tree
card
rm -rf "$out/work"
