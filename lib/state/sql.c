/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/db.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

static bool disk_full(const char *path)
{
	struct statvfs st;

	return statvfs(path, &st) == 0 && st.f_bavail == 0;
}

static int fail_full(struct state *db, struct vmctl_error *err)
{
	int r = fail(err, VMCTL_LIMIT, 0,
		     "cannot write %s: no space left on the disk", db->path);

	fail_hint(err,
		  "free some disk space and run the command again; nothing "
		  "that was recorded is lost");
	return r;
}

static int fail_damaged(struct state *db, struct vmctl_error *err)
{
	int r = fail(err, VMCTL_BAD_DATA, 0, "the database %s is damaged: %s",
		     db->path, sqlite3_errmsg(db->db));

	fail_hint(err,
		  "keep it and start anew: mv '%s' '%s.damaged' (disks and "
		  "images stay)",
		  db->path, db->path);
	return r;
}

static int fail_denied(struct state *db, int rc, struct vmctl_error *err)
{
	bool reading = (rc & 0xff) == SQLITE_CANTOPEN;
	int r;

	r = fail(err, VMCTL_DENIED, 0, "cannot %s the database %s: %s",
		 reading ? "open" : "write", db->path,
		 (rc & 0xff) == SQLITE_READONLY ? "it is read-only"
						: sqlite3_errmsg(db->db));
	fail_hint(err, "look at its permissions: ls -l '%s'", db->path);
	return r;
}

int sql_fail(struct state *db, int rc, struct vmctl_error *err)
{
	int sys = sqlite3_system_errno(db->db), r;

	switch (rc & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		r = fail(err, VMCTL_BUSY, 0, "another process is writing to %s",
			 db->path);
		fail_hint(err, "try again, or wait longer with --timeout");
		return r;
	case SQLITE_NOMEM:
		return fail_oom(err);
	case SQLITE_FULL:
		return fail_full(db, err);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return fail_damaged(db, err);
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return fail_denied(db, rc, err);
	case SQLITE_IOERR:
		/* Some paths, such as growing the shared memory file, do not
		 * tell a full disk from other trouble. */
		if (sys == ENOSPC || sys == EDQUOT || disk_full(db->path))
			return fail_full(db, err);
		return fail(err, VMCTL_FAILED, sys, "cannot use %s", db->path);
	default:
		return fail(err, VMCTL_INTERNAL, 0, "the database %s: %s",
			    db->path, sqlite3_errmsg(db->db));
	}
}

static int bind_all(struct state *db, sqlite3_stmt *stmt, const char *types,
		    va_list args, struct vmctl_error *err)
{
	for (int i = 0; types[i]; i++) {
		int rc;

		if (types[i] == 't') {
			rc = sqlite3_bind_text(stmt, i + 1,
					       va_arg(args, const char *), -1,
					       SQLITE_STATIC);
		} else if (types[i] == 'b') {
			const void *bytes = va_arg(args, const void *);

			rc = sqlite3_bind_blob64(
				stmt, i + 1, bytes,
				(sqlite3_uint64)va_arg(args, int64_t),
				SQLITE_STATIC);
		} else
			rc = sqlite3_bind_int64(stmt, i + 1,
						va_arg(args, int64_t));
		if (rc != SQLITE_OK)
			return sql_fail(db, rc, err);
	}
	return 0;
}

static int query(struct state *db, sqlite3_stmt **ret, struct vmctl_error *err,
		 const char *sql, const char *types, va_list args)
{
	auto_stmt sqlite3_stmt *stmt = NULL;
	int rc, r;

	rc = sqlite3_prepare_v2(db->db, sql, -1, &stmt, NULL);
	if (rc != SQLITE_OK)
		return sql_fail(db, rc, err);
	r = bind_all(db, stmt, types, args, err);
	if (r < 0)
		return r;
	*ret = take_ptr(&stmt);
	return 0;
}

int sql_query(struct state *db, sqlite3_stmt **ret, struct vmctl_error *err,
	      const char *sql, const char *types, ...)
{
	va_list args;
	int r;

	va_start(args, types);
	r = query(db, ret, err, sql, types, args);
	va_end(args);
	return r;
}

