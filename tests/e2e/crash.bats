#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Killed processes and processes at once.

load ../lib.sh

setup_file() {
	private_home
	import_mini
	vmctl key generate key
	# Warm: libvirt's daemon runs and knows QEMU.
	vmctl create warm "${small[@]}"
	vmctl delete -y warm
}

teardown_file() {
	delete_all
}

@test "INST-006 create of an existing image takes well under a second once libvirt is warm" {
	# The machine that tests may be busy: what counts is how long libvirt takes to
	# start the same, in the same minute, and the best of several.
	local create=99999 start=99999 ms
	for _ in 1 2 3 4 5; do
		took vmctl create quick "${small[@]}"
		((ms > create)) || create=$ms
		ok vmctl stop --force quick
		took virsh_ start "$(field quick id)"
		((ms > start)) || start=$ms
		ok vmctl delete -y quick
		((create > 2 * start)) || break
	done
	echo "# create took $create ms, libvirt's start alone $start ms" >&3
	((create <= 3 * start))
}

took() { # COMMAND...: it succeeds, in $ms
	ms=$(date +%s%N)
	ok "$@"
	ms=$((($(date +%s%N) - ms) / 1000000))
}

@test "REL-001 kill -9 of create at ten moments: all is listed, and delete removes all" {
	start=$(date +%s%N)
	ok vmctl create measure "${small[@]}"
	whole=$((($(date +%s%N) - start) / 1000000))
	ok vmctl delete -y measure
	for i in 0 1 2 3 4 5 6 7 8 9; do
		# A random moment in each tenth.
		ms=$((whole * i / 10 + RANDOM % (whole / 10 + 1)))
		timeout --foreground -s KILL "$((ms / 1000)).$(printf %03d $((ms % 1000)))" \
			vmctl create "kill$i" "${small[@]}" >/dev/null 2>&1 || :
		# Half of the time another command comes in between.
		[ $((i % 2)) = 0 ] || vmctl list >/dev/null
	done
	ok vmctl list
	mapfile -t ids < <(vmctl list -o json | jq -r '.[].id')
	echo "# ${#ids[@]} of 10 are listed after creates killed within $whole ms" >&3
	# Whatever exists is listed.
	for id in $(domains) $(ls "$VMCTL_HOME/instances"); do
		has " ${ids[*]} " " $id "
	done
	# None is stuck in pending: nobody works on it.
	same "$(vmctl list -o json | jq -r '.[] | select(.state == "pending") | .name')" ""
	mapfile -t ports < <(vmctl list -o json | jq -r '.[].ssh_port // empty | select(. != 22)')
	for id in "${ids[@]}"; do
		ok vmctl delete -y "$id"
	done
	same "$(vmctl list -o name)" ""
	same "$(domains)" ""
	same "$(ls "$VMCTL_HOME/instances")" ""
	for id in "${ids[@]}"; do
		same "$(qemu_of "$id")" ""
	done
	for port in "${ports[@]}"; do
		wait_until 5 doesnt_listen "$port"
	done
	# Of nobody is an address kept (NET-007).
	wait_until 5 not_held 52:54:00
	same "$(db 'SELECT count(*) FROM intent')" 0
}

@test "kill -9 of delete: the next delete ends it" {
	for ms in 020 080 200; do
		ok vmctl create "gone$ms" "${small[@]}"
		id=$(field "gone$ms" id)
		timeout --foreground -s KILL "0.$ms" vmctl delete -y "gone$ms" >/dev/null 2>&1 || :
		if vmctl list -o name | grep -qx "gone$ms"; then
			ok vmctl delete -y "gone$ms"
		fi
		nothing_left "$id"
	done
}

