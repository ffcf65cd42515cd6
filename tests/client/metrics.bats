#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# smmctl metrics, read by the parsers of a client library of Prometheus; and the units that run it.
#
# shellcheck disable=SC2030,SC2031,SC2034,SC2154 # bats: a test is a subshell, and run sets variables

load helper

# reads openmetrics|textfile EXPRESSION...: standard input is right, and each expression of Python is true of it.
reads() {
	"$smm_root/tests/client/openmetrics.py" "$@"
}

@test "figures, state and counters of a memory" {
	local version

	version=$(smmctl --version | cut -d ' ' -f 2)
	smmctl store x content
	smmctl metrics | reads openmetrics 'of("smm_up") == 1' 'of("smm_memory_size_bytes", memory="fram0") == 32768' \
		'of("smm_memory_blocks") == 1' 'of("smm_memory_granule_bytes") == 4' \
		'of("smm_memory_usable_bytes") > of("smm_memory_free_bytes") >= of("smm_memory_largest_free_bytes") > 28000' \
		'of("smm_memory_state", smm_memory_state="online") == 1' 'of("smm_memory_state", smm_memory_state="blank") == 0' \
		'of("smm_memory_info", bus="file", memory="fram0") == 1' 'of("smm_memory_written_bytes_total") > 0' \
		'families["smm_memory_written_bytes"].type == "counter"' 'families["smm_memory_state"].type == "stateset"' \
		'families["smm_memory"].type == "info"' 'families["smm_memory_free_bytes"].unit == "bytes"' \
		'of("smm_memory_fragmentation_ratio") == 0' 'of("smm_memory_write_protected") == 0' \
		"of('smm_build_info', program='smmctl', version='$version') == 1" \
		"of('smm_build_info', program='smmd', version='$version') == 1"
}

@test "every statistic of smmd is a counter" {
	local n

	n=$(get Statistics | cut -d ' ' -f 2)
	[ "$n" -gt 10 ]
	smmctl metrics | reads openmetrics "sum(f.type == 'counter' and len(f.samples) for f in families.values()) == $n"
	run ! grep -q 'A counter of smmd' <(smmctl metrics)
}

@test "fragmentation, also where people write a decimal comma" {
	local locale

	for i in 1 2 3; do
		smmctl alloc "b$i" 9K
	done
	smmctl free b2
	for locale in C "$(locale -a | grep -m 1 '^de_DE' || true)"; do
		LC_ALL=$locale smmctl metrics | reads openmetrics \
			'0.1 < of("smm_memory_fragmentation_ratio") < 0.5' \
			'abs(of("smm_memory_fragmentation_ratio") - 1 + of("smm_memory_largest_free_bytes") / of("smm_memory_free_bytes")) < 1e-5'
	done
}

@test "all memories, or the one that was chosen" {
	stop_smmd
	memory fram1 'size = 8K'
	memory blank 'format = never'
	start_smmd
	smmctl metrics | reads openmetrics 'of("smm_memory_size_bytes", memory="fram0") == 32768' \
		'of("smm_memory_size_bytes", memory="fram1") == 8192' \
		'len(families["smm_memory_size_bytes"].samples) == 3' \
		'of("smm_memory_state", memory="blank", smm_memory_state="blank") == 1' \
		'len(families["smm_memory_free_bytes"].samples) == 2'
	smmctl metrics -M fram1 | reads openmetrics 'len(families["smm_memory_size_bytes"].samples) == 1'
	run -1 smmctl metrics -M fram9
}

@test "what a label has to escape" {
	local device

	stop_smmd
	mkdir "$dir/a\"b\\new"
	printf '%s\n' '[memory odd]' 'bus = file' "path = $dir/a\"b\\new/odd.img" 'size = 8K' >>"$dir/smmd.conf"
	start_smmd
	device=$(busctl --json=short get-property org.smm1 /org/smm1/memory/odd org.smm1.Memory Device | jq_data)
	[[ $device == *'a"b\new'* ]]
	smmctl metrics | reads openmetrics "of('smm_memory_info', memory='odd', device=r'$device') == 1"
	smmctl metrics --output=- | reads textfile "of('smm_memory_info', memory='odd', device=r'$device') == 1"
}

# The value in what busctl prints as JSON.
jq_data() {
	/usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["data"])'
}

@test "a textfile has the same samples, with types that its reader knows" {
	smmctl store x content
	smmctl metrics --output="$dir/smm.prom"
	reads textfile 'families["smm_memory_written_bytes"].type == "counter"' \
		'families["smm_memory_state"].type == "gauge"' <"$dir/smm.prom" | sort >"$dir/old"
	smmctl metrics | reads openmetrics | sort >"$dir/new"
	[ "$(wc -l <"$dir/new")" -gt 30 ]
	# What only the looking changes.
	diff <(grep -v cache_hits "$dir/old") <(grep -v cache_hits "$dir/new")
}

@test "a file is replaced at once, can be read by others, and is left alone by what fails" {
	echo before >"$dir/smm.prom"
	exec {old}<"$dir/smm.prom"
	(umask 022 && smmctl metrics --output="$dir/smm.prom")
	[ "$(cat <&$old)" = before ]
	[ "$(stat -c %a "$dir/smm.prom")" = 644 ]
	reads textfile <"$dir/smm.prom" >/dev/null
	run -1 --separate-stderr smmctl metrics -M fram9 --output="$dir/smm.prom"
	reads textfile 'of("smm_up") == 1' <"$dir/smm.prom" >/dev/null
	gives "$dir/smm.prom" find "$dir" -name 'smm.prom*'
	run -1 --separate-stderr smmctl metrics --output="$dir/nowhere/smm.prom"
	[[ $stderr == "smmctl: cannot make $dir/nowhere/smm.prom: "* ]]
	run -1 --separate-stderr smmctl metrics --output=/dev/full
	[[ $stderr == "smmctl: cannot write /dev/full: "* ]]
}

@test "that smmd does not run is a figure; that nobody can tell is a failure" {
	stop_smmd
	smmctl metrics | reads openmetrics 'of("smm_up") == 0' 'of("smm_build_info", program="smmctl") == 1' \
		'len(families["smm_build"].samples) == 1' \
		'not families["smm_memory_size_bytes"].samples'
	smmctl metrics -M fram0 --output="$dir/smm.prom"
	reads textfile 'of("smm_up") == 0' <"$dir/smm.prom"
	run -1 smmctl metrics --address=unix:path=/nowhere
	run -1 smmctl list
}

@test "the units are right, and their command works" {
	local unit=$dir/smm-metrics.service

	command -v systemd-analyze >/dev/null || skip 'needs systemd-analyze'
	[ -e "$METRICS_UNITS/smm-metrics.service" ] || skip 'this system has no folder for units'
	sed "s|^ExecStart=[^ ]*|ExecStart=$SMMCTL|" "$METRICS_UNITS/smm-metrics.service" >"$unit"
	cp "$smm_root/systemd/smm-metrics.timer" "$dir"
	gives '' systemd-analyze verify --man=no "$unit" "$dir/smm-metrics.timer"

	# It says where the system bus is, and writes where it may.
	folder=$(sed -n 's/^ReadWritePaths=//p' "$unit")
	[ "$(sed -n 's/^ConditionPathIsDirectory=//p' "$unit")" = "$folder" ]
	read -ra command < <(sed -n "s|^ExecStart=||; s|$folder/|$dir/|p" "$unit")
	"${command[@]}"
	reads textfile 'of("smm_up") == 1' <"$dir/smm.prom"
}
