#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# The serial console and its record, with one guest.

load ../lib.sh
load ../terminal.sh
session=0 # of the terminal: typed sets it

setup_file() {
	private_home
	import_mini
	vmctl create box "${small[@]}" --wait
}

teardown_file() {
	delete_all
}

# enter [OPTION...]: a session in a terminal, with the guest's prompt on it.
enter() {
	typed "vmctl console $* box"
	prompted() {
		printf '\r' >&8
		shown 'login:'
	}
	wait_until 60 prompted
}

# left: the session is over, and the terminal as it was.
left() {
	wait_until 20 test -e "$BATS_TEST_TMPDIR/rc"
	exec 8>&-
	wait $session || :
	cat -v "$BATS_TEST_TMPDIR/screen"
	same "$(<"$BATS_TEST_TMPDIR/after")" "$(<"$BATS_TEST_TMPDIR/before")"
}

reader() { # the pid of the session in the terminal
	ps -o pid=,args= -t "$(<"$BATS_TEST_TMPDIR/tty")" |
		awk '/vmctl console/ && !/sh -c/ { print $1; exit }'
}

@test "console: a session is entered, typed in and left by Ctrl-]" {
	enter
	shown 'Ctrl-\] leaves'
	printf 'nobody\r' >&8
	wait_until 30 shown 'Password:'
	# Control characters are the guest's: ^C interrupts getty, not us.
	printf '\003' >&8
	prompted
	printf '\035' >&8
	left
	same "$(<"$BATS_TEST_TMPDIR/rc")" 0
	shown 'Left the console'
}

@test "console: another escape, and none" {
	enter -e ^a
	shown 'Ctrl-a leaves'
	# The usual one is the guest's then.
	printf '\035' >&8
	printf 'still-there\r' >&8
	wait_until 30 shown 'still-there'
	printf '\001' >&8
	left
	same "$(<"$BATS_TEST_TMPDIR/rc")" 0
}

@test "console: a second reader is refused, told who has it, and may take it over" {
	enter
	pid=$(reader)
	fails 4 vmctl console box
	has "$err" "in use by process $pid (vmctl console box)"
	has "$err" "vmctl console --force box"
	# The first goes on.
	[ -d "/proc/$pid" ]
	ok vmctl console --force --linger 200ms box <<<''
	left
	same "$(<"$BATS_TEST_TMPDIR/rc")" 4
	shown "taken over by"
	# Nobody has it now.
	ok vmctl console --linger 200ms box </dev/null
	hasnt "$err" "in use"
}

@test "console: another program's session is seen too" {
	mkfifo "$BATS_TEST_TMPDIR/held"
	script -qec "virsh -c ${VMT_CONNECT:-qemu:///session} console $(field box id)" /dev/null \
		<"$BATS_TEST_TMPDIR/held" >"$BATS_TEST_TMPDIR/virsh" &
	exec 9>"$BATS_TEST_TMPDIR/held"
	wait_until 20 grep -q Connected "$BATS_TEST_TMPDIR/virsh"
	fails 4 vmctl console box </dev/null
	has "$err" "in use by another program"
	ok vmctl console --force --linger 200ms box </dev/null
	exec 9>&-
	wait
}

@test "console: input from a pipe arrives, output goes to a pipe as it is" {
	answered() {
		printf '\rpiped-name\r' | vmctl console box >"$BATS_TEST_TMPDIR/raw"
		# As the serial line has it, with CR LF.
		grep -q "$(printf 'piped-name\r')" "$BATS_TEST_TMPDIR/raw" &&
			grep -q 'Password:' "$BATS_TEST_TMPDIR/raw"
	}
	wait_until 60 answered
	try vmctl console --timeout 1s --linger 1h box </dev/null
	same "$status" 5
	# A reader that goes away ends it.
	printf '\r' | timeout 60 vmctl console --linger 1h box | head -c 1 >/dev/null
}

