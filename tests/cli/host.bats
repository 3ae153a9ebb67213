#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# The host: its figures, its health, and the limits that it sets to creations. No
# virtual machine is started here.

# shellcheck disable=SC2030,SC2031 # a folder of one test alone
load ../lib.sh

setup_file() {
	private_home
	# Whatever would get as far as the hypervisor ends there.
	export VMCTL_CONNECT='qemu+unix:///session?socket=/nonexistent/libvirt-sock'
	qemu-img create -q -f qcow2 "$BATS_FILE_TMPDIR/tiny.qcow2" 64M
	qemu-io -f qcow2 -c 'write -P 0x5a 0 1M' "$BATS_FILE_TMPDIR/tiny.qcow2" >/dev/null
	vmctl image import --name tiny "$BATS_FILE_TMPDIR/tiny.qcow2"
}

setup() {
	rm -f "$VMCTL_HOME/config.json"
}

@test "LIM-001 create is refused when memory would fall below the reserve, before anything is made" {
	ok vmctl config set reserve.memory 100T
	refused 8 vmctl create --image tiny --memory 256M web1
	has "$err" "256M of memory"
	has "$err" "100T stay in reserve"
	has "$err" "--force"
	refused 8 vmctl create --dry-run --image tiny web1
	fails 8 vmctl create --image tiny web1 -o json
	jq -e '.error.code == "limit"' <<<"$err"
	# No key was made either.
	same "$(vmctl key list -o json | jq length)" 0
}

@test "LIM-001 a smaller size that fits is named" {
	total=$(vmctl host stats -o json | jq .memory_total)
	refused 8 vmctl create --image tiny --memory $((total / 1048576))M web1
	[[ $err =~ --memory\ ([0-9]+)M ]]
	ok vmctl config set network user
	ok vmctl create --dry-run --image tiny --memory $((BASH_REMATCH[1] - BASH_REMATCH[1] / 4))M web1
}

@test "LIM-002 create is refused when free disk is below the reserve" {
	ok vmctl config set reserve.disk 1000T
	refused 8 vmctl create --image tiny --memory 64M web1
	has "$err" "$VMCTL_HOME"
	has "$err" "1000T have to stay free"
	has "$err" "--force"
}

@test "LIM-001 LIM-002 --force, or a reserve of 0, lets it pass" {
	ok vmctl config set reserve.memory 100T
	ok vmctl config set reserve.disk 1000T
	ok vmctl config set network user
	ok vmctl create --dry-run --force --image tiny --memory 100T web1
	# It gets as far as the hypervisor.
	vmctl key generate key
	refused 7 vmctl create --force --image tiny web1
	ok vmctl config set reserve.memory 0
	ok vmctl config set reserve.disk 0
	ok vmctl create --dry-run --image tiny --memory 100T web1
}

@test "LIM-003 host stats: memory, processors and disk, used and total" {
	ok vmctl host stats -o json
	jq -e '.cpus >= 1 and .cpu_used >= 0 and .cpu_used <= 100 and .load1 >= 0' <<<"$out"
	jq -e '.memory_total > 0 and .memory_used > 0 and .memory_used + .memory_available == .memory_total' <<<"$out"
	jq -e '.disk_total > 0 and .disk_used >= 0 and .disk_used + .disk_available <= .disk_total' <<<"$out"
	same "$(jq -r .storage <<<"$out")" "$VMCTL_HOME"
	same "$(jq .memory_total <<<"$out")" $(($(awk '/^MemTotal/ { print $2 }' /proc/meminfo) * 1024))
	same "$(jq .cpus <<<"$out")" "$(getconf _NPROCESSORS_ONLN)"
	# Two digits, not what binary fractions look like.
	hasnt "$(jq -c . <<<"$out")" 00000000
	ok vmctl host stats
	has "$out" memory_used
	[[ $out =~ memory_total:\ +[0-9.]+[MGT] ]]
}

@test "LIM-003 host stats: the disk is that of the storage folder, also when it is not there yet" {
	export VMCTL_HOME=$BATS_TEST_TMPDIR/v
	ok vmctl config set storage /dev/shm/not/there/yet
	ok vmctl host stats -o json
	same "$(jq -r .storage <<<"$out")" /dev/shm/not/there/yet
	same "$(jq .disk_total <<<"$out")" $(($(stat -f -c '%b * %S' /dev/shm)))
	[ ! -e /dev/shm/not ]
}

