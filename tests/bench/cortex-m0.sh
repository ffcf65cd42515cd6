#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# What smm.c costs a Cortex-M0: code, data and stack, against the goals. Prints a table and is not a
# test: it exits 0 whether the goals are met or not, and non-zero only if it cannot measure.
#
# usage: cortex-m0.sh [FOLDER]     the compiler's files are left in FOLDER

set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
lib=$here/../../lib
cc=arm-none-eabi-gcc
flags=(-mcpu=cortex-m0 -mthumb -std=c99 -Os -ffunction-sections -fdata-sections)

command -v $cc >/dev/null || {
	echo "cortex-m0.sh: there is no $cc here; install gcc-arm-none-eabi and libnewlib-arm-none-eabi" >&2
	exit 1
}
if [ $# -gt 0 ]; then
	out=$1
	mkdir -p "$out"
else
	out=$(mktemp -d)
	trap 'rm -rf "$out"' EXIT
fi

$cc "${flags[@]}" -fcallgraph-info=su -I"$lib" -c "$lib/smm.c" -o "$out/smm.o"
$cc "${flags[@]}" -I"$lib" -c "$here/cortex-m0.c" -o "$out/main.o"
$cc "${flags[@]}" --specs=nano.specs -nostartfiles -Wl,--entry=main -Wl,--gc-sections \
	-Wl,-Map="$out/main.map" "$out/main.o" "$out/smm.o" -o "$out/main.elf"

# Bytes of the code and constants of smm.o that the linker kept. A line of its map is "section address
# size file", broken after a long section name.
linked() {
	local size total=0

	while read -r size; do
		total=$((total + size))
	done < <(awk '
		/^Linker script and memory map/ { kept = 1 }
		NF == 1 && /^ [.]/ { section = $1; next }
		NF == 4 { section = $1 }
		kept && $NF ~ /smm[.]o$/ && section ~ /^[.](text|rodata)/ { print $(NF - 1) }
		{ section = "" }' "$out/main.map")
	echo "$total"
}

# The text, data or bss of the whole object.
object() {
	arm-none-eabi-size "$out/smm.o" | awk -v column="$1" 'NR == 2 { print $column }'
}

# The deepest chain of calls from the four functions that main() uses, from the compiler's call graph:
# first line the bytes, second the chain with the bytes of each frame. A call through a pointer goes to
# the face's two callbacks; theirs go to the caller's own, which are not smm's. The leaves outside smm.c
# have no figure in the graph: they count what their push instructions in the linked program store.
stack() {
	{
		arm-none-eabi-objdump -d "$out/main.elf"
		cat "$out/smm.ci"
	} | awk '
		function depth(f,    n, i, callee, best, d, way) {
			if (f in known)
				return known[f]
			if (f in open_) {
				print "recursion through " f > "/dev/stderr"
				exit 1
			}
			open_[f] = 1
			n = split(calls[f], callee, "\n")
			for (i = 1; i < n; i++) {
				d = depth(callee[i])
				if (d > best || way == "") {
					best = d
					way = " > " callee[i] " " frame[callee[i]] + 0 chain[callee[i]]
				}
			}
			delete open_[f]
			chain[f] = way
			return known[f] = frame[f] + best
		}
		function plain(title) {
			sub(/^.*:/, "", title)
			return title
		}
		/^[0-9a-f]+ <.*>:$/ { leaf = substr($2, 2, length($2) - 3) }
		leaf != "" && $3 == "push" { frame[leaf] += 4 * split($0, registers, ",") }
		leaf != "" && $3 == "sub" && $4 == "sp," { frame[leaf] += substr($5, 2) }
		/^graph:/ { leaf = "" }
		/^node:/ {
			split($0, part, "\"")
			f = plain(part[2])
			if (match(part[4], /[0-9]+ bytes/))
				frame[f] = substr(part[4], RSTART, RLENGTH) + 0
		}
		/^edge:/ {
			split($0, part, "\"")
			f = plain(part[2])
			to = plain(part[4])
			if (to != "__indirect_call")
				calls[f] = calls[f] to "\n"
			else if (f !~ /^face_/)
				calls[f] = calls[f] "face_read\nface_write\n"
		}
		END {
			split("smm_memory_create smm_memory_rebuild smm_malloc smm_free", root, " ")
			for (i = 1; i in root; i++)
				if (depth(root[i]) > deepest) {
					deepest = depth(root[i])
					way = root[i] " " frame[root[i]] chain[root[i]]
				}
			print deepest
			print way
		}'
}

row() { # what, measured, goal
	local verdict=met
	[ "$2" -le "$3" ] || verdict=missed
	printf '%-58s %6d   goal <= %5d   %s\n' "$1" "$2" "$3" "$verdict"
}

measured=$(stack)
mapfile -t deepest <<<"$measured"

echo "Cortex-M0, $($cc --version | head -n 1), ${flags[*]:2}"
row 'code from smm.c: create, rebuild, malloc, free (bytes)' \
	"$(linked)" 3072
row 'code of all of smm.c (bytes)' "$(object 1)" 5120
row 'data and bss of smm.c (bytes)' "$(($(object 2) + $(object 3)))" 0
row 'stack of the deepest chain of calls (bytes)' "${deepest[0]}" 256
echo "  ${deepest[1]}"
echo 'largest functions of smm.c (bytes):'
arm-none-eabi-nm -S --size-sort -t d "$out/smm.o" | tail -n 8 | sort -r -k 2 |
	awk '{ printf "  %6d  %s\n", $2, $4 }'
