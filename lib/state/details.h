/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef STATE_DETAILS_H
#define STATE_DETAILS_H

#include "state/db.h"
#include "state/state.h"

/* Private to lib/state. All rows of a statement that was just begun, each of
 * which `read` makes. */
int instances_collect(struct state *db, sqlite3_stmt *stmt,
		      int (*read)(sqlite3_stmt *stmt,
				  struct vmctl_instance **ret,
				  struct vmctl_error *err),
		      struct vmctl_instance_list **ret,
		      struct vmctl_error *err);

/* Reads what stands in other tables into rows that have
 * none of it yet: keys, interfaces, labels, ports. One query of each for all
 * rows: as many as there are rows cost more than all else in a long list. */
int details_read(struct state *db, struct vmctl_instance *const *rows, size_t n,
		 struct vmctl_error *err);

/* The first interface alone, of those that are not "user", for rows that have
 * nothing of it yet. */
int details_read_network(struct state *db, struct vmctl_instance *const *rows,
			 size_t n, struct vmctl_error *err);

#endif
