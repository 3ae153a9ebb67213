#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# exec on many instances, which are only rows: tests/fakes/ssh.c runs what they are sent
# on this host, with the number of each in FAKE_NUMBER.
load ../lib.sh

setup_file() {
	private_home
	fake_guests 210
	vmctl list --cached >/dev/null
	local name
	for name in web1 web2 db1; do row "$name"; done
	row off stopped
	export FAKE_STOPPED
	FAKE_STOPPED=$(db "SELECT uuid FROM instance WHERE name = 'off'")
	vmctl label web1 web2 role=web
}

teardown_file() {
	fake_guests_end
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

# Without the lines of the table and of errors.
guests_err() {
	grep -v -e '^vmctl:' -e '^  ' -e '^NAME ' -e '^\(web1\|web2\|db1\|off\|nobody\)  *[0-9]' err
}

@test "exec NAME COMMAND and exec NAME... -- COMMAND" {
	same "$(vmctl exec web1 echo -n a --all)" "a --all"
	same "$(vmctl exec web1 -- echo a)" a
	same "$(vmctl exec -q web1 db1 -- echo a | sort)" "$(printf 'db1  | a\nweb1 | a')"
	same "$(vmctl exec -q web1 -j 1 db1 --prefix never -- echo a)" "$(printf 'a\na')"
	same "$(vmctl exec -q -l role=web -- echo a | sort)" "$(printf 'web1 | a\nweb2 | a')"
	# The first two dashes end the names, further ones are the command's.
	same "$(vmctl exec web1 -- echo -- a)" "-- a"
	# A name given twice is one instance.
	same "$(vmctl exec web1 web1 -- echo a)" a
	# So is one that is named by name and by id.
	local id
	id=$(field web1 id)
	same "$(vmctl exec web1 "$id" WEB1 -- echo a)" a
	same "$(vmctl exec "$id" web1 -- echo a)" a
	same "$(vmctl exec -q "$id" db1 web1 -- echo a | sort)" "$(printf 'db1  | a\nweb1 | a')"
	same "$(vmctl exec -q "$id" -l role=web -- echo a | sort)" "$(printf 'web1 | a\nweb2 | a')"
}

@test "a command line without names, or without a command, is refused" {
	refused 2 vmctl exec
	refused 2 vmctl exec web1
	has "$err" "vmctl exec [options] [NAME...] -- COMMAND..."
	refused 2 vmctl exec -- echo
	has "$err" "missing argument NAME"
	refused 2 vmctl exec -l role=web echo
	refused 2 vmctl exec --all web1 -- echo
	refused 2 vmctl exec -l 'role in web' -- echo
	refused 3 vmctl exec -l role=none -- echo
	refused 2 vmctl exec -t web1 db1 -- echo
	refused 2 vmctl exec -t --prefix always web1 -- echo
	refused 2 vmctl exec --prefix always --output-dir d web1 -- echo
	refused 2 vmctl exec -j 0 web1 db1 -- echo
	refused 2 vmctl exec -j 257 web1 db1 -- echo
	refused 2 vmctl exec --transport smoke web1 -- echo
	refused 3 vmctl exec nobody -- echo
	same "$(vmctl exec --help | sed -n 2p)" "       vmctl exec [options] NAME COMMAND..."
}

@test "output and error stay apart, each line with its name" {
	try vmctl exec web1 web2 -- sh -c 'echo out; echo err >&2'
	same "$status" 0
	same "$(sort out)" "$(printf 'web1 | out\nweb2 | out')"
	same "$(guests_err | sort)" "$(printf 'web1 | err\nweb2 | err')"
}

@test "lines are whole: partial, long and binary ones too" {
	# Two that write pieces of lines at the same time.
	vmctl exec -q web1 web2 -- sh -c 'for i in $(seq 300); do printf a; printf "b\n"; done; printf end' >out
	same "$(sort out | uniq -c | awk '{ print $1, $2, $4 }')" \
		"$(printf '300 web1 ab\n1 web1 end\n300 web2 ab\n1 web2 end')"
	# Longer than is kept: cut, and nothing is lost.
	vmctl exec -q web1 web2 -- sh -c 'head -c 200000 /dev/zero | tr "\0" x; echo' >out
	same "$(grep -c '^web1 | ' out)" 4
	same "$(grep '^web2 | ' out | sed 's/^web2 | //' | tr -d '\n' | wc -c)" 200000
	# A line that is just as long as what is kept is one line.
	vmctl exec -q web1 web2 -- sh -c 'head -c 65536 /dev/zero | tr "\0" x; echo' >out
	same "$(wc -l <out)" 2
	vmctl exec -q --prefix always web1 -- printf 'a\000\377\r\nb\033[1m\rc\n\n' >out
	printf 'web1 | a\000\377\r\nweb1 | b\033[1m\rc\nweb1 | \n' | cmp - out
}

@test "on a terminal names are coloured and control characters harmless" {
	requires script
	NO_COLOR='' TERM=xterm script -qec "vmctl exec -q web1 db1 -- printf 'x\033[2Jy\ra\n'" /dev/null >out </dev/null
	has "$(cat out)" $'\033[36mweb1 |\033[0m x?[2Jy\r\033[36mweb1 |\033[0m a'
	has "$(cat out)" $'\033[33mdb1  |\033[0m '
}

@test "the statuses come as a table on standard error, and the highest is ours" {
	try vmctl exec web1 web2 db1 -- sh -c 'exit $FAKE_NUMBER'
	same "$status" 2
	has "$err" "web2       1  exit"
	same "$out" ""
	try vmctl exec web1 web2 -- sh -c 'kill -9 $$'
	same "$status" 137
	try vmctl exec -q web1 web2 -- false
	same "$status$err" 1
	try vmctl exec --timeout 300ms web1 web2 -- sh -c 'test "$FAKE_NUMBER" = 0 || exec tail -f /dev/null'
	same "$status" 124
	has "$err" "web2: the command did not end in time"
	has "$err" "timeout"
}

@test "what cannot be entered stops nobody else, and counts as 6" {
	try vmctl exec nobody web1 off web2 -- echo a
	same "$status" 6
	same "$(sort out)" "$(printf 'web1   | a\nweb2   | a')"
	has "$err" "there is no instance 'nobody'"
	has "$err" "off is not running"
	has "$err" "not-found"
	try vmctl exec web1 off -- sh -c 'exit 7'
	same "$status" 7
	try vmctl exec nobody nothing -- echo a
	same "$status" 3
	try vmctl exec nobody off -- echo a
	same "$status" 6
	FAKE_SSH_REFUSE=1 try vmctl exec web1 web2 -- sh -c 'exit 9'
	same "$status" 255
	has "$err" "web2: another host key"
}

@test "the table comes in every format, as data with --output-dir" {
	try vmctl exec -o json web1 off -- true
	same "$status" 6
	same "$(grep '^ *[][{}"]' err | grep -v '"error"' | jq -c '[.[] | [.name, .status, .result]]')" \
		'[["web1",0,"exit"],["off",4,"state"]]'
	try vmctl exec --output-dir d -o json -q web1 db1 -- echo a
	same "$status$err" 0
	same "$(jq -c 'map(.status)' out)" "[0,0]"
}

