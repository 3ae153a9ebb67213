#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Networks, and the addresses that they keep. No test here waits for a guest.

load ../lib.sh

setup_file() {
	private_home
	import_mini
	vmctl key generate key
	no_networks
}

teardown_file() {
	delete_all
	no_networks
	for link in br-test host-if; do
		ip link delete $link 2>/dev/null || :
	done
}

networks() {
	virsh_ net-list --all --name | sed '/^$/d' | sort | tr '\n' ' '
}

net_field() { # NETWORK KEY
	vmctl network show "$1" -o json | jq -r ".$2"
}

# create NAME...: an instance that nobody waits for.
create() {
	vmctl create "${small[@]}" --memory 64M "$@"
}

@test "NET-001 NET-002 the setting nat.subnet is the subnet of the network vmctl" {
	ok vmctl config set nat.subnet 10.77.4.0/22
	ok create first
	ok vmctl network show vmctl -o json
	same "$(jq -r '.subnet + " " + .range' <<<"$out")" "10.77.4.0/22 10.77.4.10-10.77.7.254"
	same "$(field first address)" 10.77.4.10
	ok vmctl delete -y first
	ok vmctl network delete vmctl
	ok vmctl config unset nat.subnet
	same "$(networks)" ""
}

@test "NET-001 the network vmctl is made when an instance needs it, and not before" {
	ok vmctl network list -o name
	same "$out" ""
	ok vmctl create --dry-run a1 "${small[@]}"
	has "$out" "network='vmctl'"
	fails 2 create a1 --ip 10.1.2.3
	same "$(vmctl list -o name)" ""
	same "$(virsh_ net-list --name | grep -cvx 'vmctl\|')" 0
	ok create a1 -v
	same "$(networks)" "vmctl "
	same "$(net_field vmctl active)" true
	same "$(net_field vmctl managed)" true
	same "$(virsh_ net-info vmctl | awk '/Autostart/ { print $2 }')" yes
}

@test "NET-002 its range is 192.168.100.10 to .254" {
	same "$(net_field vmctl range)" 192.168.100.10-192.168.100.254
	same "$(net_field vmctl subnet)" 192.168.100.0/24
	same "$(net_field vmctl addresses)" 245
	same "$(net_field vmctl mode)" nat
}

@test "NET-006 the MAC comes from the id; it and the address are reserved, with the name" {
	mac=$(mac_of "$(field a1 id)")
	same "$(field a1 mac)" "$mac"
	host=$(virsh_ net-dumpxml vmctl | grep '<host ')
	has "$host" "$mac"
	has "$host" "ip='192.168.100.10'"
	has "$host" "name='a1'"
	virsh_ dumpxml "$(field a1 id)" | grep -qi "$mac"
}

@test "network list and show in every format" {
	ok vmctl network list
	has "$out" vmctl
	ok vmctl network ls -o wide
	has "$out" virbr
	same "$(vmctl network list -o json | jq -r '.[].name')" vmctl
	vmctl network list -o json | fits network
	same "$(vmctl network list -o ndjson | jq -r .used)" 1
	same "$(vmctl network list -o name)" vmctl
	same "$(vmctl network list -o csv --columns name,subnet --no-header | tr -d '\r')" vmctl,192.168.100.0/24
	same "$(vmctl network list -o tsv --columns subnet,name --no-header)" "$(printf '192.168.100.0/24\tvmctl')"
	ok vmctl network show vmctl
	has "$out" 192.168.100.1
	fails 3 vmctl network show vmtcl
	has "$err" "did you mean vmctl"
	fails 3 vmctl network leases nosuch
}

