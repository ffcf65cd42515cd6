#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck disable=SC2016,SC2154 # sh expands later; bats sets output, stderr and lines
#
# smmctl doctor, on a board that smm-rig emulates, with each defect made on purpose (doctor-board.sh).
# SMM_RIG, SMM_RIG_CONTROL and MOCK_SYSTEMD are the programs that make the board.

load helper

setup() {
	need_root 'be several users'
	can_emulate
	unshare --mount --pid --fork --mount-proc true || skip 'needs CAP_SYS_ADMIN'
	open_to_others
	cat >"$dir/passwd" <<-END
		root:x:0:0::/:
		smm:x:63000:63000::/:
		member:x:63001:63001::/:
		late:x:63002:63002::/:
		outsider:x:63003:63003::/:
	END
	cat >"$dir/group" <<-END
		root:x:0:
		smm:x:63000:member,late
		member:x:63001:
		late:x:63002:
		outsider:x:63003:
		i2c:x:63010:
		spi:x:63011:
	END
	printf '%s: files\n' passwd group >"$dir/nsswitch.conf"
	mkdir -p "$dir/dbus-1/system.d" "$dir/dbus-1/system-services"
	cp "$smm_root/systemd/org.smm1.conf" "$dir/dbus-1/system.d"
	printf '%s\n' '[D-BUS Service]' 'Name=org.smm1' "Exec=/usr/bin/touch $dir/activated" \
		>"$dir/dbus-1/system-services/org.smm1.service"
	cat >"$dir/board" <<-END
		[rig]
		control = $dir/control
		[i2c 1]
		clock = 400000
		[spi 0.0]
		max-clock = 125000000
		[chip fram]
		bus = i2c-1
		size = 32K
		address = 0x50
		address-bytes = 2
		id = 00a510
	END
	cat >"$dir/smmd.conf" <<-END
		[memory fram0]
		bus = i2c
		device = /dev/i2c-1
		address = 0x50
	END
}

teardown() {
	[ ! -e "$dir/smmd.log" ] || cat "$dir/smmd.log"
}

on_board() {
	"$smm_root/tests/client/doctor-board.sh" "$dir" "$1" 3>&-
}

# with_spi [LINE...]: a chip on SPI, with more about it.
with_spi() {
	printf '%s\n' '[chip sfram]' 'bus = spidev0.0' 'size = 128K' 'address-bytes = 3' 'id = 047f2703' "$@" \
		>>"$dir/board"
	printf '%s\n' '[memory spi0]' 'bus = spi' 'device = /dev/spidev0.0' >>"$dir/smmd.conf"
}

# finds STATUS COMMANDS LINE...: doctor on the board, at the end of COMMANDS, ends so and prints all these lines,
# patterns where a * is any text; a line of two has the remedy behind " > ".
finds() {
	local status=$1 commands=$2 line found
	shift 2

	run "-$status" --separate-stderr on_board "$commands"
	found=$(awk '/^ / { sub(/^ +/, " > "); printf "%s", $0; next } { printf "%s%s", n++ ? "\n" : "", $0 }' \
		<<<"$output")
	for line in "$@"; do
		# shellcheck disable=SC2053 # a pattern
		[[ $'\n'$found$'\n' == *$'\n'$line$'\n'* ]] || {
			echo "expected: $line"
			echo "$found"
			return 1
		}
	done
}

# lacks OPTION... PATTERN: grep finds nothing in what was found.
lacks() {
	if grep "$@" <<<"$output"; then
		return 1
	fi
}

# well: nothing but ok in what was found.
well() {
	lacks -v '^ok '
}

@test "all is well" {
	with_spi
	finds 0 'all; doctor' \
		"ok       configuration: $dir/smmd.conf names 2 memories" \
		'ok       bus: the system bus answers' \
		'ok       users: there are the user and the group smm' \
		'ok       group: root needs no group' \
		'ok       policy: org.smm1.conf is there' \
		'ok       activation: org.smm1.service is there' \
		'ok       smmd: smmd.service runs' \
		'ok       fram0 device: /dev/i2c-1 is there' \
		'ok       fram0 speed: i2c-1 runs at 400 kHz' \
		'ok       fram0 state: online; MB85RC256V, id 00a510, 32 KiB, * free' \
		'ok       spi0 device: /dev/spidev0.0 is there' \
		'ok       spi0 state: online; *'
	well
	[ -z "$stderr" ]
	finds 0 'all; doctor_as member' 'ok       group: member is in the group smm'
	well
}

