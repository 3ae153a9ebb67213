# SPDX-License-Identifier: LGPL-2.1-or-later
# bash completion for vmctl: asks the program itself (vmctl __complete).

_vmctl()
{
	local -a words=()
	local word strip= value i
	local glue=0

	# Put together again what bash takes apart at "=" and ":"; `strip` is
	# what of the last word stands before the part that bash completes.
	for ((i = 1; i <= COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if ((${#words[@]})) && { ((glue)) || [[ $word == [=:]* ]]; }; then
			strip=${words[-1]}
			words[-1]+=$word
		else
			strip=
			words+=("$word")
		fi
		glue=0
		if [[ $word == [=:] || $word == :: ]]; then
			glue=1
			strip=${words[-1]}
		fi
	done

	COMPREPLY=()
	while IFS=$'\t' read -r value _; do
		if [[ $value == :files ]]; then
			compopt -o filenames 2>/dev/null
			while IFS= read -r value; do
				COMPREPLY+=("$value")
			done < <(compgen -f -- "${words[-1]#"$strip"}")
		else
			# What goes on behind a colon gets no blank.
			[[ $value != *: ]] || compopt -o nospace 2>/dev/null
			COMPREPLY+=("${value#"$strip"}")
		fi
	done < <("$1" __complete -- "${words[@]}" 2>/dev/null)
}

complete -F _vmctl vmctl