@test "network create: what cannot be a name, a subnet, a range is status 2, and nothing is made" {
	for name in '' -x user nat 'a b' ../x sixteen-letters-x 'a/b' $'a\nb' "a'b" ä; do
		refused 2 vmctl network create --subnet 10.20.30.0/24 -- "$name"
	done
	for subnet in '' 10.20.30.0 10.20.30.0/ 10.20.30.0/15 10.20.30.0/30 10.20.30.0/024x 10.20.30.0/-1 \
		10.20.30.5/24 10.20.300.0/24 127.0.0.0/16 169.254.0.0/16 224.0.0.0/24 0.0.0.0/16 fd00::/24 x; do
		refused 2 vmctl network create lab --subnet "$subnet"
	done
	refused 2 vmctl network create lab --subnet 10.20.30.1/24
	has "$err" 10.20.30.0/24
	for range in '' 10.20.30.10 10.20.30.20-10.20.30.10 10.20.30.1-10.20.30.9 10.20.30.9-10.20.30.255 \
		10.20.31.1-10.20.31.9 10.20.30.9-10.20.30.300 a-b 10.20.30.0-10.20.30.9; do
		refused 2 vmctl network create lab --subnet 10.20.30.0/24 --range "$range"
	done
	same "$(networks)" "vmctl "
}

@test "network create: a subnet that overlaps an interface of the host or another network is status 4" {
	ip link add host-if type bridge
	ip addr add 10.55.6.7/20 dev host-if
	ip link set host-if up
	refused 4 vmctl network create lab --subnet 10.55.0.0/24
	has "$err" host-if
	has "$err" --subnet
	refused 4 vmctl network create lab --subnet 192.168.100.128/25
	has "$err" vmctl
	refused 4 vmctl network create lab --subnet 192.168.0.0/16
	refused 4 vmctl network create vmctl --subnet 10.20.30.0/24
	has "$err" "vmctl already"
	# A network that is down counts too.
	virsh_ net-define /dev/stdin <<-'END' >/dev/null
		<network><name>other</name><forward mode='nat'/>
		<ip address='10.66.0.1' netmask='255.255.0.0'/></network>
	END
	refused 4 vmctl network create lab --subnet 10.66.9.0/24
	has "$err" other
}

@test "network delete: not ours, in use and unknown are refused; ours goes" {
	refused 1 vmctl network delete other
	has "$err" "not made by vmctl"
	virsh_ net-undefine other >/dev/null
	refused 4 vmctl network delete vmctl
	has "$err" a1
	refused 3 vmctl network delete other
	ok vmctl network create lab --subnet 10.20.30.0/24
	same "$out" lab
	same "$(vmctl network create labj --subnet 10.20.31.0/24 -o json | jq -r '.name // .[].name')" labj
	try vmctl network delete lab vmctl labj
	same "$status" 6
	same "$(networks)" "vmctl "
}

@test "create --ip: a good address; one outside the range, not an address, taken" {
	ok create wish --ip 192.168.100.77
	same "$(field wish address)" 192.168.100.77
	virsh_ net-dumpxml vmctl | grep -q "ip='192.168.100.77'"
	for ip in 192.168.100.9 192.168.100.255 192.168.100.1 192.168.101.20 10.0.0.1 192.168.100 x '' ::1 192.168.100.010; do
		refused 2 create bad --ip "$ip"
	done
	refused 4 create bad --ip 192.168.100.77
	has "$err" taken
	refused 2 create bad --network user --ip 192.168.100.20
	# Somebody else's reservation, on the same network.
	virsh_ net-update vmctl add ip-dhcp-host \
		"<host mac='52:54:00:ff:00:01' name='theirs' ip='192.168.100.11'/>" --live --config >/dev/null
	refused 4 create bad --ip 192.168.100.11
	ok create next
	same "$(field next address)" 192.168.100.12
	# The same name as somebody else's takes nothing from them.
	ok create theirs
	same "$(virsh_ net-dumpxml vmctl | grep -c "name='theirs'")" 1
	virsh_ net-dumpxml vmctl | grep "name='theirs'" | grep -q 52:54:00:ff:00:01
	virsh_ net-dumpxml vmctl | grep -q "$(field theirs mac)"
	ok vmctl delete -y wish next theirs
	virsh_ net-dumpxml vmctl | grep -q 52:54:00:ff:00:01
	ok vmctl delete -y a1
	# It is still somebody's.
	refused 4 vmctl network delete vmctl
	has "$err" theirs
	virsh_ net-update vmctl delete ip-dhcp-host \
		"<host mac='52:54:00:ff:00:01' ip='192.168.100.11'/>" --live --config >/dev/null
}

