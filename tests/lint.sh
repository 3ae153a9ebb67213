# SPDX-License-Identifier: LGPL-2.1-or-later
# For the lints, which run in the top folder: `. tests/lint.sh`.
# shellcheck shell=sh
LC_ALL=C
export LC_ALL
B=${B:-build}
count=0
bad=0

# ok_if_empty NAME OFFENDERS: fails naming them, one on a line.
ok_if_empty() {
	count=$((count + 1))
	if [ -z "$2" ]; then
		echo "ok $count - $1"
	else
		echo "not ok $count - $1"
		echo "$2" | sed 's/^/# /'
		bad=1
	fi
}

skip() { # NAME REASON
	count=$((count + 1))
	echo "ok $count - $1 # SKIP $2"
}

# A missing program is a failure, as `make check` installs it: see scripts/deps.
missing() { # NAME PROGRAM
	ok_if_empty "$1" "$2 is missing: it belongs into scripts/deps"
}

done_testing() {
	echo "1..$count"
	exit $bad
}

# files PATTERN...: the project's own files, tracked or about to be.
files() {
	if git rev-parse --git-dir >/dev/null 2>&1; then
		git ls-files -co --exclude-standard -- "$@" | sort -u |
			while read -r file; do [ ! -f "$file" ] || echo "$file"; done
	else
		for pattern; do
			find . -path './build*' -prune -o -type f -path "./$pattern" -print
		done | sed 's|^\./||' | sort -u
	fi
}

# code FILE...: lines "file:number:text" without comments and string contents.
code() {
	awk '
	FNR == 1 { inside = 0 }
	{
		text = $0
		out = ""
		while (text != "") {
			if (inside) {
				i = index(text, "*/")
				if (!i) { text = ""; break }
				text = substr(text, i + 2)
				inside = 0
				continue
			}
			if (!match(text, /\/\*|"([^"\\]|\\.)*"|\/\//)) {
				out = out text
				break
			}
			token = substr(text, RSTART, RLENGTH)
			out = out substr(text, 1, RSTART - 1)
			text = substr(text, RSTART + RLENGTH)
			if (token == "/*") inside = 1
			else if (token == "//") text = ""
			else out = out (out ~ /#[ \t]*include/ ? token : "\"\"")
		}
		if (out ~ /[^ \t]/) print FILENAME ":" FNR ":" out
	}' "$@" /dev/null
}

# calls REGEX FILE...: where one of these functions is called.
calls() {
	regex=$1
	shift
	code "$@" | grep -E "(^|[^A-Za-z0-9_>.])($regex)[ ]*\\(" || :
}
