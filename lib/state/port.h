/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef STATE_PORT_H
#define STATE_PORT_H

#include "state/db.h"
#include "state/state.h"

/* Private to lib/state: parts of a transaction of the caller's. */

/* VMCTL_EXISTS, naming whom, when one of the ports belongs to an instance.
 * *ret_drawn (may be NULL): it was one that was drawn. */
int ports_refuse_clash(struct state *db, const struct state_port *ports,
		       size_t n, bool *ret_drawn, struct vmctl_error *err);

int ports_put(struct state *db, const char *id, const struct state_port *ports,
	      size_t n, struct vmctl_error *err);

int ports_release(struct state *db, const char *id, struct vmctl_error *err);

/* The forwards of an instance in order, and one row of that. */
#define PORT_COLUMNS                                                           \
	"SELECT instance, protocol, host_address, host_port, guest_port,"      \
	" going FROM port_forward"
#define PORT_ORDER "host_port, protocol, host_address"
#define PORTS_WHERE(going)                                                     \
	PORT_COLUMNS " WHERE instance = ? AND " going " ORDER BY " PORT_ORDER
#define SELECT_PORTS PORTS_WHERE("NOT going")
#define SELECT_GOING PORTS_WHERE("going")
void port_read(sqlite3_stmt *stmt, struct state_port *out);

#endif
