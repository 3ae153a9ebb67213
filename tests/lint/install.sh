#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# make install, with DESTDIR and without; what is installed works and holds no path
# of the build; make uninstall leaves nothing.
. tests/lint.sh

if [ ! -x "$B/vmctl" ]; then
	skip "install" "nothing is built in $B"
	done_testing
fi
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
tmp=$(cd "$tmp" && pwd -P)
VMCTL_HOME=$tmp/home
export VMCTL_HOME
unset VMCTL_MODULE_DIR LD_LIBRARY_PATH
# The flags of the make that runs this, if any, hold for the build directory too, which
# is the real one, by the very name that it was made with, or all is compiled again: B may
# be a copy without objects. One make at a time, as in Makefile.
B=${VMT_BUILD:-$B}
make_() {
	env -u MAKELEVEL flock "$B/.lock" ${MAKE:-make} --no-print-directory -s B="$B" "$@" 2>&1 </dev/null |
		grep -vE 'jobserver|^  (LD|CC|GEN|AR|MAN) ' || :
}
version=$(sed -n 's/^VERSION := //p' Makefile)

ok_if_empty "make install DESTDIR= PREFIX=/usr/local" "$(make_ install DESTDIR="$tmp/d")"
d=$tmp/d/usr/local
ok_if_empty "every part is where it belongs" "$(
	for file in bin/vmctl lib/libvmctl.so.0 lib/libvmctl.so "lib/libvmctl.so.$version" \
		lib/vmctl/libvirt.so lib/vmctl/ssh.so lib/vmctl/crypto.so lib/vmctl/iso.so lib/vmctl/http.so lib/vmctl/readline.so "lib/vmctl/agent/vmctl-agent-$(uname -m)" \
		"lib/vmctl/agent/vmctl-agent-$(uname -m).gz" \
		include/vmctl/vmctl.h lib/pkgconfig/libvmctl.pc share/man/man1/vmctl.1 share/man/man5/vmctl-config.5 \
		share/man/man5/vmctl-output.5 share/man/man3/libvmctl.3 share/man/man7/vmctl-tutorial.7 \
		share/vmctl/catalogue.json share/vmctl/help/vmctl-create.txt \
		share/bash-completion/completions/vmctl share/zsh/site-functions/_vmctl \
		share/fish/vendor_completions.d/vmctl.fish; do
		[ -e "$d/$file" ] || echo "$file"
	done
)"
ok_if_empty "the installed command runs from DESTDIR" "$(
	"$d/bin/vmctl" version 2>&1 | grep -qF "$version" || "$d/bin/vmctl" version 2>&1
)"
ok_if_empty "its help has every page, with the pages for man and without" "$(
	for with in yes no; do
		[ $with = yes ] || mv "$d/share/man" "$tmp/man"
		for file in man/*.in; do
			page=${file##*/}
			page=${page%.*.in}
			"$d/bin/vmctl" help "$page" 2>&1 | head -n 1 | grep -qi "^$page(" || echo "$page"
		done
	done
	mv "$tmp/man" "$d/share/man"
)"
ok_if_empty "nothing installed names the build folder" "$(
	grep -rlF -e "$PWD" "$tmp/d" || :
	for so in "$d/bin/vmctl" "$d"/lib/libvmctl.so "$d"/lib/vmctl/*.so; do
		readelf -d "$so" | grep -E 'R(UN)?PATH' | grep -vF "[\$ORIGIN/../lib]"
	done
)"
ok_if_empty "the soname is that of the version" "$(
	readelf -d "$d/lib/libvmctl.so" | grep -qF "[libvmctl.so.${version%%.*}]" || echo wrong
)"
ok_if_empty "the example of libvmctl(3) builds with pkg-config, links and runs" "$(
	PKG_CONFIG_PATH=$d/lib/pkgconfig
	PKG_CONFIG_SYSROOT_DIR=$tmp/d
	LD_LIBRARY_PATH=$d/lib
	export PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR LD_LIBRARY_PATH
	${CC:-cc} -std=c99 -Wall -Wextra -Werror -o "$tmp/x" examples/instances.c \
		$(pkg-config --cflags --libs libvmctl) 2>&1 || exit
	"$tmp/x" 2>&1 || echo "status $?"
	"$tmp/x" nosuch true >"$tmp/out" 2>&1
	case $?:$(cat "$tmp/out") in
	3:*"no instance 'nosuch'"*) ;;
	*) cat "$tmp/out" ;;
	esac
)"
ok_if_empty "make uninstall leaves nothing, also where mandoc is gone again" "$(
	make_ uninstall DESTDIR="$tmp/d" FORMAT=
	find "$tmp/d" ! -type d
)"
# What was made with other words is made again: more, fewer, others, and none.
ok_if_empty "the build knows with what it was made" "$(
	for words in one 'one two' one 'one three' three ''; do
		make_ -n B="$tmp/b" FORMAT="$words" "$tmp/b/gen/FORMAT"
		[ "$(cat "$tmp/b/gen/FORMAT")" = "$words" ] ||
			echo "after '$words': $(cat "$tmp/b/gen/FORMAT")"
	done
)"
done_testing
