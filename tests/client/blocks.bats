#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# smmctl on blocks: what they are called, whose they are, how long they are; and what of it is JSON.
#
# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # bats: a test is a subshell, and run sets variables

load helper

me="j[0]['Owner'] == $(id -u) and j[0]['Group'] == $(id -g)"

@test "list as JSON" {
	has_json 'j == []' smmctl list --json=short
	smmctl store greeting hello
	smmctl alloc 7 --mode=640
	has_json "$me and len(j) == 2" smmctl list --json=short
	[ "${#lines[@]}" -eq 1 ]
	has_json "[b['Name'] for b in j] == ['greeting', ''] and [b['Size'] for b in j] == [5, 7]" \
		smmctl list --json=pretty
	[ "${#lines[@]}" -gt 10 ]
	has_json "[b['Mode'] for b in j] == [0o600, 0o640] and j[1]['Id'] == 2" smmctl --json short list
	run -0 smmctl list --json=off
	[[ ${lines[0]} == *ID*NAME* ]]
	has_json 'len(j) == 2' smmctl list --json=short --no-legend
}

@test "show, for people and as JSON" {
	smmctl store greeting hello
	smmctl add boots
	run -0 smmctl show greeting
	[ "${lines[0]}" = 'block 1' ]
	for line in 'Name: greeting' 'Kind: data' 'Size: 5' "Owner: $(id -un)" "Group: $(id -gn)" 'Mode: rw-------' \
		'Checksummed: yes'; do
		[[ $output == *" $line"* ]]
	done
	has_json "$me and j[0]['Id'] == 1 and j[0]['Checksummed'] is True" smmctl show greeting --json=short
	has_json "[b['Kind'] for b in j] == ['counter', 'data']" smmctl show boots 1 --json=pretty
	complains 1 "smmctl list" smmctl show greeting nothing
	complains 1 "smmctl list" smmctl show 99 --json=short
}

@test "alloc and add as JSON" {
	has_json "j == {'Id': 1}" smmctl alloc x 8 --json=short
	has_json "j == {'Name': 'boots', 'Value': -5}" smmctl add boots -5 --json=short
	has_json "j == {'Name': 'big', 'Value': -9223372036854775808}" \
		smmctl --json=pretty add big -9223372036854775808
}

@test "alloc with a fill, a group, and only if there is none" {
	smmctl alloc full 4 --fill=255 --group="$(id -gn)" --exclusive
	smmctl read full | cmp - <(printf '\377\377\377\377')
	[ "$(smmctl alloc full 4)" = 1 ]
	complains 1 "smmctl store" smmctl alloc full 4 --exclusive
	complains 2 "'256'" smmctl alloc 4 --fill=256
	complains 2 "no group 'nobodys'" smmctl alloc 4 --group=nobodys
}

@test "resize keeps what fits, and adds zeros" {
	smmctl store text abcdef
	smmctl resize text 3
	[ "$(smmctl read text)" = abc ]
	smmctl resize 1 1K
	smmctl read text | cmp - <(printf abc; head -c 1021 /dev/zero)
	complains 1 "smmctl list" smmctl resize text 1M
	complains 2 "'much'" smmctl resize text much
	smmctl add boots
	complains 1 counter smmctl resize boots 9
}

@test "rename, also to nothing" {
	smmctl store a 1
	smmctl store b 2
	smmctl rename a c
	[ "$(smmctl load c)" = 1 ]
	complains 1 "" smmctl rename c b
	smmctl rename 1 ''
	run -1 smmctl load c
	[ "$(smmctl read 1)" = 1 ]
	complains 1 "UTF-8" smmctl rename 1 a/b
	complains 2 "usage: smmctl rename BLOCK NAME" smmctl rename b
}

@test "chmod changes several" {
	smmctl alloc a 1
	smmctl alloc b 1
	smmctl chmod 644 a 2
	has_json "[b['Mode'] for b in j] == [0o644, 0o644]" smmctl list --json=short
	complains 2 "'888'" smmctl chmod 888 a
	complains 1 "smmctl list" smmctl chmod 600 nothing
}

# mode_of BLOCK: as list shows it.
mode_of() {
	smmctl --no-legend list | awk -v name="$1" '$2 == name { print $6 }'
}

@test "chmod with letters" {
	smmctl alloc a 1 --mode=u=rw,g=r
	[ "$(mode_of a)" = rw-r----- ]
	umask 027
	while read -r mode expected; do
		smmctl chmod -- "$mode" a
		[ "$(mode_of a)" = "$expected" ] || {
			echo "$mode makes $(mode_of a) and not $expected"
			return 1
		}
	done <<-END
		o+r rw-r--r--
		go+w rw-rw-rw-
		o-rw,g-w rw-r-----
		a=r r--r--r--
		+w rw-r--r--
		=rw rw-r-----
		-w r--r-----
		= ---------
		u=rw,g+r,o-w rw-r-----
		a+w-r -w--w--w-
		711 rwx--x--x
		u=r r----x--x
	END
	smmctl alloc b 1 --mode=0
	smmctl chmod u+r a b
	[ "$(mode_of b)" = r-------- ]
	for mode in u+x u 'u+r,' ',' x=r u+rq '' ug; do
		complains 2 "'$mode' is not a mode" smmctl chmod "$mode" b
	done
	[ "$(mode_of b)" = r-------- ]
}

