#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Completion of what is in a guest, over a connection that is kept: tests/sshd.sh is the
# guest.

load ../lib.sh
load ../sshd.sh
load ../tab.sh

setup_file() {
	private_home
	vmctl key generate key
	sshd_begin
	sshd_instance loop 1
	export FAR=$BATS_FILE_TMPDIR/far
	mkdir -p "$FAR/my dir"
	touch "$FAR/my dir/x y" "$FAR/.hidden" "$FAR/a:b=c@d" "$FAR/\$(touch pwned)'q\"" "$FAR/"$'new\nline' \
		"$FAR/"$'esc\033'
}

teardown_file() {
	sshd_end
}

setup() {
	mkdir "$BATS_TEST_TMPDIR/work"
	cd "$BATS_TEST_TMPDIR/work" || return
}

teardown() {
	shell_close
	rm -f "${FROM_HOME:-}"
}

keep() {
	vmctl exec --transport ssh loop -- true
}

# completes WANTED WORD...: it does, in time. What a guest does not say within 300 ms is
# left out, and this machine may be busy.
completes() {
	wait_until 20 gives "$@"
}

gives() { # the lines in any order
	ok vmctl __complete -- "${@:2}" && same "$(sort <<<"$out")" "$(sort <<<"$1")"
}

@test "cp NAME:PATH: nothing without a connection that is kept, and none is made" {
	local before
	before=$(grep -c Accepted "$D/log" || :)
	ok vmctl __complete -- cp "loop:$FAR/"
	same "$out$err" ""
	same "$(grep -c Accepted "$D/log" || :)" "$before"
	keep
	completes "loop:$FAR/my dir/" cp "loop:$FAR/m"
	same "$(grep -c Accepted "$D/log")" $((before + 1))
}

@test "cp NAME:PATH: what begins so, hidden files when asked for, and no name that would garble the line" {
	keep
	completes "$(printf '%s\n' "loop:$FAR/\$(touch pwned)'q\"" "loop:$FAR/a:b=c@d" "loop:$FAR/my dir/")" \
		cp "loop:$FAR/"
	completes "$(id -un)@loop:$FAR/.hidden" cp x "$(id -un)@loop:$FAR/.h"
	# Where a session begins, which is not in these tests' own home directory if they
	# have no user of their own.
	FROM_HOME=$(mktemp "$(getent passwd "$(id -u)" | cut -d : -f 6)/from-home.XXXXXX")
	local name=${FROM_HOME##*/}
	completes "loop:$name" cp "loop:${name%?}"
	completes "loop:~/$name" cp "loop:~/${name%?}"
	ok vmctl __complete -- cp loop:/nonexistent/
	same "$out$err" ""
	ok vmctl __complete -- cp nobody:/
	same "$out$err" ""
}

# The same for what is typed.
soon_runs() {
	runs "$@" || runs "$@" || runs "$@"
}

in_shell() { # SHELL
	keep
	shell_open "$1"
	soon_runs "vmctl cp loop:$FAR/my\\tx\\t ." "<cp><loop:$FAR/my dir/x y><.>"
	soon_runs "vmctl cp \"loop:$FAR/my dir/\\t ." "<cp><loop:$FAR/my dir/x y><.>"
	soon_runs "vmctl cp 'loop:$FAR/my dir/\\t ." "<cp><loop:$FAR/my dir/x y><.>"
	soon_runs "vmctl cp loop:$FAR/a\\t ." "<cp><loop:$FAR/a:b=c@d><.>"
	soon_runs "vmctl cp loop:$FAR/a:b\\t ." "<cp><loop:$FAR/a:b=c@d><.>"
	soon_runs "vmctl cp x $(id -un)@loop:$FAR/my\\t" "<cp><x><$(id -un)@loop:$FAR/my dir/>"
	# What a guest calls its files is run by nobody.
	soon_runs "vmctl cp 'loop:$FAR/\$\\t ." "<cp><loop:$FAR/\$(touch pwned)'q\"><.>"
	soon_runs "vmctl cp loop:$FAR/\\\\\$\\t ." "<cp><loop:$FAR/\$(touch pwned)'q\"><.>"
	[ ! -e pwned ]
}

@test "bash: names in a guest" {
	in_shell bash
	soon_runs "vmctl cp \"loop:$FAR/my\\tx\\t ." "<cp><loop:$FAR/my dir/x y><.>"
}

@test "zsh: names in a guest" {
	requires zsh
	in_shell zsh
}

@test "fish: names in a guest" {
	requires fish
	in_shell fish
}

holders() {
	local dir
	for dir in /proc/[0-9]*; do
		[ ! -O "$dir" ] || [ "$(cat "$dir/comm" 2>/dev/null)" != vmctl-hold ] || echo "${dir#/proc/}"
	done
}

@test "cp NAME:PATH: a guest that does not answer is given up, and its connection stays" {
	keep
	local pid before
	pid=$(holders)
	[ -n "$pid" ]
	# shellcheck disable=SC2086 # there may be several
	kill -STOP $pid
	before=$(date +%s%N)
	ok vmctl __complete -- cp "loop:$FAR/m"
	before=$((($(date +%s%N) - before) / 1000000))
	# shellcheck disable=SC2086
	kill -CONT $pid
	same "$out$err" ""
	((before >= 300 && before < 10000))
	completes "loop:$FAR/my dir/" cp "loop:$FAR/m"
	# shellcheck disable=SC2086
	kill -0 $pid
}
