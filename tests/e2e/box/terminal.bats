#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# ssh with a terminal. script(1) gives the pseudo-terminal of this side.

load ../../lib.sh
load ../../terminal.sh
session=0 # of the terminal: typed sets it

teardown() {
	unlock
	[ -z "${SSH_AGENT_PID:-}" ] || kill "$SSH_AGENT_PID"
	[ -z "${tunnel:-}" ] || kill "$tunnel" 2>/dev/null || :
}

@test "TERM-001 TERM-002 TERM-009 a shell: input and output are relayed, its status is ours" {
	typed 'vmctl ssh box'
	wait_until 30 test -s "$BATS_TEST_TMPDIR/screen"
	echo 'echo mark-$((40 + 2)); tty; exit 7' >&8
	wait $session || :
	exec 8>&-
	cat -v "$BATS_TEST_TMPDIR/screen"
	shown mark-42
	shown /dev/pts/
	same "$(<"$BATS_TEST_TMPDIR/rc")" 7
	same "$(<"$BATS_TEST_TMPDIR/after")" "$(<"$BATS_TEST_TMPDIR/before")"
}

@test "TERM-003 TERM-004 the window's size is told at first and when it changes" {
	typed 'vmctl ssh box'
	wait_until 30 test -s "$BATS_TEST_TMPDIR/screen"
	echo 'stty size | sed s/^/size-/' >&8
	wait_until 30 shown 'size-40 100'
	stty -F "$(<"$BATS_TEST_TMPDIR/tty")" rows 33 cols 77
	changed() {
		echo 'stty size | sed s/^/size-/' >&8
		shown 'size-33 77'
	}
	wait_until 30 changed
	echo exit >&8
	wait $session || :
	exec 8>&-
}

@test "TERM-005 control characters reach the guest: ^C interrupts its command, not ours" {
	typed 'vmctl ssh box'
	wait_until 30 test -s "$BATS_TEST_TMPDIR/screen"
	echo 'echo ready-$((1 + 1)); cat >/dev/null; echo after-$((2 + 2))' >&8
	wait_until 30 shown ready-2
	interrupted() {
		printf '\003' >&8
		echo 'echo back-$((3 + 3))' >&8
		shown back-6
	}
	wait_until 30 interrupted
	echo 'exit 3' >&8
	wait $session || :
	exec 8>&-
	same "$(<"$BATS_TEST_TMPDIR/rc")" 3
}

@test "TERM-010 a kill restores the terminal and closes the connection" {
	for signal in TERM INT HUP; do
		typed 'vmctl ssh box'
		wait_until 30 test -s "$BATS_TEST_TMPDIR/screen"
		echo 'echo there-$((4 + 4))' >&8
		wait_until 30 shown there-8
		pid=$(ps -o pid=,args= -t "$(<"$BATS_TEST_TMPDIR/tty")" | awk '/vmctl ssh/ && !/sh -c/ { print $1; exit }')
		kill -s $signal "$pid"
		wait_until 20 test -e "$BATS_TEST_TMPDIR/rc"
		exec 8>&-
		wait $session || :
		same "$(<"$BATS_TEST_TMPDIR/after")" "$(<"$BATS_TEST_TMPDIR/before")"
		[ "$(<"$BATS_TEST_TMPDIR/rc")" != 0 ]
	done
	nobody() { [ "$(vmctl exec box -- ps | grep -c 'pts/')" = 0 ]; }
	wait_until 30 nobody
}

@test "TERM-010 the terminal closing ends the session on both sides" {
	typed 'vmctl ssh box'
	wait_until 30 test -s "$BATS_TEST_TMPDIR/screen"
	echo 'echo there-$((4 + 4))' >&8
	wait_until 30 shown there-8
	pid=$(ps -o pid=,args= -t "$(<"$BATS_TEST_TMPDIR/tty")" | awk '/vmctl ssh/ && !/sh -c/ { print $1; exit }')
	# script dies: the terminal hangs up.
	for p in $(ps -o pid=,args= --ppid "$session" | awk '{ print $1 }'); do
		for q in "$p" $(ps -o pid= --ppid "$p"); do
			ps -o args= -p "$q" | grep -q '^script' && kill -9 "$q"
		done
	done
	wait_until 20 has_ended "$pid"
	exec 8>&-
	wait $session || :
}

@test "TERM-006 without a terminal ssh reads commands from standard input" {
	try vmctl ssh box <<<'echo piped-$((5 + 5)); exit 9'
	same "$status" 9
	has "$out" piped-10
}

# lock: from now on the private half of the instance's key has a passphrase.
lock() {
	KEYFILE=$(vmctl key show default -o json | jq -r .private_path)
	cp -p "$KEYFILE" "$BATS_TEST_TMPDIR/open"
	ssh-keygen -q -p -P '' -N 'a secret' -f "$KEYFILE"
}

unlock() {
	[ ! -e "$BATS_TEST_TMPDIR/open" ] || cp -p "$BATS_TEST_TMPDIR/open" "$KEYFILE"
}

@test "TERM-012 a locked key is asked for on the terminal, also when it is mistyped" {
	lock
	# Neither standard input nor output is the terminal.
	typed 'vmctl ssh box -- sh -c "cat; echo in-\$((40 + 2))" </dev/null | cat'
	wait_until 60 shown "Passphrase for $KEYFILE"
	echo 'a secrte' >&8
	wait_until 60 shown "not it"
	echo 'a secret' >&8
	wait $session || :
	exec 8>&-
	cat -v "$BATS_TEST_TMPDIR/screen"
	shown in-42
	run ! shown secr
	same "$(<"$BATS_TEST_TMPDIR/after")" "$(<"$BATS_TEST_TMPDIR/before")"
}