@test "NET-007 a pool of two: the third creation is status 8 and leaves nothing; what is deleted is free" {
	ok vmctl network create tiny --subnet 10.9.8.0/29 --range 10.9.8.2-10.9.8.3
	same "$(net_field tiny addresses)" 2
	ok create p1 --network tiny
	ok create p2 --network tiny
	before=$(domains)
	refused 8 create p3 --network tiny
	has "$err" 10.9.8.3
	has "$err" leases
	same "$(domains)" "$before"
	refused 8 create p3 --network nat --network tiny
	same "$(virsh_ net-dumpxml vmctl | grep -c '<host ')" 0
	same "$(field p2 address)" 10.9.8.3
	mac=$(field p2 mac)
	ok vmctl delete -y p2
	same "$(held "$mac")" ""
	ok create p3 --network tiny
	same "$(field p3 address)" 10.9.8.3
	ok vmctl delete -y p1 p3
	ok vmctl network delete tiny
}

# A daemon that is killed between its two changes leaves that.
@test "an address that only what runs has, or only what is kept, is given back, and reserved on both sides" {
	local host id
	for side in live config; do
		ok create "half-$side"
		id=$(field "half-$side" id)
		host=$(virsh_ net-dumpxml vmctl | grep -io "<host.*$(mac_of "$id").*")
		# On the other side, it is gone.
		case $side in
		live) virsh_ net-update vmctl delete ip-dhcp-host "$host" --config ;;
		config) virsh_ net-update vmctl delete ip-dhcp-host "$host" --live ;;
		esac
		# A start reserves it again where it is missing.
		ok vmctl stop --force --timeout 0 "half-$side"
		ok vmctl start "half-$side"
		has "$(virsh_ net-dumpxml vmctl)" "$host"
		has "$(virsh_ net-dumpxml --inactive vmctl)" "$host"
		virsh_ net-update vmctl delete ip-dhcp-host "$host" --$side
		ok vmctl delete -y "half-$side"
		hasnt "$(virsh_ net-dumpxml vmctl)" "$host"
		hasnt "$(virsh_ net-dumpxml --inactive vmctl)" "$host"
	done
}

@test "several interfaces: each of its own network, eight at most" {
	ok vmctl network create lab --subnet 10.20.30.0/24
	ok create many --network lab --network nat --network lab --network user
	same "$(field many 'networks | join(",")')" lab,vmctl,lab,user
	same "$(field many address)" 10.20.30.10
	same "$(virsh_ net-dumpxml lab | grep -c '<host ')" 2
	same "$(virsh_ domiflist "$(field many id)" | grep -c 52:54:00)" 4
	refused 4 vmctl network delete lab
	ok vmctl delete -y many
	same "$(held 52:54:00)" ""
	refused 2 create nine --network=lab{,,,,,,,,}
	has "$err" "8 interfaces"
	refused 3 create x --network nosuch
	has "$err" nosuch
	ok vmctl network delete lab
}

@test "TERM-008 --network bridge=NAME: ssh needs an address; no such bridge is status 3, before anything is made" {
	refused 3 create x --network bridge=nosuch
	has "$err" nosuch
	refused 3 create x --network bridge=lo
	refused 3 create x --network bridge=
	refused 3 create x --network bridge=../net
	ip link add br-test type bridge
	refused 2 create x --network bridge=br-test --ip 10.1.2.3
	ok create x --network bridge=br-test
	same "$(field x 'networks | join(",")')" bridge=br-test
	same "$(field x address)" null
	fails 4 vmctl ip x

	fails 4 vmctl ssh x </dev/null
	has "$err" "no address"
	ok vmctl delete -y x
}

