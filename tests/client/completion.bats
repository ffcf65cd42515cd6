#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# Completion of smmctl: the function for bash called as bash calls it, that for zsh in a zsh on a terminal.
#
# shellcheck disable=SC2030,SC2031,SC2154 # bats: a test is a subshell, and run sets variables

load terminal

completion=$smm_root/client/completion

# offers EXPECTED WORD...: what completing the last word adds to the command line 'smmctl WORD...', sorted.
offers() {
	local expected=$1 found
	shift

	COMP_WORDS=(smmctl "$@") COMP_CWORD=$#
	_smmctl
	found=$(printf '%s\n' "${COMPREPLY[@]}" | LC_ALL=C sort | paste -s -d ' ')
	[ "$found" = "$expected" ] || {
		echo "expected: $expected"
		echo "   found: $found"
		return 1
	}
}

setup() {
	start_bus "$dir" 3>&-
	memory fram0
	memory fram1
	start_smmd
	PATH=${SMMCTL%/*}:$PATH
	# shellcheck source=client/completion/smmctl.bash
	. "$completion/smmctl.bash"
	smmctl -M fram0 store greeting hello
	smmctl -M fram0 alloc 32
	smmctl -M fram1 store 'gray goose' hello
	smmctl -M fram1 store other hello
	smmctl -M fram1 store a:b hello
	export SMM_MEMORY=fram0
}

@test "bash: every command and every option that smmctl --help shows" {
	local commands options

	commands=$(smmctl --help | sed -n '/^Commands/,/^$/s/^  \([a-z]*\) .*/\1/p' | LC_ALL=C sort | paste -s -d ' ')
	[ "$(wc -w <<<"$commands")" -gt 20 ]
	offers "$commands" ''
	offers "$commands" --user -M fram1 --json short ''
	offers 'read rename resize restore' re
	options=$(smmctl --help | grep -o -- '--[a-z-]*' | sort -u)
	for command in $commands; do
		COMP_WORDS=(smmctl "$command" -) COMP_CWORD=2
		_smmctl
		printf '%s\n' "${COMPREPLY[@]%=}"
	done | sort -u | diff - <(echo "$options")
}

@test "bash: only the options that the command takes" {
	offers '--help --hex --host=' store --h
	offers '--help --host=' list --h
	offers --json= check --j
	offers '' store --j
	offers --force format --fo
	offers '' dump --fo
	offers '' -- --fo
}

@test "bash: the names of blocks, of the memory that was chosen" {
	offers greeting read ''
	offers greeting free greeting ''
	offers greeting chmod 600 g
	offers '' read greeting ''
	offers '' read x
	offers 'a:b gray\ goose other' -M fram1 read ''
	offers 'gray\ goose' --memory=fram1 read gr
	offers 'gray\ goose' --memory fram1 read 'gray\ g'
	offers greeting store -- ''
}

@test "bash: words that bash breaks in pieces" {
	offers b -M fram1 read a :
	offers b -M fram1 read a : b
	offers 'off pretty short' list --json =
	offers short list --json = s
	offers short list --json s
	offers fram1 list --memory = fram1
	offers 'other' --memory = fram1 read oth
}

@test "bash: words that it has been told not to break" {
	offers --json=short list --json=s
	offers a:b -M fram1 read a:
}

@test "bash: memories, modes, users, groups and files" {
	offers 'fram0 fram1' -M ''
	offers fram0 list --memory fram0
	offers '640 644' chmod 64
	offers 'root' chown roo
	offers 'root' chown root : roo
	cd "$dir"
	touch image-1 image-2
	offers 'image-1 image-2' dump im
	offers 'image-1 image-2' store x --file im
	offers 'image-1 image-2' store x --file = im
}

@test "bash: nothing is asked of another machine, and no smmd is no matter" {
	offers '' -H nobody@nowhere.invalid read ''
	stop_smmd
	offers '' read ''
	offers '' -M ''
	start_smmd
}

@test "bash: as it is typed" {
	open_shell
	type_line ". $completion/smmctl.bash; clear"
	type_keys 'smmctl -M fram1 rea' Tab 'gr' Tab '--off' Tab '1 --le' Tab '3' Enter
	screen_has '^\$ smmctl -M fram1 read gray\\ goose --offset=1 --length=3'
	screen_has '|ell|'
}

@test "zsh: commands, options, names of blocks" {
	command -v zsh >/dev/null || skip 'there is no zsh'
	open_terminal 80x24 zsh -f
	type_line "PS1='> ' fpath=($completion \$fpath) && autoload -Uz compinit && compinit -u -D && clear"
	type_keys 'smmctl rea' Tab 'gree' Tab '--off' Tab '1' Enter
	screen_has 'smmctl read greeting --offset=1'
	screen_has 'ello'
	type_line clear
	type_keys 'smmctl -M fram1 free ' Tab
	screen_has 'gray\\ goose'
	type_keys C-u 'smmctl format --' Tab
	screen_has '--force'
	screen_has '--granule'
	run ! grep -e --hex <(screen)
}
