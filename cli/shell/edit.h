/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CLI_SHELL_EDIT_H
#define CLI_SHELL_EDIT_H

#include "cli/command.h"

/* Lines typed at a terminal: GNU readline, its history in a file, and
 * completion by what completes vmctl's command line anyhow. One at a time: the
 * state is readline's. */

/* `history` is the file, or NULL. VMCTL_UNSUPPORTED without readline. */
int edit_begin(struct cli *cli, const char *history, struct vmctl_error *err);

/* The next line, which the caller frees; NULL at the end of input. An
 * interrupt (^C) gives the line up and begins a new one. */
char *edit_line(const char *prompt);

/* Keeps a line, unless it begins with a blank, says the same as the one
 * before, or seems to hold a secret. */
void edit_remember(const char *line);

/* Writes the history file (0600). */
void edit_end(void);

#endif
