#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# One virtual machine from creation to deletion. The tests build on each other.

load ../lib.sh

setup_file() {
	private_home
	import_mini
	started=$SECONDS
	vmctl create box "${small[@]}" --wait >"$BATS_FILE_TMPDIR/created" 2>"$BATS_FILE_TMPDIR/notes" || {
		cat "$BATS_FILE_TMPDIR/notes"
		console box
		return 1
	}
	echo "# ready after $((SECONDS - started)) s" >&3
	ID=$(field box id)
	endpoint box
	export ID HOST PORT
}

console() {
	local id
	id=$(vmctl list -o json --cached | jq -r ".[] | select(.name == \"$1\") | .id")
	tail -n 40 "$VMCTL_HOME/instances/$id/console.log" || :
}

teardown_file() {
	delete_all
}

# guest COMMAND...: what a command of the guest says.
guest() {
	vmctl exec box -- "$@"
}

@test "INST-001 INST-006 create through libvirt ends in running, and prints what it made" {
	grep -qx "box\|$ID" "$BATS_FILE_TMPDIR/created"
	same "$(wc -l <"$BATS_FILE_TMPDIR/created")" 1
	same "$(field box state)" running
	same "$(virsh_ domstate "$ID")" running
}

@test "INST-003 the id is i- and 8 hex digits, and names the instance too" {
	[[ $ID =~ ^i-[0-9a-f]{8}$ ]]
	same "$(field "$ID" name)" box
}

@test "a creation without any key makes one named default, 0600, and says so" {
	grep -q default "$BATS_FILE_TMPDIR/notes"
	same "$(vmctl key list -o name)" default
	file=$(vmctl key show default -o json | jq -r .private_path)
	same "$(stat -c %a "$file")" 600
}

@test "INST-014 show has id, name, type, vCPUs, memory, disk, state, address, keys, image, times" {
	ok vmctl show box -o json
	fits instance <<<"$out"
	vmctl logs box --list-boots -o json | fits boot
	same "$(jq -r .id <<<"$out")" "$ID"
	same "$(jq -r .vcpus <<<"$out")" 1
	same "$(jq -r .memory <<<"$out")" $((256 << 20))
	same "$(jq -r '.keys | join(",")' <<<"$out")" default
	same "$(jq -r .image <<<"$out")" mini
	same "$(jq -r .user <<<"$out")" vm
	same "$(jq -r .address <<<"$out")" "$HOST"
	if on_session; then
		same "$(jq -r .address_source <<<"$out")" forward
	else
		same "$(jq -r .address_source <<<"$out")" lease
	fi
	jq -e '.disk > 0 and .ssh_port > 0' <<<"$out"
	jq -e '(.created_at | fromdate) <= (.launched_at | fromdate)' <<<"$out"
	jq -e '.terminated_at == null' <<<"$out"
	ok vmctl show box
	has "$out" box
}

@test "INST-014 list: every format has the instance" {
	ok vmctl list
	has "$out" box
	has "$out" running
	ok vmctl list -o wide
	has "$out" box
	same "$(vmctl list -o json | jq -r '.[].name')" box
	same "$(vmctl list -o ndjson | jq -r .name)" box
	same "$(vmctl list -o name)" box
	same "$(vmctl list -o csv --columns name,state --no-header | tr -d '\r')" box,running
	same "$(vmctl list -o tsv --columns state,name --no-header)" "$(printf 'running\tbox')"
	ok vmctl list --cached
	has "$out" box
}

@test "-o json of every reading command is JSON" {
	for command in list 'list --all-states' 'list --cached' 'show box' 'key list' 'key show default' \
		'image list' 'image show mini' 'host health' 'ip box'; do
		read -ra words <<<"$command"
		ok vmctl "${words[@]}" -o json
		jq -e . >/dev/null <<<"$out"
	done
}

@test "the accelerator is shown to who asks only" {
	ok vmctl list
	hasnt "$out" tcg
	hasnt "$out" kvm
	ok vmctl show box
	hasnt "$out" tcg
	ok vmctl show box -o wide
	[[ $out =~ tcg|kvm ]]
	run ! grep -qiE 'tcg|kvm' "$BATS_FILE_TMPDIR/notes"
}

@test "INST-013 NET-009 ip: a loopback address; the port of ssh listens there" {
	session_only
	ok vmctl ip box
	same "$out" "127.0.0.1:$PORT"
	listens "$PORT"
	ss -Hltn "sport = :$PORT" | grep -q '127.0.0.1'
}

