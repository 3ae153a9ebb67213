#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# cp, with an OpenSSH server on loopback in the place of a guest.

load ../lib.sh
load ../sshd.sh

setup_file() {
	requires sqlite3 jq /usr/sbin/sshd /usr/lib/openssh/sftp-server
	private_home
	vmctl key generate key
	sshd_begin
	sshd_instance t1 1
	sshd_instance t2 2
}

teardown_file() {
	sshd_end
}

setup() {
	R=$D/login T=$BATS_TEST_TMPDIR/t
	mkdir "$T"
	cd "$T" || return
	find "$R" -mindepth 1 -delete
}

# Nothing but what is named is there: no temporary file was left.
only() { # FOLDER NAME...
	local folder=$1
	shift
	same "$(ls -A "$folder")" "$(printf '%s\n' "$@" | sort)"
}

tree() { # a folder to copy
	mkdir -p "$1/sub/empty"
	echo one >"$1/one"
	: >"$1/nothing"
	head -c 300000 /dev/urandom >"$1/sub/large"
	ln -s ../one "$1/sub/link"
	ln -s /nowhere "$1/dangling"
}

@test "a file there and back: bytes are the same, nothing is said" {
	head -c 1234567 /dev/urandom >a
	ok vmctl cp a t1:b
	same "$out$err" ""
	cmp a "$R/b"
	ok vmctl cp t1:b c
	same "$out$err" ""
	cmp a c
	only . a c
	only "$R" b
}

@test "into a folder it keeps its name; into one by another name not" {
	echo x >a
	mkdir "$R/d" d
	ok vmctl cp a t1:d
	ok vmctl cp a t1:d/
	ok vmctl cp a t1:d/b
	only "$R/d" a b
	ok vmctl cp t1:d/b d
	ok vmctl cp t1:d/b .
	only d b
	only . a b d
	# The login directory.
	ok vmctl cp a t1:
	ok vmctl cp b t1:~
	ok vmctl cp a t1:~/c
	ok vmctl cp b "t1:$R/e"
	only "$R" a b c d e
}

@test "several sources need a folder" {
	echo 1 >a
	echo 2 >b
	fails 2 vmctl cp a b t1:c
	has "$err" "t1:c is no folder"
	only "$R"
	mkdir "$R/c"
	ok vmctl cp a b t1:c
	only "$R/c" a b
	ok vmctl cp t1:c/a t2:c/b "$BATS_TEST_TMPDIR"
	cmp a "$BATS_TEST_TMPDIR/a"
	cmp b "$BATS_TEST_TMPDIR/b"
	: >f
	fails 2 vmctl cp t1:c/a t1:c/b f
}

@test "a folder needs -r, and the other sources are copied" {
	tree d
	echo 1 >a
	fails 1 vmctl cp d t1:x
	has "$err" "d is a folder"
	has "$err" "-r"
	only "$R"
	mkdir "$R/x"
	try vmctl cp d a t1:x
	same "$status" 6
	has "$err" "d is a folder"
	only "$R/x" a
	fails 1 vmctl cp t1:x .
}

@test "-r: the name of the folder, of a new one, or its contents" {
	tree d
	ok vmctl cp -r d t1:new
	diff -r --no-dereference d "$R/new"
	same "$(readlink "$R/new/sub/link")" ../one
	same "$(readlink "$R/new/dangling")" /nowhere
	# Now it is there, and so it goes into it.
	ok vmctl cp -r d t1:new
	diff -r --no-dereference d "$R/new/d"
	ok vmctl cp -r d/ t1:new2/
	diff -r --no-dereference d "$R/new2"
	mkdir "$R/c"
	ok vmctl cp -r d/. t1:c
	diff -r --no-dereference d "$R/c"
	(cd d && ok vmctl cp -r . t1:c2)
	diff -r --no-dereference d "$R/c2"
	# And back, over what is there already.
	for _ in 1 2; do
		ok vmctl cp -r t1:c2 .
		diff -r --no-dereference d c2
		ok vmctl cp -r t1:c2/. c3
		diff -r --no-dereference d c3
	done
	find "$R" -mindepth 1 -delete
	cp -r d "$R/"
	mkdir home
	ok vmctl cp -r t1: home
	diff -r --no-dereference d home/d
}

