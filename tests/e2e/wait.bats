#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# wait: each condition, what happens on the way, and what is told at the end.

load ../lib.sh

setup_file() {
	private_home
	import_mini
	vmctl create box "${small[@]}"
}

teardown_file() {
	delete_all
}

# in_the_background STATUS-FILE COMMAND...
in_the_background() {
	local to=$1
	shift
	(
		rc=0
		"$@" >"$to.out" 2>"$to.err" || rc=$?
		echo "$rc $EPOCHREALTIME" >"$to.new"
		mv "$to.new" "$to"
	) &
}

# since FILE MOMENT: seconds from there to the end that FILE tells of.
since() {
	awk -v from="$2" '{ print $2 - from }' "$1"
}

# The first line of progress says that it has begun to listen.
listening() {
	grep -q waiting "$W.err"
}

setup() {
	W=$BATS_TEST_TMPDIR/waited
}

@test "wait: every condition comes true, and is true from then on" {
	for what in running ip agent ssh cloud-init; do
		ok vmctl wait box --for $what --timeout 4m
		same "$out$err" ""
	done
	ok vmctl wait box --for running,ip --for agent --for ssh,cloud-init --timeout 4m
	for what in running ip agent ssh; do
		ok vmctl wait box --for $what --timeout 0
	done
	try vmctl wait box --for stopped --timeout 0
	same "$status" 5
}

# Before that the keys may still be on their way.
@test "wait: a refusal is final once cloud-init has ended, however young the guest is" {
	local begin
	has "$(vmctl logs box)" "Cloud-init v. mini finished at "
	vmctl exec --transport agent -u root box -- mv /home/vm/.ssh/authorized_keys /root/hidden
	db "DELETE FROM fact WHERE key LIKE 'entered/%'"
	begin=$SECONDS
	try vmctl wait box --for ssh --timeout 4m
	# It was not for the time-out.
	((SECONDS - begin < 200))
	vmctl exec --transport agent -u root box -- mv /root/hidden /home/vm/.ssh/authorized_keys
	same "$status" 1
	has "$err" "refused every key for user vm"
	ok vmctl wait box --for ssh --timeout 1m
}

@test "wait: an account that cloud-init lets nobody in as is named, with the one to take" {
	local sentence='Please login as the user \"debian\" rather than the user \"vm\".'
	as_root() { vmctl exec --transport agent -u root box -- "$@"; }
	as_root cp -p /home/vm/.ssh/authorized_keys /root/kept
	# As cloud-init has it, without the pause.
	as_root sed -i "s|^|command=\"echo '${sentence//\\/\\\\}';exit 142\" |" /home/vm/.ssh/authorized_keys
	db "DELETE FROM fact WHERE key LIKE 'entered/%'"
	try vmctl wait box --for ssh --timeout 4m
	as_root cp -p /root/kept /home/vm/.ssh/authorized_keys
	same "$status" 1
	has "$err" 'the account vm of the guest lets nobody in: "Please login as the user "debian"'
	has "$err" 'vmctl ssh --user debian box'
	ok vmctl wait box --for ssh --timeout 1m
}

@test "wait: an agent that has its channel open and does not answer is none" {
	local own qemu
	guest() { vmctl exec --transport ssh box -- "$@"; }
	own=$(guest pidof vmctl-agent)
	qemu=$(guest pidof qemu-ga)
	# One that answers will do.
	ok guest sudo kill -STOP "$own"
	ok vmctl wait box --for agent --timeout 2m
	ok guest sudo kill -STOP "$qemu"
	try vmctl wait box --for agent --timeout 3s
	same "$status" 5
	has "$err" "box has no guest agent that answers after 3s"
	has "$err" "vmctl's agent is connected"
	has "$err" "the QEMU guest agent is connected"
	try vmctl wait box --for agent --timeout 0
	same "$status" 5
	in_the_background "$W" vmctl wait box --for agent --timeout 2m
	ok guest sudo kill -CONT "$own"
	wait_until 60 test -s "$W"
	same "$(cut -d ' ' -f 1 "$W")" 0
	ok guest sudo kill -STOP "$own"
	ok guest sudo kill -CONT "$qemu"
	ok vmctl wait box --for agent --timeout 2m
	ok guest sudo kill -CONT "$own"
}

@test "wait: on a terminal a line tells what is waited for and what the guest shows" {
	guest() { vmctl exec box -- "$@"; }
	ok guest sudo sh -c 'printf "\033[31mred\033[0m\a mark\n" >/dev/console'
	script -qec "vmctl wait box --for stopped --timeout 3s" /dev/null >"$W" </dev/null || :
	grep -q 'waiting for it to stop' "$W"
	grep -q '| red mark' "$W"
	# Without one there is nothing but the error and its diagnosis.
	try vmctl wait box --for stopped --timeout 3s
	hasnt "$err" waiting
}

