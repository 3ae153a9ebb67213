#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# list --watch: what libvirt reports is shown at once. An interval of an hour leaves
# nothing else to see it by. tests/cli/watch.bats has terminals and formats.

load ../lib.sh

setup_file() {
	private_home
	import_mini
	vmctl key generate key
	vmctl create box "${small[@]}" >/dev/null
}

teardown_file() {
	delete_all
}

setup() {
	vmctl start box
	watch
}

teardown() {
	kill "$watcher" 2>/dev/null || :
}

# watch [INTERVAL]: into the file "lines".
watch() {
	env --default-signal=INT vmctl list --watch "${1:-1h}" -o ndjson --columns name,state \
		>"$BATS_TEST_TMPDIR/lines" 2>"$BATS_TEST_TMPDIR/errors" 3>&- &
	watcher=$!
	wait_until 30 last box running
}

# last NAME STATE: it was told of so, last.
last() {
	[ "$(tail -n 1 "$BATS_TEST_TMPDIR/lines")" = "{\"name\":\"$1\",\"state\":\"$2\"}" ]
}

@test "watch: what happens to a machine is told when it happens" {
	local id
	id=$(field box id)
	virsh_ suspend "$id"
	wait_until 20 last box paused
	virsh_ resume "$id"
	wait_until 20 last box running
	virsh_ destroy "$id"
	wait_until 20 last box stopped
	kill -INT "$watcher"
	wait "$watcher"
	same "$(<"$BATS_TEST_TMPDIR/errors")" ""
}

@test "watch: an instance is made and deleted" {
	kill "$watcher"
	watch 200ms
	vmctl create new "${small[@]}" >/dev/null
	wait_until 20 last new running
	same "$(sed -n 2p "$BATS_TEST_TMPDIR/lines")" '{"name":"new","state":"pending"}'
	vmctl delete -y new
	wait_until 20 last new terminated
}

@test "watch: goes on when libvirt's daemon is another" {
	on_session || skip "the system's daemon is of all tests"
	local id pid
	id=$(field box id)
	# That it listens is known by what it heard.
	virsh_ suspend "$id"
	wait_until 20 last box paused
	# The oldest: it forks.
	pid=$(pgrep -o -u "$(id -u)" -x libvirtd)
	kill -9 "$pid"
	wait_until 20 has_ended "$pid"
	# The next command, or the list itself, starts another one, which finds the machine.
	wait_until 60 virsh_ resume "$id"
	wait_until 60 last box running
	virsh_ suspend "$id"
	wait_until 20 last box paused
	virsh_ resume "$id"
}
