#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# What every text file must satisfy.
. tests/lint.sh

all=$(files '*' | grep -vE '^LICENSE$|\.(bin|qcow2|db|png)$|^tests/data/')
c=$(files '*.c' '*.h')

ok_if_empty "C files begin with the SPDX line" "$(
	awk 'FNR == 1 && $0 != "/* SPDX-License-Identifier: LGPL-2.1-or-later */" { print FILENAME }' $c
)"
ok_if_empty "scripts, pages and build files name their licence" "$(
	for file in Makefile $(files '*.sh' '*.bats' '*.in' 'completions/*' 'examples/*' 'scripts/*' run) \
		$(grep -lE '^#! ?/' $all); do
		echo "$file"
	done | grep -vE '^images/|\.pc\.in$' | sort -u | xargs awk '
		FNR <= 4 && /SPDX-License-Identifier: / { named[FILENAME] }
		END { for (i = 1; i < ARGC; i++) if (!(ARGV[i] in named)) print ARGV[i] }'
)"
# The tab that begins a line of a here-document or patch is no trailing space.
ok_if_empty "no trailing white space" "$(grep -nE '[ 	]+$' $all | head -n 20)"
ok_if_empty "files end with a line feed" "$(
	# As one record, which an empty file has none of.
	grep -LzP '\n\z' $all | while read -r file; do [ ! -s "$file" ] || echo "$file"; done
)"
ok_if_empty "no path of this machine" "$(
	grep -nF "$PWD/" $all | head
	case ${HOME:-/} in /home/?*) grep -nF "$HOME/" $all | head ;; esac
)"

scripts=$(grep -lE '^#! ?/(usr/)?bin/(env )?(sh|bash|bats)' $all; files '*.bats' 'tests/*.sh' 'images/*.sh')
if command -v shellcheck >/dev/null; then
	ok_if_empty "shellcheck" "$(echo "$scripts" | sort -u | grep -v '^tests/lint/' |
		xargs -P 4 -n 4 shellcheck -x -P SCRIPTDIR -f gcc)"
	# Lists of file names without blanks are split on purpose in the lints.
	ok_if_empty "shellcheck of the lints" "$(echo "$scripts" | sort -u | grep '^tests/lint/' |
		xargs shellcheck -f gcc -e SC1091,SC2046,SC2086,SC2317)"
else
	missing shellcheck shellcheck
fi

ok_if_empty "mandoc finds nothing to warn of" "$(mandoc -Tlint -W warning "$B"/man/man?/* 2>&1)"

# Versions differ in what they make of the same settings. Headers are left to their
# writer, who may align a table. Debian 13 has no version 14.
if command -v clang-format-14 >/dev/null; then
	ok_if_empty "clang-format would change nothing" "$(
		clang-format-14 --dry-run -Werror $(files 'lib/*.c' 'cli/*.c' 'images/*.c' 'tests/*.c') 2>&1 |
			grep error: | cut -d : -f 1 | sort | uniq -c
	)"
elif scripts/deps --check test | grep -q clang-format; then
	missing "clang-format would change nothing" clang-format-14
else
	skip "clang-format would change nothing" "this system has no clang-format 14"
fi
done_testing
