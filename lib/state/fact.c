/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/state.h"

#include "base/clock.h"
#include "base/str.h"
#include "state/db.h"

int state_fact_get(struct state *db, const char *key, const char *scope,
		   char **ret, struct vmctl_error *err)
{
	char *value = NULL;
	bool known;
	int r = sql_exists(db, &known, &value, err,
			   "SELECT value FROM fact WHERE key = ? AND scope = ?",
			   "tt", key, scope);

	if (r == 0)
		*ret = value;
	return r;
}

int state_fact_set(struct state *db, const char *key, const char *scope,
		   const char *value, struct vmctl_error *err)
{
	auto_rollback struct state *txn = db;
	int r = txn_begin(db, err);

	if (r == 0)
		r = sql_run(db, NULL, err,
			    "INSERT OR REPLACE INTO fact (key, scope, value,"
			    " set_at) VALUES (?, ?, ?, ?)",
			    "ttti", key, scope, value, clock_now());
	return r < 0 ? r : txn_commit(db, err);
}

int state_fact_first(struct state *db, const char *key, const char *scope,
		     const char *value, char **ret, struct vmctl_error *err)
{
	auto_rollback struct state *txn = db;
	auto_free char *first = NULL;
	bool known;
	int r = txn_begin(db, err);

	if (r == 0)
		r = sql_run(db, NULL, err,
			    "INSERT OR IGNORE INTO fact (key, scope, value,"
			    " set_at) VALUES (?, ?, ?, ?)",
			    "ttti", key, scope, value, clock_now());
	if (r == 0)
		r = sql_exists(db, &known, &first, err,
			       "SELECT value FROM fact WHERE key = ?", "t",
			       key);
	if (r == 0)
		r = txn_commit(db, err);
	if (r == 0)
		*ret = take_ptr(&first);
	return r;
}

int state_fact_unset(struct state *db, const char *key, const char *scope,
		     struct vmctl_error *err)
{
	auto_rollback struct state *txn = db;
	int r = txn_begin(db, err);

	if (r == 0)
		r = sql_run(db, NULL, err,
			    "DELETE FROM fact WHERE key = ? AND scope = ?",
			    "tt", key, scope);
	return r < 0 ? r : txn_commit(db, err);
}

/* The facts of an instance that it was entered, by anybody and by a user. */
#define ENTERED "entered/"

bool state_was_entered(struct state *db, const char *id, const char *user)
{
	auto_free char *key = str_printf(ENTERED "%s/%s", id, user);
	auto_free char *value = NULL;

	return key && state_fact_get(db, key, "", &value, NULL) == 0 && value;
}

void state_set_entered(struct state *db, const char *id, const char *user)
{
	auto_free char *key = str_printf(ENTERED "%s/%s", id, user);

	if (key && !state_was_entered(db, id, user))
		(void)state_fact_set(db, key, "", "", NULL);
}

int state_forget_entered(struct state *db, struct vmctl_error *err)
{
	return sql_run(db, NULL, err,
		       "DELETE FROM fact WHERE key GLOB '" ENTERED "*'"
		       " AND NOT EXISTS (SELECT 1 FROM instance WHERE"
		       " key GLOB '" ENTERED "' || id || '/*')",
		       "");
}

int state_stores_files(struct state *db, bool *ret, struct vmctl_error *err)
{
	return sql_exists(db, ret, NULL, err,
			  "SELECT 1 FROM image_file UNION ALL SELECT 1"
			  " FROM instance WHERE state <> 'terminated'",
			  "");
}
