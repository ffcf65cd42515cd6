# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# Completion of smmctl for bash.

# Takes apart what is before the cursor. bash breaks words at "=" and ":"; these are put together again. Sets words,
# cur, and glued: the beginning of cur that bash takes for words of their own.
_smmctl_split() {
	local i

	words=("${COMP_WORDS[0]}")
	for ((i = 1; i <= COMP_CWORD; i++)); do
		if [[ $i -gt 1 && (${COMP_WORDS[i]} == [=:]* || ${COMP_WORDS[i - 1]} == *[=:]) ]]; then
			words[-1]+=${COMP_WORDS[i]}
		else
			words+=("${COMP_WORDS[i]}")
		fi
	done
	cur=${words[-1]}
	unset 'words[-1]'
	glued=
	[[ $cur == "${COMP_WORDS[COMP_CWORD]}" && $cur != [=:] ]] || glued=${cur%"${cur##*[=:]}"}
}

# Sets command, n_args, bus and memory (the options that say them), remote and, after "--", plain.
_smmctl_parse() {
	local i word

	command='' n_args=0 bus=() memory=() remote='' plain=''
	for ((i = 1; i < ${#words[@]}; i++)); do
		word=${words[i]}
		if [[ $plain || $word != -?* ]]; then
			if [ -n "$command" ]; then
				n_args=$((n_args + 1))
			else
				command=$word
			fi
			continue
		fi
		case $word in
		--) plain=1 ;;
		--user | --system | --address=*) bus+=("$word") ;;
		--address) bus+=("$word" "${words[++i]-}") ;;
		--memory=* | -M?*) memory=("$word") ;;
		-M | --memory) memory=("$word" "${words[++i]-}") ;;
		-H* | --host* | --machine*) remote=1 ;;& # nothing is asked over the network
		-H | --host | --machine | --by | --config | --json | --file | --fill | --granule | --group | --length | --mode | \
			--offset | --output)
			((++i)) ;;
		esac
	done
}

_smmctl_ask() {
	[ -n "$remote" ] || "${words[0]}" "${bus[@]}" "$@" 2>/dev/null </dev/null
}

_smmctl_memories() {
	(unset SMM_MEMORY && _smmctl_ask status) | sed -n 's/^\([^ :]*\): .*/\1/p'
}

# What is between the id and the six columns at the end; blocks without a name have nothing there.
_smmctl_blocks() {
	_smmctl_ask "${memory[@]}" list --no-legend |
		sed -En 's/^ *[0-9]+ (.*[^ ]) +[0-9]+ +[^ ]+ +[^ ]+ +[-rwx]{9} +[0-9]+ +[0-9]+$/\1/p'
}

# _smmctl_reply [PREFIX]: the lines of standard input that go on from cur, each behind PREFIX.
_smmctl_reply() {
	local line quoted

	while IFS= read -r line; do
		line=${1-}$line
		printf -v quoted %q "$line"
		[[ $line != "$cur"* && $quoted != "$cur"* ]] || COMPREPLY+=("${quoted#"$glued"}")
	done
}

# _smmctl_words PREFIX WORD...
_smmctl_words() {
	local prefix=$1
	shift

	[ $# -eq 0 ] || _smmctl_reply "$prefix" < <(printf '%s\n' "$@")
}

# _smmctl_files PREFIX: bash quotes them, and adds a slash to folders.
_smmctl_files() {
	compopt -o filenames 2>/dev/null || true # there is nothing to be told in a test
	mapfile -t COMPREPLY < <(compgen -f -- "${cur#"$1"}")
}

# _smmctl_value OPTION PREFIX: what the option takes.
_smmctl_value() {
	case $1 in
	-M | --memory) _smmctl_reply "$2" < <(_smmctl_memories) ;;
	--by) _smmctl_words "$2" owner block ;;
	--json) _smmctl_words "$2" short pretty off ;;
	--config | --file | --output) _smmctl_files "$2" ;;
	--group) _smmctl_reply "$2" < <(compgen -g) ;;
	-H | --host) _smmctl_reply "$2" < <(compgen -A hostname) ;;
	esac
}

_smmctl_options() {
	local options=(--help --version --system --user --host= --machine= --address= --memory= --no-legend --no-pager)

	case $command in
	status | list | show | add | watch | monitor) options+=(--json=) ;;
	alloc) options+=(--json= --mode= --group= --fill= --exclusive) ;;
	read) options+=(--offset= --length=) ;;
	write) options+=(--offset= --hex --file= --in-place) ;;
	store) options+=(--hex --file=) ;;
	map) options+=(--json= --by= --svg --output=) ;;
	metrics) options+=(--output=) ;;
	doctor) options+=(--json= --config=) ;;
	check) options+=(--json= --repair) ;;
	format) options+=(--granule= --force) ;;
	esac
	_smmctl_words '' "${options[@]}"
	[[ ${#COMPREPLY[@]} -ne 1 || ${COMPREPLY[0]} != *= ]] || compopt -o nospace 2>/dev/null || true
}

_smmctl_arguments() {
	case $command:$n_args in
	show:* | free:* | watch:*) _smmctl_reply < <(_smmctl_blocks) ;;
	alloc:0 | resize:0 | read:0 | write:0 | load:0 | store:0 | edit:0 | add:0 | rename:0)
		_smmctl_reply < <(_smmctl_blocks) ;;
	chown:0)
		if [[ $cur == *:* ]]; then
			_smmctl_reply "${cur%%:*}:" < <(compgen -g)
		else
			_smmctl_reply < <(compgen -u)
		fi
		;;
	chmod:0) _smmctl_words '' 600 640 644 660 664 666 ;;
	chmod:* | chown:*) _smmctl_reply < <(_smmctl_blocks) ;;
	dump:0 | restore:0) _smmctl_files '' ;;
	esac
}

_smmctl() {
	local words cur glued command n_args bus memory remote plain
	local commands=(
		status list show alloc free resize read write load store edit add rename chmod chown watch monitor
		map metrics doctor check dump restore format
	)

	COMPREPLY=()
	_smmctl_split
	_smmctl_parse
	if [[ -z $plain && $cur == --*=* ]]; then
		_smmctl_value "${cur%%=*}" "${cur%%=*}="
	elif [[ -z $plain && ${words[-1]} == @(-M|-H|--memory|--host|--by|--config|--json|--file|--group|--output) ]]; then
		_smmctl_value "${words[-1]}" ''
	elif [[ -z $plain && ${words[-1]} == --@(machine|address|fill|granule|length|mode|offset) ]]; then
		:
	elif [[ -z $plain && $cur == -* ]]; then
		_smmctl_options
	elif [ -z "$command" ]; then
		_smmctl_words '' "${commands[@]}"
	else
		_smmctl_arguments
	fi
}

complete -F _smmctl smmctl
