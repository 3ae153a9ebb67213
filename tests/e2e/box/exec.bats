#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# exec by ssh in a real guest. What needs none is in cli/exec.bats, the agent's way in
# agent.bats.

load ../../lib.sh

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

by_ssh() {
	vmctl exec --transport ssh box -- "$@"
}

# In the guest nobody has this argument; what asks is not counted.
gone() {
	[ "$(by_ssh sh -c "ps -o args | grep -v grep | grep -q '[t]ail -f -s $1' && echo runs || echo gone")" = gone ]
}

@test "exec by ssh: all of a hundred megabytes, and nothing but errors" {
	same "$(by_ssh dd if=/dev/zero bs=1M count=100 2>err | cksum)" "$(head -c 100M /dev/zero | cksum)"
	same "$(by_ssh sh -c 'head -c 3000000 /dev/zero >&2' 2>&1 >/dev/null </dev/null | wc -c)" 3000000
	head -c 5000000 /dev/urandom >in
	by_ssh cat <in >copy
	cmp copy in
	same "$(vmctl history --executions -n 1 -o json | jq -c '.[0] | [.bytes_in, .bytes_out, .bytes_err, .transport]')" \
		'[5000000,5000000,0,"ssh"]'
}

@test "exec by ssh: arguments, variables and folder arrive byte for byte" {
	local odd=("" " a  b " $'new\nline' "it's" '"$HOME" `id` \' $'\377\001' '*' -n --)
	by_ssh printf '%s\0' "${odd[@]}" >got
	printf '%s\0' "${odd[@]}" | cmp - got
	vmctl exec --transport ssh -e A=$'x\n \377' -e B= -w /tmp box -- sh -c 'printf "%s|%s|%s" "$A" "$B" "$PWD"' >got
	printf 'x\n \377||/tmp' | cmp - got
	try vmctl exec --transport ssh -w /nowhere box -- true
	same "$status" 126
	has "$err" /nowhere
	try by_ssh no-such-command
	same "$status" 127
	try by_ssh sh -c 'kill -9 $$'
	same "$status" 137
}

# A static busybox looks names up with the libraries of its system.
@test "programs of the guest that look up a name or a service fail as such, and do not crash" {
	in_guest() { try vmctl exec box -- "$@"; }
	in_guest timeout 60 wget http://127.0.0.1:1/
	same "$status" 1
	has "$out$err" "Connection refused"
	in_guest timeout 60 wget http://localhost:1/
	same "$status" 1
	has "$out$err" "Connection refused"
	try vmctl exec -u root box -- ping -c 1 -w 20 localhost
	same "$status" 0
	in_guest nc -w 20 localhost ssh
	has "$out$err" SSH-2.0
	in_guest sh -c 'ls -l / && id && netstat -t' # users, groups, services
	same "$status" 0
}

@test "exec by ssh: a time-out ends all that the command started, also as root and by sudo" {
	# shellcheck disable=SC2016 # for the guest
	local family='trap "" TERM HUP; sh -c "trap : TERM; while :; do tail -f -s 4711 /dev/null; done" >/dev/null 2>&1 </dev/null &
		tail -f -s 4711 /dev/null >/dev/null; tail -f -s 4711 /dev/null'
	try vmctl exec --transport ssh --timeout 1s box -- sh -c "$family"
	same "$status" 124
	# Its connection is not kept: nobody knows what state it is in.
	try vmctl exec -v --transport ssh box -- true
	has "$err" "connected in"
	wait_until 20 gone 4711
	try vmctl exec --transport ssh --timeout 1s --user root box -- sh -c "${family//4711/4712}"
	same "$status" 124
	wait_until 20 gone 4712
	try vmctl exec --transport ssh --timeout 2s box -- sudo sh -c "${family//4711/4713}"
	same "$status" 124
	wait_until 20 gone 4713
	# As newer ones do it: a session of its own for the command.
	by_ssh sudo sh -c 'echo "Defaults use_pty" >>/etc/sudoers'
	try vmctl exec --transport ssh --timeout 2s box -- sudo sh -c "${family//4711/4715}"
	same "$status" 124
	wait_until 20 gone 4715
}

@test "exec by ssh: an interrupt ends it in the guest too" {
	env --default-signal=INT vmctl exec --transport ssh box -- sh -c 'echo on; tail -f -s 4714 /dev/null >/dev/null' >out 3>&- &
	local pid=$!
	wait_until 30 test -s out
	try gone 4714
	same "$status" 1
	kill -INT "$pid"
	wait "$pid" || :
	wait_until 20 gone 4714
}

@test "exec: what is chosen by a label, with an unknown one beside it" {
	try vmctl exec nobody -l role=box -- sh -c 'echo out; echo err >&2; exit 3'
	same "$status" 6
	same "$out" "box    | out"
	has "$err" "box    | err"
	has "$err" "no instance 'nobody'"
	try vmctl exec box -l role=none -- true
	same "$status" 3
	ok vmctl exec --output-dir d -l role -- sh -c 'head -c 1000000 /dev/zero'
	same "$(wc -c <d/box.out),$(cat d/box.status)" 1000000,0
}

# More than a server lets in at once, and than a slow one serves in its time.
@test "exec: two hundred at once, each with its own output and status" {
	local i n=200
	# The way in is the same; what differs is tested once.
	on_session || n=20
	for ((i = 1; i <= n; i++)); do
		{
			rc=0
			vmctl exec box -- sh -c "echo out-$i; exit $((i % 100))" >"$i.out" 2>"$i.err" </dev/null || rc=$?
			echo $rc >"$i.rc"
		} 3>&- &
	done
	wait
	for ((i = 1; i <= n; i++)); do
		same "$(<"$i.out"),$(<"$i.rc"),$(<"$i.err")" "out-$i,$((i % 100)),"
	done
	same "$(vmctl history --executions -n 1000 -o json |
		jq '[.[] | select(.command | contains("echo out-")) | .state] | length, unique[]' | tr '\n' ' ')" "$n \"done\" "
}
