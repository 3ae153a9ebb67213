/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CLI_COMPLETERS_H
#define CLI_COMPLETERS_H

#include "cli/command.h"

/* Completers of the global options and of the framework's own commands;
 * those for everybody are in command.h. */
void complete_uris(struct cli *cli, const char *prefix, struct str *out);
void complete_columns(struct cli *cli, const char *prefix, struct str *out);
void complete_sort(struct cli *cli, const char *prefix, struct str *out);
void complete_filter(struct cli *cli, const char *prefix, struct str *out);
/* complete-labels.c: "label.KEY" behind the first `head` bytes of `before`. */
void complete_label_fields(struct cli *cli, const char *before, int head,
			   struct str *out);

/* As complete_words(), for bash: the command line up to the cursor, of which
 * bash replaces the end, `replaced`. Gives a line of options for compopt, then
 * what goes into COMPREPLY; with descriptions behind it where it is only listed,
 * in `width` columns (0: it is not). */
void complete_bash(struct cli *cli, const char *line, const char *replaced,
		   int width, struct str *out);

#endif
