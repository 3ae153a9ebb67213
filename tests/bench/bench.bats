#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Budgets, as ratios to the tools that people would use instead: measured in turn, in
# one run, the median of each. `make bench` prints the table.

load ../lib.sh
load ../sshd.sh

setup_file() {
	private_home
	import_mini
	vmctl key generate key
	vmctl create box "${small[@]}" --wait
	printf '# %-44s %9s %9s %6s %6s %8s\n' what 'vmctl ms' 'other ms' ratio budget 'peak MiB' >&3
}

teardown_file() {
	sshd_end
	db "DELETE FROM instance WHERE name = 'loop'"
	delete_all
}

# budget LABEL RATIO N OURS THEIRS
budget() {
	local ours theirs peak
	read -r ours theirs peak < <("$TOP/tests/bench/pair" "$3" "$4" "$5")
	[ -n "$peak" ]
	awk -v l="$1" -v b="$2" -v o="$ours" -v t="$theirs" -v p="$peak" 'BEGIN {
		printf "# %-44s %9.2f %9.2f %6.2f %6.2f %8.1f\n", l, o, t, o / t, b, p / 1024
		exit o > b * t || p > 32 * 1024
	}' >&3
}

@test "start: version" {
	budget "version : virsh --version" 0.25 40 'exec vmctl version' 'exec virsh --version'
}

@test "start: completion of a name" {
	budget "__complete show : virsh --version" 0.25 40 \
		"exec vmctl __complete -- show ''" 'exec virsh --version'
}

# With 1,000 instances, made by the next test: at most 10 ms, of which a start takes two.
completion_budget() { # MANY
	budget "__complete show, 1,001 rows : vmctl version" 4 40 \
		"VMCTL_HOME=$1 exec vmctl __complete -- show ''" 'exec vmctl version'
	budget "__complete list -l, 1,001 rows : vmctl version" 4 40 \
		"VMCTL_HOME=$1 exec vmctl __complete -- list -l ''" 'exec vmctl version'
}

@test "list --cached of 1,000, and completion of their names" {
	many=$BATS_TEST_TMPDIR/many
	mkdir -m 700 "$many"
	db ".backup $many/vmctl.db"
	# A copy in another folder: it does not know yet where the disks are.
	sqlite3 "$many/vmctl.db" "DELETE FROM fact WHERE key = 'storage'"
	columns='type, vcpus, memory, disk, image, image_digest, user, accel, connection, host_key, host_key_sha256, created_at, launched_at, terminated_at'
	sqlite3 "$many/vmctl.db" "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
		INSERT INTO instance (id, name, state, reason, ssh_port, uuid, $columns)
		SELECT printf('i-%08x', i), 'many' || i, 'stopped', '', NULL, 'uuid' || i, $columns
		FROM n, instance WHERE name = 'box';
		INSERT INTO nic SELECT id, 0, 'user', '', 'mac' || id, NULL, 0, 1 FROM instance
		WHERE name LIKE 'many%';
		INSERT INTO instance_key SELECT id, 0, 'key', 'ssh-ed25519 AAAA', NULL FROM instance
		WHERE name LIKE 'many%'"
	same "$(VMCTL_HOME=$many vmctl list --cached -o name | wc -l)" 1001
	budget "list --cached, 1,001 rows : virsh --version" 0.25 20 \
		"VMCTL_HOME=$many exec vmctl list --cached" 'exec virsh --version'
	completion_budget "$many"
}

@test "list, live" {
	budget "list : virsh list --all" 1.0 20 'exec vmctl list' \
		'exec virsh -q -c qemu:///session list --all'
}

