/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/clock.h"
#include "state/db.h"
#include "state/state.h"

/* A record comes before its network and may be left without one; another
 * process may be between the two. After this long it is not. */
#define MADE_WITHIN_S 3600

int state_network_add(struct state *db, const char *connection,
		      const char *name, const char *uuid,
		      struct vmctl_error *err)
{
	auto_rollback struct state *txn = db;
	int64_t now = clock_now();
	int r = txn_begin(db, err);

	/* What one of that name left that somebody else removed. */
	if (r == 0)
		r = sql_run(db, NULL, err,
			    "DELETE FROM network WHERE connection = ?"
			    " AND name = ? AND created_at < ?",
			    "tti", connection, name, now - MADE_WITHIN_S);
	if (r == 0)
		r = sql_run(db, NULL, err,
			    "INSERT INTO network (connection, name, uuid,"
			    " created_at) VALUES (?, ?, ?, ?)"
			    " ON CONFLICT DO NOTHING",
			    "ttti", connection, name, uuid, now);
	return r < 0 ? r : txn_commit(db, err);
}

/* Records of older versions have no UUID: they get that of the network which
 * has the name when it is first looked at. */
static void complete(struct state *db, const char *connection, const char *name,
		     const char *uuid)
{
	bool any = false;

	if (sql_exists(db, &any, NULL, NULL,
		       "SELECT 1 FROM network WHERE connection = ?"
		       " AND name = ? AND uuid = ''",
		       "tt", connection, name) == 0 &&
	    any)
		sql_run(db, NULL, NULL,
			"UPDATE OR REPLACE network SET uuid = ?"
			" WHERE connection = ? AND name = ? AND uuid = ''",
			"ttt", uuid, connection, name);
}

int state_network_made(struct state *db, const char *connection,
		       const char *name, const char *uuid, int64_t *ret,
		       struct vmctl_error *err)
{
	auto_stmt sqlite3_stmt *stmt = NULL;

	complete(db, connection, name, uuid);
	int r = sql_query(db, &stmt, err,
			  "SELECT created_at FROM network"
			  " WHERE connection = ? AND name = ? AND uuid = ?",
			  "ttt", connection, name, uuid);

	if (r == 0)
		r = sql_step(db, stmt, err);
	if (r < 0)
		return r;
	*ret = r ? sqlite3_column_int64(stmt, 0) : 0;
	return 0;
}

int state_network_forget(struct state *db, const char *connection,
			 const char *name, const char *uuid,
			 struct vmctl_error *err)
{
	return sql_run(db, NULL, err,
		       "DELETE FROM network WHERE connection = ? AND name = ?"
		       " AND uuid = ?",
		       "ttt", connection, name, uuid);
}