@test "from an instance to another, and within one" {
	tree d
	cp -r d "$R/"
	ok vmctl cp -r t1:d t2:e
	diff -r --no-dereference d "$R/e"
	ok vmctl cp t1:d/sub/large t1:l
	cmp d/sub/large "$R/l"
	fails 2 vmctl cp t1:l t1:l
	fails 2 vmctl cp t1:l t1:
	fails 2 vmctl cp t1:d/../l t1:l
	fails 2 vmctl cp -r t1:d t1:d
	fails 2 vmctl cp -r t1:d t1:d/sub/new
	fails 2 vmctl cp -r t1: t1:d
	ln -s d "$R/by"
	fails 2 vmctl cp -r t1:d t1:by/sub
	cmp d/sub/large "$R/l"
	diff -r --no-dereference d "$R/d"
}

@test "odd names arrive as they are, in both directions" {
	mkdir d
	for name in $'new\nline' -dash -- 'a:b' '*' '?[x]' ' ' ' lead' '~' '$(id)' '`id`' "'q\"" $'\xff\xfe' \
		$'\033]0;x\a' .hidden '\back' "$(printf 'n%.0s' {1..255})"; do
		echo "$name" >"d/$name"
	done
	ok vmctl cp -r d t1:e
	diff -r d "$R/e"
	ok vmctl cp -r t1:e .
	diff -r d e
	cd d
	ok vmctl cp -- -dash ./a:b '*' $'\xff\xfe' $'new\nline' "$(printf 'n%.0s' {1..255})" t1:
	for name in -dash a:b '*' $'\xff\xfe' $'new\nline'; do
		cmp "./$name" "$R/$name"
		ok vmctl cp "t1:$name" "$BATS_TEST_TMPDIR/back"
		cmp "./$name" "$BATS_TEST_TMPDIR/back"
	done
	# No pattern.
	fails 3 vmctl cp 't1:n*' ../x
	fails 3 vmctl cp 't1:none*' ../x
	ok vmctl cp 't1:e/~' ../tilde
	# What is said of such a name moves no cursor.
	fails 3 vmctl cp $'t1:\033]0;x\a' ../x
	try vmctl cp -rv . t1:f
	same "$(LC_ALL=C grep -c $'\033' "$BATS_TEST_TMPDIR/err")" 0
}

@test "names that cannot be meant say what they could mean" {
	echo x >a:b
	fails 3 vmctl cp a:b t1:
	has "$err" "no instance"
	has "$err" "./a:b"
	ok vmctl cp ./a:b t1:
	only "$R" a:b
	fails 2 vmctl cp ./a:b x
	has "$err" "neither"
	fails 2 vmctl cp :x t1:
	fails 2 vmctl cp @t1:x y
	fails 2 vmctl cp t1:x
	fails 2 vmctl cp
	fails 2 vmctl cp '' t1:
	fails 3 vmctl cp none t1:
	has "$err" "no file none"
	fails 3 vmctl cp t1:none .
	has "$err" "no file t1:none"
	fails 3 vmctl cp a:b/ t1:
	fails 1 vmctl cp ./a:b/ t1:
}

@test "a folder that is not there is named, with how to make it" {
	echo x >a
	fails 3 vmctl cp a 't1:no such/dir/b'
	has "$err" "vmctl exec t1 -- mkdir -p -- 'no such/dir'"
	fails 3 vmctl cp a t1:nodir/
	has "$err" "mkdir -p -- nodir"
	echo y >"$R/y"
	fails 3 vmctl cp t1:y nodir/b
	has "$err" "mkdir -p -- nodir"
	fails 4 vmctl cp a t1:y/b
	only "$R" y
	only . a
}

