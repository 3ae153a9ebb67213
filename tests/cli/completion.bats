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