@test "list, live, of 1,000 that are defined" {
	columns='type, vcpus, memory, disk, image, image_digest, user, accel, connection, host_key, host_key_sha256, created_at, launched_at, terminated_at'
	db "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
		INSERT INTO instance (id, name, state, reason, ssh_port, uuid, $columns)
		SELECT printf('i-%08x', i), 'many' || i, 'stopped', '', NULL,
			printf('00000000-0000-4000-8000-%012x', i), $columns
		FROM n, instance WHERE name = 'box';
		INSERT INTO nic SELECT id, 0, 'user', '', 'mac' || id, NULL, 0, 1 FROM instance
		WHERE name LIKE 'many%'"
	mkdir "$BATS_TEST_TMPDIR/many"
	db "SELECT id, uuid FROM instance WHERE name LIKE 'many%'" | while IFS='|' read -r id uuid; do
		printf '<domain type="qemu"><name>%s</name><uuid>%s</uuid><memory>262144</memory><os><type>hvm</type></os></domain>' \
			"$id" "$uuid" >"$BATS_TEST_TMPDIR/many/$id"
		echo "define $BATS_TEST_TMPDIR/many/$id"
	done | virsh -q -c qemu:///session >/dev/null
	same "$(vmctl list --filter state=stopped -o name | wc -l)" 1000
	budget "list, 1,001 domains : virsh list --all" 1.0 20 'exec vmctl list' \
		'exec virsh -q -c qemu:///session list --all'
	db "SELECT 'undefine ' || id FROM instance WHERE name LIKE 'many%'" |
		virsh -q -c qemu:///session >/dev/null
	db "PRAGMA foreign_keys = ON; DELETE FROM instance WHERE name LIKE 'many%'"
}

@test "create of an existing image, warm" {
	id=$(field box id)
	disk=$BATS_TEST_TMPDIR/d.qcow2
	base=$(vmctl image show mini -o json | jq -r .path)
	# The same machine under another name, without forwarded ports.
	virsh_ dumpxml --inactive "$id" | sed -e "s|<name>.*</name>|<name>bench</name>|" -e '/<uuid>/d' \
		-e "s|$VMCTL_HOME/instances/$id/disk.qcow2|$disk|" \
		-e "s|$VMCTL_HOME/instances/$id/console.log|$BATS_TEST_TMPDIR/c.log|" \
		-e '/<mac address/d' -e "/<source mode='bind'/d" >"$BATS_TEST_TMPDIR/d.xml"
	cp "$VMCTL_HOME/instances/$id/seed.iso" "$BATS_TEST_TMPDIR/seed.iso"
	sed -i "s|$VMCTL_HOME/instances/$id/seed.iso|$BATS_TEST_TMPDIR/seed.iso|" "$BATS_TEST_TMPDIR/d.xml"
	ours=() theirs=()
	now() { date +%s%N; }
	for i in 1 2 3 4 5; do
		start=$(now)
		vmctl create "c$i" "${small[@]}" >/dev/null
		ours+=($((($(now) - start) / 10000)))
		vmctl delete -y "c$i" >/dev/null
		start=$(now)
		qemu-img create -q -f qcow2 -b "$base" -F qcow2 "$disk" 8G
		virsh_ create "$BATS_TEST_TMPDIR/d.xml" >/dev/null
		theirs+=($((($(now) - start) / 10000)))
		virsh_ destroy bench >/dev/null
	done
	median() { printf '%s\n' "$@" | sort -n | sed -n 3p; }
	awk -v o="$(median "${ours[@]}")" -v t="$(median "${theirs[@]}")" 'BEGIN {
		printf "# %-44s %9.2f %9.2f %6.2f %6.2f\n", "create : qemu-img + virsh create", o / 100, t / 100, o / t, 1.2
		exit o > 1.2 * t
	}' >&3
}

@test "exec true" {
	ssh="exec ssh -F none -i $(vmctl key show key -o json | jq -r .private_path) -o BatchMode=yes"
	ssh="$ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
	budget "exec true : ssh" 1.1 10 'exec vmctl exec box -- true' \
		"$ssh -p $(field box ssh_port) vm@127.0.0.1 true"
}

