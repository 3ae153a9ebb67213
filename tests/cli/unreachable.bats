#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# REL-003: a hypervisor that cannot be reached is status 7 with what to do, and
# what is in the database is shown all the same.

load ../lib.sh

setup_file() {
	private_home
	export VMCTL_CONNECT='qemu+unix:///session?socket=/nonexistent/libvirt-sock'
	qemu-img create -q -f qcow2 "$BATS_FILE_TMPDIR/tiny.qcow2" 64M
	qemu-io -f qcow2 -c 'write -P 0x5a 0 1M' "$BATS_FILE_TMPDIR/tiny.qcow2" >/dev/null
	vmctl image import --name tiny "$BATS_FILE_TMPDIR/tiny.qcow2"
	vmctl key generate key
}

@test "REL-003 create is status 7 and holds nothing" {
	try vmctl create --image tiny --key key web1
	same "$status" 7
	same "$out" ""
	has "$err" nonexistent
	same "$(find "$VMCTL_HOME/instances" -name disk.qcow2 2>/dev/null)" ""
	# INST-007: if it is listed, then as an error that can be deleted.
	if vmctl list -o json 2>/dev/null | jq -e 'length > 0' >/dev/null; then
		ok vmctl delete -y web1
	fi
}

@test "list is no failure when there is nothing to ask of" {
	ok vmctl list -o json
	same "$out" "[]"
}

@test "list --cached, key and image commands need no hypervisor" {
	ok vmctl list --cached
	same "$err" ""
	ok vmctl key list
	ok vmctl image list
}

@test "REL-002 host health: a report, not a failure to report" {
	try vmctl host health -o json
	same "$status" 7
	same "$(jq -r .reachable <<<"$out")" false
	jq -e '.problem | length > 0' <<<"$out"
}

@test "REL-003 a missing module of libvirt is status 7, too" {
	mkdir "$BATS_TEST_TMPDIR/modules"
	VMCTL_MODULE_DIR=$BATS_TEST_TMPDIR/modules fails 7 vmctl network list
	has "$err" "libvirt.so"
}

@test "a connection of nonsense is one clear line" {
	fails 7 vmctl create --image tiny --connect 'nonsense://' web2
	fails 7 vmctl create --image tiny --connect "$(printf 'q\033]0;x')" web2
}
