#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# list --watch, on instances that are only rows: in a terminal, which script(1) gives,
# and for programs. tests/e2e/watch.bats has the changes that a hypervisor reports.

load ../lib.sh
load ../terminal.sh
session=0 # of the terminal: typed sets it

setup_file() {
	private_home
	export TERM=xterm
}

setup() {
	export VMCTL_HOME=$BATS_TEST_TMPDIR/home
	vmctl list --cached >/dev/null
	row web1
	row web2 stopped
}

teardown() {
	exec 8>&-
	[ -z "${reader:-}" ] || kill "$reader" 2>/dev/null || :
}

# begin COMMAND [TEXT]: in a terminal, until its first frame is there.
begin() {
	typed "trap : INT; $1"
	wait_until 30 test -e "$BATS_TEST_TMPDIR/screen"
	wait_until 30 shown "${2:-web1}"
}

# over STATUS: it ends so, and the terminal is as before.
over() {
	wait_until 20 test -e "$BATS_TEST_TMPDIR/rc"
	exec 8>&-
	wait $session || :
	same "$(<"$BATS_TEST_TMPDIR/rc")" "$1"
	same "$(<"$BATS_TEST_TMPDIR/after")" "$(<"$BATS_TEST_TMPDIR/before")"
	# The alternate screen is left, with the cursor shown, as often as it was entered.
	same "$(screens | sort | uniq -c | awk '{ print $1 }' | uniq | wc -l)" 1
	same "$(screens | tail -n 1)" $'\033[?25h\033[?1049l'
}

screens() {
	grep -oE $'\033\\[\\?1049h|\033\\[\\?25h\033\\[\\?1049l' "$BATS_TEST_TMPDIR/screen"
}

# of_watch: its process.
of_watch() {
	ps -o pid=,args= -t "$(<"$BATS_TEST_TMPDIR/tty")" | awk '/vmctl list/ && !/sh -c/ { print $1; exit }'
}

@test "watch: q ends it, and a change of the record is drawn" {
	begin 'vmctl list --watch 200ms --cached'
	db "UPDATE instance SET note = 'x', name = 'renamed' WHERE name = 'web2'"
	wait_until 20 shown renamed
	printf q >&8
	over 0
}

@test "watch: ^C ends it with status 0; a kill restores the terminal and is one" {
	begin 'vmctl list -w --cached'
	printf '\003' >&8
	over 0
	for signal in TERM HUP; do
		begin 'vmctl list --watch 1h --cached'
		kill -s $signal "$(of_watch)"
		wait_until 20 test -e "$BATS_TEST_TMPDIR/rc"
		over $((128 + $(kill -l $signal)))
	done
}

@test "watch: stopped and continued, the terminal is the shell's meanwhile" {
	# With job control, as without it nothing can be stopped.
	begin "set -m; vmctl list --watch 1h --cached; stty -g >'$BATS_TEST_TMPDIR/meanwhile'; fg"
	kill -TSTP "$(of_watch)"
	wait_until 20 test -s "$BATS_TEST_TMPDIR/meanwhile"
	again() { [ "$(screens | tail -n 1)" = $'\033[?1049h' ] && [ "$(screens | wc -l)" -ge 3 ]; }
	wait_until 20 again
	same "$(<"$BATS_TEST_TMPDIR/meanwhile")" "$(<"$BATS_TEST_TMPDIR/before")"
	printf q >&8
	over 0
}

@test "watch: the terminal closing ends it" {
	begin 'vmctl list --watch 1h --cached'
	local pid p q
	pid=$(of_watch)
	for p in $(ps -o pid=,args= --ppid "$session" | awk '{ print $1 }'); do
		for q in "$p" $(ps -o pid= --ppid "$p"); do
			ps -o args= -p "$q" | grep -q '^script' && kill -9 "$q"
		done
	done
	wait_until 20 has_ended "$pid"
}

@test "watch: rows that do not fit are counted, and the size is followed" {
	for i in {1..50}; do row "many$i"; done
	# 40 rows: the heading, 38 instances, and the line that counts.
	begin 'vmctl list --watch 1h --cached' '14 more'
	stty -F "$(<"$BATS_TEST_TMPDIR/tty")" rows 5 cols 30
	wait_until 20 shown '49 more'
	printf q >&8
	over 0
}

