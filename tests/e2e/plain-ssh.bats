#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# The programs of OpenSSH, and those that use them, reach instances by name through
# the configuration that vmctl installs. They know of nothing else: neither an agent
# nor a file of known hosts, and there is nobody to ask.

load ../lib.sh

setup_file() {
	private_home
	import_mini
	vmctl image import --metadata "$TOP/images/mini/image.json" --name own \
		--host-keys guest "$VMT_IMAGE" >/dev/null
	# OpenSSH looks where the password database says, whatever HOME says.
	if [ "$(getent passwd "$(id -u)" | cut -d : -f 6)" = "$HOME" ]; then
		export CONFIG=$HOME/.ssh/config F='' FILE=''
	else
		export CONFIG="$BATS_FILE_TMPDIR/a b/config"
		export F="-F $BATS_FILE_TMPDIR/config" FILE="--file=$CONFIG"
		# The options of scp and rsync are split at blanks.
		ln -s "$CONFIG" "$BATS_FILE_TMPDIR/config"
	fi
	mkdir -p "${CONFIG%/*}"
	printf 'Host *\n\tConnectTimeout 60\n# no line feed at the end' >"$CONFIG"
	cp "$CONFIG" "$BATS_FILE_TMPDIR/before"
	vmctl ssh-config install ${FILE:+"$FILE"} >/dev/null
	vmctl create Box "${small[@]}" --wait
}

teardown_file() {
	delete_all
	vmctl ssh-config uninstall >/dev/null
	rm -rf "$HOME/.ssh"
}

# shellcheck disable=SC2086 # F is two words or none
s() {
	timeout 100 ssh $F -o BatchMode=yes "$@" </dev/null
}

@test "ssh NAME: the program runs there, its status is ours, and nothing is asked or remembered" {
	ok s Box hostname
	same "$out" Box
	same "$err" ""
	try s Box 'echo out; echo err >&2; exit 7'
	same "$status" 7
	same "$out" out
	same "$err" err
	[ ! -e "$HOME/.ssh/known_hosts" ]
	has "$(s -G box)" 'stricthostkeychecking true'
}

@test "the name in any case, the id, and another port work too" {
	ok s box true
	ok s bOX true
	ok s "$(field Box id)" true
	ok s -p 2222 box true
	same "$err" ""
}

@test "no process of ours stays between ssh and the guest" {
	mkfifo "$BATS_TEST_TMPDIR/hold"
	# shellcheck disable=SC2086
	ssh $F -o BatchMode=yes box 'echo in; cat' <"$BATS_TEST_TMPDIR/hold" >"$BATS_TEST_TMPDIR/said" &
	exec 8>"$BATS_TEST_TMPDIR/hold"
	wait_until 60 grep -q in "$BATS_TEST_TMPDIR/said"
	children=$(ps -o args= --ppid $! || :)
	exec 8>&-
	wait $!
	same "$children" ""
}

@test "scp and sftp, in both directions" {
	head -c 300000 /dev/urandom >"$BATS_TEST_TMPDIR/a file"
	# shellcheck disable=SC2086
	ok scp -q $F -B "$BATS_TEST_TMPDIR/a file" box:
	# shellcheck disable=SC2086
	ok scp -q $F -B 'box:a file' "$BATS_TEST_TMPDIR/back"
	cmp "$BATS_TEST_TMPDIR/a file" "$BATS_TEST_TMPDIR/back"
	printf 'rename "a file" b\nget b %s\n' "$BATS_TEST_TMPDIR/b" >"$BATS_TEST_TMPDIR/batch"
	# shellcheck disable=SC2086
	ok sftp -q $F -P 22 -b "$BATS_TEST_TMPDIR/batch" box
	cmp "$BATS_TEST_TMPDIR/a file" "$BATS_TEST_TMPDIR/b"
}