# The rungs of exec's ladder, each against what OpenSSH has for it.
@test "exec by each way" {
	ssh="ssh -F none -i $(vmctl key show key -o json | jq -r .private_path) -o BatchMode=yes"
	ssh="$ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
	ssh="$ssh -p $(field box ssh_port) vm@127.0.0.1"
	master="-o ControlPath=$BATS_TEST_TMPDIR/m"
	vmctl config set exec.hold 0
	budget "exec by ssh, anew : ssh" 1.1 10 'exec vmctl exec --transport ssh box -- true' "exec $ssh true"
	vmctl config set exec.hold 5m
	vmctl exec --transport ssh box -- true
	${ssh/ssh/ssh $master -o ControlMaster=yes -o ControlPersist=300} -fN
	budget "exec by ssh, kept : ssh ControlMaster" 1.5 20 'exec vmctl exec --transport ssh box -- true </dev/null' \
		"exec ${ssh/ssh/ssh $master} true </dev/null"
	${ssh/ssh/ssh $master -O exit} 2>/dev/null
}

# The agent's way in: each call is a new process, and connects anew to libvirt.
@test "exec by the agent: true, against ssh and against a kept connection; 100 MB" {
	ssh="ssh -F none -i $(vmctl key show key -o json | jq -r .private_path) -o BatchMode=yes"
	ssh="$ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
	there="-p $(field box ssh_port) vm@127.0.0.1"
	kept="$ssh -o ControlPath=$BATS_TEST_TMPDIR/cm"
	agent='exec vmctl exec --transport agent box --'
	# shellcheck disable=SC2086 # words
	$kept -o ControlMaster=yes -o ControlPersist=600 -f $there true
	budget "exec true (agent) : ssh" 0.5 10 "$agent true" "exec $ssh $there true"
	budget "exec true (agent) : ssh, ControlMaster" 2.0 20 "$agent true" "exec $kept $there true"
	# shellcheck disable=SC2086
	$kept -O exit $there 2>/dev/null
	budget "exec, 100 MB of output (agent) : ssh" 1.0 3 "$agent head -c 100000000 /dev/zero" \
		"exec $ssh $there head -c 100000000 /dev/zero"
}

@test "ssh true" {
	ssh="exec ssh -F none -i $(vmctl key show key -o json | jq -r .private_path) -o BatchMode=yes"
	ssh="$ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
	budget "ssh NAME -- true : ssh, same key" 1.1 10 'exec vmctl ssh box -- true' \
		"$ssh -p $(field box ssh_port) vm@127.0.0.1 true"
}

# An OpenSSH server on loopback, as an emulated guest would be the slower part.
@test "cp : scp, a large file and many small ones" {
	sshd_begin
	sshd_instance loop 1
	scp="scp -q -F none -i $(vmctl key show key -o json | jq -r .private_path) -o BatchMode=yes"
	scp="$scp -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -P $((PORT + 1))"
	us=$(id -un)@127.0.0.1
	head -c 200M /dev/urandom >"$D/big"
	mkdir "$D/many"
	for ((i = 0; i < 2000; i++)); do
		head -c $((100 + i % 8000)) "$D/big" >"$D/many/$i"
	done
	budget "cp, 200 MB there : scp" 1.1 5 "exec vmctl cp $D/big loop:$D/to" "exec $scp $D/big $us:$D/to"
	budget "cp, 200 MB back : scp" 1.1 5 "exec vmctl cp loop:$D/big $D/to" "exec $scp $us:$D/big $D/to"
	budget "cp, 2,000 files there : scp" 1.1 5 "rm -rf $D/o; exec vmctl cp -r $D/many loop:$D/o" \
		"rm -rf $D/o; exec $scp -r $D/many $us:$D/o"
	budget "cp, 2,000 files back : scp" 1.1 5 "rm -rf $D/o; exec vmctl cp -r loop:$D/many $D/o" \
		"rm -rf $D/o; exec $scp -r $us:$D/many $D/o"
}
