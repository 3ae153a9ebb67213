#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# What ssh is told of instances, read by the ssh that is here; the machines behind it
# are rows of the database. tests/e2e/plain-ssh.bats enters some.

load ../lib.sh

setup() {
	private_home
	# As awkward as a path may be.
	export VMCTL_HOME="$BATS_TEST_TMPDIR/it's \"50%d\" \$x [a]*\\ä"
	mkdir -m 700 "$VMCTL_HOME"
	export CONFIG="$BATS_TEST_TMPDIR/a b/config"
	mkdir "${CONFIG%/*}"
	printf 'Host other\n\tUser me\n\nHost *\n\tUser nobody\n\tProxyJump nowhere' >"$CONFIG"
	cp "$CONFIG" "$BATS_TEST_TMPDIR/before"
	vmctl image list >/dev/null
	digest=$(printf a%.0s {1..64})
	db "INSERT INTO image_file VALUES ('$digest', 1, 1, 0, 0, 0, 0);
		INSERT INTO image (name, digest, source_digest, description, os, arch, user, created_at)
		VALUES ('mini', '$digest', '', '', '', 'x86_64', 'vm', 0)"
	row 1 Web1
	row 2 db
}

row() { # NUMBER NAME
	db "INSERT INTO instance (id, name, state, reason, type, vcpus, memory, disk, image, image_digest,
		user, ssh_port, accel, connection, uuid, host_key, host_key_sha256, created_at, launched_at,
		terminated_at) VALUES ('i-0000000$1', '$2', 'running', '', 't', 1, 1, 1, 'mini', '$digest', 'vm',
		$((20000 + $1)), 'tcg', 'qemu+unix:///session?socket=/nonexistent', 'u$1', 'ssh-ed25519 AAAA$1', 'SHA256:$1', 0, 0, 0);
		INSERT INTO instance_key VALUES ('i-0000000$1', 0, 'token', 'ssh-ed25519 AAAAC3Nza', NULL);
		INSERT INTO nic VALUES ('i-0000000$1', 0, 'user', '', 'm$1', NULL, 0, 1)"
}

# what HOST KEYWORD: as ssh understands it.
what() {
	ssh -F "$CONFIG" -G "$1" | sed -n "s/^$2 //p"
}

install() {
	ok vmctl ssh-config install --file "$CONFIG"
}

@test "ssh-config install: ssh knows the instances, through paths of every kind" {
	install
	same "$out" "$CONFIG"
	has "$err" 'ssh NAME'
	for name in Web1 web1 WEB1 i-00000001 db; do
		same "$(what $name user)" vm
		same "$(what $name stricthostkeychecking)" true
		same "$(what $name identitiesonly)" yes
		has "$(what $name proxycommand)" '__ssh-connect %n VMCTL_HOME='
		[ -e "$(what $name identityfile | sed 's/%%/%/g')" ]
	done
	same "$(what web2 user)" nobody
	same "$(what other user)" me
	same "$(what web1x proxyjump)" nowhere
}

@test "what is set for all hosts locks nobody out of an instance" {
	cat >"$CONFIG" <<-END
		Host *
			PubkeyAuthentication no
			PreferredAuthentications password
			PubkeyAcceptedAlgorithms rsa-sha2-512
			HostKeyAlgorithms rsa-sha2-512
			IdentitiesOnly no
			HostName %h.nowhere.invalid
			CanonicalizeHostname always
			ProxyJump nowhere
			ProxyUseFdpass no
			KnownHostsCommand /bin/false
			StrictHostKeyChecking ask
			UserKnownHostsFile ~/x
			VerifyHostKeyDNS yes
			HostKeyAlias other
	END
	install
	for name in Web1 i-00000001 db; do
		same "$(what $name pubkeyauthentication)" true
		has "$(what $name preferredauthentications)" publickey
		hasnt "$(what $name preferredauthentications)" gssapi
		has ",$(what $name pubkeyacceptedalgorithms)," ,ssh-ed25519,
		has ",$(what $name hostkeyalgorithms)," ,ssh-ed25519,
		same "$(what $name hostname)" "${name,,}"
		same "$(what $name canonicalizehostname)" false
		same "$(what $name proxyjump)" ""
		same "$(what $name proxyusefdpass)" yes
		same "$(what $name identitiesonly)" yes
		has "$(what $name knownhostscommand)" __known-hosts
		same "$(what $name stricthostkeychecking)" true
		same "$(what $name userknownhostsfile)" /dev/null
		same "$(what $name verifyhostkeydns)" false
	done
	# Other hosts have it as it was.
	same "$(what other pubkeyauthentication)" false
	same "$(what other proxyjump)" nowhere
	try vmctl host doctor -o json
	same "$(jq -r '.[] | select(.check == "ssh-config") | .verdict' <<<"$out")" ok
}

