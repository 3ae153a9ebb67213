#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# The demonstration: the guest's own words on stdout, and nothing left.

load ../lib.sh

setup_file() {
	private_home
}

demo() {
	VMCTL_DEMO_IMAGE=$VMT_IMAGE "$TOP/scripts/demo"
}

@test "demo: the guest's uname on stdout, the commands on stderr, nothing left" {
	ok demo
	same "$(wc -l <"$BATS_TEST_TMPDIR/out")" 1
	has "$out" "Linux demo-"
	for command in 'image import' create list exec delete; do
		has "$err" "\$ vmctl $command"
	done
	same "$(vmctl list -o name)" ""
	same "$(domains | grep -c demo || :)" 0
}

@test "demo: again, and two at once" {
	demo >"$BATS_TEST_TMPDIR/1" 2>"$BATS_TEST_TMPDIR/1e" &
	first=$!
	demo >"$BATS_TEST_TMPDIR/2" 2>"$BATS_TEST_TMPDIR/2e" &
	second=$!
	wait $first || { cat "$BATS_TEST_TMPDIR/1e" && false; }
	wait $second || { cat "$BATS_TEST_TMPDIR/2e" && false; }
	grep -q Linux "$BATS_TEST_TMPDIR/1"
	grep -q Linux "$BATS_TEST_TMPDIR/2"
}

@test "examples/nightly.sh: the output is there, the machine is gone; a failing command is a failure" {
	ok "$TOP/examples/nightly.sh" mini "$BATS_TEST_TMPDIR/night"
	same "$err" ""
	grep -q '^Linux ' "$BATS_TEST_TMPDIR/night"
	same "$(vmctl list -o name)" ""
	fails 3 "$TOP/examples/nightly.sh" nosuch "$BATS_TEST_TMPDIR/none"
	[ ! -e "$BATS_TEST_TMPDIR/none" ]
}

@test "demo: interrupted, it leaves nothing" {
	try timeout --foreground -s INT 4 env VMCTL_DEMO_IMAGE="$VMT_IMAGE" "$TOP/scripts/demo"
	same "$(vmctl list -o name)" ""
	same "$(ls "$VMCTL_HOME/instances" 2>/dev/null)" ""
}