@test "STOR-001 STOR-002 STOR-003 STOR-004 the disk is an overlay on the read-only image, in the instance's folder" {
	disk=$VMCTL_HOME/instances/$ID/disk.qcow2
	ok qemu-img info -U --output json "$disk"
	same "$(jq -r '."full-backing-filename"' <<<"$out")" "$(vmctl image show mini -o json | jq -r .path)"
	# For nobody else: where group was is the mask of its access control list.
	[[ $(stat -c %A "$(vmctl image show mini -o json | jq -r .path)") == -r--?----- ]]
}

@test "the domain carries id, name, image digest and key names in its metadata" {
	xml=$(virsh_ dumpxml "$ID")
	has "$xml" "$ID"
	has "$xml" ">box<"
	has "$xml" "$(vmctl image show mini -o json | jq -r .digest)"
	has "$xml" default
}

@test "exec: output, standard error apart, exit status" {
	ok guest uname -s
	same "$out" Linux
	try guest sh -c 'echo o; echo e >&2; exit 7'
	same "$status" 7
	same "$out" o
	same "$err" e
}

@test "exec: statuses 0, 1, 42, 255 and death by signal" {
	for wanted in 0 1 42 255; do
		try guest sh -c "exit $wanted"
		same "$status" $wanted
	done
	# shellcheck disable=SC2016 # for the guest's shell
	try guest sh -c 'kill -TERM $$'
	same "$status" $((128 + 15))
	try guest no-such-program
	same "$status" 127
}

@test "exec: every argument arrives byte for byte" {
	# shellcheck disable=SC2016 # that is the point
	ok guest printf '<%s>' 'a b' "it's" '"' '$HOME' '`id`' '' $'x\ny' '*' '\' 'ä' '-n' '--' '~' '!' ';'
	# shellcheck disable=SC2016
	same "$out" '<a b><it'"'"'s><"><$HOME><`id`><><x
y><*><\><ä><-n><--><~><!><;>'
}

@test "exec: standard input reaches the command whole, and its end" {
	head -c 5000000 /dev/urandom >"$BATS_TEST_TMPDIR/in"
	same "$(guest sha256sum <"$BATS_TEST_TMPDIR/in" | cut -d ' ' -f 1)" \
		"$(sha256sum <"$BATS_TEST_TMPDIR/in" | cut -d ' ' -f 1)"
	ok guest cat </dev/null
	same "$out" ""
}

@test "exec: 20 MB of output arrive whole" {
	guest dd if=/dev/urandom of=/tmp/r bs=1M count=20 2>/dev/null
	sum=$(guest sha256sum /tmp/r | cut -d ' ' -f 1)
	same "$(guest cat /tmp/r | sha256sum | cut -d ' ' -f 1)" "$sum"
	# and to a reader that is slow to start
	guest cat /tmp/r >"$BATS_TEST_TMPDIR/slow"
	same "$(sha256sum <"$BATS_TEST_TMPDIR/slow" | cut -d ' ' -f 1)" "$sum"
	guest rm /tmp/r
}

@test "exec: a closed reader ends it" {
	timeout 60 bash -c 'vmctl exec box -- yes | head -n 1' >"$BATS_TEST_TMPDIR/y"
	same "$(<"$BATS_TEST_TMPDIR/y")" y
}

@test "exec: --timeout ends the command with 124" {
	# The command would never end by itself.
	try timeout 300 vmctl exec --timeout 2s box -- tail -f /dev/null
	same "$status" 124
	has "$err" "did not end"
}

@test "exec: options behind the name belong to the guest's command" {
	ok vmctl exec box ls -d /
	same "$out" /
}

@test "exec: ten at once" {
	pids=()
	for i in 0 1 2 3 4 5 6 7 8 9; do
		guest echo "$i" >"$BATS_TEST_TMPDIR/o$i" 2>"$BATS_TEST_TMPDIR/e$i" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do wait "$pid" || :; done
	cat "$BATS_TEST_TMPDIR"/e?
	same "$(cat "$BATS_TEST_TMPDIR"/o?)" "$(seq 0 9)"
}

@test "the hostname and the size of the machine are those asked for" {
	same "$(guest hostname)" box
	same "$(guest nproc)" 1
	# shellcheck disable=SC2016
	mem=$(guest awk '$1 == "MemTotal:" { print $2 }' /proc/meminfo)
	((mem > 180 * 1024 && mem <= 256 * 1024))
}

@test "logs: the recorded console; with nothing that a terminal would obey" {
	ok vmctl logs box
	has "$out" "Linux version"
	run ! grep -q "$(printf '\033')" <(script -qec "vmctl logs box" /dev/null </dev/null)
}

@test "a name that is taken is status 4, and the first is left alone" {
	refused 4 vmctl create box "${small[@]}"
	refused 4 vmctl create BOX "${small[@]}"
	same "$(field box id)" "$ID"
}

