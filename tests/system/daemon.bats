#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# libvirtd going away in the middle of a command, and what is done behind our back
# with virsh. No test here waits for a guest to boot but one.

load ../lib.sh

setup_file() {
	private_home
	import_mini
	vmctl key generate key
	start_daemon
	vmctl create box "${small[@]}"
	ID=$(field box id)
	ADDRESS=$(field box address)
	export ID ADDRESS
}

teardown_file() {
	start_daemon
	delete_all
}

setup() {
	start_daemon
}

# A test that failed may have left it so.
teardown() {
	! daemon_runs || kill -s CONT "$(daemon_pid)"
}

daemon_pid() {
	cat /run/libvirtd.pid 2>/dev/null
}

daemon_runs() {
	local pid
	pid=$(daemon_pid) && [ -n "$pid" ] && ! has_ended "$pid"
}

# Neither dnsmasq nor the guests end with it.
stop_daemon() {
	local pid
	daemon_runs || return 0
	pid=$(daemon_pid)
	kill -s "${1:-KILL}" "$pid"
	wait_until 20 has_ended "$pid"
}

start_daemon() {
	daemon_runs || libvirtd -d 3>&- 4>&-
	wait_until 60 virsh_ list --name >/dev/null
}

# All that exists is listed.
all_listed() {
	local id ids
	ids=" $(vmctl list -o json | jq -r '.[].id' | tr '\n' ' ') "
	for id in $(domains) $(ls "$VMCTL_HOME/instances"); do
		has "$ids" " $id "
	done
}

@test "REL-003 libvirtd is not there: status 7 with what to do; list shows the rows and marks them" {
	stop_daemon
	refused 7 vmctl create x "${small[@]}"
	has "$err" libvirt
	fails 7 vmctl stop box
	fails 7 vmctl start box
	fails 7 vmctl delete -y box
	fails 7 vmctl network list
	fails 7 vmctl network leases
	fails 7 vmctl network create lab --subnet 10.20.30.0/24
	try vmctl list -o json
	same "$status" 7
	same "$(jq -r '.[] | .name + " " + .state + " " + (.stale | tostring)' <<<"$out")" "box unknown true"
	[ -n "$err" ]
	try vmctl show box -o json
	same "$(jq -r .state <<<"$out")" unknown
	same "$(jq -r .address <<<"$out")" "$ADDRESS"
	start_daemon
	same "$(field box state)" running
	same "$(field box id)" "$ID"
	same "$(vmctl list -o json | jq -r '.[] | .state + " " + (.stale | tostring)')" "running false"
}

state_of() { # NAME: as list has it; nothing if it is not listed
	vmctl list -o json | jq -r --arg n "$1" '.[] | select(.name == $n) | .state'
}

# How far a command had come when the daemon was killed is not known: its status has to say it.
@test "libvirtd is killed in the middle of create: 0 if it runs, 7 if it failed; all is listed and can be deleted" {
	# Not while it starts a domain: libvirt 9.0, killed then, may come back
	# with a domain whose lock nobody ever gets.
	for moment in disk network; do
		vmctl create -v "mid$moment" "${small[@]}" --memory 64M \
			>"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" &
		pid=$!
		# -v names the steps.
		reached() { grep -q ": $moment" "$BATS_TEST_TMPDIR/err" || has_ended $pid; }
		wait_until 90 reached
		stop_daemon
		rc=0
		wait $pid || rc=$?
		echo "# killed at $moment: status $rc: $(tail -n 2 "$BATS_TEST_TMPDIR/err" | tr '\n' ' ')" >&3
		start_daemon
		all_listed
		case $rc in
		0) same "$(state_of "mid$moment")" running ;;
		*)
			same $rc 7
			grep -q libvirt "$BATS_TEST_TMPDIR/err"
			same "$(state_of "mid$moment")" error
			;;
		esac
	done
	same "$(vmctl list -o json | jq -r '.[] | select(.state == "pending") | .name')" ""
	mapfile -t ids < <(vmctl list -o json | jq -r '.[] | select(.name | startswith("mid")) | .id')
	for id in "${ids[@]}"; do
		ok vmctl delete -y "$id"
		nothing_left "$id"
	done
	same "$(domains)" "$ID"
	same "$(vmctl list -o name)" box
}

# A command that is past its start: it has loaded the client library.
speaking() { # PID
	grep -q '/libvirt.so' "/proc/$1/maps" 2>/dev/null || has_ended "$1"
}

