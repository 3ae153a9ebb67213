#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# vmctl help: the manual of this build, with man and without.
# shellcheck disable=SC2030,SC2031 # a PATH of one test alone
load ../lib.sh
load ../terminal.sh

setup_file() {
	private_home
	# Where neither man nor a pager was installed.
	mkdir "$BATS_FILE_TMPDIR/bin"
	ln -s "$(command -v cat)" "$BATS_FILE_TMPDIR/bin"
	BARE=$BATS_FILE_TMPDIR/bin
	VMCTL=$(command -v vmctl)
	export BARE VMCTL
}

page_names() {
	find "$TOP/man" -name '*.in' -exec basename {} .in \;
}

# in_terminal COMMAND: what it writes to a terminal, and its status.
in_terminal() {
	terminal "$1" </dev/null
	same "$(cat "$BATS_TEST_TMPDIR/rc")" 0
	screen=$(tr -d '\r' <"$BATS_TEST_TMPDIR/screen")
}

@test "help has every page: of each command by its words, of each topic by its name" {
	requires mandoc
	vmctl __describe commands | awk -F '\t' '$2 == "command" { print $1 }' | while read -r command; do
		# shellcheck disable=SC2086 # a path of words
		ok vmctl help $command
		has "$out" "VMCTL-$(tr 'a-z ' 'A-Z-' <<<"$command")(1)"
		has "$out" "EXIT STATUS"
	done
	for page in $(page_names); do
		ok vmctl help "${page%.*}"
		name=${page%.*}
		has "$out" "${name^^}(${page##*.})"
	done
	for topic in vmctl config output tutorial; do
		ok vmctl help $topic
		has "$out" "DESCRIPTION"
		ok vmctl help
		has "$out" "  $topic  "
	done
}

@test "help is plain text unless a person reads it, and needs neither man nor settings" {
	requires mandoc
	ok env PATH="$BARE" "$VMCTL" help tutorial
	first=$out
	same "$err" ""
	has "$out" 'vmctl create web1 --image mini'
	! LC_ALL=C grep -q "[^[:print:][:blank:]]" "$BATS_TEST_TMPDIR/out" || return 1
	[ "$(awk 'length > 80' <<<"$out" | wc -l)" -le 5 ]
	echo '{' >"$VMCTL_HOME/config.json"
	ok vmctl help tutorial
	same "$out" "$first"
	rm "$VMCTL_HOME/config.json"
}

@test "on a terminal man shows the page of this build, and not another of its name" {
	mkdir "$BATS_TEST_TMPDIR/bin"
	# shellcheck disable=SC2016 # for that script
	printf '#!/bin/sh\necho "man: $*"\n' >"$BATS_TEST_TMPDIR/bin/man"
	chmod +x "$BATS_TEST_TMPDIR/bin/man"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH
	in_terminal 'vmctl help image import'
	same "$screen" "man: -l $(dirname "$VMCTL")/man/man1/vmctl-image-import.1"
	in_terminal 'vmctl help tutorial'
	same "$screen" "man: -l $(dirname "$VMCTL")/man/man7/vmctl-tutorial.7"
	in_terminal 'vmctl help tutorial | cat'
	hasnt "$screen" "man:"
	# One that cannot, as where the package was cut down, is no reason to show nothing.
	printf '#!/bin/sh\nexit 3\n' >"$BATS_TEST_TMPDIR/bin/man"
	PAGER='cat -u' in_terminal 'vmctl help tutorial'
	has "$screen" "first steps with vmctl"
}

@test "on a terminal without man the pager shows it, and without a pager it is written" {
	requires mandoc
	printf '#!/bin/sh\necho "less: $*"\n' >"$BATS_TEST_TMPDIR/less"
	chmod +x "$BATS_TEST_TMPDIR/less"
	in_terminal "PATH=$BARE $VMCTL help create"
	has "$screen" "EXIT STATUS"
	ln -s "$BATS_TEST_TMPDIR/less" "$BARE/less"
	in_terminal "PATH=$BARE $VMCTL help create"
	same "$screen" "less: $(dirname "$VMCTL")/help/vmctl-create.txt"
	PAGER='cat -A' in_terminal "PATH=$BARE $VMCTL help create"
	has "$screen" 'EXIT STATUS$'
	rm "$BARE/less"
}

@test "without any manual a command's help is what --help says, and a topic is not found" {
	mkdir "$BATS_TEST_TMPDIR/alone"
	cp -L "$(dirname "$VMCTL")"/vmctl "$(dirname "$VMCTL")"/libvmctl.so.? "$BATS_TEST_TMPDIR/alone"
	ok vmctl create --help
	first=$out
	ok "$BATS_TEST_TMPDIR/alone/vmctl" help create
	same "$out" "$first"
	fails 3 "$BATS_TEST_TMPDIR/alone/vmctl" help tutorial
	has "$err" "vmctl-tutorial(7)"
}

@test "help of a noun lists its verbs; what there is not is status 2 and suggests the nearest" {
	ok vmctl help image
	has "$out" "image import"
	refused 2 vmctl help tutoral
	has "$err" "vmctl help tutorial?"
	refused 2 vmctl help crate
	has "$err" "vmctl help create?"
	refused 2 vmctl help image imprt
	has "$err" "vmctl help image import?"
	refused 2 vmctl help create web1
	refused 2 vmctl help ../../../etc/passwd
	refused 2 vmctl help tutorial create
	has "$err" "tutorial create"
}

@test "help: topics and commands are completed" {
	for word in tutorial output config create image; do
		vmctl __complete -- help "" | grep -q "^$word"$'\t'
	done
	same "$(vmctl __complete -- help "" | cut -f 1 | sort | uniq -d)" ""
	vmctl __complete -- help image imp | grep -q '^import'
	same "$(vmctl __complete -- help image tut)" ""
}
