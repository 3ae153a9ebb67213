#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# What ssh refuses before it speaks to anybody.

load ../lib.sh

setup_file() {
	private_home
	export VMCTL_CONNECT='qemu+unix:///session?socket=/nonexistent/libvirt-sock'
	vmctl key generate key
}

@test "options that exclude each other are refused" {
	refused 2 vmctl ssh -t -T web1
	refused 2 vmctl ssh -N web1
	has "$err" "vmctl ssh -N -L 8080:localhost:80 web1"
	refused 2 vmctl ssh -N -L 8080:localhost:80 web1 -- uname
	refused 2 vmctl ssh -N -t -L 8080:localhost:80 web1
}

@test "USER@NAME: both halves, and one account" {
	refused 2 vmctl ssh @web1
	refused 2 vmctl ssh root@
	refused 2 vmctl ssh -l '' web1
	refused 2 vmctl ssh -l root admin@web1
	has "$err" "root and admin"
	# The name is what follows the last one.
	refused 3 vmctl ssh root@web1
	has "$err" "'web1'"
	refused 3 vmctl ssh -l root root@web1
	refused 3 vmctl ssh a@b@web1
	has "$err" "'web1'"
}

@test "a forward that is none is refused, with its form" {
	local spec
	for spec in '' 8080 8080:80 0:h:80 65536:h:80 8080::80 8080:h:x ::1:8080:h:80 a:b:c:d:e "$(printf '1:\033:1:1')"; do
		refused 2 vmctl ssh -L "$spec" web1
		has "$err" "PORT:HOST:HOSTPORT"
	done
	refused 3 vmctl ssh -L 8080:localhost:80 -L '[::1]:8081:[fe80::1]:80' web1
}

@test "without a name and without instances" {
	refused 3 vmctl ssh
	has "$err" "vmctl create"
	# What follows the dashes is a command, not a name.
	refused 3 vmctl ssh -- uname -a
	hasnt "$err" uname
	refused 3 vmctl ssh -l root -- uname -a
}