@test "a missing or wrong configuration" {
	rm "$dir/smmd.conf"
	finds 1 'bus; doctor' "problem  configuration: $dir/smmd.conf is not there; * > sudo mkdir -p /etc/smm && sudoedit *"
	[[ $stderr == 'smmctl: 2 problems found; begin with the first one' ]]
	printf '[memory a]\nbus = usb\n' >"$dir/smmd.conf"
	finds 1 'bus; doctor' \
		"problem  configuration: $dir/smmd.conf:2: \[memory a\] bus = usb: * > sudoedit $dir/smmd.conf"
	chmod 600 "$dir/smmd.conf"
	finds 1 'bus; doctor_as member' \
		"warning  configuration: $dir/smmd.conf is not for you to read > sudo smmctl doctor"
}

@test "no bus, no user, no group" {
	finds 1 "export DBUS_SYSTEM_BUS_ADDRESS=unix:path=$dir/none; doctor" \
		'problem  bus: the system bus cannot be reached: * > sudo systemctl start dbus.socket'
	sed -i '/^smm:/d' "$dir/group"
	finds 1 'bus; doctor' \
		'problem  users: there is no group smm > sudo systemd-sysusers && sudo systemctl reload dbus'
	sed -i '/^smm:/d' "$dir/passwd"
	finds 1 'bus; doctor' 'problem  users: there is no user smm > *'
}

@test "a user outside the group, or not yet in it" {
	finds 1 'all; doctor_as outsider' \
		'problem  group: outsider is not in the group smm, * > sudo usermod -a -G smm outsider' \
		'problem  answers: smmd does not say how its memories are: you may not ask it > sudo smmctl doctor' \
		'ok       smmd: smmd.service runs'
	finds 1 'all; doctor_as late --clear-groups' \
		'problem  group: late is in the group smm from the next login on; * > newgrp smm'
}

@test "a policy or a file for activation that is missing" {
	finds 0 "all; rm '$dir/dbus-1/system-services/org.smm1.service'; doctor" \
		'warning  activation: there is no org.smm1.service * > sudo apt-get install --reinstall smmd'
	finds 1 "all; rm '$dir/dbus-1/system.d/org.smm1.conf'; doctor" \
		'problem  policy: the bus has no org.smm1.conf * > sudo apt-get install --reinstall smmd'
}

@test "a policy that the bus has not read" {
	finds 1 "cd '$dir/dbus-1/system.d'; all; mv org.smm1.conf x; kill -HUP \$bus_pid
		while '$SMMCTL' status 2>/dev/null; do sleep 0.05; done; mv x org.smm1.conf; doctor" \
		'problem  policy: the bus has not read org.smm1.conf > sudo systemctl reload dbus'
}

@test "a service that does not run" {
	finds 1 'bus; doctor' 'problem  smmd: smmd does not run on the system bus > sudo systemctl enable --now smmd'
	finds 1 'bus; unit loaded inactive; doctor' 'problem  smmd: smmd does not run on the system bus > *'
	finds 1 'bus; unit not-found inactive; doctor' \
		'problem  smmd: there is no smmd.service > sudo apt-get install --reinstall smmd'
	finds 1 'bus; unit masked inactive; doctor' \
		'problem  smmd: smmd.service is masked > sudo systemctl unmask smmd && sudo systemctl enable --now smmd'
	finds 1 'bus; unit loaded activating; doctor' \
		'problem  smmd: smmd.service is activating, and not on the bus > systemctl status smmd'
	[ ! -e "$dir/activated" ]
	finds 0 'bus; unit loaded inactive; smmd; doctor' \
		'warning  smmd: smmd runs, but not as smmd.service, which is inactive'
}

