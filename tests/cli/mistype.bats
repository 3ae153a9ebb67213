#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# What is mistyped: each is refused with what was probably meant, or where to look.

load ../lib.sh

setup_file() {
	private_home
	vmctl key generate laptop
	row web1
	row database
	db "INSERT INTO image (name, digest, source_digest, description, os, arch, user, created_at)
		SELECT 'debian', digest, digest, '', '', 'x86_64', 'vm', 1 FROM image_file"
	vmctl label web1 role=web tier=gold
	vmctl config set types.big.memory 1G
}

# meant STATUS HINT WORDS...
meant() {
	local hint=$2
	refused "$1" vmctl "${@:3}"
	same "$(sed -n 2p "$BATS_TEST_TMPDIR/err")" "  $hint"
}

@test "a command, a verb, a noun" {
	meant 2 'did you mean vmctl create?' craete
	meant 2 'did you mean vmctl image list?' image lst
	meant 2 'did you mean vmctl image list?' imgae lst
	meant 2 'did you mean vmctl image? (vmctl --help lists the commands)' imgae
	meant 2 'vmctl --help lists the commands' xyzzy
	meant 2 'did you mean vmctl help create?' help creat
	meant 2 'did you mean vmctl help image? (vmctl help lists the commands and topics)' help imag
	meant 2 'vmctl help lists the commands and topics' help xyzzy
	meant 2 'did you mean vmctl completion fish? (vmctl completion bash|zsh|fish)' completion fihs
}

@test "an option and its value" {
	meant 2 'did you mean --memory? (vmctl create --help lists the options)' create --mem 1G
	meant 2 'did you mean --user-data? (vmctl create --help lists the options)' create --userdata=f
	meant 2 'vmctl create --help lists the options' create --xyzzy
	meant 2 'did you mean --accel kvm?' create --accel kmv
	meant 2 'did you mean --output json?' list -o jsno
	meant 2 'did you mean --transport agent?' exec --transport agnet web1 -- true
}

@test "an instance, also by several commands; a label" {
	meant 3 'did you mean web1? (vmctl list)' show wbe1
	meant 3 'did you mean database? (vmctl list)' stop data
	meant 3 'did you mean web1? (vmctl list)' exec web -- true
	meant 3 'vmctl list' start nothing-like-it
	meant 3 'did you mean role=web? (vmctl list --columns name,labels)' start -l rol=web
	meant 3 'did you mean role=web? (vmctl list --columns name,labels)' start -l role=wbe
	meant 3 'did you mean tier? (vmctl list --columns name,labels)' start -l teir
	meant 3 'vmctl list --columns name,labels' start -l xyzzy
}

@test "an image, one of the catalogue, a key, a type" {
	meant 3 'did you mean debian? (vmctl image list)' image show debain
	meant 3 'did you mean debian? (vmctl image list)' create --image deban
	meant 3 'did you mean laptop? (vmctl key list)' key show lpatop
	meant 3 'did you mean laptop? (vmctl key list)' key delete -y labtop
	meant 2 'did you mean t2.nano? (vmctl type list)' config set type t2.nanno
	refused 3 vmctl image pull debain
	has "$err" 'did you mean vmctl image pull debian:'
}

@test "a setting, also in the file, and its value" {
	meant 2 'did you mean color? (vmctl config list)' config get colour
	meant 2 'did you mean reserve.memory? (vmctl config list)' config set reserve.memroy 1G
	meant 2 'did you mean never?' config set color nevr
	local VMCTL_HOME=$BATS_TEST_TMPDIR
	echo '{ "colour": "never" }' >"$VMCTL_HOME/config.json"
	meant 2 'did you mean color? (vmctl config edit, or: vmctl config unset colour)' list
}

@test "a field of a list, to show, to sort and to filter by" {
	local option
	for option in --columns --sort --filter; do
		refused 2 vmctl key list $option nmae
		has "$err" "did you mean name? (--help lists the fields)"
		refused 2 vmctl key list $option xyzzy
		hasnt "$err" 'did you mean'
		has "$err" '  --help lists the fields'
	done
}
