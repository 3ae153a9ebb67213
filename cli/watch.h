/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CLI_WATCH_H
#define CLI_WATCH_H

#include "cli/command.h"

/*
 * The list of instances as it changes. Tables are drawn on the terminal, one
 * over the other; JSON is written as a whole again when any of it has changed,
 * and of ndjson what has changed:
 *
 * one complete record for each instance that is new in the list, that has
 * changed, or that was in the list and is not any more, as it is then: deleted
 * ones are "terminated".
 */
struct watch {
	unsigned flags; /* of vmctl_instance_list() */
	const struct strings *selectors;
	int64_t interval_ms; /* to look again though nothing is reported */
};

/* Until an interrupt, or q on a terminal: 0. Other signals: VMCTL_CANCELLED.
 * VMCTL_INVALID for other formats, and for tables without a terminal. */
int watch_run(struct cli *cli, const struct watch *w, struct vmctl_error *err);

/* --- follow.c: which records are to be written ---------------------------- */

struct filter;
struct follow;

/* What was written is known by id. */
struct follow *follow_new(void); /* NULL: no memory */
void follow_free(struct follow *f);

/* Whether `line`, the record of the instance `id` as it is now, is news;
 * `listed`: the list has it. */
int follow_note(struct follow *f, const char *id, const char *line, bool listed,
		bool *ret_news, struct vmctl_error *err);

#endif
