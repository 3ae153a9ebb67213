/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/execution.h"

#include "base/proc.h"
#include "state/db.h"

/* How long other writers may keep a command waiting, and what is known once it
 * has ended. */
#define BEGIN_MS 250
#define END_MS 2000

DEFINE_CLEANUP(execution, struct vmctl_execution *, vmctl_execution_free);
#define auto_execution auto_cleanup(execution_cleanup)

/* For the time of a write that nobody has to wait for. */
static void hurry(struct state *db, int busy_ms)
{
	sqlite3_busy_timeout(db->db, busy_ms);
	(void)sql_exec(db, "PRAGMA synchronous = NORMAL", NULL);
}

static void hurry_no_more(struct state **db)
{
	int saved = errno;

	/* Not within a transaction: this is the outer scope of one. */
	(void)sql_exec(*db, "PRAGMA synchronous = FULL", NULL);
	sqlite3_busy_timeout((*db)->db,
			     (*db)->busy_ms > 0 ? (int)(*db)->busy_ms : 0);
	errno = saved;
}
#define auto_hurry auto_cleanup(hurry_no_more)

static void pack(char *const *argv, struct str *out)
{
	for (; argv && *argv; argv++)
		str_addn(out, *argv, strlen(*argv) + 1);
}

static int insert(struct state *db, const struct vmctl_execution *e,
		  struct vmctl_error *err)
{
	pid_t pid = getpid();
	auto_str argv = STR_INIT;

	pack(e->argv, &argv);
	if (argv.oom)
		return fail_oom(err);
	return sql_run(db, NULL, err,
		       "INSERT INTO execution (instance, name, user, argv,"
		       " transport, pid, start_time, boot_id, started_at_ms,"
		       " signal, timed_out, bytes_in, bytes_out, bytes_err,"
		       " error) VALUES (?, ?, ?, ?, '', ?, ?, ?, ?, 0, 0, 0, 0,"
		       " 0, '')",
		       "tttbiiti", e->instance, e->name, e->user,
		       str_text(&argv), (int64_t)argv.len, (int64_t)pid,
		       (int64_t)proc_start_time(pid), proc_boot_id(),
		       e->started_at_ms);
}

int state_execution_begin(struct state *db, const struct vmctl_execution *e,
			  int64_t *ret, struct vmctl_error *err)
{
	auto_hurry struct state *quick = db;
	auto_rollback struct state *txn = db;
	int64_t id = 0;
	int r;

	hurry(db, BEGIN_MS);
	r = txn_begin(db, err);
	if (r == 0)
		r = insert(db, e, err);
	if (r == 0) {
		id = sqlite3_last_insert_rowid(db->db);
		r = txn_commit(db, err);
	}
	if (r == 0)
		*ret = id;
	return r;
}

int state_execution_end(struct state *db, const struct vmctl_execution *e,
			struct vmctl_error *err)
{
	auto_hurry struct state *quick = db;
	auto_rollback struct state *txn = db;
	int64_t id = e->id;
	int r;

	hurry(db, END_MS);
	r = txn_begin(db, err);
	if (r == 0 && !id) {
		r = insert(db, e, err);
		id = sqlite3_last_insert_rowid(db->db);
	}
	if (r == 0)
		r = sql_run(db, NULL, err,
			    "UPDATE execution SET duration_ms = ?,"
			    " status = iif(?2 < 0, NULL, ?2), signal = ?,"
			    " timed_out = ?, bytes_in = ?, bytes_out = ?,"
			    " bytes_err = ?, transport = ?, error = ?"
			    " WHERE id = ?",
			    "iiiiiiitti", e->duration_ms, e->status, e->signal,
			    (int64_t)e->timed_out, e->bytes_in, e->bytes_out,
			    e->bytes_err, e->transport ? e->transport : "",
			    e->error ? e->error : "", id);
	return r < 0 ? r : txn_commit(db, err);
}

static int unpack(const char *bytes, size_t n, char ***ret,
		  struct vmctl_error *err)
{
	auto_strv char **argv = strv_dup(NULL);

