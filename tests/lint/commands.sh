#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Every command has a page, a test and help, and help, manual and completion
# agree on its options.
. tests/lint.sh

vmctl=$B/vmctl
if [ ! -x "$vmctl" ]; then
	skip "commands, help, manual and completion agree" "nothing is built in $B"
	done_testing
fi
tab=$(printf '\t')
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
"$vmctl" __describe commands >"$made/list"
# What a page is made into is needed more than once.
for file in $(files 'man/*.in'); do
	"$vmctl" __describe man "$file" >"$made/${file#man/}" 2>/dev/null ||
		echo "$file: vmctl __describe man fails" >>"$made/failed"
done
awk -F '\t' '$2 == "command" {
	page = $1
	gsub(/ /, "-", page)
	print "man/vmctl-" page ".1.in\t" $1
}' "$made/list" >"$made/commands"

# each_command FUNCTION: its output for each command, which is "$1", with its page in $page.
each_command() {
	while IFS=$tab read -r page command; do "$1" "$command"; done <"$made/commands"
}

has_page() {
	[ -f "$page" ] || echo "$page is missing"
}
ok_if_empty "every command has a page" "$(each_command has_page)"

ok_if_empty "every page has a command" "$(cat "$made/failed" 2>/dev/null)"

has_marks() {
	[ -f "$page" ] || return 0
	for mark in NAME SYNOPSIS OPTIONS EXIT_STATUS EXAMPLES; do
		grep -qx "@$mark@" "$page" || echo "$page: no line @$mark@"
	done
	if grep -q "^$1${tab}field$tab" "$made/list"; then
		grep -qx '@OUTPUT@' "$page" || echo "$page: no line @OUTPUT@"
	elif grep -qx '@OUTPUT@' "$page"; then
		echo "$page: @OUTPUT@, but the command has no record"
	fi
}
ok_if_empty "every page has the marks for what is generated" "$(each_command has_marks)"

# The lines to be typed in the section EXAMPLES, which is the page's own or made of
# the command's.
has_examples() {
	cd "$made" && awk '
		FNR == 1 { inside = 0; n[FILENAME] = 0 }
		/^\.Sh / { inside = /^\.Sh EXAMPLES/ }
		inside && /^\$ / { n[FILENAME]++ }
		END { for (i in n) if (n[i] < 2) print "man/" substr(i, 3) ": " n[i] " examples, at least 2 are wanted" }
	' ./*.in
}
ok_if_empty "every page has two examples" "$(has_examples)"

# Those of settings stand in the page of these.
variables() {
	grep -hoE '(getenv|environment|xdg_dir)\("[A-Z_]+"' $(files 'lib/*.c' 'cli/*.c') | cut -d '"' -f 2
	sed -n 's/^\.Ev \([A-Z_]*\)$/\1/p' "$made/vmctl-config.5.in"
}
ok_if_empty "vmctl(1) has every variable of the environment that is looked at" "$(
	variables | sort -u | while read -r name; do
		grep -qE "^\.It Ev (.* )?$name( |\$)" man/vmctl.1.in || echo "$name"
	done
)"

# One process for all options of a command: there are hundreds.
agrees() {
	# shellcheck disable=SC2086 # a path of words
	{
		"$vmctl" $1 --help
		echo @completion
		"$vmctl" __complete -- $1 --
	} </dev/null | awk -F '\t' -v command="$1" -v page="$page" '
		kind == "list" { if ($1 == command && $2 == "option") options[$3] }
		kind == "manual" && /^\.It / { manual = manual $0 "\n" }
		# What the prose mentions has to exist.
		kind == "prose" && match($0, /^\.Fl -[a-z-]*/) { prose["-" substr($0, 5, RLENGTH - 4)] }
		kind == "said" && $0 == "@completion" { kind = "completion"; next }
		kind == "said" && /^  / { help = help $0 "\n" }
		kind == "completion" { completed[$1] }
		END {
			for (o in options) {
				if (!index(help, o)) print command " --help: no " o
				if (manual !~ ("Fl " substr(o, 2) "[^A-Za-z0-9_-]")) print "manual of " command ": no " o
				if (!(o in completed)) print "completion of " command ": no " o
			}
			for (o in prose)
				if (!(o in completed)) print page ": " o " is no option"
		}
	' kind=list "$made/list" kind=manual "$made/${page#man/}" kind=prose "$page" kind=said -
}
ok_if_empty "help, manual and completion know the same options" "$(each_command agrees)"

grep -hoE 'vmctl [^|;&]*' $(files 'tests/cli/*.bats' 'tests/e2e/*.bats' 'tests/system/*.bats') >"$made/calls"
has_test() {
	grep -qE " $1\b" "$made/calls" ||
		echo "vmctl $1 is called by no test in tests/cli, tests/e2e or tests/system"
}
ok_if_empty "every command has a test" "$(each_command has_test)"

is_completed() {
	last=${1##* }
	case $1 in
	*' '*) set -- "${1% *}" "$last" ;;
	*) set -- "$last" ;;
	esac
	"$vmctl" __complete -- "$@" </dev/null | grep -q "^$last$tab" || echo "$* is not completed"
}
ok_if_empty "every command is completed" "$(each_command is_completed)"
done_testing
