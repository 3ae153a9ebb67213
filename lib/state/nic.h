/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef STATE_NIC_H
#define STATE_NIC_H

#include "state/state.h"

/* Private to lib/state: parts of a transaction of the caller's. */

int nics_put(struct state *db, const char *id, const struct state_nic *nics,
	     size_t n, struct vmctl_error *err);

/* MACs and addresses are free again. */
int nics_release(struct state *db, const char *id, struct vmctl_error *err);

#endif