@test "libvirtd is killed in the middle of list: every row is there, and marked" {
	# It answers nobody from here on.
	kill -s STOP "$(daemon_pid)"
	vmctl list -o json >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" &
	pid=$!
	wait_until 20 speaking $pid
	stop_daemon
	rc=0
	wait $pid || rc=$?
	cat "$BATS_TEST_TMPDIR/err"
	same $rc 7
	same "$(jq -r '.[] | .name + " " + .state + " " + (.stale | tostring)' "$BATS_TEST_TMPDIR/out")" \
		"box unknown true"
	grep -q libvirt "$BATS_TEST_TMPDIR/err"
	start_daemon
	same "$(field box state)" running
}

@test "REL-003 libvirtd hangs: each command ends at its --timeout, and all goes on after it" {
	local before
	# Without a --timeout each would take 90 seconds.
	ok vmctl start box
	before=$(snapshot)
	kill -s STOP "$(daemon_pid)"
	within 30 7 vmctl list -o json --timeout 4s
	same "$(jq -r '.[] | .name + " " + .state' <<<"$out")" "box unknown"
	has "$err" "does not answer"
	has "$err" "vmctl host doctor"
	within 30 0 vmctl show box -o json --timeout 4s
	same "$(jq -r .state <<<"$out")" unknown
	for command in "stop box" "delete -y box" "port add box 8080:80" "network list" \
		"wait box --for ip"; do
		read -ra words <<<"$command"
		within 30 7 vmctl "${words[@]}" --timeout 4s
		has "$err" "does not answer"
	done
	within 30 7 vmctl create x "${small[@]}" --timeout 4s
	kill -s CONT "$(daemon_pid)"
	same "$(vmctl list -o name)" box
	same "$(snapshot)" "$before"
	same "$(field box state)" running
}

@test "REL-003 libvirtd begins to hang in the middle of stop: so, too; the next one works" {
	local begun rc=0
	ok vmctl start box
	vmctl stop box --timeout 4s >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" &
	pid=$!
	stopping() { [ "$(db "SELECT state FROM instance WHERE name = 'box'")" = stopping ] || gone "$pid"; }
	wait_until 20 stopping
	kill -s STOP "$(daemon_pid)"
	begun=$SECONDS
	wait $pid || rc=$?
	kill -s CONT "$(daemon_pid)"
	cat "$BATS_TEST_TMPDIR/err"
	# Without a --timeout it would take 35 seconds.
	((SECONDS - begun < 25))
	# It may have gone down, or its time may have been over, before that.
	case $rc in
	0) same "$(state_of box)" stopped ;;
	5) grep -q "did not shut down" "$BATS_TEST_TMPDIR/err" ;;
	*) same $rc 7 ;;
	esac
	same "$(db 'SELECT count(*) FROM intent')" 0
	ok vmctl stop --force --timeout 0 box
	same "$(field box state)" stopped
}

@test "REL-003 libvirtd begins to hang in the middle of create: it is listed, and can be deleted" {
	local begun rc=0 id
	vmctl create -v hangs "${small[@]}" --memory 64M --timeout 4s >"$BATS_TEST_TMPDIR/out" \
		2>"$BATS_TEST_TMPDIR/err" &
	pid=$!
	networked() { grep -q ": network" "$BATS_TEST_TMPDIR/err" || gone "$pid"; }
	wait_until 90 networked
	kill -s STOP "$(daemon_pid)"
	begun=$SECONDS
	wait $pid || rc=$?
	kill -s CONT "$(daemon_pid)"
	cat "$BATS_TEST_TMPDIR/err"
	((SECONDS - begun < 25))
	all_listed
	case $rc in
	0) same "$(state_of hangs)" running ;;
	*) same $rc 7 ;;
	esac
	hasnt "$(vmctl list -o json | jq -r '.[].state')" pending
	id=$(field hangs id)
	ok vmctl delete -y hangs
	nothing_left "$id"
}

@test "libvirtd is killed in the middle of stop: 0 if it is off, else 7, and the next one works" {
	vmctl stop box --timeout 60s >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" &
	pid=$!
	wait_until 20 speaking $pid
	stop_daemon
	rc=0
	wait $pid || rc=$?
	cat "$BATS_TEST_TMPDIR/err"
	start_daemon
	all_listed
	case $rc in
	0) same "$(state_of box)" stopped ;;
	*) same $rc 7 ;;
	esac
	ok vmctl stop --force --timeout 0 box
	same "$(field box state)" stopped
}

