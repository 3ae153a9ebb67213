#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# cp with a real guest. The rules are tested in cli/cp.bats.

load ../../lib.sh

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

there() { # SHELL COMMAND
	vmctl exec box -- sh -c "$1"
}

@test "a folder there and back, with modes and times" {
	mkdir -p d/sub
	head -c 3000000 /dev/urandom >d/sub/large
	echo small >d/small
	: >d/$'odd\nname'
	ln -s sub/large d/link
	truncate -s 40M d/sparse
	printf x | dd of=d/sparse bs=1 seek=30000000 conv=notrunc status=none
	chmod 640 d/small
	touch -d '2001-02-03 04:05:06' d/small d/sub
	ok vmctl cp -rp d box:
	same "$out$err" ""
	same "$(there 'stat -c "%a %Y" d/small d/sub')" "$(stat -c '%a %Y' d/small d/sub)"
	[ "$(there 'du -k d/sparse' | cut -f 1)" -lt 1000 ]
	same "$(there 'cat d/sub/large' | cksum)" "$(cksum <d/sub/large)"
	ok vmctl cp -rp box:d back
	diff -r --no-dereference d back
	same "$(stat -c '%a %Y' back/small back/sub)" "$(stat -c '%a %Y' d/small d/sub)"
	[ "$(du -k back/sparse | cut -f 1)" -lt 1000 ]
	# Within the guest, through this host.
	ok vmctl cp -r box:d box:d2
	ok vmctl exec box -- diff -r d d2
}

@test "standard input and output" {
	head -c 2000000 /dev/urandom >a
	vmctl cp - box:a <a
	vmctl cp box:a - | cmp - a
	fails 1 vmctl cp a box:/root/a
	has "$err" "ermission denied"
	fails 3 vmctl cp a box:no/dir/a
	has "$err" "vmctl exec box -- mkdir -p -- no/dir"
	ok vmctl cp a box:/dev/null
}

@test "what a killed copy left is gone on with" {
	there 'rm -rf d d2'
	head -c 20M /dev/urandom >big
	vmctl cp big box:big &
	copying=$!
	# Stopped over there, it cannot end before it is killed here.
	ok vmctl exec --timeout 10m box -- sh -c '
		until find . -name ".big.vmctl-*.part" -size +11000k | grep -q .; do :; done
		killall -STOP sftp-server'
	kill -9 $copying
	wait $copying || :
	there 'killall -KILL sftp-server; test ! -e big'
	ok vmctl cp --resume big box:big
	same "$(there 'cat big' | cksum)" "$(cksum <big)"
	same "$(there 'ls -A | grep -c vmctl-' || :)" 0
	there 'rm big'
}

@test "the guest's disk is full" {
	there 'sudo mkdir -p /tmp/small && sudo mount -t tmpfs -o size=2m,mode=777 none /tmp/small'
	echo old | vmctl cp - box:/tmp/small/f
	head -c 5M /dev/urandom >f
	fails 1 vmctl cp f box:/tmp/small/f
	has "$err" "disk of box is full"
	same "$(there 'cat /tmp/small/f; ls -A /tmp/small')" "$(printf 'old\nf')"
}
