#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# A command whose time is up: tests/sshd.sh is the guest.

load ../lib.sh
load ../sshd.sh

setup_file() {
	private_home
	vmctl key generate key
	# Each command makes a connection of its own.
	vmctl config set exec.hold 0s
	sshd_begin
	sshd_instance box 1
	sshd_instance other 2
}

teardown_file() {
	sshd_end
}

# exec_late OPTION... -- COMMAND...: with a time-out in which the command itself, on a
# machine that has other things to do too, has ended. What it wrote are the pids that it
# leaves behind, which are ended here.
exec_late() {
	local s=1 pid
	until
		try vmctl exec --transport ssh --timeout "${s}s" "$@"
		for pid in $out; do kill "$pid" || :; done
		[[ $err = *"ended with status"* ]]
	do
		((s < 60)) || return 1
		s=$((s * 2))
	done
}

@test "a command that ended, but left its output to another, is said to have done so" {
	exec_late box -- sh -c 'tail -f /dev/null & echo $!; exit 3'
	same "$status" 124
	same "$err" "vmctl: box: the command ended with status 3, but something that it started still held its output when the time was up
  what is to go on needs streams of its own: setsid COMMAND </dev/null >/dev/null 2>&1 &"
	exec_late -o json box -- sh -c 'tail -f /dev/null & echo $!; exit 0'
	same "$status" 124
	same "$(jq -r .error.code <<<"$err")" timeout
	has "$(jq -r .error.message <<<"$err")" "box: the command ended with status 0, but"
	has "$(jq -r .error.hint <<<"$err")" "setsid COMMAND"
}

@test "of several instances likewise, and as it is told it goes on" {
	exec_late --prefix never box other -- sh -c 'tail -f /dev/null & echo $!; exit 3'
	same "$status" 124
	has "$err" "the command ended with status 3, but"
	try vmctl exec --transport ssh box -- sh -c 'setsid tail -f -s 60.4715 /dev/null </dev/null >/dev/null 2>&1 & echo $!'
	same "$status" 0
	kill "$out"
}

@test "a command that runs until its time is up did not end in time" {
	try vmctl exec --transport ssh --timeout 2s box -- tail -f /dev/null
	same "$status" 124
	same "$err" "vmctl: box: the command did not end in time"
}
