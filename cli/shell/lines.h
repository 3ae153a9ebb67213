/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CLI_SHELL_LINES_H
#define CLI_SHELL_LINES_H

#include "base/str.h"

/* Lines typed at a terminal (module readline.so, GNU readline): to load that
 * library takes as long as the rest of a start. One at a time: the state is
 * readline's. */

#define LINES_ABI 1

/* What the program knows and readline does not. Must outlive the lines. */
struct lines_host {
	/* Candidates for the word before `end`, a line "value\tabout" each;
	 * ":files" stands for the names of files. That word without its quotes,
	 * which the caller frees; NULL for a line that nothing completes. */
	char *(*complete)(const char *line, size_t end, struct str *found);

	/* How many bytes of the text fit into so many columns. */
	size_t (*cut)(const char *text, int columns);

	/* Whether a signal ends the process. */
	bool (*interrupted)(void);
};

struct lines_ops {
	unsigned abi;

	/* `history` is its file, or NULL. */
	void (*begin)(const struct lines_host *host, const char *history);

	/* The next line, which the caller frees; NULL at the end of input. An
	 * interrupt (^C) gives the line up and begins a new one. */
	char *(*read)(const char *prompt);

	/* Keeps a line, unless it says the same as the one before. */
	void (*remember)(const char *line);

	/* Writes the history file (0600). */
	void (*end)(void);
};

#endif
