#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# smmctl map: what it draws of a chip, for pipes, for terminals and as SVG.
#
# shellcheck disable=SC2030,SC2031,SC2034,SC2154 # bats: a test is a subshell, and run sets variables

load terminal

# holds EXPRESSION...: each is true, in Python, of the JSON on standard input, which is j; kinds are those of the runs.
holds() {
	/usr/bin/python3 -c '
import json, sys
j = json.load(sys.stdin)
kinds = [r["Kind"] for r in j["Runs"]]
def of(kind):
    return sum(r["Length"] for r in j["Runs"] if r["Kind"] == kind)
for expression in sys.argv[1:]:
    assert eval(expression), (expression, j)
' "$@"
}

# is_svg [PATTERN...]: standard input is well-formed, and one of its texts matches each of the patterns.
is_svg() {
	/usr/bin/python3 -c '
import re, sys, xml.etree.ElementTree as tree
root = tree.parse(sys.stdin).getroot()
assert root.tag == "{http://www.w3.org/2000/svg}svg", root.tag
width, height = map(int, root.get("viewBox").split()[2:])
texts = [e.text or "" for e in root.iter()]
for pattern in sys.argv[1:]:
    assert any(re.search(pattern, t) for t in texts), (pattern, texts)
for e in root.iter("{http://www.w3.org/2000/svg}rect"):
    if e.get("x"):
        assert 0 <= int(e.get("x")) <= int(e.get("x")) + int(e.get("width")) <= width, e.attrib
        assert 0 <= int(e.get("y")) <= int(e.get("y")) + int(e.get("height")) <= height, e.attrib
' "$@"
}

# A chip with two blocks and a gap between them.
use_chip() {
	smmctl alloc first 3000
	smmctl alloc gap 5000
	smmctl alloc last 2000
	smmctl free gap
}

@test "in a pipe: letters, no escapes, 80 columns" {
	use_chip
	smmctl map >"$dir/map"
	run ! grep -q $'\033' "$dir/map"
	[[ $(head -n 1 "$dir/map") == "fram0: "*", 32 KiB, a character is 32 bytes" ]]
	LC_ALL=C smmctl map >"$dir/ascii"
	run ! grep -q -v '^[[:print:]]*$' <(LC_ALL=C cat "$dir/ascii")
	run ! grep -q '.\{81\}' "$dir/ascii"
	grep -q '^0000 #\{64\}$' "$dir/ascii"
	grep -q '^0800 =\{19\}A\{45\}$' "$dir/ascii"
	grep -q '[Aa]\.\.\.\.' "$dir/ascii"
	grep -q "AA $(id -un) .* 15\.[0-9] %" "$dir/ascii"
	grep -q '^ *Free: .* in 2 runs, the largest of ' "$dir/ascii"
	grep -q '^ *Fragmentation: [12][0-9]\.[0-9] %' "$dir/ascii"
}

@test "block by block" {
	use_chip
	LC_ALL=C smmctl map --by=block >"$dir/map"
	grep -q 'AA first ' "$dir/map"
	grep -q 'BB last ' "$dir/map"
	grep -q 'BBBBBB' "$dir/map"
	run ! grep -q 'BB' <(LC_ALL=C smmctl map --by=owner)
	run -2 smmctl map --by=name
	run -2 smmctl map --json=short --svg
}

@test "without a legend it is the rows" {
	smmctl alloc x 100
	LC_ALL=C smmctl map --no-legend >"$dir/map"
	[ "$(wc -l <"$dir/map")" -eq 16 ]
	run ! grep -q -v '^[0-9a-f]\{4\} [A-Za-z#=.]\{64\}$' "$dir/map"
}

@test "every byte of the chip, as JSON, agrees with what smmd says" {
	local free size usable

	use_chip
	smmctl add boots
	free=$(get FreeSize | cut -d ' ' -f 2)
	usable=$(get UsableSize | cut -d ' ' -f 2)
	smmctl map --json=short | holds "sum(r['Length'] for r in j['Runs']) == j['Size'] == 32768" \
		"of('free') == j['FreeSize'] == $free" "of('format') == 32768 - $usable" "j['FreeRuns'] == 2" \
		"kinds == ['format', 'store', 'block', 'block', 'free', 'block', 'free']" \
		"[r['Name'] for r in j['Runs'] if r['Kind'] == 'block'] == ['first', 'boots', 'last']" \
		"j['Hidden'] == 0" "max(r['Length'] for r in j['Runs'] if r['Kind'] == 'free') == j['LargestFree']" \
		"all(r['Owner'] == $(id -u) for r in j['Runs'] if r['Kind'] == 'block')"
}