@test "chown takes names and numbers, and leaves what is not said" {
	need_root 'give blocks away'
	smmctl alloc a 1
	smmctl alloc b 1
	smmctl chown nobody a 2
	has_json "[(b['Owner'], b['Group']) for b in j] == [($(id -u nobody), 0)] * 2" smmctl list --json=short
	smmctl chown :daemon a
	has_json "(j[0]['Owner'], j[0]['Group']) == ($(id -u nobody), $(id -g daemon))" smmctl list --json=short
	smmctl chown root a
	has_json "(j[0]['Owner'], j[0]['Group']) == (0, $(id -g daemon))" smmctl list --json=short
	smmctl chown 1234:4321 a
	has_json "(j[0]['Owner'], j[0]['Group']) == (1234, 4321)" smmctl list --json=short
	run -0 smmctl list
	[[ ${lines[1]} =~ 1234\ +4321 ]]
	smmctl chown root:root a
	has_json "(j[0]['Owner'], j[0]['Group']) == (0, 0)" smmctl list --json=short
	complains 2 "no user 'nobodys'" smmctl chown nobodys a
	complains 2 "no group 'nobodys'" smmctl chown root:nobodys a
	complains 2 "'4294967295'" smmctl chown 4294967295 a
	complains 2 "OWNER:GROUP" smmctl chown : a
}

@test "who may not is told so" {
	need_somebody
	smmctl alloc mine 4 --mode=644
	complains 1 "smmctl list" somebody write mine data
	complains 1 "smmctl list" somebody chmod 666 mine
	complains 1 "sudo" somebody format
	complains 1 "smmctl list" somebody chown root mine
	somebody store theirs data
	has_json "[b['Owner'] for b in j] == [0, 1]" somebody list --json=short
}

@test "data from a file" {
	printf 'from a file' >"$dir/data"
	smmctl store x --file="$dir/data"
	[ "$(smmctl load x)" = 'from a file' ]
	printf '4a 4B' >"$dir/data"
	smmctl write x --hex --file "$dir/data"
	[ "$(smmctl load x)" = 'JKom a file' ]
	printf stdin | smmctl store x --file=-
	[ "$(smmctl load x)" = stdin ]
	complains 1 "/nowhere: No such file" smmctl store x --file=/nowhere
	complains 1 "Is a directory" smmctl store x --file="$dir"
	complains 2 "not both" smmctl store x word --file="$dir/data"
}

@test "write in place" {
	head -c 9000 /dev/urandom >"$dir/data"
	smmctl alloc x 10000
	smmctl write x --in-place --offset=500 <"$dir/data"
	smmctl read x --offset=500 --length=9000 | cmp - "$dir/data"
	beyond() { smmctl write x --in-place --offset=2000 <"$dir/data"; }
	complains 1 "" beyond
}

@test "options anywhere, and none behind --" {
	smmctl -- store --user --offset
	[ "$(smmctl load --memory fram0 -- --user)" = --offset ]
	smmctl store -- --json=short -x
	[ "$(smmctl load -- --json=short)" = -x ]
	complains 2 "no command '--user'" smmctl -- --user
}

@test "JSON where there is none to be had" {
	complains 2 "--json cannot be 'long'" smmctl list --json=long
	complains 2 "'read' takes no --json" smmctl read x --json=short
	complains 2 "'monitor' takes no --repair" smmctl monitor --repair
	complains 1 "smmctl list" smmctl show nothing --json=short
}

@test "edit stores what the editor made, and nothing if it made nothing" {
	smmctl store text 'one two'
	EDITOR='sed -i s/two/three/' run -0 smmctl edit text
	[ -z "$output" ]
	[ "$(smmctl load text)" = 'one three' ]
	VISUAL=true EDITOR=false run -0 smmctl edit text
	[[ $output == *'nothing was changed'* ]]
	has_json "j[0]['Size'] == 9" smmctl show text --json=short
	# An editor that ends the last line of what had no end of line.
	EDITOR='sh -c '\''echo >>"$0"'\' run -0 smmctl edit text
	[[ $output == *'nothing was changed'* ]]
	EDITOR='sh -c '\''echo longer >"$0"'\' smmctl edit 1
	smmctl load text | cmp - <(printf longer)
}

@test "edit makes a block that is not there" {
	EDITOR=true run -0 smmctl edit new
	run -1 smmctl load new
	EDITOR='sh -c '\''echo line >"$0"'\' smmctl edit new
	smmctl load new | cmp - <(echo line)
}

@test "edit of a block without a name" {
	smmctl alloc 4 --fill=65
	EDITOR='sed -i s/A/B/g' smmctl edit 1
	[ "$(smmctl read 1)" = BBBB ]
	TMPDIR=$dir EDITOR='sed -i s/B/BB/g' run -1 smmctl edit 1
	[[ $output == *'smmctl rename 1 NAME'*"$dir/smmctl-edit."* ]]
	[ "$(smmctl read 1)" = BBBB ]
}

@test "edit keeps what it cannot store, and nothing else" {
	local file

	export TMPDIR=$dir/tmp
	mkdir "$TMPDIR"
	smmctl store text before
	printf '#!/bin/sh\n%s store text by-another\necho mine >"$1"\n' "$SMMCTL" >"$dir/editor"
	chmod +x "$dir/editor"
	EDITOR=$dir/editor run -1 --separate-stderr smmctl edit text
	[[ $stderr == *'changed meanwhile'* ]]
	file=${stderr##*is in }
	[ "$(cat "$file")" = mine ]
	[ "$(smmctl load text)" = by-another ]
	rm "$file"
	EDITOR=false run -1 --separate-stderr smmctl edit text
	[[ $stderr == *"'false' failed; set VISUAL or EDITOR"* ]]
	EDITOR='truncate -s 1M' run -1 --separate-stderr smmctl edit text
	[[ $stderr == *'is in '* ]]
	rm "${stderr##*is in }"
	EDITOR=true smmctl edit text
	[ -z "$(ls "$TMPDIR")" ]
}
