#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Whom a command acts on: instances, which are only rows here, whatever becomes of their
# names meanwhile.
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

# answered_late COMMAND: when its question stands, web1 is replaced, and the answer is yes.
answered_late() {
	cd "$BATS_TEST_TMPDIR" || return
	typed "$1"
	wait_until 20 shown 'y/N'
	replace web1
	echo y >&8
	wait_until 20 test -e "$BATS_TEST_TMPDIR/rc"
	exec 8>&-
	wait "$session"
}

# late WORD...: what was deleted meanwhile is told, and who has its name now stays.
late() {
	local id
	id=$(field web1 id)
	answered_late "vmctl delete $*"
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
