#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Forwarded ports that somebody listens at in the guest: by QEMU's user-mode network,
# and on the system connection by vmctl's own relay. The tests build on each other; the
# second guest is never booted to the end.

# shellcheck disable=SC2317 # what tests call by wait_until
load ../lib.sh

setup_file() {
	private_home
	import_mini
	pick
	vmctl create box "${small[@]}" -p "$TCP:80" -p "$UDP:7777/udp" --wait \
		>"$BATS_FILE_TMPDIR/created"
	ID=$(field box id)
	export ID TCP UDP
	serve
}

teardown_file() {
	delete_all
}

teardown() {
	[ -z "${HOLDER:-}" ] || kill "$HOLDER"
}

# TCP and UDP: ports that are free now, apart from those of other runs.
pick() {
	TCP=$((31000 + $$ % 800))
	while listens "$TCP"; do TCP=$((TCP + 1)); done
	UDP=$((TCP + 800))
}

# A web server, which the guest's own busybox has.
serve() {
	vmctl exec box -- sudo sh -c 'mkdir -p /srv; echo "from the guest" >/srv/index.html
		exec /bin/busybox httpd -p 80 -h /srv'
}

# Another program has the port, and serves one connection after another.
hold() { # PORT
	perl -MIO::Socket::INET -e '
		my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => $ARGV[0],
			Listen => 5, ReuseAddr => 1) or die "$!";
		my @all; while (my $c = $s->accept) { push @all, $c }' "$1" 3>&- &
	HOLDER=$!
	wait_until 10 listens "$1"
}

release() {
	kill "$HOLDER"
	wait "$HOLDER" || :
	HOLDER=
}