@test "a line above ours that locks ssh out is told by the doctor" {
	install
	printf 'PubkeyAuthentication no\n' | cat - "$CONFIG" >"$BATS_TEST_TMPDIR/new"
	cat "$BATS_TEST_TMPDIR/new" >"$CONFIG"
	try vmctl host doctor -o json
	said=$(jq -r '.[] | select(.check == "ssh-config") | .verdict + " " + .text' <<<"$out")
	has "$said" "problem "
	has "$said" "PubkeyAuthentication is"
	has "$said" "$CONFIG"
	ok vmctl ssh-config uninstall
	install
	try vmctl host doctor -o json
	same "$(jq -r '.[] | select(.check == "ssh-config") | .verdict' <<<"$out")" ok
}

@test "ssh starts both programs, with the home that they are to use" {
	install
	# Both fail, each in its own words, for nothing listens there.
	home=$VMCTL_HOME
	unset VMCTL_HOME
	command=$(what db proxycommand | sed -e 's/%n/db/' -e 's/%%/%/g')
	fails 7 sh -c "exec $command --timeout 0 0<&- >/dev/null"
	has "$err" db
	known=$(sed -n 's/^\tKnownHostsCommand .* __known-hosts/__known-hosts/p' "$home/ssh/config" | head -n 1)
	read -ra words < <(sed -e 's/%n/db/' -e 's/%H/[db]:2222/' -e 's/%I/HOSTNAME/' -e 's/%f/SHA256:2/' <<<"$known")
	ok vmctl "${words[@]}"
	same "$out" '[db]:2222 ssh-ed25519 AAAA2'
}

@test "another host key than the pinned one: both fingerprints and what to type" {
	fails 1 vmctl __known-hosts db db HOSTNAME SHA256:other
	has "$err" SHA256:other
	has "$err" SHA256:2
	has "$err" 'vmctl ssh-config forget db'
	ok vmctl __known-hosts db db ORDER NONE
	same "$out" 'db ssh-ed25519 AAAA2'
	ok vmctl ssh-config forget db
	same "$(db "SELECT host_key FROM instance WHERE name = 'db'")" ''
	# ssh is not told before the key was met.
	ok vmctl __known-hosts db db ORDER NONE
	same "$out" ''
	try vmctl ssh-config forget db nobody
	same "$status" 6
	fails 3 vmctl ssh-config forget nobody
}

@test "what is not ours is refused by what ssh starts" {
	for search in '' 'a b' '*' '#' '!x' $'a\nb *'; do
		fails 2 vmctl __known-hosts db "$search" HOSTNAME NONE
	done
	fails 2 vmctl __known-hosts db db HOSTNAME NONE LD_PRELOAD=/x
	fails 2 vmctl __known-hosts db db HOSTNAME NONE VMCTL_HOME=/a+zz
	fails 2 vmctl __known-hosts db db HOSTNAME NONE VMCTL_HOME
	fails 3 vmctl __known-hosts nobody nobody HOSTNAME NONE
	fails 3 vmctl __ssh-connect nobody
	fails 2 vmctl __ssh-connect
}

@test "ssh-config install twice and uninstall: to the byte, with its mode" {
	chmod 640 "$CONFIG"
	install
	cp "$CONFIG" "$BATS_TEST_TMPDIR/once"
	install
	has "$err" 'already'
	cmp "$CONFIG" "$BATS_TEST_TMPDIR/once"
	same "$(stat -c %a "$CONFIG")" 640
	same "$(stat -c %a "$VMCTL_HOME/ssh/config")" 600
	ok vmctl ssh-config uninstall
	same "$out" "$CONFIG"
	cmp "$CONFIG" "$BATS_TEST_TMPDIR/before"
	same "$(stat -c %a "$CONFIG")" 640
	[ ! -e "$VMCTL_HOME/ssh" ]
	ok vmctl ssh-config uninstall
	same "$out" ''
}

