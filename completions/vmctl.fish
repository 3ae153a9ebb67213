# SPDX-License-Identifier: LGPL-2.1-or-later
# fish completion for vmctl: asks the program itself (vmctl __complete).

function __vmctl_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l program $words[1]
    set -e words[1]
    for line in ($program __complete -- $words "$current" 2>/dev/null)
        if test "$line" = :files
            __fish_complete_path "$current"
        else
            # "value<TAB>about" is what fish takes.
            printf "%s\n" $line
        end
    end
end

complete -c vmctl -f -a '(__vmctl_complete)'
