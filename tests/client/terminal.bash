# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# For the tests of smmctl on a terminal: tmux is the terminal, and its screen can be looked at.

# shellcheck source=tests/client/helper.bash
. "${BASH_SOURCE[0]%/*}/helper.bash"

tmux() {
	command tmux -S "$dir/tmux" -f /dev/null "$@"
}

# open_terminal COLUMNSxLINES COMMAND...: that runs in it.
open_terminal() {
	local size=$1
	shift

	tmux new-session -d -x "${size%x*}" -y "${size#*x}" env -u NO_COLOR -u PAGER -u SYSTEMD_PAGER -u SYSTEMD_LESS "$@" \
		3>&-
}

# A shell where smmctl is found.
open_shell() {
	PATH=${SMMCTL%/*}:$PATH PS1='$ ' open_terminal "${1:-80x24}" bash --norc
	screen_has '^\$ *$'
}

type_keys() {
	tmux send-keys "$@"
}

type_line() {
	tmux send-keys -l "$1"
	tmux send-keys Enter
}

# What is on the screen, without what is empty at its end; screen -e: with colours.
screen() {
	tmux capture-pane -p "$@" | sed -e :a -e '/^\n*$/{$d;N;ba' -e '}'
}

# screen_has PATTERN [OPTION]: a line matches, now or soon.
screen_has() {
	local i

	for ((i = 0; i < 200; i++)); do
		! screen "${@:2}" | grep -q -e "$1" || return 0
		sleep 0.05
	done
	echo "no line matches '$1' in:"
	screen "${@:2}"
	return 1
}

# screen_is: standard input is what is on the screen, now or soon. "..." in it stands for anything.
screen_is() {
	local i expected

	expected=$(cat)
	for ((i = 0; i < 200; i++)); do
		# shellcheck disable=SC2053
		[[ $(screen) != ${expected//.../*} ]] || return 0
		sleep 0.05
	done
	diff <(echo "$expected") <(screen)
}

close_terminal() {
	tmux kill-server 2>/dev/null || true
}

teardown() {
	local status=0

	close_terminal
	[ -z "${smmd_pid:-}" ] || stop_smmd || status=$?
	kill "$bus_pid"
	[ ! -e "$dir/smmd.log" ] || cat "$dir/smmd.log"
	return $status
}
