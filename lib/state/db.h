/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef STATE_DB_H
#define STATE_DB_H

/* Private to lib/state: the handle, and small helpers over SQLite. */

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include <vmctl/instance.h>

#include "base/cleanup.h"
#include "base/error.h"

#define STATE_VERSION 5
#define STATE_APPLICATION_ID 1986880372 /* "vmct", as in schema.sql */

struct state {
	sqlite3 *db;
	char *path;
	long busy_ms;
	int read_only; /* 0, or the SQLITE_ code that forbids writing */
	/* See state_watch(). */
	bool (*wanted)(void *data);
	void (*changed)(void *data);
	void *watch_data;
	bool watching;
	bool touched; /* by the transaction that is open */
	bool telling;
};

/* instance.c: "running" as the column has it; UNKNOWN for what it is not. */
enum vmctl_state state_parse(const char *text);

/* watch.c: before every transaction that writes, and after its commit. */
int watch_begin(struct state *db, struct vmctl_error *err);
void watch_committed(struct state *db);

/* --- sql.c --------------------------------------------------------------
 *
 * Parameters follow a string of types: 't' const char * (NULL is NULL), 'i'
 * int64_t (pass a cast value: these are variable arguments), 'b' const void *
 * and its length as int64_t. Text and blobs are bound without a copy: they must
 * outlive the statement.
 */
DEFINE_CLEANUP(stmt, sqlite3_stmt *, sqlite3_finalize);
#define auto_stmt auto_cleanup(stmt_cleanup)

/* Prepares and binds. The caller finalises *ret. */
int sql_query(struct state *db, sqlite3_stmt **ret, struct vmctl_error *err,
	      const char *sql, const char *types, ...);

/* 1: a row, 0: no more, or -code. */
int sql_step(struct state *db, sqlite3_stmt *stmt, struct vmctl_error *err);

/* A statement without rows. *changes (may be NULL): how many it touched. */
int sql_run(struct state *db, int *changes, struct vmctl_error *err,
	    const char *sql, const char *types, ...);

/* Whether the query has a row; *ret_first (may be NULL) gets a copy of the
 * first column's text, which the caller frees. */
int sql_exists(struct state *db, bool *ret, char **ret_first,
	       struct vmctl_error *err, const char *sql, const char *types,
	       ...);

/* A copy of a column's text; NULL gives "". false when memory is short. */
bool sql_text(sqlite3_stmt *stmt, int column, char **ret);

/* The same of n columns from that one on, at most SQL_TEXTS_MAX, in one
 * allocation of *ret_n bytes, which the caller frees: *texts[i] points into it.
 * Its last byte is the end of a text, and so an empty one. */
#define SQL_TEXTS_MAX 16
bool sql_texts(sqlite3_stmt *stmt, int column, char **const texts[], size_t n,
	       char **ret, size_t *ret_n);

/* The same into out[n], cut where it is longer. */
void sql_copy(sqlite3_stmt *stmt, int column, char *out, size_t n);

/* Statements without parameters or rows. */
int sql_exec(struct state *db, const char *sql, struct vmctl_error *err);

/* The failure that an SQLite code stands for, with what to do as hint. */
int sql_fail(struct state *db, int rc, struct vmctl_error *err);

/*
 * Transactions. After `auto_rollback struct state *txn = db;` every way out of
 * the scope that has not committed rolls back. Declare it before the
 * statements, so that they are finalised first.
 */
int txn_begin(struct state *db, struct vmctl_error *err);
int txn_commit(struct state *db, struct vmctl_error *err);
void txn_cleanup(struct state **db);
#define auto_rollback auto_cleanup(txn_cleanup)

/* --- migrations.c ------------------------------------------------------- */

/* steps[i] leads from version i + 1 to i + 2. */
struct migrations {
	const char *schema; /* of the newest version */
	const char *const *steps;
	int newest;
};
extern const struct migrations state_migrations;
extern const char state_schema[]; /* schema.sql, made by the makefile */

/* Brings the database to the newest version in one exclusive transaction.
 * Another process may be doing the same: the second finds nothing to do. */
int migrate(struct state *db, const struct migrations *m,
	    struct vmctl_error *err);

/* VMCTL_BAD_DATA when a row refers to a missing one. */
int migrate_check_references(struct state *db, struct vmctl_error *err);

/* The version, 0 for an empty database. VMCTL_BAD_DATA when it is newer than
 * `newest` or not vmctl's. */
int migrate_version(struct state *db, int newest, int *ret,
		    struct vmctl_error *err);

#endif