@test "REL-002 host health: connectivity, versions, accelerator, database and room" {
	try vmctl host health -o json
	same "$status" 7
	jq -e '.reachable == false and (.problem | length > 0)' <<<"$out"
	jq -e '.accel == "kvm" or .accel == "tcg"' <<<"$out"
	jq -e '.accel_reason | length > 0' <<<"$out"
	jq -e '.database_ok == true and .database_problem == null' <<<"$out"
	same "$(jq -r .database <<<"$out")" "$VMCTL_HOME/vmctl.db"
	same "$(jq -r .data_dir <<<"$out")" "$VMCTL_HOME"
	jq -e '.disk_free > 0 and .memory_available > 0' <<<"$out"
	jq -e '.error.code == "hypervisor" and (.error.hint | length > 0)' <<<"$err"
	try vmctl host health
	same "$status" 7
	has "$out" "database_ok:"
}

@test "REL-002 host health: versions, when the hypervisor answers" {
	VMCTL_CONNECT=test:///default try vmctl host health -o json
	same "$status" 0
	jq -e '.reachable and (.libvirt_version | test("^[0-9]+\\.[0-9]+"))' <<<"$out"
	jq -e '(.hypervisor | length > 0) and (.hypervisor_version | length > 0)' <<<"$out"
}

@test "REL-001 host health: a damaged database is a finding, not the end of the report" {
	export VMCTL_HOME=$BATS_TEST_TMPDIR/v
	vmctl key generate key
	echo 'this is no database at all, and long enough to be read as one' >"$VMCTL_HOME/vmctl.db"
	rm -f "$VMCTL_HOME"/vmctl.db-*
	try vmctl host health -o json
	same "$status" 7
	jq -e '.database_ok == false and (.database_problem | length > 0) and .accel_reason' <<<"$out"
	has "$err" "vmctl.db"
	VMCTL_CONNECT=test:///default try vmctl host health
	same "$status" 1
	has "$out" "database_ok:"
}

# --- the doctor ----------------------------------------------------------------

