#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Settings: where they come from, how they are changed, what a bad file does.

# shellcheck disable=SC2030,SC2031 # a folder of one test alone
load ../lib.sh

setup_file() {
	private_home
	qemu-img create -q -f qcow2 "$BATS_FILE_TMPDIR/one.qcow2" 64M
	qemu-io -f qcow2 -c 'write -P 0x5a 0 1M' "$BATS_FILE_TMPDIR/one.qcow2" >/dev/null
	vmctl image import --name one "$BATS_FILE_TMPDIR/one.qcow2"
	qemu-io -f qcow2 -c 'write -P 0x5b 0 1M' "$BATS_FILE_TMPDIR/one.qcow2" >/dev/null
	vmctl image import --name two "$BATS_FILE_TMPDIR/one.qcow2"
	vmctl key generate first
	vmctl key generate second
}

setup() {
	C=$VMCTL_HOME/config.json
	rm -f "$C"
	unset VISUAL EDITOR
	# For what is only described: no hypervisor is asked which networks it has.
	user='{ "network": "user" }'
}

# An editor that runs BODY with the file as $1.
editor() { # BODY
	printf '#!/bin/sh\n%s\n' "$1" >"$BATS_TEST_TMPDIR/ed"
	chmod +x "$BATS_TEST_TMPDIR/ed"
	EDITOR=$BATS_TEST_TMPDIR/ed
	export EDITOR
}

@test "config path: the file, whether it is there or not" {
	ok vmctl config path
	same "$out" "$C"
	[ ! -e "$C" ]
}

@test "config: a byte order mark before the settings does no harm, UTF-16 is named" {
	printf '\357\273\277{ "image": "two" }' >"$C"
	ok vmctl config get image
	same "$out" two
	ok vmctl config set output json
	same "$(jq -c . "$C")" '{"image":"two","output":"json"}'
	printf '{ "image": "two" }' | iconv -t UTF-16 >"$C"
	refused 2 vmctl config get image
	has "$err" "$C is text in UTF-16, not in UTF-8"
}

@test "config: the file is in XDG_CONFIG_HOME, and below HOME without it" {
	unset VMCTL_HOME
	HOME=$BATS_TEST_TMPDIR ok vmctl config path
	same "$out" "$BATS_TEST_TMPDIR/.config/vmctl/config.json"
	XDG_CONFIG_HOME=$BATS_TEST_TMPDIR/x ok vmctl config set image one
	same "$out" ""
	same "$(jq -r .image "$BATS_TEST_TMPDIR/x/vmctl/config.json")" one
	same "$(stat -c %a "$BATS_TEST_TMPDIR/x/vmctl" "$BATS_TEST_TMPDIR/x/vmctl/config.json")" \
		"$(printf '700\n600')"
	# A relative path counts as not set.
	XDG_CONFIG_HOME=x HOME=$BATS_TEST_TMPDIR ok vmctl config path
	same "$out" "$BATS_TEST_TMPDIR/.config/vmctl/config.json"
}

@test "config set, get, unset and list" {
	ok vmctl config set reserve.memory 2G
	same "$out$err" ""
	ok vmctl config get reserve.memory
	same "$out" 2G
	ok vmctl config set key first second
	same "$(jq -c . "$C")" '{"reserve":{"memory":"2G"},"key":["first","second"]}'
	ok vmctl config list -o tsv --no-header --columns key,value,default,source
	has "$out" "$(printf 'reserve.memory\t2G\t1G\tconfiguration')"
	has "$out" "$(printf 'key\tfirst,second\t\tconfiguration')"
	has "$out" "$(printf 'accel\tauto\tauto\tdefault')"
	ok vmctl config unset reserve.memory key
	same "$(jq -c . "$C")" '{}'
	ok vmctl config get reserve.memory
	same "$out" 1G
	ok vmctl config get image
	same "$out" ""
	ok vmctl config get image -o json
	same "$(jq -c '[.key, .value, .source]' <<<"$out")" '["image",null,"default"]'
}

@test "config list and the manual know the same settings" {
	ok vmctl config list -o name
	page=$(vmctl __describe man "$TOP/man/vmctl-config.5.in")
	while read -r key; do
		has "$page" ".It Cm $key "
	done <<<"$out"
	same "$(grep -c '^\.It Cm [a-z.-]* \(Ar\|Cm\)' <<<"$page")" "$(wc -l <<<"$out")"
}

