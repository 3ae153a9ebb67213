#compdef vmctl
# SPDX-License-Identifier: LGPL-2.1-or-later
# zsh completion for vmctl: asks the program itself (vmctl __complete).

_vmctl()
{
	local -a candidates
	local line value about

	# PREFIX is the word up to the cursor; (Q) takes the quotes away.
	for line in "${(@f)$("${(Q)words[1]}" __complete -- \
		"${(@Q)words[2,CURRENT-1]}" "$PREFIX" 2>/dev/null)}"; do
		case $line in
		('') ;;
		(:files)
			_files
			;;
		(*)
			value=${line%%$'\t'*}
			about=
			[[ $line == *$'\t'* ]] && about=${line#*$'\t'}
			# _describe takes "value:about".
			candidates+=("${value//:/\\:}${about:+:$about}")
			;;
		esac
	done
	((${#candidates})) && _describe 'vmctl' candidates
}

# Autoloaded from $fpath, or sourced.
if [[ $funcstack[1] == _vmctl ]]; then
	_vmctl "$@"
else
	compdef _vmctl vmctl
fi
