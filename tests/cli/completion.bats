#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Completion in the shells themselves.

load ../lib.sh

setup_file() {
	private_home
	vmctl key generate first
	vmctl key generate second
}

# in_bash WORD...: what bash would offer for these words, as it takes them apart.
in_bash() {
	bash -c '
		source <(vmctl completion bash)
		COMP_WORDS=("$@")
		COMP_CWORD=$(($# - 1))
		_vmctl vmctl
		printf "%s\n" "${COMPREPLY[@]}"
	' bash "$@"
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
	ok vmctl __complete -- show ''
	same "$out$err" ""
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
	vmctl key generate one
	row web1
	# Locked out of it, even for reading.
	mkfifo "$BATS_TEST_TMPDIR/sql"
	sqlite3 "$(database)" <"$BATS_TEST_TMPDIR/sql" >"$BATS_TEST_TMPDIR/locker" &
	exec 7>"$BATS_TEST_TMPDIR/sql"
	echo "PRAGMA journal_mode = delete; PRAGMA locking_mode = exclusive; BEGIN EXCLUSIVE; SELECT 'locked';" >&7
	wait_until 10 grep -q locked "$BATS_TEST_TMPDIR/locker"
	before=$(date +%s%N)
	ok vmctl __complete -- show ''
	same "$out$err" ""
	(($(date +%s%N) - before < 2000000000))
	exec 7>&-
	wait
	same "$(vmctl __complete -- show '' | cut -f 1)" web1
	head -c 5000 /dev/urandom >"$(database)"
	ok vmctl __complete -- show ''
	same "$out$err" ""
}

@test "completion: a home that cannot be read is silence" {
	VMCTL_HOME=/dev/null/nowhere ok vmctl __complete -- key show ''
	same "$out$err" ""
}

@test "bash: commands, options, values behind '=' and ':', files" {
	same "$(in_bash vmctl cre)" create
	same "$(in_bash vmctl create --acc)" --accel
	same "$(in_bash vmctl create --accel = k)" kvm
	same "$(in_bash vmctl create --accel =)" "$(printf 'auto\nkvm\ntcg')"
	same "$(in_bash vmctl -c qemu : ///sy)" ///system
	same "$(in_bash vmctl key show f)" first
	cd "$BATS_TEST_TMPDIR"
	mkdir files && cd files
	touch 'a disk.qcow2'
	same "$(in_bash vmctl create --user-data a)" 'a disk.qcow2'
}

@test "zsh: the script is accepted and bound" {
	requires zsh
	ok zsh -fc 'autoload -U compinit; compinit -D -u; source <(vmctl completion zsh); echo $_comps[vmctl]'
	same "$out" _vmctl
}

@test "fish: commands, options and values" {
	requires fish
	mkdir -p "$BATS_TEST_TMPDIR/fish/completions"
	vmctl completion fish >"$BATS_TEST_TMPDIR/fish/completions/vmctl.fish"
	in_fish() { XDG_CONFIG_HOME=$BATS_TEST_TMPDIR fish -c 'complete -C"$argv[1]"' "$1" | cut -f 1; }
	same "$(in_fish 'vmctl cre')" create
	same "$(in_fish 'vmctl create --accel=k')" --accel=kvm
	same "$(in_fish 'vmctl key show f')" first
}
