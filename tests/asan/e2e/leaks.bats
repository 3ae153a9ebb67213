#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Nothing leaks that only a real machine brings about: what libvirt's client holds for a
# stream, and what ssh and the agent hold for a session.
# shellcheck disable=SC2034 # search.sh reads undo
load ../../lib.sh
load ../search.sh

setup_file() {
	private_home
	private_ssh
	import_mini
	search_begin
}

teardown_file() {
	delete_all
}

@test "creation" {
	undo=(vmctl delete -y box)
	clean 0 create box "${small[@]}" --wait
}

@test "looking" {
	clean 0 list
	clean 0 show box
	clean 0 ip box
	clean 0 wait box
	clean 5 wait box --for stopped --timeout 1s
	clean 0 logs box
	clean 0 host doctor
	clean 0 host stats
}

@test "sessions by the agent" {
	clean 0 exec --transport agent box -- true
	clean 7 exec --transport agent box -- sh -c 'exit 7'
	clean 124 exec --transport agent --timeout 2s box -- tail -f /dev/null
	clean 0 exec --transport agent box -- head -c 1000000 /dev/zero
}

@test "sessions by ssh" {
	clean 0 exec --transport ssh box -- true
	clean 7 exec --transport ssh box -- sh -c 'exit 7'
	clean 124 exec --transport ssh --timeout 2s box -- tail -f /dev/null
	clean 0 ssh box -- true
	echo text >"$BATS_TEST_TMPDIR/file"
	clean 0 cp "$BATS_TEST_TMPDIR/file" box:/tmp/file
	clean 0 cp box:/tmp/file "$BATS_TEST_TMPDIR/back"
	clean 3 cp box:/nothing "$BATS_TEST_TMPDIR/none"
}

@test "the console" {
	clean 0 console --linger 200ms box </dev/null
	clean 0 console --linger 200ms box <<<''
}

@test "ports, starting and the end" {
	local port=$((31900 + $$ % 90))
	undo=(vmctl port remove box "$port")
	clean 0 port add box "$port:80"
	undo=()
	clean 0 port list box
	undo=(vmctl port add box "$port:80")
	clean 0 port remove box "$port"
	undo=()
	clean 0 stop box
	undo=(vmctl stop --force box)
	clean 0 start box
	clean 0 stop --force box
	undo=(vmctl create box "${small[@]}")
	clean 0 delete -y box
}