@test "config set: what is not acceptable is status 2 and changes nothing" {
	ok vmctl config set image one
	refused 2 vmctl config set iamge one
	has "$err" 'did you mean image?'
	refused 2 vmctl config set reserve.memroy 1G
	has "$err" reserve.memory
	refused 2 vmctl config set output jsno
	has "$err" json
	for value in '' x -1 1.5 99999; do
		refused 2 vmctl config set -- keep-days "$value"
	done
	refused 2 vmctl config set image one two
	refused 2 vmctl config set image
	refused 2 vmctl config set image $'a\033[2Jb'
	refused 2 vmctl config set image $'\xff'
	refused 2 vmctl config set storage not/absolute
	refused 2 vmctl config set nat.subnet 192.168.100.7/24
	refused 2 vmctl config set type t2.enormous
	refused 2 vmctl config unset iamge
	refused 2 vmctl config get iamge
	same "$(jq -c . "$C")" '{"image":"one"}'
}

@test "config: the file is published in one piece and private, whatever the umask" {
	umask 000
	ok vmctl config set image one
	same "$(stat -c %a "$C")" 600
	chmod 400 "$C"
	ok vmctl config set image two
	same "$(stat -c %a "$C")" 600
	same "$(find "$VMCTL_HOME" -name 'config*' | wc -l)" 1
	# On a full disk the old file stays.
	same "$(jq -r .image "$C")" two
}

@test "config set: ten at once lose nothing" {
	for i in 1 2 3 4 5 6 7 8 9 10; do
		vmctl config set types.t$i.cpus $i &
	done
	wait
	same "$(jq -c '[.types[].cpus] | add' "$C")" 55
	[ ! -e "$C.lock" ]
}

@test "an unknown setting stops every command with status 2, naming file and nearest key" {
	echo '{ "iamge": "one" }' >"$C"
	for command in list 'key list' 'image list' 'create web1' 'host stats' 'host health' \
		'type list' 'show web1' 'list --cached'; do
		read -ra words <<<"$command"
		fails 2 vmctl "${words[@]}"
		has "$err" "$C"
		has "$err" 'did you mean image?'
		has "$err" "config unset iamge"
	done
	fails 2 vmctl list -o json
	jq -e '.error.code == "invalid"' <<<"$err"
}

@test "a syntax error is status 2, naming file and line" {
	printf '{\n"image": "one",\n"type" "x"\n}\n' >"$C"
	before=$(cat "$C")
	fails 2 vmctl list
	has "$err" "$C"
	has "$err" "line 3"
	for command in 'config list' 'config get image' 'config set image two' 'config unset image'; do
		read -ra words <<<"$command"
		fails 2 vmctl "${words[@]}"
		has "$err" "line 3"
	done
	same "$(cat "$C")" "$before"
}

@test "a bad file does not touch help, version, completion and config" {
	echo '{' >"$C"
	ok vmctl version
	ok vmctl --version
	ok vmctl help create
	ok vmctl create --help
	ok vmctl completion bash
	ok vmctl __complete -- config set outp
	has "$out" output
	ok vmctl config path
	same "$out" "$C"
	echo '{ "iamge": 1, "keep-days": "x", "output": "json" }' >"$C"
	ok vmctl config list -o table
	has "$out" keep-days
	has "$err" "warning"
	has "$err" iamge
	has "$err" keep-days
	ok vmctl config set keep-days 3
	ok vmctl config unset iamge
	same "$err" ""
	ok vmctl list
	same "$(jq -c . <<<"$out")" '[]'
}

@test "config: a directory, a FIFO and a file that cannot be read are refused" {
	mkdir "$C"
	fails 2 vmctl key list
	rmdir "$C"
	mkfifo "$C"
	fails 2 timeout 10 vmctl key list
	fails 2 timeout 10 vmctl config set image one
	rm "$C"
	echo '{}' >"$C"
	chmod 000 "$C"
	[ -r "$C" ] || fails 1 vmctl key list
}

