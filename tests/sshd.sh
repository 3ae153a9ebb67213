# SPDX-License-Identifier: LGPL-2.1-or-later
# An OpenSSH server on loopback in the place of guests: rows of the database lead to
# it. For .bats files: `load ../sshd.sh` behind lib.sh.
# shellcheck shell=bash

decided() {
	grep -q 'Cannot bind' "$D/log" || [ "$(grep -c 'Server listening' "$D/log")" = 2 ]
}

# sshd_begin: the server, with a folder D of its own, of which D/login is where
# sessions of sftp begin. sshd_end ends it.
sshd_begin() {
	export D=$BATS_FILE_TMPDIR/sshd
	mkdir -m 700 "$D"
	[ "$(id -u)" != 0 ] || mkdir -p /run/sshd
	ssh-keygen -q -t ed25519 -N '' -f "$D/host"
	vmctl key show key -o json | jq -r .public_key >"$D/authorized"
	mkdir "$D/login"
	cat >"$D/config" <<-END
		HostKey $D/host
		AuthorizedKeysFile $D/authorized
		StrictModes no
		UsePAM no
		PidFile none
		PermitRootLogin yes
		Subsystem sftp /usr/lib/openssh/sftp-server -d $D/login
	END
	# A port of which nobody else knows is found by trying.
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		export PORT=$((20000 + RANDOM % 10000))
		/usr/sbin/sshd -D -r -e -f "$D/config" -o "ListenAddress=127.0.0.1:$((PORT + 1))" \
			-o "ListenAddress=127.0.0.1:$((PORT + 2))" 2>"$D/log" </dev/null >/dev/null 3>&- &
		echo $! >"$D/pid"
		wait_until 10 decided
		[ "$(grep -c 'Server listening' "$D/log")" != 2 ] || return 0
		sshd_end
	done
	cat "$D/log"
	return 1
}

sshd_end() {
	local pid=$BATS_FILE_TMPDIR/sshd/pid
	[ ! -e "$pid" ] || kill "$(<"$pid")" 2>/dev/null || :
}

# sshd_instance NAME 1|2: a running instance, if one believes the database, with the
# key "key".
sshd_instance() {
	local digest private public host
	digest=$(printf '%064d' 0)
	private=$(vmctl key show key -o json | jq -r .private_path)
	public=$(<"$D/authorized")
	host=$(cut -d ' ' -f 1,2 "$D/host.pub")
	db "INSERT OR IGNORE INTO image_file VALUES ('$digest', 1, 1, 1, 1, 1, 1);
		INSERT INTO instance (id, name, state, reason, type, vcpus, memory, disk, image, image_digest,
			user, ssh_port, accel, connection, uuid, host_key, host_key_sha256,
			created_at, launched_at, terminated_at)
		VALUES ('i-0000000$2', '$1', 'running', '', 't2.micro', 1, 1, 1, 'mini', '$digest', '$(id -un)',
			$((PORT + $2)), 'tcg', 'qemu+unix:///session?socket=/nonexistent/libvirt-sock',
			'00000000-0000-4000-8000-00000000000$2', '$host', 'SHA256:x', 1, 1, 0);
		INSERT INTO instance_key VALUES ('i-0000000$2', 0, 'key', '$public', '$private');
		INSERT INTO nic VALUES ('i-0000000$2', 0, 'user', '', '52:54:00:00:00:0$2', NULL, 0, 1);"
}

# On a loaded machine the server may need longer to say its first word than a guest is
# given before the hypervisor is asked about it, of which there is none (status 7).
vmctl() {
	local rc
	for _ in 1 2 3 4 5; do
		rc=0
		command vmctl "$@" 2>"$BATS_FILE_TMPDIR/stderr" || rc=$?
		[ $rc = 7 ] || break
	done
	cat "$BATS_FILE_TMPDIR/stderr" >&2
	return $rc
}