@test "wait: a stop by another process is seen within a second" {
	in_the_background "$W" vmctl wait box -v --for stopped --timeout 2m
	wait_until 20 listening
	ok vmctl stop --force --timeout 0 box
	stopped=$EPOCHREALTIME
	wait_until 20 test -s "$W"
	same "$(cut -d ' ' -f 1 "$W")" 0
	awk -v s="$(since "$W" "$stopped")" 'BEGIN { exit !(s < 1) }'
	ok vmctl wait box --for stopped --timeout 0
	fails 4 vmctl wait box --for ip --timeout 1m
	has "$err" "vmctl start box"
}

@test "wait: a guest that is killed on its way ends it at once, with its last words" {
	ok vmctl start box
	in_the_background "$W" vmctl wait box -v --for running,ssh,cloud-init --timeout 4m
	wait_until 20 test -e "$W.err"
	wait_until 60 bash -c '[ -n "$(vmctl logs box)" ]'
	pid=$(qemu_of "$(field box id)")
	kill -9 "$pid"
	killed=$EPOCHREALTIME
	wait_until 30 test -s "$W"
	cat "$W.err"
	same "$(cut -d ' ' -f 1 "$W")" 4
	# What libvirt needs to notice is its own.
	awk -v s="$(since "$W" "$killed")" 'BEGIN { exit !(s < 10) }'
	grep -q 'box stopped while it was waited for: its QEMU process ended unexpectedly' "$W.err"
	grep -q '^  console ' "$W.err"
}

@test "wait: one that never gets there is told of from all sides, with status 5" {
	ok vmctl start box
	ok vmctl wait box --for ssh --timeout 4m
	# From here on its sshd takes connections and says nothing.
	ok vmctl exec box -- sudo sh -c 'kill -STOP $(pidof sshd); kill -STOP $(cat /run/sshd.pid) || :' || :
	try vmctl wait box --for ssh --timeout 3s
	same "$status" 5
	has "$err" "box cannot be entered by ssh after 3s"
	has "$err" "vmctl logs box"
	for topic in state process interface ssh agent console; do
		grep -q "^  $topic  *[^ ]" <<<"$err"
	done
	[ "$(grep -c '| ' <<<"$err")" -ge 1 ]
	try vmctl -o json wait box --for ssh --timeout 1s
	same "$status" 5
	same "$(jq -r '.error.code' <<<"$err")" timeout
	same "$(jq -r '[.error.diagnosis[].topic] | contains(["state", "ssh", "console"])' <<<"$err")" true
	fails 5 vmctl -q wait box --for ssh --timeout 1s
}

@test "ssh and exec to one that cannot be entered end with the same diagnosis" {
	local topic
	# Its sshd is still as the test before left it.
	try vmctl ssh box --timeout 3s -- true
	same "$status" 255
	has "$err" "vmctl logs box"
	for topic in state process interface ssh agent console; do
		grep -q "^  $topic  *[^ ]" <<<"$err"
	done
	try vmctl -o json exec --transport ssh box -- true
	same "$status" 255
	same "$(jq -r '[.error.diagnosis[].topic] | contains(["state", "ssh", "console"])' <<<"$err")" true
	fails 255 vmctl -q ssh box --timeout 3s -- true
	# One among several is told in a line.
	try vmctl exec --transport ssh box nobody -- true
	has "$err" box
	hasnt "$err" console
}

@test "wait: libvirt going away and coming back is waited for" {
	session_only
	in_the_background "$W" vmctl wait box -v --for stopped --timeout 2m
	wait_until 20 listening
	pid=$(pgrep -o -u "$(id -u)" -x libvirtd)
	kill -9 "$pid"
	# The next command starts another daemon, which finds the machine.
	ok vmctl stop --force --timeout 0 box
	wait_until 60 test -s "$W"
	cat "$W.err"
	same "$(cut -d ' ' -f 1 "$W")" 0
}

@test "wait: several have one time, and each that fails is told of" {
	ok vmctl start box
	begun=$EPOCHREALTIME
	try vmctl wait box box nosuch --for stopped --timeout 2s
	awk -v a="$begun" -v b="$EPOCHREALTIME" 'BEGIN { exit !(b - a < 8) }'
	same "$status" 1
	has "$err" "box is not stopped after 2s"
	has "$err" "no instance 'nosuch'"
	has "$err" "2 of 2 failed"
}

@test "wait: one that is being created, and one that is deleted" {
	in_the_background "$W" vmctl create late "${small[@]}"
	known() { db "SELECT name FROM instance WHERE live" 2>/dev/null | grep -q late ||
		vmctl list --cached -o name | grep -q late; }
	wait_until 30 known
	ok vmctl wait late --for running --timeout 2m
	in_the_background "$W.gone" vmctl wait late -v --for stopped --timeout 2m
	in_the_background "$W.lost" vmctl wait late -v --for running,cloud-init --timeout 2m
	began() { grep -q waiting "$W.gone.err" && grep -q waiting "$W.lost.err"; }
	wait_until 30 began
	ok vmctl delete -y late
	wait_until 30 test -s "$W.gone"
	wait_until 30 test -s "$W.lost"
	cat "$W.gone.err" "$W.lost.err"
	same "$(cut -d ' ' -f 1 "$W.gone")" 0
	same "$(cut -d ' ' -f 1 "$W.lost")" 4
}
