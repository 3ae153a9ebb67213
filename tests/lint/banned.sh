#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Calls that are not made, and output that is not written.
. tests/lint.sh

lib=$(files 'lib/*.c' 'lib/*.h')
cli=$(files 'cli/*.c' 'cli/*.h')
commands=$(files 'cli/*/*.c' | grep -vE '^cli/(render|shell)/')

ok_if_empty "no function that cannot be used safely" "$(
	calls 'v?sprintf|strcpy|strcat|strncpy|strncat|stpcpy|gets|strtok|atoi|atol|atoll|atof|system|popen|tmpnam|tempnam|mktemp|alloca|strerror|asctime|ctime|gmtime|localtime|rand|srand|random' $lib $cli
)"
ok_if_empty "the library never prints" "$(
	calls 'v?printf|putchar|puts|perror|vfprintf|fputs|warnx?|errx?|syslog' $lib
	code $lib | grep -E '[^A-Za-z0-9_](stdout|stderr)[^A-Za-z0-9_]' | grep -v '^lib/include/'
)"
ok_if_empty "the library never ends the process" "$(
	calls 'exit|abort|assert|quick_exit' $lib
	# but a child that it forked
	calls '_exit|_Exit' $lib | grep -vE '^lib/(base/proc|driver/)'
)"
ok_if_empty "commands write through the renderer only" "$(
	calls 'v?f?printf|putchar|f?puts|perror|fwrite' $commands
	code $commands | grep -E '[^A-Za-z0-9_](stdout|stderr|STDOUT_FILENO|STDERR_FILENO)[^A-Za-z0-9_]' |
		grep -vE '^cli/instance/(console|cp|exec|ssh|logs)\.c|^cli/ssh-config/connect\.c|[^a-z_]render_flush\('
)"
ok_if_empty "no command parses its own arguments" "$(calls 'getopt|getopt_long|strtol|strtoul|strtoll|strtoull|strtod|sscanf' $commands)"
# test-state-db.c kills its children at different moments.
ok_if_empty "tests do not sleep" "$(
	grep -nE '(^|[^a-z_])(sleep|usleep|nanosleep)[ (]' $(files 'tests/*.bats' 'tests/unit/*.c') |
		grep -v '^tests/unit/test-state-db.c:'
)"
done_testing
