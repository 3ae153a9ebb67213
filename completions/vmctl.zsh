#compdef vmctl
# SPDX-License-Identifier: LGPL-2.1-or-later
# zsh completion for vmctl: asks the program itself (vmctl __complete).

_vmctl()
{
	local -a words_done words_open
	local line value files= program=${(Q)words[1]}

	# The word is as it was typed. An alias is no program.
	[[ $program != '~'[A-Za-z0-9._-]#'/'* ]] || program=${~program%%/*}/${program#*/}
	whence -p -- "$program" >/dev/null || program=vmctl
	# PREFIX is the word up to the cursor; (Q) takes the quotes away.
	for line in "${(@f)$("$program" __complete -- \
		"${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}"; do
		value=${line%%$'\t'*}
		# _describe takes "value:about".
		line=${value//:/\\:}${${line#$value}/$'\t'/:}
		case $value in
		('') ;;
		(:files) files=1 ;;
		# More of the same word follows.
		(*[:/=@]) words_open+=("$line") ;;
		(*) words_done+=("$line") ;;
		esac
	done
	_describe 'vmctl' words_done -- words_open -S ''
	if [[ -n $files ]]; then
		compset -P 1 '--*='
		_files
	fi
}

# Autoloaded from $fpath, or sourced.
if [[ $funcstack[1] == _vmctl ]]; then
	_vmctl "$@"
else
	compdef _vmctl vmctl
fi
