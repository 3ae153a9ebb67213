# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The search for leaks. It doubles what a short command takes, and one in some thousand
# searches dies of a fault of its own, so the commands of the other files run without it
# in the sanitizer build.

search_begin() {
	export CLEAN=$BATS_FILE_TMPDIR/clean # the commands that were looked at
	: >"$CLEAN"
}

# searched COMMAND...: with the search for leaks, which makes the status 99. If the search
# died, the command is run again, after the one in the array `undo`.
searched() {
	local options=handle_sigill=1:detect_leaks=1:abort_on_error=0:exitcode=99:verify_asan_link_order=0
	for _ in 1 2 3 4 5; do
		ASAN_OPTIONS=$options try "$@"
		case $err in *'LeakSanitizer has encountered a fatal error'*) ;; *) return 0 ;; esac
		"${undo[@]:-true}"
	done
	skip "the search for leaks dies here"
}

# clean STATUS ARGUMENTS...: vmctl with these ends so, and nothing is left.
clean() {
	local wanted=$1
	shift
	echo "$*" >>"$CLEAN"
	searched vmctl "$@"
	same "$status" "$wanted"
}
