#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# What a creation is given: keys, user data; and what a failed one leaves.

load ../lib.sh

setup_file() {
	private_home
	import_mini
	mkdir "$BATS_FILE_TMPDIR/k"
	ssh-keygen -q -t ed25519 -N '' -C own -f "$BATS_FILE_TMPDIR/k/own"
	ssh-keygen -q -t rsa -b 2048 -N '' -C other -f "$BATS_FILE_TMPDIR/k/other"
	vmctl key import own "$BATS_FILE_TMPDIR/k/own.pub"
	vmctl key import other "$BATS_FILE_TMPDIR/k/other.pub"
}

teardown_file() {
	delete_all
}

@test "INST-004 INST-005 keys of one's own and a script as user-data" {
	cat >"$BATS_TEST_TMPDIR/script" <<-'END'
		#!/bin/sh
		echo "ran as $(id -un) with 'quotes' and ä" >/tmp/ran
		hostname >>/tmp/ran
	END
	ok vmctl create script1 "${small[@]}" --key own --key other --user-data "$BATS_TEST_TMPDIR/script"
	ok vmctl wait script1 --for cloud-init --timeout 300s
	ok vmctl exec script1 -- cat /tmp/ran
	same "$out" "ran as root with 'quotes' and ä
script1"
	same "$(vmctl exec script1 -- cat .ssh/authorized_keys | cut -d ' ' -f 2 | sort)" \
		"$(cut -d ' ' -f 2 "$BATS_FILE_TMPDIR/k/own.pub" "$BATS_FILE_TMPDIR/k/other.pub" | sort)"
	# OpenSSH agrees with what we pinned and with the keys.
	endpoint script1
	echo "box $(db "SELECT host_key FROM instance WHERE name = 'script1'")" >"$BATS_TEST_TMPDIR/known"
	for key in own other; do
		ssh -F none -i "$BATS_FILE_TMPDIR/k/$key" -o IdentitiesOnly=yes -o BatchMode=yes \
			-o StrictHostKeyChecking=yes -o UserKnownHostsFile="$BATS_TEST_TMPDIR/known" -o HostKeyAlias=box \
			-p "$PORT" "vm@$HOST" true
	done
	# Another machine's key is not accepted.
	ssh-keygen -q -t ed25519 -N '' -f "$BATS_TEST_TMPDIR/stranger"
	run ! ssh -F none -i "$BATS_TEST_TMPDIR/stranger" -o IdentitiesOnly=yes -o BatchMode=yes \
		-o StrictHostKeyChecking=yes -o UserKnownHostsFile="$BATS_TEST_TMPDIR/known" -o HostKeyAlias=box \
		-p "$PORT" "vm@$HOST" true
}

@test "user-data as a cloud-config from standard input: write_files and runcmd" {
	# JSON is YAML, and the one kind of it that the mini image reads.
	sed 's/0644/0640/' "$TOP/examples/web.json" >"$BATS_TEST_TMPDIR/web.json"
	# As if the image had no agent: the seed brings it, beside what the user has.
	ok vmctl image import --metadata "$TOP/images/mini/image.json" --agent seed --name bare "$VMT_IMAGE"
	ok vmctl create config1 --image bare --cpus 1 --memory 256M --key own --user-data - <"$BATS_TEST_TMPDIR/web.json"
	ok vmctl wait config1 --for cloud-init --timeout 300s
	ok vmctl exec config1 -- sudo cat /etc/greeting
	same "$out" "made by vmctl"
	same "$(vmctl exec config1 -- sudo stat -c %a /etc/greeting)" 640
	same "$(vmctl exec config1 -- cat /run/greeting)" "made by vmctl on config1"
	same "$(vmctl exec config1 -- sha256sum /usr/local/sbin/vmctl-agent | cut -d ' ' -f 1)" \
		"$(sha256sum <"$VMCTL_MODULE_DIR/agent/vmctl-agent-$(uname -m)" | cut -d ' ' -f 1)"
	ok vmctl exec config1 -- test -x /usr/local/sbin/vmctl-agent
	ok vmctl exec config1 -- grep -q vmctl-agent.service /etc/udev/rules.d/60-vmctl-agent.rules
	ok vmctl exec config1 -- grep -q ExecStart=/usr/local/sbin/vmctl-agent /etc/systemd/system/vmctl-agent.service
}

@test "two machines have different host keys, ports or addresses of their own and names" {
	[ "$(vmctl ip script1)" != "$(vmctl ip config1)" ]
	[ "$(db "SELECT count(DISTINCT host_key) FROM instance")" = 2 ]
	[ "$(db "SELECT count(DISTINCT mac) FROM nic")" = 2 ]
}

@test "ports that changed hands behind our back lead to the right machine again" {
	session_only
	one=$(field script1 ssh_port)
	two=$(field config1 ssh_port)
	db "BEGIN; UPDATE instance SET ssh_port = 1 WHERE name = 'script1';
		UPDATE instance SET ssh_port = $one WHERE name = 'config1';
		UPDATE instance SET ssh_port = $two WHERE name = 'script1'; COMMIT"
	for name in script1 config1; do
		same "$(vmctl ssh $name -- hostname)" $name
	done
}

@test "without the private key and without an agent: a clear failure, not a password prompt" {
	mv "$BATS_FILE_TMPDIR/k/own" "$BATS_FILE_TMPDIR/k/hidden"
	try timeout 60 vmctl ssh config1 -- true
	mv "$BATS_FILE_TMPDIR/k/hidden" "$BATS_FILE_TMPDIR/k/own"
	same "$status" 255
	same "$out" ""
	[ -n "$err" ]
}

@test "an agent's keys are used" {
	mv "$BATS_FILE_TMPDIR/k/own" "$BATS_FILE_TMPDIR/k/hidden"
	eval "$(ssh-agent)" >/dev/null
	ssh-add -q "$BATS_FILE_TMPDIR/k/hidden"
	try vmctl ssh config1 -- true
	kill "$SSH_AGENT_PID"
	unset SSH_AUTH_SOCK
	mv "$BATS_FILE_TMPDIR/k/hidden" "$BATS_FILE_TMPDIR/k/own"
	same "$status" 0
}

@test "INST-007 a creation that fails in the hypervisor: error with its reason, holding nothing" {
	# Without --force it would be refused before that.
	fails 1 vmctl create huge --image mini --key own --memory 200T --force
	same "$(field huge state)" error
	[ -n "$(field huge reason)" ]
	id=$(field huge id)
	nothing_left "$id"
	ok vmctl delete -y huge
	same "$(vmctl list -o json | jq -r '.[] | select(.name == "huge")')" ""
}

@test "several names: each on its own, status 6 when some failed" {
	try vmctl stop --force --timeout 0 script1 nobody config1
	same "$status" 6
	has "$err" nobody
	same "$(field script1 state)" stopped
	same "$(field config1 state)" stopped
}
