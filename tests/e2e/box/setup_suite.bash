# SPDX-License-Identifier: LGPL-2.1-or-later
# The files of this folder need a machine that runs, and no more: "box" is booted once for
# all of them, in their order. Who ends it does so in unplugged.bats, the last.
# shellcheck shell=bash disable=SC2154

setup_suite() {
	# shellcheck source=tests/lib.sh
	. "$TOP/tests/lib.sh"
	private_home "$BATS_SUITE_TMPDIR"
	import_mini
	vmctl create box "${small[@]}" --label role=box --wait
}

teardown_suite() {
	delete_all
}
