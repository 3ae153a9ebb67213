#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# libvmctl(3): the page has what the headers have, and its example does what it says.
# The instances are fakes (see exec.bats).
load ../lib.sh

setup_file() {
	private_home
	fake_guests 10
	vmctl list --cached >/dev/null
	row web1
	row web2 stopped
	BUILD=$(dirname "$(command -v vmctl)")
	export BUILD
}

teardown_file() {
	fake_guests_end
}

@test "libvmctl(3) has every function of the headers with its comment" {
	page=$BUILD/man/man3/libvmctl.3
	grep -hoE 'vmctl_[a-z0-9_]+\(' "$TOP"/lib/include/vmctl/*.h | tr -d '(' | sort -u |
		while read -r function; do
			# Some are only mentioned.
			grep -qE "^VMCTL_API .*$function\\(|^$function\\(" "$TOP"/lib/include/vmctl/*.h || continue
			grep -q "^\.Fn $function\b" "$page" || { echo "no $function" && return 1; }
		done
	[ "$(grep -c '^\.Fn vmctl_' "$page")" -gt 50 ]
	grep -q '^\.Ss vmctl/instance.h' "$page"
	grep -q "stays as terminated (INST-012)" "$page"
	# All of the example, ready to be copied.
	requires mandoc
	diff <(mandoc -Tascii "$page" | sed "s/.$(printf '\b')//g; s/^ *//" | sed -n '/^#include <signal/,/^return vmctl_code_exit/p') \
		<(sed 's/^[ \t]*//' "$TOP/examples/instances.c" | sed -n '/^#include <signal/,/^return vmctl_code_exit/p')
}

@test "the example of libvmctl(3) lists the instances, and runs a command with its status" {
	requires cc
	# As the library is built, or its runtime would come too late.
	sanitize=()
	case $KIND in asan-*) sanitize=(-fsanitize=address -fsanitize=undefined) ;; esac
	cd "$BATS_TEST_TMPDIR"
	cc "${sanitize[@]}" -std=c99 -pedantic -Wall -Wextra -Werror -I"$TOP/lib/include" -o instances \
		"$TOP/examples/instances.c" -L"$BUILD" -lvmctl -Wl,-rpath,"$BUILD"
	ok ./instances
	same "$(cut -f 1,2 <<<"$out")" "$(vmctl list -o tsv --no-header --columns name,state)"
	ok ./instances web1 echo 'a  b'
	same "$out" 'a  b'
	try ./instances web1 sh -c 'exit 7'
	same "$status" 7
	fails 3 ./instances nosuch true
	has "$err" "vmctl list"
}
