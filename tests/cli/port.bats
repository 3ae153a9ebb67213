#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Forwarded ports: what is refused before anything is made, and what a dry run
# shows. No virtual machine is started here.

load ../lib.sh

setup_file() {
	private_home
	qemu-img create -q -f qcow2 "$BATS_FILE_TMPDIR/tiny.qcow2" 64M
	qemu-io -f qcow2 -c 'write -P 0x5a 0 1M' "$BATS_FILE_TMPDIR/tiny.qcow2" >/dev/null
	vmctl image import --name tiny --user vm "$BATS_FILE_TMPDIR/tiny.qcow2"
	vmctl key generate key
	# So that no hypervisor is asked which networks it has.
	vmctl config set network user
}

teardown() {
	[ -z "${HOLDER:-}" ] || kill "$HOLDER"
}

bad() { # STATUS PORT...
	local wanted=$1 port ports=()
	shift
	for port; do ports+=("--port=$port"); done
	refused "$wanted" vmctl create --image tiny web1 "${ports[@]}"
}

good() { # PORT...
	local port ports=()
	for port; do ports+=("--port=$port"); done
	ok vmctl create --dry-run --image tiny web1 "${ports[@]}"
}

@test "create -p: what is no port, range, address or protocol is status 2 and named" {
	for port in '' : :: ::80 80: 0 65536 99999999999999999999 -1 +1 ' 80' '80 ' 0x50 8e1 8080:0 8080:65536 \
		http 8080:http 8080:80/ 8080:80/sctp 8080:80/TCP 8080:80/tcp/udp /udp 127.0.0.1:8080: \
		127.0.0.1:80 127.1:8080:80 256.0.0.1:8080:80 localhost:8080:80 '*:8080:80' a:b:c:d \
		224.0.0.1:8080:80 255.255.255.255:8080:80 "$(printf '8080:80\n')x" "$(printf '%0999d' 0)" \
		80-79 8000-8010:80 8000:80-90 8000-8010:80-91 0-10:80-90 - 1- -1:80 8000-8010-8020:80-90; do
		bad 2 "$port"
	done
}

@test "create -p: IPv6 is refused, saying why" {
	for port in '[::1]:8080:80' '[::]:8080:80' ::1:8080:80 fe80::1:8080:80; do
		bad 2 "$port"
		has "$err" "IPv6"
	done
}

@test "create -p: an address that this host does not have is refused, also on a stopped one's behalf" {
	bad 2 192.0.2.1:8080:80
	has "$err" "this host has no address 192.0.2.1"
	bad 2 192.0.2.1:8080:80/udp
}

@test "create -p: a port that is the system's says what to do" {
	[ "$(id -u)" != 0 ] || skip "root may have any port"
	[ "$(</proc/sys/net/ipv4/ip_unprivileged_port_start)" = 1024 ] || skip "users may have any port"
	bad 2 80:80
	has "$err" 1024
	has "$err" ip_unprivileged_port_start=80
	good 80
}

@test "create -p: the same port twice in one command is refused" {
	bad 2 31080:80 31080:81
	bad 2 31080:80 31080:80
	bad 2 0.0.0.0:31080:80 127.0.0.2:31080:80
	bad 2 31000-31010:80-90 31005:1
	good 31080:80 31080:80/udp 127.0.0.2:31080:80
}

@test "create -p: more than an instance may have is refused" {
	bad 2 1-300
	bad 2 1-256 300
	good 1-256
}

# Another program's socket.
hold() { # tcp|udp ADDRESS PORT
	perl -MIO::Socket::INET -e '
		my $s = IO::Socket::INET->new(Proto => $ARGV[0], LocalAddr => $ARGV[1], LocalPort => $ARGV[2],
			($ARGV[0] eq "tcp" ? (Listen => 1) : ()), ReuseAddr => 1) or die "$!";
		while (1) { select undef, undef, undef, undef }' "$@" 3>&- &
	HOLDER=$!
	case $1 in
	tcp) wait_until 10 listens "$3" ;;
	udp) wait_until 10 udp_open "$3" ;;
	esac
}

udp_open() {
	ss -Hlun "sport = :$1" | grep -q .
}

@test "create -p: a TCP port in use is status 4 and names the process" {
	port=$((31100 + $$ % 500))
	while listens $port; do port=$((port + 1)); done
	hold tcp 127.0.0.1 $port
	for address in '' 127.0.0.1: 0.0.0.0:; do
		bad 4 "$address$port:80"
		has "$err" "$port"
		has "$err" "perl (process $HOLDER)"
	done
	bad 4 31999:80 "$port:81"
	good "$port:80/udp" "127.0.0.2:$port:80"
}

@test "create -p: a UDP port in use is status 4 and names the process" {
	port=$((31700 + $$ % 200))
	while udp_open $port; do port=$((port + 1)); done
	hold udp 0.0.0.0 $port
	for address in '' 127.0.0.9: 0.0.0.0:; do
		bad 4 "$address$port:53/udp"
		has "$err" "perl (process $HOLDER)"
	done
	good "$port:53"
}

@test "create -p --dry-run shows what would be forwarded, and chooses free ports" {
	good 31080:80 127.0.0.2:31081:53/udp
	has "$out" "forward 127.0.0.1:31080 to port 80 of the guest (tcp)"
	has "$out" "forward 127.0.0.2:31081 to port 53 of the guest (udp)"
	for port in 80 :80 0:80 127.0.0.1::80 127.0.0.1:0:80; do
		good "$port"
		[[ $out =~ forward\ 127.0.0.1:([0-9]+)\ to\ port\ 80\ of\ the\ guest ]]
		[ "${BASH_REMATCH[1]}" -ge 1024 ]
	done
	good 80-84 31200-31202:90-92/udp
	same "$(grep -c 'forward 127.0.0.1:[0-9]* to port 8[0-4] of' <<<"$out")" 5
	has "$out" "forward 127.0.0.1:31202 to port 92 of the guest (udp)"
	# None twice, that of ssh among them.
	same "$(grep -o '^forward [^ ]*' <<<"$out" | sort | uniq -d)" ""
}

@test "create -p: one port of the host cannot be for several instances" {
	refused 2 vmctl create --image tiny -p 31080:80 web1 web2
	has "$err" "one instance"
	ok vmctl create --dry-run --image tiny -p 80 web1 web2
}

@test "port list, add and remove: an unknown instance is status 3; without arguments it is status 2" {
	fails 3 vmctl port list nobody
	fails 3 vmctl port add nobody 80
	fails 3 vmctl port remove nobody 80
	fails 2 vmctl port add nobody
	fails 2 vmctl port remove nobody
	fails 2 vmctl port add
	fails 2 vmctl port
	# What is wrong by itself needs no instance.
	fails 2 vmctl port add nobody 80/sctp
}

@test "port list without instances is empty in every format" {
	ok vmctl port list
	ok vmctl port list -o json
	same "$out" "[]"
	ok vmctl port list -o ndjson
	same "$out" ""
	ok vmctl port ls -o name
	same "$out" ""
}