@test "an image in use cannot be deleted" {
	refused 4 vmctl image delete -y mini
	has "$err" box
}

@test "start of what runs succeeds and changes nothing" {
	boot=$(guest cat /proc/sys/kernel/random/boot_id)
	ok vmctl start box
	same "$(guest cat /proc/sys/kernel/random/boot_id)" "$boot"
}

@test "wait: what is already true returns at once; what is not, times out with 5" {
	ok vmctl wait box --for ssh
	ok vmctl wait box --for cloud-init
	try vmctl wait box --for stopped --timeout 1s
	same "$status" 5
	has "$err" "box is not stopped after 1s"
}

@test "the pinned host key: another key is refused with 255, and nothing is run" {
	key=$(db "SELECT host_key FROM instance WHERE id = '$ID'")
	ssh-keygen -q -t ed25519 -N '' -f "$BATS_TEST_TMPDIR/k"
	db "UPDATE instance SET host_key = '$(cut -d ' ' -f 1-2 "$BATS_TEST_TMPDIR/k.pub")' WHERE id = '$ID'"
	try vmctl ssh box -- touch /tmp/entered
	db "UPDATE instance SET host_key = '$key' WHERE id = '$ID'"
	same "$status" 255
	has "$err" "host key"
	try guest test -e /tmp/entered
	same "$status" 1
}

@test "the pinned host key is the one that the guest shows" {
	# Some versions print a line that begins with # as well.
	same "$(ssh-keyscan -t ed25519 -p "$PORT" "$HOST" 2>/dev/null | grep -v '^#' | cut -d ' ' -f 2-3)" \
		"$(db "SELECT host_key FROM instance WHERE id = '$ID'")"
}

@test "KEY-006 an instance can still be entered when its key has been deleted" {
	ok vmctl key delete -y default
	ok guest true
	fails 3 vmctl key show default
	ok guest true
}

@test "INST-011 reboot keeps disk, address and port" {
	boot=$(guest cat /proc/sys/kernel/random/boot_id)
	guest sh -c 'echo kept >/home/vm/kept; sync'
	ok vmctl reboot box
	rebooted() {
		local now
		now=$(vmctl exec --timeout 5s box -- cat /proc/sys/kernel/random/boot_id 2>/dev/null) &&
			[ -n "$now" ] && [ "$now" != "$boot" ]
	}
	wait_until 60 rebooted
	same "$(guest cat /home/vm/kept)" kept
	same "$(vmctl ip box)" "$HOST:$PORT"
	same "$(field box id)" "$ID"
}

@test "INST-010 stop asks the guest and ends in stopped; TERM-007 exec and ssh are then refused" {
	ok vmctl stop box
	same "$(field box state)" stopped
	on_system || wait_until 5 doesnt_listen "$PORT"
	fails 4 vmctl exec box -- true
	has "$err" start
	fails 4 vmctl ssh box </dev/null
	ok vmctl stop box
	fails 4 vmctl wait box --for ssh --timeout 30s
}

@test "INST-009 start: stopped to running, at the same place" {
	ok vmctl start box
	same "$(field box state)" running
	ok vmctl wait box --for ssh --timeout 300s
	same "$(guest cat /home/vm/kept)" kept
	same "$(vmctl ip box)" "$HOST:$PORT"
}

@test "INST-015 what is done behind our back is seen: destroyed is stopped, and starts again" {
	virsh_ destroy "$ID"
	same "$(field box state)" stopped
	ok vmctl start box
	ok vmctl wait box --for ssh --timeout 300s
}

@test "INST-010 stop --force cuts the power" {
	ok vmctl stop --force --timeout 0 box
	same "$(field box state)" stopped
}

@test "a domain that was undefined behind our back: error with the reason; start defines it again" {
	virsh_ undefine "$ID"
	same "$(field box state)" error
	[ -n "$(field box reason)" ]
	ok vmctl start box
	same "$(field box state)" running
	same "$(virsh_ domstate "$ID")" running
	virsh_ destroy "$ID"
	virsh_ undefine "$ID"
}

@test "INST-012 STOR-005 delete: disk, seed, domain, port and name are free; the record stays" {
	ok vmctl delete -y box
	nothing_left "$ID" "$PORT"
	same "$(vmctl list -o name)" ""
	same "$(vmctl list --all-states -o json | jq -r '.[] | .id + " " + .state')" "$ID terminated"
	jq -e '.terminated_at != null' < <(vmctl show "$ID" -o json)
	fails 3 vmctl delete -y box
	ok vmctl create --dry-run box "${small[@]}"
}
