#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# qemu:///system as an ordinary user who may use it, beside root on the same host.

load ../lib.sh

setup_file() {
	private_home
	# root makes it here, or it would be an earlier file's.
	no_networks
	import_mini
	vmctl key generate key
	THEIRS=$(mktemp -d "$TMPDIR/user.XXXXXX")
	export THEIRS
	chown "$VMT_USER:" "$THEIRS"
	mkdir -m 711 "$THEIRS/open" "$THEIRS/home"
	mkdir -m 700 "$THEIRS/closed"
	chown "$VMT_USER:" "$THEIRS"/*
	chmod 711 "$THEIRS"
}

teardown_file() {
	local bad=0
	user delete -y theirs >/dev/null 2>&1 || :
	delete_all || bad=1
	return $bad
}

# user WORD...: vmctl, as that user, with that user's own files.
user() {
	setpriv --reuid "$VMT_USER" --regid "$VMT_USER" --clear-groups \
		env HOME="$THEIRS/home" TMPDIR="$THEIRS/home" VMCTL_HOME="${HOME_OF_USER:-$THEIRS/open}" vmctl "$@"
}

@test "STOR-001 a home directory that QEMU's user cannot enter is named, and nothing is made" {
	HOME_OF_USER=$THEIRS/closed
	user image import --metadata "$TOP/images/mini/image.json" "$VMT_IMAGE" >/dev/null
	fails 1 user create theirs "${small[@]}"
	has "$err" "$THEIRS/closed"
	has "$err" "chmod o+x"
	same "$(user list -o name)" ""
}

@test "an ordinary user's instance on the system connection: create, enter, logs, stop, start, delete" {
	ok vmctl create mine "${small[@]}" --memory 64M
	user image import --metadata "$TOP/images/mini/image.json" "$VMT_IMAGE" >/dev/null
	ok user create theirs "${small[@]}" --wait
	ok user exec theirs -- hostname
	same "$out" theirs
	ok user logs theirs
	has "$out" "Linux version"
	ok user stop theirs
	same "$(user show theirs -o json | jq -r .state)" stopped
	ok user logs theirs
	has "$out" "Linux version"
	ok user start theirs
	same "$(user show theirs -o json | jq -r .state)" running
}

@test "the image is QEMU's while it is used and stays its user's, and no other user can read it" {
	base=$(user image show mini -o json | jq -r .path)
	# libvirt has made QEMU's user the owner of all that the disk is based on.
	same "$(stat -c %U "$base")" root
	[[ $(stat -c %A "$base") == -r--r----- ]]
	fails 1 setpriv --reuid 65534 --regid 65534 --clear-groups head -c 4 "$base"
	has "$err" "Permission denied"
	ok user image verify mini
	ok user create beside "${small[@]}"
	ok user delete -y beside
	same "$(user show theirs -o json | jq -r .state)" running
}

@test "two users of one network have different addresses, and see only their own instances" {
	[ "$(field mine address)" != "$(user show theirs -o json | jq -r .address)" ]
	same "$(vmctl list -o name)" mine
	same "$(user list -o name)" theirs
	# root made the network: the user does not delete it, nor root while it is in use.
	fails 1 user network delete vmctl
	has "$err" "not made by vmctl"
	id=$(field mine id)
	ok vmctl delete -y mine
	nothing_left "$id"
	fails 4 vmctl network delete vmctl
	id=$(user show theirs -o json | jq -r .id)
	ok user delete -y theirs
	nothing_left "$id"
	same "$(ls "$THEIRS/open/instances")" ""
}