@test "chips of every size and granule" {
	local name

	stop_smmd
	memory tiny 'size = 512'
	memory small 'size = 2052' 'granule = 16'
	memory odd 'size = 100000' 'granule = 64'
	memory large 'size = 2M' 'granule = 4'
	start_smmd
	for name in tiny small odd large; do
		smmctl -M $name alloc a 11
		smmctl -M $name alloc bc 25
		smmctl -M $name free a
		smmctl -M $name map --json=short | holds "j['Hidden'] == 0" "of('free') == j['FreeSize']" \
			"kinds == ['format', 'store', 'free', 'block', 'free']"
		smmctl -M $name map | grep -q "in 2 runs"
		smmctl -M $name map --svg | is_svg "^$name\$"
	done
}

# as_nobody ARGUMENT...: smmctl as somebody who may not see what root has.
as_nobody() {
	setpriv --reuid=65534 --regid=65534 --clear-groups "$SMMCTL" "$@"
}

@test "who may not see all is told so" {
	need_root 'be two users'
	open_to_others
	chmod go+rw "$dir/bus"
	as_nobody --version >/dev/null 2>&1 || skip 'others cannot reach the build'
	use_chip
	as_nobody alloc mine 500
	as_nobody map --json=short | holds "kinds == ['format', 'store', 'unknown', 'block', 'unknown']" \
		"'FreeRuns' not in j" "of('unknown') == j['Hidden'] + j['FreeSize']" "j['Hidden'] == 3040 + 2036"
	LC_ALL=C as_nobody map >"$dir/map"
	cat "$dir/map"
	grep -q "?? free or others'" "$dir/map"
	grep -q "Others': 4.9.* KiB in 2 blocks that you may not see" "$dir/map"
	run ! grep -q 'in [0-9]* runs' "$dir/map"
	as_nobody map --svg | is_svg 'others have .* in 2 blocks'
	smmctl map | grep -q ' nobody '
}

@test "a chip that is full for others as well" {
	need_root 'be two users'
	open_to_others
	as_nobody --version >/dev/null 2>&1 || skip 'others cannot reach the build'
	smmctl alloc all "$(($(get FreeSize | cut -d ' ' -f 2) - 35))"
	[ "$(get FreeSize)" = 't 0' ]
	as_nobody map --json=short | holds "kinds == ['format', 'store', 'others']"
	smmctl map --json=short | holds "kinds == ['format', 'store', 'block']" "j['FreeRuns'] == 0"
	smmctl map | grep -q 'Fragmentation: 0'
}

@test "a chip that has no map" {
	stop_smmd
	memory blank 'format = never'
	start_smmd
	run -1 --separate-stderr smmctl -M blank map
	[ -z "$output" ]
	echo "$stderr"
	[[ $stderr == "smmctl: "*"'smmctl format'"* ]]
}

@test "SVG: well-formed, with title, legend and figures, whatever the names are" {
	smmctl alloc 'a<b>&"c'\' 900
	smmctl alloc "$(printf 'x%.0s' {1..63})" 900
	smmctl map --svg | is_svg '^fram0$' '32 KiB' "^$(id -un)\$" '^free$' "^the store's own\$" '^Free: .* in one run; fragmentation 0.0 %$' \
		'^0x7800$' '900|936|940|944'
	smmctl map --by=block --svg --output="$dir/chip.svg"
	is_svg "^a<b>&\"c'\$" '^x{63}, block' '^x{28}…$' <"$dir/chip.svg"
	run -1 --separate-stderr smmctl map --output="$dir/nowhere/chip.svg"
	[[ $stderr == "smmctl: cannot make "* ]]
}

@test "on a terminal: its width, colours, and UTF-8 where it is" {
	local escape=$'\033'

	use_chip
	export LC_ALL=C.UTF-8
	open_shell 80x40
	type_line 'clear; smmctl map'
	screen_has '^0000 ▓\{64\}$'
	screen_has '^0800 .*▒█*$'
	screen_has '^7800 ·\{64\}$'
	screen_has "$escape\[36m██" -e
	screen_has "Fragmentation"
	type_line 'clear; NO_COLOR=1 smmctl map'
	screen_has '^0800 .*▒A*$'
	screen_has Fragmentation
	run ! grep -q "$escape\[36m" <(screen -e)
	type_line 'clear; LC_ALL=C smmctl map'
	screen_has '^0800 .*=A*$'
	tmux resize-window -x 200 -y 40
	type_line 'clear; smmctl map'
	screen_has '^0000 ▓\{128\}'
	screen_has 'a character is 16 bytes'
	screen_has '^0c00 █.\{191\}$'
}
