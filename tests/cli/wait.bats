#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# wait: what is refused before anything is waited for.

load ../lib.sh

setup_file() {
	private_home
}

@test "wait: an unknown condition is named, with those there are" {
	refused 2 vmctl wait web1 --for shh
	has "$err" "--for: 'shh' is not one of running, ip, ssh, agent, cloud-init, stopped"
	has "$err" "did you mean --for ssh?"
	for bad in '' ',' 'ssh,' ',ssh' 'ssh,,ip' 'ssh, ip' SSH; do
		refused 2 vmctl wait web1 --for "$bad"
	done
}

@test "wait: stopped goes with no other condition" {
	refused 2 vmctl wait web1 --for stopped,ssh
	refused 2 vmctl wait web1 --for stopped --for running
	has "$err" "--for stopped"
	fails 3 vmctl wait web1 --for stopped,stopped
}

@test "wait: unknown names are all told of, and nothing is waited for" {
	fails 3 vmctl wait web1
	has "$err" "no instance 'web1'"
	try vmctl wait web1 web2 --timeout 5m
	same "$status" 3
	has "$err" "no instance 'web1'"
	has "$err" "no instance 'web2'"
	has "$err" "2 of 2 failed"
}

@test "wait: conditions are completed, also behind a comma" {
	same "$(vmctl __complete -- wait --for '' | cut -f 1 | tr '\n' ' ')" \
		"running ip ssh agent cloud-init stopped "
	same "$(vmctl __complete -- wait --for ss | cut -f 1)" ssh
	has "$(vmctl __complete -- wait --for ip,s | cut -f 1 | tr '\n' ' ')" "ip,ssh ip,stopped "
}
