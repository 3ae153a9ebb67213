#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Whom a command acts on: instances, which are only rows here, keys and images, whatever
# becomes of their names meanwhile.
load ../lib.sh
load ../terminal.sh

setup_file() {
	private_home
	fake_guests 20
	vmctl list --cached >/dev/null
	row web1
	row web2
	vmctl label web1 role=web
}

teardown_file() {
	fake_guests_end
}

# replace NAME: the instance is deleted, and another one gets its name.
replace() {
	db "UPDATE instance SET state = 'terminated', terminated_at = launched_at
		WHERE name = '$1'"
	row "$1"
}

# answered_late COMMAND CHANGE...: when its question stands, the change is made, and the
# answer is yes.
answered_late() {
	cd "$BATS_TEST_TMPDIR" || return
	typed "$1"
	wait_until 20 shown 'y/N'
	"${@:2}"
	echo y >&8
	wait_until 20 test -e "$BATS_TEST_TMPDIR/rc"
	exec 8>&-
	wait "$session"
}

# late WORD...: what was deleted meanwhile is told, and who has its name now stays.
late() {
	local id
	id=$(field web1 id)
	answered_late "vmctl delete $*" replace web1
	shown 'Delete web1'
	shown "web1: $id is deleted already"
	same "$(db "SELECT count(*) FROM instance WHERE name = 'web1' AND state = 'running'")" 1
}

@test "a namesake that is made while delete asks is not deleted, whatever was typed" {
	late web1
	same "$(<rc)" 3
	late "$(field web1 id)"
	same "$(<rc)" 3
	vmctl label web1 role=web
	late -l role=web
	same "$(<rc)" 3
	late web1 nobody
	same "$(<rc)" 3
}

other_key() {
	vmctl key delete -y work
	vmctl key generate work
}

@test "a key that is made while key delete asks is not deleted, and is another one" {
	vmctl key generate work
	vmctl key generate home
	answered_late "vmctl key delete work" other_key
	shown 'Delete the key work'
	shown "the key work is another one now, $(vmctl key show work -o json | jq -r .sha256)"
	same "$(<rc)" 4
	answered_late "vmctl key delete home work" other_key
	same "$(<rc)" 6
	test -e "$(vmctl key show work -o json | jq -r .private_path)"
	fails 3 vmctl key show home

	answered_late "vmctl key delete work" vmctl key delete -y work
	shown "no key is named work"
	same "$(<rc)" 3
}

# image CONTENT: imported as base.
image() {
	vmctl image delete -y base || :
	qemu-img create -q -f qcow2 "$BATS_TEST_TMPDIR/$1.qcow2" 1M
	qemu-io -f qcow2 -c "write -P $1 0 64k" "$BATS_TEST_TMPDIR/$1.qcow2" >/dev/null
	vmctl image import --name base "$BATS_TEST_TMPDIR/$1.qcow2"
}

@test "an image that is imported while image delete asks is not deleted, whatever was typed" {
	local digest
	image 1
	answered_late "vmctl image delete base" image 2
	shown 'Delete the image base?'
	digest=$(vmctl image show base -o json | jq -r .digest)
	shown "the image base is another one now, with the digest $digest"
	same "$(<rc)" 4
	answered_late "vmctl image delete ${digest:0:12}" image 3
	shown 'Delete the image base?'
	same "$(<rc)" 4
	ok vmctl image verify base
}

@test "what is not there is told of without a question, and an answer of no is status 1" {
	vmctl key list -o name | grep -qx stays || vmctl key generate stays
	cd "$BATS_TEST_TMPDIR" || return
	typed "vmctl key delete nobody; echo \$? >none; vmctl image delete nobody1 nobody2; echo \$? >two;
		vmctl key delete stays"
	wait_until 20 shown 'y/N'
	same "$(<none) $(<two)" "3 3"
	echo n >&8
	wait_until 20 test -e rc
	exec 8>&-
	wait "$session"
	shown 'nothing was deleted'
	same "$(<rc)" 1
	ok vmctl key show stays
}

@test "exec on several takes no namesake that was made after it began" {
	local status=0
	cd "$BATS_TEST_TMPDIR" || return
	mkfifo in
	vmctl exec web1 web2 --stdin -- sh -c 'cat >/dev/null; echo here' <in >out 2>err &
	exec 8>in
	# More than a pipe holds: it is reading, and knows whom it is for.
	head -c 200000 /dev/zero >&8
	replace web1
	exec 8>&-
	wait $! || status=$?
	same "$status" 6
	same "$(<out)" "web2 | here"
	has "$(<err)" "web1 is deleted"
}
