# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2034
#
# What ./try, ./test and .ci/run share: the packages, the folders to build in, a bus of one's own.

smm_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

build_packages=(
	gcc libc6-dev meson ninja-build pkgconf
	libev-dev libgpiod-dev libinih-dev libjson-c-dev libsmartcols-dev libsystemd-dev libudev-dev uthash-dev
)
run_packages=(dbus-daemon systemd) # busctl is in systemd
test_packages=(
	bats dbus g++ gpiod i2c-tools less libcmocka-dev libglib2.0-dev python3-dbus python3-prometheus-client strace
	tmux udev valgrind zsh
)

missing_packages() {
	local package

	for package in "$@"; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
			echo "$package"
	done
}

# Installs those of the packages that are not there, and asks for no rights if all are.
install_packages() {
	local missing log sudo=()

	mapfile -t missing < <(missing_packages "$@")
	[ ${#missing[@]} -gt 0 ] || return 0
	[ "$(id -u)" -eq 0 ] || sudo=(sudo)
	if [ ${#sudo[@]} -gt 0 ] && ! command -v sudo >/dev/null; then
		echo "These packages are missing; install them as root: ${missing[*]}" >&2
		return 1
	fi
	echo "Installing ${missing[*]}" | fmt -w 78
	log=$(mktemp)
	if ! { "${sudo[@]}" apt-get -q update &&
		"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
			apt-get -q -y --no-install-recommends install "${missing[@]}"; } >"$log" 2>&1; then
		echo "That did not succeed; apt-get said:" >&2
		cat "$log" >&2
		rm "$log"
		return 1
	fi
	rm "$log"
}

# The folder to build in for a purpose: in the checkout, or, where another user's build is in the way, beside it
# under this user's name.
build_folder() {
	local folder=$smm_root/build-$1

	if [ -e "$folder" ] && [ ! -O "$folder" ]; then
		folder+=-$(id -un)
	fi
	echo "$folder"
}

# configure FOLDER OPTION...: sets a build up, or gives one that is set up these options.
configure() {
	local folder=$1 again=()
	shift

	[ ! -e "$folder/build.ninja" ] || again=(--reconfigure)
	meson setup "${again[@]}" "$folder" "$smm_root" "$@"
}

# start_bus FOLDER: a D-Bus daemon that this user alone can reach.
start_bus() {
	cat >"$1/bus.conf" <<-END
		<busconfig>
			<type>custom</type>
			<listen>unix:path=$1/bus</listen>
			<auth>EXTERNAL</auth>
			<policy context="default">
				<allow user="*"/>
				<allow own="*"/>
				<allow send_destination="*"/>
				<allow receive_sender="*"/>
			</policy>
		</busconfig>
	END
	run_bus "$1"
}

# run_bus FOLDER: the D-Bus daemon that FOLDER/bus.conf describes. It stands for the system bus of all programs
# started from here; its process is $bus_pid.
run_bus() {
	exec {bus_output}< <(exec dbus-daemon --config-file="$1/bus.conf" --nofork --print-address \
		2>"$1/bus.log")
	bus_pid=$!
	read -r -u "$bus_output" DBUS_SYSTEM_BUS_ADDRESS || {
		echo "dbus-daemon does not start in $1; it says:" >&2
		cat "$1/bus.log" >&2
		return 1
	}
	export DBUS_SYSTEM_BUS_ADDRESS
}

# wait_for_smmd PID: until it answers on the bus.
wait_for_smmd() {
	while kill -0 "$1" 2>/dev/null; do
		if busctl get-property org.smm1 /org/smm1 org.smm1.Manager Version >/dev/null 2>&1; then
			return 0
		fi
		sleep 0.05
	done
	return 1
}