@test "output and color: the command line, then the environment, then the settings" {
	ok vmctl config set output json
	ok vmctl key list
	jq -e 'length == 2' <<<"$out"
	ok vmctl key list -o name
	same "$out" "$(printf 'first\nsecond')"
	# Errors, also of usage, take the same form.
	fails 3 vmctl key show nobody
	jq -e '.error.code == "not-found"' <<<"$err"
	fails 2 vmctl key list --nonsense
	jq -e '.error.code == "invalid"' <<<"$err"
	# What shows no record is not changed by it.
	ok vmctl --version
	has "$out" "vmctl "
	ok vmctl config unset output
	ok vmctl config set color always
	NO_COLOR='' try vmctl key show nobody
	has "$err" $'\033['
	NO_COLOR=1 fails 3 vmctl key show nobody
	NO_COLOR='' fails 3 vmctl key show nobody --color never
	NO_COLOR=1 try vmctl key show nobody --color always
	has "$err" $'\033['
}

@test "connect: --connect, then VMCTL_CONNECT, then the setting, then qemu:///session" {
	connection() { vmctl host health -o json "$@" 2>/dev/null | jq -r .connection; }
	a='qemu+unix:///session?socket=/nonexistent/a'
	ok vmctl config set connect "$a"
	same "$(connection)" "$a"
	same "$(VMCTL_CONNECT=${a}b connection)" "${a}b"
	same "$(VMCTL_CONNECT=${a}b connection --connect "${a}c")" "${a}c"
	VMCTL_CONNECT=${a}b ok vmctl config get connect -o json
	same "$(jq -r '.value, .source' <<<"$out")" "$(printf '%s\nenvironment' "${a}b")"
}

@test "image, type, key and accel are what create takes without the options" {
	fails 2 vmctl create --dry-run web1
	echo "$user" >"$C"
	ok vmctl config set image two
	ok vmctl config set type t2.small
	ok vmctl config set key second
	ok vmctl config set accel tcg
	ok vmctl create --dry-run --force web1
	has "$out" "2G memory, 20G disk"
	has "$out" "(tcg: asked for)"
	has "$out" "$(vmctl key show second -o json | jq -r .public_key)"
	hasnt "$out" "$(vmctl key show first -o json | jq -r .public_key)"
	has "$out" "$(vmctl image show two -o json | jq -r .digest)"
	ok vmctl create --dry-run --image one --type t2.nano --key first web1
	has "$out" "512M memory, 8G disk"
	has "$out" "$(vmctl key show first -o json | jq -r .public_key)"
	has "$out" "$(vmctl image show one -o json | jq -r .digest)"
	# What does not exist any more is named, and where that is said.
	ok vmctl config set key nobody
	fails 3 vmctl create --dry-run web1
	has "$err" "setting 'key'"
	ok vmctl config set image nothing
	fails 3 vmctl create --dry-run web1
	has "$err" "setting 'image'"
}

@test "INST-002 type list: those built in, and those of the configuration" {
	ok vmctl type list -o name
	same "$(tr '\n' ' ' <<<"$out")" "t2.nano t2.micro t2.small t2.medium t2.large "
	echo "$user" >"$C"
	ok vmctl config set types.big.cpus 8
	ok vmctl config set types.big.memory 16G
	ok vmctl config set types.big.disk 100G
	ok vmctl type list -o json
	same "$(jq -c '.[] | select(.name == "big")' <<<"$out")" \
		'{"name":"big","vcpus":8,"memory":17179869184,"disk":107374182400,"source":"configuration"}'
	ok vmctl __complete -- create --type b
	has "$out" "8 vCPU, 16G memory"
	ok vmctl create --dry-run --force --image one --type big web1
	has "$out" "8 vCPU, 16G memory, 100G disk"
	refused 3 vmctl create --dry-run --image one --type bgi web1
	has "$err" big
	refused 2 vmctl config set types.t2.nano.cpus 4
	ok vmctl config set type big
	refused 2 vmctl config unset types.big
	ok vmctl config unset type
	ok vmctl config unset types.big
	refused 3 vmctl create --dry-run --image one --type big web1
}