int sql_step(struct state *db, sqlite3_stmt *stmt, struct vmctl_error *err)
{
	int rc = sqlite3_step(stmt);

	if (rc == SQLITE_ROW)
		return 1;
	return rc == SQLITE_DONE ? 0 : sql_fail(db, rc, err);
}

int sql_run(struct state *db, int *changes, struct vmctl_error *err,
	    const char *sql, const char *types, ...)
{
	auto_stmt sqlite3_stmt *stmt = NULL;
	va_list args;
	int r;

	va_start(args, types);
	r = query(db, &stmt, err, sql, types, args);
	va_end(args);
	if (r == 0)
		r = sql_step(db, stmt, err);
	if (r < 0)
		return r;
	if (changes)
		*changes = sqlite3_changes(db->db);
	if (sqlite3_get_autocommit(db->db)) {
		/* Reset first: a statement under way is a transaction. */
		sqlite3_reset(stmt);
		watch_committed(db);
	}
	return 0;
}

int sql_exists(struct state *db, bool *ret, char **ret_first,
	       struct vmctl_error *err, const char *sql, const char *types, ...)
{
	auto_stmt sqlite3_stmt *stmt = NULL;
	va_list args;
	int r;

	va_start(args, types);
	r = query(db, &stmt, err, sql, types, args);
	va_end(args);
	if (r == 0)
		r = sql_step(db, stmt, err);
	if (r < 0)
		return r;
	if (r == 1 && ret_first && !sql_text(stmt, 0, ret_first))
		return fail_oom(err);
	*ret = r == 1;
	return 0;
}

bool sql_text(sqlite3_stmt *stmt, int column, char **ret)
{
	const char *text = (const char *)sqlite3_column_text(stmt, column);
	char *copy;

	/* A NULL text of a column that is not NULL: SQLite had no memory. */
	if (!text && sqlite3_column_type(stmt, column) != SQLITE_NULL)
		return false;
	copy = strdup(text ? text : "");
	if (!copy)
		return false;
	*ret = copy;
	return true;
}

bool sql_texts(sqlite3_stmt *stmt, int column, char **const texts[], size_t n,
	       char **ret, size_t *ret_n)
{
	size_t sizes[SQL_TEXTS_MAX], total = 0;
	const char *from[SQL_TEXTS_MAX];
	char *block;

	for (size_t i = 0; i < n; i++) {
		from[i] = (const char *)sqlite3_column_text(stmt,
							    column + (int)i);
		if (!from[i] &&
		    sqlite3_column_type(stmt, column + (int)i) != SQLITE_NULL)
			return false;
		sizes[i] = from[i] ? strlen(from[i]) : 0;
		total += sizes[i] + 1;
	}
	block = malloc(total);
	if (!block)
		return false;
	*ret = block;
	*ret_n = total;
	for (size_t i = 0; i < n; i++) {
		*texts[i] = block;
		if (sizes[i])
			memcpy(block, from[i], sizes[i]);
		block[sizes[i]] = '\0';
		block += sizes[i] + 1;
	}
	return true;
}

void sql_copy(sqlite3_stmt *stmt, int column, char *out, size_t n)
{
	const char *text = (const char *)sqlite3_column_text(stmt, column);
	size_t len = text ? strnlen(text, n - 1) : 0;

	if (len)
		memcpy(out, text, len);
	out[len] = '\0';
}

int sql_exec(struct state *db, const char *sql, struct vmctl_error *err)
{
	int rc = sqlite3_exec(db->db, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : sql_fail(db, rc, err);
}

int txn_begin(struct state *db, struct vmctl_error *err)
{
	if (db->read_only)
		return sql_fail(db, db->read_only, err);
	int r = watch_begin(db, err);

	return r < 0 ? r : sql_exec(db, "BEGIN IMMEDIATE", err);
}

int txn_commit(struct state *db, struct vmctl_error *err)
{
	int r = sql_exec(db, "COMMIT", err);

	if (r == 0)
		watch_committed(db);
	return r;
}

void txn_cleanup(struct state **db)
{
	int saved = errno;

	/* Some failures have rolled back already. */
	if (*db && !sqlite3_get_autocommit((*db)->db))
		sqlite3_exec((*db)->db, "ROLLBACK", NULL, NULL, NULL);
	errno = saved;
}
