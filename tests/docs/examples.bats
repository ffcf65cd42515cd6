#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# The examples of README.md and the man pages do what those pages say.
#
# shellcheck disable=SC1091,SC2154 # what bats loads, and what is extracted

load ../client/helper

# fenced LANGUAGE: the blocks of README.md in that language.
fenced() {
	awk -v open="\`\`\`$1" '$0 == "```" { inside = 0 } inside; $0 == open { inside = 1 }' \
		"$smm_root/README.md"
}

# examples PAGE: what stands between .Bd and .Ed of a man page.
examples() {
	awk '/^\.Ed/ { inside = 0 } inside; /^\.Bd/ { inside = 1 }' "$smm_root/man/$1"
}

# The commands of a console session on standard input, each with what follows it there as N.expected.
split_session() {
	awk -v folder="$dir" '
		/^\$ / {
			file = folder "/" ++n
			print substr($0, 3) >(file ".command")
			printf "" >(file ".expected")
			next
		}
		{ print >(file ".expected") }
		END { print n }'
}

@test "the sessions of the README print what it shows" {
	local n pattern

	PATH=${SMMCTL%/*}:$PATH
	n=$(fenced console | split_session)
	[ "$n" -gt 10 ]
	cd "$dir"
	for ((i = 1; i <= n; i++)); do
		cat $i.command
		eval "$(cat $i.command)" &>output || true # an error may be what the example shows
		cat output
		pattern=$(cat $i.expected)
		# shellcheck disable=SC2053 # "..." stands for anything
		[[ $(cat output) == ${pattern//.../*} ]]
	done
}

@test "the configuration of the README and of smmd.conf(5) is right" {
	fenced ini >"$dir/readme.conf"
	examples smmd.conf.5 >"$dir/man.conf"
	for page in readme man; do
		grep -q 'memory fram0' "$dir/$page.conf"
		"$SMMD" --check-config --config="$dir/$page.conf"
	done
}

@test "the C of the README works, as C99 and as C++11" {
	cd "$dir"
	fenced c >example.c
	grep -q smm_malloc example.c
	cat "$smm_root/tests/docs/fram.c" >>example.c
	cc -std=c99 -Wall -Wextra -Werror -I"$smm_root/lib" example.c "$smm_root/lib/smm.c" -o example
	./example
	cc -c -std=c99 -I"$smm_root/lib" "$smm_root/lib/smm.c"
	c++ -x c++ -std=c++11 -Wall -Wextra -Wno-missing-field-initializers -Werror -I"$smm_root/lib" \
		example.c -x none smm.o -o example++
	./example++
}

@test "the commands of smmctl(1) work" {
	smmctl alloc settings 14
	sed -n 's/^\.Dl //p' "$smm_root/man/smmctl.1" | sed 's/\\(dq/"/g' >"$dir/commands"
	[ "$(wc -l <"$dir/commands")" -ge 4 ]
	set -e
	. "$dir/commands"
	[ "$(smmctl load hostname)" = "$(hostname)" ]
	smmctl read settings --offset=12 | cmp - <(printf '\377\001')
}
