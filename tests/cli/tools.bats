#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# The scripts of the source tree: run, scripts/deps, scripts/fresh.

load ../lib.sh

setup_file() {
	private_home
}

# A PATH with programs of our own in front. They log how they were called.
fake() { # NAME BODY
	mkdir -p "$BATS_TEST_TMPDIR/bin"
	{
		echo '#!/bin/sh'
		echo "echo \"$1 \$*\" >>\"$BATS_TEST_TMPDIR/log\""
		echo "$2"
	} >"$BATS_TEST_TMPDIR/bin/$1"
	chmod +x "$BATS_TEST_TMPDIR/bin/$1"
}

deps() {
	PATH="$BATS_TEST_TMPDIR/bin:$PATH" "$TOP/scripts/deps" "$@" </dev/null
}

@test "run: finds the build from any directory and passes arguments and status" {
	cd /
	ok "$TOP/run" vmctl version
	ok "$TOP/run" printf '%s|' 'a b' ''
	same "$out" 'a b||'
	try "$TOP/run" sh -c 'exit 7'
	same "$status" 7
}

@test "run: by a symbolic link too" {
	ln -s "$TOP/run" "$BATS_TEST_TMPDIR/r"
	ok "$BATS_TEST_TMPDIR/r" vmctl version
}

@test "run: without a build says what to type" {
	B=/nonexistent fails 1 "$TOP/run" vmctl version
	has "$err" make
}

@test "deps: nothing missing is silent" {
	fake dpkg-query 'for p; do case $p in -*) ;; *) echo "installed $p" ;; esac; done'
	fake getent 'echo libvirt-qemu:x:1:1'
	ok deps build run test images
	same "$out$err" ""
}

@test "deps --check names what is missing and fails" {
	fake dpkg-query 'for p; do case $p in -* | jq) ;; *) echo "installed $p" ;; esac; done'
	fake getent 'echo libvirt-qemu:x:1:1'
	try deps --check build test
	same "$status" 1
	same "$out" "missing packages: jq"
}

@test "deps: either of two alternatives will do" {
	fake dpkg-query 'for p; do case $p in -* | pkg-config) ;; *) echo "installed $p" ;; esac; done'
	fake getent 'echo libvirt-qemu:x:1:1'
	ok deps --check build
}

@test "deps: as root, installs what is missing without asking, updating the lists once" {
	fake dpkg-query 'for p; do case $p in -* | jq | bats) ;; *) echo "installed $p" ;; esac; done'
	fake getent 'echo libvirt-qemu:x:1:1'
	fake id 'echo 0'
	# It has none, and of these packages it knows some all the same.
	fake apt-get "case \"\$*\" in *update) touch '$BATS_TEST_TMPDIR/updated' ;;
		*--simulate*) [ -e '$BATS_TEST_TMPDIR/updated' ] ;; esac"
	ok deps build test
	same "$(grep -c '^apt-get.* update$' "$BATS_TEST_TMPDIR/log")" 1
	same "$(grep -c '^apt-get.* -y .*install --no-install-recommends bats jq$' "$BATS_TEST_TMPDIR/log")" 1
}

@test "deps: not root, goes through sudo" {
	fake dpkg-query 'for p; do case $p in -* | jq) ;; *) echo "installed $p" ;; esac; done'
	fake id 'echo 1000'
	fake sudo '[ "$1" != -n ] || shift; exec "$@"'
	fake apt-get 'exit 0'
	ok deps test
	grep -q '^sudo env .*apt-get .*install .*jq$' "$BATS_TEST_TMPDIR/log"
	run ! grep -q 'update$' "$BATS_TEST_TMPDIR/log"
}

@test "deps: neither root nor sudo: the exact command, status 1" {
	fake dpkg-query 'for p; do case $p in -* | jq) ;; *) echo "installed $p" ;; esac; done'
	fake id 'echo 1000'
	fake sudo 'exit 1'
	fake apt-get 'exit 0'
	try deps test
	same "$status" 1
	has "$err" "apt-get install --no-install-recommends jq"
	run ! grep -q '^apt-get' "$BATS_TEST_TMPDIR/log"
}

@test "deps: an sshd that is installed for the tests is not started" {
	local off=/etc/ssh/sshd_not_to_be_run
	fake dpkg-query 'for p; do case $p in -* | openssh-server) ;; *) echo "installed $p" ;; esac; done'
	fake id 'echo 1000'
	fake sudo '[ "$1" != -n ] || shift; case $1 in sh) exit 0 ;; esac; exec "$@"'
	fake apt-get 'exit 0'
	ok deps test
	has "$err" "remove $off"
	same "$(grep -e "^sudo sh .*$off" -e '^apt-get.* install' "$BATS_TEST_TMPDIR/log" | grep -v simulate | cut -d ' ' -f 1)" "$(printf 'sudo\napt-get')"
	# Who has to install it by hand is told, and one that is there is left as it is.
	fake sudo 'exit 1'
	try deps test
	same "$status" 1
	has "$err" "touch $off"
	fake dpkg-query 'for p; do case $p in -* | jq) ;; *) echo "installed $p" ;; esac; done'
	try deps test
	hasnt "$err" "$off"
}

@test "a test for which a program is missing fails, and is not skipped" {
	try requires sh no-such-program
	same "$status" 1
	has "$err" "no-such-program is missing: it belongs into scripts/deps"
	ok requires sh cat
}

@test "deps: an archive that has moved on is asked again after an update" {
	fake dpkg-query 'for p; do case $p in -* | jq) ;; *) echo "installed $p" ;; esac; done'
	fake id 'echo 0'
	fake getent 'echo libvirt-qemu:x:1:1'
	fake apt-get "case \"\$*\" in *update) touch '$BATS_TEST_TMPDIR/updated' ;;
		*install*) [ -e '$BATS_TEST_TMPDIR/updated' ] ;; esac"
	ok deps test
}

@test "deps: root gets the package that makes libvirt's user when there is none" {
	fake dpkg-query 'for p; do case $p in -* | libvirt-daemon-system) ;; *) echo "installed $p" ;; esac; done'
	fake id 'echo 0'
	fake getent 'exit 2'
	try deps --check run
	same "$out" "missing packages: libvirt-daemon-system"
}

fresh() {
	PATH="$BATS_TEST_TMPDIR/bin:$PATH" VMCTL_BUILD_CACHE=$BATS_TEST_TMPDIR/cache "$TOP/scripts/fresh" "$@"
}

@test "fresh: what it does not know, and a host that does not let it, leave nothing" {
	fails 2 fresh nosuch -- true
	has "$err" "scripts/fresh [bookworm|trixie] [--user] -- COMMAND..."
	fails 2 fresh bookworm
	fake id 'echo 1000'
	fails 1 fresh -- true
	has "$err" "sudo scripts/fresh"
	fake id 'echo 0'
	fake unshare 'echo "unshare: Operation not permitted" >&2; exit 1'
	fails 1 fresh -- true
	has "$err" "namespaces are refused here (unshare: Operation not permitted)"
	[ ! -e "$BATS_TEST_TMPDIR/cache" ]
}
