/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CLI_OUTCOME_H
#define CLI_OUTCOME_H

#include "cli/command.h"

/* How a command ended on one of several instances. */
struct outcome {
	const char *name;
	bool ran;	/* the command; else `error` tells why not */
	int64_t status; /* of the command, else of the error */
	int64_t signal; /* that ended it, or 0 */
	bool timed_out;
	int64_t duration_ms;
	int64_t bytes_out, bytes_err;
	const char *transport; /* or NULL */
	const char *code;      /* "not-found", or NULL */
	char *message;	       /* in words, or NULL */
};

extern const struct record outcome_record;

/* Tells why a command has the status of a time-out. */
void outcome_tell_late(struct cli *cli, const char *name,
		       const struct vmctl_exit *exit);

/*
 * The exit status of all together: the highest of the statuses, as pdsh -S and
 * clush -S have it, where 255 is a failed connection and an instance on which
 * no command ran for another reason counts as 6. When none ran anywhere, and
 * all for the same reason, it is that reason's own status.
 */
int outcomes_status(const struct outcome *list, size_t n);

#endif