@test "modes and times: the umask's, with -p the source's, of what is replaced" {
	umask 022
	echo x >a
	chmod 4751 a
	touch -d '2001-02-03 04:05:06' a
	ok vmctl cp a t1:n
	same "$(stat -c %a "$R/n")" 751
	[ "$(stat -c %Y "$R/n")" != "$(stat -c %Y a)" ]
	ok vmctl cp -p a t1:p
	same "$(stat -c '%a %Y' "$R/p")" "4751 $(stat -c %Y a)"
	ok vmctl cp -p t1:p back
	# Never such a bit from a guest.
	same "$(stat -c '%a %Y' back)" "751 $(stat -c %Y a)"
	# What is replaced hands its mode on.
	chmod 600 "$R/n" back
	ok vmctl cp a t1:n
	same "$(stat -c %a "$R/n")" 600
	ok vmctl cp t1:p back
	same "$(stat -c %a back)" 600
	mkdir -m 750 d
	echo x >d/x
	chmod 444 d/x
	touch -d '2001-02-03 04:05:06' d/x d
	chmod 550 d
	ok vmctl cp -rp d t1:d
	same "$(stat -c '%a %Y' "$R/d" "$R/d/x")" "$(stat -c '%a %Y' d d/x)"
	ok vmctl cp -rp t1:d e
	same "$(stat -c '%a %Y' e e/x)" "$(stat -c '%a %Y' d d/x)"
	chmod 750 d e "$R/d"
}

@test "what is in the way of another kind stays" {
	tree d
	mkdir "$R/one" "$R/x"
	echo keep >"$R/sub"
	try vmctl cp -r d/. t1:
	same "$status" 6
	has "$err" "one"
	has "$err" "sub"
	same "$(cat "$R/sub")" keep
	[ -d "$R/one" ]
	[ -e "$R/nothing" ]
	echo f >f
	fails 4 vmctl cp -r d t1:sub
	mkdir "$R/x/f"
	fails 4 vmctl cp f t1:x
	same "$(cat "$R/sub")" keep
}

@test "links: the one that is named is followed, in the target none" {
	echo secret >secret
	echo new >f
	mkdir d
	echo new >d/f
	ln -s "$T/secret" "$R/l"
	# As a target that is named, like cp.
	ok vmctl cp f t1:l
	same "$(cat secret)" new
	[ -L "$R/l" ]
	echo secret >secret
	# One that is met is replaced.
	mkdir "$R/d"
	ln -s "$T/secret" "$R/d/f"
	ok vmctl cp -r d/. t1:d
	same "$(cat secret)" secret
	[ ! -L "$R/d/f" ]
	# And one in the place of a folder is not entered.
	mkdir -p e/sub out "$R/g"
	echo x >e/sub/x
	ln -s "$T/out" "$R/g/sub"
	try vmctl cp -r e/. t1:g
	same "$status" 6
	only out
	mkdir g
	cp -r e "$R/e"
	ln -s "$T/out" g/sub
	try vmctl cp -r t1:e/. g
	same "$status" 6
	only out
	# A source that is named.
	ln -s f "$R/d/lf"
	ok vmctl cp t1:d/lf got
	same "$(cat got)" new
	[ ! -L got ]
	ln -s "$R/e" "$R/le"
	ok vmctl cp -r t1:le .
	[ -d le ] && [ ! -L le ]
}