@test "the host's interfaces in the way of the network vmctl: the hint is the setting" {
	ok vmctl network delete vmctl
	ip addr add 192.168.100.200/24 dev host-if
	refused 4 create x
	has "$err" nat.subnet
	ip addr del 192.168.100.200/24 dev host-if
}

@test "STOR-001 a folder that QEMU's user cannot enter is named, status 1, and nothing is made" {
	mkdir -p "$VMCTL_HOME/closed/open"
	chmod 700 "$VMCTL_HOME/closed"
	export VMCTL_HOME=$VMCTL_HOME/closed/open
	import_mini
	before=$(domains)
	refused 1 create x
	has "$err" "${VMCTL_HOME%/open}"
	has "$err" "chmod o+x"
	same "$(domains)" "$before"
	chmod 711 "${VMCTL_HOME%/open}"
	ok create x
	ok vmctl delete -y x
	ok vmctl network delete vmctl
}

# listen TYPE PORT: a process that has that port of all addresses, as pid in `listener`.
listen() {
	python3 - "$1" "$2" >"$BATS_TEST_TMPDIR/listens" 3>&- 4>&- <<-'END' &
		import signal, socket, sys
		s = socket.socket(type=getattr(socket, sys.argv[1]))
		s.bind(("0.0.0.0", int(sys.argv[2])))
		if sys.argv[1] == "SOCK_STREAM":
		    s.listen()
		print("listens", flush=True)
		signal.pause()
	END
	listener=$!
	wait_until 10 grep -q listens "$BATS_TEST_TMPDIR/listens"
}

@test "a port that a network needs and somebody has is named, with who that is" {
	local port type proto
	no_networks
	for port in 53 67; do
		type=SOCK_DGRAM
		[ $port = 67 ] || type=SOCK_STREAM
		listen $type $port
		try vmctl network create taken --subnet 10.88.1.0/24
		kill "$listener"
		wait "$listener" || :
		same "$status" 4
		same "$(wc -l <<<"$err")" 2
		has "$err" "port $port"
		has "$err" "in use by python3 (process $listener)"
		hasnt "$err" "--conf-file"
	done
	for type in STREAM/TCP/53 DGRAM/UDP/53 DGRAM/UDP/67; do
		IFS=/ read -r type proto port <<<"$type"
		listen "SOCK_$type" "$port"
		try vmctl host doctor
		kill "$listener"
		wait "$listener" || :
		has "$out" "$proto port $port of all addresses is in use by python3"
	done
	vmctl network delete -y taken 2>/dev/null || :
	ok vmctl network create taken --subnet 10.88.1.0/24
	try vmctl host doctor
	hasnt "$out" "of all addresses is in use"
	# Guests are not told what names mean on this host.
	has "$(virsh_ net-dumpxml taken)" "no-hosts"
	hasnt "$out" "which an older vmctl made"
	virsh_ net-dumpxml --inactive taken | grep -v dnsmasq:option >"$BATS_TEST_TMPDIR/taken.xml"
	virsh_ net-define "$BATS_TEST_TMPDIR/taken.xml"
	virsh_ net-destroy taken
	virsh_ net-start taken
	try vmctl host doctor
	has "$out" "taken, which an older vmctl made, tells guests the names in this host's /etc/hosts"
	has "$out" "vmctl network create taken --subnet 10.88.1.0/24"
	ok vmctl network delete -y taken
}

@test "host doctor: that there is no /run/lock is told, with what to type" {
	try vmctl host doctor
	hasnt "$out" "there is no /run/lock"
	mv /run/lock /run/lock.away
	try vmctl host doctor
	mv /run/lock.away /run/lock
	has "$out" "there is no /run/lock"
	has "$out" "mkdir -m 1777 /run/lock" # root needs no sudo
}