# interrupt SIGNAL: a creation that has its disk gets it; its status in $rc. What is
# stopped first cannot end before it is sent.
interrupt() {
	local pid
	rc=0
	# In the background a shell has SIGINT ignored.
	env --default-signal=INT vmctl create "sig$1" "${small[@]}" >"$BATS_TEST_TMPDIR/out" \
		2>"$BATS_TEST_TMPDIR/err" 3>&- &
	pid=$!
	until compgen -G "$VMCTL_HOME/instances/*/disk.qcow2" >/dev/null || has_ended $pid; do :; done
	kill -s STOP $pid
	kill -s "$1" $pid
	kill -s CONT $pid
	wait $pid || rc=$?
}

@test "SIGINT and SIGTERM of create undo what it made" {
	same "$(ls "$VMCTL_HOME/instances")" ""
	for signal in INT TERM; do
		# Now and then all is done before it could be stopped.
		for _ in 1 2 3 4 5 6 7 8 9 10; do
			interrupt $signal
			[ $rc = 0 ] || break
			ok vmctl delete -y sig$signal
		done
		cat "$BATS_TEST_TMPDIR/err"
		same "$rc" $((128 + $(kill -l $signal)))
		same "$(<"$BATS_TEST_TMPDIR/out")" ""
		same "$(vmctl list -o name)" ""
		same "$(domains)" ""
		same "$(ls "$VMCTL_HOME/instances")" ""
		same "$(db 'SELECT count(*) FROM intent')" 0
	done
}

@test "two creates at once both run" {
	vmctl create one "${small[@]}" >"$BATS_TEST_TMPDIR/1" 2>&1 &
	first=$!
	vmctl create two "${small[@]}" >"$BATS_TEST_TMPDIR/2" 2>&1 &
	second=$!
	wait $first || { cat "$BATS_TEST_TMPDIR/1" && false; }
	wait $second || { cat "$BATS_TEST_TMPDIR/2" && false; }
	same "$(field one state)" running
	same "$(field two state)" running
	[ "$(vmctl ip one)" != "$(vmctl ip two)" ]
	ok vmctl delete -y one two
}

@test "INST-003 two creates of one name at once: one wins, the other is status 4" {
	rc1=0 rc2=0
	vmctl create same "${small[@]}" >/dev/null 2>"$BATS_TEST_TMPDIR/1" &
	first=$!
	vmctl create same "${small[@]}" >/dev/null 2>"$BATS_TEST_TMPDIR/2" &
	second=$!
	wait $first || rc1=$?
	wait $second || rc2=$?
	cat "$BATS_TEST_TMPDIR"/[12]
	same $((rc1 + rc2)) 4
	same "$(vmctl list -o name | grep -c '^same$')" 1
	ok vmctl delete -y same
}

@test "a port that somebody else took meanwhile does no harm at start" {
	session_only
	ok vmctl create ports "${small[@]}"
	port=$(field ports ssh_port)
	ok vmctl stop --force --timeout 0 ports
	wait_until 5 doesnt_listen "$port"
	mkfifo "$BATS_TEST_TMPDIR/f"
	perl -MIO::Socket::INET -e '
		my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => $ARGV[0],
			Listen => 1, ReuseAddr => 1) or die "$!";
		$| = 1; print "ready\n"; <STDIN>' "$port" <"$BATS_TEST_TMPDIR/f" \
		>"$BATS_TEST_TMPDIR/ready" &
	holder=$!
	exec 9>"$BATS_TEST_TMPDIR/f"
	wait_until 10 test -s "$BATS_TEST_TMPDIR/ready"
	try vmctl start ports
	exec 9>&-
	wait $holder
	same "$status" 0
	[ "$(field ports ssh_port)" != "$port" ]
	listens "$(field ports ssh_port)"
	ok vmctl delete -y ports
}

@test "a list while a creation is under way shows it as pending, and delete waits for its end" {
	vmctl create slow "${small[@]}" >/dev/null 2>&1 &
	pid=$!
	pending() { vmctl list --cached -o json | jq -e '.[] | select(.name == "slow")' >/dev/null; }
	wait_until 10 pending
	ok vmctl delete -y slow --timeout 300s
	wait $pid
	same "$(vmctl list -o name)" ""
	same "$(domains)" ""
}
