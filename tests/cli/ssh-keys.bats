#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# With which keys a guest is entered, and what follows when it takes none of them:
# tests/sshd.sh is the guest.

load ../lib.sh
load ../sshd.sh

setup_file() {
	private_home
	private_ssh
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
}

setup() {
	unset SSH_AUTH_SOCK
	: >"$SSH_CONFIG"
}

teardown() {
	[ ! -e "$BATS_FILE_TMPDIR/agent" ] || agent_end
}

# agent_begin SOCKET: an agent, which ends with the test. (bats waits for whoever has its
# descriptor 3.)
agent_begin() {
	ssh-agent -a "$1" 3>&- | sed -n 's/^SSH_AGENT_PID=\([0-9]*\);.*/\1/p' >"$BATS_FILE_TMPDIR/agent"
	export SSH_AUTH_SOCK=$1
}

# agent FILE...: one with six strangers and then these.
agent() {
	local i
	agent_begin "$BATS_TEST_TMPDIR/socket"
	for i in 1 2 3 4 5 6; do
		[ -e "$BATS_FILE_TMPDIR/k$i" ] || ssh-keygen -q -t ed25519 -N '' -f "$BATS_FILE_TMPDIR/k$i"
		ssh-add -q "$BATS_FILE_TMPDIR/k$i"
	done
	for i; do
		ssh-add -q "$i"
	done
}

agent_end() {
	kill "$(<"$BATS_FILE_TMPDIR/agent")"
	rm "$BATS_FILE_TMPDIR/agent"
}

@test "the right key in the agent, behind six others, opens the guest for ssh, exec and cp" {
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
	fails 255 timeout 60 vmctl ssh --timeout 10m stranger@box -- true
	has "$err" "refused every key for user stranger"
	fails 255 timeout 60 vmctl exec --transport ssh --user stranger box -- true
	has "$err" "refused every key for user stranger"
	fails 255 timeout 60 vmctl cp --timeout 10m "$f" stranger@box:f
	has "$err" "refused every key for user stranger"
}

@test "a young guest that was entered once has its keys: a refusal is final there too" {
	ok vmctl exec --transport ssh young -- true
	fails 255 timeout 60 vmctl ssh --timeout 10m stranger@young -- true
	has "$err" "refused every key for user stranger"
}

