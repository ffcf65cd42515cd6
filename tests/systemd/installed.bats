#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# What systemd, udev and D-Bus get of smm: whether they take it, and where it goes.
# SOURCE is the checkout, BUILD the folder that it was built in, SMMD_SERVICE the unit as it was made.

# shellcheck disable=SC2154 # set in helper.bash
load ../daemon/helper

# The unit, with the smmd of this build.
unit() {
	sed "s|^ExecStart=.*/smmd|ExecStart=$SMMD|" "$SMMD_SERVICE" >"$dir/smmd.service"
}

@test "systemd takes the unit without a warning" {
	unit
	run -0 systemd-analyze verify --man=no "$dir/smmd.service"
	[ -z "$output" ] || [[ $output != *smmd.service* ]]
}

@test "the unit's exposure is 1.5 at most" {
	unit
	run systemd-analyze --no-pager security --offline=true --threshold=15 "$dir/smmd.service"
	echo "# ${lines[-1]}" >&3
	[ "$status" -eq 0 ]
}

@test "an unchanged limit of files, and no restarts over a mistake" {
	run -1 grep LimitNOFILE "$SMMD_SERVICE"
	grep -qx 'RestartPreventExitStatus=78' "$SMMD_SERVICE"
	grep -qx 'Restart=on-failure' "$SMMD_SERVICE"
}

@test "smmd makes no system call that the unit's filter stops" {
	strace -qq -o /dev/null true || skip 'strace may not trace here'
	memory fram0
	"$SOURCE/tests/systemd/allowed-calls.py" "$SMMD_SERVICE" >"$dir/allowed"
	grep -qx ioctl "$dir/allowed"
	run -1 grep -x 'mount\|chroot\|ptrace\|setpriority' "$dir/allowed"

	# The sanitizers have calls of their own.
	start_smmd env ASAN_OPTIONS=detect_leaks=0 strace -f -qq -o "$dir/trace"
	traced=$smmd_pid
	store a 4
	loads a 4
	call Add sx count 1
	call Dump 'ha{sv}' 1 0 >/dev/null 2>&1 || true
	busctl call org.smm1 "$memory" org.smm1.Memory OpenSession >/dev/null
	memory fram1
	manager Reload
	kill "$(cat "/proc/$traced/task/$traced/children")"
	smmd_ends 0
	sed -n 's/^[0-9]* *\([a-z0-9_]*\)(.*/\1/p' "$dir/trace" | sort -u >"$dir/made"
	grep -qx pwrite64 "$dir/made"
	run -0 comm -23 "$dir/made" "$dir/allowed"
	[ -z "$output" ]
}

