#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Dependencies point one way: cli -> public headers -> subsystems -> driver,
# state -> base (HACKING.md). Includes tell.
. tests/lint.sh

# A line "file layer header" for every quoted include and every <vmctl/…>.
includes() {
	code $(files '*.c' '*.h') |
		sed -n 's/^\([^:]*\):[0-9]*:[ \t]*#[ \t]*include[ \t]*[<"]\([^>"]*\)[>"].*/\1 \2/p' |
		grep -v '^tests/'
}

# layer FILE: what it belongs to.
layer() {
	case $1 in
	lib/include/*) echo public ;;
	lib/internal/*) echo internal ;;
	lib/*/*) x=${1#lib/} && echo "${x%%/*}" ;;
	lib/*) echo context ;;
	cli/render/*) echo render ;;
	cli/*) echo cli ;;
	*) echo outside ;;
	esac
}

target() { # FILE HEADER: the layer of the header
	if [ -e "${1%/*}/$2" ]; then
		layer "${1%/*}/$2"
	elif [ -e "lib/include/$2" ]; then
		echo public
	elif [ -e "lib/$2" ]; then
		layer "lib/$2"
	else
		layer "$2"
	fi
}

allowed() { # FROM TO
	case $1:$2 in
	*:outside | *:public) return 0 ;;
	public:*) return 1 ;;
	base:base) return 0 ;;
	base:*) return 1 ;;
	*:base) return 0 ;;
	render:render | cli:cli | cli:render) return 0 ;;
	render:* | cli:*) return 1 ;;
	state:state | driver:driver) return 0 ;;
	state:* | driver:*) return 1 ;;
	*:state | *:driver | *:context | *:internal) return 0 ;;
	*:cli | *:render) return 1 ;;
	*) [ "$1" = "$2" ] ;;
	esac
}

all=$(includes)
ok_if_empty "includes follow the layers" "$(echo "$all" | while read -r file header; do
	from=$(layer "$file")
	to=$(target "$file" "$header")
	allowed "$from" "$to" || echo "$file ($from) includes $header ($to)"
done)"

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
