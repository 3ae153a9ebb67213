#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Guests in networks: leases, names, the way out and in. The tests build on each
# other, as each start of a guest takes its time.

load ../lib.sh

setup_file() {
	private_home
	import_mini
	vmctl key generate key
	vmctl create a1 a2 "${small[@]}"
	vmctl wait a1 a2
}

teardown_file() {
	local bad=0
	delete_all || bad=1
	for file in "$VMCTL_HOME"/*.pid; do
		[ ! -e "$file" ] || kill "$(<"$file")" || :
	done
	ip netns delete outside 2>/dev/null || :
	ip link delete br-test 2>/dev/null || :
	return $bad
}

guest() { # NAME COMMAND...
	local name=$1
	shift
	vmctl exec "$name" -- "$@"
}

# What instance's interface 0, 1, … has for an address, in its own words.
inner() { # NAME DEVICE
	guest "$1" ip -4 -o addr show "$2" | awk '{ sub("/.*", "", $4); print $4 }'
}

# answers ADDRESS [PREFIX...]: something listens there for ssh.
answers() {
	local address=$1
	shift
	"$@" perl -MIO::Socket::INET -e 'exit !IO::Socket::INET->new(
		PeerAddr => $ARGV[0], PeerPort => 22, Timeout => 5)' "$address"
}

@test "NET-003 NET-004 the address came by DHCP at boot, and the record carries it" {
	for name in a1 a2; do
		address=$(field $name address)
		[[ $address =~ ^192\.168\.100\.[0-9]+$ ]]
		same "$(field $name address_source)" lease
		same "$(inner $name eth0)" "$address"
		same "$(guest $name cat /sys/class/net/eth0/address)" "$(mac_of "$(field $name id)")"
		virsh_ net-dhcp-leases vmctl | grep "$(field $name mac)" | grep -q "$address/24"
	done
	ok vmctl list
	has "$out" "$(field a1 address)"
	ok vmctl list --cached
	has "$out" "$(field a2 address)"
	ok vmctl show a1
	has "$out" "$(field a1 address)"
}

@test "NET-008 the host reaches the instance: OpenSSH at the leased address" {
	echo "box $(field a1 host_key)" >"$BATS_TEST_TMPDIR/known"
	ok ssh -F none -i "$(vmctl key show key -o json | jq -r .private_path)" -o BatchMode=yes \
		-o StrictHostKeyChecking=yes -o UserKnownHostsFile="$BATS_TEST_TMPDIR/known" \
		-o HostKeyAlias=box "vm@$(field a1 address)" hostname
	same "$out" a1
	answers "$(field a1 address)"
}

@test "NET-010 leases: address, MAC, hostname, expiry, instance, in every format" {
	ok vmctl network leases vmctl
	for word in a1 a2 "$(field a1 address)" "$(field a2 mac)"; do has "$out" "$word"; done
	ok vmctl network leases -o json
	fits lease <<<"$out"
	lease=$(jq '.[] | select(.instance == "a1")' <<<"$out")
	same "$(jq -r '.address + " " + .mac + " " + .hostname + " " + .network' <<<"$lease")" \
		"$(field a1 address) $(field a1 mac) a1 vmctl"
	jq -e '.expires_at | fromdate > now' <<<"$lease"
	same "$(vmctl network leases -o ndjson | jq -r .instance | sort | tr '\n' ' ')" "a1 a2 "
	same "$(vmctl network leases -o name | sort)" "$(printf '%s\n' "$(field a1 address)" "$(field a2 address)" | sort)"
	same "$(vmctl network leases -o csv --columns instance,mac --no-header | grep "^a1," | tr -d '\r')" "a1,$(field a1 mac)"
	same "$(vmctl network leases -o tsv --columns mac,instance --no-header | grep "a2\$")" "$(printf '%s\ta2' "$(field a2 mac)")"
	ok vmctl network leases -o wide
	same "$(vmctl network show vmctl -o json | jq .used)" 2
}

@test "two guests reach each other, and find each other by name" {
	ok guest a1 sudo ping -c 1 -W 10 "$(field a2 address)"
	ok guest a1 sudo ping -c 1 -W 10 a2
	has "$out" "$(field a2 address)"
	ok guest a2 sudo ping -c 1 -W 10 a1
	has "$out" "$(field a1 address)"
	ok guest a1 sh -c 'nc -w 10 a2 22 </dev/null | head -n 1'
	has "$out" SSH-2.0
	# By the name with its domain too, which is the network's.
	ok guest a1 sudo ping -c 1 -W 10 a2.vmctl
	try guest a1 sudo ping -c 1 -W 2 nobody
	same "$status" 1
}

@test "NET-005 a guest reaches out through NAT" {
	ip netns add outside
	ip link add veth-in type veth peer name veth-out netns outside
	ip addr add 198.51.100.1/24 dev veth-in
	ip link set veth-in up
	ip -n outside addr add 198.51.100.2/24 dev veth-out
	ip -n outside link set veth-out up
	# It answers with where it is called from, and has no way to any other place.
	ip netns exec outside perl -MIO::Socket::INET -e '
		my $s = IO::Socket::INET->new(LocalAddr => "198.51.100.2", LocalPort => 80,
			Listen => 5, ReuseAddr => 1) or die "$!";
		open my $f, ">", $ARGV[0] or die; print $f $$; close $f;
		while (my $c = $s->accept) { print $c "you are ", $c->peerhost, "\n"; close $c }' \
		"$VMCTL_HOME/outside.pid" >/dev/null 2>&1 3>&- 4>&- &
	wait_until 20 test -s "$VMCTL_HOME/outside.pid"
	ok guest a1 sh -c 'nc -w 10 198.51.100.2 80 </dev/null'
	same "$out" "you are 198.51.100.1"
	# Nobody out there gets in.
	run ! ip netns exec outside ip route get "$(field a1 address)"
	ip -n outside route add 192.168.100.0/24 via 198.51.100.1
	run ! answers "$(field a1 address)" ip netns exec outside
}

@test "NET-006 the address stays over stop, a restart of the network, and start" {
	address=$(field a1 address)
	ok vmctl stop --force --timeout 0 a1 a2
	same "$(field a1 state)" stopped
	same "$(field a1 address)" "$address"
	virsh_ net-destroy vmctl >/dev/null
	# What libvirt remembers of leases goes, as over a long time.
	same "$(vmctl network show vmctl -o json | jq .active)" false
	ok vmctl network leases
	rm -f /var/lib/libvirt/dnsmasq/virbr*.status /var/lib/libvirt/dnsmasq/vmctl.leases
	# Another instance does not get it meanwhile.
	ok vmctl create b1 "${small[@]}" --memory 64M
	[ "$(field b1 address)" != "$address" ]
	ok vmctl delete -y b1
	ok vmctl start a1
	ok vmctl wait a1
	same "$(field a1 address)" "$address"
	same "$(field a1 address_source)" lease
	same "$(inner a1 eth0)" "$address"
}

@test "INST-012 after delete reservation and lease are gone: the next one has the address at once" {
	address=$(field a1 address) mac=$(field a1 mac)
	virsh_ net-dhcp-leases vmctl | grep -q "$mac"
	ok vmctl delete -y a1
	wait_until 5 not_held "$mac"
	ok vmctl network create lab --subnet 10.20.30.0/24
	started=$SECONDS
	ok vmctl create a3 "${small[@]}" --ip "$address" --network nat --network lab --network user --wait
	echo "# ready after $((SECONDS - started)) s" >&3
	same "$(field a3 address)" "$address"
	same "$(inner a3 eth0)" "$address"
}

@test "several interfaces: each has its address in its network" {
	wait_until 30 leased_in lab
	same "$(inner a3 eth1)" 10.20.30.10
	[[ $(inner a3 eth2) == 10.0.2.* ]]
	same "$(vmctl network leases lab -o json | jq -r '.[].instance')" a3
	ok vmctl delete -y a3 a2
	ok vmctl network delete lab
}

leased_in() {
	[ "$(vmctl network leases "$1" -o name | wc -l)" = 1 ]
}

@test "a bridge of the host: the address is found by the agent or ARP, and show says which" {
	ip link add br-test type bridge
	ip addr add 10.55.0.1/24 dev br-test
	ip link set br-test up
	# A stranger's DHCP server, of which libvirt knows nothing.
	dnsmasq --conf-file=/dev/null --port=0 --interface=br-test --bind-interfaces \
		--dhcp-range=10.55.0.50,10.55.0.59,1h --dhcp-leasefile="$VMCTL_HOME/leases" \
		--pid-file="$VMCTL_HOME/dnsmasq.pid" --except-interface=lo 3>&- 4>&-
	ok vmctl create c1 "${small[@]}" --network bridge=br-test --wait
	[[ $(field c1 address) == 10.55.0.5? ]]
	[[ $(field c1 address_source) =~ ^(agent|arp)$ ]]
	same "$(inner c1 eth0)" "$(field c1 address)"
	agent() { [ "$(field c1 address_source)" = agent ]; }
	wait_until 60 agent
	# When the agent is silent the host's neighbours are asked.
	guest c1 sudo sh -c 'mount -o bind /dev/null "$(command -v qemu-ga)"; killall qemu-ga'
	answers "$(field c1 address)"
	arp() { [ "$(field c1 address_source)" = arp ]; }
	wait_until 60 arp
	[[ $(field c1 address) == 10.55.0.5? ]]
	ok guest c1 true
	ok vmctl delete -y c1
}
