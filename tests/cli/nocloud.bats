#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# What the guests of the mini image make of their seed: its reader, run on the host by
# busybox, as in the guest.

load ../lib.sh

@test "INST-004 the reader of the mini image passes its own test" {
	"$TOP/images/mini/test" >"$BATS_TEST_TMPDIR/tap" || {
		grep -a -A9 '^not ok' "$BATS_TEST_TMPDIR/tap" || tail "$BATS_TEST_TMPDIR/tap"
		return 1
	}
	same "$(tail -n 1 "$BATS_TEST_TMPDIR/tap")" "1..$(grep -ac '^ok ' "$BATS_TEST_TMPDIR/tap")"
}