@test "in a directory that may not be written a file that may be is written in place" {
	local to shut file inode
	[ "$(id -u)" != 0 ] || skip "root may write everywhere"
	mkdir d
	head -c 100 /dev/urandom >d/small
	head -c 300000 /dev/urandom >d/large
	for to in "$T/shut" "t1:shut"; do
		shut=$T/shut
		[ "$to" = "$shut" ] || shut=$R/shut
		mkdir "$shut"
		for file in small large; do
			head -c 400000 /dev/zero >"$shut/$file"
			chmod 640 "$shut/$file"
		done
		inode=$(stat -c %i "$shut/small")
		chmod 555 "$shut"
		if [ "$to" = "$shut" ]; then
			cp -r d "$R/"
			ok vmctl cp t1:d/small "$to/small"
			ok vmctl cp -r t1:d/. "$to/"
		else
			ok vmctl cp d/small "$to/small"
			ok vmctl cp -r d/. "$to/"
		fi
		cmp d/small "$shut/small"
		cmp d/large "$shut/large"
		same "$(stat -c '%i %a' "$shut/small")" "$inode 640"
		if [ "$to" != "$shut" ]; then
			# A stream that is shorter than what is there, too.
			ok vmctl cp - "$to/large" < <(echo short)
			same "$(cat "$shut/large")" short
		fi
		only "$shut" large small
		# What may not be written, and what is not there.
		chmod 444 "$shut/small"
		if [ "$to" = "$shut" ]; then
			fails 1 vmctl cp t1:d/small "$to/small"
			fails 1 vmctl cp t1:d/small "$to/new"
		else
			fails 1 vmctl cp d/small "$to/small"
			fails 1 vmctl cp d/small "$to/new"
		fi
		has "$err" "ermission denied"
		chmod 755 "$shut"
	done
}

@test "a file that something is mounted on is written in place" {
	unshare -rm true 2>/dev/null || skip "needs namespaces or root"
	mkdir "$R/d" below to
	head -c 100 /dev/urandom >"$R/d/small"
	head -c 300000 /dev/urandom >"$R/d/large"
	for file in small large; do
		head -c 400000 /dev/zero >"below/$file"
		chmod 640 "below/$file"
		touch "to/$file"
	done
	# shellcheck disable=SC2016 # the inner shell's
	ok env R="$R" unshare -rm bash -c '
		for file in small large; do
			mount --bind "below/$file" "to/$file" || exit 99
			vmctl cp -p "t1:d/$file" "to/$file" || exit 1
			cmp "to/$file" "$R/d/$file" || exit 2
			[ ! "to/$file" -nt "$R/d/$file" ] || exit 3
		done
		echo new >"$R/d/small"
		vmctl cp -r t1:d/. to/'
	same "$(cat below/small)" new
	cmp below/large "$R/d/large"
	same "$(stat -c %a below/small below/large)" $'640\n640'
	only to large small
}

@test "what is neither file, folder nor link is left out, and told" {
	mkdir d "$R/d"
	mkfifo d/fifo "$R/d/fifo"
	echo x >d/x
	echo x >"$R/d/x"
	try timeout 60 vmctl cp -r d t1:e
	same "$status" 6
	has "$err" fifo
	only "$R/e" x
	try timeout 60 vmctl cp -r t1:d e
	same "$status" 6
	only e x
	fails 1 timeout 60 vmctl cp t1:d/fifo f
	fails 1 timeout 60 vmctl cp d/fifo t1:f
	ok vmctl cp d/x t1:/dev/null
	ok vmctl cp t1:d/x /dev/null
	[ -c /dev/null ]
}

@test "permission denied stops one file and not the rest" {
	[ "$(id -u)" != 0 ] || skip "root is denied nothing"
	tree d
	chmod 0 d/one
	try vmctl cp -r d t1:e
	same "$status" 6
	has "$err" "one"
	has "$err" "ermission denied"
	cmp d/sub/large "$R/e/sub/large"
	chmod 644 d/one
	chmod 0 "$R/e/sub"
	try vmctl cp -r t1:e f
	same "$status" 6
	[ -e f/nothing ]
	chmod 700 "$R/e/sub"
	mkdir "$R/ro"
	chmod 500 "$R/ro"
	fails 1 vmctl cp d/one t1:ro
	has "$err" "ermission denied"
	chmod 700 "$R/ro"
}

