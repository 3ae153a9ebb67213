#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# What holds for every command: options, usage errors, exit statuses, formats.

load ../lib.sh

setup_file() {
	private_home
}

@test "version: a line on stdout, the same as --version" {
	ok vmctl version
	has "$out" "$(sed -n 's/^VERSION := //p' "$TOP/Makefile")"
	first=$out
	ok vmctl --version
	same "$out" "$first"
}

@test "without a command: help on stderr, and status 2" {
	try vmctl
	same "$status" 2
	same "$out" ""
	has "$err" create
	same "$(awk 'length > 80' <<<"$err")" ''
}

@test "help: every command has one, on stdout, with a usage line" {
	ok vmctl help
	has "$out" create
	vmctl __describe commands | awk -F '\t' '$2 == "command" { print $1 }' | while read -r command; do
		# shellcheck disable=SC2086 # a path of words
		ok vmctl $command --help
		has "$out" "vmctl $command"
	done
}

@test "an unknown command is status 2 and suggests the nearest" {
	refused 2 vmctl crate web1
	has "$err" create
}

@test "an unknown option is status 2 and suggests the nearest" {
	refused 2 vmctl list --colums name
	has "$err" columns
}

@test "a prefix of a command is not a command" {
	refused 2 vmctl creat
	refused 2 vmctl imag list
}

@test "missing and surplus arguments are status 2" {
	refused 2 vmctl show
	refused 2 vmctl key import
	refused 2 vmctl version surplus
	refused 2 vmctl completion bash zsh
}

@test "an option without its value, and a flag with one, are status 2" {
	refused 2 vmctl create web1 --image
	refused 2 vmctl list --quiet=yes
}

@test "an unknown -o format is status 2 and names the formats" {
	refused 2 vmctl list -o jsn
	has "$err" json
}

@test "an unknown column is status 2 and names the columns" {
	refused 2 vmctl key list --columns nmae
	has "$err" name
}

@test "--timeout takes durations only" {
	refused 2 vmctl list --timeout soon
	refused 2 vmctl list --timeout -1s
	refused 2 vmctl list --timeout 5parsecs
}

@test "control characters in arguments never reach the terminal" {
	refused 3 vmctl show "$(printf 'a\033[31mb')"
	refused 2 vmctl "$(printf 'li\033st\007')"
	refused 2 vmctl list "--$(printf '\033')]0;x"
	refused 2 vmctl create "$(printf 'x\ny')" --image mini
}

@test "with -o json an error is an object on stderr" {
	try vmctl show nobody -o json
	same "$status" 3
	same "$out" ""
	same "$(jq -r .error.code <<<"$err")" not-found
	jq -e '.error.message | length > 0' <<<"$err"
	jq -e '.error | has("hint")' <<<"$err"
	try vmctl show nobody -o json --nonsense
	same "$status" 2
	same "$(jq -r .error.code <<<"$err")" invalid
}

@test "lists of nothing: empty array in JSON, success" {
	for noun in key image; do
		ok vmctl $noun list -o json
		same "$(jq -c . <<<"$out")" '[]'
		ok vmctl $noun list -o ndjson
		same "$out" ""
		ok vmctl $noun list -o name
		same "$out" ""
	done
	ok vmctl list --cached -o json
	same "$(jq -c . <<<"$out")" '[]'
}

@test "--no-header leaves the headings out of table, csv and tsv" {
	for format in table csv tsv; do
		ok vmctl key list -o $format --no-header
		same "$out" ""
	done
}

@test "a closed reader of stdout is no failure" {
	# Closed for certain before anything is written.
	mkfifo "$BATS_TEST_TMPDIR/f"
	exec 8<>"$BATS_TEST_TMPDIR/f"
	exec 9>"$BATS_TEST_TMPDIR/f"
	exec 8>&-
	for command in help version 'key list' 'key list -o json'; do
		run -0 bash -c "vmctl $command >&9"
		same "$output" ""
	done
	exec 9>&-
}

