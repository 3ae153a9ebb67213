/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef STATE_FACT_H
#define STATE_FACT_H

#include <stdbool.h>

#include "base/error.h"

/* Part of state.h: facts about this host that are dear to find, and about this
 * home. */

struct state;

/* *ret is NULL when nothing is known under `key` for this `scope` (boot id and
 * kernel, so that a verdict does not outlive them). The caller frees it. */
int state_fact_get(struct state *db, const char *key, const char *scope,
		   char **ret, struct vmctl_error *err);
int state_fact_set(struct state *db, const char *key, const char *scope,
		   const char *value, struct vmctl_error *err);

/* Sets it only when nothing is known under `key`; *ret is what is known then.
 * The caller frees it. */
int state_fact_first(struct state *db, const char *key, const char *scope,
		     const char *value, char **ret, struct vmctl_error *err);
/* As state_fact_get(), of the database in another directory, of which nothing
 * is changed. */
int state_peek_fact(const char *dir, const char *key, const char *scope,
		    char **ret, struct vmctl_error *err);
int state_fact_unset(struct state *db, const char *key, const char *scope,
		     struct vmctl_error *err);

/* Whether a session with the instance was ever opened as that user, or, with
 * "", as anybody: its keys are in place then. Not knowing is not an error, nor
 * is not being able to record it. */
bool state_was_entered(struct state *db, const char *id, const char *user);
void state_set_entered(struct state *db, const char *id, const char *user);
/* Of instances that have no record any more. */
int state_forget_entered(struct state *db, struct vmctl_error *err);

#endif
