#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The public interface: headers that stand alone, and the symbols they promise.
. tests/lint.sh
CC=${CC:-cc}
CXX=${CXX:-c++}

public=$(files 'lib/include/vmctl/*.h')
# Each header is compiled by itself, all by one command.
ok_if_empty "each public header stands alone in C99" "$(
	$CC -std=c99 -pedantic -Wall -Wextra -Werror -Ilib/include -fsyntax-only -x c $public 2>&1
)"
if command -v "$CXX" >/dev/null; then
	ok_if_empty "each public header stands alone in C++" "$(
		$CXX -std=c++11 -pedantic -Wall -Wextra -Werror -Ilib/include -fsyntax-only \
			-x c++ $public 2>&1
	)"
else
	missing "each public header stands alone in C++" "$CXX"
fi
ok_if_empty "vmctl.h includes every public header" "$(
	for h in $public; do
		case $h in */vmctl.h) continue ;; esac
		grep -q "#include <${h#lib/include/}>" lib/include/vmctl/vmctl.h || echo "$h"
	done
)"
ok_if_empty "each private header stands alone" "$(
	# shellcheck disable=SC2046,SC2086 # one word per flag
	$CC -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Wno-unused-parameter -Werror -Wno-unused-function \
		$(${PKG_CONFIG:-pkg-config} --cflags libxml-2.0) -Ilib/include -Ilib -I. -fsyntax-only \
		-x c $(files 'lib/*.h' 'cli/*.h' | grep -v '^lib/include/') 2>&1
)"

library=$B/libvmctl.so
if [ ! -e "$library" ]; then
	skip "the library exports what the headers declare" "nothing is built in $B"
	done_testing
fi
declared=$($CC -E -P -Ilib/include lib/include/vmctl/vmctl.h | grep -oE 'vmctl_[a-z0-9_]+ ?\(' |
	tr -d ' (' | sort -u)
# exported FILE: its symbols, without those of the compiler's instrumentation.
exported() {
	nm -D --defined-only "$1" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' |
		grep -vE '^(__|_?(init|fini|edata|end|bss_start)$)' | sort -u
}
exported=$(exported "$library")
ok_if_empty "the library exports what the headers declare" "$(
	{ echo "$declared"; echo "$exported"; } | sort | uniq -u | while read -r name; do
		if echo "$declared" | grep -qx "$name"; then
			echo "$name is declared but not exported"
		else
			echo "$name is exported but not declared"
		fi
	done
)"
ok_if_empty "a module exports its table only" "$(
	for so in "$B"/modules/*.so; do
		name=${so##*/}
		exported "$so" | grep -vx "vmctl_module_${name%.so}" | sed "s|^|$so: |"
	done
)"
ok_if_empty "neither the command nor the library links what a module is for" "$(
	for so in "$B/vmctl" "$library"; do
		objdump -p "$so" | awk '$1 == "NEEDED" { print $2 }' |
			grep -E 'libvirt|libxml2|libssh|libcrypto|libarchive|libcurl|libyaml' | sed "s|^|$so: |"
	done
)"
done_testing