@test "a service that has failed" {
	finds 1 'bus; unit loaded failed exit-code 1; doctor' \
		'problem  smmd: smmd.service has failed (exit-code, status 1); * > journalctl --catalog --unit=smmd *'
	finds 1 'bus; unit loaded failed exit-code 78; doctor' \
		'problem  smmd: smmd.service has failed over a configuration that is right by now > sudo systemctl restart smmd'
	echo 'speed = fast' >>"$dir/smmd.conf"
	finds 1 'bus; unit loaded failed exit-code 78; doctor' \
		"problem  smmd: smmd.service has failed over this mistake: $dir/smmd.conf:5: *speed = fast: * > sudoedit *"
	rm "$dir/smmd.conf"
	finds 1 'bus; unit loaded failed exit-code 78; doctor' \
		'problem  smmd: smmd.service has failed over its configuration > sudo smmd --check-config'
}

@test "more than one smmd" {
	finds 0 "all; mkdir -m 755 '$dir/second'; start_bus '$dir/second'; smmd
		export DBUS_SYSTEM_BUS_ADDRESS=unix:path=$dir/bus; doctor" \
		'warning  others: 2 smmd run; * > ps -f -C smmd' \
		'ok       fram0 state: online; *'
}

@test "no device node" {
	finds 1 'all; control unplug i2c-1; doctor' \
		'problem  fram0 device: /dev/i2c-1 is not there, but its bus is: * > sudo modprobe i2c-dev' \
		'problem  fram0 state: offline; *'
	sed -i 's/i2c-1/i2c-7/' "$dir/smmd.conf"
	finds 1 'raspberry_pi; doctor' 'problem  fram0 device: /dev/i2c-7 is not there: * > ls -l *'
	finds 1 'doctor' 'problem  fram0 device: /dev/i2c-7 is not there: * > ls -l *'
}

@test "a bus of a Raspberry Pi that is not switched on" {
	local tee='sudo tee -a /boot/*config.txt && sudo reboot'

	sed -i 's/i2c-1/i2c-3/; s/i2c 1/i2c 3/; s/spi 0.0/spi 1.0/' "$dir/board"
	printf '%s\n' '[memory spi0]' 'bus = spi' 'device = /dev/spidev0.0' >>"$dir/smmd.conf"
	[ ! -e /usr/bin/raspi-config ] || tee='sudo raspi-config nonint do_* 0'
	finds 1 'raspberry_pi; doctor' \
		"problem  fram0 device: /dev/i2c-1 is not there: * > *i2c*$tee" \
		"problem  spi0 device: /dev/spidev0.0 is not there: * > *spi*$tee"
}

@test "what is no device, or is nobody's" {
	finds 1 'all; chgrp root /dev/i2c-1; stop_smmd; doctor' \
		'problem  fram0 device: /dev/i2c-1 is in the group root, * > sudo udevadm control --reload && *'
	sed -i 's|/dev/i2c-1|/dev/null|' "$dir/smmd.conf"
	finds 1 'all; doctor' \
		'problem  fram0 device: /dev/null is not a device of i2c-dev > sudoedit * && sudo systemctl reload smmd'
}

@test "a driver of the kernel has the chip" {
	echo 'driver = at24' >>"$dir/board"
	with_spi 'driver = at25'
	finds 1 'all; doctor' \
		"problem  fram0 driver: the kernel's driver at24 has 1-0050 > echo 1-0050 | sudo tee */i2c/drivers/at24/unbind" \
		"problem  spi0 driver: the kernel's driver at25 has spi0.0 > echo spi0.0 | sudo tee */spi/drivers/at25/unbind; *"
}

@test "a bus at 100 kHz" {
	sed -i 's/400000/100000/' "$dir/board"
	finds 0 'all; doctor' 'warning  fram0 speed: i2c-1 runs at 100 kHz, and the chip can do 1000 kHz'
	finds 0 'raspberry_pi; all; doctor' \
		'warning  fram0 speed: i2c-1 runs at 100 kHz, * > echo dtparam=i2c_arm_baudrate=400000 | sudo tee -a /boot/*'
}

@test "write-protected chips" {
	with_spi
	finds 1 "all; control status sfram 0x0c; stop_smmd; smmd
		control write-protect fram on; '$SMMCTL' store -M fram0 a x || true; doctor" \
		'problem  fram0 state: read-only; it takes writes and drops them; * > sudo systemctl restart smmd *' \
		'problem  spi0 state: *block-protect bits*'
}

