#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# tests/run and tests/tap themselves, on a tree with tests that are made here.

load ../lib.sh

setup() {
	T=$BATS_TEST_TMPDIR/tree
	mkdir -p "$T"/{scripts,lib,cli,images,man,completions,examples,build,tests/lint,tests/e2e}
	cp "$TOP/run" "$T"
	cp "$TOP"/tests/{run,tap} "$T/tests"
	touch "$T"/{Makefile,README.md}
	printf '#!/bin/sh\n' >"$T/build/vmctl"
	chmod +x "$T/build/vmctl"
}

# guest NAME COMMAND: a file of kind e2e that succeeds if the command does. Its home is
# that of the run.
guest() {
	printf '@test "it is so" {\n%s\n}\n' "$2" >"$T/tests/e2e/$1.bats"
}

# lint NAME LINE...: a file of kind lint that says this.
lint() {
	local name=$1
	shift
	printf 'echo "%s"\n' "$@" >"$T/tests/lint/$name.sh"
}

# suite STATUS ARGUMENT...: that it ends so; the last lines in $out.
suite() {
	local wanted=$1
	shift
	# Not with the bats in the path that this one has put before it.
	try env PATH="${PATH//"$BATS_LIBEXEC:"/}" "$T/tests/run" "$@"
	same "$status" "$wanted"
}

# shellcheck disable=SC2016 # for the file's shell
once='[ -e "$HOME/$BATS_TEST_FILENAME" ] || { mkdir -p "$HOME/$BATS_TEST_FILENAME"; false; }'

@test "a file with guests that fails is a failure, and is run once" {
	guest good true
	guest once "$once"
	suite 1 e2e
	same "$(tail -n 1 <<<"$out")" "1 passed, 1 failed, 0 skipped"
	hasnt "$out" flaky
	has "$out" "--- e2e/once (status 1)"
}

@test "with RETRY_FLAKY=1 it is run once more; what succeeds then is named, and both logs are kept" {
	guest good true
	for name in once twice; do guest $name "$once"; done
	guest zz-last true
	# Of an earlier run.
	mkdir -p "$T/build/log/e2e"
	touch "$T/build/log/e2e/good.first"
	RETRY_FLAKY=1 suite 0 e2e
	same "$(tail -n 3 <<<"$out")" "flaky: e2e/once
flaky: e2e/twice
4 passed, 0 failed, 0 skipped"
	grep -q '^not ok 1 it is so' "$T/build/log/e2e/once.first"
	grep -q '^ok 1 it is so' "$T/build/log/e2e/once.tap"
	[ ! -e "$T/build/log/e2e/good.first" ]
}

@test "with RETRY_FLAKY=1 what fails twice is a failure, and so are three that fail once" {
	guest bad false
	for name in one two; do guest $name "$once"; done
	RETRY_FLAKY=1 suite 1 e2e
	same "$(tail -n 3 <<<"$out" | cut -c 1-15)" "flaky: e2e/one
flaky: e2e/two
2 passed, 1 fai"
	has "$out" $'\nfailed: e2e/bad\nnot ok 1 it is so\n# (in test file'
	grep -q '^not ok' "$T/build/log/e2e/bad.first"
	grep -q '^not ok' "$T/build/log/e2e/bad.tap"
	guest bad "$once"
	RETRY_FLAKY=1 suite 1 e2e
	same "$(grep -c '^flaky: e2e/' <<<"$out")" 3
	same "$(tail -n 1 <<<"$out")" "3 passed, 3 failed, 0 skipped"
}

@test "what has no guests is not run again" {
	echo "[ ! -e ran ] || echo again >&2; touch ran; echo not ok 1 - wrong; echo 1..1; exit 1" >"$T/tests/lint/bad.sh"
	RETRY_FLAKY=1 suite 1 lint
	same "$(tail -n 1 <<<"$out")" "0 passed, 1 failed, 0 skipped"
	hasnt "$out$err" again
	hasnt "$out" flaky
}

@test "every lint is run, whatever its name begins with" {
	for name in api text true; do lint $name "ok 1 - $name" 1..1; done
	suite 0 lint
	same "$(tail -n 1 <<<"$out")" "3 passed, 0 failed, 0 skipped"
}

@test "a kind can be run without one of its files" {
	for name in api text text2; do lint $name "ok 1 - $name" 1..1; done
	suite 0 lint -lint/text
	same "$(tail -n 1 <<<"$out")" "2 passed, 0 failed, 0 skipped"
	suite 2 lint -lint/api -lint/text -lint/text2
	has "$err" "no test file fits"
}

@test "a file that says nothing, breaks off, has no plan or a wrong one has failed, though its status is 0" {
	: >"$T/tests/lint/a.sh"
	lint b 1..2 "ok 1 - one"
	lint c "ok 1 - one"
	lint d "ok 1 - one" "ok 2 - two" 1..1
	suite 1 lint
	same "$(tail -n 1 <<<"$out")" "4 passed, 4 failed, 0 skipped"
}

@test "what was skipped is listed with its reason, before the counts" {
	lint some "ok 1 - one" "ok 2 - two # SKIP no C++ compiler" 1..2
	guest other 'skip "it is Monday"'
	suite 0 lint e2e
	same "$(tail -n 3 <<<"$out")" "skipped: e2e/other: it is so (it is Monday)
skipped: lint/some: two (no C++ compiler)
1 passed, 0 failed, 2 skipped"
}

@test "the logs are where the build is" {
	lint a "ok 1 - one" 1..1
	mv "$T/build" "$BATS_TEST_TMPDIR/elsewhere"
	B=$BATS_TEST_TMPDIR/elsewhere suite 0 lint
	same "$(cat "$BATS_TEST_TMPDIR/elsewhere/log/lint/a.tap")" $'ok 1 - one\n1..1'
	[ ! -e "$T/build" ]
	mv "$BATS_TEST_TMPDIR/elsewhere" "$T/there"
	B=there suite 0 lint
	[ -e "$T/there/log/lint/a.tap" ]
	[ ! -e "$T/build" ]
}

@test "an unknown kind and a name that fits nothing are wrong usage" {
	suite 2 nosuch
	suite 2 lint/nosuch
}

@test "one that is interrupted ends all that it has started, and starts no more" {
	guest one "touch '$T/began'; tail -f /dev/null"
	guest two "touch '$T/began'; tail -f /dev/null"
	env PATH="${PATH//"$BATS_LIBEXEC:"/}" "$T/tests/run" e2e >/dev/null 2>&1 3>&- &
	wait_until 60 test -e "$T/began"
	rm "$T/began"
	kill $!
	status=0
	wait $! || status=$?
	same "$status" 130
	run -1 pgrep -f "$T/tests/tap"
	[ ! -e "$T/began" ]
}
