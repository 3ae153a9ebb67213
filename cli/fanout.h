/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CLI_FANOUT_H
#define CLI_FANOUT_H

#include "cli/command.h"
#include "cli/outcome.h"
#include "cli/targets.h"

/*
 * One command on several instances: each in a process of its own with a library
 * context of its own, some at a time, while this process alone writes what they
 * say. An error of one is shown when it comes and stops nobody else.
 */
struct fanout {
	struct vmctl_exec what; /* its descriptors are not looked at */
	int64_t jobs;		/* how many at a time */
	bool prefix;		/* lines with names; else bytes as they come */
	int in;		 /* descriptor of the one instance, or of a file that
			  * each reads from its beginning; -1: none */
	bool in_shared;	 /* it is such a file */
	const char *dir; /* where each one's output goes to; or NULL */
};

/*
 * Fills `ret`, which has room for all, in their order; messages are freed by
 * the caller. Closes the library's context: nothing may be open when processes
 * are made. Succeeds however the commands end. VMCTL_CANCELLED; VMCTL_FAILED
 * when the output cannot be written, with err->sys_errno EPIPE when its reader
 * went away: all are ended then.
 */
int fanout_run(struct cli *cli, const struct fanout *f, const struct bound *b,
	       size_t n, struct outcome *ret, struct vmctl_error *err);

#endif
