/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef STATE_NIC_H
#define STATE_NIC_H

#include "state/db.h"
#include "state/state.h"

/* Private to lib/state: parts of a transaction of the caller's. */

int nics_put(struct state *db, const char *id, const struct state_nic *nics,
	     size_t n, struct vmctl_error *err);

/* The interfaces of an instance in order, and one row of that. */
#define NIC_COLUMNS                                                            \
	"SELECT instance, kind, source, mac, address, reserved FROM nic"
#define SELECT_NICS NIC_COLUMNS " WHERE instance = ? ORDER BY position"
void nic_read(sqlite3_stmt *stmt, struct state_nic *out);

/* MACs and addresses are free again. */
int nics_release(struct state *db, const char *id, struct vmctl_error *err);

#endif
