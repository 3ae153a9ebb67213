#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Dependencies point one way: cli -> public headers -> subsystems -> driver,
# state -> base (HACKING.md). Includes tell.
. tests/lint.sh

# A line "file header" for every quoted include and every <vmctl/…>.
includes() {
	code $(files '*.c' '*.h') |
		sed -n 's/^\([^:]*\):[0-9]*:[ \t]*#[ \t]*include[ \t]*[<"]\([^>"]*\)[>"].*/\1 \2/p' |
		grep -v '^tests/'
}

all=$(includes)
ok_if_empty "includes follow the layers" "$({ files '*.h'; echo "$all"; } | awk '
	function starts(text, with) { return index(text, with) == 1 }
	# What a file belongs to.
	function layer(file, part) {
		if (starts(file, "lib/include/")) return "public"
		split(file, part, "/")
		if (part[1] == "lib") return part[3] == "" ? "context" : part[2]
		if (part[1] == "cli") return starts(file, "cli/render/") ? "render" : "cli"
		return "outside"
	}
	# That of a header as a file includes it: beside the file, public, below lib, of the top.
	function target(file, header) {
		sub(/[^\/]*$/, "", file)
		if ((file header) in exists) return layer(file header)
		if (("lib/include/" header) in exists) return "public"
		return layer((("lib/" header) in exists ? "lib/" : "") header)
	}
	function allowed(from, to) {
		if (to == "outside" || to == "public") return 1
		if (from == "public" || from == "base") return from == "base" && to == "base"
		if (to == "base" || from == to) return 1
		if (from == "cli") return to == "render"
		if (from == "render" || from == "state" || from == "driver") return 0
		return to ~ /^(state|driver|context|internal)$/
	}
	NF == 1 { exists[$1] }
	NF == 2 {
		from = layer($1)
		to = target($1, $2)
		if (!allowed(from, to)) print $1 " (" from ") includes " $2 " (" to ")"
	}')"

# only NAME REGEX PLACE: headers that one folder alone may include.
only() {
	ok_if_empty "$1 is included by $3 only" \
		"$(echo "$all" | grep -E " $2" | grep -vE "^$3" || :)"
}
only SQLite 'sqlite3' lib/state/
only libvirt 'libvirt/' lib/driver/libvirt/
only libxml2 'libxml/' lib/driver/libvirt/
only libssh 'libssh/' lib/driver/ssh/
only OpenSSL 'openssl/' lib/driver/crypto/
only libarchive 'archive' lib/driver/iso/
only libcurl 'curl/' lib/driver/http/
only libyaml 'yaml\.h' lib/driver/yaml/
only readline 'readline/' cli/shell/readline/
only jansson 'jansson' lib/base/json

c=$(files 'lib/*.c' 'lib/*.h' 'cli/*.c' 'cli/*.h')
ok_if_empty "sqlite3_ is said by lib/state only" \
	"$(code $c | grep 'sqlite3_' | grep -v '^lib/state/' || :)"
# And by vmctl's shell, which runs commands in copies of itself.
ok_if_empty "programs and modules are started by lib/driver, lib/base/proc.c and module.c only" \
	"$(calls 'exec[lv]p?e?|fork|vfork|clone3?|posix_spawnp?|dlopen' $c |
		grep -vE '^lib/(driver/|base/(proc|module\.c))|^cli/shell/run\.c' || :)"
done_testing