@test "storage: images and instances are there; it stays while there are any" {
	refused 4 vmctl config set storage "$BATS_TEST_TMPDIR/store"
	has "$err" "$VMCTL_HOME"
	export VMCTL_HOME=$BATS_TEST_TMPDIR/v
	ok vmctl config set network user
	ok vmctl config set storage "$BATS_TEST_TMPDIR/store"
	ok vmctl image import --name one "$BATS_FILE_TMPDIR/one.qcow2"
	same "$(vmctl image show one -o json | jq -r .path)" \
		"$BATS_TEST_TMPDIR/store/images/$(vmctl image show one -o json | jq -r .digest).qcow2"
	[ ! -e "$VMCTL_HOME/images" ]
	ok vmctl image verify one
	ok vmctl create --dry-run --image one web1
	has "$out" "$BATS_TEST_TMPDIR/store/instances/i-"
	refused 4 vmctl config unset storage
	has "$err" "$BATS_TEST_TMPDIR/store"
	ok vmctl image delete -y one
	ok vmctl config unset storage
}

@test "config edit: the copy takes the file's place when it is acceptable" {
	editor 'echo "{ \"image\":   \"two\" }" >"$1"; stat -c %a "$1"'
	ok vmctl config edit
	same "$out" 600
	same "$(cat "$C")" '{ "image":   "two" }'
	same "$(find "$VMCTL_HOME" -name 'config*' | wc -l)" 1
	# VISUAL comes first, and may have options; the file is the last argument.
	export VISUAL="sh $BATS_TEST_TMPDIR/opt  -x"
	echo 'echo "$# $1 ${2##*.}"' >"$BATS_TEST_TMPDIR/opt"
	ok vmctl config edit
	same "$out" "2 -x json"
	has "$err" "Nothing was changed"
}

@test "config edit: without a file it begins with an empty object" {
	editor 'cat "$1"'
	ok vmctl config edit
	same "$out" "$(printf '{\n}')"
	[ ! -e "$C" ]
}

@test "config edit: what is not acceptable is kept beside the file, which stays" {
	ok vmctl config set image one
	before=$(cat "$C")
	editor 'printf "{\n\"iamge\": 1\n" >"$1"'
	fails 2 vmctl config edit
	has "$err" "line 3"
	copy=$(grep -o "$VMCTL_HOME/config-[A-Za-z0-9]*.json" <<<"$err" | tail -n 1)
	has "$(cat "$copy")" iamge
	same "$(cat "$C")" "$before"
	rm "$VMCTL_HOME"/config-*
	editor 'echo "{\"iamge\": 1}" >"$1"'
	fails 2 vmctl config edit
	has "$err" 'did you mean image?'
	has "$err" "kept in"
	same "$(cat "$C")" "$before"
	rm "$VMCTL_HOME"/config-*
	# Changed by somebody else meanwhile.
	editor 'echo "{}" >"$1"; vmctl config set image two'
	fails 4 vmctl config edit
	has "$err" "kept in"
	same "$(jq -r .image "$C")" two
	rm "$VMCTL_HOME"/config-*
}

@test "config edit: an editor that is missing or fails" {
	EDITOR=/dev/null/ed refused 1 vmctl config edit
	has "$err" /dev/null/ed
	EDITOR=no-such-editor refused 3 vmctl config edit
	has "$err" no-such-editor
	editor 'exit 3'
	refused 1 vmctl config edit
	has "$err" "status 3"
	editor 'echo "{}" >"$1"; exit 3'
	fails 1 vmctl config edit
	has "$err" "kept in"
	rm "$VMCTL_HOME"/config-*
	# No shell looks at it.
	EDITOR='true; touch /tmp/x' refused 3 vmctl config edit
}

@test "config edit mends a broken file" {
	echo '{ oops' >"$C"
	editor 'cat "$1"; echo "{}" >"$1"'
	ok vmctl config edit
	same "$out" '{ oops'
	ok vmctl list
}

@test "config: keys and values are completed" {
	complete() { vmctl __complete -- "$@" | cut -f 1 | tr '\n' ' '; }
	same "$(complete config set reserve.)" "reserve.memory reserve.disk "
	same "$(complete config set color '')" "auto always never "
	same "$(complete config set image '')" "one two "
	same "$(complete config set -q key first s)" "second "
	same "$(complete config set type t2.n)" "t2.nano "
	has "$(complete config set connect '')" qemu:///system
	has "$(complete config get '')" keep-days
	vmctl config set types.big.cpus 2
	has "$(complete config unset types.)" types.big.cpus
}
