#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# The log file of errors and warnings.

load ../lib.sh

setup() {
	private_home
	export VMCTL_HOME=$BATS_TEST_TMPDIR/v
	mkdir -m 700 "$VMCTL_HOME"
	LOG=$VMCTL_HOME/log/vmctl.log
}

@test "LOG-001 errors are logged with time, process and command" {
	fails 3 vmctl key show nobody
	[[ $(cat "$LOG") =~ ^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z\ [0-9]+\ error\ key\ show:\ .*nobody ]]
	same "$(wc -l <"$LOG")" 1
	same "$(stat -c %a "$LOG" "$VMCTL_HOME/log")" "$(printf '600\n700')"
	fails 2 vmctl key show --nonsense
	has "$(tail -n 1 "$LOG")" " error key show: "
	fails 2 vmctl nonsense
	has "$(tail -n 1 "$LOG")" " error vmctl: "
	fails 3 vmctl key show nobody -o json
	hasnt "$(tail -n 1 "$LOG")" '{'
}

@test "LOG-001 warnings are logged, also with --quiet; what succeeds is not" {
	ok vmctl key list
	[ ! -e "$LOG" ]
	echo '{ "iamge": 1 }' >"$VMCTL_HOME/config.json"
	ok vmctl config list -q
	same "$err" ""
	has "$(cat "$LOG")" " warning config list: "
}

@test "LOG-001 each target of several has its line" {
	try vmctl key show one two
	same "$status" 3
	same "$(sed 's/^[^ ]* [0-9]* //' "$LOG")" "$(printf 'error key show: %s\n' \
		'no key is named one' 'no key is named two' '2 of 2 failed')"
}

@test "LOG-001 neither keys, user data nor a guest's command line get into it" {
	printf -- '-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0LWtleQ==\n-----END OPENSSH PRIVATE KEY-----\n' \
		>"$BATS_TEST_TMPDIR/private"
	fails 1 vmctl key import me "$BATS_TEST_TMPDIR/private"
	try vmctl create --image nosuch --user-data - web1 <<<'#!/bin/sh secret-data'
	try vmctl create --user-data - web1 <<<'secret-data of no kind'
	try vmctl exec nobody -- mysql -psecret-word
	has "$(cat "$LOG")" " error exec: "
	hasnt "$(cat "$LOG")" c2VjcmV0
	hasnt "$(cat "$LOG")" secret-data
	hasnt "$(cat "$LOG")" secret-word
}

@test "LOG-001 what comes from outside cannot forge a line" {
	fails 3 vmctl key show $'x\n2026-01-01T00:00:00Z 1 error create: forged'
	same "$(wc -l <"$LOG")" 1
}

@test "LOG-002 it is rotated before it exceeds 10 MB" {
	mkdir "$VMCTL_HOME/log"
	truncate -s 9999990 "$LOG"
	fails 3 vmctl key show nobody
	same "$(stat -c %s "$LOG.$(date -u +%F)")" 9999990
	same "$(wc -l <"$LOG")" 1
}

@test "LOG-003 LOG-004 it is rotated daily, and a week is kept" {
	mkdir "$VMCTL_HOME/log"
	echo old >"$LOG"
	touch -d '1 day ago' "$LOG"
	for days in 6 8; do
		touch -d "$days days ago" "$LOG.$(date -u -d "$days days ago" +%F)"
	done
	fails 3 vmctl key show nobody
	same "$(cat "$LOG.$(date -u -d '1 day ago' +%F)")" old
	[ -e "$LOG.$(date -u -d '6 days ago' +%F)" ]
	[ ! -e "$LOG.$(date -u -d '8 days ago' +%F)" ]
	same "$(wc -l <"$LOG")" 1
}

@test "LOG-001 the log is below XDG_STATE_HOME without VMCTL_HOME" {
	unset VMCTL_HOME
	export HOME=$BATS_TEST_TMPDIR/h
	mkdir "$HOME"
	fails 3 vmctl key show nobody
	[ -s "$HOME/.local/state/vmctl/log/vmctl.log" ]
	XDG_STATE_HOME=$BATS_TEST_TMPDIR/s fails 3 vmctl key show nobody
	[ -s "$BATS_TEST_TMPDIR/s/vmctl/log/vmctl.log" ]
}

@test "LOG-001 a log that cannot be written changes nothing" {
	touch "$VMCTL_HOME/log"
	fails 3 vmctl key show nobody
	rm "$VMCTL_HOME/log"
	mkdir "$VMCTL_HOME/log"
	mkfifo "$LOG"
	fails 3 timeout 10 vmctl key show nobody
}