@test "systemd-sysusers makes the user, and the groups that are missing" {
	mkdir -p "$dir/root/etc"
	printf 'root:x:0:0::/root:/bin/sh\n' >"$dir/root/etc/passwd"
	printf 'root:x:0:\ni2c:x:777:\n' >"$dir/root/etc/group"
	need_root 'make users below another root'
	systemd-sysusers --root="$dir/root" "$SOURCE/systemd/smm.sysusers"
	grep -q '^smm:x:[0-9]*:[0-9]*:.*:/var/lib/smm:.*nologin$' "$dir/root/etc/passwd"
	for group in smm spi gpio; do
		grep -q "^$group:x:[0-9]*:" "$dir/root/etc/group"
	done
	[ "$(grep -c '^i2c:' "$dir/root/etc/group")" -eq 1 ]
	grep -qx 'i2c:x:777:' "$dir/root/etc/group"
	read -ra groups < <(sed -n 's/^SupplementaryGroups=//p' "$SMMD_SERVICE")
	[ ${#groups[@]} -eq 3 ]
	for group in "${groups[@]}"; do
		grep -q "^$group:" "$dir/root/etc/group"
	done
}

@test "udev takes the rules" {
	udevadm verify --help >/dev/null 2>&1 || skip 'udevadm verify came with systemd 254'
	udevadm verify --resolve-names=never "$SOURCE/udev/60-smm.rules"
}

@test "every message of smmd has an entry in the catalog, and every entry a message" {
	local id name

	sed -n 's/^#define MESSAGE_[A-Z_]* *"\([0-9a-f]*\)"$/\1/p' "$SOURCE/daemon/messages.h" | sort >"$dir/ids"
	[ "$(wc -l <"$dir/ids")" -eq "$(grep -c '#define' "$SOURCE/daemon/messages.h")" ]
	sed -n 's/^-- \([0-9a-f]\{32\}\)$/\1/p' "$SOURCE/systemd/smm.catalog" | sort | diff - "$dir/ids"

	mkdir -p "$dir/root/usr/lib/systemd/catalog" "$dir/root/var/lib/systemd/catalog"
	cp "$SOURCE/systemd/smm.catalog" "$dir/root/usr/lib/systemd/catalog"
	journalctl --root="$dir/root" --update-catalog
	while read -r id; do
		run -0 journalctl --root="$dir/root" --dump-catalog "$id"
		[ "${#lines[@]}" -ge 5 ]
	done <"$dir/ids"

	sed -n 's/^#define \(MESSAGE_[A-Z_]*\) .*/\1/p' "$SOURCE/daemon/messages.h" >"$dir/names"
	while read -r name; do
		grep -qw "$name" "$SOURCE"/daemon/*.c
	done <"$dir/names"
}

@test "the example of a configuration: nothing to begin with, and right where each # without a space is removed" {
	run -78 "$SMMD" --check-config --config="$SOURCE/systemd/smmd.conf"
	[[ $output == *'there is no memory'* ]]
	sed 's/^#\([^ ]\)/\1/' "$SOURCE/systemd/smmd.conf" >"$dir/smmd.conf"
	gives '' "$SMMD" --check-config --config="$dir/smmd.conf"
}

@test "DESTDIR: what meson installs of the daemon" {
	DESTDIR=$dir/root meson install -C "$BUILD" --no-rebuild --quiet
	cd "$dir/root"
	find . -type f -printf '%P\n' >"$dir/files"
	for file in bin/smmd lib/systemd/system/smmd.service lib/sysusers.d/smm.conf lib/systemd/catalog/smm.catalog \
		lib/udev/rules.d/60-smm.rules share/dbus-1/system.d/org.smm1.conf \
		share/dbus-1/system-services/org.smm1.service share/dbus-1/interfaces/org.smm1.xml \
		share/polkit-1/actions/org.smm1.policy share/doc/smm/smmd.conf share/man/man8/smmd.8; do
		grep -q "/$file\$" "$dir/files"
	done
	run -0 find . -type f -perm /o+w
	[ -z "$output" ]
}

# installed_with OPTION...: the paths that a build with these options would install to.
installed_with() {
	meson setup "$dir/build" "$SOURCE" -Dclient=false -Dtests=false "$@" >"$dir/setup.log"
	meson introspect --installed "$dir/build" |
		python3 -c 'import json, sys; print("\n".join(json.load(sys.stdin).values()))'
}

@test "a build for /usr installs where systemd and udev look" {
	installed_with --prefix=/usr >"$dir/files"
	grep -qE '^(/usr)?/lib/systemd/system/smmd.service$' "$dir/files"
	grep -qE '^(/usr)?/lib/udev/rules.d/60-smm.rules$' "$dir/files"
	grep -qx /usr/lib/sysusers.d/smm.conf "$dir/files"
	grep -qx /usr/lib/systemd/catalog/smm.catalog "$dir/files"
	grep -qx /usr/share/dbus-1/system-services/org.smm1.service "$dir/files"
}

@test "a build for a user's own folder writes nothing into /usr; options say something else" {
	installed_with --prefix=/home/me/smm -Dunit-dir=/elsewhere/units >"$dir/files"
	grep -qx /elsewhere/units/smmd.service "$dir/files"
	run -1 grep -v '^/home/me/smm/\|^/elsewhere/units/' "$dir/files"
	grep -q '^ExecStart=/home/me/smm/bin/smmd$' "$dir/build/systemd/smmd.service"
}
