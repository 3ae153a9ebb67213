/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/db.h"

#include "base/clock.h"
#include "base/str.h"

/*
 * One entry for each older version, the SQL that leads to the next. An entry
 * never changes once it has been released: it must do the same on every
 * database of that version. Foreign keys are off while they run, so tables
 * may be rebuilt (https://www.sqlite.org/lang_altertable.html, section 7); they
 * are checked before the commit.
 */
static const char *const steps[STATE_VERSION] = {
	/* To 2: interfaces have a table, and instance.mac moves there. */
	"CREATE TABLE nic (\n"
	"\tinstance TEXT NOT NULL REFERENCES instance (id) ON DELETE CASCADE,\n"
	"\tposition INTEGER NOT NULL,\n"
	"\tkind TEXT NOT NULL CHECK (kind IN ('user', 'network', 'bridge')),\n"
	"\tsource TEXT NOT NULL,\n"
	"\tmac TEXT NOT NULL,\n"
	"\taddress TEXT,\n"
	"\treserved INTEGER NOT NULL CHECK (reserved IN (0, 1)),\n"
	"\tlive INTEGER NOT NULL CHECK (live IN (0, 1)),\n"
	"\tPRIMARY KEY (instance, position)\n"
	") STRICT, WITHOUT ROWID;\n"
	"INSERT INTO nic SELECT id, 0, 'user', '', mac, NULL, 0,\n"
	" state <> 'terminated' FROM instance;\n"
	"CREATE UNIQUE INDEX nic_mac ON nic (mac) WHERE live;\n"
	"CREATE UNIQUE INDEX nic_address ON nic (source, address)\n"
	"\tWHERE live AND reserved;\n"
	"DROP INDEX instance_mac;\n"
	"ALTER TABLE instance DROP COLUMN mac;\n"
	"CREATE TABLE network (\n"
	"\tconnection TEXT NOT NULL,\n"
	"\tname TEXT NOT NULL,\n"
	"\tcreated_at INTEGER NOT NULL,\n"
	"\tPRIMARY KEY (connection, name)\n"
	") STRICT, WITHOUT ROWID",
	/* To 3: where images come from. */
	"CREATE TABLE image_origin (\n"
	"\timage TEXT PRIMARY KEY REFERENCES image (name) ON DELETE CASCADE,\n"
	"\tsource TEXT NOT NULL,\n"
	"\tchecksum TEXT NOT NULL,\n"
	"\tverified_by TEXT NOT NULL CHECK (verified_by IN ('none', 'digest',\n"
	"\t\t'checksum', 'signature')),\n"
	"\tsigned_by TEXT NOT NULL\n"
	") STRICT, WITHOUT ROWID",
	/* To 4: labels, notes, forwarded ports, commands run in guests; images
	 * that make their own host keys, or have the agent. */
	"DROP INDEX image_source;\n"
	"ALTER TABLE image ADD COLUMN host_keys TEXT NOT NULL DEFAULT 'seed'\n"
	"\t\tCHECK (host_keys IN ('seed', 'guest'));\n"
	"ALTER TABLE image ADD COLUMN agent TEXT NOT NULL DEFAULT 'seed'\n"
	"\t\tCHECK (agent IN ('seed', 'image', 'none'));\n"
	"ALTER TABLE instance ADD COLUMN note TEXT NOT NULL DEFAULT '';\n"
	"DROP INDEX nic_address;\n"
	"CREATE INDEX nic_address ON nic (source, address)\n"
	"\tWHERE live AND reserved;\n"
	"CREATE TABLE port_forward (\n"
	"\tinstance TEXT NOT NULL REFERENCES instance (id) ON DELETE CASCADE,\n"
	"\tprotocol TEXT NOT NULL CHECK (protocol IN ('tcp', 'udp')),\n"
	"\thost_address TEXT NOT NULL,\n"
	"\thost_port INTEGER NOT NULL CHECK (host_port BETWEEN 1 AND 65535),\n"
	"\tguest_port INTEGER NOT NULL CHECK (guest_port BETWEEN 1 AND "
	"65535),\n"
	"\tgoing INTEGER NOT NULL DEFAULT 0 CHECK (going IN (0, 1)),\n"
	"\tPRIMARY KEY (protocol, host_address, host_port)\n"
	") STRICT, WITHOUT ROWID;\n"
	"CREATE INDEX port_forward_instance ON port_forward (instance);\n"
	"CREATE TABLE label (\n"
	"\tinstance TEXT NOT NULL REFERENCES instance (id) ON DELETE CASCADE,\n"
	"\tkey TEXT NOT NULL CHECK (length(key) BETWEEN 1 AND 63),\n"
	"\tvalue TEXT NOT NULL CHECK (length(value) <= 255),\n"
	"\tPRIMARY KEY (instance, key)\n"
	") STRICT, WITHOUT ROWID;\n"
	"CREATE INDEX label_key ON label (key, value);\n"
	"CREATE TABLE execution (\n"
	"\tid INTEGER PRIMARY KEY AUTOINCREMENT,\n"
	"\tinstance TEXT NOT NULL,\n"
	"\tname TEXT NOT NULL,\n"
	"\tuser TEXT NOT NULL,\n"
	"\targv BLOB NOT NULL,\n"
	"\ttransport TEXT NOT NULL,\n"
	"\tpid INTEGER NOT NULL,\n"
	"\tstart_time INTEGER NOT NULL,\n"
	"\tboot_id TEXT NOT NULL,\n"
	"\tstarted_at_ms INTEGER NOT NULL,\n"
	"\tduration_ms INTEGER,\n"
	"\tstatus INTEGER,\n"
	"\tsignal INTEGER NOT NULL,\n"
	"\ttimed_out INTEGER NOT NULL CHECK (timed_out IN (0, 1)),\n"
	"\tbytes_in INTEGER NOT NULL,\n"
	"\tbytes_out INTEGER NOT NULL,\n"
	"\tbytes_err INTEGER NOT NULL,\n"
	"\terror TEXT NOT NULL\n"
	") STRICT;\n"
	"CREATE INDEX execution_instance ON execution (instance);\n"
	"CREATE INDEX execution_started ON execution (started_at_ms)",
	/* To 5: the UUIDs of networks. */
	"ALTER TABLE network RENAME TO network_4;\n"
	"CREATE TABLE network (\n"
	"\tconnection TEXT NOT NULL,\n"
	"\tname TEXT NOT NULL,\n"
	"\tuuid TEXT NOT NULL,\n"
	"\tcreated_at INTEGER NOT NULL,\n"
	"\tPRIMARY KEY (connection, name, uuid)\n"
	") STRICT, WITHOUT ROWID;\n"
	"INSERT INTO network SELECT connection, name, '', created_at\n"
	" FROM network_4;\n"
	"DROP TABLE network_4",
	NULL, /* ends the table */
};