@test "another chip than is configured, or none" {
	echo 'model = MB85RC64TA' >>"$dir/smmd.conf"
	finds 1 'all; doctor' \
		'problem  fram0 state: foreign; *gives the id 00a510 (MB85RC256V)* > sudoedit * && sudo systemctl reload smmd'
	run -1 --separate-stderr on_board "all; '$SMMCTL' store a x"
	[[ $stderr == *'or write check-id = no if it is one in spite of that' ]] # and no advice to format it
	sed -i 's/0x50/0x51/; /model/d' "$dir/smmd.conf"
	finds 1 'all; doctor' 'problem  fram0 state: offline; nothing answers at 0x51 on /dev/i2c-1* > i2cdetect -y 1'
}

@test "what is on the chip: nothing, something else, the memory of another size" {
	echo 'format = never' >>"$dir/smmd.conf"
	finds 1 'all; doctor' 'problem  fram0 state: blank* > sudo smmctl format --memory=fram0'
	sed -i "s|^size = 32K|&\nimage = $dir/fram|" "$dir/board"
	yes | head -c 32768 >"$dir/fram"
	finds 1 'all; doctor' 'problem  fram0 state: foreign* > sudo smmctl format --force --memory=fram0 # *'
}

@test "a supply that fails" {
	printf '%s\n' '[gpio 0]' 'label = pinctrl' 'lines = 54' '22 = POWER_FAIL' >>"$dir/board"
	echo 'power-fail-gpio = POWER_FAIL' >>"$dir/smmd.conf"
	finds 1 "chmod 666 /dev/gpiochip0; all; control line gpiochip0 22 1
		until '$SMMCTL' status | grep -q power-fail; do sleep 0.05; done; doctor" \
		'problem  fram0 state: power-fail* > journalctl --catalog --lines=20 SMM_MEMORY=fram0'
}

@test "a memory that smmd does not know yet" {
	finds 1 "all; printf '[memory b]\nbus = file\npath = $dir/b\nsize = 32K\n' >>'$dir/smmd.conf'; doctor" \
		'problem  b state: smmd does not serve it: * > sudo systemctl reload smmd' \
		'ok       fram0 state: online; *'
}

@test "smmd on another bus is not asked about the system's users and files" {
	rm "$dir/smmd.conf"
	memory file0
	touch "$dir/file0.img"
	chmod 666 "$dir/file0.img"
	finds 0 "bus() { start_bus '$dir'; }; bus; smmd; doctor --address=unix:path=$dir/bus" \
		"ok       smmd: smmd runs on unix:path=$dir/bus"
	well
	lacks -E 'policy|group|activation|users'
	finds 1 "doctor --address=unix:path=$dir/none" 'problem  bus: * cannot be reached: *'
}

@test "JSON, and what the command line may not say" {
	sed -i 's/400000/100000/' "$dir/board"
	run -0 --separate-stderr on_board 'raspberry_pi; all; doctor --json=short'
	echo "$output" >"$dir/findings"
	has_json 'len(j) > 8 and all(set(f) - {"Memory", "Remedy"} == {"Check", "Verdict", "Message"} for f in j)' \
		cat "$dir/findings"
	has_json '[f["Remedy"][:9] for f in j if f["Verdict"] == "warning"] == ["echo dtpa"]' cat "$dir/findings"
	has_json '[f["Check"] for f in j if "Memory" in f] == ["device", "speed", "state"]' cat "$dir/findings"
	complains 2 'run it there' smmctl doctor -H nobody@nowhere.invalid
	complains 2 'usage: smmctl doctor' smmctl doctor now
}

@test "colours on a terminal" {
	run -1 env TERM=xterm NO_COLOR= script -qec \
		"$SMMCTL doctor --config=$dir/smmd.conf --address=unix:path=$dir/none" /dev/null
	[[ $output == *$'\e[32mok     \e[0m  configuration: '* ]]
	[[ $output == *$'\e[31mproblem\e[0m  bus: '* ]]
}

@test "it starts nothing, and touches no chip" {
	finds 1 'bus; control counters >"$dir/before"; doctor || true; control counters | diff "$dir/before" -; doctor' \
		'problem  smmd: smmd does not run on the system bus > *'
	[ ! -e "$dir/activated" ]
	finds 0 'all; control counters >"$dir/before"; doctor >/dev/null; control counters | diff "$dir/before" -'
	grep -q '^i2c-1.transfers=[1-9]' "$dir/before"
}
