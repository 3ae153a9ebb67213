#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# What the installed configuration costs: ssh to an instance, and ssh to other hosts.
# As in bench.bats: in turn, in one run, the median of each.

load ../lib.sh

setup_file() {
	private_home
	import_mini
	export WITH=$BATS_FILE_TMPDIR/with PLAIN=$BATS_FILE_TMPDIR/plain
	vmctl key generate key
	vmctl create box "${small[@]}" --wait
	endpoint box
	# The same machine as a host of the user's own.
	cat >"$PLAIN" <<-END
		Host other
			HostName $HOST
			Port $PORT
			User vm
			IdentityFile $(vmctl key show key -o json | jq -r .private_path)
			IdentitiesOnly yes
			StrictHostKeyChecking yes
			UserKnownHostsFile $BATS_FILE_TMPDIR/known
	END
	[ "$PORT" = 22 ] || HOST="[$HOST]:$PORT"
	echo "$HOST $(field box host_key)" >"$BATS_FILE_TMPDIR/known"
	cp "$PLAIN" "$WITH"
	# A thousand more that ssh is told of.
	columns='state, type, vcpus, memory, disk, image, image_digest, user, accel, connection, host_key, host_key_sha256, created_at, launched_at, terminated_at'
	db "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
		INSERT INTO instance (id, name, reason, ssh_port, uuid, $columns)
		SELECT printf('i-%08x', i), 'many' || i, '', NULL, 'uuid' || i, $columns
		FROM n, instance WHERE name = 'box';
		INSERT INTO instance_key SELECT i.id, 0, k.name, k.public_key, k.private_path
		FROM instance i, instance_key k WHERE i.name LIKE 'many%'"
	vmctl ssh-config install --file "$WITH" >/dev/null
	printf '# %-44s %9s %9s %6s %6s %8s\n' what 'with ms' 'other ms' ratio budget 'peak MiB' >&3
}

teardown_file() {
	db "DELETE FROM instance WHERE name LIKE 'many%'"
	delete_all
}

# budget LABEL RATIO N OURS THEIRS
budget() {
	local ours theirs peak
	read -r ours theirs peak < <("$TOP/tests/bench/pair" "$3" "$4" "$5")
	[ -n "$peak" ]
	awk -v l="$1" -v b="$2" -v o="$ours" -v t="$theirs" -v p="$peak" 'BEGIN {
		printf "# %-44s %9.2f %9.2f %6.2f %6.2f %8.1f\n", l, o, t, o / t, b, p / 1024
		exit o > b * t
	}' >&3
}

@test "ssh to another host, of which it only reads" {
	budget 'ssh -G other, 1,001 instances : without' 1.75 60 \
		"exec ssh -T -F $WITH -G other" "exec ssh -T -F $PLAIN -G other"
}

@test "ssh to another host" {
	budget 'ssh other true, 1,001 instances : without' 1.1 20 \
		"exec ssh -F $WITH other true" "exec ssh -F $PLAIN other true"
}

@test "ssh to an instance" {
	budget 'ssh box true : plain ssh, same key' 1.25 20 \
		"exec ssh -F $WITH box true" "exec ssh -F $PLAIN other true"
}