@test "a configuration that something is mounted on is written in place, and emptied" {
	unshare -rm true 2>/dev/null || skip "needs namespaces or root"
	local own=$BATS_TEST_TMPDIR/own below=$BATS_TEST_TMPDIR/below
	cp "$CONFIG" "$below"
	# shellcheck disable=SC2016 # the inner shell's
	ok unshare -rm bash -c '
		vmctl ssh-config install --file "$1" || exit 1
		cp -p "$1" "$2" && mount --bind "$2" "$1" || exit 99
		vmctl ssh-config uninstall || exit 2
		[ ! -s "$1" ]' bash "$own" "$below"
	same "$(echo "$own"*)" "$own"
	[ ! -e "$VMCTL_HOME/ssh" ]
}

@test "a configuration that is not to be changed is not" {
	chmod 400 "$CONFIG"
	refused 1 vmctl ssh-config install --file "$CONFIG"
	has "$err" 'vmctl ssh-config show'
	chmod 600 "$CONFIG"
	if [ "$(id -u)" != 0 ]; then
		chmod 500 "${CONFIG%/*}"
		refused 1 vmctl ssh-config install --file "$CONFIG"
		chmod 700 "${CONFIG%/*}"
		ln -s /etc/hostname "$BATS_TEST_TMPDIR/not-mine"
		refused 1 vmctl ssh-config install --file "$BATS_TEST_TMPDIR/not-mine"
	fi
	ln -s nowhere "$BATS_TEST_TMPDIR/dangling"
	refused 1 vmctl ssh-config install --file "$BATS_TEST_TMPDIR/dangling"
	refused 1 vmctl ssh-config install --file /dev/null
	refused 1 vmctl ssh-config install --file "${CONFIG%/*}"
	cmp "$CONFIG" "$BATS_TEST_TMPDIR/before"
}

@test "an installation that fails takes nothing of the one that is there" {
	install
	cp "$CONFIG" "$BATS_TEST_TMPDIR/once"
	ln -s nowhere "$BATS_TEST_TMPDIR/dangling"
	fails 1 vmctl ssh-config install --file "$BATS_TEST_TMPDIR/dangling"
	fails 1 vmctl ssh-config install --file /dev/null
	chmod 400 "$CONFIG"
	fails 1 vmctl ssh-config install --file "$CONFIG"
	chmod 600 "$CONFIG"
	cmp "$CONFIG" "$BATS_TEST_TMPDIR/once"
	same "$(what db user)" vm
	ok vmctl ssh-config uninstall
	same "$out" "$CONFIG"
	cmp "$CONFIG" "$BATS_TEST_TMPDIR/before"
}

@test "our line behind a host's own is put back to the top" {
	install
	{
		printf 'Host first\n\tUser one\n\n'
		cat "$CONFIG"
	} >"$CONFIG.new"
	mv "$CONFIG.new" "$CONFIG"
	chmod 600 "$CONFIG"
	same "$(what db user)" nobody
	install
	hasnt "$err" already
	same "$(what db user)" vm
	same "$(what first user)" one
	same "$(grep -c ^Include "$CONFIG")" 1
}

@test "many at once: the line is there once" {
	for _ in 1 2 3 4 5 6 7 8; do
		vmctl ssh-config install --file "$CONFIG" >/dev/null 2>&1 &
	done
	wait
	same "$(grep -c ^Include "$CONFIG")" 1
	same "$(what db user)" vm
	ok vmctl ssh-config uninstall
	cmp "$CONFIG" "$BATS_TEST_TMPDIR/before"
}

@test "an instance with the name of a host in the configuration: said so" {
	row 3 other
	install
	has "$err" "other is a host in $CONFIG too"
	# Once.
	install
	hasnt "$err" 'too: ssh'
}

@test "ssh-config show: of one, of all, and nothing of a stranger" {
	ok vmctl ssh-config show db
	has "$out" 'Match originalhost db,i-00000002'
	hasnt "$out" web1
	echo "$out" >"$BATS_TEST_TMPDIR/pasted"
	same "$(ssh -F "$BATS_TEST_TMPDIR/pasted" -G db | sed -n 's/^user //p')" vm
	ok vmctl ssh-config show
	has "$out" web1
	fails 3 vmctl ssh-config show nobody
	fails 2 vmctl ssh-config show db web1
}