@test "--output-dir has a file for each stream and a status at the end" {
	try vmctl exec --output-dir a/b web1 off nobody ../../evil -- sh -c 'printf "x\000"; echo e >&2; exit 3'
	same "$status" 6
	printf 'x\000' | cmp - a/b/web1.out
	same "$(cat a/b/web1.err)" e
	same "$(cat a/b/web1.status)" 3
	has "$(cat a/b/off.status)" "4 state off is not running"
	has "$(cat a/b/nobody.status)" "3 not-found"
	same "$(find . -name '*evil*')" ""
	# What an earlier run left says nothing of this one.
	ok vmctl exec --output-dir a/b web1 -- true
	same "$(cat a/b/web1.status; wc -c <a/b/web1.out)" "$(printf '0\n0')"
	fails 2 vmctl exec --output-dir out web1 -- true
	# A link is not written through.
	ln -s "$PWD/target" a/b/db1.out
	try vmctl exec --output-dir a/b web1 db1 -- echo x
	same "$status" 6
	[ ! -e target ]
}

@test "standard input: streamed to one, to several only with --stdin" {
	same "$(echo a | vmctl exec web1 -- cat)" a
	same "$(echo a | vmctl exec --prefix always web1 -- cat)" "web1 | a"
	printf 'a\nb\n' >in
	same "$(vmctl exec -q web1 web2 -- cat <in)" ""
	same "$(vmctl exec -qi web1 web2 -- cat <in | sort)" "$(printf 'web1 | a\nweb1 | b\nweb2 | a\nweb2 | b')"
	same "$(vmctl exec -q --stdin web1 web2 -- cat < <(cat in) | wc -l)" 4
	# What is lost is said, and a loop's list is not eaten.
	try vmctl exec web1 web2 -- cat < <(echo a)
	has "$err" "--stdin gives it to each"
	n=0
	while read -r _; do
		vmctl exec -q web1 web2 -- cat
		n=$((n + 1))
	done <in
	same "$n" 2
	same "$(vmctl exec -qi web1 web2 -- cat </dev/null)" ""
}

