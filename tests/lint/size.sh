#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Files of at most 400 lines (tests 800), functions of at most 60 (tests 100). What is longer stands in
# size.allow with its length, which may only shrink: an entry that is too high or
# not needed fails too.
. tests/lint.sh
allow=tests/lint/size.allow

# measure: lines "name length limit".
measure() {
	wc -l $(files 'lib/*.[ch]' 'cli/*.[ch]' 'images/*.[ch]' 'tests/*.c' '*.sh' '*.bats' scripts run Makefile) |
		awk '$2 != "total" { print $2, $1, $2 ~ /^tests\// ? 800 : 400 }'
	# A function's body begins and ends with a brace in the first column.
	awk '
	/^[A-Za-z_].*\(/ { name = $0; sub(/ *\(.*/, "", name); sub(/.*[ *]/, "", name) }
	/^{$/ { start = FNR }
	/^}/ && start { print FILENAME ":" name, FNR - start + 1, FILENAME ~ /^tests\// ? 100 : 60; start = 0 }
	FNR == 1 { start = /^{$/ ? 1 : 0 }' $(files 'lib/*.c' 'cli/*.c' 'images/*.c' 'tests/*.c') /dev/null
}

all=$(measure)
ok_if_empty "nothing is longer than its limit, or than its entry in $allow" "$(
	echo "$all" | awk -v allow=$allow '
	BEGIN {
		while ((getline line < allow) > 0)
			if (line !~ /^#/ && split(line, f, " ") == 2) may[f[1]] = f[2] + 0
	}
	{ limit = ($1 in may) ? may[$1] : $3 }
	$2 > limit { print $1 ": " $2 " lines, at most " limit }'
)"
ok_if_empty "$allow has no entry that could shrink" "$(
	echo "$all" | awk -v allow=$allow '
	{ size[$1] = $2; limit[$1] = $3 }
	END {
		while ((getline line < allow) > 0) {
			if (line ~ /^#/ || split(line, f, " ") != 2) continue
			if (!(f[1] in size)) print f[1] " is gone"
			else if (size[f[1]] <= limit[f[1]]) print f[1] " needs no entry any more"
			else if (size[f[1]] < f[2]) print f[1] " has shrunk to " size[f[1]]
		}
	}'
)"
ok_if_empty "no file is longer than 800 lines" "$(echo "$all" | awk '$1 !~ /:/ && $2 > 800 { print $1, $2 }')"
echo "$all" | awk '
	$1 ~ /:/ && $2 > f { f = $2; fn = $1 }
	$1 ~ /^(lib|cli)\/[^:]*$/ && $2 > n { n = $2; file = $1 }
	END { print "# longest file: " file " " n "; longest function: " fn " " f }'
done_testing
