#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# The libraries as a linker, a compiler and a package see them. LIBSMM_CLIENT is the folder that libsmm-client is
# built in.

bats_require_minimum_version 1.5.0

dir=$BATS_TEST_TMPDIR
header=$BATS_TEST_DIRNAME/../../client/smm-client.h
debian=$BATS_TEST_DIRNAME/../../debian

# The functions that the header declares.
declared() {
	sed 's,^ \*.*,,; s,/\*.*,,' "$header" | grep -o '\<smm_[a-z_]*(' | tr -d '(' | LC_ALL=C sort -u
}

# promised LIBRARY: the functions that its package says it has, with their version.
promised() {
	sed -n 's/^ \(smm_.*\) .*/\1/p' "$debian/$1.symbols" | LC_ALL=C sort
}

# has_symbols LIBRARY PACKAGE
has_symbols() {
	nm -D --defined-only --with-symbol-versions "$1" | awk '$2 ~ "[TDBRW]" { print $3 }' |
		sed 's/@@/@/' | LC_ALL=C sort >"$dir/found"
	[ -s "$dir/found" ]
	promised "$2" | diff - "$dir/found"
}

@test "the shared libraries have the symbols of their packages, and no other" {
	has_symbols "$LIBSMM_CLIENT/libsmm-client.so.0" libsmm-client0
	has_symbols "$LIBSMM_CLIENT/../lib/libsmm.so.0" libsmm0
}

@test "the header declares the functions of the package, and no other" {
	declared >"$dir/declared"
	promised libsmm-client0 | cut -d @ -f 1 | diff - "$dir/declared"
}

@test "the static library takes no names but smm_ and smmc_" {
	run -0 nm --defined-only --extern-only "$LIBSMM_CLIENT/libsmm-client.a"
	[[ $output == *" T smm_client_open"* ]]
	awk '$2 ~ /^[A-Z]$/ && $3 !~ /^(smmc?_|__odr_asan)/ { print; bad = 1 } END { exit bad }' <<<"$output"
}

@test "the sonames" {
	run -0 objdump -p "$LIBSMM_CLIENT/libsmm-client.so.0" "$LIBSMM_CLIENT/../lib/libsmm.so.0"
	[[ $output =~ SONAME\ +libsmm-client\.so\.0 ]]
	[[ $output =~ SONAME\ +libsmm\.so\.0 ]]
}

@test "the header is C99 and C++11, and stands alone" {
	cc -x c -std=c99 -pedantic -Wall -Wextra -Wconversion -Werror -fsyntax-only "$header"
	c++ -x c++ -std=c++11 -pedantic -Wall -Wextra -Werror -fsyntax-only "$header"
}

@test "each function of the header is on a page, with what it takes, and what it does" {
	local header_to_man=$BATS_TEST_DIRNAME/../../scripts/header-to-man name page

	"$header_to_man" "$header" "$dir/man"
	"$header_to_man" "$header" >"$dir/list"
	for name in $(declared); do
		page=$(awk -v name="$name" '{ for (i = 2; i <= NF; i++) if ($i == name) print $1 }' "$dir/list")
		grep -qx "\.Fo $name" "$dir/man/$page.3"
		grep -q "^\.Ss .*\<${name%_async}()" "$dir/man/$page.3"
		[[ $name == *_async ]] || grep -q "^\.Fn $name" "$dir/man/smm-client.3"
	done
	[ "$(wc -l <"$dir/list")" -eq "$(find "$dir/man" -name '*.3' | wc -l)" ]
	run ! grep -rnE '(^| )@[a-z]' "$dir/man" # a mark that was not understood
	grep -qx '\.It Fa where' "$dir/man/smm-client-open.3"
	grep -qx 'Returns 1 if it was loaded, 0 if there is no block; a negative errno.' "$dir/man/smm-client-var.3"
	grep -q 'EHOSTDOWN  *smmd does not run' "$dir/man/smm-client.3"
}

@test "pkg-config finds it" {
	export PKG_CONFIG_PATH=$LIBSMM_CLIENT/../meson-uninstalled:$LIBSMM_CLIENT/../meson-private
	run -0 pkg-config --libs libsmm-client
	[[ $output == *-lsmm-client* || $output == *libsmm-client.so* ]]
	run -0 pkg-config --modversion libsmm-client
	run -0 pkg-config --print-requires-private libsmm-client
	[[ $output == *libsystemd* ]]
}
