/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef STATE_INTENT_H
#define STATE_INTENT_H

#include "state/db.h"

/* Private to lib/state. Writes the intent of this process within the
 * transaction that is open. */
int intent_put(struct state *db, const char *id, const char *verb,
	       const char *command, struct vmctl_error *err);

#endif