@test "- is standard input and output, byte for byte" {
	head -c 3000000 /dev/urandom >a
	vmctl cp - t1:b <a
	cmp a "$R/b"
	head -c 3000000 /dev/urandom >a
	# No regular file, in pieces.
	cp a a2
	(head -c 1000 a && tail -c +1001 a2) | vmctl cp - t1:b
	cmp a "$R/b"
	vmctl cp t1:b - >c
	cmp a c
	vmctl cp t1:b - | cmp - a
	ok vmctl cp - t1:e </dev/null
	[ -e "$R/e" ] && [ ! -s "$R/e" ]
	try bash -o pipefail -c 'vmctl cp t1:b - | head -c 10 >/dev/null'
	same "$status" 1
	mkdir "$R/d"
	fails 2 vmctl cp - t1:d <a
	has "$err" "no name"
	fails 2 vmctl cp - t1:d/ <a
	fails 2 vmctl cp - a t1:d </dev/null
	fails 1 vmctl cp t1:d - </dev/null
	fails 1 vmctl cp -r t1:d - </dev/null
	fails 2 vmctl cp - - <a
	fails 1 bash -c 'vmctl cp t1:b - >&-'
	fails 1 bash -c 'vmctl cp - t1:x <&-'
	only "$R" b d e
}

@test "a sparse file stays sparse both ways" {
	truncate -s 64M s
	printf x | dd of=s bs=1 seek=20000000 conv=notrunc status=none
	printf y | dd of=s bs=1 seek=40000000 conv=notrunc status=none
	ok vmctl cp s t1:s
	cmp s "$R/s"
	[ "$(stat -c %b "$R/s")" -lt 2000 ]
	ok vmctl cp t1:s s2
	cmp s s2
	[ "$(stat -c %b s2)" -lt 2000 ]
	ok vmctl cp t1:s t2:s3
	cmp s "$R/s3"
	[ "$(stat -c %b "$R/s3")" -lt 2000 ]
	vmctl cp t1:s - | cmp - s
	ok vmctl cp t1:s - >/dev/null
	# Zeros that were written are kept on this side.
	head -c 5M /dev/zero >z
	ok vmctl cp z t1:z
	[ "$(stat -c %b "$R/z")" -ge 5000 ]
}

@test "a file that has no size is read to its end" {
	ok vmctl cp t1:/proc/self/status p
	grep -q '^Pid:' p
	ok vmctl cp t1:/proc/version v
	cmp v /proc/version
	ok vmctl cp /proc/version t1:v
	cmp "$R/v" /proc/version
	vmctl cp t1:/proc/version - | cmp - /proc/version
}

@test "-v names the files, nothing else is said; completion knows instances" {
	tree d
	ok vmctl cp -rv d t1:e
	has "$err" d/sub/large
	same "$out" ""
	ok vmctl cp -rq d t1:e
	same "$err" ""
	ok vmctl __complete -- cp t
	has "$out" t1:
	ok vmctl __complete -- cp a t1:
	hasnt "$out" :files
}

@test "what a killed copy left is gone on with" {
	head -c 40M /dev/urandom >big
	left() { find "$R" -name '.big.vmctl-*.part' -size +8M | grep -q .; }
	for _ in 1 2 3 4 5; do
		command vmctl cp big t1:big &
		copying=$!
		while ! left && kill -0 $copying 2>/dev/null; do :; done
		kill -9 $copying 2>/dev/null || :
		wait $copying || :
		[ -e "$R/big" ] || break
		rm "$R/big"
	done
	[ ! -e "$R/big" ]
	left
	ok vmctl cp --resume big t1:big
	cmp big "$R/big"
	only "$R" big
}

@test "what is left here is gone on with, unless it has a second name" {
	head -c 40M /dev/urandom >"$R/big"
	left() { find . -name '.big.vmctl-*.part' -size +8M; }
	for _ in 1 2 3 4 5; do
		command vmctl cp t1:big big &
		copying=$!
		while [ -z "$(left)" ] && kill -0 $copying 2>/dev/null; do :; done
		kill -9 $copying 2>/dev/null || :
		wait $copying || :
		[ -e big ] || break
		rm big
	done
	[ ! -e big ]
	temp=$(left)
	[ -n "$temp" ]
	# Whoever may write in this folder can give it the name beforehand.
	ln "$temp" mine
	cp mine saved
	fails 1 vmctl cp --resume t1:big big
	has "$err" 'was not left by a copy of ours'
	cmp mine saved
	rm mine
	ok vmctl cp --resume t1:big big
	cmp big "$R/big"
	only . big saved
}