@test "TERM-012 an interrupt at the question restores the terminal" {
	lock
	typed 'trap : INT; vmctl ssh box'
	wait_until 60 shown "Passphrase for $KEYFILE"
	printf 'a sec\003' >&8
	wait $session || :
	exec 8>&-
	same "$(<"$BATS_TEST_TMPDIR/rc")" 130
	same "$(<"$BATS_TEST_TMPDIR/after")" "$(<"$BATS_TEST_TMPDIR/before")"
}

@test "TERM-012 without a terminal a locked key is refused at once, naming it and the agent" {
	lock
	fails 255 timeout 60 setsid -w vmctl ssh box -- true
	has "$err" "$KEYFILE"
	has "$err" "ssh-add $KEYFILE"
}

@test "TERM-012 the agent opens it, and nobody is asked" {
	lock
	eval "$(ssh-agent -s)" >/dev/null
	ssh-add -q "$BATS_TEST_TMPDIR/open"
	ok setsid -w vmctl ssh box -- echo by-the-agent
	same "$out" by-the-agent
	# Also without any file.
	mv "$KEYFILE" "$KEYFILE.away"
	ok setsid -w vmctl ssh box -- true
	ssh-add -q -D
	fails 255 setsid -w vmctl ssh box -- true
	has "$err" "no usable private key"
	mv "$KEYFILE.away" "$KEYFILE"
}

@test "the agent goes along when it is asked for, and no further" {
	eval "$(ssh-agent -s)" >/dev/null
	ssh-keygen -q -t ed25519 -N '' -C by-the-agent -f "$BATS_TEST_TMPDIR/agent-key"
	ssh-add -q "$BATS_TEST_TMPDIR/agent-key"
	# It signs for the guest: one more session, to itself.
	vmctl exec box -- sh -c 'cat >>.ssh/authorized_keys' <"$BATS_TEST_TMPDIR/agent-key.pub"
	local further='ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o BatchMode=yes localhost echo further'
	ok vmctl ssh -T -A box -- sh -c "$further" </dev/null
	same "$out" further
	try vmctl ssh -T box -- sh -c "$further" </dev/null
	same "$status" 255
	kill "$SSH_AGENT_PID"
	unset SSH_AUTH_SOCK SSH_AGENT_PID
	try vmctl ssh -T -A box -- echo all the same </dev/null
	same "$status" 0
	same "$out" "all the same"
	has "$err" "the agent is not forwarded"
}

@test "ports of this host lead into the guest, while the session lasts" {
	local port=$((20000 + RANDOM % 10000)) taken
	[ "$(vmctl exec box -- sh -c 'mkdir -p w && head -c 3000000 /dev/urandom >w/f && sha256sum <w/f' | tee "$BATS_TEST_TMPDIR/sum" | wc -c)" -gt 64 ]
	vmctl ssh -N -L "$port:localhost:22" -L "127.0.0.1:$((port + 1)):127.0.0.1:9" box 3>&- 2>"$BATS_TEST_TMPDIR/tunnel" &
	tunnel=$!
	through() {
		ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR \
			-i "$(vmctl key show "$(vmctl key list -o name)" -o json | jq -r .private_path)" -p "$port" \
			"$(field box user)@127.0.0.1" "$@"
	}
	wait_until 60 through true
	same "$(through cat w/f | sha256sum)" "$(<"$BATS_TEST_TMPDIR/sum")"
	# Nobody is at the other one: an end, and a line that says so.
	same "$(timeout 20 bash -c "exec 7<>/dev/tcp/127.0.0.1/$((port + 1)); cat <&7")" ""
	wait_until 10 grep -q 'cannot go on to 127.0.0.1 port 9: Connection refused' "$BATS_TEST_TMPDIR/tunnel"
	# Taken is taken, and nothing is begun.
	fails 4 vmctl ssh -N -L "$port:localhost:22" box
	has "$err" "port $port"
	# (A shell lets its background processes ignore SIGINT.)
	kill -TERM "$tunnel"
	taken=0
	wait "$tunnel" || taken=$?
	same "$taken" 143
	doesnt_listen "$port"
}

@test "without a name the one that runs is entered, and said" {
	ok vmctl ssh -T -- echo here </dev/null
	same "$out" here
	has "$err" "box, the only one that runs"
	ok vmctl ssh -T vm@box -- id -un </dev/null
	same "$out" vm
}

@test "TERM-008 without an address it is refused" {
	on_session || skip "tests/system/network.bats has it, on a real bridge"
	# shellcheck disable=SC2016 # for the guest's shell
	guest_agent() { vmctl exec box -- sudo sh -c "kill -$1 "'$(pidof qemu-ga)'; }
	# As if it were on a bridge, and its agent silent: nobody knows its address.
	ok guest_agent STOP
	db "UPDATE nic SET kind = 'bridge', source = 'br-nowhere', reserved = 0 WHERE live"
	try vmctl ssh --timeout 2s box </dev/null
	db "UPDATE nic SET kind = 'user', source = '' WHERE live"
	same "$status" 4
	has "$err" "no address"
	has "$err" "vmctl wait box --for ssh"
	ok guest_agent CONT
}