# carry PROGRAM: to the guest, with its libraries, as a command there.
carry() {
	local file=$BATS_TEST_TMPDIR/$1
	mkdir -p "$file"
	ldd "$(command -v "$1")" | grep -o '/[^ ]*' | xargs cp -L -t "$file" "$(command -v "$1")"
	# shellcheck disable=SC2086
	scp -q -r -C $F -B "$file" "box:$1.d"
	s box "printf '#!/bin/sh\nexec %s/%s --library-path %s %s \"\$@\"\n' \
		\$HOME/$1.d $(basename "$(echo "$file"/ld-*)") \$HOME/$1.d \$HOME/$1.d/$1 >$1
		chmod +x $1; sudo mv $1 /usr/local/bin/"
}

@test "rsync" {
	requires rsync
	carry rsync
	mkdir -p "$BATS_TEST_TMPDIR/tree/dir"
	echo one >"$BATS_TEST_TMPDIR/tree/1 file"
	echo two >"$BATS_TEST_TMPDIR/tree/dir/2"
	export RSYNC_RSH="ssh $F -o BatchMode=yes"
	ok rsync -a "$BATS_TEST_TMPDIR/tree" box:
	ok rsync -a box:tree/ "$BATS_TEST_TMPDIR/back"
	diff -r "$BATS_TEST_TMPDIR/tree" "$BATS_TEST_TMPDIR/back"
}

@test "git clone" {
	requires git
	carry git
	s box "for verb in upload-pack receive-pack; do
		printf '#!/bin/sh\nexec git %s \"\$@\"\n' \$verb >git-\$verb
		chmod +x git-\$verb; sudo mv git-\$verb /usr/local/bin/; done"
	export GIT_SSH_COMMAND="ssh $F -o BatchMode=yes"
	export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
	git init -q "$BATS_TEST_TMPDIR/from"
	echo text >"$BATS_TEST_TMPDIR/from/file"
	git -C "$BATS_TEST_TMPDIR/from" add file
	git -C "$BATS_TEST_TMPDIR/from" -c user.name=me -c user.email=me@localhost commit -qm one
	ok s box git init -q --bare there.git
	ok git -C "$BATS_TEST_TMPDIR/from" push -q ssh://box/home/vm/there.git HEAD:refs/heads/main
	ok git clone -q -b main box:there.git "$BATS_TEST_TMPDIR/to"
	same "$(<"$BATS_TEST_TMPDIR/to/file")" text
}

# What needs no Python in the guest: a command, and a script that goes by sftp. It
# keeps a master connection of its own.
@test "ansible" {
	printf '#!/bin/sh\necho "$(hostname) $1"\n' >"$BATS_TEST_TMPDIR/script"
	export ANSIBLE_SSH_ARGS="$F -o ControlMaster=auto -o ControlPersist=5s" ANSIBLE_SCP_EXTRA_ARGS=$F \
		ANSIBLE_SFTP_EXTRA_ARGS=$F ANSIBLE_HOME=$BATS_TEST_TMPDIR/ansible \
		ANSIBLE_SSH_CONTROL_PATH_DIR=$BATS_TEST_TMPDIR ANSIBLE_LOCAL_TEMP=$BATS_TEST_TMPDIR/tmp
	ok timeout 100 ansible -i Box, all -m raw -a 'echo "$(id -un) at $(hostname)"'
	has "$out" "vm at Box"
	ok timeout 100 ansible -i Box, all -m script -a "$BATS_TEST_TMPDIR/script word"
	has "$out" "Box word"
	has "$out" '"rc": 0'
}

@test "a master connection serves several, and a jump over an instance works" {
	# shellcheck disable=SC2086
	ok ssh $F -o BatchMode=yes -M -S "$BATS_TEST_TMPDIR/m" -fN box
	ok s -S "$BATS_TEST_TMPDIR/m" box hostname
	same "$out" Box
	ok s -S "$BATS_TEST_TMPDIR/m" -O exit box
	ok s -J box -l vm -i "$(vmctl key list -o json | jq -r '.[0].private_path')" \
		-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null 127.0.0.1 hostname
	same "$out" Box
}

@test "with the environment of a cron job" {
	# shellcheck disable=SC2086
	ok env -i HOME="$HOME" LOGNAME="$(id -un)" PATH=/usr/bin:/bin SHELL=/bin/sh \
		ssh $F -o BatchMode=yes box hostname
	same "$out" Box
}