	if (!argv)
		return fail_oom(err);
	/* Each ends with a zero byte; a row that does not is not ours. */
	while (n && memchr(bytes, '\0', n)) {
		size_t len = strlen(bytes) + 1;

		if (strv_append(&argv, bytes) < 0)
			return fail_oom(err);
		bytes += len;
		n -= len;
	}
	*ret = take_ptr(&argv);
	return 0;
}

#define COLUMNS                                                                \
	"instance, name, user, transport, error, boot_id, id, pid, "           \
	"start_time,"                                                          \
	" started_at_ms, coalesce(duration_ms, -1), coalesce(status, -1),"     \
	" signal, timed_out, bytes_in, bytes_out, bytes_err, argv"

static enum vmctl_execution_state state_of(const struct vmctl_execution *e,
					   const char *boot_id, uint64_t start)
{
	if (e->duration_ms >= 0)
		return e->status >= 0 ? VMCTL_EXECUTION_DONE
				      : VMCTL_EXECUTION_FAILED;
	return boot_id && str_eq(boot_id, proc_boot_id()) &&
			       proc_alive((pid_t)e->pid, start)
		       ? VMCTL_EXECUTION_RUNNING
		       : VMCTL_EXECUTION_LOST;
}

static int read_row(sqlite3_stmt *stmt, struct vmctl_execution **ret,
		    struct vmctl_error *err)
{
	auto_execution struct vmctl_execution *e = calloc(1, sizeof(*e));
	int r;

	if (!e || !sql_text(stmt, 0, &e->instance) ||
	    !sql_text(stmt, 1, &e->name) || !sql_text(stmt, 2, &e->user) ||
	    !sql_text(stmt, 3, &e->transport) || !sql_text(stmt, 4, &e->error))
		return fail_oom(err);
	e->id = sqlite3_column_int64(stmt, 6);
	e->pid = sqlite3_column_int64(stmt, 7);
	e->started_at_ms = sqlite3_column_int64(stmt, 9);
	e->duration_ms = sqlite3_column_int64(stmt, 10);
	e->status = sqlite3_column_int64(stmt, 11);
	e->signal = sqlite3_column_int64(stmt, 12);
	e->timed_out = sqlite3_column_int64(stmt, 13);
	e->bytes_in = sqlite3_column_int64(stmt, 14);
	e->bytes_out = sqlite3_column_int64(stmt, 15);
	e->bytes_err = sqlite3_column_int64(stmt, 16);
	r = unpack(sqlite3_column_blob(stmt, 17),
		   (size_t)sqlite3_column_bytes(stmt, 17), &e->argv, err);
	if (r < 0)
		return r;
	e->state = state_of(e, (const char *)sqlite3_column_text(stmt, 5),
			    (uint64_t)sqlite3_column_int64(stmt, 8));
	*ret = take_ptr(&e);
	return 0;
}

int state_execution_each(struct state *db, const char *instance,
			 const char *name,
			 bool (*each)(struct vmctl_execution *e, void *data),
			 void *data, struct vmctl_error *err)
{
	auto_stmt sqlite3_stmt *stmt = NULL;
	int r = sql_query(db, &stmt, err,
			  "SELECT " COLUMNS " FROM execution WHERE"
			  " (?1 IS NULL OR instance = ?1) AND"
			  " (?2 IS NULL OR name = ?2 COLLATE NOCASE)"
			  " ORDER BY id DESC",
			  "tt", instance, name);

	while (r >= 0 && (r = sql_step(db, stmt, err)) == 1) {
		struct vmctl_execution *e = NULL;

		r = read_row(stmt, &e, err);
		if (r == 0 && !each(e, data))
			break;
	}
	return r;
}

int state_execution_forget(struct state *db, int64_t before,
			   struct vmctl_error *err)
{
	auto_hurry struct state *quick = db;
	bool any;
	int r = sql_exists(db, &any, NULL, err,
			   "SELECT 1 FROM execution WHERE started_at_ms < ?",
			   "i", before * 1000);

	/* No write lock for nothing. */
	if (r < 0 || !any)
		return r;
	hurry(db, BEGIN_MS);
	return sql_run(db, NULL, err,
		       "DELETE FROM execution WHERE started_at_ms < ?", "i",
		       before * 1000);
}
