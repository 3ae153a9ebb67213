#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# vmctl shell: from a script, and under a pseudo-terminal that script(1) gives.

load ../lib.sh

setup_file() {
	private_home
	ssh-keygen -q -t ed25519 -N '' -f "$BATS_FILE_TMPDIR/one"
	ssh-keygen -q -t ed25519 -N '' -f "$BATS_FILE_TMPDIR/two"
	vmctl key import one "$BATS_FILE_TMPDIR/one.pub"
	vmctl key import two "$BATS_FILE_TMPDIR/two.pub"
}

shell_of() { # LINES OPTIONS...
	local lines=$1
	shift
	printf '%s\n' "$lines" | vmctl shell "$@"
}

@test "commands of standard input run one after another" {
	ok shell_of $'key list -o name\n\n# nothing\nversion'
	same "$out" $'one\ntwo\n'"$(vmctl version)"
	same "$err" ''
}

@test "the first failure ends it, with its line and its status; -k goes on" {
	try shell_of $'key show nobody\nversion'
	same "$status" 3
	same "$out" ''
	has "$err" nobody
	has "$err" 'line 1'
	try shell_of $'key show nobody\nversion' -k
	same "$status" 3
	same "$out" "$(vmctl version)"
}

@test "a file of commands, and one that is not there" {
	printf 'key list -o name | head -n 1\n' >"$BATS_TEST_TMPDIR/file"
	ok vmctl shell "$BATS_TEST_TMPDIR/file" </dev/null
	same "$out" one
	fails 3 vmctl shell "$BATS_TEST_TMPDIR/none"
	printf 'version\nkey show nobody\n' >"$BATS_TEST_TMPDIR/file"
	try vmctl shell "$BATS_TEST_TMPDIR/file" </dev/null
	same "$status" 3
	has "$err" "line 2 of $BATS_TEST_TMPDIR/file"
}

@test "lines that end as on DOS, and a byte order mark before them" {
	cd "$BATS_TEST_TMPDIR"
	printf '\357\273\277key list -o name > names.txt\r\n\r\n# nothing\r\nkey list -o json | jq length\r\nversion >last' >file
	ok vmctl shell file
	same "$out" 2
	same "$(ls)" "$(printf '%s\n' err file last names.txt out)"
	same "$(cat names.txt)" $'one\ntwo'
	printf 'version > "x\r"\n' | vmctl shell
	[ -e $'x\r' ]
	printf 'version\n' | iconv -t UTF-16 >wide
	fails 2 vmctl shell wide
	has "$err" "wide is text in UTF-16, not in UTF-8"
}

@test "bars and redirections are the host's, and a command's failure counts" {
	ok shell_of 'key list -o name | tr a-z A-Z | sort -r'
	same "$out" $'TWO\nONE'
	ok shell_of "key list -o name > '$BATS_TEST_TMPDIR/a file'
key list -o name >> '$BATS_TEST_TMPDIR/a file'
!wc -l < '$BATS_TEST_TMPDIR/a file'"
	same "$out" 4
	try shell_of 'key show nobody | cat'
	same "$status" 3
	try shell_of 'key list | false'
	same "$status" 1
}

@test "a script's commands do not eat the script" {
	ok shell_of $'!cat\nkey import three -\nversion' -k || :
	has "$out" "$(vmctl version)"
}

@test "what is no line is told, and nothing runs" {
	fails 2 shell_of 'key list; key list' -q
	fails 2 shell_of "key show 'one" -q
	fails 2 shell_of '| cat' -q
	fails 2 shell_of 'shell' -q
	fails 3 shell_of 'use nobody' -q
	fails 2 shell_of 'nosuch' -q
}

@test "options of the shell hold for its commands; exit has a status" {
	ok shell_of 'key list' -o name
	same "$out" $'one\ntwo'
	try shell_of $'exit 7\nversion'
	same "$status" 7
	same "$out" ''
	try shell_of $'key list -o name\nexit'
	same "$status" 0
}

# --- at a terminal -------------------------------------------------------------

begin_typing() { # COMMAND
	rm -f "$BATS_TEST_TMPDIR"/{keys,screen}
	mkfifo "$BATS_TEST_TMPDIR/keys"
	TERM=xterm INPUTRC=/dev/null timeout 60 script -qec "trap : INT; stty rows 40 cols 100; $1; echo status=\$?" /dev/null \
		<"$BATS_TEST_TMPDIR/keys" >"$BATS_TEST_TMPDIR/screen" &
	session=$!
	exec 8>"$BATS_TEST_TMPDIR/keys"
}

shown() {
	grep -aqF -- "$1" "$BATS_TEST_TMPDIR/screen" || { cat -v "$BATS_TEST_TMPDIR/screen" && return 1; }
}

appears() {
	wait_until 20 shown "$1" >/dev/null || { cat -v "$BATS_TEST_TMPDIR/screen" && return 1; }
}

prompted() { # TIMES
	[ "$(grep -ac 'vmctl> ' "$BATS_TEST_TMPDIR/screen")" -ge "$1" ]
}

end_typing() {
	exec 8>&-
	wait $session || :
}

@test "at a terminal: completion with descriptions, ^C, the status of exit" {
	begin_typing 'vmctl shell'
	appears 'vmctl> '
	printf 'key sh\t' >&8
	appears 'key show '
	printf '\t\t' >&8
	appears 'one'
	printf 'x\003' >&8
	appears '^C'
	printf 'key \t\t' >&8
	appears 'forget ssh keys'
	printf '\025!tail -f /dev/null\n' >&8
	running() { pgrep -u "$(id -u)" -f '^tail -f /dev/null$'; }
	doesnt_run() { ! running; }
	wait_until 20 running
	printf '\003' >&8
	printf 'version\n' >&8
	appears "$(vmctl version)"
	wait_until 5 doesnt_run
	printf 'exit 5\n' >&8
	appears status=5
	end_typing
}

@test "the history is kept for its owner, without what is secret" {
	begin_typing 'vmctl shell'
	appears 'vmctl> '
	printf 'key list -o name\n' >&8
	appears one
	printf ' key list -o csv\n' >&8
	appears sha256
	printf '!echo password=1234\n' >&8
	# That is on the line as well; and what comes while another program has the
	# terminal is no end of ours.
	wait_until 20 prompted 4
	printf '\004' >&8
	appears status=0
	end_typing
	file=$VMCTL_HOME/history
	[ -e "$file" ] || file=$(find "$HOME" "$VMCTL_HOME" -name history -type f | head -n 1)
	same "$(tail -n 1 "$file")" 'key list -o name'
	hasnt "$(<"$file")" password
	hasnt "$(<"$file")" 'o csv'
	same "$(stat -c %a "$file")" 600
	begin_typing 'vmctl shell'
	appears 'vmctl> '
	printf '\033[A' >&8
	appears 'vmctl> key list -o name'
	printf ' --no-header\n' >&8
	appears two
	printf 'exit 0\n' >&8
	appears status=0
	end_typing
}
