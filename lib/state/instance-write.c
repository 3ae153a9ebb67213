/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/state.h"

#include "base/clock.h"
#include "base/str.h"
#include "state/db.h"
#include "state/intent.h"
#include "state/key.h"
#include "state/nic.h"
#include "state/port.h"

/* --- adding ------------------------------------------------------------- */

static const char *or_empty(const char *text)
{
	return text ? text : "";
}

/* Asked within the transaction, so that the answer still holds at the insert;
 * the unique indexes are there against mistakes in this. */
static int refuse_clash(struct state *db, const struct vmctl_instance *row,
			const struct state_nic *nics, size_t nic_count,
			enum state_clash *clash, struct vmctl_error *err)
{
	bool taken, drawn;
	int r = sql_exists(db, &taken, NULL, err,
			   "SELECT 1 FROM instance WHERE name = ?"
			   " AND state <> 'terminated'",
			   "t", row->name);

	if (r == 0)
		r = sql_exists(db, &drawn, NULL, err,
			       "SELECT 1 FROM instance WHERE id = ?"
			       " OR uuid = ?",
			       "tt", row->id, row->uuid);
	for (size_t i = 0; r == 0 && !drawn && i < nic_count; i++)
		r = sql_exists(db, &drawn, NULL, err,
			       "SELECT 1 FROM nic WHERE live AND mac = ?", "t",
			       nics[i].mac);
	for (size_t i = 0; r == 0 && !drawn && i < nic_count; i++)
		if (nics[i].reserved)
			r = state_address_taken(db, or_empty(row->connection),
						nics[i].source, nics[i].address,
						&drawn, err);
	if (r < 0)
		return r;
	if (taken) {
		*clash = STATE_CLASH_NAME;
		r = fail(err, VMCTL_EXISTS, 0,
			 "an instance named %s exists already", row->name);
		fail_hint(err, "vmctl show %s", row->name);
	} else if (drawn) {
		*clash = STATE_CLASH_DRAWN;
		r = fail(err, VMCTL_EXISTS, 0,
			 "id, MAC, UUID or address of %s belong to "
			 "another instance",
			 row->name);
	}
	return r;
}

/* Ports that were asked for, and those that were drawn, ssh's among them. */
static int refuse_port_clash(struct state *db, const struct vmctl_instance *row,
			     const struct state_port *ports, size_t n,
			     enum state_clash *clash, struct vmctl_error *err)
{
	struct state_port ssh = { .address = "127.0.0.1",
				  .host_port = (int)row->ssh_port,
				  .drawn = true };
	bool drawn = false;
	int r = ports_refuse_clash(db, ports, n, &drawn, err);

	if (r == 0 && row->ssh_port)
		r = ports_refuse_clash(db, &ssh, 1, &drawn, err);
	if (r == -VMCTL_EXISTS && drawn)
		*clash = STATE_CLASH_DRAWN;
	return r;
}

static int require_image(struct state *db, const struct vmctl_instance *row,
			 struct vmctl_error *err)
{
	bool known;
	int r = sql_exists(db, &known, NULL, err,
			   "SELECT 1 FROM image WHERE digest = ?", "t",
			   row->image_digest);

	if (r == 0 && !known) {
		r = fail(err, VMCTL_NOT_FOUND, 0, "image %s has been deleted",
			 row->image);
		fail_hint(err, "vmctl image list");
	}
	return r;
}

static int insert(struct state *db, const struct vmctl_instance *row,
		  struct vmctl_error *err)
{
	return sql_run(
		db, NULL, err,
		"INSERT INTO instance (id, name, reason, type, image,"
		" image_digest, user, accel, connection, uuid,"
		" host_key, host_key_sha256, state, vcpus, memory, disk,"
		" ssh_port, created_at, launched_at, terminated_at)"
		" VALUES (?, ?, '', ?, ?, ?, ?, ?, ?, ?, ?, ?,"
		" 'pending', ?, ?, ?, nullif(?, 0), ?, 0, 0)",
		"ttttttttttt"
		"iiiii",
		row->id, row->name, or_empty(row->type), or_empty(row->image),
		row->image_digest, or_empty(row->user), or_empty(row->accel),
		or_empty(row->connection), row->uuid, or_empty(row->host_key),
		or_empty(row->host_key_sha256), row->vcpus, row->memory,
		row->disk, row->ssh_port, row->created_at);
}

