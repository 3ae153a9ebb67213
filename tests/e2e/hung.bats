#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# A QEMU process that hangs: what needs it ends in time and says so, and nothing else
# is kept waiting. No guest needs to boot.

load ../lib.sh

setup_file() {
	private_home
	import_mini
	vmctl key generate key
	vmctl create hung "${small[@]}" --memory 64M --network user -p 127.0.0.1:0:80
	vmctl create well "${small[@]}" --memory 64M --network user
	QEMU=$(qemu_of "$(field hung id)")
	export QEMU
}

teardown_file() {
	kill -s KILL "$QEMU" 2>/dev/null || :
	delete_all
}

@test "QEMU hangs: every row is listed; what needs it ends at its --timeout and says what to do" {
	local states
	kill -s STOP "$QEMU"
	within 60 0 vmctl list -o json
	states=$(jq -r '.[] | .name + " " + .state' <<<"$out" | sort)
	same "$states" "$(printf 'hung running\nwell running')"
	within 60 0 vmctl show hung
	within 60 5 vmctl stop hung --timeout 4s
	has "$err" "its QEMU process does not answer"
	has "$err" "vmctl stop --force hung"
	# One that is known to hang is not waited for again.
	within 60 5 vmctl reboot hung --timeout 4s
	has "$err" "vmctl stop --force hung"
	within 60 7 vmctl port list hung --timeout 4s
	has "$out" "its QEMU process does not answer"
	same "$(db 'SELECT count(*) FROM intent')" 0
}

@test "QEMU hangs: the others are not affected" {
	within 60 0 vmctl port add well 127.0.0.1:0:80 --timeout 20s
	within 60 0 vmctl stop well --force --timeout 0
	within 60 0 vmctl start well
	same "$(field well state)" running
}

@test "QEMU hangs: delete and stop --force end it" {
	local id qemu
	id=$(field hung id)
	within 60 0 vmctl delete -y hung
	nothing_left "$id"
	qemu=$(qemu_of "$(field well id)")
	kill -s STOP "$qemu"
	within 60 0 vmctl stop --force --timeout 4s well
	same "$(field well state)" stopped
}
