#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Completion in the shells themselves.

load ../lib.sh
load ../tab.sh

setup_file() {
	private_home
	vmctl key generate first
	vmctl key generate second
	row web1
	row web2 stopped
	row web3
	row db1
	vmctl label web1 web3 role=web
}

setup() {
	mkdir "$BATS_TEST_TMPDIR/work"
	cd "$BATS_TEST_TMPDIR/work" || return
}

teardown() {
	shell_close
}

# A database with an instance, which nobody else can even read.
lock_database() {
	vmctl key generate one
	row web9
	mkfifo "$BATS_TEST_TMPDIR/sql"
	sqlite3 "$(database)" <"$BATS_TEST_TMPDIR/sql" >"$BATS_TEST_TMPDIR/locker" 3>&- &
	locker=$!
	exec 7>"$BATS_TEST_TMPDIR/sql"
	echo "PRAGMA journal_mode = delete; PRAGMA locking_mode = exclusive; BEGIN EXCLUSIVE; SELECT 'locked';" >&7
	wait_until 10 grep -q locked "$BATS_TEST_TMPDIR/locker"
}

unlock_database() {
	exec 7>&-
	wait "$locker"
}

@test "completion: prints what is installed, and refuses other shells" {
	for shell in bash zsh fish; do
		ok vmctl completion $shell
		cmp "$BATS_TEST_TMPDIR/out" "$TOP/completions/vmctl.$shell"
	done
	refused 2 vmctl completion tcsh
	has "$err" bash
	refused 2 vmctl completion
}

@test "completion: names come from the database, without a hypervisor" {
	export VMCTL_CONNECT='qemu+unix:///session?socket=/nonexistent/libvirt-sock'
	ok vmctl __complete -- key show ''
	same "$(cut -f 1 <<<"$out")" "$(printf 'first\nsecond')"
	ok vmctl __complete -- create --key=s
	same "$(cut -f 1 <<<"$out")" --key=second
}

@test "completion: instances that the command is for, with their state and address" {
	local VMCTL_HOME=$BATS_TEST_TMPDIR/v
	vmctl key generate some
	row web1
	row web2 stopped
	row web3 paused
	row db1
	vmctl label db1 role=db
	values() { vmctl __complete -- "$@" | cut -f 1 | tr '\n' ' '; }
	same "$(vmctl __complete -- show web)" "$(printf 'web1\trunning, 127.0.0.1:20000\nweb2\tstopped\nweb3\tpaused')"
	same "$(values stop '')" "db1 web1 web3 "
	same "$(values ssh '')" "db1 web1 web3 "
	same "$(values exec web)" "web1 web3 "
	same "$(values start '')" "web2 web3 "
	same "$(values delete '')" "db1 web1 web2 web3 "
	# The state may be old: who types on is not kept from it.
	same "$(values start web1)" "web1 "
	same "$(values stop web2)" "web2 "
	# Each once.
	same "$(values delete web1 db1 '')" "web2 web3 "
	same "$(values ssh root@w)" "root@web1 root@web3 "
	same "$(values exec -l role '')" "db1 web1 web3 "
	same "$(values list -l role)" "role role=db "
}

@test "completion: without a database nothing is made, and nobody is waited for" {
	local VMCTL_HOME=$BATS_TEST_TMPDIR/none
	ok vmctl __complete -- show ''
	same "$out$err" ""
	[ ! -e "$VMCTL_HOME" ]
	mkdir "$VMCTL_HOME"
	ok vmctl __complete -- show ''
	same "$out$err$(ls -A "$VMCTL_HOME")" ""
	VMCTL_HOME=$BATS_TEST_TMPDIR/locked
	lock_database
	# Others wait half a minute for it.
	within 20 0 vmctl __complete -- show ''
	same "$out$err" ""
	unlock_database
	same "$(vmctl __complete -- show '' | cut -f 1)" web9
	head -c 5000 /dev/urandom >"$(database)"
	ok vmctl __complete -- show ''
	same "$out$err" ""
}

@test "completion: a home that cannot be read is silence" {
	VMCTL_HOME=/dev/null/nowhere ok vmctl __complete -- key show ''
	same "$out$err" ""
}