# Modules of which libvirt's is the fake: it answers, and has no machines.
fake_libvirt() {
	local build
	build=$(dirname "$(command -v vmctl)")
	mkdir "$BATS_TEST_TMPDIR/modules"
	ln -s "$build"/modules/*.so "$BATS_TEST_TMPDIR/modules"
	ln -sf "$build/tests/fakes/libvirt.so" "$BATS_TEST_TMPDIR/modules"
	export VMCTL_MODULE_DIR=$BATS_TEST_TMPDIR/modules VMCTL_CONNECT=qemu:///session
}

@test "host doctor: each thing is looked at, told with what to type, and nothing is changed" {
	before=$(snapshot)
	try vmctl host doctor -o json
	same "$status" 1
	jq -e 'all(.[]; (.group | length > 0) and (.text | length > 0) and (.verdict |
		IN("ok", "note", "warning", "problem", "fixed")))' <<<"$out"
	jq -e '[.[].group] | contains(["programs", "records", "libvirt", "host", "network", "ssh", "leftovers"])' <<<"$out"
	found qemu-img ok qemu-img
	found database ok sound
	# The connection of this file answers nobody (setup_file).
	found connection problem socket
	found domains note "not looked at"
	same "$(snapshot)" "$before"
	has "$err" "to be mended"
	try vmctl host doctor
	has "$out" "programs
  ok"
}

@test "host doctor: -q shows problems only, the formats are those of lists, and 0 is nothing to mend" {
	try vmctl host doctor -q -o name
	same "$status" 1
	same "$(sort -u <<<"$out")" connection
	try vmctl host doctor --filter verdict=problem --columns check,fix -o tsv --no-header
	has "$out" "connection	"
	fake_libvirt
	ok vmctl host doctor -q
	same "$out" ""
}

@test "host doctor: where nothing is yet nothing is made, and a home that cannot be made is a problem" {
	fake_libvirt
	export VMCTL_HOME=$BATS_TEST_TMPDIR/new
	ok vmctl host doctor -o json
	found database ok "none yet"
	[ ! -e "$VMCTL_HOME" ]
	VMCTL_HOME=/proc/none try vmctl host doctor -o json
	same "$status" 1
	found data-folder problem "VMCTL_HOME="
	found qemu-img ok ""
}

@test "host doctor: a home directory or a storage that cannot be written is told, and the rest looked at" {
	[ "$(id -u)" != 0 ] || skip "root may write everywhere"
	fake_libvirt
	mkdir -m 500 "$BATS_TEST_TMPDIR/home" "$BATS_TEST_TMPDIR/storage"
	try env -u VMCTL_HOME -u XDG_DATA_HOME -u XDG_CONFIG_HOME -u XDG_STATE_HOME \
		HOME="$BATS_TEST_TMPDIR/home" vmctl host doctor -o json
	same "$status" 1
	found data-folder problem "you may not write to $BATS_TEST_TMPDIR/home"
	found connection ok answers
	same "$(ls -A "$BATS_TEST_TMPDIR/home")" ""
	export VMCTL_HOME=$BATS_TEST_TMPDIR/v
	ok vmctl config set storage "$BATS_TEST_TMPDIR/storage"
	try vmctl host doctor -o json
	same "$status" 1
	found storage problem "Permission denied"
}

@test "host doctor: a runtime directory that is gone, or where others may write, is told" {
	local run
	fake_libvirt
	mkdir -m 700 "$BATS_TEST_TMPDIR/own"
	mkdir -m 1777 "$BATS_TEST_TMPDIR/open"
	for run in "$BATS_TEST_TMPDIR/open" /nonexistent/run run; do
		XDG_RUNTIME_DIR=$run try vmctl host doctor -o json
		same "$status" 1
		found data-folder problem "XDG_RUNTIME_DIR is $run"
	done
	XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR/own ok vmctl host doctor -o json
	hasnt "$out" XDG_RUNTIME_DIR
}

@test "host doctor: a damaged database and broken settings are told, and --fix leaves them as they are" {
	fake_libvirt
	export VMCTL_HOME=$BATS_TEST_TMPDIR/v
	mkdir -p "$VMCTL_HOME/instances/i-00000001"
	echo 'this is no database at all, and long enough to be read as one' >"$VMCTL_HOME/vmctl.db"
	chmod 600 "$VMCTL_HOME/vmctl.db"
	cp "$VMCTL_HOME/vmctl.db" "$BATS_TEST_TMPDIR/before"
	echo '{ broken' >"$VMCTL_HOME/config.json"
	try vmctl host doctor --fix -o json
	same "$status" 1
	found settings problem "vmctl config edit"
	found database problem damaged
	found folders note "not looked at"
	found qemu ok ""
	cmp "$VMCTL_HOME/vmctl.db" "$BATS_TEST_TMPDIR/before"
	[ -d "$VMCTL_HOME/instances/i-00000001" ]
}

@test "host doctor: a database of a newer vmctl is told" {
	fake_libvirt
	export VMCTL_HOME=$BATS_TEST_TMPDIR/v
	vmctl key generate key
	db 'PRAGMA user_version = 99'
	try vmctl host doctor -o json
	same "$status" 1
	found database problem "format 99"
}

@test "host doctor: without libvirt, QEMU and ssh it says what to install" {
	export VMCTL_MODULE_DIR=$BATS_TEST_TMPDIR/none
	tool=$(command -v vmctl)
	mkdir "$BATS_TEST_TMPDIR/bin"
	try env PATH="$BATS_TEST_TMPDIR/bin" "$tool" host doctor -o json
	same "$status" 1
	found qemu-img problem "apt-get install qemu-utils"
	found libraries problem libvirt
	found connection problem "libvirt.so"
	found openssh note "apt-get install openssh-client"
	found gpgv warning "apt-get install gpgv"
	found disk ok ""
}

@test "host doctor: a daemon that hangs is told in time, and the rest is looked at" {
	requires python3
	python3 -c 'import signal, socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen()
signal.pause()' "$BATS_TEST_TMPDIR/sock" 3>&- &
	server=$!
	wait_until 10 test -S "$BATS_TEST_TMPDIR/sock"
	# A look that did not end would last for ever.
	VMCTL_CONNECT="qemu+unix:///session?socket=$BATS_TEST_TMPDIR/sock" \
		try timeout 300 vmctl host doctor --timeout 1s -o json
	kill "$server"
	same "$status" 1
	found connection problem "does not answer within 1 second"
	found database ok sound
	found set-aside ok ""
}

@test "host doctor --fix: modes and leftovers are mended, each is said, and then nothing is to be mended" {
	fake_libvirt
	export VMCTL_HOME=$BATS_TEST_TMPDIR/v
	vmctl key generate key
	chmod 777 "$VMCTL_HOME"
	chmod 644 "$VMCTL_HOME/keys/key"
	mkdir -p "$VMCTL_HOME/instances/i-00000001"
	echo data >"$VMCTL_HOME/instances/i-00000001/disk.qcow2"
	try vmctl host doctor -q -o json
	same "$status" 1
	found data-folder problem "keys/key"
	found folders problem "has no record"
	[ -e "$VMCTL_HOME/instances/i-00000001" ]
	ok vmctl host doctor -q --fix -o json
	found data-folder fixed "keys/key"
	found folders fixed "lost"
	same "$(stat -c %a "$VMCTL_HOME/keys/key")" 600
	has "$(stat -c %a "$VMCTL_HOME")" 7
	same "$(cat "$VMCTL_HOME/lost/i-00000001/disk.qcow2")" data
	ok vmctl host doctor -q
	same "$out" ""
}
