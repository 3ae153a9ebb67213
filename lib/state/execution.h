/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef STATE_EXECUTION_H
#define STATE_EXECUTION_H

#include <vmctl/execution.h>

#include "state/state.h"

/*
 * Commands run in guests. A row is written when one begins, with the identity
 * of this process, and again at its end. Nothing hangs on these rows, so unlike
 * all others they are not waited for: neither for the disk nor, beyond a
 * moment, for another writer.
 */

/* Of *e: instance, name, user, argv, started_at_ms. *ret is the row's id. */
int state_execution_begin(struct state *db, const struct vmctl_execution *e,
			  int64_t *ret, struct vmctl_error *err);

/* The rest of *e. e->id is what begin gave, or 0 when it failed: the row is
 * written now, then. */
int state_execution_end(struct state *db, const struct vmctl_execution *e,
			struct vmctl_error *err);

/* The newest first, of an instance by its id or of all; `each` says whether
 * there shall be more. The row is the callee's to free. */
int state_execution_each(struct state *db, const char *instance,
			 const char *name,
			 bool (*each)(struct vmctl_execution *e, void *data),
			 void *data, struct vmctl_error *err);

/* Forgets what began before that time. */
int state_execution_forget(struct state *db, int64_t before,
			   struct vmctl_error *err);

#endif