# What the three have in common, with the keys that move to a place in the line.
in_shell() { # SHELL
	shell_open "$1"
	touch 'a disk.qcow2' "it's \$HOME.yaml"
	mkdir 'my files'
	touch 'my files/x y'
	# Commands, verbs, options and their values.
	runs 'vmctl key gen\tx' '<key><generate><x>'
	runs 'vmctl create --acc\tk\t' '<create><--accel><kvm>'
	runs 'vmctl create --accel=k\t' '<create><--accel=kvm>'
	runs 'vmctl list --columns name,stat\t' '<list><--columns><name,state>'
	runs 'vmctl list --columns name,label.ro\t' '<list><--columns><name,label.role>'
	runs 'vmctl config set col\tnev\t' '<config><set><color><never>'
	# Instances, what colons and at signs are in, keys, labels.
	runs 'vmctl start w\t' '<start><web2>'
	runs 'vmctl ssh root@web3\t' '<ssh><root@web3>'
	runs 'vmctl -c qemu:///sy\tlist' '<-c><qemu:///system><list>'
	runs 'vmctl cp x db1\t/y' '<cp><x><db1:/y>'
	runs 'vmctl key show sec\t' '<key><show><second>'
	runs 'vmctl list -l role=we\t' '<list><-l><role=web>'
	runs 'vmctl list --selector=role=we\t' '<list><--selector=role=web>'
	# Files, and names that have to be quoted.
	runs 'vmctl create -u a\t' '<create><-u><a disk.qcow2>'
	runs 'vmctl create --user-data=a\t' '<create><--user-data=a disk.qcow2>'
	runs 'vmctl create -u it\t' "<create><-u><it's \$HOME.yaml>"
	runs 'vmctl create -u "it\t' "<create><-u><it's \$HOME.yaml>"
	runs "vmctl create -u 'a\\t" '<create><-u><a disk.qcow2>'
	runs 'vmctl create -u my\tx\t' '<create><-u><my files/x y>'
	runs 'vmctl cp my\\ files/x\t db1\t' '<cp><my files/x y><db1:>'
	runs 'vmctl list >my\\ files/x\t' '<list>'
	# What is behind the cursor stays.
	runs 'vmctl key show sec x\x02\x02\t' '<key><show><second><x>'
	# A guest's words are not ours, nor is what is no command.
	runs 'vmctl exec web1 -- key\t' '<exec><web1><--><key>'
	runs 'vmctl exec web1 -- --out\t' '<exec><web1><--><--out>'
	runs 'vmctl nonsense k\t' '<nonsense><k>'
}

# Nothing disturbs the line where the database is of no use.
in_shell_without_database() { # SHELL
	unset VMCTL_HOME
	HOME=$BATS_TEST_TMPDIR/home
	VMCTL_HOME=$BATS_TEST_TMPDIR/bad
	mkdir "$VMCTL_HOME"
	export HOME VMCTL_HOME
	shell_open "$1"
	runs 'vmctl show w\t' '<show><w>'
	head -c 5000 /dev/urandom >"$(database)"
	runs 'vmctl show w\t' '<show><w>'
	runs 'vmctl key gen\tx' '<key><generate><x>'
	rm "$(database)"
	lock_database
	runs 'vmctl show w\t' '<show><w>'
	unlock_database
	runs 'vmctl show w\t' '<show><web9>'
	hasnt "$(cat "$BATS_TEST_TMPDIR/screen")" 'vmctl:'
	# The program by a path that the shell expands, and by one from here.
	press "export HOME=$BATS_TEST_TMPDIR\\r"
	# shellcheck disable=SC2088 # typed
	runs '~/bin/vmctl key gen\tx' '<key><generate><x>'
	runs '../bin/vmctl key gen\tx' '<key><generate><x>'
	# And by one in a user's home directory, where no other is found.
	local home user
	user=$(id -un)
	home=$(getent passwd "$user" | cut -d : -f 6)
	press 'export PATH=/usr/bin:/bin\r'
	runs "~$user/$(realpath --relative-to="$home" "$BATS_TEST_TMPDIR")/bin/vmctl key gen\\tx" '<key><generate><x>'
}

@test "bash: lines are completed, whatever is in them" {
	in_shell bash
	runs 'vmctl create --accel = k\t' '<create><--accel><=><k>'
	runs 'FOO=1 vmctl key show f\t' '<key><show><first>'
	runs 'true; vmctl key show f\t' '<key><show><first>'
	touch 'no!thing'
	runs 'vmctl create -u "no\t' '<create><-u><no!thing>'
	runs 'v key show f\t' '<key><show><first>'
	lists 'vmctl show w\t\t\t' 'web1  (running, 127.0.0.1:20000)' 'web2  (stopped)'
	# Directories have one slash behind them, listed and in the line.
	mkdir -p c1/one c1/two 'c1/a b' "$HOME/cx1" "$HOME/cx2"
	touch c2
	lists 'vmctl create -u c\t\t' 'c1/ *c2'
	lists 'vmctl create -u c1/\t\t' 'a\\ b/ *one/ *two/'
	lists 'vmctl create -u "c1/\t\t' 'a b/ *one/ *two/'
	lists 'vmctl create --user-data=~/cx\t\t' 'cx1/ *cx2/'
	runs 'vmctl create -u c1/o\tx' '<create><-u><c1/one/x>'
	! shown '[a-z0-9]//' || false
	# Whatever is set for scripts.
	press 'IFS=$'"'\\\\n'"'; set -fu; shopt -s nullglob failglob\r'
	runs 'vmctl ssh root@web3\t' '<ssh><root@web3>'
	runs 'vmctl -c qemu:///sy\tlist' '<-c><qemu:///system><list>'
	hasnt "$(cat "$BATS_TEST_TMPDIR/screen")" 'invalid option'
}

@test "zsh: lines are completed, whatever is in them" {
	requires zsh
	in_shell zsh
	lists 'vmctl show w\t\t' 'web1  *-- running, 127.0.0.1:20000' 'web2  *-- stopped'
}

@test "fish: lines are completed, whatever is in them" {
	requires fish
	in_shell fish
	lists 'vmctl show w\t' 'web1  *(running, 127.0.0.1:20000)' 'web2  *(stopped)'
}

@test "bash: no database, one that is locked or damaged" {
	in_shell_without_database bash
}

@test "zsh: no database, one that is locked or damaged" {
	requires zsh
	in_shell_without_database zsh
}

@test "fish: no database, one that is locked or damaged" {
	requires fish
	in_shell_without_database fish
}