static int insert_keys(struct state *db, const char *id,
		       const struct state_instance_key *keys, size_t n,
		       struct vmctl_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		const char *file = keys[i].private_path;

		r = sql_run(db, NULL, err,
			    "INSERT INTO instance_key (instance, position,"
			    " name, public_key, private_path)"
			    " VALUES (?, ?, ?, ?, nullif(?, ''))",
			    "tittt", id, (int64_t)i, keys[i].name,
			    keys[i].public_key, file);
	}
	return r;
}

/* Each "key=value". */
static int put_label(struct state *db, const char *id, const char *label,
		     struct vmctl_error *err)
{
	auto_free char *key = strndup(label, strcspn(label, "="));

	if (!key)
		return fail_oom(err);
	return sql_run(db, NULL, err,
		       "INSERT INTO label (instance, key, value)"
		       " VALUES (?1, ?2, ?3) ON CONFLICT (instance, key)"
		       " DO UPDATE SET value = ?3",
		       "ttt", id, key, label + strlen(key) + 1);
}

static int put_labels(struct state *db, const char *id,
		      const char *const *labels, struct vmctl_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && labels && labels[i]; i++)
		r = put_label(db, id, labels[i], err);
	return r;
}

int state_instance_add(struct state *db, const struct vmctl_instance *row,
		       const struct state_instance_key *keys, size_t key_count,
		       const struct state_nic *nics, size_t nic_count,
		       const struct state_port *ports, size_t port_count,
		       const char *command, enum state_clash *ret_clash,
		       struct vmctl_error *err)
{
	auto_rollback struct state *txn = db;
	enum state_clash clash = STATE_CLASH_NONE;
	int r;

	if (str_is_id(row->name, 'i', true))
		return fail(err, VMCTL_INVALID, 0,
			    "%s has the form of an instance id and cannot be "
			    "a name",
			    row->name);
	r = txn_begin(db, err);
	if (r == 0)
		r = refuse_clash(db, row, nics, nic_count, &clash, err);
	if (r == 0)
		r = refuse_port_clash(db, row, ports, port_count, &clash, err);
	if (r == 0)
		r = require_image(db, row, err);
	if (r == 0)
		r = keys_require(db, keys, key_count, &clash, err);
	if (r == 0)
		r = insert(db, row, err);
	if (r == 0)
		r = insert_keys(db, row->id, keys, key_count, err);
	if (r == 0)
		r = nics_put(db, row->id, nics, nic_count, err);
	if (r == 0)
		r = put_labels(db, row->id, (const char *const *)row->labels,
			       err);
	if (r == 0)
		r = ports_put(db, row->id, ports, port_count, err);
	if (r == 0)
		r = intent_put(db, row->id, "create", command, err);
	if (r == 0)
		r = txn_commit(db, err);
	if (ret_clash)
		*ret_clash = clash;
	return r;
}

/* --- changing ----------------------------------------------------------- */

/* 1: the row says so already, 0: it does not. */
static int unchanged(struct state *db, const char *id, const char *state,
		     const char *reason, struct vmctl_error *err)
{
	bool same;
	int r = sql_exists(db, &same, NULL, err,
			   "SELECT 1 FROM instance WHERE id = ? AND state = ?"
			   " AND reason = ?",
			   "ttt", id, state, reason);

	return r < 0 ? r : same;
}

static int refuse_terminated(struct state *db, const char *id,
			     struct vmctl_error *err)
{
	auto_free char *state = NULL;
	bool known;
	int r = sql_exists(db, &known, &state, err,
			   "SELECT state FROM instance WHERE id = ?", "t", id);

	if (r == 0 && !known)
		return fail(err, VMCTL_NOT_FOUND, 0,
			    "no instance has the id %s", id);
	if (r == 0 && str_eq(state, "terminated"))
		return fail(err, VMCTL_STATE, 0, "instance %s is terminated",
			    id);
	return r;
}

int state_instance_set(struct state *db, const char *id, enum vmctl_state state,
		       const char *reason, struct vmctl_error *err)
{
	auto_rollback struct state *txn = db;
	const char *name = vmctl_state_name(state);
	int r;

	reason = reason ? reason : "";
	if (state == VMCTL_STATE_UNKNOWN) /* an answer, never a record */
		return fail(err, VMCTL_INTERNAL, 0,
			    "state unknown cannot be recorded");
	/* A list sees most states unchanged: no write lock for those. */
	r = unchanged(db, id, name, reason, err);
	if (r != 0)
		return r < 0 ? r : 0;
	r = txn_begin(db, err);
	if (r == 0)
		r = refuse_terminated(db, id, err);
	if (r == 0)
		r = sql_run(db, NULL, err,
			    "UPDATE instance SET launched_at ="
			    " iif(?2 = 'running' AND state NOT IN ('running',"
			    " 'stopping', 'paused'), ?4,"
			    " launched_at), terminated_at ="
			    " iif(?2 = 'terminated', ?4, terminated_at),"
			    " state = ?2, reason = ?3 WHERE id = ?1",
			    "ttti", id, name, reason, clock_now());
	if (r == 0 && state == VMCTL_STATE_TERMINATED)
		r = nics_release(db, id, err);
	if (r == 0 && state == VMCTL_STATE_TERMINATED)
		r = ports_release(db, id, err);
	return r < 0 ? r : txn_commit(db, err);
}