web() { # ADDRESS:PORT
	[ "$(curl -s --max-time 5 "http://$1/")" = "from the guest" ]
}

web_gone() {
	! curl -s --max-time 2 "http://$1/" >/dev/null
}

# The relay's sockets towards the guest's UDP port.
ways() {
	ss -Hun 'dport = :7777' | awk '{ print $(NF - 1) }' | sort
}

new_way() {
	echo early >&8 || :
	way=$(comm -13 <(echo "$1") <(ways))
	[ -n "$way" ]
}

# A datagram there and back. Nothing in the guest can listen at a UDP port, but its
# bash can connect from one, to where our datagrams come from as the guest sees it.
echoes() { # PORT
	local answer='' way before guest deadline
	before=$(ways)
	exec 8<>"/dev/udp/127.0.0.1/$1"
	if on_system; then
		wait_until 20 new_way "$before"
	else
		way=10.0.2.2:$(ss -Hun "dport = :$1" | awk '{ sub(/.*:/, "", $(NF - 1)); print $(NF - 1); exit }')
	fi
	vmctl exec --timeout 55s box -- sudo bash -c "
		range=/proc/sys/net/ipv4/ip_local_port_range
		echo 7777 7777 >\$range
		exec 3<>/dev/udp/${way%:*}/${way##*:}
		echo 32768 60999 >\$range
		line=\$(dd bs=2000 count=1 <&3 2>/dev/null)
		echo \"back \$line\" >&3" 3>&- &
	guest=$!
	deadline=$((SECONDS + 60))
	# Whole datagrams: a shell reads bytes.
	until [ "$answer" = "back ping-$1" ] || ((SECONDS > deadline)); do
		echo "ping-$1" >&8 || :
		answer=$(timeout 0.3 dd bs=2000 count=1 <&8 2>/dev/null || :)
	done
	exec 8>&-
	wait $guest
	same "$answer" "back ping-$1"
}

states() { # NAME
	vmctl port list "$1" -o json | jq -r '.[] | .port + " " + .state'
}

both_active() {
	same "$(states box | sort)" "$(printf '%s\n' "127.0.0.1:$TCP->80/tcp active" \
		"127.0.0.1:$UDP->7777/udp active")"
}

reached() {
	wait_until 20 web "127.0.0.1:$TCP"
	echoes "$UDP"
}

@test "create -p: what listens in the guest is reached, by TCP and by UDP" {
	same "$(<"$BATS_FILE_TMPDIR/created")" box
	reached
	both_active
	same "$(field box 'ports | join(" ")')" "127.0.0.1:$TCP->80/tcp 127.0.0.1:$UDP->7777/udp"
	# Of loopback alone.
	ss -Hltn "sport = :$TCP" | grep -q "127.0.0.1:$TCP"
}

@test "port add and remove on a running instance; a port that is chosen is printed" {
	ok vmctl port add box 80 127.0.0.3:0:80
	mapfile -t added <<<"$out"
	same "${#added[@]}" 2
	for text in "${added[@]}"; do
		web "${text%%->*}"
	done
	has "${added[1]}" 127.0.0.3:
	ok vmctl port remove box "${added[@]}"
	same "$out" ""
	for text in "${added[@]}"; do
		web_gone "${text%%->*}"
	done
	both_active
	reached
}

@test "a port that a program has is refused, naming it; what it leaves behind is not in the way" {
	hold $((TCP + 1))
	refused 4 vmctl port add box "$((TCP + 1)):80"
	has "$err" "$((TCP + 1))"
	has "$err" "perl (process $HOLDER)"
	refused 4 vmctl port add box 80 "0.0.0.0:$((TCP + 1)):80"
	refused 4 vmctl create other "${small[@]}" -p "$((TCP + 1)):80"
	# It ends while a connection is open: TIME_WAIT.
	exec 8<>"/dev/tcp/127.0.0.1/$((TCP + 1))"
	release
	exec 8>&-
	ok vmctl port add box "$((TCP + 1)):80"
	wait_until 10 web "127.0.0.1:$((TCP + 1))"
	ok vmctl port remove box "$((TCP + 1))"
}

@test "two instances: each has its ports, and none has another's" {
	ok vmctl create other "${small[@]}" --memory 64M -p 80
	second=$(field other 'ports[0]')
	second=${second%%->*}
	listens "${second##*:}"
	refused 4 vmctl port add other "$TCP:80"
	has "$err" box
	refused 4 vmctl port add box "${second##*:}:80"
	has "$err" other
	if on_session; then
		refused 4 vmctl port add box "0.0.0.0:$(field other ssh_port):80"
		has "$err" other
	fi
	# One question to each, and all in one table.
	same "$(vmctl port list -o json | jq -r '[.[] | .instance + .state] | join(" ")')" \
		"boxactive boxactive otheractive"
	id=$(field other id)
	ok vmctl delete -y other
	wait_until 5 doesnt_listen "${second##*:}"
	nothing_left "$id"
	same "$(vmctl port list -o json | jq -r '[.[].instance] | unique | join(" ")')" box
}

# The processes of this run's user whose name begins so.
ours() { # NAME
	local dir
	for dir in /proc/[0-9]*; do
		if [ -O "$dir" ] && [[ $(cat "$dir/comm" 2>/dev/null) == "$1"* ]] &&
			tr '\0' '\n' 2>/dev/null <"$dir/environ" | grep -qxF "HOME=$HOME"; then
			echo "${dir#/proc/}"
		fi
	done
}

kill_at_once() { # PID...
	local pid
	[ $# -gt 0 ]
	kill -s KILL "$@"
	for pid; do
		wait_until 20 has_ended "$pid"
	done
}

# What a host loses when it is switched off: all processes and the runtime folders.
daemon_dies() {
	if on_system; then
		kill_at_once "$(</run/libvirtd.pid)"
	else
		# shellcheck disable=SC2046
		kill_at_once $(ours libvirtd)
	fi
}

daemon_comes() {
	on_session || libvirtd -d 3>&- 4>&-
	wait_until 60 virsh_ list --name >/dev/null
}

relay() {
	ss -Hltnp "sport = :$TCP" | sed -n 's/.*"vmctl-relay",pid=\([0-9]*\).*/\1/p'
}

@test "forwards outlive the death of libvirt's daemon" {
	daemon_dies
	web "127.0.0.1:$TCP"
	daemon_comes
	reached
	both_active
}

@test "after a reboot of the host the forwards come back with the machine" {
	machine=$(qemu_of "$ID")
	[ -n "$machine" ]
	daemon_dies
	on_session || machine="$machine $(relay)"
	# shellcheck disable=SC2086
	kill_at_once $machine
	rm -rf "$VMCTL_HOME/run" "$HOME/.cache/libvirt"/{*.pid,qemu/run,libvirt-sock*}
	doesnt_listen "$TCP"
	daemon_comes
	same "$(field box state)" stopped
	same "$(states box | cut -d ' ' -f 2 | sort -u)" inactive
	ok vmctl start box
	vmctl wait box --for ssh
	both_active
	serve
	reached
}

@test "what was removed behind our back is set again by port list" {
	if on_system; then
		kill_at_once "$(relay)"
	else
		virsh_ qemu-monitor-command "$ID" --hmp "hostfwd_remove tcp:127.0.0.1:$TCP"
	fi
	web_gone "127.0.0.1:$TCP"
	both_active
	reached
}

@test "two port add at once: both are there" {
	vmctl --timeout 60s port add box "$((TCP + 3)):80" >/dev/null 3>&- &
	first=$!
	ok vmctl --timeout 60s port add box "$((TCP + 4)):80"
	wait $first
	web "127.0.0.1:$((TCP + 3))"
	web "127.0.0.1:$((TCP + 4))"
	ok vmctl port remove box $((TCP + 3)) $((TCP + 4))
	doesnt_listen $((TCP + 3))
}

@test "two hundred connections at once are all answered" {
	# The guest lets few wait and is slow: who is turned away asks again, as browsers do.
	perl -MIO::Socket::INET -e '
		sub open_one {
			IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $ARGV[0]) or die "$!"
		}
		my @all = map { open_one() } 1 .. 200;
		my $again = 0;
		for my $c (@all) {
			local ($/, $SIG{PIPE}) = (undef, "IGNORE");
			until (print $c "GET / HTTP/1.0\r\n\r\n" and (<$c> // "") =~ /from the guest/) {
				die "no answer" if ++$again > 100;
				$c = open_one();
			}
		}
		print "# asked $again times again\n";' "$TCP" >&3
	both_active
}

@test "a guest that stands still keeps nobody from its other ports, and goes on later" {
	virsh_ suspend "$ID" >/dev/null
	same "$(field box state)" paused
	run ! curl -s --max-time 2 "http://127.0.0.1:$TCP/"
	both_active
	ok vmctl port add box "$((TCP + 3)):80"
	ok vmctl port remove box "$((TCP + 3))"
	virsh_ resume "$ID" >/dev/null
	wait_until 20 web "127.0.0.1:$TCP"
}

@test "a guest that boots again has its forwards all the while" {
	ok vmctl reboot box --force
	both_active
	vmctl wait box --for ssh
	serve
	reached
}

@test "what is stopped behind our back frees its ports by itself" {
	virsh_ destroy "$ID" >/dev/null
	wait_until 20 doesnt_listen "$TCP"
	[ ! -e "$VMCTL_HOME/relays/$ID" ]
	ok vmctl start box
	listens "$TCP"
}

@test "a domain started behind our back has its forwards with the next command that looks" {
	ok vmctl stop box --timeout 60s
	same "$(states box | sort)" "$(printf '%s\n' "127.0.0.1:$TCP->80/tcp inactive" \
		"127.0.0.1:$UDP->7777/udp inactive")"
	virsh_ start "$ID" >/dev/null
	doesnt_listen "$TCP"
	ok vmctl show box
	listens "$TCP"
	on_system || listens "$(field box ssh_port)"
	both_active
}

@test "a port that was taken while it was stopped: it runs, status 6 says which, and later it comes" {
	ok vmctl stop box --force --timeout 0
	ok vmctl port add box "$((TCP + 2)):81"
	hold "$TCP"
	fails 6 vmctl start box
	has "$err" "127.0.0.1:$TCP->80/tcp is not forwarded"
	has "$err" "perl (process $HOLDER)"
	same "$(field box state)" running
	listens $((TCP + 2))
	ok vmctl port list box -o json
	same "$(jq -r '.[] | select(.state != "active") | .port' <<<"$out")" "127.0.0.1:$TCP->80/tcp"
	has "$(jq -r '.[] | select(.state != "active") | .reason' <<<"$out")" "process $HOLDER"
	release
	ok vmctl start box
	ok vmctl port remove box $((TCP + 2))
	both_active
	vmctl wait box --for ssh
	serve
	reached
}
