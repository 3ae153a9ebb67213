#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# The record of what was run in guests, which are only rows (see exec.bats).
load ../lib.sh

setup_file() {
	private_home
	fake_guests 10
	vmctl list --cached >/dev/null
	row web1
	row web2
	row off stopped
	export FAKE_STOPPED
	FAKE_STOPPED=$(db "SELECT uuid FROM instance WHERE name = 'off'")
}

teardown_file() {
	fake_guests_end
}

setup() {
	db "DELETE FROM execution"
	cd "$BATS_TEST_TMPDIR" || return
}

# last KEY: of the newest execution.
last() {
	vmctl history --executions -n 1 -o json | jq -r ".[0].$1"
}

@test "every command is recorded with its end" {
	try vmctl exec -u root web1 -- sh -c 'exit 3'
	same "$status" 3
	same "$(last 'argv | join(",")')" "sh,-c,exit 3"
	same "$(last state),$(last status),$(last signal),$(last timed_out)" "done,3,null,false"
	same "$(last name),$(last user),$(last transport)" web1,root,ssh
	same "$(last instance)" "$(field web1 id)"
	[[ $(last started_at) =~ ^20..-..-..T..:..:..Z$ ]]
	[[ $(last duration) =~ ^[0-9.]+$ ]]
	try vmctl exec web1 -- sh -c 'kill -9 $PPID'
	same "$(last status),$(last signal)" 137,9
	try vmctl exec --timeout 100ms web1 -- tail -f /dev/null
	same "$(last status),$(last timed_out)" 124,true
	FAKE_SSH_REFUSE=0 try vmctl exec web1 -- true
	same "$(last state),$(last status),$(last transport)" failed,null,null
	has "$(last error)" "another host key"
	vmctl exec -q web1 web2 -- true
	same "$(vmctl history --executions -n 2 -o json | jq -r '[.[].name] | sort | join(",")')" web1,web2
}

@test "arguments are shown so that they could be typed, and kept byte for byte" {
	vmctl exec web1 -- true plain 'a b' "it's" '' $'new\nline' $'\033[2J' $'\377x' 'ü' a=b
	same "$(last command)" "true plain 'a b' 'it'\''s' '' \$'new\nline' \$'\e[2J' \$'\377x' 'ü' a=b"
	same "$(last 'argv[3]'),$(last 'argv[4]')" "it's,"
	same "$(last 'argv[7]')" '?x'
	last argv_base64 | base64 -d >got
	printf '%s\0' true plain 'a b' "it's" '' $'new\nline' $'\033[2J' $'\377x' 'ü' a=b | cmp - got
	# The words mean the same to bash.
	eval "set -- $(last command)"
	same "$#,$7,$8" $'10,\033[2J,\377x'
	vmctl history --executions >out
	same "$(LC_ALL=C grep -c $'[\033\377]' out)" 0
}

@test "history chooses by instance, number and failure, the oldest first" {
	local i
	for i in 1 2 3; do try vmctl exec web1 -- sh -c "exit $((i - 1))"; done
	vmctl exec web2 true
	same "$(vmctl history --executions -o json web1 | jq -c 'map(.status)')" "[0,1,2]"
	same "$(vmctl history --executions -o json -n 2 web1 | jq -c 'map(.status)')" "[1,2]"
	same "$(vmctl history --executions -o json --failed -n 1 | jq -c 'map(.status)')" "[2]"
	same "$(vmctl history --executions -o json --failed web2 | jq -c .)" "[]"
	refused 3 vmctl history --executions nobody
	refused 2 vmctl history
	has "$err" "vmctl history --executions"
	refused 2 vmctl history --executions -n 0
}

@test "what was run stays known when the instance is gone" {
	row gone
	vmctl exec gone true
	id=$(field gone id)
	db "DELETE FROM instance WHERE id = '$id'"
	same "$(vmctl history --executions gone -o json | jq -r '.[0].instance')" "$id"
	same "$(vmctl history --executions "$id" -o json | jq length)" 0 || :
}

