#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Commands by vmctl's own agent, over the real virtio-serial port.

load ../../lib.sh

by_agent() {
	vmctl exec --transport agent box -- "$@"
}

# gone_in_guest WORD: no process there has it on its command line.
gone_in_guest() {
	[ "$(by_agent sh -c "ps -o args | grep -v grep | grep -q '$1' && echo runs || echo gone")" = gone ]
}

@test "what --transport auto takes is the agent, and -v says so" {
	try vmctl -v exec box -- sh -c 'echo out; echo err >&2; exit 7'
	same "$status" 7
	same "$out" out
	has "$err" "by the agent"
	has "$err" err
}

@test "it runs as the instance's user in its home, or as another without a key of that" {
	ok by_agent sh -c 'id -un; pwd; echo $HOME $USER $SHELL'
	same "$out" $'vm\n/home/vm\n/home/vm vm /bin/sh'
	ok vmctl exec --transport agent --user root box -- sh -c 'id -u; pwd'
	same "$out" $'0\n/root'
	ok vmctl exec --transport agent --env 'A=b  c' --cwd /tmp box -- sh -c 'echo "$A"; pwd'
	same "$out" $'b  c\n/tmp'
}

@test "100 MB of output, and 30 MB there and back, arrive unchanged" {
	same "$(by_agent sh -c 'head -c 100000000 /dev/zero' | cksum)" \
		"$(head -c 100000000 /dev/zero | cksum)"
	head -c 30000000 /dev/urandom >"$BATS_TEST_TMPDIR/in"
	by_agent cat <"$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/back"
	cmp "$BATS_TEST_TMPDIR/in" "$BATS_TEST_TMPDIR/back"
	same "$(by_agent sh -c 'head -c 3000000 /dev/zero >&2' 2>&1 >/dev/null | wc -c)" 3000000
}

@test "each greeting is heard the first time" {
	session() {
		vmctl -v exec --transport agent box -- true 2>&1 | sed -n 's/.*session \([0-9]*\),.*/\1/p'
	}
	first=$(session)
	for i in {1..20}; do
		same "$(session)" $((first + i))
	done
}

@test "who comes while it is in use goes by ssh, and disturbs nobody" {
	vmctl wait box --for ssh
	# shellcheck disable=SC2094 # its output tells when it has begun
	by_agent sh -c 'echo begun; cat; echo ended' < <(
		wait_until 60 grep -q begun "$BATS_TEST_TMPDIR/first" >&2
		vmctl -v exec box -- echo second >"$BATS_TEST_TMPDIR/second" 2>"$BATS_TEST_TMPDIR/how"
		vmctl exec --transport agent box -- true 2>"$BATS_TEST_TMPDIR/refused" || echo "$?"
	) >"$BATS_TEST_TMPDIR/first"
	same "$(<"$BATS_TEST_TMPDIR/first")" $'begun\n255\nended'
	same "$(<"$BATS_TEST_TMPDIR/second")" second
	has "$(<"$BATS_TEST_TMPDIR/how")" "not by agent: "
	has "$(<"$BATS_TEST_TMPDIR/how")" "by ssh"
	has "$(<"$BATS_TEST_TMPDIR/refused")" "in use"
}

@test "a client that is killed in the middle leaves nothing behind, and the next one gets in" {
	# It is sending when it is killed.
	vmctl exec --transport agent box -- sh -c 'cat >/dev/null; tail -f -s 4711 /dev/null' </dev/zero &
	wait_until 30 test -d "/proc/$!"
	wait_until 60 busy
	kill -KILL $!
	wait $! || :
	ok by_agent echo there
	same "$out" there
	wait_until 30 gone_in_guest 'tail -f -s 4711'
}
busy() {
	try by_agent true
	case $err in *"in use"*) ;; *) return 1 ;; esac
}

@test "a timeout ends also what has left the session of the command" {
	try vmctl exec --transport agent --timeout 1s box -- sh -c '(setsid sh -c "trap : TERM; while :; do tail -f -s 4712 /dev/null; done" &); tail -f -s 4712 /dev/null'
	same "$status" 124
	wait_until 30 gone_in_guest 'tail -f -s 4712'
}

@test "an agent that dies comes back; while nobody is there it does nothing" {
	try vmctl exec --transport agent --user root box -- sh -c 'kill -KILL $(pidof vmctl-agent)'
	same "$status" 255
	wait_until 60 by_agent true
	ticks() { by_agent sh -c 'set -- $(cat /proc/$(pidof vmctl-agent | tr " " "\n" | sort -n | head -n 1)/stat); echo $((${14} + ${15}))'; }
	before=$(ticks)
	fails 5 vmctl wait -q box --for stopped --timeout 3s
	after=$(ticks)
	# Hundredths of a second; what asking costs is a part of it.
	[ $((after - before)) -lt 60 ]
}
