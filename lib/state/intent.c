/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/state.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/proc.h"
#include "state/db.h"
#include "state/intent.h"

#define COLUMNS "instance, verb, step, pid, start_time, boot_id, command"

static void copy_text(sqlite3_stmt *stmt, int column, char *out, size_t size)
{
	const char *text = (const char *)sqlite3_column_text(stmt, column);

	snprintf(out, size, "%s", text ? text : "");
}

static void read_intent(sqlite3_stmt *stmt, struct state_intent *out)
{
	copy_text(stmt, 0, out->id, sizeof(out->id));
	copy_text(stmt, 1, out->verb, sizeof(out->verb));
	copy_text(stmt, 2, out->step, sizeof(out->step));
	out->pid = (pid_t)sqlite3_column_int64(stmt, 3);
	out->start_time = (uint64_t)sqlite3_column_int64(stmt, 4);
	copy_text(stmt, 5, out->boot_id, sizeof(out->boot_id));
	copy_text(stmt, 6, out->command, sizeof(out->command));
}

static bool alive(const struct state_intent *in)
{
	return str_eq(in->boot_id, proc_boot_id()) &&
	       proc_alive(in->pid, in->start_time);
}

/* A deletion has destroyed something already: forgotten, it would leave an
 * instance that starts without what it had. Only another one takes its place.
 */
static int refuse_deleted(const char *id, struct vmctl_error *err)
{
	fail(err, VMCTL_BUSY, 0, "%s is being deleted", id);
	fail_hint(err, "vmctl delete %s goes on with it", id);
	return -VMCTL_BUSY;
}

/* An intent of a living process other than this one. A dead one may be taken
 * over by whoever holds the instance's lock. */
static int refuse_other(struct state *db, const char *id, const char *verb,
			struct vmctl_error *err)
{
	auto_stmt sqlite3_stmt *stmt = NULL;
	struct state_intent old;
	int r;

	r = sql_query(db, &stmt, err,
		      "SELECT " COLUMNS " FROM intent WHERE instance = ?", "t",
		      id);
	if (r == 0)
		r = sql_step(db, stmt, err);
	if (r <= 0)
		return r;
	read_intent(stmt, &old);
	if (!alive(&old) && str_eq(old.verb, "delete") &&
	    !str_eq(verb, "delete"))
		return refuse_deleted(id, err);
	if (old.pid == getpid() || !alive(&old))
		return 0;
	r = fail(err, VMCTL_BUSY, 0, "process %ld (%s) is at work on %s",
		 (long)old.pid, old.command, id);
	fail_hint(err, "try again when it is done");
	return r;
}

int intent_put(struct state *db, const char *id, const char *verb,
	       const char *command, struct vmctl_error *err)
{
	pid_t pid = getpid();
	int r = refuse_other(db, id, verb, err);

	if (r < 0)
		return r;
	return sql_run(db, NULL, err,
		       "INSERT OR REPLACE INTO intent (" COLUMNS ", begun_at)"
		       " VALUES (?, ?, '', ?, ?, ?, ?, ?)",
		       "ttiitti", id, verb, (int64_t)pid,
		       (int64_t)proc_start_time(pid), proc_boot_id(),
		       command ? command : "vmctl", clock_now());
}

int state_intent_begin(struct state *db, const char *id, const char *verb,
		       const char *command, struct vmctl_error *err)
{
	auto_rollback struct state *txn = db;
	bool known;
	int r = txn_begin(db, err);

	if (r == 0)
		r = sql_exists(db, &known, NULL, err,
			       "SELECT 1 FROM instance WHERE id = ?", "t", id);
	if (r == 0 && !known)
		r = fail(err, VMCTL_NOT_FOUND, 0, "no instance has the id %s",
			 id);
	if (r == 0)
		r = intent_put(db, id, verb, command, err);
	return r < 0 ? r : txn_commit(db, err);
}

int state_intent_step(struct state *db, const char *id, const char *step,
		      struct vmctl_error *err)
{
	auto_rollback struct state *txn = db;
	int changes, r = txn_begin(db, err);

	if (r == 0)
		r = sql_run(db, &changes, err,
			    "UPDATE intent SET step = ? WHERE instance = ?",
			    "tt", step, id);
	if (r == 0 && changes == 0)
		r = fail(err, VMCTL_NOT_FOUND, 0,
			 "no work on %s is recorded as begun", id);
	return r < 0 ? r : txn_commit(db, err);
}

int state_intent_end(struct state *db, const char *id, struct vmctl_error *err)
{
	auto_rollback struct state *txn = db;
	int r = txn_begin(db, err);

	if (r == 0)
		r = sql_run(db, NULL, err,
			    "DELETE FROM intent WHERE instance = ?", "t", id);
	return r < 0 ? r : txn_commit(db, err);
}

int state_intent_dead(struct state *db, struct state_intent **ret,
		      size_t *ret_n, struct vmctl_error *err)
{
	auto_stmt sqlite3_stmt *stmt = NULL;
	auto_free struct state_intent *list = NULL;
	size_t n = 0;
	int r;

	r = sql_query(db, &stmt, err,
		      "SELECT " COLUMNS " FROM intent ORDER BY begun_at", "");
	while (r >= 0 && (r = sql_step(db, stmt, err)) == 1) {
		struct state_intent *more =
			reallocarray(list, n + 1, sizeof(*list));

		if (!more)
			return fail_oom(err);
		list = more;
		read_intent(stmt, &list[n]);
		if (!alive(&list[n]))
			n++;
	}
	if (r < 0)
		return r;
	*ret = take_ptr(&list);
	*ret_n = n;
	return 0;
}
