# SPDX-License-Identifier: LGPL-2.1-or-later
# bash completion for vmctl: asks the program itself (vmctl __complete).

_vmctl()
{
	# Words are split here, whatever the user has set.
	local program=$1 width=0 IFS=$' \t\n'

	# As it was typed: "~/bin/vmctl", "~user/bin/vmctl". There is no other way to
	# have the latter read, and nothing but a name is.
	if [[ $program =~ ^~[A-Za-z0-9._-]*/ ]]; then
		eval "program=${BASH_REMATCH[0]}"
		program+=${1#"${BASH_REMATCH[0]}"}
	fi
	# An alias is no program.
	type -P -- "$program" >/dev/null || program=vmctl
	# Nothing but listing: what the candidates are may stand behind them.
	case $COMP_TYPE in
	33 | 63 | 64) width=${COLUMNS:-80} ;;
	esac
	mapfile -t COMPREPLY < <("$program" __complete --bash="$2" --width="$width" \
		-- "${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
	# The first line is for compopt.
	# shellcheck disable=SC2086
	[[ -z ${COMPREPLY[0]-} ]] || compopt ${COMPREPLY[0]}
	COMPREPLY=("${COMPREPLY[@]:1}")
}

complete -F _vmctl vmctl
