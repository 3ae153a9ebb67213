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
list=$("$vmctl" __describe commands)
commands=$(echo "$list" | awk -F '\t' '$2 == "command" { print $1 }')

# each_command FUNCTION: its output for each command, which is "$1".
each_command() {
	echo "$commands" | while read -r command; do "$1" "$command"; done
}
pages=$(files 'man/*.in')
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
# What a page is made into is needed more than once.
for file in $pages; do
	"$vmctl" __describe man "$file" >"$made/${file#man/}" 2>/dev/null ||
		echo "$file: vmctl __describe man fails" >>"$made/failed"
done
# described COMMAND KIND: the third field of these lines.
described() {
	echo "$list" | awk -F '\t' -v c="$1" -v k="$2" '$1 == c && $2 == k { print $3 }'
}
page() {
	echo "man/vmctl-$(echo "$1" | tr ' ' '-').1.in"
}

has_page() {
	[ -f "$(page "$1")" ] || echo "$(page "$1") is missing"
}
ok_if_empty "every command has a page" "$(each_command has_page)"

ok_if_empty "every page has a command" "$(cat "$made/failed" 2>/dev/null)"

has_marks() {
	file=$(page "$1")
	[ -f "$file" ] || return
	for mark in NAME SYNOPSIS OPTIONS EXIT_STATUS EXAMPLES; do
		grep -qx "@$mark@" "$file" || echo "$file: no line @$mark@"
	done
	if [ -n "$(described "$1" field)" ]; then
		grep -qx '@OUTPUT@' "$file" || echo "$file: no line @OUTPUT@"
	elif grep -qx '@OUTPUT@' "$file"; then
		echo "$file: @OUTPUT@, but the command has no record"
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
	page=$(page "$1")
	{
		# shellcheck disable=SC2086 # a path of words
		"$vmctl" $1 --help | sed "s/^/help$tab/"
		# shellcheck disable=SC2086
		"$vmctl" __complete -- $1 -- | sed "s/^/completion$tab/"
		sed "s/^/manual$tab/" "$made/${page#man/}"
		described "$1" option | sed "s/^/option$tab/"
		# What the prose mentions has to exist.
		sed -n "s/^\.Fl \(-[a-z-]*\).*/prose$tab-\1/p" "$page" 2>/dev/null
	} | awk -F '\t' -v command="$1" -v page="$page" '
		$1 == "help" && $2 ~ /^  / { help = help $2 "\n" }
		$1 == "manual" && $2 ~ /^\.It / { manual = manual $2 "\n" }
		$1 == "completion" { completed[$2] }
		$1 == "option" { options[$2] }
		$1 == "prose" { prose[$2] }
		END {
			for (o in options) {
				if (!index(help, o)) print command " --help: no " o
				if (manual !~ ("Fl " substr(o, 2) "[^A-Za-z0-9_-]")) print "manual of " command ": no " o
				if (!(o in completed)) print "completion of " command ": no " o
			}
			for (o in prose)
				if (!(o in completed)) print page ": " o " is no option"
		}'
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
	"$vmctl" __complete -- "$@" | grep -q "^$last$tab" || echo "$* is not completed"
}
ok_if_empty "every command is completed" "$(each_command is_completed)"
done_testing
