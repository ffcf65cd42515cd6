#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# What is for administrators: polkit decides about it, and nobody waits for polkit but who asked. In its place is
# mock-polkit, which says what it is told to.

# shellcheck disable=SC2154 # set in helper.bash
load helper

methods=(Format Check Dump Restore Reload)

denied=org.freedesktop.DBus.Error.AccessDenied
no="$denied: polkit does not let uid 1 do this (org.smm1.manage)"
needed='org.freedesktop.DBus.Error.InteractiveAuthorizationRequired: uid 1 may do this (org.smm1.manage) after a'
needed+=' password only, and the call does not allow to ask for it'
unanswered="$denied: only uid 0 may do this where polkit does not answer; the caller is uid 1 (polkit:"
stopping='org.smm1.Error.Busy: smmd is stopping'
declare -gA begun # processes, by their names

setup() {
	start_bus "$dir" 3>&-
	need_root 'be several users'
	open_to_others
	install -d -m 777 "$dir/images"
	image=$dir/images/fram0
	memory fram0
	start_smmd
	start_polkit
}

wait_for_polkit() {
	for _ in {1..400}; do
		run -0 busctl call org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus \
			NameHasOwner s org.freedesktop.PolicyKit1
		[ "$output" != 'b true' ] || return 0
		sleep 0.05
	done
	echo 'there is no polkit on the bus'
	return 1
}

start_polkit() {
	"$MOCK_POLKIT" >>"$dir/questions" 3>&- &
	polkit_pid=$!
	wait_for_polkit
}

kill_polkit() {
	kill -KILL "$polkit_pid"
	ends 137 "$polkit_pid"
}

# polkitd, where it finds our action, uid 1 is smm, and a rule lets uid 2 do what administrators do.
run_polkitd() {
	mkdir "$dir/actions" "$dir/rules.d"
	cp "$smm_root/systemd/org.smm1.policy" "$dir/actions"
	cat >"$dir/rules.d/smm.rules" <<-END
		polkit.addRule(function(action, subject) {
			if (action.id == "org.smm1.manage" && subject.user == "$(id -nu 2)")
				return polkit.Result.YES;
		});
	END
	sed "s/^$(id -nu 1):/smm:/" /etc/passwd >"$dir/passwd"
	# shellcheck disable=SC2016 # it is for that shell
	unshare --mount sh -ec '
		mount --bind "$1/passwd" /etc/passwd
		mount --bind "$1/actions" /usr/share/polkit-1/actions
		mount --bind "$1/rules.d" /usr/share/polkit-1/rules.d
		exec /usr/lib/polkit-1/polkitd --no-debug
	' sh "$dir" >"$dir/polkitd.log" 2>&1 3>&- &
	wait_for_polkit
}

# polkit_says ANSWER: to the questions that are open, too.
polkit_says() {
	busctl call org.freedesktop.PolicyKit1 /mock org.smm1.MockPolkit Say s "$1"
}

# was_asked N: questions, in all; waits for those that are on their way.
was_asked() {
	for _ in {1..400}; do
		[ "$(wc -l <"$dir/questions")" -lt "$1" ] || break
		sleep 0.05
	done
	[ "$(wc -l <"$dir/questions")" -eq "$1" ] || {
		echo "polkit was to be asked $1 times; it was asked:"
		cat "$dir/questions"
		return 1
	}
}

# becomes ANSWER ARGUMENT...: what becomes of a call that these make manage do. Whose it was is $name.
becomes() {
	local expected=$1 answer
	shift

	run -0 timeout 30 "$MANAGE" "$@"
	read -r name answer <<<"$output"
	[ "$answer" = "$expected" ] || {
		echo "expected of manage $*: $expected"
		echo "   found: $answer"
		return 1
	}
}

# each_call ANSWER ARGUMENT...: what becomes of all calls that are for administrators.
each_call() {
	for method in "${methods[@]}"; do
		becomes "$@" "$method" "$image"
		[ "$1" != ok ] || no_job
	done
}

# begin NAME ARGUMENT...: manage, in the background. What it prints is $dir/NAME.
begin() {
	"$MANAGE" "${@:2}" >"$dir/$1" 2>&1 3>&- &
	begun[$1]=$!
}

# became NAME ANSWER: of what began so.
became() {
	ends 0 "${begun[$1]}"
	[ "$(cut -d ' ' -f 2- "$dir/$1" | sort -u)" = "$2" ] || {
		echo "expected of $1: $2"
		cat "$dir/$1"
		return 1
	}
}

no_job() {
	while busctl --list tree org.smm1 | grep -q /job/; do sleep 0.05; done
}

# user UID: whose calls those of busctl are that follow.
user() {
	uid=$1
}

busctl() {
	setpriv --reuid="${uid:-0}" --regid="${uid:-0}" --clear-groups busctl "$@"
}

