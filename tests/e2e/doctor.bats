#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# The doctor, with real domains: what has no record, and records whose domain is gone.

load ../lib.sh

setup_file() {
	private_home
	import_mini
	vmctl key generate key
}

teardown_file() {
	delete_all
}

# Without networks of the host, so that a record that is gone leaves no address there.
create() { # NAME
	vmctl create "$1" "${small[@]}" --network user
}

# As if the records had been lost.
forget() { # ID
	db "PRAGMA foreign_keys = ON; DELETE FROM instance WHERE id = '$1'"
}

# Of the checks that are about this home, not about the host.
nothing_to_mend() {
	jq -e 'all(.[] | select(.group | IN("records", "instances", "leftovers")); .verdict | IN("ok", "note", "fixed"))' \
		<<<"$out"
}

@test "host doctor: a sound home has nothing to mend, and --fix touches nothing that lives" {
	ok create web1
	id=$(field web1 id)
	before=$(snapshot)
	try vmctl host doctor --fix -o json
	nothing_to_mend
	found connection ok libvirt
	found instances ok 1
	same "$(snapshot)" "$before"
	same "$(virsh_ domstate "$id")" running
	ok vmctl delete -y web1
}

@test "host doctor: a domain whose record is gone is found; while it runs it is left, then removed and its disk kept" {
	ok create lost
	id=$(field lost id)
	forget "$id"
	try vmctl host doctor -o json
	same "$status" 1
	found domains problem "$id"
	found folders problem "in use"
	try vmctl host doctor --fix -o json
	same "$status" 1
	found domains problem "virsh -c ${VMT_CONNECT:-qemu:///session} destroy $id"
	same "$(virsh_ domstate "$id")" running
	[ -e "$VMCTL_HOME/instances/$id/disk.qcow2" ]

	virsh_ destroy "$id"
	try vmctl host doctor -o json
	found domains problem "$id"
	domains | grep -qx "$id"
	try vmctl host doctor --fix -o json
	found domains fixed "$id"
	found folders fixed "$id"
	run ! grep -qx "$id" <(domains)
	[ ! -e "$VMCTL_HOME/instances/$id" ]
	# Nothing is lost: with its folder and its document it is as it was.
	qemu-img info -U "$VMCTL_HOME/lost/$id/disk.qcow2" | grep -q 'file format: qcow2'
	mv "$VMCTL_HOME/lost/$id" "$VMCTL_HOME/instances/$id"
	virsh_ define "$VMCTL_HOME/lost/$id.xml"
	virsh_ start "$id"
	virsh_ destroy "$id"
	try vmctl host doctor --fix -o json
	found domains fixed "$id"
	rm -r "$VMCTL_HOME/lost"
	nothing_left "$id"
	try vmctl host doctor -o json
	nothing_to_mend
}

@test "host doctor: the domain of another home is left alone, though no record of it is here" {
	ok create mine
	id=$(field mine id)
	virsh_ destroy "$id"
	other=$BATS_TEST_TMPDIR/other
	VMCTL_HOME=$other vmctl key generate key
	VMCTL_HOME=$other try vmctl host doctor --fix -o json
	found domains ok ""
	domains | grep -qx "$id"
	ok vmctl delete -y mine
}

@test "host doctor: a record whose domain was undefined is told with what to type, which does it" {
	ok create web2
	id=$(field web2 id)
	virsh_ destroy "$id"
	virsh_ undefine "$id"
	try vmctl host doctor -o json
	same "$status" 1
	found instances problem "vmctl start web2"
	# Whoever undefined it may have meant it.
	try vmctl host doctor --fix -o json
	found instances problem "vmctl start web2"
	run ! grep -qx "$id" <(domains)
	[ -e "$VMCTL_HOME/instances/$id/disk.qcow2" ]
	ok vmctl start web2
	try vmctl host doctor -o json
	nothing_to_mend
	ok vmctl delete -y web2
}

@test "host doctor: what a killed create left is told, and settled by --fix" {
	# At whatever moment, until one leaves something.
	for i in {1..20}; do
		timeout --foreground -s KILL "0.$((100 + i * 41 % 500))" vmctl create "killed$i" "${small[@]}" \
			--network user >/dev/null 2>&1 || :
		[ "$(db 'SELECT count(*) FROM intent')" = 0 ] || break
	done
	same "$(db 'SELECT count(*) FROM intent')" 1
	try vmctl host doctor -o json
	same "$status" 1
	found unfinished problem "create of killed$i"
	same "$(db 'SELECT count(*) FROM intent')" 1
	try vmctl host doctor --fix -o json
	found unfinished fixed "create of killed$i"
	same "$(db 'SELECT count(*) FROM intent')" 0
}
