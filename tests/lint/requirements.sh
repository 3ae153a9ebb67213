#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Every requirement that is met so far (tests/requirements) is named by a test.
. tests/lint.sh

named=$(grep -hE '@test|^(static )?void |cmocka_unit_test' \
	$(files 'tests/unit/*.c' 'tests/cli/*.bats' 'tests/e2e/*.bats' 'tests/system/*.bats') | tr '_a-z' '-A-Z' |
	grep -oE '(INST|NET|KEY|IMG|TERM|STOR|LIM|REL|LOG)-[0-9]{3}' | sort -u)
ok_if_empty "every requirement of tests/requirements has a test" "$(
	sed -n 's/^\([A-Z]*-[0-9]*\) .*/\1/p' tests/requirements | while read -r id; do
		echo "$named" | grep -qx "$id" || echo "$id"
	done
)"
ok_if_empty "every requirement that a test names is in tests/requirements" "$(
	echo "$named" | while read -r id; do
		[ -z "$id" ] || grep -q "^$id " tests/requirements || echo "$id"
	done
)"
ok_if_empty "tests/COVERAGE.md is what scripts/coverage makes" "$(
	scripts/coverage | diff - tests/COVERAGE.md
)"
done_testing
