#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# The keys and types of what -o json gives are a contract: tests/data/records has them.
# Instances are only rows, and what is run in them is a fake (see exec.bats).
load ../lib.sh

setup_file() {
	private_home
	fake_guests 10
	vmctl list --cached >/dev/null
	row web1
	row web2 stopped
	qemu-img create -q -f qcow2 "$BATS_FILE_TMPDIR/tiny.qcow2" 64M
}

teardown_file() {
	fake_guests_end
}

@test "no key of a record is gone, renamed or of another type, and none is new by mistake" {
	vmctl __describe records | diff "$TOP/tests/data/records" - || {
		echo "a new key: vmctl __describe records >tests/data/records. Any other change" \
			"breaks the programs that read it"
		return 1
	}
}

@test "every record is declared once, and every command that gives one says so in the manual" {
	same "$(cut -f 1,2 "$TOP/tests/data/records" | sort | uniq -d)" ""
	page=$(vmctl __describe man "$TOP/man/vmctl-output.5.in")
	while IFS=$'\t' read -r record key _; do
		grep -qx ".Ss $record" <<<"$page" || { echo "no $record" && return 1; }
		grep -q "^.It Cm $key Pq " <<<"$page" || { echo "no $key" && return 1; }
	done <"$TOP/tests/data/records"
}

@test "what is given of every record is held against it, here or with real guests" {
	cut -f 1 "$TOP/tests/data/records" | uniq | while read -r record; do
		grep -qE "fits ('$record'|$record)( |\$)" "$TOP"/tests/{cli,e2e,system}/*.bats ||
			{ echo "nowhere: fits $record" && return 1; }
	done
}

@test "a wrong key, type or null is seen" {
	good='{"name":"a","address":null,"ssh_port":22}'
	fits address <<<"$good"
	fits address <<<"[$good,$good]"
	for bad in '{"name":null,"address":null,"ssh_port":22}' '{"name":"a","address":1,"ssh_port":22}' \
		'{"name":"a","address":"b","ssh_port":2.5}' '{"name":"a","address":"b"}' 'null' '7' \
		'{"name":"a","address":"b","ssh_port":1,"more":1}' "[$good,[]]"; do
		run ! fits address <<<"$bad"
	done
	boot='{"index":0,"number":1,"started_at":"2026-01-31T09:00:00Z","written_at":null,"ended":null,"size":5}'
	fits boot <<<"$boot"
	run ! fits boot <<<"${boot/09:00:00Z/09:00}"
	run ! fits anything <<<"$good"
}

@test "instances, labels, addresses: what is given has the declared types" {
	vmctl label web1 role=web
	for command in 'list' 'list --cached' 'list --all-states' 'show web1' 'show web1 web2'; do
		# shellcheck disable=SC2086 # a command line
		vmctl $command -o json | fits instance
	done
	vmctl list -o ndjson | head -n 1 | fits instance
	vmctl label web1 -o json | fits label
	vmctl ip web1 -o json | fits address
	db "INSERT INTO port_forward SELECT id, 'tcp', '127.0.0.1', 8080, 80, 0 FROM instance WHERE name = 'web1'"
	vmctl port list web1 -o json | fits port
}

@test "commands in guests: outcomes and executions" {
	try vmctl exec web1 web2 -o json -- sh -c 'exit 3'
	fits outcome <<<"$err"
	vmctl exec web1 -- sh -c 'kill -9 $PPID' || :
	vmctl history --executions -o json | jq -e 'length > 1'
	vmctl history --executions -o json | fits execution
}

@test "images, keys, types, settings, the host and the program" {
	vmctl image import --name tiny "$BATS_FILE_TMPDIR/tiny.qcow2" -o json | fits image
	vmctl image list -o json | fits image
	vmctl image show tiny -o json | fits image
	vmctl image catalogue --all -o json | fits 'catalogue entry'
	vmctl key generate key -o json | fits key
	vmctl key list -o json | fits key
	vmctl key show key -o json | fits key
	vmctl type list -o json | fits type
	vmctl config list -o json | fits setting
	vmctl config get output -o json | fits setting
	vmctl host stats -o json | fits 'host stats'
	vmctl host health -o json | fits host
	{ vmctl host doctor -o json || :; } | fits check
	vmctl host doctor -o json | fits check
	vmctl version -o json | fits version
}

@test "an empty list is an array, and errors and warnings are objects as vmctl-output(5) has them" {
	same "$(vmctl list --filter name=none -o json | jq -c .)" "[]"
	fails 3 vmctl show nothing -o json
	jq -e '.error | (keys - ["diagnosis"]) == ["code", "hint", "message"] and
		(.code, .message | type) == "string" and (.hint | type | . == "string" or . == "null")' <<<"$err"
	grep -q "^.It Cm $(jq -r .error.code <<<"$err") Pq 3" \
		<(vmctl __describe man "$TOP/man/vmctl-output.5.in")
}
