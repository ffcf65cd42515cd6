#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# The examples of README.md and the man pages do what those pages say.
#
# shellcheck disable=SC1091,SC2154 # what bats loads, and what is extracted

load ../client/helper

# fenced LANGUAGE [WORD]: the blocks of README.md in that language, if they have that word in them.
fenced() {
	awk -v open="\`\`\`$1" -v word="${2-}" '
		$0 == "```" { if (inside && index(block, word)) printf "%s", block; inside = 0 }
		inside { block = block $0 "\n" }
		$0 == open { inside = 1; block = "" }' "$smm_root/README.md"
}

# examples: what stands between .Bd and .Ed of the man page on standard input, as somebody would type it.
examples() {
	awk '/^\.Ed/ { inside = 0 } inside; /^\.Bd/ { inside = 1 }' | sed "s/\\\\(aq/'/g; s/\\\\e/\\\\/g"
}

# section PAGE TITLE: a part of a man page, from its .Ss to the next heading.
section() {
	awk -v title=".Ss $2" '/^\.S[sh]/ { inside = $0 == title } inside' "$smm_root/man/$1"
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

# runs_session: the commands of one on standard input print what follows them; "..." stands for anything. Their number
# is added to $n_commands.
n_commands=0
runs_session() {
	local n pattern

	cd "$dir" || return
	n=$(split_session)
	n_commands=$((n_commands + n))
	for ((i = 1; i <= n; i++)); do
		cat $i.command
		eval "$(cat $i.command)" &>$i.output 3>&- || true # an error may be what the example shows
		cat $i.output
		pattern=$(cat $i.expected)
		# shellcheck disable=SC2053 # a pattern
		[[ $(cat $i.output) == ${pattern//.../*} ]]
	done
}

@test "the sessions of the README print what it shows" {
	PATH=${SMMCTL%/*}:$PATH
	export LC_ALL=C.UTF-8
	runs_session < <(fenced console)
	[ "$n_commands" -gt 10 ]
}

@test "the configuration of the README and of smmd.conf(5) is right" {
	fenced ini >"$dir/readme.conf"
	examples <"$smm_root/man/smmd.conf.5" >"$dir/man.conf"
	eval "$(sed -n 's/^\(printf .*\) | sudo tee .*/\1/p' "$smm_root/README.md")" >"$dir/pi.conf"
	for page in readme man pi; do
		grep -q 'memory fram0' "$dir/$page.conf"
		"$SMMD" --check-config --config="$dir/$page.conf"
	done
}

# starts_twice SOURCE: a program that counts its starts does, in C99 and in C++11.
starts_twice() {
	local flags=(-Wall -Wextra -Werror -I"$smm_root/client")

	cd "$dir"
	# A library with sanitizers wants programs with them.
	! nm -D "$LIBSMM_CLIENT/libsmm-client.so" | grep -q __asan || flags+=("-fsanitize=address,undefined")
	cc -std=c99 "${flags[@]}" "$1" -L"$LIBSMM_CLIENT" -lsmm-client -o program
	c++ -x c++ -std=c++11 "${flags[@]}" "$1" -L"$LIBSMM_CLIENT" -lsmm-client -o program++
	LD_LIBRARY_PATH=$LIBSMM_CLIENT gives 'start 1' ./program
	LD_LIBRARY_PATH=$LIBSMM_CLIENT gives 'start 2' ./program++
}

@test "the program of the README" {
	fenced c smm-client.h >"$dir/readme.c"
	starts_twice readme.c
}

@test "the C of the README for firmware works, as C99 and as C++11" {
	cd "$dir"
	fenced c smm.h >example.c
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
	[ "$(id -u)" -eq 0 ] || sed -i '/dump\|restore/d' "$dir/commands"
	cd "$dir"
	set -e
	cd "$dir"
	. "$dir/commands"
	[ "$(smmctl load hostname)" = "$(hostname)" ]
	smmctl read settings --offset=12 | cmp - <(printf '\377\001')
}

# fram0 as the README configures it, and fram1, of which a check takes its time; both empty.
start_both_memories() {
	stop_smmd
	echo 'model = MB85RC256V' >>"$dir/smmd.conf"
	memory fram1 'size = 64K'
	start_smmd
	stop_smmd
	echo 'wire-speed = 50k' >>"$dir/smmd.conf"
	start_smmd
}

compiles() {
	section org.smm1.5 "$1" | examples >"$dir/$2.c"
	# shellcheck disable=SC2046 # words
	cc -Wall -Wextra -Werror "$dir/$2.c" -o "$dir/$2" $(pkg-config --cflags --libs libsystemd)
}

@test "the examples of org.smm1(5) print what it shows" {
	start_both_memories
	for title in 'Finding a memory' 'Named values' 'Blocks' 'Several at once' 'A block as an object' 'Checks and jobs'; do
		runs_session < <(section org.smm1.5 "$title" | examples)
	done
	n_others=$(section org.smm1.5 'For administrators' | grep -c '^\$ ')
	[ $((n_commands + n_others)) -eq "$(grep -c '^\$ ' "$smm_root/man/org.smm1.5")" ]
	compiles 'A session' session
	gives $'17\n4\n42' "$dir/session"
}

@test "those for administrators, too" {
	need_root 'be one'
	start_both_memories
	compiles 'An image' image
	"$dir/image" >"$dir/image.file" 2>"$dir/result"
	[ "$(cat "$dir/result")" = 'done' ]
	tail -c 32768 "$dir/image.file" | cmp - "$dir/fram0.img"
	# shellcheck disable=SC2034 # the page says before what it is
	memory='org.smm1 /org/smm1/memory/fram0 org.smm1.Memory'
	runs_session < <(section org.smm1.5 'For administrators' | examples)
	[ "$n_commands" -gt 5 ]
}

@test "org.smm1(5) has every member of the interface, every error and every statistic" {
	mkdir "$dir/interfaces"
	"$BATS_TEST_DIRNAME/page-interfaces.py" "$smm_root/man/org.smm1.5" "$dir/interfaces"
	"$smm_root/tests/daemon/compare-introspection.py" "$smm_root/daemon/org.smm1.xml" "$dir/interfaces"
	sed -n 's/^#define ERROR_.*"\(.*\)"$/\1/p' "$smm_root/daemon/errors.h" >"$dir/errors"
	[ "$(wc -l <"$dir/errors")" -ge 18 ]
	while read -r error; do
		grep -x "\.It Li $error" "$smm_root/man/org.smm1.5"
	done <"$dir/errors"
	sed -n 's/.*add_statistic(s, "\(.*\)",.*/\1/p' "$smm_root"/daemon/volume*.c >"$dir/statistics"
	[ "$(wc -l <"$dir/statistics")" -ge 15 ]
	while read -r statistic; do
		grep "^\.Cm .*\<$statistic\>" "$smm_root/man/org.smm1.5"
	done <"$dir/statistics"
}
