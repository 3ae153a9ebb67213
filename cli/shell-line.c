/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/shell-line.h"

#include <string.h>

#include "cli/quote.h"

#define NOT_FOUND 127
#define LONGEST 200

void hint_shell_line(struct cli *cli, const char *name, const char *const *argv,
		     int status)
{
	auto_str line = STR_INIT;

	if (status != NOT_FOUND || !argv || !argv[0] || argv[1] ||
	    !strpbrk(argv[0], " \t\n;|&<>()$`*?\"'~"))
		return;
	if (strlen(argv[0]) > LONGEST)
		str_add(&line, "'…'");
	else
		add_quoted_words(argv, &line);
	cli_note(cli,
		 "This was one word, the name of a program; a line for "
		 "a shell is run by\n  vmctl %s %s -- sh -c %s",
		 cli->command->path, name, str_text(&line));
}
