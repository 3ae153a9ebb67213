/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef STATE_HEALTH_H
#define STATE_HEALTH_H

#include <stdbool.h>

#include "base/error.h"

/* A look at a database as it is: nothing is made or migrated. */
struct state_health {
	bool exists, read_only;
	int version, newest; /* of its format, and the one known here; 0: empty */
	char *finding; /* what is wrong in it: state_check(), and rows that
			* refer to missing ones; NULL: nothing */
};
/* Fails as state_open() does: that is a finding too. Nothing of *ret but
 * `exists` and `newest` is told then. */
int state_inspect(const char *dir, long busy_timeout_ms,
		  struct state_health *ret, struct vmctl_error *err);
void state_health_done(struct state_health *health);

#endif
