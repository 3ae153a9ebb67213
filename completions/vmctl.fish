# SPDX-License-Identifier: LGPL-2.1-or-later
# fish completion for vmctl: asks the program itself (vmctl __complete).
# In ~/.config/fish/completions/ or vendor_completions.d it takes the place of
# what fish has for another program of this name.

function __vmctl_complete
    set -l words (commandline -opc)
    # Without its quotes, of which the last need not be closed.
    set -l current (commandline -ct)
    for quote in '' '"' "'"
        set -l plain (string unescape -- "$current$quote"); or continue
        set current $plain
        break
    end
    # The word is as it was typed.
    set -l program $words[1]
    if string match -qr -- '^~[A-Za-z0-9._-]*/' $program
        set -l begin (string match -r -- '^~[A-Za-z0-9._-]*/' $program)
        eval set program $begin(string escape -- (string replace -- $begin '' $program))
    end
    type -q -- $program; or set program vmctl
    set -e words[1]
    for line in ($program __complete -- $words "$current" 2>/dev/null)
        if test "$line" = :files
            set -l option (string match -r -- '^--[^=]+=' "$current")
            set -l begin (string replace -- "$option" '' "$current")
            for file in (__fish_complete_path "$begin")
                printf '%s\n' "$option$file"
            end
        else
            # "value<TAB>about" is what fish takes.
            printf '%s\n' $line
        end
    end
end

complete -c vmctl -f -a '(__vmctl_complete)'
