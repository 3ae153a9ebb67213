/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CLI_SHELL_RUN_H
#define CLI_SHELL_RUN_H

#include "cli/command.h"

/* What runs the lines of vmctl's shell, each in a process of its own, so that
 * an interrupt ends the command and not the shell. */
struct shell {
	struct cli *cli;
	char **globals; /* options for every command, NULL-terminated */
	char *current;	/* instance of "use", or NULL */
	bool own_input; /* the commands' standard input is the shell's */
	bool done;	/* "exit" was typed */
	int status;	/* of the last line */
};

int shell_begin(struct shell *sh, struct cli *cli, struct vmctl_error *err);
void shell_done(struct shell *sh);

/* Runs one line; shell->status is how it ended. Failures are told. */
void shell_run(struct shell *sh, const char *line);

#endif
