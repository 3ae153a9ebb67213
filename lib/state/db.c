/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "state/db.h"
#include "state/health.h"

DEFINE_CLEANUP(state, struct state *, state_close);

/*
 * Makes the empty file ourselves: SQLite would give it the mode of the umask,
 * and its -wal and -shm files take over the mode of the database.
 *
 * Only with O_EXCL: to open and close an existing database here would drop the
 * POSIX locks that another handle of this process has on it.
 */
static void create_private(const char *path)
{
	auto_close int fd =
		open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd >= 0 && fchmod(fd, 0600) < 0)
		unlink(path);
	/* What is recorded is synced into it: it must be there itself. */
	else if (fd >= 0)
		(void)dir_sync_of(path, NULL);
}

static int handle_open(struct state *db, const char *name, int flags,
		       struct vmctl_error *err)
{
	int rc, r;

	sqlite3_close(take_ptr(&db->db));
	rc = sqlite3_open_v2(
		name, &db->db,
		flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
	if (!db->db)
		return fail_oom(err);
	if (rc != SQLITE_OK)
		return sql_fail(db, rc, err);
	sqlite3_busy_timeout(db->db, db->busy_ms > 0 ? (int)db->busy_ms : 0);
	/* FULL: a commit is on the disk before the effect that it announces, so
	 * that a power cut leaves no domain without its record. */
	r = sql_exec(db,
		     "PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL;"
		     "PRAGMA trusted_schema = OFF",
		     err);
	return r;
}

/* A URI filename in which nothing of the path can be taken for a parameter
 * (https://www.sqlite.org/uri.html). */
static int immutable_uri(const char *path, struct str *out)
{
	str_add(out, "file:");
	for (const unsigned char *p = (const unsigned char *)path; *p; p++) {
		if (*p == '%' || *p == '?' || *p == '#')
			str_addf(out, "%%%02x", *p);
		else
			str_addc(out, (char)*p);
	}
	str_add(out, "?immutable=1");
	return str_check(out, NULL);
}

/*
 * A WAL database needs its -shm file even to be read, and that cannot be made
 * in a folder that is not writable or on a full disk. Without a -wal file
 * beside it the main file is complete, and can be read as it is.
 */
static int open_immutable(struct state *db, int why, int *ret_version,
			  struct vmctl_error *err)
{
	auto_str uri = STR_INIT;
	auto_free char *wal = str_printf("%s-wal", db->path);
	struct stat st;
	int r;

	if (!wal || immutable_uri(db->path, &uri) < 0)
		return fail_oom(err);
	if (stat(wal, &st) == 0 && st.st_size > 0)
		return -VMCTL_FAILED;
	r = handle_open(db, uri.p, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, err);
	if (r == 0)
		r = migrate_version(db, STATE_VERSION, ret_version, err);
	if (r == 0)
		db->read_only = why;
	return r;
}

static int open_version(struct state *db, int *ret_version,
			struct vmctl_error *err)
{
	struct vmctl_error first = { 0 };
	int r, rc;

	create_private(db->path);
	r = handle_open(db, db->path, SQLITE_OPEN_READWRITE, &first);
	if (r == 0)
		r = migrate_version(db, STATE_VERSION, ret_version, &first);
	rc = sqlite3_extended_errcode(db->db);
	if (r == 0 && sqlite3_db_readonly(db->db, "main") == 1)
		db->read_only = SQLITE_READONLY;
	if (r == -VMCTL_DENIED || r == -VMCTL_LIMIT) {
		/* LIMIT: the disk is full. */
		rc = r == -VMCTL_LIMIT ? SQLITE_FULL : SQLITE_READONLY;
		if (open_immutable(db, rc, ret_version, NULL) == 0)
			return 0;
	}
	if (r < 0 && err)
		*err = first;
	return r;
}

/* Handle and path, and nothing opened. */
static int handle_new(const char *dir, long busy_timeout_ms, struct state **ret,
		      struct vmctl_error *err)
{
	auto_cleanup(state_cleanup) struct state *db = calloc(1, sizeof(*db));

	if (!db)
		return fail_oom(err);
	db->busy_ms = busy_timeout_ms;
	db->path = path_join(dir, "vmctl.db");
	if (!db->path)
		return fail_oom(err);
	*ret = take_ptr(&db);
	return 0;
}

int state_open(const char *dir, long busy_timeout_ms, struct state **ret,
	       struct vmctl_error *err)
{
	auto_cleanup(state_cleanup) struct state *db = NULL;
	int version = 0, r;

	r = dir_make(dir, 0700, err);
	if (r == 0)
		r = handle_new(dir, busy_timeout_ms, &db, err);
	if (r == 0)
		r = open_version(db, &version, err);
	if (r == 0 && version < STATE_VERSION) {
		r = migrate(db, &state_migrations, err);
		if (r == 0)
			r = sql_exec(db, "PRAGMA foreign_keys = ON", err);
	}
	if (r < 0)
		return r;
	*ret = take_ptr(&db);
	return 0;
}

int state_peek_fact(const char *dir, const char *key, const char *scope,
		    char **ret, struct vmctl_error *err)
{
	auto_cleanup(state_cleanup) struct state *db = NULL;
	int r = handle_new(dir, 0, &db, err);

	if (r == 0)
		r = handle_open(db, db->path, SQLITE_OPEN_READONLY, err);
	return r < 0 ? r : state_fact_get(db, key, scope, ret, err);
}

void state_close(struct state *db)
{
	if (!db)
		return;
	sqlite3_close(db->db);
	free(db->path);
	free(db);
}

/* --- a look at it --------------------------------------------------------- */

void state_health_done(struct state_health *health)
{
	free(health->finding);
	*health = (struct state_health){ 0 };
}

static int find_wrong(struct state *db, char **ret, struct vmctl_error *err)
{
	struct vmctl_error why = { 0 };
	int r = state_check(db, ret, err);

	if (r < 0 || *ret)
		return r;
	r = migrate_check_references(db, &why);
	if (r == -VMCTL_BAD_DATA) {
		*ret = strdup(why.message);
		return *ret ? 0 : fail_oom(err);
	}
	if (r < 0 && err)
		*err = why;
	return r;
}

int state_inspect(const char *dir, long busy_timeout_ms,
		  struct state_health *ret, struct vmctl_error *err)
{
	auto_cleanup(state_cleanup) struct state *db = NULL;
	struct state_health h = { .newest = STATE_VERSION };
	int r = handle_new(dir, busy_timeout_ms, &db, err);

	if (r == 0)
		h.exists = access(db->path, F_OK) == 0 || errno != ENOENT;
	if (r == 0 && h.exists)
		r = open_version(db, &h.version, err);
	if (r == 0 && h.version)
		r = find_wrong(db, &h.finding, err);
	if (r == 0 && h.exists)
		h.read_only = db->read_only != 0;
	*ret = h;
	return r;
}
