#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# root with the environment of an ordinary user, as `sudo -E` gives it: nothing of
# root's may be left in that user's home directory. No guests.

load ../lib.sh

setup() {
	private_home
	THEIRS=$(mktemp -d "$TMPDIR/theirs.XXXXXX")
	mkdir "$THEIRS/run"
	chown -R "$VMT_USER:" "$THEIRS"
	unset VMCTL_HOME VMCTL_CONNECT XDG_DATA_HOME XDG_CONFIG_HOME XDG_STATE_HOME XDG_CACHE_HOME
	export HOME=$THEIRS XDG_RUNTIME_DIR=$THEIRS/run
}

as_user() {
	setpriv --reuid "$VMT_USER" --regid "$VMT_USER" --clear-groups "$@"
}

# What is in the user's home directory and not the user's.
of_root() {
	find "$THEIRS" -user root
}

@test "a failure of root's is not logged in another user's home directory" {
	fails 3 vmctl show nobody
	same "$(of_root)" ""
	[ ! -e "$THEIRS/.local" ]
	# Nor where some directories on the way are root's by now.
	mkdir -p "$THEIRS/.local/state"
	fails 3 vmctl show nobody
	same "$(find "$THEIRS" -newer "$THEIRS/.local/state" ! -path "$THEIRS/.local/state")" ""
	# The user's own are.
	rm -r "$THEIRS/.local"
	try as_user vmctl show nobody
	same "$status" 3
	has "$(cat "$THEIRS/.local/state/vmctl/log/vmctl.log")" "error show: "
	fails 3 vmctl show nobody
	same "$(wc -l <"$THEIRS/.local/state/vmctl/log/vmctl.log")" 1
}

@test "root's records are not made in another user's data directory" {
	export XDG_DATA_HOME=$THEIRS/.local/share
	ok vmctl list
	same "$(of_root)" ""
	# Where that user has records, they are not opened.
	as_user env VMCTL_HOME="$THEIRS/lab" vmctl list
	fails 1 env VMCTL_HOME="$THEIRS/lab" vmctl list
	has "$err" "sudo -u $VMT_USER vmctl"
	same "$(of_root)" ""
}

@test "root's settings and session daemon do not go into another user's home directory" {
	fails 1 vmctl config set color never
	has "$err" "root writes nothing"
	has "$err" "sudo -u $VMT_USER vmctl"
	fails 1 env EDITOR=true vmctl config edit
	fails 1 vmctl -c qemu:///session network list
	has "$err" "root writes nothing"
	same "$(of_root)" ""
}

@test "a storage that is set in another user's settings takes no files of root's" {
	mkdir -p "$THEIRS/.config/vmctl"
	echo "{\"storage\": \"$THEIRS/store\"}" >"$THEIRS/.config/vmctl/config.json"
	chown -R "$VMT_USER:" "$THEIRS/.config"
	truncate -s 1M "$BATS_TEST_TMPDIR/disk"
	mkfs.vfat "$BATS_TEST_TMPDIR/disk" >/dev/null
	fails 1 vmctl image import --name disk "$BATS_TEST_TMPDIR/disk"
	has "$err" "$THEIRS/store is in a directory of $VMT_USER, where root writes nothing"
	same "$(of_root)" ""
	[ ! -e "$THEIRS/store" ]
	# Of root's own settings it is no matter where they lead.
	mkdir -p "$BATS_TEST_TMPDIR/own"
	mv "$THEIRS/.config/vmctl" "$BATS_TEST_TMPDIR/own/"
	chown -R root: "$BATS_TEST_TMPDIR/own"
	ok env XDG_CONFIG_HOME="$BATS_TEST_TMPDIR/own" XDG_DATA_HOME="$BATS_TEST_TMPDIR/own" \
		vmctl image import --name disk "$BATS_TEST_TMPDIR/disk"
	[ -e "$THEIRS/store" ]
}

@test "the shell of root's keeps its history out of another user's home directory" {
	printf 'version\nexit\n' | ok script -qec 'vmctl shell' /dev/null
	same "$(of_root)" ""
}

@test "the doctor names what root left" {
	mkdir -p "$THEIRS/.local/state/vmctl/log"
	chown -R "$VMT_USER:" "$THEIRS/.local"
	: >"$THEIRS/.local/state/vmctl/history"
	try as_user vmctl host doctor -o json
	has "$(jq -r '.[].text' <<<"$out")" "$THEIRS/.local/state/vmctl/history belongs to root"
	chown root: "$THEIRS/.local"
	try as_user vmctl host doctor -o json
	has "$out" "$THEIRS/.local belongs to root"
	has "$out" "sudo chown -R"
	chown -R "$VMT_USER:" "$THEIRS/.local"
	try as_user vmctl host doctor -o json
	hasnt "$out" "belongs to root"
}
