/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CLI_DELETE_H
#define CLI_DELETE_H

#include "cli/command.h"

/*
 * Deleting what is known by a name that another may have by the time a question
 * is answered. Instances have ids: see targets.h.
 */
struct deletion {
	const char *noun;  /* "key" */
	const char *notes; /* said behind the question, or "" */
	/* What a word means: its name, and a mark that no other one of that
	 * name has. The caller frees both. */
	int (*find)(struct vmctl *ctx, const char *word, char **ret_name,
		    char **ret_mark, struct vmctl_error *err);
	/* VMCTL_STATE when the name belongs to one with another mark. */
	int (*delete)(struct vmctl *ctx, const char *name, const char *mark,
		      struct vmctl_error *err);
};

/* Asks, and deletes what was meant when the question was asked, each on its own
 * as cli_each() does. What is not there is told of, not asked about. */
int cli_delete(struct cli *cli, const struct deletion *what,
	       const struct strings *words, struct vmctl_error *err);

#endif