@test "a command whose vmctl was killed is lost, one that goes on is running" {
	vmctl exec web1 -- sh -c 'echo $$ >pid; exec tail -f /dev/null' 3>&- &
	local pid=$!
	wait_until 10 test -s pid
	same "$(last state),$(last status),$(last duration)" running,null,null
	same "$(last pid)" "$pid"
	same "$(vmctl history --executions --failed -o json | jq length)" 0
	kill -9 "$pid"
	wait "$pid" || :
	same "$(last state)" lost
	same "$(vmctl history --executions --failed -o json | jq length)" 1
	kill "$(cat pid)"
	# A process of the same number is another one.
	db "UPDATE execution SET pid = $$"
	same "$(last state)" lost
}

@test "nothing is recorded with --no-record, with the setting off, or of what was refused" {
	vmctl exec --no-record web1 -- true secret
	vmctl config set exec.record off
	vmctl exec web1 -- true secret
	vmctl config unset exec.record
	try vmctl exec nobody -- true
	try vmctl exec -e 1=x web1 -- true
	same "$(db 'SELECT count(*) FROM execution')" 0
	same "$(cat "$(database)"* | grep -ac secret)" 0
	# Neither are variables.
	vmctl exec -e A=secret web1 -- true
	same "$(cat "$(database)"* | grep -ac secret)" 0
}

@test "a record that cannot be written stops nothing and costs no time" {
	vmctl exec web1 true
	# Somebody else is writing, for longer than the command takes.
	# It may meet who looks whether it is.
	{ echo 'BEGIN IMMEDIATE;'; wait_until 120 test -e over; } | sqlite3 -cmd '.timeout 5000' "$(database)" &
	wait_until 10 locked
	local begin=$SECONDS
	try vmctl exec web1 -- echo a
	local took=$((SECONDS - begin))
	touch over
	wait
	same "$status$out" 0a
	has "$err" "not recorded"
	((took < 60))
	same "$(db 'SELECT count(*) FROM execution')" 1
	# A folder that cannot be written to.
	chmod a-w "$(database)"* "$VMCTL_HOME"
	try vmctl exec web1 -- echo a
	chmod u+w "$(database)"* "$VMCTL_HOME"
	same "$status$out" 0a
	has "$err" "not recorded"
}

# Its row was read anew meanwhile.
@test "what could not be recorded at the beginning is at the end" {
	{ echo 'BEGIN IMMEDIATE;'; wait_until 20 test -e over; echo 'ROLLBACK;'; } |
		sqlite3 -cmd '.timeout 5000' "$(database)" &
	wait_until 10 locked
	vmctl -vv exec off -- true 2>err 3>&- &
	wait_until 20 grep -q 'not recorded yet' err
	touch over
	wait
	same "$(db 'SELECT count(*) FROM execution')" 1
	same "$(last name)" off
	has "$(last error)" "is not running"
}

locked() {
	! sqlite3 "$(database)" 'BEGIN IMMEDIATE; ROLLBACK;' 2>/dev/null
}

@test "records go with time" {
	local i
	vmctl exec web1 true
	db "UPDATE execution SET started_at_ms = started_at_ms - 8 * 86400 * 1000"
	vmctl exec web1 true
	same "$(db 'SELECT count(*) FROM execution')" 2
	# Those that are too old go with every 64th that comes.
	db "UPDATE sqlite_sequence SET seq = 127 WHERE name = 'execution'"
	vmctl exec web1 true
	same "$(db 'SELECT count(*) FROM execution')" 2
	vmctl config set keep-days 0
	db "UPDATE execution SET started_at_ms = 1; UPDATE sqlite_sequence SET seq = 191 WHERE name = 'execution'"
	vmctl exec web1 true
	vmctl config unset keep-days
	same "$(db 'SELECT count(*) FROM execution')" 3
}