@test "yes: each call is done" {
	user 1
	call Store say mine 3 1 2 3
	polkit_says yes
	becomes ok 1 Check
	becomes ok 1 Dump "$image"
	no_job
	becomes ok 1 Format
	gives 'u 0' get Blocks
	becomes ok 1 Restore "$image"
	no_job
	gives 'ay 3 1 2 3' call Load s mine
	memory fram1
	becomes ok 1 Reload
	run -0 manager GetMemory s fram1
	was_asked 5
}

@test "no: each call is AccessDenied, and changes nothing" {
	store theirs 3
	memory fram1
	polkit_says no
	each_call "$no" 1
	was_asked 5
	loads theirs 3
	[ ! -s "$image" ]
	fails NoSuchMemory '.*' manager GetMemory s fram1
}

@test "a yes is for one call" {
	polkit_says yes
	begin twice --turns=2 1 Format
	became twice ok
	was_asked 2
}

@test "a password is needed: the caller is told, unless polkit may ask for it" {
	polkit_says challenge
	each_call "$needed" --silent 1
	each_call "$no" 1 # it asked, and that came to nothing
	was_asked 10
}

@test "polkit is asked about the connection, the action, and whether it may ask for a password" {
	local expected=''

	polkit_says no
	for method in "${methods[@]}"; do
		becomes "$no" 1 "$method" "$image"
		expected+="system-bus-name name=$name org.smm1.manage 1"$'\n'
		becomes "$no" --silent 1 "$method" "$image"
		expected+="system-bus-name name=$name org.smm1.manage 0"$'\n'
	done
	diff -u - "$dir/questions" <<<"${expected%$'\n'}"
}

@test "busctl lets polkit ask for a password, unless it is told not to" {
	polkit_says no
	user 1
	for options in '' --allow-interactive-authorization=yes --allow-interactive-authorization=no; do
		# shellcheck disable=SC2086 # '' is none
		fails $denied 'polkit does not let uid 1 do this .*' \
			busctl $options call org.smm1 "$memory" org.smm1.Memory Format 'a{sv}' 0
	done
	[ "$(cut -d ' ' -f 4 "$dir/questions" | xargs)" = '1 1 0' ]
}

@test "on a session, polkit is asked about the connection that opened it" {
	polkit_says no
	for method in "${methods[@]}"; do
		becomes "$no" --session 1 "$method" "$image"
		[ "$(tail -n 1 "$dir/questions")" = "system-bus-name name=$name org.smm1.manage 1" ]
	done
	polkit_says yes
	becomes ok --session 1 Format
	was_asked 6
}

@test "uid 0 is not asked about" {
	polkit_says no
	each_call ok 0
	each_call ok --session 0
	was_asked 0
}

@test "without polkit it is uid 0 alone" {
	kill_polkit
	each_call "$unanswered The name org.freedesktop.PolicyKit1 was not provided by any .service files)" 1
	each_call ok 0
}

@test "polkit that dies over a question has not said yes" {
	begin format 1 Format
	begin reload 1 Reload
	was_asked 2
	kill_polkit
	for call in format reload; do
		became $call "$unanswered Message recipient disconnected from message bus without replying)"
	done
	start_polkit
	polkit_says yes
	becomes ok 1 Format
	becomes ok 1 Reload
}

@test "an error, and what is no answer at all, is not a yes" {
	polkit_says error
	each_call "$unanswered it is broken)" 1
	for answer in empty pair numbers; do
		polkit_says $answer
		each_call "$unanswered what it says is no answer)" 1
	done
	was_asked 20
	each_call ok 0
}

@test "while polkit has not answered, all others are served, and so is who asked" {
	user 1
	call Store say mine 1 1
	begin format 1 Format
	begin reload 2 Reload
	was_asked 2
	for uid in 1 2 3; do
		busctl call org.smm1 "$memory" org.freedesktop.DBus.Peer Ping
		call Store say "of-$uid" 1 2
		gives 'ay 1 2' call Load s "of-$uid"
		call Check 'a{sv}' 0
	done
	user 1
	call Write uuay 1 0 1 3
	gives 'ay 1 3' call Read uuu 1 0 1
	becomes ok 0 Check
	kill -0 "${begun[format]}" "${begun[reload]}"
	polkit_says yes
	became format ok
	became reload ok
	gives 'u 0' get Blocks
}

@test "several questions at a time" {
	begin format 1 Format
	begin check --session 2 Check
	begin reload 3 Reload
	begin many --times=4 4 Format
	was_asked 7
	polkit_says no
	for call in format:1 check:2 reload:3 many:4; do
		became ${call%:*} "${no/uid 1/uid ${call#*:}}"
	done
}

