/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef INSTANCE_EXECUTION_H
#define INSTANCE_EXECUTION_H

#include <vmctl/execution.h>

#include "instance/instance.h"

/*
 * The record of one command: begun before anything is done, ended whatever
 * came of it. Neither fails: what cannot be recorded is a warning.
 */
struct recording {
	struct vmctl *ctx;
	struct vmctl_execution row; /* its strings are borrowed */
	bool off;
	char *instance, *name, *user; /* in `row` */
};

void recording_begin(struct recording *rec, struct vmctl *ctx,
		     const struct vmctl_instance *row,
		     const struct vmctl_exec *what);

/* `r` and `why` are what the call returns, *exit is valid for 0. */
void recording_end(struct recording *rec, int r, const struct vmctl_exit *exit,
		   const struct vmctl_error *why);

#endif
