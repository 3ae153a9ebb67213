/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CLI_SHELL_WORDS_H
#define CLI_SHELL_WORDS_H

#include <stdbool.h>

#include "base/str.h"

/*
 * A line of vmctl's shell taken apart. Quotes, backslashes and comments are
 * those of sh(1); nothing is expanded, so that "$" and "*" stand for
 * themselves.
 */
struct shell_line {
	char **words; /* NULL-terminated */
	/* What follows the words and is for the host's shell: "| grep x",
	 * "> file"; NULL: nothing. */
	char *rest;
	char *host; /* the command of a line "!command", or NULL */
};

/* VMCTL_INVALID for an open quote and for operators that there are not. The
 * caller calls shell_line_done() in every case. */
int shell_split(const char *text, struct shell_line *ret,
		struct vmctl_error *err);

/* The words of a line up to the cursor, for completion: the last one is the
 * one at the cursor, perhaps empty, and its quote need not be closed. */
int shell_split_partial(const char *text, size_t len, char ***ret,
			struct vmctl_error *err);

/* Where the word at the end of the line begins, with its quotes, and which quote
 * is open there: ' or ", or 0. */
void shell_word_at(const char *line, size_t *ret_begin, char *ret_quote);

void shell_line_done(struct shell_line *line);
#define auto_shell_line auto_cleanup(shell_line_done) struct shell_line

#endif