const struct migrations state_migrations = {
	.schema = state_schema,
	.steps = steps,
	.newest = STATE_VERSION,
};

static int pragma(struct state *db, const char *name, int *ret,
		  struct vmctl_error *err)
{
	auto_stmt sqlite3_stmt *stmt = NULL;
	auto_str sql = STR_INIT;
	int r;

	str_addf(&sql, "PRAGMA %s", name);
	r = str_check(&sql, err);
	if (r == 0)
		r = sql_query(db, &stmt, err, sql.p, "");
	if (r == 0)
		r = sql_step(db, stmt, err);
	if (r < 0)
		return r;
	*ret = sqlite3_column_int(stmt, 0);
	return 0;
}

static int fail_foreign(struct state *db, struct vmctl_error *err)
{
	int r = fail(err, VMCTL_BAD_DATA, 0, "%s is not a database of vmctl",
		     db->path);

	fail_hint(err, "move it away: mv '%s' '%s.other'", db->path, db->path);
	return r;
}

/* All of one moment: another process may be making the database just now. */
static int read_marks(struct state *db, int *version, int *id, bool *tables,
		      struct vmctl_error *err)
{
	auto_rollback struct state *txn = NULL;
	int r = 0;

	if (sqlite3_get_autocommit(db->db)) {
		r = sql_exec(db, "BEGIN", err);
		txn = db;
	}
	if (r == 0)
		r = pragma(db, "user_version", version, err);
	if (r == 0)
		r = pragma(db, "application_id", id, err);
	if (r == 0 && *version == 0 && *id == 0)
		r = sql_exists(db, tables, NULL, err,
			       "SELECT 1 FROM sqlite_schema", "");
	return r;
}

int migrate_version(struct state *db, int newest, int *ret,
		    struct vmctl_error *err)
{
	bool tables = false;
	int version, id, r;

	r = read_marks(db, &version, &id, &tables, err);
	if (r < 0)
		return r;
	if (version || id ? id != STATE_APPLICATION_ID || version <= 0 : tables)
		return fail_foreign(db, err);
	if (version > newest) {
		r = fail(err, VMCTL_BAD_DATA, 0,
			 "%s has format %d; this vmctl knows formats up to %d",
			 db->path, version, newest);
		fail_hint(err, "use the newer vmctl that wrote it, or set "
			       "VMCTL_HOME to another folder");
		return r;
	}
	*ret = version;
	return 0;
}

/* The change to WAL needs the file alone for a moment, and SQLite does not ask
 * the busy handler about it. */
static int journal_wal(struct state *db, struct vmctl_error *err)
{
	struct wait w = wait_begin(db->busy_ms, 100);

	for (;;) {
		int rc = sqlite3_exec(db->db, "PRAGMA journal_mode = WAL", NULL,
				      NULL, NULL);

		if (rc == SQLITE_OK)
			return 0;
		if ((rc & 0xff) != SQLITE_BUSY || !wait_more(&w))
			return sql_fail(db, rc, err);
	}
}

int migrate_check_references(struct state *db, struct vmctl_error *err)
{
	bool dangling;
	int r = sql_exists(db, &dangling, NULL, err, "PRAGMA foreign_key_check",
			   "");

	if (r == 0 && dangling)
		r = fail(err, VMCTL_BAD_DATA, 0,
			 "%s has records that refer to missing ones", db->path);
	return r;
}

int migrate(struct state *db, const struct migrations *m,
	    struct vmctl_error *err)
{
	auto_rollback struct state *txn = db;
	auto_str sql = STR_INIT;
	int version = 0, r;

	if (db->read_only)
		return sql_fail(db, db->read_only, err);
	r = journal_wal(db, err);
	if (r == 0)
		r = sql_exec(db, "PRAGMA foreign_keys = OFF; BEGIN EXCLUSIVE",
			     err);
	if (r == 0) /* again: another process may have been first */
		r = migrate_version(db, m->newest, &version, err);
	if (r < 0)
		return r;
	if (version == 0) {
		r = sql_exec(db, m->schema, err);
		version = m->newest;
	}
	for (; r == 0 && version < m->newest; version++)
		r = sql_exec(db, m->steps[version - 1], err);
	if (r == 0)
		r = migrate_check_references(db, err);
	str_addf(&sql, "PRAGMA user_version = %d", version);
	if (r == 0)
		r = str_check(&sql, err);
	if (r == 0)
		r = sql_exec(db, sql.p, err);
	return r < 0 ? r : txn_commit(db, err);
}
