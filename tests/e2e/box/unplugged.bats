#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# The last of the files with this machine: its power is cut under all that goes on in it.

load ../../lib.sh
load ../../terminal.sh
session=0 # of the terminal: typed sets it

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

copying() { vmctl exec box -- ps | grep -q '[s]ftp-server'; }

@test "TERM-009 the machine going away under a session, a copy and a command is status 255" {
	local command copy rc
	vmctl exec --transport agent box -- sh -c 'echo there; tail -f -s 4713 /dev/null' >out 2>err 3>&- &
	command=$!
	wait_until 60 grep -q there out
	# Without an address of its own the end of the machine closes the
	# connection; with one only silence tells.
	ok vmctl config set ssh.keepalive 2s
	truncate -s 8G huge
	vmctl cp - box:/dev/null <huge 2>copy.err 3>&- &
	copy=$!
	wait_until 60 copying
	ok vmctl config unset ssh.keepalive
	typed 'vmctl ssh box'
	wait_until 60 test -s "$BATS_TEST_TMPDIR/screen"
	echo 'echo there-$((4 + 4))' >&8
	wait_until 60 shown there-8

	ok vmctl stop --force --timeout 0 box
	# QEMU closes a forwarded connection when it ends. One to an address of its own
	# just falls silent, and a look at the machine after the first keep-alive tells.
	wait_until 60 test -e "$BATS_TEST_TMPDIR/rc"
	exec 8>&-
	wait $session || :
	same "$(<"$BATS_TEST_TMPDIR/rc")" 255
	same "$(<"$BATS_TEST_TMPDIR/after")" "$(<"$BATS_TEST_TMPDIR/before")"
	shown 'box has stopped, and the session with it'
	rc=0
	wait $copy || rc=$?
	cat copy.err
	same $rc 255
	rc=0
	wait $command || rc=$?
	cat err
	same $rc 255
}

@test "a machine that does not run is not entered" {
	fails 255 vmctl exec --transport agent box -- true
	fails 4 vmctl exec box -- true
	has "$err" "vmctl start box"
	fails 4 vmctl cp . box:
	has "$err" "vmctl start box"
}