@test "libvirtd is killed in the middle of delete: 0 if it is gone, else 7, and the next delete ends it" {
	for moment in 1 2 3; do
		ok vmctl create "gone$moment" "${small[@]}" --memory 64M
		id=$(field "gone$moment" id)
		vmctl delete -y "gone$moment" >/dev/null 2>"$BATS_TEST_TMPDIR/err" &
		pid=$!
		case $moment in
		1) ;;
		2) shut() { ! virsh_ list --name 2>/dev/null | grep -qx "$id"; } && wait_until 20 shut ;;
		3) undefined() { ! domains 2>/dev/null | grep -qx "$id"; } && wait_until 20 undefined ;;
		esac
		stop_daemon
		rc=0
		wait $pid || rc=$?
		start_daemon
		all_listed
		cat "$BATS_TEST_TMPDIR/err"
		case $rc in
		0) same "$(state_of "gone$moment")" "" ;;
		*) same $rc 7 ;;
		esac
		if vmctl list -o name | grep -qx "gone$moment"; then
			ok vmctl delete -y "gone$moment"
		fi
		nothing_left "$id"
	done
}

@test "without a service manager root's vmctl starts the daemon itself, and says so with -v" {
	stop_daemon TERM
	rm -f /run/libvirt/libvirt-sock
	rmdir /run/systemd/system
	try vmctl -v list 3>&- 4>&-
	mkdir -p /run/systemd/system
	same "$status" 0
	has "$err" "starting /usr/sbin/libvirtd"
	same "$(field box state)" stopped
	# That one goes after two minutes without anything to do; the host's stays.
	stop_daemon TERM
	start_daemon
}

@test "a domain renamed behind our back is still the instance" {
	virsh_ domrename "$ID" renamed >/dev/null
	same "$(field box state)" stopped
	ok vmctl start box
	same "$(virsh_ domstate renamed)" running
	same "$(vmctl list -o json | jq -r '.[] | select(.name == "box") | .state')" running
	ok vmctl stop --force --timeout 0 box
	virsh_ domrename renamed "$ID" >/dev/null
}

@test "a hand-edited domain: list shows all, and the edit stays until it is in the way" {
	ok vmctl create other "${small[@]}" --memory 64M
	# Another size, no metadata, another network card.
	virsh_ dumpxml --inactive "$ID" | sed '/<metadata>/,/<\/metadata>/d; s/<title>.*<\/title>/<title>my own<\/title>/
		s/virtio.\/>/virtio'"'"'\/><link state='"'"'down'"'"'\/>/' >"$BATS_TEST_TMPDIR/xml"
	virsh_ define "$BATS_TEST_TMPDIR/xml" >/dev/null
	same "$(vmctl list -o json | jq -r '.[] | .name + " " + .state' | sort)" "$(printf 'box stopped\nother running')"
	# What cannot start says why, is listed, and can be deleted.
	virsh_ dumpxml --inactive "$ID" | sed 's|/disk.qcow2|/moved.qcow2|' >"$BATS_TEST_TMPDIR/xml"
	virsh_ define "$BATS_TEST_TMPDIR/xml" >/dev/null
	fails 1 vmctl start box
	has "$err" moved.qcow2
	same "$(vmctl list -o json | jq -r '.[] | .name + " " + .state' | sort)" "$(printf 'box stopped\nother running')"
}

@test "a domain undefined while it runs: it goes on, and stop and delete work" {
	other=$(field other id)
	virsh_ undefine "$other" >/dev/null
	same "$(field other state)" running
	ok vmctl stop --force --timeout 0 other
	same "$(field other state)" error
	has "$(field other reason)" "start defines it again"
	ok vmctl start other
	same "$(field other state)" running
	virsh_ undefine "$other" >/dev/null
	ok vmctl delete -y other
	nothing_left "$other"
}

@test "a network destroyed or undefined behind our back: start says so or makes it run; delete works" {
	virsh_ undefine "$ID" >/dev/null
	same "$(field box state)" error
	virsh_ net-destroy vmctl >/dev/null
	ok vmctl start box
	same "$(field box state)" running
	same "$(virsh_ net-list --name)" vmctl
	ok vmctl stop --force --timeout 0 box
	virsh_ net-destroy vmctl >/dev/null
	virsh_ net-undefine vmctl >/dev/null
	same "$(vmctl list -o json | jq -r '.[] | .name + " " + .state')" "box stopped"
	fails 3 vmctl start box
	has "$err" network
	same "$(field box state)" stopped
	ok vmctl delete -y box
	nothing_left "$ID"
}
