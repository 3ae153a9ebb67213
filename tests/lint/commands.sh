#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Every command has a page and a test; help, page and completion know the same
# options. The list is the program's own: vmctl __describe.
. tests/lint/tap.sh

vmctl=$B/vmctl
if [ ! -x "$vmctl" ]; then
	skip "commands" "nothing is built in $B"
	done_testing
fi
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
VMCTL_HOME=$tmp/home
VMCTL_MODULE_DIR=$B/modules
COLUMNS=100
export VMCTL_HOME VMCTL_MODULE_DIR COLUMNS

"$vmctl" __describe commands >"$tmp/all"
"$vmctl" __describe globals >"$tmp/globals"
tab=$(printf '\t')
paths() {
	awk -F '\t' '$2 == "command" { print $1 }' "$tmp/all"
}
page() {
	echo "vmctl-$(echo "$1" | tr ' ' -).1"
}
# options PATH: its long options, one on a line.
options() {
	awk -F '\t' -v p="$1" '$1 == p && $2 == "option" { print $3 }' "$tmp/all"
}

ok_if_empty "every command has a page" "$(paths | while read -r path; do
	[ -f "man/$(page "$path").in" ] || echo "man/$(page "$path").in"
done)"
ok_if_empty "every page has a command" "$(for file in man/vmctl-*.1.in; do
	[ -e "$file" ] || continue
	paths | while read -r path; do echo "man/$(page "$path").in"; done | grep -qxF "$file" || echo "$file"
done)"
ok_if_empty "every page has what is made of the command" "$(for file in man/vmctl-*.1.in; do
	[ -e "$file" ] || continue
	for mark in NAME SYNOPSIS OPTIONS EXIT_STATUS EXAMPLES; do
		grep -qx "@$mark@" "$file" || echo "$file has no @$mark@"
	done
done)"
# `vmctl image show`, also with options or a variable in between.
ok_if_empty "every command has a test" "$(paths | while read -r path; do
	grep -qE "vmctl $path( |\$|\"|')" tests/cli/*.bats tests/e2e/*.bats || echo "$path"
done)"
ok_if_empty "every command has an example that begins with its name" "$(paths | while read -r path; do
	"$vmctl" $path --help | grep -qE "(^|[ |(])vmctl $path" || echo "$path"
done)"
ok_if_empty "help knows every option" "$(paths | while read -r path; do
	"$vmctl" $path --help >"$tmp/help"
	options "$path" | while read -r option; do
		grep -qE -e "(^|[ ,[])$option([ ,=]|\]|\$)" "$tmp/help" || echo "$path: $option"
	done
done)"
ok_if_empty "the page knows every option, argument, exit status and field" "$(paths | while read -r path; do
	built=$B/man/man1/$(page "$path")
	[ -e "$built" ] || continue
	mandoc -T ascii -O width=200 "$built" | sed 's/.\x08//g' >"$tmp/page"
	awk -F '\t' -v p="$path" '$1 == p && $2 ~ /^(option|argument|exit|field)$/ { print $2 "\t" $3 }' "$tmp/all" |
		while IFS=$tab read -r kind word; do
			grep -qE -e "(^|[^A-Za-z0-9_-])$word([^A-Za-z0-9_-]|\$)" "$tmp/page" || echo "$path: $kind $word"
		done
done)"
ok_if_empty "completion knows every command" "$(paths | while read -r path; do
	last=${path##* }
	before=${path%"$last"}
	"$vmctl" __complete -- $before "$last" | cut -f 1 | grep -qxF -e "$last" || echo "$path"
done)"
ok_if_empty "completion knows every option of every command, and the global ones" "$(paths | while read -r path; do
	"$vmctl" __complete -- $path -- 2>&1 | cut -f 1 >"$tmp/complete"
	{ options "$path"; cut -f 3 "$tmp/globals"; } | while read -r option; do
		grep -qE -e "^$option=?\$" "$tmp/complete" || echo "$path: $option"
	done
done)"
ok_if_empty "aliases are commands" "$(awk -F '\t' '$2 == "alias" { print $3 }' "$tmp/all" | while read -r alias; do
	"$vmctl" $alias --help >/dev/null 2>&1 || echo "$alias"
done)"
ok_if_empty "the README's and the examples' commands exist" "$(
	grep -ohE '(^|[ `(])vmctl [a-z]+( [a-z]+)?' README.md HACKING.md examples/* 2>/dev/null | sed 's/.*vmctl //' |
		sort -u | while read -r one two; do
		{ paths; awk -F '\t' '$2 == "alias" { print $3 }' "$tmp/all"; } | grep -qxE -e "$one( $two)?" ||
			paths | grep -qx "$one" || echo "vmctl $one $two"
	done
)"
ok_if_empty "the completion scripts parse, and are what the program prints" "$(
	for shell in bash zsh fish; do
		"$vmctl" completion $shell | cmp - "completions/vmctl.$shell" 2>&1
		! command -v $shell >/dev/null || $shell -n "completions/vmctl.$shell" 2>&1
	done
)"
done_testing