@test "only the agent has the private half of the key" {
	file=$(vmctl key list -o json | jq -r '.[0].private_path')
	mv "$file" "$BATS_TEST_TMPDIR/away"
	eval "$(ssh-agent)" >/dev/null
	# More than a guest would let try.
	for i in 1 2 3 4 5 6 7 8; do
		ssh-keygen -q -t ed25519 -N '' -f "$BATS_TEST_TMPDIR/k$i"
		ssh-add -q "$BATS_TEST_TMPDIR/k$i"
	done
	ssh-add -q "$BATS_TEST_TMPDIR/away"
	ok vmctl ssh-config install ${FILE:+"$FILE"}
	try s box hostname
	kill "$SSH_AGENT_PID"
	unset SSH_AUTH_SOCK SSH_AGENT_PID
	mv "$BATS_TEST_TMPDIR/away" "$file"
	same "$out" Box
	same "$err" ""
	ok vmctl ssh-config install ${FILE:+"$FILE"}
}

@test "a stopped instance: what to type, on one line; a port that moved is no matter" {
	ok vmctl stop --force --timeout 0 Box
	try s box true
	same "$status" 255
	has "$err" 'Box is not running: it is stopped'
	has "$err" 'vmctl start Box'
	before=$(stat -c %Y.%i "$VMCTL_HOME/ssh/config")
	port=$(db "SELECT ssh_port FROM instance WHERE name = 'Box' AND ssh_port IS NOT NULL")
	if [ -n "$port" ]; then
		python3 -c "import socket, sys
s = socket.create_server(('127.0.0.1', $port))
print(1, flush=True)
sys.stdin.read()" < <(exec tail -f /dev/null --pid $$) >"$BATS_TEST_TMPDIR/listening" &
		listener=$!
		wait_until 20 test -s "$BATS_TEST_TMPDIR/listening"
	fi
	ok vmctl start Box
	[ "$port" != "$(field Box ssh_port)" ]
	try s box hostname
	[ -z "$port" ] || kill "$listener"
	same "$out" Box
	same "$(stat -c %Y.%i "$VMCTL_HOME/ssh/config")" "$before"
}

@test "a new host key is refused with both fingerprints, until the old one is forgotten" {
	old=$(field Box host_key_sha256)
	ok s box 'sudo rm /etc/ssh/ssh_host_ed25519_key && sudo ssh-keygen -q -t ed25519 -N "" \
		-f /etc/ssh/ssh_host_ed25519_key </dev/null && cat /etc/ssh/ssh_host_ed25519_key.pub && sync'
	new=$(ssh-keygen -lf - <<<"$out" | cut -d ' ' -f 2)
	s box "sudo sh -c 'kill \$(cat /run/sshd.pid)'" || :
	refused() {
		try s box true
		[ "$status" = 255 ] && has "$err" "$new"
	}
	wait_until 60 refused
	has "$err" "$old"
	has "$err" 'vmctl ssh-config forget Box'
	fails 255 vmctl ssh Box -- true
	has "$err" "$old"
	has "$err" "$new"
	ok vmctl ssh-config forget Box
	ok s box hostname
	same "$out" Box
	has "$err" "$new"
	same "$(field Box host_key_sha256)" "$new"
	ok s box true
	same "$err" ""
}

@test "a rebuilt instance of the same name that makes its own host key: pinned at the first contact" {
	ok vmctl delete -y Box
	try s box true
	same "$status" 255
	ok vmctl create Box --image own --cpus 1 --memory 256M
	same "$(field Box host_key)" null
	wait_until 120 s box true
	key=$(field Box host_key_sha256)
	same "$(s box ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub | cut -d ' ' -f 2)" "$key"
	ok s box true
	same "$err" ""
	ok vmctl ssh Box -- true
	ok vmctl ssh-config forget Box
	try vmctl ssh Box -- hostname
	same "$out" Box
	has "$err" "$key"
}

@test "uninstall leaves ssh as it was" {
	ok vmctl ssh-config uninstall
	cmp "$CONFIG" "$BATS_FILE_TMPDIR/before"
	[ ! -e "$VMCTL_HOME/ssh" ]
	try s box true
	same "$status" 255
	hasnt "$err" vmctl
	fails 0 vmctl ssh-config uninstall
	has "$err" 'not installed'
}