@test "watch: filter, selector, columns and sorting apply" {
	vmctl label web1 web2 role=web
	row db1
	begin 'vmctl list --watch 1h --cached -l role=web --filter name~web --columns name,state --sort=-name'
	printf q >&8
	over 0
	same "$(tr '\r' '\n' <"$BATS_TEST_TMPDIR/screen" | sed 's/.*\x1b\[K//' | grep -E '^(NAME|web|db)')" \
		"$(printf 'NAME  STATE\nweb2  stopped\nweb1  running')"
}

@test "watch: a hypervisor that cannot be reached is told of in the frame" {
	db "UPDATE instance SET connection = 'qemu+unix:///session?socket=/nonexistent/sock'"
	begin 'vmctl list --watch 1h'
	wait_until 20 shown 'cannot connect'
	shown unknown
	printf q >&8
	over 0
}

# follow ARGUMENTS: into the file "lines", in the background.
follow() {
	env --default-signal=INT vmctl list --watch 200ms --cached "$@" >"$BATS_TEST_TMPDIR/lines" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
	reader=$!
}

lines() { # N
	[ "$(wc -l <"$BATS_TEST_TMPDIR/lines")" = "$1" ]
}

@test "watch -o ndjson: one complete record for each change, and for what leaves the list" {
	follow -o ndjson --filter state!=paused
	wait_until 20 lines 2
	db "UPDATE instance SET state = 'stopped' WHERE name = 'web1'"
	wait_until 20 lines 3
	tail -n 1 "$BATS_TEST_TMPDIR/lines" | jq -e '.name == "web1" and .state == "stopped"'
	fits instance <"$BATS_TEST_TMPDIR/lines"
	row web3
	wait_until 20 lines 4
	# It does not match any more: once, and not again.
	db "UPDATE instance SET state = 'paused' WHERE name = 'web3'"
	wait_until 20 lines 5
	db "UPDATE instance SET note = 'unseen' WHERE name = 'web3'"
	db "UPDATE instance SET state = 'terminated', terminated_at = 1000 WHERE name = 'web2'"
	wait_until 20 lines 6
	same "$(tail -n 2 "$BATS_TEST_TMPDIR/lines" | jq -r '.name + " " + .state' | paste -sd,)" \
		"web3 paused,web2 terminated"
	kill -INT "$reader"
	wait "$reader"
	same "$(<"$BATS_TEST_TMPDIR/err")" ""
}

@test "watch -o ndjson: of the chosen fields only their changes" {
	follow -o ndjson --columns name,state
	wait_until 20 lines 2
	db "UPDATE instance SET note = 'x'"
	db "UPDATE instance SET state = 'error' WHERE name = 'web2'"
	wait_until 20 lines 3
	same "$(tail -n 1 "$BATS_TEST_TMPDIR/lines")" '{"name":"web2","state":"error"}'
}

@test "watch -o json: the whole list, when any of it has changed" {
	follow -o json --columns name,state
	arrays() { [ "$(jq -c . "$BATS_TEST_TMPDIR/lines" | wc -l)" = "$1" ]; }
	wait_until 20 arrays 1
	db "UPDATE instance SET note = 'x'"
	db "UPDATE instance SET state = 'error' WHERE name = 'web2'"
	wait_until 20 arrays 2
	same "$(jq -c '.[1]' <<<"$(jq -s . "$BATS_TEST_TMPDIR/lines")" | jq -r '.[1].state')" error
}

@test "watch: a reader that goes away ends it, also when nothing changes" {
	mkfifo "$BATS_TEST_TMPDIR/pipe"
	vmctl list --watch 1h --cached -o ndjson >"$BATS_TEST_TMPDIR/pipe" 3>&- &
	reader=$!
	head -n 1 "$BATS_TEST_TMPDIR/pipe" >"$BATS_TEST_TMPDIR/lines"
	wait_until 20 has_ended "$reader"
	wait "$reader"
	lines 1
}

@test "watch: what it cannot do is refused, with what to type" {
	refused 2 vmctl list --watch
	has "$err" "on a terminal"
	has "$err" "-o ndjson"
	refused 2 vmctl list --watch -o csv
	refused 2 vmctl list --watch --print0
	refused 2 vmctl list --watch 50ms -o ndjson
	has "$err" "--watch"
	refused 2 vmctl list --watch web1
	refused 2 vmctl list --watch -o ndjson --filter nonsense=1
	begin 'echo web1; TERM=dumb vmctl list --watch'
	wait_until 20 test -e "$BATS_TEST_TMPDIR/rc"
	same "$(<"$BATS_TEST_TMPDIR/rc")" 2
}

@test "watch: what follows it is completed as an option, as its value may be left out" {
	for option in --watch -w; do
		has "$(vmctl __complete -- list $option --cac)" --cached
	done
}
