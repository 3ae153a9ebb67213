#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# What the doctor says of networks and of QEMU's user, which only the system's connection has.

load ../lib.sh

setup_file() {
	private_home
	import_mini
	vmctl key generate key
	no_networks
	ip link add host-if type bridge
	ip link set host-if up
}

teardown_file() {
	delete_all
	no_networks
	ip link delete host-if 2>/dev/null || :
}

@test "host doctor: interfaces and routes in the way of nat.subnet are named; the network's own bridge is not" {
	try vmctl host doctor -o json
	found subnet ok ""
	ip addr add 192.168.100.200/24 dev host-if
	try vmctl host doctor -o json
	same "$status" 1
	found subnet problem host-if
	found subnet problem "vmctl config set nat.subnet"
	ip addr del 192.168.100.200/24 dev host-if
	ip route add 192.168.0.0/16 dev host-if
	try vmctl host doctor -o json
	same "$status" 1
	found subnet problem "route of this host to 192.168.0.0/16 by host-if"
	ip route del 192.168.0.0/16 dev host-if
	ok vmctl create x "${small[@]}" --memory 64M
	try vmctl host doctor -o json
	found subnet ok ""
	found networks ok "vmctl is up: 192.168.100.1/24"
	found reservations ok ""
	ok vmctl delete -y x
}

@test "host doctor --fix gives the address of a deleted instance back, and no other's" {
	ok vmctl create x "${small[@]}" --memory 64M
	mac=$(mac_of "$(field x id)")
	address=$(field x address)
	ok vmctl delete -y x
	wait_until 5 not_held "$mac"
	for host in "mac='$mac' ip='$address'" "mac='52:54:00:99:99:99' ip='192.168.100.99'"; do
		virsh_ net-update vmctl add ip-dhcp-host "<host $host/>" --live --config
	done
	try vmctl host doctor -o json
	same "$status" 1
	found reservations problem "$address"
	[ -n "$(held "$mac")" ]
	try vmctl host doctor --fix -o json
	found reservations fixed "$address"
	not_held "$mac"
	[ -n "$(held 52:54:00:99:99:99)" ]
}

@test "host doctor: a storage that QEMU's user cannot enter is opened by --fix where it is vmctl's own" {
	chmod 700 "$VMCTL_HOME"
	try vmctl host doctor -o json
	same "$status" 1
	found storage problem "chmod o+x $VMCTL_HOME"
	try vmctl host doctor --fix -o json
	found storage fixed "$VMCTL_HOME"
	ok vmctl create x "${small[@]}" --memory 64M
	ok vmctl delete -y x
}
