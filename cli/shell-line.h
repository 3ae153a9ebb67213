/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CLI_SHELL_LINE_H
#define CLI_SHELL_LINE_H

#include "cli/command.h"

/* What a guest is to run is passed on word by word. Where its one word was a
 * line for a shell, and nothing of that name was found, says how to run such. */
void hint_shell_line(struct cli *cli, const char *name, const char *const *argv,
		     int status);

#endif
