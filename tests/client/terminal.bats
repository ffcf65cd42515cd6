#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# smmctl on a terminal, as a person sees it.
#
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2154 # bats: a test is a subshell, and run sets variables

load terminal

escape=$'\033'

@test "list: sizes for people, and headings in colour" {
	local me

	smmctl alloc small 16
	smmctl alloc large 3000
	smmctl alloc page 4096
	open_shell
	type_line 'clear; smmctl list'
	me="$(id -un)"
	screen_is <<-END
		ID NAME  SIZE OWNER$(printf '%*s' $((${#me} > 5 ? ${#me} - 5 : 0)) '') GROUP...
		 1 small   16 $me...
		 2 large 2.9K $me...
		 3 page    4K $me...
		$
	END
	screen_has "$escape\[1mID" -e
	screen_has "$escape\[1mGENERATION" -e
	type_line 'clear; smmctl list | cat'
	screen_has ' 2 large 3000 '
	screen_has ' 3 page  4096 '
	type_line 'clear; smmctl list --no-legend'
	screen_has '^ 2 large 2.9K'
	run ! grep -q NAME <(screen)
}

@test "status: the state in its colour" {
	open_shell
	type_line 'clear; smmctl status'
	screen_has "$escape\[32monline" -e
	screen_has '32 KiB'
}

@test "no colours with NO_COLOR, none for a terminal that has none" {
	smmctl store x content
	open_shell
	type_line 'clear; NO_COLOR=1 smmctl status; NO_COLOR=1 smmctl list; NO_COLOR=1 smmctl load x; echo done'
	screen_has '^done'
	screen_has '^fram0: online'
	run ! grep -q "$escape" <(screen -e)
	type_line 'clear; TERM=dumb smmctl status; TERM=dumb smmctl list; TERM=dumb smmctl load x; echo done'
	screen_has '^done'
	run ! grep -q "$escape" <(screen -e)
	type_line 'clear; NO_COLOR= smmctl list; echo done'
	screen_has "$escape\[1mID" -e
}

@test "content is a hex dump" {
	smmctl store mixed --hex "$(printf '%02x ' {0..20}) 41 42 7f 80 ff"
	smmctl store empty ''
	open_shell
	type_line 'clear; smmctl load mixed; smmctl read mixed --offset=21; smmctl load empty; smmctl load mixed | wc -c'
	screen_is <<-'END'
		00000000  00 01 02 03 04 05 06 07  08 09 0a 0b 0c 0d 0e 0f  |................|
		00000010  10 11 12 13 14 41 42 7f  80 ff                    |.....AB...|
		00000000  41 42 7f 80 ff                                    |AB...|
		26
		$
	END
}

@test "what is longer than the screen goes through a pager" {
	smmctl alloc first 3000
	open_shell 80x10
	type_line 'clear; smmctl read first'
	screen_has '^lines 1-9'
	screen_has '^00000000'
	type_keys G
	screen_has '(END)'
	screen_has '^00000bb0'
	type_keys q
	screen_has '^\$ *$'
	type_line 'clear; smmctl read first --no-pager; echo done'
	screen_has '^done'
	type_line 'clear; PAGER="sed s/00000bb0/last/" smmctl read first'
	screen_has '^last'
	type_line 'clear; SYSTEMD_PAGER= PAGER=false smmctl read first'
	screen_has '^00000bb0'
	type_line 'clear; PAGER=false smmctl read first >/dev/null && echo fine'
	screen_has '^fine'
	type_line 'clear; smmctl read nothing'
	screen_has "^smmctl: .*nothing"
	screen_has '^\$ *$'
}

# A chip that takes seconds for each copy of it.
serve_slow() {
	stop_smmd
	memory slow 'wire-speed = 100k' 'mirror = no'
	start_smmd
}

bar='\[#*\.*\] *[0-9]*%  [0-9.]* [KM]*i*B[a-z]*/s  [0-9]*:[0-9][0-9] left$'

@test "a dump of a slow chip: a bar, the rate, and how long it takes" {
	need_root 'dump'
	serve_slow
	open_shell
	type_line "clear; smmctl -M slow dump $dir/image; echo ended with \$?"
	screen_has "^dump \[##*\.\.*\] *[1-9][0-9]*%  [0-9.]* KiB/s  0:0[0-9] left\$"
	screen | awk 'length > 80 { exit 1 }'
	screen_has 'ended with 0'
	screen_is <<-'END'
		ended with 0
		$
	END
	tmux resize-window -x 40
	type_line "clear; smmctl -M slow dump $dir/image; echo ended with \$?"
	screen_has '%  .* left$'
	[ "$(screen | wc -l)" -le 3 ]
	type_keys C-c
	screen_has 'ended with 1'
	screen_has '^smmctl: .*cancel'
	run ! grep -q '%' <(screen)
}

@test "a check and a format of a slow chip: a bar, too" {
	stop_smmd
	memory slow 'wire-speed = 100k'
	memory large 'size = 512K' 'mirror = no'
	start_smmd # with a chip that is fast for as long as it is blank
	smmctl -M large store x content
	stop_smmd
	echo 'wire-speed = 100k' >>"$dir/smmd.conf"
	start_smmd
	open_shell
	type_line 'clear; smmctl -M slow check; echo ended with $?'
	screen_has "^check $bar"
	screen_has '  Damaged: 0'
	screen_has 'ended with 0'
	type_line 'clear; smmctl -M slow check'
	screen_has '^check \[##*\.'
	type_keys C-c
	screen_has '^smmctl: .*cancel'
	[ "$(id -u)" -eq 0 ] || return 0
	type_line 'clear; smmctl -M large format --force; echo ended with $?'
	screen_has "^format $bar"
	screen_has 'ended with 0'
}

@test "no bar where nobody looks" {
	need_root 'dump'
	serve_slow
	open_shell
	type_line "clear; smmctl -M slow dump - 2>$dir/err | wc -c; wc -c <$dir/err"
	screen_is <<-'END'
		32880
		0
		$
	END
	type_line "clear; TERM=dumb smmctl -M slow dump $dir/image; echo ended with \$?"
	screen_has 'ended with 0'
	run ! grep -q '%' <(screen)
	run -0 smmctl -M slow dump "$dir/image"
	[ -z "$output" ]
}

@test "a slow store: how long it takes" {
	serve_slow
	head -c 20000 /dev/urandom >"$dir/data"
	open_shell
	type_line "clear; smmctl -M slow store x <$dir/data; echo ended with \$?"
	screen_has '^store 0:0[1-9]$'
	screen_is <<-'END'
		ended with 0
		$
	END
	type_line "clear; smmctl -M slow write x --in-place <$dir/data; echo ended with \$?"
	screen_has "^write $bar"
	screen_has 'ended with 0'
}

@test "a dump is nothing for a terminal" {
	open_shell
	type_line 'clear; smmctl dump -; echo ended with $?'
	screen_has '^smmctl: a dump is nothing for a terminal'
	screen_has 'ended with 2'
}

@test "edit: the editor has the terminal" {
	export TMPDIR=$dir
	smmctl store text 'one two'
	printf '%s\n' 'printf "change %s\n" "$(cat "$1")"' 'read -r answer' 'printf %s "$answer" >"$1"' >"$dir/editor"
	open_shell
	type_line "clear; EDITOR='sh $dir/editor' smmctl edit text; echo ended with \$?"
	screen_has '^change one two$'
	type_line 'three four'
	screen_has 'ended with 0'
	[ "$(smmctl load text)" = 'three four' ]
	type_line "clear; EDITOR='sh $dir/editor' smmctl edit text; echo ended with \$?"
	screen_has '^change three four$'
	smmctl store text elsewhere
	type_line 'mine'
	screen_has 'changed meanwhile by somebody else; what you wrote is in'
	screen_has 'ended with 1'
	[ "$(smmctl load text)" = elsewhere ]
}

@test "watch: until Ctrl-C" {
	smmctl alloc a 10
	open_shell
	type_line 'clear; smmctl watch a'
	sleep 0.5
	smmctl write a hello
	screen_has '^[0-9:.]* a: bytes 0 to 4 were written'
	screen_has "^$escape\[2m[0-9:.]*$escape\[0m.* a:" -e
	type_keys C-c
	type_line 'echo ended with $?'
	screen_has 'ended with 130'
}

@test "JSON on a terminal has no colours" {
	smmctl store x content
	open_shell
	type_line 'clear; smmctl list --json=short; smmctl status --json=pretty --no-pager; echo done'
	screen_has '^done'
	run ! grep -q "$escape" <(screen -e)
}
