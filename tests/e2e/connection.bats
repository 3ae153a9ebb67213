#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# What each connection says of networks it does not have. No guest is booted;
# tests/system has the rest.

load ../lib.sh

setup_file() {
	private_home
	import_mini
	vmctl key generate key
}

teardown_file() {
	delete_all
}

@test "NET-009 a session asking for a network is status 7, with what to do, and nothing is made" {
	on_session || skip "the system connection has networks"
	for network in nat vmctl somenet; do
		refused 7 vmctl create x "${small[@]}" --network $network
		has "$err" privileges
		has "$err" qemu:///system
		has "$err" "--network user"
	done
	for command in 'list' 'leases' 'leases vmctl' 'show vmctl' 'delete vmctl' 'create vmctl' \
		'create lab --subnet 10.20.30.0/24'; do
		read -ra words <<<"$command"
		refused 7 vmctl network "${words[@]}"
		has "$err" qemu:///system
	done
	refused 2 vmctl create x "${small[@]}" --ip 192.168.100.20
	has "$err" "--ip"
	same "$(vmctl list -o name)" ""
}

@test "NET-009 without --network it is user-mode networking in a session, and a network on the system" {
	ok vmctl create --dry-run x "${small[@]}"
	if on_session; then
		has "$out" "type='user'"
	else
		has "$out" "network='vmctl'"
	fi
	ok vmctl create --dry-run x "${small[@]}" --network user
	has "$out" "type='user'"
	hasnt "$out" "network='vmctl'"
}

@test "NET-009 --network user has a forwarded port of loopback on every connection" {
	ok vmctl create forwarded "${small[@]}" --memory 64M --network user
	endpoint forwarded
	same "$HOST" 127.0.0.1
	listens "$PORT"
	same "$(field forwarded address_source)" forward
	same "$(field forwarded 'networks | join(",")')" user
	id=$(field forwarded id)
	ok vmctl delete -y forwarded
	wait_until 5 doesnt_listen "$PORT"
	nothing_left "$id" "$PORT"
}