@test "uid 0 does not wait for what polkit says of somebody else's Reload" {
	begin reload 1 Reload
	was_asked 1
	becomes ok 0 Reload
	became reload 'org.smm1.Error.Busy: an administrator has smmd read its configuration now'
	polkit_says yes
	becomes ok 1 Reload
}

@test "who goes away while the question is open" {
	begin format 1 Format
	begin session --session 1 Check
	begin reload 1 Reload
	was_asked 3
	for call in format session reload; do
		kill -KILL "${begun[$call]}"
		ends 137 "${begun[$call]}"
	done
	gives 's "online"' get State
	polkit_says yes
	no_job
	each_call ok 1
}

@test "SIGTERM does not wait for polkit: who asked is told, and smmd ends" {
	begin format 1 Format
	begin check --session 2 Check
	begin reload 3 Reload
	was_asked 3
	kill "$smmd_pid"
	timeout 15 tail --pid="$smmd_pid" -f /dev/null
	smmd_ends 0
	for call in format check reload; do
		became $call "$stopping"
	done
}

@test "who asks while smmd is stopping is told so" {
	stop_smmd
	echo 'wire-speed = 100k' >>"$dir/smmd.conf"
	start_smmd
	begin_to_store long 16000 # more than a second of wire
	kill "$smmd_pid"
	becomes "$stopping" 1 Format
	kill -0 "$writer"
	ends 0 "$writer"
	smmd_ends 0
	was_asked 0
}

@test "a memory goes away while the question is open" {
	memory fram1
	begin format 1 Format
	begin dump 1 Dump "$image"
	was_asked 2
	sed -i s/32K/16K/ "$dir/smmd.conf"
	rm "$dir/fram0.img"
	manager Reload
	for call in format dump; do
		became $call 'org.smm1.Error.Busy: memory fram0 is being closed; its configuration is gone, or another'
	done
	store new 3
	polkit_says yes
	loads new 3
	becomes ok 1 Format
	gives 'u 0' get Blocks
}

@test "a user has few questions open, and others find their place" {
	begin one --times=4 1 Format
	was_asked 4
	becomes 'org.smm1.Error.Busy: polkit is asked about 4 requests of uid 1 for memory fram0 already' 1 Format
	store theirs 3
	begin another 2 Format
	was_asked 5
	polkit_says no
	became one "$no"
	became another "${no/uid 1/uid 2}"
	becomes "$no" 1 Format
}

@test "a call that is wrong is not asked about" {
	user 1
	fails org.freedesktop.DBus.Error.InvalidArgs ".* no option 'fast' .*" call Format 'a{sv}' 1 fast b true
	was_asked 0
}

@test "nothing else is asked about" {
	user 1
	gives 'u 1' call Allocate 'sua{sv}' a 4 0
	gives 'u 2' call Store say b 1 1
	gives 'x 1' call Add sx c 1
	gives 'ay 1 1' call Load s b
	gives 'u 1' call Find s a
	for arguments in 'Write uuay 1 0 1 1' 'WriteInPlace uuay 1 0 1 1' 'Read uuu 1 0 1' \
		'WriteMany a(uuay) 1 1 0 1 1' 'ReadMany a(uuu) 1 1 0 1' 'Resize uu 1 8' 'Rename us 1 d' \
		'SetMode uu 1 420' 'Check a{sv} 0' 'Check a{sv} 1 repair b false' List OpenSession 'Free u 3'; do
		# shellcheck disable=SC2086 # they are words
		call $arguments
	done
	for arguments in 'Write uay 0 1 1' 'WriteInPlace uay 0 1 1' 'Read uu 0 1' 'Resize u 4' 'Rename s a' \
		'SetMode u 384' Free; do
		# shellcheck disable=SC2086 # they are words
		call_block 1 $arguments
	done
	fails $denied '.*' call SetOwner uuu 2 2 2
	manager ListMemories
	busctl introspect org.smm1 "$memory"
	was_asked 0
}

@test "polkit itself lets smmd ask as user smm, and knows the action" {
	[ -x /usr/lib/polkit-1/polkitd ] || skip 'needs polkitd'
	unshare --mount true || skip 'needs CAP_SYS_ADMIN, to show polkitd other files'
	kill_polkit
	stop_smmd
	run_polkitd
	chown 1 "$dir/fram0.img"
	cp "$SMMD" "$dir/smmd"
	SMMD=$dir/smmd start_smmd setpriv --reuid=1 --regid=1 --clear-groups

	becomes "$needed" --silent 1 Format
	becomes "$no" 1 Format # there is nobody whom it could ask for a password
	each_call ok 2
}

@test "the action is as polkit wants them to be" {
	local dtd=/usr/share/polkit-1/policyconfig-1.dtd

	command -v xmllint >/dev/null || skip 'needs xmllint'
	[ -e $dtd ] || skip 'needs polkitd'
	xmllint --nonet --noout --dtdvalid $dtd "$smm_root/systemd/org.smm1.policy"
}