@test "a young guest whose cloud-init is done has its keys" {
	db "DELETE FROM fact WHERE key LIKE 'entered/%'"
	mkdir -p "$VMCTL_HOME/instances/i-00000002"
	printf 'boot\r\n[   60.1] cloud-init[9]: Cloud-init v. 22.4.2 finished at Mon. Up 60 seconds\r\n' \
		>"$VMCTL_HOME/instances/i-00000002/console.log"
	fails 255 timeout 60 vmctl ssh --timeout 10m stranger@young -- true
	has "$err" "refused every key for user stranger"
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

# --- an agent that ssh's own configuration names --------------------------------

# without_private COMMAND...: while the agent alone has the private half.
without_private() {
	local private
	private=$(vmctl key show key -o json | jq -r .private_path)
	mv "$private" "$private.away"
	try "$@"
	mv "$private.away" "$private"
}

@test "an agent that only IdentityAgent names opens the guest for ssh, exec and cp" {
	agent "$(vmctl key show key -o json | jq -r .private_path)"
	unset SSH_AUTH_SOCK
	echo "IdentityAgent $BATS_TEST_TMPDIR/socket" >"$SSH_CONFIG"
	echo text >"$BATS_TEST_TMPDIR/f"
	without_private vmctl ssh box -- echo in
	same "$status $out" "0 in"
	without_private vmctl exec --transport ssh box -- echo in
	same "$status $out" "0 in"
	without_private vmctl cp "$BATS_TEST_TMPDIR/f" box:f
	same "$status" 0
	# It may be that of one instance, by its name.
	printf 'Host box\n\tIdentityAgent "%s"\n' "$BATS_TEST_TMPDIR/socket" >"$SSH_CONFIG"
	without_private vmctl ssh box -- true
	same "$status" 0
	printf 'Host other\n\tIdentityAgent "%s"\n' "$BATS_TEST_TMPDIR/socket" >"$SSH_CONFIG"
	without_private vmctl ssh box -- true
	same "$status" 255
}

@test "IdentityAgent goes before SSH_AUTH_SOCK, and may name a variable or none" {
	agent "$(vmctl key show key -o json | jq -r .private_path)"
	local full=$SSH_AUTH_SOCK
	echo "IdentityAgent $full" >"$SSH_CONFIG"
	SSH_AUTH_SOCK=$BATS_TEST_TMPDIR/nobody without_private vmctl ssh box -- true
	same "$status" 0
	echo "IdentityAgent \$ANOTHER_AGENT" >"$SSH_CONFIG"
	SSH_AUTH_SOCK='' ANOTHER_AGENT=$full without_private vmctl ssh box -- true
	same "$status" 0
	SSH_AUTH_SOCK=$full ANOTHER_AGENT='' without_private vmctl ssh box -- true
	same "$status" 255
	echo "IdentityAgent SSH_AUTH_SOCK" >"$SSH_CONFIG"
	SSH_AUTH_SOCK=$full without_private vmctl ssh box -- true
	same "$status" 0
	echo "IdentityAgent none" >"$SSH_CONFIG"
	SSH_AUTH_SOCK=$full without_private vmctl ssh box -- true
	same "$status" 255
	has "$err" "name an agent by IdentityAgent in ~/.ssh/config, then: ssh-add FILE"
	# What ssh itself does not understand says nothing about agents.
	echo "Nonsense yes" >"$SSH_CONFIG"
	SSH_AUTH_SOCK=$full without_private vmctl ssh box -- true
	same "$status" 0
}

@test "the hint hands the key to the agent that will be asked, and then it opens the guest" {
	local private hint
	private=$(vmctl key show key -o json | jq -r .private_path)
	mkdir "$BATS_TEST_TMPDIR/a b"
	agent_begin "$BATS_TEST_TMPDIR/a b/socket"
	unset SSH_AUTH_SOCK
	echo "IdentityAgent \"$BATS_TEST_TMPDIR/a b/socket\"" >"$SSH_CONFIG"
	cp -p "$private" "$private.open"
	ssh-keygen -q -p -P '' -N secret -f "$private"
	try vmctl ssh box -- true </dev/null
	printf '#!/bin/sh\necho secret\n' >"$BATS_TEST_TMPDIR/askpass"
	chmod +x "$BATS_TEST_TMPDIR/askpass"
	hint=$(sed -n 's/^  //p' <<<"$err")
	SSH_ASKPASS=$BATS_TEST_TMPDIR/askpass SSH_ASKPASS_REQUIRE=force sh -c "$hint" || :
	first=$status first_err=$err
	try vmctl ssh box -- echo in </dev/null
	mv "$private.open" "$private"
	same "$first" 255
	has "$first_err" "locked by a passphrase"
	same "$hint" "SSH_AUTH_SOCK='$BATS_TEST_TMPDIR/a b/socket' ssh-add $private"
	same "$status $out" "0 in"
}

@test "ssh's configuration is read when an agent is wanted, and not before" {
	: >"$SSH_CONFIG.read"
	ok vmctl ssh box -- true
	ok vmctl exec --transport ssh box -- true
	# All that there is was offered: no agent would know better.
	fails 255 vmctl ssh stranger@box -- true
	same "$(<"$SSH_CONFIG.read")" ""
	without_private vmctl ssh box -- true
	same "$status" 255
	same "$(grep -c . "$SSH_CONFIG.read")" 1
}

@test "the agent that is forwarded is that of IdentityAgent" {
	agent
	local full=$SSH_AUTH_SOCK
	echo "IdentityAgent $full" >"$SSH_CONFIG"
	unset SSH_AUTH_SOCK
	ok vmctl ssh -T -A box -- ssh-add -l </dev/null
	same "$(grep -c . <<<"$out")" 6
	echo "IdentityAgent none" >"$SSH_CONFIG"
	SSH_AUTH_SOCK=$full
	export SSH_AUTH_SOCK
	try vmctl ssh -T -A box -- echo all the same </dev/null
	same "$status $out" "0 all the same"
	has "$err" "the agent is not forwarded: by ssh's configuration (IdentityAgent none): no ssh agent is asked"
}