@test "variables and a folder are set in the guest, and argv stays what it is" {
	mkdir 'a b' ./-d
	same "$(vmctl exec -w "$PWD/a b" web1 -- pwd)" "$PWD/a b"
	same "$(HOME=$PWD vmctl exec web1 -w "$PWD" -- sh -c pwd)" "$PWD"
	same "$(vmctl exec -e A=1 -e "B=x ' \" \$HOME
y" -e C= web1 -- sh -c 'printf "<%s>" "$A" "$B" "$C"')" "<1><x ' \" \$HOME
y><>"
	# Names that mean something to a shell, and odd words.
	same "$(vmctl exec -e IFS=x -e UID=5 -e OPTIND=9 web1 -- printf '<%s>' a '' 'b c' $'d\ne' "f'g" -n)" \
		"$(printf '<%s>' a '' 'b c' $'d\ne' "f'g" -n)"
	vmctl exec -e A=$'\377' web1 -- printf '%s%s' $'\376' $'x\375' >out
	printf '\376x\375' | cmp - out
	same "$(vmctl exec -e A=$'\377' web1 -- sh -c 'printf %s "$A"' | od -An -tx1)" " ff"
	printf '#!/bin/sh\necho "$0"\n' >'-x=y'
	chmod +x ./-x=y
	same "$(PATH=$PWD:$PATH vmctl exec -e A=1 web1 -- -x=y)" "$PWD/-x=y"
	try vmctl exec -w /nonexistent web1 -- echo no
	same "$status$out" 126
	has "$err" "/nonexistent"
	try vmctl exec -w "$PWD/in" web1 -- echo no
	same "$status$out" 126
	try vmctl exec -w /tmp -e A=1 web1 -- nonexistent-command
	same "$status" 127
	try vmctl exec -w /tmp -e A=1 web1 -- /etc/passwd
	same "$status" 126
	try vmctl exec -w /tmp -e A=1 web1 -- sh -c 'kill -15 $$'
	same "$status" 143
	local bad
	for bad in A =1 1A=1 'A B=1' A-B=1 '' $'A\377=1'; do
		refused 2 vmctl exec -e "$bad" web1 -- true
		has "$err" "sets no variable"
	done
	refused 2 vmctl exec -w '' web1 -- true
}

@test "a command that is too long is refused with its length" {
	# A quote takes four bytes on the way. (Without a trace: tries show what they run.)
	head -c 40000 /dev/zero | tr '\0' "'" >quotes
	fails 2 sh -c 'exec vmctl exec --no-record web1 -- echo "$(cat quotes)"'
	has "$err" "too long"
	same "$(vmctl exec web1 -- printf %s "$(head -c 131000 /dev/zero | tr '\0' x)" | wc -c)" 131000
}

@test "a line for a shell, given as one word: how to run it" {
	local verb
	for verb in exec ssh; do
		try vmctl $verb web1 -- 'echo hi; exit 0'
		same "$status" 127
		has "$err" "vmctl $verb web1 -- sh -c 'echo hi; exit 0'"
		try vmctl -q $verb web1 -- 'echo hi; exit 0'
		same "$status" 127
		hasnt "$err" "sh -c"
		# Neither a program that is merely not there, nor a word among others.
		try vmctl $verb web1 -- no-such-program
		same "$status" 127
		hasnt "$err" "sh -c"
		try vmctl $verb web1 -- 'no such' program
		same "$status" 127
		hasnt "$err" "sh -c"
		same "$(vmctl $verb web1 -- sh -c 'echo hi; exit 0')" hi
	done
	# Once for several.
	try vmctl exec web1 web2 -- 'echo hi'
	same "$status" 127
	same "$(grep -c "vmctl exec NAME... -- sh -c 'echo hi'" <<<"$err")" 1
}

@test "a reader that goes away ends all of them" {
	set +o pipefail
	vmctl exec -q web1 web2 -- sh -c 'echo $$ >>pids; while :; do echo line; done' | head -n 1 >out
	same "${PIPESTATUS[0]}" 141
	same "$(wc -l <out)" 1
	wait_until 10 all_gone
}

all_gone() {
	local pid
	while read -r pid; do
		has_ended "$pid" || return
	done <pids
}

runs_in_two() {
	[ "$(wc -l <pids)" = 2 ]
}

@test "an interrupt, and the death of vmctl, end all of them" {
	local signal pid rc
	for signal in INT TERM KILL; do
		: >pids
		# What a shell puts in the background ignores interrupts.
		env --default-signal=INT vmctl exec -q web1 web2 -- \
			sh -c 'echo $$ >>pids; exec tail -f /dev/null' 3>&- &
		pid=$!
		wait_until 10 runs_in_two
		kill -s "$signal" "$pid"
		rc=0
		wait "$pid" || rc=$?
		same "$rc" $((128 + $(kill -l "$signal")))
		wait_until 10 all_gone
	done
}

@test "-j is how many run at a time; more at once than files may be open work" {
	local n many=200 files=128
	# A program with the sanitizers takes ten times as long to start.
	case $KIND in asan-*) many=40 files=40 ;; esac
	for n in $(seq $many); do row "many$n"; done
	vmctl label -l '!role' fleet=1 >/dev/null
	db "DELETE FROM label WHERE instance = (SELECT id FROM instance WHERE name = 'off')"
	vmctl exec -q -j 3 -l fleet -- sh -c 'mkdir "run$FAKE_NUMBER"; ls -d run* | wc -l; rmdir "run$FAKE_NUMBER"' >out
	same "$(wc -l <out)" $((many + 1))
	[ "$(sed 's/.*| //' out | sort -n | tail -n 1)" -le 3 ]
	(ulimit -Sn $files && vmctl exec -q -j $many -l fleet -- echo a >out)
	same "$(grep -c ' | a$' out)" $((many + 1))
	db "DELETE FROM instance WHERE name LIKE 'many%'"
}