@test "a full disk behind stdout is a failure" {
	[ -e /dev/full ] || skip "no /dev/full"
	try bash -c 'vmctl help >/dev/full'
	same "$status" 1
	[ -n "$err" ]
}

@test "reading commands leave no database behind where none was" {
	home=$BATS_TEST_TMPDIR/none
	VMCTL_HOME=$home ok vmctl version
	VMCTL_HOME=$home ok vmctl help
	[ ! -e "$home" ]
}

@test "state is private: folder 0700, database 0600" {
	home=$BATS_TEST_TMPDIR/new
	VMCTL_HOME=$home ok vmctl key generate k
	same "$(stat -c %a "$home")" 700
	same "$(stat -c %a "$home/vmctl.db")" 600
}

@test "a home directory that cannot be made is one clear line" {
	VMCTL_HOME=/proc/nowhere fails 1 vmctl key generate k
	has "$err" /proc/nowhere
}

@test "a damaged database is named, never overwritten" {
	home=$BATS_TEST_TMPDIR/damaged
	mkdir -m 700 "$home"
	head -c 20000 /dev/urandom >"$home/vmctl.db"
	before=$(sha256sum <"$home/vmctl.db")
	VMCTL_HOME=$home fails 1 vmctl key list
	has "$err" vmctl.db
	same "$(sha256sum <"$home/vmctl.db")" "$before"
}

@test "a database of a newer version is refused and left alone" {
	home=$BATS_TEST_TMPDIR/newer
	VMCTL_HOME=$home ok vmctl key generate k
	sqlite3 "$home/vmctl.db" 'PRAGMA user_version = 9999'
	VMCTL_HOME=$home fails 1 vmctl key list
	same "$(sqlite3 "$home/vmctl.db" 'PRAGMA user_version')" 9999
}

@test "--dry-run is refused where it would not be honoured, never ignored" {
	ok vmctl key generate dry
	fails 2 vmctl key delete dry --dry-run
	ok vmctl key show dry
}

@test "--filter, --sort and --print0 choose and order the rows of a list" {
	for key in ten10 two2 other; do
		[ -e "$BATS_FILE_TMPDIR/$key" ] || ssh-keygen -q -t ed25519 -N '' -f "$BATS_FILE_TMPDIR/$key"
		vmctl key list -o name | grep -qx "$key" || vmctl key import "$key" "$BATS_FILE_TMPDIR/$key.pub"
	done
	ok vmctl key list --filter 'name~^t and type=ssh-ed25519' --sort -name -o name
	same "$out" $'two2\nten10'
	ok vmctl --sort name key list --filter 'name~^t' --columns name -o csv --no-header
	same "$(tr -d '\r' <<<"$out")" $'ten10\ntwo2'
	same "$(vmctl key list --filter name=two2 --print0 | od -An -c | tr -d ' ')" 'two2\0'
	ok vmctl key list --filter name=nobody -o json
	same "$out" '[]'
	refused 2 vmctl key list --filter 'nmae=x'
	refused 2 vmctl key list --sort nmae
	# Not silently without effect.
	refused 2 vmctl key show two2 --sort name
	refused 2 vmctl --filter 'name=x' key show two2
}

# As a rule less is read of each instance than is known.
@test "a list shows the same, however much of its rows is read" {
	export VMCTL_HOME=$BATS_TEST_TMPDIR/home
	ok vmctl list --cached
	row web1
	row web2 stopped
	row db1 error
	db "UPDATE nic SET kind = 'network', source = 'nat', address = '192.0.2.7'
		WHERE instance = (SELECT id FROM instance WHERE name = 'db1');
		UPDATE instance SET created_at = 86400"
	for columns in '' --columns=id,name,state,type,memory,disk,image,address,ssh_port,stale; do
		# shellcheck disable=SC2086 # no column or some
		ok vmctl list --cached $columns
		shown=$out
		# shellcheck disable=SC2086
		ok vmctl list --cached $columns --sort name
		same "$shown" "$out"
		has "$shown" 192.0.2.7
		has "$shown" 127.0.0.1
	done
}
