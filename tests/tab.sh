# SPDX-License-Identifier: LGPL-2.1-or-later
# For .bats files that press keys in the real shells, in a terminal of their own. The
# vmctl that is completed writes down how it was called, so that it is the shell itself
# that says what the line on the screen means.
# shellcheck shell=bash disable=SC2154

# shellcheck source=tests/terminal.sh
. "$TOP/tests/terminal.sh"

# shell_open bash|zsh|fish: with the completion as a user installs it.
shell_open() {
	local dir=$BATS_TEST_TMPDIR real line
	real=$(type -P vmctl)
	mkdir -p "$dir/bin" "$dir/config/fish/completions"
	cat >"$dir/bin/vmctl" <<-END
		#!/bin/sh
		[ "\$1" != __complete ] || exec "$real" "\$@"
		{ [ \$# = 0 ] || printf '<%s>' "\$@"; } >"$dir/called.new"
		mv "$dir/called.new" "$dir/called"
	END
	chmod +x "$dir/bin/vmctl"
	"$real" completion bash >"$dir/vmctl.bash"
	"$real" completion zsh >"$dir/_vmctl"
	"$real" completion fish >"$dir/config/fish/completions/vmctl.fish"
	cat >"$dir/bashrc" <<-END
		PS1='ready> '
		bind 'set enable-bracketed-paste off'
		source "$dir/vmctl.bash"
		alias v=vmctl
		complete -F _vmctl v
	END
	cat >"$dir/.zshrc" <<-END
		PS1='ready> '
		unset zle_bracketed_paste
		fpath=("$dir" \$fpath)
		autoload -U compinit
		compinit -D -u
	END
	cat >"$dir/config/fish/config.fish" <<-'END'
		function fish_prompt; printf 'ready> '; end
		function fish_title; end
		set -g fish_autosuggestion_enabled 0
		set -g fish_greeting
	END
	case $1 in
	bash) line="exec bash --noprofile --rcfile $dir/bashrc -i" ;;
	zsh) line="export ZDOTDIR=$dir; exec zsh -d -i" ;;
	fish)
		# Without this folder it makes completions of all manual pages first.
		mkdir -p "$dir/data/fish/generated_completions"
		line="export XDG_CONFIG_HOME=$dir/config XDG_DATA_HOME=$dir/data; exec fish -i"
		;;
	esac
	typed "cd $dir/work; export TERM=xterm PATH=$dir/bin:\$PATH HISTFILE=; ($line)"
	wait_until 20 shown 'ready> '
}

# press KEYS: as printf understands them.
press() {
	# shellcheck disable=SC2059
	printf "$1" >&8
}

# runs KEYS WORDS: what is typed ends up as a call with these words, "<a><b>".
runs() {
	rm -f "$BATS_TEST_TMPDIR/called"
	press "$1\\r"
	wait_until 20 test -e "$BATS_TEST_TMPDIR/called"
	same "$(cat "$BATS_TEST_TMPDIR/called")" "$2"
}

# lists KEYS PATTERN...: what is typed shows each of these, and runs nothing.
lists() {
	from=$(wc -c <"$BATS_TEST_TMPDIR/screen")
	press "$1"
	shift
	local pattern
	for pattern; do
		wait_until 20 shown_since "$pattern"
	done
	press '\x15' # the line goes away
}

shown_since() { # without the colours
	tail -c "+$((from + 1))" "$BATS_TEST_TMPDIR/screen" | sed 's/\x1b[[(][0-9;]*[A-Za-z]//g' | grep -qe "$1"
}

# For teardown: also where a test has failed, and a shell that is in the middle of
# something.
shell_close() {
	[ -n "${session-}" ] || return 0
	press '\x15exit\r'
	exec 8>&-
	wait_until 10 session_over || kill "$session"
	wait "$session" || :
}

session_over() {
	! kill -0 "$session" 2>/dev/null
}
