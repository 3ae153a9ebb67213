#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Runs last: what the other files have left behind.

load ../lib.sh

@test "no domain, no QEMU process, no forwarded port or held address is left of all the tests" {
	same "$(domains)" ""
	same "$(qemu_of i-)" ""
	same "$(held 52:54:00)" ""
}
