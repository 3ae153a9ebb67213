# SPDX-License-Identifier: LGPL-2.1-or-later
# For .bats files that need a terminal: script(1) gives the pseudo-terminal.
# shellcheck shell=bash disable=SC2034,SC2154

# terminal COMMAND: in a terminal of 40 rows and 100 columns; what is written to
# its standard input is typed. The modes before and after go to files.
terminal() {
	cat >"$BATS_TEST_TMPDIR/inside" <<-END
		stty rows 40 cols 100
		stty -g >"$BATS_TEST_TMPDIR/before"
		tty >"$BATS_TEST_TMPDIR/tty.new"
		mv "$BATS_TEST_TMPDIR/tty.new" "$BATS_TEST_TMPDIR/tty"
		$1
		echo \$? >"$BATS_TEST_TMPDIR/rc.new"
		stty -g >"$BATS_TEST_TMPDIR/after"
		mv "$BATS_TEST_TMPDIR/rc.new" "$BATS_TEST_TMPDIR/rc"
	END
	timeout 240 script -qec "sh $BATS_TEST_TMPDIR/inside" /dev/null >"$BATS_TEST_TMPDIR/screen"
}

typed() { # feeds lines to a terminal that stays open until the session ends
	rm -f "$BATS_TEST_TMPDIR"/{keys,screen,before,after,rc,tty}
	mkfifo "$BATS_TEST_TMPDIR/keys"
	terminal "$1" <"$BATS_TEST_TMPDIR/keys" &
	session=$!
	exec 8>"$BATS_TEST_TMPDIR/keys"
}

shown() {
	grep -q "$1" "$BATS_TEST_TMPDIR/screen"
}