int state_instance_label(struct state *db, const char *id,
			 const char *const *set, const char *const *remove,
			 struct vmctl_error *err)
{
	auto_rollback struct state *txn = db;
	int r = txn_begin(db, err);

	if (r == 0)
		r = refuse_terminated(db, id, err);
	for (size_t i = 0; r == 0 && remove && remove[i]; i++)
		r = sql_run(db, NULL, err,
			    "DELETE FROM label WHERE instance = ? AND key = ?",
			    "tt", id, remove[i]);
	if (r == 0)
		r = put_labels(db, id, set, err);
	return r < 0 ? r : txn_commit(db, err);
}

int state_instance_note(struct state *db, const char *id, const char *note,
			struct vmctl_error *err)
{
	auto_rollback struct state *txn = db;
	int r = txn_begin(db, err);

	if (r == 0)
		r = refuse_terminated(db, id, err);
	if (r == 0)
		r = sql_run(db, NULL, err,
			    "UPDATE instance SET note = ? WHERE id = ?", "tt",
			    note, id);
	return r < 0 ? r : txn_commit(db, err);
}

int state_instance_set_port(struct state *db, const char *id, int64_t port,
			    struct vmctl_error *err)
{
	auto_rollback struct state *txn = db;
	const struct state_port ssh = { .address = "127.0.0.1",
					.host_port = (int)port };
	bool own = false;
	int r = txn_begin(db, err);

	if (r == 0)
		r = refuse_terminated(db, id, err);
	if (r == 0)
		r = sql_exists(db, &own, NULL, err,
			       "SELECT 1 FROM instance WHERE id = ?"
			       " AND ssh_port = ?",
			       "ti", id, port);
	if (r == 0 && !own && port)
		r = state_port_refuse_owned(db, &ssh, err);
	if (r == 0)
		r = sql_run(db, NULL, err,
			    "UPDATE instance SET ssh_port = nullif(?, 0)"
			    " WHERE id = ?",
			    "it", port, id);
	return r < 0 ? r : txn_commit(db, err);
}

int state_instance_pin(struct state *db, const char *id, const char *host_key,
		       const char *sha256, bool *ret_pinned,
		       struct vmctl_error *err)
{
	auto_rollback struct state *txn = db;
	int changes = 0, r = txn_begin(db, err);

	if (r == 0)
		r = refuse_terminated(db, id, err);
	if (r == 0)
		r = sql_run(db, &changes, err,
			    "UPDATE instance SET host_key = ?,"
			    " host_key_sha256 = ? WHERE id = ?"
			    " AND host_key = ''",
			    "ttt", host_key, sha256, id);
	if (r == 0)
		r = txn_commit(db, err);
	if (r == 0)
		*ret_pinned = changes > 0;
	return r;
}

int state_instance_unpin(struct state *db, const char *id,
			 struct vmctl_error *err)
{
	auto_rollback struct state *txn = db;
	int r = txn_begin(db, err);

	if (r == 0)
		r = refuse_terminated(db, id, err);
	if (r == 0)
		r = sql_run(db, NULL, err,
			    "UPDATE instance SET host_key = '',"
			    " host_key_sha256 = '' WHERE id = ?",
			    "t", id);
	return r < 0 ? r : txn_commit(db, err);
}

int state_instance_forget(struct state *db, int64_t before,
			  struct vmctl_error *err)
{
	bool any;
	int r = sql_exists(db, &any, NULL, err,
			   "SELECT 1 FROM instance WHERE state = 'terminated'"
			   " AND terminated_at < ?",
			   "i", before);

	/* No write lock for nothing. */
	if (r < 0 || !any)
		return r;
	r = sql_run(db, NULL, err,
		    "DELETE FROM instance WHERE state = 'terminated'"
		    " AND terminated_at < ?",
		    "i", before);
	return r < 0 ? r : state_forget_entered(db, err);
}
