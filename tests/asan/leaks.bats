#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# What only the sanitizers see. No command leaks memory: a line for each.
load ../lib.sh
load search.sh

setup_file() {
	private_home
	fake_guests 10
	vmctl list --cached >/dev/null
	row web1
	row web2
	row off stopped
	export FAKE_STOPPED
	FAKE_STOPPED=$(db "SELECT uuid FROM instance WHERE name = 'off'")
	search_begin
}

teardown_file() {
	fake_guests_end
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

@test "a leak is seen here" {
	local leak
	leak=$(dirname "$(command -v vmctl)")/tests/fakes/leak.so
	searched env LD_PRELOAD="$leak" vmctl version
	same "$status" 99
	has "$err" "LeakSanitizer: detected memory leaks"
}

@test "what is undefined is seen here" {
	local undefined
	undefined=$(dirname "$(command -v vmctl)")/tests/fakes/undefined.so
	try env ASAN_OPTIONS="$ASAN_OPTIONS:verify_asan_link_order=0" LD_PRELOAD="$undefined" vmctl version
	same "$status" 99
	has "$err" "AddressSanitizer: ILL"
	has "$err" "tests/fakes/undefined.c:"
}

@test "what needs no machine" {
	clean 0 version
	clean 0 help create
	clean 0 help vmctl
	clean 2 help nothing
	clean 0 completion bash
	clean 0 type list
	clean 0 type list -o json
	clean 0 __complete -- vmctl delete ''
	clean 0 __complete -- vmctl create --image ''
	clean 2 lsit
	clean 2 create --memory 12x
	clean 0 config path
	clean 0 config set exec.hold 1s
	clean 0 config get exec.hold
	clean 2 config set exec.hold much
	clean 0 config list -o json
	clean 0 config unset exec.hold
	EDITOR=true clean 0 config edit
}

@test "keys" {
	clean 0 key generate k1
	clean 4 key generate k1
	ssh-keygen -q -t ed25519 -N '' -f other
	clean 0 key import k2 other.pub
	clean 3 key import k3 nothing.pub
	clean 0 key list
	clean 0 key show k1 -o json
	clean 3 key show k3
	clean 0 key delete -y k1 k2
}

@test "images" {
	qemu-img create -q -f qcow2 base.qcow2 1M
	clean 0 image import --name base base.qcow2
	clean 0 image import --name base base.qcow2
	clean 3 image import --name none nothing.qcow2
	clean 0 image list
	clean 0 image show base -o json
	clean 0 image verify base
	clean 0 image catalogue
	clean 2 image pull http://127.0.0.1:1/none.qcow2
	clean 1 image pull http://127.0.0.1:1/none.qcow2 --digest "$(printf "0%.0s" {1..64})"
	clean 0 image delete -y base
}

@test "instances that are there" {
	clean 0 list
	clean 0 list -o json -a
	clean 0 list --cached --filter state=running
	clean 0 show web1 off
	clean 3 show web7
	clean 0 ip web1
	clean 0 label web1 role=web
	clean 0 note web1 'a note'
	clean 0 list -l role=web -o csv
	clean 0 port list web1
	clean 0 port add off 8080:80
	clean 0 port remove off 8080
	clean 0 wait web1 --for running
	clean 5 wait off --for running --timeout 0s
	clean 2 history
	clean 0 history --executions
	clean 0 host health
	clean 0 host stats
	clean 1 host doctor
	clean 0 ssh-config show web1
	clean 0 ssh-config install --file config
	clean 0 ssh-config uninstall
	clean 3 ssh-config forget web9
}

@test "commands in guests" {
	clean 0 exec web1 -- true
	clean 7 exec web1 -- sh -c 'exit 7'
	clean 0 exec web1 web2 -- echo a
	clean 4 exec off -- true
	clean 0 history web1 --executions -o json
	clean 0 ssh web1 -- true
}

@test "a session, as it goes on, and one that is fed a mistake" {
	printf '%s\n' list 'show web1 -o json' 'exec web1 -- true' 'config list' 'show "web' >commands
	clean 2 shell <commands
}

@test "what is refused" {
	clean 3 create web5 --image none
	clean 3 start web9
	clean 3 stop web9
	clean 3 reboot web9
	clean 3 delete -y web9
	clean 3 logs web9
	echo text >file
	clean 3 cp file web9:
	clean 3 console web9
	clean 7 network list
	clean 7 network show lab
	clean 7 network create lab
	clean 7 network leases lab
	clean 7 network delete -y lab
}

@test "every command was looked at" {
	local command
	vmctl __describe commands | awk -F '\t' '$2 == "command" { print $1 }' >all
	[ "$(wc -l <all)" -gt 50 ]
	while read -r command; do
		grep -q "^$command\b" "$CLEAN" || { echo "not looked at: $command" && return 1; }
	done <all
}