@test "console: a kill restores the terminal" {
	for signal in TERM HUP; do
		enter
		kill -s $signal "$(reader)"
		left
		[ "$(<"$BATS_TEST_TMPDIR/rc")" -gt 128 ]
	done
	# What was killed at once holds nothing.
	enter
	kill -KILL "$(reader)"
	wait_until 20 test -e "$BATS_TEST_TMPDIR/rc"
	exec 8>&-
	wait $session || :
	free() { vmctl console --linger 100ms box </dev/null; }
	wait_until 10 free
}

@test "console: the machine going off ends it with status 0; then it is refused with a hint" {
	enter
	ok vmctl stop --force --timeout 0 box
	left
	same "$(<"$BATS_TEST_TMPDIR/rc")" 0
	shown 'box went off'
	fails 4 vmctl console box </dev/null
	has "$err" "is not running"
	has "$err" "vmctl start box"
}

# follow FILE [OPTION...]: in the background; $follower is its pid.
follow() {
	local to=$1
	shift
	env --default-signal=INT vmctl logs -f "$@" box >"$to" 2>"$to.err" &
	follower=$!
}

@test "logs: a stop and a start are two records, and following goes over both" {
	follow "$BATS_TEST_TMPDIR/f" -n 1
	wait_until 20 test -s "$BATS_TEST_TMPDIR/f"
	ok vmctl start box
	booted() { sed '0,/Linux version/d' "$BATS_TEST_TMPDIR/f" | grep -q 'login:'; }
	wait_until 60 booted
	kill -INT $follower
	rc=0
	wait $follower || rc=$?
	same $rc 130
	ok vmctl logs --list-boots -o json box
	same "$(jq length <<<"$out")" 2
	same "$(jq -r '.[0].ended' <<<"$out")" "its power was cut"
	same "$(jq -r '.[1].ended' <<<"$out")" null
	same "$(jq -r '.[1].index' <<<"$out")" 0
	ok vmctl logs -b -1 box
	has "$out" 'still-there'
	ok vmctl logs box
	has "$out" 'login:'
	hasnt "$out" 'still-there'
	ok vmctl logs --since -1 box
	has "$out" 'still-there'
	fails 3 vmctl logs -b -7 box
	has "$err" "vmctl logs --list-boots box"
}

@test "logs: a guest that writes without end is held to the limit" {
	ok vmctl config set logs.size 64K
	ok vmctl wait box
	# shellcheck disable=SC2016 # for the guest's shell
	ok vmctl exec box -- sudo sh -c 'i=0; while [ $i -lt 3000 ]; do
		echo "$i xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"; i=$((i + 1)); done >/dev/ttyS0'
	written() { vmctl logs box | grep -q '^2999 x'; }
	wait_until 60 written
	size() { cat "$VMCTL_HOME/instances/$(field box id)"/console.log* | wc -c; }
	ok vmctl list
	[ "$(size)" -le 65536 ]
	# The writer goes on at the end of what is left, wherever it was.
	ok vmctl exec box -- sudo sh -c 'echo after the cut >/dev/ttyS0'
	after() { vmctl logs -n 3 box | grep -q '^after the cut'; }
	wait_until 30 after
	[ "$(size)" -le 66000 ]
	ok vmctl config unset logs.size
}

@test "logs: the record outlives the instance, by name and id, and following ends" {
	id=$(field box id)
	follow "$BATS_TEST_TMPDIR/f" -n 1
	wait_until 20 test -s "$BATS_TEST_TMPDIR/f"
	ok vmctl delete -y box
	nothing_left "$id"
	wait $follower
	grep -q 'box was deleted' "$BATS_TEST_TMPDIR/f.err"
	ok vmctl logs -b -1 box
	has "$out" 'still-there'
	has "$err" "this is the record of $id"
	ok vmctl logs -n 1 "$id"
	same "$err" ""
	ok vmctl logs --list-boots -o json box
	same "$(jq -r '.[1].ended' <<<"$out")" "it was deleted"
	fails 4 vmctl console "$id" </dev/null
	# A terminal gets nothing that moves its cursor.
	run ! grep -q "$(printf '\033')" <(script -qec "vmctl logs -b -1 box" /dev/null </dev/null)
}
