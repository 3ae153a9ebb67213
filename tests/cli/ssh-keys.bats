#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# With which keys a guest is entered, and what follows when it takes none of them:
# tests/sshd.sh is the guest.

load ../lib.sh
load ../sshd.sh

setup_file() {
	private_home
	vmctl key generate key
	# Each command makes a connection of its own.
	vmctl config set exec.hold 0s
	sshd_begin
	sshd_instance box 1
	sshd_instance young 2
	# Its first boot may be under way.
	db "UPDATE instance SET launched_at = unixepoch() WHERE name = 'young'"
}

teardown_file() {
	sshd_end
	[ ! -e "$BATS_FILE_TMPDIR/agent" ] || kill "$(<"$BATS_FILE_TMPDIR/agent")" 2>/dev/null || :
}

setup() {
	unset SSH_AUTH_SOCK
}

# agent FILE...: an agent with six strangers and then these.
agent() {
	local i
	eval "$(ssh-agent -a "$BATS_TEST_TMPDIR/socket")" >/dev/null
	echo "$SSH_AGENT_PID" >"$BATS_FILE_TMPDIR/agent"
	for i in 1 2 3 4 5 6; do
		[ -e "$BATS_FILE_TMPDIR/k$i" ] || ssh-keygen -q -t ed25519 -N '' -f "$BATS_FILE_TMPDIR/k$i"
		ssh-add -q "$BATS_FILE_TMPDIR/k$i"
	done
	for i; do
		ssh-add -q "$i"
	done
}

agent_end() {
	kill "$SSH_AGENT_PID"
	rm "$BATS_FILE_TMPDIR/agent"
}

@test "the right key in the agent, behind six others, opens the guest for ssh, exec, cp and wait" {
	local private
	private=$(vmctl key show key -o json | jq -r .private_path)
	agent "$private"
	mv "$private" "$private.away"
	try vmctl ssh box -- echo in
	same "$status $out" "0 in"
	try vmctl exec --transport ssh box -- echo in
	same "$status $out" "0 in"
	echo text >"$BATS_TEST_TMPDIR/f"
	try vmctl cp "$BATS_TEST_TMPDIR/f" box:f
	same "$status" 0
	ssh-add -q -d "$private.away" || ssh-add -q -D
	try vmctl ssh box -- true
	mv "$private.away" "$private"
	agent_end
	same "$status" 255
	has "$err" "no usable private key"
}

@test "a refusal of all keys is final at once, for every command" {
	local f=$BATS_TEST_TMPDIR/f
	touch "$f"
	fails 255 timeout 60 vmctl ssh --timeout 10m nobody@box -- true
	has "$err" "refused every key for user nobody"
	fails 255 timeout 60 vmctl exec --transport ssh --user nobody box -- true
	has "$err" "refused every key for user nobody"
	fails 255 timeout 60 vmctl cp --timeout 10m "$f" nobody@box:f
	has "$err" "refused every key for user nobody"
}

@test "a young guest that was entered once has its keys: a refusal is final there too" {
	ok vmctl exec --transport ssh young -- true
	fails 255 timeout 60 vmctl ssh --timeout 10m nobody@young -- true
	has "$err" "refused every key for user nobody"
}

@test "a young guest whose cloud-init is done has its keys" {
	db "DELETE FROM fact WHERE key LIKE 'entered/%'"
	mkdir -p "$VMCTL_HOME/instances/i-00000002"
	printf 'boot\r\n[   60.1] cloud-init[9]: Cloud-init v. 22.4.2 finished at Mon. Up 60 seconds\r\n' \
		>"$VMCTL_HOME/instances/i-00000002/console.log"
	fails 255 timeout 60 vmctl ssh --timeout 10m nobody@young -- true
	has "$err" "refused every key for user nobody"
}

@test "an account that cloud-init lets nobody in as is named, with the one to take" {
	cp "$D/authorized" "$BATS_TEST_TMPDIR/authorized"
	db "DELETE FROM fact WHERE key LIKE 'entered/%'"
	# As cloud-init has it, without the pause.
	printf '%s %s\n' 'no-port-forwarding,no-agent-forwarding,no-X11-forwarding,command="echo '\''Please login as the user \"debian\" rather than the user \"root\".'\'';echo;exit 142"' \
		"$(<"$D/authorized")" >"$D/forced"
	cat "$D/forced" >"$D/authorized"
	touch "$BATS_TEST_TMPDIR/f"
	try vmctl ssh box -- true
	ssh=$status ssh_err=$err ssh_out=$out
	try vmctl exec --transport ssh box -- true
	exec=$status exec_err=$err
	try vmctl cp "$BATS_TEST_TMPDIR/f" box:f
	cp=$status cp_err=$err
	cat "$BATS_TEST_TMPDIR/authorized" >"$D/authorized"
	same "$ssh $exec $cp" "255 255 255"
	same "$ssh_out" ""
	for said in "$ssh_err" "$exec_err" "$cp_err"; do
		has "$said" 'lets nobody in: "Please login as the user "debian" rather than the user "root"."'
		has "$said" 'vmctl ssh --user debian box'
		hasnt "$said" 'sftp'
	done
	# Nothing of it is remembered.
	ok vmctl ssh box -- true
}
